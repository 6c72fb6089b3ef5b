/** CREATE TABLE in its forms. */
import {
  columnCollation,
  collationNamed,
  compileStatement,
  DEFAULT_COLLATION,
  SqlError,
  parseStatement,
  primaryKey,
  unsupported,
  type CatalogChange,
  type ColumnDef,
  type ColumnDefinition,
  type SqlType,
  type TableDef,
  type TableOption,
} from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';
import { checkAllowed, checkNames } from './allowed-expressions.ts';
import { TableDraft } from './draft.ts';
import { draftContext } from './draft-context.ts';
import { checkForeignKeys } from './foreign-key-checks.ts';
import { databaseOf, putTable, type SchemaStatement } from './apply.ts';
import { createFilled } from './create-select.ts';
import { ROW_ID } from './invisible-key.ts';
import { checkOption, withOption } from './kept-options.ts';

type Of<K extends string> = Extract<SchemaStatement, { kind: K }>;

/** Compiles what a definition's expressions say, so that a wrong one is refused now and not at the first row. */
export function checkExpressions(x: StatementContext, table: TableDef): void {
  const { core } = x.session;
  core.tables.make(table);
  checkAllowed(table);
}

const ENGINE_NAMES: Readonly<Record<string, string>> = {
  innodb: 'InnoDB',
  myisam: 'MyISAM',
  memory: 'MEMORY',
  heap: 'MEMORY',
  csv: 'CSV',
  archive: 'ARCHIVE',
  blackhole: 'BLACKHOLE',
};
const ENGINES = [
  'innodb',
  'myisam',
  'memory',
  'heap',
  'csv',
  'archive',
  'blackhole',
  'merge',
  'mrg_myisam',
  'aria',
  'tempTable',
];

/** Table options into the draft; `before` the columns, because they take the table's collation. */
export function applyOptions(
  x: StatementContext,
  draft: TableDraft,
  options: readonly TableOption[],
  altered = false,
): void {
  let charset: string | undefined;
  let collation: string | undefined;
  for (const { name, value } of options) {
    const text = String(value);
    switch (name) {
      case 'engine': {
        // Kept as its name only: the rows of all tables lie in the same store.
        const engine = ENGINE_NAMES[text.toLowerCase()];
        if (engine !== undefined) draft.options.engine = engine;
        if (!ENGINES.includes(text.toLowerCase())) {
          if (String(x.session.state.variables.get('sql_mode')).includes('NO_ENGINE_SUBSTITUTION'))
            throw new SqlError(1286, '42000', `Unknown storage engine '${text}'`);
          x.session.core.env.warn('Warning', 1286, `Unknown storage engine '${text}'`);
        }
        break;
      }
      case 'charset':
        charset = text === 'default' ? undefined : text;
        break;
      case 'collate':
        collation = text;
        break;
      case 'comment':
        if (text.length > 2048)
          throw new SqlError(1628, 'HY000', `Comment for table '${draft.build().name}' is too long (max = 2048)`);
        draft.options.comment = text;
        break;
      case 'auto_increment':
        draft.autoIncrement = Number(value);
        break;
      case 'row_format':
        if (text.toLowerCase() === 'default') delete draft.options.rowFormat;
        else draft.options.rowFormat = text.toUpperCase();
        break;
      default:
        break;
    }
  }
  // What an option may be depends on the engine, wherever that stands.
  let kept = draft.options.other;
  const table = { name: draft.build().name, engine: draft.options.engine, altered };
  for (const option of options) checkOption(table, option, options);
  for (const option of options) kept = withOption(table, kept, option, x);
  if (kept) draft.options.other = kept;
  else delete draft.options.other;
  if (charset !== undefined || collation !== undefined)
    draft.options.collation = columnCollation(charset, collation, false, draft.options.collation);
}

function emptyTable(x: StatementContext, database: string, name: string, temporary: boolean): TableDef {
  const { core } = x.session;
  const collation = core.main.catalog.databases.get(database)?.collation ?? DEFAULT_COLLATION;
  return {
    id: temporary ? core.schema.nextTemporaryId() : core.catalog.nextTableId,
    version: 1,
    generation: 1,
    database,
    name,
    columns: [],
    indexes: [],
    foreignKeys: [],
    checks: [],
    options: { engine: 'InnoDB', collation, comment: '' },
    nextColumnId: 1,
    nextIndexId: 1,
    ...(temporary && { temporary: true }),
    createdAt: Date.now(),
  };
}

/** True when it is there and IF NOT EXISTS says to let it be. */
function exists(
  x: StatementContext,
  database: string,
  name: string,
  temporary: boolean,
  ifNotExists: boolean,
): boolean {
  const { core, state } = x.session;
  const there = temporary
    ? state.temporaryTables.has(`${database}.${name}`)
    : (core.catalog.table(database, name) ?? core.catalog.view(database, name)) !== undefined;
  if (!there) return false;
  if (!ifNotExists) throw new SqlError(1050, '42S01', `Table '${name}' already exists`);
  core.env.warn('Note', 1050, `Table '${name}' already exists`);
  x.session.keepWarnings();
  return true;
}

export function createTable(x: StatementContext, statement: Of<'createTable'>): Promise<void> | undefined {
  const { name } = statement.name;
  const database = databaseOf(x, statement.name);
  checkName(name);
  if (exists(x, database, name, statement.temporary, statement.ifNotExists)) return ok(x);
  const draft = new TableDraft(emptyTable(x, database, name, statement.temporary), draftContext(x));
  applyOptions(x, draft, statement.options);
  const rowId = wantsRowId(x, statement, draft);
  if (rowId) draft.addColumn(rowId);
  for (const column of statement.columns) draft.addColumn(column);
  let select;
  if (statement.select) select = selectColumns(x, draft, statement, rowId !== undefined);
  for (const key of [...statement.keys].sort(
    (a, b) => Number(a.kind === 'foreignKey') - Number(b.kind === 'foreignKey'),
  ))
    draft.addKey(key);
  draft.validate();
  const built = draft.build();
  checkRequiredKey(x, built);
  const table: TableDef = statement.partitioning ? { ...built, partitions: statement.partitioning.text } : built;
  checkForeignKeys(x, table);
  checkNames(table);
  checkExpressions(x, table);
  const changes: CatalogChange[] = [{ kind: 'put-table', table }];
  if (draft.autoIncrement !== undefined)
    changes.push({ kind: 'auto-increment', id: table.id, next: draft.autoIncrement });
  if (select) return createFilled(x, table, changes, { ...select, duplicates: statement.duplicates });
  return putTable(x, table, changes);
}

/** sql_generate_invisible_primary_key: the column that a table without a key that tells its rows apart is given. */
function wantsRowId(
  x: StatementContext,
  statement: Of<'createTable'>,
  draft: TableDraft,
): ColumnDefinition | undefined {
  if (x.session.state.variables.number('sql_generate_invisible_primary_key') === 0) return undefined;
  if (draft.options.engine !== 'InnoDB' || hasRowKey(statement)) return undefined;
  const failed = (errno: number, why: string): SqlError =>
    new SqlError(errno, 'HY000', `Failed to generate invisible primary key. ${why}`);
  if (statement.columns.some(({ name }) => name.toLowerCase() === ROW_ID))
    throw failed(4108, `Column '${ROW_ID}' already exists.`);
  if (statement.columns.some((column) => has(column, 'autoIncrement')))
    throw failed(4109, 'Auto-increment column already exists.');
  if (statement.partitioning) throw unsupported('generating invisible primary key for the partitioned tables');
  const { statement: made } = parseStatement(
    `CREATE TABLE t (${ROW_ID} bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY)`,
  );
  return (made as Of<'createTable'>).columns[0];
}

const has = (column: ColumnDefinition | undefined, kind: string): boolean =>
  column?.attributes.some((a) => a.kind === kind) === true;

/** A primary key, or a unique one over columns that are never NULL. */
function hasRowKey({ columns, keys }: Of<'createTable'>): boolean {
  const named = (name: string): ColumnDefinition | undefined =>
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  const never = (column: ColumnDefinition | undefined): boolean => has(column, 'notNull');
  return (
    columns.some((c) => has(c, 'primaryKey') || has(c, 'key') || (has(c, 'unique') && never(c))) ||
    keys.some(
      (key) =>
        key.kind === 'index' &&
        (key.type === 'primary' ||
          (key.type === 'unique' && key.parts.every((part) => 'column' in part && never(named(part.column))))),
    )
  );
}

/** sql_require_primary_key */
function checkRequiredKey(x: StatementContext, table: TableDef): void {
  if (x.session.state.variables.number('sql_require_primary_key') === 0 || primaryKey(table)) return;
  const isNever = (id: number): boolean => table.columns.some((c) => c.id === id && !c.nullable);
  if (table.indexes.some(({ kind, parts }) => kind === 'unique' && parts.every((p) => isNever(p.column)))) return;
  throw new SqlError(
    3750,
    'HY000',
    "Unable to create or change a table without a primary key, when the system variable 'sql_require_primary_key' is set. Add a primary key to the table or unset this variable to avoid this message. Note that tables without a primary key can cause performance problems in row-based replication, so please consult your DBA before changing this setting.",
  );
}

function checkName(name: string): void {
  if (name === '' || name.endsWith(' ')) throw new SqlError(1103, '42000', `Incorrect table name '${name}'`);
  if (name.length > 64) throw new SqlError(1059, '42000', `Identifier name '${name}' is too long`);
}

export function createTableLike(x: StatementContext, statement: Of<'createTableLike'>): Promise<void> | undefined {
  const { core, state } = x.session;
  const { name } = statement.name;
  const database = databaseOf(x, statement.name);
  checkName(name);
  const likeDatabase = statement.like.schema ?? x.session.database;
  const source =
    state.temporaryTables.get(`${likeDatabase}.${statement.like.name}`) ??
    core.catalog.table(likeDatabase, statement.like.name);
  if (!source) {
    if (core.catalog.view(likeDatabase, statement.like.name))
      throw new SqlError(1347, 'HY000', `'${likeDatabase}.${statement.like.name}' is not BASE TABLE`);
    throw new SqlError(1146, '42S02', `Table '${likeDatabase}.${statement.like.name}' doesn't exist`);
  }
  if (exists(x, database, name, statement.temporary, statement.ifNotExists)) return ok(x);
  const empty = emptyTable(x, database, name, statement.temporary);
  const table: TableDef = {
    ...source,
    id: empty.id,
    version: 1,
    generation: 1,
    database,
    name,
    foreignKeys: [],
    checks: source.checks.map((c, i) => ({
      ...c,
      name: c.name.startsWith(`${source.name}_chk_`) ? `${name}_chk_${i + 1}` : c.name,
    })),
    createdAt: empty.createdAt,
    temporary: statement.temporary,
  };
  checkRequiredKey(x, table);
  return putTable(x, table, [{ kind: 'put-table', table }]);
}

/** Columns of CREATE TABLE … SELECT: those named with a definition keep it, the others follow. */
function selectColumns(
  x: StatementContext,
  draft: TableDraft,
  statement: Of<'createTable'>,
  hasRowId: boolean,
): { columns: readonly { name: string; type: SqlType }[]; query: NonNullable<Of<'createTable'>['select']> } {
  const { core } = x.session;
  const query = statement.select as NonNullable<Of<'createTable'>['select']>;
  const compiled = compileStatement(core.catalog, core.compileSettings(x.session, x.text, new Map(), false), query);
  if (compiled?.plan.kind !== 'select') throw new Error('a query has a plan');
  core.accounts.check(x.session, compiled.plan);
  const columns = compiled.plan.columns.map((c) => ({ name: c.name, type: storable(c.type, draft.options.collation) }));
  if (hasRowId && columns.some(({ name }) => name.toLowerCase() === ROW_ID))
    throw new SqlError(4108, 'HY000', `Failed to generate invisible primary key. Column '${ROW_ID}' already exists.`);
  compiled.plan.columns.forEach((c, i) => {
    if (draft.hasColumn(c.name)) {
      // As declared, but at its place in the select list: what that does not name comes first.
      draft.moveLast(c.name);
      return;
    }
    const { type } = columns[i] as { type: SqlType };
    const source =
      c.source?.tableId === undefined
        ? undefined
        : core.catalog.tableById(c.source.tableId)?.columns.find((d) => d.id === c.source?.columnId);
    const column: ColumnDef = {
      id: 0,
      name: c.name,
      type,
      nullable: c.nullable,
      comment: source?.comment ?? '',
      ...(source?.default
        ? { default: source.default }
        : c.nullable
          ? { default: { kind: 'null' as const } }
          : source
            ? {}
            : implicit(type)),
    };
    draft.addMade(column);
  });
  return { columns, query };
}

/** A column made from an expression that is never NULL has its type's zero as default. */
function implicit(type: SqlType): Pick<ColumnDef, 'default'> {
  switch (type.kind) {
    case 'int':
    case 'double':
    case 'float':
    case 'year':
      return { default: { kind: 'value', text: '0' } };
    case 'decimal':
      return { default: { kind: 'value', text: (0).toFixed(type.scale) } };
    case 'string':
    case 'binary':
      return /text|blob/.test(type.family) ? {} : { default: { kind: 'value', text: '' } };
    default:
      return {};
  }
}

/** The type that a column takes from an expression. */
function storable(type: SqlType, collation: string): SqlType {
  if (type.kind === 'null') return { kind: 'binary', family: 'varbinary', length: 0 };
  // The digits of a result are no display width, but say how large it can be.
  if (type.kind === 'int' && type.bits >= 32 && type.width !== undefined)
    return { kind: 'int', bits: type.bits === 64 && type.width < 10 ? 32 : type.bits, unsigned: type.unsigned };
  if (type.kind === 'string' && type.length > 16383)
    return {
      kind: 'string',
      family: type.length > 16777215 ? 'longtext' : type.length > 65535 ? 'mediumtext' : 'text',
      length: type.length > 16777215 ? 4294967295 : type.length > 65535 ? 16777215 : 65535,
      collation: type.collation,
    };
  if (type.kind === 'string' && !collationNamed(type.collation)) return { ...type, collation };
  return type;
}
