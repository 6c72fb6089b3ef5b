// Changes through views, and subqueries inside changes. The expectations are MySQL 9.7's answers.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  ['CREATE TABLE t (a int primary key, b int default 5, c varchar(10) not null)', 0],
  ["INSERT INTO t VALUES (1,1,'x'),(2,2,'y'),(3,30,'z')", 3],
  ['CREATE VIEW v AS SELECT a AS k, c AS s, b, b+1 AS e FROM t WHERE b < 10', 0],
  ['CREATE VIEW vc AS SELECT a AS k, c AS s, b FROM t WHERE b < 10 WITH CHECK OPTION', 0],
];
const rows = (...all: string[]): Step => ['SELECT * FROM t ORDER BY a', all.map((row) => row.split(' '))];

dialectTests({
  'UPDATE and DELETE see only what the view shows': [
    ...tables,
    ['UPDATE v SET b = b + 1 WHERE k = 1', 1],
    ["UPDATE v SET s = 'no' WHERE k = 3", 0],
    ["UPDATE v SET s = 'q', b = 50 WHERE k = 2", 1],
    ["UPDATE v SET s = 'w' ORDER BY k LIMIT 1", 1],
    rows('1 2 w', '2 50 q', '3 30 z'),
    ['DELETE FROM v', 1],
    rows('2 50 q', '3 30 z'),
  ],
  'in joins': [
    ...tables,
    ["UPDATE vc, t SET vc.b = 3, t.c = 'm' WHERE vc.k = t.a AND t.a = 2", 2],
    ['DELETE vc FROM vc JOIN t u ON vc.k = u.a WHERE u.a = 1', 1],
    rows('2 3 m', '3 30 z'),
  ],
  'a view that exchanges the names of columns': [
    ...tables,
    ['CREATE VIEW r AS SELECT b AS a, a AS b, c FROM t', 0],
    ['UPDATE r SET a = b + 7 WHERE b = 2', 1],
    rows('1 1 x', '2 9 y', '3 30 z'),
  ],
  INSERT: [
    ...tables,
    ["INSERT INTO vc (k, s) VALUES (8, 'i')", 1],
    ["INSERT INTO vc SET k = 9, s = 'j', b = k - 5", 1],
    ["INSERT INTO vc (k, s, b) VALUES (9, 'k', 1) ON DUPLICATE KEY UPDATE b = b + VALUES(b), s = concat(s, k)", 2],
    ["INSERT INTO vc (k, s, b) VALUES (9, 'k', 1) AS new ON DUPLICATE KEY UPDATE b = new.b + vc.b", 2],
    ["REPLACE INTO vc VALUES (8, 'rep', 2)", 2],
    rows('1 1 x', '2 2 y', '3 30 z', '8 2 rep', '9 6 j9'),
    ['INSERT INTO vc (k, s, a) VALUES (1, 2, 3)', 'E1054'],
    ["INSERT INTO v (k, s, b) VALUES (7, 'i', 1)", 'E1471'],
    ['CREATE VIEW n AS SELECT a, b FROM t', 0],
    ['INSERT INTO n VALUES (40, 4)', 'E1423'],
    ['CREATE VIEW d AS SELECT a, a AS a2, c FROM t', 0],
    ["INSERT INTO d (a, c) VALUES (31, 's')", 'E1471'],
  ],
  'WITH CHECK OPTION': [
    ...tables,
    ['UPDATE vc SET b = 11 WHERE k = 1', 'E1369'],
    ['UPDATE IGNORE vc SET b = 11 WHERE k = 1', 0],
    ["INSERT INTO vc VALUES (10, 'j', 33)", 'E1369'],
    ["INSERT IGNORE INTO vc VALUES (10, 'j', 33), (11, 'k', 4)", 1],
    ["INSERT INTO vc (k, s, b) VALUES (11, 'k', 5) ON DUPLICATE KEY UPDATE b = 77", 'E1369'],
    ['CREATE VIEW below AS SELECT * FROM vc WHERE k > 0', 0],
    ['UPDATE below SET b = 13', 'E1369'],
    ['CREATE VIEW own AS SELECT k, b FROM v WHERE b > 0 WITH LOCAL CHECK OPTION', 0],
    ['UPDATE own SET b = -1', 'E1369'],
    ['UPDATE own SET b = 12 WHERE k = 2', 1],
    ['CREATE VIEW casc AS SELECT k, b FROM v WHERE b > 0 WITH CASCADED CHECK OPTION', 0],
    ['UPDATE casc SET b = 12', 'E1369'],
    ['CREATE VIEW no AS SELECT count(*) AS n FROM t WITH CHECK OPTION', 'E1368'],
  ],
  'views whose rows are no rows of a table': [
    ...tables,
    ['CREATE VIEW agg AS SELECT count(*) AS n FROM t', 0],
    ['UPDATE agg SET n = 1', 'E1288'],
    ['DELETE FROM agg', 'E1288'],
    ['INSERT INTO agg VALUES (1)', 'E1471'],
    ['CREATE VIEW j AS SELECT t.a, u.b FROM t JOIN t u ON t.a = u.a', 0],
    ['DELETE FROM j', 'E1395'],
    ['CREATE VIEW self AS SELECT a, c FROM t WHERE b = (SELECT max(b) FROM t)', 0],
    ["UPDATE self SET c = 'm'", 'E1288'],
    ['CREATE ALGORITHM=TEMPTABLE VIEW tt AS SELECT a, b, c FROM t', 0],
    ['UPDATE tt SET a = 1', 'E1288'],
    ['UPDATE v SET e = 1', 'E1348'],
  ],
  'in a transaction': [
    ...tables,
    ['BEGIN', 0],
    ["INSERT INTO t VALUES (60, 1, 'tx')", 1],
    ['UPDATE vc SET b = 2 WHERE k = 60', 1],
    ['SELECT * FROM vc WHERE k = 60', [['60', 'tx', '2']]],
    ['DELETE FROM vc WHERE k = 60', 1],
    ['ROLLBACK', 0],
  ],
  'subqueries in values see what the transaction wrote': [
    ...tables,
    ['CREATE TABLE u (n int primary key, m int)', 0],
    ['BEGIN', 0],
    ["INSERT INTO t VALUES (4, 4, 'u')", 1],
    ['INSERT INTO u VALUES ((SELECT count(*) FROM t), 0)', 1],
    ['INSERT INTO u VALUES (4, 0) ON DUPLICATE KEY UPDATE m = (SELECT sum(a) FROM t)', 2],
    ['SELECT * FROM u', [['4', '10']]],
    ['ROLLBACK', 0],
  ],
  'a subquery on the table that is changed': [
    ...tables,
    ['UPDATE t SET b = (SELECT max(b) FROM t)', 'E1093'],
    ['DELETE FROM t WHERE a IN (SELECT b FROM t)', 'E1093'],
    ["INSERT INTO t VALUES ((SELECT max(a) + 1 FROM t), 1, 'q')", 'E1093'],
    ["INSERT INTO t SELECT (SELECT max(a) + 1 FROM t), 1, 'q'", 1],
    ['UPDATE t SET b = (SELECT max(a) FROM (SELECT * FROM t) d)', 4],
  ],
});

let node: TestNode;
before(async () => {
  node = await startTestNode();
});
after(() => node.stop());

it('the privileges are those on the view; its definer has those on the table', async () => {
  const root = await node.connect();
  for (const sql of [
    'CREATE DATABASE shop',
    'CREATE TABLE shop.t (a int primary key, b int)',
    'CREATE VIEW shop.v AS SELECT a, b FROM shop.t',
    'INSERT INTO shop.t VALUES (1, 1)',
    'CREATE USER clerk',
    'GRANT SELECT, UPDATE (b), INSERT ON shop.v TO clerk',
  ])
    await root.query(sql);
  const clerk = await node.connect({ user: 'clerk', password: '' });
  await clerk.query('UPDATE shop.v SET b = 2 WHERE a = 1');
  await clerk.query('INSERT INTO shop.v VALUES (2, 2)');
  await assert.rejects(clerk.query('UPDATE shop.v SET a = 2'), { errno: 1143 });
  await assert.rejects(clerk.query('DELETE FROM shop.v'), { errno: 1142 });
  await assert.rejects(clerk.query('UPDATE shop.t SET b = 2'), { errno: 1142 });
});
