// What goes between the two ends of a session, as bytes: what is written is read back, and no bytes do harm.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeCommand,
  encodeOpening,
  readCommand,
  readOpening,
  readWhole,
  type Command,
  type Opening,
} from '../../../node/forwarding/codec.ts';
import { readColumns, writeColumns } from '../../../node/forwarding/columns.ts';
import { cutFrame, FRAME_BYTES_MAX, Joiner, Kind, readFrame } from '../../../node/forwarding/frames.ts';
import { readValue, writeValue } from '../../../node/forwarding/values.ts';
import { CborWriter, DecodeError } from '../../../node/log/index.ts';
import type { ColumnDefinition, ParameterValue, WireValue } from '../../../node/server/index.ts';
import type { SqlType } from '../../../node/sql/index.ts';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, requiredKeys?: (keyof T)[]): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true, ...(requiredKeys && { requiredKeys }) });
const one = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const text = fc.string({ unit: 'grapheme' });
const bytes = fc.uint8Array({ maxLength: 300 });
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom(0, -1, 2 ** 53 - 1, 1 - 2 ** 53, 0n, -5n, 2n ** 53n, -(2n ** 53n), 2n ** 64n - 1n, -(2n ** 63n)),
);
const value: fc.Arbitrary<WireValue> = fc.oneof(one(null), integer, fc.double(), text, bytes);

const parameter: fc.Arbitrary<ParameterValue> = fc.oneof(
  record({ kind: one('null' as const) }),
  record({ kind: one('int' as const), value: integer, unsigned: fc.boolean() }),
  record({ kind: one('double' as const), value: fc.double() }),
  record({ kind: one('bytes' as const), bytes }),
  record({ kind: fc.constantFrom('decimal', 'string', 'date', 'datetime', 'time'), text }),
);

const small = fc.nat(30);
const length = fc.nat(2 ** 31 - 1).map((n) => n * 2 + 1);
const plain = fc.constantFrom('year', 'date', 'json', 'geometry', 'null');
const type: fc.Arbitrary<SqlType> = fc.oneof(
  record<Extract<SqlType, { kind: 'int' }>>(
    {
      kind: one('int'),
      bits: fc.constantFrom(8, 16, 24, 32, 64),
      unsigned: fc.boolean(),
      width: fc.nat(255),
      zerofill: fc.boolean(),
    } as never,
    ['kind', 'bits', 'unsigned'],
  ),
  record({ kind: one('bit' as const), length: fc.nat(64) }),
  record({ kind: one('decimal' as const), precision: fc.nat(65), scale: small, unsigned: fc.boolean() }),
  record<Extract<SqlType, { kind: 'float' | 'double' }>>(
    { kind: fc.constantFrom('float', 'double'), unsigned: fc.boolean(), digits: fc.tuple(fc.nat(255), small) },
    ['kind', 'unsigned'],
  ),
  plain.map((kind) => ({ kind })),
  record({ kind: fc.constantFrom('time', 'datetime', 'timestamp'), fsp: fc.nat(6) }),
  record({
    kind: one('string' as const),
    family: fc.constantFrom('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'),
    length,
    collation: text,
  }),
  record({
    kind: one('binary' as const),
    family: fc.constantFrom('binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'),
    length,
  }),
  record({ kind: fc.constantFrom('enum', 'set'), values: fc.array(text, { maxLength: 70 }), collation: text }),
);

const isSet = one(true);
const column: fc.Arbitrary<ColumnDefinition> = record<ColumnDefinition>(
  {
    database: text,
    table: text,
    originalTable: text,
    name: text,
    originalName: text,
    type,
    nullable: fc.boolean(),
    primaryKey: isSet,
    uniqueKey: isSet,
    multipleKey: isSet,
    autoIncrement: isSet,
    noDefault: isSet,
    onUpdateNow: isSet,
  },
  ['database', 'table', 'originalTable', 'name', 'originalName', 'type', 'nullable'],
);

const statement = fc.nat(2 ** 32 - 1);
const command: fc.Arbitrary<Command> = fc.oneof(
  record({ kind: one('query' as const), multi: fc.boolean(), sql: bytes }),
  record({ kind: one('prepare' as const), statement, sql: bytes }),
  record({ kind: one('execute' as const), statement, parameters: fc.array(parameter) }),
  record({ kind: one('use' as const), name: text }),
  record({ kind: one('fields' as const), table: text, wildcard: text }),
  record({ kind: fc.constantFrom('reset', 'image') }),
);

const opening: fc.Arbitrary<Opening> = record<Opening>({
  who: record({ user: text, host: text }),
  client: record({
    address: text,
    port: fc.nat(65_535),
    tlsCipher: text,
    tlsVersion: text,
    attributes: fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs)),
    database: text,
    collationId: fc.nat(65_535),
    interactive: fc.boolean(),
    foundRows: fc.boolean(),
    ignoreSpace: fc.boolean(),
    localInfile: fc.boolean(),
  }),
  image: bytes,
});

const written = (write: (out: CborWriter) => unknown): Uint8Array => {
  const out = new CborWriter(8);
  write(out);
  return out.take();
};

describe('what is written', () => {
  it('is read back as it was: values', () => {
    fc.assert(
      fc.property(value, (v) => {
        const back = readWhole(
          written((out) => writeValue(out, v)),
          readValue,
        );
        assert.ok(v instanceof Uint8Array ? Buffer.from(v).equals(back as Uint8Array) : Object.is(back, v));
      }),
      { numRuns: 3000 },
    );
  });

  it('columns', () => {
    fc.assert(
      fc.property(fc.array(column, { maxLength: 5 }), (columns) =>
        assert.deepStrictEqual(
          readWhole(
            written((out) => writeColumns(out, columns)),
            readColumns,
          ),
          columns,
        ),
      ),
      { numRuns: 1000 },
    );
  });

  it('commands', () => {
    fc.assert(
      fc.property(command, (c) => assert.deepStrictEqual(readWhole(encodeCommand(c), readCommand), c)),
      { numRuns: 2000 },
    );
  });

  it('openings', () => {
    fc.assert(fc.property(opening, (o) => assert.deepStrictEqual(readWhole(encodeOpening(o), readOpening), o)));
  });

  it('messages of any length', () => {
    const message = Buffer.alloc(3 * FRAME_BYTES_MAX + 17, 'some message or other ');
    for (const length of [0, 1, FRAME_BYTES_MAX - 6, FRAME_BYTES_MAX - 5, 2 * (FRAME_BYTES_MAX - 6), message.length]) {
      const joiner = new Joiner();
      const sent = message.subarray(0, length);
      let came: Uint8Array | undefined;
      let at = 0;
      do {
        const { frame, next } = cutFrame(Kind.ANSWER, 77, sent, at);
        assert.ok(frame.length <= FRAME_BYTES_MAX);
        const read = readFrame(frame);
        assert.ok(read?.kind === Kind.ANSWER && read.session === 77);
        assert.equal(came, undefined);
        came = joiner.add(read);
        at = next;
      } while (at < length);
      assert.ok(sent.equals(came as Uint8Array));
    }
  });
});

it('any bytes are read, or refused as malformed', () => {
  const readers = [readValue, readColumns, readCommand, readOpening];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(readers.length - 1), (some, n) => {
      readFrame(some);
      try {
        readWhole(some, readers[n] as never);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 20_000 },
  );
});
