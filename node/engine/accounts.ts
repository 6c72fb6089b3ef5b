/**
 * Accounts: who may log in, and what each may do. What an account and its active roles may do is worked out once for each
 * change of grants; a plan that passed is not looked at again until then.
 */
import type { Access, AccountDef, Catalog, Plan } from '../sql/index.ts';
import { SqlError } from '../sql/index.ts';
import type { Account } from '../server/index.ts';
import { compareHosts, hostMatches, hostOf, normalAddress } from './hosts.ts';
import { GLOBAL_PRIVILEGES, Rights } from './privileges.ts';
import type { EngineSession } from './session.ts';
import type { VariableStore } from './variables.ts';

/** What a session may do, while neither grants nor its active roles change. */
interface Kept {
  readonly version: number;
  readonly roles: readonly string[];
  readonly rights: Rights;
  readonly expired: boolean;
}

const SYSTEM_DATABASES = new Set(['mysql', 'sys', 'performance_schema', 'p2pdb']);

/** Tables of performance_schema that everyone reads: they show a session its own. */
const PUBLIC_TABLES = new Set(
  'global_variables,session_variables,global_status,session_status,variables_info,variables_metadata,persisted_variables,processlist,session_account_connect_attrs,session_connect_attrs,keyring_component_status'.split(
    ',',
  ),
);

const PRIVILEGE_OF = { select: 'SELECT', insert: 'INSERT', update: 'UPDATE', delete: 'DELETE' } as const;

export class Accounts {
  private readonly catalog: Catalog;
  private readonly globals: VariableStore;
  private readonly kept = new WeakMap<EngineSession, Kept>();
  private shared = new Map<string, Rights>();
  private sharedVersion = -1;
  /** Plans, and who ran them last with success. */
  private passed = new WeakMap<Plan, Rights>();

  constructor(catalog: Catalog, globals: VariableStore) {
    this.catalog = catalog;
    this.globals = globals;
  }

  // Logging in

  /** The account with the most specific host that matches. Nobody logs in without a name. */
  find(user: string, address: string): Account | undefined {
    if (user === '') return undefined;
    const from = normalAddress(address);
    let found: AccountDef | undefined;
    for (const account of this.catalog.accounts.values()) {
      if (account.user !== user || !hostMatches(account.host, from)) continue;
      if (!found || compareHosts(account.host, found.host) < 0) found = account;
    }
    return found;
  }

  /** Roles that are active after the login. */
  defaultRoles(account: Account): readonly string[] {
    const current = this.catalog.accounts.get(nameOf(account));
    if (!current) return [];
    const granted = this.grantedRoles(current);
    if (this.globals.number('activate_all_roles_on_login') === 1) return granted;
    return current.defaultRoles.filter((role) => granted.includes(role));
  }

  /** Roles that the account can make active: what it was granted, and the mandatory ones. */
  grantedRoles(account: AccountDef): readonly string[] {
    const own = nameOf(account);
    const mandatory = this.mandatoryRoles().filter((role) => role !== own && !account.roles.includes(role));
    return [...account.roles, ...mandatory].filter((role) => this.catalog.accounts.has(role));
  }

  mandatoryRoles(): readonly string[] {
    const text = String(this.globals.get('mandatory_roles')).trim();
    if (text === '') return [];
    return text.split(',').map((item) => {
      const [, user = '', host] = /^\s*[`'"]?([^`'"@]*)[`'"]?(?:@[`'"]?([^`'"]*?)[`'"]?)?\s*$/.exec(item) ?? [];
      return `${user}@${host ?? '%'}`;
    });
  }

  // Rights

  private keep(session: EngineSession): Kept {
    const version = this.catalog.grantsVersion;
    const known = this.kept.get(session);
    if (known?.version === version && known.roles === session.state.activeRoles) return known;
    const account = this.catalog.accounts.get(session.currentUser);
    const kept: Kept = {
      version,
      roles: session.state.activeRoles,
      rights: account ? this.rightsWith(account, session.state.activeRoles) : NO_RIGHTS,
      expired: session.account.passwordExpired && account?.passwordExpired !== false,
    };
    this.kept.set(session, kept);
    return kept;
  }

  private rightsWith(account: AccountDef, active: readonly string[]): Rights {
    if (this.sharedVersion !== this.catalog.grantsVersion) {
      this.sharedVersion = this.catalog.grantsVersion;
      this.shared = new Map();
      this.passed = new WeakMap();
    }
    const granted = this.grantedRoles(account);
    const roles = active.filter((role) => granted.includes(role));
    const key = JSON.stringify([nameOf(account), ...roles]);
    let rights = this.shared.get(key);
    if (!rights) this.shared.set(key, (rights = new Rights([account, ...this.withTheirRoles(roles)])));
    return rights;
  }

  /** Roles and the roles that they were granted. */
  private withTheirRoles(names: readonly string[]): AccountDef[] {
    const found = new Map<string, AccountDef>();
    const queue = [...names];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const role = this.catalog.accounts.get(name);
      if (!role || found.has(name)) continue;
      found.set(name, role);
      queue.push(...role.roles);
    }
    return [...found.values()];
  }

  /** Whether `role` holds `other`, directly or through roles. */
  reaches(role: string, other: string): boolean {
    return role === other || this.withTheirRoles([role]).some((r) => r.roles.includes(other));
  }

  rightsOf(session: EngineSession): Rights {
    return this.keep(session).rights;
  }

  /** The rights of an account that is not logged in: a view's definer. */
  private rightsOfDefiner(name: string): Rights {
    const account = this.catalog.accounts.get(name);
    if (!account) {
      const at = name.lastIndexOf('@');
      throw new SqlError(
        1449,
        'HY000',
        `The user specified as a definer ('${name.slice(0, at)}'@'${name.slice(at + 1)}') does not exist`,
      );
    }
    return this.rightsWith(account, this.defaultRoles(account));
  }

  // Statements

  /** Throws 1820 until an expired password was changed. */
  checkPasswordFresh(session: EngineSession): void {
    if (this.keep(session).expired) {
      throw new SqlError(
        1820,
        'HY000',
        'You must reset your password using ALTER USER statement before executing this statement.',
      );
    }
  }

  /** Throws 1142, 1143 when the account lacks a privilege that the plan needs; 1356 when a view's definer does. */
  check(session: EngineSession, plan: Plan): void {
    const { rights, expired } = this.keep(session);
    if (expired) this.checkPasswordFresh(session);
    if (this.passed.get(plan) === rights) return;
    for (const access of plan.access) this.checkAccess(session, rights, access);
    if (plan.kind === 'select')
      for (const { locking, access } of [plan, ...plan.within.map((read) => read.plan)])
        if (locking?.isShared === false) this.checkLocking(session, rights, access);
    this.passed.set(plan, rights);
  }

  private checkAccess(session: EngineSession, rights: Rights, access: Access): void {
    const { view, database, table } = access;
    if (!view) {
      if (!session.state.temporaryTables.has(`${database}.${table}`)) this.checkColumns(session, rights, access);
      return;
    }
    try {
      this.checkColumns(session, view.definer === undefined ? rights : this.rightsOfDefiner(view.definer), access);
    } catch (error) {
      if (!(error instanceof SqlError) || (error.errno !== 1142 && error.errno !== 1143)) throw error;
      throw new SqlError(
        1356,
        'HY000',
        `View '${view.database}.${view.name}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them`,
      );
    }
  }

  private checkColumns(session: EngineSession, rights: Rights, access: Access): void {
    const { database, table, columns } = access;
    const privilege = PRIVILEGE_OF[access.privilege];
    if (database === 'information_schema' || (database === 'performance_schema' && PUBLIC_TABLES.has(table))) return;
    if (rights.hasOnTable(privilege, database, table)) return;
    if (privilege === 'DELETE' || !rights.hasSomewhereOnTable(privilege, database, table))
      throw denied(session, [privilege], table);
    const missing = [...columns].find((column) => !rights.hasOnColumn(privilege, database, table, column));
    if (missing === undefined) return;
    // All columns, as `*` and INSERT without a list mean them, are the table.
    const all = session.core.catalog.table(database, table)?.columns.filter((c) => !c.hidden && !c.invisible);
    if (all?.every((c) => columns.has(c.name))) throw denied(session, [privilege], table);
    throw deniedColumn(session, privilege, table, missing);
  }

  /** FOR UPDATE takes what a change takes. */
  private checkLocking(session: EngineSession, rights: Rights, accesses: readonly Access[]): void {
    for (const { database, table, view } of accesses) {
      if (view || database === 'information_schema' || session.state.temporaryTables.has(`${database}.${table}`))
        continue;
      if (['UPDATE', 'DELETE', 'LOCK TABLES'].some((p) => rights.hasSomewhereOnTable(p, database, table))) continue;
      throw new SqlError(
        1142,
        '42000',
        `SELECT with locking clause command denied to user ${who(session)} for table '${table}'`,
      );
    }
  }

  /** Before a name is looked up: whoever has nothing to do with a table is not told whether it exists. */
  mayName(session: EngineSession, privilege: Access['privilege'], database: string, table: string): void {
    const { rights } = this.keep(session);
    if (!rights.seesTable(database, table)) throw denied(session, [PRIVILEGE_OF[privilege]], table);
  }

  /** Throws 1142 unless the account has all of these on the table. */
  checkTable(session: EngineSession, privileges: readonly string[], database: string, table: string): void {
    const { rights } = this.keep(session);
    const missing = privileges.filter((p) => !rights.hasOnTable(p, database, table));
    if (missing.length > 0) throw denied(session, missing, table);
  }

  /** Throws 1044 unless the account has one of these on the database. */
  checkOnDatabase(session: EngineSession, anyOf: readonly string[], database: string): void {
    const { rights } = this.keep(session);
    if (!anyOf.some((p) => rights.hasOnDatabase(p, database))) throw this.deniedDatabase(session, database);
  }

  deniedDatabase(session: EngineSession, database: string): SqlError {
    return new SqlError(
      1044,
      '42000',
      `Access denied for user '${session.account.user}'@'${session.account.host}' to database '${database}'`,
    );
  }

  /** Throws 1227 unless the account has one of these globally; `named` is how MySQL's message lists them. */
  checkGlobal(session: EngineSession, anyOf: readonly string[], named = anyOf.join(' or ')): void {
    if (!this.keep(session).rights.hasGlobal(...anyOf)) throw needs(named);
  }

  /** Throws 1227 when the account is one that only SYSTEM_USER may touch. */
  checkMayTouch(session: EngineSession, account: AccountDef): void {
    const system = new Rights([account]).hasGlobal('SYSTEM_USER');
    if (system && !this.keep(session).rights.hasGlobal('SYSTEM_USER')) throw needs('SYSTEM_USER');
  }

  /** Throws 1044: USE, and SHOW … FROM. */
  checkDatabase(session: EngineSession, name: string): void {
    if (!this.canSeeInside(session, name)) throw this.deniedDatabase(session, name);
  }

  private canSeeInside(session: EngineSession, name: string): boolean {
    const lower = name.toLowerCase();
    if (lower === 'information_schema') return true;
    const { rights } = this.keep(session);
    const database = SYSTEM_DATABASES.has(lower) ? lower : name;
    return rights.opensDatabase(database);
  }

  checkSystemVariables(session: EngineSession): void {
    this.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
  }

  checkKill(by: EngineSession, target: EngineSession): void {
    const { rights } = this.keep(by);
    if (by.account.user !== target.account.user && !rights.hasGlobal('CONNECTION_ADMIN', 'SUPER')) {
      throw new SqlError(1095, 'HY000', `You are not owner of thread ${target.id}`);
    }
    const account = this.catalog.accounts.get(target.currentUser);
    if (account) this.checkMayTouch(by, account);
  }

  // What is listed

  /** Whether a database or table is listed for the account. */
  canSee(session: EngineSession, database: string, table?: string): boolean {
    if (database.toLowerCase() === 'information_schema') return true;
    const { rights } = this.keep(session);
    return table === undefined ? rights.seesDatabase(database) : rights.seesTable(database, table);
  }

  /** Columns of a table that are listed: all, or those that the account has a privilege on. */
  canSeeColumn(session: EngineSession, database: string, table: string, column: string): boolean {
    return this.keep(session).rights.seesColumn(database, table, column);
  }

  /** PROCESS: the sessions of all accounts are listed. */
  canSeeProcesses(session: EngineSession): boolean {
    return this.keep(session).rights.hasGlobal('PROCESS');
  }

  /** Whether the account may see and steer the node through the admin HTTP. */
  mayAdminister(account: Account): boolean {
    const current = this.catalog.accounts.get(nameOf(account));
    return current !== undefined && this.rightsWith(current, this.defaultRoles(current)).hasGlobal('SUPER');
  }
}

const NO_RIGHTS = new Rights([]);

export const nameOf = (account: { readonly user: string; readonly host: string }): string =>
  `${account.user}@${account.host}`;

export const who = (session: EngineSession): string => `'${session.account.user}'@'${hostOf(session.client.address)}'`;

/** Throws what MySQL says of a change of rows that the server makes. */
export function refuseChange(
  session: EngineSession,
  privilege: Access['privilege'],
  database: string,
  table: string,
): never {
  if (database.toLowerCase() !== 'information_schema') throw denied(session, [PRIVILEGE_OF[privilege]], table);
  throw new SqlError(1044, '42000', `Access denied for user ${who(session)} to database '${database}'`);
}

/** In the order of GRANT's list, as MySQL names several. */
export function denied(session: EngineSession, privileges: readonly string[], table: string): SqlError {
  const ordered = [...privileges].sort((a, b) => GLOBAL_PRIVILEGES.indexOf(a) - GLOBAL_PRIVILEGES.indexOf(b));
  return new SqlError(
    1142,
    '42000',
    `${ordered.join(', ')} command denied to user ${who(session)} for table '${table}'`,
  );
}

const deniedColumn = (session: EngineSession, privilege: string, table: string, column: string): SqlError =>
  new SqlError(
    1143,
    '42000',
    `${privilege} command denied to user ${who(session)} for column '${column}' in table '${table}'`,
  );

export const needs = (named: string): SqlError =>
  new SqlError(1227, '42000', `Access denied; you need (at least one of) the ${named} privilege(s) for this operation`);
