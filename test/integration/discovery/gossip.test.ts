import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allUp, cluster, newSwarm, stopAll, type TestNode } from './support.ts';

describe('gossip', () => {
  it('reaches all who are subscribed, and nobody else', async () => {
    const heard = new Map<string, string[]>();
    const nodes = await cluster(newSwarm(), 5, (i) => ({
      handler: {
        gossip: (topic, bytes) => {
          const list = heard.get(`${i} ${topic}`) ?? [];
          heard.set(`${i} ${topic}`, [...list, Buffer.from(bytes).toString()]);
        },
      },
    }));
    const [first, ...others] = nodes as [TestNode, ...TestNode[]];
    try {
      for (const node of nodes.slice(0, 4)) node.network.subscribe('heads');
      await allUp(nodes);
      // Gossip promises nothing: a mesh that has just formed may miss what is said, so it is said again.
      const sayUntilHeard = async (text: string): Promise<void> => {
        const timer = setInterval(() => first.network.announce('heads', Buffer.from(text)), 100);
        try {
          await Promise.all(
            others.slice(0, 3).map((node, i) => {
              return node.until(() => heard.get(`${i + 1} heads`)?.includes(text) === true, `node ${i + 1} heard`);
            }),
          );
        } finally {
          clearInterval(timer);
        }
      };
      await sayUntilHeard('one');
      // A burst arrives whole, in a few messages.
      for (let i = 0; i < 1_000; i++) first.network.announce('heads', Buffer.from(`burst ${i}`));
      const bursts = (i: number): number =>
        heard.get(`${i} heads`)?.filter((text) => text.startsWith('burst')).length ?? 0;
      await Promise.all(others.slice(0, 3).map((node, i) => node.until(() => bursts(i + 1) >= 1_000, 'the burst')));
      for (const i of [1, 2, 3]) assert.equal(bursts(i), 1_000);
      assert.equal(heard.get('4 heads'), undefined);
      assert.throws(() => first.network.announce('heads', new Uint8Array(300_000)), RangeError);
    } finally {
      await stopAll(nodes);
    }
  });
});
