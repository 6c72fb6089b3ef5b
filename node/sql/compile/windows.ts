/** OVER clauses. */
import { SqlError } from '../types/index.ts';
import type { FrameBound, OrderItem, Over, WindowSpec } from '../parser/index.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { orderKey } from './operators.ts';
import type { Scope } from './scope.ts';

/** WINDOW w AS (…): kept in the scope as SQLite's text. */
export function windowDefinitions(
  c: Compiler,
  scope: Scope,
  windows: readonly { readonly name: string; readonly spec: WindowSpec }[],
): void {
  for (const { name, spec } of windows) {
    const lower = name.toLowerCase();
    if (scope.windowSpecs.has(lower)) throw new SqlError(3591, 'HY000', `Window '${name}' is defined twice.`);
    scope.windowSpecs.set(lower, spec);
  }
  for (const { name, spec } of windows) windowText(c, scope, spec, new Set([name.toLowerCase()]));
}

export function overSql(c: Compiler, scope: Scope, over: Over): string {
  if (over.kind === 'windowSpec') return ` OVER (${windowText(c, scope, over, new Set())})`;
  const spec = scope.windowSpecs.get(over.name.toLowerCase());
  if (!spec) throw new SqlError(3579, 'HY000', `Window name '${over.name}' is not defined.`);
  return ` OVER (${windowText(c, scope, spec, new Set([over.name.toLowerCase()]))})`;
}

function windowText(c: Compiler, scope: Scope, spec: WindowSpec, seen: Set<string>): string {
  let partitionBy = spec.partitionBy;
  let orderBy = spec.orderBy;
  for (let base = spec.base; base !== undefined;) {
    const lower = base.toLowerCase();
    if (seen.has(lower)) throw new SqlError(3580, 'HY000', 'There is a circularity in the window dependency graph.');
    seen.add(lower);
    const found = scope.windowSpecs.get(lower);
    if (!found) throw new SqlError(3579, 'HY000', `Window name '${base}' is not defined.`);
    if (spec.partitionBy.length > 0)
      throw new SqlError(3581, 'HY000', `A window which depends on another cannot define partitioning.`);
    partitionBy = partitionBy.length > 0 ? partitionBy : found.partitionBy;
    if (found.orderBy.length > 0 && spec.orderBy.length > 0)
      throw new SqlError(
        3583,
        'HY000',
        `Window '<unnamed window>' cannot inherit '${base}' since both contain an ORDER BY clause.`,
      );
    orderBy = orderBy.length > 0 ? orderBy : found.orderBy;
    base = found.base;
  }
  const key = (item: OrderItem): string => {
    const bound = c.expr(scope, item.expr, 'window partition by');
    return (bound.bind ? `(${bound.sql}+0)` : orderKey(c, bound)) + (item.direction === 'desc' ? ' DESC' : '');
  };
  const parts: string[] = [];
  if (partitionBy.length > 0) parts.push(`PARTITION BY ${partitionBy.map(key).join(',')}`);
  if (orderBy.length > 0) parts.push(`ORDER BY ${orderBy.map(key).join(',')}`);
  if (spec.frame) {
    const { unit, start, end } = spec.frame;
    if (spec.frame.exclude && spec.frame.exclude !== 'noOthers') throw unsupported('EXCLUDE');
    const bound = (b: FrameBound): string => frameBound(c, scope, b);
    parts.push(
      end ? `${unit.toUpperCase()} BETWEEN ${bound(start)} AND ${bound(end)}` : `${unit.toUpperCase()} ${bound(start)}`,
    );
  }
  return parts.join(' ');
}

function frameBound(c: Compiler, scope: Scope, b: FrameBound): string {
  switch (b.kind) {
    case 'unboundedPreceding':
      return 'UNBOUNDED PRECEDING';
    case 'unboundedFollowing':
      return 'UNBOUNDED FOLLOWING';
    case 'currentRow':
      return 'CURRENT ROW';
    default: {
      if (b.unit !== undefined) throw unsupported('RANGE with INTERVAL');
      if (b.value.kind === 'number' && typeof b.value.value === 'number') {
        c.pinned.add(b.value.slot);
        return `${b.value.value} ${b.kind.toUpperCase()}`;
      }
      return `${c.expr(scope, b.value, 'window frame').sql} ${b.kind.toUpperCase()}`;
    }
  }
}
