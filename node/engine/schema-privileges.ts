/** What each schema statement asks of the account that runs it. */
import {
  isSystemDatabase,
  type AlterAction,
  type ColumnDefinition,
  type QualifiedName,
  type TableKey,
} from '../sql/index.ts';
import { denied, nameOf, needs, type Accounts } from './accounts.ts';
import type { SchemaStatement } from './ddl/apply.ts';
import type { EngineSession } from './session.ts';

/** Throws 1044, 1142, 1227. Names without a database, while none is in use, are left to the statement. */
export function checkSchemaStatement(accounts: Accounts, session: EngineSession, statement: SchemaStatement): void {
  const table = (name: QualifiedName, ...privileges: string[]): void => {
    const database = name.schema ?? session.database;
    if (database === '' || isSystemDatabase(database)) return;
    if (session.state.temporaryTables.has(`${database}.${name.name}`)) return;
    accounts.checkTable(session, privileges, database, name.name);
  };
  const database = (name: string, privilege: string): void => {
    if (name !== '' && !isSystemDatabase(name)) accounts.checkOnDatabase(session, [privilege], name);
  };
  /** The parents of foreign keys. */
  const references = (parents: readonly QualifiedName[]): void => {
    const rights = accounts.rightsOf(session);
    for (const parent of parents) {
      const schema = parent.schema ?? session.database;
      if (schema !== '' && !rights.hasSomewhereOnTable('REFERENCES', schema, parent.name))
        throw denied(session, ['REFERENCES'], parent.name);
    }
  };
  switch (statement.kind) {
    case 'createDatabase':
      return database(statement.name, 'CREATE');
    case 'alterDatabase':
      return database(statement.name ?? session.database, 'ALTER');
    case 'dropDatabase':
      return database(statement.name, 'DROP');
    case 'createTable':
    case 'createTableLike': {
      if (statement.temporary) database(statement.name.schema ?? session.database, 'CREATE TEMPORARY TABLES');
      else if (statement.kind === 'createTable' && statement.select) table(statement.name, 'INSERT', 'CREATE');
      else table(statement.name, 'CREATE');
      if (statement.kind === 'createTableLike') table(statement.like, 'SELECT');
      else references(parentsOf(statement.columns, statement.keys));
      return;
    }
    case 'alterTable': {
      const renames = statement.actions.filter((a) => a.kind === 'renameTable');
      const drops =
        renames.length > 0 ||
        statement.actions.some((a) => a.kind === 'partition' && (a.action === 'drop' || a.action === 'truncate'));
      table(statement.name, ...(drops ? ['DROP', 'ALTER'] : ['ALTER']));
      for (const { to } of renames) table(to, 'INSERT', 'CREATE');
      references(statement.actions.flatMap(parentsOfAction));
      return;
    }
    case 'createIndex':
    case 'dropIndex':
      return table(statement.table, 'INDEX');
    case 'dropTable':
      for (const name of statement.names) if (!statement.temporary) table(name, 'DROP');
      return;
    case 'truncateTable':
      return table(statement.name, 'DROP');
    case 'renameTable':
      for (const { from, to } of statement.pairs) {
        table(from, 'DROP', 'ALTER');
        table(to, 'INSERT', 'CREATE');
      }
      return;
    case 'createView':
    case 'alterView': {
      table(
        statement.name,
        ...(statement.orReplace || statement.kind === 'alterView' ? ['DROP', 'CREATE VIEW'] : ['CREATE VIEW']),
      );
      const { definer } = statement;
      if (definer?.kind === 'account' && nameOf(definer) !== session.currentUser) {
        const { catalog } = session.core;
        const account = catalog.accounts.get(nameOf(definer));
        const rights = accounts.rightsOf(session);
        if (!rights.hasGlobal('SET_ANY_DEFINER')) throw needs('SUPER or SET_ANY_DEFINER');
        if (account) accounts.checkMayTouch(session, account);
      }
      return;
    }
    case 'dropView':
      for (const name of statement.names) table(name, 'DROP');
  }
}

function parentsOf(columns: readonly ColumnDefinition[], keys: readonly TableKey[]): QualifiedName[] {
  return [
    ...columns.flatMap((c) => c.attributes.flatMap((a) => (a.kind === 'references' ? [a.references.table] : []))),
    ...keys.flatMap((k) => (k.kind === 'foreignKey' ? [k.references.table] : [])),
  ];
}

function parentsOfAction(action: AlterAction): QualifiedName[] {
  switch (action.kind) {
    case 'addColumn':
    case 'changeColumn':
    case 'modifyColumn':
      return parentsOf([action.column], []);
    case 'addColumns':
      return parentsOf(action.columns, action.keys);
    case 'addKey':
      return parentsOf([], [action.key]);
    default:
      return [];
  }
}
