/** GRANT and REVOKE. */
import {
  findColumn,
  isSystemDatabase,
  SqlError,
  unsupported,
  type AccountDef,
  type Grant,
  type GrantTarget,
} from '../sql/index.ts';
import { parsed, quoted, ticked, type AccountDraft, type AccountName } from './account-draft.ts';
import { denied, nameOf, needs } from './accounts.ts';
import {
  COLUMN_PRIVILEGES,
  DYNAMIC_PRIVILEGES,
  privilegesOf,
  scopeKey,
  scopeNames,
  unescaped,
  wildcardAt,
  type Level,
  type Rights,
} from './privileges.ts';
import { mandatory } from './role-statements.ts';

/** Where, and what: privileges of the whole scope, and of columns. */
interface Subject {
  readonly level: Level;
  /** Key of AccountDef.privileges. */
  readonly key: string;
  readonly database: string;
  readonly table: string;
  readonly whole: readonly string[];
  readonly columns: readonly { readonly privilege: string; readonly column: string }[];
  readonly all: boolean;
  /** REVOKE GRANT OPTION, or GRANT … WITH GRANT OPTION. */
  readonly grantOption: boolean;
}

export function grantOrRevoke(draft: AccountDraft, statement: Grant): void {
  if (statement.as) throw unsupported('GRANT … AS');
  const { what } = statement;
  switch (what.kind) {
    case 'proxy':
      throw unsupported('PROXY');
    case 'roles':
      return roles(
        draft,
        statement,
        what.roles.map((r) => draft.named(r)),
      );
    case 'all':
      if (!what.target) return revokeEverything(draft, statement);
      return privileges(draft, statement, subjectOf(draft, statement, what.target));
    case 'privileges':
      return privileges(draft, statement, subjectOf(draft, statement, what.target));
  }
}

// What is granted

function subjectOf(draft: AccountDraft, statement: Grant, target: GrantTarget): Subject {
  const { what } = statement;
  if (target.type !== 'table')
    throw new SqlError(1305, '42000', `${target.type.toUpperCase()} ${target.name} does not exist`);
  const { level, database, table } = placeOf(draft, target);
  const key = level === 'global' ? '*' : level === 'database' ? scopeKey(database) : scopeKey(database, table);
  const place = { level, key, database, table };
  if (what.kind === 'all')
    return { ...place, whole: privilegesOf(level), columns: [], all: true, grantOption: statement.withGrantOption };
  const whole: string[] = [];
  const columns: { privilege: string; column: string }[] = [];
  let grantOption = statement.withGrantOption;
  for (const { name, columns: named } of what.kind === 'privileges' ? what.privileges : []) {
    const privilege = name === 'replication replica' ? 'REPLICATION SLAVE' : name.toUpperCase();
    if (privilege === 'USAGE') continue;
    if (privilege === 'GRANT OPTION') {
      grantOption = true;
      continue;
    }
    checkLevel(privilege, level, named !== undefined);
    if (named) for (const column of named) columns.push({ privilege, column });
    else whole.push(privilege);
  }
  return { ...place, whole, columns, all: false, grantOption };
}

function placeOf(
  draft: AccountDraft,
  { schema, name }: GrantTarget,
): { level: Level; database: string; table: string } {
  if (schema === '*') return { level: 'global', database: '', table: '' };
  const database = schema ?? draft.session.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  if (database.toLowerCase() === 'information_schema')
    throw draft.session.core.accounts.deniedDatabase(draft.session, database);
  return name === '*' ? { level: 'database', database, table: '' } : { level: 'table', database, table: name };
}

const illegal = (): SqlError =>
  new SqlError(
    1144,
    '42000',
    'Illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used',
  );

function checkLevel(privilege: string, level: Level, columns: boolean): void {
  if (DYNAMIC_PRIVILEGES.has(privilege)) {
    if (level !== 'global') throw new SqlError(3619, 'HY000', `Illegal privilege level specified for ${privilege}`);
    return;
  }
  if (!privilegesOf('global').includes(privilege)) {
    throw new SqlError(
      1149,
      '42000',
      'You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use',
    );
  }
  if (columns && (level !== 'table' || !COLUMN_PRIVILEGES.includes(privilege))) throw illegal();
  if (privilegesOf(level).includes(privilege)) return;
  throw level === 'database'
    ? new SqlError(1221, 'HY000', 'Incorrect usage of DB GRANT and GLOBAL PRIVILEGES')
    : illegal();
}

// Who may

/** Throws unless the session may pass all of it on. */
function checkMayGrant(draft: AccountDraft, subject: Subject): void {
  const { session } = draft;
  const rights = session.core.accounts.rightsOf(session);
  const { account } = session;
  const { level, database, table, whole, columns } = subject;
  switch (level) {
    case 'global': {
      const dynamic = subject.all ? [...DYNAMIC_PRIVILEGES] : whole.filter((p) => DYNAMIC_PRIVILEGES.has(p));
      const fixed = whole.filter((p) => !DYNAMIC_PRIVILEGES.has(p));
      const plain = fixed.length > 0 || dynamic.length === 0;
      if (plain && ![...fixed, 'GRANT OPTION'].every((p) => rights.global.has(p))) {
        throw new SqlError(
          1045,
          '28000',
          `Access denied for user ${quoted(account)} (using password: ${account.authentication === '' ? 'NO' : 'YES'})`,
        );
      }
      if (!dynamic.every((p) => rights.mayGrantDynamic(p))) throw needs('GRANT OPTION');
      return;
    }
    case 'database': {
      const held = patternRights(rights, database);
      if (![...whole, 'GRANT OPTION'].every((p) => held.has(p)))
        throw session.core.accounts.deniedDatabase(session, database);
      return;
    }
    case 'table': {
      const may =
        rights.hasOnTable('GRANT OPTION', database, table) &&
        whole.every((p) => rights.hasOnTable(p, database, table)) &&
        columns.every(({ privilege, column }) => rights.hasOnColumn(privilege, database, table, column));
      if (!may) throw denied(session, ['GRANT'], table);
    }
  }
}

/** A grant on a pattern reaches databases that a grant on one of them does not: only the same pattern, or all, covers it. */
const patternRights = (rights: Rights, pattern: string): ReadonlySet<string> =>
  wildcardAt(pattern) === Number.POSITIVE_INFINITY ? rights.onDatabase(unescaped(pattern)) : rights.onPattern(pattern);

// Privileges

function privileges(draft: AccountDraft, statement: Grant, subject: Subject): void {
  checkMayGrant(draft, subject);
  const { session } = draft;
  const names = statement.to.map((a) => draft.named(a));
  if (statement.kind === 'grant') {
    for (const name of names)
      if (!draft.get(name)) throw new SqlError(1410, '42000', 'You are not allowed to create a user with GRANT');
    checkExists(draft, subject);
  }
  for (const name of names) {
    const account = draft.get(name);
    if (account && !draft.isOwn(name)) session.core.accounts.checkMayTouch(session, account);
    if (statement.kind === 'grant') {
      if (account) draft.put(granted(account, subject));
      continue;
    }
    attempt(draft, statement, name, account, () => {
      const next = account && revoked(account, subject);
      if (!next) throw noGrant(name, subject);
      draft.put(next);
    });
  }
}

/** IF EXISTS and IGNORE UNKNOWN USER make warnings of errors. */
function attempt(
  draft: AccountDraft,
  statement: Grant,
  name: AccountName,
  account: AccountDef | undefined,
  work: () => void,
): void {
  if (!account && statement.ignoreUnknownUser) {
    draft.note(3162, `Authorization ID ${name.user} does not exist.`, 'Warning');
    return;
  }
  try {
    work();
  } catch (error) {
    if (!statement.ifExists || !(error instanceof SqlError) || (error.errno !== 1141 && error.errno !== 1147))
      throw error;
    draft.note(error.errno, error.message, 'Warning');
  }
}

function noGrant({ user, host }: AccountName, { level, table }: Subject): SqlError {
  const text = `There is no such grant defined for user '${user}' on host '${host}'`;
  return level === 'table'
    ? new SqlError(1147, '42000', `${text} on table '${table}'`)
    : new SqlError(1141, '42000', text);
}

function checkExists(draft: AccountDraft, { level, database, table, whole, columns }: Subject): void {
  if (level !== 'table' || isSystemDatabase(database)) return;
  const { catalog } = draft.session.core.engineOf(database);
  const found = catalog.table(database, table);
  const view = catalog.view(database, table);
  if (!found && !view && !whole.includes('CREATE'))
    throw new SqlError(1146, '42S02', `Table '${database}.${table}' doesn't exist`);
  for (const { column } of columns) {
    const known = found
      ? findColumn(found, column)
      : view?.columns.some((c) => c.toLowerCase() === column.toLowerCase());
    if (!known) throw new SqlError(1054, '42S22', `Unknown column '${column}' in '${table}'`);
  }
}

function granted(account: AccountDef, subject: Subject): AccountDef {
  const { key, whole, columns, all, grantOption, level } = subject;
  const next: Record<string, readonly string[]> = { ...account.privileges };
  const fixed = whole.filter((p) => !DYNAMIC_PRIVILEGES.has(p));
  const dynamic = whole.filter((p) => DYNAMIC_PRIVILEGES.has(p));
  // With nothing but dynamic privileges, the option is theirs alone.
  const option = grantOption && (dynamic.length === 0 || fixed.length > 0);
  const add = all ? ['ALL'] : whole;
  const held = new Set([...(next[key] ?? []), ...add, ...(option ? ['GRANT OPTION'] : [])]);
  if (all) for (const p of [...held]) if (p !== 'ALL' && p !== 'GRANT OPTION') held.delete(p);
  const simple = held.has('ALL') ? [...held].filter((p) => p === 'ALL' || p === 'GRANT OPTION') : [...held];
  if (simple.length > 0) next[key] = simple;
  for (const { privilege, column } of columns) {
    const at = columnKey(subject, column, next);
    next[at] = [...new Set([...(next[at] ?? []), privilege])];
  }
  const grantable = level === 'global' && grantOption ? dynamic : [];
  return {
    ...account,
    privileges: next,
    ...(grantable.length > 0 && {
      dynamicGrantable: [...new Set([...(account.dynamicGrantable ?? []), ...grantable])],
    }),
  };
}

/** The key of a column, whatever the case in which it was granted before. */
function columnKey({ database, table }: Subject, column: string, held: Readonly<Record<string, unknown>>): string {
  const wanted = scopeKey(database, table, column);
  return (
    Object.keys(held).find(
      (k) => k.toLowerCase() === wanted.toLowerCase() && k.startsWith(scopeKey(database, table)),
    ) ?? wanted
  );
}

/** Undefined when the account has no such grant. */
function revoked(account: AccountDef, subject: Subject): AccountDef | undefined {
  const { key, whole, columns, all, level } = subject;
  const next: Record<string, readonly string[]> = { ...account.privileges };
  const option = subject.grantOption;
  let grantable = account.dynamicGrantable;
  const held = next[key];
  const isColumnOf = (k: string): boolean => k.startsWith(`${key}.`) && scopeNames(k).length === 3;
  if (columns.length === 0 || whole.length > 0 || option) {
    const columnsHeld = level === 'table' && all && Object.keys(next).some(isColumnOf);
    if (!held && level !== 'global' && !columnsHeld) return undefined;
    if (held) {
      const everything = held.includes('ALL')
        ? [
            ...privilegesOf(level),
            ...(level === 'global' ? DYNAMIC_PRIVILEGES : []),
            ...held.filter((p) => p === 'GRANT OPTION'),
          ]
        : held;
      // REVOKE ALL leaves GRANT OPTION.
      const gone = all ? new Set([...everything].filter((p) => p !== 'GRANT OPTION')) : new Set(whole);
      if (option) gone.add('GRANT OPTION');
      const touches = everything.some((p) => gone.has(p));
      if (touches) next[key] = everything.filter((p) => !gone.has(p));
      if (next[key]?.length === 0) Reflect.deleteProperty(next, key);
      if (level === 'global') grantable = grantable?.filter((p) => !gone.has(p));
    }
    if (level === 'table' && all) for (const k of Object.keys(next)) if (isColumnOf(k)) Reflect.deleteProperty(next, k);
  }
  for (const { privilege, column } of columns) {
    const at = columnKey(subject, column, next);
    if (!next[at]?.includes(privilege)) return undefined;
    next[at] = next[at].filter((p) => p !== privilege);
    if (next[at].length === 0) Reflect.deleteProperty(next, at);
  }
  return { ...account, privileges: next, ...(grantable && { dynamicGrantable: grantable }) };
}

/** REVOKE ALL PRIVILEGES, GRANT OPTION FROM … */
function revokeEverything(draft: AccountDraft, statement: Grant): void {
  const { accounts } = draft.session.core;
  accounts.checkGlobal(draft.session, ['CREATE USER']);
  for (const name of statement.to.map((a) => draft.named(a))) {
    const account = draft.get(name);
    if (!account) {
      if (statement.ignoreUnknownUser || statement.ifExists) {
        draft.note(3162, `Authorization ID ${name.user} does not exist.`, 'Warning');
        continue;
      }
      throw new SqlError(1269, 'HY000', "Can't revoke all privileges for one or more of the requested users");
    }
    if (!draft.isOwn(name)) accounts.checkMayTouch(draft.session, account);
    draft.put({ ...account, privileges: {}, dynamicGrantable: [] });
  }
}

// Roles

function roles(draft: AccountDraft, statement: Grant, names: readonly AccountName[]): void {
  const { session } = draft;
  const { accounts } = session.core;
  const rights = accounts.rightsOf(session);
  const own = [session.currentUser, ...session.state.activeRoles].flatMap(
    (n) => session.core.catalog.accounts.get(n)?.adminRoles ?? [],
  );
  if (!rights.hasGlobal('ROLE_ADMIN', 'SUPER') && !names.every((n) => own.includes(nameOf(n))))
    throw needs('WITH ADMIN, ROLE_ADMIN, SUPER');
  const unknown = (name: AccountName): SqlError =>
    new SqlError(3523, 'HY000', `Unknown authorization ID ${ticked(name)}`);
  for (const role of names) {
    if (draft.get(role)) continue;
    if (!statement.ifExists) throw unknown(role);
    draft.note(3523, unknown(role).message, 'Warning');
  }
  for (const name of statement.to.map((a) => draft.named(a))) {
    const account = draft.get(name);
    if (!account) {
      if (!statement.ignoreUnknownUser) throw unknown(name);
      draft.note(3162, `Authorization ID ${name.user} does not exist.`, 'Warning');
      continue;
    }
    if (!draft.isOwn(name)) accounts.checkMayTouch(session, account);
    draft.put(
      statement.kind === 'grant'
        ? withRoles(draft, account, names, statement.withAdminOption)
        : withoutRoles(draft, account, names),
    );
  }
}

function withRoles(
  draft: AccountDraft,
  account: AccountDef,
  names: readonly AccountName[],
  admin: boolean,
): AccountDef {
  const { accounts } = draft.session.core;
  const added = names.map(nameOf);
  for (const role of names) {
    accounts.checkMayTouch(draft.session, draft.get(role) ?? account);
    if (accounts.reaches(nameOf(role), nameOf(account))) {
      throw new SqlError(
        4027,
        'HY000',
        `User account ${ticked(account)} is directly or indirectly granted to the role ${ticked(role)}. The GRANT would create a loop`,
      );
    }
  }
  return {
    ...account,
    roles: [...new Set([...account.roles, ...added])],
    ...(admin && { adminRoles: [...new Set([...(account.adminRoles ?? []), ...added])] }),
  };
}

function withoutRoles(draft: AccountDraft, account: AccountDef, names: readonly AccountName[]): AccountDef {
  const gone = new Set(names.map(nameOf));
  const held = draft.session.core.accounts.mandatoryRoles().find((role) => gone.has(role));
  if (held !== undefined) throw mandatory(parsed(held));
  const rest = (list: readonly string[]): string[] => list.filter((r) => !gone.has(r));
  return {
    ...account,
    roles: rest(account.roles),
    defaultRoles: rest(account.defaultRoles),
    ...(account.adminRoles && { adminRoles: rest(account.adminRoles) }),
  };
}
