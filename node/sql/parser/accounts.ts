import type { Account, RoleSelection } from './ast.ts';
import { NOT_ROLES } from './keywords.ts';
import type { Parser } from './parser.ts';
import { variableName } from './variables.ts';

/** 'user'@'host', user, CURRENT_USER. */
export function account(p: Parser): Account {
  if (p.t === 'CURRENT_USER') {
    p.next();
    if (p.accept('(')) p.expect(')');
    return { kind: 'currentUser' };
  }
  return accountName(p, p.identOrText());
}

export function accountName(p: Parser, user: string): Account {
  if (p.t !== 'variable') return { kind: 'account', user, host: '%', hostGiven: false };
  const host = variableName(p).toLowerCase();
  p.next();
  return { kind: 'account', user, host, hostGiven: true };
}

/** A role: as a user, but a few words need quotes. */
export function role(p: Parser): Account {
  if (NOT_ROLES.has(p.t) || p.t === 'CURRENT_USER') p.fail();
  return accountName(p, p.identOrText());
}

/** NONE, ALL [EXCEPT roles], DEFAULT (where `withDefault`), or roles. */
export function roleSelection(p: Parser, withDefault: boolean): RoleSelection {
  if (p.accept('NONE')) return { kind: 'none' };
  if (withDefault && p.accept('DEFAULT')) return { kind: 'default' };
  if (p.accept('ALL')) {
    if (withDefault && p.accept('EXCEPT')) return { kind: 'allExcept', roles: p.list(role) };
    return { kind: 'all' };
  }
  return { kind: 'roles', roles: p.list(role) };
}
