import type { SqliteValue, SqlType } from '../types/index.ts';
import { sqlError } from './context.ts';
import type { StoreContext, ValueContext } from './context.ts';
import type { StoreFrom } from './store.ts';
import { incorrectTime, partLost } from './store-errors.ts';
import type { Named } from './store-errors.ts';
import {
  dateTimeOfSeconds,
  formatDate,
  formatDateTime,
  isAllowed,
  parseDateTime,
  parseTime,
  partsOf,
  roundDateTime,
  secondsOf,
  rulesOf,
  TIME_MAX,
  timeOfDay,
  timeOfNumber,
} from './temporal.ts';
import type { DateTime } from './temporal.ts';
import { textReader } from './text-of.ts';
import { dateReader, fitTime, roundsUp, settle } from './times-of.ts';
import { TIMESTAMP_MAX, TIMESTAMP_MIN, utcSeconds } from './timezone.ts';
import { decimalReader } from './numbers-of.ts';
import { pow10, truncate } from './decimal.ts';

const WHOLE: SqlType = { kind: 'int', bits: 64, unsigned: false };

const isText = (type: SqlType): boolean =>
  type.kind === 'string' ||
  type.kind === 'binary' ||
  type.kind === 'enum' ||
  type.kind === 'json' ||
  type.kind === 'geometry';

/** Whether a text that is no valid date at least has a date's parts. */
const looksLikeDate = (text: string): boolean => /^\s*\d+\D+\d+\D+\d+/.test(text) || /^\s*\d{5,}/.test(text);

interface Read {
  readonly value: DateTime;
  readonly timed: boolean;
  readonly text: () => string;
}

/** The same context without warnings: the store gives its own. */
const silent = (ctx: StoreContext): ValueContext => ({
  sqlMode: ctx.sqlMode,
  timeZone: ctx.timeZone,
  nowUtcMicros: () => ctx.nowUtcMicros(),
  warn: () => undefined,
});

/** Reads a value as a date that the sql_mode allows; undefined, after the error or warning, where it is none. */
function dateSource(
  column: Named,
  kind: 'date' | 'datetime',
  from: SqlType,
): (value: SqliteValue, ctx: StoreContext) => Read | undefined {
  const asText = textReader(from);
  if (isText(from)) {
    return (value, ctx) => {
      const text = asText(value, ctx);
      const parsed = parseDateTime(text, rulesOf(ctx.sqlMode));
      const settled = parsed && settle(parsed, ctx);
      if (parsed === undefined || settled === undefined) {
        incorrectTime(kind, text, looksLikeDate(text), column, ctx);
        return undefined;
      }
      if (parsed.truncated) incorrectTime(kind, text, false, column, ctx);
      return { value: settled, timed: parsed.timed, text: () => text };
    };
  }
  // To a column a year is a number, and no date.
  const read = dateReader(from.kind === 'year' ? WHOLE : from, {
    zeroDate: true,
    zeroInDate: true,
    invalidDates: true,
  });
  return (value, ctx) => {
    const date = read(value, silent(ctx));
    const text = (): string => asText(value, ctx);
    const fraction =
      !(date?.timed ?? true) && (from.kind === 'decimal' || from.kind === 'double') && /\.\d*[1-9]/.test(text());
    const isDate = date !== null && isAllowed(date.value, rulesOf(ctx.sqlMode));
    if (!isDate || fraction) incorrectTime(kind, text(), false, column, ctx);
    if (!isDate) return undefined;
    return { value: date.value, timed: date.timed, text };
  };
}

const ZERO_DATE = '0000-00-00';

const fieldOverflow = (): Error => sqlError(1441, 'Datetime function: datetime field overflow');

export function storeDate(column: Named, from: SqlType): StoreFrom {
  const read = dateSource(column, 'date', from);
  return (value, ctx) => {
    const source = read(value, ctx);
    if (source === undefined) return ZERO_DATE;
    if (!source.timed) return formatDate(source.value);
    if (timeOfDay(source.value) !== 0) partLost('date', source.text(), column, ctx);
    const rounded = roundDateTime(source.value, 0, ctx.sqlMode.timeTruncateFractional);
    if (rounded === undefined) throw fieldOverflow();
    return formatDate(rounded);
  };
}

export function storeDateTime(
  column: Named,
  type: { readonly kind: 'time' | 'datetime' | 'timestamp'; readonly fsp: number },
  from: SqlType,
): StoreFrom {
  const { fsp } = type;
  const zero = `${ZERO_DATE} 00:00:00${fsp > 0 ? `.${'0'.repeat(fsp)}` : ''}`;
  const read = dateSource(column, 'datetime', from);
  const local = (value: SqliteValue, ctx: StoreContext): Read | undefined => {
    const source = read(value, ctx);
    const rounded = source && roundDateTime(source.value, fsp, ctx.sqlMode.timeTruncateFractional);
    if (source === undefined) return undefined;
    if (rounded === undefined) throw fieldOverflow();
    return { ...source, value: rounded };
  };
  if (type.kind === 'datetime') {
    const length = zero.length;
    const whole = from.kind === 'datetime' && from.fsp === fsp;
    return (value, ctx) => {
      // Text in the column's own form, the usual case of an expression of the same type.
      if (whole && (value as string).length === length && !(value as string).includes('-00')) return value;
      const source = local(value, ctx);
      return source === undefined ? zero : formatDateTime(source.value, fsp);
    };
  }
  const same = from.kind === 'timestamp' && from.fsp === fsp;
  return (value, ctx) => {
    if (same) return value;
    const source = local(value, ctx);
    if (source === undefined) return zero;
    const { value: date } = source;
    if (date.year === 0 && date.month === 0 && date.day === 0) return zero;
    const moment = date.month === 0 || date.day === 0 ? undefined : utcSeconds(secondsOf(date), ctx.timeZone);
    const seconds = moment === undefined ? -1 : moment.seconds;
    if (moment === undefined || seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX) {
      incorrectTime('datetime', source.text(), true, column, ctx);
      return zero;
    }
    // A time that the clocks were put forward over: strict mode refuses it, otherwise it is the moment they were.
    if (moment.inGap) incorrectTime('datetime', source.text(), true, column, ctx);
    return formatDateTime(dateTimeOfSeconds(seconds, date.micros), fsp);
  };
}

export function storeTime(column: Named, fsp: number, from: SqlType): StoreFrom {
  const fit = (micros: number, ctx: StoreContext): bigint => {
    const fitted = fitTime(micros, fsp, ctx);
    return BigInt(fitted > TIME_MAX ? TIME_MAX : fitted < -TIME_MAX ? -TIME_MAX : fitted);
  };
  const asText = textReader(from);
  switch (from.kind) {
    case 'time':
      if (from.fsp <= fsp) return (value) => value;
      return (value, ctx) => fit(Number(value), ctx);
    case 'date':
      return () => 0n;
    case 'datetime':
    case 'timestamp':
      return (value, ctx) => fit(timeOfDay(partsOf(asText(value, ctx))), ctx);
    case 'string':
    case 'binary':
    case 'enum':
    case 'json':
    case 'geometry':
    case 'null':
      return (value, ctx) => {
        const text = asText(value, ctx);
        // Blanks, and numbers with an exponent, are no times, but do no harm.
        if (/^\s*(?:-?\d+(?:\.\d*)?[eE][+-]?\d.*)?$/.test(text)) return 0n;
        const parsed = parseTime(text);
        if (parsed === undefined) {
          incorrectTime('time', text, /\d+:\d/.test(text), column, ctx);
          return 0n;
        }
        if (parsed.truncated) incorrectTime('time', text, Math.abs(parsed.micros) === TIME_MAX, column, ctx);
        const date = parsed.date && settle(parsed.date, ctx);
        if (date !== undefined && date.year + date.month + date.day > 0) partLost('time', text, column, ctx);
        return fit(date === undefined ? parsed.micros : timeOfDay(date), ctx);
      };
    default: {
      const read = decimalReader(from);
      return (value, ctx) => {
        const d = read(value, ctx);
        const cut = truncate(d, 6).unscaled;
        const size = cut < 0n ? -cut : cut;
        const parsed = timeOfNumber(Number(cut / pow10(6)), Number(size % pow10(6)));
        if (parsed === undefined || parsed.truncated) {
          incorrectTime('time', asText(value, ctx), true, column, ctx);
          return BigInt(parsed?.micros ?? (size > 8385959n * pow10(6) ? (cut < 0n ? -TIME_MAX : TIME_MAX) : 0));
        }
        // Between -1 and 0 the whole part has no sign to show.
        const micros = cut < 0n && parsed.micros > 0 ? -parsed.micros : parsed.micros;
        return fit(roundsUp(d, ctx) ? micros + (d.unscaled < 0n ? -1 : 1) : micros, ctx);
      };
    }
  }
}
