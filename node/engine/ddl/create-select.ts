/** CREATE TABLE … SELECT: the table, then its rows, as one change of the schema and one transaction behind it. */
import {
  compileStatement,
  type CatalogChange,
  type QueryExpression,
  type SqlType,
  type Statement,
  type TableDef,
} from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import { putTable } from './apply.ts';

export async function fillFromSelect(
  x: StatementContext,
  table: TableDef,
  changes: readonly CatalogChange[],
  select: {
    readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
    readonly query: QueryExpression;
  },
  duplicates: 'ignore' | 'replace' | undefined,
): Promise<void> {
  const { session } = x;
  const { core } = session;
  const silent = { ...x, sink: { ...x.sink, ok: () => undefined } } as StatementContext;
  await putTable(silent, table, changes);
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
    columns: select.columns.map((c) => ({
      ...span,
      kind: 'column',
      schema: undefined,
      table: undefined,
      name: c.name,
    })),
    source: { kind: 'select', query: select.query },
    alias: undefined,
    onDuplicate: [],
  };
  try {
    const compiled = compileStatement(core.catalog, core.compileSettings(session, x.text, new Map(), false), insert);
    if (!compiled) throw new Error('an INSERT has a plan');
    core.planner.sources.set(compiled.plan, { statement: insert, text: x.text, slotTypes: new Map() });
    await session.runPlan(compiled.plan, x.slots, insert, x.sink, x.more);
  } catch (error) {
    // The statement as a whole failed: the table goes with it.
    if (table.temporary) {
      while (core.replica.gate.isClosed) await core.replica.gate.opened();
      core.state.dropTemporary(table);
      session.state.temporaryTables.delete(`${table.database}.${table.name}`);
      session.state.changed();
    } else
      await core.commits.changeCatalog(session, `DROP TABLE \`${table.name}\``, [{ kind: 'drop-table', id: table.id }]);
    throw error;
  }
}
