/** The numbers that a table gives next: AUTO_INCREMENT values, and hidden rowids where the primary key is not the rowid. */
import type { DatabaseSync } from 'node:sqlite';
import {
  columnName,
  primaryKey,
  ROWID,
  tableName,
  TEMPORARY_IDS,
  uint64OfBytes,
  type SqliteValue,
  type TableDef,
} from '../sql/index.ts';
import { small } from './integers.ts';
import type { Meta } from './meta.ts';

/** The numbers offset, offset + increment, offset + 2 × increment … */
export interface KeyClass {
  readonly increment: number;
  readonly offset: number;
}

/** The first number of a class that is not below `least`. */
export function nextOfClass<T extends number | bigint>(least: T, keyClass: KeyClass): T;
export function nextOfClass(least: number | bigint, { increment, offset }: KeyClass): number | bigint {
  if (least <= offset) return typeof least === 'bigint' ? BigInt(offset) : offset;
  if (typeof least === 'bigint') {
    const [step, first] = [BigInt(increment), BigInt(offset)];
    return first + ((least - first + step - 1n) / step) * step;
  }
  return offset + Math.ceil((least - offset) / increment) * increment;
}

export class Counters {
  private readonly db: DatabaseSync;
  private readonly meta: Meta;
  private readonly rowids = new Map<number, number>();
  private readonly autoIncrements = new Map<number, number | bigint>();
  /** Tables whose AUTO_INCREMENT the file does not have yet. */
  private readonly unstored = new Set<number>();
  /** Which hidden keys this node may give to rows of tables without a primary key: no two nodes give the same. */
  hiddenKeys: KeyClass = { increment: 1, offset: 1 };

  constructor(db: DatabaseSync, meta: Meta) {
    this.db = db;
    this.meta = meta;
  }

  /** A new hidden rowid of a table whose primary key is not the rowid. */
  newRowid(table: TableDef): number {
    let next = this.rowids.get(table.id);
    if (next === undefined) {
      const row = this.db.prepare(`SELECT max(${ROWID}) AS m FROM ${tableName(table)}`).get();
      next = Number(row?.['m'] ?? 0) + 1;
    }
    if (!primaryKey(table)) next = nextOfClass(next, this.hiddenKeys);
    this.rowids.set(table.id, next + 1);
    return next;
  }

  /** The next AUTO_INCREMENT value of a table. */
  autoIncrement(table: TableDef): number | bigint {
    let next = this.autoIncrements.get(table.id);
    if (next === undefined) {
      next = small(this.highest(table) + 1n) as number | bigint;
      const stored = this.meta.get(`auto:${table.id}`);
      if (stored !== undefined && BigInt(stored) > BigInt(next)) next = small(BigInt(stored)) as number | bigint;
      this.autoIncrements.set(table.id, next);
    }
    return next;
  }

  private highest(table: TableDef): bigint {
    const column = table.columns.find((c) => c.autoIncrement);
    if (!column) return 0n;
    const statement = this.db.prepare(`SELECT max(${columnName(column.id)}) AS m FROM ${tableName(table)}`);
    statement.setReadBigInts(true);
    const highest = statement.get()?.['m'];
    if (highest instanceof Uint8Array) return uint64OfBytes(highest);
    if (typeof highest === 'number' && highest > 0) return BigInt(Math.floor(highest));
    return typeof highest === 'bigint' && highest > 0n ? highest : 0n;
  }

  setAutoIncrement(table: TableDef, next: number | bigint): void {
    this.autoIncrements.set(table.id, next);
    this.unstored.add(table.id);
  }

  /** As setAutoIncrement(), but never downwards. */
  raiseAutoIncrement(table: TableDef, next: number | bigint): void {
    if (this.autoIncrement(table) < next) this.setAutoIncrement(table, next);
  }

  /** Keeps the counter above a value that a row has. */
  raiseAbove(table: TableDef, value: SqliteValue): void {
    if (value instanceof Uint8Array) this.raiseAutoIncrement(table, uint64OfBytes(value) + 1n);
    else if (typeof value === 'number' && value > 0 && value < Number.MAX_SAFE_INTEGER)
      this.raiseAutoIncrement(table, value + 1);
    else if ((typeof value === 'number' || typeof value === 'bigint') && value > 0)
      this.raiseAutoIncrement(table, BigInt(value) + 1n);
  }

  /** The table is empty. */
  restart(table: TableDef): void {
    this.rowids.delete(table.id);
    this.setAutoIncrement(table, 1);
  }

  /** The table is gone, or other rows stand in it. */
  forget(table: TableDef): void {
    this.rowids.delete(table.id);
    this.autoIncrements.delete(table.id);
    this.unstored.delete(table.id);
  }

  /** Stores in the open transaction what the file does not have. */
  store(): void {
    for (const id of this.unstored) {
      const next = this.autoIncrements.get(id);
      // The next run gives the ids of temporary tables anew.
      if (next !== undefined && id < TEMPORARY_IDS) this.meta.set(`auto:${id}`, String(next));
    }
    this.unstored.clear();
  }

  /** The open transaction was taken back. Counters only ever rise: those in memory are right, those in the file may be older. */
  lost(): void {
    for (const id of this.autoIncrements.keys()) this.unstored.add(id);
  }
}
