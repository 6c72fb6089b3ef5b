/** One statement that changes very many rows keeps the nodes busy for seconds; they answer meanwhile, and the cluster stays as it is. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestCluster } from '../../support/cluster.ts';

const ROWS = 500_000;
const ROWS_A_STATEMENT = 10_000;
const CONVERGE_MS = 180_000;
/** Of reads by key, to the time that the statement takes: how many processors there are for the three nodes decides of both. */
const READ_P99_OF_STATEMENT = 1 / 40;
const READ_MAX_OF_STATEMENT = 1 / 3;

it('a statement over 500,000 rows on the leader starts no election and loses no peer', async (t) => {
  const cluster = await TestCluster.start();
  try {
    const [{ leader } = {}] = await cluster.until(([s]) => s?.leader !== undefined, 'there is no leader', [0]);
    const node = Number(leader?.slice(1));
    const others = [0, 1, 2].filter((other) => other !== node);
    const c = await cluster.connect(node);
    await c.query('CREATE DATABASE big');
    await c.query('CREATE TABLE big.row (id INT PRIMARY KEY, v INT NOT NULL, c CHAR(20))');
    for (let from = 0; from < ROWS; from += ROWS_A_STATEMENT) {
      const values = Array.from({ length: ROWS_A_STATEMENT }, (_, i) => `(${from + i}, 0, NULL)`);
      await c.query(`INSERT INTO big.row VALUES ${values.join(',')}`);
    }
    await cluster.converged();
    const before = cluster.ballots(node).at(-1);

    const reads = new Reads(cluster);
    const started = performance.now();
    await c.query("UPDATE big.row SET v = v + 1, c = REPEAT('x', 20)");
    const took = performance.now() - started;
    await cluster.converged(undefined, CONVERGE_MS);
    const times = await reads.end();
    for (const [n, { p99, max, count }] of times.entries()) {
      t.diagnostic(
        `n${n}${n === node ? ', the author' : ''}: ${count} reads, p99 ${p99.toFixed()} ms, max ${max.toFixed()} ms`,
      );
      assert.ok(p99 < took * READ_P99_OF_STATEMENT && max < took * READ_MAX_OF_STATEMENT, `n${n} kept readers waiting`);
    }
    t.diagnostic(`it took ${took.toFixed()} ms, and ${(performance.now() - started).toFixed()} ms on all nodes`);
    await c.query("SET p2pdb_commit = 'final'");
    await c.query('UPDATE big.row SET v = 5 WHERE id = 7');
    await cluster.converged();
    for (const other of others) {
      const reader = await cluster.connect(other);
      const [rows] = await reader.query('SELECT SUM(v) AS sum FROM big.row');
      assert.deepEqual(rows, [{ sum: String(ROWS + 4) }]);
      assert.doesNotMatch(cluster.program(other).err, /a peer is gone/);
    }
    assert.equal(cluster.ballots(node).at(-1), before, 'there was an election');
  } finally {
    await cluster.stop();
  }
});

/** Reads rows by key on every node, one after the other. */
class Reads {
  private readonly loops: Promise<number[]>[];
  private ended = false;

  constructor(cluster: TestCluster) {
    this.loops = Array.from({ length: cluster.size }, (_, node) => this.loop(cluster, node));
  }

  private async loop(cluster: TestCluster, node: number): Promise<number[]> {
    const times: number[] = [];
    const connection = await cluster.connect(node);
    for (let id = 0; !this.ended; id = (id + 7919) % ROWS) {
      const start = performance.now();
      await connection.query(`SELECT v FROM big.row WHERE id = ${id}`);
      times.push(performance.now() - start);
      await sleep(2);
    }
    return times;
  }

  async end(): Promise<{ p99: number; max: number; count: number }[]> {
    this.ended = true;
    const all = await Promise.all(this.loops);
    return all.map((times) => {
      times.sort((a, b) => a - b);
      return { p99: times[Math.floor(times.length * 0.99)] ?? 0, max: times.at(-1) ?? 0, count: times.length };
    });
  }
}
