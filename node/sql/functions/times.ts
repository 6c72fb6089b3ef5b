import type { Decimal, SqlType } from '../types/index.ts';
import {
  addMicros,
  dateReader,
  dateTimeOfSeconds,
  decimals,
  fitTime,
  formatDateTime,
  formatDecimal,
  formatTime,
  FUZZY,
  intFromSqlite,
  isTimeZone,
  localSeconds,
  MICROS_PER_SECOND,
  parseDateTime,
  parseTime,
  partsOf,
  secondsOf,
  textReader,
  timeReader,
  TIME_MAX,
  truncatedWarning,
  UNIX_MAX,
  utcSeconds,
} from '../values/index.ts';
import type { DateTime } from '../values/index.ts';
import { dateSource } from './dates.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import {
  BIGINT,
  decimalType,
  fspOf,
  fspOfInfo,
  intOfWidth,
  numberMode,
  scaleOf,
  textType,
} from './types-of-results.ts';

/** Functions of the clock: TIME values, differences, time zones and Unix time. */

function part(name: string, width: number, f: (micros: number) => number): FunctionDefinition {
  return define(name, 1, 'time', intOfWidth(width), (_env, micros: number) => f(Math.abs(micros)), {
    nullable: 'always',
  });
}

/** A value that is a time of day or a whole date and time, as its type or its text says. */
type TimeOrDate =
  { readonly kind: 'time'; readonly micros: number } | { readonly kind: 'date'; readonly value: DateTime };

const LIKE_DATE = /^\s*\d{4}-\d{1,2}-\d{1,2}/;

export function timeOrDateReader(type: SqlType): (value: never, env: CallEnv) => TimeOrDate | null {
  const readDate = dateReader(type, FUZZY);
  const asDate = (value: never, env: CallEnv): TimeOrDate | null => {
    const date = readDate(value, env);
    return date === null ? null : { kind: 'date', value: date.value };
  };
  const readTime = timeReader(type);
  const asTime = (value: never, env: CallEnv): TimeOrDate | null => {
    const micros = readTime(value, env);
    return micros === null ? null : { kind: 'time', micros };
  };
  switch (type.kind) {
    case 'date':
    case 'datetime':
    case 'timestamp':
      return asDate;
    case 'int':
      return (value, env) => (intFromSqlite(value) > 8385959n ? asDate(value, env) : asTime(value, env));
    case 'string':
    case 'binary': {
      const text = textReader(type);
      return (value, env) => {
        const source = text(value, env);
        return LIKE_DATE.test(source) || parseTime(source)?.date !== undefined
          ? asDate(value, env)
          : asTime(value, env);
      };
    }
    default:
      return asTime;
  }
}

function clip(env: CallEnv, micros: number, name: string): number {
  if (Math.abs(micros) <= TIME_MAX) return micros;
  env.warn('Warning', 6527, `TIME value is out of range in '${name}'`);
  return micros < 0 ? -TIME_MAX : TIME_MAX;
}

function addTime(name: string, sign: 1 | -1): FunctionDefinition {
  return definePrepared(
    name,
    2,
    ['any', 'time'],
    (args, env) => {
      const [a, b] = args as [ArgInfo, ArgInfo];
      const fsp = Math.max(fspOfInfo(a), fspOfInfo(b));
      switch (a.type.kind) {
        case 'datetime':
        case 'timestamp':
        case 'date':
          return { kind: 'datetime', fsp };
        case 'time':
          return { kind: 'time', fsp };
        default:
          return textType(29, env.collation);
      }
    },
    (types, result): Call => {
      const read = timeOrDateReader(types[0] as SqlType);
      return (env, a: never, micros: number) => {
        const left = read(a, env);
        if (left === null) return null;
        if (left.kind === 'date') {
          const date = addMicros(left.value, sign * micros);
          if (date === undefined) {
            env.warn('Warning', 1441, 'Datetime function: datetime field overflow');
            return null;
          }
          return formatDateTime(date, result.kind === 'datetime' ? result.fsp : date.micros === 0 ? 0 : 6);
        }
        const sum = left.micros + sign * micros;
        // What is no TIME is none; a text is cut to fit.
        if (result.kind === 'time' && Math.abs(sum) > TIME_MAX) {
          env.warn('Warning', 1441, 'Datetime function: time field overflow');
          return null;
        }
        const time = clip(env, sum, name.toLowerCase());
        if (result.kind === 'time') return fitTime(time, result.fsp, env);
        return formatTime(time, time % MICROS_PER_SECOND === 0 ? 0 : 6);
      };
    },
    { nullable: 'always' },
  );
}

/** The scale that a number of seconds brings to a result. */
const secondsScale = (info: ArgInfo | undefined): number => {
  const { type } = info as ArgInfo;
  return numberMode(type) === 'real' ? 6 : Math.min(6, scaleOf(type));
};

const asDecimal = (value: Decimal): number => Number(decimals.rescale(value, 6));

/** Seconds since 1970 of a local date, or undefined outside what Unix time covers. */
function unixSeconds(value: DateTime, timeZone: string): number | undefined {
  if (value.month === 0 || value.day === 0) return undefined;
  const seconds = utcSeconds(secondsOf(value), timeZone)?.seconds ?? -1;
  return seconds < 0 || seconds > UNIX_MAX ? undefined : seconds;
}

export const times: readonly FunctionDefinition[] = [
  part('HOUR', 3, (micros) => Math.floor(micros / 3_600_000_000)),
  part('MINUTE', 2, (micros) => Math.floor(micros / 60_000_000) % 60),
  part('SECOND', 2, (micros) => Math.floor(micros / MICROS_PER_SECOND) % 60),
  part('MICROSECOND', 6, (micros) => micros % MICROS_PER_SECOND),
  ...['TIME', 'CAST_TIME'].map((name) =>
    definePrepared(
      name,
      1,
      'time',
      (args) => ({ kind: 'time', fsp: fspOfInfo(args[0] as ArgInfo) }),
      (_types, result): Call =>
        (env, micros: number) =>
          fitTime(micros, result.kind === 'time' ? result.fsp : 6, env),
      { nullable: 'always' },
    ),
  ),
  define('TIME_TO_SEC', 1, 'time', BIGINT, (_env, micros: number) => Math.trunc(micros / MICROS_PER_SECOND), {
    nullable: 'always',
  }),
  definePrepared(
    'SEC_TO_TIME',
    1,
    'decimal',
    (args) => ({ kind: 'time', fsp: secondsScale(args[0]) }),
    (_types, result): Call =>
      (env, seconds: Decimal) => {
        const micros = asDecimal(seconds);
        if (Math.abs(micros) > TIME_MAX) {
          truncatedWarning(env, 'time', formatDecimal(seconds));
          return micros < 0 ? -TIME_MAX : TIME_MAX;
        }
        return fitTime(micros, result.kind === 'time' ? result.fsp : 6, env);
      },
  ),
  definePrepared(
    'MAKETIME',
    3,
    ['num', 'num', 'decimal'],
    (args) => ({ kind: 'time', fsp: secondsScale(args[2]) }),
    (_types, result): Call =>
      (env, hours: number, minutes: number, seconds: Decimal) => {
        const micros = asDecimal(seconds);
        if (minutes < 0 || minutes > 59 || micros < 0 || micros >= 60 * MICROS_PER_SECOND) return null;
        const total = (Math.abs(hours) * 60 + minutes) * 60 * MICROS_PER_SECOND + micros;
        if (total > TIME_MAX) {
          truncatedWarning(
            env,
            'time',
            `${hours}:${String(minutes).padStart(2, '0')}:${formatDecimal(seconds).padStart(2, '0')}`,
          );
          return hours < 0 ? -TIME_MAX : TIME_MAX;
        }
        return fitTime(hours < 0 ? -total : total, result.kind === 'time' ? result.fsp : 6, env);
      },
    { nullable: 'always' },
  ),
  addTime('ADDTIME', 1),
  addTime('SUBTIME', -1),
  definePrepared(
    'TIMEDIFF',
    2,
    'any',
    (args) => ({ kind: 'time', fsp: Math.max(...args.map(fspOfInfo)) }),
    (types, result): Call => {
      const isDate = (type: SqlType): boolean =>
        type.kind === 'datetime' || type.kind === 'timestamp' || type.kind === 'date';
      const dated = types.some(isDate);
      // Beside a date, a number is a date, and so is a text that is one or has nothing but digits.
      const [a, b] = types.map((type) => {
        if (!dated || isDate(type) || type.kind === 'time') return timeOrDateReader(type);
        const readDate = dateReader(type, FUZZY);
        const either = timeOrDateReader(type);
        const text = textReader(type);
        return (value: never, env: CallEnv): TimeOrDate | null => {
          if (type.kind === 'string' && !/^\d+$/.test(text(value, env))) return either(value, env);
          const date = readDate(value, env);
          return date === null ? null : { kind: 'date', value: date.value };
        };
      }) as [ReturnType<typeof timeOrDateReader>, ReturnType<typeof timeOrDateReader>];
      return (env, x: never, y: never) => {
        const left = a(x, env);
        const right = b(y, env);
        let difference: number;
        if (left?.kind === 'time' && right?.kind === 'time') difference = left.micros - right.micros;
        else if (left?.kind === 'date' && right?.kind === 'date') {
          const [l, r] = [left.value, right.value];
          difference = (secondsOf(l) - secondsOf(r)) * MICROS_PER_SECOND + l.micros - r.micros;
        } else return null;
        return fitTime(clip(env, difference, 'timediff'), result.kind === 'time' ? result.fsp : 6, env);
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'CONVERT_TZ',
    3,
    ['any', 'text', 'text'],
    (args) => ({ kind: 'datetime', fsp: fspOfInfo(args[0] as ArgInfo) }),
    (types, result): Call => {
      const read = dateSource(types[0] as SqlType, { zeroInDate: false, zeroDate: false, invalidDates: false });
      const fsp = result.kind === 'datetime' ? result.fsp : 0;
      return (env, value: never, from: string, to: string) => {
        const date = read(value, env);
        if (date === null || !isTimeZone(from) || !isTimeZone(to)) return null;
        const utc = unixSeconds(date.value, from);
        if (utc === undefined || utc <= 0) return formatDateTime(date.value, fsp);
        return formatDateTime(dateTimeOfSeconds(localSeconds(utc, to) as number, date.value.micros), fsp);
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'UNIX_TIMESTAMP',
    [0, 1],
    'any',
    (args) => {
      const first = args[0];
      if (first === undefined) return BIGINT;
      let fsp = fspOf(first.type);
      if (typeof first.constant === 'string') {
        fsp = parseDateTime(first.constant, FUZZY)?.places ?? 0;
      }
      return fsp > 0 ? decimalType(11 + fsp, fsp) : BIGINT;
    },
    (types, result): Call => {
      const type = types[0];
      if (type === undefined) return (env) => env.nowUtcMicros() / 1_000_000n;
      const read = dateReader(type, FUZZY);
      const scale = result.kind === 'decimal' ? result.scale : 0;
      const answer = (seconds: number, micros: number) =>
        result.kind === 'decimal'
          ? decimals.truncate({ unscaled: BigInt(seconds) * 1_000_000n + BigInt(micros), scale: 6 }, scale)
          : BigInt(seconds);
      return (env, value: never) => {
        if (type.kind === 'timestamp') {
          const parts = partsOf(value);
          return parts.month === 0 ? answer(0, 0) : answer(secondsOf(parts), parts.micros);
        }
        const date = read(value, env);
        const seconds = date === null ? undefined : unixSeconds(date.value, env.timeZone);
        return date === null || seconds === undefined ? answer(0, 0) : answer(seconds, date.value.micros);
      };
    },
    { changes: 'statement' },
  ),
  definePrepared(
    'GET_FORMAT',
    2,
    'text',
    (_args, env) => textType(17, env.collation),
    (): Call => (_env, kind: string, format: string) => FORMATS[kind.toUpperCase()]?.[format.toUpperCase()] ?? null,
    { nullable: 'always' },
  ),
];

const FORMATS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DATE: { USA: '%m.%d.%Y', JIS: '%Y-%m-%d', ISO: '%Y-%m-%d', EUR: '%d.%m.%Y', INTERNAL: '%Y%m%d' },
  TIME: { USA: '%h:%i:%s %p', JIS: '%H:%i:%s', ISO: '%H:%i:%s', EUR: '%H.%i.%s', INTERNAL: '%H%i%s' },
  DATETIME: {
    USA: '%Y-%m-%d %H.%i.%s',
    JIS: '%Y-%m-%d %H:%i:%s',
    ISO: '%Y-%m-%d %H:%i:%s',
    EUR: '%Y-%m-%d %H.%i.%s',
    INTERNAL: '%Y%m%d%H%i%s',
  },
};

/** The local date of a Unix time (a decimal of seconds), undefined where it is out of range. */
export function dateOfUnixTime(value: Decimal, fsp: number, env: CallEnv): DateTime | undefined {
  const micros = decimals.rescale(decimals.round(value, fsp), 6);
  const seconds = Number(micros / 1_000_000n);
  if (micros < 0n || seconds > UNIX_MAX) return undefined;
  return dateTimeOfSeconds(localSeconds(seconds, env.timeZone) ?? seconds, Number(micros % 1_000_000n));
}
