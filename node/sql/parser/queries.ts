import { SqlError } from '../types/index.ts';
import type {
  CommonTable,
  Expr,
  FieldOptions,
  Into,
  Limit,
  LimitValue,
  LineOptions,
  Locking,
  OrderItem,
  QueryBody,
  QueryExpression,
  Select,
  SelectItem,
  SelectOption,
  TableExpr,
  ValuesTable,
  With,
  WindowSpec,
} from './ast.ts';
import { orderBy, windowSpec } from './aggregates.ts';
import { isDigit, isIdentChar, isSpace } from './chars.ts';
import { acceptCharset, charsetName } from './data-types.ts';
import { numberLiteral, param } from './literals.ts';
import type { Parser } from './parser.ts';
import { tableList } from './table-references.ts';
import { userVariable } from './variables.ts';

const NO_ITEMS: readonly OrderItem[] = Object.freeze([]);
const NO_LOCKS: readonly Locking[] = Object.freeze([]);
const NO_TABLES: readonly TableExpr[] = Object.freeze([]);
const NO_OPTIONS: readonly SelectOption[] = Object.freeze([]);
const NO_WINDOWS: readonly { readonly name: string; readonly spec: WindowSpec }[] = Object.freeze([]);

/** A query expression: WITH, body, ORDER BY, LIMIT, INTO, locking. */
export function query(p: Parser): QueryExpression {
  p.enter();
  const start = p.start;
  const top = p.intoAllowed;
  p.intoAllowed = false;
  const withClause = p.t === 'WITH' ? withTables(p) : undefined;
  const result = queryAfterWith(p, start, withClause, top);
  p.leave();
  return result;
}

/** What follows a WITH clause, or stands without one. */
export function queryAfterWith(p: Parser, start: number, withClause: With | undefined, top: boolean): QueryExpression {
  const body = bodyExpression(p, 0, top);
  const order = orderBy(p);
  const limit = p.t === 'LIMIT' ? limitClause(p) : undefined;
  let into = p.t === 'INTO' && top ? intoClause(p) : undefined;
  const locking = p.t === 'FOR' || p.t === 'LOCK' ? lockingClauses(p) : NO_LOCKS;
  if (into === undefined && top && p.t === 'INTO') into = intoClause(p);
  if (into !== undefined && body.kind === 'select' && body.into !== undefined) p.fail();
  if (
    body.kind === 'query' &&
    withClause === undefined &&
    order.length === 0 &&
    limit === undefined &&
    into === undefined &&
    locking.length === 0
  ) {
    return { ...body, start, end: p.prevEnd };
  }
  return { kind: 'query', start, end: p.prevEnd, with: withClause, body, orderBy: order, limit, into, locking };
}

export function withTables(p: Parser): With {
  const start = p.start;
  p.next();
  const recursive = p.accept('RECURSIVE');
  const tables = p.list(commonTable);
  return { kind: 'with', start, end: p.prevEnd, recursive, tables };
}

function commonTable(p: Parser): CommonTable {
  const start = p.start;
  const name = p.ident();
  const columns = p.t === '(' ? p.identList() : undefined;
  p.expect('AS');
  p.expect('(');
  const inner = query(p);
  p.expect(')');
  return { kind: 'cte', start, end: p.prevEnd, name, columns, query: inner };
}

/** UNION and EXCEPT are 1, INTERSECT is 2; `min` is what the operators must pass. */
function bodyExpression(p: Parser, min: number, top: boolean): QueryBody {
  const start = p.start;
  let left = bodyTerm(p, top);
  for (;;) {
    const t = p.t;
    const strength = t === 'UNION' || t === 'EXCEPT' ? 1 : t === 'INTERSECT' ? 2 : 0;
    if (strength <= min) return left;
    // INTO belongs to the whole, so nothing may follow it.
    if ((left.kind === 'query' || left.kind === 'select') && left.into !== undefined) p.fail();
    p.next();
    let all = false;
    if (p.accept('ALL')) all = true;
    else p.acceptAny('DISTINCT', 'DISTINCTROW');
    const right = bodyExpression(p, strength, top);
    left = { kind: 'setOperation', start, end: p.prevEnd, op: t.toLowerCase() as 'union', all, left, right };
  }
}

function bodyTerm(p: Parser, top: boolean): QueryBody {
  const start = p.start;
  switch (p.t) {
    case 'SELECT':
      return select(p, top);
    case 'VALUES':
      return valuesTable(p);
    case 'TABLE': {
      p.next();
      const table = p.qualified();
      return { kind: 'tableQuery', start, end: p.prevEnd, table };
    }
    case '(': {
      p.next();
      if (!p.is('SELECT') && !p.is('(') && !p.is('WITH') && !p.is('VALUES') && !p.is('TABLE')) p.fail();
      p.intoAllowed = top;
      const inner = query(p);
      p.expect(')');
      return inner;
    }
    default:
      return p.fail();
  }
}

function valuesTable(p: Parser): ValuesTable {
  const start = p.start;
  p.next();
  const rows = p.list((q) => {
    q.expect('ROW');
    q.expect('(');
    const row: Expr[] = [];
    if (q.t !== ')') {
      do {
        const at = q.start;
        if (q.t === 'DEFAULT' && q.peek() !== '(') {
          q.next();
          row.push({ kind: 'default', start: at, end: q.prevEnd });
        } else row.push(q.grammar.expr(q));
      } while (q.accept(','));
    }
    q.expect(')');
    return row;
  });
  return { kind: 'valuesQuery', start, end: p.prevEnd, rows };
}

function selectOption(t: string): SelectOption | undefined {
  switch (t) {
    case 'ALL':
      return 'all';
    case 'DISTINCT':
    case 'DISTINCTROW':
      return 'distinct';
    case 'HIGH_PRIORITY':
    case 'STRAIGHT_JOIN':
    case 'SQL_SMALL_RESULT':
    case 'SQL_BIG_RESULT':
    case 'SQL_BUFFER_RESULT':
    case 'SQL_NO_CACHE':
    case 'SQL_CALC_FOUND_ROWS':
      return t.toLowerCase() as SelectOption;
    default:
      return undefined;
  }
}

function selectOptions(p: Parser): readonly SelectOption[] {
  let options: SelectOption[] | undefined;
  for (;;) {
    const option = selectOption(p.t);
    if (option === undefined) break;
    // SQL_NO_CACHE and SQL_BUFFER_RESULT may be columns' names.
    (options ??= []).push(option);
    p.next();
  }
  if (options === undefined) return NO_OPTIONS;
  if (options.includes('all') && options.includes('distinct')) {
    throw new SqlError(1221, 'HY000', 'Incorrect usage of ALL and DISTINCT');
  }
  return options;
}

function select(p: Parser, top: boolean): Select {
  const start = p.start;
  p.next();
  const hints = p.takeHint();
  const options = selectOptions(p);
  const items = selectItems(p);
  const into = p.t === 'INTO' && top ? intoClause(p) : undefined;
  let from = NO_TABLES;
  if (p.t === 'FROM') {
    p.next();
    if (p.is('DUAL')) p.next();
    else from = tableList(p);
  }
  const where = p.accept('WHERE') ? p.grammar.expr(p) : undefined;
  let groupBy = NO_ITEMS;
  let rollup: Select['rollup'];
  if (p.t === 'GROUP') {
    p.next();
    p.expect('BY');
    if (p.is('GROUPING') && p.peek() === 'SETS') {
      p.next();
      p.next();
      groupBy = groupingSets(p);
      rollup = 'groupingSets';
    } else if ((p.is('ROLLUP') || p.is('CUBE')) && p.peek() === '(') {
      rollup = p.is('ROLLUP') ? 'rollup' : 'cube';
      p.next();
      groupBy = p.parenList(groupItem);
    } else {
      groupBy = p.list(groupItem);
      if (p.is('WITH')) {
        if (p.peek() !== 'ROLLUP') p.fail();
        p.next();
        p.next();
        rollup = 'rollup';
      }
    }
  }
  const having = p.accept('HAVING') ? p.grammar.expr(p) : undefined;
  const windows = p.accept('WINDOW')
    ? p.list((q) => {
        const name = q.ident();
        q.expect('AS');
        return { name, spec: windowSpec(q) };
      })
    : NO_WINDOWS;
  const qualify = p.accept('QUALIFY') ? p.grammar.expr(p) : undefined;
  return {
    kind: 'select',
    start,
    end: p.prevEnd,
    hints,
    options,
    items,
    from,
    where,
    groupBy,
    rollup,
    having,
    windows,
    qualify,
    into,
  };
}

/** GROUPING SETS ((a, b), (a), ()): each set is an item, a row of its expressions. */
function groupingSets(p: Parser): OrderItem[] {
  return p.parenList((q) => {
    const start = q.start;
    q.expect('(');
    const items = q.is(')') ? [] : q.list((r) => r.grammar.expr(r));
    q.expect(')');
    return { expr: { kind: 'row' as const, start, end: q.prevEnd, items }, direction: undefined };
  });
}

/** GROUP BY once took ASC and DESC; now it takes an expression only. */
const groupItem = (p: Parser): OrderItem => ({ expr: p.grammar.expr(p), direction: undefined });

function selectItems(p: Parser): SelectItem[] {
  const items: SelectItem[] = [];
  if (p.t === '*') {
    items.push({ kind: 'star', start: p.start, end: p.end, schema: undefined, table: undefined });
    p.next();
    if (!p.is(',')) return items;
    p.next();
  }
  items.push(selectItem(p));
  while (p.accept(',')) items.push(selectItem(p));
  return items;
}

/** Under IGNORE_SPACE a word ends behind the white space that follows it, and so does the column's name. */
function nameEnd(p: Parser): number {
  const { sql, prevEnd } = p;
  if (!p.options.ignoreSpace || !isSpace(sql.charCodeAt(prevEnd))) return prevEnd;
  let start = prevEnd;
  while (start > 0 && isIdentChar(sql.charCodeAt(start - 1))) start--;
  const before = sql[start - 1];
  // No word: a literal, a variable, or the name behind a point.
  if (start === prevEnd || isDigit(sql.charCodeAt(start)) || before === '.' || before === '@') return prevEnd;
  let end = prevEnd;
  while (isSpace(sql.charCodeAt(end))) end++;
  return end;
}

/** Names are utf8mb3: they have no characters beyond the first plane. */
function refuseBeyondBmp(name: string): void {
  if (!/[\ud800-\udbff]/.test(name)) return;
  const shown = name.replace(/[^\x20-\x7e]/gu, (c) =>
    Array.from(new TextEncoder().encode(c), (b) => `\\x${b.toString(16).toUpperCase()}`).join(''),
  );
  throw new SqlError(3854, 'HY000', `Cannot convert string '${shown}' from utf8mb4 to utf8mb3`);
}

function selectItem(p: Parser): SelectItem {
  const start = p.start;
  p.starAllowedAt = start;
  const expr = p.grammar.expr(p);
  p.starAllowedAt = -1;
  if (p.star !== undefined) {
    const star = p.star;
    p.star = undefined;
    if (expr.kind !== 'column' || expr.name !== '*') p.fail(star.end - 1);
    return star;
  }
  const textEnd = nameEnd(p);
  let alias: string | undefined;
  if (p.t === 'AS') {
    p.next();
    alias = p.identOrText();
  } else if (p.isIdent() || p.t === 'string') alias = p.identOrText();
  if (alias !== undefined) refuseBeyondBmp(alias);
  return { kind: 'item', start, end: p.prevEnd, expr, alias, textStart: start, textEnd };
}

function limitValue(p: Parser): LimitValue {
  switch (p.t) {
    case 'int':
    case 'hex':
    case 'bit': {
      if (p.t === 'int') return numberLiteral(p);
      const start = p.start;
      const slot = p.slot;
      const text = p.sql.slice(start, p.end);
      let value = 0n;
      for (const byte of p.literalValue() as Uint8Array) value = (value << 8n) | BigInt(byte);
      p.next();
      return { kind: 'number', start, end: p.prevEnd, class: 'int', text, value: Number(value), slot };
    }
    case 'param':
      return param(p);
    default: {
      // A variable of a stored program.
      if (!p.isIdent()) p.fail();
      const start = p.start;
      const name = p.ident();
      return { kind: 'column', start, end: p.prevEnd, schema: undefined, table: undefined, name };
    }
  }
}

/** LIMIT n, LIMIT offset, n and LIMIT n OFFSET offset. */
export function limitClause(p: Parser): Limit {
  p.expect('LIMIT');
  const first = limitValue(p);
  if (p.accept(',')) return { count: limitValue(p), offset: first };
  if (p.accept('OFFSET')) return { count: first, offset: limitValue(p) };
  return { count: first, offset: undefined };
}

function intoClause(p: Parser): Into {
  p.expect('INTO');
  if (p.accept('OUTFILE')) {
    const file = p.text();
    const charset = acceptCharset(p) ? charsetName(p) : undefined;
    const fields = fieldOptions(p);
    return { kind: 'intoOutfile', file, charset, fields, lines: lineOptions(p) };
  }
  if (p.accept('DUMPFILE')) return { kind: 'intoDumpfile', file: p.text() };
  const targets = p.list((q) => {
    if (q.t === 'variable') return userVariable(q);
    const start = q.start;
    const name = q.ident();
    return { kind: 'column' as const, start, end: q.prevEnd, schema: undefined, table: undefined, name };
  });
  return { kind: 'intoVariables', targets };
}

/** A string or a hex or bit literal whose bytes are the text. */
function fileText(p: Parser): string {
  if (p.t !== 'hex' && p.t !== 'bit') return p.text();
  let text = '';
  for (const byte of p.literalValue() as Uint8Array) text += String.fromCharCode(byte);
  p.pinned.push(p.slot);
  p.next();
  return text;
}

export function fieldOptions(p: Parser): FieldOptions | undefined {
  if (p.t !== 'FIELDS' && p.t !== 'COLUMNS') return undefined;
  p.next();
  let terminated: string | undefined;
  let enclosed: string | undefined;
  let escaped: string | undefined;
  let optionally = false;
  let any = false;
  for (;;) {
    if (p.accept('TERMINATED')) {
      p.expect('BY');
      terminated = fileText(p);
    } else if (p.is('OPTIONALLY') || p.is('ENCLOSED')) {
      optionally = p.accept('OPTIONALLY');
      p.expect2('ENCLOSED', 'BY');
      enclosed = fileText(p);
    } else if (p.accept('ESCAPED')) {
      p.expect('BY');
      escaped = fileText(p);
    } else break;
    any = true;
  }
  if (!any) p.fail();
  return { terminated, enclosed, optionally, escaped };
}

export function lineOptions(p: Parser): LineOptions | undefined {
  if (!p.accept('LINES')) return undefined;
  let starting: string | undefined;
  let terminated: string | undefined;
  let any = false;
  for (;;) {
    if (p.accept('STARTING')) {
      p.expect('BY');
      starting = fileText(p);
    } else if (p.accept('TERMINATED')) {
      p.expect('BY');
      terminated = fileText(p);
    } else break;
    any = true;
  }
  if (!any) p.fail();
  return { starting, terminated };
}

/** FOR UPDATE …, FOR SHARE …, LOCK IN SHARE MODE. */
function lockingClauses(p: Parser): readonly Locking[] {
  const locks: Locking[] = [];
  for (;;) {
    if (p.accept('LOCK')) {
      p.expect2('IN', 'SHARE');
      p.expect('MODE');
      locks.push({ strength: 'share', tables: undefined, wait: 'wait' });
      return locks;
    }
    if (!p.accept('FOR')) return locks;
    const strength = p.expectAny('UPDATE', 'SHARE') === 'UPDATE' ? 'update' : 'share';
    const tables = p.accept('OF') ? p.list((q) => q.qualified()) : undefined;
    let wait: Locking['wait'] = 'wait';
    if (p.accept('NOWAIT')) wait = 'nowait';
    else if (p.accept('SKIP')) {
      p.expect('LOCKED');
      wait = 'skipLocked';
    }
    locks.push({ strength, tables, wait });
  }
}
