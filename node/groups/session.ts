/**
 * One client's session over all groups: each statement runs where the tables of its databases are. Of the groups that this node hosts
 * it has a session each, which share what the client has set; for another one it moves, whole, to a node that hosts it.
 */
import { adoptImage, EngineSession, imageOf, type PreparedText } from '../engine/index.ts';
import type { RemoteSession } from '../forwarding/index.ts';
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
import { parseNext, SqlError, unsupported, type PlacementDef, type Statement } from '../sql/index.ts';
import type { NodeId } from '../consensus/index.ts';
import type { Gateway } from './gateway.ts';
import type { HostedGroup } from './hosted.ts';
import { MoreSink } from './more-sink.ts';
import { aboutOf, type Scope } from './routing.ts';
import { runnerOf } from './transactions.ts';

interface Part {
  /** Undefined: the rest has an error, which whoever runs it tells. */
  readonly statement: Statement | undefined;
  readonly bytes: Uint8Array;
}

/** A session that runs statements: of one of the groups that this node hosts, or at another node. */
type Running = EngineSession | RemoteSession;

type Place =
  /** Wherever the session is. */
  | { readonly kind: 'anywhere' }
  /** At the node that the client is connected to. */
  | { readonly kind: 'home' }
  /** At a node that hosts the group; `inMain`: in the group that all nodes host. */
  | { readonly kind: 'group'; readonly placement: PlacementDef | undefined; readonly inMain: boolean };

/** A statement of the protocol: prepared wherever it ran. */
interface RoutedStatement extends PreparedStatement {
  readonly sql: Uint8Array;
  readonly statement: Statement;
  readonly made: Map<Running, PreparedStatement>;
}

const routed = (
  sql: Uint8Array,
  statement: Statement,
  session: Running,
  prepared: PreparedStatement,
): RoutedStatement => {
  const made = new Map([[session, prepared]]);
  const close = (): void => {
    for (const one of made.values()) one.close();
  };
  return { ...prepared, sql, statement, made, close };
};

export class GatewaySession implements Session {
  readonly id: number;
  private readonly gateway: Gateway;
  /** In the group that every node hosts. */
  readonly main: EngineSession;
  private readonly isGuest: boolean;
  private readonly own = new Map<string, EngineSession>();
  private remote: { readonly node: NodeId; readonly session: RemoteSession } | undefined;

  /** `isGuest`: it came from another node, since this one hosts the database. */
  constructor(gateway: Gateway, id: number, account: Account, client: ClientInfo, isGuest: boolean) {
    this.gateway = gateway;
    this.isGuest = isGuest;
    this.id = id;
    this.main = gateway.core.openSession(id, account, client);
  }

  // The wire's view

  /** Where the session is, as far as the wire sees. */
  private get seen(): Running {
    return this.remote?.session ?? this.main;
  }

  get database(): string {
    return this.seen.database;
  }

  get clientCharset(): string {
    return this.seen.clientCharset;
  }

  get resultsCharset(): string {
    return this.seen.resultsCharset;
  }

  get multiStatements(): boolean {
    return this.main.multiStatements;
  }

  set multiStatements(are: boolean) {
    this.main.multiStatements = are;
    if (this.remote) this.remote.session.multiStatements = are;
  }

  get onKill(): (() => void) | undefined {
    return this.main.onKill;
  }

  set onKill(end: (() => void) | undefined) {
    this.main.onKill = end;
  }

  status(): SessionStatus {
    const status = this.seen.status();
    if (status.inTransaction || this.own.size === 0 || this.remote) return status;
    return { ...status, inTransaction: this.here().some(({ transaction }) => transaction !== undefined) };
  }

  variable(name: Parameters<Session['variable']>[0]): number {
    return this.seen.variable(name);
  }

  takeChanges(): readonly SessionChange[] {
    return this.seen.takeChanges();
  }

  // Commands

  /** Nothing of it is in another group, or may have to be. */
  private get isPlain(): boolean {
    return !this.gateway.hasPlaced && !this.remote && this.own.size === 0;
  }

  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    const elsewhere = (rest: Uint8Array): Promise<void> | undefined => this.query(rest, sink);
    if (this.isPlain) return this.main.query(sql, sink, elsewhere);
    const parts = this.partsOf(sql);
    if (parts === undefined || (parts.length > 1 && !this.multiStatements)) return this.seen.query(sql, sink);
    const [only] = parts;
    if (parts.length === 1 && only?.statement)
      return this.run(only.statement, sink, (session) => session.query(sql, sink, elsewhere));
    return this.several(parts, sink);
  }

  /** The statements of a text; undefined where it has an error, which whoever runs it tells. */
  private partsOf(sql: Uint8Array): readonly Part[] | undefined {
    const { text, latin1 } = this.main.decode(sql);
    const options = { ...this.main.state.parseOptions, ...(latin1 && { latin1 }) };
    const parts: Part[] = [];
    let rest = text;
    try {
      for (;;) {
        const { statement, end, last } = parseNext(rest, 0, options);
        parts.push({ statement, bytes: this.main.encode(last ? rest : rest.slice(0, end), latin1) });
        if (last) return parts;
        rest = rest.slice(end);
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (parts.length === 0) return undefined;
      // What stands before it is carried out, as in MySQL.
      return [...parts, { statement: undefined, bytes: this.main.encode(rest, latin1) }];
    }
  }

  private async several(parts: readonly Part[], sink: ResultSink): Promise<void> {
    for (const [i, { statement, bytes }] of parts.entries()) {
      const one = new MoreSink(sink, i < parts.length - 1);
      await (statement
        ? this.run(statement, one, (session) => session.query(bytes, one, (rest) => this.query(rest, one)))
        : this.seen.query(bytes, one));
      if (one.failed) return;
    }
  }

  prepare(sql: Uint8Array): PreparedStatement | Promise<PreparedStatement> {
    if (this.isPlain) {
      const made = (prepared: PreparedText): RoutedStatement =>
        routed(sql, prepared.query.parsed.statement, this.main, prepared);
      const prepared = this.main.prepare(sql);
      if (!(prepared instanceof Promise)) return made(prepared);
      return prepared.then(made, (error: unknown) => {
        // By now the node has heard of databases in other groups.
        if (this.gateway.hasPlaced) return this.prepare(sql);
        throw error;
      });
    }
    const [part] = this.partsOf(sql) ?? [];
    return part?.statement ? this.prepareAt(sql, part.statement) : this.seen.prepare(sql);
  }

  private async prepareAt(sql: Uint8Array, statement: Statement): Promise<PreparedStatement> {
    const place = this.placeOf(statement);
    const session = await this.reach(place);
    try {
      return routed(sql, statement, session, await session.prepare(sql));
    } catch (error) {
      if (this.isThere(statement, place)) throw error;
      return this.prepareAt(sql, statement);
    }
  }

  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
  ): Promise<void> | undefined {
    if (!('made' in statement)) return this.seen.execute(statement, parameters, sink);
    const routed = statement as RoutedStatement;
    const elsewhere = (): Promise<void> | undefined => this.execute(statement, parameters, sink);
    const atHome = this.isPlain && routed.made.get(this.main);
    if (atHome) return this.main.execute(atHome, parameters, sink, elsewhere);
    return this.run(routed.statement, sink, (session) => {
      const made = routed.made.get(session);
      if (made) return session.execute(made, parameters, sink, elsewhere);
      return this.prepareAgain(routed, session).then((again) => session.execute(again, parameters, sink, elsewhere));
    });
  }

  /** Another session than before runs it. */
  private async prepareAgain(routed: RoutedStatement, session: Running): Promise<PreparedStatement> {
    const prepared = await session.prepare(routed.sql);
    routed.made.clear();
    routed.made.set(session, prepared);
    return prepared;
  }

  useDatabase(name: string): void | Promise<void> {
    return this.seen.useDatabase(name);
  }

  listFields(table: string, wildcard: string): readonly ColumnDefinition[] | Promise<readonly ColumnDefinition[]> {
    const placement = this.gateway.placementOf(this.database);
    if (!placement && !this.remote) return this.main.listFields(table, wildcard);
    const listed = async (): Promise<readonly ColumnDefinition[]> => {
      const session = await this.reach({ kind: 'group', placement, inMain: false });
      return session.listFields(table, wildcard);
    };
    return listed();
  }

  reset(): void {
    this.leave();
    for (const session of this.here()) session.letGo();
    this.main.reset();
  }

  close(): void {
    this.leave();
    for (const session of this.own.values()) session.close();
    this.own.clear();
    this.main.close();
  }

  private leave(): void {
    this.remote?.session.close();
    this.remote = undefined;
  }

  /** At the node that the session is to leave. Throws SqlError. */
  image(): Uint8Array {
    if (this.remote) throw unsupported('moving a session on');
    return imageOf(this.here());
  }

  kill(connection: boolean): void {
    this.main.kill(connection);
  }

  // Where a statement runs

  private here(): EngineSession[] {
    return [this.main, ...this.own.values()];
  }

  private placeOf(statement: Statement): Place {
    const about = aboutOf(statement, this.scope());
    if (about.kind === 'node') return { kind: 'home' };
    const placements = new Set([...about.names].map((name) => this.gateway.placementOf(name)));
    if (placements.size === 0) return { kind: 'anywhere' };
    if (placements.size > 1)
      throw unsupported('statements over databases of different replication groups (p2pdb:replicas, p2pdb:group=own)');
    const [placement] = placements;
    return { kind: 'group', placement, inMain: about.kind === 'all' };
  }

  private scope(): Scope {
    const { state } = this.main;
    const parse = (text: string): Statement | undefined => {
      try {
        return parseNext(text, 0, state.parseOptions).statement;
      } catch (error) {
        if (error instanceof SqlError) return undefined;
        throw error;
      }
    };
    return {
      database: this.database,
      prepared: (name) => state.prepared.get(name)?.parsed.statement,
      parse: (source) =>
        parse(typeof source === 'string' ? source : String(this.main.userVariable(source.name)?.value)),
    };
  }

  /** Runs a statement in the session that `work` is given. Never rejects: what goes wrong is told to the sink. */
  private run(
    statement: Statement,
    sink: ResultSink,
    work: (session: Running) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    try {
      const place = this.placeOf(statement);
      const moving = this.reach(place);
      if (moving instanceof Promise) {
        return moving
          .then((session) =>
            this.isThere(statement, place)
              ? this.runIn(session, statement, place, work)
              : this.run(statement, sink, work),
          )
          .catch((error: unknown) => this.main.fail(error, sink));
      }
      const running = this.runIn(moving, statement, place, work);
      return running?.catch((error: unknown) => this.main.fail(error, sink));
    } catch (error) {
      return this.main.fail(error, sink);
    }
  }

  /** The databases went nowhere while the session moved. */
  private isThere(statement: Statement, place: Place): boolean {
    if (place.kind !== 'group') return true;
    const now = this.placeOf(statement);
    return now.kind === 'group' && now.placement?.group === place.placement?.group;
  }

  private runIn(
    session: Running,
    statement: Statement,
    place: Place,
    work: (session: Running) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    if (!(session instanceof EngineSession)) return this.runAway(session, work);
    if (this.own.size === 0) return work(session);
    const { runner, first } = runnerOf(statement, session, this.here(), place.kind === 'group');
    return first ? first.then(() => work(runner)) : work(runner);
  }

  private async runAway(remote: RemoteSession, work: (session: Running) => Promise<void> | undefined): Promise<void> {
    const { state } = this.main;
    state.command = 'Query';
    state.since = Date.now();
    state.cancelWait = () => remote.kill(true);
    try {
      await work(remote);
    } finally {
      state.command = 'Sleep';
      state.since = Date.now();
      state.cancelWait = undefined;
      // What the client had set there is lost: it is to begin anew, as after the loss of its own node.
      if (remote.isGone) this.onKill?.();
    }
  }

  /** The session that runs at a place. Throws, or rejects with, SqlError. */
  private reach(place: Place): Running | Promise<Running> {
    const { remote } = this;
    if (place.kind === 'home') return this.main;
    if (place.kind === 'anywhere') return remote?.session ?? this.main;
    const { placement, inMain } = place;
    if (placement && !inMain) this.checkTransaction();
    const found = placement && this.gateway.hosted.find(placement, (group) => this.isBound(group));
    // Clients of a node that has yet to receive the data stay with those who have it.
    const hosted = found && !found.isReady && found.engine.isNew && !this.isGuest ? undefined : found;
    if (remote) {
      if (placement && !hosted && placement.hosts.includes(remote.node)) return remote.session;
      return this.comeHome(remote).then((isHome) => (isHome ? this.reach(place) : remote.session));
    }
    if (!placement) {
      this.checkOpen();
      return this.main;
    }
    if (hosted && inMain) return this.main;
    if (hosted?.isReady) return this.sessionIn(hosted);
    const opening = hosted?.ready ?? this.gateway.hosted.opening(placement);
    return opening ? this.whenOpen(placement, opening, place) : this.goTo(placement);
  }

  /** Throws 1213 where the transaction's snapshot, or its locks, may be of a database that has left `main` since. */
  private checkTransaction(): void {
    const { transaction, owner } = this.main;
    if (!transaction || transaction.movedAway === this.gateway.core.movedAway) return;
    if (transaction.snapshot === undefined && !owner.holdsAny) return;
    for (const session of this.here()) session.rollback();
    const went = 'A database went to a replication group of its own since the transaction began';
    throw new SqlError(1213, '40001', `${went}; try restarting transaction`);
  }

  /** Throws 1213 where the transaction has begun in a group that was closed since: its database may have come to `main`. */
  private checkOpen(): void {
    for (const [name, known] of this.own) {
      if (this.gateway.hosted.isOpen(name, known.core)) continue;
      if (known.transaction) this.lose(name, known);
      known.letGo();
      this.own.delete(name);
    }
  }

  /** To a group that its node is about to leave: it came here for it, or has a transaction open. */
  private isBound({ name }: HostedGroup): boolean {
    return this.isGuest || this.own.get(name)?.transaction !== undefined;
  }

  /** Throws 1213: the group was closed and opened again since, and what the transaction had done there is gone. */
  private lose(name: string, known: EngineSession): never {
    known.letGo();
    this.own.delete(name);
    for (const session of this.here()) session.rollback();
    throw new SqlError(
      1213,
      '40001',
      'The database was closed, or opened again, since the transaction began; try restarting transaction',
    );
  }

  private sessionIn({ name, engine }: HostedGroup): EngineSession {
    const known = this.own.get(name);
    if (known?.core === engine.core) return known;
    if (known?.transaction) this.lose(name, known);
    known?.letGo();
    const { id, account, client, state } = this.main;
    const session = new EngineSession(id, engine.core, account, client, state);
    engine.core.sessions.set(id, session);
    this.own.set(name, session);
    return session;
  }

  /** The group has only just been opened, or closed. */
  private async whenOpen(placement: PlacementDef, open: Promise<void>, place: Place): Promise<Running> {
    const cause = `database '${this.gateway.nameOf(placement)}' has yet to be opened on the node`;
    await this.main.core.group.within(this.main, open, () => 'The statement can be tried again.', undefined, cause);
    return this.reach(place);
  }

  private async goTo(placement: PlacementDef): Promise<Running> {
    const image = imageOf(this.here());
    const { node, session } = await this.gateway.openAt(placement, this.main, image);
    for (const one of this.here()) one.letGo();
    session.onKill = () => this.onKill?.();
    session.multiStatements = this.multiStatements;
    this.remote = { node, session };
    return session;
  }

  /** False where the session holds something that cannot be moved: it stays. */
  private async comeHome(remote: { readonly session: RemoteSession }): Promise<boolean> {
    if (remote.session.status().inTransaction) return false;
    let image: Uint8Array;
    try {
      image = await remote.session.image();
    } catch (error) {
      if (error instanceof SqlError && error.errno === 1235) return false;
      throw error;
    }
    await adoptImage(this.main, image);
    this.leave();
    return true;
  }
}
