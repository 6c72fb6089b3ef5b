// Messages and records as bytes: what is written is read back, and no bytes make the reader throw.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  decodeMessage,
  decodeRecord,
  encodeMessage,
  encodeRecord,
  height,
  nodeId,
  VALUE_BYTES_MAX,
  type ConsensusRecord,
  type Message,
} from '../../../node/consensus/index.ts';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const node = fc.string({ minLength: 1, maxLength: 64 }).map(nodeId);
const ballot = record({ round: fc.integer({ min: 1, max: 2 ** 48 }), node });
const mark = fc.integer({ min: 0, max: 2 ** 48 }).map(height);
const place = fc.integer({ min: 1, max: 2 ** 48 }).map(height);
const value = fc.uint8Array({ maxLength: 300 });
const signature = fc.uint8Array({ minLength: 1, maxLength: 128 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const certificate = record({ ballot, votes: fc.array(record({ node, signature }), { maxLength: 7 }) });
const accepted = record({ height: place, ballot, value });
const decision = record({ height: place, value, certificate });
const kind = <K extends string>(name: K) => fc.constant(name);

const message: fc.Arbitrary<Message> = fc.oneof(
  record({ kind: kind('pre-vote'), ballot, chosen: mark }),
  record({ kind: kind('pre-vote-reply'), ballot, granted: fc.boolean(), chosen: mark }),
  record({ kind: kind('prepare'), ballot, chosen: mark }),
  record({ kind: kind('promise'), ballot, chosen: mark, accepted: fc.array(accepted, { maxLength: 8 }) }),
  record({ kind: kind('accept'), ballot, height: place, value }),
  record({ kind: kind('accepted'), ballot, height: place, signature }),
  record({ kind: kind('nack'), ballot, promised: ballot }),
  record({ kind: kind('chosen'), height: place, hash, certificate, value: fc.option(value, { nil: undefined }) }),
  record({ kind: kind('heartbeat'), ballot, chosen: mark, ack: fc.boolean() }),
  record({ kind: kind('heartbeat-ack'), ballot, chosen: mark }),
  record({ kind: kind('resign'), ballot, successor: node }),
  record({ kind: kind('ask-chosen'), from: place }),
  record({ kind: kind('decisions'), chosen: mark, decisions: fc.array(decision, { maxLength: 8 }) }),
  record({ kind: kind('pruned'), oldest: place }),
);
const records: fc.Arbitrary<ConsensusRecord> = fc.oneof(
  record({ kind: kind('promise'), ballot }),
  record({ kind: kind('accepted'), accepted }),
  record({ kind: kind('chosen'), decision }),
);

it('messages and records come back as they were', () => {
  fc.assert(
    fc.property(message, (item) => {
      assert.deepEqual(decodeMessage(encodeMessage(item)), { kind: 'ok', value: item });
    }),
  );
  fc.assert(
    fc.property(records, (item) => {
      assert.deepEqual(decodeRecord(encodeRecord(item)), { kind: 'ok', value: item });
    }),
  );
});

it('no bytes make the reader throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeMessage(bytes);
      decodeRecord(bytes);
    }),
  );
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (item, at, byte, cut) => {
      const bytes = encodeMessage(item);
      bytes[at % bytes.length] = byte;
      decodeMessage(bytes);
      assert.equal(decodeMessage(encodeMessage(item).subarray(0, cut % bytes.length)).kind, 'malformed');
    }),
    { numRuns: 1000 },
  );
});

it('what passes a bound is malformed', () => {
  const one = { round: 1, node: nodeId('a') };
  const at = height(1);
  const long = nodeId('x'.repeat(200));
  const malformed: Message[] = [
    { kind: 'accept', ballot: one, height: at, value: new Uint8Array(VALUE_BYTES_MAX + 1) },
    { kind: 'accept', ballot: one, height: height(0), value: new Uint8Array(1) },
    { kind: 'accept', ballot: one, height: height(2 ** 50), value: new Uint8Array(1) },
    { kind: 'prepare', ballot: { round: 0, node: nodeId('a') }, chosen: at },
    { kind: 'prepare', ballot: { round: 2 ** 50, node: nodeId('a') }, chosen: at },
    { kind: 'prepare', ballot: { round: 1, node: long }, chosen: at },
    { kind: 'resign', ballot: one, successor: nodeId('') },
  ];
  for (const item of malformed) assert.equal(decodeMessage(encodeMessage(item)).kind, 'malformed', item.kind);
});
