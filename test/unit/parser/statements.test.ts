import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SqlError } from '../../../node/sql/index.ts';
import { parse, parseMany, parseNext } from '../../../node/sql/index.ts';

const kind = (sql: string): string => parse(sql).kind;

/** Statements that must parse, by the kind of their tree. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  query: [
    'SELECT 1',
    'select * from t',
    'SELECT t.*, db.u.*, a AS b, c "d" FROM t, db.u WHERE a = 1 GROUP BY a WITH ROLLUP HAVING b > 2 ORDER BY c DESC LIMIT 3, 4',
    'SELECT a FROM t LIMIT 4 OFFSET 3 FOR UPDATE OF t SKIP LOCKED FOR SHARE NOWAIT',
    'SELECT a FROM t LOCK IN SHARE MODE',
    'WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT * FROM c',
    '(SELECT 1) UNION (SELECT 2 ORDER BY 1 LIMIT 1) ORDER BY 1',
    'SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT ALL SELECT 4',
    '((SELECT 1) UNION ALL (SELECT 2))',
    'TABLE t ORDER BY a LIMIT 1',
    'VALUES ROW(1, 2), ROW(3, DEFAULT)',
    'SELECT 1 INTO @a',
    "SELECT a INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n' FROM t",
    'SELECT a FROM t INTO @x, @y',
    'SELECT SUM(a) OVER w, RANK() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (ORDER BY b)',
    "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (id FOR ORDINALITY, a INT PATH '$.a' NULL ON EMPTY ERROR ON ERROR, NESTED PATH '$.b' COLUMNS (c INT PATH '$'))) AS j",
    'SELECT * FROM t, LATERAL (SELECT t.a) d',
    'SELECT * FROM (t1 JOIN t2 ON a = b) LEFT JOIN (t3, t4) USING (c) NATURAL JOIN t5',
    'SELECT * FROM t USE INDEX (a, PRIMARY) IGNORE KEY FOR ORDER BY (b)',
    "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01' AS x",
    'SELECT * FROM t AS OF REVISION 12345',
    'SELECT /*+ MAX_EXECUTION_TIME(10) */ SQL_NO_CACHE STRAIGHT_JOIN DISTINCT a FROM t',
    'SELECT 1 FROM DUAL WHERE 1',
    'SELECT a FROM t GROUP BY ROLLUP (a, b)',
  ],
  insert: [
    'INSERT INTO t VALUES (1, DEFAULT, DEFAULT(a)), ()',
    'INSERT IGNORE t (a, b) VALUE (1, 2) AS n (x, y) ON DUPLICATE KEY UPDATE a = x + VALUES(a)',
    'INSERT t SET a = 1, b = DEFAULT',
    'INSERT INTO t () VALUES ()',
    'INSERT INTO t (SELECT * FROM u)',
    'INSERT INTO t (a) (SELECT 1) UNION SELECT 2 ON DUPLICATE KEY UPDATE a = 1',
    'REPLACE LOW_PRIORITY INTO db.t PARTITION (p0) TABLE u',
    'INSERT INTO t WITH c AS (SELECT 1) SELECT * FROM c',
  ],
  update: [
    'UPDATE t SET a = a + 1 WHERE b ORDER BY c LIMIT 1',
    'UPDATE t JOIN u USING (a) SET t.b = u.b, db.t.c = DEFAULT',
    'WITH c AS (SELECT 1) UPDATE t, c SET a = 1',
  ],
  delete: [
    'DELETE FROM t AS x WHERE x.a = 1 ORDER BY b LIMIT 2',
    'DELETE t1, db.t2.* FROM t1 JOIN t2',
    'DELETE QUICK FROM t1, t2 USING t1, t2 WHERE 1',
  ],
  loadData: [
    "LOAD DATA LOCAL INFILE 'f' REPLACE INTO TABLE t CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' LINES STARTING BY 'x' IGNORE 1 LINES (a, @b) SET c = @b + 1",
  ],
  callProcedure: ['CALL p', 'CALL db.p(1, @a)'],
  do: ['DO SLEEP(1), 2'],
  createTable: [
    'CREATE TABLE t (a INT)',
    "CREATE TEMPORARY TABLE IF NOT EXISTS db.t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'x', b VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'y' UNIQUE, c DECIMAL(10, 2) NULL, d DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE NOW(6), e ENUM('a', 'b'), f INT GENERATED ALWAYS AS (id + 1) STORED INVISIBLE, g JSON DEFAULT (JSON_ARRAY()), KEY k (b(5) DESC, (c + 1)) USING BTREE COMMENT 'k' INVISIBLE, CONSTRAINT fk FOREIGN KEY (f) REFERENCES u (id) ON DELETE CASCADE ON UPDATE SET NULL, CONSTRAINT CHECK (c > 0) NOT ENFORCED, FULLTEXT (b) WITH PARSER ngram) ENGINE = InnoDB, DEFAULT CHARSET utf8mb4 AUTO_INCREMENT 10 COMMENT 'z'",
    "CREATE TABLE t (a SERIAL, b BOOL, c LONG VARCHAR, d NATIONAL VARCHAR(3), e DOUBLE PRECISION, f VECTOR(3), g SET('x') ASCII)",
    'CREATE TABLE t SELECT 1 AS a',
    'CREATE TABLE t (a INT) IGNORE AS SELECT 1 AS a',
    'CREATE TABLE t (a INT) PARTITION BY RANGE (a) SUBPARTITION BY HASH (a) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (5) ENGINE InnoDB, PARTITION p1 VALUES LESS THAN MAXVALUE)',
  ],
  createTableLike: ['CREATE TABLE t LIKE u', 'CREATE TABLE t (LIKE db.u)'],
  alterTable: [
    'ALTER TABLE t ADD COLUMN a INT FIRST, DROP b, CHANGE c d INT AFTER e, MODIFY f TEXT, ALTER g SET DEFAULT 1, ALTER h DROP DEFAULT, RENAME COLUMN i TO j',
    'ALTER TABLE t ADD (a INT, KEY (a)), ADD UNIQUE u (a), ADD CONSTRAINT c CHECK (a > 1), DROP PRIMARY KEY, DROP FOREIGN KEY f, RENAME INDEX a TO b, RENAME TO x',
    'ALTER TABLE t ENGINE = InnoDB ROW_FORMAT = DYNAMIC, ALGORITHM = INPLACE, LOCK = NONE',
    'ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, DISABLE KEYS, FORCE, ORDER BY a DESC',
    'ALTER TABLE t DROP PARTITION p0, p1',
    'ALTER TABLE t REORGANIZE PARTITION p0 INTO (PARTITION p1 VALUES LESS THAN (5))',
    'ALTER TABLE t REMOVE PARTITIONING',
    'ALTER TABLE t',
  ],
  createIndex: ['CREATE UNIQUE INDEX i USING BTREE ON t (a(3), (b + 1) DESC) ALGORITHM COPY LOCK = DEFAULT'],
  dropIndex: ['DROP INDEX i ON t'],
  dropTable: ['DROP TEMPORARY TABLE IF EXISTS a, db.b CASCADE'],
  truncateTable: ['TRUNCATE t', 'TRUNCATE TABLE t'],
  renameTable: ['RENAME TABLE a TO b, c TO db.d'],
  createDatabase: [
    "CREATE DATABASE IF NOT EXISTS d DEFAULT CHARACTER SET = utf8mb4 COLLATE utf8mb4_bin ENCRYPTION 'N' COMMENT 'words'",
  ],
  alterDatabase: ['ALTER DATABASE d READ ONLY = 1', 'ALTER SCHEMA CHARACTER SET latin1'],
  dropDatabase: ['DROP SCHEMA IF EXISTS d'],
  createView: [
    'CREATE OR REPLACE ALGORITHM = MERGE DEFINER = root@localhost SQL SECURITY INVOKER VIEW v (a) AS SELECT 1 WITH LOCAL CHECK OPTION',
  ],
  alterView: ['ALTER VIEW v AS SELECT 2'],
  dropView: ['DROP VIEW IF EXISTS a, b RESTRICT'],
  createRoutine: [
    "CREATE PROCEDURE p (IN a INT, OUT b VARCHAR(5) CHARSET utf8mb4, INOUT c TEXT) COMMENT 'x' READS SQL DATA BEGIN DECLARE i, j INT DEFAULT 0; DECLARE d CURSOR FOR SELECT 1; DECLARE EXIT HANDLER FOR SQLSTATE '42000', 1062, NOT FOUND BEGIN END; l: LOOP IF i > 1 THEN LEAVE l; ELSEIF i THEN ITERATE l; ELSE SET i = i + 1; END IF; END LOOP l; WHILE i DO SET @x = 1; END WHILE; REPEAT FETCH d INTO i; UNTIL i END REPEAT; CASE i WHEN 1 THEN SELECT 1; ELSE SELECT 2; END CASE; SELECT a INTO b FROM t LIMIT i; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT; END",
    'CREATE FUNCTION f (a INT) RETURNS INT DETERMINISTIC RETURN a + 1',
    'CREATE FUNCTION f () RETURNS INT LANGUAGE JAVASCRIPT AS $$ return 1; $$',
  ],
  createLoadable: ["CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'f.so'"],
  createTrigger: ['CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW FOLLOWS tr2 SET NEW.a = OLD.a + 1'],
  createEvent: [
    'CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS NOW() ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM t',
  ],
  alterEvent: ['ALTER EVENT e ON SCHEDULE AT NOW() RENAME TO f'],
  dropRoutine: ['DROP PROCEDURE IF EXISTS db.p', 'DROP TRIGGER t', 'DROP EVENT e'],
  createUser: [
    "CREATE USER IF NOT EXISTS 'a'@'%' IDENTIFIED WITH caching_sha2_password BY 'x', b DEFAULT ROLE r REQUIRE SSL WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE NEVER ACCOUNT LOCK COMMENT 'c'",
  ],
  alterUser: [
    "ALTER USER a@localhost IDENTIFIED BY 'n' REPLACE 'o' RETAIN CURRENT PASSWORD",
    "ALTER USER USER() IDENTIFIED BY 'x'",
    'ALTER USER a DEFAULT ROLE ALL',
  ],
  dropUser: ['DROP USER IF EXISTS a, CURRENT_USER()'],
  createRole: ["CREATE ROLE r, 's'@'h'"],
  dropRole: ['DROP ROLE r'],
  renameUser: ['RENAME USER a TO b'],
  grant: [
    'GRANT SELECT (a, b), INSERT, CREATE TEMPORARY TABLES ON db.* TO a WITH GRANT OPTION',
    'GRANT ALL ON *.* TO a',
    'GRANT r, s TO a WITH ADMIN OPTION',
    'GRANT PROXY ON a TO b',
    'GRANT BACKUP_ADMIN ON *.* TO a AS b WITH ROLE ALL EXCEPT c',
  ],
  revoke: [
    'REVOKE ALL PRIVILEGES, GRANT OPTION FROM a',
    'REVOKE IF EXISTS EXECUTE ON PROCEDURE db.p FROM a IGNORE UNKNOWN USER',
  ],
  setPassword: ["SET PASSWORD FOR a = 'x'", 'SET PASSWORD TO RANDOM'],
  setRole: ['SET ROLE ALL EXCEPT r', 'SET ROLE NONE'],
  setDefaultRole: ['SET DEFAULT ROLE r TO a'],
  set: [
    "SET @a = 1, @@global.x := ON, SESSION y = DEFAULT, PERSIST z = 'q', w = BINARY, NAMES utf8mb4 COLLATE utf8mb4_bin",
    'SET NAMES DEFAULT',
    'SET CHARACTER SET utf8mb4',
    'SET sql_mode = CONCAT(@@sql_mode, 1)',
  ],
  setTransaction: ['SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY', 'SET TRANSACTION READ WRITE'],
  show: [
    "SHOW FULL TABLES FROM d LIKE 'a%'",
    'SHOW COLUMNS FROM t IN d WHERE Field = 1',
    'SHOW INDEXES FROM t',
    'SHOW CREATE TABLE d.t',
    'SHOW GLOBAL STATUS',
    "SHOW VARIABLES LIKE 'x'",
    'SHOW DATABASES',
    'SHOW PROCESSLIST',
    'SHOW WARNINGS LIMIT 1',
    'SHOW COUNT(*) ERRORS',
    'SHOW GRANTS FOR a USING r',
    'SHOW ENGINE InnoDB STATUS',
    'SHOW TABLE STATUS',
    'SHOW CHARACTER SET',
    'SHOW COLLATION',
    'SHOW PROFILE CPU, BLOCK IO FOR QUERY 2',
    "SHOW BINLOG EVENTS IN 'x' FROM 4 LIMIT 1",
    "SHOW REPLICA STATUS FOR CHANNEL 'c'",
    'SHOW PROCEDURE STATUS',
    'SHOW CREATE USER a',
    'SHOW TRIGGERS',
    'SHOW FULL TRIGGERS',
    'SHOW OPEN TABLES',
  ],
  describe: ['DESCRIBE t', 'DESC db.t col', "EXPLAIN t 'a%'"],
  explain: [
    'EXPLAIN SELECT 1',
    'EXPLAIN FORMAT = JSON UPDATE t SET a = 1',
    'EXPLAIN ANALYZE SELECT 1',
    'EXPLAIN FOR CONNECTION 5',
    'EXPLAIN FORMAT=JSON INTO @a SELECT 1',
  ],
  use: ['USE `d`'],
  begin: ['BEGIN', 'BEGIN WORK', 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY'],
  commit: ['COMMIT', 'COMMIT WORK AND NO CHAIN RELEASE'],
  rollback: ['ROLLBACK AND CHAIN'],
  rollbackTo: ['ROLLBACK TO SAVEPOINT s'],
  savepoint: ['SAVEPOINT s'],
  releaseSavepoint: ['RELEASE SAVEPOINT s'],
  lockTables: ['LOCK TABLES a READ LOCAL, b AS c LOW_PRIORITY WRITE'],
  unlockTables: ['UNLOCK TABLES'],
  xa: ["XA START 'a', 'b', 1 RESUME", "XA COMMIT 'a' ONE PHASE", 'XA RECOVER CONVERT XID'],
  prepare: ["PREPARE s FROM 'SELECT ?'", 'PREPARE s FROM @a'],
  execute: ['EXECUTE s USING @a, @b'],
  deallocate: ['DEALLOCATE PREPARE s', 'DROP PREPARE s'],
  kill: ['KILL 5', 'KILL QUERY 1 + 1'],
  flush: ['FLUSH PRIVILEGES, STATUS', 'FLUSH LOCAL TABLES a, b WITH READ LOCK', 'FLUSH TABLES a FOR EXPORT'],
  reset: ['RESET BINARY LOGS AND GTIDS', 'RESET REPLICA ALL'],
  resetPersist: ['RESET PERSIST IF EXISTS a.b'],
  analyzeTable: ['ANALYZE TABLE a, b', 'ANALYZE TABLE t UPDATE HISTOGRAM ON a WITH 4 BUCKETS'],
  checkTable: ['CHECK TABLE a FOR UPGRADE QUICK'],
  checksumTable: ['CHECKSUM TABLE a EXTENDED'],
  handlerOpen: ['HANDLER t OPEN AS a'],
  handlerRead: ['HANDLER t READ k >= (1, 2) WHERE a LIMIT 1'],
  signal: ["SIGNAL SQLSTATE '45000'"],
  other: [
    "INSTALL PLUGIN p SONAME 'p.so'",
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'h', SOURCE_PORT = 1 FOR CHANNEL 'c'",
    'START REPLICA',
    'STOP GROUP_REPLICATION',
    "PURGE BINARY LOGS TO 'x'",
    "HELP 'x'",
    "CREATE TABLESPACE t ADD DATAFILE 'f' ENGINE InnoDB",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h')",
    'CACHE INDEX t IN c',
    "IMPORT TABLE FROM 'a'",
    'ALTER INSTANCE ROTATE INNODB MASTER KEY',
    'DROP SPATIAL REFERENCE SYSTEM 5',
    'CREATE RESOURCE GROUP r TYPE = USER VCPU = 0-3',
  ],
};

describe('statements', () => {
  for (const [name, statements] of Object.entries(FAMILIES)) {
    it(name, () => {
      for (const sql of statements) {
        assert.equal(kind(sql), name, sql);
        assert.equal(kind(`${sql} ;\n`), name, sql);
      }
    });
  }

  it('keeps what a select item was called', () => {
    const sql = 'SELECT  a +  1 , b c FROM t';
    const query = parse(sql);
    assert.ok(query.kind === 'query' && query.body.kind === 'select');
    const names = query.body.items.map((item) =>
      item.kind === 'item' ? (item.alias ?? sql.slice(item.textStart, item.textEnd)) : '*',
    );
    assert.deepEqual(names, ['a +  1', 'c']);
  });

  it('takes the first statement of several and no more', () => {
    const sql = 'SELECT 1; SELEC 2';
    const first = parseNext(sql, 0);
    assert.equal(first.end, 10);
    assert.equal(first.last, false);
    assert.throws(
      () => parseNext(sql, first.end),
      (error: SqlError) => error.errno === 1064,
    );
    assert.deepEqual(
      [...parseMany('BEGIN; COMMIT;')].map((s) => s.statement.kind),
      ['begin', 'commit'],
    );
  });

  it('makes cross joins of joins that have no condition, with the right scope', () => {
    const query = parse('SELECT * FROM a JOIN b JOIN c ON a.x = c.x');
    assert.ok(query.kind === 'query' && query.body.kind === 'select');
    const join = query.body.from[0];
    assert.ok(join?.kind === 'join' && join.left.kind === 'join' && join.right.kind === 'table');
    assert.equal(join.right.name, 'c');
    assert.notEqual(join.on, undefined);
    assert.equal(join.left.on, undefined);
  });

  it('runs version comments up to the server version and skips the rest', () => {
    assert.equal(kind('SELECT 1 /*!80000 + 1 */ /*!99999 nonsense */ /*M! more */ -- end'), 'query');
    const query = parse('/*!40101 SET NAMES utf8mb4 */');
    assert.equal(query.kind, 'set');
    // As mysqldump writes it.
    const purged = parse("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-9' 'b'");
    assert.ok(purged.kind === 'set' && purged.items[0]?.kind === 'variable');
    assert.equal((purged.items[0].value as { value?: string }).value, '+a:1-9b');
    assert.throws(() => parse("SET @x = /*!80000 'a' */ */ 'b'"));
  });
});
