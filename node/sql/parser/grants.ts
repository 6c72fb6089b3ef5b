import type { Account, Grant, GrantTarget, Privilege } from './ast.ts';
import { account, accountName, roleSelection } from './accounts.ts';
import { NOT_ROLES, WORD_IDENTIFIER } from './keywords.ts';
import type { Parser } from './parser.ts';

/** Words that begin a static privilege, with what may follow them. */
const STATIC: Readonly<Record<string, readonly string[] | undefined>> = {
  SELECT: [],
  INSERT: [],
  UPDATE: [],
  REFERENCES: [],
  DELETE: [],
  USAGE: [],
  INDEX: [],
  DROP: ['ROLE'],
  EXECUTE: [],
  RELOAD: [],
  SHUTDOWN: [],
  PROCESS: [],
  FILE: [],
  GRANT: ['OPTION'],
  SHOW: ['DATABASES', 'VIEW'],
  SUPER: [],
  CREATE: ['TEMPORARY', 'ROUTINE', 'USER', 'TABLESPACE', 'ROLE', 'VIEW', 'LIBRARY'],
  LOCK: ['TABLES'],
  REPLICATION: ['SLAVE', 'CLIENT', 'REPLICA'],
  ALTER: ['ROUTINE'],
  EVENT: [],
  TRIGGER: [],
};

/** Second words that may be left out. */
const ALONE = new Set(['CREATE', 'ALTER', 'DROP']);

type Item =
  | { readonly kind: 'privilege'; readonly privilege: Privilege }
  | {
      readonly kind: 'name';
      readonly name: string;
      readonly account: Account;
      readonly start: number;
      readonly columns: readonly string[] | undefined;
      readonly role: boolean;
    };

function grantItem(p: Parser): Item {
  const start = p.start;
  const first = p.t;
  const follow = STATIC[first];
  const name = p.word !== WORD_IDENTIFIER || follow !== undefined ? first : '';
  if (follow !== undefined && name !== '') {
    const next = p.peek();
    if (next !== 'variable') {
      p.next();
      let full = first.toLowerCase();
      if (follow.includes(p.t)) {
        full += ` ${p.t.toLowerCase()}`;
        p.next();
        if (full === 'create temporary') {
          p.expect('TABLES');
          full += ' tables';
        }
      } else if (follow.length > 0 && !ALONE.has(first)) p.fail();
      const columns = p.t === '(' && columnPrivilege(first) ? p.identList() : undefined;
      return { kind: 'privilege', privilege: { name: full, columns } };
    }
  }
  const quoted = p.t === 'string';
  if (!quoted && NOT_ROLES.has(p.t) && p.peek() === 'variable') p.fail();
  const user = p.identOrText();
  const who = accountName(p, user);
  const columns = p.t === '(' && who.kind === 'account' && !who.hostGiven ? p.identList() : undefined;
  return {
    kind: 'name',
    name: user,
    account: who,
    start,
    columns,
    role: who.kind === 'account' && who.hostGiven,
  };
}

const columnPrivilege = (word: string): boolean =>
  word === 'SELECT' || word === 'INSERT' || word === 'UPDATE' || word === 'REFERENCES';

/** [TABLE | FUNCTION | PROCEDURE | LIBRARY] *, *.*, db.*, db.name, name */
function grantTarget(p: Parser): GrantTarget {
  let type: GrantTarget['type'] = 'table';
  const word = p.acceptAny('TABLE', 'FUNCTION', 'PROCEDURE', 'LIBRARY');
  if (word !== undefined) type = word.toLowerCase() as GrantTarget['type'];
  if (p.accept('*')) {
    if (!p.accept('.')) return { type, schema: undefined, name: '*' };
    p.expect('*');
    return { type, schema: '*', name: '*' };
  }
  const first = p.ident();
  if (!p.accept('.')) return { type, schema: undefined, name: first };
  return { type, schema: first, name: p.accept('*') ? '*' : p.identAfterPoint() };
}

function what(p: Parser, revoke: boolean): Grant['what'] {
  if (p.t === 'PROXY' && p.peek() === 'ON') {
    p.next();
    p.next();
    return { kind: 'proxy', account: account(p) };
  }
  if (p.t === 'ALL') {
    p.next();
    p.accept('PRIVILEGES');
    if (p.accept('ON')) return { kind: 'all', target: grantTarget(p) };
    if (!revoke) p.expect('ON');
    p.expect(',');
    p.expect2('GRANT', 'OPTION');
    return { kind: 'all', target: undefined };
  }
  const items = p.list(grantItem);
  if (p.accept('ON')) {
    const privileges = items.map((item): Privilege => {
      if (item.kind === 'privilege') return item.privilege;
      if (item.role) return p.fail();
      return { name: item.name.toLowerCase(), columns: item.columns };
    });
    return { kind: 'privileges', privileges, target: grantTarget(p) };
  }
  const roles = items.map((item) => (item.kind === 'name' && item.columns === undefined ? item.account : p.fail()));
  return { kind: 'roles', roles };
}

/** GRANT and REVOKE; `p` stands at the word. */
export function grant(p: Parser): Grant {
  const start = p.start;
  const revoke = p.t === 'REVOKE';
  p.next();
  const ifExists = revoke && p.ifExists();
  const subject = what(p, revoke);
  p.expect(revoke ? 'FROM' : 'TO');
  const to = p.list(account);
  let withGrantOption = false;
  let withAdminOption = false;
  let as: Grant['as'];
  if (!revoke) {
    if (p.accept('WITH')) {
      if (subject.kind === 'roles') {
        p.expect('ADMIN');
        withAdminOption = true;
      } else {
        p.expect('GRANT');
        withGrantOption = true;
      }
      p.expect('OPTION');
    }
    if (subject.kind !== 'roles' && subject.kind !== 'proxy' && p.accept('AS')) {
      const who = account(p);
      as = { account: who, roles: p.accept2('WITH', 'ROLE') ? roleSelection(p, true) : undefined };
    }
  }
  let ignoreUnknownUser = false;
  if (revoke && p.accept('IGNORE')) {
    p.expect2('UNKNOWN', 'USER');
    ignoreUnknownUser = true;
  }
  return {
    kind: revoke ? 'revoke' : 'grant',
    start,
    end: p.prevEnd,
    ifExists,
    ignoreUnknownUser,
    what: subject,
    to,
    withGrantOption,
    withAdminOption,
    as,
  };
}
