/**
 * Locks of open transactions: rows (by table and rowid), unique keys that are not committed yet (by table, index and key), whole
 * tables, and names (GET_LOCK). A statement never waits inside: it throws LockWait, its changes are taken back, and its
 * session runs it again when the lock is free. Deadlocks are found when a wait begins: a cycle of waits ends the one who
 * closed it (error 1213), as InnoDB does.
 */
import { finish, STEP_ROWS, WideMap, type Steps } from '../consistency/index.ts';
import { SqlError } from '../sql/index.ts';
import type { RowId } from '../store/index.ts';

export type LockMode = 'shared' | 'exclusive';

/**
 * What a lock is on, within its table: a rowid, `k` and a unique key, or WHOLE. A large transaction has a million of these; as numbers they
 * are nothing that the garbage collector would have to move.
 */
export interface LockKey {
  /** The table's id, or one of those that no table has. */
  readonly table: number;
  readonly id: RowId | string;
}

const WHOLE = '*';
/** GET_LOCK's names. */
const NAMES = -1;

export const rowLock = (table: number, rowid: RowId): LockKey => ({ table, id: rowid });
export const keyLock = (table: number, indexId: number, key: string): LockKey => ({ table, id: `k${indexId}:${key}` });
export const tableLock = (table: number): LockKey => ({ table, id: WHOLE });
export const nameLock = (name: string): LockKey => ({ table: NAMES, id: name });
/** FLUSH TABLES WITH READ LOCK holds it: no schema change until it is given back. Tables are counted from 1. */
export const GLOBAL_READ_LOCK = tableLock(0);

/** Whether it is a whole table's, or all tables'. */
export const isWhole = ({ table, id }: LockKey): boolean => table !== NAMES && id === WHOLE;

/** Who holds locks: an open transaction, or a session for GET_LOCK and LOCK TABLES. */
export class LockOwner {
  /** By table. */
  readonly held = new Map<number, WideMap<RowId | string, LockMode>>();
  /** Locks of LOCK TABLES, by table: they outlive transactions. */
  readonly lockedTables = new Map<number, LockKey>();
  /** The lock it waits for. */
  waitingFor: LockKey | undefined;
  readonly connectionId: number;

  constructor(connectionId: number) {
    this.connectionId = connectionId;
  }

  get holdsAny(): boolean {
    return this.held.size > 0;
  }

  modeOf({ table, id }: LockKey): LockMode | undefined {
    return this.held.get(table)?.get(id);
  }

  note({ table, id }: LockKey, mode: LockMode): void {
    let held = this.held.get(table);
    if (!held) this.held.set(table, (held = new WideMap()));
    held.set(id, mode);
  }

  forget({ table, id }: LockKey): void {
    const held = this.held.get(table);
    if (held?.delete(id) && held.size === 0) this.held.delete(table);
  }
}

/** Thrown by a statement that met a lock; the session waits and runs the statement again. */
export class LockWait extends Error {
  override readonly name = 'LockWait';
  readonly key: LockKey;
  readonly mode: LockMode;

  constructor(key: LockKey, mode: LockMode) {
    super(`waits for ${key.id} of ${key.table}`);
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

export class LockManager {
  /**
   * By table; a table without any has no map. There may be very many: nearly all have one holder, alone, and nobody who waits, and then that is
   * all there is to keep.
   */
  private readonly tables = new Map<number, WideMap<RowId | string, Lock | LockOwner>>();

  /** A statement on a table without any locks asks no further. */
  tableHasLocks(tableId: number): boolean {
    return this.tables.has(tableId);
  }

  private known({ table, id }: LockKey): Lock | LockOwner | undefined {
    return this.tables.get(table)?.get(id);
  }

  private keep({ table, id }: LockKey, lock: Lock | LockOwner): void {
    let locks = this.tables.get(table);
    if (!locks) this.tables.set(table, (locks = new WideMap()));
    locks.set(id, lock);
  }

  private forget({ table, id }: LockKey): void {
    const locks = this.tables.get(table);
    if (locks?.delete(id) && locks.size === 0) this.tables.delete(table);
  }

  /** Whether somebody else holds the lock in a way that excludes `mode`. */
  isTaken(key: LockKey, owner: LockOwner | undefined, mode: LockMode): boolean {
    return excludes(this.known(key), owner, mode);
  }

  /** Throws LockWait when the lock is taken, without taking it: what a statement that commits at once needs. */
  check(key: LockKey, owner: LockOwner | undefined, mode: LockMode): void {
    if (this.isTaken(key, owner, mode)) throw new LockWait(key, mode);
  }

  /** Throws LockWait when anybody else holds any lock of the table. */
  checkTable(tableId: number, owner: LockOwner): void {
    this.check(tableLock(tableId), owner, 'exclusive');
    for (const [id, lock] of this.tables.get(tableId) ?? [])
      if (excludes(lock, owner, 'exclusive')) throw new LockWait({ table: tableId, id }, 'exclusive');
  }

  /** Takes the lock of a whole table; throws LockWait where anybody else holds that, or a row's, in a way that excludes it. */
  takeTable(tableId: number, owner: LockOwner, mode: LockMode): void {
    for (const [id, lock] of this.tables.get(tableId) ?? [])
      if (excludes(lock, owner, mode)) throw new LockWait({ table: tableId, id }, mode);
    this.take(tableLock(tableId), owner, mode);
  }

  /** Whether LOCK TABLES or FLUSH TABLES WITH READ LOCK holds it, and not a transaction. */
  isKept(key: LockKey): boolean {
    return isWhole(key) && (this.lockOf(key)?.holders ?? []).some((owner) => owner.lockedTables.has(key.table));
  }

  /** Takes the lock or throws LockWait. */
  take(key: LockKey, owner: LockOwner, mode: LockMode): void {
    const held = owner.modeOf(key);
    if (held === 'exclusive' || held === mode) return;
    const known = this.known(key);
    if (excludes(known, owner, mode)) throw new LockWait(key, mode);
    if (!known && mode === 'exclusive') this.keep(key, owner);
    else (this.lockOf(key) ?? this.newLock(key)).hold(owner, mode);
    owner.note(key, mode);
  }

  private newLock(key: LockKey): Lock {
    const lock = new Lock();
    this.keep(key, lock);
    return lock;
  }

  /** With all that there may be to keep of it. */
  private lockOf(key: LockKey): Lock | undefined {
    const known = this.known(key);
    if (!(known instanceof LockOwner)) return known;
    const lock = this.newLock(key);
    lock.hold(known, 'exclusive');
    return lock;
  }

  release(key: LockKey, owner: LockOwner): void {
    if (this.letGo(key, owner)) owner.forget(key);
  }

  /** False where the owner did not hold it. */
  private letGo(key: LockKey, owner: LockOwner): boolean {
    const lock = this.known(key);
    if (lock === owner) this.forget(key);
    if (!(lock instanceof Lock)) return lock === owner;
    if (!lock.letGo(owner)) return false;
    if (lock.isFree) this.forget(key);
    for (const waiter of [...(lock.waiters ?? [])]) if (!lock.excludes(waiter.owner, waiter.mode)) waiter.wake();
    return true;
  }

  /** Releases what a transaction holds; names (GET_LOCK) and LOCK TABLES outlive transactions. */
  releaseAll(owner: LockOwner): void {
    finish(this.releasing(owner));
  }

  /** As releaseAll(). Meanwhile the owner takes no others. */
  *releasing(owner: LockOwner): Steps<void> {
    let count = 0;
    for (const [table, held] of [...owner.held]) {
      if (table === NAMES) continue;
      const kept = owner.lockedTables.get(table);
      const mode = kept && held.get(kept.id);
      for (const id of held.keys()) {
        if (++count % STEP_ROWS === 0) yield;
        if (id !== kept?.id) this.letGo({ table, id }, owner);
      }
      owner.held.delete(table);
      if (kept && mode) owner.note(kept, mode);
    }
  }

  /**
   * Waits until the lock could be taken (it is not taken). Rejects with 1205 after `timeoutSeconds`, with 1213 at once when
   * the wait would close a cycle, with 1317 when `cancelled` fires.
   */
  wait(
    key: LockKey,
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
        if (lock.isFree && this.known(key) === lock) this.forget(key);
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
  holder(key: LockKey): number | undefined {
    return this.lockOf(key)?.holders[0]?.connectionId;
  }
}

export const deadlock = (): SqlError =>
  new SqlError(1213, '40001', 'Deadlock found when trying to get lock; try restarting transaction');

export const interrupted = (): SqlError => new SqlError(1317, '70100', 'Query execution was interrupted');
