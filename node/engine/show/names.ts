/** The database or relation that a SHOW names. */
import { SqlError, type QualifiedName, type TableDef, type ViewDef } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import { findVirtual, virtualNames, type VirtualDefinition } from '../virtual/definitions.ts';

/** A database by name, or the one in use; system databases in the case that they have. Throws 1046, 1049. */
export function databaseNamed(x: StatementContext, name: string | undefined): string {
  const { session } = x;
  const given = name ?? session.database;
  if (given === '') throw new SqlError(1046, '3D000', 'No database selected');
  const lower = given.toLowerCase();
  if (lower === 'information_schema' || lower === 'performance_schema') return lower;
  if (!session.core.main.catalog.databases.has(given) && virtualNames(given) === undefined)
    throw new SqlError(1049, '42000', `Unknown database '${given}'`);
  session.core.accounts.checkDatabase(session, given);
  return given;
}

export type FoundRelation =
  | { readonly kind: 'table'; readonly table: TableDef }
  | { readonly kind: 'view'; readonly view: ViewDef }
  | { readonly kind: 'virtual'; readonly virtual: VirtualDefinition };

/** Throws 1146 when there is none of that name that the session sees. */
export function relationNamed(x: StatementContext, name: QualifiedName, from?: string): FoundRelation {
  const { session } = x;
  const { accounts } = session.core;
  const database = databaseNamed(x, from ?? name.schema);
  const { catalog } = session.core.engineOf(database);
  const temporary = session.state.temporaryTables.get(`${database}.${name.name}`);
  if (temporary) return { kind: 'table', table: temporary };
  const virtual = findVirtual(database, name.name);
  if (virtual) return { kind: 'virtual', virtual };
  const table = catalog.table(database, name.name);
  const view = catalog.view(database, name.name);
  if ((table ?? view) && !accounts.canSee(session, database, name.name)) {
    throw new SqlError(
      1142,
      '42000',
      `SELECT command denied to user '${session.account.user}'@'${session.client.address}' for table '${name.name}'`,
    );
  }
  if (table) return { kind: 'table', table };
  if (view) return { kind: 'view', view };
  throw new SqlError(1146, '42S02', `Table '${database}.${name.name}' doesn't exist`);
}
