/** Columns of every type: assignments, additions, the rules that comments choose. */
import { either, ordered, type MergeCase } from './case.ts';

const COLUMNS: readonly (readonly [
  name: string,
  type: string,
  base: string,
  a: string,
  b: string,
  readA: string,
  readB: string,
])[] = [
  ['ti', 'tinyint', '1', '2', '3', '2', '3'],
  ['su', 'smallint unsigned', '1', '65535', '3', '65535', '3'],
  ['mi', 'mediumint', '1', '-8388608', '3', '-8388608', '3'],
  ['bi', 'bigint', '1', '9223372036854775807', '-9223372036854775808', '9223372036854775807', '-9223372036854775808'],
  ['bu', 'bigint unsigned', '1', '18446744073709551615', '3', '18446744073709551615', '3'],
  ['de', 'decimal(10,2)', '1', '2.5', '-3.25', '2.50', '-3.25'],
  [
    'dl',
    'decimal(40,10)',
    '1',
    '123456789012345678901234567890.0000000001',
    '-3',
    '123456789012345678901234567890.0000000001',
    '-3.0000000000',
  ],
  ['fl', 'float', '1', '2.5', '0.1', '2.5', '0.1'],
  ['db', 'double', '1', '2.25', '1e300', '2.25', '1e+300'],
  ['bt', 'bit(5)', "b'1'", "b'10'", "b'11111'", '02', '1f'],
  ['bl', 'bit(64)', "b'1'", "x'ffffffffffffffff'", "b'10'", 'ffffffffffffffff', '0000000000000002'],
  ['da', 'date', "'2020-01-01'", "'2024-02-29'", "'0000-00-00'", '2024-02-29', '0000-00-00'],
  ['tm', 'time(3)', "'01:02:03'", "'-838:59:59'", "'12:00:00.125'", '-838:59:59.000', '12:00:00.125'],
  [
    'dt',
    'datetime(6)',
    "'2020-01-01'",
    "'2024-02-29 23:59:59.999999'",
    "'1000-01-01'",
    '2024-02-29 23:59:59.999999',
    '1000-01-01 00:00:00.000000',
  ],
  [
    'ts',
    'timestamp',
    "'2020-01-01'",
    "'2038-01-19 03:14:07'",
    "'1970-01-01 00:00:01'",
    '2038-01-19 03:14:07',
    '1970-01-01 00:00:01',
  ],
  ['ye', 'year', '2020', '2155', '1901', '2155', '1901'],
  ['ch', 'char(5)', "'x'", "'a'", "'ü'", 'a', 'ü'],
  ['vc', 'varchar(20)', "'x'", "''", "'😀'", '', '😀'],
  ['vl', 'varchar(20) character set latin1', "'x'", "'é'", "'b'", 'é', 'b'],
  ['tx', 'text', "'x'", "repeat('a',5000)", "'b'", 'a'.repeat(5000), 'b'],
  ['bn', 'binary(3)', "'x'", "x'00ff'", "'b'", '00ff00', '620000'],
  ['vb', 'varbinary(9)', "'x'", "x'00ff'", "''", '00ff', ''],
  ['bb', 'blob', "'x'", "x'00ff'", 'null', '00ff', 'NULL'],
  ['en', "enum('x','a','b')", "'x'", "'a'", "'b'", 'a', 'b'],
  ['se', "set('x','a','b')", "'x'", "'x,b'", "''", 'x,b', ''],
  ['js', 'json', "'1'", `'{"b": 1, "a": [true, null]}'`, `'"b"'`, '{"a": [true, null], "b": 1}', '"b"'],
];

const nullable = (text: string): string | null => (text === 'NULL' ? null : text);
const everyType = [
  "set @@sql_mode = ''",
  `create table t (id int primary key, ${COLUMNS.map(([name, type]) => `${name} ${type} null`).join(', ')})`,
  `insert into t values (1, ${COLUMNS.map(([, , base]) => base).join(', ')})`,
];
const set = (columns: readonly (readonly [string, string])[]): readonly string[] => [
  "set @@sql_mode = ''",
  `update t set ${columns.map(([name, value]) => `${name} = ${value}`).join(', ')} where id = 1`,
];
const isEven = (_: unknown, place: number): boolean => place % 2 === 0;
const isOdd = (_: unknown, place: number): boolean => place % 2 === 1;

const number = (type: string, base: string): readonly string[] => [
  `create table t (id int primary key, n ${type})`,
  `insert into t values (1, ${base})`,
];
const rule = (type: string, name: string, base: string): readonly string[] => [
  `create table t (id int primary key, v ${type} comment 'p2pdb:merge=${name}')`,
  `insert into t values (1, ${base})`,
];
const toN = (text: string): string => `update t set n = ${text} where id = 1`;
const toV = (text: string): string => `update t set v = ${text} where id = 1`;
const row = (...values: (string | number | null)[]): { shows: { t: (string | number | null)[][] } } => ({
  shows: { t: [[1, ...values]] },
});

export const VALUES: readonly MergeCase[] = [
  either(
    'each type assigned on one side stays beside those of the other',
    {
      schema: everyType,
      A: [set(COLUMNS.filter(isEven).map(([name, , , a]) => [name, a]))],
      B: [set(COLUMNS.filter(isOdd).map(([name, , , , b]) => [name, b]))],
    },
    row(...COLUMNS.map(([, , , , , a, b], place) => nullable(place % 2 === 0 ? a : b))),
  ),
  ordered(
    'each type assigned on both sides: the later stays',
    {
      schema: everyType,
      A: [set(COLUMNS.map(([name, , , a]) => [name, a]))],
      B: [set(COLUMNS.map(([name, , , , b]) => [name, b]))],
    },
    row(...COLUMNS.map(([, , , , , , b]) => nullable(b))),
    row(...COLUMNS.map(([, , , , , a]) => nullable(a))),
  ),
  ordered(
    'additions that leave the range of TINYINT',
    { schema: number('tinyint', '120'), A: [toN('n + 5')], B: [toN('n + 6')] },
    { ...row(125), rejected: ['B1'] },
    { ...row(126), rejected: ['A1'] },
  ),
  ordered(
    'subtractions that go below zero in an unsigned column',
    { schema: number('int unsigned', '5'), A: [toN('n - 4')], B: [toN('n - 3')] },
    { ...row(1), rejected: ['B1'] },
    { ...row(2), rejected: ['A1'] },
  ),
  either(
    'additions near the top of BIGINT UNSIGNED',
    { schema: number('bigint unsigned', '18446744073709551600'), A: [toN('n + 5')], B: [toN('n + 7')] },
    row('18446744073709551612'),
  ),
  either(
    'additions across the middle of BIGINT UNSIGNED',
    { schema: number('bigint unsigned', '9223372036854775800'), A: [toN('n + 100')], B: [toN('n - 50')] },
    row('9223372036854775850'),
  ),
  ordered(
    'additions that leave the range of BIGINT UNSIGNED',
    { schema: number('bigint unsigned', '18446744073709551610'), A: [toN('n + 5')], B: [toN('n + 3')] },
    { ...row('18446744073709551615'), rejected: ['B1'] },
    { ...row('18446744073709551613'), rejected: ['A1'] },
  ),
  either(
    'additions beyond 2^53 in BIGINT',
    { schema: number('bigint', '9007199254740992'), A: [toN('n + 1')], B: [toN('n + 2')] },
    row('9007199254740995'),
  ),
  either(
    'additions of DECIMAL',
    { schema: number('decimal(10,2)', '10.50'), A: [toN('n + 0.25')], B: [toN('n - 1.10')] },
    row('9.65'),
  ),
  ordered(
    'additions that leave the range of DECIMAL',
    { schema: number('decimal(4,2)', '90'), A: [toN('n + 9')], B: [toN('n + 8.5')] },
    { ...row('99.00'), rejected: ['B1'] },
    { ...row('98.50'), rejected: ['A1'] },
  ),
  either(
    'additions of a long DECIMAL',
    {
      schema: number('decimal(40,10)', '1000000000000000000000000000.0000000001'),
      A: [toN('n + 1')],
      B: [toN('n - 0.5')],
    },
    row('1000000000000000000000000000.5000000001'),
  ),
  either(
    'additions of DOUBLE',
    { schema: number('double', '1.5'), A: [toN('n + 0.25')], B: [toN('n + 0.5')] },
    row('2.25'),
  ),
  ordered(
    'additions of DOUBLE that rounding cannot take apart again are the author’s all the same',
    {
      schema: number('double', '1e16'),
      A: [toN('n + 0.1'), toN('n + 3')],
      B: ['insert into t values (2, 0.1)', 'update t set n = n + 0.2 where id = 2'],
    },
    {
      shows: {
        t: [
          [1, 10000000000000004],
          [2, 0.30000000000000004],
        ],
      },
    },
    {
      shows: {
        t: [
          [1, 10000000000000004],
          [2, 0.30000000000000004],
        ],
      },
    },
  ),
  either(
    'a maximum that its only writer lowers',
    { schema: rule('int', 'max', '9'), A: [toV('3')], B: ['insert into t values (2, 1)'] },
    {
      shows: {
        t: [
          [1, 3],
          [2, 1],
        ],
      },
    },
  ),
  either(
    'additions of FLOAT',
    { schema: number('float', '1.5'), A: [toN('n + 0.25')], B: [toN('n - 0.5')] },
    row('1.25'),
  ),
  either('an addition and NULL', { schema: number('int', '5'), A: [toN('n + 1')], B: [toN('null')] }, row(null)),
  ordered(
    'a multiplication is an assignment',
    { schema: number('int', '10'), A: [toN('n * 2')], B: [toN('n + 1')] },
    row(21),
    row(20),
  ),
  either(
    'several additions of a transaction are one',
    {
      schema: number('int', '10'),
      A: [[toN('n + 1'), toN('n + 1'), toN('n - 5')]],
      B: [[toN('n + 100'), toN('n - 1')]],
    },
    row(106),
  ),
  either(
    'additions of what no table holds',
    {
      schema: number('int', '10'),
      A: [[toN('n + -5')], ['set @d = 30', toN('n - (@d * 2)')]],
      B: [toN('-(1) + n'), toN('n + (2 + 3)')],
    },
    row(-51),
  ),
  ordered(
    'an assignment and additions in one transaction',
    { schema: number('int', '10'), A: [[toN('50'), toN('n + 1')]], B: [toN('n + 7')] },
    row(58),
    row(51),
  ),
  ordered(
    'text that is put behind text is an assignment',
    { schema: number('varchar(20)', "'x'"), A: [toN("concat(n, 'a')")], B: [toN("concat(n, 'b')")] },
    row('xb'),
    row('xa'),
  ),

  // Rules.
  either(
    'rule counter: the differences count',
    { schema: rule('int', 'counter', '10'), A: [toV('15')], B: [toV('12')] },
    row(17),
  ),
  either(
    'rule counter on a long DECIMAL',
    { schema: rule('decimal(30,5)', 'counter', '10'), A: [toV('15.5')], B: [toV('12')] },
    row('17.50000'),
  ),
  either(
    'rule counter on BIGINT UNSIGNED',
    { schema: rule('bigint unsigned', 'counter', '10'), A: [toV('9223372036854775808')], B: [toV('12')] },
    row('9223372036854775810'),
  ),
  either(
    'rule min on a date',
    { schema: rule('date', 'min', "'2024-05-05'"), A: [toV("'2024-01-01'")], B: [toV("'2024-03-03'")] },
    row('2024-01-01'),
  ),
  either(
    'rule max on text follows its collation',
    { schema: rule('varchar(9)', 'max', "'a'"), A: [toV("'B'")], B: [toV("'c'")] },
    row('c'),
  ),
  either(
    'rule max on a long DECIMAL, below zero too',
    { schema: rule('decimal(40,2)', 'max', '-100'), A: [toV('-2')], B: [toV('-10')] },
    row('-2.00'),
  ),
  either(
    'rule max on BIGINT UNSIGNED',
    {
      schema: rule('bigint unsigned', 'max', '1'),
      A: [toV('9223372036854775809')],
      B: [toV('9223372036854775807')],
    },
    row('9223372036854775809'),
  ),
  either(
    'rule max on DATETIME',
    {
      schema: rule('datetime(3)', 'max', "'2020-01-01'"),
      A: [toV("'2024-01-01 00:00:00.001'")],
      B: [toV("'2024-01-01'")],
    },
    row('2024-01-01 00:00:00.001'),
  ),
  either(
    'rule max on ENUM goes by its order',
    { schema: rule("enum('new','paid','sent')", 'max', "'new'"), A: [toV("'sent'")], B: [toV("'paid'")] },
    row('sent'),
  ),
  ordered(
    'rule first-writer: what follows is passed over',
    { schema: rule('int', 'first-writer', '0'), A: [toV('1'), toV('2')], B: [toV('9')] },
    row(2),
    row(9),
  ),
  either(
    'rule union on a SET: what is taken out is out',
    { schema: rule("set('a','b','c')", 'union', "'a,b'"), A: [toV("'b'")], B: [toV("'a,b,c'")] },
    row('b,c'),
  ),
  ordered(
    'rule union on a JSON array',
    { schema: rule('json', 'union', "'[1]'"), A: [toV("'[1, 2]'")], B: [toV("'[1, 3]'")] },
    row('[1, 2, 3]'),
    row('[1, 3, 2]'),
  ),
  either(
    'rule json goes deep',
    {
      schema: rule('json', 'json', `'{"a": {"x": 1, "y": 1, "z": 1}}'`),
      A: [toV("json_set(v, '$.a.x', 2)")],
      B: [toV("json_remove(json_set(v, '$.a.y', 2), '$.a.z')")],
    },
    row('{"a": {"x": 2, "y": 2}}'),
  ),
  ordered(
    'rule json: the same key, the later stays',
    {
      schema: rule('json', 'json', `'{"a": 1}'`),
      A: [toV("json_set(v, '$.a', 2, '$.p', 1)")],
      B: [toV("json_set(v, '$.a', 3, '$.q', 1)")],
    },
    row('{"a": 3, "p": 1, "q": 1}'),
    row('{"a": 2, "p": 1, "q": 1}'),
  ),
  either(
    'a rule of the table holds for its columns, but those with their own',
    {
      schema: [
        "create table t (id int primary key, a int, b int, c int comment 'p2pdb:merge=min') comment 'p2pdb:merge=max'",
        'insert into t values (1, 5, 5, 5)',
      ],
      A: ['update t set a = 9, b = 1, c = 1 where id = 1'],
      B: ['update t set a = 7, b = 6, c = 4 where id = 1'],
    },
    row(9, 6, 1),
  ),
  ordered(
    'rule reject of the table refuses the whole transaction',
    {
      schema: [
        "create table t (id int primary key, v int) comment 'p2pdb:merge=reject'",
        'create table u (id int primary key)',
        'insert into t values (1, 0)',
      ],
      A: [['insert into u values (1)', 'update t set v = 1 where id = 1']],
      B: [['insert into u values (2)', 'update t set v = 2 where id = 1']],
    },
    { shows: { t: [[1, 1]], u: [[1]] }, rejected: ['B1'] },
    { shows: { t: [[1, 2]], u: [[2]] }, rejected: ['A1'] },
  ),
  either(
    'generated columns follow the merged row, stored or not',
    {
      schema: [
        "create table t (id int primary key, a varchar(9), b varchar(9), s varchar(20) as (concat(a, '-', b)) stored, v varchar(20) as (upper(concat(b, a))) virtual)",
        "insert into t (id, a, b) values (1, 'p', 'q')",
      ],
      A: ["update t set a = 'x' where id = 1"],
      B: ["update t set b = 'y' where id = 1"],
    },
    row('x', 'y', 'x-y', 'YX'),
  ),
];
