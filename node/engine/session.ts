/** One client's session: takes statements, runs them under its settings and transaction, gives the answers to the sink. */
import { isUtf8 } from 'node:buffer';
import {
  parseStatement,
  SqlError,
  wireValue,
  compileStatement,
  type LiteralValue,
  type ParsedStatement,
  type Plan,
  type ResultColumn,
  type SelectPlan,
  type SessionFacts,
  type SqliteValue,
  type SqlType,
  type Statement,
  type Warning,
} from '../sql/index.ts';
import type {
  Account,
  ClientInfo,
  ColumnDefinition,
  OkResult,
  ParameterValue,
  PreparedStatement,
  ResultSink,
  Session,
  SessionChange,
  SessionStatus,
  WireValue,
} from '../server/index.ts';
import type { RowId } from '../store/index.ts';
import { Dml, type DmlContext, type DmlResult } from './dml.ts';
import type { EngineCore } from './core.ts';
import { LockOwner, LockWait, rowLock, tableLock } from './locks.ts';
import { runInLane } from './lane/select.ts';
import { imagesFor } from './overlay.ts';
import { slotValues, type Ready } from './planner.ts';
import { SessionState, type UserVariable } from './session-state.ts';
import { runStatement } from './statements.ts';
import { OpenTransaction, type Images, type Isolation } from './transaction.ts';
import { DirectWriter, TransactionWriter, type RowWriter } from './writer.ts';

/** A result set's columns and how SQLite's values become the wire's; made once for each plan. */
interface ResultShape {
  readonly definitions: readonly ColumnDefinition[];
  readonly mappers: readonly (((value: SqliteValue) => WireValue) | undefined)[];
  readonly identity: boolean;
}

const shapes = new WeakMap<readonly ResultColumn[], Map<string, ResultShape>>();
const EMPTY_CHANGES: readonly SessionChange[] = [];

export interface PreparedQuery {
  readonly text: string;
  readonly parsed: ParsedStatement;
  readonly database: string;
}

export class EngineSession implements Session, SessionFacts {
  readonly id: number;
  readonly core: EngineCore;
  readonly account: Account;
  readonly client: ClientInfo;
  readonly state: SessionState;
  readonly owner: LockOwner;
  readonly startedAt = Date.now();
  multiStatements = false;
  onKill: (() => void) | undefined;

  transaction: OpenTransaction | undefined;
  /** SET TRANSACTION for the next one only. */
  nextTransaction: { isolation?: Isolation; readOnly?: boolean } = {};
  lastInsertId: number | bigint = 0;
  rowCount: number | bigint = 0;
  foundRows = 0;
  warnings: readonly Warning[] = [];
  warningCount = 0;
  readonly prepared = new Map<string, PreparedQuery>();
  activeRoles: readonly string[];
  /** What it does now, for SHOW PROCESSLIST. */
  command = 'Sleep';
  info: string | undefined;
  since = Date.now();
  killed = false;
  /** Ends what the session waits for. */
  cancelWait: (() => void) | undefined;
  private changes: SessionChange[] = [];
  private readonly virtualRows = (name: string): string => this.core.virtualRows(this, name);
  private readonly statementResults = new Map<string, SqliteValue>();

  constructor(id: number, core: EngineCore, account: Account, client: ClientInfo) {
    this.id = id;
    this.core = core;
    this.account = account;
    this.client = client;
    this.owner = new LockOwner(id);
    this.state = new SessionState(core.globals);
    this.activeRoles = core.accounts.defaultRoles(account);
    if (client.interactive) this.state.variables.set('wait_timeout', this.state.variables.get('interactive_timeout'));
    if (client.collationId > 0) core.setNames(this.state, client.collationId);
  }

  // The wire's view.

  get database(): string {
    return this.state.database;
  }

  get clientCharset(): string {
    return String(this.state.variables.get('character_set_client'));
  }

  get resultsCharset(): string {
    const value = String(this.state.variables.get('character_set_results'));
    return value === '\u0000null' ? '' : value;
  }

  status(): SessionStatus {
    const inTransaction = this.transaction !== undefined;
    const { autocommit } = this.state;
    const { noBackslashEscapes } = this.state.sqlMode;
    const last = this.lastStatus;
    if (
      last.inTransaction === inTransaction &&
      last.autocommit === autocommit &&
      last.noBackslashEscapes === noBackslashEscapes
    )
      return last;
    return (this.lastStatus = { inTransaction, autocommit, noBackslashEscapes });
  }
  private lastStatus: SessionStatus = { inTransaction: false, autocommit: true, noBackslashEscapes: false };

  variable(name: Parameters<Session['variable']>[0]): number {
    return this.state.variables.number(name);
  }

  takeChanges(): readonly SessionChange[] {
    if (this.changes.length === 0) return EMPTY_CHANGES;
    const taken = this.changes;
    this.changes = [];
    return taken;
  }

  noteChange(change: SessionChange): void {
    this.changes.push(change);
  }

  // Facts for expressions.

  get connectionId(): number {
    return this.id;
  }

  get user(): string {
    return `${this.account.user}@${this.client.address}`;
  }

  get currentUser(): string {
    return `${this.account.user}@${this.account.host}`;
  }

  get currentRole(): string {
    return this.activeRoles.length === 0
      ? 'NONE'
      : this.activeRoles.map((r) => r.replace(/^(.*)@(.*)$/, '`$1`@`$2`')).join(',');
  }

  get version(): string {
    return this.core.version;
  }

  systemVariable(name: string, scope: 'global' | 'session'): SqliteValue {
    switch (name) {
      case 'last_insert_id':
      case 'identity':
        return BigInt(this.lastInsertId);
      case 'warning_count':
        return this.warningCount;
      case 'error_count':
        return this.warnings.filter((w) => w.level === 'Error').length;
      case 'pseudo_thread_id':
        return this.id;
      case 'timestamp': {
        const fixed = this.state.variables.number('timestamp');
        return fixed > 0 ? fixed : Date.now() / 1000;
      }
      default:
        return this.state.systemVariable(name, scope);
    }
  }

  userVariable(name: string): UserVariable | undefined {
    return this.state.userVariables.get(name.toLowerCase());
  }

  setUserVariable(name: string, value: SqliteValue, type: SqlType): void {
    this.state.userVariables.set(name.toLowerCase(), {
      value,
      type: value === null && type.kind === 'null' ? { kind: 'null' } : type,
    });
  }

  setLastInsertId(value: number | bigint): void {
    this.lastInsertId = value;
  }

  call(name: string, args: readonly SqliteValue[]): SqliteValue {
    const waited = this.statementResults.get(name);
    if (waited !== undefined) return waited;
    return this.core.namedLocks.call(this.owner, name, args);
  }

  // Statements.

  private decode(sql: Uint8Array): { text: string; latin1: boolean } {
    const buffer = Buffer.from(sql.buffer, sql.byteOffset, sql.byteLength);
    const charset = this.clientCharset;
    if (charset === 'latin1') return { text: new TextDecoder('windows-1252').decode(buffer), latin1: false };
    return isUtf8(buffer)
      ? { text: buffer.toString('utf8'), latin1: false }
      : { text: buffer.toString('latin1'), latin1: true };
  }

  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    const { text, latin1 } = this.decode(sql);
    return this.run(text, latin1, sink);
  }

  /** Runs a text, which may hold several statements where that is allowed. */
  run(text: string, latin1: boolean, sink: ResultSink): Promise<void> | undefined {
    this.begin(text);
    try {
      const scope = this.state.planScope;
      const options = latin1 ? { ...this.state.parseOptions, latin1 } : this.state.parseOptions;
      const cached = scope === undefined ? undefined : this.core.planner.cached(text, options, scope);
      if (cached) return this.finish(this.execute_(cached, sink, false), sink);
      const ready = this.prepareNext(text, 0, latin1);
      if (ready.parsed?.last !== false) return this.finish(this.execute_(ready, sink, false), sink);
      if (!this.multiStatements) return this.fail(multiple(text, ready.parsed.end), sink);
      return this.several(text, latin1, ready, sink);
    } catch (error) {
      return this.fail(error, sink);
    }
  }

  private prepareNext(text: string, from: number, latin1: boolean): Ready {
    const options = latin1 ? { ...this.state.parseOptions, latin1 } : this.state.parseOptions;
    return this.core.planner.prepare(text, from, options, this.state.planScope, (t) =>
      this.core.compileSettings(this, t, new Map(), false),
    );
  }

  private async several(text: string, latin1: boolean, first: Ready, sink: ResultSink): Promise<void> {
    let ready = first;
    let rest = text;
    try {
      for (;;) {
        const more = ready.parsed?.last === false;
        const end = ready.parsed?.end ?? rest.length;
        // The process list and the log get this statement alone: its neighbours may hold passwords.
        this.info = rest.slice(0, end);
        const done = this.execute_(ready, sink, more);
        if (done) await done;
        if (!more) break;
        rest = rest.slice(end);
        ready = this.prepareNext(rest, 0, latin1);
      }
      this.end();
    } catch (error) {
      this.fail(error, sink);
    }
  }

  private begin(text: string): void {
    this.command = 'Query';
    this.info = text;
    this.since = Date.now();
    this.killed = false;
  }

  private end(): void {
    this.command = 'Sleep';
    this.info = undefined;
    this.since = Date.now();
  }

  private finish(done: Promise<void> | undefined, sink: ResultSink): Promise<void> | undefined {
    if (done)
      return done.then(
        () => this.end(),
        (error: unknown) => this.fail(error, sink),
      );
    this.end();
    return undefined;
  }

  private fail(error: unknown, sink: ResultSink): undefined {
    const known = this.core.describe(error);
    if (known.errno === 1213) this.rollback();
    this.rowCount = -1;
    const own = this.core.env.session === this ? this.core.env.warnings : [];
    this.warnings = [...own.slice(0, 63), { level: 'Error', errno: known.errno, message: known.message }];
    this.warningCount = this.warnings.length;
    this.end();
    sink.error(known);
    return undefined;
  }

  /** Runs one statement. Throws or rejects with what the client is to be told. */
  private execute_(ready: Ready, sink: ResultSink, more: boolean): Promise<void> | undefined {
    this.core.countStatement(ready);
    const { plan } = ready;
    if (!plan)
      return runStatement(this, (ready.parsed as ParsedStatement).statement, ready.slots, this.info ?? '', sink, more);
    return this.runPlan(plan, ready.slots, ready.parsed?.statement, sink, more);
  }

  runPlan(
    plan: Plan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    this.core.accounts.check(this, plan);
    if (plan.kind !== 'select') return this.change(plan, slots, sink, more);
    if (plan.waits.length > 0) return this.waiting(plan, slots, statement, sink, more);
    return this.select(plan, slots, statement, sink, more);
  }

  // SELECT

  private select(
    plan: SelectPlan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    this.openImplicitly(plan);
    if (plan.locking && this.transaction) return this.lockingSelect(plan, slots, statement, sink, more);
    const { core } = this;
    core.env.begin(this.state.settings(this), slots, false, this.virtualRows);
    const range = this.range(plan);
    if (!this.isQuick(plan, range)) return runInLane(this, plan, slots, range, sink, more);
    const rows = this.rowsOf(plan, plan.tables, range, true);
    this.afterSelect(plan, rows.length);
    const into = statement?.kind === 'query' && hasInto(statement) ? statement : undefined;
    const answer = (): Promise<void> | undefined =>
      into ? core.selectInto(this, plan, into, rows, sink, more) : this.sendRows(plan.columns, rows, sink, more);
    if (!core.committer.hasUnflushed || plan.tables.length === 0) return answer();
    // The rows may be of commits that are not durable yet: the answer leaves after them.
    return core.committer.flushed().then(answer);
  }

  /** Whether the statement may run on the core's own thread. */
  private isQuick(plan: SelectPlan, range: { low: RowId; high: RowId } | undefined): boolean {
    const { core } = this;
    if (plan.tables.length === 0 || plan.volatile || plan.tables.some((t) => t.table.temporary)) return true;
    const span = range && Number(range.high) - Number(range.low) + 1;
    return core.cost.isQuick(plan, plan, span, () => core.runner.register(plan.functions));
  }

  /** Images of the tables that this session sees otherwise than the state has them. */
  differingImages(
    tables: Plan['tables'],
    range: { low: RowId; high: RowId } | undefined,
    consistent: boolean,
  ): Map<number, Images> {
    const { core, transaction } = this;
    if (!transaction) return new Map();
    const snapshot =
      consistent && (transaction.isolation === 'REPEATABLE-READ' || transaction.isolation === 'SERIALIZABLE');
    if (snapshot) core.versions.open(transaction);
    return new Map(
      tables.flatMap(({ table }) => {
        const images = table.temporary ? undefined : imagesFor(table, transaction, core.versions, snapshot, range);
        return images ? [[table.id, images] as const] : [];
      }),
    );
  }

  private afterSelect(plan: SelectPlan, rows: number): void {
    const { env, runner } = this.core;
    this.foundRows = plan.countSql === undefined ? rows : Number(runner.value({ ...plan, sql: plan.countSql }));
    this.keepWarnings();
    this.rowCount = -1;
    void env;
  }

  keepWarnings(): void {
    const { env } = this.core;
    this.warnings = env.warnings;
    this.warningCount = env.warningCount;
  }

  /** autocommit = 0: the first statement that touches a table opens a transaction. */
  private openImplicitly(plan: Plan): void {
    if (this.transaction || this.state.autocommit || plan.tables.length === 0) return;
    this.openTransaction();
  }

  openTransaction(readOnly?: boolean): OpenTransaction {
    const isolation =
      this.nextTransaction.isolation ?? (String(this.state.variables.get('transaction_isolation')) as Isolation);
    const only =
      readOnly ?? this.nextTransaction.readOnly ?? this.state.variables.number('transaction_read_only') === 1;
    this.nextTransaction = {};
    this.transaction = new OpenTransaction(this.owner, isolation, only);
    return this.transaction;
  }

  /** Rows of a SELECT under this session's view. */
  private read(plan: SelectPlan, slots: readonly (LiteralValue | null)[], consistent: boolean): SqliteValue[][] {
    const { core } = this;
    core.env.begin(this.state.settings(this), slots, false, this.virtualRows);
    return this.rowsOf(plan, plan.tables, this.range(plan), consistent);
  }

  private range(plan: Pick<SelectPlan, 'keyRange'>): { low: RowId; high: RowId } | undefined {
    if (!plan.keyRange) return undefined;
    const { env } = this.core;
    const [low, high] = [plan.keyRange.low(env), plan.keyRange.high(env)];
    if ((typeof low !== 'number' && typeof low !== 'bigint') || (typeof high !== 'number' && typeof high !== 'bigint'))
      return undefined;
    return { low, high };
  }

  private rowsOf(
    plan: Plan & { sql?: string },
    tables: Plan['tables'],
    range: { low: RowId; high: RowId } | undefined,
    consistent: boolean,
  ): SqliteValue[][] {
    const { core, transaction } = this;
    const text = 'select' in plan && plan.select ? plan.select : (plan as SelectPlan);
    if (!transaction || tables.length === 0) return core.runner.rows(text);
    const differing = this.differingImages(tables, range, consistent);
    if (differing.size === 0) return core.runner.rows(text);
    const overlaid = core.overlaidText(this, plan);
    for (const { table } of tables) if (!table.temporary) core.overlays.fill(table, differing.get(table.id));
    return core.runner.rows(overlaid);
  }

  private lockingSelect(
    plan: SelectPlan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    return this.withLocks(() => {
      const { locking } = plan;
      const owner = this.owner;
      const { locks } = this.core;
      const mode = locking?.strength === 'update' ? 'exclusive' : 'shared';
      let rows = this.read(plan, slots, false);
      const nowait = (): SqlError =>
        new SqlError(
          3572,
          'HY000',
          'Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.',
        );
      if (!locking?.targets) {
        for (const { table } of plan.tables) locks.take(tableLock(table.id), owner, mode);
      } else {
        const { targets } = locking;
        if (locking.wait === 'skipLocked') {
          rows = rows.filter((row) =>
            targets.every(
              ({ table, output }) =>
                row[output] === null || !locks.isTaken(rowLock(table.id, row[output] as RowId), owner, mode),
            ),
          );
        }
        for (const row of rows) {
          for (const { table, output } of targets) {
            const rowid = row[output] as RowId | null;
            if (rowid === null || table.temporary) continue;
            if (locking.wait === 'nowait' && locks.isTaken(rowLock(table.id, rowid), owner, mode)) throw nowait();
            locks.take(rowLock(table.id, rowid), owner, mode);
          }
        }
      }
      this.afterSelect(plan, rows.length);
      if (statement?.kind === 'query' && hasInto(statement))
        return this.core.selectInto(this, plan, statement, rows, sink, more);
      if (!this.core.committer.hasUnflushed) return this.sendRows(plan.columns, rows, sink, more);
      return this.core.committer.flushed().then(() => this.sendRows(plan.columns, rows, sink, more));
    });
  }

  /** SLEEP and GET_LOCK wait before the statement runs; what they answer stands in for the call. */
  private async waiting(
    plan: SelectPlan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> {
    await this.runWaits(plan.waits, slots);
    try {
      await this.select(plan, slots, statement, sink, more);
    } finally {
      this.statementResults.clear();
    }
  }

  async runWaits(waits: SelectPlan['waits'], slots: readonly (LiteralValue | null)[]): Promise<void> {
    for (const wait of waits) {
      const { core } = this;
      core.env.begin(this.state.settings(this), slots, false, () => '[]');
      if (wait.args.some((a) => a === undefined)) continue;
      const args = wait.args.map((a) => a?.(core.env) ?? null);
      const result = await core.namedLocks.wait(this.owner, wait.name, args, (cancel) => (this.cancelWait = cancel));
      this.cancelWait = undefined;
      if (result !== undefined) this.statementResults.set(wait.name, result);
    }
  }

  clearWaits(): void {
    this.statementResults.clear();
  }

  // Results

  /** Sends a result set, waiting where the client reads slowly. */
  sendRows(
    columns: readonly ResultColumn[],
    rows: readonly (readonly SqliteValue[])[],
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    const shape = this.shapeOf(columns);
    sink.columns(shape.definitions);
    const width = columns.length;
    let values: readonly WireValue[];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as SqliteValue[];
      if (shape.identity) {
        if (row.length > width) row.length = width;
        values = row;
      } else {
        const mapped = new Array<WireValue>(width);
        for (let j = 0; j < width; j++) {
          const mapper = shape.mappers[j];
          const value = row[j] as SqliteValue;
          mapped[j] = mapper ? mapper(value) : value;
        }
        values = mapped;
      }
      if (!sink.row(values)) return this.sendSlowly(shape, rows, i + 1, sink, more);
    }
    sink.end(this.warningCount, more);
    return undefined;
  }

  private async sendSlowly(
    shape: ResultShape,
    rows: readonly (readonly SqliteValue[])[],
    from: number,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> {
    let room = false;
    for (let i = from; i < rows.length; i++) {
      if (!room) await sink.drained();
      const row = rows[i] as SqliteValue[];
      room = sink.row(shape.definitions.map((_, j) => shape.mappers[j]?.(row[j] ?? null) ?? row[j] ?? null));
    }
    sink.end(this.warningCount, more);
  }

  shapeOf(columns: readonly ResultColumn[]): ResultShape {
    const zone = this.state.timeZone;
    let byZone = shapes.get(columns);
    if (!byZone) shapes.set(columns, (byZone = new Map<string, ResultShape>()));
    let shape = byZone.get(zone);
    if (!shape) {
      const mappers = columns.map((c) => wireValue(c.type, zone === 'SYSTEM' ? '+00:00' : zone));
      shape = {
        definitions: columns.map((c) => this.core.columnDefinition(c)),
        mappers,
        identity: mappers.every((m) => m === undefined),
      };
      byZone.set(zone, shape);
    }
    return shape;
  }

  // Changes of data

  private change(
    plan: Exclude<Plan, SelectPlan>,
    slots: readonly (LiteralValue | null)[],
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    this.openImplicitly(plan);
    if (this.transaction?.readOnly)
      throw new SqlError(1792, '25006', 'Cannot execute statement in a READ ONLY transaction.');
    this.core.refuseWrites();
    return this.withLocks(() => {
      const result = this.changeRows(plan, slots);
      return this.answerChange(result.result, result.commit, sink, more);
    });
  }

  /** Runs the change against the transaction, or commits it at once. */
  private changeRows(
    plan: Exclude<Plan, SelectPlan>,
    slots: readonly (LiteralValue | null)[],
  ): { result: DmlResult; commit: Promise<void> | undefined } {
    const { core, transaction } = this;
    core.env.begin(this.state.settings(this), slots, true, this.virtualRows);
    const table = plan.kind === 'insert' ? plan.table : plan.targets[0]?.table;
    const temporary = table?.temporary === true;
    const direct = new DirectWriter(core.state, core.locks, this.owner);
    const writer: RowWriter =
      transaction && !temporary
        ? new TransactionWriter(
            core.state,
            core.locks,
            transaction,
            this.state.variables.number('p2pdb_max_transaction_bytes'),
          )
        : direct;
    const mark = writer.mark();
    let result: DmlResult;
    try {
      const dml = new Dml(this.dmlContext(plan, writer));
      if (plan.kind === 'insert') result = dml.insert(plan);
      else if (plan.kind === 'update') result = dml.update(plan, this.range(plan));
      else result = dml.delete(plan, this.range(plan));
    } catch (error) {
      writer.rollbackTo(mark);
      throw error;
    }
    this.keepWarnings();
    this.rowCount = result.affected;
    if (result.generatedId !== 0) this.lastInsertId = result.generatedId;
    if (writer !== direct) {
      if (this.state.variables.number('p2pdb_log_sql') === 1) transaction?.statements.push(this.info ?? '');
      return { result, commit: undefined };
    }
    const logged = direct.changes.filter((c) => !c.table.temporary);
    if (logged.length === 0) return { result, commit: undefined };
    return {
      result,
      commit: core.commit(this, logged, this.state.variables.number('p2pdb_log_sql') === 1 ? (this.info ?? '') : ''),
    };
  }

  private answerChange(
    result: DmlResult,
    commit: Promise<void> | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    const ok: OkResult = {
      affectedRows: result.affected,
      insertId: result.insertId,
      warnings: this.warningCount,
      info: result.info,
    };
    if (commit) return commit.then(() => sink.ok(ok, more));
    if (this.core.committer.hasUnflushed && !this.transaction)
      return this.core.committer.flushed().then(() => sink.ok(ok, more));
    sink.ok(ok, more);
    return undefined;
  }

  private dmlContext(plan: Exclude<Plan, SelectPlan>, writer: RowWriter): DmlContext {
    const { core, state } = this;
    const { variables } = state;
    return {
      env: core.env,
      runner: core.runner,
      state: core.state,
      writer,
      runtimeOf: (table) => core.runtimeOf(table),
      childrenOf: (table) => core.catalog.children(table.database, table.name),
      tableNamed: (database, name) => core.catalog.table(database, name),
      select: (_text, _tables, range) => this.rowsOf(plan, plan.tables, range, false).map(normalized),
      autoIncrementStep: {
        increment: variables.number('auto_increment_increment'),
        offset: variables.number('auto_increment_offset'),
      },
      foreignKeyChecks: variables.number('foreign_key_checks') === 1,
      noAutoValueOnZero: state.noAutoValueOnZero,
      foundRows: this.client.foundRows,
      strict: state.strict,
    };
  }

  /** Runs `work`; when it meets a lock, waits for it and runs it again. */
  withLocks<T extends Promise<void> | undefined>(work: () => T): T | Promise<void> {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof LockWait)) throw error;
      return this.retry(work, error);
    }
  }

  private async retry(work: () => Promise<void> | undefined, first: LockWait): Promise<void> {
    const info = this.info;
    for (let wait = first; ;) {
      const timeout = this.state.variables.number(
        wait.key.endsWith(':*') ? 'lock_wait_timeout' : 'innodb_lock_wait_timeout',
      );
      await this.core.locks.wait(wait.key, this.owner, wait.mode, timeout, (cancel) => (this.cancelWait = cancel));
      this.cancelWait = undefined;
      this.info = info;
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof LockWait)) throw error;
        wait = error;
      }
    }
  }

  // Transactions

  /** Ends the transaction with its changes logged; resolves when they are durable. */
  commitTransaction(): Promise<void> | undefined {
    const { transaction, core } = this;
    if (!transaction) return undefined;
    this.transaction = undefined;
    let done: Promise<void> | undefined;
    try {
      if (transaction.changes.length > 0) {
        core.refuseWrites();
        core.applyTransaction(transaction);
        done = core.commit(this, transaction.changes, transaction.statements.join(';\n'));
      }
    } finally {
      core.versions.close(transaction);
      core.locks.releaseAll(this.owner);
    }
    return done;
  }

  rollback(): void {
    const { transaction, core } = this;
    if (!transaction) return;
    this.transaction = undefined;
    core.versions.close(transaction);
    core.locks.releaseAll(this.owner);
  }

  // Prepared statements of the protocol

  prepare(sql: Uint8Array): PreparedStatement {
    const { text, latin1 } = this.decode(sql);
    return this.prepareText(text, latin1);
  }

  prepareText(text: string, latin1: boolean): PreparedStatement & { readonly query: PreparedQuery } {
    const parsed = parseStatement(text, { ...this.state.parseOptions, latin1 });
    const query: PreparedQuery = { text, parsed, database: this.database };
    let columns: readonly ColumnDefinition[] = [];
    if (parsed.statement.kind === 'query') {
      const types = new Map(paramSlots(parsed).map((slot) => [slot, UNKNOWN_PARAMETER] as const));
      const compiled = compileStatement(
        this.core.catalog,
        this.core.compileSettings(this, text, types, false),
        parsed.statement,
      );
      if (compiled?.plan.kind === 'select') columns = this.shapeOf(compiled.plan.columns).definitions;
    } else {
      this.core.checkPreparable(this, parsed, text);
    }
    return { parameterCount: parsed.params, columns, warnings: 0, close: () => undefined, query };
  }

  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
  ): Promise<void> | undefined {
    const { query } = statement as PreparedStatement & { readonly query: PreparedQuery };
    this.begin(query.text);
    try {
      return this.finish(this.executeQuery(query, parameters, sink, false), sink);
    } catch (error) {
      return this.fail(error, sink);
    }
  }

  executeQuery(
    query: PreparedQuery,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    const source = preparedSource(query);
    const slots = source.slots.slice();
    let key = this.state.planScope;
    for (let i = 0; i < parameters.length; i++) {
      const slot = source.places[i];
      if (slot === undefined) continue;
      const parameter = parameters[i] as ParameterValue;
      slots[slot] = parameterSlot(parameter);
      if (key !== undefined) key += parameterKey(parameter);
    }
    const kept = key === undefined ? undefined : source.plans.get(key);
    if (kept?.version === this.core.catalog.version)
      return this.runPlan(kept.plan, slots, query.parsed.statement, sink, more);
    return this.executeAnew(query, source, parameters, slots, key, sink, more);
  }

  private executeAnew(
    query: PreparedQuery,
    source: PreparedSource,
    parameters: readonly ParameterValue[],
    slots: readonly (LiteralValue | null)[],
    key: string | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    const { statement } = query.parsed;
    const types = new Map<number, SqlType>();
    const collation = String(this.state.variables.get('collation_connection'));
    parameters.forEach((parameter, i) => {
      const slot = source.places[i];
      if (slot !== undefined) types.set(slot, parameterType(parameter, collation));
    });
    const compiled = compileStatement(
      this.core.catalog,
      this.core.compileSettings(this, query.text, types, false),
      statement,
    );
    const plan = compiled?.plan;
    if (!plan) return runStatement(this, statement, slots, query.text, sink, more);
    this.core.planner.sources.set(plan, { statement, text: query.text, slotTypes: types });
    // A value that a placeholder gave is pinned only where the plan looked at it; then it holds for this run alone.
    const pinsParameter = [...(compiled?.pinned ?? [])].some((slot) => source.places.includes(slot));
    if (!plan.volatile && !pinsParameter && key !== undefined)
      source.plans.set(key, { version: this.core.catalog.version, plan });
    return this.runPlan(plan, slots, statement, sink, more);
  }

  // The rest of the protocol

  useDatabase(name: string): void {
    this.core.use(this, name);
  }

  listFields(table: string, wildcard: string): readonly ColumnDefinition[] {
    return this.core.listFields(this, table, wildcard);
  }

  reset(): void {
    this.rollback();
    this.owner.lockedTables.clear();
    this.core.locks.releaseAll(this.owner);
    this.core.namedLocks.releaseAll(this.owner);
    this.core.dropTemporaryTables(this);
    this.prepared.clear();
    this.state.userVariables.clear();
    this.state.variables = new SessionState(this.core.globals).variables;
    this.state.changed();
    this.lastInsertId = 0;
    this.warnings = [];
    this.warningCount = 0;
    this.activeRoles = this.core.accounts.defaultRoles(this.account);
    if (this.client.collationId > 0) this.core.setNames(this.state, this.client.collationId);
  }

  /** KILL: ends what it waits for; with `connection`, the connection too. */
  kill(connection: boolean): void {
    this.killed = true;
    this.cancelWait?.();
    if (connection) this.onKill?.();
  }

  close(): void {
    this.cancelWait?.();
    this.rollback();
    this.owner.lockedTables.clear();
    this.core.locks.releaseAll(this.owner);
    this.core.namedLocks.releaseAll(this.owner);
    this.core.dropTemporaryTables(this);
    this.core.sessions.delete(this.id);
  }
}

/** Row ids and values as numbers where they are safe: a statement that met a larger one gives all as bigint. */
function normalized(row: SqliteValue[]): SqliteValue[] {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n) row[i] = Number(value);
  }
  return row;
}

const UNKNOWN_PARAMETER: SqlType = {
  kind: 'string',
  family: 'varchar',
  length: 65535,
  collation: 'utf8mb4_0900_ai_ci',
};

const multiple = (text: string, at: number): SqlError => {
  const near = text.slice(at).trimStart();
  const line = text.slice(0, at).split('\n').length;
  return new SqlError(
    1064,
    '42000',
    `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '${near.slice(0, 80)}' at line ${line}`,
  );
};

const hasInto = (statement: Extract<Statement, { kind: 'query' }>): boolean =>
  statement.into !== undefined || (statement.body.kind === 'select' && statement.body.into !== undefined);

const paramSlotCache = new WeakMap<ParsedStatement, number[]>();

/** Slots of the placeholders, in order. */
function paramSlots(parsed: ParsedStatement): number[] {
  let found = paramSlotCache.get(parsed);
  if (!found) {
    const byIndex: number[] = [];
    const walk = (node: unknown): void => {
      if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
      const param = node as { kind?: string; index?: number; slot?: number };
      if (param.kind === 'param' && param.index !== undefined && param.slot !== undefined)
        byIndex[param.index] = param.slot;
      else for (const value of Object.values(node)) walk(value);
    };
    walk(parsed.statement);
    paramSlotCache.set(parsed, (found = byIndex));
  }
  return found;
}

/** What executing a prepared statement again needs: its literals, where its placeholders go, its plans by their types. */
interface PreparedSource {
  readonly slots: readonly (LiteralValue | null)[];
  readonly places: readonly number[];
  readonly plans: Map<string, { version: number; plan: Plan }>;
}

const preparedSources = new WeakMap<PreparedQuery, PreparedSource>();

function preparedSource(query: PreparedQuery): PreparedSource {
  let source = preparedSources.get(query);
  if (!source)
    preparedSources.set(
      query,
      (source = { slots: slotValues(query.parsed), places: paramSlots(query.parsed), plans: new Map() }),
    );
  return source;
}

function parameterSlot(parameter: ParameterValue): LiteralValue | null {
  switch (parameter.kind) {
    case 'null':
      return null;
    case 'int':
    case 'double':
      return parameter.value;
    case 'bytes':
      return parameter.bytes;
    default:
      return parameter.text;
  }
}

/** What of a parameter's type a plan depends on. */
function parameterKey(parameter: ParameterValue): string {
  if (parameter.kind === 'int') return parameter.unsigned ? 'u' : 'i';
  if (parameter.kind === 'datetime') return `d${parameter.text.length}`;
  return parameter.kind.slice(0, 3);
}

function parameterType(parameter: ParameterValue, collation: string): SqlType {
  switch (parameter.kind) {
    case 'null':
      return { kind: 'null' };
    case 'int':
      return { kind: 'int', bits: 64, unsigned: parameter.unsigned };
    case 'double':
      return { kind: 'double', unsigned: false };
    case 'bytes':
      return { kind: 'binary', family: 'varbinary', length: 65535 };
    case 'date':
      return { kind: 'date' };
    case 'datetime':
      return { kind: 'datetime', fsp: /\.(\d+)$/.exec(parameter.text)?.[1]?.length ?? 0 };
    case 'decimal':
    case 'string':
    case 'time':
      return { kind: 'string', family: 'varchar', length: 65535, collation };
  }
}
