/** CREATE, ALTER, DROP, RENAME USER; CREATE and DROP ROLE; SET PASSWORD. */
import { randomInt } from 'node:crypto';
import {
  SqlError,
  unsupported,
  type AccountDef,
  type Authentication,
  type CreateRole,
  type CreateUser,
  type DropUser,
  type RenameUser,
  type SetPassword,
} from '../sql/index.ts';
import { hashPassword, isPasswordHash, PasswordCache, verifyPassword, type AuthPlugin } from '../server/index.ts';
import { failed, quoted, ticked, type AccountDraft, type AccountName } from './account-draft.ts';
import { nameOf, needs } from './accounts.ts';
import { parseHost } from './hosts.ts';
import { mandatory, selectRoles } from './role-statements.ts';

const PLUGINS = new Set<string>(['caching_sha2_password', 'mysql_native_password']);
const DEFAULT_PLUGIN = 'caching_sha2_password';
const USER_MAX = 32;

const NEW: Omit<AccountDef, 'user' | 'host'> = {
  plugin: DEFAULT_PLUGIN,
  authentication: '',
  locked: false,
  passwordExpired: false,
  requireTls: false,
  privileges: {},
  roles: [],
  defaultRoles: [],
};

export function createUser(draft: AccountDraft, statement: CreateUser): void {
  const { accounts } = draft.session.core;
  accounts.checkGlobal(draft.session, ['CREATE USER']);
  const specs = statement.users.map((spec) => ({ spec, name: checkName(draft.named(spec.account)) }));
  const existing = specs.filter(({ name }) => draft.get(name)).map(({ name }) => name);
  if (existing.length > 0 && !statement.conditional)
    throw failed('CREATE USER', existing, 'User account already exists');
  for (const { spec, name } of specs) {
    if (draft.get(name)) {
      draft.note(3163, `Authorization ID ${quoted(name)} already exists.`);
      continue;
    }
    if (spec.factors.length > 0) throw unsupported('multi-factor authentication');
    let account: AccountDef = { ...NEW, ...name };
    if (spec.authentication) account = authenticated(draft, account, spec.authentication);
    draft.put(withOptions(account, statement));
  }
  const { defaultRoles } = statement;
  if (defaultRoles?.kind === 'roles') {
    const roles = defaultRoles.roles.map((r) => draft.named(r));
    for (const role of roles)
      if (!draft.get(role)) throw new SqlError(3523, 'HY000', `Unknown authorization ID ${ticked(role)}`);
    // Default roles of a new account are granted with it.
    const names = roles.map(nameOf);
    for (const { name } of specs) {
      const account = draft.get(name);
      if (account && !existing.includes(name)) draft.put({ ...account, roles: names, defaultRoles: names });
    }
  }
}

export async function alterUser(draft: AccountDraft, statement: CreateUser): Promise<void> {
  const { session } = draft;
  const { accounts } = session.core;
  const changesOnlyPasswords =
    !statement.require &&
    statement.options.length === 0 &&
    statement.comment === undefined &&
    statement.attribute === undefined &&
    !statement.defaultRoles;
  const ownPasswords =
    changesOnlyPasswords &&
    statement.users.every(
      (s) => draft.isOwn(draft.named(s.account)) && (s.authentication !== undefined || s.discardOld),
    );
  if (!ownPasswords) {
    accounts.checkPasswordFresh(session);
    const ownRoles = statement.defaultRoles && statement.users.every((s) => draft.isOwn(draft.named(s.account)));
    if (!ownRoles) accounts.checkGlobal(session, ['CREATE USER']);
  }
  const missing: AccountName[] = [];
  for (const spec of statement.users) {
    const name = draft.named(spec.account);
    const account = draft.get(name);
    if (!account) {
      missing.push(name);
      continue;
    }
    if (spec.factors.length > 0) throw unsupported('multi-factor authentication');
    if (!draft.isOwn(name)) accounts.checkMayTouch(session, account);
    let next = account;
    if (spec.authentication) {
      await checkReplaced(draft, account, spec.authentication.replace);
      if (spec.authentication.retainCurrent) throw unsupported('RETAIN CURRENT PASSWORD');
      next = authenticated(draft, next, spec.authentication);
    }
    next = withOptions(next, statement);
    if (statement.defaultRoles) next = { ...next, defaultRoles: selectRoles(draft, next, statement.defaultRoles) };
    draft.put(next);
  }
  if (missing.length > 0 && !statement.conditional) throw failed('ALTER USER', missing, 'User account does not exist');
  for (const name of missing) draft.note(3162, `Authorization ID ${quoted(name)} does not exist.`);
}

export async function setPassword(draft: AccountDraft, statement: SetPassword): Promise<void> {
  const { session } = draft;
  const { accounts } = session.core;
  const name = statement.account ? draft.named(statement.account) : draft.named({ kind: 'currentUser' });
  const own = draft.isOwn(name);
  if (!own) {
    accounts.checkPasswordFresh(session);
    if (!accounts.rightsOf(session).hasGlobal('CREATE USER', 'UPDATE')) throw accounts.deniedDatabase(session, 'mysql');
  }
  const account = draft.get(name);
  if (!account) throw new SqlError(1133, '42000', "Can't find any matching row in the user table");
  if (!own) accounts.checkMayTouch(session, account);
  if (statement.retainCurrent) throw unsupported('RETAIN CURRENT PASSWORD');
  await checkReplaced(draft, account, statement.replace);
  const password = statement.random ? generate(draft, account) : (statement.password ?? '');
  draft.put({ ...account, authentication: hashPassword(account.plugin, password), passwordExpired: false });
}

/** REPLACE 'current password' */
async function checkReplaced(draft: AccountDraft, account: AccountDef, current: string | undefined): Promise<void> {
  if (current === undefined) return;
  if (!draft.isOwn(account))
    throw new SqlError(3893, 'HY000', 'Do not specify the current password while changing it for other users.');
  if (!(await verifyPassword(account, current, new PasswordCache(1)))) {
    throw new SqlError(
      3891,
      'HY000',
      'Incorrect current password. Specify the correct password which has to be replaced.',
    );
  }
}

function authenticated(draft: AccountDraft, account: AccountDef, given: Authentication): AccountDef {
  const plugin = given.plugin?.toLowerCase() ?? account.plugin;
  if (!PLUGINS.has(plugin)) throw new SqlError(1524, 'HY000', `Plugin '${given.plugin ?? ''}' is not loaded`);
  const known = plugin as AuthPlugin;
  if (given.hash !== undefined) {
    if (!isPasswordHash(known, given.hash))
      throw new SqlError(1827, 'HY000', "The password hash doesn't have the expected format.");
    return { ...account, plugin: known, authentication: given.hash, passwordExpired: false };
  }
  if (given.randomPassword)
    return {
      ...account,
      plugin: known,
      authentication: hashPassword(known, generate(draft, account)),
      passwordExpired: false,
    };
  // Another way to prove oneself without a password to prove: as MySQL, the password is to be set anew.
  if (given.password === undefined)
    return { ...account, plugin: known, authentication: '', passwordExpired: account.authentication !== '' };
  return { ...account, plugin: known, authentication: hashPassword(known, given.password), passwordExpired: false };
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,.-+*;:_!%&/(){}[]<>@=?';
const GENERATED_LENGTH = 20;

function generate(draft: AccountDraft, { user, host }: AccountName): string {
  const password = Array.from({ length: GENERATED_LENGTH }, () => LETTERS[randomInt(LETTERS.length)] as string).join(
    '',
  );
  draft.generated.push({ user, host, password });
  return password;
}

function withOptions(account: AccountDef, statement: CreateUser): AccountDef {
  let next = account;
  const { require } = statement;
  if (require) {
    if (require.kind !== 'none' && require.kind !== 'ssl') throw unsupported('REQUIRE with client certificates');
    next = { ...next, requireTls: require.kind === 'ssl' };
  }
  for (const { name, value } of statement.options) {
    if (name === 'account_lock' || name === 'account_unlock') next = { ...next, locked: name === 'account_lock' };
    else if (name === 'password_expire' && value === undefined) next = { ...next, passwordExpired: true };
    // Passwords do not age, and nothing is counted: what asks for that is the only thing refused.
    else if (value !== undefined && value !== 0 && value !== 'default' && value !== 'never' && value !== 'optional')
      throw unsupported(name.toUpperCase());
    else if (name === 'password_require_current' && value === undefined) throw unsupported('PASSWORD REQUIRE CURRENT');
  }
  if (statement.comment !== undefined) next = { ...next, comment: statement.comment };
  if (statement.attribute !== undefined) next = withAttribute(next, statement.attribute);
  return next;
}

/** ATTRIBUTE adds members, and takes away those that are null; a member `comment` is the comment. */
function withAttribute(account: AccountDef, text: string): AccountDef {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = undefined;
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw new SqlError(3982, 'HY000', 'The user attribute must be a valid JSON object');
  const merged: Record<string, unknown> = { ...(JSON.parse(account.attribute ?? '{}') as object), ...given };
  for (const [key, value] of Object.entries(merged)) if (value === null) delete merged[key];
  const { comment, ...rest } = merged;
  const { comment: oldComment, attribute: _, ...plain } = account;
  const kept = 'comment' in given ? comment : oldComment;
  return {
    ...plain,
    ...(typeof kept === 'string' && { comment: kept }),
    ...(Object.keys(rest).length > 0 && { attribute: JSON.stringify(rest) }),
  };
}

function checkName(name: AccountName): AccountName {
  if (name.user.length > USER_MAX)
    throw new SqlError(
      1470,
      'HY000',
      `String '${name.user}' is too long for user name (should be no longer than ${USER_MAX})`,
    );
  if (!parseHost(name.host))
    throw new SqlError(1470, 'HY000', `String '${name.host}' is not a host name, pattern, address or network`);
  return { user: name.user, host: name.host };
}

export function createRole(draft: AccountDraft, statement: CreateRole): void {
  draft.session.core.accounts.checkGlobal(draft.session, ['CREATE USER', 'CREATE ROLE'], 'CREATE USER, CREATE ROLE');
  const names = statement.roles.map((r) => checkName(draft.named(r)));
  if (names.some(({ user }) => user === ''))
    throw new SqlError(1396, 'HY000', 'Operation CREATE ROLE failed for anonymous user');
  const existing = names.filter((name) => draft.get(name));
  if (existing.length > 0 && !statement.ifNotExists)
    throw failed('CREATE ROLE', existing, 'User account already exists');
  for (const name of names) {
    if (draft.get(name)) draft.note(3163, `Authorization ID ${quoted(name)} already exists.`);
    else draft.put({ ...NEW, ...name, locked: true, passwordExpired: true, isRole: true });
  }
}

export function dropUsers(draft: AccountDraft, statement: DropUser): void {
  const { session } = draft;
  const { accounts, catalog } = session.core;
  const role = statement.kind === 'dropRole';
  if (role) accounts.checkGlobal(session, ['CREATE USER', 'DROP ROLE'], 'CREATE USER, DROP ROLE');
  else accounts.checkGlobal(session, ['CREATE USER']);
  const names = statement.accounts.map((a) => draft.named(a));
  for (const name of names) if (accounts.mandatoryRoles().includes(nameOf(name))) throw mandatory(name);
  const missing = names.filter((name) => !draft.get(name));
  if (missing.length > 0 && !statement.ifExists)
    throw failed(role ? 'DROP ROLE' : 'DROP USER', missing, 'User account does not exist');
  for (const name of names) {
    const account = draft.get(name);
    if (!account) {
      draft.note(3162, `Authorization ID ${quoted(name)} does not exist.`);
      continue;
    }
    accounts.checkMayTouch(session, account);
    const defines = [...catalog.databases.keys()].some((d) =>
      catalog.relationsOf(d).some((r) => 'definer' in r && r.definer === nameOf(name)),
    );
    if (defines) {
      if (!accounts.rightsOf(session).hasGlobal('SET_ANY_DEFINER', 'ALLOW_NONEXISTENT_DEFINER'))
        throw needs('SET_ANY_DEFINER or ALLOW_NONEXISTENT_DEFINER');
      draft.note(4005, `User ${quoted(name)} is referenced as a definer account in a view.`, 'Warning');
    }
    draft.drop(name);
    rewriteRoles(draft, nameOf(name), []);
  }
}

/** A role that is gone, or has another name, in the lists of those who hold it. */
function rewriteRoles(draft: AccountDraft, from: string, to: readonly string[]): void {
  const renew = (names: readonly string[]): string[] => names.flatMap((n) => (n === from ? to : [n]));
  for (const account of draft.all()) {
    if (!account.roles.includes(from) && !account.defaultRoles.includes(from)) continue;
    draft.put({
      ...account,
      roles: renew(account.roles),
      defaultRoles: renew(account.defaultRoles),
      ...(account.adminRoles && { adminRoles: renew(account.adminRoles) }),
    });
  }
}

export function renameUser(draft: AccountDraft, statement: RenameUser): void {
  const { session } = draft;
  const { accounts } = session.core;
  accounts.checkGlobal(session, ['CREATE USER']);
  for (const pair of statement.pairs) {
    const from = draft.named(pair.from);
    const to = checkName(draft.named(pair.to));
    const account = draft.get(from);
    if (!account || draft.get(to)) throw failed('RENAME USER', [from], '');
    accounts.checkMayTouch(session, account);
    draft.drop(from);
    draft.put({ ...account, ...to });
    rewriteRoles(draft, nameOf(from), [nameOf(to)]);
  }
}
