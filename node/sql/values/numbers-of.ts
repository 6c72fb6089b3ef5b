import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { shownText, sqlError } from './context.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, formatDecimal, fromNumber, parseDecimal, pow10, toBigInt, toNumber } from './decimal.ts';
import { asUnsigned, intFromSqlite } from './integers.ts';
import { isDecimal, readJson } from './json.ts';
import {
  doubleToText,
  INT64_MAX,
  INT64_MIN,
  parseDouble,
  parseInteger,
  roundHalfEven,
  UINT64_MAX,
} from './number-text.ts';
import {
  clockOf,
  numberOfDate,
  numberOfDateTime,
  numberOfTime,
  partsOf,
  roundDateTime,
  roundMicros,
} from './temporal.ts';
import { localTimestamp, textReader } from './text-of.ts';

/** Readers of values that are not NULL as numbers: MySQL's implicit conversions, with their warnings. */
type Reader<T> = (value: SqliteValue, ctx: ValueContext) => T;

export function truncatedWarning(ctx: ValueContext, kind: string, text: string): void {
  ctx.warn('Warning', 1292, `Truncated incorrect ${kind} value: '${shownText(text)}'`);
}

/** A double as a 64-bit integer, halves to even, cut to the range. */
export function bigIntOfDouble(value: number, ctx?: ValueContext): bigint {
  if (value >= 9223372036854775807 || value <= -9223372036854775808) {
    if (ctx !== undefined && value !== -9223372036854775808) truncatedWarning(ctx, 'INTEGER', doubleToText(value));
    return value < 0 ? INT64_MIN : INT64_MAX;
  }
  return Number.isNaN(value) ? 0n : BigInt(roundHalfEven(value));
}

function jsonNumber(text: string, target: string, ctx: ValueContext): number | bigint | Decimal {
  const json = readJson(text);
  if (typeof json === 'number' || typeof json === 'bigint' || isDecimal(json)) return json;
  if (typeof json === 'boolean') return json ? 1n : 0n;
  if (typeof json === 'string') {
    const parsed = parseDouble(json);
    if (parsed.truncated) {
      ctx.warn('Warning', 3156, `Invalid JSON value for CAST to ${target} from column cast_as_json at row 1`);
    }
    return target === 'DOUBLE' ? parsed.value : parseDecimal(json).value;
  }
  ctx.warn('Warning', 3156, `Invalid JSON value for CAST to ${target} from column cast_as_json at row 1`);
  return 0n;
}

/** A date or time as the exact number that MySQL counts with: YYYYMMDDhhmmss.ffffff. */
function temporalReader(from: SqlType): Reader<Decimal> | undefined {
  switch (from.kind) {
    case 'date':
      return (value) => ({ unscaled: BigInt(numberOfDate(partsOf(value as string))), scale: 0 });
    case 'datetime':
    case 'timestamp': {
      const { fsp, kind } = from;
      return (value, ctx) => {
        const text = kind === 'timestamp' ? localTimestamp(value as string, fsp, ctx.timeZone) : (value as string);
        const parts = partsOf(text);
        const unscaled =
          BigInt(numberOfDateTime(parts)) * pow10(fsp) + BigInt(Math.trunc(parts.micros / 10 ** (6 - fsp)));
        return { unscaled, scale: fsp };
      };
    }
    case 'time': {
      const { fsp } = from;
      return (value) => {
        const micros = Number(value);
        const size = BigInt(numberOfTime(Math.abs(micros))) * pow10(fsp);
        const part = BigInt(Math.trunc(clockOf(Math.abs(micros)).micros / 10 ** (6 - fsp)));
        return { unscaled: micros < 0 ? -(size + part) : size + part, scale: fsp };
      };
    }
    default:
      return undefined;
  }
}

export function realReader(from: SqlType): Reader<number> {
  switch (from.kind) {
    case 'int':
    case 'bit':
    case 'set':
      return (value) => (value instanceof Uint8Array ? Number(intFromSqlite(value)) : Number(value));
    case 'year':
    case 'enum':
    case 'float':
    case 'double':
      return Number;
    case 'decimal':
      return (value) => toNumber(decimalFromSqlite(value as number, from));
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'time': {
      const read = temporalReader(from) as Reader<Decimal>;
      return (value, ctx) => toNumber(read(value, ctx));
    }
    case 'json':
      return (value, ctx) => {
        const n = jsonNumber(value as string, 'DOUBLE', ctx);
        return typeof n === 'object' ? toNumber(n) : Number(n);
      };
    case 'string':
    case 'binary':
    case 'geometry':
    case 'null': {
      const read = textReader(from);
      return (value, ctx) => {
        const text = read(value, ctx);
        const parsed = parseDouble(text);
        if (parsed.truncated) truncatedWarning(ctx, 'DOUBLE', text);
        return parsed.value;
      };
    }
  }
}

/** As bigint, from -2^63 to 2^64 - 1. */
export function intReader(from: SqlType): Reader<bigint> {
  switch (from.kind) {
    case 'int':
    case 'bit':
    case 'set':
    case 'year':
    case 'enum':
      return intFromSqlite;
    case 'float':
    case 'double':
      return (value, ctx) => bigIntOfDouble(Number(value), ctx);
    case 'decimal':
      return (value, ctx) => bigIntOfDecimal(decimalFromSqlite(value as number, from), ctx, from.unsigned);
    case 'date':
      return (value) => BigInt(numberOfDate(partsOf(value as string)));
    case 'datetime':
    case 'timestamp':
      return (value, ctx) => {
        const text =
          from.kind === 'timestamp' ? localTimestamp(value as string, from.fsp, ctx.timeZone) : (value as string);
        const parts = partsOf(text);
        return BigInt(numberOfDateTime(roundDateTime(parts, 0) ?? parts));
      };
    case 'time':
      return (value) => BigInt(numberOfTime(roundMicros(Number(value), 0)));
    case 'json':
      return (value, ctx) => {
        const n = jsonNumber(value as string, 'INTEGER', ctx);
        return typeof n === 'bigint'
          ? n
          : typeof n === 'number'
            ? bigIntOfDouble(n, ctx)
            : bigIntOfDecimal(n, ctx, false);
      };
    case 'string':
    case 'binary':
    case 'geometry':
    case 'null': {
      const read = textReader(from);
      return (value, ctx) => {
        const text = read(value, ctx);
        const parsed = parseInteger(text);
        if (parsed.truncated) truncatedWarning(ctx, 'INTEGER', text);
        return parsed.value;
      };
    }
  }
}

export function bigIntOfDecimal(d: Decimal, ctx: ValueContext, unsigned: boolean): bigint {
  const value = toBigInt(d);
  const [least, most] = unsigned ? [0n, UINT64_MAX] : [INT64_MIN, INT64_MAX];
  if (value >= least && value <= most) return value;
  truncatedWarning(ctx, 'DECIMAL', formatDecimal(d));
  return value < 0n ? least : most;
}

export function decimalReader(from: SqlType): Reader<Decimal> {
  switch (from.kind) {
    case 'int':
    case 'bit':
    case 'set':
    case 'year':
    case 'enum':
      return (value) => ({ unscaled: intFromSqlite(value), scale: 0 });
    case 'decimal':
      return (value) => decimalFromSqlite(value as number, from);
    case 'float':
    case 'double':
      return (value) => fromNumber(Number(value));
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'time':
      return temporalReader(from) as Reader<Decimal>;
    case 'json':
      return (value, ctx) => {
        const n = jsonNumber(value as string, 'DECIMAL', ctx);
        return typeof n === 'bigint' ? { unscaled: n, scale: 0 } : typeof n === 'number' ? fromNumber(n) : n;
      };
    case 'string':
    case 'binary':
    case 'geometry':
    case 'null': {
      const read = textReader(from);
      return (value, ctx) => {
        const text = read(value, ctx);
        const parsed = parseDecimal(text);
        if (parsed.rest || parsed.empty) truncatedWarning(ctx, 'DECIMAL', text);
        return parsed.value;
      };
    }
  }
}

/** The 64 bits of a value, for bit operators: integers as they are, negative ones as their complement. */
export function bitsReader(from: SqlType): Reader<bigint> {
  const read = intReader(from);
  return (value, ctx) => asUnsigned(read(value, ctx));
}

/** An error for a number that its type cannot hold. */
export function outOfRange(type: string, expression: string): Error {
  return sqlError(1690, `${type} value is out of range in '${expression}'`);
}
