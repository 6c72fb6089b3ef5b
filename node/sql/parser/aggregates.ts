import type {
  AggregateName,
  BytesLiteral,
  Expr,
  FrameBound,
  OrderItem,
  Over,
  StringLiteral,
  WindowFrame,
  WindowFunctionName,
  WindowSpec,
} from './ast.ts';
import { bytesLiteral, stringLiteral } from './literals.ts';
import type { Parser } from './parser.ts';
import { intervalUnit } from './units.ts';

function orderItem(p: Parser): OrderItem {
  const expr = p.grammar.expr(p);
  let direction: 'asc' | 'desc' | undefined;
  if (p.t === 'ASC' || p.t === 'DESC') {
    direction = p.t === 'ASC' ? 'asc' : 'desc';
    p.next();
  }
  return { expr, direction };
}

const NONE: readonly OrderItem[] = Object.freeze([]);

/** ORDER BY …, or nothing. */
export function orderBy(p: Parser): readonly OrderItem[] {
  if (p.t !== 'ORDER') return NONE;
  p.next();
  p.expect('BY');
  return p.list(orderItem);
}

/** COUNT, SUM and the like; the word is read. */
export function aggregate(p: Parser, start: number, name: AggregateName): Expr {
  p.expect('(');
  const args: Expr[] = [];
  let star = false;
  let distinct = false;
  if (name === 'count' && p.t === '*') {
    p.next();
    star = true;
  } else {
    if (p.t === 'DISTINCT' || p.t === 'DISTINCTROW') {
      if (!mayBeDistinct(name)) p.fail();
      p.next();
      distinct = true;
      if (name !== 'count') p.accept('ALL');
    } else if (p.accept('ALL') && name === 'count' && p.accept('*')) star = true;
    if (!star) args.push(p.grammar.expr(p));
    while (
      (distinct && name === 'count' && p.accept(',')) ||
      (name === 'json_objectagg' && args.length === 1 && p.accept(','))
    ) {
      if (name === 'json_objectagg') p.accept('ALL');
      args.push(p.grammar.expr(p));
    }
    if (name === 'json_objectagg' && args.length < 2) p.fail();
  }
  p.expect(')');
  const over = overClause(p);
  return { kind: 'aggregate', start, end: p.prevEnd, name, distinct, star, args, over };
}

const mayBeDistinct = (name: AggregateName): boolean =>
  name === 'count' || name === 'sum' || name === 'avg' || name === 'min' || name === 'max' || name === 'st_collect';

export function groupConcat(p: Parser, start: number): Expr {
  p.expect('(');
  const distinct = p.acceptAny('DISTINCT', 'DISTINCTROW') !== undefined;
  const args = p.list((q) => q.grammar.expr(q));
  const order = orderBy(p);
  let separator: StringLiteral | BytesLiteral | undefined;
  if (p.accept('SEPARATOR')) {
    if (p.t === 'string') separator = stringLiteral(p, undefined);
    else if (p.t === 'hex' || p.t === 'bit') separator = bytesLiteral(p, undefined);
    else p.fail();
  }
  p.expect(')');
  const over = overClause(p);
  return { kind: 'groupConcat', start, end: p.prevEnd, distinct, args, orderBy: order, separator, over };
}

function overClause(p: Parser): Over | undefined {
  if (p.t !== 'OVER') return undefined;
  p.next();
  if (p.is('(')) return windowSpec(p);
  return { kind: 'windowName', name: p.ident() };
}

/** ROW_NUMBER() OVER … and the like; the word is read. */
export function windowFunction(p: Parser, start: number, name: WindowFunctionName): Expr {
  p.expect('(');
  const args: Expr[] = [];
  switch (name) {
    case 'ntile':
      args.push(stableInteger(p));
      break;
    case 'first_value':
    case 'last_value':
      args.push(p.grammar.expr(p));
      break;
    case 'nth_value':
      args.push(p.grammar.expr(p));
      p.expect(',');
      args.push(p.grammar.operand(p));
      break;
    case 'lead':
    case 'lag':
      args.push(p.grammar.expr(p));
      if (p.accept(',')) {
        args.push(stableInteger(p));
        if (p.accept(',')) args.push(p.grammar.expr(p));
      }
      break;
    default:
  }
  p.expect(')');
  let fromLast = false;
  if (name === 'nth_value' && p.accept('FROM')) fromLast = p.expectAny('FIRST', 'LAST') === 'LAST';
  let nulls: 'respect' | 'ignore' | undefined;
  if (args.length > 0 && name !== 'ntile') {
    const word = p.acceptAny('RESPECT', 'IGNORE');
    if (word !== undefined) {
      p.expect('NULLS');
      nulls = word === 'IGNORE' ? 'ignore' : 'respect';
    }
  }
  const over = overClause(p) ?? p.fail();
  return { kind: 'windowFunction', start, end: p.prevEnd, name, args, fromLast, nulls, over };
}

/** A number, placeholder or variable: what a window function counts by. */
function stableInteger(p: Parser): Expr {
  const t = p.t;
  if (t !== 'int' && t !== 'hex' && t !== 'bit' && t !== 'param' && t !== 'variable' && !p.isIdent()) p.fail();
  if (!p.isIdent()) return p.grammar.literal(p);
  const start = p.start;
  const name = p.ident();
  return { kind: 'column', start, end: p.prevEnd, schema: undefined, table: undefined, name };
}

/** ([name] [PARTITION BY …] [ORDER BY …] [frame]) */
export function windowSpec(p: Parser): WindowSpec {
  p.expect('(');
  const base = p.isIdent() ? p.ident() : undefined;
  let partitionBy = NONE;
  if (p.accept('PARTITION')) {
    p.expect('BY');
    partitionBy = p.list((q) => ({ expr: q.grammar.expr(q), direction: undefined }));
  }
  const order = orderBy(p);
  const frame = windowFrame(p);
  p.expect(')');
  return { kind: 'windowSpec', base, partitionBy, orderBy: order, frame };
}

function windowFrame(p: Parser): WindowFrame | undefined {
  const word = p.acceptAny('ROWS', 'RANGE', 'GROUPS');
  if (word === undefined) return undefined;
  let start: FrameBound;
  let end: FrameBound | undefined;
  if (p.accept('BETWEEN')) {
    start = frameBound(p);
    p.expect('AND');
    end = frameBound(p);
  } else start = frameBound(p);
  let exclude: WindowFrame['exclude'];
  if (p.accept('EXCLUDE')) {
    if (p.accept('CURRENT')) {
      p.expect('ROW');
      exclude = 'currentRow';
    } else if (p.accept('NO')) {
      p.expect('OTHERS');
      exclude = 'noOthers';
    } else exclude = p.expectAny('GROUP', 'TIES') === 'GROUP' ? 'group' : 'ties';
  }
  return { unit: word.toLowerCase() as WindowFrame['unit'], start, end, exclude };
}

function frameBound(p: Parser): FrameBound {
  if (p.accept('UNBOUNDED')) {
    return {
      kind: p.expectAny('PRECEDING', 'FOLLOWING') === 'PRECEDING' ? 'unboundedPreceding' : 'unboundedFollowing',
    };
  }
  if (p.accept('CURRENT')) {
    p.expect('ROW');
    return { kind: 'currentRow' };
  }
  let unit: string | undefined;
  let value: Expr;
  if (p.accept('INTERVAL')) {
    value = p.grammar.expr(p);
    unit = intervalUnit(p);
  } else {
    const t = p.t;
    if (t !== 'int' && t !== 'decimal' && t !== 'float' && t !== 'hex' && t !== 'bit' && t !== 'param') p.fail();
    value = p.grammar.operand(p);
  }
  return { kind: p.expectAny('PRECEDING', 'FOLLOWING') === 'PRECEDING' ? 'preceding' : 'following', value, unit };
}
