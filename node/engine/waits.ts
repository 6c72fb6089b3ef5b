/** What a statement waits for: locks, and the end of work that has the state to itself. */
import { interrupted, LockWait } from './locks.ts';
import type { EngineSession } from './session.ts';

/** The schema changed while the statement waited: it is made anew. */
export class SchemaChanged extends Error {
  override readonly name = 'SchemaChanged';
}

/** Runs `work`, which may change the state; when it meets a lock, waits for it and runs it again. */
export function withLocks(session: EngineSession, work: () => Promise<void> | undefined): Promise<void> | undefined {
  const guarded = (): Promise<void> | undefined =>
    session.core.replica.gate.isClosed ? afterLongWork(session, () => withLocks(session, work)) : work();
  const seen = session.transaction?.seen.size;
  try {
    return guarded();
  } catch (error) {
    if (!(error instanceof LockWait)) throw error;
    // What it saw before it waited, nobody is told: behind the lock it sees another row.
    session.transaction?.forgetSeen(seen);
    return retry(session, guarded, error);
  }
}

/** Runs `work` when the state is nobody else's any more. */
export async function afterLongWork(session: EngineSession, work: () => Promise<void> | undefined): Promise<void> {
  const { info } = session.state;
  const { version } = session.core.catalog;
  const { gate } = session.core.replica;
  const cancelled = new Promise<never>((_resolve, reject) => {
    session.state.cancelWait = () => reject(interrupted());
  });
  try {
    while (gate.isClosed) await Promise.race([gate.opened(), cancelled]);
  } finally {
    session.state.cancelWait = undefined;
  }
  checkGoesOn(session, version);
  session.state.info = info;
  await work();
}

/** Throws where it was ended meanwhile, its group was closed, or it is to be made anew, because the schema is not of that version any more. */
export function checkGoesOn(session: EngineSession, version: number): void {
  if (session.state.killed) throw interrupted();
  session.core.refuseClosed();
  if (session.core.catalog.version !== version) throw new SchemaChanged();
}

/** Waits for the lock and runs `work` again, until it meets none. */
export async function retry(
  session: EngineSession,
  work: () => Promise<void> | undefined,
  first: LockWait,
): Promise<void> {
  const info = session.state.info;
  const { version } = session.core.catalog;
  const seen = session.transaction?.seen.size;
  for (let wait = first; ;) {
    const timeout = session.state.variables.number(
      session.core.locks.isKept(wait.key) ? 'lock_wait_timeout' : 'innodb_lock_wait_timeout',
    );
    await session.core.locks.wait(
      wait.key,
      session.owner,
      wait.mode,
      timeout,
      (cancel) => (session.state.cancelWait = cancel),
    );
    session.state.cancelWait = undefined;
    session.state.info = info;
    checkGoesOn(session, version);
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof LockWait)) throw error;
      session.transaction?.forgetSeen(seen);
      wait = error;
    }
  }
}
