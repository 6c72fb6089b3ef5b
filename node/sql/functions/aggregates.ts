import type { SqliteValue, SqlType } from '../types/index.ts';
import {
  bytesOfLatin1,
  bytesReader,
  decodeLenient,
  compareJson,
  isBinaryText,
  latin1Text,
  objectOf,
  printJson,
  readJson,
  sortKey,
  sqlError,
  textReader,
  utf8Length,
} from '../values/index.ts';
import type { Json } from '../values/index.ts';
import { aggregateTypes } from './aggregate-types.ts';
import { implementation } from './aggregate-definition.ts';
import type { AggregateDefinition, AggregateOptions } from './aggregate-definition.ts';
import { numericAggregates } from './aggregates-numeric.ts';
import { compareBytes, comparePoints } from './comparison.ts';
import type { ArgInfo, CallEnv } from './definition.ts';
import { valueReader } from './json-functions.ts';
import { collationOfResult, JSON_TYPE } from './types-of-results.ts';

/** Aggregates over texts and JSON, and those that choose a value. */

/** SQLite's order of values: numbers, then texts, then bytes; NULL first. */
function compareValues(a: SqliteValue, b: SqliteValue): number {
  const [left, right] = [rank(a), rank(b)];
  if (left !== right) return left - right;
  if (typeof a === 'string') return comparePoints(a, b as string);
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  if (a === null) return 0;
  return a < (b as number) ? -1 : a > (b as number) ? 1 : 0;
}

function rank(value: SqliteValue): number {
  if (value === null) return 0;
  return typeof value === 'string' ? 2 : value instanceof Uint8Array ? 3 : 1;
}

interface Row {
  readonly text: string;
  readonly keys: readonly SqliteValue[];
}

interface Concat {
  readonly rows: Row[];
  readonly seen: Set<string>;
}

const PLAIN: AggregateOptions = { separator: ',', values: 1, descending: [], distinct: false };

function shorten(text: string, limit: number, binary: boolean): string {
  if (binary) return text.slice(0, limit);
  let bytes = 0;
  let units = 0;
  for (const c of text) {
    bytes += utf8Length(c);
    if (bytes > limit) break;
    units += c.length;
  }
  return text.slice(0, units);
}

/** The text of a group: rows in order, put together until the limit. */
function joinRows(
  state: Concat,
  separator: string,
  descending: readonly boolean[],
  binary: boolean,
  env: CallEnv,
): string {
  const rows = descending.length === 0 ? state.rows : state.rows.toSorted((a, b) => compareRows(a, b, descending));
  let text = '';
  let length = 0;
  for (const [i, row] of rows.entries()) {
    const piece = i === 0 ? row.text : separator + row.text;
    length += binary ? piece.length : utf8Length(piece);
    text += piece;
    if (length > env.groupConcatMaxLen) {
      env.warn('Warning', 1260, `Row ${i + 1} was cut by GROUP_CONCAT()`);
      return shorten(text, env.groupConcatMaxLen, binary);
    }
  }
  return text;
}

function compareRows(a: Row, b: Row, descending: readonly boolean[]): number {
  for (const [i, down] of descending.entries()) {
    const order = compareValues(a.keys[i] ?? null, b.keys[i] ?? null);
    if (order !== 0) return down ? -order : order;
  }
  return 0;
}

const groupConcat: AggregateDefinition = {
  name: 'GROUP_CONCAT',
  arity: [1, 65535],
  nullable: true,
  hasInverse: false,
  result: (args, env, options) => {
    // Without options nobody has said which arguments only sort.
    const values = args.slice(0, options?.values ?? 1);
    const length = env.groupConcatMaxLen;
    if (values.some((a) => isBinaryText(a.type))) {
      return { kind: 'binary', family: length <= 65535 ? 'blob' : 'longblob', length };
    }
    const collation = collationOfResult(values, env, 'group_concat');
    if (collation === 'binary') return { kind: 'binary', family: 'blob', length };
    return { kind: 'string', family: length <= 65535 ? 'text' : 'longtext', length, collation };
  },
  make: (types, result, options = PLAIN) => {
    const binary = result.kind === 'binary';
    const readers = types.slice(0, options.values).map((type) => {
      if (!binary) return textReader(type);
      const read = bytesReader(type);
      return (value: SqliteValue, env: CallEnv) => latin1Text(read(value, env));
    });
    const key = result.kind === 'string' ? sortKey(result.collation) : (text: string) => text;
    const { separator: given } = options;
    const separator = typeof given === 'string' ? given : binary ? latin1Text(given) : decodeLenient(given);
    return (env) =>
      implementation<Concat>({
        start: () => ({ rows: [], seen: new Set() }),
        step: (state, ...args) => {
          let text = '';
          let distinct = '';
          for (let i = 0; i < readers.length; i++) {
            const value = args[i] ?? null;
            if (value === null) return state;
            const piece = (readers[i] as (typeof readers)[0])(value, env);
            text += piece;
            if (options.distinct) distinct += `${key(piece)}\u0000`;
          }
          if (options.distinct) {
            if (state.seen.has(distinct)) return state;
            state.seen.add(distinct);
          }
          state.rows.push({ text, keys: options.descending.length === 0 ? [] : args.slice(options.values) });
          return state;
        },
        result: (state) => {
          if (state.rows.length === 0) return null;
          const text = joinRows(state, separator, options.descending, binary, env);
          return binary ? bytesOfLatin1(text) : text;
        },
      });
  },
};

/** What MIN and MAX compare by. */
function extremeOrder(type: SqlType): (a: SqliteValue, b: SqliteValue) => number {
  switch (type.kind) {
    case 'string': {
      const key = sortKey(type.collation);
      return (a, b) => comparePoints(key(a as string), key(b as string));
    }
    case 'enum':
    case 'set': {
      const key = sortKey(type.collation);
      const text = textReader(type);
      const of = (value: SqliteValue): string => key(text(value, undefined as never));
      return (a, b) => comparePoints(of(a), of(b));
    }
    case 'json':
      return (a, b) => compareJson(readJson(a as string), readJson(b as string));
    default:
      return compareValues;
  }
}

function extreme(name: string, sign: 1 | -1): AggregateDefinition {
  return {
    name,
    arity: [1, 1],
    nullable: true,
    hasInverse: true,
    result: (args) => (args[0] as ArgInfo).type,
    overWindow: extremeOfWindow(sign),
    make: (types) => {
      const order = extremeOrder(types[0] as SqlType);
      return () =>
        implementation<{ best: SqliteValue }>({
          start: () => ({ best: null }),
          step: (state, value = null) => {
            if (value !== null && (state.best === null || order(value, state.best) * sign > 0)) state.best = value;
            return state;
          },
          result: (state) => state.best,
        });
    },
  };
}

/** Of a window's rows those that may still come to be its extreme, the best and first in front. */
interface Candidates {
  /** Places count the rows of the partition. */
  readonly waiting: { readonly value: SqliteValue; readonly place: number }[];
  /** The first of them in the list. */
  first: number;
  added: number;
  removed: number;
}

const extremeOfWindow =
  (sign: 1 | -1): AggregateDefinition['make'] =>
  (types) => {
    const order = extremeOrder(types[0] as SqlType);
    return () =>
      implementation<Candidates>({
        start: () => ({ waiting: [], first: 0, added: 0, removed: 0 }),
        step: (state, value = null) => {
          const { waiting } = state;
          const place = state.added++;
          if (value === null) return state;
          for (let last = waiting.at(-1); last && waiting.length > state.first; last = waiting.at(-1)) {
            if (order(value, last.value) * sign <= 0) break;
            waiting.pop();
          }
          waiting.push({ value, place });
          return state;
        },
        inverse: (state) => {
          const { waiting } = state;
          const place = state.removed++;
          if (waiting[state.first]?.place !== place) return state;
          state.first++;
          // What left goes in one move with many others.
          if (state.first * 2 < waiting.length) return state;
          waiting.splice(0, state.first);
          state.first = 0;
          return state;
        },
        result: (state) => state.waiting[state.first]?.value ?? null,
      });
  };

const anyValue: AggregateDefinition = {
  name: 'ANY_VALUE',
  arity: [1, 1],
  nullable: true,
  hasInverse: false,
  result: (args) => {
    const { type } = args[0] as ArgInfo;
    return type.kind === 'enum' || type.kind === 'set' ? type : aggregateTypes([type]);
  },
  make: () => () =>
    implementation<{ seen: boolean; value: SqliteValue }>({
      start: () => ({ seen: false, value: null }),
      step: (state, value = null) => (state.seen ? state : { seen: true, value }),
      result: (state) => state.value,
    }),
};

const arrayAgg: AggregateDefinition = {
  name: 'JSON_ARRAYAGG',
  arity: [1, 1],
  nullable: true,
  hasInverse: true,
  result: () => JSON_TYPE,
  make: (types) => {
    const read = valueReader(types[0] as SqlType);
    return (env) =>
      implementation<Json[]>({
        start: () => [],
        step: (state, value = null) => {
          state.push(value === null ? null : read(value as never, env));
          return state;
        },
        inverse: (state) => state.slice(1),
        result: (state) => (state.length === 0 ? null : printJson(state)),
      });
  },
};

const objectAgg: AggregateDefinition = {
  name: 'JSON_OBJECTAGG',
  arity: [2, 2],
  nullable: true,
  hasInverse: true,
  result: () => JSON_TYPE,
  make: (types) => {
    const key = textReader(types[0] as SqlType);
    const read = valueReader(types[1] as SqlType);
    return (env) =>
      implementation<[string, Json][]>({
        start: () => [],
        step: (state, name = null, value = null) => {
          if (name === null) throw sqlError(3158, 'JSON documents may not contain NULL member names.');
          state.push([key(name, env), value === null ? null : read(value as never, env)]);
          return state;
        },
        inverse: (state) => state.slice(1),
        result: (state) => (state.length === 0 ? null : printJson(objectOf(state))),
      });
  },
};

const definitions: readonly AggregateDefinition[] = [
  ...numericAggregates,
  groupConcat,
  extreme('MIN', -1),
  extreme('MAX', 1),
  anyValue,
  arrayAgg,
  objectAgg,
];

/** Every aggregate that SQLite lacks or that differs there, by its name in upper case. */
const aggregates: ReadonlyMap<string, AggregateDefinition> = new Map(definitions.map((def) => [def.name, def]));

export function findAggregate(name: string): AggregateDefinition | undefined {
  return aggregates.get(name.toUpperCase());
}
