// GROUP BY … WITH ROLLUP. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE t (id int PRIMARY KEY, a int, b int, s varchar(10))', 0],
  ['CREATE TABLE u (id int PRIMARY KEY, t_id int, n int)', 0],
  ["INSERT INTO t VALUES (1, 1, 2, 'a'), (2, 1, 3, 'b'), (3, NULL, 4, NULL)", 3],
  ['INSERT INTO u VALUES (1, 1, 5), (2, 1, 6), (3, 2, 7)', 3],
];

dialectTests({
  'of no rows is the grand total': [
    ...rows,
    ['SELECT a, COUNT(*) FROM t WHERE b < 0 GROUP BY a WITH ROLLUP', [[null, '0']]],
    ['SELECT a, b, SUM(b) FROM t WHERE id < 0 GROUP BY a, b WITH ROLLUP', [[null, null, null]]],
    [
      "SELECT a, GROUPING(a), COUNT(*), 'x', COALESCE(a, 5) FROM t WHERE b < 0 GROUP BY a WITH ROLLUP HAVING COUNT(*) = 0",
      [[null, '1', '0', 'x', '5']],
    ],
    ['SELECT 1 FROM t WHERE b < 0 GROUP BY a WITH ROLLUP HAVING COUNT(*) > 0', []],
  ],
  'by constants': [
    ...rows,
    ['SELECT DISTINCT 1 FROM t GROUP BY 0 >> NULL WITH ROLLUP', [['1']]],
    ['SELECT 1 FROM t GROUP BY 0 >> NULL WITH ROLLUP', [['1'], ['1']]],
    [
      "SELECT DATE'2020-01-01' d, COUNT(*) FROM t GROUP BY DATE'2020-01-01' WITH ROLLUP",
      [
        ['2020-01-01', '3'],
        [null, '3'],
      ],
    ],
  ],
  'made distinct': [
    ...rows,
    [
      'SELECT DISTINCT a, COUNT(*) FROM t GROUP BY a, b WITH ROLLUP ORDER BY 2, 1',
      [
        [null, '1'],
        ['1', '1'],
        ['1', '2'],
        [null, '3'],
      ],
    ],
    ['SELECT DISTINCT s FROM t GROUP BY s, a WITH ROLLUP ORDER BY s', [[null], ['a'], ['b']]],
    ['SELECT DISTINCT a FROM t GROUP BY a, b WITH ROLLUP ORDER BY a LIMIT 1', [[null]]],
  ],
  'by what a temporal literal is in': [
    ...rows,
    ["SELECT DATE'2020-01-01' < s FROM u, t WHERE t.id = u.id AND s IS NULL GROUP BY DATE'2020-01-01' < s", [[null]]],
    ["SELECT TIME'10:00:00' <=> n FROM u GROUP BY TIME'10:00:00' <=> n", [['0']]],
  ],
});
