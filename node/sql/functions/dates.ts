import type { SqlType } from '../types/index.ts';
import {
  addMicros,
  dateOfDayNumber,
  dateReader,
  dateTimeOfMicros,
  dayNumber,
  daysInMonth,
  formatDate,
  formatDateTime,
  FUZZY,
  isAllowed,
  LAST_DAY,
  MICROS_PER_DAY,
  REAL_DATES,
  rulesOf,
  sqlError,
  timeNamesOf,
  timeOfDay,
  toLocal,
  truncatedWarning,
  weekdayOf,
  weekOf,
  roundDateTime,
  fullYear,
  textReader,
} from '../values/index.ts';
import type { DateRules, DateTime, ReadDate } from '../values/index.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition, JsValue } from './definition.ts';
import { constantNumber } from './text-tools.ts';
import { BIGINT, connectionText, DATE, fspOfInfo, intOfWidth } from './types-of-results.ts';

/** Functions of the calendar: parts of dates, day numbers, weeks, and the current time. */

type DateSource = (value: never, env: CallEnv) => ReadDate | null;

/** Reads an argument (not NULL, class `any`) as a date by rules that columns too must obey. */
export function dateSource(type: SqlType, rules: DateRules): DateSource {
  const read = dateReader(type, rules);
  if (rules === FUZZY) return read;
  const text = textReader(type);
  return (value, env) => {
    const date = read(value, env);
    if (date === null || isAllowed(date.value, rules)) return date;
    env.warn('Warning', 1292, `Incorrect datetime value: '${text(value, env)}'`);
    return null;
  };
}

function part(
  name: string,
  result: SqlType | FunctionDefinition['result'],
  rules: DateRules,
  f: (d: DateTime, env: CallEnv) => JsValue,
): FunctionDefinition {
  return definePrepared(
    name,
    1,
    'any',
    result,
    (types): Call => {
      const type = types[0] as SqlType;
      const read = dateSource(type, rules);
      // A zero date in a text is none under NO_ZERO_DATE, whereas a column may have it.
      const isText = type.kind === 'string' && rules === FUZZY;
      const text = textReader(type);
      return (env, value: never) => {
        const date = read(value, env);
        if (date === null) return null;
        if (isText && env.sqlMode.noZeroDate && !isAllowed(date.value, { ...FUZZY, zeroDate: false })) {
          truncatedWarning(env, 'date', text(value, env));
          return null;
        }
        return f(date.value, env);
      };
    },
    { nullable: 'always' },
  );
}

const dayNumberOf = (d: DateTime): number => dayNumber(d.year, d.month, d.day);

/** WEEK's modes count 0 to 7; more than that wraps. */
function weekPart(name: string, withYear: boolean): FunctionDefinition {
  return definePrepared(
    name,
    [1, 2],
    ['any', 'num'],
    intOfWidth(withYear ? 6 : 2),
    (types): Call => {
      const read = dateSource(types[0] as SqlType, REAL_DATES);
      return (env, value: never, mode?: number) => {
        const date = read(value, env);
        if (date === null) return null;
        const { year, month, day } = date.value;
        const chosen = (mode ?? (withYear ? 0 : env.defaultWeekFormat)) & 7;
        const w = weekOf(year, month, day, withYear ? chosen | 2 : chosen);
        return withYear ? w.year * 100 + w.week : w.week;
      };
    },
    { nullable: 'always' },
  );
}

const nowFsp = (args: readonly ArgInfo[]): number => Math.max(0, Math.min(6, constantNumber(args[0]) ?? 0));

function localNow(env: CallEnv): number {
  const now = Number(env.nowUtcMicros());
  return toLocal(now, env.timeZone) ?? now;
}

/** NOW and its kin: cut, not rounded, to the digits asked for. */
function current(name: string, kind: 'date' | 'time' | 'datetime', utc: boolean): FunctionDefinition {
  const now = (env: CallEnv): number => (utc ? Number(env.nowUtcMicros()) : localNow(env));
  return definePrepared(
    name,
    kind === 'date' ? 0 : [0, 1],
    'num',
    (args) => {
      const fsp = constantNumber(args[0]) ?? 0;
      if (fsp > 6)
        throw sqlError(1426, `Too-big precision ${fsp} specified for '${name.toLowerCase()}'. Maximum is 6.`);
      return kind === 'date' ? DATE : { kind, fsp: nowFsp(args) };
    },
    (_types, result): Call => {
      if (result.kind === 'date') return (env) => formatDate(dateTimeOfMicros(now(env)));
      if (result.kind === 'time') {
        const unit = 10 ** (6 - result.fsp);
        return (env) => {
          const micros = now(env);
          const time = micros - Math.floor(micros / MICROS_PER_DAY) * MICROS_PER_DAY;
          return Math.floor(time / unit) * unit;
        };
      }
      const fsp = result.kind === 'datetime' ? result.fsp : 0;
      return (env) => formatDateTime(dateTimeOfMicros(now(env)), fsp);
    },
    { changes: 'statement', nullable: 'never' },
  );
}

function periodMonths(period: number, name: string): number {
  const month = period % 100;
  if (period <= 0 || month < 1 || month > 12) throw sqlError(1210, `Incorrect arguments to ${name}`);
  const year = Math.floor(period / 100);
  return (year < 100 ? fullYear(year) : year) * 12 + month - 1;
}

/** The date of a value as the sql_mode allows it: DATE and the casts. */
function castDate(name: string): FunctionDefinition {
  return definePrepared(
    name,
    1,
    'any',
    DATE,
    (types): Call => {
      const type = types[0] as SqlType;
      const read = dateReader(type, { zeroInDate: true, zeroDate: true, invalidDates: true });
      const text = textReader(type);
      return (env, value: never) => {
        const date = read(value, env);
        if (date === null) return null;
        if (isAllowed(date.value, rulesOf(env.sqlMode))) return formatDate(date.value);
        truncatedWarning(env, 'date', text(value, env));
        return null;
      };
    },
    { nullable: 'always' },
  );
}

function castDatetime(name: string, arity: number | readonly [number, number] = 1): FunctionDefinition {
  return definePrepared(
    name,
    arity,
    ['any', 'time'],
    (args) => ({ kind: 'datetime', fsp: Math.max(...args.map(fspOfInfo)) }),
    (types, result): Call => {
      const fsp = result.kind === 'datetime' ? result.fsp : 0;
      const type = types[0] as SqlType;
      const read = dateReader(type, { zeroInDate: true, zeroDate: true, invalidDates: true });
      const text = textReader(type);
      return (env, value: never, time?: number) => {
        const date = read(value, env);
        if (date === null) return null;
        let parts: DateTime | undefined = date.value;
        if (!isAllowed(parts, rulesOf(env.sqlMode))) {
          env.warn('Warning', 1292, `Incorrect datetime value: '${text(value, env)}'`);
          return null;
        }
        if (time !== undefined) {
          parts = addMicros(parts, time);
          if (parts === undefined) return null;
        }
        parts = roundDateTime(parts, fsp, env.sqlMode.timeTruncateFractional);
        return parts === undefined ? null : formatDateTime(parts, fsp);
      };
    },
    { nullable: 'always' },
  );
}

export const dates: readonly FunctionDefinition[] = [
  castDate('DATE'),
  castDate('CAST_DATE'),
  castDatetime('TIMESTAMP', [1, 2]),
  castDatetime('CAST_DATETIME'),
  part('YEAR', { kind: 'year' }, FUZZY, (d) => d.year),
  part('MONTH', intOfWidth(2), FUZZY, (d) => d.month),
  part('DAY', intOfWidth(2), FUZZY, (d) => d.day),
  part('DAYOFMONTH', intOfWidth(2), FUZZY, (d) => d.day),
  part('QUARTER', intOfWidth(1), FUZZY, (d) => Math.floor((d.month + 2) / 3)),
  part('DAYOFWEEK', intOfWidth(1), REAL_DATES, (d) => ((dayNumberOf(d) + 6) % 7) + 1),
  part('WEEKDAY', intOfWidth(1), REAL_DATES, (d) => weekdayOf(dayNumberOf(d))),
  part('DAYOFYEAR', intOfWidth(3), REAL_DATES, (d) => dayNumberOf(d) - dayNumber(d.year, 1, 1) + 1),
  part('WEEKOFYEAR', intOfWidth(2), REAL_DATES, (d) => weekOf(d.year, d.month, d.day, 3).week),
  weekPart('WEEK', false),
  weekPart('YEARWEEK', true),
  part(
    'DAYNAME',
    connectionText(9),
    REAL_DATES,
    (d, env) => timeNamesOf(env.timeLocale).days[weekdayOf(dayNumberOf(d))] ?? null,
  ),
  part('MONTHNAME', connectionText(9), FUZZY, (d, env) => timeNamesOf(env.timeLocale).months[d.month - 1] ?? null),
  part('TO_DAYS', intOfWidth(6), REAL_DATES, dayNumberOf),
  part('TO_SECONDS', BIGINT, REAL_DATES, (d) => dayNumberOf(d) * 86400 + Math.floor(timeOfDay(d) / 1_000_000)),
  part('LAST_DAY', DATE, { zeroInDate: true, zeroDate: false, invalidDates: false }, (d) =>
    d.month === 0 ? null : formatDate({ ...d, day: daysInMonth(d.year, d.month) }),
  ),
  define(
    'FROM_DAYS',
    1,
    'num',
    DATE,
    (_env, days: number) => {
      const [year, month, day] = dateOfDayNumber(Math.trunc(days));
      return month === 0 ? null : formatDate({ year, month, day });
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'DATEDIFF',
    2,
    'any',
    intOfWidth(7),
    (types): Call => {
      const [a, b] = types.map((type) => dateSource(type, REAL_DATES)) as [DateSource, DateSource];
      return (env, x: never, y: never) => {
        const [left, right] = [a(x, env), b(y, env)];
        return left === null || right === null ? null : dayNumberOf(left.value) - dayNumberOf(right.value);
      };
    },
    { nullable: 'always' },
  ),
  define(
    'MAKEDATE',
    2,
    'num',
    DATE,
    (_env, year: number, dayOfYear: number) => {
      if (year < 0 || year > 9999 || dayOfYear <= 0) return null;
      const days = dayNumber(year < 100 ? fullYear(year) : year, 1, 1) + dayOfYear - 1;
      const [y, month, day] = dateOfDayNumber(days);
      return days > LAST_DAY ? null : formatDate({ year: y, month, day });
    },
    { nullable: 'always' },
  ),
  define('PERIOD_ADD', 2, 'num', intOfWidth(6), (_env, period: number, months: number) => {
    const total = periodMonths(period, 'period_add') + months;
    return Math.floor(total / 12) * 100 + (total % 12) + 1;
  }),
  define('PERIOD_DIFF', 2, 'num', intOfWidth(6), (_env, a: number, b: number) => {
    return periodMonths(a, 'period_diff') - periodMonths(b, 'period_diff');
  }),
  ...['NOW', 'CURRENT_TIMESTAMP', 'LOCALTIME', 'LOCALTIMESTAMP', 'SYSDATE'].map((name) =>
    current(name, 'datetime', false),
  ),
  ...['CURDATE', 'CURRENT_DATE'].map((name) => current(name, 'date', false)),
  ...['CURTIME', 'CURRENT_TIME'].map((name) => current(name, 'time', false)),
  current('UTC_TIMESTAMP', 'datetime', true),
  current('UTC_DATE', 'date', true),
  current('UTC_TIME', 'time', true),
];
