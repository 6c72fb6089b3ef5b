import type { SystemVariable, UserVariable, VariableScope } from './ast.ts';
import type { Parser } from './parser.ts';
import { undouble, unquote } from './text.ts';

/** The name of the `variable` token: @x, @'x y', @`x`. */
export function variableName(p: Parser): string {
  const { sql, start, end } = p;
  const c = sql.charCodeAt(start + 1);
  if (c === 96) return undouble(sql.slice(start + 2, end - 1), '`');
  if (c === 39 || c === 34) return unquote(sql, start + 1, end, p.options.noBackslashEscapes);
  return sql.slice(start + 1, end);
}

export function userVariable(p: Parser): UserVariable {
  if (p.t !== 'variable') p.fail();
  const node: UserVariable = { kind: 'userVariable', start: p.start, end: p.end, name: variableName(p) };
  p.next();
  return node;
}

const SCOPES: Readonly<Record<string, VariableScope>> = {
  global: 'global',
  session: 'session',
  local: 'session',
  persist: 'persist',
  persist_only: 'persistOnly',
};

/** The scope that the token names before a point: `global.` of `@@global.x`. */
function scopeOf(p: Parser): VariableScope | undefined {
  if (p.word === 0 || p.sql.charCodeAt(p.start) === 96 || p.peek() !== '.') return undefined;
  return SCOPES[p.sql.slice(p.start, p.end).toLowerCase()];
}

/** @@[scope.][component.]name */
export function systemVariable(p: Parser): SystemVariable {
  const start = p.start;
  p.next();
  const scope = scopeOf(p);
  if (scope !== undefined) {
    p.next();
    p.next();
  }
  if (p.word === 0 || (scope === undefined && !p.isIdent())) p.fail();
  let name = p.nameText();
  p.next();
  let component: string | undefined;
  if (p.t === '.') {
    p.next();
    component = name;
    name = p.identAfterPoint();
  }
  return { kind: 'systemVariable', start, end: p.prevEnd, scope, component, name };
}
