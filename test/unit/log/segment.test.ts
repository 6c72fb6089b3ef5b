// Segments: a torn tail is cut at every byte and nothing else is; what is damaged in the middle is found where it is.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Chains,
  ChainVerifier,
  checkSegment,
  crc32c,
  encodeEntryRecord,
  encodeEntryRecordInSteps,
  RECORD_HEADER_BYTES,
  recordsUpTo,
  SEGMENT_HEADER_BYTES,
  segmentNumber,
  segmentHeader,
  segmentName,
  type SegmentEnd,
} from '../../../node/log/index.ts';
import { logCrypto } from '../../../node/store/index.ts';
import { makeChain, makeIdentity, makeSegment } from '../../support/log.ts';

const chain = makeChain(makeIdentity(), 6);
const segment = makeSegment(chain.map((e) => e.record));
const starts: number[] = [SEGMENT_HEADER_BYTES];
for (const { record } of chain) starts.push((starts.at(-1) ?? 0) + record.length);
const last = starts[5] ?? 0;

function read(bytes: Uint8Array): { found: number[]; end: SegmentEnd } {
  const end = checkSegment(bytes);
  const found = end.kind === 'no-segment' ? [] : [...recordsUpTo(bytes, end.offset)].map(({ offset }) => offset);
  return { found, end };
}

describe('a segment', () => {
  it('is read to its end', () => {
    assert.deepEqual(read(segment), { found: starts.slice(0, 6), end: { kind: 'whole', offset: segment.length } });
    assert.deepEqual(read(segmentHeader()), { found: [], end: { kind: 'whole', offset: SEGMENT_HEADER_BYTES } });
  });

  it('may have grown ahead of its use', () => {
    const grown = Buffer.concat([segment, new Uint8Array(5000)]);
    assert.deepEqual(read(grown), { found: starts.slice(0, 6), end: { kind: 'whole', offset: segment.length } });
  });

  it('cut at any byte of its last record keeps all others', () => {
    for (let length = last + 1; length < segment.length; length++) {
      for (const behind of [0, 300]) {
        const torn = Buffer.concat([segment.subarray(0, length), new Uint8Array(behind)]);
        // The last bytes of a record may be zeros: then the zeros behind make it whole.
        if (behind > 0 && segment.subarray(length).every((b) => b === 0)) continue;
        assert.deepEqual(
          read(torn),
          { found: starts.slice(0, 5), end: { kind: 'torn', offset: last } },
          `length ${length}, zeros ${behind}`,
        );
      }
    }
  });

  it('cut inside its header is torn from the beginning', () => {
    for (let length = 0; length < SEGMENT_HEADER_BYTES; length++)
      assert.deepEqual(read(segment.subarray(0, length)).end, { kind: 'torn', offset: 0 });
  });

  it('with a last record whose pages came to the disk in any order is torn there', () => {
    fc.assert(
      fc.property(fc.nat({ max: segment.length - last - 1 }), fc.integer({ min: 1, max: 40 }), (from, length) => {
        const torn = Uint8Array.from(segment);
        const hole = torn.subarray(last + from, Math.min(last + from + length, torn.length));
        fc.pre(hole.some((b) => b !== 0));
        hole.fill(0);
        assert.deepEqual(read(torn).end, { kind: 'torn', offset: last });
      }),
    );
  });

  it('with a flipped byte in the middle is refused at that record', () => {
    for (let at = SEGMENT_HEADER_BYTES; at < last; at++) {
      const bent = Uint8Array.from(segment);
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      const index = starts.findIndex((s, i) => at >= s && at < (starts[i + 1] ?? 0));
      const { found, end } = read(bent);
      assert.deepEqual(found, starts.slice(0, index), `byte ${at}`);
      assert.deepEqual(end, { kind: 'damaged', offset: starts[index], next: starts[index + 1] }, `byte ${at}`);
    }
  });

  it('of another format or kind is none', () => {
    for (let at = 0; at < 12; at++) {
      const bent = Uint8Array.from(segment);
      bent[at] = (bent[at] ?? 0) ^ 1;
      assert.equal(read(bent).end.kind, 'no-segment', `byte ${at}`);
    }
  });

  it('is torn, not damaged, when the torn record carries a log in its body', () => {
    const record = encodeEntryRecord(segment, new Uint8Array(64));
    const whole = makeSegment([chain[0]?.record ?? new Uint8Array(), record]);
    const torn = whole.subarray(0, whole.length - 1);
    assert.equal(read(torn).end.kind, 'damaged');
    const end = checkSegment(torn, () => false);
    assert.deepEqual(end, { kind: 'torn', offset: starts[1] });
  });

  it('never throws, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat({ max: segment.length }), (noise, at) => {
        read(noise);
        read(Buffer.concat([segment.subarray(0, at), noise]));
      }),
    );
  });
});

describe('checksums and names', () => {
  it('are those of RFC 3720', () => {
    const crc = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length);
    assert.equal(crc(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
    assert.equal(crc(new TextEncoder().encode('123456789')), 0xe3069283);
  });

  it('of a large record are the same where it is made with pauses', () => {
    for (const size of [0, 1000, 256 << 10, (256 << 10) + 1, 700_000]) {
      const body = Uint8Array.from({ length: size }, (_, i) => (i * 31) >> 3);
      const signature = new Uint8Array(64).fill(7);
      let pauses = 0;
      const steps = encodeEntryRecordInSteps(body, signature);
      let next = steps.next();
      for (; next.done !== true; next = steps.next()) pauses++;
      assert.deepEqual(Buffer.from(next.value), Buffer.from(encodeEntryRecord(body, signature)));
      assert.equal(pauses, Math.ceil(size / (256 << 10)));
    }
  });

  it('tell the first entry', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (seq) => assert.equal(segmentNumber(segmentName(seq)), seq)));
    for (const name of ['1.log', '0000000000000001.log.new', 'x000000000000001.log'])
      assert.equal(segmentNumber(name), undefined);
  });
});

describe('a chain', () => {
  const signed = (record: Uint8Array): { cid: Uint8Array; body: Uint8Array; signature: Uint8Array } => {
    const body = record.subarray(RECORD_HEADER_BYTES);
    return {
      cid: Uint8Array.from([1, 0x71, 0x12, 0x20, ...logCrypto.sha256(body)]),
      body,
      signature: record.subarray(12, RECORD_HEADER_BYTES),
    };
  };
  const firstFault = (
    entries: readonly { record: Uint8Array; entry: (typeof chain)[number]['entry'] }[],
  ): string | undefined => {
    const verifier = new ChainVerifier(logCrypto);
    for (const { record, entry } of entries) {
      const fault = verifier.next(signed(record), entry);
      if (fault) return `${fault.kind} ${fault.seq}`;
    }
    return undefined;
  };
  const other = makeIdentity();

  it('verifies', () => {
    assert.equal(firstFault(chain), undefined);
  });

  it('shows a missing, a doubled and a moved entry', () => {
    const [a, b, c] = chain as [(typeof chain)[number], (typeof chain)[number], (typeof chain)[number]];
    assert.equal(firstFault([a, c]), 'sequence 3');
    assert.equal(firstFault([a, b, b]), 'sequence 2');
    assert.equal(firstFault([b]), 'sequence 2');
  });

  it('proves entries by a later signature, as far as each names the one before', () => {
    const links = chain.map(({ record, entry }) => ({ signed: signed(record), entry }));
    const bent = links.map((link) => ({ ...link, signed: { ...link.signed, signature: new Uint8Array(64) } }));
    const from = (...run: typeof links): number => new Chains(logCrypto).proven(run);
    const [a, b, c] = links as [(typeof links)[number], (typeof links)[number], (typeof links)[number]];
    const [bentA, bentB, bentC] = bent as typeof links as [typeof a, typeof a, typeof a];
    assert.equal(from(a, b, c), 3);
    assert.equal(from(bentA, bentB, c), 3);
    assert.equal(from(bentA, b, bentC), 2);
    assert.equal(from(bentA, bentB, bentC), 0);
    assert.equal(from(a, c), 1, 'one is missing');
    assert.equal(from(bentA, c), 0, 'one is missing, and what follows proves nothing');
    assert.equal(from(b, c), 0, 'nobody knows whose they are');
    assert.equal(from(), 0);
    const known = new Chains(logCrypto);
    assert.equal(known.next(a.signed, a.entry), undefined);
    assert.equal(known.proven([bentB, c]), 2);
    // A claimed author, or other content, is no link of the chain.
    const [, foreign] = makeChain(other, 2, 51, (e) => ({ ...e, author: a.entry.author, prev: a.signed.cid }));
    assert.ok(foreign);
    assert.equal(known.proven([{ signed: signed(foreign.record), entry: foreign.entry }, c]), 0);
  });

  it('shows an entry of another author, and one that others signed', () => {
    const foreign = makeChain(other, 3);
    assert.equal(firstFault([...chain.slice(0, 2), ...foreign.slice(2)]), 'author 3');
    const claimed = makeChain({ ...other, author: chain[0]?.entry.author ?? other.author }, 3, 50, (e) => ({
      ...e,
      prev: e.seq === 1 ? null : (chain[e.seq - 2]?.cid ?? null),
    }));
    assert.equal(firstFault([...chain.slice(0, 2), ...claimed.slice(2)]), 'signature 3');
    assert.equal(firstFault(claimed), 'author 1');
  });

  it('shows an entry with another past', () => {
    const identity = makeIdentity();
    const one = makeChain(identity, 3);
    const two = makeChain(identity, 3, 50, (e) => ({ ...e, time: e.time + 1 }));
    assert.equal(firstFault([...one.slice(0, 2), ...two.slice(2)]), 'prev 3');
    const back = makeChain(identity, 3, 50, (e) => ({ ...e, lamport: 1 }));
    assert.equal(firstFault(back), 'lamport 2');
  });
});
