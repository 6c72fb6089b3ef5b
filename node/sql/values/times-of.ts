import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { shownText } from './context.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, formatDecimal, pow10, truncate } from './decimal.ts';
import { intFromSqlite } from './integers.ts';
import { readJson } from './json.ts';
import { doubleToText } from './number-text.ts';
import { truncatedWarning } from './numbers-of.ts';
import {
  addMicros,
  dateTimeOfMicros,
  dateTimeOfSeconds,
  dateTimeOfNumber,
  formatDate,
  formatDateTime,
  FUZZY,
  MICROS_PER_DAY,
  parseDateTime,
  parseTime,
  partsOf,
  roundMicros,
  secondsOf,
  timeOfDay,
  timeOfNumber,
} from './temporal.ts';
import type { DateRules, DateTime, ParsedDateTime, ParsedTime } from './temporal.ts';
import { localTimestamp, textReader } from './text-of.ts';
import { localSeconds, toLocal } from './timezone.ts';

/**
 * Readers of values that are not NULL as dates and times; null, with MySQL's warning, where a value is none. Zero dates
 * and zero months pass: it is the function's business what it makes of them.
 */
type Reader<T> = (value: SqliteValue, ctx: ValueContext) => T | null;

/** Today's midnight in the session's time zone, in microseconds since 1970. */
export function todayMicros(ctx: ValueContext): number {
  const now = Number(ctx.nowUtcMicros());
  const local = toLocal(now, ctx.timeZone) ?? now;
  return Math.floor(local / MICROS_PER_DAY) * MICROS_PER_DAY;
}

/** The date and time that a parsed text means in the session: an offset in it counts, and a seventh digit rounds. */
export function settle(parsed: ParsedDateTime, ctx: ValueContext): DateTime | undefined {
  let { value } = parsed;
  if (parsed.offset !== undefined) {
    const utc = secondsOf(value) - parsed.offset;
    value = dateTimeOfSeconds(localSeconds(utc, ctx.timeZone) ?? utc, value.micros);
    if (value.month === 0) return undefined;
  }
  if (!parsed.roundUp) return value;
  return addMicros(value, 1);
}

export interface ReadDate {
  readonly value: DateTime;
  readonly timed: boolean;
  readonly places: number;
}

function fromText(text: string, ctx: ValueContext, rules: DateRules): ReadDate | null {
  const parsed = parseDateTime(text, rules);
  const value = parsed && settle(parsed, ctx);
  if (parsed === undefined || value === undefined) {
    ctx.warn('Warning', 1292, `Incorrect datetime value: '${shownText(text)}'`);
    return null;
  }
  if (parsed.truncated) truncatedWarning(ctx, parsed.timed ? 'datetime' : 'date', text);
  return { value, timed: parsed.timed, places: parsed.places };
}

function fromNumberText(
  whole: bigint,
  micros: number,
  text: () => string,
  ctx: ValueContext,
  rules: DateRules,
): ReadDate | null {
  const parsed = whole > 99999999999999n ? undefined : dateTimeOfNumber(Number(whole), micros, rules);
  if (parsed === undefined) ctx.warn('Warning', 1292, `Incorrect datetime value: '${text()}'`);
  return parsed ?? null;
}

/** Whether a number's digits behind the sixth round it up. */
export const roundsUp = (d: Decimal, ctx: ValueContext): boolean => {
  if (d.scale <= 6 || ctx.sqlMode.timeTruncateFractional) return false;
  const seventh = (d.unscaled / pow10(d.scale - 7)) % 10n;
  return seventh >= 5n || seventh <= -5n;
};

/** A number as a date and time. */
function dateOfDecimal(d: Decimal, text: () => string, ctx: ValueContext, rules: DateRules): ReadDate | null {
  const cut = truncate(d, 6);
  const date = fromNumberText(cut.unscaled / pow10(6), Number(cut.unscaled % pow10(6)), text, ctx, rules);
  if (date === null || !roundsUp(d, ctx)) return date;
  const value = addMicros(date.value, 1);
  return value ? { ...date, value } : null;
}

const NEW_YEAR = partsOf('0000-01-01');

/** Reads date and time in parts, by the rules given. */
export function dateReader(from: SqlType, rules: DateRules = FUZZY): Reader<ReadDate> {
  switch (from.kind) {
    case 'date':
      return (value) => ({ value: partsOf(value as string), timed: false, places: 0 });
    case 'datetime':
      return (value) => ({ value: partsOf(value as string), timed: true, places: from.fsp });
    case 'timestamp':
      return (value, ctx) => ({
        value: partsOf(localTimestamp(value as string, from.fsp, ctx.timeZone)),
        timed: true,
        places: from.fsp,
      });
    case 'time':
      return (value, ctx) => ({
        value: dateTimeOfMicros(todayMicros(ctx) + Number(value)),
        timed: true,
        places: from.fsp,
      });
    case 'int':
    case 'bit':
    case 'set':
      return (value, ctx) => fromNumberText(intFromSqlite(value), 0, () => intFromSqlite(value).toString(), ctx, rules);
    case 'year':
      // A year is its first day.
      return (value) => ({ value: { ...NEW_YEAR, year: Number(value) }, timed: false, places: 0 });
    case 'decimal':
      return (value, ctx) => {
        const d = decimalFromSqlite(value as number, from);
        return dateOfDecimal(d, () => formatDecimal(d), ctx, rules);
      };
    case 'float':
    case 'double':
      return (value, ctx) => {
        const n = Number(value);
        const whole = Math.floor(n);
        const micros = Math.round((n - whole) * 1e6);
        return fromNumberText(
          BigInt(Math.abs(whole) < 1e18 ? whole : -1),
          micros % 1_000_000,
          () => doubleToText(n),
          ctx,
          rules,
        );
      };
    case 'json':
      return (value, ctx) => {
        const json = readJson(value as string);
        if (typeof json === 'string') return fromText(json, ctx, rules);
        ctx.warn('Warning', 3156, 'Invalid JSON value for CAST to DATETIME from column cast_as_json at row 1');
        return null;
      };
    case 'enum':
    case 'string':
    case 'binary':
    case 'geometry':
    case 'null': {
      const read = textReader(from);
      return (value, ctx) => fromText(read(value, ctx), ctx, rules);
    }
  }
}

/** 'YYYY-MM-DD hh:mm:ss[.f]', with as many digits as the type has or the text brought. */
export function datetimeTextReader(from: SqlType): Reader<string> {
  if (from.kind === 'datetime') return (value) => value as string;
  if (from.kind === 'date') return (value) => `${value as string} 00:00:00`;
  const read = dateReader(from);
  return (value, ctx) => {
    const date = read(value, ctx);
    return date === null ? null : formatDateTime(date.value, date.value.micros === 0 ? 0 : date.places || 6);
  };
}

/** 'YYYY-MM-DD'. */
export function dateTextReader(from: SqlType): Reader<string> {
  if (from.kind === 'date') return (value) => value as string;
  if (from.kind === 'datetime') return (value) => (value as string).slice(0, 10);
  const read = dateReader(from);
  return (value, ctx) => {
    const date = read(value, ctx);
    return date === null ? null : formatDate(date.value);
  };
}

/** Microseconds of a TIME, and the digits that its text had. */
export function timeReader(from: SqlType): Reader<number> {
  const settleTime = (parsed: ParsedTime | undefined, text: () => string, ctx: ValueContext): number | null => {
    if (parsed === undefined) {
      truncatedWarning(ctx, 'time', text());
      return null;
    }
    if (parsed.truncated) truncatedWarning(ctx, 'time', text());
    const date = parsed.date && settle(parsed.date, ctx);
    return date === undefined ? parsed.micros : timeOfDay(date);
  };
  switch (from.kind) {
    case 'time':
      return Number;
    case 'date':
    case 'year':
      return () => 0;
    case 'datetime':
    case 'timestamp': {
      const read = dateReader(from);
      return (value, ctx) => timeOfDay((read(value, ctx) as ReadDate).value);
    }
    case 'int':
    case 'bit':
    case 'set':
    case 'enum':
      return (value, ctx) =>
        settleTime(timeOfNumber(Number(intFromSqlite(value)), 0), () => String(intFromSqlite(value)), ctx);
    case 'decimal':
      return (value, ctx) => {
        const d = decimalFromSqlite(value as number, from);
        const cut = truncate(d, 6).unscaled;
        const size = cut < 0n ? -cut : cut;
        const parsed = timeOfNumber(Number(cut / pow10(6)), Number(size % pow10(6)));
        const isBelow = d.unscaled < 0n;
        const up = parsed && !parsed.truncated && roundsUp(d, ctx) ? (isBelow ? -1 : 1) : 0;
        const micros = isBelow && cut > -pow10(6) ? -(parsed?.micros ?? 0) : (parsed?.micros ?? 0);
        return settleTime(parsed && { ...parsed, micros: micros + up }, () => formatDecimal(d), ctx);
      };
    case 'float':
    case 'double':
      return (value, ctx) => {
        const n = Number(value);
        const parsed = timeOfNumber(Math.trunc(n), Math.round((Math.abs(n) % 1) * 1e6));
        return settleTime(parsed, () => doubleToText(n), ctx);
      };
    case 'json':
    case 'string':
    case 'binary':
    case 'geometry':
    case 'null': {
      const read = textReader(from);
      return (value, ctx) => {
        let text = read(value, ctx);
        if (from.kind === 'json') {
          const json = readJson(text);
          if (typeof json === 'string') text = json;
        }
        if (text === '') {
          return null;
        }
        return settleTime(parseTime(text), () => text, ctx);
      };
    }
  }
}

/** A TIME rounded to a type's digits. */
export function fitTime(micros: number, fsp: number, ctx: ValueContext): number {
  return roundMicros(micros, fsp, ctx.sqlMode.timeTruncateFractional);
}
