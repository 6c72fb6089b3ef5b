import type { Decimal } from '../types/index.ts';
import { dateOfDayNumber, dayNumber, daysInMonth, LAST_DAY } from './calendar.ts';
import { pow10, toBigInt, truncate } from './decimal.ts';
import { clockOf, MICROS_PER_DAY, MICROS_PER_SECOND, timeOfDay } from './temporal.ts';
import type { DateTime } from './temporal.ts';

const UNITS = [
  'YEAR',
  'QUARTER',
  'MONTH',
  'WEEK',
  'DAY',
  'HOUR',
  'MINUTE',
  'SECOND',
  'MICROSECOND',
  'YEAR_MONTH',
  'DAY_HOUR',
  'DAY_MINUTE',
  'DAY_SECOND',
  'HOUR_MINUTE',
  'HOUR_SECOND',
  'MINUTE_SECOND',
  'DAY_MICROSECOND',
  'HOUR_MICROSECOND',
  'MINUTE_MICROSECOND',
  'SECOND_MICROSECOND',
] as const;

export type IntervalUnit = (typeof UNITS)[number];

export function isIntervalUnit(name: string): name is IntervalUnit {
  return (UNITS as readonly string[]).includes(name);
}

/** What an INTERVAL adds: months apart, since they have no fixed length. */
export interface Interval {
  readonly months: number;
  readonly micros: bigint;
}

/** The parts of a compound unit, greatest first, in microseconds (months for the one that counts them). */
const COMPOUND: Readonly<Partial<Record<IntervalUnit, readonly bigint[]>>> = (() => {
  const day = BigInt(MICROS_PER_DAY);
  const second = BigInt(MICROS_PER_SECOND);
  const [hour, minute] = [3600n * second, 60n * second];
  return {
    YEAR_MONTH: [12n, 1n],
    DAY_HOUR: [day, hour],
    DAY_MINUTE: [day, hour, minute],
    DAY_SECOND: [day, hour, minute, second],
    HOUR_MINUTE: [hour, minute],
    HOUR_SECOND: [hour, minute, second],
    MINUTE_SECOND: [minute, second],
    DAY_MICROSECOND: [day, hour, minute, second, 1n],
    HOUR_MICROSECOND: [hour, minute, second, 1n],
    MINUTE_MICROSECOND: [minute, second, 1n],
    SECOND_MICROSECOND: [second, 1n],
  };
})();

const SIMPLE: Readonly<Partial<Record<IntervalUnit, bigint>>> = {
  YEAR: 12n,
  QUARTER: 3n,
  MONTH: 1n,
  WEEK: 7n * BigInt(MICROS_PER_DAY),
  DAY: BigInt(MICROS_PER_DAY),
  HOUR: 3600n * BigInt(MICROS_PER_SECOND),
  MINUTE: 60n * BigInt(MICROS_PER_SECOND),
  SECOND: BigInt(MICROS_PER_SECOND),
  MICROSECOND: 1n,
};

/** Units whose value is text with several numbers in it. */
export function isCompound(unit: IntervalUnit): boolean {
  return COMPOUND[unit] !== undefined;
}

const countsMonths = (unit: IntervalUnit): boolean =>
  unit === 'YEAR' || unit === 'QUARTER' || unit === 'MONTH' || unit === 'YEAR_MONTH';

export function usesClock(unit: IntervalUnit): boolean {
  return !countsMonths(unit) && unit !== 'WEEK' && unit !== 'DAY';
}

/** Digits behind the second that the unit can bring in. */
export function intervalPlaces(unit: IntervalUnit): number {
  return unit.endsWith('MICROSECOND') ? 6 : 0;
}

/** The interval of a number in a simple unit: whole, but for seconds, which keep six digits. */
export function intervalOfNumber(value: Decimal, unit: IntervalUnit): Interval {
  if (unit === 'SECOND') {
    const cut = truncate(value, 6);
    return { months: 0, micros: cut.unscaled * pow10(6 - cut.scale) };
  }
  const size = SIMPLE[unit];
  if (size === undefined) return { months: 0, micros: 0n };
  const total = toBigInt(value) * size;
  return countsMonths(unit) ? { months: Number(total), micros: 0n } : { months: 0, micros: total };
}

/**
 * The interval of text in a compound unit: numbers with anything between them, the last ones where some are missing.
 * Undefined where there are more than the unit has.
 */
export function intervalOfText(text: string, unit: IntervalUnit): Interval | undefined {
  const sizes = COMPOUND[unit];
  if (sizes === undefined) return { months: 0, micros: 0n };
  const trimmed = text.trimStart();
  const negative = trimmed.startsWith('-');
  const found = [...trimmed.matchAll(/\d+/g)].map((match) => match[0]);
  if (found.length > sizes.length) return undefined;
  const skipped = sizes.length - found.length;
  let total = 0n;
  found.forEach((part, i) => {
    const size = sizes[i + skipped] as bigint;
    // The microseconds at the end are a fraction of a second: '1.5' is half a second and not five microseconds.
    const scaled = size === 1n && unit !== 'YEAR_MONTH' ? part.padEnd(6, '0') : part;
    total += BigInt(scaled) * size;
  });
  if (negative) total = -total;
  return countsMonths(unit) ? { months: Number(total), micros: 0n } : { months: 0, micros: total };
}

const DAY = BigInt(MICROS_PER_DAY);

/** The date so much later (or earlier: `sign` -1); undefined outside the years 0 to 9999. */
export function addInterval(d: DateTime, interval: Interval, sign: 1 | -1): DateTime | undefined {
  if (interval.months !== 0) {
    const total = d.year * 12 + d.month - 1 + sign * interval.months;
    if (!(total >= 0 && total < 120000)) return undefined;
    const year = Math.floor(total / 12);
    const month = (total % 12) + 1;
    return { ...d, year, month, day: Math.min(d.day, daysInMonth(year, month)) };
  }
  const micros = interval.micros * BigInt(sign) + BigInt(timeOfDay(d));
  let days = micros / DAY;
  if (micros < 0n && days * DAY !== micros) days--;
  const number = dayNumber(d.year, d.month, d.day) + Number(days);
  if (number < 0 || number > LAST_DAY) return undefined;
  const [year, month, day] = days === 0n ? [d.year, d.month, d.day] : dateOfDayNumber(number);
  return { year, month, day, ...clockOf(Number(micros - days * DAY)) };
}
