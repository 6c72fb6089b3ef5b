import type { Decimal, SqlType } from '../types/index.ts';
import {
  addInterval,
  dateReader,
  decimalReader,
  formatDate,
  formatDateTime,
  FUZZY,
  intReader,
  intervalOfNumber,
  intervalOfText,
  intervalPlaces,
  isAllowed,
  isCompound,
  isIntervalUnit,
  secondsOf,
  MICROS_PER_DAY,
  MICROS_PER_SECOND,
  REAL_DATES,
  sqlError,
  textReader,
  timeOfDay,
  TIME_MAX,
  timeReader,
  usesClock,
  weekOf,
} from '../values/index.ts';
import type { DateTime, Interval, IntervalUnit } from '../values/index.ts';
import { dateSource } from './dates.ts';
import { definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition, TypeEnv } from './definition.ts';
import { timeOrDateReader } from './times.ts';
import { BIGINT, numberMode, scaleOf, textType } from './types-of-results.ts';

/** DATE_ADD and its kin, differences between dates, and EXTRACT. The unit is an argument too: its word as a text. */

function unitOf(word: string): IntervalUnit {
  const unit = word.toUpperCase().replace(/^SQL_TSI_/, '');
  if (!isIntervalUnit(unit)) throw sqlError(1064, `You have an error in your SQL syntax near '${word}'`);
  return unit;
}

/** Digits behind the second that an interval brings. */
function placesOf(amount: ArgInfo, unit: IntervalUnit): number {
  if (unit !== 'SECOND') return intervalPlaces(unit);
  return numberMode(amount.type) === 'real' ? 6 : Math.min(6, scaleOf(amount.type));
}

function resultOfAdding(date: ArgInfo, amount: ArgInfo, word: ArgInfo, env: TypeEnv): SqlType {
  const unit = typeof word.constant === 'string' ? unitOf(word.constant) : 'MICROSECOND';
  const places = placesOf(amount, unit);
  switch (date.type.kind) {
    case 'datetime':
    case 'timestamp':
      return { kind: 'datetime', fsp: Math.max(date.type.fsp, places) };
    case 'date':
      return usesClock(unit) ? { kind: 'datetime', fsp: places } : { kind: 'date' };
    case 'time':
      return usesClock(unit) && !unit.startsWith('DAY_')
        ? { kind: 'time', fsp: Math.max(date.type.fsp, places) }
        : { kind: 'datetime', fsp: Math.max(date.type.fsp, places) };
    default:
      return textType(29, env.collation);
  }
}

type AmountReader = (value: never, unit: IntervalUnit, env: CallEnv) => Interval | undefined;

function amountReader(type: SqlType): AmountReader {
  const text = textReader(type);
  const exact = decimalReader(type);
  const whole = intReader(type);
  // Whole units of a double or a text are as it would be as an integer: 20.5e0 is 20 days, as 19.5e0 is, and 20.5 is 21.
  const isRough = type.kind !== 'decimal';
  const amount = (value: never, unit: IntervalUnit, env: CallEnv): Decimal =>
    isRough && unit !== 'SECOND' ? { unscaled: whole(value, env), scale: 0 } : exact(value, env);
  return (value, unit, env) =>
    isCompound(unit) ? intervalOfText(text(value, env), unit) : intervalOfNumber(amount(value, unit, env), unit);
}

function overflow(env: CallEnv): null {
  env.warn('Warning', 1441, 'Datetime function: datetime field overflow');
  return null;
}

/** The sum, in the form that the result's type has. */
function adder(dateType: SqlType, amountType: SqlType, result: SqlType, sign: 1 | -1) {
  const readAmount = amountReader(amountType);
  if (result.kind === 'time') {
    const readTime = timeReader(dateType);
    return (env: CallEnv, value: never, amount: never, unit: IntervalUnit) => {
      const micros = readTime(value, env);
      if (micros === null) return null;
      const interval = readAmount(amount, unit, env);
      if (interval === undefined) return null;
      const sum = micros + sign * Number(interval.micros);
      if (Math.abs(sum) <= TIME_MAX) return sum;
      env.warn('Warning', 6527, "TIME value is out of range in 'date_add'");
      return null;
    };
  }
  const read = dateReader(dateType, FUZZY);
  const text = textReader(dateType);
  return (env: CallEnv, value: never, amount: never, unit: IntervalUnit) => {
    const date = read(value, env);
    if (date === null) return null;
    if (!isAllowed(date.value, REAL_DATES)) {
      env.warn('Warning', 1292, `Incorrect datetime value: '${text(value, env)}'`);
      return null;
    }
    const interval = readAmount(amount, unit, env);
    if (interval === undefined) return null;
    const sum = addInterval(date.value, interval, sign);
    if (sum === undefined || sum.month === 0) return overflow(env);
    if (result.kind === 'date') return formatDate(sum);
    if (result.kind === 'datetime') return formatDateTime(sum, result.fsp);
    if (!date.timed && !usesClock(unit)) return formatDate(sum);
    return formatDateTime(sum, sum.micros === 0 ? 0 : 6);
  };
}

function dateAdd(name: string, sign: 1 | -1): FunctionDefinition {
  return definePrepared(
    name,
    [2, 3],
    ['any', 'any', 'text'],
    (args, env) => resultOfAdding(args[0] as ArgInfo, args[1] as ArgInfo, args[2] ?? DAY_WORD, env),
    (types, result): Call => {
      const add = adder(types[0] as SqlType, types[1] as SqlType, result, sign);
      const units = new Map<string, IntervalUnit>();
      return (env, value: never, amount: never, word = 'DAY') => {
        let unit = units.get(word);
        if (unit === undefined) units.set(word, (unit = unitOf(word)));
        return add(env, value, amount, unit);
      };
    },
    { nullable: 'always' },
  );
}

const DAY_WORD: ArgInfo = {
  type: { kind: 'string', family: 'varchar', length: 3, collation: 'utf8mb4_0900_ai_ci' },
  nullable: false,
  constant: 'DAY',
  coercibility: 4,
};

/** Whole months from one moment to a later one. */
function monthsBetween(from: DateTime, to: DateTime): number {
  const months = (to.year - from.year) * 12 + to.month - from.month;
  const behind = to.day < from.day || (to.day === from.day && timeOfDay(to) < timeOfDay(from));
  return behind ? months - 1 : months;
}

/** Microseconds in the units that have a fixed length. */
const LENGTHS: Readonly<Partial<Record<IntervalUnit, bigint>>> = {
  WEEK: 7n * BigInt(MICROS_PER_DAY),
  DAY: BigInt(MICROS_PER_DAY),
  HOUR: 3_600_000_000n,
  MINUTE: 60_000_000n,
  SECOND: 1_000_000n,
};

function difference(unit: IntervalUnit, from: DateTime, to: DateTime): bigint {
  const micros = BigInt(secondsOf(to) - secondsOf(from)) * 1_000_000n + BigInt(to.micros - from.micros);
  const months = (): number => (micros >= 0n ? monthsBetween(from, to) : -monthsBetween(to, from));
  switch (unit) {
    case 'YEAR':
      return BigInt(Math.trunc(months() / 12));
    case 'QUARTER':
      return BigInt(Math.trunc(months() / 3));
    case 'MONTH':
      return BigInt(months());
    default:
      return micros / (LENGTHS[unit] ?? 1n);
  }
}

const CALENDAR_UNITS: ReadonlySet<string> = new Set(['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'YEAR_MONTH']);

function extractCalendar(unit: IntervalUnit, d: DateTime, env: CallEnv): number | null {
  switch (unit) {
    case 'YEAR':
      return d.year;
    case 'QUARTER':
      return Math.floor((d.month + 2) / 3);
    case 'MONTH':
      return d.month;
    case 'WEEK':
      return d.month === 0 || d.day === 0 ? null : weekOf(d.year, d.month, d.day, env.defaultWeekFormat).week;
    case 'DAY':
      return d.day;
    default:
      return d.year * 100 + d.month;
  }
}

function extractClock(unit: IntervalUnit, day: number, micros: number): number {
  const size = Math.abs(micros);
  const seconds = Math.floor(size / MICROS_PER_SECOND);
  const [hour, minute, second] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const part = size % MICROS_PER_SECOND;
  const values: Partial<Record<IntervalUnit, number>> = {
    HOUR: hour,
    MINUTE: minute,
    SECOND: second,
    MICROSECOND: part,
    DAY_HOUR: day * 100 + hour,
    DAY_MINUTE: (day * 100 + hour) * 100 + minute,
    DAY_SECOND: ((day * 100 + hour) * 100 + minute) * 100 + second,
    HOUR_MINUTE: hour * 100 + minute,
    HOUR_SECOND: (hour * 100 + minute) * 100 + second,
    MINUTE_SECOND: minute * 100 + second,
    DAY_MICROSECOND: (((day * 100 + hour) * 100 + minute) * 100 + second) * 1000000 + part,
    HOUR_MICROSECOND: ((hour * 100 + minute) * 100 + second) * 1000000 + part,
    MINUTE_MICROSECOND: (minute * 100 + second) * 1000000 + part,
    SECOND_MICROSECOND: second * 1000000 + part,
  };
  const value = values[unit] ?? 0;
  return micros < 0 ? -value : value;
}

export const dateArithmetic: readonly FunctionDefinition[] = [
  dateAdd('DATE_ADD', 1),
  dateAdd('ADDDATE', 1),
  dateAdd('DATE_SUB', -1),
  dateAdd('SUBDATE', -1),
  definePrepared(
    'TIMESTAMPADD',
    3,
    ['text', 'any', 'any'],
    (args, env) => resultOfAdding(args[2] as ArgInfo, args[1] as ArgInfo, args[0] as ArgInfo, env),
    (types, result): Call => {
      const add = adder(types[2] as SqlType, types[1] as SqlType, result, 1);
      return (env, word: string, amount: never, value: never) => add(env, value, amount, unitOf(word));
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'TIMESTAMPDIFF',
    3,
    ['text', 'any', 'any'],
    BIGINT,
    (types): Call => {
      const from = dateSource(types[1] as SqlType, REAL_DATES);
      const to = dateSource(types[2] as SqlType, REAL_DATES);
      return (env, word: string, a: never, b: never) => {
        const [left, right] = [from(a, env), to(b, env)];
        return left === null || right === null ? null : difference(unitOf(word), left.value, right.value);
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'EXTRACT',
    2,
    ['text', 'any'],
    BIGINT,
    (types): Call => {
      const type = types[1] as SqlType;
      const readDate = dateSource(type, FUZZY);
      const readEither = timeOrDateReader(type);
      return (env, word: string, value: never) => {
        const unit = unitOf(word);
        if (CALENDAR_UNITS.has(unit)) {
          const date = readDate(value, env);
          return date === null ? null : extractCalendar(unit, date.value, env);
        }
        const either = readEither(value, env);
        if (either === null) return null;
        if (either.kind === 'time') return extractClock(unit, 0, either.micros);
        return extractClock(unit, either.value.day, timeOfDay(either.value));
      };
    },
    { nullable: 'always' },
  ),
];
