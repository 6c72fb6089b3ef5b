/** Runs a SELECT: in place, in a lane, or under locks. */
import { SqlError, type LiteralValue, type SelectPlan, type SqliteValue, type Statement } from '../sql/index.ts';
import type { ResultSink } from '../server/index.ts';
import { TakenBackError, type RowId } from '../store/index.ts';
import { runInLane } from './lane/select.ts';
import { rowLock, tableLock, type LockKey, type LockMode } from './locks.ts';
import { sendRows } from './results.ts';
import type { EngineSession } from './session.ts';
import { keyRangeOf, rowsOf } from './view.ts';
import { withLocks, afterLongWork } from './waits.ts';
import type { KeyRange } from './transaction.ts';

const hasInto = (statement: Extract<Statement, { kind: 'query' }>): boolean =>
  statement.into !== undefined || (statement.body.kind === 'select' && statement.body.into !== undefined);

export function runSelect(
  session: EngineSession,
  plan: SelectPlan,
  slots: readonly (LiteralValue | null)[],
  statement: Statement | undefined,
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  session.openImplicitly(plan);
  if (plan.tables.length > 0) session.ranAlone();
  if (plan.locking ?? (plan.within.length > 0 || isSerializable(session, plan)))
    return lockingSelect(session, plan, slots, statement, sink, more);
  const { core } = session;
  if (core.replica.gate.isClosed && needsState(session, plan))
    return afterLongWork(session, () => runSelect(session, plan, slots, statement, sink, more));
  core.env.begin(session.state.settings(session), slots, false, session.virtualRows);
  for (const { level, errno, message } of session.heardWhileWaiting.splice(0)) core.env.warn(level, errno, message);
  const range = keyRangeOf(session, plan);
  if (!isQuick(session, plan, range)) return runInLane(session, plan, slots, range, sink, more);
  const rows = rowsOf(session, plan, range, true);
  afterSelect(session, plan, rows.length);
  const into = statement?.kind === 'query' && hasInto(statement) ? statement : undefined;
  const answer = (): Promise<void> | undefined =>
    into ? core.selectInto(session, plan, into, rows, sink, more) : sendRows(session, plan.columns, rows, sink, more);
  // The rows may be of commits that are not durable yet: the answer leaves after them.
  const flushed = untilDurable(session, plan);
  return flushed
    ? flushed.then(
        answer,
        onTakenBack(session, () => runSelect(session, plan, slots, statement, sink, more)),
      )
    : answer();
}

/** Where the disk had no room for what was read: what is there now. A transaction that saw it in its snapshot cannot go on. */
const onTakenBack =
  ({ transaction }: EngineSession, again: () => Promise<void> | undefined) =>
  (error: unknown): Promise<void> | undefined => {
    if (transaction?.unflushed || !(error instanceof TakenBackError)) throw error;
    return again();
  };

/** Until the commits whose rows a statement may have read are durable; undefined where they are. */
function untilDurable({ core, transaction }: EngineSession, plan: SelectPlan): Promise<void> | undefined {
  if (plan.tables.length === 0 || core.replica.gate.isClosed) return undefined;
  // A snapshot shows nothing that was committed after it.
  if (transaction?.snapshot !== undefined) return transaction.unflushed;
  return core.replica.hasUnflushed ? core.replica.flushed() : undefined;
}

/** What the state as it was published does not show: temporary tables, and what is compared with the state later. */
function needsState(session: EngineSession, plan: SelectPlan): boolean {
  return session.transaction?.certified === true || plan.tables.some(({ table }) => table.temporary);
}

/** Whether the statement may run on the core's own thread. */
function isQuick(session: EngineSession, plan: SelectPlan, range: KeyRange | undefined): boolean {
  const { core } = session;
  if (core.lanes.count === 0 || plan.tables.length === 0 || plan.volatile || plan.tables.some((t) => t.table.temporary))
    return true;
  const span = range && Number(range.high) - Number(range.low) + 1;
  return core.cost.isQuick(plan, plan, span, () => core.runner.register(plan.functions));
}

function afterSelect(session: EngineSession, plan: SelectPlan, rows: number): void {
  const { runner } = session.core.reads;
  session.state.foundRows = plan.count === undefined ? rows : Number(runner.value(plan.count));
  session.keepWarnings();
  session.state.rowCount = -1;
}

/** Rows of a SELECT under this session's view. */
function read(
  session: EngineSession,
  plan: SelectPlan,
  slots: readonly (LiteralValue | null)[],
  consistent: boolean,
): SqliteValue[][] {
  const { core } = session;
  core.env.begin(session.state.settings(session), slots, false, session.virtualRows);
  return rowsOf(session, plan, keyRangeOf(session, plan), consistent);
}

function lockingSelect(
  session: EngineSession,
  plan: SelectPlan,
  slots: readonly (LiteralValue | null)[],
  statement: Statement | undefined,
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  return withLocks(session, () => {
    if (isSerializable(session, plan)) lockRead(session, plan, slots);
    for (const { plan: one } of plan.within) lockRows(session, one, read(session, one, slots, false));
    const rows = read(session, plan, slots, false);
    if (plan.locking) lockRows(session, plan, rows);
    afterSelect(session, plan, rows.length);
    if (statement?.kind === 'query' && hasInto(statement))
      return session.core.selectInto(session, plan, statement, rows, sink, more);
    if (!session.core.replica.hasUnflushed) return sendRows(session, plan.columns, rows, sink, more);
    return session.core.replica.flushed().then(
      () => sendRows(session, plan.columns, rows, sink, more),
      onTakenBack(session, () => lockingSelect(session, plan, slots, statement, sink, more)),
    );
  });
}

/** In a SERIALIZABLE transaction every SELECT is a locking one. */
const isSerializable = ({ transaction }: EngineSession, { tables }: SelectPlan): boolean =>
  transaction?.isolation === 'SERIALIZABLE' && tables.some(({ table }) => !table.temporary);

/** So that nobody changes what it reads: of one row, found by its key, whether it is there or not, that one; else whole tables, for lack of gaps. */
function lockRead(session: EngineSession, plan: SelectPlan, slots: readonly (LiteralValue | null)[]): void {
  const { core, owner } = session;
  core.env.begin(session.state.settings(session), slots, false, session.virtualRows);
  const range = keyRangeOf(session, plan);
  const [only] = plan.tables;
  if (only && range && plan.tables.length === 1 && range.low === range.high)
    return core.locks.take(rowLock(only.table.id, range.low), owner, 'shared');
  for (const { table } of plan.tables) if (!table.temporary) core.locks.takeTable(table.id, owner, 'shared');
}

/** Takes the locks of a locking read that found these rows; throws LockWait, 3572. */
function lockRows(session: EngineSession, plan: SelectPlan, rows: readonly SqliteValue[][]): void {
  const { owner } = session;
  const { locks } = session.core;
  const { locking } = plan;
  // A statement alone ends with its answer: it waits as the others do, and keeps nothing.
  const take = (key: LockKey, mode: LockMode): void =>
    session.transaction ? locks.take(key, owner, mode) : locks.check(key, owner, mode);
  if (!locking?.targets) {
    for (const { table } of plan.tables)
      take(tableLock(table.id), locking?.isShared === false ? 'exclusive' : 'shared');
    return;
  }
  for (const row of rows) {
    for (const { table, output, strength, wait } of locking.targets) {
      const mode = strength === 'update' ? 'exclusive' : 'shared';
      const rowid = row[output] as RowId | null;
      if (rowid === null || table.temporary) continue;
      if (wait === 'nowait' && locks.isTaken(rowLock(table.id, rowid), owner, mode))
        throw new SqlError(
          3572,
          'HY000',
          'Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.',
        );
      take(rowLock(table.id, rowid), mode);
    }
  }
}
