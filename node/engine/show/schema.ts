/** SHOW DATABASES, TABLES, TABLE STATUS, COLUMNS, INDEX; DESCRIBE. */
import { SqlError, type QualifiedName, type Show, type ShowFilter, type TableDef } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import { tableColumns, viewColumns, virtualColumns, type ColumnFacts } from '../virtual/columns.ts';
import { indexFacts } from '../virtual/key-rows.ts';
import { databasesSeen, relationsSeen, isTable } from '../virtual/relations.ts';
import { relationFacts } from '../virtual/schema-rows.ts';
import { findVirtual, virtualNames } from '../virtual/definitions.ts';
import type { VirtualRow } from '../virtual/rows.ts';
import { collationOf } from '../virtual/type-text.ts';
import { databaseNamed, relationNamed } from './names.ts';
import { answer, columnsOf, type ShowColumn } from './result.ts';

type Answered = Promise<void> | undefined;

/** The heading names the pattern too. */
const heading = (name: string, filter: ShowFilter): string =>
  filter?.kind === 'like' ? `${name} (${filter.pattern})` : name;

const NAME_COLUMN = columnsOf('Name varchar(64)^!');
const KIND_COLUMN = columnsOf("Table_type enum('BASE TABLE','VIEW','SYSTEM VIEW')^!");

const named = (name: string): ShowColumn[] => NAME_COLUMN.map((c) => ({ ...c, name }));

export function showDatabases(x: StatementContext, { filter }: Show): Answered {
  const { session } = x;
  const rows = databasesSeen(session.core, session).map((d): VirtualRow => [d.name]);
  return answer(x, { columns: named(heading('Database', filter)), rows }, filter);
}

/** Names and kinds of what is in a database, in order. */
function listed(x: StatementContext, database: string): [name: string, kind: string][] {
  const { session } = x;
  const virtual = virtualNames(database);
  if (!virtual)
    return relationsSeen(session.core, session, database).map((r) => [r.name, isTable(r) ? 'BASE TABLE' : 'VIEW']);
  return virtual.map((name): [string, string] => [
    name,
    database === 'information_schema'
      ? 'SYSTEM VIEW'
      : findVirtual(database, name)?.database === 'sys' && name === 'version'
        ? 'VIEW'
        : 'BASE TABLE',
  ]);
}

export function showTables(x: StatementContext, { filter, from, full }: Show): Answered {
  const database = databaseNamed(x, from);
  const shown: ShowFilter =
    filter?.kind === 'like' && database === 'information_schema'
      ? { kind: 'like', pattern: filter.pattern.toUpperCase() }
      : filter;
  const columns = [...named(heading(`Tables_in_${database}`, shown)), ...(full ? KIND_COLUMN : [])];
  const rows = listed(x, database).map(([name, kind]): VirtualRow => (full ? [name, kind] : [name]));
  return answer(x, { columns, rows }, shown);
}

const STATUS_COLUMNS = columnsOf(
  "Name varchar(64)^!; Engine varchar(64); Version int; Row_format enum('Fixed','Dynamic','Compressed','Redundant','Compact','Paged')^; Rows bigint unsigned; Avg_row_length bigint unsigned; Data_length bigint unsigned; Max_data_length bigint unsigned; Index_length bigint unsigned; Data_free bigint unsigned; Auto_increment bigint unsigned; Create_time timestamp!; Update_time datetime; Check_time datetime; Collation varchar(64); Checksum bigint; Create_options varchar(256); Comment text",
);

export function showTableStatus(x: StatementContext, { filter, from }: Show): Answered {
  const { session } = x;
  const database = databaseNamed(x, from);
  const rows = relationFacts(session.core, session, database).map((f): VirtualRow => [
    ...[
      f.name,
      f.engine,
      f.version,
      f.rowFormat,
      f.rows,
      f.averageLength,
      f.dataLength,
      f.maxDataLength,
      f.indexLength,
    ],
    ...[f.dataFree, f.autoIncrement, f.created, null, null, f.collation, null, f.options, f.comment],
  ]);
  return answer(x, { columns: STATUS_COLUMNS, rows }, filter);
}

// Columns

const COLUMNS = columnsOf(
  "Field varchar(64); Type mediumtext^!; Null varchar(3)!; Key enum('','PRI','UNI','MUL')^!; Default text^; Extra varchar(256)",
);
const FULL_COLUMNS = columnsOf(
  "Field varchar(64); Type mediumtext^!; Collation varchar(64); Null varchar(3)!; Key enum('','PRI','UNI','MUL')^!; Default text^; Extra varchar(256); Privileges varchar(154); Comment text!",
);

/** The columns that the account may see. */
function seen(x: StatementContext, table: TableDef, columns: readonly ColumnFacts[]): readonly ColumnFacts[] {
  const { session } = x;
  return columns.filter((c) => session.core.accounts.canSeeColumn(session, table.database, table.name, c.name));
}

function columnsNamed(x: StatementContext, name: QualifiedName, from: string | undefined): readonly ColumnFacts[] {
  const { session } = x;
  const found = relationNamed(x, name, from);
  switch (found.kind) {
    case 'table':
      // MySQL's own quirk: nothing extra of a temporary table's column is the word NULL.
      return found.table.temporary
        ? tableColumns(found.table).map((c) => (c.extra === '' ? { ...c, extra: 'NULL' } : c))
        : seen(x, found.table, tableColumns(found.table));
    case 'virtual':
      return virtualColumns(found.virtual);
    case 'view': {
      const { view } = found;
      const columns = viewColumns(session.core, session, view);
      if (columns) return columns;
      throw new SqlError(
        1356,
        'HY000',
        `View '${view.database}.${view.name}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them`,
      );
    }
  }
}

export function showColumns(
  x: StatementContext,
  name: QualifiedName,
  from: string | undefined,
  full: boolean,
  filter: ShowFilter,
): Answered {
  const rows = columnsNamed(x, name, from).map((c): VirtualRow => {
    const nullable = c.nullable ? 'YES' : 'NO';
    if (!full) return [c.name, c.typeText, nullable, c.key, c.default, c.extra];
    return [
      c.name,
      c.typeText,
      collationOf(c.type) ?? null,
      nullable,
      c.key,
      c.default,
      c.extra,
      c.privileges,
      c.comment,
    ];
  });
  return answer(x, { columns: full ? FULL_COLUMNS : COLUMNS, rows }, filter);
}

// Indexes

const INDEX_COLUMNS = columnsOf(
  'Table varchar(64)^!; Non_unique int!; Key_name varchar(64); Seq_in_index int unsigned!; Column_name varchar(64); Collation varchar(1); Cardinality bigint; Sub_part bigint; Packed binary(0); Null varchar(3)!; Index_type varchar(11)^!; Comment varchar(8)!; Index_comment varchar(2048)^!; Visible varchar(3)!; Expression longtext^',
);

export function showIndex(x: StatementContext, statement: Show): Answered {
  const { name } = statement;
  if (!name) throw new Error('SHOW INDEX names its table');
  const found = relationNamed(x, name, statement.from);
  const rows = found.kind === 'table' ? indexFacts(x.session.core, found.table) : [];
  return answer(
    x,
    {
      columns: INDEX_COLUMNS,
      rows: rows.map((p): VirtualRow => [
        found.kind === 'table' ? found.table.name : '',
        p.index.kind === 'primary' || p.index.kind === 'unique' ? 0 : 1,
        ...[
          p.index.name,
          p.place,
          p.column,
          p.direction,
          p.cardinality,
          p.length,
          null,
          p.nullable ? 'YES' : '',
          p.type,
          '',
        ],
        ...[p.index.comment, p.index.invisible ? 'NO' : 'YES', p.expression],
      ]),
    },
    statement.filter,
    2,
  );
}
