/** What all sessions share: state, log, catalog, locks, plans, accounts. It is the front door's Engine. */
import {
  collationNamed,
  compileStatement,
  SqlError,
  type Catalog,
  type CompileSettings,
  type Plan,
  type SelectPlan,
  type SqliteValue,
  type SqlText,
  type SqlType,
  type Statement,
  type TableDef,
  type VirtualTable,
} from '../sql/index.ts';
import type { Footprint, Steps } from '../consistency/index.ts';
import type { Account, ClientInfo, Engine, ResultSink, Session } from '../server/index.ts';
import {
  Replica,
  systemClock,
  type Fatal,
  type ReplicaEvents,
  type ReplicaOptions,
  type Slicing,
} from '../replica/index.ts';
import type { ChangeList, KeyClass, LogStore, RowChange, State } from '../store/index.ts';
import { Accounts, refuseChange } from './accounts.ts';
import { LoginEnquiry } from './catch-up.ts';
import { refuseClient } from './closed.ts';
import { factsOf, makeCompileSettings } from './compile-settings.ts';
import { CostEstimator } from './lane/cost.ts';
import { Lanes } from './lane/lanes.ts';
import { Commits } from './commits.ts';
import type { DmlContext } from './dml.ts';
import { Environment } from './environment.ts';
import { Group, type GroupFacts } from './group.ts';
import { Latencies } from './latency.ts';
import { LockManager } from './locks.ts';
import { MergeContext, Merger, StateMachine } from './merge/index.ts';
import { NamedLocks } from './named-locks.ts';
import { Overlays } from './overlay.ts';
import { Planner } from './planner.ts';
import { Roster } from './roster.ts';
import { Runner } from './runner.ts';
import { SchemaChanges } from './schema-changes.ts';
import { EngineSession } from './session.ts';
import type { TableRuntime } from './table.ts';
import { TableRuntimes } from './table-runtimes.ts';
import { VersionStore, type OpenTransaction } from './transaction.ts';
import { VariableStore } from './variables.ts';
import { StatementLog } from './statement-log.ts';
import { findVirtualTable, virtualRows } from './virtual/index.ts';

export interface EngineOptions {
  readonly name: string;
  /** Of a database's own group: the engine of the group that all nodes host, whose accounts, settings and named locks hold here. */
  readonly main?: EngineCore | undefined;
  readonly version: string;
  readonly variables: ReadonlyMap<string, string | number>;
  readonly fatal: Fatal;
  readonly events: ReplicaEvents;
  /** Nobody else hosts the group. */
  readonly alone: () => boolean;
  readonly voterSpans: ReplicaOptions['voterSpans'];
  readonly group: GroupFacts;
  /** Threads for long SELECTs; 0: they run where all others do, and delay them. */
  readonly lanes?: number;
  /** What work is long, and how it goes on. */
  readonly slicing?: Slicing;
}

/** A connection to read by. */
interface Reading {
  readonly runner: Runner;
  readonly overlays: Overlays;
}

/** Threads for long SELECTs. */
const LANES = 2;

export class EngineCore implements Engine {
  /** The engine of the group that all nodes host; this one, where it is that. */
  readonly main: EngineCore;
  /** Of that engine: those of databases that have a group of their own and that this node hosts. */
  readonly tenants = new Map<string, EngineCore>();
  readonly version: string;
  readonly state: State;
  readonly log: LogStore;
  readonly catalog: Catalog;
  readonly env = new Environment();
  readonly runner: Runner;
  readonly overlays: Overlays;
  readonly planner: Planner;
  readonly tables: TableRuntimes;
  readonly locks = new LockManager();
  readonly namedLocks: NamedLocks;
  readonly versions = new VersionStore();
  readonly replica: Replica;
  readonly machine: StateMachine;
  readonly merger: Merger;
  readonly merging: MergeContext;
  readonly commits: Commits;
  readonly schema: SchemaChanges;
  readonly group: Group;
  readonly roster: Roster;
  readonly accounts: Accounts;
  readonly cost: CostEstimator;
  readonly lanes: Lanes;
  readonly globals: VariableStore;
  readonly statementLog: StatementLog;
  readonly sessions = new Map<number, EngineSession>();
  /** Most sessions that there were at once. */
  sessionsPeak = 0;
  readonly startedAt = Date.now();
  readonly statementCounts: Map<string, number>;
  /** By the same kinds, from the statement's arrival to its answer. */
  readonly statementLatencies: Latencies;
  /** From the end of a transaction's work to the certainty that was asked for. */
  readonly commitLatencies: Latencies;
  /** Statements that failed, by MySQL's number. */
  readonly errorCounts: Map<number, number>;
  /** Statements that make a table in several steps: see keepOpen(). */
  readonly unfinished = new Set<{ readonly table: TableDef; readonly done: Promise<void> }>();
  isDroppingAbandoned = false;
  /** Counts databases with tables that went to a group of their own. */
  movedAway = 0;
  private readonly overlaidTexts = new WeakMap<Plan, SqlText>();
  private stopping = false;
  private lastSession = 0;
  /** How often a statement of another session than the last one began. */
  private handovers = 0;
  /** How many statements began in transactions that will wait for other nodes. */
  private openStatements = 0;
  /** Nobody else hosts the group. */
  readonly isAlone: () => boolean;
  /** Which AUTO_INCREMENT values this node gives, where others give some too; then the session's step does not count. */
  keyClass: KeyClass | undefined;

  constructor(state: State, log: LogStore, options: EngineOptions) {
    const { main } = options;
    this.main = main ?? this;
    this.version = options.version;
    this.globals = main?.globals ?? new VariableStore();
    this.statementLog = main?.statementLog ?? new StatementLog(this.globals);
    this.statementCounts = main?.statementCounts ?? new Map<string, number>();
    this.statementLatencies = main?.statementLatencies ?? new Latencies();
    this.commitLatencies = main?.commitLatencies ?? new Latencies(['local', 'replicated', 'final']);
    this.errorCounts = main?.errorCounts ?? new Map<number, number>();
    this.isAlone = options.alone;
    this.state = state;
    this.log = log;
    this.catalog = state.catalog;
    this.runner = new Runner(state.db, this.env, () => state.beginReading());
    this.overlays = new Overlays(state.db);
    this.planner = new Planner(this.catalog);
    this.tables = new TableRuntimes(this.catalog, this.env);
    this.namedLocks = main?.namedLocks ?? new NamedLocks(this.locks);
    this.group = new Group(this, options.group);
    this.roster = new Roster(this, options.group);
    this.merging = new MergeContext(this);
    this.commits = new Commits(this);
    this.schema = new SchemaChanges(this);
    this.merger = new Merger(this);
    this.machine = new StateMachine(this);
    this.replica = new Replica(
      {
        group: options.name,
        log,
        machine: this.machine,
        events: options.events,
        clock: systemClock,
        fatal: options.fatal,
        alone: options.alone,
        voterSpans: options.voterSpans,
        handovers: () => this.handovers,
        open: () => ({ count: this.countOpen(), statements: this.openStatements }),
        ...(options.slicing && { slicing: options.slicing }),
      },
      state.position,
    );
    state.onLost = () => {
      this.full = true;
      this.replica.restore();
    };
    state.reserve.take();
    this.accounts = main?.accounts ?? new Accounts(this.catalog, this.globals);
    this.cost = new CostEstimator(state.db);
    this.lanes = new Lanes(state.file, options.lanes ?? LANES);
    if (main) return;
    for (const [name, value] of options.variables) this.globals.set(name, value);
    this.readPersisted();
    this.globals.set('version', options.version);
    this.globals.set('innodb_version', options.version);
    // Tools tell servers apart by them: they follow from who signs this node's entries.
    this.globals.set('server_uuid', log.author.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5'));
    this.globals.set('server_id', (parseInt(log.author.slice(0, 8), 16) >>> 1) + 1);
  }

  /** Transactions that changed something, are not being committed yet, and will wait for other nodes then. */
  private countOpen(): number {
    let count = 0;
    for (const { needsOthers, isCommitting, changes } of this.openTransactions)
      if (needsOthers && !isCommitting && changes.length > 0) count++;
    return count;
  }

  /** A statement of a session begins. */
  begins(session: EngineSession): void {
    if (session.transaction?.needsOthers) this.openStatements++;
    if (session.id === this.lastSession) return;
    this.lastSession = session.id;
    this.handovers++;
  }

  /** The engine that has the tables of a database. */
  engineOf(database: string): EngineCore {
    return this.main.tenants.get(database) ?? this.main;
  }

  /** The engines of all groups that this node hosts. */
  get hosted(): readonly EngineCore[] {
    return [this.main, ...this.main.tenants.values()];
  }

  /** Another one for every change of the schema that sessions see, and of grants. */
  get schemaVersion(): string {
    const { main } = this;
    const tenants = [...main.tenants].map(([name, { catalog }]) => `${name}:${catalog.version}`);
    return [main.catalog.version, main.catalog.grantsVersion, ...tenants].join('.');
  }

  // The front door's side.

  get maxConnections(): number {
    return this.globals.number('max_connections');
  }

  /**
   * A variable whose value the group gives, whatever was set: drivers count the ids of an INSERT's further rows by the step that
   * they read here. Undefined for all others, and where a session's own step counts.
   */
  groupVariable(name: string): number | undefined {
    if (name === 'auto_increment_increment') return this.keyClass?.increment;
    return name === 'auto_increment_offset' ? this.keyClass?.offset : undefined;
  }

  findAccount(user: string, address: string): Account | undefined {
    return this.accounts.find(user, address);
  }

  caughtUp(): Promise<void> {
    return this.isAlone() ? Promise.resolve() : this.loginEnquiry.ask();
  }
  private readonly loginEnquiry = new LoginEnquiry(this);

  openSession(id: number, account: Account, client: ClientInfo): EngineSession {
    const session = new EngineSession(id, this, account, client);
    refuseClient(session, client);
    if (client.database !== '') this.use(session, client.database);
    this.sessions.set(id, session);
    this.sessionsPeak = Math.max(this.sessionsPeak, this.sessions.size);
    return session;
  }

  statistics(): string {
    const uptime = Math.floor((Date.now() - this.startedAt) / 1000);
    const questions = [...this.statementCounts.values()].reduce((a, b) => a + b, 0);
    return `Uptime: ${uptime}  Threads: ${this.sessions.size}  Questions: ${questions}  Slow queries: ${this.statementLog.slow}  Opens: 0  Flush tables: 0  Open tables: ${this.catalog.allTables().length}  Queries per second avg: ${(questions / Math.max(1, uptime)).toFixed(3)}`;
  }

  kill(by: Session, id: number, queryOnly: boolean): void {
    const target = this.sessions.get(id);
    if (!target) throw new SqlError(1094, 'HY000', `Unknown thread id: ${id}`);
    this.accounts.checkKill(by as EngineSession, target);
    target.kill(!queryOnly);
  }

  // Statements.

  countStatement(kind: string): void {
    this.statementCounts.set(kind, (this.statementCounts.get(kind) ?? 0) + 1);
  }

  compileSettings(
    session: EngineSession,
    text: string,
    slotTypes: ReadonlyMap<number, SqlType>,
    overlaid: boolean,
  ): CompileSettings {
    return makeCompileSettings(factsOf(session, text, slotTypes), {
      virtualTable: (database, name): VirtualTable | undefined => findVirtualTable(database, name),
      mayName: (privilege, database, name) => this.accounts.mayName(session, privilege, database, name),
      mayNotChange: (privilege, database, name) => refuseChange(session, privilege, database, name),
      temporaryTable: (database, name) => session.state.temporaryTables.get(`${database}.${name}`),
      ...(session.state.filling && { target: session.state.filling }),
      columnDefault: (c, bound) => this.tables.columnDefault(c, bound),
      overlaid: (table) => overlaid && !table.temporary,
      interruptible: false,
    });
  }

  /** The text of a plan over overlaid tables. */
  overlaidText(session: EngineSession, plan: Plan): SqlText {
    let text = this.overlaidTexts.get(plan);
    if (!text) {
      const source = this.planner.sources.get(plan);
      if (!source) throw new Error('every plan knows the statement that it was compiled from');
      const compiled = compileStatement(
        this.catalog,
        this.compileSettings(session, source.text, source.slotTypes, true),
        source.statement,
      );
      const again = compiled?.plan as Plan;
      text = 'select' in again && again.select ? again.select : (again as SelectPlan);
      this.overlaidTexts.set(plan, text);
    }
    return text;
  }

  runtimeOf(table: TableDef): TableRuntime {
    return this.tables.of(table);
  }

  virtualRows(session: EngineSession, name: string): string {
    return virtualRows(this, session, name);
  }

  use(session: EngineSession, name: string): void {
    this.accounts.checkDatabase(session, name);
    const known = this.catalog.databases.get(name);
    const system = ['information_schema', 'performance_schema', 'mysql', 'sys', 'p2pdb'].find(
      (s) => s === name.toLowerCase(),
    );
    if (!known && system === undefined) throw new SqlError(1049, '42000', `Unknown database '${name}'`);
    session.state.database = known?.name ?? system ?? name;
    const collation = known?.collation ?? 'utf8mb4_0900_ai_ci';
    session.state.variables.set('character_set_database', collationNamed(collation)?.charset ?? 'utf8mb4');
    session.state.variables.set('collation_database', collation);
    session.state.changed();
    session.noteChange({ kind: 'schema', name: '', value: session.state.database });
  }

  // Commits.

  /** Throws 1053 once it is closed: a database may go while statements wait. */
  refuseClosed(): void {
    if (this.stopping) throw new SqlError(1053, '08S01', 'Server shutdown in progress');
  }

  refuseWrites(): void {
    this.refuseClosed();
    // A host that leaves a database of its own group has its own ways: see departure.ts.
    if (this.main === this ? this.group.isLeft : this.main.group.isSaidToBeRemoved)
      throw new SqlError(
        1290,
        'HY000',
        'This node is no member of its group any more: what is written here would reach nobody. Use another node',
      );
    if (!this.full) return;
    if (!this.state.reserve.take())
      throw new SqlError(1021, 'HY000', 'Disk full; waiting for someone to free some space...');
    this.full = false;
  }
  /** The state met a full disk: no writes until there is room again. */
  private full = false;

  /** SET PERSIST: at the start, and again once the state has caught up. */
  readPersisted(): void {
    for (const [name, value] of this.catalog.globals)
      this.globals.set(name, /^-?\d+$/.test(value) ? Number(value) : value);
  }

  /** The state lost its open transaction, and has its committed rows again. Temporary tables lived in it alone. */
  stateRestored(): void {
    this.forgetStatements();
    this.overlays.forget();
    for (const session of [...this.sessions.values()]) {
      if (session.state.temporaryTables.size > 0) session.kill(true);
      session.transaction?.temporary.truncate(0);
    }
  }

  /** Rows changed: snapshots that are open keep what was there. */
  *stateChanged(changes: ChangeList): Steps<void> {
    if (this.replica.gate.isClosed) this.unannounced.push(() => this.announceChanges(changes));
    else yield* this.announceChanges(changes);
  }

  /** What long work changed, which nobody sees yet. */
  private unannounced: (() => Steps<void>)[] = [];

  /** The end of long work: from now on it is seen. */
  *announce(): Steps<void> {
    for (const tell of this.unannounced) yield* tell();
    this.unannounced = [];
  }

  /** From now on the transaction's consistent reads see this moment. */
  openReadView(transaction: OpenTransaction): void {
    if (transaction.snapshot !== undefined) return;
    this.versions.open(transaction);
    transaction.unflushed = undefined;
    if (!this.replica.hasUnflushed) return;
    const unflushed = this.replica.flushed().then(() => (transaction.unflushed = undefined));
    // Who reads hears of what is lost; perhaps nobody does.
    unflushed.catch(() => undefined);
    transaction.unflushed = unflushed;
  }

  /** A session's own changes: its locks kept others from what they touch. */
  *committed(changes: ChangeList): Steps<void> {
    if (this.replica.gate.isClosed) this.unannounced.push(() => this.versions.committed(changes));
    else yield* this.versions.committed(changes);
  }

  private *announceChanges(changes: ChangeList): Steps<void> {
    yield* this.versions.committed(changes);
    const open: OpenTransaction[] = [];
    for (const transaction of this.openTransactions) if (transaction.mayBeDisturbed) open.push(transaction);
    if (open.length === 0) return;
    const footprintOf = (of: Iterable<RowChange>): Steps<Footprint> => this.merger.footprintOf(of);
    const { writes } = yield* footprintOf(changes);
    for (const transaction of open) yield* transaction.disturbedBy(writes, footprintOf);
    // Foreign keys join rows of these tables to others.
    const related = (table: TableDef): boolean =>
      table.foreignKeys.length > 0 || this.catalog.children(table.database, table.name).length > 0;
    if (!changes.tables.some(related)) return;
    for (const transaction of open) if (transaction.changes.tables.some(related)) transaction.isDisturbed = true;
  }
  readonly openTransactions = new Set<OpenTransaction>();

  /** What statements that only read run on: the state; while long work changes it, the state as it was before. */
  get reads(): Reading {
    return this.isOnSnapshot ? this.published.others : this;
  }

  /** What the long work itself reads by: nobody else's statements get between its rows. */
  get source(): Reading {
    return this.published.source;
  }

  private isOnSnapshot = false;
  private get published(): { readonly others: Reading; readonly source: Reading } {
    return (this.publishedParts ??= { others: this.openReading(), source: this.openReading() });
  }
  private publishedParts: { readonly others: Reading; readonly source: Reading } | undefined;

  private openReading(): Reading {
    const db = this.state.openReader();
    return { runner: new Runner(db, this.env), overlays: new Overlays(db) };
  }

  openSnapshot(): () => void {
    void this.published;
    const close = this.state.openSnapshot();
    this.isOnSnapshot = true;
    return () => {
      this.isOnSnapshot = false;
      close();
    };
  }

  /** Takes back a transaction's work, unless it is gone already: of another epoch. */
  abandon(epoch: number): void {
    if (this.state.epoch !== epoch) return;
    this.state.abandon();
    // Those that were made in it are gone.
    this.overlays.forget();
  }

  /** Tables were dropped or made anew. */
  forgetStatements(): void {
    this.runner.forget();
    this.publishedParts?.others.runner.forget();
    this.publishedParts?.source.runner.forget();
  }

  /** What storing rows needs when no session asks for it. */
  schemaDmlContext(): Omit<DmlContext, 'writer'> {
    return {
      env: this.env,
      runner: this.runner,
      state: this.state,
      runtimeOf: (table) => this.runtimeOf(table),
      childrenOf: () => [],
      tableNamed: () => undefined,
      select: () => [],
      autoIncrementStep: { increment: 1, offset: 1 },
      foreignKeyChecks: false,
      noAutoValueOnZero: true,
      foundRows: false,
      strict: this.env.strict,
    };
  }

  /** Hears of what should not happen. */
  onInternalError: (error: Error) => void = () => undefined;

  selectInto(
    session: EngineSession,
    plan: SelectPlan,
    statement: Extract<Statement, { kind: 'query' }>,
    rows: readonly (readonly SqliteValue[])[],
    sink: ResultSink,
    more: boolean,
  ): Promise<void> | undefined {
    const into = statement.into ?? (statement.body.kind === 'select' ? statement.body.into : undefined);
    if (into?.kind !== 'intoVariables')
      throw new SqlError(
        1290,
        'HY000',
        'The MySQL server is running with the --secure-file-priv option so it cannot execute this statement',
      );
    if (into.targets.length !== plan.columns.length)
      throw new SqlError(1222, '21000', 'The used SELECT statements have a different number of columns');
    if (rows.length > 1) throw new SqlError(1172, '42000', 'Result consisted of more than one row');
    const [row] = rows;
    if (row) {
      into.targets.forEach((target, i) => {
        if (target.kind !== 'userVariable') throw new SqlError(1327, '42000', `Undeclared variable: ${target.name}`);
        session.setUserVariable(target.name, row[i] ?? null, plan.columns[i]?.type ?? { kind: 'null' });
      });
    } else {
      this.env.warn('Warning', 1329, 'No data - zero rows fetched, selected, or processed');
      session.keepWarnings();
    }
    session.state.rowCount = rows.length;
    sink.ok({ affectedRows: rows.length, insertId: 0, warnings: session.state.warningCount, info: '' }, more);
    return undefined;
  }

  /** Stops taking writes and makes everything durable. */
  async close(): Promise<void> {
    this.stopping = true;
    await this.lanes.close();
    await this.replica.close();
  }
}
