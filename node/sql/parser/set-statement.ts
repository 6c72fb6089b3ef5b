import type {
  IsolationLevel,
  SetItem,
  SetStatement,
  SetTransaction,
  SetValue,
  Statement,
  SystemVariable,
  VariableScope,
} from './ast.ts';
import { acceptCharset, charsetName, collationName } from './data-types.ts';
import type { Parser } from './parser.ts';
import { setDefaultRole, setPassword, setRole } from './users.ts';
import { systemVariable, userVariable } from './variables.ts';

const SCOPES: Readonly<Record<string, VariableScope>> = {
  GLOBAL: 'global',
  SESSION: 'session',
  LOCAL: 'session',
  PERSIST: 'persist',
  PERSIST_ONLY: 'persistOnly',
};

/** SET in all its forms. */
export function setStatement(p: Parser): Statement {
  const start = p.start;
  p.next();
  switch (p.t) {
    case 'PASSWORD': {
      const next = p.peek();
      if (next === 'FOR' || next === '=' || next === ':=' || next === 'TO') return setPassword(p, start);
      break;
    }
    case 'ROLE': {
      const next = p.peek();
      if (next !== '=' && next !== ':=' && next !== '.') return setRole(p, start);
      break;
    }
    case 'DEFAULT':
      return setDefaultRole(p, start);
    case 'RESOURCE': {
      if (p.peek() !== 'GROUP') break;
      p.next();
      p.next();
      const name = p.ident();
      const threads: number[] = [];
      if (p.accept('FOR')) {
        do threads.push(p.number());
        while (p.accept(','));
      }
      return { kind: 'setResourceGroup', start, name, threads, end: p.prevEnd };
    }
    case 'TRANSACTION':
      if (transactionFollows(p)) return setTransaction(p, start, undefined);
      break;
    default: {
      const scope = SCOPES[p.t];
      if (scope !== undefined && p.peek() === 'TRANSACTION') {
        p.next();
        if (transactionFollows(p)) return setTransaction(p, start, scope);
        return setItems(p, start, scope);
      }
    }
  }
  return setItems(p, start, undefined);
}

/** Whether TRANSACTION here is the word, not a variable of that name. */
function transactionFollows(p: Parser): boolean {
  const next = p.peek();
  return next !== '=' && next !== ':=' && next !== '.';
}

function setItems(p: Parser, start: number, scope: VariableScope | undefined): SetStatement {
  const items = [setItem(p, scope)];
  while (p.accept(',')) items.push(setItem(p, undefined));
  return { kind: 'set', start, items, end: p.prevEnd };
}

function assign(p: Parser): void {
  if (!p.accept('=')) p.expect(':=');
}

function setItem(p: Parser, given: VariableScope | undefined): SetItem {
  let scope = given;
  if (scope === undefined) {
    if (p.t === 'variable') {
      const variable = userVariable(p);
      assign(p);
      return { kind: 'userVariable', variable, value: p.grammar.expr(p) };
    }
    if (p.t === '@@') {
      const variable = systemVariable(p);
      assign(p);
      return { kind: 'variable', variable, value: setValue(p) };
    }
    if (p.t === 'NAMES') {
      const next = p.peek();
      if (next === '=' || next === ':=') {
        p.next();
        p.fail();
      }
      p.next();
      return namesItem(p);
    }
    if (p.t === 'CHARSET' || p.t === 'CHARACTER' || p.t === 'CHAR') {
      if (!acceptCharset(p)) p.fail();
      return { kind: 'characterSet', charset: p.accept('DEFAULT') ? undefined : charsetName(p) };
    }
    scope = SCOPES[p.t];
    if (scope !== undefined) p.next();
  }
  return variableItem(p, scope);
}

function namesItem(p: Parser): SetItem {
  if (p.accept('DEFAULT')) return { kind: 'names', charset: undefined, collation: undefined };
  const charset = charsetName(p);
  let collation: string | undefined;
  if (p.accept('COLLATE')) collation = collationName(p);
  return { kind: 'names', charset, collation };
}

/** A system variable, a program's variable, or NEW.column. */
function variableItem(p: Parser, scope: VariableScope | undefined): SetItem {
  const start = p.start;
  // A scope's word may not be assigned itself, and here no word is a scope any more.
  if (scope === undefined && SCOPES[p.t] !== undefined) p.fail();
  let first: string | undefined;
  if (p.t !== 'DEFAULT') first = p.ident();
  else p.next();
  let component: string | undefined;
  let name = first ?? 'default';
  if (p.t === '.') {
    p.next();
    component = name;
    name = p.identAfterPoint();
  } else if (first === undefined) p.fail();
  const end = p.prevEnd;
  assign(p);
  const row = component?.toLowerCase();
  if (scope === undefined && p.inTrigger && (row === 'new' || row === 'old')) {
    return {
      kind: 'column',
      column: { kind: 'column', start, end, schema: undefined, table: component, name },
      value: setValue(p),
    };
  }
  const variable: SystemVariable = { kind: 'systemVariable', start, end, scope, component, name };
  return { kind: 'variable', variable, value: setValue(p) };
}

/** An expression, DEFAULT, or one of the words that only SET takes. */
function setValue(p: Parser): SetValue {
  const start = p.start;
  const t = p.t;
  switch (t) {
    case 'DEFAULT':
      if (p.peek() === '(') break;
      p.next();
      return { kind: 'default', start, end: p.prevEnd };
    case 'ON':
    case 'ALL':
    case 'ROW':
    case 'SYSTEM': {
      if (t === 'ROW' && p.peek() === '(') break;
      p.next();
      return { kind: 'word', word: t, start, end: p.prevEnd };
    }
    case 'BINARY': {
      const next = p.peek();
      if (next !== 'end' && next !== ',' && next !== ';') break;
      p.next();
      return { kind: 'word', word: t, start, end: p.prevEnd };
    }
    default:
  }
  return p.grammar.expr(p);
}

/** [ISOLATION LEVEL x] [, READ WRITE | READ ONLY], in either order; `p` stands at TRANSACTION. */
function setTransaction(p: Parser, start: number, scope: VariableScope | undefined): SetTransaction {
  p.expect('TRANSACTION');
  if (scope === 'persist' || scope === 'persistOnly') p.fail(start);
  let isolation: IsolationLevel | undefined;
  let access: 'readWrite' | 'readOnly' | undefined;
  do {
    if (isolation === undefined && p.accept('ISOLATION')) isolation = isolationLevel(p);
    else {
      if (access !== undefined) p.fail();
      p.expect('READ');
      access = p.expectAny('WRITE', 'ONLY') === 'ONLY' ? 'readOnly' : 'readWrite';
    }
  } while ((isolation === undefined || access === undefined) && p.accept(','));
  return { kind: 'setTransaction', start, end: p.prevEnd, scope, isolation, access };
}

function isolationLevel(p: Parser): IsolationLevel {
  p.expect('LEVEL');
  if (p.accept('SERIALIZABLE')) return 'serializable';
  if (p.accept('REPEATABLE')) {
    p.expect('READ');
    return 'repeatableRead';
  }
  p.expect('READ');
  return p.expectAny('UNCOMMITTED', 'COMMITTED') === 'COMMITTED' ? 'readCommitted' : 'readUncommitted';
}
