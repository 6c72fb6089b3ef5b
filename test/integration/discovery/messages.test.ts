import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { NodeId } from '../../../node/discovery/index.ts';
import { allUp, cluster, newSwarm, stopAll, type TestNode, type TestNodeSettings } from './support.ts';

/** How far a sender runs ahead of what the receiver has handled, over a link and over its lane: frames.ts. */
const WINDOW_BYTES = 4 << 20;
/** What the system keeps of a connection, at most, at both ends. */
const SYSTEM_BYTES = 16 << 20;

/** Two members, up; stopped when `body` ends. */
async function pair(
  settings: readonly [TestNodeSettings, TestNodeSettings],
  body: (a: TestNode, b: TestNode) => Promise<void>,
): Promise<void> {
  const nodes = await cluster(newSwarm(), 2, (i) => settings[i as 0 | 1]);
  try {
    await allUp(nodes);
    await body(...(nodes as [TestNode, TestNode]));
  } finally {
    await stopAll(nodes);
  }
}

for (const where of ['here', 'thread'] as const) {
  describe(`messages between two nodes (${where})`, () => {
    it('come whole and in order, small and large', async () => {
      const sent: Uint8Array[] = Array.from({ length: 2_000 }, (_, i) =>
        randomBytes(i % 100 === 0 ? 200_000 : i % 300),
      );
      sent.push(new Uint8Array(0), randomBytes(16 << 20), randomBytes(10));
      const got: Uint8Array[] = [];
      let drained = 0;
      const sender = { where, handler: { drained: () => void drained++ } };
      const receiver = { where, handler: { message: (_: NodeId, bytes: Uint8Array) => void got.push(bytes.slice()) } };
      await pair([sender, receiver], async (a, b) => {
        let next = 0;
        while (next < sent.length) {
          const before = drained;
          const outcome = a.network.send(b.id, sent[next]!);
          if (outcome === 'queued') next++;
          else await a.until(() => drained > before, 'the queue drains');
        }
        await b.until(() => got.length === sent.length, 'all came');
        for (const [i, bytes] of sent.entries())
          assert.deepEqual(Buffer.from(got[i]!), Buffer.from(bytes), `message ${i}`);
      });
    });

    it('wait at the sender, within bounds, while the receiver does not handle them', async () => {
      const queueBytesMax = 2 << 20;
      const message = new Uint8Array(50_000);
      let open: (() => void) | undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      let begun = 0;
      let drained = 0;
      const sender = { where, queueBytesMax, handler: { drained: () => void drained++ } };
      const receiver = {
        where,
        handler: {
          message: async () => {
            begun++;
            await gate;
          },
        },
      };
      await pair([sender, receiver], async (a, b) => {
        let queued = 0;
        // Until the receiver's window and then the queue are full, and stay so.
        for (let full = 0; full < 5;) {
          if (a.network.send(b.id, message) === 'queued') {
            queued++;
            full = 0;
            if (queued % 8 === 0) await setTimeout(0);
          } else {
            full++;
            await setTimeout(50);
          }
        }
        assert.ok(
          queued * message.length < queueBytesMax + 2 * WINDOW_BYTES + SYSTEM_BYTES,
          `${queued} messages were taken`,
        );
        assert.ok(begun * message.length < 2 * WINDOW_BYTES + (1 << 20), `${begun} messages came`);
        const before = drained;
        assert.ok(a.network.peers()[0]!.queueBytes <= queueBytesMax);
        open?.();
        await b.until(() => begun === queued, 'all came');
        await a.until(() => drained > before && a.network.peers()[0]!.queueBytes === 0, 'the queue is empty');
      });
    });

    it('of a peer that stalls do not hold up another one', async () => {
      const stalls = { where, handler: { message: () => new Promise<void>(() => undefined) } };
      const drained = new Map<NodeId, number>();
      const handler = { drained: (id: NodeId) => void drained.set(id, (drained.get(id) ?? 0) + 1) };
      const nodes = await cluster(newSwarm(), 3, (i) =>
        i === 0 ? stalls : { where, queueBytesMax: 1 << 20, handler },
      );
      const [stalled, quick, sender] = nodes as [TestNode, TestNode, TestNode];
      try {
        await allUp(nodes);
        let got = 0;
        quick.onMessage = () => void got++;
        const message = new Uint8Array(50_000);
        for (let i = 0; i < 1_000; i++) {
          sender.network.send(stalled.id, message);
          // The word that it has left may come later than the message itself.
          while (sender.network.send(quick.id, message) !== 'queued') {
            const before = drained.get(quick.id);
            await sender.until(() => drained.get(quick.id) !== before, 'the queue of the quick one drains');
          }
          await quick.until(() => got === i + 1, 'the quick one has it');
        }
        assert.equal(sender.network.send(stalled.id, new Uint8Array(1 << 20)), 'full');
        assert.ok(sender.up.has(stalled.id), 'who is slow is not down');
      } finally {
        await stopAll(nodes);
      }
    });
  });
}
