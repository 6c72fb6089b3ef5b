import type { AggregateName, ColumnRef, Expr, WindowFunctionName } from './ast.ts';
import { aggregate, groupConcat, windowFunction } from './aggregates.ts';
import { castType, charsetName } from './data-types.ts';
import { jsonValue } from './json.ts';
import type { Parser } from './parser.ts';
import { intervalUnit, singleUnit } from './units.ts';

/** A function with a syntax of its own. `parse` begins after its word; `bare` ones need no parentheses. */
interface Special {
  readonly bare: boolean;
  readonly parse: (p: Parser, start: number) => Expr;
}

const call = (p: Parser, start: number, name: string, args: readonly Expr[]): Expr => ({
  kind: 'call',
  start,
  end: p.prevEnd,
  schema: undefined,
  name,
  written: name,
  args,
});

const table = new Map<string, Special>();
const define = (tag: string, parse: Special['parse'], bare = false): void => {
  table.set(tag, { bare, parse });
};

export const functionFor = (tag: string): Special | undefined => table.get(tag);

/** The arguments of an ordinary call; `p` stands at its `(`. Arguments of unqualified ones may be named: f(a AS b). */
export function callArguments(p: Parser, start: number, schema: string | undefined, written: string): Expr {
  p.next();
  const args: Expr[] = [];
  let named = false;
  if (p.t !== ')') {
    do {
      args.push(p.grammar.expr(p));
      if (schema === undefined && (p.accept('AS') || p.isIdent() || p.t === 'string')) {
        p.identOrText();
        named = true;
      }
    } while (p.accept(','));
  }
  p.expect(')');
  const name = schema === undefined ? written.toLowerCase() : written;
  const called = ALIASES[name] ?? name;
  return { kind: 'call', start, end: p.prevEnd, schema, name: called, written, args, ...(named && { named }) };
}

/** Functions that MySQL prints under another name. */
const ALIASES: Readonly<Record<string, string>> = {
  ucase: 'ucase',
  power: 'pow',
  ceil: 'ceiling',
  day: 'dayofmonth',
  character_length: 'char_length',
  octet_length: 'length',
};

/** Functions of between `min` and `max` plain arguments whose names are keywords. */
function plain(tag: string, min: number, max: number, name: string = tag.toLowerCase()): void {
  define(tag, (p, start) => {
    p.expect('(');
    const args: Expr[] = [];
    if (max > 0 && (p.t !== ')' || min > 0)) {
      args.push(p.grammar.expr(p));
      while (args.length < max && p.accept(',')) args.push(p.grammar.expr(p));
      if (args.length < min) p.fail();
    }
    p.expect(')');
    return call(p, start, name, args);
  });
}

const MANY = 1 << 30;
plain('ASCII', 1, 1);
plain('CHARSET', 1, 1);
plain('COALESCE', 1, MANY);
plain('COLLATION', 1, 1);
plain('DATABASE', 0, 0);
plain('SCHEMA', 0, 0, 'database');
plain('DATE', 1, 1);
plain('DAY', 1, 1, 'dayofmonth');
plain('FORMAT', 2, 3);
plain('GEOMETRYCOLLECTION', 0, MANY);
plain('GEOMCOLLECTION', 0, MANY, 'geometrycollection');
plain('GROUPING', 1, MANY);
plain('HOUR', 1, 1);
plain('IF', 3, 3);
plain('INSERT', 4, 4);
plain('LEFT', 2, 2);
plain('LINESTRING', 1, MANY);
plain('LOG', 1, 2);
plain('MICROSECOND', 1, 1);
plain('MINUTE', 1, 1);
plain('MONTH', 1, 1);
plain('MULTILINESTRING', 1, MANY);
plain('MULTIPOINT', 1, MANY);
plain('MULTIPOLYGON', 1, MANY);
plain('POINT', 2, 2);
plain('POLYGON', 1, MANY);
plain('QUARTER', 1, 1);
plain('REPEAT', 2, 2);
plain('REPLACE', 3, 3);
plain('REVERSE', 1, 1);
plain('RIGHT', 2, 2);
plain('ROW_COUNT', 0, 0);
plain('SECOND', 1, 1);
plain('TIME', 1, 1);
plain('TIMESTAMP', 1, 2);
plain('TRUNCATE', 2, 2);
plain('USER', 0, 0);
plain('SESSION_USER', 0, 0, 'user');
plain('SYSTEM_USER', 0, 0, 'user');
plain('WEEK', 1, 2);
plain('YEAR', 1, 1);
plain('STATEMENT_DIGEST', 1, 1);

define('MOD', (p, start) => {
  p.expect('(');
  const left = p.grammar.expr(p);
  p.expect(',');
  const right = p.grammar.expr(p);
  p.expect(')');
  return { kind: 'binary', start, end: p.prevEnd, op: '%', left, right };
});

/** `()`, nothing, or `(n)` where a precision is allowed. */
function moment(tag: string, name: string, fsp: boolean, bare: boolean): void {
  define(
    tag,
    (p, start) => {
      const args: Expr[] = [];
      if (p.t === '(' || !bare) {
        p.expect('(');
        if (fsp && p.t !== ')') {
          if (p.t !== 'int') p.fail();
          args.push(p.grammar.expr(p));
          if ((args[0] as Expr).kind !== 'number') p.fail();
        }
        p.expect(')');
      }
      return call(p, start, name, args);
    },
    bare,
  );
}
moment('NOW', 'now', true, false);
moment('CURRENT_TIMESTAMP', 'now', true, true);
moment('LOCALTIME', 'now', true, true);
moment('LOCALTIMESTAMP', 'now', true, true);
moment('SYSDATE', 'sysdate', true, false);
moment('CURDATE', 'curdate', false, false);
moment('CURRENT_DATE', 'curdate', false, true);
moment('CURTIME', 'curtime', true, false);
moment('CURRENT_TIME', 'curtime', true, true);
moment('UTC_DATE', 'utc_date', false, true);
moment('UTC_TIME', 'utc_time', true, true);
moment('UTC_TIMESTAMP', 'utc_timestamp', true, true);
moment('CURRENT_USER', 'current_user', false, true);

function column(p: Parser): ColumnRef {
  const expr = p.grammar.expr(p);
  return expr.kind === 'column' ? expr : p.fail(expr.start);
}

define('VALUES', (p, start) => {
  p.expect('(');
  const target = column(p);
  p.expect(')');
  return { kind: 'valuesOf', start, end: p.prevEnd, column: target };
});

define('DEFAULT', (p, start) => {
  p.expect('(');
  const target = column(p);
  p.expect(')');
  return { kind: 'defaultOf', start, end: p.prevEnd, column: target };
});

define('CHAR', (p, start) => {
  p.expect('(');
  const args = p.list((q) => q.grammar.expr(q));
  const charset = p.accept('USING') ? charsetName(p) : undefined;
  p.expect(')');
  return { kind: 'char', start, end: p.prevEnd, args, charset };
});

define('CAST', (p, start) => {
  p.expect('(');
  const operand = p.grammar.expr(p);
  let atTimeZone: string | undefined;
  if (p.accept('AT')) {
    p.expectWord('time');
    p.expect('ZONE');
    p.accept('INTERVAL');
    atTimeZone = p.text();
  }
  p.expect('AS');
  const type = castType(p);
  if (atTimeZone !== undefined && type.name !== 'datetime') p.fail(type.start);
  const array = atTimeZone === undefined && p.accept('ARRAY');
  p.expect(')');
  return { kind: 'cast', start, end: p.prevEnd, syntax: 'cast', operand, type, array, atTimeZone };
});

define('CONVERT', (p, start) => {
  p.expect('(');
  const operand = p.grammar.expr(p);
  if (p.accept('USING')) {
    const charset = charsetName(p);
    p.expect(')');
    return { kind: 'convertUsing', start, end: p.prevEnd, operand, charset };
  }
  p.expect(',');
  const type = castType(p);
  p.expect(')');
  return { kind: 'cast', start, end: p.prevEnd, syntax: 'convert', operand, type, array: false, atTimeZone: undefined };
});

define('EXTRACT', (p, start) => {
  p.expect('(');
  const unit = intervalUnit(p);
  p.expect('FROM');
  const operand = p.grammar.expr(p);
  p.expect(')');
  return { kind: 'extract', start, end: p.prevEnd, unit, operand };
});

define('TRIM', (p, start) => {
  p.expect('(');
  const word = p.acceptAny('BOTH', 'LEADING', 'TRAILING');
  const side = word === undefined ? 'both' : (word.toLowerCase() as 'both' | 'leading' | 'trailing');
  let remove: Expr | undefined;
  let operand: Expr;
  if (word !== undefined && p.accept('FROM')) operand = p.grammar.expr(p);
  else {
    operand = p.grammar.expr(p);
    if (p.t === 'FROM' || word !== undefined) {
      p.expect('FROM');
      remove = operand;
      operand = p.grammar.expr(p);
    }
  }
  p.expect(')');
  return { kind: 'trim', start, end: p.prevEnd, side, remove, operand };
});

define('POSITION', (p, start) => {
  p.expect('(');
  const needle = p.grammar.operand(p);
  p.expect('IN');
  const haystack = p.grammar.expr(p);
  p.expect(')');
  return call(p, start, 'locate', [needle, haystack]);
});

function substring(p: Parser, start: number): Expr {
  p.expect('(');
  const args = [p.grammar.expr(p)];
  const from = p.accept('FROM');
  if (!from) p.expect(',');
  args.push(p.grammar.expr(p));
  if (p.accept(from ? 'FOR' : ',')) args.push(p.grammar.expr(p));
  p.expect(')');
  return call(p, start, 'substr', args);
}
define('SUBSTRING', substring);
define('SUBSTR', substring);
define('MID', substring);

function dateArithmetic(tag: string, op: 'add' | 'sub', days: boolean): void {
  define(tag, (p, start) => {
    p.expect('(');
    const operand = p.grammar.expr(p);
    p.expect(',');
    let amount: Expr;
    let unit: ReturnType<typeof intervalUnit> = 'day';
    if (p.t === 'INTERVAL') {
      const mark = p.mark();
      p.next();
      amount = p.grammar.expr(p);
      if (days && amount.kind === 'row') {
        // ADDDATE(d, INTERVAL(1, 2)): the function, not the keyword.
        p.reset(mark);
        amount = p.grammar.expr(p);
      } else unit = intervalUnit(p);
    } else if (days) amount = p.grammar.expr(p);
    else return p.fail();
    p.expect(')');
    return { kind: 'dateArithmetic', start, end: p.prevEnd, op, operand, amount, unit };
  });
}
dateArithmetic('DATE_ADD', 'add', false);
dateArithmetic('DATE_SUB', 'sub', false);
dateArithmetic('ADDDATE', 'add', true);
dateArithmetic('SUBDATE', 'sub', true);

define('TIMESTAMPADD', (p, start) => {
  p.expect('(');
  const unit = singleUnit(p);
  p.expect(',');
  const amount = p.grammar.expr(p);
  p.expect(',');
  const operand = p.grammar.expr(p);
  p.expect(')');
  return { kind: 'timestampAdd', start, end: p.prevEnd, unit, amount, operand };
});

define('TIMESTAMPDIFF', (p, start) => {
  p.expect('(');
  const unit = singleUnit(p);
  p.expect(',');
  const from = p.grammar.expr(p);
  p.expect(',');
  const to = p.grammar.expr(p);
  p.expect(')');
  return { kind: 'timestampDiff', start, end: p.prevEnd, unit, from, to };
});

define('GET_FORMAT', (p, start) => {
  p.expect('(');
  const word = p.expectAny('DATE', 'TIME', 'DATETIME', 'TIMESTAMP');
  p.expect(',');
  const format = p.grammar.expr(p);
  p.expect(')');
  const type = word === 'DATE' ? 'date' : word === 'TIME' ? 'time' : 'datetime';
  return { kind: 'getFormat', start, end: p.prevEnd, type, format };
});

define('WEIGHT_STRING', (p, start) => {
  p.expect('(');
  const operand = p.grammar.expr(p);
  let as: 'char' | 'binary' | undefined;
  let length: number | undefined;
  if (p.accept('AS')) {
    as = p.expectAny('CHAR', 'CHARACTER', 'BINARY') === 'BINARY' ? 'binary' : 'char';
    p.expect('(');
    length = p.number();
    p.expect(')');
  } else if (p.accept(',')) {
    // The old internal form: WEIGHT_STRING(s, result length, weights, flags).
    p.number();
    p.expect(',');
    length = p.number();
    p.expect(',');
    p.number();
  }
  p.expect(')');
  return { kind: 'weightString', start, end: p.prevEnd, operand, as, length };
});

define('MATCH', matchAgainst, true);

function matchAgainst(p: Parser, start: number): Expr {
  const parens = p.accept('(');
  const columns = p.list((q) => {
    const operand = q.grammar.operand(q);
    return operand.kind === 'column' ? operand : q.fail(operand.start);
  });
  if (parens) p.expect(')');
  p.expect('AGAINST');
  p.expect('(');
  const against = p.grammar.operand(p);
  let mode: 'natural' | 'boolean' | 'naturalWithExpansion' = 'natural';
  if (p.accept('IN')) {
    if (p.accept('BOOLEAN')) mode = 'boolean';
    else p.expect2('NATURAL', 'LANGUAGE');
    p.expect('MODE');
  }
  if (mode === 'natural' && p.accept('WITH')) {
    p.expect2('QUERY', 'EXPANSION');
    mode = 'naturalWithExpansion';
  }
  p.expect(')');
  return { kind: 'match', start, end: p.prevEnd, columns, against, mode };
}

define('JSON_VALUE', jsonValue);

const AGGREGATES: Readonly<Record<string, AggregateName>> = {
  AVG: 'avg',
  BIT_AND: 'bit_and',
  BIT_OR: 'bit_or',
  BIT_XOR: 'bit_xor',
  COUNT: 'count',
  JSON_ARRAYAGG: 'json_arrayagg',
  JSON_OBJECTAGG: 'json_objectagg',
  MAX: 'max',
  MIN: 'min',
  ST_COLLECT: 'st_collect',
  STD: 'std',
  STDDEV: 'std',
  STDDEV_POP: 'std',
  STDDEV_SAMP: 'stddev_samp',
  SUM: 'sum',
  VARIANCE: 'variance',
  VAR_POP: 'variance',
  VAR_SAMP: 'var_samp',
};
for (const [tag, name] of Object.entries(AGGREGATES)) define(tag, (p, start) => aggregate(p, start, name));
define('GROUP_CONCAT', groupConcat);

const WINDOWS: readonly WindowFunctionName[] = [
  'row_number',
  'rank',
  'dense_rank',
  'cume_dist',
  'percent_rank',
  'ntile',
  'lead',
  'lag',
  'first_value',
  'last_value',
  'nth_value',
];
for (const name of WINDOWS) define(name.toUpperCase(), (p, start) => windowFunction(p, start, name));
