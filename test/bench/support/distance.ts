/** How soon a commit is final on nodes that are far from each other: all that they say to each other goes through relays. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TestCluster } from '../../support/cluster.ts';
import { Namespaces, noNamespaces } from '../../support/netns.ts';
import { milliseconds, percentile, type Measurement } from './measurement.ts';
import { Relay } from './relay.ts';

const NODES = [0, 1, 2] as const;
const ONE_WAY_MS = 50;
const PEERS_PORT = 7000;
const RELAY_PORT = 7100;
const CONNECTIONS = 10;
const PER_SECOND = 50;

export const distance: Measurement = {
  what: `final, ${ONE_WAY_MS} ms from node to node, ${PER_SECOND} writes/s: on the leader; on another (p50 / p99)`,
  peer: '',
  least: '250 ms',
  aim: '120 ms',
  async run({ seconds }) {
    const missing = noNamespaces();
    if (missing !== undefined) return { ours: `skipped: ${missing}` };
    const far = await FarCluster.start();
    try {
      const leader = await far.leader();
      const [there, elsewhere] = [await far.confirm(leader, seconds), await far.confirm((leader + 1) % 3, seconds)];
      return { ours: `${shown(there)}; ${shown(elsewhere)}` };
    } finally {
      await far.stop();
    }
  },
};

const shown = (times: readonly number[]): string =>
  `${milliseconds(percentile(times, 0.5))} / ${milliseconds(percentile(times, 0.99))}`;

/** Three nodes, each in a network namespace that has a way to this process only. */
class FarCluster {
  private readonly namespaces: Namespaces;
  private readonly relays: Relay[] = [];
  private cluster: TestCluster | undefined;
  private rows = 0;

  private constructor(namespaces: Namespaces) {
    this.namespaces = namespaces;
  }

  static async start(): Promise<FarCluster> {
    const far = new FarCluster(Namespaces.make(NODES.length));
    try {
      await far.launch();
    } catch (error) {
      await far.stop();
      throw error;
    }
    return far;
  }

  private async launch(): Promise<void> {
    const { namespaces } = this;
    const others = (node: number): number[] => NODES.filter((other) => other !== node);
    for (const node of NODES) {
      for (const other of others(node)) {
        const at = { host: namespaces.hereFor(node), port: RELAY_PORT + other };
        const target = { host: namespaces.clientHost(other), port: PEERS_PORT };
        this.relays.push(await Relay.listen(at, target, ONE_WAY_MS));
      }
    }
    this.cluster = await TestCluster.start({
      hostOf: (node) => namespaces.clientHost(node),
      prefixOf: (node) => namespaces.prefix(node),
      envOf: (node) => ({
        P2PDB_PEERS: `${namespaces.clientHost(node)}:${PEERS_PORT}`,
        P2PDB_BOOTSTRAP: others(node)
          .map((other) => `${namespaces.hereFor(node)}:${RELAY_PORT + other}`)
          .join(','),
      }),
    });
    await this.cluster.until(
      (statuses) => statuses.every((status) => status.peers === 2 && status.leader !== undefined),
      'the nodes did not meet',
    );
    const root = await this.cluster.connect(0);
    await root.query('create database far');
    await root.query('create table far.t (id int primary key, v varchar(100))');
    await this.cluster.converged();
  }

  async leader(): Promise<number> {
    const { leader } = await (this.cluster as TestCluster).status(0);
    return Number(leader?.slice(1));
  }

  /** Milliseconds that each commit takes whose OK means final. */
  async confirm(node: number, seconds: number): Promise<number[]> {
    const cluster = this.cluster as TestCluster;
    const times: number[] = [];
    const pauseMs = (1000 * CONNECTIONS) / PER_SECOND;
    const start = performance.now();
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, client) => {
        const connection = await cluster.connect(node);
        await connection.query("set p2pdb_commit = 'final'");
        for (let turn = client / CONNECTIONS; turn * pauseMs < seconds * 1000; turn++) {
          await sleep(Math.max(0, start + turn * pauseMs - performance.now()));
          const before = performance.now();
          await connection.query(`insert into far.t values (${++this.rows}, repeat('x', 100))`);
          times.push(performance.now() - before);
        }
        await connection.end();
      }),
    );
    return times;
  }

  async stop(): Promise<void> {
    await this.cluster?.stop();
    for (const relay of this.relays) await relay.stop();
    this.namespaces.remove();
  }
}
