import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { charsetOf, UTF8MB4 } from '../../../node/server/charsets.ts';
import { columnSet, wireColumn, writeColumnSet } from '../../../node/server/columns.ts';
import { ColumnFlag, Type } from '../../../node/server/constants.ts';
import { formatDouble, formatFixed, formatFloat } from '../../../node/server/numbers.ts';
import { Output } from '../../../node/server/output.ts';
import { readTypes, readValues } from '../../../node/server/parameters.ts';
import { MalformedPacket, Payload } from '../../../node/server/payload.ts';
import type { ColumnDefinition, WireValue } from '../../../node/server/ports.ts';
import { writeBinaryRow, writeTextRow } from '../../../node/server/rows.ts';
import type { SqlType } from '../../../node/sql/index.ts';

const column = (type: SqlType, more: Partial<ColumnDefinition> = {}): ColumnDefinition => ({
  database: 'd',
  table: 't',
  originalTable: 't',
  name: 'c',
  originalName: 'c',
  type,
  nullable: true,
  ...more,
});

const int = (bits: 8 | 16 | 24 | 32 | 64, unsigned = false): SqlType => ({ kind: 'int', bits, unsigned });

describe('floating point numbers', () => {
  it('are printed as MySQL prints them', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [-0, '-0'],
      [1, '1'],
      [0.1, '0.1'],
      [-1.5, '-1.5'],
      [1e20, '1e20'],
      [1e15, '1e15'],
      [100000000000000, '100000000000000'],
      [999999999999999.9, '999999999999999.9'],
      [123456789012345680, '1.2345678901234568e17'],
      [1.5e300, '1.5e300'],
      [1e-5, '0.00001'],
      [1.5e-7, '0.00000015'],
      [-1e-15, '-0.000000000000001'],
      [1e-16, '1e-16'],
      [2.5e-200, '2.5e-200'],
      [1.7976931348623157e308, '1.7976931348623157e308'],
    ];
    for (const [value, text] of cases) assert.equal(formatDouble(value), text);
    assert.equal(formatFloat(Math.fround(0.1)), '0.1');
    assert.equal(formatFloat(Math.fround(3.4028235e38)), '3.40282e38');
    assert.equal(formatFloat(16777216), '16777200');
    assert.equal(formatFixed(2.5, 3), '2.500');
    assert.equal(formatFixed(1e22, 2), '10000000000000000000000.00');
  });

  it('read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(Number(formatDouble(value)), value);
      }),
    );
  });
});

describe('column definitions', () => {
  // type, length, flags, decimals, charset as a MySQL server sends them for columns of tables.
  const cases: [string, SqlType, number, number, number, number, number][] = [
    ['TINYINT', int(8), Type.TINY, 4, 0, 0, 63],
    ['TINYINT UNSIGNED', int(8, true), Type.TINY, 3, 32, 0, 63],
    ['MEDIUMINT', int(24), Type.INT24, 9, 0, 0, 63],
    ['INT', int(32), Type.LONG, 11, 0, 0, 63],
    ['BIGINT UNSIGNED', int(64, true), Type.LONGLONG, 20, 32, 0, 63],
    ['DECIMAL(10,2)', { kind: 'decimal', precision: 10, scale: 2, unsigned: false }, Type.NEWDECIMAL, 12, 0, 2, 63],
    [
      'DECIMAL(5,0) UNSIGNED',
      { kind: 'decimal', precision: 5, scale: 0, unsigned: true },
      Type.NEWDECIMAL,
      5,
      32,
      0,
      63,
    ],
    ['FLOAT', { kind: 'float', unsigned: false }, Type.FLOAT, 12, 0, 31, 63],
    ['DOUBLE', { kind: 'double', unsigned: false }, Type.DOUBLE, 22, 0, 31, 63],
    ['BIT(8)', { kind: 'bit', length: 8 }, Type.BIT, 8, 32, 0, 63],
    ['YEAR', { kind: 'year' }, Type.YEAR, 4, 96, 0, 63],
    ['DATE', { kind: 'date' }, Type.DATE, 10, 128, 0, 63],
    ['TIME(3)', { kind: 'time', fsp: 3 }, Type.TIME, 14, 128, 3, 63],
    ['DATETIME', { kind: 'datetime', fsp: 0 }, Type.DATETIME, 19, 128, 0, 63],
    ['TIMESTAMP(6)', { kind: 'timestamp', fsp: 6 }, Type.TIMESTAMP, 26, 128, 6, 63],
    [
      'VARCHAR(255)',
      { kind: 'string', family: 'varchar', length: 255, collation: 'utf8mb4_0900_ai_ci' },
      Type.VAR_STRING,
      1020,
      0,
      0,
      255,
    ],
    [
      'CHAR(10) bin',
      { kind: 'string', family: 'char', length: 10, collation: 'utf8mb4_bin' },
      Type.STRING,
      40,
      128,
      0,
      255,
    ],
    [
      'TEXT',
      { kind: 'string', family: 'text', length: 65535, collation: 'utf8mb4_0900_ai_ci' },
      Type.BLOB,
      262140,
      16,
      0,
      255,
    ],
    [
      'LONGTEXT',
      { kind: 'string', family: 'longtext', length: 0xffffffff, collation: 'utf8mb4_0900_ai_ci' },
      Type.BLOB,
      0xffffffff,
      16,
      0,
      255,
    ],
    ['VARBINARY(16)', { kind: 'binary', family: 'varbinary', length: 16 }, Type.VAR_STRING, 16, 128, 0, 63],
    ['BINARY(16)', { kind: 'binary', family: 'binary', length: 16 }, Type.STRING, 16, 128, 0, 63],
    ['BLOB', { kind: 'binary', family: 'blob', length: 65535 }, Type.BLOB, 65535, 144, 0, 63],
    ['ENUM', { kind: 'enum', values: ['a', 'long'], collation: 'utf8mb4_0900_ai_ci' }, Type.STRING, 16, 256, 0, 255],
    ['SET', { kind: 'set', values: ['a', 'bc'], collation: 'utf8mb4_0900_ai_ci' }, Type.STRING, 16, 2048, 0, 255],
    ['JSON', { kind: 'json' }, Type.JSON, 0xffffffff, 144, 0, 63],
    ['NULL', { kind: 'null' }, Type.NULL, 0, 128, 0, 63],
  ];
  for (const [name, type, code, length, flags, decimals, charset] of cases) {
    it(name, () => {
      assert.deepEqual(wireColumn(column(type), UTF8MB4), { type: code, charset, length, flags, decimals });
    });
  }

  it('show keys, and lengths in the character set of the client', () => {
    const key = wireColumn(column(int(32), { nullable: false, primaryKey: true, autoIncrement: true }), UTF8MB4);
    assert.equal(key.flags, ColumnFlag.NOT_NULL | ColumnFlag.PRI_KEY | ColumnFlag.PART_KEY | ColumnFlag.AUTO_INCREMENT);
    const text: SqlType = { kind: 'string', family: 'varchar', length: 10, collation: 'utf8mb4_0900_ai_ci' };
    assert.deepEqual([8, 10], pick(wireColumn(column(text), charsetOf('latin1'))));
    assert.deepEqual([33, 30], pick(wireColumn(column(text), charsetOf('utf8mb3'))));
    assert.deepEqual([255, 40], pick(wireColumn(column(text), undefined)));
    const computed = wireColumn(column(text, { originalTable: '' }), UTF8MB4);
    assert.equal(computed.decimals, 31);
    const long = (length: number, table: string): number => {
      const type: SqlType = { kind: 'string', family: 'longtext', length, collation: 'utf8mb4_0900_ai_ci' };
      return wireColumn(column(type, { table, originalTable: '' }), UTF8MB4).type;
    };
    assert.deepEqual(
      [long(100000, ''), long(4294967295, ''), long(100000, 'derived')],
      [Type.MEDIUM_BLOB, Type.LONG_BLOB, Type.BLOB],
    );
  });
  const pick = (wire: { charset: number; length: number }): number[] => [wire.charset, wire.length];

  it('are built once for an array, and numbered anew for each answer', () => {
    const columns = [column(int(32)), column(int(64))];
    const set = columnSet(columns, UTF8MB4);
    assert.equal(columnSet(columns, UTF8MB4), set);
    assert.notEqual(columnSet(columns, undefined), set);
    const out = new Output();
    out.sequence = 254;
    writeColumnSet(out, set);
    assert.equal(out.sequence, 1);
    assert.deepEqual(
      set.starts.map((start) => out.buffer[start + 3]),
      [254, 255, 0],
    );
  });
});

describe('rows', () => {
  const write = (binary: boolean, types: SqlType[], values: WireValue[]): Buffer => {
    const out = new Output();
    const set = columnSet(
      types.map((type) => column(type)),
      UTF8MB4,
    );
    if (binary) writeBinaryRow(out, set, values);
    else writeTextRow(out, set, values);
    return Buffer.from(out.buffer.subarray(0, out.position));
  };

  it('of the text protocol', () => {
    const bytes = write(
      false,
      [
        int(32),
        { kind: 'year' },
        { kind: 'int', bits: 32, unsigned: true, width: 5, zerofill: true },
        { kind: 'double', unsigned: false },
        { kind: 'float', unsigned: false, digits: [7, 2] },
        int(64),
      ],
      [-7, 0, 42, 1e20, 1.5, null],
    );
    const payload = new Payload(bytes, 0, bytes.length);
    const texts = Array.from({ length: 5 }, () => payload.lengthBytes().toString());
    assert.deepEqual(texts, ['-7', '0000', '00042', '1e20', '1.50']);
    assert.equal(payload.u8(), 0xfb);
  });

  it('of the binary protocol, with times as long as they need to be', () => {
    const time: SqlType = { kind: 'time', fsp: 6 };
    const datetime: SqlType = { kind: 'datetime', fsp: 6 };
    const bytes = write(
      true,
      [datetime, datetime, datetime, datetime, time, time, time, int(64, true), int(8)],
      [
        '0000-00-00 00:00:00',
        '2024-02-29',
        '2024-02-29 01:02:03',
        '2024-02-29 01:02:03.5',
        '00:00:00',
        '-25:00:01',
        '838:59:59.000001',
        18446744073709551615n,
        null,
      ],
    );
    assert.equal(
      bytes.toString('hex'),
      [
        '00',
        // The bitmap: column 8 is NULL, at bit 10.
        '0004',
        '00',
        '04e807021d',
        '07e807021d010203',
        '0be807021d01020320a10700',
        '00',
        '080101000000010001',
        '0c0022000000163b3b01000000',
        'ffffffffffffffff',
      ].join(''),
    );
  });
});

describe('parameters', () => {
  const read = (type: number, bytes: number[]): unknown => {
    const buffer = Buffer.from([...new Uint8Array(new Uint16Array([type]).buffer), ...bytes]);
    const payload = new Payload(buffer, 0, buffer.length);
    const types = readTypes(payload, 1, false);
    const [value] = readValues(payload, Buffer.from([0]), types, 1, 'utf8mb4', undefined);
    assert.equal(payload.left, 0);
    return value;
  };

  it('are decoded by type', () => {
    assert.deepEqual(read(Type.TINY, [0xff]), { kind: 'int', value: -1, unsigned: false });
    assert.deepEqual(read(Type.TINY | 0x8000, [0xff]), { kind: 'int', value: 255, unsigned: true });
    const max = [255, 255, 255, 255, 255, 255, 255, 255];
    assert.deepEqual(read(Type.LONGLONG, max), { kind: 'int', value: -1, unsigned: false });
    assert.deepEqual(read(Type.LONGLONG | 0x8000, max), { kind: 'int', value: 18446744073709551615n, unsigned: true });
    assert.deepEqual(read(Type.LONGLONG, [0, 0, 0, 0, 0, 0, 0, 128]), {
      kind: 'int',
      value: -(2n ** 63n),
      unsigned: false,
    });
    assert.deepEqual(read(Type.DATE, [0]), { kind: 'date', text: '0000-00-00' });
    assert.deepEqual(read(Type.DATETIME, [4, 0xe8, 7, 2, 29]), { kind: 'datetime', text: '2024-02-29 00:00:00' });
    assert.deepEqual(read(Type.TIME, [8, 1, 1, 0, 0, 0, 1, 0, 1]), { kind: 'time', text: '-25:00:01' });
    assert.deepEqual(read(Type.NEWDECIMAL, [3, 0x31, 0x2e, 0x35]), { kind: 'decimal', text: '1.5' });
    assert.deepEqual(read(Type.VAR_STRING, [2, 0xff, 0xfe]), { kind: 'bytes', bytes: Buffer.from([0xff, 0xfe]) });
    assert.throws(() => read(Type.LONG, [1, 2]), MalformedPacket);
    assert.throws(() => read(200, [0]), MalformedPacket);
  });

  it('64-bit integers keep their value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(value);
        const parameter = read(Type.LONGLONG, [...bytes]) as { value: number | bigint };
        assert.equal(BigInt(parameter.value), value);
      }),
    );
  });
});
