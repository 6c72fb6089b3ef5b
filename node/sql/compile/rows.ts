/** Comparisons of row values: (a, b) = (1, 2). */
import type { ComparisonOp, Expr } from '../parser/index.ts';
import { truthValue, type Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { compare } from './operators.ts';
import type { Scope } from './scope.ts';
import { columnCount, compareRows } from './row-compare.ts';
import { subqueryRow } from './subqueries.ts';

/** The columns of a row, of a subquery that gives one row, or of a single value. */
function columnsOf(c: Compiler, scope: Scope, e: Expr, clause: string): Bound[] {
  if (e.kind === 'row') return e.items.map((item) => c.expr(scope, item, clause));
  if (e.kind === 'subquery') return subqueryRow(c, scope, e.query);
  return [c.expr(scope, e, clause)];
}

export function rowComparison(
  c: Compiler,
  scope: Scope,
  op: ComparisonOp,
  left: Expr,
  right: Expr,
  clause: string,
): Bound {
  if (left.kind === 'row' && right.kind === 'row' && left.items.some((i) => i.kind === 'row')) {
    // Nested rows compare place by place.
    if (left.items.length !== right.items.length) throw columnCount(left.items.length);
    const parts = left.items.map((item, i) => {
      const other = right.items[i] as Expr;
      return item.kind === 'row'
        ? rowComparison(c, scope, op, item, other, clause).sql
        : compare(c, op, c.expr(scope, item, clause), c.expr(scope, other, clause)).sql;
    });
    return truthValue(`(${parts.join(op === '<>' ? ' OR ' : ' AND ')})`, true);
  }
  const l = columnsOf(c, scope, left, clause);
  const r = columnsOf(c, scope, right, clause);
  if (l.length !== r.length) throw columnCount(l.length);
  return compareRows(c, op, l, r);
}
