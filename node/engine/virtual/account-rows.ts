/** Accounts, roles and privileges: information_schema's view of them, and mysql's tables. */
import type { AccountDef } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import { findVirtual } from './definitions.ts';
import { grantsOf, STATIC_PRIVILEGES, type Granted, type Scope } from './privileges.ts';
import type { RowSource, VirtualRow, VirtualValue } from './rows.ts';

const accountsOf = (core: EngineCore): AccountDef[] =>
  [...core.catalog.accounts.values()].sort((a, b) => (a.host + a.user < b.host + b.user ? -1 : 1));

/** The accounts whose privileges the session sees: all when it may read mysql, else its own. */
function seen(core: EngineCore, session: EngineSession): AccountDef[] {
  if (core.accounts.canSee(session, 'mysql')) return accountsOf(core);
  const roles = new Set(session.state.activeRoles);
  return accountsOf(core).filter(
    (a) => `${a.user}@${a.host}` === session.currentUser || roles.has(`${a.user}@${a.host}`),
  );
}

const grantee = (account: AccountDef): string => `'${account.user}'@'${account.host}'`;
const yesNo = (value: boolean): string => (value ? 'YES' : 'NO');

function privilegeRows<K extends Scope['kind']>(
  core: EngineCore,
  session: EngineSession,
  kind: K,
  names: (scope: Extract<Scope, { kind: K }>) => VirtualValue[],
): VirtualRow[] {
  return seen(core, session).flatMap((account) =>
    grantsOf(account)
      .filter((g) => g.scope.kind === kind)
      .flatMap((g: Granted) =>
        [...g.privileges, ...g.dynamic].map((privilege): VirtualRow => [
          grantee(account),
          'def',
          ...names(g.scope as Extract<Scope, { kind: K }>),
          privilege,
          yesNo(g.grantable),
        ]),
      ),
  );
}

export const userPrivileges: RowSource = (core, session) => {
  const usage = seen(core, session)
    .filter(
      (a) => !grantsOf(a).some((g) => g.scope.kind === 'global' && (g.privileges.length > 0 || g.dynamic.length > 0)),
    )
    .map((a): VirtualRow => [grantee(a), 'def', 'USAGE', 'NO']);
  return [...privilegeRows(core, session, 'global', () => []), ...usage];
};
export const schemaPrivileges: RowSource = (core, session) =>
  privilegeRows(core, session, 'database', (s) => [s.database]);
export const tablePrivileges: RowSource = (core, session) =>
  privilegeRows(core, session, 'table', (s) => [s.database, s.table]);
export const columnPrivileges: RowSource = (core, session) =>
  privilegeRows(core, session, 'column', (s) => [s.database, s.table, s.column]);

export const userAttributes: RowSource = (core, session) =>
  seen(core, session).map((a) => [
    a.user,
    a.host,
    a.comment === undefined ? null : JSON.stringify({ comment: a.comment }),
  ]);

const parts = (account: string): [user: string, host: string] => {
  const at = account.lastIndexOf('@');
  return at < 0 ? [account, '%'] : [account.slice(0, at), account.slice(at + 1)];
};

export const applicableRoles: RowSource = (core, session) => {
  const account = core.catalog.accounts.get(session.currentUser);
  return (account?.roles ?? []).map((role) => {
    const isDefault = account?.defaultRoles.includes(role) ?? false;
    return [
      account?.user ?? '',
      account?.host ?? '',
      account?.user ?? '',
      account?.host ?? '',
      ...parts(role),
      'NO',
      yesNo(isDefault),
      'NO',
    ];
  });
};

export const enabledRoles: RowSource = (core, session) => {
  const defaults = core.catalog.accounts.get(session.currentUser)?.defaultRoles ?? [];
  return session.state.activeRoles.map((role) => [...parts(role), yesNo(defaults.includes(role)), 'NO']);
};

// The tables of the database mysql.

const PRIVILEGE_OF_COLUMN = new Map(STATIC_PRIVILEGES.map(([name, column]) => [column, name]));

export const userTable: RowSource = (core) =>
  accountsOf(core).map((account) => {
    const global = grantsOf(account).find((g) => g.scope.kind === 'global');
    const held = new Set(global?.privileges);
    const facts: Record<string, VirtualValue> = {
      Host: account.host,
      User: account.user,
      Grant_priv: global?.grantable ? 'Y' : 'N',
      ssl_type: account.requireTls ? 'ANY' : '',
      ssl_cipher: '',
      x509_issuer: '',
      x509_subject: '',
      max_questions: 0,
      max_updates: 0,
      max_connections: 0,
      max_user_connections: 0,
      plugin: account.plugin,
      authentication_string: account.authentication,
      password_expired: account.passwordExpired ? 'Y' : 'N',
      account_locked: account.locked ? 'Y' : 'N',
      User_attributes:
        account.comment === undefined ? null : JSON.stringify({ metadata: { comment: account.comment } }),
    };
    return (findVirtual('mysql', 'user')?.columns ?? []).map((c): VirtualValue => {
      const privilege = PRIVILEGE_OF_COLUMN.get(c.name);
      return privilege === undefined ? (facts[c.name] ?? null) : held.has(privilege) ? 'Y' : 'N';
    });
  });

const grantsIn = (core: EngineCore, kind: Scope['kind']): { account: AccountDef; grant: Granted }[] =>
  accountsOf(core).flatMap((account) =>
    grantsOf(account)
      .filter((g) => g.scope.kind === kind)
      .map((grant) => ({ account, grant })),
  );

export const dbTable: RowSource = (core) =>
  grantsIn(core, 'database').map(({ account, grant }) => {
    const held = new Set(grant.privileges);
    const database = grant.scope.kind === 'database' ? grant.scope.database : '';
    return (findVirtual('mysql', 'db')?.columns ?? []).map((c): VirtualValue => {
      const facts: Record<string, VirtualValue> = {
        Host: account.host,
        Db: database,
        User: account.user,
        Grant_priv: grant.grantable ? 'Y' : 'N',
      };
      const fact = facts[c.name];
      if (fact !== undefined) return fact;
      return held.has(PRIVILEGE_OF_COLUMN.get(c.name) ?? '') ? 'Y' : 'N';
    });
  });

const NEVER = '0000-00-00 00:00:00';

/** Words of the SET columns: 'Select', 'Create View', 'Show view'. */
const setWord = (privilege: string): string =>
  privilege === 'SHOW VIEW' ? 'Show view' : privilege.toLowerCase().replace(/\b[a-z]/g, (c) => c.toUpperCase());

export const tablesPriv: RowSource = (core) =>
  grantsIn(core, 'table').map(({ account, grant }) => {
    const { scope } = grant;
    const words = [...grant.privileges.map(setWord), ...(grant.grantable ? ['Grant'] : [])].join(',');
    return scope.kind === 'table'
      ? [account.host, scope.database, account.user, scope.table, '', NEVER, words, '']
      : [];
  });

export const columnsPriv: RowSource = (core) =>
  grantsIn(core, 'column').map(({ account, grant: { scope, privileges } }) =>
    scope.kind === 'column'
      ? [
          account.host,
          scope.database,
          account.user,
          scope.table,
          scope.column,
          NEVER,
          privileges.map(setWord).join(','),
        ]
      : [],
  );

export const globalGrants: RowSource = (core) =>
  grantsIn(core, 'global').flatMap(({ account, grant }) =>
    grant.dynamic.map((p): VirtualRow => [account.user, account.host, p, grant.grantable ? 'Y' : 'N']),
  );

export const roleEdges: RowSource = (core) =>
  accountsOf(core).flatMap((a) =>
    a.roles.map((role): VirtualRow => {
      const [user, host] = parts(role);
      return [host, user, a.host, a.user, 'N'];
    }),
  );

export const defaultRolesTable: RowSource = (core) =>
  accountsOf(core).flatMap((a) =>
    a.defaultRoles.map((role): VirtualRow => {
      const [user, host] = parts(role);
      return [a.host, a.user, host, user];
    }),
  );
