import type { SqliteValue, SqlType } from '../types/index.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, fromNumber, parseDecimal, toBigInt, toNumber } from './decimal.ts';
import type { ParsedDecimal } from './decimal.ts';
import { intFromSqlite, intToSqlite } from './integers.ts';
import { INT64_MIN, UINT64_MAX } from './number-text.ts';
import { realReader } from './numbers-of.ts';
import { dateTimeOfSeconds, formatDateTime, partsOf, secondsOf } from './temporal.ts';
import { textReader } from './text-of.ts';
import { TIMESTAMP_MAX, TIMESTAMP_MIN, utcSeconds } from './timezone.ts';

/**
 * Constants beside columns of whole numbers. MySQL compares such a column with the number that it would hold, where that is
 * the constant's value: not as doubles, which beyond 2^53 are equal to several whole numbers.
 */
type Reader = (value: SqliteValue, ctx: ValueContext) => SqliteValue;

/** Comes behind all whole numbers, which are INTEGERs and BLOBs of eight bytes. */
const BEHIND_ALL = new Uint8Array(9).fill(255);

const isText = (type: SqlType): boolean => type.kind === 'string' || type.kind === 'binary';

/** A text or a double beside an integer column: an integer where it is one, else what has its place among integers. */
export function besideInteger(from: SqlType): Reader {
  const readReal = realReader(from);
  const readText = isText(from) ? textReader(from) : undefined;
  return (value, ctx) => {
    const real = readReal(value, ctx);
    const whole = readText ? toBigInt(parseDecimal(readText(value, ctx)).value) : BigInt(Math.trunc(real));
    if (whole >= INT64_MIN && whole <= UINT64_MAX && Number(whole) === real) return intToSqlite(whole);
    return real >= 2 ** 63 ? BEHIND_ALL : real;
  };
}

/** A constant beside a YEAR column: one or two digits count as the year that they stand for. */
export function besideYear(from: SqlType): Reader {
  if (from.kind === 'date' || from.kind === 'datetime' || from.kind === 'timestamp') {
    const read = textReader(from);
    return (value, ctx) => BigInt(read(value, ctx).slice(0, 4));
  }
  const readReal = realReader(from);
  const readText = isText(from) ? textReader(from) : undefined;
  const parse = (value: SqliteValue, ctx: ValueContext): Pick<ParsedDecimal, 'value' | 'empty'> => {
    if (readText) return parseDecimal(readText(value, ctx));
    if (from.kind === 'decimal') return { value: decimalFromSqlite(value as number, from), empty: false };
    if (from.kind === 'int') return { value: { unscaled: intFromSqlite(value), scale: 0 }, empty: false };
    return { value: fromNumber(readReal(value, ctx)), empty: false };
  };
  return (value, ctx) => {
    const parsed = parse(value, ctx);
    const year = toBigInt(parsed.value);
    if (year >= 1901n && year <= 2155n) return year;
    if (year > 0n && year < 100n) return year < 70n ? year + 2000n : year + 1900n;
    // '0000' is the zero year, as the number 0 is; any shorter text of zeros is the year 2000.
    if (year === 0n && readText && !parsed.empty && readText(value, ctx).trim().length < 4) return 2000n;
    return year === 0n ? 0n : toNumber(parsed.value);
  };
}

/**
 * A local moment (`YYYY-MM-DD hh:mm:ss.ffffff`) beside a DATE, DATETIME or TIMESTAMP: the very text that is held of it. One with digits
 * that the type has no room for keeps them: so it is behind the text that it begins with, and before the next.
 */
export function besideMoment(type: SqlType): (moment: string, timeZone: string) => string {
  const fsp = type.kind === 'datetime' || type.kind === 'timestamp' ? type.fsp : 0;
  const least = fsp === 0 ? SECONDS_END : SECONDS_END + 1 + fsp;
  const held = (moment: string): string => {
    let end = moment.length;
    while (end > least && moment.charCodeAt(end - 1) === ZERO) end--;
    if (end === SECONDS_END + 1) end--;
    return type.kind === 'date' && end === SECONDS_END && moment.startsWith(MIDNIGHT, DATE_END)
      ? moment.slice(0, DATE_END)
      : moment.slice(0, end);
  };
  return type.kind === 'timestamp' ? (moment, timeZone) => held(inUtc(moment, timeZone)) : held;
}

const ZERO = 48;
const DATE_END = 10;
const SECONDS_END = 19;
const MIDNIGHT = ' 00:00:00';

/** What no TIMESTAMP can be is before or behind all of them in any zone. */
function inUtc(moment: string, timeZone: string): string {
  const parts = partsOf(moment);
  if (parts.month === 0 || parts.day === 0) return moment;
  const utc = utcSeconds(secondsOf(parts), timeZone);
  if (!utc || utc.seconds < TIMESTAMP_MIN || utc.seconds > TIMESTAMP_MAX) return moment;
  return formatDateTime(dateTimeOfSeconds(utc.seconds, utc.inGap ? 0 : parts.micros), 6);
}
