import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { SwarmIdentity } from '../../../node/discovery/index.ts';
import {
  allUp,
  cluster,
  hostPort,
  makeNode,
  newSwarm,
  stopAll,
  type TestNode,
  type TestNodeSettings,
} from './support.ts';

/** The same node again: key, folder and members, at another port. */
const again = (
  swarm: SwarmIdentity,
  node: TestNode,
  nodes: readonly TestNode[],
  settings: TestNodeSettings,
): TestNode => makeNode(swarm, { privateKey: node.seed, members: nodes.map((n) => n.id), ...settings });

describe('discovery', () => {
  it('connects five nodes with each other from one bootstrap address', async () => {
    const nodes = await cluster(newSwarm(), 5);
    try {
      await allUp(nodes);
    } finally {
      await stopAll(nodes);
    }
  });

  it('finds a node again that came back at another port, without bootstrap addresses', async () => {
    const swarm = newSwarm();
    const folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-net-'));
    const nodes = await cluster(swarm, 3);
    try {
      await allUp(nodes);
      const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
      await c.network.stop();
      await Promise.all([a, b].map((n) => n.until(() => !n.up.has(c.id), 'c is down')));
      // It knows one of the two only, and the other one finds it by the DHT.
      const c2 = again(swarm, c, nodes, { bootstrap: [hostPort(a)], dataFolder: folder });
      nodes[2] = c2;
      await c2.network.start();
      await allUp(nodes);
      // Both have told it where they listen, and it has kept that.
      const kept = (): string[] => {
        const file = path.join(folder, 'peers.json');
        return existsSync(file) ? Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object).sort() : [];
      };
      await c2.until(() => kept().join() === [a.id, b.id].sort().join(), 'the addresses are kept');
      await c2.network.stop();
      // From now on it knows them by itself.
      const c3 = again(swarm, c, nodes, { dataFolder: folder });
      nodes[2] = c3;
      await c3.network.start();
      await allUp(nodes);
    } finally {
      await stopAll(nodes);
      rmSync(folder, { recursive: true });
    }
  });

  it('finds all members from one bootstrap address after every address changed', async () => {
    const swarm = newSwarm();
    const folders = Array.from({ length: 4 }, () => mkdtempSync(path.join(tmpdir(), 'p2pdb-net-')));
    const nodes = await cluster(swarm, 4);
    const members = [...nodes];
    try {
      await allUp(nodes);
      await stopAll(nodes);
      for (const round of [1, 2]) {
        const fresh: TestNode[] = [];
        for (const [i, node] of members.entries()) {
          const bootstrap = fresh[0] ? [hostPort(fresh[0])] : [];
          const next = again(swarm, node, members, { bootstrap, dataFolder: folders[i]! });
          await next.network.start();
          fresh.push(next);
        }
        nodes.splice(0, nodes.length, ...fresh);
        await allUp(nodes);
        if (round === 1) await stopAll(nodes);
      }
    } finally {
      await stopAll(nodes);
      for (const folder of folders) rmSync(folder, { recursive: true });
    }
  });

  it('tries all addresses of a bootstrap name', async () => {
    const swarm = newSwarm();
    const a = makeNode(swarm);
    await a.network.start();
    const port = hostPort(a).split(':')[1];
    const b = makeNode(swarm, { bootstrap: [`localhost:${port}`], members: [a.id] });
    a.network.setMembers([b.id]);
    try {
      await b.network.start();
      await allUp([a, b]);
    } finally {
      await stopAll([a, b]);
    }
  });

  it('tells what is wrong with its settings', async () => {
    const swarm = newSwarm();
    const a = makeNode(swarm);
    await a.network.start();
    const port = Number(hostPort(a).split(':')[1]);
    try {
      const b = makeNode(swarm, { listen: { host: '127.0.0.1', port } });
      await assert.rejects(b.network.start(), { name: 'NetworkError', code: 'LISTEN_FAILED' });
      const c = makeNode(swarm, { bootstrap: ['nowhere'] });
      await assert.rejects(c.network.start(), { name: 'NetworkError', code: 'BAD_OPTIONS' });
      assert.throws(() => makeNode(swarm, { privateKey: new Uint8Array(5) }), { code: 'BAD_OPTIONS' });
    } finally {
      await a.network.stop();
    }
  });
});
