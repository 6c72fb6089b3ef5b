/** The rows that a session's statement sees: SQLite's, or SQLite's with its transaction's overlay. */
import {
  compileStatement,
  isPlain,
  type InsertPlan,
  type Plan,
  type SelectPlan,
  type SqliteValue,
  type SqlText,
} from '../sql/index.ts';
import type { RowId } from '../store/index.ts';
import { noteSeen } from './certification.ts';
import { imagesFor, type Overlays } from './overlay.ts';
import type { Runner } from './runner.ts';
import type { EngineSession } from './session.ts';
import type { Images, KeyRange } from './transaction.ts';

export function keyRangeOf(session: EngineSession, plan: Pick<SelectPlan, 'keyRange'>): KeyRange | undefined {
  if (!plan.keyRange) return undefined;
  const { env } = session.core;
  const [low, high] = [plan.keyRange.low(env), plan.keyRange.high(env)];
  if ((typeof low !== 'number' && typeof low !== 'bigint') || (typeof high !== 'number' && typeof high !== 'bigint'))
    return undefined;
  return { low: rowIdOf(low), high: rowIdOf(high) };
}

/** As the state gives rowids: a literal may come as a bigint, which no map of rows would find. */
const rowIdOf = (value: RowId): RowId =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** Images of the tables that this session sees otherwise than the state has them. */
export function differingImages(
  session: EngineSession,
  tables: Plan['tables'],
  range: KeyRange | undefined,
  consistent: boolean,
): Map<number, Images> {
  const { core, transaction } = session;
  if (!transaction) return new Map();
  const snapshot = consistent && transaction.readsLast;
  if (snapshot) core.openReadView(transaction);
  return new Map(
    tables.flatMap(({ table }) => {
      const images = table.temporary ? undefined : imagesFor(table, transaction, core.versions, snapshot, range);
      return images ? [[table.id, images] as const] : [];
    }),
  );
}

/** A SELECT's text, and where it is not only read for a change, the one that is faster. */
type SelectText = SqlText & Partial<Pick<SelectPlan, 'plain'>>;

/** A plan's SELECT as this session sees its tables: over overlays, which are filled, where it sees them otherwise than the state has them. */
export function textAsSeen(
  session: EngineSession,
  plan: Plan,
  range: KeyRange | undefined,
  consistent: boolean,
  overlays: Overlays,
): SelectText {
  const { core, transaction } = session;
  const { tables } = plan;
  const text: SelectText = 'select' in plan && plan.select ? plan.select : (plan as SelectPlan);
  if (!transaction || tables.length === 0) return text;
  noteSeen(session, plan, range, consistent);
  const differing = differingImages(session, tables, range, consistent);
  if (differing.size === 0) return text;
  const overlaid = core.overlaidText(session, plan);
  for (const { table } of tables) if (!table.temporary) overlays.fill(table, differing.get(table.id));
  return overlaid;
}

export function rowsOf(
  session: EngineSession,
  plan: SelectPlan,
  range: KeyRange | undefined,
  consistent: boolean,
): SqliteValue[][] {
  const { runner, overlays } = session.core.reads;
  const text = textAsSeen(session, plan, range, consistent, overlays);
  return plainRows(runner, text) ?? runner.rows(text);
}

/** Those whose rows' texts turned out not to be plain. */
const mixed = new WeakSet<SqlText>();

/** As SQLite sorts them by itself; undefined where that may be wrong. */
function plainRows(runner: Runner, text: SelectText): SqliteValue[][] | undefined {
  const { plain } = text;
  if (!plain || mixed.has(text)) return undefined;
  const rows = runner.rows(plain.text);
  const isPlainAt = (place: number): boolean =>
    rows.every(({ [place]: value }) => typeof value !== 'string' || isPlain(value));
  if (plain.places.every(isPlainAt)) return rows;
  mixed.add(text);
  return undefined;
}

const overlaidInserts = new WeakMap<InsertPlan, InsertPlan>();

/** An INSERT whose values read tables: where the transaction sees these otherwise, the plan that reads them so. */
export function insertAsSeen(session: EngineSession, plan: InsertPlan): InsertPlan {
  const { core, transaction } = session;
  const readsInRows = !plan.select || plan.onDuplicate !== undefined || plan.viewCheck !== undefined;
  if (!transaction || plan.tables.length === 0 || !readsInRows) return plan;
  noteSeen(session, plan, undefined, false);
  const differing = differingImages(session, plan.tables, undefined, false);
  if (differing.size === 0) return plan;
  for (const { table } of plan.tables) if (!table.temporary) core.overlays.fill(table, differing.get(table.id));
  let overlaid = overlaidInserts.get(plan);
  if (!overlaid) {
    const source = core.planner.sources.get(plan);
    if (!source) throw new Error('every plan knows the statement that it was compiled from');
    const settings = core.compileSettings(session, source.text, source.slotTypes, true);
    overlaid = compileStatement(core.catalog, settings, source.statement)?.plan as InsertPlan;
    overlaidInserts.set(plan, overlaid);
  }
  return overlaid;
}
