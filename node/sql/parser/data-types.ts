import type { CastType, DataType } from './ast.ts';
import type { Parser } from './parser.ts';

/** CHARSET x, CHARACTER SET x, without the words: a name or a string. */
export function charsetName(p: Parser): string {
  if (p.t === 'BINARY') {
    p.next();
    return 'binary';
  }
  return p.identOrText().toLowerCase();
}

/** A collation is named in the same ways. */
export function collationName(p: Parser): string {
  return charsetName(p);
}

/** Takes CHARSET or CHARACTER SET, or CHAR SET. */
export function acceptCharset(p: Parser): boolean {
  if (p.accept('CHARSET')) return true;
  return p.accept2('CHARACTER', 'SET') || p.accept2('CHAR', 'SET');
}

interface Length {
  length: number | undefined;
  scale: number | undefined;
}

function optionalLength(p: Parser): number | undefined {
  if (p.t !== '(') return undefined;
  p.next();
  const length = p.number();
  p.expect(')');
  return length;
}

function fsp(p: Parser): number | undefined {
  if (!p.accept('(')) return undefined;
  const digits = p.smallInteger();
  p.expect(')');
  return digits;
}

function requiredLength(p: Parser): number | undefined {
  if (p.t !== '(') p.fail();
  return optionalLength(p);
}

function precision(p: Parser, both: boolean): Length {
  if (p.t !== '(') return { length: undefined, scale: undefined };
  p.next();
  const start = p.mark();
  const length = p.number();
  let scale: number | undefined;
  if (p.is(',')) {
    p.reset(start);
    p.smallInteger();
    p.next();
    scale = p.smallInteger();
  } else if (both) p.fail();
  p.expect(')');
  return { length, scale };
}

interface Characters {
  charset: string | undefined;
  binary: boolean;
}

/** [CHARACTER SET x | ASCII | UNICODE | BYTE] [BINARY], in either order. */
function characters(p: Parser): Characters {
  let charset: string | undefined;
  let binary = p.accept('BINARY');
  if (p.accept('ASCII')) charset = 'latin1';
  else if (p.accept('UNICODE')) charset = 'ucs2';
  else if (p.accept('BYTE')) charset = 'binary';
  else if (acceptCharset(p)) charset = charsetName(p);
  if (!binary) binary = p.accept('BINARY');
  return { charset, binary };
}

type Name = DataType['name'];

const INTEGERS: Readonly<Record<string, Name>> = {
  INT: 'int',
  INTEGER: 'int',
  INT4: 'int',
  BIGINT: 'bigint',
  INT8: 'bigint',
  TINYINT: 'tinyint',
  INT1: 'tinyint',
  SMALLINT: 'smallint',
  INT2: 'smallint',
  MEDIUMINT: 'mediumint',
  MIDDLEINT: 'mediumint',
  INT3: 'mediumint',
};

const PLAIN: Readonly<Record<string, Name>> = {
  DATE: 'date',
  JSON: 'json',
  TINYBLOB: 'tinyblob',
  MEDIUMBLOB: 'mediumblob',
  LONGBLOB: 'longblob',
  GEOMETRY: 'geometry',
  GEOMETRYCOLLECTION: 'geometrycollection',
  GEOMCOLLECTION: 'geometrycollection',
  POINT: 'point',
  LINESTRING: 'linestring',
  POLYGON: 'polygon',
  MULTIPOINT: 'multipoint',
  MULTILINESTRING: 'multilinestring',
  MULTIPOLYGON: 'multipolygon',
};

const TEXTS: Readonly<Record<string, Name>> = {
  TINYTEXT: 'tinytext',
  TEXT: 'text',
  MEDIUMTEXT: 'mediumtext',
  LONGTEXT: 'longtext',
};

/** Parts of a type; what is left out has its usual value. */
interface Parts extends Partial<Omit<DataType, 'kind' | 'start' | 'end' | 'name'>> {
  readonly name: Name;
}

function numberSigns(p: Parser): { unsigned: boolean; zerofill: boolean } {
  let unsigned = false;
  let zerofill = false;
  for (;;) {
    if (p.accept('UNSIGNED')) unsigned = true;
    else if (p.accept('ZEROFILL')) zerofill = true;
    else if (!p.accept('SIGNED')) return { unsigned: unsigned || zerofill, zerofill };
  }
}

function nationalType(p: Parser): Parts {
  // NATIONAL CHAR [VARYING], NATIONAL VARCHAR, NCHAR [VARCHAR | VARYING], NVARCHAR
  const first = p.t;
  p.next();
  let varying = first === 'NVARCHAR';
  if (first === 'NATIONAL') {
    const word = p.expectAny('CHAR', 'CHARACTER', 'VARCHAR', 'VARCHARACTER');
    varying = word.startsWith('VAR') || p.accept('VARYING');
  } else if (first === 'NCHAR') varying = p.acceptAny('VARCHAR', 'VARCHARACTER', 'VARYING') !== undefined;
  const length = varying ? requiredLength(p) : optionalLength(p);
  return { name: varying ? 'varchar' : 'char', length, national: true, charset: 'utf8mb3', binary: p.accept('BINARY') };
}

function longType(p: Parser): Parts {
  if (p.accept('VARBINARY')) return { name: 'mediumblob' };
  if (p.acceptAny('VARCHAR', 'VARCHARACTER') === undefined && !p.accept2('CHAR', 'VARYING')) {
    p.accept2('CHARACTER', 'VARYING');
  }
  return { name: 'mediumtext', ...characters(p) };
}

function typeParts(p: Parser): Parts {
  const t = p.t;
  const integer = INTEGERS[t];
  if (integer !== undefined) {
    p.next();
    return { name: integer, length: optionalLength(p), ...numberSigns(p) };
  }
  const plain = PLAIN[t];
  if (plain !== undefined) {
    p.next();
    return { name: plain };
  }
  const text = TEXTS[t];
  if (text !== undefined) {
    p.next();
    return { name: text, length: t === 'TEXT' ? optionalLength(p) : undefined, ...characters(p) };
  }
  switch (t) {
    case 'CHAR':
    case 'CHARACTER':
      p.next();
      if (p.accept('VARYING')) return { name: 'varchar', length: requiredLength(p), ...characters(p) };
      return { name: 'char', length: optionalLength(p), ...characters(p) };
    case 'VARCHAR':
    case 'VARCHARACTER':
      p.next();
      return { name: 'varchar', length: requiredLength(p), ...characters(p) };
    case 'NATIONAL':
    case 'NCHAR':
    case 'NVARCHAR':
      return nationalType(p);
    case 'LONG':
      p.next();
      return longType(p);
    case 'DECIMAL':
    case 'DEC':
    case 'NUMERIC':
    case 'FIXED':
      p.next();
      return { name: 'decimal', ...precision(p, false), ...numberSigns(p) };
    case 'FLOAT':
    case 'FLOAT4': {
      p.next();
      const size = precision(p, false);
      const double = size.scale === undefined && size.length !== undefined && size.length > 24;
      return { name: double ? 'double' : 'float', ...(double ? {} : size), ...numberSigns(p) };
    }
    case 'DOUBLE':
    case 'FLOAT8':
    case 'REAL':
      p.next();
      if (t === 'DOUBLE') p.accept('PRECISION');
      return {
        name: t === 'REAL' && p.options.realAsFloat ? 'float' : 'double',
        ...precision(p, true),
        ...numberSigns(p),
      };
    case 'BIT':
      p.next();
      return { name: 'bit', length: optionalLength(p) };
    case 'BOOL':
    case 'BOOLEAN':
      p.next();
      return { name: 'tinyint', length: 1 };
    case 'SERIAL':
      p.next();
      return { name: 'bigint', unsigned: true, serial: true };
    case 'YEAR':
    case 'SQL_TSI_YEAR':
      p.next();
      return { name: 'year', length: optionalLength(p), ...numberSigns(p), unsigned: false };
    case 'TIME':
      p.next();
      return { name: 'time', length: fsp(p) };
    case 'TIMESTAMP':
      p.next();
      return { name: 'timestamp', length: fsp(p) };
    case 'DATETIME':
      p.next();
      return { name: 'datetime', length: fsp(p) };
    case 'BINARY':
      p.next();
      return { name: 'binary', length: optionalLength(p) };
    case 'VARBINARY':
      p.next();
      return { name: 'varbinary', length: requiredLength(p) };
    case 'BLOB':
      p.next();
      return { name: 'blob', length: optionalLength(p) };
    case 'VECTOR':
      p.next();
      return { name: 'vector', length: optionalLength(p) };
    case 'ENUM':
    case 'SET': {
      p.next();
      const values = p.parenList(enumValue);
      return { name: t === 'ENUM' ? 'enum' : 'set', values, ...characters(p) };
    }
    default:
      return p.fail();
  }
}

/** A member of ENUM or SET: a string, or x'…' of one. */
function enumValue(p: Parser): string {
  if (p.t !== 'hex' && p.t !== 'bit') return p.text();
  let text = '';
  for (const byte of p.literalValue() as Uint8Array) text += String.fromCharCode(byte);
  p.pinned.push(p.slot);
  p.next();
  return text;
}

/** A column's type; COLLATE is the caller's, save in routines (`withCollation`). */
export function dataType(p: Parser, withCollation = false): DataType {
  const start = p.start;
  const parts = typeParts(p);
  let collation: string | undefined;
  if (withCollation && p.accept('COLLATE')) collation = collationName(p);
  return {
    kind: 'type',
    start,
    end: p.prevEnd,
    name: parts.name,
    length: parts.length,
    scale: parts.scale,
    unsigned: parts.unsigned ?? false,
    zerofill: parts.zerofill ?? false,
    charset: parts.charset,
    collation,
    binary: parts.binary ?? false,
    national: parts.national ?? false,
    values: parts.values,
    serial: parts.serial ?? false,
  };
}

const CAST_PLAIN: Readonly<Record<string, CastType['name']>> = {
  DATE: 'date',
  YEAR: 'year',
  JSON: 'json',
  POINT: 'point',
  LINESTRING: 'linestring',
  POLYGON: 'polygon',
  MULTIPOINT: 'multipoint',
  MULTILINESTRING: 'multilinestring',
  MULTIPOLYGON: 'multipolygon',
  GEOMETRYCOLLECTION: 'geometrycollection',
  GEOMCOLLECTION: 'geometrycollection',
};

interface CastParts extends Partial<Omit<CastType, 'start' | 'end' | 'name'>> {
  readonly name: CastType['name'];
}

function castParts(p: Parser): CastParts {
  const t = p.t;
  const plain = CAST_PLAIN[t];
  p.next();
  if (plain !== undefined) return { name: plain };
  switch (t) {
    case 'BINARY':
      return { name: 'binary', length: optionalLength(p) };
    case 'CHAR':
    case 'CHARACTER':
      return { name: 'char', length: optionalLength(p), ...characters(p) };
    case 'NCHAR':
      return { name: 'char', length: optionalLength(p), charset: 'utf8mb3' };
    case 'NATIONAL':
      p.expectAny('CHAR', 'CHARACTER');
      return { name: 'char', length: optionalLength(p), charset: 'utf8mb3' };
    case 'SIGNED':
    case 'UNSIGNED':
      p.acceptAny('INT', 'INTEGER', 'INT4');
      return { name: t === 'SIGNED' ? 'signed' : 'unsigned' };
    case 'TIME':
      return { name: 'time', length: fsp(p) };
    case 'DATETIME':
      return { name: 'datetime', length: fsp(p) };
    case 'DECIMAL':
    case 'DEC':
      return { name: 'decimal', ...precision(p, false) };
    case 'REAL':
      return { name: p.options.realAsFloat ? 'float' : 'double' };
    case 'DOUBLE':
    case 'FLOAT8':
      if (t === 'DOUBLE') p.accept('PRECISION');
      return { name: 'double' };
    case 'FLOAT':
    case 'FLOAT4': {
      const length = optionalLength(p);
      return { name: length !== undefined && length > 24 ? 'double' : 'float' };
    }
    case 'VECTOR':
      return { name: 'vector', length: optionalLength(p) };
    default:
      return p.fail(p.prevStart);
  }
}

export function castType(p: Parser): CastType {
  const start = p.start;
  p.prevStart = start;
  const parts = castParts(p);
  return {
    start,
    end: p.prevEnd,
    name: parts.name,
    length: parts.length,
    scale: parts.scale,
    charset: parts.charset,
    binary: parts.binary ?? false,
  };
}
