/**
 * Open transactions. SQLite holds committed rows only: what an open transaction wrote lies here, in memory, as row images,
 * and goes to SQLite at COMMIT. A statement of the transaction that needs SQLite sees those rows through an overlay (see
 * overlay.ts). The same overlay gives a REPEATABLE READ transaction its snapshot: rows that others changed since it began
 * are shown as they were (`VersionStore`).
 */
import { STEP_ROWS, WideMap, type Footprint, type Steps } from '../consistency/index.ts';
import type { CatalogChange } from '../sql/index.ts';
import { ChangeList, type Row, type RowChange, type RowId } from '../store/index.ts';
import type { Digest } from '../log/index.ts';
import type { LockOwner } from './locks.ts';
import type { SeenRow } from './merge/index.ts';
import type { CommitLevel } from './session-state.ts';
import type { TableRuntime, UniqueKey } from './table.ts';

export type Isolation = 'READ-UNCOMMITTED' | 'READ-COMMITTED' | 'REPEATABLE-READ' | 'SERIALIZABLE';

/** Images of one table's rows that differ from what lies in SQLite; undefined: the row does not exist. */
export type Images = RowMap<Row | undefined>;

/** Something by the ids of rows. */
interface RowMap<V> extends Iterable<[RowId, V]> {
  readonly size: number;
  has(rowid: RowId): boolean;
  get(rowid: RowId): V | undefined;
}

/** A transaction's own: each row is what one of its changes made of it. */
class OwnImages implements Images {
  private readonly tableId: number;
  private readonly changes: ChangeList;
  /** Of the last change of each row. */
  private readonly places = new WideMap<RowId, number>();

  constructor(tableId: number, changes: ChangeList) {
    this.tableId = tableId;
    this.changes = changes;
  }

  get size(): number {
    return this.places.size;
  }

  has(rowid: RowId): boolean {
    return this.places.has(rowid);
  }

  get(rowid: RowId): Row | undefined {
    const place = this.places.get(rowid);
    if (place === undefined) return undefined;
    const change = this.changes.at(place);
    return (change.newRowid ?? change.rowid) === rowid ? change.after : undefined;
  }

  note({ rowid, newRowid = rowid }: RowChange, place: number): void {
    if (newRowid !== rowid) this.places.set(rowid, place);
    this.places.set(newRowid, place);
  }

  *[Symbol.iterator](): Generator<[RowId, Row | undefined], undefined, undefined> {
    let place = 0;
    for (const { table, rowid, newRowid = rowid, after } of this.changes) {
      if (table.id === this.tableId) {
        if (newRowid !== rowid && this.places.get(rowid) === place) yield [rowid, undefined];
        if (this.places.get(newRowid) === place) yield [newRowid, after];
      }
      place++;
    }
    return undefined;
  }
}

/** How far it had come. */
export interface Mark {
  /** Places in the lists of what it did. */
  readonly changes: number;
  readonly temporary: number;
  /** What they had done by then to the digest of all rows, where they go to the state at once. */
  readonly digest?: Digest;
}

interface Savepoint extends Mark {
  readonly name: string;
}

export class OpenTransaction {
  readonly owner: LockOwner;
  readonly isolation: Isolation;
  readonly readOnly: boolean;
  /** What it did, in order. */
  readonly changes = new ChangeList();
  /** What it did to rows of temporary tables: these lie in SQLite already, and a rollback takes them out again. */
  readonly temporary = new ChangeList();
  private readonly images = new Map<number, OwnImages>();
  private savepoints: Savepoint[] = [];
  /** Number of the last commit that its snapshot shows; undefined until its first consistent read. */
  snapshot: number | undefined;
  /** Until all commits that its snapshot shows are durable. */
  unflushed: Promise<void> | undefined;
  /** At level `final`: what it saw must still stand when it is ordered. */
  readonly certified: boolean;
  readonly seen = new Map<string, SeenRow>();
  /** Its client will wait for other nodes, as far as is known before it commits. */
  readonly needsOthers: boolean;
  isCommitting = false;
  /** How many databases had gone to a group of their own when it began: see EngineCore. */
  movedAway = 0;
  /** It read what was decided before its first read. */
  isLinear = false;
  /** Rows that it wrote, or what their foreign keys rest on, were changed by another node's transaction. */
  isDisturbed = false;
  /** It cannot be committed any more: a table that it wrote has another definition now, or what it saw is not so any more. */
  isDoomed = false;
  /** Text of its statements, for the log. */
  readonly statements: string[] = [];
  bytes = 0;

  constructor(owner: LockOwner, isolation: Isolation, readOnly: boolean, level: CommitLevel = 'local') {
    this.certified = level === 'final';
    this.needsOthers = level !== 'local';
    this.owner = owner;
    this.isolation = isolation;
    this.readOnly = readOnly;
  }

  /** Whether what it reads is to stay as it was read; at READ COMMITTED each statement looks anew. */
  get readsLast(): boolean {
    return this.isolation === 'REPEATABLE-READ' || this.isolation === 'SERIALIZABLE';
  }

  /** A statement begins anew that had seen what lies behind the first `count`; all, where it opened the transaction itself. */
  forgetSeen(count = 0): void {
    for (const name of [...this.seen.keys()].slice(count)) this.seen.delete(name);
  }

  imagesOf(tableId: number): Images | undefined {
    return this.images.get(tableId);
  }

  record(change: RowChange): void {
    this.changes.push(change);
    this.show(change, this.changes.length - 1);
    this.bytes += bytesOf(change);
  }

  /** Whether others' changes may come to lie under its own, which it would not know of. What is certified is tried anew anyhow. */
  get mayBeDisturbed(): boolean {
    return !this.certified && !this.isDisturbed && this.changes.length > 0;
  }

  /** Others' changes came to lie under this transaction's, and wrote these keys: would it do the same again on top of them? */
  *disturbedBy(
    writes: readonly string[],
    footprintOf: (changes: Iterable<RowChange>) => Steps<Footprint>,
  ): Steps<void> {
    const { keys } = this.touchedKeys;
    if (this.touchedKeys.upTo < this.changes.length) yield* this.noteTouched(footprintOf);
    for (let i = 0; i < writes.length && !this.isDisturbed; i++) {
      this.isDisturbed = keys.has(writes[i] as string);
      if (i % STEP_ROWS === STEP_ROWS - 1) yield;
    }
  }

  /** The keys that its changes read or wrote. */
  private *noteTouched(footprintOf: (changes: Iterable<RowChange>) => Steps<Footprint>): Steps<void> {
    const { keys, upTo } = this.touchedKeys;
    const { reads, writes } = yield* footprintOf(this.changes.from(upTo));
    let count = 0;
    for (const key of reads.concat(writes)) {
      keys.add(key);
      if (++count % STEP_ROWS === 0) yield;
    }
    this.touchedKeys.upTo = this.changes.length;
  }
  private touchedKeys = { keys: new Set<string>(), upTo: 0 };

  /** Whether a schema change concerns a table that it wrote. */
  touches(change: CatalogChange): boolean {
    const wroteIn = (name: string): boolean => this.changes.tables.some(({ database }) => database === name);
    if (change.kind === 'put-database') return change.database.move !== undefined && wroteIn(change.database.name);
    if (change.kind === 'drop-database') return wroteIn(change.name);
    const id = change.kind === 'put-table' ? change.table.id : 'id' in change ? change.id : undefined;
    return id !== undefined && this.images.has(id);
  }

  private show(change: RowChange, place: number): void {
    const { id } = change.table;
    let images = this.images.get(id);
    if (!images) this.images.set(id, (images = new OwnImages(id, this.changes)));
    images.note(change, place);
  }

  private readonly keys = new Map<number, Map<UniqueKey, WideMap<string, RowId>>>();

  /** Unique keys of the rows that it wrote, by key; but for those that are rowids. */
  ownKeys(rt: TableRuntime): Map<UniqueKey, WideMap<string, RowId>> {
    let keys = this.keys.get(rt.table.id);
    if (!keys) {
      this.keys.set(
        rt.table.id,
        (keys = new Map(rt.unique.flatMap((key) => (key.isRowid ? [] : [[key, new WideMap<string, RowId>()]])))),
      );
      for (const [rowid, row] of this.images.get(rt.table.id) ?? []) if (row) this.addKeys(keys, rowid, row);
    }
    return keys;
  }

  private addKeys(keys: Map<UniqueKey, WideMap<string, RowId>>, rowid: RowId, row: Row): void {
    for (const [key, byKey] of keys) {
      const k = key.keyOf(row);
      if (k !== undefined) byKey.set(k, rowid);
    }
  }

  noteKeys(rt: TableRuntime, change: RowChange): void {
    if (change.after) this.addKeys(this.ownKeys(rt), change.newRowid ?? change.rowid, change.after);
  }

  mark(): Mark {
    return { changes: this.changes.length, temporary: this.temporary.length };
  }

  /** Takes back everything since a place in the list of its changes. */
  rollbackTo(mark: number): void {
    if (this.changes.length === mark) return;
    for (const change of this.changes.from(mark)) this.bytes -= bytesOf(change);
    this.changes.truncate(mark);
    this.touchedKeys = { keys: new Set<string>(), upTo: 0 };
    this.images.clear();
    this.keys.clear();
    let place = 0;
    for (const change of this.changes) this.show(change, place++);
  }

  savepoint(name: string): void {
    const lower = name.toLowerCase();
    this.savepoints = this.savepoints.filter((s) => s.name !== lower);
    this.savepoints.push({ name: lower, ...this.mark() });
  }

  /** Where the savepoint stood, for what lies outside to be taken back; undefined when there is no such one. */
  rollbackToSavepoint(name: string): Mark | undefined {
    const at = this.savepoints.findIndex((s) => s.name === name.toLowerCase());
    const found = this.savepoints[at];
    if (!found) return undefined;
    this.rollbackTo(found.changes);
    this.savepoints.length = at + 1;
    return found;
  }

  releaseSavepoint(name: string): boolean {
    const at = this.savepoints.findIndex((s) => s.name === name.toLowerCase());
    if (at < 0) return false;
    this.savepoints.length = at;
    return true;
  }
}

/** What a change takes in the log, at most. */
export const bytesOf = ({ before, after }: RowChange): number => 64 + sizeOf(after) + sizeOf(before);

function sizeOf(row: Row | undefined): number {
  let bytes = 0;
  for (const value of row ?? [])
    bytes += typeof value === 'string' ? Buffer.byteLength(value) : value instanceof Uint8Array ? value.length : 8;
  return bytes;
}

/** Rows of a table, from one id to another, both included. */
export interface KeyRange {
  readonly low: RowId;
  readonly high: RowId;
}

/** Those of a range. Of many, a few are not looked for among all of them. */
export function within<V>(rows: RowMap<V>, range: KeyRange | undefined): Iterable<[RowId, V]> {
  if (!range) return rows;
  const { low, high } = range;
  if (typeof low !== 'number' || typeof high !== 'number' || high - low > rows.size)
    return [...rows].filter(([rowid]) => rowid >= low && rowid <= high);
  const found: [RowId, V][] = [];
  for (let rowid = low; rowid <= high; rowid++) if (rows.has(rowid)) found.push([rowid, rows.get(rowid) as V]);
  return found;
}

/** One committed change of a row, kept while a snapshot may need what was there before. */
interface Version {
  readonly commit: number;
  readonly before: Row | undefined;
}

/** What committed rows were before, for the snapshots that are open. */
export class VersionStore {
  /** Counts commits. */
  commit = 0;
  /** The oldest first. */
  private readonly snapshots = new Map<OpenTransaction, number>();
  private readonly tables = new Map<number, WideMap<RowId, Version[]>>();

  get isNeeded(): boolean {
    return this.snapshots.size > 0;
  }

  open(transaction: OpenTransaction): void {
    if (transaction.snapshot !== undefined) return;
    transaction.snapshot = this.commit;
    this.snapshots.set(transaction, this.commit);
  }

  close(transaction: OpenTransaction): void {
    if (!this.snapshots.delete(transaction)) return;
    if (this.snapshots.size === 0) {
      this.tables.clear();
      return;
    }
    // Versions that no snapshot is old enough to need go when the oldest snapshot does.
    const [oldest = 0] = this.snapshots.values();
    if ((transaction.snapshot ?? 0) >= oldest) return;
    for (const [id, rows] of this.tables) {
      for (const [rowid, versions] of rows) {
        const kept = versions.filter((v) => v.commit > oldest);
        if (kept.length === 0) rows.delete(rowid);
        else rows.set(rowid, kept);
      }
      if (rows.size === 0) this.tables.delete(id);
    }
  }

  /** Notes a commit's changes. */
  *committed(changes: ChangeList): Steps<void> {
    this.commit++;
    if (this.snapshots.size === 0) return;
    let count = 0;
    for (const change of changes) {
      if (++count % STEP_ROWS === 0) yield;
      this.note(change.table.id, change.rowid, change.before);
      if (change.newRowid !== undefined && change.newRowid !== change.rowid)
        this.note(change.table.id, change.newRowid, undefined);
    }
  }

  private note(tableId: number, rowid: RowId, before: Row | undefined): void {
    let rows = this.tables.get(tableId);
    if (!rows) this.tables.set(tableId, (rows = new WideMap<RowId, Version[]>()));
    const versions = rows.get(rowid);
    if (versions) versions.push({ commit: this.commit, before });
    else rows.set(rowid, [{ commit: this.commit, before }]);
  }

  /** Rows of a table, or of a range of it, that differ from what the snapshot shows, as it shows them. */
  imagesAt(tableId: number, snapshot: number, range?: KeyRange): WideMap<RowId, Row | undefined> | undefined {
    const rows = this.tables.get(tableId);
    if (!rows) return undefined;
    let images: WideMap<RowId, Row | undefined> | undefined;
    for (const [rowid, versions] of within(rows, range)) {
      const first = versions.find((v) => v.commit > snapshot);
      if (first) (images ??= new WideMap()).set(rowid, first.before);
    }
    return images;
  }
}
