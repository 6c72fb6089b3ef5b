/**
 * The state file: SQLite's view of the log. It is written without fsync, because the log can make it anew; in the same
 * SQLite transaction as the rows it stores the height of the last block that it has applied, and for each transaction that it holds
 * beyond that block what takes it back (`undo`).
 *
 * The state's transaction stays open over many commits of clients (a COMMIT costs more than the update it ends): see
 * `publish()`, which ends it when another connection needs to see the rows.
 *
 * A full disk: SQLite then takes back the whole open transaction by itself, with rows in it that clients were told are
 * committed. The state counts such losses (`epoch`) and has `onLost` put the rows back, which the engine keeps until they
 * are published, before anybody can read; room for that was set aside.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  Catalog,
  collations,
  createIndexSql,
  createTableSql,
  indexName,
  isBinaryCollation,
  sortKey,
  sortKeyFunction,
  tableName,
  type CatalogChange,
  type SqliteValue,
  type TableDef,
} from '../sql/index.ts';
import type { Digest } from '../log/index.ts';
import { inverse, type Row, type RowChange, type RowId } from './changes.ts';
import { Counters } from './counters.ts';
import { NO_DIGEST } from './digest.ts';
import { DiskFullError, StateCorruptError } from './errors.ts';
import { IndexBuilder } from './index-builder.ts';
import { Meta } from './meta.ts';
import { Reserve } from './reserve.ts';
import { StoredCatalog, type TableVersion } from './stored-catalog.ts';
import { StoredRows } from './stored-rows.ts';
import { TableDigests } from './table-digests.ts';
import { WriteAhead } from './write-ahead.ts';

export const STATE_FORMAT = 3;

/** Of the table of conflicts. */
export const CONFLICT_COLUMNS = 'tx, n, kind, reason, message, relation, row_key, image, other, user, sql, time'.split(
  ', ',
);

/** Where the state stands: after a block, and what the block's frontier is. */
export interface StatePosition {
  readonly height: number;
  /** SHA-256 of the block's value in hex; '' at height 0. */
  readonly block: string;
  /** Seq of each author's last entry in a block. */
  readonly final: Readonly<Record<string, number>>;
  /** Schema changes so far. */
  readonly schema: number;
  /** Who decides the next heights, as consensus keeps it; undefined at height 0. */
  readonly voters?: readonly { readonly from: number; readonly voters: readonly string[] }[];
}

/** Registers the functions that the file's indexes use: they must be there before SQLite reads its schema. */
export function registerSortKeys(db: DatabaseSync): void {
  for (const collation of collations.keys()) {
    if (collation === 'binary' || isBinaryCollation(collation)) continue;
    const key = sortKey(collation);
    db.function(sortKeyFunction(collation), { deterministic: true }, (value: SqliteValue) =>
      typeof value === 'string' ? key(value) : value,
    );
  }
}

export class State {
  readonly db: DatabaseSync;
  readonly file: string;
  readonly catalog = new Catalog();
  private open = false;
  readonly reserve: Reserve;
  /** Nobody else may change the state while it works. */
  readonly indexes: IndexBuilder;
  readonly digests: TableDigests;
  readonly meta: Meta;
  readonly counters: Counters;
  private readonly rows: StoredRows;
  private readonly stored: StoredCatalog;
  private readonly writeAhead: WriteAhead;
  /** Counts how often the open transaction was lost: what was applied in an earlier epoch needs no taking back. */
  epoch = 0;
  /** Puts back what was lost. */
  onLost: (() => void) | undefined;

  /** Opens or makes the state file. Throws StateCorruptError. */
  constructor(file: string) {
    this.file = file;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    this.reserve = new Reserve(path.dirname(file));
    this.indexes = new IndexBuilder(file);
    try {
      this.db = new DatabaseSync(file);
      this.writeAhead = new WriteAhead(this.db, file);
      registerSortKeys(this.db);
      this.db.exec(
        `PRAGMA temp_store=MEMORY;
         CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS catalog(kind TEXT, name TEXT, definition TEXT, PRIMARY KEY(kind, name)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS digest(name TEXT PRIMARY KEY, a INTEGER, b INTEGER) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS table_version(id INTEGER, version INTEGER, columns TEXT, PRIMARY KEY(id, version)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS refused(place INTEGER PRIMARY KEY, tx TEXT UNIQUE);
         CREATE TABLE IF NOT EXISTS conflict(tx TEXT, n INTEGER, kind TEXT, reason TEXT, message TEXT, relation TEXT, row_key TEXT, image TEXT, other TEXT, user TEXT, sql TEXT, time INTEGER, PRIMARY KEY(tx, n)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS written(height INTEGER PRIMARY KEY, until INTEGER, transactions TEXT, hashes BLOB);
         CREATE TABLE IF NOT EXISTS undo(place INTEGER PRIMARY KEY, tx TEXT, changes BLOB)`,
      );
      this.digests = new TableDigests(this.db);
      this.meta = new Meta(this.db);
      this.counters = new Counters(this.db, this.meta);
      this.rows = new StoredRows(this.db);
      this.stored = new StoredCatalog(this.db, this.meta);
      const format = this.meta.get('format');
      if (format === undefined) this.meta.set('format', STATE_FORMAT);
      else if (format !== STATE_FORMAT)
        throw new StateCorruptError(`the state file has format ${String(format)}, this program ${STATE_FORMAT}`);
      this.stored.readInto(this.catalog);
    } catch (cause) {
      if (cause instanceof StateCorruptError) throw cause;
      if (isFull(cause)) throw new DiskFullError(`no space is left for ${file}`, { cause });
      throw new StateCorruptError(`the state file ${file} cannot be read: ${(cause as Error).message}`, { cause });
    }
  }

  /** Removes a state file and what SQLite keeps beside it. */
  static remove(file: string): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  }

  get position(): StatePosition {
    const stored = this.meta.get('position');
    return stored === undefined
      ? { height: 0, block: '', final: {}, schema: 0 }
      : (JSON.parse(String(stored)) as StatePosition);
  }

  /** Opens the state's transaction if none is open: every change goes through it. */
  begin(): void {
    if (this.open) return;
    this.isReading = false;
    if (this.db.isTransaction) this.db.exec('COMMIT');
    this.db.exec('BEGIN IMMEDIATE');
    this.open = true;
  }

  /**
   * Statements that read go on in one transaction until something is written: taking SQLite's locks for each of them, and giving them
   * back, costs as much as a read by key. Nobody else writes rows, so what they see is never old.
   */
  beginReading(): void {
    if (this.open || this.isReading) return;
    this.db.exec('BEGIN');
    this.isReading = true;
  }
  private isReading = false;

  /** Runs what writes into the state's transaction. SQLite's other errors pass through. Throws DiskFullError. */
  write<T>(work: () => T): T {
    this.begin();
    try {
      return work();
    } catch (error) {
      throw this.lost(error);
    }
  }

  /** Ends the state's transaction: other connections see everything in it. Throws DiskFullError. */
  publish(position: StatePosition): void {
    if (!this.open) return;
    try {
      for (const name of this.indexes.settle()) this.db.exec(`DROP INDEX IF EXISTS ${name}`);
      this.meta.set('position', JSON.stringify(position));
      this.counters.store();
      this.digests.flush();
      this.db.exec('COMMIT');
    } catch (error) {
      throw this.lost(error);
    }
    this.open = false;
    this.writeAhead.published();
  }

  /** A full disk ends the open transaction, whatever SQLite made of it: one way out for all cases. Gives what to throw. */
  private lost(error: unknown): unknown {
    if (!isFull(error)) return error;
    this.giveUp();
    return new DiskFullError('no space is left for the state', { cause: error });
  }

  /** Takes the open transaction back whole and has its committed part put in again. */
  giveUp(): void {
    if (this.db.isTransaction) this.db.exec('ROLLBACK');
    this.open = false;
    this.isReading = false;
    this.epoch++;
    this.made.clear();
    this.digests.load();
    this.rows.forget();
    this.counters.lost();
    this.onLost?.();
  }

  /** After giveUp(): the catalog as it was published, for its changes to be applied again. */
  reloadCatalog(): void {
    this.catalog.clear();
    this.stored.readInto(this.catalog);
  }

  get hasUnpublished(): boolean {
    return this.open;
  }

  close(): void {
    this.writeAhead.stop();
    for (const reader of this.readers) reader.close();
    this.db.close();
  }

  // The state as it is published, for those who read while the next one is made.

  private readonly readers: DatabaseSync[] = [];

  /** Before the file is closed for good: a connection that outlives it would remove what stands in its place then. */
  async checkpointed(): Promise<void> {
    await Promise.all([this.indexes.stop(), this.writeAhead.checkpointed()]);
  }

  /** Another connection, for this thread, to read by. */
  openReader(): DatabaseSync {
    const reader = new DatabaseSync(this.file, { readOnly: true });
    this.readers.push(reader);
    reader.exec('PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY');
    registerSortKeys(reader);
    return reader;
  }

  /** From now on the readers see the state as it is published now, until the returned function is called. */
  openSnapshot(): () => void {
    this.writeAhead.expectLongWork();
    for (const reader of this.readers) {
      reader.exec('BEGIN');
      // The first read opens the snapshot.
      reader.prepare('SELECT 1 FROM meta').get();
    }
    return () => {
      for (const reader of this.readers) reader.exec('COMMIT');
    };
  }

  /** Takes back all that was done since the state was published: one transaction's work, and nobody else's. */
  abandon(): void {
    if (!this.open) return;
    this.db.exec('ROLLBACK');
    this.open = false;
    this.digests.load();
  }

  // Rows.

  /** A row by its rowid, integers that fit as numbers. */
  get(table: TableDef, rowid: RowId): Row | undefined {
    return this.rows.get(table, rowid);
  }

  /** All rows of a table, in rowid order. */
  scan(table: TableDef): Iterable<{ rowid: RowId; row: Row }> {
    return this.rows.scan(table);
  }

  /** Rows for which SQLite's condition holds, in no order, at most `limit`. */
  where(
    table: TableDef,
    condition: string,
    values: readonly SqliteValue[],
    limit: number,
  ): { rowid: RowId; row: Row }[] {
    return this.rows.where(table, condition, values, limit);
  }

  /** All rows of a table, in the order of its primary key, which is not the rowid. Rowids differ between nodes, this order does not. */
  scanByKey(table: TableDef): Iterable<{ rowid: RowId; row: Row }> {
    return this.rows.scanByKey(table);
  }

  /** A row that keeps an index from being unique; undefined where there is none. */
  duplicate(table: TableDef, index: TableDef['indexes'][number]): Row | undefined {
    return this.rows.duplicate(table, index);
  }

  /**
   * Applies one change; gives what it does to the table's digest. SQLite's own constraint errors pass through: the caller maps them.
   * Throws DiskFullError.
   */
  apply(change: RowChange): Digest {
    this.begin();
    try {
      this.rows.apply(change);
    } catch (error) {
      throw this.lost(error);
    }
    return change.table.temporary ? NO_DIGEST : this.digests.change(change);
  }

  /** Takes changes back, which come the newest first; those of an earlier epoch are gone already. */
  revertAll(changes: Iterable<RowChange>, epoch: number): void {
    const work = this.reverting(changes, epoch, Infinity);
    while (work.next().done !== true);
  }

  /** As revertAll(), with a pause after so many rows. */
  *reverting(changes: Iterable<RowChange>, epoch: number, rows: number): Generator<undefined, void, undefined> {
    let count = 0;
    for (const change of changes) {
      if (this.epoch !== epoch) return;
      if (count > 0 && count % rows === 0) yield;
      count++;
      try {
        this.apply(inverse(change));
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
      }
    }
  }

  // Schema.

  /** Applies one step of a schema change to the catalog and to SQLite, or neither. */
  applyCatalog(change: CatalogChange): void {
    this.begin();
    const { epoch } = this;
    const digests = this.digests.save();
    this.db.exec('SAVEPOINT catalog');
    try {
      this.change(change);
    } catch (error) {
      if (isFull(error)) throw this.lost(error);
      // What wrote met the full disk itself: the transaction was given up, and the savepoint went with it.
      if (this.epoch !== epoch) throw error;
      this.db.exec('ROLLBACK TO catalog; RELEASE catalog');
      this.digests.restore(digests);
      this.rows.forget();
      throw error;
    }
    this.db.exec('RELEASE catalog');
  }

  private change(change: CatalogChange): void {
    switch (change.kind) {
      case 'put-table':
        this.putTable(change.table);
        break;
      case 'drop-table': {
        const table = this.catalog.tableById(change.id);
        if (table) this.dropTable(table);
        break;
      }
      case 'drop-database':
        for (const table of this.catalog.allTables()) if (table.database === change.name) this.dropTable(table);
        break;
      case 'truncate-table': {
        const table = this.catalog.tableById(change.id);
        if (table) {
          this.db.exec(`DELETE FROM ${tableName(table)}`);
          this.digests.drop(table);
          this.counters.restart(table);
        }
        break;
      }
      case 'auto-increment': {
        const table = this.catalog.tableById(change.id);
        if (table) this.counters.setAutoIncrement(table, change.next);
        break;
      }
      case 'put-conflicts': {
        const columns = CONFLICT_COLUMNS.join();
        const values = CONFLICT_COLUMNS.map(() => '?').join();
        const put = this.db.prepare(`INSERT OR REPLACE INTO conflict(${columns}) VALUES (${values})`);
        for (const conflict of change.conflicts) put.run(...conflict);
        break;
      }
      case 'drop-conflict':
        this.db.prepare('DELETE FROM conflict WHERE tx = ?').run(change.tx);
        break;
      default:
        break;
    }
    this.catalog.apply(change);
    this.stored.store(change, this.catalog);
  }

  private dropTable(table: TableDef): void {
    this.db.exec(`DROP TABLE IF EXISTS ${tableName(table)}`);
    this.digests.drop(table);
    this.counters.forget(table);
    this.rows.forget();
  }

  /** Makes a new generation of a table, empty, for its rows to be copied into before the change is applied. */
  createTable(table: TableDef): void {
    this.write(() => {
      this.db.exec(createTableSql(table));
      for (const index of table.indexes) this.createIndex(table, index);
    });
    this.made.add(tableName(table));
  }

  /** Keeps the columns of a table's version: rows that were written under it may still come. Throws DiskFullError. */
  keepTableVersion(table: TableDef): void {
    this.write(() => this.stored.putVersion(table));
  }

  tableVersion(id: number, version: number): TableVersion | undefined {
    return this.stored.version(id, version);
  }

  dropTableFiles(table: TableDef): void {
    if (!this.made.delete(tableName(table))) return;
    this.db.exec(`DROP TABLE IF EXISTS ${tableName(table)}`);
    this.digests.drop(table);
    this.rows.forget();
  }
  private readonly made = new Set<string>();

  /** Makes the table, or brings its indexes to the new definition where the generation stayed. */
  private putTable(table: TableDef): void {
    const old = this.catalog.tableById(table.id);
    this.rows.forget();
    if (old?.generation !== table.generation) {
      if (!this.made.delete(tableName(table))) {
        this.createTable(table);
        this.made.delete(tableName(table));
      }
      if (old) {
        this.db.exec(`DROP TABLE IF EXISTS ${tableName(old)}`);
        this.digests.drop(old);
      }
      return;
    }
    for (const index of table.indexes) if (!old.indexes.some((o) => o.id === index.id)) this.createIndex(table, index);
    for (const index of old.indexes) {
      if (!table.indexes.some((i) => i.id === index.id))
        this.db.exec(`DROP INDEX IF EXISTS ${table.temporary ? 'temp.' : ''}${indexName(old, index)}`);
    }
  }

  /** A table whose rows are not what its digest says, by name. Reads all rows. */
  mismatchedTable(): string | undefined {
    const table = this.catalog.allTables().find((t) => !this.digests.matches(t, this.scan(t)));
    return table && `${table.database}.${table.name}`;
  }

  // Temporary tables: a session's own, in no log.

  dropTemporary(table: TableDef): void {
    this.write(() => this.db.exec(`DROP TABLE IF EXISTS ${tableName(table)}`));
    this.counters.forget(table);
    this.rows.forget();
  }

  truncateTemporary(table: TableDef): void {
    this.write(() => this.db.exec(`DELETE FROM ${tableName(table)}`));
    this.counters.forget(table);
  }

  private createIndex(table: TableDef, index: TableDef['indexes'][number]): void {
    const sql = createIndexSql(table, index);
    if (!sql || this.indexes.has(table, index, sql)) return;
    // One that was made for a change which never came to stand, because the node ended.
    if (!table.temporary) this.db.exec(`DROP INDEX IF EXISTS ${indexName(table, index)}`);
    this.db.exec(sql);
  }
}

const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) % 256;
const isFull = (error: unknown): boolean => codeOf(error) === SQLITE_FULL;
/** A key that SQLite keeps unique is there already. */
export const isConstraintError = (error: unknown): boolean => codeOf(error) === SQLITE_CONSTRAINT;
