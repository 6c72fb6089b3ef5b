/** One statement that changes very many rows keeps the nodes busy for seconds; the cluster stays as it is. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TestCluster } from '../../support/cluster.ts';

const ROWS = 500_000;
const ROWS_A_STATEMENT = 10_000;
const CONVERGE_MS = 180_000;

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

    const started = performance.now();
    await c.query("UPDATE big.row SET v = v + 1, c = REPEAT('x', 20)");
    const took = performance.now() - started;
    await cluster.converged(undefined, CONVERGE_MS);
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
