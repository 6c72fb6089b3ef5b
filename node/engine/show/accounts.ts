/** SHOW GRANTS and SHOW CREATE USER. */
import { quoteName, quoteText, SqlError, type Account, type AccountDef, type Show } from '../../sql/index.ts';
import { accountText } from '../ddl/show-create.ts';
import type { StatementContext } from '../statement-context.ts';
import { grantsOf, STATIC_PRIVILEGES, type Granted } from '../virtual/privileges.ts';
import type { VirtualRow } from '../virtual/rows.ts';
import { answer, columnsOf, type ShowColumn } from './result.ts';

type Answered = Promise<void> | undefined;

const TEXT_COLUMN = columnsOf('Text varchar(1024)!');
const headed = (name: string): ShowColumn[] => TEXT_COLUMN.map((c) => ({ ...c, name }));

/** The account that a statement names: the session's own when it names none. */
function nameOf(x: StatementContext, account: Account | undefined): string {
  return account === undefined || account.kind !== 'account'
    ? x.session.currentUser
    : `${account.user}@${account.host}`;
}

export function showGrants(x: StatementContext, statement: Show): Answered {
  const { session } = x;
  const { core } = session;
  const name = nameOf(x, statement.account);
  const account = core.catalog.accounts.get(name);
  const at = name.lastIndexOf('@');
  if (!account)
    throw new SqlError(
      1141,
      '42000',
      `There is no such grant defined for user '${name.slice(0, at)}' on host '${name.slice(at + 1)}'`,
    );
  if (
    name !== session.currentUser &&
    !session.state.activeRoles.includes(name) &&
    !core.accounts.canSee(session, 'mysql')
  ) {
    throw new SqlError(
      1044,
      '42000',
      `Access denied for user '${session.account.user}'@'${session.account.host}' to database 'mysql'`,
    );
  }
  const used = (statement.using ?? []).flatMap((r) =>
    r.kind === 'account' ? [core.catalog.accounts.get(`${r.user}@${r.host}`)] : [],
  );
  const rows = grantTexts(
    account,
    used.filter((r) => r !== undefined),
  ).map((text): VirtualRow => [text]);
  return answer(x, { columns: headed(`Grants for ${name}`), rows });
}

function grantTexts(account: AccountDef, roles: readonly AccountDef[]): string[] {
  const to = ` TO ${accountText(`${account.user}@${account.host}`)}`;
  const merged = merge([account, ...roles]);
  const tail = (g: Granted): string => to + (g.grantable ? ' WITH GRANT OPTION' : '');
  const texts: string[] = [];
  const global = merged.find((g) => g.scope.kind === 'global');
  texts.push(
    `GRANT ${global && global.privileges.length > 0 ? global.privileges.join(', ') : 'USAGE'} ON *.*${global ? tail(global) : to}`,
  );
  if (global && global.dynamic.length > 0) texts.push(`GRANT ${global.dynamic.join(',')} ON *.*${tail(global)}`);
  for (const g of merged) {
    if (g.scope.kind !== 'database') continue;
    texts.push(`GRANT ${listText(g, 18)} ON ${quoteName(g.scope.database)}.*${tail(g)}`);
  }
  for (const { table, database, whole, columns } of tableGrants(merged)) {
    const words = STATIC_PRIVILEGES.flatMap(([privilege]) => [
      ...(whole?.privileges.includes(privilege) ? [privilege] : []),
      ...(columns.has(privilege)
        ? [`${privilege} (${(columns.get(privilege) ?? []).sort().map(quoteName).join(', ')})`]
        : []),
    ]);
    const all = whole !== undefined && whole.privileges.length === 12;
    texts.push(
      `GRANT ${all ? 'ALL PRIVILEGES' : words.length === 0 ? 'USAGE' : words.join(', ')} ON ${quoteName(database)}.${quoteName(table)}${to}${whole?.grantable ? ' WITH GRANT OPTION' : ''}`,
    );
  }
  if (account.roles.length > 0) texts.push(`GRANT ${[...account.roles].sort().map(accountText).join(',')}${to}`);
  return texts;
}

const listText = (g: Granted, allCount: number): string =>
  g.all || g.privileges.length === allCount
    ? 'ALL PRIVILEGES'
    : g.privileges.length === 0
      ? 'USAGE'
      : g.privileges.join(', ');

/** Grants of several accounts as one: an account's own, and those of the roles it is shown with. */
function merge(accounts: readonly AccountDef[]): Granted[] {
  const privileges: Record<string, string[]> = {};
  for (const account of accounts)
    for (const [key, list] of Object.entries(account.privileges)) (privileges[key] ??= []).push(...list);
  const [first] = accounts;
  return first ? grantsOf({ ...first, privileges }) : [];
}

interface TableGrant {
  readonly database: string;
  readonly table: string;
  whole: Granted | undefined;
  readonly columns: Map<string, string[]>;
}

function tableGrants(grants: readonly Granted[]): TableGrant[] {
  const tables = new Map<string, TableGrant>();
  for (const g of grants) {
    const { scope } = g;
    if (scope.kind !== 'table' && scope.kind !== 'column') continue;
    const key = `${scope.database}.${scope.table}`;
    let entry = tables.get(key);
    if (!entry)
      tables.set(key, (entry = { database: scope.database, table: scope.table, whole: undefined, columns: new Map() }));
    if (scope.kind === 'table') entry.whole = g;
    else for (const p of g.privileges) entry.columns.set(p, [...(entry.columns.get(p) ?? []), scope.column]);
  }
  return [...tables.values()];
}

export function showCreateUser(x: StatementContext, statement: Show): Answered {
  const { session } = x;
  const name = nameOf(x, statement.account);
  const account = session.core.catalog.accounts.get(name);
  if (!account) {
    const at = name.lastIndexOf('@');
    throw new SqlError(
      1396,
      'HY000',
      `Operation SHOW CREATE USER failed for '${name.slice(0, at)}'@'${name.slice(at + 1)}' (User account does not exist)`,
    );
  }
  const secret = account.authentication === '' ? '' : ` AS ${quoteText(account.authentication)}`;
  const roles =
    account.defaultRoles.length === 0 ? '' : ` DEFAULT ROLE ${account.defaultRoles.map(accountText).join(',')}`;
  const text =
    `CREATE USER ${accountText(name)} IDENTIFIED WITH '${account.plugin}'${secret}${roles}` +
    ` REQUIRE ${account.requireTls ? 'SSL' : 'NONE'} PASSWORD EXPIRE${account.passwordExpired ? '' : ' DEFAULT'}` +
    ` ACCOUNT ${account.locked ? 'LOCK' : 'UNLOCK'} PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT` +
    (account.comment === undefined ? '' : ` ATTRIBUTE ${quoteText(JSON.stringify({ comment: account.comment }))}`);
  return answer(x, { columns: headed(`CREATE USER for ${name}`), rows: [[text]] });
}
