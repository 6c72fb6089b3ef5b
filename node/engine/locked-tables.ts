/** LOCK TABLES: until they are unlocked, a session uses the tables that it named, as it said, and no others. */
import { isSystemDatabase, SqlError, type Plan, type QualifiedName } from '../sql/index.ts';
import type { SchemaStatement } from './ddl/apply.ts';
import type { SessionState } from './session-state.ts';

/** What a session has locked, in one group. */
export interface LockedTables {
  /** By 'database.name'. */
  readonly modes: ReadonlyMap<string, 'shared' | 'exclusive'>;
  /** Releases the locks themselves. */
  readonly release: () => void;
}

/** Throws 1099, 1100. */
function checkLocked(state: SessionState, database: string, table: string, writes: boolean): void {
  const { lockedTables } = state;
  if (!lockedTables || database === '' || isSystemDatabase(database)) return;
  const name = `${database}.${table}`;
  if (state.temporaryTables.has(name)) return;
  const mode = lockedTables.modes.get(name);
  if (mode === undefined) throw new SqlError(1100, 'HY000', `Table '${table}' was not locked with LOCK TABLES`);
  if (writes && mode === 'shared')
    throw new SqlError(1099, 'HY000', `Table '${table}' was locked with a READ lock and can't be updated`);
}

/** Of a statement with a plan. What a view reads is locked with the view. */
export function checkLockedAccess(state: SessionState, access: Plan['access']): void {
  for (const { view, database, table, privilege } of access)
    if (!view) checkLocked(state, database, table, privilege !== 'select');
}

/** Of a schema statement. */
export function checkLockedSchema(state: SessionState, current: string, statement: SchemaStatement): void {
  const changes = ({ schema, name }: QualifiedName): void => checkLocked(state, schema ?? current, name, true);
  switch (statement.kind) {
    case 'createTable':
    case 'createTableLike':
      if (!statement.temporary) changes(statement.name);
      return;
    case 'createView':
    case 'alterView':
    case 'alterTable':
    case 'truncateTable':
      return changes(statement.name);
    case 'createIndex':
    case 'dropIndex':
      return changes(statement.table);
    case 'dropTable':
    case 'dropView':
      return statement.names.forEach(changes);
    case 'renameTable':
      return statement.pairs.forEach(({ from }) => changes(from));
    default:
  }
}
