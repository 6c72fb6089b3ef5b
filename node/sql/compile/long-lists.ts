/** Lists of values, and parameters, as many as clients write: SQLite's own bounds are lower than MySQL's. */
import type { SqliteValue, SqlType } from '../types/index.ts';
import type { Binder, Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { hex } from './packed-rows.ts';
import type { SqlFunction, SqlText } from './plan.ts';

/** From so many values on a list is one parameter: a JSON array. */
const LONG_LIST = 100;

/** Kinds whose values in SQLite survive JSON: REALs might be read as their neighbours. */
const LISTED: ReadonlySet<SqlType['kind']> = new Set<SqlType['kind']>([
  'int',
  'year',
  'string',
  'enum',
  'date',
  'time',
  'datetime',
  'timestamp',
  'null',
]);

/** Beside whole numbers others take their form, or that of what none of them equals. */
export const isLongList = (operand: Bound, list: readonly Bound[]): boolean =>
  list.length > LONG_LIST &&
  list.every(({ bind, type }) => bind !== undefined && (operand.type.kind === 'int' || LISTED.has(type.kind)));

/** What IN looks into: a subquery over the values, which SQLite looks up one by one as it does those of a list. */
export function valuesOf(c: Compiler, values: readonly Binder[]): string {
  const list = c.param((x) => `[${values.map((value) => listed(value(x))).join(',')}]`);
  const odd = `CASE value->>0 WHEN 't' THEN CAST(unhex(value->>1) AS TEXT) ELSE unhex(value->>1) END`;
  return `SELECT CASE type WHEN 'array' THEN ${odd} ELSE value END FROM json_each(${list})`;
}

const encoder = new TextEncoder();

/** As JSON; bytes, and texts with a NUL, in hex. */
function listed(value: SqliteValue): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') return `["b","${hex(value)}"]`;
  return value.includes('\0') ? `["t","${hex(encoder.encode(value))}"]` : JSON.stringify(value.toWellFormed());
}

/** SQLite's own bound of a text's parameters. The last one says whose further ones are meant. */
const PARAMETERS_MAX = 32_766;

const FURTHER: SqlFunction = {
  kind: 'scalar',
  name: 'further_parameter',
  deterministic: true,
  arity: 2,
  make: (x) => (run, place) => x.furtherParameter(Number(run), Number(place)),
};

/** What stands for the nth parameter of a text with many: SQLite computes the call once, and looks up indexes by it. */
export const placeholder = (n: number): string =>
  n < PARAMETERS_MAX ? '?' : `${FURTHER.name}(?${PARAMETERS_MAX},${n - PARAMETERS_MAX})`;

export function withinBound({ sql, binders, functions }: SqlText): SqlText {
  if (binders.length < PARAMETERS_MAX) return { sql, binders, functions };
  return {
    sql,
    binders: binders.slice(0, PARAMETERS_MAX - 1),
    further: binders.slice(PARAMETERS_MAX - 1),
    functions: [...functions, FURTHER],
  };
}
