import { SqlError } from '../types/index.ts';
import type { Expr, Statement } from './ast.ts';
import { bit, expression, primary } from './expressions.ts';
import { plainSpaceEnd } from './scan.ts';
import { DEFAULT_PARSE_OPTIONS } from './options.ts';
import type { ParsedStatement, ParseOptions } from './options.ts';
import { Parser, tooDeep } from './parser.ts';
import type { Grammar } from './parser.ts';
import { query } from './queries.ts';
import { statement } from './statements.ts';

const GRAMMAR: Grammar = {
  expr: expression,
  operand: (p) => bit(p, 0),
  literal: primary,
  query,
  statement,
};

/** The depth limit suits a stack of the usual size; where the caller has used most of it, the end is the same. */
function guarded<T>(p: Parser, rule: (p: Parser) => T): T {
  try {
    return rule(p);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

/**
 * Parses the statement that begins at `from`, to its `;` or the text's end. What follows is not looked at, so that a
 * text of several statements is run as far as it goes.
 */
export function parseNext(sql: string, from: number, options: ParseOptions = DEFAULT_PARSE_OPTIONS): ParsedStatement {
  const p = new Parser(sql, from, options, GRAMMAR);
  p.next();
  if (p.t === 'end' || (p.t === ';' && plainSpaceEnd(sql, p.end) === sql.length))
    throw new SqlError(1065, '42000', 'Query was empty');
  const node = guarded(p, statement);
  let end = p.end;
  if (p.t === ';') end = plainSpaceEnd(sql, end);
  else if (p.t !== 'end') p.fail();
  return {
    statement: node,
    end,
    last: end >= sql.length,
    slots: p.t === ';' || p.t === 'end' ? p.slots : p.slot,
    params: p.params,
    pinned: p.pinned,
  };
}

/** Parses one statement; a `;` may end it, and nothing may follow. */
export function parseStatement(sql: string, options: ParseOptions = DEFAULT_PARSE_OPTIONS): ParsedStatement {
  const parsed = parseNext(sql, 0, options);
  if (!parsed.last) throw new Parser(sql, 0, options, GRAMMAR).syntaxError(parsed.end);
  return parsed;
}

export function parse(sql: string, options: ParseOptions = DEFAULT_PARSE_OPTIONS): Statement {
  return parseStatement(sql, options).statement;
}

/** The statements of a text, each parsed only when it is asked for. */
export function* parseMany(
  sql: string,
  options: ParseOptions = DEFAULT_PARSE_OPTIONS,
): Generator<ParsedStatement, void, void> {
  for (let at = 0; ;) {
    const parsed = parseNext(sql, at, options);
    yield parsed;
    if (parsed.last) return;
    at = parsed.end;
  }
}

/** Parses an expression alone: a stored default, check or generated column. */
export function parseExpression(sql: string, options: ParseOptions = DEFAULT_PARSE_OPTIONS): Expr {
  const p = new Parser(sql, 0, options, GRAMMAR);
  p.next();
  const expr = guarded(p, expression);
  if (p.t !== 'end') p.fail();
  return expr;
}
