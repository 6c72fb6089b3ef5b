/**
 * CREATE TABLE … SELECT: the table without its name, its rows, its name; two changes of the schema, and a transaction in between. Where
 * it does not come to its end, the table is taken back: by the statement, or where its node has ended, by whoever is there
 * (dropAbandoned).
 */
import {
  compileStatement,
  SqlError,
  type CatalogChange,
  type QueryExpression,
  type SqlType,
  type Statement,
  type TableDef,
} from '../../sql/index.ts';
import type { ResultSink } from '../../server/index.ts';
import { commitTransaction } from '../commit-transaction.ts';
import { refuseSchema } from '../moving.ts';
import type { EngineSession } from '../session.ts';
import type { StatementContext } from '../statement-context.ts';
import { keepOpen } from '../unfinished.ts';
import { putTable } from './apply.ts';

interface Filling {
  readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
  readonly query: QueryExpression;
  readonly duplicates: 'ignore' | 'replace' | undefined;
}

export function createFilled(
  x: StatementContext,
  table: TableDef,
  changes: readonly CatalogChange[],
  filling: Filling,
): Promise<void> {
  return keepOpen(x.session.core, [table], () => make(x, table, changes, filling));
}

async function make(
  x: StatementContext,
  table: TableDef,
  changes: readonly CatalogChange[],
  filling: Filling,
): Promise<void> {
  const { session, sink } = x;
  const filledBy = session.core.group.self;
  const begun = changes.map((change) =>
    change.kind === 'put-table' ? { ...change, table: { ...table, filledBy } } : change,
  );
  await putTable({ ...x, sink: { ...sink, ok: () => undefined } }, table, table.temporary ? changes : begun);
  try {
    const answers: Parameters<ResultSink['ok']>[] = [];
    await fill({ ...x, sink: { ...sink, ok: (...answer) => answers.push(answer) } }, table, filling);
    // Without autocommit the rows lie in a transaction; but they belong to the table, which is there for good.
    if (!table.temporary) {
      await commitTransaction(session);
      await giveName(session, table);
    }
    for (const answer of answers) sink.ok(...answer);
  } catch (error) {
    if (table.temporary) await dropTemporary(session, table);
    else await takeBack(session, table);
    throw error;
  }
}

async function fill(x: StatementContext, table: TableDef, { columns, query, duplicates }: Filling): Promise<void> {
  const { session } = x;
  const { core } = session;
  const span = { start: 0, end: 0 };
  const insert: Statement = {
    ...span,
    kind: 'insert',
    replace: duplicates === 'replace',
    hints: undefined,
    priority: undefined,
    ignore: duplicates === 'ignore',
    table: { ...span, kind: 'name', schema: table.database, name: table.name },
    partitions: undefined,
    columns: columns.map((c) => ({
      ...span,
      kind: 'column',
      schema: undefined,
      table: undefined,
      name: c.name,
    })),
    source: { kind: 'select', query },
    alias: undefined,
    onDuplicate: [],
  };
  session.state.filling = core.catalog.tableById(table.id) ?? table;
  try {
    const compiled = compileStatement(core.catalog, core.compileSettings(session, x.text, new Map(), false), insert);
    if (!compiled) throw new Error('an INSERT has a plan');
    core.planner.noteSource(compiled.plan, { statement: insert, text: x.text, slotTypes: new Map() });
    await session.runPlan(compiled.plan, x.slots, insert, x.sink, x.more);
  } finally {
    session.state.filling = undefined;
  }
}

/** The table's rows come before this in the chain of their author, so whoever finds it finds them. Rejects with SqlError. */
async function giveName(session: EngineSession, { id, database, name }: TableDef): Promise<void> {
  const { core, currentUser } = session;
  let isWanted = true;
  const named = async (): Promise<void> => {
    while (isWanted) {
      const { filledBy, ...table } = core.catalog.tableById(id) ?? {};
      if (!('id' in table)) throw new SqlError(1146, '42S02', `Table '${database}.${name}' doesn't exist`);
      if (filledBy === undefined) return;
      if (core.catalog.table(database, name) ?? core.catalog.view(database, name))
        throw new SqlError(1050, '42S01', `Table '${name}' already exists`);
      const change = { kind: 'put-table', table } as const;
      refuseSchema(core, [change]);
      await core.group.decide(`table ${database}.${name} has its rows`, [change], currentUser);
    }
  };
  const cause = `table '${database}.${name}' has its rows, and has yet to be shown to all`;
  try {
    await core.group.within(session, named(), () => 'The statement can be tried again.', undefined, cause);
  } finally {
    isWanted = false;
  }
}

async function dropTemporary(session: EngineSession, table: TableDef): Promise<void> {
  const { core, state } = session;
  while (core.replica.gate.isClosed) await core.replica.gate.opened();
  core.state.dropTemporary(table);
  state.temporaryTables.delete(`${table.database}.${table.name}`);
  state.changed();
}

/** Whatever schema changes come first, and also where its database has begun to move meanwhile. */
async function takeBack(session: EngineSession, table: TableDef): Promise<void> {
  const { core, currentUser } = session;
  session.rollback();
  const text = `DROP TABLE \`${table.name}\``;
  const drop = async (): Promise<void> => {
    while (core.catalog.unnamed.has(table.id))
      await core.group.decide(text, [{ kind: 'drop-table', id: table.id }], currentUser);
  };
  const name = `'${table.database}.${table.name}'`;
  await core.group.within(
    session,
    keepOpen(core, [table], drop),
    () => `Nobody finds it; it goes once enough nodes answer.`,
    undefined,
    `what was made of table ${name} has yet to be taken back`,
  );
}
