/** The digests of the tables as they stand in the state, kept with each change, written when the state is published. */
import type { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../log/index.ts';
import { primaryKey, tableName, type TableDef } from '../sql/index.ts';
import { addDigests, NO_DIGEST, rowHash, sameDigest, subtractDigests } from './digest.ts';
import type { Row, RowChange, RowId } from './changes.ts';

/** Hash of a row of a table. */
export const hashOf = (table: TableDef, rowid: RowId, row: Row): Digest =>
  rowHash(table.id, primaryKey(table) ? undefined : rowid, row);

export class TableDigests {
  private readonly db: DatabaseSync;
  /** By the table's name in SQLite, which tells generations apart. */
  private readonly tables = new Map<string, Digest>();
  private readonly dirty = new Set<string>();
  /** Of all tables together. */
  total: Digest = NO_DIGEST;

  constructor(db: DatabaseSync) {
    this.db = db;
    this.load();
  }

  /** As they were published. */
  load(): void {
    this.tables.clear();
    this.dirty.clear();
    this.total = NO_DIGEST;
    for (const row of this.db.prepare('SELECT name, a, b FROM digest').all()) {
      const digest: Digest = [Number(row['a']), Number(row['b'])];
      this.tables.set(String(row['name']), digest);
      this.total = addDigests(this.total, digest);
    }
  }

  of(table: TableDef): Digest {
    return this.tables.get(tableName(table)) ?? NO_DIGEST;
  }

  /** Whether these are all rows of the table. */
  matches(table: TableDef, rows: Iterable<{ readonly rowid: RowId; readonly row: Row }>): boolean {
    let sum = NO_DIGEST;
    for (const { rowid, row } of rows) sum = addDigests(sum, hashOf(table, rowid, row));
    return sameDigest(sum, this.of(table));
  }

  /** Takes a change in; gives the difference that it makes. */
  change({ table, rowid, newRowid, before, after }: RowChange): Digest {
    let difference = after ? hashOf(table, newRowid ?? rowid, after) : NO_DIGEST;
    if (before) difference = subtractDigests(difference, hashOf(table, rowid, before));
    this.set(tableName(table), addDigests(this.of(table), difference));
    return difference;
  }

  private set(name: string, digest: Digest): void {
    this.total = addDigests(subtractDigests(this.total, this.tables.get(name) ?? NO_DIGEST), digest);
    this.tables.set(name, digest);
    this.dirty.add(name);
  }

  /** The table has no rows any more. */
  drop(table: TableDef): void {
    const name = tableName(table);
    if (!this.tables.has(name)) return;
    this.set(name, NO_DIGEST);
    this.tables.delete(name);
  }

  /** What restore() goes back to. */
  save(): ReadonlyMap<string, Digest> {
    return new Map(this.tables);
  }

  restore(saved: ReadonlyMap<string, Digest>): void {
    for (const name of [...this.tables.keys(), ...saved.keys()]) {
      this.set(name, saved.get(name) ?? NO_DIGEST);
      if (!saved.has(name)) this.tables.delete(name);
    }
  }

  flush(): void {
    if (this.dirty.size === 0) return;
    const put = this.db.prepare('INSERT OR REPLACE INTO digest VALUES (?, ?, ?)');
    const remove = this.db.prepare('DELETE FROM digest WHERE name = ?');
    for (const name of this.dirty) {
      const digest = this.tables.get(name);
      if (digest) put.run(name, digest[0], digest[1]);
      else remove.run(name);
    }
    this.dirty.clear();
  }
}
