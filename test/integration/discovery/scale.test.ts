import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allUp, cluster, newSwarm, stopAll } from './support.ts';

const NODES = 25;

describe(`${NODES} nodes on one machine`, () => {
  it('are all connected with each other within a minute, and stay so', async (t) => {
    const before = process.memoryUsage().rss;
    const start = performance.now();
    const downs: string[] = [];
    const nodes = await cluster(newSwarm(), NODES, () => ({ handler: { peerDown: (id) => void downs.push(id) } }));
    try {
      await allUp(nodes, 60_000);
      const seconds = (performance.now() - start) / 1_000;
      const megabytes = (process.memoryUsage().rss - before) / NODES / 1e6;
      t.diagnostic(`all connected after ${seconds.toFixed(1)} s; ${megabytes.toFixed(1)} MB a node`);
      assert.ok(seconds < 60);
      // Each hears from each, over links that were opened in any order.
      const heard = nodes.map(() => 0);
      for (const [i, node] of nodes.entries()) node.onMessage = () => void heard[i]!++;
      for (const from of nodes)
        for (const to of nodes) if (from !== to) assert.equal(from.network.send(to.id, new Uint8Array(10)), 'queued');
      await Promise.all(nodes.map((node, i) => node.until(() => heard[i] === NODES - 1, 'it heard all')));
      assert.deepEqual(downs, []);
    } finally {
      await stopAll(nodes);
    }
  });
});
