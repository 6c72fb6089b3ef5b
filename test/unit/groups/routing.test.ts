import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aboutOf } from '../../../node/groups/routing.ts';
import { parse } from '../../../node/sql/index.ts';

/** The databases that a statement is about, with `cur` in use. */
function about(sql: string, database = 'cur'): string {
  const result = aboutOf(parse(sql), {
    database,
    prepared: (name) => (name === 'p' ? parse('SELECT * FROM prep.t') : undefined),
    parse: (source) => (typeof source === 'string' ? parse(source) : undefined),
  });
  const names = result.kind === 'node' ? [] : [...result.names].sort();
  return [...names, ...(result.kind === 'databases' ? [] : [`(${result.kind})`])].join(' ');
}

const CASES: readonly (readonly [sql: string, expected: string])[] = [
  ['SELECT 1', ''],
  ['SELECT @a, LAST_INSERT_ID()', ''],
  ['SELECT * FROM t', 'cur'],
  ['SELECT * FROM x.t', 'x'],
  ['SELECT * FROM x.t JOIN t USING (id)', 'cur x'],
  ['SELECT (SELECT max(a) FROM y.u) FROM x.t WHERE EXISTS (SELECT 1 FROM z.v)', 'x y z'],
  ['WITH c AS (SELECT * FROM x.t), d AS (SELECT * FROM c) SELECT * FROM c JOIN d', 'x'],
  ['WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n', ''],
  ['SELECT x.t.a FROM x.t FOR UPDATE OF t', 'x'],
  ['SELECT * FROM x.t UNION SELECT * FROM y.t', 'x y'],
  ['SELECT * FROM information_schema.tables', ''],
  ['SELECT * FROM p2pdb.members', 'p2pdb'],
  ['SELECT * FROM p2pdb.conflicts JOIN x.t ON row_key = id', 'x'],
  ['TABLE x.t', 'x'],
  ['INSERT INTO x.t SELECT * FROM y.t', 'x y'],
  ['INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1', 'cur'],
  ['REPLACE INTO x.t VALUES (1)', 'x'],
  ['UPDATE x.t SET a = (SELECT b FROM y.u)', 'x y'],
  ['DELETE FROM x.t WHERE a = 1', 'x'],
  ['DELETE a FROM x.t a JOIN x.u b ON a.i = b.i', 'x'],
  ['DELETE FROM a USING x.t a JOIN x.u b ON a.i = b.i', 'x'],
  ["LOAD DATA LOCAL INFILE 'f' INTO TABLE x.t", 'x'],
  ['CREATE TABLE x.t (a INT, FOREIGN KEY (a) REFERENCES x.u (a))', 'x'],
  ['CREATE TABLE x.t LIKE y.t', 'x y'],
  ['CREATE VIEW x.v AS SELECT * FROM x.t', 'x'],
  ['ALTER TABLE x.t RENAME TO y.t', 'x y'],
  ['RENAME TABLE x.t TO x.u', 'x'],
  ['DROP TABLE x.t, y.t', 'x y'],
  ['TRUNCATE t', 'cur'],
  ['LOCK TABLES x.t READ', 'x'],
  ['ANALYZE TABLE x.t', 'x'],
  ['SHOW TABLES', 'cur'],
  ['SHOW TABLES FROM x', 'x'],
  ['SHOW COLUMNS FROM t FROM x', 'x'],
  ['SHOW CREATE TABLE x.t', 'x'],
  ['SHOW WARNINGS', ''],
  ['DESCRIBE x.t', 'x'],
  ['EXPLAIN SELECT * FROM x.t', 'x'],
  ["PREPARE s FROM 'SELECT * FROM x.t'", 'x'],
  ['EXECUTE p', 'prep'],
  ['BEGIN', ''],
  ['COMMIT', ''],
  ['USE x', ''],
  ["SET @a = (SELECT max(i) FROM x.t), sql_mode = ''", 'x'],
  ['SET GLOBAL max_connections = 10', '(node)'],
  ['KILL 1', '(node)'],
  ["CREATE DATABASE x COMMENT 'p2pdb:group=own'", '(all)'],
  ['DROP DATABASE x', '(all)'],
  ["CREATE USER a IDENTIFIED BY 'b'", '(all)'],
  ['GRANT SELECT ON x.* TO a', '(all)'],
  ['GRANT SELECT (b), INSERT ON x.t TO a', 'x (all)'],
  ['REVOKE ALL ON t FROM a', 'cur (all)'],
  ['FLUSH TABLES', '(node)'],
  ['FLUSH TABLES x.t WITH READ LOCK', 'x'],
];

describe('what a statement is about', () => {
  for (const [sql, expected] of CASES) it(sql, () => assert.equal(about(sql), expected));

  it('is no database where none is in use', () => assert.equal(about('SELECT * FROM t', ''), ''));
});
