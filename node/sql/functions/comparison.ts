import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { argReader, coerce, compareJson, decimals, jsonOf, readJson, sortKey, truthReader } from '../values/index.ts';
import type { Json } from '../values/index.ts';
import { aggregateTypes } from './aggregate-types.ts';
import { compareMode } from './compare-modes.ts';
import type { CompareMode } from './compare-modes.ts';
import { definePrepared } from './definition.ts';
import type { ArgClass, ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { commonCollation } from './like.ts';
import { BIGINT, BOOLEAN, DATE, fspOfInfo } from './types-of-results.ts';

/** Comparisons of mixed types, and the functions that choose among their arguments. */

const CLASS: Readonly<Record<CompareMode, ArgClass>> = {
  int: 'int',
  decimal: 'decimal',
  real: 'real',
  string: 'text',
  datetime: 'datetime',
  time: 'time',
  date: 'date',
  json: 'any',
  binary: 'bytes',
};

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** By code point, as SQLite orders sort keys. */
export function comparePoints(a: string, b: string): number {
  if (a === b) return 0;
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // Surrogates stand for code points above all others.
    const [highX, highY] = [(x & 0xf800) === 0xd800, (y & 0xf800) === 0xd800];
    return highX === highY ? x - y : highX ? 1 : -1;
  }
  return a.length - b.length;
}

const padTime = (text: string): string => (text.length === 10 ? `${text} 00:00:00` : text);

function compareDatetimes(a: string, b: string): number {
  const [x, y] = [padTime(a), padTime(b)];
  const length = Math.max(x.length, y.length);
  const fill = (t: string): string => (t.length === length ? t : (t.length === 19 ? `${t}.` : t).padEnd(length, '0'));
  const [left, right] = [fill(x), fill(y)];
  return left < right ? -1 : left > right ? 1 : 0;
}

type Comparer = (a: never, b: never) => number;

function comparerOf(mode: CompareMode, types: readonly SqlType[]): Comparer {
  switch (mode) {
    case 'int':
    case 'real':
    case 'time':
      return (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0);
    case 'decimal':
      return (a: Decimal, b: Decimal) => decimals.compare(a, b);
    case 'string': {
      const key = sortKey(commonCollation(types));
      return (a: string, b: string) => comparePoints(key(a), key(b));
    }
    case 'binary':
      return compareBytes;
    case 'datetime':
      return compareDatetimes;
    case 'date':
      return (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    case 'json': {
      // A text beside JSON is a JSON string, not a document.
      const [left, right] = types.map((type): ((value: SqliteValue) => Json) => {
        if (type.kind === 'json') return (value) => readJson(value as string);
        const read = jsonOf(type);
        return (value) => read(value, undefined as never);
      }) as [(value: SqliteValue) => Json, (value: SqliteValue) => Json];
      return (a: SqliteValue, b: SqliteValue) => compareJson(left(a), right(b));
    }
  }
}

const modeOf = (args: readonly SqlType[]): CompareMode => compareMode(args[0] as SqlType, args[1] as SqlType);
const classOf = (_index: number, args: readonly ArgInfo[]): ArgClass => CLASS[modeOf(args.map((a) => a.type))];

function comparison(name: string, holds: (order: number) => boolean): FunctionDefinition {
  return definePrepared(
    name,
    2,
    classOf,
    BOOLEAN,
    (types): Call => {
      const compare = comparerOf(modeOf(types), types);
      return (_env, a: never, b: never) => holds(compare(a, b));
    },
    { collated: true },
  );
}

const nullSafeEqual = definePrepared(
  '<=>',
  2,
  classOf,
  BOOLEAN,
  (types): Call => {
    const compare = comparerOf(modeOf(types), types);
    return (_env, a: never, b: never) => (a === null || b === null ? a === b : compare(a, b) === 0);
  },
  { collated: true, nullable: 'never', nullPropagates: false },
);

const isDated = ({ kind }: SqlType): boolean => kind === 'date' || kind === 'datetime' || kind === 'timestamp';

/** The mode in which a list of values is compared, and the class to read them by. */
function listMode(types: readonly SqlType[]): CompareMode {
  const known = types.filter((type) => type.kind !== 'null');
  // One date makes dates of texts and numbers.
  if (known.some(isDated) && !known.some((t) => t.kind === 'json' || t.kind === 'binary'))
    return known.every((t) => t.kind === 'date') ? 'date' : 'datetime';
  const type = aggregateTypes(known);
  return compareMode(type, type);
}

/** What GREATEST makes of dates and others: a date where there is nothing with a time of day. */
function datedResult(args: readonly ArgInfo[]): SqlType {
  const timed = args.some(({ type: { kind } }) => kind === 'datetime' || kind === 'timestamp' || kind === 'time');
  return timed ? { kind: 'datetime', fsp: Math.max(...args.map(fspOfInfo)) } : DATE;
}

const ZERO_DATE = '0000-00-00 00:00:00';

function extreme(name: string, sign: 1 | -1): FunctionDefinition {
  return definePrepared(
    name,
    [2, 65535],
    (_index, args) => {
      const mode = listMode(args.map((a) => a.type));
      return mode === 'json' ? 'text' : mode === 'datetime' ? 'any' : CLASS[mode];
    },
    (args) => {
      if (listMode(args.map((a) => a.type)) === 'datetime') return datedResult(args);
      // Numbers among texts count as texts, and JSON does too.
      const type = aggregateTypes(
        args.map((a) => a.type),
        args.map((a) => a.coercibility),
      );
      return type.kind === 'json'
        ? { kind: 'string', family: 'longtext', length: 4294967295, collation: 'utf8mb4_bin' }
        : type;
    },
    (types, result): Call => {
      const mode = listMode(types);
      const compare = comparerOf(mode === 'json' ? 'string' : mode, types) as (a: unknown, b: unknown) => number;
      const readers = mode === 'datetime' ? types.map((type) => argReader(type, 'datetime')) : undefined;
      return (env, ...given: never[]) => {
        // A number that is no date comes before all dates.
        const values = readers
          ? given.map((v, i) => readers[i]?.(v, env) ?? (types[i]?.kind === 'string' ? null : ZERO_DATE))
          : given;
        if (values.includes(null)) return null;
        let best: unknown = values[0];
        for (let i = 1; i < values.length; i++) {
          const order = compare(values[i], best) * sign;
          // Of equal texts GREATEST gives the last, LEAST the first.
          if (order > 0 || (order === 0 && sign > 0)) best = values[i];
        }
        return result.kind === 'date' ? (best as string).slice(0, 10) : (best as string);
      };
    },
    { collated: true },
  );
}

const interval = definePrepared(
  'INTERVAL',
  [2, 65535],
  'real',
  BIGINT,
  (): Call =>
    (_env, n: number | null, ...list: (number | null)[]) => {
      if (n === null) return -1;
      const at = list.findIndex((limit) => limit !== null && n < limit);
      return at < 0 ? list.length : at;
    },
  { nullPropagates: false, nullable: 'never' },
);

const strcmp = definePrepared(
  'STRCMP',
  2,
  (_index, args) => (commonCollation(args.map((a) => a.type)) === 'binary' ? 'bytes' : 'text'),
  BOOLEAN,
  (types): Call => {
    if (commonCollation(types) === 'binary')
      return (_env, a: Uint8Array, b: Uint8Array) => Math.sign(compareBytes(a, b));
    const key = sortKey(commonCollation(types));
    return (_env, a: string, b: string) => Math.sign(comparePoints(key(a), key(b)));
  },
  { collated: true },
);

/** COALESCE and its kin as calls; the compiler may use SQLite's own once the types agree. */
function choosing(
  name: string,
  arity: readonly [number, number],
  chosen: (infos: readonly SqlType[]) => readonly SqlType[],
  choose: (args: readonly unknown[], truth: (value: unknown, env: CallEnv) => boolean, env: CallEnv) => number,
): FunctionDefinition {
  return definePrepared(
    name,
    arity,
    'any',
    (args) => {
      const types = chosen(args.map((a) => a.type));
      const skip = args.length - types.length;
      return aggregateTypes(
        types,
        args.slice(skip).map((a) => a.coercibility),
      );
    },
    (types, result): Call => {
      const converters = types.map((type) => coerce(type, result));
      const test = truthReader(types[0] as SqlType);
      const truth = (value: unknown, env: CallEnv): boolean => value !== null && test(value as never, env);
      return (env, ...values: never[]) => {
        const at = choose(values, truth, env);
        const value = at < 0 ? null : ((values as SqliteValue[])[at] ?? null);
        if (value === null) return null;
        const convert = converters[at];
        return convert === undefined ? value : convert(value, env);
      };
    },
    { nullPropagates: false, nullable: 'always', raw: true },
  );
}

export const comparisons: readonly FunctionDefinition[] = [
  comparison('=', (order) => order === 0),
  comparison('<>', (order) => order !== 0),
  comparison('<', (order) => order < 0),
  comparison('<=', (order) => order <= 0),
  comparison('>', (order) => order > 0),
  comparison('>=', (order) => order >= 0),
  nullSafeEqual,
  extreme('GREATEST', 1),
  extreme('LEAST', -1),
  interval,
  strcmp,
  choosing(
    'COALESCE',
    [1, 65535],
    (types) => types,
    (args) => args.findIndex((a) => a !== null),
  ),
  choosing(
    'IFNULL',
    [2, 2],
    (types) => types,
    (args) => (args[0] === null ? 1 : 0),
  ),
  choosing(
    'IF',
    [3, 3],
    (types) => types.slice(1),
    (args, truth, env) => (truth(args[0], env) ? 1 : 2),
  ),
];
