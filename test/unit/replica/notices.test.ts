import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { Notices } from '../../../node/replica/notices.ts';

const [a, b] = [nodeId('a'), nodeId('b')];

/** `arrived(n)` resolves when so many messages have left. */
function start(): { notices: Notices; sent: string[]; arrived: (count: number) => Promise<void> } {
  const sent: string[] = [];
  let wake = (): void => undefined;
  const notices = new Notices((to: NodeId, message) => {
    sent.push(`${to} ${message.join(',')}`);
    wake();
  });
  const arrived = async (count: number): Promise<void> => {
    while (sent.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { notices, sent, arrived };
}

describe('notices', () => {
  it('leave by themselves after a while, the more urgent first, and take along what waits for the same peer', async () => {
    const { notices, sent, arrived } = start();
    notices.add(a, Uint8Array.of(1), 50);
    notices.add(b, Uint8Array.of(2), 60_000);
    notices.add(b, Uint8Array.of(3), 2);
    await arrived(3);
    assert.deepEqual(sent, ['b 2', 'b 3', 'a 1']);
  });

  it('leave before the next message to the same peer, in order', () => {
    const { notices, sent } = start();
    for (const n of [1, 2]) notices.add(a, Uint8Array.of(n), 60_000);
    notices.add(b, Uint8Array.of(3), 60_000);
    notices.release(a);
    assert.deepEqual(sent, ['a 1', 'a 2']);
    notices.release(a);
    assert.equal(sent.length, 2);
    notices.stop();
  });

  it('are void when the peer is gone', () => {
    const { notices, sent } = start();
    notices.add(a, Uint8Array.of(1), 60_000);
    notices.drop(a);
    notices.release(a);
    assert.deepEqual(sent, []);
    notices.stop();
  });
});
