// Entries and transactions: what is written is read, byte for byte, and other bytes are refused.
import * as dagCbor from '@ipld/dag-cbor';
import fc from 'fast-check';
import type { CID } from 'multiformats/cid';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  cidOf,
  DecodeError,
  decodeEntry,
  decodeTransaction,
  encodeEntry,
  encodeTransaction,
  ENTRY_FORMAT,
  type Digest,
  type Entry,
  type LogKey,
  type LogValue,
  type Operation,
  type Read,
  type Transaction,
} from '../../../node/log/index.ts';
import { logCrypto } from '../../../node/store/index.ts';

/** Plain objects, as the readers make them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const count = fc.nat({ max: 2 ** 40 });
const cid = bytes(32).map((body) => cidOf(body, logCrypto));

const entry: fc.Arbitrary<Entry> = record({
  group: fc.string(),
  author: bytes(32),
  seq: fc.integer({ min: 1, max: 2 ** 40 }),
  prev: cid,
  parents: fc.array(record({ author: bytes(32), seq: count, cid }), { maxLength: 3 }),
  height: count,
  lamport: count,
  time: count,
  transactions: fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }),
  key: bytes(32),
  incarnation: bytes(16),
  first: fc.boolean(),
}).map(({ key, incarnation, first, ...rest }): Entry =>
  first ? { ...rest, seq: 1, prev: null, genesis: { key, incarnation } } : { ...rest, seq: rest.seq + 1 },
);

const value: fc.Arbitrary<LogValue> = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((n) => (Number.isInteger(n) && !Number.isSafeInteger(n) ? 0.5 : n)),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 40 }),
);
const key: fc.Arbitrary<LogKey> = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.array(value, { minLength: 1, maxLength: 4 }),
);
const change = fc.oneof(
  record({ column: fc.nat({ max: 200 }), mode: fc.constantFrom('assign' as const, 'add' as const), value }),
  record({ column: fc.nat({ max: 200 }), mode: fc.constant('merge' as const), value, base: value }),
);
const changes = fc.array(change, { maxLength: 5 });
const tables = fc.array(
  record({ id: count, version: count, columns: fc.array(fc.nat({ max: 4096 }), { maxLength: 20 }) }),
  { minLength: 1, maxLength: 4 },
);
const operation = (length: number): fc.Arbitrary<Operation> => {
  const table = fc.nat({ max: length - 1 });
  return fc.oneof<fc.Arbitrary<Operation>[]>(
    record({
      kind: fc.constant('insert' as const),
      table,
      key,
      values: fc.array(value, { maxLength: 10 }),
      mode: fc.constantFrom('plain' as const, 'ignore' as const, 'replace' as const),
      changes: fc.constant([]),
    }),
    record({
      kind: fc.constant('insert' as const),
      table,
      key,
      values: fc.array(value, { maxLength: 10 }),
      mode: fc.constant('upsert' as const),
      changes,
    }),
    record({ kind: fc.constant('update' as const), table, key, changes }),
    record({ kind: fc.constant('delete' as const), table, key }),
    record({
      kind: fc.constant('move' as const),
      table,
      key,
      newKey: key,
      changes,
    }),
  );
};
const schemaChange: fc.Arbitrary<Operation> = record({
  kind: fc.constant('schema' as const),
  text: fc.string(),
  change: fc.json(),
  basis: count,
});
const read = <K>(tableCount: number, of: fc.Arbitrary<K>): fc.Arbitrary<{ table: number; key: K; digest: Digest }> =>
  record({
    table: fc.nat({ max: tableCount - 1 }),
    key: of,
    digest: fc.tuple(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 2 ** 31 - 1 })),
  });
const rangeRead = (tableCount: number): fc.Arbitrary<Read> =>
  fc
    .tuple(
      read(tableCount, fc.constant(null)),
      fc.array(record({ column: fc.nat({ max: 9 }), low: value, high: value }), { minLength: 1, maxLength: 3 }),
    )
    .map(([whole, bounds]) => ({ ...whole, bounds }));
const transaction: fc.Arbitrary<Transaction> = tables.chain((references) =>
  record({
    user: fc.string(),
    database: fc.string({ unit: 'binary' }),
    sql: fc.string({ unit: 'binary' }),
    level: fc.constantFrom('local' as const, 'replicated' as const, 'final' as const),
    unchecked: fc.boolean(),
    tables: fc.constant(references),
    operations: fc.oneof(
      fc.array(operation(references.length), { maxLength: 8 }),
      fc.tuple(schemaChange).map((alone) => [...alone]),
    ),
    reads: fc.array(fc.oneof(read(references.length, fc.option(key)), rangeRead(references.length)), { maxLength: 3 }),
  }),
);

describe('entries', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(entry, (given) => assert.deepEqual(decodeEntry(encodeEntry(given)), given)));
  });

  it('are canonical DAG-CBOR that others read', () => {
    fc.assert(
      fc.property(entry, (given) => {
        const body = encodeEntry(given);
        const other = dagCbor.decode<Record<string, unknown>>(body);
        assert.deepEqual(new Uint8Array(dagCbor.encode(other)), body);
        assert.equal(other['seq'], given.seq);
        assert.equal(other['format'], ENTRY_FORMAT);
        assert.deepEqual(
          (other['parents'] as [Uint8Array, number, CID][]).map(([, , c]) => c.bytes),
          given.parents.map((p) => p.cid),
        );
      }),
    );
  });

  it('are refused when a byte is missing, added or bent out of shape', () => {
    fc.assert(
      fc.property(entry, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
        const body = encodeEntry(given);
        const place = at % body.length;
        assert.throws(() => decodeEntry(body.subarray(0, place)), DecodeError);
        assert.throws(() => decodeEntry(Uint8Array.from([...body, 0])), DecodeError);
        const bent = Uint8Array.from(body);
        bent[place] = (bent[place] ?? 0) ^ flip;
        try {
          // What still reads as an entry is another entry, of another hash.
          assert.notDeepEqual(cidOf(encodeEntry(decodeEntry(bent)), logCrypto), cidOf(body, logCrypto));
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
    );
  });
});

const holdsMinusZero = (value: unknown): boolean =>
  Object.is(value, -0) || (typeof value === 'object' && value !== null && Object.values(value).some(holdsMinusZero));

describe('transactions', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(transaction, (given) => assert.deepEqual(decodeTransaction(encodeTransaction(given)), given)),
    );
  });

  it('have one form: what is read writes the same bytes', () => {
    fc.assert(
      fc.property(transaction, (given) => {
        const written = encodeTransaction(given);
        assert.deepEqual(encodeTransaction(decodeTransaction(written)), written);
        // Its encoder makes an integer of −0, which a DOUBLE keeps.
        if (!holdsMinusZero(given))
          assert.deepEqual(new Uint8Array(dagCbor.encode(dagCbor.decode(written))), Uint8Array.from(written));
      }),
    );
  });

  it('are refused when a byte is missing or added', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (given, at) => {
        const written = encodeTransaction(given);
        assert.throws(() => decodeTransaction(written.subarray(0, at % written.length)), DecodeError);
        assert.throws(() => decodeTransaction(Uint8Array.from([...written, 0])), DecodeError);
      }),
    );
  });

  it('never throw anything but DecodeError', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), fc.nat({ max: 255 }), (given, at, byte) => {
        const bent = encodeTransaction(given);
        bent[at % bent.length] = byte;
        try {
          decodeTransaction(bent);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
