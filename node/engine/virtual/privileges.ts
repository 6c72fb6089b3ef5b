/** Privileges of an account as they are listed: in MySQL's order, with ALL taken apart. */
import type { AccountDef } from '../../sql/index.ts';
import { DYNAMIC_PRIVILEGES, scopeNames } from '../privileges.ts';

/** Static privileges in the order of GRANT's text, with their columns in mysql.user. */
export const STATIC_PRIVILEGES: readonly (readonly [name: string, column: string])[] = [
  ['SELECT', 'Select_priv'],
  ['INSERT', 'Insert_priv'],
  ['UPDATE', 'Update_priv'],
  ['DELETE', 'Delete_priv'],
  ['CREATE', 'Create_priv'],
  ['DROP', 'Drop_priv'],
  ['RELOAD', 'Reload_priv'],
  ['SHUTDOWN', 'Shutdown_priv'],
  ['PROCESS', 'Process_priv'],
  ['FILE', 'File_priv'],
  ['REFERENCES', 'References_priv'],
  ['INDEX', 'Index_priv'],
  ['ALTER', 'Alter_priv'],
  ['SHOW DATABASES', 'Show_db_priv'],
  ['SUPER', 'Super_priv'],
  ['CREATE TEMPORARY TABLES', 'Create_tmp_table_priv'],
  ['LOCK TABLES', 'Lock_tables_priv'],
  ['EXECUTE', 'Execute_priv'],
  ['REPLICATION SLAVE', 'Repl_slave_priv'],
  ['REPLICATION CLIENT', 'Repl_client_priv'],
  ['CREATE VIEW', 'Create_view_priv'],
  ['SHOW VIEW', 'Show_view_priv'],
  ['CREATE ROUTINE', 'Create_routine_priv'],
  ['ALTER ROUTINE', 'Alter_routine_priv'],
  ['CREATE USER', 'Create_user_priv'],
  ['EVENT', 'Event_priv'],
  ['TRIGGER', 'Trigger_priv'],
  ['CREATE TABLESPACE', 'Create_tablespace_priv'],
  ['CREATE ROLE', 'Create_role_priv'],
  ['DROP ROLE', 'Drop_role_priv'],
];

const DATABASE_PRIVILEGES = new Set(
  'SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE TEMPORARY TABLES,LOCK TABLES,EXECUTE,CREATE VIEW,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,EVENT,TRIGGER'.split(
    ',',
  ),
);
const TABLE_PRIVILEGES = new Set(
  'SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE VIEW,SHOW VIEW,TRIGGER'.split(','),
);

export type Scope =
  | { readonly kind: 'global' }
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'table'; readonly database: string; readonly table: string }
  | { readonly kind: 'column'; readonly database: string; readonly table: string; readonly column: string };

export interface Granted {
  readonly scope: Scope;
  /** In MySQL's order; dynamic ones behind, by name. */
  readonly privileges: readonly string[];
  readonly dynamic: readonly string[];
  /** It is all that the scope has. */
  readonly all: boolean;
  readonly grantable: boolean;
}

function scopeOf(key: string): Scope {
  if (key === '*') return { kind: 'global' };
  const [database = '', table, column] = scopeNames(key);
  if (table === undefined) return { kind: 'database', database };
  return column === undefined ? { kind: 'table', database, table } : { kind: 'column', database, table, column };
}

const known = new Set(STATIC_PRIVILEGES.map(([name]) => name));

const possible = (scope: Scope): string[] =>
  STATIC_PRIVILEGES.map(([name]) => name).filter(
    (name) => scope.kind === 'global' || (scope.kind === 'database' ? DATABASE_PRIVILEGES : TABLE_PRIVILEGES).has(name),
  );

/** What an account was granted, the widest scope first. */
export function grantsOf(account: AccountDef): Granted[] {
  return Object.entries(account.privileges)
    .map(([key, list]): Granted => {
      const scope = scopeOf(key);
      const upper = new Set(list.map((p) => p.toUpperCase()));
      const all = upper.has('ALL') || upper.has('ALL PRIVILEGES');
      const privileges = possible(scope).filter((p) => all || upper.has(p));
      const everything = all && scope.kind === 'global' ? [...upper, ...DYNAMIC_PRIVILEGES] : [...upper];
      const dynamic = [...new Set(everything)].filter(
        (p) => !known.has(p) && !['ALL', 'ALL PRIVILEGES', 'GRANT OPTION', 'USAGE', 'PROXY'].includes(p),
      );
      return { scope, privileges, dynamic: dynamic.sort(), all, grantable: upper.has('GRANT OPTION') };
    })
    .sort((a, b) => rank(a) - rank(b));
}

const rank = ({ scope }: Granted): number => ['global', 'database', 'table', 'column'].indexOf(scope.kind);
