import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { isEncodable, utf8, decodeLenient } from './charset.ts';
import { charsetOf } from './collation.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, decimalToSqlite, formatDecimal, fromNumber, largest, rescale, round } from './decimal.ts';
import { asSigned, asUnsigned, intFromSqlite, intToSqlite } from './integers.ts';
import { isDecimal, parseJson, printJson } from './json.ts';
import type { Json } from './json.ts';
import { doubleToText } from './number-text.ts';
import { decimalReader, intReader, realReader } from './numbers-of.ts';
import { formatDateTime, partsOf, roundDateTime } from './temporal.ts';
import {
  bitBytes,
  bytesReader,
  enumText,
  isBinaryText,
  localTimestamp,
  setText,
  textReader,
  utcTimestamp,
} from './text-of.ts';
import { dateReader, dateTextReader, datetimeTextReader, fitTime, timeReader } from './times-of.ts';

/**
 * The kinds of argument that functions take.
 *
 * text: string · chars: string, or Uint8Array where the type is binary · bytes: Uint8Array · int: bigint · num: number, a
 * safe integer, clamped · real: number · decimal: Decimal · datetime: 'YYYY-MM-DD hh:mm:ss[.f]' · date: 'YYYY-MM-DD' ·
 * time: number of microseconds · json: JSON text · any: as SQLite has it
 */
export type ArgClass =
  'text' | 'chars' | 'bytes' | 'int' | 'num' | 'real' | 'decimal' | 'datetime' | 'date' | 'time' | 'json' | 'any';

export type JsArg = null | number | bigint | string | Uint8Array | Decimal;

/** What a function answers; `toSqlite` makes of it what SQLite holds for the result's type. */
export type JsValue = JsArg | boolean;

export type ArgReader = (value: SqliteValue, ctx: ValueContext) => JsArg;

const clampSafe = (n: bigint): number =>
  n > 9007199254740991n ? Number.MAX_SAFE_INTEGER : n < -9007199254740991n ? Number.MIN_SAFE_INTEGER : Number(n);

/** Reads values (other than NULL) of a type as a class of argument. It answers null where there is no such value. */
export function argReader(from: SqlType, cls: ArgClass): ArgReader {
  switch (cls) {
    case 'text':
      return textReader(from);
    case 'chars':
      return isBinaryText(from) ? bytesReader(from) : textReader(from);
    case 'bytes':
      return bytesReader(from);
    case 'int':
      return intReader(from);
    case 'num': {
      if (from.kind === 'int') {
        return (value) =>
          typeof value === 'number'
            ? value
            : typeof value === 'bigint'
              ? clampSafe(value)
              : clampSafe(intFromSqlite(value));
      }
      const read = intReader(from);
      return (value, ctx) => clampSafe(read(value, ctx));
    }
    case 'real':
      return realReader(from);
    case 'decimal':
      return decimalReader(from);
    case 'datetime':
      return datetimeTextReader(from);
    case 'date':
      return dateTextReader(from);
    case 'time':
      return timeReader(from);
    case 'json':
      return jsonReader(from);
    case 'any':
      return (value) => value;
  }
}

/** A value as JSON: a string is a string here, and not a document. */
export function jsonOf(from: SqlType): (value: SqliteValue, ctx: ValueContext) => Json {
  switch (from.kind) {
    case 'int':
    case 'year':
      return intFromSqlite;
    case 'decimal':
      return (value) => decimalFromSqlite(value as number, from);
    case 'float':
      return (value) => Number(value);
    case 'double':
      return (value) => Number(value);
    case 'datetime':
    case 'timestamp': {
      // JSON shows times with all six digits.
      const read = textReader(from);
      return (value, ctx) => withMicros(read(value, ctx), from.fsp);
    }
    case 'time': {
      const read = textReader(from);
      return (value, ctx) => withMicros(read(value, ctx), from.fsp);
    }
    case 'bit':
      return (value) => `base64:type16:${toBase64(bitBytes(intFromSqlite(value), from.length))}`;
    case 'binary': {
      const code = { binary: 254, varbinary: 15, tinyblob: 249, blob: 252, mediumblob: 250, longblob: 251 }[
        from.family
      ];
      return (value) => `base64:type${code}:${toBase64(value as Uint8Array)}`;
    }
    case 'geometry':
      return (value) => `base64:type255:${toBase64(value as Uint8Array)}`;
    default:
      return textReader(from);
  }
}

function withMicros(text: string, fsp: number): string {
  return fsp === 0 ? `${text}.000000` : text.padEnd(text.length + 6 - fsp, '0');
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = bytes.subarray(i, i + 3);
    text += (BASE64[a >> 2] as string) + (BASE64[((a & 3) << 4) | ((b ?? 0) >> 4)] as string);
    text += b === undefined ? '=' : (BASE64[((b & 15) << 2) | ((c ?? 0) >> 6)] as string);
    text += c === undefined ? '=' : (BASE64[c & 63] as string);
  }
  return text;
}

/** Reads a value as normalised JSON text. Strings are documents, and must be sound; other kinds become scalars. */
function jsonReader(from: SqlType): ArgReader {
  if (from.kind === 'json') return (value) => value;
  if (from.kind === 'string') {
    return (value) => {
      const parsed = parseJson(value as string);
      return 'value' in parsed ? printJson(parsed.value) : null;
    };
  }
  const read = jsonOf(from);
  return (value, ctx) => printJson(read(value, ctx));
}

/** Makes of a function's answer what SQLite holds for the type. Integers are bigint: node:sqlite makes REAL of numbers. */
export function toSqlite(type: SqlType): (value: JsValue, ctx?: ValueContext) => SqliteValue {
  switch (type.kind) {
    case 'int':
    case 'bit':
    case 'set': {
      return (value) => {
        if (typeof value === 'bigint') return value > 9223372036854775807n ? intToSqlite(value) : value;
        if (typeof value === 'boolean') return value ? 1n : 0n;
        if (typeof value === 'number') return BigInt(Math.trunc(value));
        return value === null ? null : toInteger(value);
      };
    }
    case 'year':
    case 'enum':
    case 'time':
      return (value) =>
        value === null ? null : typeof value === 'number' ? BigInt(Math.trunc(value)) : toInteger(value);
    case 'decimal':
      return (value) => {
        if (value === null) return null;
        const d = toDecimalValue(value);
        let unscaled = d.scale === type.scale ? d.unscaled : rescale(d, type.scale);
        if (type.precision <= 18) {
          const limit = largest(18);
          if (unscaled > limit) unscaled = limit;
          else if (unscaled < -limit) unscaled = -limit;
        }
        return decimalToSqlite(unscaled, type);
      };
    case 'float':
      return (value) => (value === null ? null : Math.fround(Number(value)));
    case 'double':
      return (value) =>
        typeof value === 'number' || value === null
          ? value
          : isDecimalValue(value)
            ? Number(formatDecimal(value))
            : Number(value);
    case 'date':
      return (value) => (typeof value === 'string' ? value.slice(0, 10) : null);
    case 'datetime': {
      const { fsp } = type;
      return (value) => (typeof value === 'string' ? fitDatetimeText(value, fsp) : null);
    }
    case 'timestamp': {
      // A function answers in the session's time zone.
      const { fsp } = type;
      return (value, ctx) => {
        const text = typeof value === 'string' ? fitDatetimeText(value, fsp) : null;
        return text === null || ctx === undefined ? text : utcTimestamp(text, fsp, ctx.timeZone);
      };
    }
    case 'binary':
    case 'geometry':
      return (value) =>
        value === null
          ? null
          : value instanceof Uint8Array
            ? value
            : utf8(typeof value === 'string' ? value : plainText(value));
    case 'string':
    case 'json':
    case 'null':
      return (value) => (typeof value === 'string' || value === null ? value : plainText(value));
  }
}

function isDecimalValue(value: JsValue): value is Decimal {
  return typeof value === 'object' && value !== null && 'unscaled' in value;
}

function toInteger(value: Exclude<JsValue, null>): SqliteValue {
  if (typeof value === 'bigint') return intToSqlite(value);
  if (value instanceof Uint8Array) return value;
  if (isDecimalValue(value)) return intToSqlite(round(value, 0).unscaled);
  return BigInt(Math.trunc(Number(value)));
}

function toDecimalValue(value: Exclude<JsValue, null>): Decimal {
  if (isDecimalValue(value)) return value;
  if (typeof value === 'bigint') return { unscaled: value, scale: 0 };
  return fromNumber(Number(value));
}

function fitDatetimeText(text: string, fsp: number): string | null {
  const length = fsp === 0 ? 19 : 20 + fsp;
  if (text.length === length) return text;
  const full = text.length === 10 ? `${text} 00:00:00` : text;
  if (full.length > length) {
    const rounded = roundDateTime(partsOf(full), fsp);
    return rounded === undefined ? null : formatDateTime(rounded, fsp);
  }
  return (full.length === 19 && fsp > 0 ? `${full}.` : full).padEnd(length, '0');
}

function plainText(value: Exclude<JsValue, null | string>): string {
  if (typeof value === 'number') return doubleToText(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? decodeLenient(value) : formatDecimal(value);
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether two types hold the same value in the same way. */
function sameRepresentation(from: SqlType, to: SqlType): boolean {
  switch (to.kind) {
    case 'int':
      return (
        from.kind === 'int' ||
        from.kind === 'year' ||
        from.kind === 'bit' ||
        from.kind === 'set' ||
        from.kind === 'enum'
      );
    case 'decimal':
      if (from.kind === 'decimal') return from.scale === to.scale && from.precision <= 18 === to.precision <= 18;
      return from.kind === 'int' && to.scale === 0 && to.precision <= 18;
    case 'double':
      return from.kind === 'double' || from.kind === 'float';
    case 'datetime':
    case 'timestamp':
    case 'time':
      return from.kind === to.kind && from.fsp === to.fsp;
    case 'string':
      return from.kind === 'string' || from.kind === 'json' || from.kind === 'date' || from.kind === 'datetime';
    case 'binary':
      return from.kind === 'binary';
    case 'enum':
    case 'set':
      return from.kind === to.kind && sameJson(from.values, to.values);
    default:
      return from.kind === to.kind;
  }
}

/**
 * The conversion of values from one type to another as CASE, COALESCE, UNION and the like make it; undefined where the
 * value stays as it is.
 */
export function coerce(
  from: SqlType,
  to: SqlType,
): ((value: SqliteValue, ctx: ValueContext) => SqliteValue) | undefined {
  if (from.kind === 'null' || sameRepresentation(from, to)) return undefined;
  const convert = conversion(from, to);
  return (value, ctx) => (value === null ? null : convert(value, ctx));
}

function conversion(from: SqlType, to: SqlType): (value: SqliteValue, ctx: ValueContext) => SqliteValue {
  const write = toSqlite(to);
  switch (to.kind) {
    case 'int':
    case 'bit':
    case 'year': {
      const read = intReader(from);
      const unsigned = to.kind === 'int' && to.unsigned;
      return (value, ctx) => intToSqlite(unsigned ? asUnsigned(read(value, ctx)) : asSigned(read(value, ctx)));
    }
    case 'decimal': {
      const read = decimalReader(from);
      return (value, ctx) => write(read(value, ctx));
    }
    case 'float':
    case 'double': {
      const read = realReader(from);
      return (value, ctx) => write(read(value, ctx));
    }
    case 'date':
      return dateTextReader(from);
    case 'datetime':
    case 'timestamp': {
      if (from.kind === 'timestamp' && to.kind === 'timestamp') return (value) => write(value);
      const read = dateReader(from);
      return (value, ctx) => {
        const date = read(value, ctx);
        const fitted = date && roundDateTime(date.value, to.fsp, ctx.sqlMode.timeTruncateFractional);
        return fitted ? write(formatDateTime(fitted, to.fsp), ctx) : null;
      };
    }
    case 'time': {
      const read = timeReader(from);
      return (value, ctx) => {
        const micros = read(value, ctx);
        return micros === null ? null : BigInt(fitTime(micros, to.fsp, ctx));
      };
    }
    case 'json': {
      const read = jsonOf(from);
      return (value, ctx) => printJson(read(value, ctx));
    }
    case 'binary':
    case 'geometry':
      return bytesReader(from);
    case 'string': {
      const read = textReader(from);
      const charset = charsetOf(to.collation);
      if (charset === 'utf8mb4') return read;
      return (value, ctx) => {
        const text = read(value, ctx);
        return isEncodable(text, charset)
          ? text
          : Array.from(text, (c) => (isEncodable(c, charset) ? c : '?')).join('');
      };
    }
    case 'enum':
    case 'set':
    case 'null': {
      const read = textReader(from);
      return read;
    }
  }
}

/** One value as text, or one of the other kinds: NULL stays null. */
export function toText(value: SqliteValue, from: SqlType, ctx: ValueContext): string | null {
  return value === null ? null : textReader(from)(value, ctx);
}

export function toReal(value: SqliteValue, from: SqlType, ctx: ValueContext): number | null {
  return value === null ? null : realReader(from)(value, ctx);
}

export function toInt(value: SqliteValue, from: SqlType, ctx: ValueContext): bigint | null {
  return value === null ? null : intReader(from)(value, ctx);
}

export function toDecimal(value: SqliteValue, from: SqlType, ctx: ValueContext): Decimal | null {
  return value === null ? null : decimalReader(from)(value, ctx);
}

export function toDatetime(value: SqliteValue, from: SqlType, ctx: ValueContext): string | null {
  return value === null ? null : datetimeTextReader(from)(value, ctx);
}

export function toDate(value: SqliteValue, from: SqlType, ctx: ValueContext): string | null {
  return value === null ? null : dateTextReader(from)(value, ctx);
}

export function toTime(value: SqliteValue, from: SqlType, ctx: ValueContext): number | null {
  return value === null ? null : timeReader(from)(value, ctx);
}

export function toJson(value: SqliteValue, from: SqlType, ctx: ValueContext): string | null {
  return value === null ? null : (jsonReader(from)(value, ctx) as string | null);
}

/** Whether a value counts as true. */
export function truthReader(from: SqlType): (value: SqliteValue, ctx: ValueContext) => boolean {
  switch (from.kind) {
    case 'int':
    case 'bit':
    case 'year':
    case 'enum':
    case 'set':
    case 'float':
    case 'double':
    case 'time':
      return (value) => value !== 0 && value !== 0n;
    case 'json':
      return (value) => {
        const parsed = parseJson(value as string);
        if (!('value' in parsed)) return false;
        const json = parsed.value;
        return !(json === 0 || json === 0n || (isDecimal(json) && json.unscaled === 0n));
      };
    case 'decimal':
      return (value) => (value instanceof Uint8Array ? value[0] !== 0x80 : value !== 0 && value !== 0n);
    default: {
      const read = realReader(from);
      return (value, ctx) => read(value, ctx) !== 0;
    }
  }
}

/** A value as the protocol gets it. */
export type WireValue = null | number | bigint | string | Uint8Array;

/**
 * What the protocol is given for a type: integers and doubles as numbers, decimals and times as text, ENUM and SET as
 * text, BIT as bytes. Undefined where that is what SQLite holds. ZEROFILL is the protocol's own.
 */
export function wireValue(type: SqlType, timeZone = '+00:00'): ((value: SqliteValue) => WireValue) | undefined {
  switch (type.kind) {
    case 'int':
      if (!type.unsigned || type.bits < 64) return undefined;
      return (value) => (value instanceof Uint8Array ? intFromSqlite(value) : value);
    case 'bit':
      return (value) => (value === null ? null : bitBytes(intFromSqlite(value), type.length));
    case 'decimal':
      return (value) => (value === null ? null : formatDecimal(decimalFromSqlite(value as number, type)));
    case 'time':
    case 'timestamp': {
      if (type.kind === 'timestamp')
        return (value) => (value === null ? null : localTimestamp(value as string, type.fsp, timeZone));
      const read = textReader(type);
      return (value) => (value === null ? null : read(value, NO_CONTEXT));
    }
    case 'enum':
      return (value) => (value === null ? null : enumText(type.values, Number(value)));
    case 'set':
      return (value) => (value === null ? null : setText(type.values, intFromSqlite(value)));
    default:
      return undefined;
  }
}

/** For readers that ask nothing of their context. */
const NO_CONTEXT = undefined as unknown as ValueContext;
