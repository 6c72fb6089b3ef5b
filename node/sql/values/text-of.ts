import type { SqliteValue, SqlType } from '../types/index.ts';
import { decodeLenient, encodeText } from './charset.ts';
import { charsetOf } from './collation.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, formatDecimal } from './decimal.ts';
import { intFromSqlite } from './integers.ts';
import { doubleToText, fixedToText, floatToText } from './number-text.ts';
import { dateTimeOfSeconds, formatDateTime, formatTime, secondsOf, partsOf } from './temporal.ts';
import { localSeconds, utcSeconds } from './timezone.ts';

/** A function over values that are not NULL. */
export type TextReader = (value: SqliteValue, ctx: ValueContext) => string;

/** The bytes of a BIT(length) value, most significant first. */
export function bitBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array((length + 7) >> 3);
  let rest = value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function enumText(values: readonly string[], index: number): string {
  return index > 0 ? (values[index - 1] ?? '') : '';
}

export function setText(values: readonly string[], bits: bigint): string {
  const chosen: string[] = [];
  values.forEach((value, i) => {
    if ((bits >> BigInt(i)) & 1n) chosen.push(value);
  });
  return chosen.join(',');
}

const UTC_NAMES = new Set(['SYSTEM', 'UTC', '+00:00']);

/** A TIMESTAMP's text, which SQLite has in UTC, in the session's time zone. */
export function localTimestamp(utc: string, fsp: number, timeZone: string): string {
  if (UTC_NAMES.has(timeZone) || utc.startsWith('0000')) return utc;
  const parts = partsOf(utc);
  const seconds = secondsOf(parts);
  return formatDateTime(dateTimeOfSeconds(localSeconds(seconds, timeZone) ?? seconds, parts.micros), fsp);
}

/** A TIMESTAMP's text in UTC of its text in the session's time zone. */
export function utcTimestamp(local: string, fsp: number, timeZone: string): string {
  if (UTC_NAMES.has(timeZone) || local.startsWith('0000')) return local;
  const parts = partsOf(local);
  const seconds = secondsOf(parts);
  return formatDateTime(dateTimeOfSeconds(utcSeconds(seconds, timeZone)?.seconds ?? seconds, parts.micros), fsp);
}

/** How to read a type's values as text. */
export function textReader(from: SqlType): TextReader {
  switch (from.kind) {
    case 'int': {
      if (from.zerofill !== true)
        return (value) => (value instanceof Uint8Array ? intFromSqlite(value).toString() : String(value));
      const width = from.width ?? 0;
      return (value) => intFromSqlite(value).toString().padStart(width, '0');
    }
    case 'bit':
      return (value) => decodeLenient(bitBytes(intFromSqlite(value), from.length));
    case 'decimal':
      return (value) => formatDecimal(decimalFromSqlite(value as number, from));
    case 'float':
    case 'double': {
      const { digits } = from;
      if (digits !== undefined) return (value) => fixedToText(Number(value), digits[1]);
      return from.kind === 'float' ? (value) => floatToText(Number(value)) : (value) => doubleToText(Number(value));
    }
    case 'year':
      return (value) => String(value).padStart(4, '0');
    case 'time':
      return (value) => formatTime(Number(value), from.fsp);
    case 'timestamp':
      return (value, ctx) => localTimestamp(value as string, from.fsp, ctx.timeZone);
    case 'enum':
      return (value) => enumText(from.values, Number(value));
    case 'set':
      return (value) => setText(from.values, intFromSqlite(value));
    case 'binary':
    case 'geometry':
      return (value) => decodeLenient(value as Uint8Array);
    case 'date':
    case 'datetime':
    case 'string':
    case 'json':
    case 'null':
      return String;
  }
}

/** How to read a type's values as bytes: those of a text in its own character set. */
export function bytesReader(from: SqlType): (value: SqliteValue, ctx: ValueContext) => Uint8Array {
  switch (from.kind) {
    case 'binary':
    case 'geometry':
      return (value) => value as Uint8Array;
    case 'bit':
      return (value) => bitBytes(intFromSqlite(value), from.length);
    default: {
      const charset = 'collation' in from ? charsetOf(from.collation) : 'utf8mb4';
      const read = textReader(from);
      return (value, ctx) => encodeText(read(value, ctx), charset);
    }
  }
}

/** Whether a type's text is really bytes. */
export function isBinaryText(type: SqlType): boolean {
  return type.kind === 'binary' || type.kind === 'geometry' || type.kind === 'bit';
}
