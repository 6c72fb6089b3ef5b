import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aggregateTypes, compareMode, findFunction } from '../../../node/sql/functions/index.ts';
import type { ArgInfo } from '../../../node/sql/functions/index.ts';
import type { SqlType } from '../../../node/sql/types/index.ts';
import { COLLATION, typeEnv } from './evaluate.ts';

const int = (bits: 8 | 16 | 24 | 32 | 64, unsigned = false): SqlType => ({ kind: 'int', bits, unsigned });
const decimal = (precision: number, scale: number): SqlType => ({ kind: 'decimal', precision, scale, unsigned: false });
const varchar = (length: number, collation = COLLATION): SqlType => ({
  kind: 'string',
  family: 'varchar',
  length,
  collation,
});
const date: SqlType = { kind: 'date' };
const datetime: SqlType = { kind: 'datetime', fsp: 0 };
const time: SqlType = { kind: 'time', fsp: 3 };
const double: SqlType = { kind: 'double', unsigned: false };
const money: SqlType = { kind: 'double', unsigned: false, digits: [10, 2] };
const json: SqlType = { kind: 'json' };
const bytes: SqlType = { kind: 'binary', family: 'varbinary', length: 7 };

const column = (type: SqlType): ArgInfo => ({ type, nullable: true, coercibility: 2 });
const constant = (type: SqlType, value: bigint | string): ArgInfo => ({
  type,
  nullable: false,
  coercibility: 4,
  constant: value,
});

describe('types of results', () => {
  const cases: readonly [name: string, args: readonly ArgInfo[], expected: SqlType][] = [
    ['+', [column(int(32)), column(decimal(5, 2))], decimal(13, 2)],
    ['+', [column(int(64, true)), column(int(8))], int(64, true)],
    ['-', [column(decimal(30, 10)), column(decimal(5, 2))], decimal(31, 10)],
    ['*', [column(decimal(5, 2)), column(decimal(5, 2))], decimal(10, 4)],
    ['/', [column(int(32)), column(int(32))], decimal(14, 4)],
    ['/', [column(decimal(5, 2)), column(decimal(5, 2))], decimal(11, 6)],
    ['/', [column(int(32)), column(double)], double],
    ['+', [column(money), column(int(32))], { kind: 'double', unsigned: false, digits: [22, 2] }],
    ['*', [column(money), column(decimal(5, 3))], { kind: 'double', unsigned: false, digits: [22, 3] }],
    ['/', [column(money), column(int(32))], { kind: 'double', unsigned: false, digits: [22, 6] }],
    ['-', [column(money), column(double)], double],
    ['+', [column(money), column(varchar(3))], double],
    ['%', [column(int(8, true)), column(int(64))], int(64, true)],
    ['CONCAT', [column(int(32)), column(varchar(20))], varchar(31)],
    ['CONCAT', [column(varchar(20)), column(bytes)], { kind: 'binary', family: 'varbinary', length: 87 }],
    ['LEFT', [column(varchar(20)), constant(int(64), 5n)], varchar(5)],
    ['ROUND', [column(decimal(8, 3)), constant(int(64), 1n)], decimal(7, 1)],
    ['DATE_ADD', [column(date), column(int(32)), constant(varchar(3), 'DAY')], date],
    ['DATE_ADD', [column(date), column(int(32)), constant(varchar(4), 'HOUR')], datetime],
    [
      'DATE_ADD',
      [column(datetime), column(int(32)), constant(varchar(11), 'MICROSECOND')],
      { kind: 'datetime', fsp: 6 },
    ],
    ['TIMEDIFF', [column(time), column(time)], time],
    ['JSON_EXTRACT', [column(json), constant(varchar(3), '$.a')], json],
  ];
  for (const [name, args, expected] of cases) {
    it(`${name}(${args.map((a) => a.type.kind).join(', ')})`, () => {
      assert.deepEqual(findFunction(name)?.result(args, typeEnv), expected);
    });
  }

  it('refuses collations that do not agree', () => {
    const explicit = (collation: string): ArgInfo => ({ type: varchar(5, collation), nullable: true, coercibility: 0 });
    assert.throws(() => findFunction('CONCAT')?.result([explicit('utf8mb4_bin'), explicit(COLLATION)], typeEnv), {
      errno: 1267,
      message:
        "Illegal mix of collations (utf8mb4_bin,EXPLICIT) and (utf8mb4_0900_ai_ci,EXPLICIT) for operation 'concat'",
    });
  });
});

describe('aggregateTypes', () => {
  const cases: readonly [types: readonly SqlType[], expected: SqlType][] = [
    [[int(32), int(64)], int(64)],
    [[int(64), int(64, true)], decimal(20, 0)],
    [[int(32), decimal(5, 2)], decimal(12, 2)],
    [[int(32), double], double],
    [[date, datetime], datetime],
    [[date, time], { kind: 'datetime', fsp: 3 }],
    [[int(32), varchar(5)], varchar(11)],
    [[date, varchar(20)], varchar(20)],
    [[json, json], json],
    [[json, varchar(5)], { kind: 'string', family: 'longtext', length: 4294967295, collation: 'utf8mb4_bin' }],
    [[varchar(20), bytes], { kind: 'binary', family: 'varbinary', length: 80 }],
    [[{ kind: 'null' }, int(8)], int(8)],
    [[varchar(5, 'latin1_swedish_ci'), varchar(3)], varchar(5)],
  ];
  for (const [types, expected] of cases) {
    it(types.map((t) => t.kind).join(' and '), () => assert.deepEqual(aggregateTypes(types), expected));
  }
});

describe('compareMode', () => {
  it('follows the kinds of the two sides', () => {
    assert.equal(compareMode(int(32), int(64, true)), 'int');
    assert.equal(compareMode(int(32), decimal(5, 2)), 'decimal');
    assert.equal(compareMode(int(32), varchar(5)), 'real');
    assert.equal(compareMode(varchar(5), varchar(5)), 'string');
    assert.equal(compareMode(varchar(5), bytes), 'binary');
    assert.equal(compareMode(date, varchar(5)), 'datetime');
    assert.equal(compareMode(date, date), 'date');
    assert.equal(compareMode(date, datetime), 'datetime');
    assert.equal(compareMode(time, varchar(5)), 'time');
    assert.equal(compareMode(json, int(32)), 'json');
    assert.equal(compareMode(datetime, int(64), { rightConstant: true }), 'datetime');
  });
});
