import type { IntType, SqlType } from '../types/index.ts';
import { characterSetNamed, charsetOf, Coercibility, isBinaryText, meetCollations } from '../values/index.ts';
import type { Collated } from '../values/index.ts';
import type { ArgInfo, TypeEnv } from './definition.ts';

/** The shapes that function results have, and the lengths that they go by. */

export const BIGINT: IntType = { kind: 'int', bits: 64, unsigned: false };
export const UNSIGNED: IntType = { kind: 'int', bits: 64, unsigned: true };
/** What comparisons and the like give: INT with a display width of 1. */
export const BOOLEAN: IntType = { kind: 'int', bits: 32, unsigned: false, width: 1 };
type RealType = Extract<SqlType, { kind: 'float' | 'double' }>;
export const DOUBLE: RealType = { kind: 'double', unsigned: false };
export const DATE: SqlType = { kind: 'date' };
export const JSON_TYPE: SqlType = { kind: 'json' };

export function intOfWidth(width: number): IntType {
  return { kind: 'int', bits: width >= 10 ? 64 : 32, unsigned: false, width };
}

/** MySQL makes LONGTEXT and LONGBLOB of results that are too long for VARCHAR. */
export function textType(length: number, collation: string): SqlType {
  const chars = Math.max(0, Math.min(length, 4294967295));
  if (collation === 'binary') return binaryType(chars);
  const bytes = chars * (characterSetNamed(charsetOf(collation))?.maxLength ?? 4);
  return { kind: 'string', family: bytes <= 65532 ? 'varchar' : 'longtext', length: chars, collation };
}

export function binaryType(length: number): SqlType {
  const family = length <= 65532 ? 'varbinary' : length <= 65535 ? 'blob' : 'longblob';
  return { kind: 'binary', family, length: Math.min(length, 4294967295) };
}

const INT_CHARS: Readonly<Record<number, readonly [signed: number, unsigned: number]>> = {
  8: [4, 3],
  16: [6, 5],
  24: [9, 8],
  32: [11, 10],
  64: [20, 20],
};

/** Characters of the longest text of a type. */
export function charsOf(info: Pick<ArgInfo, 'type'> & { readonly constant?: ArgInfo['constant'] }): number {
  const { type } = info;
  switch (type.kind) {
    case 'int': {
      const { constant } = info;
      if (typeof constant === 'number' || typeof constant === 'bigint') return String(constant).length;
      const chars = INT_CHARS[type.bits] as readonly [number, number];
      return type.width ?? (type.unsigned ? chars[1] : chars[0]);
    }
    case 'decimal':
      return type.precision + (type.scale > 0 ? 1 : 0) + (type.unsigned ? 0 : 1);
    case 'float':
      return type.digits?.[0] ?? 12;
    case 'double':
      return type.digits?.[0] ?? 22;
    case 'bit':
      return type.length;
    case 'year':
      return 4;
    case 'date':
      return 10;
    case 'time':
      return type.fsp > 0 ? 11 + type.fsp : 10;
    case 'datetime':
    case 'timestamp':
      return type.fsp > 0 ? 20 + type.fsp : 19;
    case 'string':
    case 'binary':
      return type.length;
    case 'enum':
      return type.values.reduce((most, v) => Math.max(most, v.length), 0);
    case 'set':
      return type.values.reduce((sum, v) => sum + v.length + 1, 0) - (type.values.length > 0 ? 1 : 0);
    case 'json':
    case 'geometry':
      return 4294967295;
    case 'null':
      return 0;
  }
}

/** The collation that an argument brings along as text. */
export function collatedOf(info: ArgInfo, env: Pick<TypeEnv, 'collation'>): Collated {
  const { type } = info;
  if ('collation' in type) return { collation: type.collation, coercibility: info.coercibility };
  if (isBinaryText(type)) return { collation: 'binary', coercibility: info.coercibility };
  if (type.kind === 'json') return { collation: 'utf8mb4_bin', coercibility: info.coercibility };
  if (type.kind === 'null') return { collation: 'binary', coercibility: Coercibility.ignorable };
  // Numbers and dates as text are ASCII, in the connection's character set.
  return { collation: env.collation, coercibility: Math.max(info.coercibility, Coercibility.numeric), ascii: true };
}

/** The collation of a result text made of these arguments; `binary` where one of them is binary. */
export function collationOfResult(args: readonly ArgInfo[], env: TypeEnv, operation: string): string {
  const parts = args.filter((a) => a.type.kind !== 'null');
  if (parts.length === 0) return 'binary';
  const binary = parts.some((a) => isBinaryText(a.type));
  const { collation } = meetCollations(
    parts.map((a) => collatedOf(a, env)),
    operation,
    true,
  );
  return binary && collation !== 'binary' ? collation : collation;
}

/** A result text in the connection's collation. */
export function connectionText(length: number): (args: readonly ArgInfo[], env: TypeEnv) => SqlType {
  return (_args, env) => textType(length, env.collation);
}

/** Digits behind the second that a value has as a time. */
export function fspOf(type: SqlType): number {
  switch (type.kind) {
    case 'time':
    case 'datetime':
    case 'timestamp':
      return type.fsp;
    case 'decimal':
      return Math.min(6, type.scale);
    case 'string':
    case 'binary':
    case 'float':
    case 'double':
    case 'json':
    case 'enum':
    case 'set':
      return 6;
    default:
      return 0;
  }
}

/** Digits behind the second of an argument: a constant text says itself how many. */
export function fspOfInfo(info: ArgInfo): number {
  if (typeof info.constant !== 'string' || info.type.kind !== 'string') return fspOf(info.type);
  return Math.min(6, /\.(\d+)/.exec(info.constant)?.[1]?.length ?? 0);
}

/** Digits of a type as an exact number. */
export function digitsOf(info: Pick<ArgInfo, 'type'> & { readonly constant?: ArgInfo['constant'] }): number {
  const { type } = info;
  switch (type.kind) {
    case 'int': {
      const { constant } = info;
      if (typeof constant === 'number' || typeof constant === 'bigint') return String(constant).replace('-', '').length;
      if (type.bits === 64) return type.unsigned ? 20 : 19;
      return { 8: 3, 16: 5, 24: 8, 32: 10 }[type.bits];
    }
    case 'decimal':
      return type.precision;
    case 'bit':
      return type.length;
    case 'year':
      return 4;
    case 'date':
      return 8;
    case 'time':
      return 7 + type.fsp;
    case 'datetime':
    case 'timestamp':
      return 14 + type.fsp;
    default:
      return 20;
  }
}

/** Digits behind the point of a type as an exact number. */
export function scaleOf(type: SqlType): number {
  if (type.kind === 'decimal') return type.scale;
  return type.kind === 'time' || type.kind === 'datetime' || type.kind === 'timestamp' ? type.fsp : 0;
}

/** How MySQL counts with a type: exactly in whole numbers, exactly, or in doubles. */
export function numberMode(type: SqlType): 'int' | 'decimal' | 'real' {
  switch (type.kind) {
    case 'int':
    case 'year':
    case 'bit':
    case 'date':
    case 'null':
      return 'int';
    case 'decimal':
      return 'decimal';
    case 'time':
    case 'datetime':
    case 'timestamp':
      return type.fsp > 0 ? 'decimal' : 'int';
    default:
      return 'real';
  }
}

/** As `numberMode`, for the functions of one number: to them dates are texts, and so doubles. */
export function functionMode(type: SqlType): 'int' | 'decimal' | 'real' {
  const temporal =
    type.kind === 'date' || type.kind === 'time' || type.kind === 'datetime' || type.kind === 'timestamp';
  return temporal ? 'real' : numberMode(type);
}

/** Digits behind the point that a type's values are shown with; undefined where each has its own. */
function fixedScale(type: SqlType): number | undefined {
  switch (type.kind) {
    case 'float':
    case 'double':
      return type.digits?.[1];
    case 'int':
    case 'year':
    case 'bit':
    case 'date':
    case 'decimal':
    case 'time':
    case 'datetime':
    case 'timestamp':
      return scaleOf(type);
    default:
      return undefined;
  }
}

/** The DOUBLE that comes of these types: of FLOAT(m,d) and exact numbers, one that keeps to so many places, and `more`. */
export function doubleOf(types: readonly SqlType[], more = 0, width = 22): RealType {
  let most = 0;
  for (const type of types) {
    const scale = fixedScale(type);
    if (scale === undefined) return DOUBLE;
    most = Math.max(most, scale);
  }
  const scale = most + more;
  return scale > 30 ? DOUBLE : { kind: 'double', unsigned: false, digits: [width, scale] };
}

export function isUnsigned(type: SqlType): boolean {
  switch (type.kind) {
    case 'int':
    case 'decimal':
    case 'float':
    case 'double':
      return type.unsigned;
    case 'year':
    case 'bit':
      return true;
    default:
      return false;
  }
}

export function decimalType(precision: number, scale: number, unsigned = false): SqlType {
  const s = Math.min(30, scale);
  return { kind: 'decimal', precision: Math.max(1, Math.min(65, precision), s), scale: s, unsigned };
}
