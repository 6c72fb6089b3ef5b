/** Listens, admits connections, and ends those that are idle, stuck or unwanted. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { PasswordCache } from './auth/caching-sha2.ts';
import { LoginThrottle } from './auth/throttle.ts';
import { Connection } from './connection.ts';
import type { Log, ServerContext } from './context.ts';
import { type Figures, newFigures } from './figures.ts';
import { Output } from './output.ts';
import type { Engine } from './ports.ts';
import { writeError } from './replies.ts';
import { loadSecureContext, ownCertificate, rsaKeys, type TlsFiles } from './tls.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Where the server keeps keys that it makes itself; without it, RSA keys live as long as the process. */
  readonly keyFolder?: string | undefined;
  /** Certificate and key to use; `auto`: made in keyFolder; `off`: no TLS. */
  readonly tls: TlsFiles | 'auto' | 'off';
  readonly connectTimeoutSeconds?: number | undefined;
  /** max_prepared_stmt_count, of all connections. */
  readonly preparedStatementMax?: number | undefined;
  /** Several processes or threads may listen on the port. */
  readonly reusePort?: boolean | undefined;
  readonly backlog?: number | undefined;
  /** Gives ids of connections where several servers share an engine; else the server counts by itself. */
  readonly nextId?: (() => number) | undefined;
}

export interface RunningServer {
  readonly address: AddressInfo;
  readonly figures: Figures;
  /** An id for a session that is opened without a connection (admin HTTP), apart from those of all connections. */
  nextSessionId(): number;
  /** ALTER INSTANCE RELOAD TLS: new connections use the files as they are now. */
  reloadTls(): Promise<void>;
  /** FLUSH PRIVILEGES: logins take the full path again. */
  forgetPasswords(): void;
  /** Stops listening, lets running commands answer for up to `graceMs`, ends all connections. */
  close(graceMs?: number): Promise<void>;
}

const CONNECT_TIMEOUT_SECONDS = 10;
const PREPARED_MAX = 16_382;
const SWEEP_MS = 1_000;

export async function startServer(options: ServerOptions, engine: Engine, log: Log): Promise<RunningServer> {
  const tls = await tlsFiles(options);
  const state = {
    seconds: 0,
    secure: tls === undefined ? undefined : await loadSecureContext(tls),
  };
  const figures = newFigures();
  const connections = new Map<number, Connection>();
  const cache = new PasswordCache();
  const context: ServerContext = {
    engine,
    log,
    figures,
    throttle: new LoginThrottle(),
    keys: { cache, rsa: await rsaKeys(options.keyFolder) },
    tls: tls !== undefined,
    get seconds() {
      return state.seconds;
    },
    statementCount: 0,
    statementMax: options.preparedStatementMax ?? PREPARED_MAX,
    secureContext: () => state.secure as SecureContext,
    closed(connection) {
      if (connections.delete(connection.id)) figures.connections = connections.size;
    },
  };

  let lastId = 0;
  const count = (): number => {
    do lastId = lastId >= 0xffff_fff0 ? 1 : lastId + 1;
    while (connections.has(lastId));
    return lastId;
  };
  const nextId = options.nextId ?? count;
  const admit = (accepted: Socket): void => {
    if (connections.size >= engine.maxConnections) {
      figures.refused++;
      refuse(accepted);
      return;
    }
    figures.accepted++;
    const connection = new Connection(nextId(), accepted, context);
    connections.set(connection.id, connection);
    figures.connections = connections.size;
    connection.start();
  };

  const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, admit);
  await listen(server, options);
  const started = performance.now();
  const sweeper = setInterval(() => {
    state.seconds = Math.round((performance.now() - started) / 1000);
    for (const connection of connections.values()) sweep(connection, state.seconds, options);
  }, SWEEP_MS);
  sweeper.unref();
  const address = server.address() as AddressInfo;
  log.info({ host: address.address, port: address.port, tls: tls !== undefined }, 'MySQL protocol is served');

  return {
    address,
    figures,
    nextSessionId: nextId,
    async reloadTls() {
      if (tls !== undefined) state.secure = await loadSecureContext(tls);
    },
    forgetPasswords: () => cache.clear(),
    async close(graceMs = 5_000) {
      clearInterval(sweeper);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections.values()) {
        connection.dismiss(1053, '08S01', 'Server shutdown in progress');
        // Those that run a command end with its answer; those still logging in have nothing to lose.
        if (connection.session === undefined) connection.destroy();
        else connection.kill();
      }
      const timer = setTimeout(() => {
        for (const connection of connections.values()) connection.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function tlsFiles(options: ServerOptions): Promise<TlsFiles | undefined> {
  if (options.tls === 'off') return undefined;
  if (options.tls !== 'auto') return options.tls;
  if (options.keyFolder === undefined) throw new Error('TLS with own certificates needs a folder for them');
  return ownCertificate(options.keyFolder, new Date());
}

function listen(server: Server, options: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      {
        host: options.host,
        port: options.port,
        backlog: options.backlog ?? 511,
        ...(options.reusePort === true ? { reusePort: true } : {}),
      },
      () => {
        server.removeListener('error', reject);
        resolve();
      },
    );
  });
}

/** Error 1040 in place of a greeting. */
function refuse(socket: Socket): void {
  const out = new Output();
  writeError(out, 1040, '08004', 'Too many connections');
  socket.on('error', () => undefined);
  socket.end(Buffer.from(out.buffer.subarray(0, out.position)));
  out.clear(false);
  socket.resume();
  setTimeout(() => socket.destroy(), SWEEP_MS).unref();
}

function sweep(connection: Connection, seconds: number, options: ServerOptions): void {
  const { session, channel } = connection;
  if (session === undefined) {
    const limit = options.connectTimeoutSeconds ?? CONNECT_TIMEOUT_SECONDS;
    if (seconds - connection.lastActive > limit) connection.destroy();
    return;
  }
  if (channel.blocked) {
    if (channel.blockedSince === 0) channel.blockedSince = seconds;
    else if (seconds - channel.blockedSince > session.variable('net_write_timeout')) connection.destroy();
    return;
  }
  channel.blockedSince = 0;
  if (connection.idle && seconds - connection.lastActive > session.variable('wait_timeout')) {
    connection.dismiss(
      4031,
      'HY000',
      'The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for configuring this behavior.',
    );
  }
}
