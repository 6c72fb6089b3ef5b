/** Statements that have no plan: transactions, settings, schema, accounts, administration. One look-up by kind. */
import { SqlError, unsupported, type LiteralValue, type Statement } from '../sql/index.ts';
import type { ResultSink } from '../server/index.ts';
import { runAccountStatement } from './account-statements.ts';
import { runSchemaStatement } from './ddl/index.ts';
import { runExplain } from './explain.ts';
import { runLoadData } from './load-data.ts';
import { runMaintenance } from './maintenance.ts';
import { runPrepared } from './prepared.ts';
import type { EngineSession } from './session.ts';
import { runSet, runSetTransaction } from './set.ts';
import { checkStatement } from './statement-privileges.ts';
import { runShow } from './show.ts';
import { ok, type StatementContext } from './statement-context.ts';
import { runTransactionStatement, runUnlockTables } from './transaction-statements.ts';
import { afterLongWork } from './waits.ts';

/** There are no stored programs yet, so there is nothing to drop. */
function dropRoutine(x: StatementContext, statement: Extract<Statement, { kind: 'dropRoutine' }>): undefined {
  const { session } = x;
  const type = statement.type.toUpperCase();
  const database = statement.name.schema ?? session.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  const errno = statement.type === 'trigger' ? 1360 : statement.type === 'event' ? 1539 : 1305;
  const message =
    statement.type === 'trigger'
      ? 'Trigger does not exist'
      : statement.type === 'event'
        ? `Unknown event '${statement.name.name}'`
        : `${type} ${database}.${statement.name.name} does not exist`;
  if (!statement.ifExists) throw new SqlError(errno, errno === 1305 ? '42000' : 'HY000', message);
  session.core.env.warn('Note', errno, message);
  session.keepWarnings();
  return ok(x);
}

export function runStatement(
  session: EngineSession,
  statement: Statement,
  slots: readonly (LiteralValue | null)[],
  text: string,
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  const x: StatementContext = { session, slots, text, sink, more };
  checkStatement(session, statement);
  if (statement.kind !== 'show' && statement.kind !== 'getDiagnostics') {
    session.core.env.begin(session.state.settings(session), slots, false, () => '[]');
    session.state.warnings = [];
    session.state.warningCount = 0;
  }
  switch (statement.kind) {
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'savepoint':
    case 'rollbackTo':
    case 'releaseSavepoint':
    case 'lockTables':
      return runTransactionStatement(x, statement);
    case 'unlockTables':
      return runUnlockTables(x);
    case 'set':
      return runSet(x, statement);
    case 'setTransaction':
      return runSetTransaction(x, statement);
    case 'use':
      session.core.use(session, statement.database);
      return ok(x);
    case 'prepare':
    case 'execute':
    case 'deallocate':
    case 'do':
      return runPrepared(x, statement);
    case 'show':
    case 'describe':
      return runShow(x, statement);
    case 'explain':
      return runExplain(x, statement);
    case 'createDatabase':
    case 'alterDatabase':
    case 'dropDatabase':
    case 'createTable':
    case 'createTableLike':
    case 'alterTable':
    case 'createIndex':
    case 'dropIndex':
    case 'dropTable':
    case 'truncateTable':
    case 'renameTable':
    case 'createView':
    case 'alterView':
    case 'dropView':
      session.refuseReadOnly(!('temporary' in statement && statement.temporary));
      return runSchemaStatement(x, statement);
    case 'createUser':
    case 'alterUser':
    case 'dropUser':
    case 'dropRole':
    case 'createRole':
    case 'renameUser':
    case 'grant':
    case 'revoke':
    case 'setPassword':
    case 'setRole':
    case 'setDefaultRole':
      return runAccountStatement(x, statement);
    case 'loadData':
      return runLoadData(x, statement);
    case 'analyzeTable':
    case 'checkTable':
    case 'optimizeTable':
    case 'repairTable':
    case 'checksumTable':
    case 'flush':
    case 'kill':
    case 'reset':
    case 'resetPersist':
      // CHECK TABLE and the like look at the state itself.
      if (session.core.replica.gate.isClosed && statement.kind !== 'kill')
        return afterLongWork(session, () => runStatement(session, statement, slots, text, sink, more));
      return runMaintenance(x, statement);
    case 'lockInstance':
    case 'unlockInstance':
      return ok(x);
    case 'shutdown':
    case 'restart':
      throw unsupported(statement.kind.toUpperCase());
    case 'dropRoutine':
      return dropRoutine(x, statement);
    case 'other':
      throw unsupported(statement.name.toUpperCase());
    case 'handlerOpen':
    case 'handlerRead':
    case 'handlerClose':
      throw unsupported('HANDLER');
    case 'callProcedure':
      throw new SqlError(
        1305,
        '42000',
        `PROCEDURE ${statement.name.schema ?? session.database}.${statement.name.name} does not exist`,
      );
    default:
      throw unsupported(statement.kind.replace(/([A-Z])/g, ' $1').toUpperCase());
  }
}
