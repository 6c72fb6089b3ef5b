import type { Expr, JsonOnResponse, StringLiteral } from './ast.ts';
import { castType } from './data-types.ts';
import { introduced, stringLiteral } from './literals.ts';
import type { Parser } from './parser.ts';

/** A string where the grammar wants just that, kept as a literal. */
export function literalString(p: Parser): StringLiteral {
  if (p.t === 'introducer') {
    const literal = introduced(p);
    if (literal?.kind === 'string') return literal;
  }
  if (p.t !== 'string') p.fail();
  return stringLiteral(p, undefined);
}

interface Responses {
  onEmpty: JsonOnResponse | undefined;
  onError: JsonOnResponse | undefined;
}

/** [{ERROR | NULL | DEFAULT value} ON EMPTY] [… ON ERROR]; JSON_TABLE takes them the other way round too. */
export function jsonResponses(p: Parser, anyOrder = false): Responses {
  let onEmpty: JsonOnResponse | undefined;
  let onError: JsonOnResponse | undefined;
  for (;;) {
    const t = p.t;
    if (t !== 'ERROR' && t !== 'NULL' && t !== 'DEFAULT') return { onEmpty, onError };
    p.next();
    const response: JsonOnResponse =
      t === 'DEFAULT' ? { kind: 'default', value: p.grammar.operand(p) } : { kind: t === 'ERROR' ? 'error' : 'null' };
    p.expect('ON');
    if (onEmpty === undefined && p.accept('EMPTY')) {
      onEmpty = response;
      continue;
    }
    if (onError !== undefined) p.fail();
    p.expect('ERROR');
    onError = response;
    if (!anyOrder || onEmpty !== undefined) return { onEmpty, onError };
  }
}

/** JSON_VALUE(document, path [RETURNING type] [on empty] [on error]) */
export function jsonValue(p: Parser, start: number): Expr {
  p.expect('(');
  const document = p.grammar.operand(p);
  p.expect(',');
  const path = literalString(p);
  const returning = p.accept('RETURNING') ? castType(p) : undefined;
  const { onEmpty, onError } = jsonResponses(p);
  p.expect(')');
  return { kind: 'jsonValue', start, end: p.prevEnd, document, path, returning, onEmpty, onError };
}
