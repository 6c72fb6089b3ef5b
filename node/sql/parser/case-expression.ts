import type { Expr } from './ast.ts';
import type { Parser } from './parser.ts';

/** CASE [e] WHEN … THEN … [ELSE …] END */
export function caseExpression(p: Parser): Expr {
  const start = p.start;
  p.next();
  const operand = p.t === 'WHEN' ? undefined : p.grammar.expr(p);
  const branches: { when: Expr; then: Expr }[] = [];
  do {
    p.expect('WHEN');
    const when = p.grammar.expr(p);
    p.expect('THEN');
    branches.push({ when, then: p.grammar.expr(p) });
  } while (p.t === 'WHEN');
  const otherwise = p.accept('ELSE') ? p.grammar.expr(p) : undefined;
  p.expect('END');
  return { kind: 'case', start, end: p.prevEnd, operand, branches, otherwise };
}
