/** Runs an INSERT, UPDATE or DELETE: into the open transaction, or committed at once. */
import { SqlError, type LiteralValue, type Plan, type SelectPlan, type SqliteValue } from '../sql/index.ts';
import type { OkResult, ResultSink } from '../server/index.ts';
import { Dml, type DmlContext, type DmlResult } from './dml.ts';
import type { EngineSession } from './session.ts';
import { insertAsSeen, keyRangeOf, rowsOf } from './view.ts';
import { DirectWriter, TransactionWriter, type RowWriter } from './writer.ts';

export function runChange(
  session: EngineSession,
  plan: Exclude<Plan, SelectPlan>,
  slots: readonly (LiteralValue | null)[],
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  session.openImplicitly(plan);
  if (session.transaction?.readOnly)
    throw new SqlError(1792, '25006', 'Cannot execute statement in a READ ONLY transaction.');
  session.core.refuseWrites();
  return session.withLocks(() => {
    const result = changeRows(session, plan, slots);
    return answerChange(session, result.result, result.commit, sink, more);
  });
}

/** Runs the change against the transaction, or commits it at once. */
function changeRows(
  session: EngineSession,
  plan: Exclude<Plan, SelectPlan>,
  slots: readonly (LiteralValue | null)[],
): { result: DmlResult; commit: Promise<void> | undefined } {
  const { core } = session;
  // At level `final` a statement alone is a transaction too: it goes to the state only where it is certified.
  const level = session.commitLevelOf(plan);
  const alone = !session.transaction && level === 'final';
  const transaction = alone ? session.openTransaction(undefined, level) : session.transaction;
  core.env.begin(session.state.settings(session), slots, true, session.virtualRows);
  const table = plan.kind === 'insert' ? plan.table : plan.targets[0]?.table;
  const temporary = table?.temporary === true;
  const bytesMax = session.state.variables.number('p2pdb_max_transaction_bytes');
  const direct = new DirectWriter(core.state, core.locks, session.owner, temporary ? undefined : bytesMax);
  const writer: RowWriter =
    transaction && !temporary ? new TransactionWriter(core.state, core.locks, transaction, bytesMax) : direct;
  const mark = writer.mark();
  let result: DmlResult;
  try {
    const dml = new Dml(dmlContext(session, plan, writer));
    if (plan.kind === 'insert') result = dml.insert(insertAsSeen(session, plan));
    else if (plan.kind === 'update') result = dml.update(plan, keyRangeOf(session, plan));
    else result = dml.delete(plan, keyRangeOf(session, plan));
  } catch (error) {
    writer.rollbackTo(mark);
    if (alone) session.rollback();
    throw error;
  }
  session.keepWarnings();
  session.rowCount = result.affected;
  if (result.generatedId !== 0) session.lastInsertId = result.generatedId;
  if (writer !== direct) {
    if (session.state.variables.number('p2pdb_log_sql') === 1) transaction?.statements.push(session.info ?? '');
    return { result, commit: alone ? session.commitTransaction() : undefined };
  }
  if (alone) session.rollback();
  const logged = direct.changes.filter((c) => !c.table.temporary);
  if (logged.length === 0) return { result, commit: undefined };
  return {
    result,
    commit: core.commits.commit(
      session,
      level,
      logged,
      session.state.variables.number('p2pdb_log_sql') === 1 ? (session.info ?? '') : '',
    ),
  };
}

function answerChange(
  session: EngineSession,
  result: DmlResult,
  commit: Promise<void> | undefined,
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  const ok: OkResult = {
    affectedRows: result.affected,
    insertId: result.insertId,
    warnings: session.warningCount,
    info: result.info,
  };
  if (commit) return commit.then(() => sink.ok(ok, more));
  if (session.core.replica.hasUnflushed && !session.transaction)
    return session.core.replica.flushed().then(() => sink.ok(ok, more));
  sink.ok(ok, more);
  return undefined;
}

function dmlContext(session: EngineSession, plan: Exclude<Plan, SelectPlan>, writer: RowWriter): DmlContext {
  const { core, state } = session;
  const { variables } = state;
  return {
    env: core.env,
    runner: core.runner,
    state: core.state,
    writer,
    runtimeOf: (table) => core.runtimeOf(table),
    childrenOf: (table) => core.catalog.children(table.database, table.name),
    tableNamed: (database, name) => core.catalog.table(database, name),
    select: (_text, _tables, range) => rowsOf(session, plan, plan.tables, range, false).map(normalized),
    autoIncrementStep: core.keyClass ?? {
      increment: variables.number('auto_increment_increment'),
      offset: variables.number('auto_increment_offset'),
    },
    foreignKeyChecks: variables.number('foreign_key_checks') === 1,
    noAutoValueOnZero: state.noAutoValueOnZero,
    foundRows: session.client.foundRows,
    strict: state.strict,
  };
}

/** Row ids and values as numbers where they are safe: a statement that met a larger one gives all as bigint. */
function normalized(row: SqliteValue[]): SqliteValue[] {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n) row[i] = Number(value);
  }
  return row;
}
