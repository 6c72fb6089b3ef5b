/**
 * Group commit. Everything that commits in one turn of the event loop becomes one entry of the log: one hash, one
 * signature, one fdatasync. Answers wait for it; so do answers of reads that may have seen those commits.
 */
import type { LogKey, LogValue, Operation, TableReference, Transaction } from '../log/index.ts';
import { encodeTransaction } from '../log/index.ts';
import { primaryKey, rowidColumn, SqlError, type CatalogChange, type TableDef } from '../sql/index.ts';
import { DiskFullError, sameValue, type LogStore, type RowChange, type State } from '../store/index.ts';

/** What one client's transaction did. */
export interface CommitRecord {
  readonly user: string;
  readonly database: string;
  readonly sql: string;
  readonly level: Transaction['level'];
  readonly changes: readonly RowChange[];
  readonly schema?: { readonly text: string; readonly changes: readonly CatalogChange[] };
}

interface Pending {
  readonly record: CommitRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The engine's part in restoring the state. */
export interface SchemaApplier {
  apply(change: CatalogChange): void;
  /** What was prepared or kept of the state is void. */
  restored(): void;
}

const diskFull = (): SqlError => new SqlError(1021, 'HY000', 'Disk full; waiting for someone to free some space...');

/** The engine may not go on: the process ends, and the log makes the state anew. */
export type Fatal = (error: Error) => void;

export class Committer {
  private readonly log: LogStore;
  private readonly state: State;
  private readonly fatal: Fatal;
  /** In the state, not yet given to the log. */
  private pending: Pending[] = [];
  /** Given to the log, not yet durable. */
  private flying: Pending[] = [];
  /** Who waits for everything that is pending; and for what flies. */
  private readers: (() => void)[] = [];
  private flyingReaders: (() => void)[] = [];
  private scheduled = false;
  private publishDue = false;
  private publishTimer: NodeJS.Timeout | undefined;
  readonly stats = { transactions: 0, flushes: 0, restores: 0 };

  /** In the log, and in the state's open transaction: put in again should SQLite give that up. */
  private unpublished: CommitRecord[] = [];
  private restoring = false;
  /** The state met a full disk: no writes until there is room again. */
  private full = false;
  private readonly schema: SchemaApplier;

  constructor(log: LogStore, state: State, fatal: Fatal, schema: SchemaApplier) {
    this.log = log;
    this.state = state;
    this.fatal = fatal;
    this.schema = schema;
    state.onLost = () => this.restore();
    state.reserve.take();
  }

  /** Throws 1021 while the state has no room. */
  checkSpace(): void {
    if (!this.full) return;
    if (!this.state.reserve.take()) throw diskFull();
    this.full = false;
  }

  /** The state's transaction was given up. All that was committed since it was published is put in again, in order. */
  private restore(): void {
    if (this.restoring) throw new Error('the state met a full disk again while it was restored');
    this.restoring = true;
    this.stats.restores++;
    this.full = true;
    this.state.reserve.release();
    try {
      this.state.reloadCatalog();
      for (const record of [
        ...this.unpublished,
        ...this.flying.map((p) => p.record),
        ...this.pending.map((p) => p.record),
      ]) {
        for (const change of record.changes) this.state.apply(change);
        for (const change of record.schema?.changes ?? []) this.schema.apply(change);
      }
    } catch (cause) {
      this.noRoom(cause);
      throw cause;
    } finally {
      this.restoring = false;
      this.schema.restored();
    }
    this.publishSoon();
  }

  private noRoom(cause: unknown): void {
    this.fatal(
      new Error(
        'the disk is full: the state cannot be kept. Free some space and start the node again; the log has everything that was acknowledged',
        { cause },
      ),
    );
  }

  /** Whether rows lie in the state that are not durable yet. */
  get hasUnflushed(): boolean {
    return this.pending.length > 0 || this.flying.length > 0;
  }

  /** Resolves when the record is durable. Rejects with 1021 when the disk is full: its changes were taken back. */
  commit(record: CommitRecord): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.pending.push({ record, resolve, reject }));
    this.schedule();
    return done;
  }

  /** Resolves when everything that lies in the state now is durable. */
  flushed(): Promise<void> {
    if (this.pending.length > 0) return new Promise((resolve) => this.readers.push(resolve));
    if (this.flying.length > 0) return new Promise((resolve) => this.flyingReaders.push(resolve));
    return Promise.resolve();
  }

  private schedule(): void {
    if (this.scheduled || this.flying.length > 0) return;
    this.scheduled = true;
    setImmediate(() => this.turn());
  }

  /**
   * At the end of a turn. A single transaction is flushed in place: handing it to another thread and back would cost as much
   * as the disk does. More of them fly, while the next ones gather.
   */
  private turn(): void {
    this.scheduled = false;
    if (this.pending.length === 0 || this.flying.length > 0) return;
    if (this.pending.length === 1 && this.quiet()) this.flush();
    else this.fly();
  }

  /** Whether the last flushes were of single transactions: then nobody gathers while the disk works. */
  private quiet(): boolean {
    return this.recentBatch < 1.2;
  }
  private recentBatch = 1;

  private take(): { batch: Pending[]; readers: (() => void)[] } {
    const taken = { batch: this.pending, readers: this.readers };
    this.pending = [];
    this.readers = [];
    this.recentBatch = this.recentBatch * 0.9 + taken.batch.length * 0.1;
    return taken;
  }

  private fly(): void {
    const { batch, readers } = this.take();
    this.flying = batch;
    this.flyingReaders = readers;
    try {
      this.log.appendLater(encoded(batch), Date.now(), (error) => this.landed(error));
    } catch (error) {
      this.landed(error as Error);
    }
  }

  private landed(error: Error | undefined): void {
    const { flying, flyingReaders } = this;
    this.flying = [];
    this.flyingReaders = [];
    this.settle(flying, flyingReaders, error);
    if (this.publishDue && this.holds === 0) this.publish();
    else if (this.pending.length > 0) this.schedule();
  }

  /** Writes what is pending, here and now. Nothing may fly. */
  flush(): void {
    if (this.pending.length === 0) return;
    const { batch, readers } = this.take();
    let failure: Error | undefined;
    try {
      this.log.append(encoded(batch), Date.now());
    } catch (error) {
      failure = error as Error;
    }
    this.settle(batch, readers, failure);
  }

  private settle(batch: readonly Pending[], readers: readonly (() => void)[], error: Error | undefined): void {
    if (error instanceof DiskFullError) {
      // What was committed since lies on top of it: all of it goes, the newest first.
      const later = this.pending;
      const laterReaders = this.readers;
      this.pending = [];
      this.readers = [];
      this.takeBack([...batch, ...later]);
      for (const wake of [...readers, ...laterReaders]) wake();
      return;
    }
    if (error) {
      this.fatal(error);
      for (const p of batch) p.reject(error);
      return;
    }
    this.stats.transactions += batch.length;
    this.stats.flushes++;
    for (const p of batch) this.unpublished.push(p.record);
    this.publishSoon();
    for (const p of batch) p.resolve();
    for (const wake of readers) wake();
  }

  private takeBack(pending: readonly Pending[]): void {
    // A schema change cannot be undone by itself: the open transaction goes, and what is in the log comes back.
    if (pending.some((p) => p.record.schema)) this.state.giveUp();
    else
      this.state.revertAll(
        pending.flatMap((p) => [...p.record.changes]),
        this.state.epoch,
      );
    for (const p of pending) p.reject(diskFull());
  }

  private publishSoon(): void {
    this.publishTimer ??= setTimeout(() => this.publish(), PUBLISH_MS);
  }

  /** Makes the state's rows visible to other connections. While entries fly, it waits for them. */
  publish(): void {
    clearTimeout(this.publishTimer);
    this.publishTimer = undefined;
    this.publishDue = this.flying.length > 0 || this.holds > 0;
    if (this.publishDue) return;
    if (this.pending.length > 0) this.flush();
    if (!this.publishState()) return;
    for (const wake of this.publishWaiters.splice(0)) wake();
  }

  private publishState(): boolean {
    // A full disk: the state was restored, and with the room that was set aside it can be published.
    for (let attempt = 0; ; attempt++) {
      try {
        this.state.publish(this.log.seq, this.log.head);
        this.unpublished = [];
        return true;
      } catch (error) {
        if (error instanceof DiskFullError && attempt === 0) continue;
        this.noRoom(error);
        return false;
      }
    }
  }
  private readonly publishWaiters: (() => void)[] = [];

  private holds = 0;

  /** Keeps what other connections see as it is until the returned function is called. */
  holdPublishing(): () => void {
    this.holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.holds === 0 && this.publishDue) this.publishSoon();
    };
  }

  /** Resolves when everything in the state is durable and visible to other connections. */
  published(): Promise<void> {
    if (!this.state.hasUnpublished) return Promise.resolve();
    const done = new Promise<void>((resolve) => this.publishWaiters.push(resolve));
    this.publish();
    return done;
  }

  /** Everything durable, everything published. */
  async close(): Promise<void> {
    while (this.hasUnflushed) await this.flushed();
    this.holds = 0;
    this.publish();
  }
}

/** How long the state's transaction stays open: see store/state.ts. */
const PUBLISH_MS = 50;

const encoded = (batch: readonly Pending[]): Uint8Array[] =>
  batch.map((p) => encodeTransaction(transactionOf(p.record)));

/** The record in the log's terms. */
function transactionOf(record: CommitRecord): Transaction {
  const references: TableReference[] = [];
  const places = new Map<TableDef, number>();
  const placeOf = (table: TableDef): number => {
    let place = places.get(table);
    if (place === undefined) {
      place = references.length;
      places.set(table, place);
      references.push({ id: table.id, version: table.version, columns: table.columns.map((c) => c.id) });
    }
    return place;
  };
  const operations: Operation[] = [];
  for (const change of record.changes)
    if (!change.table.temporary) operations.push(operationOf(change, placeOf(change.table)));
  if (record.schema)
    operations.push({ kind: 'schema', text: record.schema.text, change: JSON.stringify(record.schema.changes) });
  return {
    user: record.user,
    database: record.database,
    sql: record.sql,
    level: record.level,
    tables: references,
    operations,
  };
}

/** Key of a row in the log: its primary key's values, or the hidden key. */
function logKey(table: TableDef, rowid: number | bigint, row: readonly LogValue[]): LogKey {
  const primary = primaryKey(table);
  if (!primary || rowidColumn(table)) return rowid;
  return primary.parts.map((part) => row[table.columns.findIndex((c) => c.id === part.column)] ?? null);
}

function operationOf(change: RowChange, table: number): Operation {
  const { before, after } = change;
  if (!before)
    return { kind: 'insert', table, key: logKey(change.table, change.rowid, after ?? []), values: after ?? [] };
  const key = logKey(change.table, change.rowid, before);
  if (!after) return { kind: 'delete', table, key };
  const changes = after.flatMap((value, column) => {
    if (sameValue(before[column], value)) return [];
    const id = change.table.columns[column]?.id ?? 0;
    const old = before[column];
    if (change.adds?.includes(id) && typeof value === 'number' && typeof old === 'number')
      return [{ column, add: true, value: value - old }];
    return [{ column, add: false, value }];
  });
  const rowid = rowidColumn(change.table);
  const moved = rowid ? after[change.table.columns.indexOf(rowid)] : undefined;
  if (moved !== undefined && moved !== change.rowid)
    return { kind: 'move', table, key, newKey: moved as number, changes };
  return { kind: 'update', table, key, changes };
}
