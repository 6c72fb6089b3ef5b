/** SHOW and DESCRIBE. One look-up by subject; the rows come from the same facts as information_schema's. */
import { SqlError, type QualifiedName, type Show, type Statement } from '../sql/index.ts';
import { showCreateUser, showGrants } from './show/accounts.ts';
import { showCreateDatabase, showCreateNone, showCreateTable } from './show/create.ts';
import { showWarningCount, showWarnings } from './show/diagnostics.ts';
import { showColumns, showDatabases, showIndex, showTables, showTableStatus } from './show/schema.ts';
import {
  noBinaryLog,
  showCharacterSets,
  showCollations,
  showEngines,
  showEngineStatus,
  showNothing,
  showPlugins,
  showPrivileges,
  showProcesslist,
  showStatus,
  showVariables,
} from './show/server.ts';
import type { StatementContext } from './statement-context.ts';

const DIAGNOSTICS = new Set(['warnings', 'errors', 'warningsCount', 'errorsCount']);

export function runShow(
  x: StatementContext,
  statement: Extract<Statement, { kind: 'show' | 'describe' }>,
): Promise<void> | undefined {
  if (statement.kind === 'describe') return describeTable(x, statement.table, statement.column);
  if (!DIAGNOSTICS.has(statement.subject)) {
    const { session } = x;
    session.core.env.begin(session.state.settings(session), x.slots, false, (name) =>
      session.core.virtualRows(session, name),
    );
    session.state.warnings = [];
    session.state.warningCount = 0;
  }
  return show(x, statement);
}

/** DESCRIBE t [column | 'pattern']. */
export function describeTable(
  x: StatementContext,
  table: QualifiedName,
  column: string | undefined,
): Promise<void> | undefined {
  return showColumns(x, table, undefined, false, column === undefined ? undefined : { kind: 'like', pattern: column });
}

function show(x: StatementContext, statement: Show): Promise<void> | undefined {
  switch (statement.subject) {
    case 'databases':
      return showDatabases(x, statement);
    case 'tables':
      return showTables(x, statement);
    case 'tableStatus':
      return showTableStatus(x, statement);
    case 'columns':
      return showColumns(x, nameOf(statement), statement.from, statement.full, statement.filter);
    case 'index':
      return showIndex(x, statement);
    case 'variables':
      return showVariables(x, statement);
    case 'status':
      return showStatus(x, statement);
    case 'processlist':
      return showProcesslist(x, statement);
    case 'engines':
      return showEngines(x);
    case 'plugins':
      return showPlugins(x);
    case 'characterSet':
      return showCharacterSets(x, statement);
    case 'collation':
      return showCollations(x, statement);
    case 'privileges':
      return showPrivileges(x);
    case 'warnings':
    case 'errors':
      return showWarnings(x, statement);
    case 'warningsCount':
    case 'errorsCount':
      return showWarningCount(x, statement);
    case 'grants':
      return showGrants(x, statement);
    case 'createUser':
      return showCreateUser(x, statement);
    case 'createDatabase':
      return showCreateDatabase(x, statement);
    case 'createTable':
    case 'createView':
      return showCreateTable(x, statement);
    case 'createTrigger':
    case 'createProcedure':
    case 'createFunction':
    case 'createEvent':
    case 'createLibrary':
      return showCreateNone(statement);
    case 'engineStatus':
      return showEngineStatus(x);
    case 'binaryLogs':
      throw noBinaryLog();
    case 'procedureCode':
    case 'functionCode':
      throw new SqlError(
        1289,
        'HY000',
        "The 'SHOW PROCEDURE|FUNCTION CODE' feature is disabled; you need MySQL built with '--with-debug' to have it working",
      );
    default: {
      const nothing = showNothing(x, statement);
      if (nothing) return nothing.done;
      throw new Error(`SHOW of ${statement.subject} has no answer`);
    }
  }
}

function nameOf({ name }: Show): QualifiedName {
  if (!name) throw new Error('the parser gives every SHOW COLUMNS its table');
  return name;
}
