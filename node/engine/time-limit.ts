/** max_execution_time: a SELECT that waits for longer than it may is ended. */
import { SqlError, type SelectPlan } from '../sql/index.ts';
import type { EngineSession } from './session.ts';

/**
 * What became of a SELECT that runs: `running`, or, where its time was over first, error 3024. Whatever it waits for then (its thread, a
 * lock, SLEEP) is given up, as by KILL QUERY.
 */
export async function withinTime(session: EngineSession, plan: SelectPlan, running: Promise<void>): Promise<void> {
  const limitMs = session.executionLimitOf(plan);
  if (limitMs === 0) return running;
  const { state } = session;
  const timer = setTimeout(() => state.giveUpWaiting(), Math.min(limitMs, 0x7fffffff));
  try {
    await running;
  } catch (error) {
    if (!state.isLate || !(error instanceof SqlError)) throw error;
    throw new SqlError(3024, 'HY000', 'Query execution was interrupted, maximum statement execution time exceeded');
  } finally {
    clearTimeout(timer);
    state.isLate = false;
  }
}
