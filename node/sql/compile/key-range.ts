/** Which rows a statement over one table can touch, as far as its WHERE says so plainly. */
import { primaryKey, rowidColumn, type TableDef } from '../catalog/index.ts';
import type { Expr } from '../parser/index.ts';
import type { Binder, Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import type { KeyRange } from './plan.ts';
import type { Relation, Scope } from './scope.ts';

/** The range that `id = x`, `id BETWEEN x AND y`, or one of them in a conjunction, gives. */
export function keyRangeOf(
  c: Compiler,
  scope: Scope,
  target: { readonly relation: Relation; readonly table: TableDef },
  where: Expr | undefined,
): KeyRange | undefined {
  if (!where) return undefined;
  const saved = scope.group;
  scope.group = undefined;
  try {
    return rangeOf(c, scope, target.relation, target.table, where);
  } finally {
    scope.group = saved;
  }
}

function rangeOf(c: Compiler, scope: Scope, relation: Relation, table: TableDef, e: Expr): KeyRange | undefined {
  const key = rowidColumn(table)?.id;
  const isRowid = (x: Expr): boolean =>
    x.kind === 'column' &&
    key !== undefined &&
    relation.byName.get(x.name.toLowerCase())?.bound.column?.columnId === key;
  const integer = (x: Expr): Binder | undefined => {
    if (x.kind !== 'number' && x.kind !== 'param') return undefined;
    const bound: Bound = c.expr(scope, x, 'where clause');
    return bound.type.kind === 'int' ? bound.bind : undefined;
  };
  if (e.kind === 'binary' && e.op === 'and')
    return rangeOf(c, scope, relation, table, e.left) ?? rangeOf(c, scope, relation, table, e.right);
  if (e.kind === 'binary' && e.op === '=') {
    const value = isRowid(e.left) ? integer(e.right) : isRowid(e.right) ? integer(e.left) : undefined;
    return value && { low: value, high: value };
  }
  if (e.kind === 'between' && !e.not && isRowid(e.operand)) {
    const low = integer(e.low);
    const high = integer(e.high);
    return low && high && { low, high };
  }
  return undefined;
}

/** The values of a primary key that is no rowid, where equalities in a conjunction give all of it; in the key's order. */
export function keyLookupOf(
  c: Compiler,
  scope: Scope,
  { relation, table }: { readonly relation: Relation; readonly table: TableDef },
  where: Expr | undefined,
): readonly Binder[] | undefined {
  const primary = rowidColumn(table) ? undefined : primaryKey(table);
  if (!primary || !where) return undefined;
  const equalities = conjuncts(where);
  const values: Binder[] = [];
  for (const { column } of primary.parts) {
    const kind = table.columns.find(({ id }) => id === column)?.type.kind;
    const isColumn = (x: Expr): boolean =>
      x.kind === 'column' && relation.byName.get(x.name.toLowerCase())?.bound.column?.columnId === column;
    const given = equalities.flatMap((e) => {
      if (e.kind !== 'binary' || e.op !== '=') return [];
      return isColumn(e.left) ? [e.right] : isColumn(e.right) ? [e.left] : [];
    });
    const value = given.map((x) => constantOf(c, scope, x, kind)).find((bind) => bind);
    if (!value) return undefined;
    values.push(value);
  }
  return values;
}

/** A constant of the column's own kind: others are converted before they are compared. */
export function constantOf(c: Compiler, scope: Scope, x: Expr, kind: string | undefined): Binder | undefined {
  if (x.kind !== 'number' && x.kind !== 'string' && x.kind !== 'param') return undefined;
  if (kind !== 'int' && kind !== 'string') return undefined;
  const bound: Bound = c.expr(scope, x, 'where clause');
  return bound.type.kind === kind ? bound.bind : undefined;
}

export const conjuncts = (e: Expr): Expr[] =>
  e.kind === 'binary' && e.op === 'and' ? [...conjuncts(e.left), ...conjuncts(e.right)] : [e];
