import type { Describe, Explain, Show, ShowFilter, ShowSubject, Statement } from './ast.ts';
import { account, role } from './accounts.ts';
import { acceptCharset } from './data-types.ts';
import type { Parser } from './parser.ts';
import { limitClause } from './queries.ts';
import { userVariable } from './variables.ts';

type Details = { -readonly [K in keyof NonNullable<Show['details']>]: NonNullable<Show['details']>[K] };
type MutableShow = { -readonly [K in Exclude<keyof Show, 'kind' | 'start' | 'end'>]: Show[K] };

const details = (some: Partial<Details>): Details => ({
  types: [],
  query: undefined,
  file: undefined,
  position: undefined,
  channel: undefined,
  ...some,
});

/** SHOW in all its forms. */
export function show(p: Parser): Show {
  const start = p.start;
  p.next();
  const node: MutableShow = {
    subject: 'databases',
    full: false,
    extended: false,
    scope: undefined,
    ifNotExists: false,
    name: undefined,
    from: undefined,
    filter: undefined,
    account: undefined,
    using: undefined,
    limit: undefined,
    details: undefined,
  };
  node.subject = subject(p, node);
  return { kind: 'show', start, end: p.prevEnd, ...node };
}

function filter(p: Parser): ShowFilter {
  if (p.accept('LIKE')) return { kind: 'like', pattern: p.text() };
  return p.accept('WHERE') ? { kind: 'where', expr: p.grammar.expr(p) } : undefined;
}

function fromDatabase(p: Parser): string | undefined {
  return p.acceptAny('FROM', 'IN') === undefined ? undefined : p.ident();
}

/** FROM table [FROM db] */
function fromTable(p: Parser, node: MutableShow): void {
  p.expectAny('FROM', 'IN');
  node.name = p.qualified();
  node.from = fromDatabase(p);
}

function filtered(p: Parser, node: MutableShow, name: ShowSubject): ShowSubject {
  node.filter = filter(p);
  return name;
}

function subject(p: Parser, node: MutableShow): ShowSubject {
  const t = p.t;
  switch (t) {
    case 'EXTENDED':
    case 'FULL':
      return fullSubject(p, node);
    case 'TABLES':
    case 'COLUMNS':
    case 'FIELDS':
    case 'PROCESSLIST':
      return fullSubject(p, node);
    case 'DATABASES':
    case 'SCHEMAS':
      p.next();
      return filtered(p, node, 'databases');
    case 'INDEX':
    case 'INDEXES':
    case 'KEYS':
      p.next();
      fromTable(p, node);
      if (p.accept('WHERE')) node.filter = { kind: 'where', expr: p.grammar.expr(p) };
      return 'index';
    case 'TRIGGERS':
    case 'EVENTS':
      p.next();
      node.from = fromDatabase(p);
      return filtered(p, node, t === 'EVENTS' ? 'events' : 'triggers');
    case 'OPEN':
      p.next();
      p.expect('TABLES');
      node.from = fromDatabase(p);
      return filtered(p, node, 'openTables');
    case 'TABLE':
      p.next();
      p.expect('STATUS');
      node.from = fromDatabase(p);
      return filtered(p, node, 'tableStatus');
    case 'GLOBAL':
    case 'SESSION':
    case 'LOCAL':
      p.next();
      node.scope = t === 'GLOBAL' ? 'global' : 'session';
      return filtered(p, node, p.expectAny('STATUS', 'VARIABLES') === 'STATUS' ? 'status' : 'variables');
    case 'STATUS':
    case 'VARIABLES':
      p.next();
      return filtered(p, node, t === 'STATUS' ? 'status' : 'variables');
    case 'CHARSET':
    case 'CHARACTER':
    case 'CHAR':
      if (!acceptCharset(p)) p.fail(p.end);
      return filtered(p, node, 'characterSet');
    case 'COLLATION':
      p.next();
      return filtered(p, node, 'collation');
    case 'PROCEDURE':
    case 'FUNCTION':
    case 'LIBRARY': {
      p.next();
      if (t !== 'LIBRARY' && p.accept('CODE')) {
        node.name = p.qualified();
        return t === 'PROCEDURE' ? 'procedureCode' : 'functionCode';
      }
      p.expect('STATUS');
      return filtered(
        p,
        node,
        t === 'PROCEDURE' ? 'procedureStatus' : t === 'FUNCTION' ? 'functionStatus' : 'libraryStatus',
      );
    }
    case 'STORAGE':
    case 'ENGINES':
      if (t === 'STORAGE') p.next();
      p.expect('ENGINES');
      return 'engines';
    case 'PLUGINS':
    case 'PRIVILEGES':
    case 'PROFILES':
    case 'REPLICAS':
      p.next();
      return t.toLowerCase() as ShowSubject;
    case 'WARNINGS':
    case 'ERRORS':
      p.next();
      if (p.t === 'LIMIT') node.limit = limitClause(p);
      return t === 'WARNINGS' ? 'warnings' : 'errors';
    case 'GRANTS':
      p.next();
      if (p.accept('FOR')) {
        node.account = account(p);
        if (p.accept('USING')) node.using = p.list(role);
      }
      return 'grants';
    case 'CREATE':
      p.next();
      return createSubject(p, node);
    case 'ENGINE':
      return engineSubject(p, node);
    case 'PROFILE':
      return profile(p, node);
    case 'BINARY':
    case 'BINLOG':
    case 'RELAYLOG':
    case 'REPLICA':
      return logSubject(p, node, t);
    default:
      if (p.isWord('count')) return countSubject(p);
      return p.fail();
  }
}

/** COUNT(*) WARNINGS, COUNT(*) ERRORS */
function countSubject(p: Parser): ShowSubject {
  p.next();
  p.expect('(');
  p.expect('*');
  p.expect(')');
  return p.expectAny('WARNINGS', 'ERRORS') === 'WARNINGS' ? 'warningsCount' : 'errorsCount';
}

function fullSubject(p: Parser, node: MutableShow): ShowSubject {
  node.extended = p.accept('EXTENDED');
  node.full = p.accept('FULL');
  if (node.extended && !node.full && p.acceptAny('INDEX', 'INDEXES', 'KEYS') !== undefined) {
    fromTable(p, node);
    if (p.accept('WHERE')) node.filter = { kind: 'where', expr: p.grammar.expr(p) };
    return 'index';
  }
  if (node.full && !node.extended && p.accept('PROCESSLIST')) return 'processlist';
  if (!node.full && !node.extended && p.accept('PROCESSLIST')) return 'processlist';
  if (p.accept('TABLES')) {
    node.from = fromDatabase(p);
    return filtered(p, node, 'tables');
  }
  // FULL says nothing more of them.
  if (node.full && !node.extended && p.accept('TRIGGERS')) {
    node.from = fromDatabase(p);
    return filtered(p, node, 'triggers');
  }
  p.expectAny('COLUMNS', 'FIELDS');
  fromTable(p, node);
  return filtered(p, node, 'columns');
}

function createSubject(p: Parser, node: MutableShow): ShowSubject {
  const t = p.t;
  p.next();
  switch (t) {
    case 'DATABASE':
    case 'SCHEMA': {
      node.ifNotExists = p.ifNotExists();
      const start = p.start;
      node.name = { kind: 'name', start, schema: undefined, name: p.ident(), end: p.prevEnd };
      return 'createDatabase';
    }
    case 'TABLE':
      node.name = p.qualified();
      return 'createTable';
    case 'VIEW':
      node.name = p.qualified();
      return 'createView';
    case 'TRIGGER':
      node.name = p.qualified();
      return 'createTrigger';
    case 'PROCEDURE':
      node.name = p.qualified();
      return 'createProcedure';
    case 'FUNCTION':
      node.name = p.qualified();
      return 'createFunction';
    case 'EVENT':
      node.name = p.qualified();
      return 'createEvent';
    case 'LIBRARY':
      node.name = p.qualified();
      return 'createLibrary';
    case 'USER':
      node.account = account(p);
      return 'createUser';
    default:
      return p.failBefore();
  }
}

function engineSubject(p: Parser, node: MutableShow): ShowSubject {
  p.next();
  if (!p.accept('ALL')) {
    const start = p.start;
    node.name = { kind: 'name', start, schema: undefined, name: p.identOrText(), end: p.prevEnd };
  }
  const word = p.expectAny('STATUS', 'MUTEX', 'LOGS');
  return word === 'STATUS' ? 'engineStatus' : word === 'MUTEX' ? 'engineMutex' : 'engineLogs';
}

function profile(p: Parser, node: MutableShow): ShowSubject {
  p.next();
  const types: string[] = [];
  const kinds = ['CPU', 'MEMORY', 'BLOCK', 'CONTEXT', 'PAGE', 'IPC', 'SWAPS', 'SOURCE', 'ALL'];
  if (kinds.includes(p.t)) {
    do {
      const word = p.expectAny(...kinds);
      if (word === 'BLOCK') p.expect('IO');
      else if (word === 'CONTEXT') p.expect('SWITCHES');
      else if (word === 'PAGE') p.expect('FAULTS');
      types.push(word.toLowerCase());
    } while (p.accept(','));
  }
  let query: number | undefined;
  if (p.accept('FOR')) {
    p.expect('QUERY');
    query = p.number();
  }
  if (p.t === 'LIMIT') node.limit = limitClause(p);
  node.details = details({ types, query });
  return 'profile';
}

export function channel(p: Parser): string | undefined {
  if (!p.accept('FOR')) return undefined;
  p.expect('CHANNEL');
  return p.identOrText();
}

function logSubject(p: Parser, node: MutableShow, t: string): ShowSubject {
  p.next();
  if (t === 'BINARY') {
    if (p.accept('LOGS')) return 'binaryLogs';
    p.expect2('LOG', 'STATUS');
    return 'binaryLogStatus';
  }
  if (t === 'REPLICA') {
    p.expect('STATUS');
    node.details = details({ channel: channel(p) });
    return 'replicaStatus';
  }
  p.expect('EVENTS');
  const file = p.accept('IN') ? p.text() : undefined;
  const position = p.accept('FROM') ? p.uint64() : undefined;
  if (p.t === 'LIMIT') node.limit = limitClause(p);
  node.details = details({ file, position, channel: t === 'RELAYLOG' ? channel(p) : undefined });
  return t === 'RELAYLOG' ? 'relaylogEvents' : 'binlogEvents';
}

const isExplainable = (t: string): boolean =>
  t === 'SELECT' ||
  t === 'TABLE' ||
  t === 'VALUES' ||
  t === 'WITH' ||
  t === '(' ||
  t === 'INSERT' ||
  t === 'REPLACE' ||
  t === 'UPDATE' ||
  t === 'DELETE';

/** EXPLAIN, DESCRIBE, DESC. */
export function explain(p: Parser): Describe | Explain {
  const start = p.start;
  p.next();
  let analyze = false;
  let format: string | undefined;
  let into: string | undefined;
  if (p.t === 'ANALYZE') {
    p.next();
    analyze = true;
  }
  if (p.t === 'FORMAT' && p.peek() === '=') {
    p.next();
    p.next();
    format = p.identOrText().toLowerCase();
    if (!['traditional', 'json', 'tree'].includes(format)) p.unknownFormat(format);
  }
  if (p.t === 'INTO' && (format !== undefined || !analyze)) {
    p.next();
    into = userVariable(p).name;
  }
  if (p.t === 'FOR') {
    p.next();
    if (p.accept('CONNECTION')) {
      const connection = p.number();
      return {
        kind: 'explain',
        start,
        end: p.prevEnd,
        analyze,
        format,
        into,
        forSchema: undefined,
        statement: undefined,
        connection,
      };
    }
    p.expectAny('DATABASE', 'SCHEMA');
    const forSchema = p.ident();
    return explained(p, start, { analyze, format, into, forSchema });
  }
  if (isExplainable(p.t) || analyze || format !== undefined || into !== undefined) {
    return explained(p, start, { analyze, format, into, forSchema: undefined });
  }
  const table = p.qualified();
  const column = p.t === 'string' || p.isIdent() ? p.identOrText() : undefined;
  return { kind: 'describe', start, end: p.prevEnd, table, column };
}

function explained(
  p: Parser,
  start: number,
  head: Pick<Explain, 'analyze' | 'format' | 'into' | 'forSchema'>,
): Explain {
  if (!isExplainable(p.t)) p.fail();
  const statement: Statement = p.grammar.statement(p);
  return { kind: 'explain', start, end: p.prevEnd, ...head, statement, connection: undefined };
}
