/** One client's session: takes statements, runs them under its settings and transaction, gives the answers to the sink. */
import { isUtf8 } from 'node:buffer';
import {
  SqlError,
  type LiteralValue,
  type Plan,
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
  ParameterValue,
  PreparedStatement,
  ResultSink,
  Session,
  SessionChange,
  SessionStatus,
} from '../server/index.ts';
import type { RowId } from '../store/index.ts';
import { refuseOnReadOnlyNode } from './closed.ts';
import type { EngineCore } from './core.ts';
import { interrupted, LockOwner, rowLock } from './locks.ts';
import { checkLockedAccess } from './locked-tables.ts';
import { SessionState, type CommitLevel, type UserVariable } from './session-state.ts';
import { type PreparedQuery } from './prepared-query.ts';
import type { GroupTransaction } from '../replica/index.ts';
import { runChange } from './run-change.ts';
import { runSelect } from './run-select.ts';
import { withinTime } from './time-limit.ts';
import { rollbackTemporary } from './temporary-rows.ts';
import { OpenTransaction, type Isolation } from './transaction.ts';
import { sqlModeText } from './variables.ts';
import { endTransaction, rollbackTransaction } from './commit-transaction.ts';
import { executeQuery, prepareText, type PreparedText } from './execute-prepared.ts';
import { onceCaughtUp } from './catch-up.ts';
import { listFields } from './column-definitions.ts';
import { fail, runPreparedStatement, runText } from './command.ts';
import { checkHome } from './returning.ts';
import { checkGoesOn } from './waits.ts';

const EMPTY_CHANGES: readonly SessionChange[] = [];

export class EngineSession implements Session, SessionFacts {
  readonly id: number;
  readonly core: EngineCore;
  readonly account: Account;
  readonly client: ClientInfo;
  readonly state: SessionState;
  readonly owner: LockOwner;
  readonly startedAt = Date.now();
  transaction: OpenTransaction | undefined;
  readonly virtualRows = (name: string): string => this.core.virtualRows(this, name);
  private readonly statementResults = new Map<string, SqliteValue>();
  /** `state`: of the client's session in another group, which this one shares. */
  constructor(id: number, core: EngineCore, account: Account, client: ClientInfo, state?: SessionState) {
    this.id = id;
    this.core = core;
    this.account = account;
    this.client = client;
    this.owner = new LockOwner(id);
    this.state = state ?? new SessionState(core.globals);
    if (state) return;
    this.state.activeRoles = core.accounts.defaultRoles(account);
    if (client.interactive) this.state.variables.set('wait_timeout', this.state.variables.get('interactive_timeout'));
    if (client.ignoreSpace === true)
      this.state.variables.set('sql_mode', sqlModeText(`IGNORE_SPACE,${String(this.state.variables.get('sql_mode'))}`));
    if (client.collationId > 0) this.state.setNames(client.collationId);
  }

  // The wire's view.

  get multiStatements(): boolean {
    return this.state.multiStatements;
  }

  set multiStatements(are: boolean) {
    this.state.multiStatements = are;
  }

  get onKill(): (() => void) | undefined {
    return this.state.onKill;
  }

  set onKill(end: (() => void) | undefined) {
    this.state.onKill = end;
  }

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
    if (this.state.changes.length === 0) return EMPTY_CHANGES;
    const taken = this.state.changes;
    this.state.changes = [];
    return taken;
  }

  noteChange(change: SessionChange): void {
    this.state.changes.push(change);
  }

  // Facts for expressions.

  get connectionId(): number {
    return this.state.connectionId ?? this.id;
  }

  get user(): string {
    return `${this.account.user}@${this.client.address}`;
  }

  get lastInsertId(): number | bigint {
    return this.state.lastInsertId;
  }

  get rowCount(): number | bigint {
    return this.state.rowCount;
  }

  get foundRows(): number {
    return this.state.foundRows;
  }

  get currentUser(): string {
    return `${this.account.user}@${this.account.host}`;
  }

  get currentRole(): string {
    return this.state.activeRoles.length === 0
      ? 'NONE'
      : this.state.activeRoles.map((r) => r.replace(/^(.*)@(.*)$/, '`$1`@`$2`')).join(',');
  }

  get version(): string {
    return this.core.version;
  }

  systemVariable(name: string, scope: 'global' | 'session'): SqliteValue {
    switch (name) {
      case 'last_insert_id':
      case 'identity':
        return BigInt(this.state.lastInsertId);
      case 'warning_count':
        return this.state.warningCount;
      case 'error_count':
        return this.state.warnings.filter((w) => w.level === 'Error').length;
      case 'p2pdb_last_txid':
        return this.state.lastTransaction?.id ?? '';
      case 'pseudo_thread_id':
        return this.connectionId;
      case 'timestamp': {
        const fixed = this.state.variables.number('timestamp');
        return fixed > 0 ? fixed : Date.now() / 1000;
      }
      default:
        return this.core.groupVariable(name) ?? this.state.systemVariable(name, scope);
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
    this.state.lastInsertId = value;
    this.state.givenInsertId = value;
  }

  isHeldByOthers(table: number, rowid: RowId, strength: 'update' | 'share'): boolean {
    const mode = strength === 'update' ? 'exclusive' : 'shared';
    const id = typeof rowid === 'bigint' && Number.isSafeInteger(Number(rowid)) ? Number(rowid) : rowid;
    return this.core.locks.isTaken(rowLock(table, id), this.owner, mode);
  }

  call(name: string, args: readonly SqliteValue[]): SqliteValue {
    const waited = this.statementResults.get(name);
    if (waited !== undefined) return waited;
    return this.core.namedLocks.call(this.owner, name, args);
  }

  // Statements.

  /** A statement's text; `latin1`: its bytes, where they are no UTF-8. */
  decode(sql: Uint8Array): { text: string; latin1: boolean } {
    const buffer = Buffer.from(sql.buffer, sql.byteOffset, sql.byteLength);
    const charset = this.clientCharset;
    if (charset === 'latin1') return { text: new TextDecoder('windows-1252').decode(buffer), latin1: false };
    return isUtf8(buffer)
      ? { text: buffer.toString('utf8'), latin1: false }
      : { text: buffer.toString('latin1'), latin1: true };
  }

  /** The other way round. */
  encode(text: string, latin1: boolean): Uint8Array {
    return Buffer.from(text, latin1 || this.clientCharset === 'latin1' ? 'latin1' : 'utf8');
  }

  /** `elsewhere` runs a text, which may be the rest of this one, wherever its databases are now. */
  query(
    sql: Uint8Array,
    sink: ResultSink,
    elsewhere?: (rest: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const { text, latin1 } = this.decode(sql);
    return runText(this, text, latin1, sink, elsewhere);
  }

  /** Tells the client what went wrong. */
  fail(error: unknown, sink: ResultSink): undefined {
    return fail(this, error, sink);
  }

  runPlan(
    plan: Plan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    this.core.accounts.check(this, plan);
    if (this.state.lockedTables) checkLockedAccess(this.state, plan.access);
    if (plan.kind !== 'select') return runChange(this, plan, slots, sink, more);
    const running = this.select(plan, slots, statement, sink, more);
    return running && withinTime(this, plan, running);
  }

  private select(
    plan: SelectPlan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    if (this.state.readLevel === 'linearizable' && plan.tables.length > 0 && !this.transaction?.isLinear)
      return this.linearized(plan, slots, statement, sink, more);
    if (plan.waits.length > 0) return this.waiting(plan, slots, statement, sink, more);
    return runSelect(this, plan, slots, statement, sink, more);
  }

  /** A read that misses nothing that was decided before it; of a transaction its first, which gives it its snapshot. */
  private async linearized(
    plan: SelectPlan,
    slots: readonly (LiteralValue | null)[],
    statement: Statement | undefined,
    sink: ResultSink,
    more: boolean,
  ): Promise<void> {
    const { version } = this.core.catalog;
    await this.core.group.linearize(this);
    await checkHome(this);
    checkGoesOn(this, version);
    this.openImplicitly(plan);
    if (this.transaction) this.transaction.isLinear = true;
    if (plan.waits.length > 0) return this.waiting(plan, slots, statement, sink, more);
    return runSelect(this, plan, slots, statement, sink, more);
  }

  /**
   * A change's commit level: its hint's, as in P2PDB_COMMIT(final), or the session's. Throws 1064 for a hint that begins like that and is
   * misspelt: OK would promise less than was asked for.
   */
  commitLevelOf(plan: Plan): CommitLevel {
    const asked = this.hintOf(plan, /\b(P2PDB_[^]*)/i);
    if (asked === undefined) return this.state.commitLevel;
    const level = /^P2PDB_COMMIT\s*\(\s*(local|replicated|final)\s*\)/i.exec(asked)?.[1];
    if (level === undefined) throw new SqlError(1064, '42000', `Optimizer hint syntax error near '${asked.trim()}'`);
    return level.toLowerCase() as CommitLevel;
  }

  /** Milliseconds that a query may take: its hint's, as in MAX_EXECUTION_TIME(1000), or the session's. 0: no limit. */
  executionLimitOf(plan: Plan): number {
    const hinted = this.hintOf(plan, /\bMAX_EXECUTION_TIME\s*\(\s*(\d+)\s*\)/i);
    return hinted === undefined ? this.state.variables.number('max_execution_time') : Number(hinted);
  }

  private hintOf(plan: Plan, hint: RegExp): string | undefined {
    const statement = this.core.planner.sources.get(plan)?.statement;
    const hinted = statement?.kind === 'query' ? statement.body : statement;
    const hints = hinted && 'hints' in hinted ? hinted.hints : undefined;
    return hints === undefined ? undefined : hint.exec(hints)?.[1];
  }

  /** autocommit = 0: the first statement that touches a table opens a transaction. An INSERT's own table is not among those that it reads. */
  openImplicitly(plan: Plan): void {
    if (this.transaction || this.state.autocommit || (plan.kind === 'select' && plan.tables.length === 0)) return;
    this.openTransaction();
  }

  /** Throws where the open transaction, or each of the session's, or, of what lasts, the node may change nothing. */
  refuseReadOnly(lasting = true): void {
    const { transaction, state } = this;
    const readOnly = transaction
      ? transaction.readOnly
      : (state.nextTransaction.readOnly ?? state.variables.number('transaction_read_only') === 1);
    if (readOnly) throw new SqlError(1792, '25006', 'Cannot execute statement in a READ ONLY transaction.');
    if (lasting) refuseOnReadOnlyNode(this);
    this.ranAlone();
  }

  /** A statement outside of a transaction is one of its own: it was the next one that SET TRANSACTION spoke of. */
  ranAlone(): void {
    if (!this.transaction) this.state.nextTransaction = {};
  }

  openTransaction(readOnly?: boolean, level: CommitLevel = this.state.commitLevel): OpenTransaction {
    const isolation =
      this.state.nextTransaction.isolation ?? (String(this.state.variables.get('transaction_isolation')) as Isolation);
    const only =
      readOnly ?? this.state.nextTransaction.readOnly ?? this.state.variables.number('transaction_read_only') === 1;
    this.state.nextTransaction = {};
    this.transaction = new OpenTransaction(this.owner, isolation, only, level);
    this.transaction.movedAway = this.core.main.movedAway;
    this.core.openTransactions.add(this.transaction);
    return this.transaction;
  }

  committed(transaction: GroupTransaction): void {
    this.state.lastTransaction = transaction;
    const tracked = String(this.state.variables.get('session_track_system_variables'));
    if (tracked === '*' || tracked.includes('p2pdb_last_txid'))
      this.noteChange({ kind: 'variable', name: 'p2pdb_last_txid', value: transaction.id });
  }

  addWarnings(warnings: readonly Warning[]): void {
    if (warnings.length === 0) return;
    this.state.warnings = [...this.state.warnings, ...warnings];
    this.state.warningCount += warnings.length;
  }

  keepWarnings(): void {
    const { env } = this.core;
    this.state.warnings = env.warnings;
    this.state.warningCount = env.warningCount;
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
      // SLEEP answers 1 where it was ended; no row is read after it.
      if (plan.tables.length > 0 && (this.state.killed || this.state.isLate)) throw interrupted();
      await runSelect(this, plan, slots, statement, sink, more);
    } finally {
      this.statementResults.clear();
    }
  }

  /** Warnings of what the next SELECT waited for. */
  readonly heardWhileWaiting: Warning[] = [];

  async runWaits(waits: SelectPlan['waits'], slots: readonly (LiteralValue | null)[]): Promise<void> {
    for (const wait of waits) {
      const { core } = this;
      core.env.begin(this.state.settings(this), slots, false, () => '[]');
      if (wait.args.some((a) => a === undefined)) continue;
      const args = wait.args.map((a) => a?.(core.env) ?? null);
      const onCancel = (cancel: () => void): void => {
        this.state.cancelWait = cancel;
      };
      const result =
        (await core.group.call(this, wait.name, args, onCancel)) ??
        (await core.namedLocks.wait(this.owner, wait.name, args, onCancel));
      this.state.cancelWait = undefined;
      if (result !== undefined) this.statementResults.set(wait.name, result);
    }
  }

  clearWaits(): void {
    this.statementResults.clear();
  }

  // Transactions

  rollback(): void {
    const { transaction } = this;
    if (!transaction) return;
    this.transaction = undefined;
    void rollbackTemporary(this, transaction);
    endTransaction(this, transaction);
  }

  // Prepared statements of the protocol

  prepare(sql: Uint8Array): PreparedText | Promise<PreparedText> {
    const { text, latin1 } = this.decode(sql);
    return onceCaughtUp(this, () => this.prepareText(text, latin1));
  }

  prepareText(text: string, latin1: boolean): PreparedText {
    return prepareText(this, text, latin1);
  }

  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
    elsewhere?: () => Promise<void> | undefined,
  ): Promise<void> | undefined {
    return runPreparedStatement(this, statement, parameters, sink, elsewhere);
  }

  executeQuery(
    query: PreparedQuery,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    return executeQuery(this, query, parameters, sink, more);
  }

  // The rest of the protocol

  useDatabase(name: string): void | Promise<void> {
    return onceCaughtUp(this, () => this.core.use(this, name));
  }

  listFields(table: string, wildcard: string): readonly ColumnDefinition[] | Promise<readonly ColumnDefinition[]> {
    return onceCaughtUp(this, () => listFields(this, table, wildcard));
  }

  reset(): void {
    this.letGo();
    this.state.prepared.clear();
    this.state.userVariables.clear();
    this.state.variables = new SessionState(this.core.globals).variables;
    this.state.changed();
    this.state.lastInsertId = 0;
    this.state.warnings = [];
    this.state.warningCount = 0;
    this.state.activeRoles = this.core.accounts.defaultRoles(this.account);
    if (this.client.collationId > 0) this.state.setNames(this.client.collationId);
  }

  /** KILL: ends what it waits for; with `connection`, the connection too. */
  kill(connection: boolean): void {
    this.state.killed = true;
    this.state.cancelWait?.();
    if (connection) this.onKill?.();
  }

  close(): void {
    this.state.killed = true;
    this.state.cancelWait?.();
    this.core.sessions.delete(this.id);
    const ended = rollbackTransaction(this);
    // It fails where the node ends: then nothing is held any more.
    if (ended)
      void ended.then(
        () => this.letGo(),
        () => undefined,
      );
    else this.letGo();
  }

  /** What it holds in its group is given up. */
  letGo(): void {
    this.rollback();
    this.owner.lockedTables.clear();
    this.state.lockedTables = undefined;
    this.core.locks.releaseAll(this.owner);
    this.core.namedLocks.releaseAll(this.owner);
    this.core.schema.dropTemporary(this);
  }
}
