/** COMMIT: puts what a transaction did into the state and the log. */
import { refuseOnReadOnlyNode } from './closed.ts';
import { deadlock } from './locks.ts';
import type { EngineSession } from './session.ts';
import { rollbackTemporary } from './temporary-rows.ts';
import type { OpenTransaction } from './transaction.ts';

/** Ends the transaction with its changes logged; resolves when they are durable. */
export function commitTransaction(session: EngineSession): Promise<void> | undefined {
  const { transaction, core } = session;
  if (!transaction) return undefined;
  session.transaction = undefined;
  transaction.isCommitting = true;
  const { changes } = transaction;
  const sql = transaction.statements.join(';\n');
  const { gate } = core.replica;
  if (changes.length > 0 && !transaction.certified && (gate.isClosed || gate.isLong(changes.length)))
    return commitSlowly(session, transaction, sql);
  let done: Promise<void> | undefined;
  try {
    if (changes.length > 0) {
      core.refuseWrites();
      refuseOnReadOnlyNode(session);
      if (transaction.certified) {
        if (transaction.isDoomed) throw deadlock();
        done = core.commits.commitFinal(session, changes, [...transaction.seen.values()], sql);
        // Its rows stay locked until it is decided.
        return done
          .catch(async (error: unknown) => {
            await rollbackTemporary(session, transaction);
            throw error;
          })
          .finally(() => endTransaction(session, transaction));
      }
      done = core.commits.commit(
        session,
        session.state.commitLevel,
        core.commits.applyTransaction(session, transaction),
        sql,
        changes,
      );
    }
  } catch (error) {
    void rollbackTemporary(session, transaction);
    throw error;
  } finally {
    if (!transaction.certified || done === undefined) endTransaction(session, transaction);
  }
  return done;
}

/** Takes the open transaction back; where it changed many rows, in slices. */
export function rollbackTransaction(session: EngineSession): Promise<void> | undefined {
  const { transaction, core } = session;
  if (!transaction) return undefined;
  session.transaction = undefined;
  const takenBack = rollbackTemporary(session, transaction);
  if (core.replica.gate.isLong(transaction.changes.length))
    return Promise.all([takenBack, endSlowly(session, transaction)]).then(() => undefined);
  endTransaction(session, transaction);
  return takenBack;
}

/** Of many rows, or while somebody else is at work on the state. */
async function commitSlowly(session: EngineSession, transaction: OpenTransaction, sql: string): Promise<void> {
  const { core } = session;
  const { gate } = core.replica;
  const { changes } = transaction;
  const level = session.state.commitLevel;
  let done: Promise<void>;
  try {
    core.refuseWrites();
    refuseOnReadOnlyNode(session);
    if (gate.isLong(changes.length)) {
      ({ done } = await gate.alone(async (slices) => {
        const { epoch } = core.state;
        try {
          const applied = await slices(core.commits.applySlowly(session, transaction));
          return await core.commits.commitSlowly(session, level, applied, sql, slices, () => undefined, changes);
        } catch (error) {
          core.abandon(epoch);
          throw error;
        }
      }));
    } else {
      while (gate.isClosed) await gate.opened();
      done = core.commits.commit(session, level, core.commits.applyTransaction(session, transaction), sql, changes);
    }
  } catch (error) {
    await rollbackTemporary(session, transaction);
    throw error;
  } finally {
    await endSlowly(session, transaction);
  }
  return done;
}

export function endTransaction(session: EngineSession, transaction: OpenTransaction): void {
  forget(session, transaction);
  session.core.locks.releaseAll(session.owner);
}

/** As endTransaction(), in slices: the session does nothing else before it has ended. */
async function endSlowly(session: EngineSession, transaction: OpenTransaction): Promise<void> {
  const { core, owner } = session;
  forget(session, transaction);
  await core.replica.gate.slices(core.locks.releasing(owner));
}

function forget({ core }: EngineSession, transaction: OpenTransaction): void {
  core.openTransactions.delete(transaction);
  core.versions.close(transaction);
}
