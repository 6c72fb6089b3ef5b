import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { hostPort, makeNode, newSwarm, type TestNode } from './support.ts';

/** Two members that know each other, up; stopped when `body` ends. */
async function pair(
  where: 'thread' | 'here',
  handlers: [TestHandler, TestHandler],
  body: (a: TestNode, b: TestNode) => Promise<void>,
): Promise<void> {
  const swarm = newSwarm();
  const a = await makeNode(swarm, { where, handler: handlers[0] });
  await a.network.start();
  const b = await makeNode(swarm, { where, handler: handlers[1], bootstrap: [hostPort(a)], members: [a.id] });
  a.network.setMembers([a.id, b.id]);
  try {
    await b.network.start();
    await Promise.all([a.until(() => a.up.has(b.id), 'b is up at a'), b.until(() => b.up.has(a.id), 'a is up at b')]);
    await body(a, b);
  } finally {
    await Promise.all([a.network.stop(), b.network.stop()]);
  }
}
type TestHandler = NonNullable<Parameters<typeof makeNode>[1]>['handler'] & object;

for (const where of ['here', 'thread'] as const) {
  describe(`messages between two nodes (${where})`, () => {
    it('come whole and in order, small and large', async () => {
      const sent: Uint8Array[] = Array.from({ length: 2_000 }, (_, i) =>
        randomBytes(i % 100 === 0 ? 200_000 : i % 300),
      );
      sent.push(new Uint8Array(0), randomBytes(16 << 20), randomBytes(10));
      const got: Uint8Array[] = [];
      let drained = 0;
      const receive = { message: (_: string, bytes: Uint8Array) => void got.push(bytes.slice()) };
      await pair(where, [{ drained: () => void drained++ }, receive], async (a, b) => {
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
  });
}
