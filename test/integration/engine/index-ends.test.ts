// MIN and MAX of indexed columns are looked up at the ends of their indexes. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  [
    'CREATE TABLE e (id int PRIMARY KEY, a int, b decimal(8,2), d date, s varchar(10), KEY (a), KEY (b), KEY (d DESC), KEY (s))',
    0,
  ],
  [
    "INSERT INTO e VALUES (1, NULL, 2.5, '2020-01-01', 'b'), (5, 3, -2.5, NULL, 'A'), (9, -7, NULL, '1999-12-31', NULL)",
    3,
  ],
];

dialectTests({
  'of several': [
    ...rows,
    ['SELECT MIN(a), MAX(a) FROM e', [['-7', '3']]],
    [
      'SELECT MIN(a) x, MAX(id), MIN(b), MAX(b), MIN(d), MAX(d) FROM e',
      [['-7', '9', '-2.50', '2.50', '1999-12-31', '2020-01-01']],
    ],
    ['SELECT MIN(a), MAX(a), COUNT(*) FROM e', [['-7', '3', '3']]],
    ['SELECT MIN(a), MAX(a) FROM e WHERE id > 1', [['-7', '3']]],
    ['SELECT MIN(a), MAX(a) FROM e HAVING MIN(a) > 0', []],
    ['SELECT MIN(a), MAX(s) FROM e', [['-7', 'b']]],
    ['SELECT MIN(a), MAX(a) FROM e LIMIT 0', []],
    ['SELECT MIN(a) + 1, MAX(a) FROM e', [['-6', '3']]],
    [
      'SELECT * FROM (SELECT MIN(a) x, MAX(a) y FROM e) z JOIN e ON e.a = z.x',
      [['-7', '3', '9', '-7', null, '1999-12-31', null]],
    ],
  ],
  'of no rows, and of those of an open transaction': [
    ...rows,
    ['BEGIN', 0],
    ["INSERT INTO e VALUES (11, 100, 100, '2030-01-01', 'z')", 1],
    ['SELECT MIN(a), MAX(a), MAX(id) FROM e', [['-7', '100', '11']]],
    ['DELETE FROM e', 4],
    ['SELECT MIN(a), MAX(a), MAX(id) FROM e', [[null, null, null]]],
    ['ROLLBACK', 0],
    ['SELECT MIN(a), MAX(a), MAX(id) FROM e', [['-7', '3', '9']]],
  ],
});
