/** A whole node for tests: a temporary folder, free ports, connections of mysql2. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { pino } from 'pino';
import { loadConfig } from '../../node/config/index.ts';
import { startNode, type RunningNode } from '../../node/node.ts';

export const ROOT_PASSWORD = 'root password';

export interface TestNode {
  /** The data folder; it goes with `stop`. */
  readonly folder: string;
  readonly node: RunningNode;
  readonly port: number;
  /** A connection as root unless the options say otherwise; closed by `stop` when it is still open. */
  connect(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  /** Stops the node and starts one on the same folder; connections of before are gone. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** `flags`: settings as they stand on the command line, such as `--local-infile=on`. */
export async function startTestNode(flags: readonly string[] = []): Promise<TestNode> {
  const folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-node-'));
  const { config } = loadConfig(['--data', folder, '--mysql', '127.0.0.1:0', '--http', '127.0.0.1:0', ...flags], {});
  const start = (): Promise<RunningNode> =>
    startNode(config, ROOT_PASSWORD, pino({ level: 'error' }, pino.destination({ dest: 2, sync: true })));
  let node = await start();
  const connections = new Set<mysql.Connection>();
  const disconnect = (): void => {
    for (const connection of connections) connection.destroy();
    connections.clear();
  };
  return {
    folder,
    get node() {
      return node;
    },
    get port() {
      return node.server.address.port;
    },
    async connect(options = {}) {
      const connection = await mysql.createConnection({
        host: '127.0.0.1',
        port: node.server.address.port,
        user: 'root',
        password: ROOT_PASSWORD,
        ...options,
      });
      connections.add(connection);
      return connection;
    },
    async restart() {
      disconnect();
      await node.stop();
      node = await start();
    },
    async stop() {
      disconnect();
      await node.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
