// What of a table's definition is refused, and what rows take that are there. MySQL's answers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { dialectTests } from './support.ts';

dialectTests({
  'a primary key over what may be NULL': [
    ['CREATE TABLE p (a int NULL PRIMARY KEY)', 'E1171'],
    ['CREATE TABLE p (a int PRIMARY KEY NULL)', 'E1171'],
    ['CREATE TABLE p (a int NULL, PRIMARY KEY (a))', 'E1171'],
    ['CREATE TABLE p (a int NULL NOT NULL, PRIMARY KEY (a))', 'E1171'],
    ['CREATE TABLE p (a int DEFAULT NULL, PRIMARY KEY (a))', 'E1171'],
    ['CREATE TABLE p (a int DEFAULT NULL PRIMARY KEY)', 'E1067'],
    ['CREATE TABLE p (a int, b int)', 0],
    ['ALTER TABLE p ADD COLUMN c int NULL PRIMARY KEY', 'E1171'],
    ['ALTER TABLE p MODIFY a int NULL, ADD PRIMARY KEY (a)', 'E1171'],
    ['ALTER TABLE p ADD PRIMARY KEY (a)', 0],
  ],
  'options out of range': [
    ['CREATE TABLE o (a int) STATS_SAMPLE_PAGES=0', 'E1064'],
    ['CREATE TABLE o (a int) STATS_SAMPLE_PAGES=65536', 'E1064'],
    ['CREATE TABLE o (a int) STATS_PERSISTENT=2', 'E1064'],
    ['CREATE TABLE o (a int) KEY_BLOCK_SIZE=3', 'E1031'],
    ['CREATE TABLE o (a int) ENGINE=MyISAM KEY_BLOCK_SIZE=70000', 'E1064'],
    ['CREATE TABLE o (a int) AVG_ROW_LENGTH=4294967296', 'E1064'],
    ["CREATE TABLE o (a int) ENCRYPTION='x'", 'E3184'],
    ["CREATE TABLE o (a int) ENCRYPTION='Y'", 'E3185'],
    ["CREATE TABLE o (a int) ENGINE_ATTRIBUTE='x'", 'E3980'],
    ["CREATE TABLE o (a int) ENGINE_ATTRIBUTE='{}'", 'E3981'],
    ['CREATE TABLE o (a int) AUTOEXTEND_SIZE=5M', 'E4023'],
    ['CREATE TABLE o (a int) AUTOEXTEND_SIZE=100G', 'E4025'],
    ['CREATE TABLE o (a int) ROW_FORMAT=FIXED', 'E1031'],
    ['CREATE TABLE o (a int) ROW_FORMAT=COMPACT KEY_BLOCK_SIZE=8', 'E1031'],
    [
      "CREATE TABLE o (a int) STATS_SAMPLE_PAGES=65535 AUTOEXTEND_SIZE=4M ENCRYPTION='N' SECONDARY_ENGINE_ATTRIBUTE='{}' ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=16",
      0,
    ],
    ['ALTER TABLE o STATS_SAMPLE_PAGES=0', 'E1064'],
    ['ALTER TABLE o KEY_BLOCK_SIZE=5', 'E1478'],
    ['ALTER TABLE o ROW_FORMAT=FIXED', 'E1478'],
  ],
  'defaults that ask the session': [
    ['CREATE TABLE d (a int)', 0],
    ['INSERT INTO d VALUES (1)', 1],
    ['ALTER TABLE d ADD COLUMN b varchar(20) DEFAULT (database())', 1],
    [
      "ALTER TABLE d ADD COLUMN c varchar(20) NOT NULL DEFAULT (CONCAT('x', SCHEMA())), ADD COLUMN e int DEFAULT (connection_id() > 0)",
      1,
    ],
    ['SELECT * FROM d', [['1', 'dialect', 'xdialect', '1']]],
    ['ALTER TABLE d ADD COLUMN f double DEFAULT (rand())', 'E1674'],
  ],
  'a time that is none': [
    [
      "SELECT ADDTIME(TIME'838:59:59', TIME'10:00:00'), ADDTIME('838:59:59', '10:00:00'), SUBTIME(TIME'-838:59:59', '00:00:01'), ADDTIME(TIME'10:00:00', '00:00:01')",
      [[null, '838:59:59', null, '10:00:01']],
    ],
  ],
});

describe('a unique key over rows that have duplicates', () => {
  let node: TestNode;
  let db: Connection;
  before(async () => {
    node = await startTestNode();
    db = await node.connect();
    await db.query('CREATE DATABASE d');
    await db.query('USE d');
    await db.query(
      'CREATE TABLE p (id int PRIMARY KEY, a int, s varchar(20), d decimal(8,2), b varbinary(10), at date)',
    );
    await db.query(
      "INSERT INTO p VALUES (1, 5, 'b', 1.5, 'x', '2020-01-01'), (2, 3, 'abc', 2.5, 'y', '2020-01-02'), (3, 3, 'ABC', 1.50, 'y', '2020-01-01'), (4, 5, 'B', 3, 'z', NULL), (5, NULL, NULL, NULL, NULL, NULL), (6, NULL, 'q', 9, 'w', NULL)",
    );
  });
  after(() => node.stop());

  for (const [key, value] of [
    ['a', '5'],
    ['a DESC', '5'],
    ['s', 'b'],
    ['s(1)', 'b'],
    ['s, a', 'b-5'],
    ['d', '1.50'],
    ['b', 'y'],
    ['at', '2020-01-01'],
    ['at, d', '2020-01-01-1.50'],
    ['(a + 1)', '4'],
  ] as const)
    it(`names the first: (${key})`, async () => {
      const message = `Duplicate entry '${value}' for key 'p.k'`;
      await assert.rejects(db.query(`ALTER TABLE p ADD UNIQUE k (${key})`), { errno: 1062, sqlMessage: message });
    });
});

describe('an expression that names no column of its table', () => {
  let node: TestNode;
  let db: Connection;
  before(async () => {
    node = await startTestNode();
    db = await node.connect();
    await db.query('CREATE DATABASE named');
    await db.query('USE named');
    await db.query('CREATE TABLE t (a int)');
  });
  after(() => node.stop());
  for (const [sql, errno, sqlMessage] of [
    ['CREATE TABLE u (a int, b int AS (u.c))', 1054, "Unknown column 'c' in 'generated column function'"],
    ['CREATE TABLE u (a int, b int DEFAULT (c))', 1054, "Unknown column 'c' in 'default value expression'"],
    ['CREATE TABLE u (a int, KEY ((c + 1)))', 1054, "Unknown column 'c' in 'functional index'"],
    [
      'CREATE TABLE u (a int, CONSTRAINT n CHECK (c > 0))',
      3820,
      "Check constraint 'n' refers to non-existing column 'c'.",
    ],
    ['ALTER TABLE t ADD CHECK (c > 0)', 1054, "Unknown column 'c' in 'check constraint t_chk_1 expression'"],
  ] as const)
    it(sql, () => assert.rejects(db.query(sql), { errno, sqlMessage }));
});
