// Sync's messages as bytes: what is written is read back, and no bytes make the reader throw.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { authorId, decodeSyncMessage, encodeSyncMessage, type SyncMessage } from '../../../node/sync/index.ts';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const hexDigit = fc.constantFrom(...'0123456789abcdef');
const author = fc.string({ unit: hexDigit, minLength: 64, maxLength: 64 }).map(authorId);
const seq = fc.integer({ min: 1, max: 2 ** 48 });
const frontier = fc.array(fc.tuple(author, seq), { maxLength: 9 }).map((entries) => new Map(entries));
const run = record({
  author,
  from: seq,
  entries: fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { minLength: 1, maxLength: 5 }),
});
const runs = fc.array(run, { maxLength: 4 });
const range = fc
  .tuple(author, seq, seq)
  .map(([of, m, n]) => ({ author: of, from: Math.min(m, n), to: Math.max(m, n) }));
const kind = <K extends string>(name: K) => fc.constant(name);

const message: fc.Arbitrary<SyncMessage> = fc.oneof(
  record({ kind: kind('hash'), hash: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
  record({ kind: kind('frontier'), frontier, ask: fc.boolean() }),
  record({ kind: kind('ack'), frontier }),
  record({ kind: kind('push'), runs }),
  record({
    kind: kind('ask'),
    id: seq,
    ranges: fc.array(range, { maxLength: 5 }),
    bytesMax: fc.integer({ min: 1, max: 4 << 20 }),
  }),
  record({ kind: kind('entries'), id: seq, runs, last: fc.boolean() }),
  record({ kind: kind('pruned'), author, oldest: seq }),
);

it('messages come back as they were', () => {
  fc.assert(
    fc.property(message, (item) => {
      assert.deepEqual(decodeSyncMessage(encodeSyncMessage(item)), { kind: 'ok', value: item });
    }),
  );
});

it('no bytes make the reader throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeSyncMessage(bytes);
    }),
  );
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (item, at, byte, cut) => {
      const bytes = encodeSyncMessage(item);
      assert.equal(decodeSyncMessage(bytes.subarray(0, cut % bytes.length)).kind, 'malformed');
      bytes[at % bytes.length] = byte;
      decodeSyncMessage(bytes);
    }),
    { numRuns: 1000 },
  );
});

it('what passes a bound is malformed', () => {
  const x = authorId('ab'.repeat(32));
  const malformed: SyncMessage[] = [
    { kind: 'hash', hash: new Uint8Array(31) },
    { kind: 'ack', frontier: new Map([[x, 2 ** 50]]) },
    { kind: 'ack', frontier: new Map([[x, 0]]) },
    { kind: 'ack', frontier: new Map([[authorId('ab'), 1]]) },
    { kind: 'push', runs: [{ author: x, from: 1, entries: [] }] },
    { kind: 'push', runs: [{ author: x, from: 1, entries: [new Uint8Array(0)] }] },
    { kind: 'ask', id: 1, ranges: [{ author: x, from: 3, to: 2 }], bytesMax: 1 },
    { kind: 'ask', id: 1, ranges: [], bytesMax: 2 ** 40 },
  ];
  for (const item of malformed) assert.equal(decodeSyncMessage(encodeSyncMessage(item)).kind, 'malformed');
});
