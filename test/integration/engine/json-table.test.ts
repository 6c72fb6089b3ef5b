// JSON_TABLE: rows that a document spells. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const documents: readonly Step[] = [
  ['CREATE TABLE j (id int, d json)', 0],
  [`INSERT INTO j VALUES (1,'[{"a":1,"b":"x"},{"a":2}]'),(2,'{"a":[5,6]}'),(3,null)`, 3],
];

dialectTests({
  'values, ordinality, existence': [
    [
      `SELECT * FROM json_table('[{"x":1},{"y":2}]', '$[*]' COLUMNS (o FOR ORDINALITY, x int PATH '$.x', e int EXISTS PATH '$.y')) t`,
      [
        ['1', '1', '0'],
        ['2', null, '1'],
      ],
    ],
    [
      `SELECT * FROM json_table('{"a":{"b":1}}', '$' COLUMNS (v int PATH '$.a.b', w int PATH '$.a', j json PATH '$.a')) t`,
      [['1', null, '{"b": 1}']],
    ],
    [`SELECT * FROM json_table(null, '$[*]' COLUMNS (v int PATH '$')) t`, []],
    [`SELECT sum(v) FROM json_table('[3,1]', '$[*]' COLUMNS (v int PATH '$')) t WHERE v > 1`, [['3']]],
    ["SET @doc = '[1,2]'", 0],
    ["PREPARE q FROM 'SELECT max(v) FROM json_table(?, ''$[*]'' COLUMNS (v int PATH ''$'')) t'", 0],
    ['EXECUTE q USING @doc', [['2']]],
  ],
  'a row for each match of each nested path': [
    [
      `SELECT * FROM json_table('[{"a":[1,2],"b":[3]},{"a":[]}]', '$[*]' COLUMNS (o FOR ORDINALITY,
        NESTED PATH '$.a[*]' COLUMNS (oa FOR ORDINALITY, va int PATH '$'), NESTED PATH '$.b[*]' COLUMNS (vb int PATH '$'))) t`,
      [
        ['1', '1', '1', null],
        ['1', '2', '2', null],
        ['1', null, null, '3'],
        ['2', null, null, null],
      ],
    ],
  ],
  'ON EMPTY and ON ERROR': [
    [
      `SELECT * FROM json_table('["abc", "7", null, [1]]', '$[*]' COLUMNS (n int PATH '$', d int PATH '$' DEFAULT '5' ON ERROR, e int PATH '$.q' DEFAULT '"6"' ON EMPTY)) t`,
      [
        [null, '5', '6'],
        ['7', '7', '6'],
        [null, null, '6'],
        [null, '5', '6'],
      ],
    ],
    [`SELECT * FROM json_table('["abc"]', '$[*]' COLUMNS (v int PATH '$' ERROR ON ERROR)) t`, 'E3156'],
    [`SELECT * FROM json_table('["abc"]', '$[*]' COLUMNS (v varchar(2) PATH '$' ERROR ON ERROR)) t`, 'E3669'],
    [`SELECT * FROM json_table('[300]', '$[*]' COLUMNS (v tinyint PATH '$' ERROR ON ERROR)) t`, 'E3669'],
    [`SELECT * FROM json_table('[[1]]', '$[*]' COLUMNS (v int PATH '$' ERROR ON ERROR)) t`, 'E3666'],
    [`SELECT * FROM json_table('[{}]', '$[*]' COLUMNS (v int PATH '$.a' ERROR ON EMPTY)) t`, 'E3665'],
    [`SELECT * FROM json_table('[{}]', '$[*]' COLUMNS (v int PATH '$.a' DEFAULT '"b"' ON EMPTY)) t`, 'E3156'],
  ],
  'types of columns': [
    [
      `SELECT * FROM json_table('[20200101, "2020-01-01 10:11:12.5678", true, 18446744073709551615, 1e2]', '$[*]' COLUMNS
        (u bigint unsigned PATH '$', d date PATH '$', t datetime(2) PATH '$', f double PATH '$', c varchar(30) PATH '$', hex varbinary(4) PATH '$'))
        x ORDER BY u`,
      [
        [null, '2020-01-01', '2020-01-01 10:11:12.57', null, '2020-01-01 10:11:12.5678', null],
        ['1', null, null, '1', 'true', 'true'],
        ['100', null, null, '100', '100.0', null],
        ['20200101', '2020-01-01', '2020-01-01 00:00:00.00', '20200101', '20200101', null],
        ['18446744073709551615', null, null, '1.8446744073709552e19', '18446744073709551615', null],
      ],
    ],
  ],
  'documents of earlier tables': [
    ...documents,
    [
      `SELECT j.id, t.* FROM j, json_table(j.d, '$[*]' COLUMNS (a varchar(10) PATH '$.a', b varchar(5) PATH '$.b' DEFAULT '"zz"' ON EMPTY)) t`,
      [
        ['1', '1', 'x'],
        ['1', '2', 'zz'],
      ],
    ],
    [
      `SELECT j.id, t.a FROM j LEFT JOIN json_table(j.d, '$[*]' COLUMNS (a int PATH '$.a')) t ON t.a > 1 ORDER BY id`,
      [
        ['1', '2'],
        ['2', null],
        ['3', null],
      ],
    ],
    [
      `SELECT (SELECT max(a) FROM json_table(j.d, '$[*]' COLUMNS (a int PATH '$.a')) t) FROM j ORDER BY id`,
      [['2'], [null], [null]],
    ],
    [`UPDATE j, json_table('[2,3]', '$[*]' COLUMNS (v int PATH '$')) t SET j.d = '{"a":9}' WHERE j.id = t.v`, 2],
    [`UPDATE j, json_table('[2]', '$[*]' COLUMNS (v int PATH '$')) t SET t.v = 1`, 'E1288'],
    [`DELETE j FROM j JOIN json_table('[2]', '$[*]' COLUMNS (v int PATH '$')) t ON j.id = t.v`, 1],
    [`INSERT INTO j SELECT v, '[]' FROM json_table('[8]', '$[*]' COLUMNS (v int PATH '$')) t`, 1],
    [`CREATE VIEW v AS SELECT id, t.* FROM j, json_table(d, '$.a' COLUMNS (o FOR ORDINALITY, a int PATH '$')) t`, 0],
    ['SELECT * FROM v', [['3', '1', '9']]],
  ],
  refusals: [
    ...documents,
    [`SELECT * FROM json_table('{"a":1', '$' COLUMNS (v int PATH '$')) t`, 'E3141'],
    [`SELECT * FROM json_table('[1]', '$[' COLUMNS (v int PATH '$')) t`, 'E3143'],
    [`SELECT * FROM json_table(1, '$' COLUMNS (v int PATH '$')) t`, 'E3146'],
    [`SELECT * FROM json_table('[1]', '$' COLUMNS (v int PATH '$', V int PATH '$')) t`, 'E1060'],
    [`SELECT * FROM json_table('[1]', '$' COLUMNS (v int PATH '$'))`, 'E3667'],
    [`SELECT * FROM json_table(j.d, '$' COLUMNS (v int PATH '$')) t, j`, 'E1109'],
    [`SELECT * FROM j RIGHT JOIN json_table(j.d, '$' COLUMNS (v int PATH '$')) t ON true`, 'E1109'],
    [`SELECT * FROM json_table(d, '$' COLUMNS (v int PATH '$')) t`, 'E1054'],
  ],
});
