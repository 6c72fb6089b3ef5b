/**
 * Column definitions and their types as DAG-CBOR. A type is [ kind, field … ], fields in the order in which SqlType
 * declares them; null stands for one that is not there. A column is [ five names, type, flags ].
 */
import { type CborReader, type CborWriter, DecodeError, expectArray, readBool, readNumber } from '../log/index.ts';
import type { ColumnDefinition } from '../server/index.ts';
import type { BinaryType, IntType, SqlType, StringType } from '../sql/index.ts';

/** MySQL's own bounds. */
export const COLUMNS_MAX = 4096;
const MEMBERS_MAX = 65_535;
const LENGTH_MAX = Number.MAX_SAFE_INTEGER;
/** Digits that are shown: ZEROFILL's width, FLOAT(m,d). */
const DIGITS_MAX = 255;
const SCALE_MAX = 30;

const KINDS = [
  'int',
  'bit',
  'decimal',
  'float',
  'double',
  'year',
  'date',
  'time',
  'datetime',
  'timestamp',
  'string',
  'binary',
  'enum',
  'set',
  'json',
  'geometry',
  'null',
] as const satisfies SqlType['kind'][];
const BITS: readonly number[] = [8, 16, 24, 32, 64] satisfies IntType['bits'][];
const STRINGS: readonly string[] = [
  'char',
  'varchar',
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
] satisfies StringType['family'][];
const BINARIES: readonly string[] = [
  'binary',
  'varbinary',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
] satisfies BinaryType['family'][];
const FLAGS = [
  'nullable',
  'primaryKey',
  'uniqueKey',
  'multipleKey',
  'autoIncrement',
  'noDefault',
  'onUpdateNow',
] as const satisfies (keyof ColumnDefinition)[];

export function writeColumns(out: CborWriter, columns: readonly ColumnDefinition[]): void {
  out.array(columns.length);
  for (const column of columns) {
    out.array(7).text(column.database).text(column.table).text(column.originalTable);
    out.text(column.name).text(column.originalName);
    writeType(out, column.type);
    out.int(FLAGS.reduce((bits, flag, n) => (column[flag] === true ? bits | (1 << n) : bits), 0));
  }
}

export function readColumns(from: CborReader): ColumnDefinition[] {
  const count = from.array();
  if (count > COLUMNS_MAX) throw new DecodeError(`${count} columns`);
  return Array.from({ length: count }, () => readColumn(from));
}

function readColumn(from: CborReader): ColumnDefinition {
  expectArray(from, 7);
  const column = {
    database: from.text(),
    table: from.text(),
    originalTable: from.text(),
    name: from.text(),
    originalName: from.text(),
    type: readType(from),
    nullable: false,
  };
  const bits = readNumber(from, 0, 2 ** FLAGS.length - 1);
  FLAGS.forEach((flag, n) => {
    if ((bits & (1 << n)) !== 0) Object.assign(column, { [flag]: true });
  });
  return column;
}

function writeType(out: CborWriter, type: SqlType): void {
  const begin = (fields: number): CborWriter => out.array(1 + fields).int(KINDS.indexOf(type.kind));
  switch (type.kind) {
    case 'int':
      begin(4).int(type.bits).bool(type.unsigned);
      if (type.width === undefined) out.null();
      else out.int(type.width);
      if (type.zerofill === undefined) out.null();
      else out.bool(type.zerofill);
      break;
    case 'bit':
      begin(1).int(type.length);
      break;
    case 'decimal':
      begin(3).int(type.precision).int(type.scale).bool(type.unsigned);
      break;
    case 'float':
    case 'double':
      begin(2).bool(type.unsigned);
      if (type.digits === undefined) out.null();
      else out.array(2).int(type.digits[0]).int(type.digits[1]);
      break;
    case 'time':
    case 'datetime':
    case 'timestamp':
      begin(1).int(type.fsp);
      break;
    case 'string':
      begin(3).int(STRINGS.indexOf(type.family)).int(type.length).text(type.collation);
      break;
    case 'binary':
      begin(2).int(BINARIES.indexOf(type.family)).int(type.length);
      break;
    case 'enum':
    case 'set':
      begin(2).array(type.values.length);
      for (const value of type.values) out.text(value);
      out.text(type.collation);
      break;
    case 'year':
    case 'date':
    case 'json':
    case 'geometry':
    case 'null':
      begin(0);
      break;
  }
}

function readType(from: CborReader): SqlType {
  const fields = from.array() - 1;
  const kind = readChoice(from, KINDS);
  const expect = (count: number): void => {
    if (fields !== count) throw new DecodeError(`${kind} with ${fields} fields`);
  };
  switch (kind) {
    case 'int': {
      expect(4);
      const bits = from.int();
      if (!BITS.includes(bits)) throw new DecodeError(`an integer of ${bits} bits`);
      const unsigned = readBool(from);
      const width = from.skipNull() ? undefined : readNumber(from, 0, DIGITS_MAX);
      const zerofill = from.skipNull() ? undefined : readBool(from);
      return {
        kind,
        bits: bits as IntType['bits'],
        unsigned,
        ...(width !== undefined && { width }),
        ...(zerofill !== undefined && { zerofill }),
      };
    }
    case 'bit':
      expect(1);
      return { kind, length: readNumber(from, 0, LENGTH_MAX) };
    case 'decimal':
      expect(3);
      return {
        kind,
        precision: readNumber(from, 0, DIGITS_MAX),
        scale: readNumber(from, 0, SCALE_MAX),
        unsigned: readBool(from),
      };
    case 'float':
    case 'double': {
      expect(2);
      const unsigned = readBool(from);
      if (from.skipNull()) return { kind, unsigned };
      expectArray(from, 2);
      return { kind, unsigned, digits: [readNumber(from, 0, DIGITS_MAX), readNumber(from, 0, SCALE_MAX)] };
    }
    case 'time':
    case 'datetime':
    case 'timestamp':
      expect(1);
      return { kind, fsp: readNumber(from, 0, 6) };
    case 'string':
      expect(3);
      return {
        kind,
        family: readChoice(from, STRINGS) as StringType['family'],
        length: readNumber(from, 0, LENGTH_MAX),
        collation: from.text(),
      };
    case 'binary':
      expect(2);
      return {
        kind,
        family: readChoice(from, BINARIES) as BinaryType['family'],
        length: readNumber(from, 0, LENGTH_MAX),
      };
    case 'enum':
    case 'set': {
      expect(2);
      const count = from.array();
      if (count > MEMBERS_MAX) throw new DecodeError(`${count} members`);
      return { kind, values: Array.from({ length: count }, () => from.text()), collation: from.text() };
    }
    case 'year':
    case 'date':
    case 'json':
    case 'geometry':
    case 'null':
      expect(0);
      return { kind };
  }
}

// What all of the room's readers are made of

export function readChoice<T>(from: CborReader, choices: readonly T[]): T {
  const choice = choices[from.int()];
  if (choice === undefined) throw new DecodeError(`an unknown choice at ${from.offset}`);
  return choice;
}
