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

/** The engine may not go on: the process ends, and the log makes the state anew. */
export type Fatal = (error: Error) => void;

export class Committer {
  private readonly log: LogStore;
  private readonly state: State;
  private readonly fatal: Fatal;
  private pending: Pending[] = [];
  private readers: (() => void)[] = [];
  private scheduled = false;
  private publishTimer: NodeJS.Timeout | undefined;
  readonly stats = { transactions: 0, flushes: 0 };

  constructor(log: LogStore, state: State, fatal: Fatal) {
    this.log = log;
    this.state = state;
    this.fatal = fatal;
  }

  /** Whether rows lie in the state that are not in the log yet. */
  get hasUnflushed(): boolean {
    return this.pending.length > 0;
  }

  /** Resolves when the record is durable. Rejects with 1021 when the disk is full: its changes were taken back. */
  commit(record: CommitRecord): Promise<void> {
    this.schedule();
    return new Promise((resolve, reject) => this.pending.push({ record, resolve, reject }));
  }

  /** Resolves when everything that lies in the state now is durable. */
  flushed(): Promise<void> {
    if (this.pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.readers.push(resolve));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Writes what is pending. */
  flush(): void {
    this.scheduled = false;
    const { pending, readers } = this;
    if (pending.length === 0) return;
    this.pending = [];
    this.readers = [];
    try {
      this.log.append(
        pending.map((p) => encodeTransaction(transactionOf(p.record))),
        Date.now(),
      );
    } catch (error) {
      if (error instanceof DiskFullError) this.takeBack(pending);
      else {
        this.fatal(error as Error);
        for (const p of pending) p.reject(error);
      }
      for (const wake of readers) wake();
      return;
    }
    this.stats.transactions += pending.length;
    this.stats.flushes++;
    this.publishSoon();
    for (const p of pending) p.resolve();
    for (const wake of readers) wake();
  }

  private takeBack(pending: readonly Pending[]): void {
    const full = new SqlError(1021, 'HY000', 'Disk full; waiting for someone to free some space...');
    for (const p of [...pending].reverse()) {
      if (p.record.schema) {
        // A schema change is not undone in place: the state is made anew from the log at the next start.
        this.fatal(new Error('the disk is full and a schema change could not be logged'));
        return;
      }
      for (const change of [...p.record.changes].reverse()) this.state.revert(change);
    }
    for (const p of pending) p.reject(full);
  }

  private publishSoon(): void {
    this.publishTimer ??= setTimeout(() => this.publish(), 50);
  }

  /** Makes the state's rows visible to other connections, in memory of the last durable entry. */
  publish(): void {
    clearTimeout(this.publishTimer);
    this.publishTimer = undefined;
    if (this.pending.length > 0) this.flush();
    this.state.publish(this.log.seq);
  }

  close(): void {
    this.publish();
  }
}

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
  for (const change of record.changes) if (!change.table.temporary) operations.push(operationOf(change, placeOf(change.table)));
  if (record.schema) operations.push({ kind: 'schema', text: record.schema.text, change: JSON.stringify(record.schema.changes) });
  return { user: record.user, database: record.database, sql: record.sql, level: record.level, tables: references, operations };
}

/** Key of a row in the log: its primary key's values, or the hidden key. */
export function logKey(table: TableDef, rowid: number | bigint, row: readonly LogValue[]): LogKey {
  const primary = primaryKey(table);
  if (!primary || rowidColumn(table)) return rowid;
  return primary.parts.map((part) => row[table.columns.findIndex((c) => c.id === part.column)] ?? null);
}

function operationOf(change: RowChange, table: number): Operation {
  const { before, after } = change;
  if (!before) return { kind: 'insert', table, key: logKey(change.table, change.rowid, after ?? []), values: after ?? [] };
  const key = logKey(change.table, change.rowid, before);
  if (!after) return { kind: 'delete', table, key };
  const changes = after.flatMap((value, column) => {
    if (sameValue(before[column], value)) return [];
    const id = change.table.columns[column]?.id ?? 0;
    const old = before[column];
    if (change.adds?.includes(id) && typeof value === 'number' && typeof old === 'number') return [{ column, add: true, value: value - old }];
    return [{ column, add: false, value }];
  });
  const rowid = rowidColumn(change.table);
  const moved = rowid ? after[change.table.columns.indexOf(rowid)] : undefined;
  if (moved !== undefined && moved !== change.rowid) return { kind: 'move', table, key, newKey: moved as number, changes };
  return { kind: 'update', table, key, changes };
}
