/** WHERE, and what MySQL reads into it beyond the expression: `d IS NULL` finds zero dates where d is declared NOT NULL. */
import type { Expr } from '../parser/index.ts';
import type { SqlType } from '../types/index.ts';
import type { Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { truth } from './operators.ts';
import type { Scope } from './scope.ts';

/** The condition as SQLite's truth. */
export function whereSql(c: Compiler, scope: Scope, where: Expr): string {
  if (where.kind === 'binary' && where.op === 'and' && hasNullTest(where))
    return `(${whereSql(c, scope, where.left)} AND ${whereSql(c, scope, where.right)})`;
  const operand = nullTested(where);
  if (operand) {
    const bound = c.expr(scope, operand, 'where clause');
    const zero = zeroDate(bound.type);
    if (zero !== undefined && !bound.nullable) return `(${bound.sql}=${zero})`;
    if (zero !== undefined && isDeclaredNotNull(c, bound)) return `(${bound.sql} IS NULL OR ${bound.sql}=${zero})`;
  }
  return truth(c, c.expr(scope, where, 'where clause'));
}

const hasNullTest = (e: Expr): boolean =>
  e.kind === 'binary' && e.op === 'and' ? hasNullTest(e.left) || hasNullTest(e.right) : nullTested(e) !== undefined;

/** The column of `c IS NULL` and ISNULL(c). */
function nullTested(e: Expr): Expr | undefined {
  const operand =
    e.kind === 'is' && e.test === 'null' && !e.not
      ? e.operand
      : e.kind === 'call' && e.name.toUpperCase() === 'ISNULL' && e.schema === undefined
        ? e.args[0]
        : undefined;
  return operand?.kind === 'column' ? operand : undefined;
}

function zeroDate(type: SqlType): string | undefined {
  if (type.kind === 'date') return `'0000-00-00'`;
  if (type.kind !== 'datetime') return undefined;
  return `'0000-00-00 00:00:00${type.fsp > 0 ? `.${'0'.repeat(type.fsp)}` : ''}'`;
}

/** An outer join brings NULL for it, though the table never has one. */
function isDeclaredNotNull(c: Compiler, { column }: Bound): boolean {
  const table = c.tables.find((use) => use.table.id === column?.tableId)?.table;
  return table?.columns.find(({ id }) => id === column?.columnId)?.nullable === false;
}
