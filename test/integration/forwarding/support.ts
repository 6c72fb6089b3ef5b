/** A front door whose sessions run at another node: MySQL protocol here, engine there, a link between them. */
import mysql from 'mysql2/promise';
import { NEAR, FAR, Link } from '../../support/link.ts';
import { ROOT_PASSWORD, startTestNode, type TestNode } from '../../support/node.ts';
import type { EngineSession } from '../../../node/engine/index.ts';
import type { MovableSession, RemoteSession } from '../../../node/forwarding/index.ts';
import {
  startServer,
  type Account,
  type ClientInfo,
  type Engine,
  type ParameterValue,
  type PreparedStatement,
  type ResultSink,
  type RunningServer,
  type Session,
} from '../../../node/server/index.ts';
import { SqlError } from '../../../node/sql/index.ts';
import { silentLog } from '../server/fake-engine.ts';

/** Opens the session at the other node with its client's first command. */
class LazySession implements Session {
  readonly id: number;
  readonly client: ClientInfo;
  multiStatements = false;
  onKill: (() => void) | undefined;
  remote: RemoteSession | undefined;
  private readonly open: () => Promise<RemoteSession>;
  private isClosed = false;

  constructor(id: number, client: ClientInfo, open: () => Promise<RemoteSession>) {
    this.id = id;
    this.client = client;
    this.open = open;
  }

  private async opened(): Promise<RemoteSession> {
    if (!this.remote) {
      this.remote = await this.open();
      this.remote.onKill = () => this.onKill?.();
      if (this.isClosed) this.remote.close();
    }
    this.remote.multiStatements = this.multiStatements;
    return this.remote;
  }

  get database(): string {
    return this.remote?.database ?? this.client.database;
  }
  get clientCharset(): string {
    return this.remote?.clientCharset ?? 'utf8mb4';
  }
  get resultsCharset(): string {
    return this.remote?.resultsCharset ?? 'utf8mb4';
  }
  status() {
    return this.remote?.status() ?? { inTransaction: false, autocommit: true, noBackslashEscapes: false };
  }
  variable(name: Parameters<Session['variable']>[0]): number {
    return this.remote?.variable(name) ?? (name === 'max_allowed_packet' ? 1 << 26 : 60);
  }
  takeChanges() {
    return this.remote?.takeChanges() ?? [];
  }
  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    if (this.remote) {
      this.remote.multiStatements = this.multiStatements;
      return this.remote.query(sql, sink);
    }
    const own = new Uint8Array(sql);
    return this.opened().then(
      (remote) => remote.query(own, sink),
      (error: unknown) => sink.error(error as SqlError),
    );
  }
  async prepare(sql: Uint8Array): Promise<PreparedStatement> {
    const own = new Uint8Array(sql);
    return (await this.opened()).prepare(own);
  }
  execute(statement: PreparedStatement, parameters: readonly ParameterValue[], sink: ResultSink) {
    return (this.remote as RemoteSession).execute(statement, parameters, sink);
  }
  async useDatabase(name: string): Promise<void> {
    await (await this.opened()).useDatabase(name);
  }
  async listFields(table: string, wildcard: string) {
    return (await this.opened()).listFields(table, wildcard);
  }
  async reset(): Promise<void> {
    await (await this.opened()).reset();
  }
  close(): void {
    this.isClosed = true;
    this.remote?.close();
  }
}

/** The engine's session, as one whose settings could go on to a third node. */
function movable(session: EngineSession): MovableSession {
  return Object.assign(session, { image: () => new TextEncoder().encode(session.database) });
}

export interface Forwarded {
  readonly node: TestNode;
  readonly link: Link;
  /** Sessions of the front door, by id. */
  readonly sessions: ReadonlyMap<number, { readonly remote: RemoteSession | undefined }>;
  readonly internalErrors: unknown[];
  connect(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  stop(): Promise<void>;
}

export async function startForwarded(): Promise<Forwarded> {
  const node = await startTestNode(['--local-infile=on']);
  const { core } = node.node.engine;
  const internalErrors: unknown[] = [];
  const onInternalError = (error: unknown): void => void internalErrors.push(error);
  const nowhere = (): Promise<never> => Promise.reject(new SqlError(1105, 'HY000', 'nothing is hosted here'));
  const link = new Link(
    { openSession: nowhere, onInternalError },
    {
      openSession: async (who, client, image) => {
        const account = core.findAccount(who.user, client.address);
        if (!account) throw new SqlError(1045, '28000', `Access denied for user '${who.user}'@'${who.host}'`);
        const database = new TextDecoder().decode(image);
        return movable(core.openSession(node.node.server.nextSessionId(), account, { ...client, database }));
      },
      onInternalError,
    },
  );
  const sessions = new Map<number, LazySession>();
  const engine: Engine = {
    findAccount: (user, address) => core.findAccount(user, address),
    caughtUp: () => core.caughtUp(),
    openSession: (id: number, account: Account, client: ClientInfo) => {
      const image = new TextEncoder().encode(client.database);
      const session = new LazySession(id, client, () => link.near.open(FAR, account, client, image));
      sessions.set(id, session);
      return session;
    },
    statistics: () => core.statistics(),
    kill: (_by, id, queryOnly) => sessions.get(id)?.remote?.kill(queryOnly),
    version: core.version,
    maxConnections: 1000,
  };
  const server: RunningServer = await startServer({ host: '127.0.0.1', port: 0, tls: 'off' }, engine, silentLog);
  const connections = new Set<mysql.Connection>();
  return {
    node,
    link,
    sessions,
    internalErrors,
    async connect(options = {}) {
      const connection = await mysql.createConnection({
        host: '127.0.0.1',
        port: server.address.port,
        user: 'root',
        password: ROOT_PASSWORD,
        ...options,
      });
      connections.add(connection);
      return connection;
    },
    async stop() {
      for (const connection of connections) connection.destroy();
      await server.close(1000);
      link.near.stop();
      link.far.stop();
      await node.stop();
    },
  };
}

export { NEAR };
