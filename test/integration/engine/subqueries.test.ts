// Subqueries where ORMs put them: as keys of groups, beside DISTINCT, among the values of an INSERT. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  ['CREATE TABLE b (id int AUTO_INCREMENT PRIMARY KEY, name varchar(9), rating int, p int)', 0],
  ["INSERT INTO b (name,rating,p) VALUES ('a',1,1),('b',2,1),('c',2,2)", 3],
];
const best = '(SELECT max(u.rating) FROM b u WHERE u.p = b.p)';

dialectTests({
  'a subquery of the select list is a key of the groups by its alias or place': [
    ...tables,
    [`SELECT ${best} AS s, count(*) FROM b GROUP BY s`, [['2', '3']]],
    [`SELECT ${best}, count(*) FROM b GROUP BY 1 ORDER BY 1`, [['2', '3']]],
    [
      `SELECT (SELECT name FROM b v WHERE v.id = b.id) AS n, ${best} + 1 AS s, count(*) FROM b GROUP BY n, 2 ORDER BY n DESC LIMIT 2`,
      [
        ['c', '3', '1'],
        ['b', '3', '1'],
      ],
    ],
    [`SELECT ${best} AS s, count(*) FROM b GROUP BY s HAVING s > 2`, []],
    [`SELECT ${best} AS s, p FROM b GROUP BY s`, 'E1055'],
    [`SELECT ${best} AS s, count(*) FROM b GROUP BY ${best}`, 'E1055'],
  ],
  'DISTINCT is sorted by a subquery that is listed': [
    ...tables,
    [`SELECT DISTINCT name, ${best} FROM b ORDER BY ${best} IS NULL, ${best} DESC, name LIMIT 1`, [['a', '2']]],
    [`SELECT DISTINCT name FROM b ORDER BY ${best}`, 'E3065'],
  ],
  "a value that is computed from the row's own table": [
    ...tables,
    ['INSERT INTO b (rating) VALUES ((SELECT max(u.rating) + 1 FROM b u))', 1],
    ['INSERT INTO b SET rating = (SELECT max(u.rating) + 1 FROM b AS u)', 1],
    ['INSERT INTO b (id,rating) VALUES (1,0) ON DUPLICATE KEY UPDATE rating = (SELECT max(u.rating) + 1 FROM b u)', 2],
    ['REPLACE INTO b (id,rating) VALUES (2,(SELECT max(u.rating) + 1 FROM b u))', 2],
    ['INSERT INTO b (rating) VALUES ((SELECT max(rating) FROM b))', 'E1093'],
    [
      'SELECT id, rating FROM b',
      [
        ['1', '5'],
        ['2', '6'],
        ['3', '2'],
        ['4', '3'],
        ['5', '4'],
      ],
    ],
    ['BEGIN', 0],
    ['UPDATE b SET rating = 100 WHERE id = 1', 1],
    ['INSERT INTO b (rating) VALUES ((SELECT max(u.rating) + 1 FROM b u))', 1],
    ['SELECT max(rating) FROM b', [['101']]],
    ['ROLLBACK', 0],
  ],
});
