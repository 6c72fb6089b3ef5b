/** What all sessions share: state, log, catalog, locks, plans, accounts. It is the front door's Engine. */
import {
  collationNamed,
  collationWithId,
  compileStatement,
  newCompiler,
  parseStatement,
  SqlError,
  Bound,
  type Catalog,
  type CompileSettings,
  type Compiler,
  type ParsedStatement,
  type Plan,
  type ResultColumn,
  type SelectPlan,
  type SqliteValue,
  type SqlText,
  type SqlType,
  type Statement,
  type TableDef,
  type VirtualTable,
  columnById,
  primaryKey,
} from '../sql/index.ts';
import { STEP_ROWS, type Footprint, type Steps } from '../consistency/index.ts';
import type { Account, ClientInfo, ColumnDefinition, Engine, ResultSink, Session } from '../server/index.ts';
import {
  Replica,
  StoppedError,
  systemClock,
  type Fatal,
  type ReplicaEvents,
  type ReplicaOptions,
  type Slicing,
} from '../replica/index.ts';
import {
  DiskFullError,
  type ChangeList,
  type KeyClass,
  type LogStore,
  type RowChange,
  type State,
} from '../store/index.ts';
import { Accounts } from './accounts.ts';
import { makeCompileSettings } from './compile-settings.ts';
import { CostEstimator } from './lane/cost.ts';
import { Lanes } from './lane/lanes.ts';
import type { CompileFacts } from './lane/messages.ts';
import { Commits } from './commits.ts';
import type { DmlContext } from './dml.ts';
import { Environment } from './environment.ts';
import { Group, type GroupFacts } from './group.ts';
import { Latencies } from './latency.ts';
import { LockManager } from './locks.ts';
import { MergeContext, Merger, SCHEMA_SQL_MODE, StateMachine } from './merge/index.ts';
import { NamedLocks } from './named-locks.ts';
import { Overlays } from './overlay.ts';
import { Planner } from './planner.ts';
import { Runner } from './runner.ts';
import { SchemaChanges } from './schema-changes.ts';
import { EngineSession } from './session.ts';
import type { SessionState } from './session-state.ts';
import { makeTableRuntime, type TableRuntime } from './table.ts';
import { VersionStore, type OpenTransaction } from './transaction.ts';
import { VariableStore } from './variables.ts';
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
  readonly accounts: Accounts;
  readonly cost: CostEstimator;
  readonly lanes: Lanes;
  readonly globals: VariableStore;
  readonly sessions = new Map<number, EngineSession>();
  readonly startedAt = Date.now();
  readonly statementCounts: Map<string, number>;
  /** By the same kinds, from the statement's arrival to its answer. */
  readonly statementLatencies: Latencies;
  /** From the end of a transaction's work to the certainty that was asked for. */
  readonly commitLatencies: Latencies;
  /** Statements that failed, by MySQL's number. */
  readonly errorCounts: Map<number, number>;
  /** Counts databases with tables that went to a group of their own. */
  movedAway = 0;
  private readonly runtimes = new Map<number, TableRuntime>();
  private readonly overlaidTexts = new WeakMap<Plan, SqlText>();
  private stopping = false;
  private lastSession = 0;
  /** How often a statement of another session than the last one began. */
  private handovers = 0;
  /** Nobody else hosts the group. */
  readonly isAlone: () => boolean;
  /** Which AUTO_INCREMENT values this node gives, where others give some too; then the session's step does not count. */
  keyClass: KeyClass | undefined;

  constructor(state: State, log: LogStore, options: EngineOptions) {
    const { main } = options;
    this.main = main ?? this;
    this.version = options.version;
    this.globals = main?.globals ?? new VariableStore();
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
    this.namedLocks = main?.namedLocks ?? new NamedLocks(this.locks);
    this.group = new Group(this, options.group);
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
  }

  /** A statement of a session begins. */
  begins(session: EngineSession): void {
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

  findAccount(user: string, address: string): Account | undefined {
    return this.accounts.find(user, address);
  }

  openSession(id: number, account: Account, client: ClientInfo): EngineSession {
    const session = new EngineSession(id, this, account, client);
    if (client.database !== '') this.use(session, client.database);
    this.sessions.set(id, session);
    return session;
  }

  statistics(): string {
    const uptime = Math.floor((Date.now() - this.startedAt) / 1000);
    const questions = [...this.statementCounts.values()].reduce((a, b) => a + b, 0);
    return `Uptime: ${uptime}  Threads: ${this.sessions.size}  Questions: ${questions}  Slow queries: 0  Opens: 0  Flush tables: 0  Open tables: ${this.catalog.allTables().length}  Queries per second avg: ${(questions / Math.max(1, uptime)).toFixed(3)}`;
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

  compileFacts(session: EngineSession, text: string, slotTypes: ReadonlyMap<number, SqlType>): CompileFacts {
    const { state } = session;
    return {
      database: state.database,
      collation: String(state.variables.get('collation_connection')),
      onlyFullGroupBy: state.fullGroupBy,
      timeZoneIsUtc: state.timeZoneIsUtc,
      divPrecisionIncrement: state.variables.number('div_precision_increment'),
      groupConcatMaxLen: state.variables.number('group_concat_max_len'),
      sqlMode: state.sqlMode,
      text,
      slotTypes,
      userVariableTypes: new Map([...state.userVariables].map(([name, variable]) => [name, variable.type])),
    };
  }

  compileSettings(
    session: EngineSession,
    text: string,
    slotTypes: ReadonlyMap<number, SqlType>,
    overlaid: boolean,
  ): CompileSettings {
    return makeCompileSettings(this.compileFacts(session, text, slotTypes), {
      virtualTable: (database, name): VirtualTable | undefined => findVirtualTable(database, name),
      mayName: (privilege, database, name) => this.accounts.mayName(session, privilege, database, name),
      temporaryTable: (database, name) => session.state.temporaryTables.get(`${database}.${name}`),
      columnDefault: (c, bound) => this.columnDefault(c, bound),
      overlaid: (table) => overlaid && !table.temporary,
      interruptible: false,
    });
  }

  /** DEFAULT(column) */
  private columnDefault(c: Compiler, bound: Bound): Bound {
    const table = bound.column?.tableId === undefined ? undefined : this.catalog.tableById(bound.column.tableId);
    const column = table && bound.column?.columnId !== undefined ? columnById(table, bound.column.columnId) : undefined;
    if (!table || !column)
      throw new SqlError(1364, 'HY000', `Field '${bound.column?.name ?? ''}' doesn't have a default value`);
    const d = this.runtimeOf(table).defaults[table.columns.indexOf(column)];
    if (d?.kind === 'none') throw new SqlError(1364, 'HY000', `Field '${column.name}' doesn't have a default value`);
    if (d?.kind !== 'constant')
      throw new SqlError(1235, '42000', `This version of P2PDB doesn't yet support 'DEFAULT() of an expression'`);
    const convert = this.runtimeOf(table).convert[table.columns.indexOf(column)];
    const bind = (): SqliteValue => (d.value === null ? null : (convert?.(d.value, d.from, this.env) ?? null));
    return new Bound(() => c.param(bind), {
      type: bound.type,
      nullable: d.value === null,
      coercibility: bound.coercibility,
      bind,
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
    let runtime = this.runtimes.get(table.id);
    if (runtime?.table !== table) {
      runtime = makeTableRuntime(table, (t) => this.bareCompiler(t));
      this.runtimes.set(table.id, runtime);
    }
    return runtime;
  }

  /** A compiler for expressions of the schema: they mean the same in every session. */
  bareCompiler(table: Pick<TableDef, 'database'>): Compiler {
    const facts: CompileFacts = {
      database: table.database,
      collation: 'utf8mb4_0900_ai_ci',
      onlyFullGroupBy: false,
      timeZoneIsUtc: true,
      divPrecisionIncrement: 4,
      groupConcatMaxLen: 1024,
      sqlMode: SCHEMA_SQL_MODE,
      text: '',
      slotTypes: new Map(),
      userVariableTypes: new Map(),
    };
    const settings = makeCompileSettings(facts, {
      virtualTable: () => undefined,
      temporaryTable: () => undefined,
      columnDefault: (c, bound) => this.columnDefault(c, bound),
      overlaid: () => false,
      interruptible: false,
    });
    return newCompiler(this.catalog, settings, true);
  }

  /** Throws when a statement cannot be prepared (unknown table, and the like). */
  checkPreparable(session: EngineSession, parsed: ParsedStatement, text: string): void {
    const types = new Map<number, SqlType>();
    compileStatement(this.catalog, this.compileSettings(session, text, types, false), parsed.statement);
  }

  virtualRows(session: EngineSession, name: string): string {
    return virtualRows(this, session, name);
  }

  columnDefinition(column: ResultColumn): ColumnDefinition {
    const { source } = column;
    const table = source?.tableId === undefined ? undefined : this.catalog.tableById(source.tableId);
    const definition = table && source?.columnId !== undefined ? columnById(table, source.columnId) : undefined;
    const isFirst = (kinds: readonly string[]): boolean =>
      table?.indexes.some((i) => kinds.includes(i.kind) && i.parts[0]?.column === definition?.id) ?? false;
    const isPrimary =
      table && definition ? (primaryKey(table)?.parts.some((p) => p.column === definition.id) ?? false) : false;
    const isUnique =
      !isPrimary &&
      isFirst(['unique']) &&
      (table?.indexes.some(
        (i) => i.kind === 'unique' && i.parts.length === 1 && i.parts[0]?.column === definition?.id,
      ) ??
        false);
    return {
      database: source?.database ?? '',
      table: source?.alias ?? '',
      originalTable: source?.table ?? '',
      name: column.name,
      originalName: source?.name ?? '',
      type: column.type,
      nullable: column.nullable,
      ...(definition && {
        primaryKey: isPrimary,
        uniqueKey: isUnique,
        multipleKey: !isPrimary && !isUnique && isFirst(['unique', 'index']),
        autoIncrement: definition.autoIncrement === true,
        noDefault: definition.default === undefined && !definition.nullable && !definition.autoIncrement,
        onUpdateNow: definition.onUpdateNow !== undefined,
      }),
    };
  }

  /** A character set by a collation's number, as the handshake names it. */
  setNames(state: SessionState, collationId: number): void {
    const collation = collationWithId(collationId);
    if (!collation) return;
    const { variables } = state;
    for (const name of ['character_set_client', 'character_set_connection', 'character_set_results'])
      variables.set(name, collation.charset);
    variables.set('collation_connection', collation.name);
    state.changed();
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

  listFields(session: EngineSession, table: string, wildcard: string): readonly ColumnDefinition[] {
    const settings = this.compileSettings(session, '', new Map(), false);
    const { statement } = parseStatement(`SELECT * FROM \`${table.replaceAll('`', '``')}\``);
    const compiled = compileStatement(this.catalog, settings, statement);
    if (compiled?.plan.kind !== 'select') return [];
    this.accounts.check(session, compiled.plan);
    const like =
      wildcard === ''
        ? undefined
        : new RegExp(
            `^${wildcard
              .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
              .replaceAll('%', '.*')
              .replaceAll('_', '.')}$`,
            'i',
          );
    return compiled.plan.columns.filter((c) => !like || like.test(c.name)).map((c) => this.columnDefinition(c));
  }

  // Commits.

  refuseWrites(): void {
    if (this.stopping) throw new SqlError(1053, '08S01', 'Server shutdown in progress');
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
    if (this.replica.hasUnflushed)
      transaction.unflushed = this.replica.flushed().then(() => (transaction.unflushed = undefined));
  }

  /** A session's own changes: its locks kept others from what they touch. */
  *committed(changes: ChangeList): Steps<void> {
    if (this.replica.gate.isClosed) this.unannounced.push(() => this.versions.committed(changes));
    else yield* this.versions.committed(changes);
  }

  private *announceChanges(changes: ChangeList): Steps<void> {
    yield* this.versions.committed(changes);
    const open = [...this.openTransactions].filter((transaction) => transaction.changes.length > 0);
    if (open.length === 0) return;
    const footprintOf = (of: Iterable<RowChange>): Steps<Footprint> => this.merger.footprintOf(of);
    const writes = new Set<string>();
    for (const key of (yield* footprintOf(changes)).writes) {
      writes.add(key);
      if (writes.size % STEP_ROWS === 0) yield;
    }
    const related = (table: TableDef): boolean =>
      table.foreignKeys.length > 0 || this.catalog.children(table.database, table.name).length > 0;
    for (const transaction of open) yield* transaction.disturbedBy(changes, writes, footprintOf, related);
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

  /** The runtime of a definition that is not in the catalog yet. */
  runtimeFor(table: TableDef): TableRuntime {
    return makeTableRuntime(table, (t) => this.bareCompiler(t));
  }

  /** Throws when an expression of the table does not compile. */
  checkTable(table: TableDef): void {
    this.runtimeFor(table);
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

  /** What a client is told of an error. */
  describe(error: unknown): { errno: number; sqlState: string; message: string } {
    if (error instanceof SqlError) return { errno: error.errno, sqlState: error.sqlState, message: error.message };
    if (error instanceof DiskFullError)
      return { errno: 1021, sqlState: 'HY000', message: 'Disk full; waiting for someone to free some space...' };
    if (error instanceof StoppedError)
      return { errno: 1053, sqlState: '08S01', message: 'Server shutdown in progress' };
    const { message } = error as Error;
    if (/parser stack overflow|Expression tree is too large/.test(message))
      return { errno: 1436, sqlState: 'HY000', message: 'Thread stack overrun: the expression is nested too deeply' };
    const known = SQLITE_ERRORS.find(([pattern]) => pattern.test(message));
    if (known) return { errno: known[1], sqlState: known[2], message: known[3] };
    this.onInternalError(error as Error);
    return { errno: 1105, sqlState: 'HY000', message: `Internal error: ${message}` };
  }

  onInternalError: (error: Error) => void = () => undefined;

  dropTemporaryTables(session: EngineSession): void {
    const own = [...session.state.temporaryTables].filter(([, { database }]) => this.engineOf(database) === this);
    if (own.length === 0) return;
    const tables = own.map(([, table]) => table);
    for (const [name] of own) session.state.temporaryTables.delete(name);
    session.state.changed();
    const drop = (): void => {
      const { gate } = this.replica;
      if (gate.isClosed) void gate.opened().then(drop);
      else for (const table of tables) this.state.dropTemporary(table);
    };
    drop();
  }

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

/** What SQLite refuses of its own accord, in MySQL's words. */
const SQLITE_ERRORS: readonly (readonly [pattern: RegExp, errno: number, sqlState: string, message: string])[] = [
  [
    /circular reference|multiple recursive references|multiple references to recursive table/,
    3577,
    'HY000',
    'In recursive query block of Recursive Common Table Expression, the recursive table must be referenced only once, and not in any subquery',
  ],
  [
    /recursive aggregate queries not supported/,
    3575,
    'HY000',
    'Recursive Common Table Expression can contain neither aggregation nor window functions in recursive query block',
  ],
  [
    /unsupported frame specification/,
    3586,
    'HY000',
    'Window: frame start or end is negative, NULL or of non-integral type',
  ],
  [/argument of ntile|argument to nth_value/, 1210, 'HY000', 'Incorrect arguments to window function'],
  [
    /do not have the same number of result columns/,
    1222,
    '21000',
    'The used SELECT statements have a different number of columns',
  ],
  [/too many columns/, 1117, 'HY000', 'Too many columns'],
];
