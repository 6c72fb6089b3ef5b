import type { ColumnRef, Expr } from './ast.ts';
import { callArguments } from './functions.ts';
import { stringLiteral } from './literals.ts';
import type { Parser } from './parser.ts';

/** A column, possibly qualified, or a function's call. */
export function name(p: Parser, callable: boolean): Expr {
  const start = p.start;
  const first = p.nameText();
  p.next();
  if (p.t === '(' && callable) return callArguments(p, start, undefined, first);
  if (p.t !== '.')
    return arrow(p, { kind: 'column', start, end: p.prevEnd, schema: undefined, table: undefined, name: first });
  p.next();
  if (p.is('*') && p.starAllowedAt === start) return star(p, start, undefined, first);
  const second = p.identAfterPoint();
  if (p.is('(')) return callArguments(p, start, first, second);
  if (p.t !== '.')
    return arrow(p, { kind: 'column', start, end: p.prevEnd, schema: undefined, table: first, name: second });
  p.next();
  if (p.is('*') && p.starAllowedAt === start) return star(p, start, first, second);
  const third = p.identAfterPoint();
  return arrow(p, { kind: 'column', start, end: p.prevEnd, schema: first, table: second, name: third });
}

/** t.* in a select list: the select item finds it in `p.star`. */
function star(p: Parser, start: number, schema: string | undefined, table: string): Expr {
  p.next();
  p.star = { kind: 'star', start, end: p.prevEnd, schema, table };
  return { kind: 'column', start, end: p.prevEnd, schema, table, name: '*' };
}

function arrow(p: Parser, column: ColumnRef): Expr {
  const t = p.t;
  if (t !== '->' && t !== '->>') return column;
  p.next();
  if (p.t !== 'string') p.fail();
  const path = stringLiteral(p, undefined);
  return { kind: 'jsonArrow', start: column.start, end: p.prevEnd, unquote: t === '->>', column, path };
}
