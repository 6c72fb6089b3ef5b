/** What statements without a plan ask of the account, beyond accounts and schema, which ask for themselves. */
import { isSystemDatabase, type QualifiedName, type Statement } from '../sql/index.ts';
import type { EngineSession } from './session.ts';

/** Statements that an account with an expired password may run: they let it change the password. */
const WHILE_EXPIRED = new Set<Statement['kind']>(['set', 'setPassword', 'alterUser']);

const MAINTENANCE = {
  analyzeTable: ['SELECT', 'INSERT'],
  optimizeTable: ['SELECT', 'INSERT'],
  repairTable: ['SELECT', 'INSERT'],
  checkTable: ['SELECT'],
  checksumTable: ['SELECT'],
} as const;

/** Throws 1820, 1044, 1142. */
export function checkStatement(session: EngineSession, statement: Statement): void {
  const { accounts } = session.core;
  if (!WHILE_EXPIRED.has(statement.kind)) accounts.checkPasswordFresh(session);
  const onTable = (name: QualifiedName, privileges: readonly string[]): void => {
    const database = name.schema ?? session.database;
    if (database === '' || isSystemDatabase(database) || session.state.temporaryTables.has(`${database}.${name.name}`))
      return;
    accounts.checkTable(session, privileges, database, name.name);
  };
  switch (statement.kind) {
    case 'analyzeTable':
    case 'checkTable':
    case 'optimizeTable':
    case 'repairTable':
    case 'checksumTable':
      for (const table of statement.tables) onTable(table, MAINTENANCE[statement.kind]);
      return;
    case 'lockTables':
      for (const { table } of statement.tables) {
        const database = table.schema ?? session.database;
        if (database === '' || session.state.temporaryTables.has(`${database}.${table.name}`)) continue;
        accounts.checkOnDatabase(session, ['LOCK TABLES'], database);
        onTable(table, ['SELECT']);
      }
      return;
    case 'loadData': {
      const { table } = statement;
      const database = table.schema ?? session.database;
      const rights = accounts.rightsOf(session);
      const columns = statement.targets.flatMap((c) => (c.kind === 'column' ? [c.name] : []));
      const narrow = columns.length > 0 && columns.every((c) => rights.hasOnColumn('INSERT', database, table.name, c));
      if (!narrow) onTable(table, ['INSERT']);
      if (statement.duplicates === 'replace') onTable(table, ['DELETE']);
      return;
    }
    case 'shutdown':
    case 'restart':
      accounts.checkGlobal(session, ['SHUTDOWN']);
      return;
    default:
  }
}
