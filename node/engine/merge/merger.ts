/**
 * Runs a transaction's intentions against the state as it stands: what every replica does at the transaction's place in the
 * order. A row that is not there any more drops its change; what a constraint refuses refuses the whole transaction.
 */
import { finish, STEP_ROWS, type Footprint, type MergeRule, type Steps } from '../../consistency/index.ts';
import type {
  Bounds,
  ColumnChange,
  Digest,
  LogKey,
  RowOperation,
  TableReference,
  Transaction,
} from '../../log/index.ts';
import { primaryKey, type SqliteValue, type TableDef } from '../../sql/index.ts';
import {
  ChangeList,
  hashOf,
  NO_DIGEST,
  rowHash,
  sameDigest,
  sameValue,
  type Row,
  type RowChange,
  type RowId,
} from '../../store/index.ts';
import type { Dropped, Met, Outcome } from '../../replica/index.ts';
import type { EngineCore } from '../core.ts';
import { LockManager } from '../locks.ts';
import { isCut, movesNow } from '../moving.ts';
import { DuplicateEntry, RowStore } from '../row-store.ts';
import { followersOf, ForeignKeyError, type Follower } from '../foreign-keys.ts';
import type { TableRuntime } from '../table.ts';
import { DirectWriter } from '../writer.ts';
import { sumAsValue, sumOf } from './addition.ts';
import { AsWritten, checkNullable, listed } from './as-written.ts';
import { digestWithin, fitsBounds } from './bounds.ts';
import { columnRules } from './column-rules.ts';
import { fitsKey, fitsOperation } from './fits.ts';
import { definitionKey, FootprintKeys, goneKey } from './keys.ts';
import { changed, misfit, rejectedBy, Rejection } from './rejection.ts';

export interface Merged {
  readonly changes: ChangeList;
  /** What they do to the digest of all rows. */
  readonly digest: Digest;
  readonly outcome: Outcome;
  readonly footprint: Footprint;
}

/** Merging waits for nobody. */
const NO_LOCKS = new LockManager();

export class Merger {
  private readonly core: EngineCore;
  readonly keys: FootprintKeys;

  constructor(core: EngineCore) {
    this.core = core;
    this.keys = new FootprintKeys(core.catalog, (table) => core.runtimeOf(table));
  }

  run(transaction: Transaction): Steps<Merged> {
    const work = new Work(this.core, this.keys, transaction);
    return work.run();
  }

  /** The rowid of the row with this primary key, in a table where that is no rowid. */
  rowByKey(table: TableDef, key: readonly SqliteValue[]): RowId | undefined {
    const rt = this.core.runtimeOf(table);
    const row = rowWith(rt, key);
    const unique = rt.unique.filter((u) => u.index.kind === 'primary');
    return (
      row &&
      new DirectWriter(this.core.state, NO_LOCKS, undefined).duplicateOf({ ...rt, unique }, row, undefined)?.rowid
    );
  }

  /** How many rows follow their parents, which it changes or removes, as far as can be told before; no more than so many are counted. */
  followers({ operations, tables }: Transaction, max: number): number {
    if (operations.every(({ kind }) => kind === 'insert')) return 0;
    const parents = tables.map((reference) => this.parentOf(reference));
    if (!parents.some((parent) => parent)) return 0;
    const writer = new DirectWriter(this.core.state, NO_LOCKS, undefined);
    let count = 0;
    for (const operation of operations) {
      if (operation.kind === 'schema' || operation.kind === 'insert') continue;
      const parent = parents[operation.table];
      if (!parent) continue;
      const { table, children } = parent;
      const { key } = operation;
      const rowid = typeof key === 'object' ? this.rowByKey(table, key) : key;
      const row = rowid === undefined ? undefined : this.core.state.get(table, rowid);
      for (const child of row ? children : []) {
        const isMoved =
          operation.kind === 'move' ||
          (operation.kind === 'update' && operation.changes.some(({ column }) => child.parentPlaces.includes(column)));
        if (operation.kind === 'delete' ? !child.goes : !(isMoved && child.moves)) continue;
        const values = child.parentPlaces.map((p) => row?.[p] ?? null);
        if (!values.includes(null)) count += writer.rowsWith(child.table, child.places, values, max - count).length;
        if (count >= max) return count;
      }
    }
    return count;
  }

  /** A table whose rows others follow; undefined for one that is not so, or was another one when it was written. */
  private parentOf({ id, version }: TableReference): { table: TableDef; children: Follower[] } | undefined {
    const table = this.core.catalog.tableById(id);
    if (table?.version !== version) return undefined;
    const children = followersOf(table, this.core.catalog.children(table.database, table.name));
    return children.length > 0 ? { table, children } : undefined;
  }

  *footprintOf(changes: Iterable<RowChange>): Steps<Footprint> {
    const reads: string[] = [];
    const writes: string[] = [];
    let table: TableDef | undefined;
    let count = 0;
    for (const change of changes) {
      if (++count % STEP_ROWS === 0) yield;
      if (change.table.temporary) continue;
      this.keys.ofChange(change, reads, writes);
      // Which row it changes, or whether it inserts one, hangs on all keys of the row that it would insert.
      if (change.intent?.mode === 'upsert') this.keys.ofAttempt(change.table, change.intent.inserted, reads);
      if (change.table !== table) reads.push(wholeTable((table = change.table)));
    }
    return { reads, writes };
  }
}

class Work {
  private readonly core: EngineCore;
  private readonly keys: FootprintKeys;
  private readonly transaction: Transaction;
  private readonly written: AsWritten;
  private readonly writer: DirectWriter;
  private readonly rows: RowStore;
  private readonly reads: string[] = [];
  /** Tables that it saw whole, parents whose children it looked for: read, but not side by side with who changes one of them. */
  private readonly scanned: string[] = [];
  private readonly dropped: Dropped[] = [];
  /** The row that is being stored: what it met decides. */
  private attempt: { readonly table: TableDef; readonly row: Row } | undefined;
  /** The table of the operation that runs, and the row that it changes. */
  private table: TableDef | undefined;
  private changed: { readonly rowid: RowId; readonly row: Row } | undefined;

  constructor(core: EngineCore, keys: FootprintKeys, transaction: Transaction) {
    this.core = core;
    this.keys = keys;
    this.transaction = transaction;
    this.written = new AsWritten(core, transaction.tables);
    this.writer = new DirectWriter(core.state, NO_LOCKS, undefined);
    this.rows = new RowStore({
      ...core.merging.rows(this.writer, !transaction.unchecked),
      looksForChildren: (table, row) => this.keys.ofChildren(table, row, this.scanned),
    });
  }

  *run(): Steps<Merged> {
    const { core, writer, transaction } = this;
    const { epoch } = core.state;
    core.merging.begin();
    let outcome: Outcome;
    try {
      this.certify();
      for (const [i, operation] of transaction.operations.entries()) {
        if (i % STEP_ROWS === STEP_ROWS - 1) yield;
        if (operation.kind === 'schema') throw new Error('a schema change is not merged row by row');
        const table = this.tableOf(operation.table);
        if (table && table !== this.table && isCut(core.catalog, table.database))
          throw new Rejection('moved', 1213, '40001', movesNow(table.database));
        this.table = table;
        this.changed = undefined;
        const rest = table && this.operate(table, operation);
        if (rest) yield* rest;
        this.attempt = undefined;
        if (!table) this.dropWithTable(operation);
      }
      outcome = { kind: 'applied', dropped: this.dropped };
    } catch (error) {
      outcome = rejectedBy(error, () => this.metBy(error));
      if (this.attempt) this.keys.ofAttempt(this.attempt.table, this.attempt.row, this.reads);
      const { reads, writes } = yield* core.merger.footprintOf(writer.changes);
      yield* core.state.reverting(writer.changes.backwards(), epoch, STEP_ROWS);
      const touched = this.reads.concat(reads, writes);
      return {
        changes: new ChangeList(),
        digest: NO_DIGEST,
        outcome,
        footprint: { reads: touched, writes: this.scanned },
      };
    }
    const { reads, writes } = yield* core.merger.footprintOf(writer.changes);
    return {
      changes: writer.changes,
      digest: writer.digest,
      outcome,
      footprint: { reads: this.reads.concat(reads), writes: writes.concat(this.scanned) },
    };
  }

  private metBy(error: unknown): Met {
    const { keys, table, changed } = this;
    const definition = table ? [definitionKey(table.id)] : [];
    const row = table && changed ? some(keys.identity(table, changed.rowid, changed.row)) : [];
    if (error instanceof DuplicateEntry) {
      const key = error.key && keys.unique(error.table, error.key, error.row);
      return { keys: some(key), otherwise: [...row, ...definition] };
    }
    if (error instanceof ForeignKeyError)
      return { keys: some(keys.ofForeignKey(error)), otherwise: [...row, ...definition] };
    return { keys: row, otherwise: definition };
  }

  private tableOf(place: number): TableDef | undefined {
    return this.core.catalog.tableById((this.transaction.tables[place] as TableReference).id);
  }

  /** At level `final`: what it saw must still be so. */
  private certify(): void {
    for (const { table: place, key, bounds, digest } of this.transaction.reads) {
      const table = this.tableOf(place);
      if (!table) throw changed(place);
      if (key === null) {
        // Whoever changes the table may bring a row within the bounds, or take one out.
        this.scanned.push(wholeTable(table));
        const now = bounds ? this.digestWithin(table, place, bounds) : this.core.state.digests.of(table);
        if (!now || !sameDigest(now, digest)) throw changed(place);
        continue;
      }
      if (!fitsKey(this.written.shapeOf(table, place), key)) throw misfit(table);
      const rowid = this.find(table, place, key);
      const row = rowid === undefined ? undefined : this.core.state.get(table, rowid);
      const now = rowid !== undefined && row ? hashOf(table, rowid, row) : NO_DIGEST;
      if (!sameDigest(now, digest)) throw changed(place);
    }
  }

  private digestWithin(table: TableDef, place: number, bounds: readonly Bounds[]): Digest | undefined {
    if (this.transaction.tables[place]?.version !== table.version) return undefined;
    if (!fitsBounds(table, bounds)) throw misfit(table);
    return digestWithin(this.core.state, table, bounds);
  }

  /** The rowid of the row with this key. What is found, or that nothing is, decides what the transaction does. */
  private find(table: TableDef, reference: number, key: LogKey): RowId | undefined {
    const rt = this.core.runtimeOf(table);
    if (this.transaction.tables[reference]?.version !== table.version) {
      const rowid = this.findAsKnown(rt, reference, key);
      if (rowid !== undefined) this.reads.push(this.keys.row(table, rowid));
      return rowid;
    }
    if (typeof key !== 'object') {
      this.reads.push(this.keys.row(table, key));
      return key;
    }
    const row = rowWith(rt, key);
    if (row) this.keys.ofAttempt(table, row, this.reads);
    const rowid = this.core.merger.rowByKey(table, key);
    // Whoever changes the row may leave its key as it is.
    if (rowid !== undefined) this.reads.push(this.keys.row(table, rowid));
    return rowid;
  }

  /** The table is gone, and what was to be written to it with it. */
  private dropWithTable(operation: RowOperation): void {
    if (operation.kind === 'delete') return;
    const { id } = this.transaction.tables[operation.table] as TableReference;
    const image = JSON.stringify(
      operation.kind === 'insert' ? operation.values : operation.changes.map((c) => c.value),
      printable,
    );
    this.dropped.push({
      table: String(id),
      key: printed(operation.key),
      image,
      met: { keys: [goneKey(id)], otherwise: [] },
    });
  }

  /** What is left to be done. */
  private operate(table: TableDef, operation: RowOperation): Steps<void> | undefined {
    const rt = this.core.runtimeOf(table);
    if (!fitsOperation(this.written.shapeOf(table, operation.table), operation)) throw misfit(table);
    if (operation.kind === 'insert') {
      this.insert(rt, operation);
      return undefined;
    }
    const rowid = this.find(table, operation.table, operation.key);
    const before = rowid === undefined ? undefined : this.core.state.get(table, rowid);
    if (operation.kind === 'delete') {
      if (rowid === undefined || !before) return undefined;
      this.attempt = { table, row: before };
      return this.rows.remove(rt, rowid, before);
    }
    if (rowid === undefined || !before) {
      this.dropped.push({
        table: `${table.database}.${table.name}`,
        key: printed(operation.key),
        image: this.image(table, operation),
        met: this.metWithout(rt, operation),
      });
      return undefined;
    }
    return this.update(rt, rowid, before, operation.changes, operation.table);
  }

  private insert(rt: TableRuntime, operation: Extract<RowOperation, { kind: 'insert' }>): void {
    const { table } = rt;
    const row = this.written.rowOf(rt, operation.table, operation.values);
    this.attempt = { table, row };
    this.rows.derive(rt, row);
    this.check(rt, row);
    switch (operation.mode) {
      case 'replace':
        this.placeAt(rt, row, operation.key);
        this.rows.replace(rt, row);
        break;
      case 'ignore':
        if (this.writer.duplicateOf(rt, row, undefined) || this.rows.foreignKeys.parentMissing(rt, row)) {
          this.keys.ofAttempt(table, row, this.reads);
          return;
        }
        this.store(rt, row, operation.key);
        break;
      case 'upsert': {
        const duplicate = this.writer.duplicateOf(rt, row, undefined);
        this.keys.ofAttempt(table, row, this.reads);
        const rest = duplicate && this.update(rt, duplicate.rowid, duplicate.row, operation.changes, operation.table);
        if (rest) finish(rest);
        if (!duplicate) this.store(rt, row, operation.key);
        break;
      }
      case 'plain':
        this.store(rt, row, operation.key);
        break;
    }
    this.attempt = undefined;
    if (rt.autoIncrement >= 0) this.core.state.counters.raiseAbove(table, row[rt.autoIncrement] ?? null);
  }

  private store(rt: TableRuntime, row: Row, key: LogKey): void {
    this.placeAt(rt, row, key);
    this.rows.insert(rt, row);
  }

  /** The row that is inserted next keeps the hidden key that its author gave, where its table has no primary key. */
  private placeAt(rt: TableRuntime, row: Row, key: LogKey): void {
    const hidden = primaryKey(rt.table) ? undefined : this.hiddenKey(key);
    this.writer.nextRowid = hidden;
    if (hidden !== undefined || rt.rowid >= 0)
      this.reads.push(this.keys.row(rt.table, hidden ?? (row[rt.rowid] as RowId)));
  }

  /** A row that was written when its table had a primary key, which it has not any more, gets a key that every node gives alike. */
  private hiddenKey(key: LogKey): RowId {
    return typeof key === 'object' ? hiddenKeyFor(printed(key)) : key;
  }

  private update(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    changes: readonly ColumnChange[],
    reference: number,
  ): Steps<void> | undefined {
    const { table } = rt;
    this.reads.push(this.keys.row(table, rowid));
    this.changed = { rowid, row: before };
    const after = [...before];
    const rules = columnRules(table);
    for (const change of changes) {
      const place = this.written.placeOf(table, reference, change.column);
      const column = table.columns[place];
      if (!column || column.generated) continue;
      const current = before[place] ?? null;
      if (change.mode === 'add') {
        after[place] = this.sum(rt, place, after[place] ?? null, reference, change);
        continue;
      }
      const value = this.written.converted(rt, place, reference, change.column, change.value);
      if (change.mode === 'merge' && rules[place]) {
        const base = this.written.converted(rt, place, reference, change.column, change.base ?? null);
        const now = after[place] ?? null;
        // Where nobody else wrote, the author's own state has the value to the last bit.
        const merged: ReturnType<MergeRule['merge']> = sameValue(now, base)
          ? { kind: 'value', value }
          : rules[place].rule.merge(now, base, value, rules[place].values);
        if (merged.kind === 'reject')
          throw new Rejection(
            'rule',
            1213,
            '40001',
            `Column '${column.name}' was changed meanwhile, and its rule is ${rules[place].rule.name}`,
          );
        after[place] = merged.value;
      } else after[place] = value;
      if (after[place] === null && current !== null) checkNullable(table, place);
    }
    if (before.every((value, i) => sameValue(value, after[i]))) return undefined;
    this.attempt = { table, row: after };
    this.rows.derive(rt, after);
    this.check(rt, after);
    return this.rows.update(rt, rowid, before, after, undefined);
  }

  /** Where a row should be that is not there. */
  private metWithout(rt: TableRuntime, { table: place, key }: RowOperation): Met {
    const { table } = rt;
    const isCurrent = this.transaction.tables[place]?.version === table.version;
    const row = isCurrent ? rowWith(rt, listed(key)) : this.written.keyAsKnown(rt, place, key)?.row;
    const primary = rt.unique.find((u) => u.index.kind === 'primary');
    if (!primary)
      return {
        keys: typeof key === 'object' ? [goneKey(table.id)] : [this.keys.row(table, key), goneKey(table.id)],
        otherwise: [],
      };
    const gone = row && this.keys.unique(table, primary, row);
    return { keys: [...some(gone), goneKey(table.id)], otherwise: gone === undefined ? [definitionKey(table.id)] : [] };
  }

  private check(rt: TableRuntime, row: Row): void {
    const violated = this.rows.violated(rt, row);
    if (violated) throw violated;
  }

  private sum(
    rt: TableRuntime,
    place: number,
    current: SqliteValue,
    reference: number,
    change: ColumnChange,
  ): SqliteValue {
    const column = rt.table.columns[place] as TableDef['columns'][number];
    if (current === null) return null;
    const from = this.written.typeWhenWritten(rt, place, reference, change.column) ?? column.type;
    const sum = sumOf(column.type, current, from, change.value);
    if (sum === undefined)
      throw new Rejection(
        'data',
        1366,
        'HY000',
        `Incorrect value to add to column '${column.name}', which is no number any more`,
      );
    const { value, type } = sumAsValue(sum);
    return (rt.convert[place] as TableRuntime['convert'][number])(value, type, this.core.env);
  }

  /** The row with a key that it had under the table's older schema. */
  private findAsKnown(rt: TableRuntime, reference: number, key: LogKey): RowId | undefined {
    const { table } = rt;
    const { id, version } = this.transaction.tables[reference] as TableReference;
    // A hidden key goes with the first primary key; where both are without, it is the same.
    if (!this.core.schema.tableAt(id, version)?.primary) return primaryKey(table) ? undefined : (key as RowId);
    const known = this.written.keyAsKnown(rt, reference, key);
    if (!known) return undefined;
    const values = known.places.map((place) => known.row[place] ?? null);
    this.scanned.push(wholeTable(table));
    return this.writer.rowsWith(table, known.places, values, 1)[0]?.rowid;
  }

  private image(table: TableDef, operation: Exclude<RowOperation, { kind: 'insert' }>): string {
    if (operation.kind === 'delete') return '{}';
    return JSON.stringify(
      Object.fromEntries(
        operation.changes.map((c) => {
          const name = table.columns[this.written.placeOf(table, operation.table, c.column)]?.name ?? String(c.column);
          return [name, c.mode === 'add' ? { add: c.value } : c.value];
        }),
      ),
      printable,
    );
  }
}

/**
 * Every change of a table reads this key, and who saw the table whole writes it: so changes commute with each other, and none
 * of them with whoever saw them all.
 */
const wholeTable = (table: TableDef): string => `${table.id}:*`;

/** A row that has nothing but a primary key; undefined where the table has none. */
function rowWith({ table, unique }: TableRuntime, key: readonly SqliteValue[]): Row | undefined {
  const primary = unique.find((u) => u.index.kind === 'primary');
  if (!primary) return undefined;
  const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
  primary.places.forEach((place, i) => (row[place] = key[i] ?? null));
  return row;
}

const some = (key: string | undefined): readonly string[] => (key === undefined ? [] : [key]);

const printed = (key: LogKey): string => JSON.stringify(listed(key), printable);

/** 48 bits, above all keys that were counted. */
function hiddenKeyFor(text: string): RowId {
  const [high, low] = rowHash(0, undefined, [text]);
  return 2 ** 48 + (high & 0xffff) * 2 ** 32 + low;
}

export function printable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? `0x${Buffer.from(value).toString('hex')}` : value;
}
