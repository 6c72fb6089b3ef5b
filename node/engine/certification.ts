/**
 * What a transaction at level `final` saw: rows by their keys and their hashes, tables that it scanned by their digests. At its
 * place in a block all of it must still be so; see merge/merger.ts.
 */
import { type Plan, type SelectPlan, type SqliteValue, type TableDef } from '../sql/index.ts';
import { hashOf, NO_DIGEST, type RowId } from '../store/index.ts';
import type { SeenRow } from './merge/index.ts';
import type { EngineSession } from './session.ts';

type Seen = Pick<Plan, 'tables'> & Partial<Pick<SelectPlan, 'keyLookup'>>;

/** Notes what a statement is about to see. What it saw first counts: later the transaction may have changed it. */
export function noteSeen(
  session: EngineSession,
  plan: Seen,
  range: { readonly low: RowId; readonly high: RowId } | undefined,
): void {
  const { core, transaction } = session;
  if (!transaction?.certified) return;
  for (const { table } of plan.tables) {
    if (table.temporary) continue;
    const one = plan.tables.length === 1 ? oneRow(session, plan, table, range) : undefined;
    const images =
      transaction.snapshot === undefined ? undefined : core.versions.imagesAt(table.id, transaction.snapshot);
    // Its snapshot shows rows that are not so any more: it cannot be certified.
    if (images && (one?.rowid === undefined || images.has(one.rowid))) transaction.isDoomed = true;
    const name = one ? `${table.id}:${one.key ? JSON.stringify(one.key.map(String)) : one.rowid}` : String(table.id);
    if (!transaction.seen.has(name))
      transaction.seen.set(
        name,
        one ?? { table, rowid: undefined, row: undefined, digest: core.state.digests.of(table) },
      );
  }
}

/** The one row that the statement can see, or that there is none; undefined where it may see more. */
function oneRow(
  { core }: EngineSession,
  { keyLookup }: Seen,
  table: TableDef,
  range: { readonly low: RowId; readonly high: RowId } | undefined,
): SeenRow | undefined {
  const { state, env } = core;
  let rowid = range && range.low === range.high ? range.low : undefined;
  let key: readonly SqliteValue[] | undefined;
  if (rowid === undefined) {
    key = keyLookup?.map((bind) => bind(env));
    if (!key || key.includes(null)) return undefined;
    rowid = core.merger.rowByKey(table, key);
  }
  const row = rowid === undefined ? undefined : state.get(table, rowid);
  const digest = rowid !== undefined && row ? hashOf(table, rowid, row) : NO_DIGEST;
  return { table, rowid, row, digest, ...(key && !row && { key }) };
}
