// What HAVING, ORDER BY and windows may name, and the errors of what they may not. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE t (id int PRIMARY KEY, a int, b int, s varchar(10))', 0],
  ['CREATE TABLE u (id int PRIMARY KEY, t_id int, n int)', 0],
  ["INSERT INTO t VALUES (1, 1, 2, 'a'), (2, 1, 3, 'b'), (3, NULL, 4, NULL)", 3],
  ['INSERT INTO u VALUES (1, 1, 5), (2, 1, 6), (3, 2, 7)', 3],
];

dialectTests({
  'HAVING names columns of the select list and of GROUP BY': [
    ...rows,
    ['SELECT a FROM t HAVING b > 1', 'E1054'],
    [
      'SELECT a, b FROM t HAVING t.b > 2',
      [
        ['1', '3'],
        [null, '4'],
      ],
    ],
    [
      'SELECT * FROM t HAVING a > 0',
      [
        ['1', '1', '2', 'a'],
        ['2', '1', '3', 'b'],
      ],
    ],
    ['SELECT a FROM t GROUP BY a HAVING b > 1', 'E1054'],
    ['SELECT a + 1 c FROM t GROUP BY a + 1 HAVING a + 1 > 1', 'E1054'],
    ['SELECT a + 1 c FROM t GROUP BY a + 1 HAVING c > 1', [['2']]],
    ['SELECT COUNT(*) FROM t GROUP BY t.a HAVING a > 0', [['2']]],
    ['SELECT COUNT(*) FROM t HAVING a > 0', 'E1054'],
    ['SELECT a FROM t GROUP BY id HAVING b > 0', 'E1054'],
    ['SELECT a x FROM t GROUP BY x HAVING t.a > 0', [['1']]],
    ['SELECT a + 5 a FROM t GROUP BY a HAVING a = 1', [['6']]],
    ['SELECT MAX(a) b FROM t GROUP BY b HAVING b > 3', [[null]]],
    ['SELECT a b FROM t GROUP BY id HAVING b > 1', []],
    ['SELECT COUNT(*) FROM t GROUP BY id HAVING ANY_VALUE(b) > 1', 'E1054'],
    ['SELECT 1 FROM t HAVING MAX(b) > 1', [['1']]],
    ['SELECT COUNT(*) FROM t GROUP BY id HAVING (SELECT COUNT(*) FROM u WHERE t_id = t.b) >= 0', [['1'], ['1'], ['1']]],
    ['SELECT t.id FROM t JOIN u USING (id) GROUP BY t.id HAVING u.id > 1', 'E1054'],
    ['SELECT (SELECT COUNT(*) FROM u GROUP BY t_id HAVING t.a > 0 LIMIT 1) FROM t', [['2'], ['2'], [null]]],
  ],
  'what DISTINCT lets rows be sorted by': [
    ...rows,
    ['SELECT DISTINCT a FROM t ORDER BY b', 'E3065'],
    ['SELECT DISTINCT a FROM t GROUP BY a ORDER BY b', 'E1055'],
    ['SELECT DISTINCT a FROM t GROUP BY a, b ORDER BY b', 'E3065'],
    ['SELECT DISTINCT a FROM t GROUP BY a ORDER BY MAX(b)', [['1'], [null]]],
    ['SELECT DISTINCT COUNT(*) FROM t GROUP BY a ORDER BY MAX(b)', 'E3066'],
    ['SELECT DISTINCT a + 1 FROM t GROUP BY a + 1 ORDER BY a', 'E1055'],
    ['SELECT DISTINCT a FROM t ORDER BY (SELECT 1)', [['1'], [null]]],
    ['SELECT DISTINCT a FROM t ORDER BY (SELECT MAX(n) FROM u WHERE t_id = t.b)', 'E3065'],
    ['SELECT DISTINCT MAX(a) FROM t ORDER BY b', [['1']]],
    ['SELECT id FROM t WHERE id IN (SELECT DISTINCT id FROM u ORDER BY n)', [['1'], ['2'], ['3']]],
    ['SELECT (SELECT DISTINCT t_id FROM u WHERE id < 3 ORDER BY n)', [['1']]],
  ],
  'numbers are places where they are whole': [
    ...rows,
    ['SELECT COUNT(*) FROM t GROUP BY 2.5e0', [['3']]],
    ['SELECT COUNT(*) FROM t GROUP BY 5', 'E1054'],
    ['SELECT COUNT(*) FROM t GROUP BY 18446744073709551615', 'E1054'],
    ['SELECT a FROM t GROUP BY 1 ORDER BY 1e0, a', [[null], ['1']]],
    ['SELECT a FROM t ORDER BY 18446744073709551615', 'E1054'],
    ['SELECT RANK() OVER (ORDER BY 1) FROM t', 'E3592'],
    ['SELECT RANK() OVER (PARTITION BY 1) FROM t', 'E3592'],
    ["SELECT RANK() OVER (ORDER BY 'x', 1.5) FROM t", [['1'], ['1'], ['1']]],
  ],
  'windows come last': [
    ...rows,
    ['SELECT a, RANK() OVER (ORDER BY a) r FROM t HAVING r > 1', 'E3594'],
    ['SELECT a FROM t WHERE RANK() OVER (ORDER BY a) > 1', 'E3593'],
    ['SELECT a FROM t HAVING SUM(a) OVER () > 1', 'E3593'],
    ['SELECT a, RANK() OVER (ORDER BY a) r FROM t GROUP BY a, r', 'E1056'],
  ],
  'a set operation is sorted by its own columns': [
    ...rows,
    ['SELECT a FROM t UNION SELECT b FROM t ORDER BY t.a', 'E1250'],
    ['SELECT a FROM t UNION SELECT b FROM t ORDER BY a + 1', [[null], ['1'], ['2'], ['3'], ['4']]],
  ],
});
