// GROUP BY an expression, or its name: the select list has the same one, with literals that are converted to be compared. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE g (id int PRIMARY KEY, total decimal(8,2), mail varchar(50), at datetime)', 0],
  [
    "INSERT INTO g VALUES (1, 50, 'a@x.org', '2026-01-01 10:00:00'), (2, 150, 'b@y.net', '2026-01-01 11:00:00'), (3, 700, 'c@x.org', '2026-02-01 10:00:00')",
    3,
  ],
];
const BAND = "CASE WHEN total < 100 THEN 'low' WHEN total < 500 THEN 'mid' ELSE 'high' END";
const bands = [
  ['high', '1'],
  ['low', '1'],
  ['mid', '1'],
];

dialectTests({
  'by a name of several tables, which the select list says what it is': [
    ['CREATE TABLE t (a int, b int)', 0],
    ['CREATE TABLE u (a int, c int)', 0],
    ['INSERT INTO t VALUES (1, 1), (2, 2)', 2],
    ['INSERT INTO u VALUES (1, 5)', 1],
    [
      'SELECT t.a, COUNT(c) FROM t LEFT JOIN u ON t.a = u.a GROUP BY a ORDER BY a',
      [
        ['1', '1'],
        ['2', '0'],
      ],
    ],
    ['SELECT t.a, COUNT(*) FROM t JOIN u GROUP BY a HAVING a > 1', [['2', '1']]],
    ['SELECT t.* FROM t JOIN u GROUP BY a, b HAVING a > 1', [['2', '2']]],
    ['SELECT t.a + c AS a FROM t JOIN u GROUP BY a ORDER BY 1', [['6'], ['7']]],
    ['SELECT 1 AS a FROM t LEFT JOIN u ON FALSE GROUP BY a', [['1']]],
    ['SELECT t.a, t.a, COUNT(*) FROM t JOIN u GROUP BY a HAVING COUNT(*) > 1', []],
    ['SELECT t.a, u.a FROM t JOIN u GROUP BY a', 'E1052'],
    ['SELECT t.*, u.* FROM t JOIN u GROUP BY a', 'E1052'],
    ['SELECT t.a, t.b AS a FROM t JOIN u GROUP BY a', 'E1052'],
    ['SELECT t.b FROM t JOIN u GROUP BY a', 'E1052'],
    ['SELECT t.a FROM t JOIN u GROUP BY a + 1', 'E1052'],
    ['SELECT COUNT(*) AS a FROM t JOIN u GROUP BY a', 'E1056'],
    // A column of one table comes before an alias.
    ['SELECT c AS b FROM t JOIN u GROUP BY b', 'E1055'],
  ],
  'by a name': [
    ...rows,
    [`SELECT ${BAND} band, COUNT(*) FROM g GROUP BY band ORDER BY band`, bands],
    [
      "SELECT SUBSTRING_INDEX(mail, '@', -1) host, COUNT(*) FROM g GROUP BY host ORDER BY 1",
      [
        ['x.org', '2'],
        ['y.net', '1'],
      ],
    ],
    [
      'SELECT IF(total > 100, id, 0) k, COUNT(*) FROM g GROUP BY k ORDER BY k',
      [
        ['0', '1'],
        ['2', '1'],
        ['3', '1'],
      ],
    ],
    [
      "SELECT at >= '2026-02-01' k, COUNT(*) FROM g GROUP BY k ORDER BY k",
      [
        ['0', '2'],
        ['1', '1'],
      ],
    ],
  ],
  'by the expression, written again': [
    ...rows,
    [`SELECT ${BAND}, COUNT(*) FROM g GROUP BY ${BAND} ORDER BY 1`, bands],
    ['SELECT total > 100, COUNT(*) FROM g GROUP BY total > 100 HAVING total > 100', 'E1054'],
    [`SELECT DISTINCT ${BAND} FROM g ORDER BY ${BAND} DESC`, [['mid'], ['low'], ['high']]],
  ],
  'by another one': [
    ...rows,
    ['SELECT total > 100, COUNT(*) FROM g GROUP BY total > 200', 'E1055'],
    ["SELECT SUBSTRING_INDEX(mail, '@', -1) FROM g GROUP BY SUBSTRING_INDEX(mail, '@', 1)", 'E1055'],
  ],
  'without GROUP BY, sorted': [
    ...rows,
    // What one row is sorted by need not be grouped, nor be listed.
    ['SELECT COUNT(*) FROM g ORDER BY total DESC, id', [['3']]],
    ['SELECT SUM(id) FROM g ORDER BY total + id LIMIT 1', [['6']]],
    ['SELECT SUM(id) x FROM g HAVING x > 1 ORDER BY at', [['6']]],
    ['SELECT DISTINCT MAX(id) FROM g ORDER BY total', [['3']]],
    ['SELECT c FROM (SELECT COUNT(*) c FROM g ORDER BY total) d', [['3']]],
    ['SELECT (SELECT COUNT(*) FROM g h ORDER BY h.total) FROM g WHERE id = 1', [['3']]],
    ['(SELECT COUNT(*) FROM g ORDER BY total) UNION ALL SELECT MAX(id) FROM g', [['3'], ['3']]],
    ['SELECT COUNT(*) FROM g ORDER BY (SELECT COUNT(*) FROM g h WHERE h.id = g.id)', [['3']]],
    ['SELECT COUNT(*) FROM g ORDER BY nosuch', 'E1054'],
    ['SELECT COUNT(*), id FROM g ORDER BY id', 'E1140'],
    ['SELECT MAX(id) FROM g ORDER BY ROW_NUMBER() OVER (ORDER BY total)', 'E1140'],
  ],
  'what a derived table, a common table or a view determines': [
    ['CREATE TABLE a (id int PRIMARY KEY, e int)', 0],
    ['CREATE TABLE ta (tid int, aid int)', 0],
    ['INSERT INTO a VALUES (1, 10), (2, 20)', 2],
    ['INSERT INTO ta VALUES (1, 1), (2, 1), (1, 2)', 3],
    ...[
      'SELECT a.id, b.n FROM a JOIN (SELECT COUNT(*) n, aid FROM ta GROUP BY aid) b ON b.aid = a.id GROUP BY a.id ORDER BY 1',
      'WITH b AS (SELECT COUNT(*) n, aid FROM ta GROUP BY aid) SELECT a.id, b.n FROM a JOIN b ON b.aid = a.id GROUP BY a.id ORDER BY 1',
      'SELECT b.x, b.n FROM (SELECT COUNT(*) n, aid + 0 x FROM ta GROUP BY aid + 0) b GROUP BY b.x ORDER BY 1',
    ].map((text): Step => [
      text,
      [
        ['1', '2'],
        ['2', '1'],
      ],
    ]),
    ['CREATE VIEW w AS SELECT id, e FROM a', 0],
    ...[
      'SELECT id, e FROM w GROUP BY id ORDER BY 1',
      'SELECT b.x, b.y FROM (SELECT id x, e y FROM a LIMIT 5) b GROUP BY b.x ORDER BY 1',
      'SELECT b.x, b.y FROM (SELECT a.id x, e y FROM a JOIN ta ON ta.aid = a.id) b GROUP BY b.x ORDER BY 1',
    ].map((text): Step => [
      text,
      [
        ['1', '10'],
        ['2', '20'],
      ],
    ]),
    ['SELECT b.n, b.m FROM (SELECT COUNT(*) n, MAX(aid) m FROM ta) b GROUP BY b.n', [['3', '2']]],
    [
      'SELECT a.id, b.n FROM a JOIN (SELECT COUNT(*) n, aid, tid FROM ta GROUP BY aid, tid) b ON b.aid = a.id GROUP BY a.id',
      'E1055',
    ],
    ['SELECT b.x, b.y FROM (SELECT DISTINCT aid x, tid y FROM ta) b GROUP BY b.x', 'E1055'],
    ['SELECT b.x, b.y FROM (SELECT a.id x, tid y FROM a JOIN ta ON ta.aid = a.id) b GROUP BY b.x', 'E1055'],
    ['SELECT b.n, b.m FROM (SELECT COUNT(*) n, MAX(aid) m FROM ta) b, a GROUP BY a.id', 'E1055'],
    ['SELECT b.x, b.n FROM (SELECT COUNT(*) n, aid x FROM ta GROUP BY aid WITH ROLLUP) b GROUP BY b.x', 'E1055'],
    ['SELECT b.x, b.n FROM (SELECT id x, e n FROM a UNION SELECT 1, 2) b GROUP BY b.x', 'E1055'],
  ],
});
