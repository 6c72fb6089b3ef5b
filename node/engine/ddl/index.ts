/** Schema statements. Each ends the open transaction, waits for the tables it changes, and is durable before its OK. */
import { checkSchemaStatement } from '../schema-privileges.ts';
import { checkLockedSchema } from '../locked-tables.ts';
import { GLOBAL_READ_LOCK } from '../locks.ts';
import { SqlError, type CatalogChange, type QualifiedName, type TableDef } from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';
import {
  apply,
  childrenFollow,
  referenceFollows,
  constraintsFollow,
  databaseOf,
  exclusiveTable,
  waitForTable,
  type SchemaStatement,
} from './apply.ts';
import { alterTable } from './alter-table.ts';
import { createTable, createTableLike } from './create-table.ts';
import { createView, dropViews } from './views.ts';
import { alterDatabase, createDatabase, dropDatabase } from './databases.ts';
import { withLocks } from '../waits.ts';
import { commitTransaction } from '../commit-transaction.ts';

export function runSchemaStatement(x: StatementContext, statement: SchemaStatement): Promise<void> | undefined {
  const { session } = x;
  session.core.refuseWrites();
  session.core.accounts.checkPasswordFresh(session);
  checkSchemaStatement(session.core.accounts, session, statement);
  checkLockedSchema(session.state, session.database, statement);
  const temporary =
    (statement.kind === 'createTable' || statement.kind === 'createTableLike' || statement.kind === 'dropTable') &&
    statement.temporary;
  const done = temporary ? undefined : commitTransaction(session);
  const run = (): Promise<void> | undefined => withLocks(session, () => dispatch(x, statement));
  return done ? done.then(run) : run();
}

function dispatch(x: StatementContext, statement: SchemaStatement): Promise<void> | undefined {
  x.session.core.locks.check(GLOBAL_READ_LOCK, x.session.owner, 'exclusive');
  switch (statement.kind) {
    case 'createDatabase':
      return createDatabase(x, statement);
    case 'alterDatabase':
      return alterDatabase(x, statement);
    case 'dropDatabase':
      return dropDatabase(x, statement);
    case 'createTable':
      return createTable(x, statement);
    case 'createTableLike':
      return createTableLike(x, statement);
    case 'alterTable':
      return alterTable(x, statement.name, statement.actions, statement.algorithm);
    case 'createIndex':
      return alterTable(x, statement.table, [{ kind: 'addKey', key: statement.index }], statement.algorithm);
    case 'dropIndex':
      return alterTable(x, statement.table, [{ kind: 'dropIndex', name: statement.name }], statement.algorithm);
    case 'dropTable':
      return dropTables(x, statement);
    case 'truncateTable':
      return truncate(x, statement.name);
    case 'renameTable':
      return renameTables(x, statement.pairs);
    case 'createView':
    case 'alterView':
      return createView(x, statement);
    case 'dropView':
      return dropViews(x, statement);
  }
}

function dropTables(
  x: StatementContext,
  statement: Extract<SchemaStatement, { kind: 'dropTable' }>,
): Promise<void> | undefined {
  const { session } = x;
  const { core } = session;
  const changes: CatalogChange[] = [];
  const missing: string[] = [];
  const dropped = new Set<string>();
  for (const name of statement.names) {
    const database = name.schema ?? session.database;
    if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
    const key = `${database}.${name.name}`;
    if (dropped.has(key)) throw new SqlError(1066, '42000', `Not unique table/alias: '${name.name}'`);
    dropped.add(key);
    const temporary = session.state.temporaryTables.get(key);
    if (temporary) {
      core.state.dropTemporary(temporary);
      session.state.temporaryTables.delete(key);
      session.state.changed();
      core.forgetStatements();
      continue;
    }
    const table = statement.temporary ? undefined : core.catalog.table(database, name.name);
    if (!table) {
      missing.push(key);
      continue;
    }
    waitForTable(x, table);
    changes.push({ kind: 'drop-table', id: table.id });
  }
  if (missing.length > 0) {
    if (!statement.ifExists) throw new SqlError(1051, '42S02', `Unknown table '${missing.join(',')}'`);
    for (const name of missing) core.env.warn('Note', 1051, `Unknown table '${name}'`);
  }
  if (session.state.variables.number('foreign_key_checks') === 1) {
    const ids = new Set(changes.map((c) => (c.kind === 'drop-table' ? c.id : 0)));
    for (const id of ids) {
      const table = core.catalog.tableById(id);
      const child = table && core.catalog.children(table.database, table.name).find((c) => !ids.has(c.table.id));
      if (child && table)
        throw new SqlError(
          3730,
          'HY000',
          `Cannot drop table '${table.name}' referenced by a foreign key constraint '${child.foreignKey.name}' on table '${child.table.name}'.`,
        );
    }
  }
  if (changes.length === 0) {
    session.keepWarnings();
    return ok(x);
  }
  return apply(x, changes);
}

function truncate(x: StatementContext, name: QualifiedName): Promise<void> | undefined {
  const table = exclusiveTable(x, name);
  const { core } = x.session;
  if (table.temporary) {
    core.state.truncateTemporary(table);
    return ok(x);
  }
  const child = core.catalog.children(table.database, table.name).find((c) => c.table.id !== table.id);
  if (child && x.session.state.variables.number('foreign_key_checks') === 1) {
    throw new SqlError(
      1701,
      '42000',
      `Cannot truncate a table referenced in a foreign key constraint (\`${child.table.database}\`.\`${child.table.name}\`, CONSTRAINT \`${child.foreignKey.name}\`)`,
    );
  }
  return apply(x, [{ kind: 'truncate-table', id: table.id }]);
}

function renameTables(
  x: StatementContext,
  pairs: readonly { readonly from: QualifiedName; readonly to: QualifiedName }[],
): Promise<void> | undefined {
  const { core } = x.session;
  const changes: CatalogChange[] = [];
  /** Names as they are after the pairs so far: RENAME a TO t, b TO a, t TO b. */
  const now = new Map<string, TableDef | undefined>();
  const renamings: { readonly from: TableDef; to: TableDef }[] = [];
  const lookUp = (database: string, name: string): TableDef | undefined => {
    const key = `${database}.${name}`;
    return now.has(key) ? now.get(key) : core.catalog.table(database, name);
  };
  for (const { from, to } of pairs) {
    const table = lookUp(databaseOf(x, from), from.name);
    if (!table) throw new SqlError(1146, '42S02', `Table '${databaseOf(x, from)}.${from.name}' doesn't exist`);
    waitForTable(x, table);
    const database = databaseOf(x, to);
    if (lookUp(database, to.name) || core.catalog.view(database, to.name))
      throw new SqlError(1050, '42S01', `Table '${to.name}' already exists`);
    const constraints = constraintsFollow(table, to.name);
    const renamed: TableDef = { ...table, ...constraints, database, name: to.name, version: table.version + 1 };
    now.set(`${table.database}.${table.name}`, undefined);
    now.set(`${database}.${to.name}`, renamed);
    changes.push({ kind: 'put-table', table: renamed });
    const renaming = renamings.find(({ to: { id } }) => id === table.id);
    if (renaming) renaming.to = renamed;
    else renamings.push({ from: table, to: renamed });
  }
  for (const { to: table } of renamings) {
    if (table.foreignKeys.length === 0) continue;
    const foreignKeys = table.foreignKeys.map((key) => referenceFollows(key, renamings));
    changes.push({ kind: 'put-table', table: { ...table, foreignKeys, version: table.version + 1 } });
  }
  changes.push(...childrenFollow(x, renamings));
  return apply(x, changes);
}

export type { SchemaStatement };
