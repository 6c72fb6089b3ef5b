/** BEGIN, COMMIT, ROLLBACK, savepoints, LOCK TABLES. */
import { SqlError, type Statement, type TableDef } from '../sql/index.ts';
import { tableLock } from './locks.ts';
import type { LockedTables } from './locked-tables.ts';
import type { EngineSession } from './session.ts';
import type { SessionState } from './session-state.ts';
import { ok, type StatementContext } from './statement-context.ts';
import { rollbackTemporary } from './temporary-rows.ts';
import { findVirtualTable } from './virtual/index.ts';
import { withLocks } from './waits.ts';
import { commitTransaction, rollbackTransaction } from './commit-transaction.ts';

type TransactionStatement = Extract<
  Statement,
  { kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'rollbackTo' | 'releaseSavepoint' | 'lockTables' }
>;

/** Answers when a commit is durable; at once when there is none. */
export function okAfter(x: StatementContext, done: Promise<void> | undefined): Promise<void> | undefined {
  if (done) return done.then(() => ok(x));
  return ok(x);
}

export function runTransactionStatement(
  x: StatementContext,
  statement: TransactionStatement,
): Promise<void> | undefined {
  const { session } = x;
  const { core } = session;
  switch (statement.kind) {
    case 'begin': {
      const done = commitTransaction(session);
      unlockNamed(session.state);
      const transaction = session.openTransaction(
        statement.access === undefined ? undefined : statement.access === 'readOnly',
      );
      const open = (): undefined => {
        if (statement.consistentSnapshot) core.openReadView(transaction);
        return ok(x);
      };
      return done ? done.then(open) : open();
    }
    case 'commit':
    case 'rollback': {
      const previous = session.transaction;
      const done = statement.kind === 'commit' ? commitTransaction(session) : rollbackTransaction(session);
      const completion = String(session.state.variables.get('completion_type'));
      if (statement.chain ?? (statement.release === undefined && completion === 'CHAIN')) {
        if (previous) session.state.nextTransaction = { isolation: previous.isolation, readOnly: previous.readOnly };
        session.openTransaction();
      }
      const answered = okAfter(x, done);
      if (statement.release === true) {
        if (answered) return answered.then(() => session.onKill?.());
        setImmediate(() => session.onKill?.());
      }
      return answered;
    }
    case 'savepoint':
      if (session.transaction || !session.state.autocommit)
        (session.transaction ?? session.openTransaction()).savepoint(statement.name);
      return ok(x);
    case 'rollbackTo': {
      const { transaction } = session;
      const mark = transaction?.rollbackToSavepoint(statement.name);
      if (!transaction || !mark) throw noSavepoint(statement.name);
      return okAfter(x, rollbackTemporary(session, transaction, mark.temporary));
    }
    case 'releaseSavepoint':
      if (!session.transaction?.releaseSavepoint(statement.name)) throw noSavepoint(statement.name);
      return ok(x);
    case 'lockTables': {
      const done = commitTransaction(session);
      unlock(session);
      const wanted = wantedLocks(session, statement.tables);
      const take = (): undefined => {
        for (const { table, mode } of wanted.values()) {
          if (!table || table.temporary) continue;
          core.locks.takeTable(table.id, session.owner, mode);
          session.owner.lockedTables.set(table.id, tableLock(table.id));
        }
        keepTo(session, new Map([...wanted].map(([name, { mode }]) => [name, mode])));
        return ok(x);
      };
      return done ? done.then(() => withAllLocks(session, take)) : withAllLocks(session, take);
    }
  }
}

type LockMode = 'shared' | 'exclusive';

/** What LOCK TABLES names, by 'database.name'; a table that it names more than once, by its aliases, is locked as the strongest of them says. */
function wantedLocks(
  session: EngineSession,
  tables: Extract<Statement, { kind: 'lockTables' }>['tables'],
): Map<string, { table: TableDef | undefined; mode: LockMode }> {
  const { core, state } = session;
  const wanted = new Map<string, { table: TableDef | undefined; mode: LockMode }>();
  for (const { table, mode } of tables) {
    const database = table.schema ?? session.database;
    if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
    const name = `${database}.${table.name}`;
    const found = state.temporaryTables.get(name) ?? core.catalog.table(database, table.name);
    // Dumps of all databases lock the server's own tables, too: there is nothing to hold.
    if (!found && !core.catalog.view(database, table.name) && !findVirtualTable(database, table.name))
      throw new SqlError(1146, '42S02', `Table '${name}' doesn't exist`);
    const writes = mode !== 'read' && mode !== 'readLocal';
    wanted.set(name, { table: found, mode: writes || wanted.get(name)?.mode === 'exclusive' ? 'exclusive' : 'shared' });
  }
  return wanted;
}

/** As withLocks(), for locks that outlive the statement: all of them, or none. */
export async function withAllLocks(session: EngineSession, take: () => undefined): Promise<void> {
  try {
    await withLocks(session, take);
  } catch (error) {
    release(session);
    throw error;
  }
}

export function runUnlockTables(x: StatementContext): Promise<void> | undefined {
  // What FLUSH TABLES WITH READ LOCK holds goes, and leaves a transaction with its snapshot as it is: dumps count on that.
  const done = x.session.state.lockedTables ? commitTransaction(x.session) : undefined;
  unlock(x.session);
  return okAfter(x, done);
}

/** From now on the session uses these tables and no others, until it unlocks them. */
export function keepTo(session: EngineSession, modes: LockedTables['modes']): void {
  session.state.lockedTables = { modes, release: () => release(session) };
}

/** Also what FLUSH TABLES WITH READ LOCK holds, which transactions leave as it is. */
function unlock(session: EngineSession): void {
  unlockNamed(session.state);
  release(session);
}

/** In whatever group they were locked. */
function unlockNamed(state: SessionState): void {
  state.lockedTables?.release();
  state.lockedTables = undefined;
}

function release({ owner, core }: EngineSession): void {
  for (const key of owner.lockedTables.values()) core.locks.release(key, owner);
  owner.lockedTables.clear();
}

const noSavepoint = (name: string): SqlError => new SqlError(1305, '42000', `SAVEPOINT ${name} does not exist`);
