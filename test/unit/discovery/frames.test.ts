import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  controlFrame,
  dataFrames,
  FRAME_HEADER_BYTES,
  FrameReader,
  peersFrame,
  writeDataFrame,
  type ControlFrame,
  type KnownAddresses,
} from '../../../node/discovery/frames.ts';

const dataFrame = (message: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + message.length);
  assert.equal(writeDataFrame(frame, 0, message), frame.length);
  return frame;
};

describe('frames', () => {
  it('come out as they went in, however the stream is cut and whenever they are taken', () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((message) => ({ message })),
      fc.integer({ min: 20_000, max: 70_000 }).map((length) => ({ message: new Uint8Array(length).fill(length) })),
      fc.record(
        {
          kind: fc.constantFrom('hello' as const, 'ping' as const, 'pong' as const, 'credit' as const),
          value: fc.nat(0xffffffff),
        },
        { noNullPrototype: true },
      ),
      fc
        .array(fc.tuple(fc.stringMatching(/^[0-9a-f]{1,8}$/), fc.array(fc.string(), { maxLength: 3 })))
        .map((known) => ({ known: Object.fromEntries(known) })),
    );
    const cuts = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 30_000 }), take: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), cuts, (frames, pieces) => {
        const stream = Buffer.concat(
          frames.map((f) => {
            if ('known' in f) return peersFrame(f.known)!;
            return 'message' in f ? dataFrame(f.message) : controlFrame(f.kind, f.value);
          }),
        );
        const controls: ControlFrame[] = [];
        const messages: Uint8Array[] = [];
        const told: KnownAddresses[] = [];
        const reader = new FrameReader({ control: (f) => controls.push(f), peers: (known) => told.push(known) });
        for (let at = 0, i = 0; at < stream.length; i++) {
          const piece = pieces[i % pieces.length]!;
          assert.equal(reader.push(stream.subarray(at, at + piece.bytes)), undefined);
          at += piece.bytes;
          if (piece.take && reader.hasWhole) messages.push(...dataFrames(reader.take()));
        }
        if (reader.hasWhole) messages.push(...dataFrames(reader.take()));
        assert.deepEqual(
          controls,
          frames.filter((f) => 'kind' in f),
        );
        assert.deepEqual(
          told,
          frames.flatMap((f) => ('known' in f ? [f.known] : [])),
        );
        assert.deepEqual(
          messages.map((m) => Buffer.from(m).toString('base64')),
          frames.flatMap((f) => ('message' in f ? [Buffer.from(f.message).toString('base64')] : [])),
        );
      }),
    );
  });

  it('that nobody sends are faults', () => {
    const fault = (...bytes: number[]): string | undefined =>
      new FrameReader({ control: () => undefined, peers: () => undefined }).push(Uint8Array.from(bytes));
    assert.equal(fault(0, 1, 0, 0, 1), 'a message of 16777217 bytes');
    assert.equal(fault(0, 0xff, 0xff, 0xff, 0xff), 'a message of 4294967295 bytes');
    assert.equal(fault(9, 0, 0, 0, 0), 'a frame of unknown kind 9');
    assert.equal(fault(2, 0, 0, 0, 5), 'a control frame of 5 bytes');
    assert.equal(fault(0, 1, 0, 0, 0), undefined);
    assert.equal(fault(5, 0, 1, 0, 1), 'addresses of 65537 bytes');
    for (const text of ['x', '1', 'null', '{"a":1}', '{"a":[1]}'])
      assert.equal(fault(5, 0, 0, 0, text.length, ...Buffer.from(text)), 'addresses that are none', text);
    assert.equal(peersFrame({ a: ['x'.repeat(70_000)] }), undefined);
  });
});
