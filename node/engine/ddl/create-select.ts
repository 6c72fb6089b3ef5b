/**
 * CREATE TABLE … SELECT: the table, then its rows, as one change of the schema and one transaction behind it. Where the second fails, the
 * table is taken back.
 */
import {
  compileStatement,
  type CatalogChange,
  type QueryExpression,
  type SqlType,
  type Statement,
  type TableDef,
} from '../../sql/index.ts';
import type { ResultSink } from '../../server/index.ts';
import { commitTransaction } from '../commit-transaction.ts';
import { keepOpen } from '../moving.ts';
import type { EngineSession } from '../session.ts';
import type { StatementContext } from '../statement-context.ts';
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
  return keepOpen(x.session.core, table.database, make(x, table, changes, filling));
}

async function make(
  x: StatementContext,
  table: TableDef,
  changes: readonly CatalogChange[],
  filling: Filling,
): Promise<void> {
  const { session, sink } = x;
  await putTable({ ...x, sink: { ...sink, ok: () => undefined } }, table, changes);
  try {
    const answers: Parameters<ResultSink['ok']>[] = [];
    await fill({ ...x, sink: { ...sink, ok: (...answer) => answers.push(answer) } }, table, filling);
    // Without autocommit the rows lie in a transaction; but they belong to the table, which is there for good.
    if (!table.temporary) await commitTransaction(session);
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
  const compiled = compileStatement(core.catalog, core.compileSettings(session, x.text, new Map(), false), insert);
  if (!compiled) throw new Error('an INSERT has a plan');
  core.planner.sources.set(compiled.plan, { statement: insert, text: x.text, slotTypes: new Map() });
  await session.runPlan(compiled.plan, x.slots, insert, x.sink, x.more);
}

async function dropTemporary(session: EngineSession, table: TableDef): Promise<void> {
  const { core, state } = session;
  while (core.replica.gate.isClosed) await core.replica.gate.opened();
  core.state.dropTemporary(table);
  state.temporaryTables.delete(`${table.database}.${table.name}`);
  state.changed();
}

/** Whatever schema changes come first, whoever uses the table already, and also where its database has begun to move meanwhile. */
async function takeBack(session: EngineSession, table: TableDef): Promise<void> {
  const { core, currentUser } = session;
  session.rollback();
  const text = `DROP TABLE \`${table.name}\``;
  const drop = async (): Promise<void> => {
    while (core.catalog.tableById(table.id))
      await core.group.decide(text, [{ kind: 'drop-table', id: table.id }], currentUser);
  };
  const advice = (): string =>
    `Table '${table.database}.${table.name}' is there without its rows, and goes once enough do.`;
  await core.group.within(session, keepOpen(core, table.database, drop()), advice);
}
