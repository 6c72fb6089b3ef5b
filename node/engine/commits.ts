/** How sessions' changes become transactions of the group: committed, certified, or run as schema changes. */
import { finish, STEP_ROWS, type Steps } from '../consistency/index.ts';
import type { Digest } from '../log/index.ts';
import { APPLIED, GroupTransaction, RejectedError, type Slices } from '../replica/index.ts';
import { SqlError, type CatalogChange } from '../sql/index.ts';
import { addDigests, ChangeList, isConstraintError, NO_DIGEST } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { deadlock, tableLock, type LockKey } from './locks.ts';
import { encodedInSteps, transactionInSteps, transactionOf, type CommitRecord, type SeenRow } from './merge/index.ts';
import { refuseSchema } from './moving.ts';
import type { EngineSession } from './session.ts';
import { SchemaChanged } from './waits.ts';
import type { CommitLevel } from './session-state.ts';
import type { OpenTransaction } from './transaction.ts';

/** Changes that lie in the state, and what they do to the digest of all rows. */
export interface Applied {
  readonly changes: ChangeList;
  readonly digest: Digest;
}

export class Commits {
  private readonly core: EngineCore;

  constructor(core: EngineCore) {
    this.core = core;
  }

  /**
   * Changes that lie in the state are logged, as `meant` where rows had changed under the transaction. Resolves when the commit level is reached.
   */
  commit(
    session: EngineSession,
    asked: CommitLevel,
    { changes, digest }: Applied,
    sql: string,
    meant: ChangeList = changes,
  ): Promise<void> {
    finish(this.core.committed(changes));
    const record = this.recordOf(session, asked, meant, sql);
    const transaction = this.transactionOf(record);
    const { epoch } = this.core.state;
    transaction.run = { changes, ...(meant !== changes && { meant }), outcome: APPLIED, epoch, digest };
    return this.acknowledged(session, transaction, this.core.replica.commit(transaction));
  }

  private recordOf(session: EngineSession, asked: CommitLevel, changes: ChangeList, sql: string): CommitRecord {
    const level = asked === 'replicated' ? 'replicated' : 'local';
    return { ...this.author(session), sql: cutSql(sql), level, changes };
  }

  private transactionOf(record: CommitRecord): GroupTransaction {
    return GroupTransaction.own(record.level, false, record.changes.length, () => transactionOf(record));
  }

  /**
   * As commit(), for many changes, by whom alone may change the state. Resolves when they are durable, or refused; `done` tells which,
   * when the commit level is reached.
   */
  async commitSlowly(
    session: EngineSession,
    asked: CommitLevel,
    { changes, digest }: Applied,
    sql: string,
    slices: Slices,
    check: () => void,
    meant: ChangeList = changes,
  ): Promise<{ readonly done: Promise<void> }> {
    const { core } = this;
    const record = this.recordOf(session, asked, meant, sql);
    const transaction = this.transactionOf(record);
    transaction.encoded = await slices(encodedInSteps(record));
    transaction.run = {
      changes,
      ...(meant !== changes && { meant }),
      outcome: APPLIED,
      epoch: core.state.epoch,
      digest,
    };
    const footprint = await slices(core.replica.footprintOf(transaction));
    check();
    const done = this.acknowledged(session, transaction, core.replica.commit(transaction, footprint));
    // Who waits for it comes later.
    done.catch(() => undefined);
    await slices(core.committed(changes));
    await core.replica.flushed();
    return { done };
  }

  /** Changes that are not in the state yet run at their place in a block, if what they saw still stands there. */
  async commitFinal(session: EngineSession, changes: ChangeList, seen: readonly SeenRow[], sql: string): Promise<void> {
    this.core.group.checkMajority();
    const record = { ...this.author(session), sql: cutSql(sql), level: 'final' as const, changes, seen };
    const transaction = this.transactionOf(record);
    const { gate } = this.core.replica;
    if (gate.isLong(changes.length)) transaction.encoded = await gate.slices(encodedInSteps(record));
    return this.acknowledged(session, transaction, this.core.replica.submit(transaction));
  }

  private author(session: EngineSession): { user: string; database: string; unchecked: boolean } {
    return {
      user: session.currentUser,
      database: session.database,
      unchecked: session.state.variables.number('foreign_key_checks') === 0,
    };
  }

  private async acknowledged(
    session: EngineSession,
    transaction: GroupTransaction,
    done: Promise<void>,
  ): Promise<void> {
    const start = performance.now();
    try {
      if (transaction.level === 'local') await done;
      else await this.core.group.confirmed(session, transaction, done);
    } catch (error) {
      throw commitError(error);
    }
    this.core.commitLatencies.observe(transaction.level, (performance.now() - start) / 1000);
    session.committed(transaction);
  }

  /**
   * A schema change: it runs at its place in a block, on every node. Resolves when it did; rejects, with everything as it was,
   * when rows do not fit it. Its warnings follow those that the session has.
   */
  async changeCatalog(session: EngineSession, text: string, changes: readonly CatalogChange[]): Promise<void> {
    session.keepWarnings();
    refuseSchema(this.core, changes);
    const release = this.lockChanged(session, changes);
    try {
      const schema = { text, changes, basis: this.core.machine.schemaCount, strict: session.state.strict };
      const record = { ...this.author(session), sql: '', level: 'final' as const, changes: new ChangeList(), schema };
      const transaction = GroupTransaction.own('final', true, 0, () => transactionOf(record));
      this.core.group.checkMajority();
      await this.core.group.confirmed(session, transaction, this.core.replica.submit(transaction));
      session.committed(transaction);
      const { outcome } = transaction.run ?? {};
      if (outcome?.kind === 'applied') session.addWarnings(outcome.warnings ?? []);
    } catch (error) {
      throw commitError(error);
    } finally {
      release();
    }
  }

  /** Nobody starts to write a table while its change is decided. */
  private lockChanged(session: EngineSession, changes: readonly CatalogChange[]): () => void {
    const taken: LockKey[] = [];
    for (const change of changes) {
      const id = change.kind === 'put-table' ? change.table.id : 'id' in change ? change.id : undefined;
      const key = id === undefined ? undefined : tableLock(id);
      if (key === undefined || session.owner.modeOf(key) || !this.core.catalog.tableById(id as number)) continue;
      this.core.locks.take(key, session.owner, 'exclusive');
      taken.push(key);
    }
    return () => {
      for (const key of taken) this.core.locks.release(key, session.owner);
    };
  }

  /**
   * Puts a transaction's rows into SQLite; all of them or, should one be refused, none. Returns what was done: where rows changed
   * under it, by transactions of other nodes, that is what its intentions give now. Throws SqlError.
   */
  applyTransaction(session: EngineSession, transaction: OpenTransaction): Applied {
    if (transaction.isDoomed) throw deadlock();
    if (transaction.isDisturbed) return this.mergeTransaction(session, transaction);
    const { changes } = transaction;
    let done = 0;
    let digest = NO_DIGEST;
    const { epoch } = this.core.state;
    try {
      for (const change of changes) {
        digest = addDigests(digest, this.core.state.apply(change));
        done++;
      }
    } catch (error) {
      this.core.state.revertAll(changes.backwards(done), epoch);
      // Another node's row has a key that this transaction gives, too.
      if (isConstraintError(error)) return this.mergeTransaction(session, transaction);
      throw error;
    }
    return { changes, digest };
  }

  /** As applyTransaction(), for many rows, by whom alone may change the state. */
  *applySlowly(session: EngineSession, transaction: OpenTransaction): Steps<Applied> {
    const { core } = this;
    const { epoch } = core.state;
    if (transaction.isDoomed) throw deadlock();
    const { changes } = transaction;
    if (!transaction.isDisturbed) {
      try {
        let done = 0;
        let digest = NO_DIGEST;
        for (const change of changes) {
          digest = addDigests(digest, core.state.apply(change));
          if (++done % STEP_ROWS === 0) yield;
        }
        return { changes, digest };
      } catch (error) {
        core.abandon(epoch);
        if (!isConstraintError(error)) throw error;
      }
    }
    const record = { ...this.author(session), sql: '', level: 'local' as const, changes };
    const merged = yield* core.env.through(core.merger.run(yield* transactionInSteps(record)));
    if (merged.outcome.kind === 'applied' && merged.outcome.dropped.length === 0) return merged;
    throw deadlock();
  }

  private mergeTransaction(session: EngineSession, { changes }: OpenTransaction): Applied {
    const record = { ...this.author(session), sql: '', level: 'local' as const, changes };
    const merged = finish(this.core.merger.run(transactionOf(record)));
    if (merged.outcome.kind === 'applied' && merged.outcome.dropped.length === 0) return merged;
    this.core.state.revertAll(merged.changes.backwards(), this.core.state.epoch);
    throw deadlock();
  }
}

const cutSql = (sql: string): string => (sql.length > 65536 ? `${sql.slice(0, 65536)} …` : sql);

/** Why a commit failed, in MySQL's words. */
function commitError(error: unknown): unknown {
  if (!(error instanceof RejectedError)) return error;
  const { reason, errno, sqlState, message } = error.outcome;
  if (reason === 'stale') return new SchemaChanged();
  if (reason === 'schema') return new SqlError(errno, sqlState, message);
  return deadlock();
}
