import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  controlFrame,
  dataFrames,
  FRAME_HEADER_BYTES,
  FrameReader,
  laneFrame,
  peersFrame,
  wholeDataFrames,
  writeDataFrame,
  type ControlFrame,
  type KnownAddresses,
  type LaneTicket,
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
          kind: fc.constantFrom(
            'hello' as const,
            'ping' as const,
            'pong' as const,
            'credit' as const,
            'switch' as const,
          ),
          value: fc.nat(0xffffffff),
        },
        { noNullPrototype: true },
      ),
      fc
        .array(fc.tuple(fc.stringMatching(/^[0-9a-f]{1,8}$/), fc.array(fc.string(), { maxLength: 3 })))
        .map((known) => ({ known: Object.fromEntries(known) })),
      fc.tuple(fc.nat(0xffff), fc.uint8Array({ minLength: 48, maxLength: 48 })).map(([port, bytes]) => ({
        lane: { port, id: Buffer.from(bytes.subarray(0, 16)).toString('hex'), secret: bytes.slice(16) },
      })),
    );
    const cuts = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 30_000 }), take: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), cuts, (frames, pieces) => {
        const stream = Buffer.concat(
          frames.map((f) => {
            if ('known' in f) return peersFrame(f.known)!;
            if ('lane' in f) return laneFrame(f.lane);
            return 'message' in f ? dataFrame(f.message) : controlFrame(f.kind, f.value);
          }),
        );
        const controls: ControlFrame[] = [];
        const messages: Uint8Array[] = [];
        const told: KnownAddresses[] = [];
        const lanes: LaneTicket[] = [];
        const reader = new FrameReader({
          control: (f) => controls.push(f),
          peers: (known) => told.push(known),
          lane: (ticket) => lanes.push(ticket),
        });
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
          lanes,
          frames.flatMap((f) => ('lane' in f ? [f.lane] : [])),
        );
        assert.deepEqual(
          messages.map((m) => Buffer.from(m).toString('base64')),
          frames.flatMap((f) => ('message' in f ? [Buffer.from(f.message).toString('base64')] : [])),
        );
      }),
    );
  });

  it('of messages are told from what follows them', () => {
    const [one, two] = [dataFrame(new Uint8Array(10)), dataFrame(new Uint8Array(300))];
    const both = Buffer.concat([one, two]);
    assert.equal(wholeDataFrames(both), both.length);
    for (let cut = 0; cut < both.length; cut++)
      assert.equal(wholeDataFrames(both.subarray(0, cut)), cut < one.length ? 0 : one.length);
    assert.equal(wholeDataFrames(Buffer.concat([one, controlFrame('ping', 1), two])), one.length);
    assert.equal(wholeDataFrames(Uint8Array.of(0, 1, 0, 0, 1, 9)), 0);
  });

  it('that nobody sends are faults', () => {
    const fault = (...bytes: number[]): string | undefined =>
      new FrameReader({ control: () => undefined, peers: () => undefined, lane: () => undefined }).push(
        Uint8Array.from(bytes),
      );
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
