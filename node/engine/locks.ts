/**
 * Locks of open transactions: rows (by table and rowid), unique keys that are not committed yet (by index and key), whole
 * tables, and names (GET_LOCK). A statement never waits inside: it throws LockWait, its changes are taken back, and its
 * session runs it again when the lock is free. Deadlocks are found when a wait begins: a cycle of waits ends the one who
 * closed it (error 1213), as InnoDB does.
 */
import { finish, STEP_ROWS, WideMap, type Steps } from '../consistency/index.ts';
import { SqlError } from '../sql/index.ts';

export type LockMode = 'shared' | 'exclusive';

/** Who holds locks: an open transaction, or a session for GET_LOCK and LOCK TABLES. */
export class LockOwner {
  readonly held = new WideMap<string, LockMode>();
  /** Locks of LOCK TABLES. */
  readonly lockedTables = new Set<string>();
  /** The lock it waits for. */
  waitingFor: string | undefined;
  readonly connectionId: number;

  constructor(connectionId: number) {
    this.connectionId = connectionId;
  }
}

/** Thrown by a statement that met a lock; the session waits and runs the statement again. */
export class LockWait extends Error {
  override readonly name = 'LockWait';
  readonly key: string;
  readonly mode: LockMode;

  constructor(key: string, mode: LockMode) {
    super(`waits for ${key}`);
    this.key = key;
    this.mode = mode;
  }
}

interface Waiter {
  readonly owner: LockOwner;
  readonly mode: LockMode;
  readonly wake: () => void;
}

/** One that several hold, or may hold, or somebody waits for. */
class Lock {
  private holder: LockOwner | undefined;
  private mode: LockMode = 'exclusive';
  /** Who holds it besides, shared. */
  private others: Map<LockOwner, LockMode> | undefined;
  waiters: Waiter[] | undefined;

  get isFree(): boolean {
    return this.holder === undefined && !this.waiters?.length;
  }

  get holders(): LockOwner[] {
    return this.holder ? [this.holder, ...(this.others?.keys() ?? [])] : [];
  }

  /** Whether somebody else holds it in a way that excludes `mode`. */
  excludes(owner: LockOwner | undefined, mode: LockMode): boolean {
    if (this.holder && this.holder !== owner && (mode === 'exclusive' || this.mode === 'exclusive')) return true;
    for (const [holder, held] of this.others ?? [])
      if (holder !== owner && (mode === 'exclusive' || held === 'exclusive')) return true;
    return false;
  }

  hold(owner: LockOwner, mode: LockMode): void {
    if (this.holder && this.holder !== owner) {
      (this.others ??= new Map()).set(owner, mode);
      return;
    }
    this.holder = owner;
    this.mode = mode;
  }

  /** False where it did not hold it. */
  letGo(owner: LockOwner): boolean {
    if (this.holder !== owner) return this.others?.delete(owner) === true;
    const [next] = this.others ?? [];
    this.holder = next?.[0];
    if (next) {
      this.mode = next[1];
      this.others?.delete(next[0]);
    }
    return true;
  }
}

/** Whether somebody else holds it in a way that excludes `mode`. */
const excludes = (lock: Lock | LockOwner | undefined, owner: LockOwner | undefined, mode: LockMode): boolean =>
  lock instanceof Lock ? lock.excludes(owner, mode) : lock !== undefined && lock !== owner;

export const rowLock = (tableId: number, rowid: number | bigint): string => `${tableId}:r${rowid}`;
export const keyLock = (tableId: number, indexId: number, key: string): string => `${tableId}:k${indexId}:${key}`;
/** FLUSH TABLES WITH READ LOCK holds it: no schema change until it is given back. */
export const GLOBAL_READ_LOCK = 'schema:*';
export const tableLock = (tableId: number): string => `${tableId}:*`;

export class LockManager {
  /** There may be very many. Nearly all have one holder, alone, and nobody who waits: then that is all there is to keep. */
  private readonly locks = new WideMap<string, Lock | LockOwner>();
  /** How many locks a table has: a statement on a table without any asks no further. */
  private readonly perTable = new Map<string, number>();

  private static table(key: string): string {
    return key.slice(0, key.indexOf(':'));
  }

  tableHasLocks(tableId: number): boolean {
    return this.perTable.has(String(tableId));
  }

  /** Whether somebody else holds the lock in a way that excludes `mode`. */
  isTaken(key: string, owner: LockOwner | undefined, mode: LockMode): boolean {
    return excludes(this.locks.get(key), owner, mode);
  }

  /** Throws LockWait when the lock is taken, without taking it: what a statement that commits at once needs. */
  check(key: string, owner: LockOwner | undefined, mode: LockMode): void {
    if (this.isTaken(key, owner, mode)) throw new LockWait(key, mode);
  }

  /** Throws LockWait when anybody else holds any lock of the table. */
  checkTable(tableId: number, whole: string, owner: LockOwner): void {
    if (!this.tableHasLocks(tableId)) return;
    this.check(whole, owner, 'exclusive');
    for (const [key, lock] of this.locks)
      if (key.startsWith(`${tableId}:`) && excludes(lock, owner, 'exclusive')) throw new LockWait(key, 'exclusive');
  }

  /** Takes the lock or throws LockWait. */
  take(key: string, owner: LockOwner, mode: LockMode): void {
    const held = owner.held.get(key);
    if (held === 'exclusive' || held === mode) return;
    const known = this.locks.get(key);
    if (excludes(known, owner, mode)) throw new LockWait(key, mode);
    if (!known) {
      const table = LockManager.table(key);
      this.perTable.set(table, (this.perTable.get(table) ?? 0) + 1);
    }
    if (!known && mode === 'exclusive') this.locks.set(key, owner);
    else (this.lockOf(key) ?? this.newLock(key)).hold(owner, mode);
    owner.held.set(key, mode);
  }

  private newLock(key: string): Lock {
    const lock = new Lock();
    this.locks.set(key, lock);
    return lock;
  }

  /** With all that there may be to keep of it. */
  private lockOf(key: string): Lock | undefined {
    const known = this.locks.get(key);
    if (!(known instanceof LockOwner)) return known;
    const lock = this.newLock(key);
    lock.hold(known, 'exclusive');
    return lock;
  }

  release(key: string, owner: LockOwner): void {
    const lock = this.locks.get(key);
    if (lock === owner) {
      owner.held.delete(key);
      this.forget(key);
    }
    if (!(lock instanceof Lock) || !lock.letGo(owner)) return;
    owner.held.delete(key);
    if (lock.isFree) this.forget(key);
    for (const waiter of [...(lock.waiters ?? [])]) if (!lock.excludes(waiter.owner, waiter.mode)) waiter.wake();
  }

  private forget(key: string): void {
    this.locks.delete(key);
    const table = LockManager.table(key);
    const left = (this.perTable.get(table) ?? 1) - 1;
    if (left === 0) this.perTable.delete(table);
    else this.perTable.set(table, left);
  }

  /** Releases what a transaction holds; names (GET_LOCK) and LOCK TABLES outlive transactions. */
  releaseAll(owner: LockOwner): void {
    finish(this.releasing(owner));
  }

  /** As releaseAll(). Meanwhile the owner takes no others. */
  *releasing(owner: LockOwner): Steps<void> {
    let count = 0;
    for (const key of owner.held.keys()) {
      if (++count % STEP_ROWS === 0) yield;
      if (!key.startsWith('name:') && !owner.lockedTables.has(key)) this.release(key, owner);
    }
  }

  /**
   * Waits until the lock could be taken (it is not taken). Rejects with 1205 after `timeoutSeconds`, with 1213 at once when
   * the wait would close a cycle, with 1317 when `cancelled` fires.
   */
  wait(
    key: string,
    owner: LockOwner,
    mode: LockMode,
    timeoutSeconds: number,
    onCancel: (cancel: () => void) => void,
  ): Promise<void> {
    const lock = this.lockOf(key);
    if (!lock?.excludes(owner, mode)) return Promise.resolve();
    if (this.closesCycle(owner, lock)) {
      return Promise.reject(deadlock());
    }
    owner.waitingFor = key;
    const waiters = (lock.waiters ??= []);
    return new Promise((resolve, reject) => {
      const done = (error?: SqlError): void => {
        clearTimeout(timer);
        owner.waitingFor = undefined;
        const at = waiters.indexOf(waiter);
        if (at >= 0) waiters.splice(at, 1);
        if (lock.isFree && this.locks.get(key) === lock) this.forget(key);
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(
        () => done(new SqlError(1205, 'HY000', 'Lock wait timeout exceeded; try restarting transaction')),
        Math.min(timeoutSeconds * 1000, 0x7fffffff),
      );
      const waiter: Waiter = { owner, mode, wake: () => done() };
      waiters.push(waiter);
      onCancel(() => done(interrupted()));
    });
  }

  private closesCycle(owner: LockOwner, lock: Lock): boolean {
    const seen = new Set<LockOwner>();
    const visit = (l: Lock): boolean => {
      for (const holder of l.holders) {
        if (holder === owner) {
          if (l !== lock) return true;
          continue;
        }
        if (seen.has(holder)) continue;
        seen.add(holder);
        const next = holder.waitingFor === undefined ? undefined : this.lockOf(holder.waitingFor);
        if (next && visit(next)) return true;
      }
      return false;
    };
    return visit(lock);
  }

  /** Connection that holds the lock, if any. */
  holder(key: string): number | undefined {
    return this.lockOf(key)?.holders[0]?.connectionId;
  }
}

export const deadlock = (): SqlError =>
  new SqlError(1213, '40001', 'Deadlock found when trying to get lock; try restarting transaction');

export const interrupted = (): SqlError => new SqlError(1317, '70100', 'Query execution was interrupted');
