/** Subqueries inside expressions. */
import { SqlError } from '../types/index.ts';
import type { InSubquery, Quantified, QueryExpression } from '../parser/index.ts';
import { Bound, truthValue } from './bound.ts';
import { signatureName } from './call.ts';
import type { CompiledQuery, Compiler } from './compiler.ts';
import { comparable, compare, not } from './operators.ts';
import type { SqlFunction } from './plan.ts';
import { columnCount, compareRows } from './row-compare.ts';
import type { Scope } from './scope.ts';

/** An aggregate that passes one row's value on and refuses a second row (error 1242). */
const single: SqlFunction = {
  kind: 'aggregate',
  name: signatureName('single-row'),
  arity: 1,
  make: () => ({
    start: () => ({ seen: false, value: null }),
    step: (state, value = null) => {
      if ((state as { seen: boolean }).seen) throw new SqlError(1242, '21000', 'Subquery returns more than 1 row');
      return { seen: true, value };
    },
    result: (state) => (state as { value: null }).value,
  }),
};

function rowsOf(c: Compiler, query: QueryExpression, scope: Scope): CompiledQuery {
  c.unordered = true;
  return c.query(query, scope);
}

const hasOneRow = (query: CompiledQuery): boolean => query.atMostOneRow;

const column = (query: CompiledQuery, alias: string, i: number): Bound => {
  const from = query.columns[i];
  if (!from) throw new Error('a compiled query has a column for each of its names');
  return new Bound(`${alias}.f${i}`, { type: from.type, nullable: true, coercibility: from.coercibility });
};

export function scalarSubquery(c: Compiler, scope: Scope, query: QueryExpression): Bound {
  const inner = rowsOf(c, query, scope);
  if (inner.columns.length !== 1) throw columnCount(1);
  const only = inner.columns[0] as CompiledQuery['columns'][number];
  const sql = hasOneRow(inner) ? `(${inner.sql})` : `(SELECT ${c.use(single)}(f0) FROM (${inner.sql}))`;
  return new Bound(sql, { type: only.type, nullable: true, coercibility: only.coercibility });
}

/** Each column of a subquery that stands for a row. */
export function subqueryRow(c: Compiler, scope: Scope, query: QueryExpression): Bound[] {
  const inner = rowsOf(c, query, scope);
  return inner.columns.map(
    (column, i) =>
      new Bound(
        hasOneRow(inner)
          ? `(SELECT f${i} FROM (${inner.sql}))`
          : `(SELECT ${c.use(single)}(f${i}) FROM (${inner.sql}))`,
        {
          type: column.type,
          nullable: true,
          coercibility: column.coercibility,
        },
      ),
  );
}

export function exists(c: Compiler, scope: Scope, query: QueryExpression): Bound {
  return truthValue(`EXISTS(${rowsOf(c, query, scope).sql})`, false);
}

export function inSubquery(c: Compiler, scope: Scope, e: InSubquery, clause: string): Bound {
  const operands =
    e.operand.kind === 'row'
      ? e.operand.items.map((i) => c.expr(scope, i, clause))
      : [c.expr(scope, e.operand, clause)];
  const inner = rowsOf(c, e.query, scope);
  if (inner.columns.length !== operands.length) throw columnCount(operands.length);
  const alias = c.alias();
  const pairs = operands.map((operand, i) => comparable(c, operand, column(inner, alias, i), ' IN '));
  const left = pairs.map((p) => p.left).join(',');
  const plain = pairs.every((p, i) => p.right === `${alias}.f${i}`);
  const right = plain ? inner.sql : `SELECT ${pairs.map((p) => p.right).join(',')} FROM (${inner.sql}) AS ${alias}`;
  const test = truthValue(`(${operands.length > 1 ? `(${left})` : left} IN (${right}))`, true);
  return e.not ? not(c, test) : test;
}

/** a > ALL (…) is true unless a row says otherwise; ANY is true when a row says so; unknown rows make either unknown. */
export function quantified(c: Compiler, scope: Scope, e: Quantified, clause: string): Bound {
  const operands =
    e.left.kind === 'row' ? e.left.items.map((i) => c.expr(scope, i, clause)) : [c.expr(scope, e.left, clause)];
  const inner = rowsOf(c, e.query, scope);
  if (inner.columns.length !== operands.length) throw columnCount(operands.length);
  const alias = c.alias();
  const columns = operands.map((_, i) => column(inner, alias, i));
  const test =
    operands.length === 1
      ? compare(c, e.op, operands[0] as Bound, columns[0] as Bound)
      : compareRows(c, e.op, operands, columns);
  // min() and max() over {0, 1} ignore NULL; a NULL among them decides only when nothing else does.
  const from = `FROM (${inner.sql}) AS ${alias}`;
  if (e.quantifier === 'any') {
    return truthValue(
      `(SELECT CASE WHEN max(q) THEN 1 WHEN count(*)>count(q) THEN NULL ELSE 0 END FROM (SELECT ${test.sql} AS q ${from}))`,
      true,
    );
  }
  return truthValue(
    `(SELECT CASE WHEN min(q)=0 THEN 0 WHEN count(*)>count(q) THEN NULL ELSE 1 END FROM (SELECT ${test.sql} AS q ${from}))`,
    true,
  );
}
