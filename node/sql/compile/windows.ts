/** OVER clauses. */
import { SqlError } from '../types/index.ts';
import type { FrameBound, OrderItem, Over, WindowFrame, WindowSpec } from '../parser/index.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { WINDOW_CLAUSE } from './group.ts';
import { orderKey } from './operators.ts';
import { isPlace } from './places.ts';
import type { Scope } from './scope.ts';
import { rangeOrder, rowOffset, windowError } from './window-frames.ts';

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
  for (const { name, spec } of windows) windowText(c, scope, spec, name, new Set([name.toLowerCase()]));
}

export function overSql(c: Compiler, scope: Scope, over: Over): string {
  // Each level of a ROLLUP is a query of its own: a window would see one level's rows.
  if (scope.group?.hasRollup) throw unsupported('window functions beside ROLLUP');
  if (over.kind === 'windowSpec') return ` OVER (${windowText(c, scope, over, '<unnamed window>', new Set())})`;
  const spec = scope.windowSpecs.get(over.name.toLowerCase());
  if (!spec) throw new SqlError(3579, 'HY000', `Window name '${over.name}' is not defined.`);
  return ` OVER (${windowText(c, scope, spec, over.name, new Set([over.name.toLowerCase()]))})`;
}

function windowText(c: Compiler, scope: Scope, spec: WindowSpec, name: string, seen: Set<string>): string {
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
        `Window '${name}' cannot inherit '${base}' since both contain an ORDER BY clause.`,
      );
    orderBy = orderBy.length > 0 ? orderBy : found.orderBy;
    base = found.base;
  }
  const { group } = scope;
  const key = (item: OrderItem, index: number): string => {
    if (isPlace(item.expr))
      throw windowError(
        3592,
        name,
        ': ORDER BY or PARTITION BY uses legacy position indication which is not supported, use expression.',
      );
    const place = group?.place;
    if (group) group.place = { number: index + 1, clause: `${WINDOW_CLAUSE}'${name}'` };
    const bound = c.expr(scope, item.expr, 'window partition by');
    if (group && place) group.place = place;
    return (bound.bind ? `(${bound.sql}+0)` : orderKey(c, bound)) + (item.direction === 'desc' ? ' DESC' : '');
  };
  const parts: string[] = [];
  if (partitionBy.length > 0) parts.push(`PARTITION BY ${partitionBy.map(key).join(',')}`);
  const { frame } = spec;
  if (frame) checkFrame(frame, name);
  if (frame?.unit === 'range' && boundsOf(frame).some(({ kind }) => kind === 'preceding' || kind === 'following')) {
    const [only, second] = orderBy;
    const column = only && !second ? c.expr(scope, only.expr, 'window order by') : undefined;
    const { key: distance, offset } = rangeOrder(c, scope, column, only?.direction === 'desc', boundsOf(frame), name);
    parts.push(`ORDER BY ${distance}${only?.direction === 'desc' ? ' DESC' : ''}`, frameText(frame, offset));
    return parts.join(' ');
  }
  if (orderBy.length > 0) parts.push(`ORDER BY ${orderBy.map(key).join(',')}`);
  if (frame) parts.push(frameText(frame, (bound) => rowOffset(c, scope, bound, name)));
  return parts.join(' ');
}

const boundsOf = ({ start, end }: WindowFrame): readonly FrameBound[] => (end ? [start, end] : [start]);

function checkFrame({ unit, start, end, exclude }: WindowFrame, name: string): void {
  if (unit === 'groups') throw unsupported('GROUPS');
  if (exclude && exclude !== 'noOthers') throw unsupported('EXCLUDE');
  if (start.kind === 'unboundedFollowing')
    throw windowError(3584, name, ': frame start cannot be UNBOUNDED FOLLOWING.');
  if (end?.kind === 'unboundedPreceding') throw windowError(3585, name, ': frame end cannot be UNBOUNDED PRECEDING.');
  const place = { unboundedPreceding: 0, preceding: 1, currentRow: 2, following: 3, unboundedFollowing: 4 };
  if (place[start.kind] > place[end?.kind ?? 'currentRow'])
    throw windowError(3586, name, ': frame start or end is negative, NULL or of non-integral type');
}

type OffsetBound = Extract<FrameBound, { kind: 'preceding' | 'following' }>;

function frameText({ unit, start, end }: WindowFrame, offset: (bound: OffsetBound) => string): string {
  const text = (b: FrameBound): string => {
    switch (b.kind) {
      case 'unboundedPreceding':
        return 'UNBOUNDED PRECEDING';
      case 'unboundedFollowing':
        return 'UNBOUNDED FOLLOWING';
      case 'currentRow':
        return 'CURRENT ROW';
      default:
        return `${offset(b)} ${b.kind.toUpperCase()}`;
    }
  };
  return `${unit.toUpperCase()} ${end ? `BETWEEN ${text(start)} AND ${text(end)}` : text(start)}`;
}
