// Whose an aggregate is: of the innermost query that has one of its columns, where aggregates may stand there. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE t (id int PRIMARY KEY, a int, b int, s varchar(10))', 0],
  ['CREATE TABLE u (id int PRIMARY KEY, t_id int, n int)', 0],
  ["INSERT INTO t VALUES (1, 1, 2, 'a'), (2, 1, 3, 'b'), (3, NULL, 4, NULL)", 3],
  ['INSERT INTO u VALUES (1, 1, 5), (2, 1, 6), (3, 2, 7)', 3],
];

dialectTests({
  'of the query round a subquery': [
    ...rows,
    ['SELECT (SELECT MAX(t.a)) FROM t', [['1']]],
    ['SELECT (SELECT MAX(t.a) FROM u) FROM t', 'E1242'],
    ['SELECT (SELECT MAX(t.b) FROM u WHERE id = 1), COUNT(*) FROM t', [['4', '3']]],
    ['SELECT (SELECT MAX(t.a) FROM u WHERE id = 1), id FROM t', 'E1140'],
    [
      'SELECT id, (SELECT COUNT(t.a) FROM u LIMIT 1) FROM t GROUP BY id',
      [
        ['1', '1'],
        ['2', '1'],
        ['3', '0'],
      ],
    ],
    ['SELECT (SELECT GROUP_CONCAT(t.s) FROM u WHERE id = 2) FROM t', [['a,b']]],
    ['SELECT (SELECT COUNT(DISTINCT t.a, t.b) FROM u WHERE id = 1) FROM t', [['2']]],
    ['SELECT (SELECT (SELECT MAX(t.b) FROM u WHERE id = 2) FROM u v WHERE v.id = 1) FROM t', [['4']]],
    ['SELECT (SELECT 1 FROM u WHERE n = 5 AND MAX(t.id) = 3) FROM t', [['1']]],
    ['SELECT (SELECT SUM(t.a) FROM u HAVING SUM(t.a) > 1 LIMIT 1) FROM t', [['2']]],
    ['SELECT id FROM t GROUP BY id HAVING (SELECT MAX(t.a) FROM u WHERE id = 1) = 1', [['1'], ['2']]],
    ['SELECT id FROM t GROUP BY id ORDER BY (SELECT -MAX(t.id) FROM u WHERE id = 1)', [['3'], ['2'], ['1']]],
  ],
  'of the subquery, over the row round it': [
    ...rows,
    ['SELECT id FROM t WHERE (SELECT MAX(t.a)) = 1', [['1'], ['2']]],
    ['SELECT id FROM t WHERE (SELECT MAX(t.a) FROM u) = 1', [['1'], ['2']]],
    ['SELECT id FROM t WHERE (SELECT SUM(t.b) FROM u) > 6', [['2'], ['3']]],
    ['SELECT id FROM t WHERE (SELECT (SELECT MAX(t.b) FROM u WHERE id = 2) FROM u v WHERE v.id = 1) = 3', [['2']]],
    ['SELECT COUNT(*) FROM (SELECT id, a FROM t) x JOIN u ON EXISTS (SELECT 1 FROM t HAVING MIN(x.a) > 0)', [['6']]],
    [
      'SELECT x.id FROM (SELECT id, a FROM t) x JOIN u ON u.id = x.id AND (SELECT COUNT(*) FROM t HAVING MIN(x.a) > 0) = 3',
      [['1'], ['2']],
    ],
    ['DELETE FROM t WHERE id = (SELECT MAX(t.id) FROM u WHERE u.id = 77)', 0],
    ['UPDATE t SET b = (SELECT MAX(t.b) + 1 FROM u WHERE u.id = 1) WHERE id = 1', 1],
    ['SELECT SUM((SELECT MAX(n) FROM u WHERE u.id = t.id)) FROM t', [['18']]],
  ],
  'of none': [
    ...rows,
    ['SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE n = MAX(t.id))', 'E1111'],
    ['SELECT id FROM t ORDER BY (SELECT MAX(t.id) FROM u WHERE id = 1)', 'E3029'],
    ['SELECT SUM((SELECT MAX(t.id) FROM u WHERE u.id = t.id)) FROM t', 'E1111'],
    ['SELECT id FROM t ORDER BY id, SUM(a)', 'E3029'],
    ['SELECT a FROM t UNION SELECT b FROM t ORDER BY COUNT(*)', 'E3028'],
    ['SELECT COUNT(*) c FROM t GROUP BY a HAVING (SELECT c) > 1', 'E1247'],
  ],
  'that meets a value it cannot take': [
    ...rows,
    ['SELECT BIT_OR(CAST(id AS UNSIGNED) DIV -1) FROM t', 'E1690'],
    ['SELECT (SELECT SUM(CAST(id AS UNSIGNED) DIV -1) FROM t)', 'E1690'],
  ],
});
