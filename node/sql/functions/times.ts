import type { Decimal, SqlType } from '../types/index.ts';
import {
  dateTimeOfMicros,
  dateReader,
  decimals,
  fitTime,
  formatDateTime,
  formatTime,
  FUZZY,
  microsOf,
  MICROS_PER_SECOND,
  parseTime,
  textReader,
  timeReader,
  TIME_MAX,
  toLocal,
  toUtc,
  truncatedWarning,
  UNIX_MAX,
  isTimeZone,
  parseDateTime,
  partsOf,
  formatDecimal,
} from '../values/index.ts';
import { dateSource } from './dates.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { BIGINT, decimalType, fspOf, intOfWidth, numberMode, scaleOf, textType } from './types-of-results.ts';

/** Functions of the clock: TIME values, differences, time zones and Unix time. */

function part(name: string, width: number, f: (micros: number) => number): FunctionDefinition {
  return define(name, 1, 'time', intOfWidth(width), (_env, micros: number) => f(Math.abs(micros)), {
    nullable: 'always',
  });
}

/** A value that is a time of day or a whole date and time, as its type or its text says. */
export interface TimeOrDate {
  readonly dated: boolean;
  /** Microseconds of the time, or since 1970. */
  readonly micros: number;
}

export function timeOrDateReader(type: SqlType): (value: never, env: CallEnv) => TimeOrDate | null {
  if (type.kind === 'date' || type.kind === 'datetime' || type.kind === 'timestamp') {
    const read = dateReader(type, FUZZY);
    return (value, env) => {
      const date = read(value, env);
      return date === null ? null : { dated: true, micros: microsOf(date.value) };
    };
  }
  if (type.kind === 'string' || type.kind === 'binary') {
    const text = textReader(type);
    return (value, env) => {
      const source = text(value, env);
      const parsed = parseTime(source);
      if (parsed === undefined) {
        truncatedWarning(env, 'time', source);
        return null;
      }
      if (parsed.truncated) truncatedWarning(env, parsed.date === undefined ? 'time' : 'datetime', source);
      if (parsed.date !== undefined) return { dated: true, micros: microsOf(parsed.date.value) };
      return { dated: false, micros: parsed.micros };
    };
  }
  const read = timeReader(type);
  return (value, env) => {
    const micros = read(value, env);
    return micros === null ? null : { dated: false, micros };
  };
}

function clip(env: CallEnv, micros: number): number {
  if (Math.abs(micros) <= TIME_MAX) return micros;
  truncatedWarning(env, 'time', formatTime(micros, 0));
  return micros < 0 ? -TIME_MAX : TIME_MAX;
}

function addTime(name: string, sign: 1 | -1): FunctionDefinition {
  return definePrepared(
    name,
    2,
    ['any', 'any'],
    (args, env) => {
      const [a, b] = args as [ArgInfo, ArgInfo];
      const fsp = Math.max(fspOf(a.type), fspOf(b.type));
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
      const readTime = timeOrDateReader(types[1] as SqlType);
      return (env, a: never, b: never) => {
        const left = read(a, env);
        const right = readTime(b, env);
        if (left === null || right === null || (right.dated && types[1]?.kind !== 'time')) return null;
        const sum = left.micros + sign * right.micros;
        if (left.dated) {
          const date = dateTimeOfMicros(sum);
          if (date.year === 0 && date.month === 0) {
            env.warn('Warning', 1441, 'Datetime function: datetime field overflow');
            return null;
          }
          return formatDateTime(date, result.kind === 'datetime' ? result.fsp : date.micros === 0 ? 0 : 6);
        }
        const time = clip(env, sum);
        if (result.kind === 'time') return fitTime(time, result.fsp, env);
        const text = formatTime(time, time % MICROS_PER_SECOND === 0 ? 0 : 6);
        return text;
      };
    },
    { nullable: 'always' },
  );
}

/** The scale that a number of seconds brings to a result. */
const secondsScale = (info: ArgInfo | undefined): number => {
  const { constant, type } = info as ArgInfo;
  if (type.kind === 'string' && typeof constant === 'string')
    return Math.min(6, /\.(\d+)/.exec(constant)?.[1]?.length ?? 0);
  return numberMode(type) === 'real' ? 6 : Math.min(6, scaleOf(type));
};

const asDecimal = (value: Decimal): number => Number(decimals.rescale(value, 6));

/** Seconds and microseconds since 1970 of a local date, or undefined outside what Unix time covers. */
function unixMicros(value: Parameters<typeof microsOf>[0], timeZone: string): number | undefined {
  if (value.month === 0 || value.day === 0) return undefined;
  const moment = toUtc(microsOf(value), timeZone);
  if (moment === undefined) return undefined;
  const seconds = moment.micros / MICROS_PER_SECOND;
  return seconds < 0 || seconds > UNIX_MAX + 1 ? undefined : moment.micros;
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
      (args) => ({ kind: 'time', fsp: fspOf((args[0] as ArgInfo).type) }),
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
    (args) => ({ kind: 'time', fsp: Math.max(...args.map((a) => fspOf(a.type))) }),
    (types, result): Call => {
      const [a, b] = types.map(timeOrDateReader) as [
        ReturnType<typeof timeOrDateReader>,
        ReturnType<typeof timeOrDateReader>,
      ];
      return (env, x: never, y: never) => {
        const [left, right] = [a(x, env), b(y, env)];
        if (left === null || right === null || left.dated !== right.dated) return null;
        return fitTime(clip(env, left.micros - right.micros), result.kind === 'time' ? result.fsp : 6, env);
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'CONVERT_TZ',
    3,
    ['any', 'text', 'text'],
    (args) => ({ kind: 'datetime', fsp: fspOf((args[0] as ArgInfo).type) }),
    (types, result): Call => {
      const read = dateSource(types[0] as SqlType, { zeroInDate: false, zeroDate: false, invalidDates: false });
      const fsp = result.kind === 'datetime' ? result.fsp : 0;
      return (env, value: never, from: string, to: string) => {
        const date = read(value, env);
        if (date === null || !isTimeZone(from) || !isTimeZone(to)) return null;
        const utc = unixMicros(date.value, from);
        if (utc === undefined || utc <= 0) return formatDateTime(date.value, fsp);
        return formatDateTime(dateTimeOfMicros(toLocal(utc, to) as number), fsp);
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
      const answer = (micros: number) =>
        result.kind === 'decimal'
          ? decimals.truncate({ unscaled: BigInt(micros), scale: 6 }, scale)
          : BigInt(Math.floor(micros / MICROS_PER_SECOND));
      return (env, value: never) => {
        if (type.kind === 'timestamp') return answer(microsOf(partsOf(value)));
        const date = read(value, env);
        return answer(date === null ? 0 : (unixMicros(date.value, env.timeZone) ?? 0));
      };
    },
    { deterministic: false },
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
export function dateOfUnixTime(
  seconds: Decimal,
  fsp: number,
  env: CallEnv,
): Parameters<typeof microsOf>[0] | undefined {
  const micros = Number(decimals.rescale(decimals.round(seconds, fsp), 6));
  if (micros < 0 || micros / MICROS_PER_SECOND >= UNIX_MAX + 1) return undefined;
  return dateTimeOfMicros(toLocal(micros, env.timeZone) ?? micros);
}
