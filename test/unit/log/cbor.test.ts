// The log's CBOR against @ipld/dag-cbor: the same bytes for the same values, and only canonical bytes are read.
import * as dagCbor from '@ipld/dag-cbor';
import fc from 'fast-check';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CborReader, CborWriter, DecodeError } from '../../../node/log/index.ts';

const int = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    23,
    24,
    255,
    256,
    65535,
    65536,
    4294967295,
    4294967296,
    -1,
    -24,
    -25,
    -256,
    -257,
    -65537,
    -4294967297,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ),
);
const big = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 100 }),
);
const bytes = fc.uint8Array({ maxLength: 400 });
// A fraction: numbers that are integers are CBOR integers in both.
const fraction = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n));

const written = (write: (w: CborWriter) => void): Uint8Array => {
  const writer = new CborWriter(8);
  write(writer);
  return writer.take();
};

describe('CBOR', () => {
  it('writes what @ipld/dag-cbor writes', () => {
    const same = <T>(values: fc.Arbitrary<T>, write: (w: CborWriter, value: T) => void): void =>
      fc.assert(
        fc.property(values, (value) =>
          assert.deepEqual(
            written((w) => write(w, value)),
            new Uint8Array(dagCbor.encode(value)),
          ),
        ),
      );
    same(int, (w, v) => w.int(v));
    same(big, (w, v) => w.bigint(v));
    same(text, (w, v) => w.text(v));
    same(bytes, (w, v) => w.data(v));
    same(fraction, (w, v) => w.float(v));
    same(fc.boolean(), (w, v) => w.bool(v));
    same(fc.constant(null), (w) => w.null());
    same(fc.array(int, { maxLength: 300 }), (w, v) => {
      w.array(v.length);
      for (const n of v) w.int(n);
    });
  });

  it('writes links as tag 42', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        const cid = CID.createV1(dagCbor.code, Digest.create(0x12, digest));
        assert.deepEqual(
          written((w) => w.link(cid.bytes)),
          new Uint8Array(dagCbor.encode(cid)),
        );
        assert.deepEqual(new CborReader(dagCbor.encode(cid)).link(), cid.bytes);
      }),
    );
  });

  it('reads back every scalar', () => {
    fc.assert(
      fc.property(
        fc.oneof<fc.Arbitrary<null | boolean | number | bigint | string | Uint8Array>[]>(
          fc.constant(null),
          fc.boolean(),
          int,
          big,
          fraction,
          text,
          bytes,
        ),
        (value) => {
          const reader = new CborReader(dagCbor.encode(value));
          const read = reader.scalar();
          assert.ok(reader.done);
          if (typeof value === 'bigint' || typeof value === 'number') assert.equal(Number(read), Number(value));
          else assert.deepEqual(read, value);
          if (typeof value === 'bigint') assert.equal(BigInt(read as number), value);
        },
      ),
    );
  });

  it('refuses what is not canonical', () => {
    const cases: [string, number[]][] = [
      ['a small number in two bytes', [0x18, 0x17]],
      ['a byte in three', [0x19, 0x00, 0xff]],
      ['two bytes in five', [0x1a, 0x00, 0x00, 0xff, 0xff]],
      ['four bytes in nine', [0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]],
      ['a length in more bytes than it needs', [0x78, 0x01, 0x61]],
      ['an indefinite length', [0x5f, 0x41, 0x61, 0xff]],
      ['a 16-bit float', [0xf9, 0x3c, 0x00]],
      ['a 32-bit float', [0xfa, 0x3f, 0x80, 0x00, 0x00]],
      ['undefined', [0xf7]],
      ['text that is not UTF-8', [0x62, 0xc3, 0x28]],
      ['bytes that end inside', [0x43, 0x61]],
      ['nothing at all', []],
    ];
    for (const [what, given] of cases)
      assert.throws(() => new CborReader(Uint8Array.from(given)).scalar(), DecodeError, what);
    assert.throws(() => new CborReader(Uint8Array.from([0xd8, 0x2b, 0x41, 0x00])).link(), DecodeError, 'another tag');
  });

  it('never throws anything but DecodeError', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        const reader = new CborReader(given);
        try {
          while (!reader.done) reader.scalar();
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
    );
  });
});
