import type {
  Authentication,
  CreateRole,
  CreateUser,
  DropUser,
  FactorChange,
  RenameUser,
  SetDefaultRole,
  SetPassword,
  SetRole,
  TlsRequirement,
  UserOption,
  UserSpec,
} from './ast.ts';
import { account, role, roleSelection } from './accounts.ts';
import type { Parser } from './parser.ts';

interface MutableAuthentication {
  plugin: string | undefined;
  password: string | undefined;
  randomPassword: boolean;
  hash: string | undefined;
  replace: string | undefined;
  retainCurrent: boolean;
}

/** What follows IDENTIFIED. */
function authentication(p: Parser): MutableAuthentication {
  const auth: MutableAuthentication = {
    plugin: undefined,
    password: undefined,
    randomPassword: false,
    hash: undefined,
    replace: undefined,
    retainCurrent: false,
  };
  if (p.accept('WITH')) {
    auth.plugin = p.identOrText();
    if (p.accept('AS')) {
      auth.hash = hashText(p);
      return auth;
    }
    if (!p.accept('BY')) return auth;
  } else p.expect('BY');
  if (p.accept('RANDOM')) {
    p.expect('PASSWORD');
    auth.randomPassword = true;
  } else auth.password = p.text();
  return auth;
}

function hashText(p: Parser): string {
  if (p.t !== 'hex') return p.text();
  let text = '';
  for (const byte of p.literalValue() as Uint8Array) text += String.fromCharCode(byte);
  p.pinned.push(p.slot);
  p.next();
  return text;
}

function replaceAndRetain(p: Parser, auth: MutableAuthentication): void {
  if (p.accept('REPLACE')) auth.replace = p.text();
  if (p.accept('RETAIN')) {
    p.expect('CURRENT');
    p.expect('PASSWORD');
    auth.retainCurrent = true;
  }
}

function userSpec(p: Parser, alter: boolean): UserSpec {
  const who = account(p);
  let auth: MutableAuthentication | undefined;
  const factors: FactorChange[] = [];
  let discardOld = false;
  if (p.accept('IDENTIFIED')) {
    auth = authentication(p);
    if (alter) replaceAndRetain(p, auth);
    else if (p.accept('INITIAL')) {
      p.expect('AUTHENTICATION');
      p.expect('IDENTIFIED');
      authentication(p);
    }
    while (!alter && p.t === 'AND') {
      p.next();
      p.expect('IDENTIFIED');
      factors.push({ action: 'set', factor: factors.length === 0 ? 2 : 3, authentication: authentication(p) });
      if (factors.length === 2) break;
    }
  } else if (alter) {
    if (p.accept('DISCARD')) {
      p.expect2('OLD', 'PASSWORD');
      discardOld = true;
    } else while (factors.length < 2 && factorChange(p, factors));
  }
  return { account: who, authentication: auth, factors, discardOld };
}

/** ADD 2 FACTOR IDENTIFIED …, MODIFY …, DROP 3 FACTOR, 2 FACTOR INITIATE REGISTRATION … */
function factorChange(p: Parser, factors: FactorChange[]): boolean {
  if (p.t === 'int') {
    const factor = factorNumber(p);
    if (p.accept('INITIATE')) p.expect('REGISTRATION');
    else if (p.accept('UNREGISTER')) factors.push({ action: 'drop', factor, authentication: undefined });
    else {
      p.expect2('FINISH', 'REGISTRATION');
      p.expect2('SET', 'CHALLENGE_RESPONSE');
      p.expect('AS');
      hashText(p);
    }
    return false;
  }
  const word = p.acceptAny('ADD', 'MODIFY', 'DROP');
  if (word === undefined) return false;
  const factor = factorNumber(p);
  let auth: Authentication | undefined;
  if (word !== 'DROP') {
    p.expect('IDENTIFIED');
    auth = authentication(p);
  }
  factors.push({ action: word.toLowerCase() as 'add', factor, authentication: auth });
  return true;
}

function factorNumber(p: Parser): 2 | 3 {
  const at = p.start;
  const factor = p.integer();
  p.expect('FACTOR');
  return factor === 2 || factor === 3 ? factor : p.fail(at);
}

function requireClause(p: Parser): TlsRequirement | undefined {
  if (!p.accept('REQUIRE')) return undefined;
  if (p.accept('NONE')) return { kind: 'none' };
  if (p.accept('SSL')) return { kind: 'ssl' };
  if (p.accept('X509')) return { kind: 'x509' };
  const values: Record<string, string> = {};
  for (let first = true; ; first = false) {
    const and = !first && p.accept('AND');
    const word = p.acceptAny('CIPHER', 'ISSUER', 'SUBJECT');
    if (word === undefined) {
      if (first || and) p.fail();
      break;
    }
    values[word] = p.text();
  }
  return { kind: 'specified', cipher: values['CIPHER'], issuer: values['ISSUER'], subject: values['SUBJECT'] };
}

const LIMITS = ['MAX_QUERIES_PER_HOUR', 'MAX_UPDATES_PER_HOUR', 'MAX_CONNECTIONS_PER_HOUR', 'MAX_USER_CONNECTIONS'];

function userOptions(p: Parser): UserOption[] {
  const options: UserOption[] = [];
  if (p.accept('WITH')) {
    do options.push({ name: p.expectAny(...LIMITS).toLowerCase(), value: p.number() });
    while (LIMITS.includes(p.t));
  }
  for (;;) {
    if (p.accept('ACCOUNT'))
      options.push({ name: `account_${p.expectAny('LOCK', 'UNLOCK').toLowerCase()}`, value: undefined });
    else if (p.accept('PASSWORD')) options.push(passwordOption(p));
    else if (p.accept('FAILED_LOGIN_ATTEMPTS')) options.push({ name: 'failed_login_attempts', value: p.number() });
    else if (p.accept('PASSWORD_LOCK_TIME')) {
      options.push({ name: 'password_lock_time', value: p.accept('UNBOUNDED') ? 'unbounded' : p.number() });
    } else return options;
  }
}

function passwordOption(p: Parser): UserOption {
  switch (p.t) {
    case 'EXPIRE':
      p.next();
      if (p.accept('INTERVAL')) {
        const days = p.number();
        p.expect('DAY');
        return { name: 'password_expire', value: days };
      }
      return { name: 'password_expire', value: p.acceptAny('NEVER', 'DEFAULT')?.toLowerCase() };
    case 'HISTORY':
      p.next();
      return { name: 'password_history', value: p.accept('DEFAULT') ? 'default' : p.number() };
    case 'REUSE': {
      p.next();
      p.expect('INTERVAL');
      if (p.accept('DEFAULT')) return { name: 'password_reuse_interval', value: 'default' };
      const days = p.number();
      p.expect('DAY');
      return { name: 'password_reuse_interval', value: days };
    }
    case 'REQUIRE':
      p.next();
      p.expect('CURRENT');
      return { name: 'password_require_current', value: p.acceptAny('DEFAULT', 'OPTIONAL')?.toLowerCase() };
    default:
      return p.fail();
  }
}

/** CREATE USER and ALTER USER; `p` stands at USER. */
export function createUser(p: Parser, start: number, alter: boolean): CreateUser {
  p.expect('USER');
  const conditional = alter ? p.ifExists() : p.ifNotExists();
  let users: UserSpec[];
  let defaultRoles: CreateUser['defaultRoles'];
  if (alter && p.t === 'USER' && p.peek() === '(') {
    // ALTER USER USER() IDENTIFIED BY …
    p.next();
    p.expect('(');
    p.expect(')');
    users = [ownUser(p)];
  } else users = p.list((q) => userSpec(q, alter));
  if (p.accept('DEFAULT')) {
    p.expect('ROLE');
    defaultRoles = alter ? roleSelection(p, false) : { kind: 'roles', roles: p.list(role) };
    if (alter) return { ...emptyUser(start, p.prevEnd, conditional, users), defaultRoles };
  }
  const require = requireClause(p);
  const options = userOptions(p);
  const comment = p.accept('COMMENT') ? p.text() : undefined;
  const attribute = comment === undefined && p.accept('ATTRIBUTE') ? p.text() : undefined;
  return {
    kind: alter ? 'alterUser' : 'createUser',
    start,
    end: p.prevEnd,
    conditional,
    users,
    defaultRoles,
    require,
    options,
    comment,
    attribute,
  };
}

const emptyUser = (start: number, end: number, conditional: boolean, users: UserSpec[]): CreateUser => ({
  kind: 'alterUser',
  start,
  end,
  conditional,
  users,
  defaultRoles: undefined,
  require: undefined,
  options: [],
  comment: undefined,
  attribute: undefined,
});

function ownUser(p: Parser): UserSpec {
  const who = { kind: 'currentUser' } as const;
  if (p.accept('DISCARD')) {
    p.expect2('OLD', 'PASSWORD');
    return { account: who, authentication: undefined, factors: [], discardOld: true };
  }
  if (p.t === 'int') {
    const factors: FactorChange[] = [];
    factorChange(p, factors);
    return { account: who, authentication: undefined, factors, discardOld: false };
  }
  p.expect('IDENTIFIED');
  const auth = authentication(p);
  replaceAndRetain(p, auth);
  return { account: who, authentication: auth, factors: [], discardOld: false };
}

export function dropUser(p: Parser, start: number, kind: 'dropUser' | 'dropRole'): DropUser {
  p.next();
  const ifExists = p.ifExists();
  return { kind, start, ifExists, accounts: p.list(kind === 'dropUser' ? account : role), end: p.prevEnd };
}

export function createRole(p: Parser, start: number): CreateRole {
  p.expect('ROLE');
  const ifNotExists = p.ifNotExists();
  return { kind: 'createRole', start, ifNotExists, roles: p.list(role), end: p.prevEnd };
}

export function renameUser(p: Parser, start: number): RenameUser {
  p.expect('USER');
  const pairs = p.list((q) => {
    const from = account(q);
    q.expect('TO');
    return { from, to: account(q) };
  });
  return { kind: 'renameUser', start, pairs, end: p.prevEnd };
}

/** SET PASSWORD …; `p` stands at PASSWORD. */
export function setPassword(p: Parser, start: number): SetPassword {
  p.expect('PASSWORD');
  const who = p.accept('FOR') ? account(p) : undefined;
  let password: string | undefined;
  let random = false;
  if (p.accept('TO')) {
    p.expect('RANDOM');
    random = true;
  } else {
    if (!p.accept('=')) p.expect(':=');
    password = p.text();
  }
  const replace = p.accept('REPLACE') ? p.text() : undefined;
  let retainCurrent = false;
  if (p.accept('RETAIN')) {
    p.expect2('CURRENT', 'PASSWORD');
    retainCurrent = true;
  }
  return { kind: 'setPassword', start, end: p.prevEnd, account: who, password, random, replace, retainCurrent };
}

export function setRole(p: Parser, start: number): SetRole {
  p.expect('ROLE');
  return { kind: 'setRole', start, roles: roleSelection(p, true), end: p.prevEnd };
}

export function setDefaultRole(p: Parser, start: number): SetDefaultRole {
  p.expect2('DEFAULT', 'ROLE');
  const roles = roleSelection(p, false);
  p.expect('TO');
  return { kind: 'setDefaultRole', start, roles, accounts: p.list(role), end: p.prevEnd };
}
