// ON DUPLICATE KEY UPDATE: what its expressions may name. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  ['CREATE TABLE t (a int primary key, b int, c int)', 0],
  ['CREATE TABLE s (x int, y int, b int)', 0],
  ['INSERT INTO t VALUES (1,1,1),(2,2,2)', 2],
  ['INSERT INTO s VALUES (1,10,100),(2,20,200),(2,21,201)', 3],
];

dialectTests({
  "columns of the SELECT's tables": [
    ...tables,
    ['INSERT INTO t (a,b) SELECT x,y FROM s ON DUPLICATE KEY UPDATE c = s.b', 6],
    [
      'SELECT * FROM t',
      [
        ['1', '1', '100'],
        ['2', '2', '201'],
      ],
    ],
    ['INSERT INTO t (a,b) SELECT x,y FROM s WHERE y < 21 ON DUPLICATE KEY UPDATE c = y + t.c', 4],
    ['INSERT INTO t TABLE s ON DUPLICATE KEY UPDATE c = s.x + 5', 4],
    ['INSERT INTO t SELECT a, b, c FROM t AS u ON DUPLICATE KEY UPDATE c = u.c + 1', 4],
    [
      'INSERT INTO t (a,b) SELECT x,y FROM (SELECT x, max(y) AS y FROM s GROUP BY x) d ON DUPLICATE KEY UPDATE c = d.y',
      4,
    ],
    ['INSERT INTO t (a,b) WITH w AS (SELECT 1 AS k, 2 AS l) SELECT k,l FROM w ON DUPLICATE KEY UPDATE c = w.l', 2],
    [
      'INSERT INTO t SELECT * FROM s WHERE x = 2 ON DUPLICATE KEY UPDATE c = (SELECT max(q.y) + 1 FROM s q WHERE q.x = s.x)',
      2,
    ],
    [
      'SELECT * FROM t',
      [
        ['1', '1', '2'],
        ['2', '2', '22'],
      ],
    ],
  ],
  'columns of rows that the transaction itself wrote': [
    ...tables,
    ['BEGIN', 0],
    ['INSERT INTO s VALUES (1,7,7)', 1],
    ['INSERT INTO t (a,b) SELECT x,y FROM s WHERE y = 7 ON DUPLICATE KEY UPDATE c = c + y', 2],
    ['SELECT c FROM t WHERE a = 1', [['8']]],
    ['ROLLBACK', 0],
  ],
  'DISTINCT tells rows apart by its own columns': [
    ...tables,
    ['INSERT INTO t SELECT DISTINCT 7, 7, 7 FROM s ON DUPLICATE KEY UPDATE c = s.y', 1],
    ['INSERT INTO t SELECT DISTINCT x, 7, 7 FROM s WHERE x = 1 ON DUPLICATE KEY UPDATE c = s.y', 2],
    [
      'SELECT * FROM t',
      [
        ['1', '1', '10'],
        ['2', '2', '2'],
        ['7', '7', '7'],
      ],
    ],
  ],
  'what it may not name': [
    ...tables,
    ['INSERT INTO t (a,b) SELECT x,y FROM s ON DUPLICATE KEY UPDATE c = b', 'E1052'],
    ['INSERT INTO t (a,b) SELECT x,max(y) FROM s GROUP BY x ON DUPLICATE KEY UPDATE c = s.x', 'E1054'],
    ['INSERT INTO t (a,b) SELECT x,y AS q FROM s ON DUPLICATE KEY UPDATE c = q', 'E1054'],
    ['INSERT INTO t (a,b) SELECT x,y FROM s UNION SELECT 1,2 ON DUPLICATE KEY UPDATE c = x', 'E1054'],
    ['INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE b = nosuch.x', 'E1054'],
  ],
  'the row under an alias': [
    ...tables,
    ['INSERT INTO t VALUES (1,2,3) AS new ON DUPLICATE KEY UPDATE c = new.b', 2],
    ['INSERT INTO t VALUES (1,2,3) AS new(m,n,o) ON DUPLICATE KEY UPDATE c = m + n', 2],
    ['INSERT INTO t SET a = 1, b = 2 AS new ON DUPLICATE KEY UPDATE c = new.b + t.b + 4', 2],
    ['SELECT c FROM t WHERE a = 1', [['7']]],
    ['INSERT INTO t VALUES (1,2,3) AS new(m,n) ON DUPLICATE KEY UPDATE c = m', 'E1353'],
    ['INSERT INTO t (a,b) VALUES (1,2) AS new(m,M) ON DUPLICATE KEY UPDATE c = 1', 'E1060'],
    ['INSERT INTO t (a,b) VALUES (1,2) AS t ON DUPLICATE KEY UPDATE c = 1', 'E1066'],
    ['INSERT INTO t (a,b) VALUES (1,2) AS new ON DUPLICATE KEY UPDATE c = b', 'E1052'],
    ['INSERT INTO t (a,b) VALUES (1,2) AS new ON DUPLICATE KEY UPDATE new.c = 1', 'E1054'],
  ],
  'a row that is not inserted leaves its AUTO_INCREMENT value to the next': [
    ['CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int UNIQUE, b int)', 0],
    ['INSERT INTO t (a,b) VALUES (1,1),(2,2)', 2],
    ['INSERT INTO t (a,b) VALUES (1,3),(7,7),(2,9),(8,8) ON DUPLICATE KEY UPDATE b = VALUES(b)', 6],
    ['INSERT INTO t (a,b) VALUES (9,9)', 1],
    ['INSERT IGNORE INTO t (a,b) VALUES (1,1),(20,1),(2,2),(21,2)', 2],
    ['INSERT INTO t (a,b) VALUES (30,3)', 1],
    [
      'SELECT id, a FROM t WHERE a > 2 ORDER BY id',
      [
        ['3', '7'],
        ['4', '8'],
        ['7', '9'],
        ['8', '20'],
        ['9', '21'],
        ['12', '30'],
      ],
    ],
  ],
  'a locking read of a derived table': [
    ...tables,
    ['SELECT d.x, t.a FROM (SELECT DISTINCT x FROM s) d JOIN t ON d.x = t.a WHERE a = 2 FOR UPDATE', [['2', '2']]],
  ],
});
