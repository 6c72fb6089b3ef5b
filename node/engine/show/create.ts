/** SHOW CREATE TABLE, VIEW and DATABASE, and of what there is none here. */
import { SqlError, type Show, type TableDef, type ViewDef } from '../../sql/index.ts';
import { createDatabaseText, createTableText, createViewText } from '../ddl/show-create.ts';
import type { StatementContext } from '../statement-context.ts';
import { charsetNameOf } from '../virtual/columns.ts';
import type { VirtualDefinition } from '../virtual/definitions.ts';
import { databasesSeen } from '../virtual/relations.ts';
import { databaseNamed, relationNamed } from './names.ts';
import { answer, columnsOf } from './result.ts';

type Answered = Promise<void> | undefined;

const DATABASE_COLUMNS = columnsOf('Database varchar(64)!; `Create Database` varchar(1024)!');
const TABLE_COLUMNS = columnsOf('Table varchar(64)!; `Create Table` varchar(1024)!');
const VIEW_COLUMNS = columnsOf(
  'View varchar(64)!; `Create View` varchar(1024)!; character_set_client varchar(32)!; collation_connection varchar(64)!',
);

export function showCreateDatabase(x: StatementContext, statement: Show): Answered {
  const { session } = x;
  const name = databaseNamed(x, statement.name?.name);
  const collation =
    databasesSeen(session.core, session).find((d) => d.name === name)?.collation ?? 'utf8mb4_0900_ai_ci';
  const definition = session.core.main.catalog.databases.get(name) ?? { name, collation, comment: '', readOnly: false };
  return answer(x, {
    columns: DATABASE_COLUMNS,
    rows: [[name, createDatabaseText(definition, statement.ifNotExists)]],
  });
}

export function showCreateTable(x: StatementContext, statement: Show): Answered {
  const { name, subject } = statement;
  if (!name) throw new Error('SHOW CREATE TABLE names its table');
  const found = relationNamed(x, name);
  if (found.kind === 'view') return viewAnswer(x, found.view);
  if (subject === 'createView') {
    const [database, relation] =
      found.kind === 'table' ? [found.table.database, found.table.name] : [found.virtual.database, found.virtual.name];
    throw new SqlError(1347, 'HY000', `'${database}.${relation}' is not VIEW`);
  }
  const table = found.kind === 'table' ? found.table : asTable(found.virtual);
  const { state } = x.session.core;
  const next =
    found.kind === 'table' && table.columns.some((c) => c.autoIncrement)
      ? state.counters.autoIncrement(table)
      : undefined;
  return answer(x, { columns: TABLE_COLUMNS, rows: [[table.name, createTableText(table, next)]] });
}

function viewAnswer(x: StatementContext, view: ViewDef): Answered {
  const text = createViewText(view, x.session.database);
  return answer(x, { columns: VIEW_COLUMNS, rows: [[view.name, text, charsetNameOf(view.collation), view.collation]] });
}

/** A relation of the engine as if it were a table of rows. */
function asTable(virtual: VirtualDefinition): TableDef {
  return {
    id: 0,
    version: 1,
    generation: 1,
    database: virtual.database,
    name: virtual.name,
    columns: virtual.columns.map((c, i) => ({
      id: i + 1,
      name: c.name,
      type: c.type,
      nullable: c.nullable,
      comment: '',
      ...(c.default !== undefined && !c.default.startsWith('CURRENT_')
        ? { default: { kind: 'value' as const, text: c.default } }
        : c.nullable
          ? { default: { kind: 'null' as const } }
          : {}),
    })),
    indexes: [],
    foreignKeys: [],
    checks: [],
    options: { engine: 'InnoDB', collation: 'utf8mb3_general_ci', comment: '' },
    nextColumnId: 1,
    nextIndexId: 1,
    createdAt: 0,
  };
}

/** Kinds of things that this server does not keep. */
export function showCreateNone({ subject, name }: Show): never {
  const named = name?.name ?? '';
  switch (subject) {
    case 'createProcedure':
    case 'createFunction':
      throw new SqlError(
        1305,
        '42000',
        `${subject === 'createProcedure' ? 'PROCEDURE' : 'FUNCTION'} ${named} does not exist`,
      );
    case 'createTrigger':
      throw new SqlError(1360, 'HY000', 'Trigger does not exist');
    case 'createEvent':
      throw new SqlError(1539, 'HY000', `Unknown event '${named}'`);
    default:
      throw new SqlError(1305, '42000', `LIBRARY ${named} does not exist`);
  }
}
