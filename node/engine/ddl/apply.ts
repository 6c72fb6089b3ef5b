/** What schema statements share: finding their tables, waiting for them, applying the change. */
import {
  isSystemDatabase,
  SqlError,
  type CatalogChange,
  type ForeignKeyDef,
  type QualifiedName,
  type Statement,
  type TableDef,
} from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';

export type SchemaStatement = Extract<
  Statement,
  {
    kind:
      | 'createDatabase'
      | 'alterDatabase'
      | 'dropDatabase'
      | 'createTable'
      | 'createTableLike'
      | 'alterTable'
      | 'createIndex'
      | 'dropIndex'
      | 'dropTable'
      | 'truncateTable'
      | 'renameTable'
      | 'createView'
      | 'alterView'
      | 'dropView';
  }
>;

/** Applies a schema change and answers OK when it is durable. */
export function apply(
  x: StatementContext,
  changes: readonly CatalogChange[],
  affectedRows = 0,
  info = '',
): Promise<void> {
  return x.session.core.commits.changeCatalog(x.session, x.text, changes).then(() => ok(x, affectedRows, info));
}

export function databaseOf(x: StatementContext, name: QualifiedName): string {
  const database = name.schema ?? x.session.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  if (isSystemDatabase(database))
    throw new SqlError(
      1044,
      '42000',
      `Access denied for user '${x.session.account.user}'@'${x.session.account.host}' to database '${database}'`,
    );
  if (!x.session.core.catalog.databases.has(database))
    throw new SqlError(1049, '42000', `Unknown database '${database}'`);
  return database;
}

/** A base table to change, which no open transaction holds. Throws LockWait. */
export function exclusiveTable(x: StatementContext, name: QualifiedName): TableDef {
  const { session } = x;
  const database = databaseOf(x, name);
  const temporary = session.state.temporaryTables.get(`${database}.${name.name}`);
  if (temporary) return temporary;
  const table = session.core.catalog.table(database, name.name);
  if (!table) {
    if (session.core.catalog.view(database, name.name))
      throw new SqlError(1347, 'HY000', `'${database}.${name.name}' is not BASE TABLE`);
    throw new SqlError(1146, '42S02', `Table '${database}.${name.name}' doesn't exist`);
  }
  waitForTable(x, table);
  return table;
}

export function waitForTable(x: StatementContext, table: TableDef): void {
  x.session.core.locks.checkTable(table.id, x.session.owner);
}

/** A table before and after: it, or columns of it, may have another name. */
export interface Renaming {
  readonly from: TableDef;
  readonly to: TableDef;
}

/** Foreign keys name their parent and its columns: those of other tables follow these tables' new names. */
export function childrenFollow(x: StatementContext, renamings: readonly Renaming[]): CatalogChange[] {
  const own = new Set(renamings.map(({ from }) => from.id));
  const children = new Map(
    renamings
      .filter(({ from, to }) => from.database !== to.database || from.name !== to.name || newNames(from, to).size > 0)
      .flatMap(({ from }) => x.session.core.catalog.children(from.database, from.name))
      .filter(({ table }) => !own.has(table.id))
      .map(({ table }) => [table.id, table]),
  );
  return [...children.values()].map((table) => ({
    kind: 'put-table' as const,
    table: {
      ...table,
      version: table.version + 1,
      foreignKeys: table.foreignKeys.map((key) => referenceFollows(key, renamings)),
    },
  }));
}

/** A foreign key with its parent's new names. */
export function referenceFollows(key: ForeignKeyDef, renamings: readonly Renaming[]): ForeignKeyDef {
  const found = renamings.find(
    ({ from }) => from.database === key.referencedDatabase && from.name === key.referencedTable,
  );
  if (!found) return key;
  const names = newNames(found.from, found.to);
  return {
    ...key,
    referencedDatabase: found.to.database,
    referencedTable: found.to.name,
    referencedColumns: key.referencedColumns.map((name) => names.get(name.toLowerCase()) ?? name),
  };
}

/** Names of columns that are others now, by the names that they had. */
function newNames(from: TableDef, to: TableDef): Map<string, string> {
  const now = new Map(to.columns.map((c) => [c.id, c.name]));
  return new Map(
    from.columns.flatMap(({ id, name }) => {
      const other = now.get(id);
      return other === undefined || other === name ? [] : [[name.toLowerCase(), other]];
    }),
  );
}

/** Constraints that are named after their table are named after its new name. */
export function constraintsFollow(
  { name: from, foreignKeys, checks }: TableDef,
  to: string,
): Pick<TableDef, 'foreignKeys' | 'checks'> {
  const follow = <T extends { readonly name: string }>(mark: string, constraint: T): T =>
    constraint.name.startsWith(`${from}_${mark}_`)
      ? { ...constraint, name: `${to}${constraint.name.slice(from.length)}` }
      : constraint;
  return { foreignKeys: foreignKeys.map((f) => follow('ibfk', f)), checks: checks.map((c) => follow('chk', c)) };
}

/** Temporary tables belong to the session: they are in no log. */
export function putTable(
  x: StatementContext,
  table: TableDef,
  changes: readonly CatalogChange[],
  info = '',
): Promise<void> | undefined {
  const { core, state } = x.session;
  if (!table.temporary) return apply(x, changes, 0, info);
  core.schema.createTemporary(table);
  for (const change of changes)
    if (change.kind === 'auto-increment') core.state.counters.setAutoIncrement(table, change.next);
  state.temporaryTables.set(`${table.database}.${table.name}`, table);
  state.changed();
  x.session.keepWarnings();
  return ok(x, 0, info);
}
