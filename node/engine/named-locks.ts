/** GET_LOCK and its family, and SLEEP: functions that wait, run by the engine before the statement that calls them. */
import { SqlError, type SqliteValue } from '../sql/index.ts';
import { nameLock, type LockManager, type LockOwner } from './locks.ts';

const NAME_LENGTH_MAX = 64;

export class NamedLocks {
  private readonly locks: LockManager;
  /** How often each owner took each name: a lock is released as often as it was taken. */
  private readonly counts = new Map<LockOwner, Map<string, number>>();

  constructor(locks: LockManager) {
    this.locks = locks;
  }

  private nameOf(name: SqliteValue): string {
    if (name === null || name === '')
      throw new SqlError(
        3057,
        '42000',
        `Incorrect user-level lock name '${name ?? 'NULL'}'. The name is empty, NULL, or can not be expressed in the current character-set.`,
      );
    if ([...String(name)].length > NAME_LENGTH_MAX)
      throw new SqlError(
        4163,
        '42000',
        `User-level lock name '${String(name)}' should not exceed ${NAME_LENGTH_MAX} characters.`,
      );
    return String(name).toLowerCase();
  }

  /** Runs a function that may wait. Undefined: it does not wait, call it in the statement. */
  async wait(
    owner: LockOwner,
    name: string,
    args: readonly SqliteValue[],
    onCancel: (cancel: () => void) => void,
  ): Promise<SqliteValue | undefined> {
    if (name === 'SLEEP') return this.sleep(args[0] ?? null, onCancel);
    if (name !== 'GET_LOCK') return undefined;
    const taken = this.nameOf(args[0] ?? null);
    const key = nameLock(taken);
    const seconds = Number(args[1] ?? -1);
    const deadline = performance.now() + (seconds < 0 ? 31_536_000 : seconds) * 1000;
    for (;;) {
      if (!this.locks.isTaken(key, owner, 'exclusive')) {
        this.locks.take(key, owner, 'exclusive');
        const counts = this.counts.get(owner) ?? new Map<string, number>();
        counts.set(taken, (counts.get(taken) ?? 0) + 1);
        this.counts.set(owner, counts);
        return 1;
      }
      const left = (deadline - performance.now()) / 1000;
      if (left <= 0) return 0;
      try {
        await this.locks.wait(key, owner, 'exclusive', left, onCancel);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        if (error.errno === 1205) return 0;
        if (error.errno === 1213)
          throw new SqlError(
            3058,
            'HY000',
            'Deadlock found when trying to get user-level lock; try rolling back transaction/releasing locks and restarting lock acquisition.',
          );
        throw error;
      }
    }
  }

  private sleep(value: SqliteValue, onCancel: (cancel: () => void) => void): Promise<SqliteValue> {
    const seconds = Number(value);
    if (value === null || !(seconds >= 0)) throw new SqlError(1210, 'HY000', 'Incorrect arguments to sleep.');
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(0), Math.min(seconds * 1000, 0x7fffffff));
      onCancel(() => {
        clearTimeout(timer);
        resolve(1);
      });
    });
  }

  call(owner: LockOwner, name: string, args: readonly SqliteValue[]): SqliteValue {
    switch (name) {
      case 'RELEASE_LOCK': {
        const released = this.nameOf(args[0] ?? null);
        if (this.locks.holder(nameLock(released)) === undefined) return null;
        if (!owner.modeOf(nameLock(released))) return 0;
        this.releaseOnce(owner, released);
        return 1;
      }
      case 'RELEASE_ALL_LOCKS':
        return this.releaseAll(owner);
      case 'IS_FREE_LOCK':
        return this.locks.holder(nameLock(this.nameOf(args[0] ?? null))) === undefined ? 1 : 0;
      case 'IS_USED_LOCK':
        return this.locks.holder(nameLock(this.nameOf(args[0] ?? null))) ?? null;
      default:
        throw new SqlError(
          1235,
          '42000',
          `This version of P2PDB doesn't yet support '${name} of a value that each row computes'`,
        );
    }
  }

  private releaseOnce(owner: LockOwner, name: string): void {
    const counts = this.counts.get(owner);
    const left = (counts?.get(name) ?? 1) - 1;
    if (left > 0) counts?.set(name, left);
    else {
      counts?.delete(name);
      this.locks.release(nameLock(name), owner);
    }
  }

  /** Number of locks released, as RELEASE_ALL_LOCKS answers. */
  releaseAll(owner: LockOwner): number {
    let released = 0;
    for (const [name, count] of this.counts.get(owner) ?? []) {
      released += count;
      this.locks.release(nameLock(name), owner);
    }
    this.counts.delete(owner);
    return released;
  }
}
