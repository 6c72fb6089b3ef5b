/** Privileges: which there are, where each can be granted, and what an account with its roles may do. */
import type { AccountDef } from '../sql/index.ts';

/**
 * Scopes of AccountDef.privileges: '*', 'database', 'database.table', 'database.table.column'. A point within a name is
 * written U+0001, so that the parts can be told apart.
 */
export const scopeKey = (...names: readonly string[]): string =>
  names.map((n) => n.replaceAll('.', '\u0001')).join('.');
export const scopeNames = (key: string): string[] => key.split('.').map((n) => n.replaceAll('\u0001', '.'));

const list = (text: string): readonly string[] => text.split(',');

export const TABLE_PRIVILEGES = list(
  'SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE VIEW,SHOW VIEW,TRIGGER',
);
export const DATABASE_PRIVILEGES = list(
  'SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE TEMPORARY TABLES,LOCK TABLES,EXECUTE,CREATE VIEW,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,EVENT,TRIGGER',
);
export const GLOBAL_PRIVILEGES = list(
  'SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,RELOAD,SHUTDOWN,PROCESS,FILE,REFERENCES,INDEX,ALTER,SHOW DATABASES,SUPER,CREATE TEMPORARY TABLES,LOCK TABLES,EXECUTE,REPLICATION SLAVE,REPLICATION CLIENT,CREATE VIEW,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,CREATE USER,EVENT,TRIGGER,CREATE TABLESPACE,CREATE ROLE,DROP ROLE',
);
export const COLUMN_PRIVILEGES = list('SELECT,INSERT,UPDATE,REFERENCES');

export const DYNAMIC_PRIVILEGES: ReadonlySet<string> = new Set(
  list(
    'ALLOW_NONEXISTENT_DEFINER,APPLICATION_PASSWORD_ADMIN,AUDIT_ABORT_EXEMPT,AUDIT_ADMIN,AUTHENTICATION_POLICY_ADMIN,BACKUP_ADMIN,BINLOG_ADMIN,BINLOG_ENCRYPTION_ADMIN,CLONE_ADMIN,CONNECTION_ADMIN,CREATE_SPATIAL_REFERENCE_SYSTEM,ENCRYPTION_KEY_ADMIN,FIREWALL_EXEMPT,FLUSH_OPTIMIZER_COSTS,FLUSH_PRIVILEGES,FLUSH_STATUS,FLUSH_TABLES,FLUSH_USER_RESOURCES,GROUP_REPLICATION_ADMIN,GROUP_REPLICATION_STREAM,INNODB_REDO_LOG_ARCHIVE,INNODB_REDO_LOG_ENABLE,MANAGE_DATA_MASKING_POLICY,OPTIMIZE_LOCAL_TABLE,PASSWORDLESS_USER_ADMIN,PERSIST_RO_VARIABLES_ADMIN,REPLICATION_APPLIER,REPLICATION_SLAVE_ADMIN,RESOURCE_GROUP_ADMIN,RESOURCE_GROUP_USER,ROLE_ADMIN,SENSITIVE_VARIABLES_OBSERVER,SERVICE_CONNECTION_ADMIN,SESSION_VARIABLES_ADMIN,SET_ANY_DEFINER,SHOW_ROUTINE,SYSTEM_USER,SYSTEM_VARIABLES_ADMIN,TABLE_ENCRYPTION_ADMIN,TELEMETRY_LOG_ADMIN,TRANSACTION_GTID_TAG,XA_RECOVER_ADMIN',
  ),
);

export type Level = 'global' | 'database' | 'table';

/** What GRANT ALL stands for at a level; at the global one, all dynamic privileges too. */
export const privilegesOf = (level: Level): readonly string[] =>
  level === 'global' ? GLOBAL_PRIVILEGES : level === 'database' ? DATABASE_PRIVILEGES : TABLE_PRIVILEGES;

/** Whether a LIKE pattern (`%`, `_`, `\`) matches all of a text. */
export function likeMatches(pattern: string, text: string): boolean {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    let c = pattern[i] as string;
    if (c === '%') source += '[\\s\\S]*';
    else if (c === '_') source += '[\\s\\S]';
    else {
      if (c === '\\' && i + 1 < pattern.length) c = pattern[++i] as string;
      source += c.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`).test(text);
}

/** The name that a pattern without wildcards means. */
export const unescaped = (pattern: string): string => pattern.replace(/\\([\s\S])/g, '$1');

/** The place of a pattern's first wildcard: the later, the more specific. */
export function wildcardAt(pattern: string): number {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === '%' || pattern[i] === '_') return i;
  }
  return Number.POSITIVE_INFINITY;
}

const NONE: ReadonlySet<string> = new Set();

/** What one account, or one of its roles, was granted. */
class Grants {
  readonly global: ReadonlySet<string>;
  /** Dynamic privileges that may be passed on. */
  readonly grantable: ReadonlySet<string>;
  /** The most specific pattern first: the first that matches counts. */
  readonly databases: readonly { readonly pattern: string; readonly privileges: ReadonlySet<string> }[];
  /** By database, then table. */
  readonly tables = new Map<string, Map<string, TableGrant>>();

  constructor(account: AccountDef) {
    const databases: { pattern: string; privileges: ReadonlySet<string> }[] = [];
    let global = NONE;
    for (const [key, granted] of Object.entries(account.privileges)) {
      if (key === '*') {
        global = expand(granted, 'global');
        continue;
      }
      const [database = '', table, column] = scopeNames(key);
      if (table === undefined) databases.push({ pattern: database, privileges: expand(granted, 'database') });
      else if (column === undefined) this.tableGrant(database, table).whole = expand(granted, 'table');
      else for (const privilege of granted) this.tableGrant(database, table).addColumn(privilege, column);
    }
    this.global = global;
    const passesAll = account.privileges['*']?.includes('ALL') === true && global.has('GRANT OPTION');
    this.grantable = passesAll ? DYNAMIC_PRIVILEGES : new Set(account.dynamicGrantable);
    this.databases = databases.sort(
      (a, b) =>
        wildcardAt(b.pattern) - wildcardAt(a.pattern) ||
        b.pattern.length - a.pattern.length ||
        (a.pattern < b.pattern ? -1 : 1),
    );
  }

  private tableGrant(database: string, table: string): TableGrant {
    let tables = this.tables.get(database);
    if (!tables) this.tables.set(database, (tables = new Map<string, TableGrant>()));
    let grant = tables.get(table);
    if (!grant) tables.set(table, (grant = new TableGrant()));
    return grant;
  }

  database(name: string): ReadonlySet<string> {
    return this.databases.find(({ pattern }) => pattern === name || likeMatches(pattern, name))?.privileges ?? NONE;
  }
}

class TableGrant {
  whole: ReadonlySet<string> = NONE;
  readonly columns = new Map<string, Set<string>>();

  addColumn(privilege: string, column: string): void {
    let columns = this.columns.get(privilege);
    if (!columns) this.columns.set(privilege, (columns = new Set()));
    columns.add(column.toLowerCase());
  }
}

function expand(granted: readonly string[], level: Level): ReadonlySet<string> {
  if (!granted.includes('ALL')) return new Set(granted);
  return new Set([...privilegesOf(level), ...(level === 'global' ? DYNAMIC_PRIVILEGES : []), ...granted]);
}

/** What an account and its active roles may do together. Immutable: a change of grants makes new ones. */
export class Rights {
  private readonly sources: readonly Grants[];
  private readonly byDatabase = new Map<string, ReadonlySet<string>>();
  readonly global: ReadonlySet<string>;

  constructor(accounts: readonly AccountDef[]) {
    this.sources = accounts.map((a) => new Grants(a));
    this.global = union(this.sources.map((s) => s.global));
  }

  hasGlobal(...anyOf: readonly string[]): boolean {
    return anyOf.some((p) => this.global.has(p));
  }

  /** Whether a dynamic privilege may be passed on. */
  mayGrantDynamic(privilege: string): boolean {
    return this.sources.some((s) => s.grantable.has(privilege));
  }

  /** Granted globally, or for exactly this pattern of databases. */
  onPattern(pattern: string): ReadonlySet<string> {
    return union([
      this.global,
      ...this.sources.map((s) => s.databases.find((d) => d.pattern === pattern)?.privileges ?? NONE),
    ]);
  }

  /** Granted globally or for the database. */
  onDatabase(name: string): ReadonlySet<string> {
    let found = this.byDatabase.get(name);
    if (!found) {
      found = union([this.global, ...this.sources.map((s) => s.database(name))]);
      if (this.byDatabase.size > 1000) this.byDatabase.clear();
      this.byDatabase.set(name, found);
    }
    return found;
  }

  hasOnDatabase(privilege: string, name: string): boolean {
    return this.onDatabase(name).has(privilege);
  }

  /** Granted for the whole table, by whatever scope. */
  hasOnTable(privilege: string, database: string, table: string): boolean {
    return (
      this.onDatabase(database).has(privilege) || this.tableGrants(database, table).some((t) => t.whole.has(privilege))
    );
  }

  hasOnColumn(privilege: string, database: string, table: string, column: string): boolean {
    return (
      this.hasOnTable(privilege, database, table) ||
      this.tableGrants(database, table).some((t) => t.columns.get(privilege)?.has(column.toLowerCase()))
    );
  }

  /** The privilege on the table or on at least one of its columns. */
  hasSomewhereOnTable(privilege: string, database: string, table: string): boolean {
    return (
      this.hasOnTable(privilege, database, table) ||
      this.tableGrants(database, table).some((t) => t.columns.has(privilege))
    );
  }

  /** Any privilege that makes the table visible. */
  seesTable(database: string, table: string): boolean {
    const wide = this.onDatabase(database);
    if (TABLE_PRIVILEGES.some((p) => wide.has(p))) return true;
    return this.tableGrants(database, table).some((t) => t.whole.size > 0 || t.columns.size > 0);
  }

  /** Any privilege that makes the database visible: on it, or on something in it. */
  opensDatabase(name: string): boolean {
    const wide = this.onDatabase(name);
    return DATABASE_PRIVILEGES.some((p) => wide.has(p)) || this.sources.some((s) => s.tables.has(name));
  }

  /** SHOW DATABASES lets the name be known, no more. */
  seesDatabase(name: string): boolean {
    return this.global.has('SHOW DATABASES') || this.opensDatabase(name);
  }

  seesColumn(database: string, table: string, column: string): boolean {
    const wide = this.onDatabase(database);
    if (COLUMN_PRIVILEGES.some((p) => wide.has(p))) return true;
    return this.tableGrants(database, table).some(
      (t) => t.whole.size > 0 || [...t.columns.values()].some((c) => c.has(column.toLowerCase())),
    );
  }

  private tableGrants(database: string, table: string): TableGrant[] {
    return this.sources.flatMap((s) => s.tables.get(database)?.get(table) ?? []);
  }
}

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first = NONE, ...rest] = sets.filter((s) => s.size > 0);
  return rest.length === 0 ? first : new Set([first, ...rest].flatMap((s) => [...s]));
}
