/**
 * A transaction as it lies in an entry: what it was, and its write set as intentions, which every replica runs at the
 * transaction's place in the order.
 *
 * DAG-CBOR: `[format, user, database, sql, level, flags, tables, operations, reads]`
 * - flags: 1 foreign keys were not checked.
 * - `tables`: `[table id, schema version, [column id …]]` for each table that the operations touch; operations name it by
 *   its place in this list, and columns by their place in its column list.
 * - operations: `[0, table, key, value …]` insert with all columns · `[4 …]` the same, passed over where its key is taken ·
 *   `[5 …]` the same, in place of the rows that have its keys · `[6, table, key, [value …], change …]` the same, or the changes where
 *   its key is taken · `[1, table, key, change …]` update of the changed columns · `[2, table, key]` delete ·
 *   `[3, table, key, new key, change …]` move to a new key · `[16, text, change, basis]` schema change: its SQL for people, the
 *   catalog's changes as JSON for machines, the number of schema changes that it was made on; it stands alone.
 * - a change is `column, 0, value` assign · `column, 1, value` add · `column, 2, value, base` merge by the column's rule.
 * - a key is the primary key's values (an array), or the hidden key (an integer) of a table without one.
 * - reads, for certification: `[table, key, h1, h2]` a row and its hash (zeros: no such row), `[table, null, h1, h2]` a whole table
 *   and its digest, `[table, null, h1, h2, [column, low, high …]]` the rows whose columns lie between these bounds, both included (null:
 *   no bound), and the sum of their hashes.
 *
 * Values are as SQLite stores them (see sql/types). A REAL that holds an integer is an integer here; the column's
 * affinity makes it a REAL again.
 */
import { CborReader, CborWriter, DecodeError } from './cbor.ts';

export const TRANSACTION_FORMAT = 2;

export type LogValue = null | number | bigint | string | Uint8Array;
export type LogKey = number | bigint | readonly LogValue[];

export interface TableReference {
  readonly id: number;
  readonly version: number;
  readonly columns: readonly number[];
}

export interface ColumnChange {
  /** Place in the table reference's column list. */
  readonly column: number;
  readonly mode: 'assign' | 'add' | 'merge';
  readonly value: LogValue;
  /** What the column held before, for rules that compare. */
  readonly base?: LogValue;
}

/** What an insert does where its key is taken: a conflict · nothing · takes the place of the rows · changes the row. */
export type InsertMode = 'plain' | 'ignore' | 'replace' | 'upsert';

export interface InsertOperation {
  readonly kind: 'insert';
  readonly table: number;
  readonly key: LogKey;
  readonly values: readonly LogValue[];
  readonly mode: InsertMode;
  /** Of an upsert. */
  readonly changes: readonly ColumnChange[];
}

export type RowOperation =
  | InsertOperation
  | { readonly kind: 'update'; readonly table: number; readonly key: LogKey; readonly changes: readonly ColumnChange[] }
  | { readonly kind: 'delete'; readonly table: number; readonly key: LogKey }
  | {
      readonly kind: 'move';
      readonly table: number;
      readonly key: LogKey;
      readonly newKey: LogKey;
      readonly changes: readonly ColumnChange[];
    };

export type Operation =
  RowOperation | { readonly kind: 'schema'; readonly text: string; readonly change: string; readonly basis: number };

/** Two 32-bit halves of a row's hash or of a table's digest. */
export type Digest = readonly [number, number];

/** A column's values from `low` to `high`, both included; null: no bound. */
export interface Bounds {
  /** Place in the table reference's column list. */
  readonly column: number;
  readonly low: LogValue;
  readonly high: LogValue;
}

/** What a transaction that asks for certification saw: a row, or with key null the rows within all of the bounds, or the whole table. */
export interface Read {
  readonly table: number;
  readonly key: LogKey | null;
  readonly bounds?: readonly Bounds[];
  readonly digest: Digest;
}

export interface Transaction {
  readonly user: string;
  readonly database: string;
  /** Text of its statements for audit, or '' when that is off. */
  readonly sql: string;
  readonly level: 'local' | 'replicated' | 'final';
  /** Foreign keys were not checked when it ran, and are not when it is merged. */
  readonly unchecked: boolean;
  readonly tables: readonly TableReference[];
  readonly operations: readonly Operation[];
  readonly reads: readonly Read[];
}

const LEVELS = ['local', 'replicated', 'final'] as const;
const MODES = ['assign', 'add', 'merge'] as const;
const INSERT = 0;
const UPDATE = 1;
const DELETE = 2;
const MOVE = 3;
const INSERT_IGNORE = 4;
const REPLACE = 5;
const UPSERT = 6;
const SCHEMA = 16;
const UNCHECKED = 1;

function writeValue(writer: CborWriter, value: LogValue): void {
  if (value === null) writer.null();
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.int(value);
    else writer.float(value);
  } else if (typeof value === 'string') writer.text(value);
  else if (typeof value === 'bigint') writer.bigint(value);
  else writer.data(value);
}

function writeKey(writer: CborWriter, key: LogKey): void {
  if (typeof key === 'number') writer.int(key);
  else if (typeof key === 'bigint') writer.bigint(key);
  else {
    writer.array(key.length);
    for (const value of key) writeValue(writer, value);
  }
}

const changesLength = (changes: readonly ColumnChange[]): number => {
  let items = 0;
  for (const change of changes) items += change.mode === 'merge' ? 4 : 3;
  return items;
};

function writeChanges(writer: CborWriter, changes: readonly ColumnChange[]): void {
  for (const change of changes) {
    writer.int(change.column);
    writer.int(MODES.indexOf(change.mode));
    writeValue(writer, change.value);
    if (change.mode === 'merge') writeValue(writer, change.base ?? null);
  }
}

function writeInsert(writer: CborWriter, operation: InsertOperation): void {
  const { table, key, values, mode, changes } = operation;
  if (mode === 'upsert') {
    writer
      .array(4 + changesLength(changes))
      .int(UPSERT)
      .int(table);
    writeKey(writer, key);
    writer.array(values.length);
    for (const value of values) writeValue(writer, value);
    writeChanges(writer, changes);
    return;
  }
  writer
    .array(3 + values.length)
    .int(mode === 'plain' ? INSERT : mode === 'ignore' ? INSERT_IGNORE : REPLACE)
    .int(table);
  writeKey(writer, key);
  for (const value of values) writeValue(writer, value);
}

/** One writer for all that is written at once: it is emptied at the start. */
const writer = new CborWriter(1 << 16);

/** A transaction's bytes. */
export function encodeTransaction(transaction: Transaction): Uint8Array<ArrayBuffer> {
  writer.clear();
  writeStart(writer, transaction, transaction.operations.length);
  for (const operation of transaction.operations) writeOperation(writer, operation);
  writeReads(writer, transaction);
  return writer.take();
}

/** As encodeTransaction(), for `count` operations that come one by one, or do not come yet, with a pause after so many of these. */
export function* encodeInSteps(
  head: Omit<Transaction, 'operations'>,
  operations: Iterable<Operation | undefined>,
  count: number,
  rows: number,
): Generator<undefined, Uint8Array<ArrayBuffer>, undefined> {
  const own = new CborWriter(1 << 16);
  writeStart(own, head, count);
  let written = 0;
  let come = 0;
  for (const operation of operations) {
    if (operation) {
      writeOperation(own, operation);
      written++;
    }
    if (++come % rows === 0) yield;
  }
  if (written !== count) throw new Error(`${written} operations of ${count}`);
  writeReads(own, head);
  return own.end();
}

function writeStart(writer: CborWriter, transaction: Omit<Transaction, 'operations'>, operations: number): void {
  writer.array(9).int(TRANSACTION_FORMAT).text(transaction.user).text(transaction.database).text(transaction.sql);
  writer.int(LEVELS.indexOf(transaction.level)).int(transaction.unchecked ? UNCHECKED : 0);
  writer.array(transaction.tables.length);
  for (const table of transaction.tables) {
    writer.array(3).int(table.id).int(table.version).array(table.columns.length);
    for (const column of table.columns) writer.int(column);
  }
  writer.array(operations);
}

function writeOperation(writer: CborWriter, operation: Operation): void {
  switch (operation.kind) {
    case 'insert':
      writeInsert(writer, operation);
      break;
    case 'update':
      writer
        .array(3 + changesLength(operation.changes))
        .int(UPDATE)
        .int(operation.table);
      writeKey(writer, operation.key);
      writeChanges(writer, operation.changes);
      break;
    case 'delete':
      writer.array(3).int(DELETE).int(operation.table);
      writeKey(writer, operation.key);
      break;
    case 'move':
      writer
        .array(4 + changesLength(operation.changes))
        .int(MOVE)
        .int(operation.table);
      writeKey(writer, operation.key);
      writeKey(writer, operation.newKey);
      writeChanges(writer, operation.changes);
      break;
    case 'schema':
      writer.array(4).int(SCHEMA).text(operation.text).text(operation.change).int(operation.basis);
      break;
  }
}

function writeReads(writer: CborWriter, { reads }: Pick<Transaction, 'reads'>): void {
  writer.array(reads.length);
  for (const { table, key, bounds, digest } of reads) {
    writer.array(bounds ? 5 : 4).int(table);
    if (key === null) writer.null();
    else writeKey(writer, key);
    writer.int(digest[0]).int(digest[1]);
    if (!bounds) continue;
    writer.array(3 * bounds.length);
    for (const { column, low, high } of bounds) {
      writer.int(column);
      writeValue(writer, low);
      writeValue(writer, high);
    }
  }
}

function readBounds(reader: CborReader): Bounds[] {
  const items = reader.array();
  if (items === 0 || items % 3 !== 0) throw new DecodeError('bounds are a column, the least and the most');
  return Array.from({ length: items / 3 }, () => ({
    column: reader.int(),
    low: readValue(reader),
    high: readValue(reader),
  }));
}

function readValue(reader: CborReader): LogValue {
  const value = reader.scalar();
  if (typeof value === 'boolean') throw new DecodeError(`a value is no boolean at ${reader.offset}`);
  return value;
}

function readKey(reader: CborReader, isArray: boolean): LogKey {
  if (!isArray) {
    const value = reader.scalar();
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new DecodeError(`no key at ${reader.offset}`);
    return value;
  }
  return Array.from({ length: reader.array() }, () => readValue(reader));
}

function readChanges(reader: CborReader, items: number): ColumnChange[] {
  const changes: ColumnChange[] = [];
  for (let left = items; left > 0;) {
    const column = reader.int();
    const mode = MODES[reader.int()];
    const length = mode === 'merge' ? 4 : 3;
    if (!mode || left < length) throw new DecodeError(`no change of a column at ${reader.offset}`);
    const value = readValue(reader);
    changes.push(mode === 'merge' ? { column, mode, value, base: readValue(reader) } : { column, mode, value });
    left -= length;
  }
  return changes;
}

function readOperation(reader: CborReader, tables: readonly TableReference[]): Operation {
  const items = reader.array();
  const kind = reader.int();
  if (kind === SCHEMA) return { kind: 'schema', text: reader.text(), change: reader.text(), basis: reader.int() };
  const table = reader.int();
  if (!tables[table]) throw new DecodeError(`operation on table ${table} of ${tables.length}`);
  const key = readKey(reader, reader.nextIsArray);
  const values = (count: number): LogValue[] => Array.from({ length: count }, () => readValue(reader));
  switch (kind) {
    case INSERT:
    case INSERT_IGNORE:
    case REPLACE: {
      const mode = kind === INSERT ? 'plain' : kind === REPLACE ? 'replace' : 'ignore';
      return { kind: 'insert', table, key, values: values(items - 3), mode, changes: [] };
    }
    case UPSERT: {
      const row = values(reader.array());
      return { kind: 'insert', table, key, values: row, mode: 'upsert', changes: readChanges(reader, items - 4) };
    }
    case UPDATE:
      return { kind: 'update', table, key, changes: readChanges(reader, items - 3) };
    case DELETE:
      return { kind: 'delete', table, key };
    case MOVE: {
      const newKey = readKey(reader, reader.nextIsArray);
      return { kind: 'move', table, key, newKey, changes: readChanges(reader, items - 4) };
    }
    default:
      throw new DecodeError(`unknown operation ${kind}`);
  }
}

/** Throws DecodeError. */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const steps = decodeInSteps(bytes, bytes.length);
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}

/** As decodeTransaction(), with a pause after so many operations. */
export function* decodeInSteps(bytes: Uint8Array, rows: number): Generator<undefined, Transaction, undefined> {
  const reader = new CborReader(bytes);
  if (reader.array() !== 9) throw new DecodeError('a transaction has 9 fields');
  const format = reader.int();
  if (format !== TRANSACTION_FORMAT)
    throw new DecodeError(`transaction format ${format}: this program reads ${TRANSACTION_FORMAT}`);
  const user = reader.text();
  const database = reader.text();
  const sql = reader.text();
  const level = LEVELS[reader.int()];
  if (!level) throw new DecodeError('unknown commit level');
  const unchecked = (reader.int() & UNCHECKED) !== 0;
  const tables = Array.from({ length: reader.array() }, (): TableReference => {
    if (reader.array() !== 3) throw new DecodeError('a table reference has 3 fields');
    const id = reader.int();
    const version = reader.int();
    return { id, version, columns: Array.from({ length: reader.array() }, () => reader.int()) };
  });
  const operations: Operation[] = [];
  for (let left = reader.array(); left > 0; left--) {
    const operation = readOperation(reader, tables);
    if (operation.kind === 'schema' && operations.length + left > 1)
      throw new DecodeError('a schema change stands alone in its transaction');
    operations.push(operation);
    if (left % rows === 0) yield;
  }
  const reads = Array.from({ length: reader.array() }, (): Read => {
    const fields = reader.array();
    if (fields !== 4 && fields !== 5) throw new DecodeError('a read has 4 fields, or 5');
    const table = reader.int();
    if (!tables[table]) throw new DecodeError(`read of table ${table} of ${tables.length}`);
    const key = reader.skipNull() ? null : readKey(reader, reader.nextIsArray);
    const digest: Digest = [reader.int(), reader.int()];
    if (fields === 4) return { table, key, digest };
    if (key !== null) throw new DecodeError('a row has no bounds');
    return { table, key, digest, bounds: readBounds(reader) };
  });
  if (!reader.done) throw new DecodeError('bytes behind the end of the transaction');
  return { user, database, sql, level, unchecked, tables, operations, reads };
}
