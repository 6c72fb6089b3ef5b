import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { describe, it } from 'node:test';
import { identify } from '@libp2p/identify';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { ConnectionEncrypter, Libp2p } from '@libp2p/interface';
import { noise, type NoiseComponents } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { joinSwarm, makeToken, type JoinRequest, type NodeId } from '../../../node/discovery/index.ts';
import { allUp, cluster, hostPort, makeNode, newSwarm, stopAll, type TestNode } from './support.ts';

/** A libp2p node of somebody else's making. */
const stranger = async (encrypter: (components: NoiseComponents) => ConnectionEncrypter): Promise<Libp2p> =>
  createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp()],
    connectionEncrypters: [encrypter],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    connectionManager: { reconnectRetries: 0 },
  });

const withMembers = async (body: (nodes: [TestNode, TestNode]) => Promise<void>): Promise<void> => {
  const nodes = await cluster(newSwarm(), 2);
  try {
    await allUp(nodes);
    await body(nodes as [TestNode, TestNode]);
  } finally {
    await stopAll(nodes);
  }
};

describe('strangers', () => {
  it('who do not know the swarm’s key get no connection', async () => {
    await withMembers(async ([a]) => {
      const address = multiaddr(a.network.addresses[0]);
      const protocols = ['/noise', `/p2pdb/${a.swarm.id}/member/1`, `/p2pdb/${a.swarm.id}/join/1`];
      for (const protocol of protocols) {
        const libp2p = await stranger((components) => {
          const inner = noise()(components);
          // It speaks noise under the members' protocol's name, and then goes on as if it had been let in.
          return Object.assign(Object.create(inner) as ConnectionEncrypter, { protocol });
        });
        try {
          const connection = await libp2p.dial(address, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
          if (connection) {
            // Noise is all it got: no stream is ever answered.
            for (const name of [`/p2pdb/${a.swarm.id}/messages/1`, `/p2pdb/${a.swarm.id}/kad/1.0.0`, '/meshsub/1.1.0'])
              await assert.rejects(connection.newStream(name, { signal: AbortSignal.timeout(1_000) }));
          }
        } finally {
          await libp2p.stop();
        }
      }
      assert.equal(a.up.size, 1);
    });
  });

  it('who know the key but are no members are cut off at once, and told nothing', async () => {
    await withMembers(async ([a, b]) => {
      const gossip: unknown[] = [];
      const outsider = makeNode(a.swarm, {
        bootstrap: [hostPort(a), hostPort(b)],
        members: [a.id, b.id],
        handler: { gossip: (...args) => void gossip.push(args) },
      });
      try {
        outsider.network.subscribe('heads');
        await outsider.network.start();
        const timer = setInterval(() => a.network.announce('heads', randomBytes(8)), 50);
        await outsider.until(() => outsider.lines.filter((l) => l.includes('no answer')).length >= 4, 'it tried');
        clearInterval(timer);
        assert.equal(outsider.up.size, 0);
        assert.equal(gossip.length, 0);
        assert.deepEqual(
          a.network.peers().map((p) => p.id),
          [b.id],
        );
      } finally {
        await outsider.network.stop();
      }
    });
  });

  it('who send garbage change nothing', async () => {
    await withMembers(async ([a, b]) => {
      const [host, port] = hostPort(a).split(':');
      for (const size of [0, 1, 100, 100_000]) {
        const socket = createConnection(Number(port), host);
        socket.on('error', () => undefined);
        socket.end(randomBytes(size));
        socket.resume();
        await new Promise((resolve) => socket.on('close', resolve));
      }
      assert.deepEqual([...a.up], [b.id]);
    });
  });
});

describe('membership', () => {
  it('is won by a token', async () => {
    const swarm = newSwarm();
    const secret = randomBytes(16);
    const asked: JoinRequest[] = [];
    const members: NodeId[] = [];
    const a = makeNode(swarm, {
      handler: {
        joinRequest: async (request) => {
          asked.push(request);
          if (!secret.equals(request.secret)) return { kind: 'refused', reason: 'no such token' };
          members.push(request.node);
          a.network.setMembers(members);
          return { kind: 'accepted', members, addresses: a.network.addresses, welcome: Uint8Array.of(7) };
        },
      },
    });
    members.push(a.id);
    await a.network.start();
    const nodes = [a];
    try {
      // Who made the token may be gone: members elsewhere answer as well.
      const token = { swarm, bootstrap: ['127.0.0.1:1'], secret, expires: Date.now() + 60_000 };
      const seed = randomBytes(32);
      const refused = await joinSwarm(makeToken({ ...token, secret: randomBytes(16) }), seed, 'guesser', [hostPort(a)]);
      assert.deepEqual(refused, { kind: 'refused', reason: 'no such token' });
      const answer = await joinSwarm(makeToken(token), seed, 'newcomer', [hostPort(a)]);
      assert.equal(answer.kind, 'accepted');
      const b = makeNode(swarm, { privateKey: seed, members: answer.members, bootstrap: answer.addresses });
      assert.deepEqual(answer, {
        kind: 'accepted',
        members: [a.id, b.id],
        addresses: a.network.addresses,
        welcome: Uint8Array.of(7),
      });
      assert.deepEqual(
        asked.map((r) => [r.node, r.name]),
        [
          [b.id, 'guesser'],
          [b.id, 'newcomer'],
        ],
      );
      nodes.push(b);
      await b.network.start();
      await allUp(nodes);

      await assert.rejects(joinSwarm('nonsense', seed, 'x'), { code: 'BAD_TOKEN' });
      await assert.rejects(joinSwarm(makeToken({ ...token, expires: 1 }), seed, 'x'), { code: 'TOKEN_EXPIRED' });
      const wrongKey = makeToken({ ...token, swarm: { ...swarm, key: randomBytes(32) } });
      await assert.rejects(joinSwarm(wrongKey, seed, 'x'), { code: 'JOIN_UNREACHABLE' });
      assert.equal(asked.length, 2);
    } finally {
      await stopAll(nodes);
    }
  });

  it('ends with removal', async () => {
    const told: [number, NodeId][] = [];
    const nodes = await cluster(newSwarm(), 3, (index) => ({
      handler: { removed: (by) => void told.push([index, by]) },
    }));
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
    try {
      await allUp(nodes);
      for (const node of [a, b]) node.network.setMembers([a.id, b.id]);
      await c.until(() => c.up.size === 0, 'the removed one is alone');
      assert.equal(a.network.send(c.id, new Uint8Array(1)), 'unreachable');
      const before = c.lines.length;
      await c.until(() => c.lines.slice(before).filter((l) => l.includes('cannot be reached')).length >= 4, 'it tries');
      assert.equal(c.up.size, 0);
      assert.deepEqual([[...a.up], [...b.up]], [[b.id], [a.id]]);
      // Who does not know it, for it is behind, says nothing; who does tells it, also when it dials anew.
      assert.equal(told.length, 0);
      b.network.setMembers([a.id, b.id], [c.id]);
      await c.until(() => told.length >= 2, 'it is told');
      assert.ok(told.every(([index, by]) => index === 2 && by === b.id));
      // And comes back with membership.
      for (const node of [a, b]) node.network.setMembers([a.id, b.id, c.id]);
      await allUp(nodes);
    } finally {
      await stopAll(nodes);
    }
  });
});
