/** Three nodes of this program on loopback, as programs of their own. */
import { TestCluster, type ClusterOptions } from '../../support/cluster.ts';
import { sql, type Servers } from './sysbench.ts';

export type CommitLevel = 'local' | 'replicated' | 'final';

export class Ours implements Servers {
  readonly name = 'P2PDB';
  readonly user = 'bench';
  readonly password = 'bench';
  readonly cluster: TestCluster;
  readonly ports: readonly number[];

  private constructor(cluster: TestCluster, ports: readonly number[]) {
    this.cluster = cluster;
    this.ports = ports;
  }

  static async start(env: ClusterOptions['env'] = {}): Promise<Ours> {
    const cluster = await TestCluster.start({ nodes: 3, env });
    const ports = await Promise.all([0, 1, 2].map((node) => cluster.program(node).ready()));
    const ours = new Ours(cluster, ports);
    try {
      await cluster.until(
        (statuses) => statuses.every((status) => status.peers === 2 && status.leader !== undefined),
        'the nodes did not meet',
      );
      const root = await cluster.connect(0);
      // A password that clients without TLS send as they always did.
      await root.query("create user bench@'%' identified with mysql_native_password by 'bench'");
      await root.query("grant all on *.* to bench@'%'");
      await root.query('create database sbtest');
      await ours.settled();
    } catch (error) {
      await ours.stop();
      throw error;
    }
    return ours;
  }

  /** What OK means for the sessions that come. */
  commitAt(level: CommitLevel, nodes?: readonly number[]): Promise<void> {
    return this.setGlobal('p2pdb_commit', level, nodes);
  }

  /** A variable of the sessions that come. */
  async setGlobal(variable: string, value: string, nodes: readonly number[] = [0, 1, 2]): Promise<void> {
    for (const port of nodes.map((node) => this.ports[node]))
      await sql(this, `set global ${variable} = '${value}'`, port);
  }

  /** The node that leads the decisions. */
  async leader(): Promise<number> {
    const { leader } = await this.cluster.status(0);
    return Number(leader?.slice(1));
  }

  /** Resolves when all nodes have applied and ordered all they know. */
  async settled(): Promise<void> {
    await this.cluster.converged(undefined, 300_000);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }
}
