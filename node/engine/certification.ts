/**
 * What a transaction at level `final` saw: rows by their keys and their hashes, tables that it scanned by their digests. At its
 * place in a block all of it must still be so; see merge/merger.ts.
 */
import type { Plan } from '../sql/index.ts';
import { hashOf, NO_DIGEST, type RowId } from '../store/index.ts';
import type { EngineSession } from './session.ts';

/** Notes what a statement is about to see. What it saw first counts: later the transaction may have changed it. */
export function noteSeen(
  session: EngineSession,
  plan: Pick<Plan, 'tables'>,
  range: { readonly low: RowId; readonly high: RowId } | undefined,
): void {
  const { core, transaction } = session;
  if (!transaction?.certified) return;
  const { state } = core;
  for (const { table } of plan.tables) {
    if (table.temporary) continue;
    if (transaction.snapshot !== undefined && core.versions.imagesAt(table.id, transaction.snapshot)) {
      // Its snapshot shows rows that are not so any more: it cannot be certified.
      transaction.isDoomed = true;
    }
    if (range && range.low === range.high && plan.tables.length === 1) {
      const key = `${table.id}:${range.low}`;
      if (transaction.seen.has(key)) continue;
      const row = state.get(table, range.low);
      transaction.seen.set(key, {
        table,
        rowid: range.low,
        row,
        digest: row ? hashOf(table, range.low, row) : NO_DIGEST,
      });
      continue;
    }
    const key = String(table.id);
    if (!transaction.seen.has(key))
      transaction.seen.set(key, { table, rowid: undefined, row: undefined, digest: state.digests.of(table) });
  }
}
