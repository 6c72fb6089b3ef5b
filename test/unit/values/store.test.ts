import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SqlError } from '../../../node/sql/types/index.ts';
import type { SqliteValue, SqlType } from '../../../node/sql/types/index.ts';
import { DEFAULT_SQL_MODE, encodeWide, storeConverter } from '../../../node/sql/values/index.ts';
import type { SqlMode } from '../../../node/sql/values/index.ts';

const COLLATION = 'utf8mb4_0900_ai_ci';
const TEXT: SqlType = { kind: 'string', family: 'varchar', length: 300, collation: COLLATION };
const BIGINT: SqlType = { kind: 'int', bits: 64, unsigned: false };
const DOUBLE: SqlType = { kind: 'double', unsigned: false };
const LAX: SqlMode = { ...DEFAULT_SQL_MODE, noZeroDate: false, noZeroInDate: false };

/** What is stored, with the warnings; or the error. */
function store(type: SqlType, value: SqliteValue, from: SqlType, strict: boolean, timeZone = '+00:00'): unknown {
  const warnings: string[] = [];
  const convert = storeConverter({ name: 'c', table: 't', type });
  try {
    const stored = convert(value, from, {
      strict,
      sqlMode: strict ? DEFAULT_SQL_MODE : LAX,
      row: 1,
      timeZone,
      nowUtcMicros: () => 0n,
      warn: (level, errno, message) => void warnings.push(`${level} ${errno} ${message}`),
    });
    return warnings.length === 0 ? stored : [stored, ...warnings];
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `${error.errno} ${error.sqlState} ${error.message}`;
  }
}

const int = (bits: 8 | 32 | 64, unsigned = false): SqlType => ({ kind: 'int', bits, unsigned });
const decimal: SqlType = { kind: 'decimal', precision: 6, scale: 2, unsigned: false };
const wide: SqlType = { kind: 'decimal', precision: 30, scale: 2, unsigned: false };
const string = (family: 'char' | 'varchar', length: number, collation = COLLATION): SqlType => ({
  kind: 'string',
  family,
  length,
  collation,
});
const date: SqlType = { kind: 'date' };
const datetime = (fsp: number): SqlType => ({ kind: 'datetime', fsp });
const timestamp: SqlType = { kind: 'timestamp', fsp: 0 };
const letters: SqlType = { kind: 'enum', values: ['a', 'b', '10'], collation: COLLATION };
const set: SqlType = { kind: 'set', values: ['a', 'b', 'c'], collation: COLLATION };

type Case = readonly [type: SqlType, value: SqliteValue, from: SqlType, strict: unknown, lax: unknown];

const RANGE = "Out of range value for column 'c' at row 1";
const CUT = "Data truncated for column 'c' at row 1";
const LONG = "1406 22001 Data too long for column 'c' at row 1";

const cases: readonly Case[] = [
  [int(8), 5, BIGINT, 5, 5],
  [int(8), 300n, BIGINT, `1264 22003 ${RANGE}`, [127n, `Warning 1264 ${RANGE}`]],
  [int(8, true), -1n, BIGINT, `1264 22003 ${RANGE}`, [0n, `Warning 1264 ${RANGE}`]],
  [int(32), '1.5', TEXT, 2n, 2n],
  [int(32), 2.5, DOUBLE, 2n, 2n],
  [int(32), '12abc', TEXT, `1265 01000 ${CUT}`, [12n, `Warning 1265 ${CUT}`]],
  [
    int(32),
    'abc',
    TEXT,
    "1366 HY000 Incorrect integer value: 'abc' for column 'c' at row 1",
    [0n, "Warning 1366 Incorrect integer value: 'abc' for column 'c' at row 1"],
  ],
  [int(64, true), '18446744073709551615', TEXT, new Uint8Array(8).fill(255), new Uint8Array(8).fill(255)],
  [decimal, '1.555', TEXT, [156n, `Note 1265 ${CUT}`], [156n, `Note 1265 ${CUT}`]],
  [decimal, '12345.6', TEXT, `1264 22003 ${RANGE}`, [999999n, `Warning 1264 ${RANGE}`]],
  [
    decimal,
    '1.5x',
    TEXT,
    "1366 HY000 Incorrect decimal value: '1.5x' for column 'c' at row 1",
    [150n, `Note 1265 ${CUT}`],
  ],
  [wide, '1.5', TEXT, encodeWide({ unscaled: 15n, scale: 1 }), encodeWide({ unscaled: 15n, scale: 1 })],
  [
    { kind: 'float', unsigned: false },
    1e39,
    DOUBLE,
    `1264 22003 ${RANGE}`,
    [Math.fround(3.4028234663852886e38), `Warning 1264 ${RANGE}`],
  ],
  [string('varchar', 3), 'abcd', TEXT, LONG, ['abc', `Warning 1265 ${CUT}`]],
  [string('varchar', 3), 'abc ', TEXT, ['abc', `Note 1265 ${CUT}`], ['abc', `Note 1265 ${CUT}`]],
  [string('varchar', 3), '😀é日', TEXT, '😀é日', '😀é日'],
  [string('char', 3), 'ab  ', TEXT, 'ab', 'ab'],
  [
    string('varchar', 9, 'latin1_swedish_ci'),
    'aя',
    TEXT,
    "1366 HY000 Incorrect string value: '\\xD1\\x8F' for column 'c' at row 1",
    ['a?', "Warning 1366 Incorrect string value: '\\xD1\\x8F' for column 'c' at row 1"],
  ],
  [
    { kind: 'binary', family: 'binary', length: 4 },
    'ab',
    TEXT,
    Uint8Array.of(97, 98, 0, 0),
    Uint8Array.of(97, 98, 0, 0),
  ],
  [{ kind: 'binary', family: 'varbinary', length: 1 }, 'ab', TEXT, LONG, [Uint8Array.of(97), `Warning 1265 ${CUT}`]],
  [date, '2010-1-2', TEXT, '2010-01-02', '2010-01-02'],
  [date, '0000-00-00', TEXT, "1292 22007 Incorrect date value: '0000-00-00' for column 'c' at row 1", '0000-00-00'],
  [
    date,
    '2010-02-30',
    TEXT,
    "1292 22007 Incorrect date value: '2010-02-30' for column 'c' at row 1",
    ['0000-00-00', `Warning 1264 ${RANGE}`],
  ],
  [
    date,
    'abc',
    TEXT,
    "1292 22007 Incorrect date value: 'abc' for column 'c' at row 1",
    ['0000-00-00', `Warning 1265 ${CUT}`],
  ],
  [datetime(0), '2010-01-02 10:20:30.5', TEXT, '2010-01-02 10:20:31', '2010-01-02 10:20:31'],
  [datetime(2), '2010-01-02', date, '2010-01-02 00:00:00.00', '2010-01-02 00:00:00.00'],
  [datetime(0), 20100102101112n, BIGINT, '2010-01-02 10:11:12', '2010-01-02 10:11:12'],
  [
    timestamp,
    '1969-12-31 23:59:59',
    TEXT,
    "1292 22007 Incorrect datetime value: '1969-12-31 23:59:59' for column 'c' at row 1",
    ['0000-00-00 00:00:00', `Warning 1264 ${RANGE}`],
  ],
  [{ kind: 'time', fsp: 1 }, '-10:11:12.55', TEXT, -36672600000n, -36672600000n],
  [
    { kind: 'time', fsp: 0 },
    '900:00:00',
    TEXT,
    "1292 22007 Incorrect time value: '900:00:00' for column 'c' at row 1",
    [3020399000000n, `Warning 1264 ${RANGE}`],
  ],
  [{ kind: 'year' }, 69n, BIGINT, 2069n, 2069n],
  [{ kind: 'year' }, '0', TEXT, 2000n, 2000n],
  [{ kind: 'year' }, 1800n, BIGINT, `1264 22003 ${RANGE}`, [0n, `Warning 1264 ${RANGE}`]],
  [letters, 'B ', TEXT, 2n, 2n],
  [letters, '10', TEXT, 3n, 3n],
  [letters, '2', TEXT, 2n, 2n],
  [letters, 'x', TEXT, `1265 01000 ${CUT}`, [0n, `Warning 1265 ${CUT}`]],
  [set, 'c,A', TEXT, 5n, 5n],
  [set, 'a,x', TEXT, `1265 01000 ${CUT}`, [1n, `Warning 1265 ${CUT}`]],
  [{ kind: 'bit', length: 4 }, 16n, BIGINT, LONG, [15n, `Warning 1264 ${RANGE}`]],
  [{ kind: 'json' }, '{"b":1,"a":[1.0]}', TEXT, '{"a": [1.0], "b": 1}', '{"a": [1.0], "b": 1}'],
];

describe('storing', () => {
  for (const [type, value, from, strict, lax] of cases) {
    it(`${JSON.stringify(typeof value === 'bigint' ? Number(value) : value)} into ${type.kind}`, () => {
      assert.deepEqual(store(type, value, from, true), strict);
      assert.deepEqual(store(type, value, from, false), lax);
    });
  }

  it('lets NULL pass', () => assert.equal(store(int(8), null, TEXT, true), null));

  it('refuses what is no JSON', () => {
    assert.equal(
      store({ kind: 'json' }, 'abc', TEXT, false),
      '3140 22032 Invalid JSON text: "Invalid value." at position 0 in value for column \'t.c\'.',
    );
  });

  it('moves TIMESTAMPs to UTC, and refuses those that no clock showed', () => {
    assert.equal(store(timestamp, '2020-07-01 12:00:00', TEXT, true, 'Europe/Berlin'), '2020-07-01 10:00:00');
    assert.equal(
      store(timestamp, '2020-03-29 02:30:00', TEXT, true, 'Europe/Berlin'),
      "1292 22007 Incorrect datetime value: '2020-03-29 02:30:00' for column 'c' at row 1",
    );
    assert.deepEqual(store(timestamp, '2020-03-29 02:30:00', TEXT, false, 'Europe/Berlin'), [
      '2020-03-29 01:00:00',
      `Warning 1264 ${RANGE}`,
    ]);
  });
});
