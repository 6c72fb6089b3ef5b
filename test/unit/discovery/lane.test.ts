/** Lanes between owners, over loopback; the links' side is the test. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { controlFrame, FRAME_HEADER_BYTES, WINDOW_BYTES, writeDataFrame } from '../../../node/discovery/frames.ts';
import { dialLane, Lane, LaneDoor, type LaneEvents } from '../../../node/discovery/lane.ts';

const HOST = '127.0.0.1';

const frameOf = (message: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + message.length);
  writeDataFrame(frame, 0, message);
  return frame;
};

/** Both ends of a lane, which do not read yet; closed afterwards. */
async function withLane(
  events: Partial<LaneEvents>,
  body: (near: Lane, far: TLSSocket, closed: Promise<string>) => Promise<void>,
): Promise<void> {
  const door = await LaneDoor.open(HOST);
  const came = Promise.withResolvers<TLSSocket>();
  const dialled = Promise.withResolvers<TLSSocket>();
  const ticket = door.expect(came.resolve);
  dialLane({ ...ticket, host: HOST }, dialled.resolve, (reason) => dialled.reject(new Error(reason)));
  const [near, far] = await Promise.all([came.promise, dialled.promise]);
  const closed = Promise.withResolvers<string>();
  const lane = new Lane(near, { message: () => undefined, sent: () => undefined, closed: closed.resolve, ...events });
  try {
    await body(lane, far, closed.promise);
  } finally {
    lane.close('the test ends');
    far.destroy();
    door.close();
  }
}

describe('a lane', () => {
  it('gives messages whole and in order, however they are cut, once it may be read', async () => {
    const got: number[] = [];
    const all = Promise.withResolvers<void>();
    const lengths = Array.from({ length: 200 }, (_, i) => (i % 50 === 49 ? 3_000_000 : i * 7));
    const message = (bytes: Uint8Array): void => {
      got.push(bytes.length);
      if (got.length === lengths.length) all.resolve();
    };
    await withLane({ message }, async (lane, far) => {
      const stream = Buffer.concat(lengths.map((length) => frameOf(new Uint8Array(length))));
      for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 5) % 70_001)
        far.write(stream.subarray(at, at + size));
      assert.deepEqual(got, []);
      lane.read();
      await all.promise;
      assert.deepEqual(got, lengths);
    });
  });

  it('tells what left, and that it is closed, once', async () => {
    const sent = Promise.withResolvers<number>();
    await withLane({ sent: sent.resolve }, async (lane, far, closed) => {
      far.resume();
      lane.read();
      const frame = frameOf(new Uint8Array(1000));
      lane.write(frame);
      assert.equal(await sent.promise, frame.length);
      far.end();
      assert.equal(await closed, 'the peer closed the lane');
    });
  });

  it('ends where something else than messages comes', async () => {
    await withLane({}, async (lane, far, closed) => {
      lane.read();
      far.write(controlFrame('ping', 1));
      assert.equal(await closed, 'the peer sent a frame that is no message');
    });
  });

  it('holds the sender back while messages are not handled', async () => {
    const gate = Promise.withResolvers<void>();
    const windowFull = Promise.withResolvers<void>();
    const all = Promise.withResolvers<void>();
    // More than the window and what the system keeps for both ends.
    const count = 400;
    const frame = frameOf(new Uint8Array(100_000));
    let came = 0;
    const message = (): Promise<void> => {
      came++;
      if (came * frame.length > WINDOW_BYTES) windowFull.resolve();
      if (came === count) all.resolve();
      return gate.promise;
    };
    await withLane({ message }, async (lane, far) => {
      lane.read();
      for (let i = 0; i < count; i++) far.write(frame);
      await windowFull.promise;
      // Whatever were to come now would have come before an answer has.
      const answered = once(far, 'data');
      lane.write(frameOf(new Uint8Array(1)));
      await answered;
      assert.ok(came * frame.length < WINDOW_BYTES + (1 << 20), `${came} messages came`);
      assert.ok(far.writableLength > 0);
      gate.resolve();
      await all.promise;
    });
  });
});

describe('the door of lanes', () => {
  const refusal = (socket: TLSSocket | ReturnType<typeof createConnection>): Promise<unknown> =>
    Promise.race([once(socket, 'close'), once(socket, 'error')]);

  it('lets in who knows the secret, once, and nobody who is not expected any more', async () => {
    const door = await LaneDoor.open(HOST);
    try {
      const dial = (offer: Parameters<typeof dialLane>[0]): Promise<string> =>
        new Promise((resolve) => {
          dialLane(offer, (socket) => resolve((socket.destroy(), 'in')), resolve);
        });
      let came = 0;
      const onLane = (socket: TLSSocket): void => {
        came++;
        socket.end();
      };
      const ticket = { ...door.expect(onLane), host: HOST };
      assert.notEqual(await dial({ ...ticket, secret: new Uint8Array(32) }), 'in');
      assert.notEqual(await dial({ ...ticket, id: '00'.repeat(16) }), 'in');
      assert.equal(await dial(ticket), 'in');
      assert.notEqual(await dial(ticket), 'in');
      const other = { ...door.expect(onLane), host: HOST };
      door.forget(other.id);
      assert.notEqual(await dial(other), 'in');
      assert.equal(came, 1);
    } finally {
      door.close();
    }
  });

  it('hangs up on strangers while nobody is expected', async () => {
    const door = await LaneDoor.open(HOST);
    const { port, id } = door.expect(() => undefined);
    door.forget(id);
    await refusal(createConnection(port, HOST));
    door.close();
  });

  it('is given up where it does not answer', async () => {
    const deaf = createServer(() => undefined).listen(0, HOST);
    await once(deaf, 'listening');
    const { port } = deaf.address() as AddressInfo;
    const reason = await new Promise((resolve) => {
      const giveUp = dialLane({ host: HOST, port, id: 'x', secret: new Uint8Array(32) }, () => undefined, resolve);
      giveUp();
    });
    assert.equal(reason, 'not wanted any more');
    deaf.close();
  });
});
