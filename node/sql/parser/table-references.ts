import { SqlError } from '../types/index.ts';
import type { AsOf, Expr, IndexHint, Join, JsonTableColumn, TableExpr, TableRef } from './ast.ts';
import { collationName, dataType } from './data-types.ts';
import { jsonResponses, literalString } from './json.ts';
import type { Parser } from './parser.ts';

/** A comma-separated list of table references, as FROM has. */
export function tableList(p: Parser): TableExpr[] {
  return p.list(tableExpr);
}

/**
 * One table reference with its joins. ON and USING belong to the nearest join before them that has none:
 * `a JOIN b JOIN c ON x ON y` is `a JOIN (b JOIN c ON x) ON y`. So tables and joins wait on a stack until a condition comes.
 */
function tableExpr(p: Parser): TableExpr {
  const start = p.start;
  const first = tableFactor(p);
  if (!isJoinWord(p.t)) return first;
  p.enter();
  const tables: TableExpr[] = [first];
  const waiting: JoinWords[] = [];
  const own = new Set<TableExpr>();
  for (;;) {
    const join = joinWords(p);
    if (join !== undefined) {
      const right = tableFactor(p);
      if (join.natural) {
        const left = tables.pop() as TableExpr;
        tables.push(keep(own, makeJoin(p, left.start, left, join, right, undefined, undefined)));
      } else {
        tables.push(right);
        waiting.push(join);
      }
      continue;
    }
    const t = p.t;
    if ((t !== 'ON' && t !== 'USING') || waiting.length === 0) break;
    p.next();
    const on = t === 'ON' ? p.grammar.expr(p) : undefined;
    const using = t === 'USING' ? p.identList() : undefined;
    const right = tables.pop() as TableExpr;
    const left = tables.pop() as TableExpr;
    tables.push(keep(own, makeJoin(p, left.start, left, waiting.pop() as JoinWords, right, on, using)));
  }
  // Joins left without a condition are cross joins, and take their right side's first table:
  // a JOIN (b JOIN c ON x) is (a JOIN b) JOIN c ON x, so that x may name a's columns.
  let right = tables.pop() as TableExpr;
  for (let join = waiting.pop(); join !== undefined; join = waiting.pop()) {
    if (join.outer) p.fail();
    right = crossFirst(p, own, tables.pop() as TableExpr, join, right);
  }
  p.leave();
  return { ...right, start };
}

function keep(own: Set<TableExpr>, join: Join): Join {
  own.add(join);
  return join;
}

function crossFirst(p: Parser, own: Set<TableExpr>, left: TableExpr, join: JoinWords, right: TableExpr): TableExpr {
  const spine: Join[] = [];
  let first = right;
  while (own.has(first) && first.kind === 'join') {
    spine.push(first);
    first = first.left;
  }
  let result: Join = keep(own, { ...makeJoin(p, left.start, left, join, first, undefined, undefined), end: first.end });
  for (let outer = spine.pop(); outer !== undefined; outer = spine.pop()) {
    result = keep(own, { ...outer, start: left.start, left: result });
  }
  return result;
}

function isJoinWord(t: string): boolean {
  switch (t) {
    case 'JOIN':
    case 'INNER':
    case 'CROSS':
    case 'LEFT':
    case 'RIGHT':
    case 'NATURAL':
    case 'STRAIGHT_JOIN':
      return true;
    default:
      return false;
  }
}

function makeJoin(
  p: Parser,
  start: number,
  left: TableExpr,
  join: JoinWords,
  right: TableExpr,
  on: Expr | undefined,
  using: readonly string[] | undefined,
): Join {
  return { kind: 'join', start, end: p.prevEnd, type: join.type, natural: join.natural, left, right, on, using };
}

interface JoinWords {
  readonly type: Join['type'];
  readonly natural: boolean;
  /** LEFT and RIGHT need ON or USING. */
  readonly outer: boolean;
}

function joinWords(p: Parser): JoinWords | undefined {
  switch (p.t) {
    case 'JOIN':
      p.next();
      return { type: 'inner', natural: false, outer: false };
    case 'INNER':
    case 'CROSS':
      p.next();
      p.expect('JOIN');
      return { type: 'inner', natural: false, outer: false };
    case 'STRAIGHT_JOIN':
      p.next();
      return { type: 'straight', natural: false, outer: false };
    case 'LEFT':
    case 'RIGHT': {
      const type = p.t === 'LEFT' ? 'left' : 'right';
      p.next();
      p.accept('OUTER');
      p.expect('JOIN');
      return { type, natural: false, outer: true };
    }
    case 'NATURAL': {
      p.next();
      let type: Join['type'] = 'inner';
      if (p.is('LEFT') || p.is('RIGHT')) {
        type = p.is('LEFT') ? 'left' : 'right';
        p.next();
        p.accept('OUTER');
      } else p.accept('INNER');
      p.expect('JOIN');
      return { type, natural: true, outer: false };
    }
    default:
      return undefined;
  }
}

function tableFactor(p: Parser): TableExpr {
  const start = p.start;
  switch (p.t) {
    case '(':
      return parenthesised(p);
    case 'LATERAL': {
      p.next();
      p.expect('(');
      if (!p.is('SELECT') && !p.is('WITH') && !p.is('(') && !p.is('VALUES') && !p.is('TABLE')) p.fail();
      const query = p.grammar.query(p);
      p.expect(')');
      return derived(p, start, true, query);
    }
    case 'JSON_TABLE':
      return jsonTable(p);
    case '{': {
      // {OJ a LEFT JOIN b ON …}
      p.next();
      p.ident();
      const inner = tableExpr(p);
      p.expect('}');
      return inner;
    }
    default:
      return tableRef(p);
  }
}

function parenthesised(p: Parser): TableExpr {
  const start = p.start;
  p.enter();
  const held = p.parensHoldQuery(true);
  p.next();
  let result: TableExpr | undefined;
  let failed: SqlError | undefined;
  let failedAt = -1;
  if (held && p.t !== '(') {
    const query = p.grammar.query(p);
    p.expect(')');
    result = derived(p, start, false, query);
  } else if (held && !p.notQueries.has(start)) {
    // ((SELECT …) …: a query, or a list of tables whose first is a derived table. A place that was found to be no query
    // is not tried again: else texts nested in one another would be read twice for each level.
    const mark = p.mark();
    const query = tryQuery(p);
    if (query instanceof SqlError) {
      failed = query;
      failedAt = p.failedAt;
    } else if (query !== undefined) result = derived(p, start, false, query);
    if (result === undefined) {
      p.notQueries.add(start);
      p.reset(mark);
    }
  }
  if (result === undefined) {
    let tables: TableExpr[];
    try {
      tables = p.list(tableExpr);
      p.expect(')');
    } catch (error) {
      // Of two readings that fail, the one that came further is what was meant.
      throw failed !== undefined && failedAt > p.failedAt ? failed : error;
    }
    const only = tables.length === 1 ? tables[0] : undefined;
    result = only ?? { kind: 'tableList', start, end: p.prevEnd, tables };
  }
  p.leave();
  return result;
}

/** A query and its `)`; undefined where more follows it, an error where the text is none. */
function tryQuery(p: Parser): ReturnType<Parser['grammar']['query']> | SqlError | undefined {
  const depth = p.depthMark();
  try {
    const query = p.grammar.query(p);
    if (p.t !== ')') return undefined;
    p.next();
    return query;
  } catch (error) {
    // Not a query: the caller reads it as table references.
    if (!(error instanceof SqlError) || error.errno === 1436) throw error;
    p.depthReset(depth);
    return error;
  }
}

function derived(p: Parser, start: number, lateral: boolean, query: ReturnType<Parser['grammar']['query']>): TableExpr {
  const as = p.accept('AS');
  if (!as && !p.isIdent()) throw new SqlError(1248, '42000', 'Every derived table must have its own alias');
  const alias = p.ident();
  const columns = p.t === '(' ? p.identList() : undefined;
  return { kind: 'derived', start, end: p.prevEnd, lateral, query, alias, columns };
}

/** An alias: AS x, or x. */
export function tableAlias(p: Parser): string | undefined {
  if (p.t === 'AS' || p.t === '=') {
    if (p.t === '=') p.fail();
    p.next();
    return p.ident();
  }
  return p.isIdent() ? p.ident() : undefined;
}

export function partitionNames(p: Parser): readonly string[] | undefined {
  return p.t === 'PARTITION' && p.accept('PARTITION') ? p.identList() : undefined;
}

/** FOR SYSTEM_TIME AS OF TIMESTAMP e, [FOR SYSTEM_TIME] AS OF REVISION e */
function asOf(p: Parser): AsOf | undefined {
  if (p.t === 'FOR') {
    const mark = p.mark();
    p.next();
    if (!p.isWord('system_time')) {
      p.reset(mark);
      return undefined;
    }
    p.next();
    p.expect('AS');
    p.expect('OF');
  } else if (!p.accept2('AS', 'OF')) return undefined;
  if (p.acceptWord('revision')) return { kind: 'revision', value: p.grammar.operand(p) };
  p.expect('TIMESTAMP');
  return { kind: 'timestamp', value: p.grammar.operand(p) };
}

const NO_HINTS: readonly IndexHint[] = Object.freeze([]);

function tableRef(p: Parser): TableRef {
  const start = p.start;
  const { schema, name } = p.qualified();
  const partitions = partitionNames(p);
  const time = p.t === 'FOR' || p.t === 'AS' ? asOf(p) : undefined;
  const alias = tableAlias(p);
  let sample: TableRef['sample'];
  if (p.t === 'TABLESAMPLE') {
    p.next();
    const method = p.expectAny('SYSTEM', 'BERNOULLI') === 'SYSTEM' ? 'system' : 'bernoulli';
    p.expect('(');
    sample = { method, percent: p.grammar.operand(p) };
    p.expect(')');
  }
  const t = p.t;
  const indexHints = t === 'USE' || t === 'FORCE' || t === 'IGNORE' ? hints(p) : NO_HINTS;
  return { kind: 'table', start, end: p.prevEnd, schema, name, alias, partitions, indexHints, asOf: time, sample };
}

function hints(p: Parser): readonly IndexHint[] {
  const all: IndexHint[] = [];
  for (;;) {
    const t = p.t;
    if (t !== 'USE' && t !== 'FORCE' && t !== 'IGNORE') return all;
    p.next();
    p.expectAny('INDEX', 'KEY');
    let scope: IndexHint['scope'];
    if (p.accept('FOR')) {
      const word = p.expectAny('JOIN', 'ORDER', 'GROUP');
      if (word !== 'JOIN') p.expect('BY');
      scope = word.toLowerCase() as 'join' | 'order' | 'group';
    }
    p.expect('(');
    let indexes: string[] = [];
    if (p.t !== ')' || t !== 'USE') indexes = p.list((q) => (q.accept('PRIMARY') ? 'PRIMARY' : q.ident()));
    p.expect(')');
    all.push({ action: t.toLowerCase() as IndexHint['action'], scope, indexes });
  }
}

function jsonTable(p: Parser): TableExpr {
  const start = p.start;
  p.next();
  p.expect('(');
  const document = p.grammar.expr(p);
  p.expect(',');
  const path = literalString(p);
  const columns = jsonColumns(p);
  p.expect(')');
  const as = p.accept('AS');
  if (!as && !p.isIdent()) throw new SqlError(3667, '42000', 'Every table function must have an alias');
  const alias = p.ident();
  return { kind: 'jsonTable', start, end: p.prevEnd, document, path, columns, alias };
}

function jsonColumns(p: Parser): JsonTableColumn[] {
  p.expectAny('COLUMNS', 'FIELDS');
  return p.parenList(jsonColumn);
}

function jsonColumn(p: Parser): JsonTableColumn {
  if (p.t === 'NESTED') {
    p.next();
    p.expect('PATH');
    const path = literalString(p);
    p.enter();
    const columns = jsonColumns(p);
    p.leave();
    return { kind: 'nested', path, columns };
  }
  const name = p.ident();
  if (p.accept('FOR')) {
    p.expect('ORDINALITY');
    return { kind: 'ordinality', name };
  }
  const type = dataType(p);
  const collation = p.accept('COLLATE') ? collationName(p) : undefined;
  const kind = p.accept('EXISTS') ? 'exists' : 'path';
  p.expect('PATH');
  const path = literalString(p);
  const { onEmpty, onError } = jsonResponses(p, true);
  return { kind, name, type: collation === undefined ? type : { ...type, collation }, path, onEmpty, onError };
}
