import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Compression } from '../../../node/server/compression.ts';
import { MAX_PACKET_PAYLOAD } from '../../../node/server/constants.ts';
import { Input } from '../../../node/server/input.ts';
import { Output } from '../../../node/server/output.ts';
import { MalformedPacket, Payload } from '../../../node/server/payload.ts';

const written = (out: Output): Buffer => Buffer.from(out.buffer.subarray(0, out.position));

function packets(payloads: readonly Uint8Array[]): Buffer {
  const out = new Output();
  for (const payload of payloads) {
    out.sequence = 0;
    out.beginPacket();
    out.bytes(payload);
    out.endPacket();
  }
  return written(out);
}

/** Cuts bytes into chunks of the given sizes, in turn. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

function readAll(input: Input, chunks: Iterable<Buffer>): Buffer[] {
  const read: Buffer[] = [];
  for (const chunk of chunks) {
    input.push(chunk);
    while (input.next() === 'packet') {
      read.push(Buffer.from(input.buffer.subarray(input.start, input.end)));
      input.expected = 0;
    }
  }
  return read;
}

describe('packets', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
        (payloads, sizes) => {
          const read = readAll(new Input(), cut(packets(payloads), sizes));
          assert.deepEqual(
            read.map((payload) => payload.toString('hex')),
            payloads.map((payload) => Buffer.from(payload).toString('hex')),
          );
        },
      ),
    );
  });

  it('are split at 16 MiB - 1 and joined again', () => {
    for (const length of [MAX_PACKET_PAYLOAD - 1, MAX_PACKET_PAYLOAD, MAX_PACKET_PAYLOAD + 1, 2 * MAX_PACKET_PAYLOAD]) {
      const payload = Buffer.alloc(length, 7);
      payload[length - 1] = 9;
      const out = new Output();
      out.beginPacket();
      out.bytes(payload);
      out.endPacket();
      const parts = Math.floor(length / MAX_PACKET_PAYLOAD) + 1;
      assert.equal(out.sequence, parts);
      assert.equal(out.position, length + 4 * parts);
      const input = new Input();
      input.limit = 4 * MAX_PACKET_PAYLOAD;
      const [read] = readAll(input, cut(written(out), [65_536, 1, 3]));
      assert.ok(read?.equals(payload), `${length}`);
    }
  });

  it('are refused before their payload is waited for', () => {
    const input = new Input();
    input.limit = 100;
    input.push(Buffer.from([101, 0, 0, 0]));
    assert.equal(input.next(), 'too-large');
    const other = new Input();
    other.push(Buffer.from([1, 0, 0, 5, 1]));
    assert.equal(other.next(), 'out-of-order');
  });
});

describe('values of packets', () => {
  it('lengths and text round-trip', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 0, max: 0xffffffff }),
          fc.constantFrom(250, 251, 0xffff, 0x10000, 0xffffff, 0x1000000),
        ),
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 100 }),
          fc.integer({ min: 240, max: 260 }).map((n) => 'a'.repeat(n)),
          fc.integer({ min: 60, max: 90 }).map((n) => '☃'.repeat(n)),
          fc.integer({ min: 21_800, max: 21_900 }).map((n) => '☃'.repeat(n)),
        ),
        (length, text) => {
          const out = new Output();
          out.length(length);
          out.lengthText(text);
          out.u8(42);
          const payload = new Payload(written(out), 0, out.position);
          assert.equal(payload.length(), length);
          assert.equal(payload.lengthBytes().toString(), Buffer.from(text).toString());
          assert.equal(payload.u8(), 42);
          assert.equal(payload.left, 0);
        },
      ),
    );
  });

  it('integers are written as their digits', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -11, max: 101 })), (value) => {
        const out = new Output();
        out.lengthInteger(value);
        assert.equal(new Payload(written(out), 0, out.position).lengthBytes().toString(), String(value));
      }),
    );
  });

  it('a payload that ends too early is malformed', () => {
    const payload = new Payload(Buffer.from([5, 1, 2]), 0, 3);
    assert.throws(() => payload.lengthBytes(), MalformedPacket);
    assert.throws(() => new Payload(Buffer.from([1, 2]), 0, 2).zeroBytes(), MalformedPacket);
    // A zero byte behind the packet's end is another packet's.
    assert.throws(() => new Payload(Buffer.from([1, 2, 0]), 0, 2).zeroBytes(), MalformedPacket);
  });
});

describe('compressed frames', () => {
  for (const method of ['zlib', 'zstd'] as const) {
    it(`round-trip with ${method}`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.uint8Array({ maxLength: 200_000, size: 'max' }), { maxLength: 4 }),
          fc.integer({ min: 1, max: 70_000 }),
          (runs, size) => {
            const [sender, receiver] = [new Compression(method, 3), new Compression(method, 3)];
            const plain = runs.map((run) => Buffer.concat([Buffer.from(run), Buffer.alloc(run.length)]));
            const frames = Buffer.concat(plain.flatMap((run) => sender.wrap(run)));
            const read = [...cut(frames, [size])].flatMap((chunk) => receiver.unwrap(chunk));
            assert.ok(Buffer.concat(read).equals(Buffer.concat(plain)));
          },
        ),
        { numRuns: 20 },
      );
    });

    it(`with ${method} cannot grow past what they say`, () => {
      const bomb = new Compression(method, 3).wrap(Buffer.alloc(60_000));
      const frame = Buffer.concat(bomb);
      frame.writeUIntLE(1000, 4, 3);
      assert.throws(() => new Compression(method, 3).unwrap(frame), MalformedPacket);
    });
  }
});
