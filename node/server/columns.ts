/**
 * Column definitions: what MySQL would say about a column of each SqlType, and the packets that say it.
 *
 * The engine hands the same array of columns for each execution of a cached plan, so the packets are built once for
 * each array and result character set.
 */
import type { SqlType } from '../sql/index.ts';
import { type Charset, collationId } from './charsets.ts';
import { ColumnFlag, Type } from './constants.ts';
import { Output } from './output.ts';
import type { ColumnDefinition } from './ports.ts';

const BINARY = 63;
/** "As many digits as it takes": decimals of floating point columns and of computed text. */
const NOT_FIXED = 31;

/** From so many bytes on MySQL calls a computed text long. */
const LONG_BYTES = 16777216;

export interface WireColumn {
  type: number;
  charset: number;
  length: number;
  flags: number;
  decimals: number;
}

const INT_TYPES = { 8: Type.TINY, 16: Type.SHORT, 24: Type.INT24, 32: Type.LONG, 64: Type.LONGLONG } as const;
const INT_LENGTHS = { 8: 4, 16: 6, 24: 9, 32: 11, 64: 20 } as const;
const INT_LENGTHS_UNSIGNED = { 8: 3, 16: 5, 24: 8, 32: 10, 64: 20 } as const;

const numeric = (type: number, length: number, decimals: number, unsigned: boolean): WireColumn => ({
  type,
  charset: BINARY,
  length,
  flags: unsigned ? ColumnFlag.UNSIGNED : 0,
  decimals,
});

const temporal = (type: number, length: number, fsp: number): WireColumn => ({
  type,
  charset: BINARY,
  length: length + (fsp > 0 ? fsp + 1 : 0),
  flags: ColumnFlag.BINARY,
  decimals: fsp,
});

function text(
  type: number,
  characters: number,
  collation: string,
  results: Charset | undefined,
  flags: number,
): WireColumn {
  const maxLength = results?.maxLength ?? 4;
  return {
    type,
    charset: results === undefined ? collationId(collation) : results.collation,
    length: Math.min(characters * maxLength, 0xffffffff),
    flags: flags | (collation.endsWith('_bin') ? ColumnFlag.BINARY : 0),
    decimals: 0,
  };
}

const binary = (type: number, length: number, flags: number): WireColumn => ({
  type,
  charset: BINARY,
  length,
  flags: flags | ColumnFlag.BINARY,
  decimals: 0,
});

/** `results`: character_set_results, or undefined when the client takes text as it is stored. */
function wireType(type: SqlType, results: Charset | undefined): WireColumn {
  switch (type.kind) {
    case 'int': {
      const lengths = type.unsigned ? INT_LENGTHS_UNSIGNED : INT_LENGTHS;
      const column = numeric(INT_TYPES[type.bits], type.width ?? lengths[type.bits], 0, type.unsigned);
      if (type.zerofill === true) column.flags |= ColumnFlag.ZEROFILL | ColumnFlag.UNSIGNED;
      return column;
    }
    case 'bit':
      return numeric(Type.BIT, type.length, 0, true);
    case 'decimal': {
      const signs = (type.scale > 0 ? 1 : 0) + (type.unsigned ? 0 : 1);
      return numeric(Type.NEWDECIMAL, type.precision + signs, type.scale, type.unsigned);
    }
    case 'float':
      return numeric(Type.FLOAT, type.digits?.[0] ?? 12, type.digits?.[1] ?? NOT_FIXED, type.unsigned);
    case 'double':
      return numeric(Type.DOUBLE, type.digits?.[0] ?? 22, type.digits?.[1] ?? NOT_FIXED, type.unsigned);
    case 'year':
      return {
        type: Type.YEAR,
        charset: BINARY,
        length: 4,
        flags: ColumnFlag.UNSIGNED | ColumnFlag.ZEROFILL,
        decimals: 0,
      };
    case 'date':
      return temporal(Type.DATE, 10, 0);
    case 'time':
      return temporal(Type.TIME, 10, type.fsp);
    case 'datetime':
      return temporal(Type.DATETIME, 19, type.fsp);
    case 'timestamp':
      return temporal(Type.TIMESTAMP, 19, type.fsp);
    case 'string': {
      const isText = type.family.endsWith('text');
      const code = isText ? Type.BLOB : type.family === 'char' ? Type.STRING : Type.VAR_STRING;
      return text(code, type.length, type.collation, results, isText ? ColumnFlag.BLOB : 0);
    }
    case 'binary': {
      const isBlob = type.family.endsWith('blob');
      const code = isBlob ? Type.BLOB : type.family === 'binary' ? Type.STRING : Type.VAR_STRING;
      return binary(code, type.length, isBlob ? ColumnFlag.BLOB : 0);
    }
    case 'enum': {
      const longest = type.values.reduce((most, value) => Math.max(most, [...value].length), 0);
      return text(Type.STRING, longest, type.collation, results, ColumnFlag.ENUM);
    }
    case 'set': {
      const all = type.values.reduce((sum, value) => sum + [...value].length + 1, 0);
      return text(Type.STRING, Math.max(0, all - 1), type.collation, results, ColumnFlag.SET);
    }
    case 'json':
      return binary(Type.JSON, 0xffffffff, ColumnFlag.BLOB);
    case 'geometry':
      return binary(Type.GEOMETRY, 0xffffffff, ColumnFlag.BLOB);
    case 'null':
      return { type: Type.NULL, charset: BINARY, length: 0, flags: ColumnFlag.BINARY, decimals: 0 };
  }
}

export function wireColumn(column: ColumnDefinition, results: Charset | undefined): WireColumn {
  const wire = wireType(column.type, results);
  let flags = wire.flags;
  if (!column.nullable) flags |= ColumnFlag.NOT_NULL;
  if (column.primaryKey === true) flags |= ColumnFlag.PRI_KEY | ColumnFlag.PART_KEY;
  if (column.uniqueKey === true) flags |= ColumnFlag.UNIQUE_KEY | ColumnFlag.PART_KEY;
  if (column.multipleKey === true) flags |= ColumnFlag.MULTIPLE_KEY | ColumnFlag.PART_KEY;
  if (column.autoIncrement === true) flags |= ColumnFlag.AUTO_INCREMENT;
  if (column.noDefault === true) flags |= ColumnFlag.NO_DEFAULT_VALUE;
  if (column.onUpdateNow === true) flags |= ColumnFlag.ON_UPDATE_NOW | ColumnFlag.TIMESTAMP;
  wire.flags = flags;
  // A computed column has no field behind it: MySQL marks numbers as binary and leaves the decimals of text open.
  if (column.originalTable === '') {
    if (wire.charset === BINARY) wire.flags |= ColumnFlag.BINARY;
    else wire.decimals = NOT_FIXED;
    // An expression's long text, unlike a column's and a derived table's, goes by its length.
    if (column.table === '' && 'family' in column.type && /^long(text|blob)$/.test(column.type.family)) {
      wire.type = wire.length >= LONG_BYTES ? Type.LONG_BLOB : Type.MEDIUM_BLOB;
    }
  }
  return wire;
}

/** Writes the payload of a column definition (without a default value). */
export function writeColumn(out: Output, column: ColumnDefinition, results: Charset | undefined): void {
  const name = (value: string): void => {
    if (results === undefined || results.utf8) out.lengthText(value);
    else out.lengthBytes(results.encode(value));
  };
  const wire = wireColumn(column, results);
  out.lengthText('def');
  name(column.database);
  name(column.table);
  name(column.originalTable);
  name(column.name);
  name(column.originalName);
  out.u8(0x0c);
  out.u16(wire.charset);
  out.u32(wire.length);
  out.u8(wire.type);
  out.u16(wire.flags);
  out.u8(wire.decimals);
  out.u16(0);
}

/** How the values of a column are written. */
export const Encoding = {
  /** By the JavaScript type of the value. */
  PLAIN: 0,
  INTEGER: 1,
  DOUBLE: 2,
  FLOAT: 3,
  FIXED: 4,
  YEAR: 5,
  ZEROFILL: 6,
  INT8: 7,
  INT16: 8,
  INT32: 9,
  INT64: 10,
  BINARY_FLOAT: 11,
  BINARY_DOUBLE: 12,
  DATETIME: 13,
  TIME: 14,
} as const;

function textEncoding(type: SqlType): number {
  switch (type.kind) {
    case 'int':
      return type.zerofill === true ? Encoding.ZEROFILL : Encoding.INTEGER;
    case 'float':
      return type.digits === undefined ? Encoding.FLOAT : Encoding.FIXED;
    case 'double':
      return type.digits === undefined ? Encoding.DOUBLE : Encoding.FIXED;
    case 'year':
      return Encoding.YEAR;
    default:
      return Encoding.PLAIN;
  }
}

const BINARY_INTS = {
  8: Encoding.INT8,
  16: Encoding.INT16,
  24: Encoding.INT32,
  32: Encoding.INT32,
  64: Encoding.INT64,
};

function binaryEncoding(type: SqlType): number {
  switch (type.kind) {
    case 'int':
      return BINARY_INTS[type.bits];
    case 'year':
      return Encoding.INT16;
    case 'float':
      return Encoding.BINARY_FLOAT;
    case 'double':
      return Encoding.BINARY_DOUBLE;
    case 'date':
    case 'datetime':
    case 'timestamp':
      return Encoding.DATETIME;
    case 'time':
      return Encoding.TIME;
    default:
      return Encoding.PLAIN;
  }
}

/** What is made once for an array of columns. */
export interface ColumnSet {
  readonly columns: readonly ColumnDefinition[];
  readonly charset: Charset | undefined;
  /** Packets with the number of columns and their definitions, with sequence ids from 1 on. */
  readonly packets: Buffer;
  /** Where each packet starts in them. */
  readonly starts: readonly number[];
  readonly text: Uint8Array;
  readonly binary: Uint8Array;
}

const sets = new WeakMap<readonly ColumnDefinition[], ColumnSet[]>();

export function columnSet(columns: readonly ColumnDefinition[], charset: Charset | undefined): ColumnSet {
  let known = sets.get(columns);
  if (known === undefined) sets.set(columns, (known = []));
  let set = known.find((candidate) => candidate.charset === charset);
  if (set === undefined) known.push((set = makeColumnSet(columns, charset)));
  return set;
}

function makeColumnSet(columns: readonly ColumnDefinition[], charset: Charset | undefined): ColumnSet {
  const out = new Output();
  out.sequence = 1;
  const starts = [0];
  out.beginPacket();
  out.length(columns.length);
  out.endPacket();
  for (const column of columns) {
    starts.push(out.position);
    out.beginPacket();
    writeColumn(out, column, charset);
    out.endPacket();
  }
  const packets = Buffer.from(out.buffer.subarray(0, out.position));
  out.clear(false);
  return {
    columns,
    charset,
    packets,
    starts,
    text: Uint8Array.from(columns, (column) => textEncoding(column.type)),
    binary: Uint8Array.from(columns, (column) => binaryEncoding(column.type)),
  };
}

/** Copies the packets into a reply; `from` 1 leaves the number of columns out. */
export function writeColumnSet(out: Output, set: ColumnSet, from = 0): void {
  const first = set.starts[from];
  if (first === undefined) return;
  out.ensure(set.packets.length - first);
  const base = out.position;
  if (first === 0) out.buffer.set(set.packets, base);
  else set.packets.copy(out.buffer, base, first);
  out.position = base + set.packets.length - first;
  const count = set.starts.length - from;
  if (out.sequence !== 1 || from !== 0) {
    for (let i = 0; i < count; i++) {
      out.buffer[base + (set.starts[from + i] as number) - first + 3] = (out.sequence + i) & 0xff;
    }
  }
  out.sequence = (out.sequence + count) & 0xff;
}
