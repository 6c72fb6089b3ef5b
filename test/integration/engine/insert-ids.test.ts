// The insert id of OK packets. The expectations are MySQL 9.7's answers.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let db: Connection;
before(async () => {
  node = await startTestNode();
  db = await node.connect({ flags: ['-FOUND_ROWS'] });
  await db.query('CREATE DATABASE test');
  await db.query('USE test');
});
after(() => node.stop());

const steps: readonly (readonly [string, number])[] = [
  ["INSERT INTO t (id,name) VALUES (10,'a'),(11,'b'),(12,'c')", 12],
  // The row that came last.
  ["INSERT INTO t (id,name) VALUES (50,'z'),(10,'a') ON DUPLICATE KEY UPDATE id=id", 10],
  ["INSERT INTO t (id,name) VALUES (10,'a'),(51,'y') ON DUPLICATE KEY UPDATE id=id", 51],
  ["INSERT INTO t (id,name) VALUES (10,'a'),(11,'b') ON DUPLICATE KEY UPDATE n=if(id=10,n+1,n)", 11],
  ["INSERT INTO t (name) VALUES ('a'),('b') ON DUPLICATE KEY UPDATE n=n+1", 11],
  ["INSERT IGNORE INTO t (id,name) VALUES (52,'x'),(10,'a')", 10],
  // Nothing was changed.
  ["INSERT INTO t (id,name) VALUES (10,'a'),(11,'b') ON DUPLICATE KEY UPDATE id=id", 0],
  ["INSERT INTO t (name) VALUES ('a') ON DUPLICATE KEY UPDATE id=id", 0],
  ["INSERT IGNORE INTO t (name) VALUES ('a')", 0],
  // The first that was made for a row.
  ["INSERT INTO t (name) VALUES ('a'),('n1') ON DUPLICATE KEY UPDATE n=n+1", 56],
  ["INSERT INTO t (id,name) VALUES (100,'h'),(NULL,'i'),(110,'j')", 101],
  ["REPLACE INTO t (id,name) VALUES (100,'h2'),(NULL,'k')", 111],
  ["INSERT INTO t (id,name) VALUES (200,'l')", 200],
  ["INSERT INTO t (name) SELECT 'a' UNION ALL SELECT 's1' ON DUPLICATE KEY UPDATE n=n+1", 201],
  // Of rows of a SELECT none.
  ["INSERT INTO t (id,name) SELECT 10,'a' ON DUPLICATE KEY UPDATE n=n+1", 0],
  // What LAST_INSERT_ID was given.
  ["INSERT INTO t (name) VALUES ('a') ON DUPLICATE KEY UPDATE id=last_insert_id(id)", 10],
  ["INSERT INTO t (name) VALUES ('a'),('b') ON DUPLICATE KEY UPDATE id=last_insert_id(id), n=n+1", 11],
  ['UPDATE t SET n=last_insert_id(77) WHERE id=10', 77],
  ['UPDATE t SET n=n+1 WHERE id=10', 0],
];

it('says which row was inserted', async () => {
  await db.query(
    'CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(191) UNIQUE, n int DEFAULT 0)',
  );
  for (const [sql, id] of steps) {
    const [{ insertId }] = await db.query<ResultSetHeader>(sql);
    assert.equal(insertId, id, sql);
  }
});
