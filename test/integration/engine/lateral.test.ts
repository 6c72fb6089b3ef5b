// LATERAL derived tables, and the collation in which the parts of a set operation meet. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  [
    'CREATE TABLE t (a int, b varchar(10), r double, u bigint unsigned, d decimal(30,5), z varbinary(10), s datetime(3))',
    0,
  ],
  [
    `INSERT INTO t VALUES (1,'x',1.5,18446744073709551615,12345678901234567890.12345,x'4100','2020-01-01 10:00:00.123'),
      (2,'Y',2,5,null,'q',null),(3,null,null,null,null,null,null)`,
    3,
  ],
  ['CREATE TABLE s (k int, v int, w varchar(10))', 0],
  ["INSERT INTO s VALUES (1,10,'a'),(1,11,'B'),(2,20,'c')", 3],
];

dialectTests({
  'the first rows of each group': [
    ...tables,
    [
      'SELECT t.a, d.* FROM t, LATERAL (SELECT v, w FROM s WHERE s.k = t.a ORDER BY v DESC LIMIT 1) d ORDER BY a',
      [
        ['1', '11', 'B'],
        ['2', '20', 'c'],
      ],
    ],
    [
      'SELECT t.a, d.m FROM t LEFT JOIN LATERAL (SELECT max(v) AS m FROM s WHERE s.k = t.a) d ON d.m > 11 ORDER BY a',
      [
        ['1', null],
        ['2', '20'],
        ['3', null],
      ],
    ],
    [
      'SELECT t.a, d.n FROM t JOIN LATERAL (SELECT max(v), count(*) FROM s WHERE s.k = t.a) d(m, n) ON d.n > 0 ORDER BY a',
      [
        ['1', '2'],
        ['2', '1'],
      ],
    ],
  ],
  'values of every type pass unchanged': [
    ...tables,
    [
      'SELECT d.* FROM t, LATERAL (SELECT t.a, t.b, t.r, t.u, t.d, t.z, t.s) d ORDER BY a',
      [
        ['1', 'x', '1.5', '18446744073709551615', '12345678901234567890.12345', 'A\0', '2020-01-01 10:00:00.123'],
        ['2', 'Y', '2', '5', null, 'q', null],
        ['3', null, null, null, null, null, null],
      ],
    ],
  ],
  'one after the other, inside others, in subqueries and views': [
    ...tables,
    [
      'SELECT d.v, e.q FROM t, LATERAL (SELECT v FROM s WHERE s.k = t.a) d, LATERAL (SELECT d.v + t.a AS q) e ORDER BY 1',
      [
        ['10', '11'],
        ['11', '12'],
        ['20', '22'],
      ],
    ],
    [
      'SELECT d.* FROM t, LATERAL (SELECT t.a UNION ALL SELECT t.a + 10) d ORDER BY 1',
      [['1'], ['2'], ['3'], ['11'], ['12'], ['13']],
    ],
    [
      'SELECT (SELECT sum(x.v) FROM LATERAL (SELECT v FROM s WHERE s.k = t.a) x) FROM t ORDER BY a',
      [['21'], ['20'], [null]],
    ],
    ['SELECT max(y) FROM t, (s JOIN LATERAL (SELECT t.a + s.v AS y) d)', [['23']]],
    ['SELECT t.a, y FROM t JOIN (s JOIN LATERAL (SELECT t.a + s.v AS y) d ON d.y > 12) ON t.a = s.k', [['2', '22']]],
    ['CREATE VIEW l AS SELECT t.a, d.v FROM t, LATERAL (SELECT v FROM s WHERE s.k = t.a) d', 0],
    ['SELECT sum(v) FROM l', [['41']]],
  ],
  'rows that the transaction wrote': [
    ...tables,
    ['BEGIN', 0],
    ["INSERT INTO s VALUES (2,99,'new')", 1],
    ['SELECT d.v FROM t, LATERAL (SELECT max(v) AS v FROM s WHERE s.k = t.a) d WHERE t.a = 2', [['99']]],
    ['ROLLBACK', 0],
  ],
  'in changes': [
    ...tables,
    ['UPDATE t, LATERAL (SELECT max(v) AS m FROM s WHERE s.k = t.a) d SET t.b = d.m WHERE d.m IS NOT NULL', 2],
    ['DELETE t FROM t, LATERAL (SELECT max(v) AS m FROM s WHERE s.k = t.a) d WHERE d.m IS NULL', 1],
    [
      'SELECT a, b FROM t ORDER BY a',
      [
        ['1', '11'],
        ['2', '20'],
      ],
    ],
  ],
  'names that it does not see': [
    ...tables,
    ['SELECT * FROM LATERAL (SELECT t.a) d, t', 'E1054'],
    ['SELECT * FROM t, LATERAL (SELECT nosuch.x) d', 'E1054'],
  ],
  'a set operation compares by the stronger collation': [
    ['CREATE TABLE c (w varchar(10), b varchar(5) COLLATE utf8mb4_bin, g varchar(5) COLLATE utf8mb4_general_ci)', 0],
    ["INSERT INTO c VALUES ('a','b','c')", 1],
    ["SELECT w FROM c UNION SELECT 'A'", [['a']]],
    ["SELECT b FROM c UNION SELECT 'B' ORDER BY 1", [['B'], ['b']]],
    ['SELECT count(DISTINCT q) FROM (SELECT w AS q FROM c UNION ALL SELECT upper(w) FROM c) d', [['1']]],
    ['SELECT w FROM c UNION SELECT g FROM c', 'E1271'],
    ["SELECT 'x' COLLATE utf8mb4_bin UNION SELECT 'x' COLLATE utf8mb4_general_ci", 'E1267'],
  ],
});
