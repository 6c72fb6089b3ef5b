/** Runs an INSERT, UPDATE or DELETE: into the open transaction, or committed at once. One of many rows goes on in slices. */
import { finish, type Steps } from '../consistency/index.ts';
import type { InsertPlan, LiteralValue, Plan, SelectPlan, SqliteValue, TableDef } from '../sql/index.ts';
import type { OkResult, ResultSink } from '../server/index.ts';
import { ChangeList } from '../store/index.ts';
import { Dml, type DmlContext, type DmlResult } from './dml.ts';
import { LockWait } from './locks.ts';
import { refuseRows } from './moving.ts';
import type { EngineSession } from './session.ts';
import type { CommitLevel } from './session-state.ts';
import { insertAsSeen, keyRangeOf, textAsSeen } from './view.ts';
import { DirectWriter, TransactionWriter, type RowWriter } from './writer.ts';
import { withLocks, checkGoesOn, retry } from './waits.ts';
import { commitTransaction } from './commit-transaction.ts';
import type { KeyRange } from './transaction.ts';

type ChangePlan = Exclude<Plan, SelectPlan>;

/** A statement that was taken for a short one meets too many rows. What it has changed is taken back. */
class TooManyRows extends Error {
  override readonly name = 'TooManyRows';
}

export function runChange(
  session: EngineSession,
  plan: ChangePlan,
  slots: readonly (LiteralValue | null)[],
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  session.openImplicitly(plan);
  const tables = changedBy(plan);
  if (tables.some((table) => !table.temporary)) session.refuseReadOnly();
  session.core.refuseWrites();
  refuseRows(session.core, tables);
  const work = (): Promise<void> | undefined => {
    const change = new Change(session, plan, slots);
    if (change.isLong()) return runSlowly(change, sink, more, work);
    const seen = session.transaction?.seen.size;
    try {
      const { result, commit } = change.run();
      return answerChange(session, result, commit, sink, more);
    } catch (error) {
      if (!(error instanceof TooManyRows)) throw error;
      session.transaction?.forgetSeen(seen);
      return runSlowly(new Change(session, plan, slots), sink, more, work);
    }
  };
  return withLocks(session, work);
}

const changedBy = (plan: ChangePlan): readonly TableDef[] =>
  plan.kind === 'insert' ? [plan.table] : plan.targets.map(({ table }) => table);

const onlyTemporary = (plan: ChangePlan): boolean => changedBy(plan).every(({ temporary }) => temporary);

/** One run of a statement. */
class Change {
  readonly session: EngineSession;
  private readonly plan: ChangePlan;
  private readonly slots: readonly (LiteralValue | null)[];
  private readonly level: CommitLevel;
  /** At level `final` a statement alone is a transaction too: it goes to the state only where it is certified. */
  private readonly alone: boolean;
  /** Its rows go to the state at once. */
  private direct: DirectWriter | undefined;
  private goesSlowly = false;

  constructor(session: EngineSession, plan: ChangePlan, slots: readonly (LiteralValue | null)[]) {
    this.session = session;
    this.plan = plan;
    this.slots = slots;
    this.level = session.commitLevelOf(plan);
    this.alone = !session.transaction && this.level === 'final';
  }

  /** Whether it is sure to visit many rows. Those of temporary tables lie where nobody else sees them, and are changed at once. */
  isLong(): boolean {
    const { plan, session } = this;
    const { core } = session;
    if (plan.kind === 'insert' && plan.rows) return core.replica.gate.isLong(plan.rows.length) && this.mayGoSlowly;
    const text = plan.select;
    if (!text || !core.cost.visitsAll(plan, text, () => core.runner.register(text.functions))) return false;
    return this.mayGoSlowly;
  }

  private get mayGoSlowly(): boolean {
    const { plan } = this;
    return !plan.tables.some(({ table }) => table.temporary) && !this.table?.temporary;
  }

  private get table(): { readonly temporary?: boolean } | undefined {
    return this.plan.kind === 'insert' ? this.plan.table : this.plan.targets[0]?.table;
  }

  /** In one go. */
  run(): { result: DmlResult; commit: Promise<void> | undefined } {
    const result = finish(this.rows());
    return { result, commit: this.commit() };
  }

  /** In slices, while nobody else changes the state. Gives what becomes of the commit. */
  async runSlowly(): Promise<{ result: DmlResult; commit: Promise<void> | undefined }> {
    const { core } = this.session;
    this.goesSlowly = true;
    const { session } = this;
    const { info } = session.state;
    const { version } = core.catalog;
    return core.replica.gate.alone(async (slices) => {
      const check = (): void => checkGoesOn(session, version);
      check();
      session.state.info = info;
      const { epoch } = core.state;
      try {
        const result = await slices(core.env.through(this.rows(), check));
        if (!this.direct) return { result, commit: this.commit() };
        const { changes } = this.direct;
        if (changes.length === 0) return { result, commit: undefined };
        const { done } = await core.commits.commitSlowly(session, this.level, this.direct, this.sql, slices, check);
        return { result, commit: done };
      } catch (error) {
        // Nothing else is in the state's open transaction.
        if (this.direct) core.abandon(epoch);
        throw error;
      }
    });
  }

  /** Runs the change against the transaction, or the state. */
  private *rows(): Steps<DmlResult> {
    const { session, plan, slots, alone } = this;
    const { core } = session;
    const transaction = alone ? session.openTransaction(undefined, this.level) : session.transaction;
    core.env.begin(session.state.settings(session), slots, true, session.virtualRows);
    const { table } = this;
    const bytesMax = session.state.variables.number('p2pdb_max_transaction_bytes');
    let writer: RowWriter;
    if (transaction) writer = new TransactionWriter(core.state, core.locks, transaction, bytesMax);
    else {
      const logged = table?.temporary ? undefined : bytesMax;
      writer = this.direct = new DirectWriter(core.state, core.locks, session.owner, logged);
    }
    const mark = writer.mark();
    session.state.givenInsertId = undefined;
    let result: DmlResult;
    try {
      const dml = new Dml(this.context(writer));
      if (plan.kind === 'insert') result = yield* dml.insert(insertAsSeen(session, plan));
      else if (plan.kind === 'update') result = yield* dml.update(plan, keyRangeOf(session, plan));
      else result = yield* dml.delete(plan, keyRangeOf(session, plan));
    } catch (error) {
      // The direct writer's rows go with the state's open transaction.
      if (!this.goesSlowly || writer !== this.direct) writer.rollbackTo(mark);
      if (alone) session.rollback();
      throw error;
    }
    session.keepWarnings();
    session.state.rowCount = result.affected;
    const { givenInsertId } = session.state;
    if (result.generatedId !== 0) session.state.lastInsertId = result.insertId = result.generatedId;
    else if (givenInsertId !== undefined && plan.kind !== 'delete') result.insertId = givenInsertId;
    if (transaction && !onlyTemporary(plan) && this.sql !== '') transaction.statements.push(this.sql);
    return result;
  }

  /** What the log keeps of its text. */
  private get sql(): string {
    const { session } = this;
    return session.state.variables.number('p2pdb_log_sql') === 1 ? (session.state.info ?? '') : '';
  }

  private commit(): Promise<void> | undefined {
    const { session, direct } = this;
    if (!direct) return this.alone ? commitTransaction(session) : undefined;
    const { changes, digest } = direct;
    const logged = changes.tables.some((table) => table.temporary)
      ? ChangeList.of([...changes].filter(({ table }) => !table.temporary))
      : changes;
    return logged.length === 0
      ? undefined
      : session.core.commits.commit(session, this.level, { changes: logged, digest }, this.sql);
  }

  private context(writer: RowWriter): DmlContext {
    const { session } = this;
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
      select: (range) => this.select(range),
      autoIncrementStep: core.keyClass ?? {
        increment: variables.number('auto_increment_increment'),
        offset: variables.number('auto_increment_offset'),
      },
      follows: (rows) => {
        if (!this.goesSlowly && core.replica.gate.isLong(rows) && this.mayGoSlowly) throw new TooManyRows();
      },
      foreignKeyChecks: variables.number('foreign_key_checks') === 1,
      noAutoValueOnZero: state.noAutoValueOnZero,
      foundRows: session.client.foundRows,
      strict: state.strict,
      insertAsSeen: () => insertAsSeen(session, this.plan as InsertPlan),
    };
  }

  /** The rows that it changes. */
  private select(range: KeyRange | undefined): Iterable<SqliteValue[]> {
    const { session, plan } = this;
    const { core } = session;
    // What goes on in slices reads the state as it was before.
    if (this.goesSlowly)
      return core.source.runner.iterate(textAsSeen(session, plan, range, false, core.source.overlays));
    const text = textAsSeen(session, plan, range, false, core.overlays);
    const { gate } = core.replica;
    const isOne = range ? range.low === range.high : plan.kind !== 'insert' && plan.keyLookup !== undefined;
    const span = range && Number(range.high) - Number(range.low) + 1;
    if (isOne || core.cost.isQuick(plan, text, span, () => core.runner.register(text.functions))) {
      const rows = core.runner.rows(text);
      if (gate.isLong(rows.length) && this.mayGoSlowly) throw new TooManyRows();
      return rows.map(normalized);
    }
    const rows: SqliteValue[][] = [];
    for (const row of core.runner.iterate(text)) {
      rows.push(row);
      if (gate.isLong(rows.length) && this.mayGoSlowly) throw new TooManyRows();
    }
    return rows;
  }
}

async function runSlowly(
  change: Change,
  sink: ResultSink,
  more: boolean,
  again: () => Promise<void> | undefined,
): Promise<void> {
  const { session } = change;
  let ran: Awaited<ReturnType<Change['runSlowly']>>;
  try {
    ran = await change.runSlowly();
  } catch (error) {
    if (!(error instanceof LockWait)) throw error;
    return retry(session, () => withLocks(session, again), error);
  }
  return answerChange(session, ran.result, ran.commit, sink, more);
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
    warnings: session.state.warningCount,
    info: result.info,
  };
  if (commit) return commit.then(() => sink.ok(ok, more));
  if (session.core.replica.hasUnflushed && !session.transaction)
    return session.core.replica.flushed().then(() => sink.ok(ok, more));
  sink.ok(ok, more);
  return undefined;
}

/** Row ids and values as numbers where they are safe: a statement that met a larger one gives all as bigint. */
function normalized(row: SqliteValue[]): SqliteValue[] {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n) row[i] = Number(value);
  }
  return row;
}
