/**
 * What a transaction at level `final` saw: rows by their keys and their hashes, rows within bounds by the sum of theirs, tables that it
 * scanned by their digests. At its place in a block all of it must still be so; see merge/merger.ts.
 *
 * At READ COMMITTED it answers for what it locked, changed or looked at to change it, not for plain reads: as in MySQL, it asked for
 * nothing that lasts longer than their statement. Unless it reads `linearizable`, which with `final` is strictly serializable.
 */
import type { Bounds } from '../log/index.ts';
import type { Plan, SelectPlan, SqliteValue, TableDef, TableUse } from '../sql/index.ts';
import { hashOf, NO_DIGEST, type RowId } from '../store/index.ts';
import { digestWithin, fitsBounds, isWithin, type SeenRow } from './merge/index.ts';
import type { EngineCore } from './core.ts';
import type { EngineSession } from './session.ts';
import type { Images } from './transaction.ts';

type Seen = Pick<Plan, 'tables'> & Partial<Pick<SelectPlan, 'keyLookup'>>;

/** So many values of an IN are looked up one by one. */
const VALUES_MAX = 100;

/**
 * Notes what a statement is about to see; `consistent`: it only reads, without locks. What it saw first counts: later the transaction may
 * have changed it.
 */
export function noteSeen(
  session: EngineSession,
  plan: Seen,
  range: { readonly low: RowId; readonly high: RowId } | undefined,
  consistent: boolean,
): void {
  const { core, state, transaction } = session;
  if (!transaction?.certified) return;
  if (consistent && !transaction.readsLast && state.readLevel === 'local') return;
  for (const use of plan.tables) {
    const { table } = use;
    if (table.temporary) continue;
    const one = plan.tables.length === 1 ? oneRow(session, plan, table, range) : undefined;
    const parts = one ? [one] : (someRows(session, use) ?? [allOf(session, table)]);
    const images =
      transaction.snapshot === undefined ? undefined : core.versions.imagesAt(table.id, transaction.snapshot);
    for (const { name, seen } of parts) {
      // Its snapshot shows rows that are not so any more: it cannot be certified.
      if (images && isAmong(session, images, seen)) transaction.isDoomed = true;
      const key = `${table.id}:${name}`;
      if (!transaction.seen.has(key)) transaction.seen.set(key, seen);
    }
  }
}

/** What a statement can see of a table that is not all of it. */
interface Part {
  readonly name: string;
  readonly seen: SeenRow;
}

const allOf = ({ core }: EngineSession, table: TableDef): Part => ({
  name: '*',
  seen: { table, rowid: undefined, row: undefined, digest: core.state.digests.of(table) },
});

const printed = (values: readonly (SqliteValue | undefined)[]): string => JSON.stringify(values.map(String));

/** The one row that the statement can see, or that there is none; undefined where it may see more. */
function oneRow(
  { core }: EngineSession,
  { keyLookup }: Seen,
  table: TableDef,
  range: { readonly low: RowId; readonly high: RowId } | undefined,
): Part | undefined {
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
  const seen = { table, rowid, row, digest, ...(key && !row && { key }) };
  return { name: seen.key ? printed(seen.key) : String(rowid), seen };
}

/** The rows between the statement's bounds, for each value of an IN; undefined where it has none, or there are too many. */
function someRows({ core }: EngineSession, { table, bounds }: TableUse): Part[] | undefined {
  if (!bounds) return undefined;
  const all: Bounds[] = [];
  for (const { place, low, high, among } of bounds) {
    if (among) continue;
    const [least, most] = [low?.(core.env), high?.(core.env)];
    // No row compares with NULL.
    if (least === null || most === null) return undefined;
    all.push({ column: place, low: least ?? null, high: most ?? null });
  }
  const several = bounds.find(({ among }) => among);
  const each = several?.among?.map((bind): Bounds[] => {
    const value = bind(core.env);
    return [...all, { column: several.place, low: value, high: value }];
  }) ?? [all];
  if (each.length > VALUES_MAX) return undefined;
  const parts = each.map((one) => partOf(core, table, one)).filter((part) => part !== undefined);
  return parts.length === each.length ? parts : undefined;
}

function partOf({ state }: EngineCore, table: TableDef, bounds: readonly Bounds[]): Part | undefined {
  const digest = fitsBounds(table, bounds) ? digestWithin(state, table, bounds) : undefined;
  if (!digest) return undefined;
  const name = `?${printed(bounds.flatMap(({ column, low, high }) => [column, low, high]))}`;
  return { name, seen: { table, rowid: undefined, row: undefined, bounds, digest } };
}

/** Whether one of the rows that the snapshot shows otherwise belongs to what is seen. */
function isAmong({ core }: EngineSession, images: Images, { table, rowid, bounds }: SeenRow): boolean {
  if (rowid !== undefined) return images.has(rowid);
  // The whole table; or a row that is not there, which has no rowid: it may have been there.
  if (!bounds) return true;
  for (const [id, image] of images)
    for (const row of [image, core.state.get(table, id)]) if (row && isWithin(table, bounds, row)) return true;
  return false;
}
