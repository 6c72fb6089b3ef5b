/** ORDER BY: what its expressions sort by, and what DISTINCT lets them be. */
import { SqlError } from '../types/index.ts';
import { print, type Expr, type OrderItem, type SelectItem } from '../parser/index.ts';
import type { Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { orderKey } from './operators.ts';
import { isPlace, position } from './places.ts';
import { columnTitle, type Scope } from './scope.ts';

/** What an expression is sorted by. */
export type KeyOf = (bound: Bound) => string;

export interface OrderTerm {
  readonly bound: Bound;
  /** What is sorted by, in a form that sorts as MySQL does. */
  readonly key: string;
  readonly descending: boolean;
  /** `key` with its direction, or the place of a select item. */
  readonly text: string;
  /** Place in the select list, 0-based. */
  readonly place: number | undefined;
}

interface Named {
  readonly name: string;
  readonly bound: Bound;
}

export function orderTerm(
  c: Compiler,
  scope: Scope,
  items: readonly Named[],
  { expr, direction }: OrderItem,
): OrderTerm {
  const descending = direction === 'desc';
  const bounds = items.map((i) => i.bound);
  const bound = isPlace(expr)
    ? position(c, bounds, expr, 'order clause')
    : (topLevelAlias(items, expr) ?? c.expr(scope, expr, 'order clause'));
  let place: number | undefined = bounds.indexOf(bound);
  if (place < 0) {
    place = bounds.findIndex((b) => b.sql === bound.sql);
    if (place < 0) place = undefined;
  }
  const key = orderKey(c, bound);
  const suffix = descending ? ' DESC' : '';
  // A parameter is no place in the list: `ORDER BY ?1` sorts by a constant.
  const text =
    place !== undefined && key === bound.sql
      ? `${place + 1}${suffix}`
      : bound.bind
        ? `(${key})${suffix}`
        : key + suffix;
  return { bound, key, descending, text, place };
}

/** ORDER BY name: an alias of the select list comes before a column of that name. */
function topLevelAlias(items: readonly Named[], expr: Expr): Bound | undefined {
  if (expr.kind !== 'column' || expr.table !== undefined) return undefined;
  const lower = expr.name.toLowerCase();
  const matches = items.filter((i) => i.name.toLowerCase() === lower);
  const distinctMatches = new Set(matches.map((m) => m.bound.sql));
  if (distinctMatches.size > 1) throw new SqlError(1052, '23000', `Column '${expr.name}' in order clause is ambiguous`);
  return matches[0]?.bound;
}

/** What rows are sorted by must be the same in all rows of which DISTINCT leaves one: it reads what is listed (errors 3065, 3066). */
export function checkDistinctOrder(
  c: Compiler,
  scope: Scope,
  select: readonly SelectItem[],
  listed: readonly Bound[],
  orderBy: readonly OrderItem[],
  terms: readonly OrderTerm[],
): void {
  terms.forEach(({ bound, place }, i) => {
    if (place !== undefined || bound.bind) return;
    const culprit = unlisted(c, scope, listed, select, (orderBy[i] as OrderItem).expr);
    if (culprit === undefined) return;
    const what = `Expression #${i + 1} of ORDER BY clause is not in SELECT list`;
    throw culprit === AGGREGATE
      ? new SqlError(3066, 'HY000', `${what}, contains aggregate function; this is incompatible with DISTINCT`)
      : new SqlError(
          3065,
          'HY000',
          `${what}, references column '${culprit}' which is not in SELECT list; this is incompatible with DISTINCT`,
        );
  });
}

const SUBQUERIES: ReadonlySet<string> = new Set(['subquery', 'exists', 'inSubquery', 'quantified']);
const AGGREGATE = Symbol('an aggregate');

/** The first column or aggregate that an expression reads and the select list has not. */
function unlisted(
  c: Compiler,
  scope: Scope,
  listed: readonly Bound[],
  select: readonly SelectItem[],
  expr: Expr,
): string | typeof AGGREGATE | undefined {
  const texts = new Set(listed.map((b) => b.sql));
  const columns = scope.relations.flatMap((relation) =>
    relation.columns.map(({ name, bound }) => ({ sql: bound.sql, title: columnTitle(relation, name) })),
  );
  const written = new Set(select.flatMap((item) => (item.kind === 'item' ? [print(item.expr)] : [])));
  const search = (node: unknown): string | typeof AGGREGATE | undefined => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return undefined;
    if (Array.isArray(node)) {
      for (const one of node) {
        const found = search(one);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    const { kind, over } = node as { kind?: string; over?: unknown };
    const isQuery = SUBQUERIES.has(kind ?? '');
    const isAggregate = (kind === 'aggregate' || kind === 'groupConcat') && over === undefined;
    if (!isQuery && !isAggregate && kind !== 'column') return search(Object.values(node));
    const { sql } = c.expr(scope, node as Expr, 'order clause');
    if (texts.has(sql) || (isQuery && written.has(print(node as Expr)))) return undefined;
    if (isAggregate) return AGGREGATE;
    const read = isQuery ? columns.filter((column) => names(sql, column.sql)) : columns.filter((x) => x.sql === sql);
    return read.find((column) => !texts.has(column.sql))?.title;
  };
  return search(expr);
}

/** Whether a text has another one in it that is no part of a longer name. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1))
    if (!/\w/.test(text.charAt(at - 1)) && !/\w/.test(text.charAt(at + name.length))) return true;
  return false;
}
