import type { BinaryOp, ComparisonOp, Expr } from './ast.ts';
import { balanced } from './balanced.ts';
import { caseExpression } from './case-expression.ts';
import { collationName } from './data-types.ts';
import { functionFor } from './functions.ts';
import { WORD_IDENTIFIER, WORD_KEYWORD, WORD_QUOTED, WORD_RESERVED } from './keywords.ts';
import { bytesLiteral, introduced, numberLiteral, param, stringLiteral, temporalLiteral } from './literals.ts';
import { name } from './names.ts';
import type { Parser } from './parser.ts';
import { intervalUnit } from './units.ts';
import { systemVariable, userVariable } from './variables.ts';

const OR = 1;
const XOR = 2;
const AND = 3;
const NOT = 4;

/** Any expression. */
export function expression(p: Parser): Expr {
  p.enter();
  const expr = logical(p, OR);
  p.leave();
  return expr;
}

/** OR, XOR, AND and NOT; `min` is the weakest operator that may stand here. */
function logical(p: Parser, min: number): Expr {
  const start = p.from();
  let left: Expr;
  if (p.t === 'NOT' && !p.options.highNotPrecedence && p.pending === undefined) {
    p.enter();
    p.next();
    const operand = logical(p, NOT);
    p.leave();
    left = { kind: 'unary', start, end: p.prevEnd, op: 'not', operand };
  } else left = boolPrimary(p);
  for (let op = logicalOperator(p); op !== undefined && STRENGTH[op] >= min;) {
    const chain = [left];
    let next: Logical | undefined = op;
    for (; next === op; next = logicalOperator(p)) {
      p.next();
      chain.push(logical(p, STRENGTH[op] + 1));
    }
    left = chained(op, chain, start, p.prevEnd);
    op = next;
  }
  return left;
}

type Logical = Extract<BinaryOp, 'and' | 'or' | 'xor'>;

const STRENGTH = { or: OR, xor: XOR, and: AND };

function logicalOperator(p: Parser): Logical | undefined {
  switch (p.t) {
    case 'AND':
    case '&&':
      return 'and';
    case 'OR':
      return 'or';
    case '||':
      return p.options.pipesAsConcat ? undefined : 'or';
    case 'XOR':
      return 'xor';
    default:
      return undefined;
  }
}

/** A chain of more is a balanced tree: SQLite takes expressions of a depth of 1,000, and whoever walks a tree descends into it. */
const LONG_CHAIN = 50;

function chained(op: Logical, operands: readonly Expr[], start: number, end: number): Expr {
  const join = (left: Expr, right: Expr): Expr => ({ kind: 'binary', start, end: right.end, op, left, right });
  const whole =
    operands.length > LONG_CHAIN ? balanced(operands, join) : operands.reduce((left, right) => join(left, right));
  return { ...whole, end };
}

function comparison(t: string): ComparisonOp | undefined {
  switch (t) {
    case '=':
    case '<=>':
    case '<>':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return t;
    default:
      return undefined;
  }
}

function boolPrimary(p: Parser): Expr {
  const start = p.from();
  let left = predicate(p);
  for (;;) {
    if (p.t === 'IS') {
      p.next();
      const not = p.accept('NOT') || (p.options.highNotPrecedence && p.accept('NOT'));
      const t = p.expectAny('NULL', 'TRUE', 'FALSE', 'UNKNOWN');
      const test = t.toLowerCase() as 'null' | 'true' | 'false' | 'unknown';
      left = { kind: 'is', start, end: p.prevEnd, not, test, operand: left };
      if (t !== 'NULL') return left;
      continue;
    }
    const op = comparison(p.t);
    if (op === undefined) return left;
    p.next();
    const t = p.t;
    if ((t === 'ALL' || t === 'ANY' || t === 'SOME') && (t === 'ALL' || p.peek() === '(')) {
      p.next();
      p.expect('(');
      const query = subqueryAfterParen(p);
      left = { kind: 'quantified', start, end: p.prevEnd, op, quantifier: t === 'ALL' ? 'all' : 'any', left, query };
    } else {
      const right = predicate(p);
      left = { kind: 'binary', start, end: p.prevEnd, op, left, right };
    }
  }
}

/** A query after `(`, and the `)`. */
function subqueryAfterParen(p: Parser): ReturnType<Parser['grammar']['query']> {
  if (p.t !== '(' && p.t !== 'SELECT' && p.t !== 'WITH' && p.t !== 'TABLE' && p.t !== 'VALUES') p.fail();
  const query = p.grammar.query(p);
  p.expect(')');
  return query;
}

function predicate(p: Parser): Expr {
  const start = p.from();
  const operand = bit(p, 0);
  let not = false;
  if (p.t === 'NOT') {
    p.next();
    not = true;
    if (!p.is('IN') && !p.is('LIKE') && !p.is('BETWEEN') && !p.is('REGEXP') && !p.is('RLIKE')) p.fail();
  }
  switch (p.t) {
    case 'IN':
      p.next();
      return inPredicate(p, start, operand, not);
    case 'BETWEEN': {
      p.next();
      const low = bit(p, 0);
      p.expect('AND');
      p.enter();
      const high = predicate(p);
      p.leave();
      return { kind: 'between', start, end: p.prevEnd, not, operand, low, high };
    }
    case 'LIKE': {
      p.next();
      const pattern = simple(p);
      const escape = p.accept('ESCAPE') ? simple(p) : undefined;
      return { kind: 'like', start, end: p.prevEnd, not, operand, pattern, escape };
    }
    case 'REGEXP':
    case 'RLIKE': {
      p.next();
      const pattern = bit(p, 0);
      return { kind: 'regexp', start, end: p.prevEnd, not, operand, pattern };
    }
    case 'SOUNDS': {
      if (p.peek() !== 'LIKE') return operand;
      p.next();
      p.next();
      const right = bit(p, 0);
      return { kind: 'soundsLike', start, end: p.prevEnd, left: operand, right };
    }
    case 'MEMBER': {
      const next = p.peek();
      if (next !== 'OF' && next !== '(') return operand;
      p.next();
      p.accept('OF');
      p.expect('(');
      const array = simple(p);
      p.expect(')');
      return { kind: 'memberOf', start, end: p.prevEnd, operand, array };
    }
    default:
      return operand;
  }
}

function inPredicate(p: Parser, start: number, operand: Expr, not: boolean): Expr {
  p.expect('(');
  if (p.t === 'SELECT' || p.t === 'WITH' || p.t === 'TABLE' || (p.t === 'VALUES' && p.peek() === 'ROW')) {
    const query = subqueryAfterParen(p);
    return { kind: 'inSubquery', start, end: p.prevEnd, not, operand, query };
  }
  if (p.t === '(' && p.parensHoldQuery()) {
    const query = wholeQuery(p);
    if (query !== undefined) return { kind: 'inSubquery', start, end: p.prevEnd, not, operand, query };
  }
  const list = p.list(expression);
  p.expect(')');
  const only = list[0] as Expr;
  if (list.length === 1 && only.kind === 'subquery') {
    return { kind: 'inSubquery', start, end: p.prevEnd, not, operand, query: only.query };
  }
  return { kind: 'in', start, end: p.prevEnd, not, operand, list };
}

/** Strength of an arithmetic operator; 0 for anything else. */
function strengthOf(p: Parser): number {
  switch (p.t) {
    case '+':
    case '-':
      return 4;
    case '*':
    case '/':
    case '%':
    case 'DIV':
    case 'MOD':
      return 5;
    case '|':
      return 1;
    case '&':
      return 2;
    case '<<':
    case '>>':
      return 3;
    case '^':
      return 6;
    case '||':
      return p.options.pipesAsConcat ? 7 : 0;
    default:
      return 0;
  }
}

/** Arithmetic and bit operators stronger than `min`. */
export function bit(p: Parser, min: number): Expr {
  const start = p.from();
  let left = simple(p);
  for (;;) {
    const strength = strengthOf(p);
    if (strength <= min) return left;
    const t = p.t;
    p.next();
    if (strength === 4 && p.t === 'INTERVAL') {
      const interval = intervalOrCall(p);
      if (interval.kind === 'interval') {
        const op = t === '+' ? 'add' : 'sub';
        left = {
          kind: 'dateArithmetic',
          start,
          end: p.prevEnd,
          op,
          operand: left,
          amount: interval.amount,
          unit: interval.unit,
        };
        continue;
      }
      const right = climb(p, interval, strength);
      left = { kind: 'binary', start, end: p.prevEnd, op: t === '+' ? '+' : '-', left, right };
      continue;
    }
    const right = bit(p, strength);
    const op: BinaryOp = t === 'DIV' ? 'div' : t === 'MOD' ? '%' : t === '||' ? 'concat' : (t as BinaryOp);
    left = { kind: 'binary', start, end: p.prevEnd, op, left, right };
  }
}

/** Goes on with operators stronger than `min` after an operand that was read already. */
function climb(p: Parser, first: Expr, min: number): Expr {
  let left = first;
  for (;;) {
    const strength = strengthOf(p);
    if (strength <= min) return left;
    const t = p.t;
    p.next();
    const right = bit(p, strength);
    const op: BinaryOp = t === 'DIV' ? 'div' : t === 'MOD' ? '%' : t === '||' ? 'concat' : (t as BinaryOp);
    left = { kind: 'binary', start: first.start, end: p.prevEnd, op, left, right };
  }
}

interface Interval {
  readonly kind: 'interval';
  readonly amount: Expr;
  readonly unit: ReturnType<typeof intervalUnit>;
}

/** INTERVAL n unit, or the function INTERVAL(a, b, …). */
function intervalOrCall(p: Parser): Interval | Expr {
  const start = p.start;
  p.next();
  if (p.t === '(') {
    // INTERVAL (1) DAY or INTERVAL(1, 2): only what follows the list tells.
    const mark = p.mark();
    p.next();
    if (!p.is('SELECT')) {
      const args = p.list(expression);
      if (args.length > 1 && p.accept(')')) {
        return {
          kind: 'call',
          start,
          end: p.prevEnd,
          schema: undefined,
          name: 'interval',
          written: 'interval',
          args,
        };
      }
    }
    p.reset(mark);
  }
  const amount = expression(p);
  return { kind: 'interval', amount, unit: intervalUnit(p) };
}

/** One operand: a primary with its sign, COLLATE and the like. */
function simple(p: Parser): Expr {
  const start = p.from();
  let expr: Expr;
  if (p.pending !== undefined) {
    expr = p.pending;
    p.pending = undefined;
  } else {
    switch (p.t) {
      case '-':
      case '+':
      case '~':
      case '!':
        return unary(p, p.t);
      case 'NOT':
        if (!p.options.highNotPrecedence) p.fail();
        return unary(p, 'not');
      case 'BINARY':
        return unary(p, 'binary');
      default:
        expr = primary(p);
    }
  }
  while (p.t === 'COLLATE') {
    p.next();
    const collation = collationName(p);
    expr = { kind: 'collate', start, end: p.prevEnd, operand: expr, collation };
  }
  return expr;
}

function unary(p: Parser, op: '-' | '+' | '~' | '!' | 'not' | 'binary'): Expr {
  const start = p.start;
  p.enter();
  p.next();
  const operand = simple(p);
  p.leave();
  return { kind: 'unary', start, end: p.prevEnd, op, operand };
}

export function primary(p: Parser): Expr {
  const start = p.start;
  switch (p.word) {
    case WORD_IDENTIFIER:
      if (p.t === 'introducer') {
        const literal = introduced(p);
        if (literal !== undefined) return literal;
      }
      return name(p, true);
    case WORD_QUOTED:
      return name(p, true);
    case 0:
      break;
    default:
      return keyword(p);
  }
  switch (p.t) {
    case 'int':
    case 'decimal':
    case 'float':
      return numberLiteral(p);
    case 'string':
    case 'nstring':
      return stringLiteral(p, undefined);
    case 'hex':
    case 'bit':
      return bytesLiteral(p, undefined);
    case 'param':
      return param(p);
    case '(':
      return parenthesised(p);
    case 'variable': {
      const variable = userVariable(p);
      if (!p.is(':=')) return variable;
      p.next();
      const value = expression(p);
      return { kind: 'assignVariable', start, end: p.prevEnd, name: variable.name, value };
    }
    case '@@':
      return systemVariable(p);
    case '{':
      return odbc(p);
    default:
      return p.fail();
  }
}

function parenthesised(p: Parser): Expr {
  const start = p.start;
  p.next();
  const t = p.t;
  if (
    t === 'SELECT' ||
    t === 'WITH' ||
    t === 'TABLE' ||
    (t === 'VALUES' && p.peek() === 'ROW') ||
    (t === '(' && p.parensHoldQuery())
  ) {
    if (t !== '(') {
      const query = p.grammar.query(p);
      p.expect(')');
      return { kind: 'subquery', start, end: p.prevEnd, query };
    }
    return parenthesisedParens(p, start);
  }
  return restOfParens(p, start, expression(p));
}

/** `((SELECT …) …`: a query with more after its first part, or an expression that begins with a subquery. */
function parenthesisedParens(p: Parser, start: number): Expr {
  const query = wholeQuery(p);
  if (query !== undefined) return { kind: 'subquery', start, end: p.prevEnd, query };
  return restOfParens(p, start, expression(p));
}

/**
 * Behind a `(`: a query that begins with one in parentheses, and the `)`; undefined when it is no query as a whole: what
 * was read then waits as the first operand of an expression.
 */
function wholeQuery(p: Parser): ReturnType<Parser['grammar']['query']> | undefined {
  const mark = p.mark();
  const inner = simple(p);
  const t = p.t;
  if (inner.kind === 'subquery') {
    if (t === ')') {
      p.next();
      return inner.query;
    }
    if (t === 'UNION' || t === 'EXCEPT' || t === 'INTERSECT' || t === 'ORDER' || t === 'LIMIT' || t === 'FOR') {
      p.reset(mark);
      const query = p.grammar.query(p);
      p.expect(')');
      return query;
    }
  }
  p.pending = inner;
  return undefined;
}

function restOfParens(p: Parser, start: number, first: Expr): Expr {
  if (p.t === ')') {
    p.next();
    return first;
  }
  const items = [first];
  while (p.accept(',')) items.push(expression(p));
  p.expect(')');
  return { kind: 'row', start, end: p.prevEnd, items };
}

/** {d '…'}, {fn expr}: the ODBC escapes. */
function odbc(p: Parser): Expr {
  p.next();
  const word = p.ident().toLowerCase();
  let expr: Expr;
  if (p.t === 'string' && (word === 'd' || word === 't' || word === 'ts')) {
    expr = temporalLiteral(p, word === 'd' ? 'date' : word === 't' ? 'time' : 'timestamp', p.start);
  } else expr = expression(p);
  p.expect('}');
  return expr;
}

/** An expression that begins with a keyword. */
function keyword(p: Parser): Expr {
  const start = p.start;
  const t = p.t;
  switch (t) {
    case 'NULL':
      p.next();
      return { kind: 'null', start, end: p.prevEnd };
    case 'TRUE':
    case 'FALSE':
      p.next();
      return { kind: 'bool', start, end: p.prevEnd, value: t === 'TRUE' };
    case 'CASE':
      return caseExpression(p);
    case 'EXISTS': {
      p.next();
      p.expect('(');
      const query = subqueryAfterParen(p);
      return { kind: 'exists', start, end: p.prevEnd, query };
    }
    case 'ROW': {
      p.next();
      const items = p.parenList(expression);
      if (items.length < 2) p.fail(p.prevEnd - 1);
      return { kind: 'row', start, end: p.prevEnd, items };
    }
    case 'INTERVAL': {
      const interval = intervalOrCall(p);
      if (interval.kind !== 'interval') return interval;
      p.expect('+');
      // INTERVAL n unit + e: what is added to binds as an operand of `+`.
      const operand = bit(p, 4);
      return {
        kind: 'dateArithmetic',
        start,
        end: p.prevEnd,
        op: 'add',
        operand,
        amount: interval.amount,
        unit: interval.unit,
      };
    }
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      if (p.peek() === 'string') {
        p.next();
        return temporalLiteral(p, t === 'DATE' ? 'date' : t === 'TIME' ? 'time' : 'timestamp', start);
      }
      break;
    default:
  }
  const special = functionFor(t);
  if (special !== undefined && (special.bare || p.peek() === '(')) {
    p.next();
    return special.parse(p, start);
  }
  if (p.word === WORD_RESERVED) p.fail();
  return name(p, p.word !== WORD_KEYWORD);
}
