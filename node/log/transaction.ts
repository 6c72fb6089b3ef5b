/**
 * A transaction as it lies in an entry: what it was, and its write set.
 *
 * DAG-CBOR: `[format, user, database, sql, level, tables, operations]`
 * - `tables`: `[table id, schema version, [column id …]]` for each table that the operations touch; operations name it by
 *   its place in this list, and columns by their place in its column list.
 * - operations: `[0, table, key, value …]` insert with all columns · `[1, table, key, (column, mode, value) …]` update of
 *   the changed columns, mode 0 assign, 1 add · `[2, table, key]` delete · `[3, table, key, new key, (column, mode, value) …]`
 *   move to a new key · `[16, text, change]` schema change: its SQL for people, the catalog's change as JSON for machines.
 * - a key is the primary key's values (an array), or the hidden key (an integer) of a table without one.
 *
 * Values are as SQLite stores them (see sql/types). A REAL that holds an integer is an integer here; the column's
 * affinity makes it a REAL again.
 */
import { CborReader, CborWriter, DecodeError } from './cbor.ts';

export const TRANSACTION_FORMAT = 1;

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
  readonly add: boolean;
  readonly value: LogValue;
}

export type Operation =
  | { readonly kind: 'insert'; readonly table: number; readonly key: LogKey; readonly values: readonly LogValue[] }
  | { readonly kind: 'update'; readonly table: number; readonly key: LogKey; readonly changes: readonly ColumnChange[] }
  | { readonly kind: 'delete'; readonly table: number; readonly key: LogKey }
  | {
      readonly kind: 'move';
      readonly table: number;
      readonly key: LogKey;
      readonly newKey: LogKey;
      readonly changes: readonly ColumnChange[];
    }
  | { readonly kind: 'schema'; readonly text: string; readonly change: string };

export interface Transaction {
  readonly user: string;
  readonly database: string;
  /** Text of its statements for audit, or '' when that is off. */
  readonly sql: string;
  readonly level: 'local' | 'replicated' | 'final';
  readonly tables: readonly TableReference[];
  readonly operations: readonly Operation[];
}

const LEVELS = ['local', 'replicated', 'final'] as const;
const INSERT = 0;
const UPDATE = 1;
const DELETE = 2;
const MOVE = 3;
const SCHEMA = 16;

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

function writeChanges(writer: CborWriter, changes: readonly ColumnChange[]): void {
  for (const change of changes) {
    writer.int(change.column);
    writer.int(change.add ? 1 : 0);
    writeValue(writer, change.value);
  }
}

/** Writes a transaction's bytes. One writer for all: it is emptied at the start. */
const writer = new CborWriter(1 << 16);

export function encodeTransaction(transaction: Transaction): Uint8Array<ArrayBuffer> {
  writer.clear();
  writer.array(7).int(TRANSACTION_FORMAT).text(transaction.user).text(transaction.database).text(transaction.sql);
  writer.int(LEVELS.indexOf(transaction.level));
  writer.array(transaction.tables.length);
  for (const table of transaction.tables) {
    writer.array(3).int(table.id).int(table.version).array(table.columns.length);
    for (const column of table.columns) writer.int(column);
  }
  writer.array(transaction.operations.length);
  for (const operation of transaction.operations) {
    switch (operation.kind) {
      case 'insert':
        writer
          .array(3 + operation.values.length)
          .int(INSERT)
          .int(operation.table);
        writeKey(writer, operation.key);
        for (const value of operation.values) writeValue(writer, value);
        break;
      case 'update':
        writer
          .array(3 + 3 * operation.changes.length)
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
          .array(4 + 3 * operation.changes.length)
          .int(MOVE)
          .int(operation.table);
        writeKey(writer, operation.key);
        writeKey(writer, operation.newKey);
        writeChanges(writer, operation.changes);
        break;
      case 'schema':
        writer.array(3).int(SCHEMA).text(operation.text).text(operation.change);
        break;
    }
  }
  return writer.take();
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
  if (items % 3 !== 0) throw new DecodeError(`changes come in threes at ${reader.offset}`);
  return Array.from({ length: items / 3 }, () => ({
    column: reader.int(),
    add: reader.int() === 1,
    value: readValue(reader),
  }));
}

/** Throws DecodeError. */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const reader = new CborReader(bytes);
  if (reader.array() !== 7) throw new DecodeError('a transaction has 7 fields');
  const format = reader.int();
  if (format !== TRANSACTION_FORMAT)
    throw new DecodeError(`transaction format ${format}: this program reads ${TRANSACTION_FORMAT}`);
  const user = reader.text();
  const database = reader.text();
  const sql = reader.text();
  const level = LEVELS[reader.int()];
  if (!level) throw new DecodeError('unknown commit level');
  const tables = Array.from({ length: reader.array() }, (): TableReference => {
    if (reader.array() !== 3) throw new DecodeError('a table reference has 3 fields');
    const id = reader.int();
    const version = reader.int();
    return { id, version, columns: Array.from({ length: reader.array() }, () => reader.int()) };
  });
  const operations = Array.from({ length: reader.array() }, (): Operation => {
    const items = reader.array();
    const kind = reader.int();
    if (kind === SCHEMA) return { kind: 'schema', text: reader.text(), change: reader.text() };
    const table = reader.int();
    if (!tables[table]) throw new DecodeError(`operation on table ${table} of ${tables.length}`);
    const key = readKey(reader, reader.nextIsArray);
    switch (kind) {
      case INSERT:
        return { kind: 'insert', table, key, values: Array.from({ length: items - 3 }, () => readValue(reader)) };
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
  });
  if (!reader.done) throw new DecodeError('bytes behind the end of the transaction');
  return { user, database, sql, level, tables, operations };
}
