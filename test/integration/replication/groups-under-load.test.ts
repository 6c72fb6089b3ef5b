/** A database with a replication group of its own, written through all nodes while its hosts are killed and others come. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster, type NodeStatus } from '../../support/cluster.ts';
import { seeded } from '../../support/crash.ts';

const NODES = [0, 1, 2] as const;
/** Rows that are acknowledged before the next thing happens. */
const CALM = 60;
/** What a client is told where nothing can be done now, or nobody knows what was done. */
const REFUSALS = [1053, 1213, 1429, 3101];

/** Resolves once these nodes host the database, and hold the same of it. */
const sameOn = (cluster: TestCluster, hosts: readonly number[]): Promise<unknown> =>
  cluster.until((all) => {
    const groups = hosts.map((host) => all[host]?.databaseGroups[0]);
    const positions = new Set(groups.map((group) => `${group?.final.height} ${group?.digest}`));
    return positions.size === 1 && groups.every((group) => group?.ready && group.tentative === 0);
  }, 'the hosts hold the same');

/** A client of each node inserts rows, and keeps a ledger of those that were acknowledged. */
class Writers {
  readonly acknowledged: number[] = [];
  private readonly cluster: TestCluster;
  private readonly stopping = new AbortController();
  private readonly writing: Promise<unknown>;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
    this.writing = Promise.all(NODES.map((node) => this.write(node)));
    // Whoever waits is told; where a test ended before, nobody does.
    this.writing.catch(() => undefined);
  }

  async connected(node: number): Promise<Connection> {
    for (;;) {
      try {
        return await this.cluster.connect(node);
      } catch (error) {
        if (this.stopping.signal.aborted) throw error;
        await sleep(50);
      }
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async write(node: number): Promise<void> {
    let own = await this.connected(node);
    for (let v = node; !this.stopping.signal.aborted; v += NODES.length) {
      try {
        await own.query('INSERT INTO own.t (v) VALUES (?)', [v]);
        this.acknowledged.push(v);
      } catch (error) {
        const { errno = 0, message } = error as { errno?: number; message: string };
        if (/clos|lost|ECONN|EPIPE/.test(message)) own = await this.connected(node);
        else assert.ok(REFUSALS.includes(errno), `${errno} ${message}`);
      }
      await sleep(5);
    }
  }

  /** Resolves once so many more rows were acknowledged. */
  async calm(): Promise<void> {
    const enough = this.acknowledged.length + CALM;
    while (this.acknowledged.length < enough) await Promise.race([sleep(20), this.writing]);
  }

  /** Ends, and resolves once these nodes hold the same, and in it every row that was acknowledged, once. */
  async settle(t: TestContext, hosts: readonly number[]): Promise<void> {
    this.stop();
    await this.writing;
    await sameOn(this.cluster, hosts);
    const [rows] = await (await this.connected(2)).query<RowDataPacket[]>('SELECT v FROM own.t');
    const there = new Set(rows.map((row) => row['v'] as number));
    assert.deepEqual(
      this.acknowledged.filter((v) => !there.has(v)),
      [],
    );
    assert.equal(there.size, rows.length);
    t.diagnostic(`${this.acknowledged.length} rows acknowledged, ${rows.length} there`);
  }
}

async function started(t: TestContext, hosts: readonly number[]): Promise<{ cluster: TestCluster; writers: Writers }> {
  const cluster = await TestCluster.start();
  t.after(() => cluster.stop());
  const c = await cluster.connect(2);
  await c.query(`CREATE DATABASE own COMMENT 'p2pdb:replicas=${hosts.map((host) => `n${host}`).join()}'`);
  await c.query('CREATE TABLE own.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)');
  await cluster.converged();
  await sameOn(cluster, hosts);
  const writers = new Writers(cluster);
  t.after(() => writers.stop());
  return { cluster, writers };
}

/** While the first host is away, the others decide; then all of them are the same, and nothing is lost. */
async function bearsTheLossOfTheFirst(
  t: TestContext,
  cluster: TestCluster,
  writers: Writers,
  by: Connection,
): Promise<void> {
  await cluster.kill(0, 'SIGKILL');
  await writers.calm();
  await by.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t (v) VALUES (-1)');
  await cluster.start(0);
  await writers.calm();
  await writers.settle(t, NODES);
}

it('loses no row that was acknowledged, on any node, while its hosts are killed', async (t) => {
  const { cluster, writers } = await started(t, [0, 1]);
  for (const host of [0, 1, 0]) {
    await writers.calm();
    await cluster.kill(host, 'SIGKILL');
    await writers.calm();
    await cluster.start(host);
  }
  await writers.calm();
  await writers.settle(t, [0, 1]);
});

it('comes to more nodes while it is written, and bears the loss of the first then', async (t) => {
  const { cluster, writers } = await started(t, [0]);
  const by = await cluster.connect(2);
  const hosts =
    (count: number, voters: number) =>
    (all: readonly NodeStatus[]): boolean => {
      const groups = all.slice(0, count).map(({ databaseGroups }) => databaseGroups[0]);
      return groups.every(
        (group) =>
          group?.ready &&
          group.votersDecide &&
          group.members.length === count &&
          group.members.filter(({ voter }) => voter).length === voters,
      );
    };
  await writers.calm();
  await by.query("ALTER DATABASE own COMMENT 'p2pdb:replicas=n0,n1'");
  await cluster.until(hosts(2, 1), 'two host it');
  await writers.calm();
  await by.query("ALTER DATABASE own COMMENT 'p2pdb:group=own'");
  await cluster.until(hosts(3, 3), 'three host it, and vote');
  await writers.calm();
  await bearsTheLossOfTheFirst(t, cluster, writers, by);
});

/** Resolves once exactly these nodes host the database, and so many of them vote. */
const hosting =
  (hosts: readonly number[], voters: number) =>
  (all: readonly NodeStatus[]): boolean =>
    all.every(({ databaseGroups: [group] }, node) => {
      if (!hosts.includes(node)) return group === undefined;
      return (
        group?.ready &&
        !group.leaving &&
        group.votersDecide &&
        group.members.length === hosts.length &&
        group.members.filter(({ voter }) => voter).length === voters
      );
    });

it('is taken away from a node while it is written, and comes back to it', async (t) => {
  const { cluster, writers } = await started(t, NODES);
  const by = await cluster.connect(1);
  const folder = path.join(cluster.folder(2), 'groups', (await cluster.status(2)).databaseGroups[0]?.group ?? '');
  await cluster.until(hosting([0, 1, 2], 3), 'three host it, and vote');
  await writers.calm();
  await by.query("ALTER DATABASE own COMMENT 'p2pdb:replicas=n0,n1'");
  await cluster.until(hosting([0, 1], 1), 'two host it');
  await cluster.until(() => readdirSync(folder).join() === 'left.json', 'n2 keeps nothing else');
  await writers.calm();
  await by.query("ALTER DATABASE own COMMENT 'p2pdb:replicas=n0,n1,n2'");
  await cluster.until(hosting([0, 1, 2], 3), 'three host it again, and vote');
  // The vote of the one that came back counts, and it has all.
  await bearsTheLossOfTheFirst(t, cluster, writers, by);
});

it('is taken away and comes back, whoever is killed at whatever moment of it', async (t) => {
  const seed = Number(process.env['TEST_SEED'] ?? randomInt(1 << 30));
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seeded(seed);
  const { cluster, writers } = await started(t, NODES);
  await cluster.until(hosting([0, 1, 2], 3), 'three host it, and vote');
  // By the second host, which is never killed; the first one leads at times, the third one leaves.
  const by = await cluster.connect(1);
  for (const victims of [[2], [2, 0]]) {
    for (const [hosts, voters] of [
      [[0, 1], 1],
      [[0, 1, 2], 3],
    ] as const) {
      await writers.calm();
      await by.query(`ALTER DATABASE own COMMENT 'p2pdb:replicas=${hosts.map((n) => `n${n}`).join()}'`);
      for (const victim of victims) {
        await sleep(random() * 2500);
        await cluster.restart(victim);
      }
      await cluster.until(hosting(hosts, voters), `${hosts.join()} host it`);
    }
  }
  await writers.calm();
  await writers.settle(t, NODES);
});
