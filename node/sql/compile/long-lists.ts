/** Lists of values and chains of conditions as long as clients write them: SQLite's own bounds are lower than MySQL's. */
import type { Expr } from '../parser/index.ts';
import type { SqliteValue, SqlType } from '../types/index.ts';
import type { Binder, Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { hex } from './packed-rows.ts';

/** From so many values on a list is one parameter: a JSON array. */
const LONG_LIST = 100;
/** A chain of more ANDs or ORs is compiled as a balanced tree: SQLite takes expressions of a depth of 1,000. */
const LONG_CHAIN = 50;

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

/** The operands of a long chain of one operator, which hangs to the left; undefined of others. */
export function chainOf(e: Extract<Expr, { kind: 'binary' }>): readonly Expr[] | undefined {
  const operands: Expr[] = [];
  let node: Expr = e;
  for (; node.kind === 'binary' && node.op === e.op; node = node.left) operands.push(node.right);
  if (operands.length < LONG_CHAIN) return undefined;
  operands.push(node);
  return operands.reverse();
}

/** Two by two, so that the depth grows as slowly as it can. */
export function balanced<T>(operands: readonly T[], join: (left: T, right: T) => T): T {
  let level = operands;
  while (level.length > 1)
    level = level.flatMap((left, i) => {
      if (i % 2 === 1) return [];
      const right = level[i + 1];
      return [right === undefined ? left : join(left, right)];
    });
  return level[0] as T;
}
