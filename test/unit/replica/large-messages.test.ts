import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeId } from '../../../node/consensus/index.ts';
import { LARGE_MESSAGE_BYTES_MAX, LargeMessages, PIECE_BYTES } from '../../../node/replica/large-messages.ts';

const [a, b] = [nodeId('a'), nodeId('b')];

/** A sender to b, whose queue is emptied by hand. */
function pair(): { sender: LargeMessages; receiver: LargeMessages; queue: Uint8Array[] } {
  const queue: Uint8Array[] = [];
  const sender = new LargeMessages({
    send: (to, piece) => {
      assert.equal(to, b);
      queue.push(piece);
      return 'queued';
    },
    queued: () => queue.reduce((sum, piece) => sum + piece.length, 0),
  });
  const receiver = new LargeMessages({ send: () => assert.fail('it sends nothing'), queued: () => 0 });
  return { sender, receiver, queue };
}

const message = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => (i * 31) >> 3);

describe('large messages', () => {
  for (const length of [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 11 * PIECE_BYTES + 5]) {
    it(`of ${length} bytes come whole, and leave room in the queue`, () => {
      const { sender, receiver, queue } = pair();
      assert.equal(sender.send(b, message(length)), 'queued');
      const whole: Uint8Array[] = [];
      let largest = 0;
      while (queue.length > 0) {
        largest = Math.max(largest, queue.length);
        const got = receiver.receive(a, queue.shift()!);
        if (got) whole.push(got);
        sender.pumpAll();
      }
      assert.deepEqual(
        whole.map((bytes) => Buffer.from(bytes)),
        [Buffer.from(message(length))],
      );
      assert.ok(largest <= 4, `${largest} pieces lay in the queue`);
      assert.equal(sender.send(b, message(1)), 'queued');
    });
  }

  it('go one at a time, and those who wait are named when all has left', () => {
    const { sender, queue } = pair();
    assert.equal(sender.send(b, message(9 * PIECE_BYTES)), 'queued');
    assert.equal(sender.send(b, message(9 * PIECE_BYTES)), 'full');
    assert.deepEqual(sender.pumpAll(), []);
    queue.length = 0;
    assert.deepEqual(sender.pumpAll(), []);
    queue.length = 0;
    assert.deepEqual(sender.pumpAll(), [b]);
    assert.deepEqual(sender.pumpAll(), []);
  });

  it('end with the link, on both sides', () => {
    const { sender, receiver, queue } = pair();
    sender.send(b, message(9 * PIECE_BYTES));
    receiver.receive(a, queue.shift()!);
    sender.drop(b);
    receiver.drop(a);
    assert.throws(() => receiver.receive(a, queue.shift()!), /never began/);
    queue.length = 0;
    assert.equal(sender.send(b, message(3)), 'queued');
    assert.deepEqual(Buffer.from(receiver.receive(a, queue.shift()!)!), Buffer.from(message(3)));
  });

  it('are bounded', () => {
    const { sender, receiver } = pair();
    assert.throws(() => sender.send(b, new Uint8Array(LARGE_MESSAGE_BYTES_MAX + 1)), RangeError);
    const piece = new Uint8Array(64 << 20);
    piece[0] = 1;
    assert.equal(receiver.receive(a, piece), undefined);
    const more = piece.slice();
    more[0] = 0;
    for (let i = 0; i < 4; i++) assert.equal(receiver.receive(a, more), undefined);
    assert.throws(() => receiver.receive(a, more), /too large/);
    assert.throws(() => receiver.receive(a, more), /never began/);
  });
});
