import type {
  Assignment,
  CallProcedure,
  ColumnRef,
  Delete,
  Do,
  Expr,
  HandlerClose,
  HandlerOpen,
  HandlerRead,
  Insert,
  InsertSource,
  LoadData,
  QualifiedName,
  TableExpr,
  Update,
  UserVariable,
  With,
} from './ast.ts';
import { orderBy } from './aggregates.ts';
import { acceptCharset, charsetName } from './data-types.ts';
import type { Parser } from './parser.ts';
import { fieldOptions, limitClause, lineOptions } from './queries.ts';
import { partitionNames, tableAlias, tableList } from './table-references.ts';
import { userVariable } from './variables.ts';

/** A value that may be DEFAULT. */
function value(p: Parser): Expr {
  if (p.t !== 'DEFAULT') return p.grammar.expr(p);
  if (p.peek() === '(') return p.grammar.expr(p);
  const start = p.start;
  p.next();
  return { kind: 'default', start, end: p.prevEnd };
}

function columnName(p: Parser): ColumnRef {
  const start = p.start;
  const names = [p.ident()];
  while (names.length < 3 && p.accept('.')) names.push(p.identAfterPoint());
  const name = names.pop() as string;
  const table = names.pop();
  return { kind: 'column', start, end: p.prevEnd, schema: names.pop(), table, name };
}

function assignment(p: Parser): Assignment {
  const column = columnName(p);
  if (!p.accept('=')) p.expect(':=');
  return { start: column.start, column, value: value(p), end: p.prevEnd };
}

const NO_ASSIGNMENTS: readonly Assignment[] = Object.freeze([]);

/** INSERT and REPLACE. */
export function insert(p: Parser): Insert {
  const start = p.start;
  const replace = p.t === 'REPLACE';
  p.next();
  const hints = p.takeHint();
  let priority: Insert['priority'];
  if (p.t === 'LOW_PRIORITY') priority = 'low';
  else if (p.t === 'DELAYED') priority = 'delayed';
  else if (p.t === 'HIGH_PRIORITY' && !replace) priority = 'high';
  if (priority !== undefined) p.next();
  const ignore = !replace && p.accept('IGNORE');
  p.accept('INTO');
  const table = p.qualified();
  const partitions = partitionNames(p);
  let columns: readonly ColumnRef[] | undefined;
  let source: InsertSource;
  if (p.accept('SET')) source = { kind: 'assignments', assignments: p.list(assignment) };
  else {
    if (p.t === '(' && !p.parensHoldQuery()) {
      p.next();
      columns = p.is(')') ? [] : p.list(columnName);
      p.expect(')');
    }
    source = insertSource(p);
  }
  let alias: Insert['alias'];
  if (!replace && source.kind !== 'select' && p.accept('AS')) {
    const name = p.ident();
    alias = { table: name, columns: p.t === '(' ? p.identList() : undefined };
  }
  let onDuplicate = NO_ASSIGNMENTS;
  if (!replace && p.accept('ON')) {
    p.expect2('DUPLICATE', 'KEY');
    p.expect('UPDATE');
    onDuplicate = p.list(assignment);
  }
  return {
    kind: 'insert',
    start,
    end: p.prevEnd,
    replace,
    hints,
    priority,
    ignore,
    table,
    partitions,
    columns,
    source,
    alias,
    onDuplicate,
  };
}

function insertSource(p: Parser): InsertSource {
  const t = p.t;
  if (t === 'VALUE' || (t === 'VALUES' && p.peek() !== 'ROW')) {
    p.next();
    return { kind: 'rows', rows: p.list(valuesRow) };
  }
  if (t !== 'SELECT' && t !== 'WITH' && t !== 'TABLE' && t !== 'VALUES' && t !== '(') p.fail();
  return { kind: 'select', query: p.grammar.query(p) };
}

function valuesRow(p: Parser): Expr[] {
  p.expect('(');
  const row: Expr[] = [];
  if (p.t !== ')') {
    row.push(value(p));
    while (p.accept(',')) row.push(value(p));
  }
  p.expect(')');
  return row;
}

export function update(p: Parser, start: number, withClause: With | undefined): Update {
  p.next();
  const hints = p.takeHint();
  const lowPriority = p.accept('LOW_PRIORITY');
  const ignore = p.accept('IGNORE');
  const tables = tableList(p);
  p.expect('SET');
  const assignments = p.list(assignment);
  const where = p.accept('WHERE') ? p.grammar.expr(p) : undefined;
  const order = orderBy(p);
  const limit = p.t === 'LIMIT' ? simpleLimit(p) : undefined;
  return {
    kind: 'update',
    start,
    end: p.prevEnd,
    with: withClause,
    hints,
    lowPriority,
    ignore,
    tables,
    assignments,
    where,
    orderBy: order,
    limit,
  };
}

/** LIMIT n: UPDATE and DELETE take no offset. */
function simpleLimit(p: Parser): Update['limit'] {
  const mark = p.mark();
  const limit = limitClause(p);
  if (limit.offset === undefined) return limit;
  p.reset(mark);
  p.next();
  p.next();
  return p.fail();
}

export function deleteStatement(p: Parser, start: number, withClause: With | undefined): Delete {
  p.next();
  const hints = p.takeHint();
  const words = new Set<string>();
  for (let word = p.acceptAny('LOW_PRIORITY', 'QUICK', 'IGNORE'); word !== undefined;) {
    words.add(word);
    word = p.acceptAny('LOW_PRIORITY', 'QUICK', 'IGNORE');
  }
  let targets: readonly QualifiedName[];
  let from: readonly TableExpr[] | undefined;
  let alias: string | undefined;
  let partitions: readonly string[] | undefined;
  if (p.t !== 'FROM') {
    targets = p.list(deleteTarget);
    p.expect('FROM');
    from = tableList(p);
  } else {
    p.next();
    targets = p.list(deleteTarget);
    if (p.accept('USING')) from = tableList(p);
    else {
      if (targets.length > 1 || p.sql.charCodeAt(p.prevEnd - 1) === 42) p.fail();
      alias = tableAlias(p);
      partitions = partitionNames(p);
    }
  }
  const where = p.accept('WHERE') ? p.grammar.expr(p) : undefined;
  const order = from === undefined ? orderBy(p) : [];
  const limit = from === undefined && p.t === 'LIMIT' ? simpleLimit(p) : undefined;
  return {
    kind: 'delete',
    start,
    end: p.prevEnd,
    with: withClause,
    hints,
    lowPriority: words.has('LOW_PRIORITY'),
    quick: words.has('QUICK'),
    ignore: words.has('IGNORE'),
    targets,
    from,
    alias,
    partitions,
    where,
    orderBy: order,
    limit,
  };
}

/** t, db.t, t.*, db.t.* */
function deleteTarget(p: Parser): QualifiedName {
  const start = p.start;
  let name = p.ident();
  let schema: string | undefined;
  if (p.accept('.')) {
    if (!p.accept('*')) {
      schema = name;
      name = p.identAfterPoint();
      if (p.accept('.')) p.expect('*');
    }
  }
  return { kind: 'name', start, end: p.prevEnd, schema, name };
}

export function loadData(p: Parser): LoadData {
  const start = p.start;
  p.next();
  const format = p.expectAny('DATA', 'XML') === 'XML' ? 'xml' : 'data';
  const word = p.acceptAny('LOW_PRIORITY', 'CONCURRENT');
  const local = p.accept('LOCAL');
  const from = p.expectAny('INFILE', 'FROM');
  let source: LoadData['source'] = 'infile';
  if (from === 'FROM' || p.t === 'URL' || p.t === 'S3') {
    const kind = p.acceptAny('INFILE', 'URL', 'S3');
    if (kind === 'URL') source = 'url';
    else if (kind === 'S3') source = 's3';
  }
  const file = p.text();
  const duplicates = p.acceptAny('REPLACE', 'IGNORE')?.toLowerCase() as LoadData['duplicates'];
  p.expect2('INTO', 'TABLE');
  const table = p.qualified();
  const partitions = partitionNames(p);
  const charset = acceptCharset(p) ? charsetName(p) : undefined;
  let rowTag: string | undefined;
  if (format === 'xml' && p.accept('ROWS')) {
    p.expect2('IDENTIFIED', 'BY');
    rowTag = p.text();
  }
  const fields = fieldOptions(p);
  const lines = lineOptions(p);
  let ignoreLines = 0;
  if (p.accept('IGNORE')) {
    ignoreLines = p.number();
    p.expectAny('LINES', 'ROWS');
  }
  let targets: (ColumnRef | UserVariable)[] = [];
  if (p.accept('(')) {
    if (p.t !== ')') targets = p.list((q) => (q.t === 'variable' ? userVariable(q) : columnName(q)));
    p.expect(')');
  }
  const assignments = p.accept('SET') ? p.list(assignment) : NO_ASSIGNMENTS;
  if (p.t === 'PARALLEL' || p.t === 'MEMORY' || p.t === 'ALGORITHM') bulkOptions(p);
  return {
    kind: 'loadData',
    start,
    end: p.prevEnd,
    format,
    local,
    priority: word === undefined ? undefined : word === 'CONCURRENT' ? 'concurrent' : 'low',
    source,
    file,
    duplicates,
    table,
    partitions,
    charset,
    rowTag,
    fields,
    lines,
    ignoreLines,
    targets,
    assignments,
  };
}

/** PARALLEL = n, MEMORY = n, ALGORITHM = BULK: read, and of no effect here. */
function bulkOptions(p: Parser): void {
  if (p.accept('PARALLEL')) {
    p.accept('=');
    p.number();
  }
  if (p.accept('MEMORY')) {
    p.accept('=');
    if (p.isIdent()) p.ident();
    else p.number();
  }
  if (p.accept('ALGORITHM')) {
    p.accept('=');
    p.expect('BULK');
  }
}

export function callProcedure(p: Parser): CallProcedure {
  const start = p.start;
  p.next();
  const name = p.qualified();
  let args: readonly Expr[] = [];
  if (p.accept('(')) {
    if (p.t !== ')') args = p.list((q) => q.grammar.expr(q));
    p.expect(')');
  }
  return { kind: 'callProcedure', start, end: p.prevEnd, name, args };
}

/** DO expr, …: its expressions may even have aliases. */
export function doStatement(p: Parser): Do {
  const start = p.start;
  p.next();
  const exprs = p.list((q) => {
    const expr = q.grammar.expr(q);
    if (q.accept('AS')) q.identOrText();
    else if (q.isIdent() || q.t === 'string') q.identOrText();
    return expr;
  });
  return { kind: 'do', start, end: p.prevEnd, exprs };
}

export function handler(p: Parser): HandlerOpen | HandlerClose | HandlerRead {
  const start = p.start;
  p.next();
  const table = p.qualified();
  const word = p.expectAny('OPEN', 'CLOSE', 'READ');
  if (word === 'OPEN') return { kind: 'handlerOpen', table, alias: tableAlias(p), start, end: p.prevEnd };
  if (word === 'CLOSE') return { kind: 'handlerClose', table, start, end: p.prevEnd };
  let index: string | undefined;
  let position: HandlerRead['position'];
  const plain = p.acceptAny('FIRST', 'NEXT');
  if (plain !== undefined) position = { kind: plain.toLowerCase() as 'first' | 'next' };
  else {
    index = p.ident();
    const step = p.acceptAny('FIRST', 'NEXT', 'PREV', 'LAST');
    if (step !== undefined) position = { kind: step.toLowerCase() as 'first' };
    else {
      const op = p.expectAny('=', '<', '<=', '>', '>=') as '=';
      position = { kind: 'key', op, values: p.parenList(value) };
    }
  }
  const where = p.accept('WHERE') ? p.grammar.expr(p) : undefined;
  const limit = p.t === 'LIMIT' ? limitClause(p) : undefined;
  return { kind: 'handlerRead', start, end: p.prevEnd, table, index, position, where, limit };
}
