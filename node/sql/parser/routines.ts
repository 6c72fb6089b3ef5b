import type {
  Account,
  AlterEvent,
  AlterLibrary,
  AlterRoutine,
  Characteristics,
  CreateEvent,
  CreateLibrary,
  CreateLoadable,
  CreateRoutine,
  CreateTrigger,
  DropRoutine,
  EventSchedule,
  QualifiedName,
  RoutineParameter,
  Statement,
} from './ast.ts';
import { dataType } from './data-types.ts';
import type { Parser } from './parser.ts';
import { intervalUnit } from './units.ts';

type Mutable = { -readonly [K in keyof Characteristics]: Characteristics[K] };

/** Characteristics in any order; later ones win. */
function characteristics(p: Parser, create: boolean): { all: Mutable; count: number } {
  const all: Mutable = {
    comment: undefined,
    language: undefined,
    deterministic: undefined,
    dataAccess: undefined,
    security: undefined,
    libraries: [],
  };
  for (let count = 0; ; count++) {
    switch (p.t) {
      case 'COMMENT':
        p.next();
        all.comment = p.text();
        break;
      case 'LANGUAGE':
        p.next();
        all.language = p.accept('SQL') ? 'sql' : p.ident().toLowerCase();
        break;
      case 'NO':
        p.next();
        p.expect('SQL');
        all.dataAccess = 'noSql';
        break;
      case 'CONTAINS':
        p.next();
        p.expect('SQL');
        all.dataAccess = 'containsSql';
        break;
      case 'READS':
      case 'MODIFIES':
        all.dataAccess = p.t === 'READS' ? 'readsSqlData' : 'modifiesSqlData';
        p.next();
        p.expect('SQL');
        p.expect('DATA');
        break;
      case 'SQL':
        p.next();
        p.expect('SECURITY');
        all.security = p.expectAny('DEFINER', 'INVOKER') === 'DEFINER' ? 'definer' : 'invoker';
        break;
      case 'USING':
        p.next();
        all.libraries = usedLibraries(p);
        break;
      case 'DETERMINISTIC':
      case 'NOT':
        if (!create) return { all, count };
        all.deterministic = !p.accept('NOT');
        p.expect('DETERMINISTIC');
        break;
      default:
        return { all, count };
    }
  }
}

/** (lib AS alias, …), which may be empty. */
function usedLibraries(p: Parser): Characteristics['libraries'] {
  p.expect('(');
  const libraries = p.is(')')
    ? []
    : p.list((q) => {
        const name = q.qualified();
        return { name, alias: q.accept('AS') || q.isIdent() ? q.ident() : undefined };
      });
  p.expect(')');
  return libraries;
}

function parameter(p: Parser, procedure: boolean): RoutineParameter {
  let mode: RoutineParameter['mode'] = 'in';
  if (procedure) {
    const word = p.acceptAny('IN', 'OUT', 'INOUT');
    if (word !== undefined) mode = word.toLowerCase() as RoutineParameter['mode'];
  }
  const name = p.ident();
  return { mode, name, type: dataType(p, true) };
}

/** The body of a routine, trigger or event. */
function programBody(p: Parser, kind: 'procedure' | 'function' | 'trigger' | 'event'): Statement {
  const { inProgram, inFunction, inTrigger, labels } = p;
  p.inProgram = true;
  p.inFunction = kind === 'function';
  p.inTrigger = kind === 'trigger';
  p.labels = [];
  const body = p.grammar.statement(p);
  Object.assign(p, { inProgram, inFunction, inTrigger, labels });
  return body;
}

/** $$ … $$, $tag$ … $tag$, or a string: the code of a routine in another language. */
function foreignCode(p: Parser): string {
  if (p.t === 'string') return p.text();
  if (p.t === 'introducer') p.next();
  if (p.t === 'string' || p.t === 'hex' || p.t === 'bit') {
    const from = p.start;
    p.pinned.push(p.slot);
    p.next();
    return p.sql.slice(from, p.prevEnd);
  }
  const { sql, start } = p;
  if (p.t !== 'dollar') p.fail();
  const open = sql.indexOf('$', start + 1);
  if (open < 0) p.fail();
  const tag = sql.slice(start, open + 1);
  const close = sql.indexOf(tag, open + 1);
  if (close < 0) p.fail();
  p.pos = close + tag.length;
  p.end = p.pos;
  p.next();
  return sql.slice(open + 1, close);
}

/** PROCEDURE name (…) …, FUNCTION name (…) RETURNS …; `p` stands at the word. */
export function createRoutine(
  p: Parser,
  start: number,
  definer: Account | undefined,
  orReplace: boolean,
  aggregate: boolean,
): CreateRoutine | CreateLoadable {
  const type = p.expectAny('PROCEDURE', 'FUNCTION') === 'PROCEDURE' ? 'procedure' : 'function';
  const ifNotExists = p.ifNotExists();
  const name = p.qualified();
  if (type === 'function' && definer === undefined && (aggregate || p.t === 'RETURNS')) {
    return loadable(p, start, aggregate, ifNotExists, name);
  }
  p.expect('(');
  const parameters = p.t === ')' ? [] : p.list((q) => parameter(q, type === 'procedure'));
  p.expect(')');
  let returns: CreateRoutine['returns'];
  if (type === 'function') {
    p.expect('RETURNS');
    returns = dataType(p, true);
  }
  const { all } = characteristics(p, true);
  let body: Statement | undefined;
  let code: string | undefined;
  if (all.language !== undefined && all.language !== 'sql' && p.t === 'AS') {
    p.next();
    code = foreignCode(p);
  } else body = programBody(p, type);
  return {
    kind: 'createRoutine',
    start,
    end: p.prevEnd,
    type,
    orReplace,
    ifNotExists,
    definer,
    name,
    parameters,
    returns,
    characteristics: all,
    body,
    code,
  };
}

function loadable(
  p: Parser,
  start: number,
  aggregate: boolean,
  ifNotExists: boolean,
  name: QualifiedName,
): CreateLoadable {
  p.expect('RETURNS');
  const word = p.expectAny('STRING', 'INT', 'INTEGER', 'REAL', 'DECIMAL');
  const returns = word === 'INT' ? 'integer' : (word.toLowerCase() as CreateLoadable['returns']);
  p.expect('SONAME');
  return {
    kind: 'createLoadable',
    start,
    aggregate,
    ifNotExists,
    name: name.name,
    returns,
    library: p.text(),
    end: p.prevEnd,
  };
}

export function alterRoutine(p: Parser, start: number): AlterRoutine {
  const type = p.expectAny('PROCEDURE', 'FUNCTION') === 'PROCEDURE' ? 'procedure' : 'function';
  const name = p.qualified();
  const { all } = characteristics(p, false);
  return { kind: 'alterRoutine', start, type, name, characteristics: all, end: p.prevEnd };
}

export function createTrigger(
  p: Parser,
  start: number,
  definer: Account | undefined,
  orReplace: boolean,
): CreateTrigger {
  p.expect('TRIGGER');
  const ifNotExists = p.ifNotExists();
  const name = p.qualified();
  const time = p.expectAny('BEFORE', 'AFTER') === 'BEFORE' ? 'before' : 'after';
  const event = p.expectAny('INSERT', 'UPDATE', 'DELETE').toLowerCase() as CreateTrigger['event'];
  p.expect('ON');
  const table = p.qualified();
  p.expect('FOR');
  p.expect('EACH');
  p.expect('ROW');
  const word = p.acceptAny('FOLLOWS', 'PRECEDES');
  const order: CreateTrigger['order'] =
    word === undefined ? undefined : { kind: word === 'FOLLOWS' ? 'follows' : 'precedes', trigger: p.identOrText() };
  const body = programBody(p, 'trigger');
  return {
    kind: 'createTrigger',
    start,
    end: p.prevEnd,
    orReplace,
    ifNotExists,
    definer,
    name,
    time,
    event,
    table,
    order,
    body,
  };
}

function schedule(p: Parser): EventSchedule {
  if (p.accept('AT')) return { kind: 'at', at: p.grammar.expr(p) };
  p.expect('EVERY');
  const amount = p.grammar.expr(p);
  const unit = intervalUnit(p);
  const starts = p.accept('STARTS') ? p.grammar.expr(p) : undefined;
  const ends = p.accept('ENDS') ? p.grammar.expr(p) : undefined;
  return { kind: 'every', amount, unit, starts, ends };
}

function preserve(p: Parser): boolean {
  p.expect('COMPLETION');
  const not = p.accept('NOT');
  p.expect('PRESERVE');
  return !not;
}

function eventStatus(p: Parser): CreateEvent['status'] {
  if (p.accept('ENABLE')) return 'enable';
  if (!p.accept('DISABLE')) return undefined;
  if (!p.accept('ON')) return 'disable';
  p.expectAny('SLAVE', 'REPLICA');
  return 'disableOnReplica';
}

export function createEvent(p: Parser, start: number, definer: Account | undefined): CreateEvent {
  p.expect('EVENT');
  const ifNotExists = p.ifNotExists();
  const name = p.qualified();
  p.expect('ON');
  p.expect('SCHEDULE');
  const when = schedule(p);
  const keep = p.accept('ON') ? preserve(p) : undefined;
  const status = eventStatus(p);
  const comment = p.accept('COMMENT') ? p.text() : undefined;
  p.expect('DO');
  const body = programBody(p, 'event');
  return {
    kind: 'createEvent',
    start,
    end: p.prevEnd,
    ifNotExists,
    definer,
    name,
    schedule: when,
    preserve: keep,
    status,
    comment,
    body,
  };
}

export function alterEvent(p: Parser, start: number, definer: Account | undefined): AlterEvent {
  p.expect('EVENT');
  const name = p.qualified();
  let when: EventSchedule | undefined;
  let keep: boolean | undefined;
  if (p.t === 'ON' && p.peek() === 'SCHEDULE') {
    p.next();
    p.next();
    when = schedule(p);
  }
  if (p.accept('ON')) keep = preserve(p);
  let renameTo: QualifiedName | undefined;
  if (p.accept('RENAME')) {
    p.expect('TO');
    renameTo = p.qualified();
  }
  const status = eventStatus(p);
  const comment = p.accept('COMMENT') ? p.text() : undefined;
  const body = p.accept('DO') ? programBody(p, 'event') : undefined;
  if (p.prevEnd === name.end) p.fail();
  return {
    kind: 'alterEvent',
    start,
    end: p.prevEnd,
    definer,
    name,
    schedule: when,
    preserve: keep,
    renameTo,
    status,
    comment,
    body,
  };
}

export function dropRoutine(p: Parser, start: number): DropRoutine {
  const type = p.expectAny('PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'LIBRARY').toLowerCase() as DropRoutine['type'];
  const ifExists = p.ifExists();
  return { kind: 'dropRoutine', start, type, ifExists, name: p.qualified(), end: p.prevEnd };
}

export function createLibrary(p: Parser, start: number, orReplace: boolean): CreateLibrary {
  p.expect('LIBRARY');
  const ifNotExists = p.ifNotExists();
  const name = p.qualified();
  let comment: string | undefined;
  let language = '';
  for (;;) {
    if (p.accept('COMMENT')) comment = p.text();
    else if (p.accept('LANGUAGE')) language = p.ident().toLowerCase();
    else break;
  }
  if (language === '') p.fail();
  p.expect('AS');
  return {
    kind: 'createLibrary',
    start,
    orReplace,
    ifNotExists,
    name,
    language,
    comment,
    code: foreignCode(p),
    end: p.prevEnd,
  };
}

export function alterLibrary(p: Parser, start: number): AlterLibrary {
  p.expect('LIBRARY');
  const name = p.qualified();
  p.expect('COMMENT');
  const comment = p.text();
  return { kind: 'alterLibrary', start, name, comment, end: p.prevEnd };
}
