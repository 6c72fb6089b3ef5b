/** From what a database or user shall be, and what it is, to the statements between. Pure. */
import type { Database, User } from '../api/index.ts';

export const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
export const quoteText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

export interface DatabaseSeen {
  readonly characterSet: string;
  readonly collation: string;
  /** That was set last: the catalog shows it nowhere. */
  readonly comment: string | undefined;
}

export const databaseName = ({ metadata, spec }: Database): string => spec.name ?? metadata.name;

export function databaseStatements(database: Database, seen: DatabaseSeen | undefined): string[] {
  const { characterSet, collation, comment } = database.spec;
  const name = quoteName(databaseName(database));
  const options = [
    `CHARACTER SET ${characterSet}`,
    ...(collation === undefined ? [] : [`COLLATE ${collation}`]),
    ...(comment === undefined ? [] : [`COMMENT ${quoteText(comment)}`]),
  ].join(' ');
  if (!seen) return [`CREATE DATABASE IF NOT EXISTS ${name} ${options}`];
  const isSame =
    seen.characterSet === characterSet.toLowerCase() &&
    (collation === undefined || seen.collation === collation.toLowerCase()) &&
    (comment === undefined || seen.comment === comment);
  return isSame ? [] : [`ALTER DATABASE ${name} ${options}`];
}

export interface UserSeen {
  readonly requiresTls: boolean;
  /** The lines of SHOW GRANTS. */
  readonly grants: readonly string[];
}

export const accountOf = ({ metadata, spec }: User): string =>
  `${quoteText(spec.name ?? metadata.name)}@${quoteText(spec.host)}`;

/** `password`: to be set; undefined when the user has it. */
export function userStatements(user: User, seen: UserSeen | undefined, password: string | undefined): string[] {
  const account = accountOf(user);
  const { requireTls } = user.spec;
  const statements: string[] = [];
  const tls = requireTls ? 'REQUIRE SSL' : 'REQUIRE NONE';
  if (!seen) {
    if (password === undefined) throw new Error('a user that is not there needs a password');
    statements.push(`CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY ${quoteText(password)} ${tls}`);
  } else {
    if (password !== undefined) statements.push(`ALTER USER ${account} IDENTIFIED BY ${quoteText(password)}`);
    if (seen.requiresTls !== requireTls) statements.push(`ALTER USER ${account} ${tls}`);
  }
  return [...statements, ...grantStatements(user, scopesOf(seen?.grants ?? []))];
}

interface Scope {
  readonly privileges: ReadonlySet<string>;
  readonly grantOption: boolean;
}

const ALL = 'ALL PRIVILEGES';
const NO_SCOPE: Scope = { privileges: new Set(), grantOption: false };
const LINE = /^GRANT (.+) ON ((?:`(?:[^`]|``)*`|\*)\.(?:`(?:[^`]|``)*`|\*)) TO .*?( WITH GRANT OPTION)?$/;

/** What is granted, by what it is granted on. */
function scopesOf(lines: readonly string[]): Map<string, Scope> {
  const scopes = new Map<string, Scope>();
  for (const line of lines) {
    const [, list = '', on = '', option] = LINE.exec(line) ?? [];
    if (on === '') continue;
    const before = scopes.get(on) ?? NO_SCOPE;
    const privileges = list.split(',').map((name) => name.trim().toUpperCase());
    scopes.set(on, {
      privileges: new Set([...before.privileges, ...privileges.filter((name) => name !== 'USAGE')]),
      grantOption: before.grantOption || option !== undefined,
    });
  }
  return scopes;
}

function wantedScopes({ spec }: User): Map<string, Scope> {
  const part = (name: string): string => (name === '*' ? '*' : quoteName(name));
  const scopes = new Map<string, Scope>();
  for (const { privileges, database, table, grantOption } of spec.grants) {
    const on = `${part(database)}.${part(table)}`;
    const before = scopes.get(on) ?? NO_SCOPE;
    const names = privileges.map((name) => name.trim().toUpperCase()).map((name) => (name === 'ALL' ? ALL : name));
    scopes.set(on, {
      privileges: new Set([...before.privileges, ...names]),
      grantOption: before.grantOption || grantOption,
    });
  }
  return scopes;
}

/** On *.*, all privileges are shown by their names. */
const isAll = (on: string, { privileges }: Scope): boolean =>
  privileges.has(ALL) || (on === '*.*' && privileges.has('SUPER') && privileges.has('SYSTEM_VARIABLES_ADMIN'));

function grantStatements(user: User, seen: ReadonlyMap<string, Scope>): string[] {
  const account = accountOf(user);
  const wanted = wantedScopes(user);
  const taken = [...seen].flatMap(([on, there]) => {
    const shall = wanted.get(on) ?? NO_SCOPE;
    const all = isAll(on, shall) && isAll(on, there);
    const extra = all ? [] : [...there.privileges].filter((name) => !shall.privileges.has(name));
    if (there.grantOption && !shall.grantOption) extra.push('GRANT OPTION');
    return extra.length === 0 ? [] : [`REVOKE ${extra.join(', ')} ON ${on} FROM ${account}`];
  });
  const given = [...wanted].flatMap(([on, shall]) => {
    const there = seen.get(on) ?? NO_SCOPE;
    const all = isAll(on, shall) && isAll(on, there);
    const missing = all ? [] : [...shall.privileges].filter((name) => !there.privileges.has(name));
    const option = shall.grantOption && !there.grantOption;
    if (missing.length === 0 && !option) return [];
    const list = missing.length === 0 ? 'USAGE' : missing.join(', ');
    return [`GRANT ${list} ON ${on} TO ${account}${shall.grantOption ? ' WITH GRANT OPTION' : ''}`];
  });
  return [...taken, ...given];
}
