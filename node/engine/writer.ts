/**
 * Where the rows of a statement go. DirectWriter: the statement is a transaction of its own, its rows go to SQLite at once
 * and are taken back when it fails. TransactionWriter: they go to the open transaction's images, under locks.
 */
import { sortKey, SqlError, type SqliteValue, type TableDef } from '../sql/index.ts';
import {
  addDigests,
  ChangeList,
  isConstraintError,
  NO_DIGEST,
  type Intent,
  type Row,
  type RowChange,
  type RowId,
  type State,
} from '../store/index.ts';
import { finderOf, findSql } from './finder.ts';
import { keyLock, rowLock, tableLock, type LockManager, type LockOwner } from './locks.ts';
import type { TableRuntime, UniqueKey } from './table.ts';
import { takeBackTemporary } from './temporary-rows.ts';
import { bytesOf, type Mark, type OpenTransaction } from './transaction.ts';

/** A row of the table that has the same unique key already. */
export interface Duplicate {
  readonly key: UniqueKey;
  readonly rowid: RowId;
  readonly row: Row;
}

export interface RowWriter {
  /** Set while changes follow from another one: see RowChange. */
  derived: boolean;
  /** The row as this statement sees it. */
  get(table: TableDef, rowid: RowId): Row | undefined;
  /** A row with the same unique key, other than `except`; the first key in the table's order. */
  duplicateOf(rt: TableRuntime, row: Row, except: RowId | undefined): Duplicate | undefined;
  /** Nobody else gives or takes away a row with one of these keys meanwhile. Throws LockWait. */
  claimKeys(rt: TableRuntime, row: Row): void;
  /** Throws LockWait; a duplicate is a DuplicateError. */
  insert(rt: TableRuntime, row: Row, intent?: Intent): RowId;
  update(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    after: Row,
    adds: readonly number[] | undefined,
    intent?: Intent,
  ): void;
  remove(rt: TableRuntime, rowid: RowId, before: Row): void;
  /** Locks a row that was read in order to be changed, and says whether it still is as it was read. */
  lockForChange(table: TableDef, rowid: RowId): void;
  /** The row stays as it is until what this writer does is committed: a child rests on it. Throws LockWait. */
  lockToStay(table: TableDef, rowid: RowId): void;
  /** Rows that have these values in these columns. */
  rowsWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
    limit: number,
  ): { rowid: RowId; row: Row }[];
  /**
   * As rowsWith(), all of them, page by page. What is done to the rows of a page may take them out of what is looked for: no row comes
   * twice, nor is one left out.
   */
  pagesWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
  ): Iterator<readonly { readonly rowid: RowId; readonly row: Row }[]>;
  mark(): Mark;
  rollbackTo(mark: Mark): void;
}

const PAGE_ROWS = 500;
const ALL_ROWS = 1_000_000_000;

export class DuplicateError extends Error {
  override readonly name = 'DuplicateError';
  readonly key: UniqueKey | undefined;

  constructor(key: UniqueKey | undefined) {
    super('duplicate key');
    this.key = key;
  }
}

function sameKey(key: UniqueKey, a: Row, b: Row): boolean {
  const k = key.keyOf(a);
  return k !== undefined && k === key.keyOf(b);
}

/** All changes have one shape: what reads them is quicker for it. */
function changeOf(
  writer: RowWriter,
  table: TableDef,
  rowid: RowId,
  before: Row | undefined,
  after: Row | undefined,
  intent?: Intent,
  adds?: readonly number[],
  newRowid: RowId = rowid,
): RowChange {
  return {
    table,
    rowid,
    newRowid: newRowid === rowid ? undefined : newRowid,
    before,
    after,
    adds,
    intent,
    derived: writer.derived ? true : undefined,
  };
}

const tooLarge = (): SqlError =>
  new SqlError(
    1197,
    'HY000',
    "Multi-statement transaction required more than 'p2pdb_max_transaction_bytes' bytes of storage; increase this variable and try again",
  );

export class DirectWriter implements RowWriter {
  derived = false;
  /** Hidden key of the next row that is inserted, where it has one already. */
  nextRowid: RowId | undefined;
  private readonly state: State;
  private readonly locks: LockManager;
  /** Whose own locks (LOCK TABLES) are no obstacle. */
  private readonly owner: LockOwner | undefined;
  readonly changes: ChangeList;
  /** What they do to the digest of all rows. */
  digest = NO_DIGEST;
  private readonly epoch: number;
  /** What its changes may take in the log; undefined where they are logged already, or never. */
  private readonly bytesMax: number | undefined;
  private bytes = 0;

  constructor(
    state: State,
    locks: LockManager,
    owner: LockOwner | undefined,
    bytesMax?: number,
    changes = new ChangeList(),
  ) {
    this.state = state;
    this.bytesMax = bytesMax;
    this.changes = changes;
    this.epoch = state.epoch;
    this.locks = locks;
    this.owner = owner;
  }

  get(table: TableDef, rowid: RowId): Row | undefined {
    return this.state.get(table, rowid);
  }

  duplicateOf(rt: TableRuntime, row: Row, except: RowId | undefined): Duplicate | undefined {
    for (const key of rt.unique) {
      const values = key.valuesOf(row);
      if (values.includes(null)) continue;
      for (const rowid of finderOf(this.state).rowids(key.find, values)) {
        if (rowid === except) continue;
        this.locks.check(rowLock(rt.table.id, rowid), this.owner, 'exclusive');
        const found = this.state.get(rt.table, rowid);
        if (found) return { key, rowid, row: found };
      }
    }
    return undefined;
  }

  claimKeys(rt: TableRuntime, row: Row): void {
    if (!this.locks.tableHasLocks(rt.table.id)) return;
    if (rt.rowid >= 0) this.locks.check(rowLock(rt.table.id, row[rt.rowid] as RowId), this.owner, 'exclusive');
    for (const key of rt.unique) {
      const k = key.keyOf(row);
      if (k !== undefined) this.locks.check(keyLock(rt.table.id, key.index.id, k), this.owner, 'exclusive');
    }
  }

  lockForChange(table: TableDef, rowid: RowId): void {
    if (!this.locks.tableHasLocks(table.id)) return;
    this.locks.check(tableLock(table.id), this.owner, 'exclusive');
    this.locks.check(rowLock(table.id, rowid), this.owner, 'exclusive');
  }

  lockToStay(table: TableDef, rowid: RowId): void {
    this.locks.check(rowLock(table.id, rowid), this.owner, 'shared');
  }

  insert(rt: TableRuntime, row: Row, intent?: Intent): RowId {
    const { table } = rt;
    const rowid = rt.rowid >= 0 ? (row[rt.rowid] as RowId) : (this.nextRowid ?? this.state.counters.newRowid(table));
    this.nextRowid = undefined;
    this.lockForChange(table, rowid);
    this.claimKeys(rt, row);
    this.apply(rt, changeOf(this, table, rowid, undefined, row, intent), row, undefined);
    return rowid;
  }

  update(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    after: Row,
    adds: readonly number[] | undefined,
    intent?: Intent,
  ): void {
    const { table } = rt;
    this.lockForChange(table, rowid);
    this.claimKeys(rt, after);
    const newRowid = rt.rowid >= 0 ? (after[rt.rowid] as RowId) : rowid;
    this.apply(rt, changeOf(this, table, rowid, before, after, intent, adds, newRowid), after, rowid);
  }

  remove(rt: TableRuntime, rowid: RowId, before: Row): void {
    this.lockForChange(rt.table, rowid);
    this.apply(rt, changeOf(this, rt.table, rowid, before, undefined), undefined, undefined);
  }

  private apply(rt: TableRuntime, change: RowChange, row: Row | undefined, except: RowId | undefined): void {
    try {
      this.digest = addDigests(this.digest, this.state.apply(change));
    } catch (error) {
      if (!isConstraintError(error) || !row) throw error;
      throw new DuplicateError(this.duplicateOf(rt, row, except)?.key);
    }
    this.changes.push(change);
    if (this.bytesMax !== undefined && (this.bytes += bytesOf(change)) > this.bytesMax) throw tooLarge();
  }

  rowsWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
    limit: number,
  ): { rowid: RowId; row: Row }[] {
    return finderOf(this.state)
      .rowids(findSql(table, places, limit), values)
      .flatMap((rowid) => {
        const row = this.state.get(table, rowid);
        return row ? [{ rowid, row }] : [];
      });
  }

  *pagesWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
  ): Generator<{ rowid: RowId; row: Row }[], void, undefined> {
    for (let before = new Set<RowId>(); ;) {
      const page = this.rowsWith(table, places, values, PAGE_ROWS);
      // Rows that still are as they were looked for stand in front: from there on one page has them all.
      if (page.some(({ rowid }) => before.has(rowid))) {
        yield this.rowsWith(table, places, values, ALL_ROWS).filter(({ rowid }) => !before.has(rowid));
        return;
      }
      yield page;
      if (page.length < PAGE_ROWS) return;
      before = new Set(page.map(({ rowid }) => rowid));
    }
  }

  mark(): Mark {
    return { changes: this.changes.length, temporary: 0, digest: this.digest };
  }

  rollbackTo(mark: Mark): void {
    this.state.revertAll(this.changes.backwards(this.changes.length, mark.changes), this.epoch);
    this.changes.truncate(mark.changes);
    this.digest = mark.digest ?? NO_DIGEST;
  }
}

export class TransactionWriter implements RowWriter {
  derived = false;
  private readonly state: State;
  private readonly locks: LockManager;
  private readonly transaction: OpenTransaction;
  private readonly bytesMax: number;
  /** Rows of temporary tables go to the state at once, where nobody else sees them, and are in no log. */
  private readonly temporary: DirectWriter;

  constructor(state: State, locks: LockManager, transaction: OpenTransaction, bytesMax: number) {
    this.state = state;
    this.locks = locks;
    this.transaction = transaction;
    this.bytesMax = bytesMax;
    this.temporary = new DirectWriter(state, locks, transaction.owner, undefined, transaction.temporary);
  }

  get(table: TableDef, rowid: RowId): Row | undefined {
    if (table.temporary) return this.temporary.get(table, rowid);
    const images = this.transaction.imagesOf(table.id);
    return images?.has(rowid) ? images.get(rowid) : this.state.get(table, rowid);
  }

  duplicateOf(rt: TableRuntime, row: Row, except: RowId | undefined): Duplicate | undefined {
    const { table } = rt;
    if (table.temporary) return this.temporary.duplicateOf(rt, row, except);
    const images = this.transaction.imagesOf(table.id);
    for (const key of rt.unique) {
      const values = key.valuesOf(row);
      if (values.includes(null)) continue;
      for (const rowid of finderOf(this.state).rowids(key.find, values)) {
        if (rowid === except || images?.has(rowid)) continue;
        this.locks.take(rowLock(table.id, rowid), this.transaction.owner, 'shared');
        const found = this.state.get(table, rowid);
        if (found) return { key, rowid, row: found };
      }
      const own = this.ownDuplicate(rt, key, row, except);
      if (own) return own;
    }
    return undefined;
  }

  private ownDuplicate(rt: TableRuntime, key: UniqueKey, row: Row, except: RowId | undefined): Duplicate | undefined {
    const images = this.transaction.imagesOf(rt.table.id);
    if (!images) return undefined;
    const rowid = key.isRowid
      ? (row[rt.rowid] as RowId)
      : this.transaction
          .ownKeys(rt)
          .get(key)
          ?.get(key.keyOf(row) ?? '');
    if (rowid !== undefined && rowid !== except) {
      const found = images.get(rowid);
      if (found && sameKey(key, found, row)) return { key, rowid, row: found };
    }
    return undefined;
  }

  lockForChange(table: TableDef, rowid: RowId): void {
    if (table.temporary) return;
    this.locks.check(tableLock(table.id), this.transaction.owner, 'exclusive');
    this.locks.take(rowLock(table.id, rowid), this.transaction.owner, 'exclusive');
  }

  lockToStay(table: TableDef, rowid: RowId): void {
    this.locks.take(rowLock(table.id, rowid), this.transaction.owner, 'shared');
  }

  claimKeys(rt: TableRuntime, row: Row): void {
    if (rt.table.temporary) return;
    if (rt.rowid >= 0)
      this.locks.take(rowLock(rt.table.id, row[rt.rowid] as RowId), this.transaction.owner, 'exclusive');
    for (const key of rt.unique) {
      if (key.isRowid) continue;
      const k = key.keyOf(row);
      if (k !== undefined) this.locks.take(keyLock(rt.table.id, key.index.id, k), this.transaction.owner, 'exclusive');
    }
  }

  private record(rt: TableRuntime, change: RowChange): void {
    this.transaction.record(change);
    this.transaction.noteKeys(rt, change);
    if (this.transaction.bytes > this.bytesMax) throw tooLarge();
  }

  insert(rt: TableRuntime, row: Row, intent?: Intent): RowId {
    const { table } = rt;
    if (table.temporary) return this.temporary.insert(rt, row);
    const rowid = rt.rowid >= 0 ? (row[rt.rowid] as RowId) : this.state.counters.newRowid(table);
    this.lockForChange(table, rowid);
    this.claimKeys(rt, row);
    const duplicate = this.duplicateOf(rt, row, undefined);
    if (duplicate) throw new DuplicateError(duplicate.key);
    this.record(rt, changeOf(this, table, rowid, undefined, row, intent));
    return rowid;
  }

  update(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    after: Row,
    adds: readonly number[] | undefined,
    intent?: Intent,
  ): void {
    const { table } = rt;
    if (table.temporary) return this.temporary.update(rt, rowid, before, after, undefined);
    this.lockForChange(table, rowid);
    const newRowid = rt.rowid >= 0 ? (after[rt.rowid] as RowId) : rowid;
    const keysChanged = rt.unique.some((key) => key.places.some((p) => before[p] !== after[p]));
    if (keysChanged) {
      this.claimKeys(rt, before);
      this.claimKeys(rt, after);
      const duplicate = this.duplicateOf(rt, after, rowid);
      if (duplicate) throw new DuplicateError(duplicate.key);
    }
    this.record(rt, changeOf(this, table, rowid, before, after, intent, adds, newRowid));
  }

  remove(rt: TableRuntime, rowid: RowId, before: Row): void {
    if (rt.table.temporary) return this.temporary.remove(rt, rowid, before);
    this.lockForChange(rt.table, rowid);
    this.claimKeys(rt, before);
    this.record(rt, changeOf(this, rt.table, rowid, before, undefined));
  }

  rowsWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
    limit: number,
  ): { rowid: RowId; row: Row }[] {
    const committed = this.committedWith(table, places, values, limit).flatMap((rowid) => this.stored(table, rowid));
    return [...this.ownWith(table, places, values), ...committed].slice(0, limit);
  }

  private ownWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
  ): { rowid: RowId; row: Row }[] {
    const own: { rowid: RowId; row: Row }[] = [];
    for (const [rowid, row] of this.transaction.imagesOf(table.id) ?? [])
      if (row && places.every((p, i) => equalIn(table, p, row[p] ?? null, values[i] ?? null))) own.push({ rowid, row });
    return own;
  }

  private committedWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
    limit: number,
  ): RowId[] {
    const images = this.transaction.imagesOf(table.id);
    return finderOf(this.state)
      .rowids(findSql(table, places, images ? limit + images.size : limit), values)
      .filter((rowid) => !images?.has(rowid));
  }

  private stored(table: TableDef, rowid: RowId): { rowid: RowId; row: Row }[] {
    const row = this.state.get(table, rowid);
    return row ? [{ rowid, row }] : [];
  }

  *pagesWith(
    table: TableDef,
    places: readonly number[],
    values: readonly SqliteValue[],
  ): Generator<{ rowid: RowId; row: Row }[], void, undefined> {
    const committed = this.committedWith(table, places, values, ALL_ROWS);
    yield [
      ...this.ownWith(table, places, values),
      ...committed.slice(0, PAGE_ROWS).flatMap((rowid) => this.stored(table, rowid)),
    ];
    for (let at = PAGE_ROWS; at < committed.length; at += PAGE_ROWS)
      yield committed.slice(at, at + PAGE_ROWS).flatMap((rowid) => this.stored(table, rowid));
  }

  mark(): Mark {
    return this.transaction.mark();
  }

  rollbackTo(mark: Mark): void {
    this.transaction.rollbackTo(mark.changes);
    takeBackTemporary(this.state, this.transaction, mark.temporary);
  }
}

function equalIn(table: TableDef, place: number, a: SqliteValue, b: SqliteValue): boolean {
  if (a === null || b === null) return false;
  const type = table.columns[place]?.type;
  if (type?.kind === 'string' && typeof a === 'string' && typeof b === 'string') {
    const key = sortKey(type.collation);
    return key(a) === key(b);
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return a === b || String(a) === String(b);
}
