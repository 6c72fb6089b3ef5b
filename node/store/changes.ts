/** Changes of rows, and lists of them. */
import { deserialize, serialize } from 'node:v8';
import type { SqliteValue, TableDef } from '../sql/index.ts';

export type Row = SqliteValue[];
export type RowId = number | bigint;

/** One row before and after, in the order of the table's columns. Undefined: it does not exist. */
export interface RowChange {
  readonly table: TableDef;
  readonly rowid: RowId;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  /** Set when the change gave the row another rowid: its integer primary key changed. */
  readonly newRowid?: RowId | undefined;
  /** Column ids whose change was `c = c ± x`. */
  readonly adds?: readonly number[] | undefined;
  /** What the statement meant, where it is more than the change. */
  readonly intent?: Intent | undefined;
  /** It follows from another change (a cascade, a row that REPLACE removed) and is derived again where the transaction is merged. */
  readonly derived?: boolean | undefined;
}

/** IGNORE, REPLACE, or ON DUPLICATE KEY UPDATE: the row that was to be inserted, and what it is to become where it exists. */
export type Intent =
  | { readonly mode: 'ignore' | 'replace' }
  | {
      readonly mode: 'upsert';
      readonly inserted: Row;
      /** A row (the one that was there, else `inserted`), and what the assignments make of it. */
      readonly base: Row;
      readonly updated: Row;
      readonly adds: readonly number[];
      /** Column ids of all assignments: elsewhere one may change what it does not change here. */
      readonly assigned: readonly number[];
    };

/** The change that takes another one back. */
export const inverse = ({ table, rowid, newRowid, before, after }: RowChange): RowChange => ({
  table,
  rowid: newRowid ?? rowid,
  before: after,
  after: before,
  newRowid: newRowid === undefined ? undefined : rowid,
});

/** Of a longer list all but the newest changes are packed. */
const UNPACKED = 2000;
/** Of so many changes: to see one of them its whole piece is unpacked. */
const PIECE = 100;

/**
 * What a transaction did, in order. A long list is kept as bytes: a million changes are several million objects, and the garbage
 * collector, which moves them twice and then visits each of them again and again, would stop everybody for it.
 */
export class ChangeList implements Iterable<RowChange> {
  private readonly packed: Uint8Array[] = [];
  private recent: RowChange[] = [];
  private readonly places = new Map<TableDef, number>();
  /** The tables whose rows it changes. */
  readonly tables: TableDef[] = [];
  /** How many are more than what follows from others, in tables that are logged. */
  meant = 0;

  static of(changes: Iterable<RowChange>): ChangeList {
    const list = new ChangeList();
    for (const change of changes) list.push(change);
    return list;
  }

  get length(): number {
    return this.packed.length * PIECE + this.recent.length;
  }

  push(change: RowChange): void {
    this.recent.push(change);
    if (!this.places.has(change.table)) this.places.set(change.table, this.tables.push(change.table) - 1);
    if (isMeant(change)) this.meant++;
    if (this.recent.length >= (this.packed.length === 0 ? UNPACKED : 2 * PIECE)) this.pack();
  }

  private pack(): void {
    let at = 0;
    for (; at + PIECE <= this.recent.length; at += PIECE)
      this.packed.push(packed(this.recent.slice(at, at + PIECE), this.places));
    this.recent = this.recent.slice(at);
  }

  at(index: number): RowChange {
    const piece = Math.floor(index / PIECE);
    const change =
      piece < this.packed.length ? this.piece(piece)[index % PIECE] : this.recent[index - this.packed.length * PIECE];
    if (!change) throw new Error(`there is no change ${index}`);
    return change;
  }

  /** The piece that was looked at last is kept: who looks at changes one by one often stays near. */
  private piece(place: number): readonly RowChange[] {
    if (this.unpacked?.place !== place)
      this.unpacked = { place, changes: unpacked(this.packed[place] as Uint8Array, this.tables) };
    return this.unpacked.changes;
  }
  private unpacked: { readonly place: number; readonly changes: readonly RowChange[] } | undefined;

  [Symbol.iterator](): Iterator<RowChange, undefined> {
    return this.packed.length === 0 ? this.recent.values() : this.from(0);
  }

  /** Those from a place on. */
  *from(start: number): Generator<RowChange, undefined, undefined> {
    let at = start;
    for (; at < this.packed.length * PIECE; at++) yield this.at(at);
    for (const change of this.recent.slice(at - this.packed.length * PIECE)) yield change;
    return undefined;
  }

  /** The newest first; without those from a place on, and those before another one. */
  *backwards(end = this.length, start = 0): Generator<RowChange, void, undefined> {
    for (let at = end - 1; at >= start; at--) yield this.at(at);
  }

  /** Forgets those from a place on. */
  truncate(length: number): void {
    const whole = Math.min(this.packed.length, Math.floor(length / PIECE));
    for (const change of this.from(length)) if (isMeant(change)) this.meant--;
    const rest = whole < this.packed.length ? this.piece(whole) : this.recent;
    this.recent = rest.slice(0, length - whole * PIECE);
    this.packed.length = whole;
    this.unpacked = undefined;
    if (length > 0) return;
    this.tables.length = 0;
    this.places.clear();
  }
}

const isMeant = ({ table, derived }: RowChange): boolean => derived !== true && table.temporary !== true;

/** As one flat list of values, which is what V8 packs in the shortest time: arrays and rows with their lengths before them. */
function packed(changes: readonly RowChange[], places: ReadonlyMap<TableDef, number>): Uint8Array {
  const values: unknown[] = [];
  const putRow = (row: Row | undefined): void => {
    values.push(row?.length);
    if (row) for (const value of row) values.push(value);
  };
  for (const { table, rowid, newRowid, before, after, adds, intent, derived } of changes) {
    values.push(places.get(table), rowid, newRowid, derived, adds, intent);
    putRow(before);
    putRow(after);
  }
  return serialize(values);
}

function unpacked(bytes: Uint8Array, tables: readonly TableDef[]): RowChange[] {
  const values = deserialize(bytes) as unknown[];
  let at = 0;
  const row = (): Row | undefined => {
    const length = values[at++] as number | undefined;
    return length === undefined ? undefined : (values.slice(at, (at += length)) as Row);
  };
  const changes: RowChange[] = [];
  while (at < values.length) {
    const [table, rowid, newRowid, derived, adds, intent] = values.slice(at, (at += 6)) as [
      number,
      RowId,
      RowId | undefined,
      boolean | undefined,
      readonly number[] | undefined,
      Intent | undefined,
    ];
    const before = row();
    const after = row();
    changes.push({ table: tables[table] as TableDef, rowid, newRowid, before, after, adds, intent, derived });
  }
  return changes;
}

export function sameValue(a: SqliteValue | undefined, b: SqliteValue | undefined): boolean {
  if (a === b) return true;
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  return false;
}
