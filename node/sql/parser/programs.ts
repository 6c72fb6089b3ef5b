import type {
  Block,
  CaseStatement,
  ColumnRef,
  Condition,
  Declaration,
  Expr,
  FetchCursor,
  GetDiagnostics,
  If,
  Signal,
  Statement,
  UserVariable,
} from './ast.ts';
import { dataType } from './data-types.ts';
import { NOT_LABELS } from './keywords.ts';
import type { Parser } from './parser.ts';
import { userVariable } from './variables.ts';

/** Statements that only stored programs have; undefined where none begins. */
export function programStatement(p: Parser): Statement | undefined {
  const start = p.start;
  switch (p.t) {
    case 'BEGIN':
      return block(p, start, undefined);
    case 'IF':
      return ifStatement(p);
    case 'CASE':
      return caseStatement(p);
    case 'LOOP':
    case 'WHILE':
    case 'REPEAT':
      return loop(p, start, undefined);
    case 'LEAVE':
    case 'ITERATE': {
      const kind = p.t === 'LEAVE' ? 'leave' : 'iterate';
      p.next();
      return { kind, start, label: p.ident(), end: p.prevEnd };
    }
    case 'RETURN':
      p.next();
      return { kind: 'return', start, value: p.grammar.expr(p), end: p.prevEnd };
    case 'OPEN':
    case 'CLOSE': {
      const kind = p.t === 'OPEN' ? 'openCursor' : 'closeCursor';
      p.next();
      return { kind, start, name: p.ident(), end: p.prevEnd };
    }
    case 'FETCH':
      return fetch(p);
    default:
      return p.isIdent() && !NOT_LABELS.has(p.t) && p.peek() === ':' ? labelled(p) : undefined;
  }
}

function labelled(p: Parser): Statement {
  const start = p.start;
  const label = p.ident();
  p.expect(':');
  return p.is('BEGIN') ? block(p, start, label) : loop(p, start, label);
}

function closeLabel(p: Parser, label: string | undefined): void {
  if (label === undefined || !p.isIdent()) return;
  const at = p.start;
  if (p.ident().toLowerCase() !== label.toLowerCase()) p.fail(at);
}

/** Statements up to a word that ends them. */
function statements(p: Parser, ends: (t: string) => boolean): Statement[] {
  const body: Statement[] = [];
  p.enter();
  while (!ends(p.t)) {
    body.push(p.grammar.statement(p));
    p.expect(';');
  }
  p.leave();
  return body;
}

function block(p: Parser, start: number, label: string | undefined): Block {
  p.expect('BEGIN');
  const declarations: Declaration[] = [];
  while (p.t === 'DECLARE') {
    declarations.push(declaration(p));
    p.expect(';');
  }
  const body = statements(p, (t) => t === 'END');
  p.expect('END');
  closeLabel(p, label);
  return { kind: 'block', start, end: p.prevEnd, label, declarations, body };
}

function declaration(p: Parser): Declaration {
  p.expect('DECLARE');
  const action = p.t === 'CONTINUE' || p.t === 'EXIT' || p.t === 'UNDO' ? p.t : undefined;
  if (action !== undefined) {
    p.next();
    p.expect('HANDLER');
    p.expect('FOR');
    const conditions = p.list((q) => condition(q, true));
    const body = p.grammar.statement(p);
    return { kind: 'declareHandler', action: action === 'EXIT' ? 'exit' : 'continue', conditions, body };
  }
  const names = p.list((q) => q.ident());
  const name = names[0] as string;
  if (names.length === 1 && p.accept('CONDITION')) {
    p.expect('FOR');
    return { kind: 'declareCondition', name, condition: condition(p, false) };
  }
  if (names.length === 1 && p.accept('CURSOR')) {
    p.expect('FOR');
    return { kind: 'declareCursor', name, query: p.grammar.query(p) };
  }
  const type = dataType(p, true);
  const value = p.accept('DEFAULT') ? p.grammar.expr(p) : undefined;
  return { kind: 'declareVariables', names, type, value };
}

function condition(p: Parser, classes: boolean): Condition {
  if (p.t === 'int') return { kind: 'errno', value: p.number() };
  if (p.accept('SQLSTATE')) {
    p.accept('VALUE');
    return { kind: 'sqlState', value: p.text() };
  }
  if (classes) {
    if (p.accept('SQLWARNING')) return { kind: 'sqlWarning' };
    if (p.accept('SQLEXCEPTION')) return { kind: 'sqlException' };
    if (p.t === 'NOT') {
      p.next();
      p.expect('FOUND');
      return { kind: 'notFound' };
    }
    return { kind: 'named', name: p.ident() };
  }
  return p.fail();
}

const isIfEnd = (t: string): boolean => t === 'ELSEIF' || t === 'ELSE' || t === 'END';

function ifStatement(p: Parser): If {
  const start = p.start;
  const branches: { condition: Expr; body: Statement[] }[] = [];
  do {
    p.next();
    const test = p.grammar.expr(p);
    p.expect('THEN');
    branches.push({ condition: test, body: some(p, isIfEnd) });
  } while (p.t === 'ELSEIF');
  const otherwise = p.accept('ELSE') ? some(p, (t) => t === 'END') : undefined;
  p.expect('END');
  p.expect('IF');
  return { kind: 'if', start, end: p.prevEnd, branches, otherwise };
}

/** At least one statement. */
function some(p: Parser, ends: (t: string) => boolean): Statement[] {
  const body = statements(p, ends);
  if (body.length === 0) p.fail();
  return body;
}

const isCaseEnd = (t: string): boolean => t === 'WHEN' || t === 'ELSE' || t === 'END';

function caseStatement(p: Parser): CaseStatement {
  const start = p.start;
  p.next();
  const operand = p.t === 'WHEN' ? undefined : p.grammar.expr(p);
  const branches: { when: Expr; body: Statement[] }[] = [];
  do {
    p.expect('WHEN');
    const when = p.grammar.expr(p);
    p.expect('THEN');
    branches.push({ when, body: some(p, isCaseEnd) });
  } while (p.t === 'WHEN');
  const otherwise = p.accept('ELSE') ? some(p, (t) => t === 'END') : undefined;
  p.expect('END');
  p.expect('CASE');
  return { kind: 'caseStatement', start, end: p.prevEnd, operand, branches, otherwise };
}

function loop(p: Parser, start: number, label: string | undefined): Statement {
  const word = p.expectAny('LOOP', 'WHILE', 'REPEAT');
  if (word === 'LOOP') {
    const body = some(p, (t) => t === 'END');
    p.expect('END');
    p.expect('LOOP');
    closeLabel(p, label);
    return { kind: 'loop', start, end: p.prevEnd, label, body };
  }
  if (word === 'WHILE') {
    const test = p.grammar.expr(p);
    p.expect('DO');
    const body = some(p, (t) => t === 'END');
    p.expect('END');
    p.expect('WHILE');
    closeLabel(p, label);
    return { kind: 'while', start, end: p.prevEnd, label, condition: test, body };
  }
  const body = some(p, (t) => t === 'UNTIL');
  p.expect('UNTIL');
  const until = p.grammar.expr(p);
  p.expect('END');
  p.expect('REPEAT');
  closeLabel(p, label);
  return { kind: 'repeat', start, end: p.prevEnd, label, body, until };
}

function fetch(p: Parser): FetchCursor {
  const start = p.start;
  p.next();
  if (p.is('NEXT') && p.peek() === 'FROM') p.next();
  p.accept('FROM');
  const name = p.ident();
  p.expect('INTO');
  return { kind: 'fetchCursor', start, name, targets: p.list((q) => q.ident()), end: p.prevEnd };
}

const SIGNAL_ITEMS = [
  'CLASS_ORIGIN',
  'SUBCLASS_ORIGIN',
  'CONSTRAINT_CATALOG',
  'CONSTRAINT_SCHEMA',
  'CONSTRAINT_NAME',
  'CATALOG_NAME',
  'SCHEMA_NAME',
  'TABLE_NAME',
  'COLUMN_NAME',
  'CURSOR_NAME',
  'MESSAGE_TEXT',
  'MYSQL_ERRNO',
];

/** A literal, a variable or a name: no larger expression. */
function plainValue(p: Parser): Expr {
  if (p.t === '(' || p.t === '-' || p.t === '+') p.fail();
  if (!p.isIdent() || p.t === 'introducer') return p.grammar.literal(p);
  const { start, schema, name } = p.qualified();
  return { kind: 'column', start, end: p.prevEnd, schema: undefined, table: schema, name };
}

/** SIGNAL and RESIGNAL: allowed outside stored programs, too. */
export function signal(p: Parser): Signal {
  const start = p.start;
  const kind = p.t === 'SIGNAL' ? 'signal' : 'resignal';
  p.next();
  let what: Condition | undefined;
  if (p.accept('SQLSTATE')) {
    p.accept('VALUE');
    what = { kind: 'sqlState', value: p.text() };
  } else if (p.isIdent()) what = { kind: 'named', name: p.ident() };
  else if (kind === 'signal') p.fail();
  const items = p.accept('SET')
    ? p.list((q) => {
        const name = q.expectAny(...SIGNAL_ITEMS).toLowerCase();
        q.expect('=');
        return { name, value: plainValue(q) };
      })
    : [];
  return { kind, start, end: p.prevEnd, condition: what, items };
}

function diagnosticsTarget(p: Parser): UserVariable | ColumnRef {
  if (p.t === 'variable') return userVariable(p);
  const start = p.start;
  const name = p.ident();
  return { kind: 'column', start, end: p.prevEnd, schema: undefined, table: undefined, name };
}

export function getDiagnostics(p: Parser): GetDiagnostics {
  const start = p.start;
  p.next();
  const area = p.acceptAny('CURRENT', 'STACKED') === 'STACKED' ? 'stacked' : 'current';
  p.expect('DIAGNOSTICS');
  const number = p.accept('CONDITION') ? plainValue(p) : undefined;
  const names = number === undefined ? ['NUMBER', 'ROW_COUNT'] : [...SIGNAL_ITEMS, 'RETURNED_SQLSTATE'];
  const items = p.list((q) => {
    const target = diagnosticsTarget(q);
    q.expect('=');
    return { target, name: q.expectAny(...names).toLowerCase() };
  });
  return { kind: 'getDiagnostics', start, end: p.prevEnd, area, condition: number, items };
}
