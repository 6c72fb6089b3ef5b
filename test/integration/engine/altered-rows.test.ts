// ALTER TABLE answers with the rows that MySQL copies for it. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE t (id int PRIMARY KEY, n int, s varchar(10), e enum("a","b"), KEY (n))', 0],
  ["INSERT INTO t VALUES (1,1,'x','a'), (2,2,'y','b')", 2],
];

dialectTests({
  'what is done in place or in the definition counts no rows': [
    ...rows,
    ['ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 5 FIRST', 0],
    ['ALTER TABLE t DROP COLUMN c', 0],
    ['ALTER TABLE t MODIFY n int NOT NULL DEFAULT 3 AFTER s', 0],
    ['ALTER TABLE t CHANGE n m int', 0],
    ['ALTER TABLE t ADD UNIQUE (s), DROP INDEX n', 0],
    ['ALTER TABLE t MODIFY s varchar(63)', 0],
    ["ALTER TABLE t MODIFY e enum('a','b','c')", 0],
    ['ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, m)', 0],
    ['ALTER TABLE t ADD COLUMN g int AS (id + 1)', 0],
    ['ALTER TABLE t ADD CHECK (id > 5) NOT ENFORCED', 0],
    ["ALTER TABLE t COMMENT 'c', ENGINE = InnoDB, FORCE", 0],
    ['ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4', 0],
    ['ALTER TABLE t RENAME TO u', 0],
    ['CREATE INDEX i ON u (id)', 0],
  ],
  'values that lie otherwise are copied': [
    ...rows,
    ['ALTER TABLE t MODIFY n bigint', 2],
    ['ALTER TABLE t MODIFY s varchar(64)', 2],
    ['ALTER TABLE t MODIFY s varchar(63)', 2],
    ['ALTER TABLE t MODIFY s varchar(63) CHARACTER SET latin1', 2],
    ['ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4', 2],
    ['ALTER TABLE t MODIFY s text', 2],
    ["ALTER TABLE t MODIFY e enum('b','a')", 2],
    ['ALTER TABLE t MODIFY id int AUTO_INCREMENT', 2],
    ['ALTER TABLE t ADD COLUMN g int AS (n + 1) STORED', 2],
    ['ALTER TABLE t ADD COLUMN d int DEFAULT (1 + 1)', 2],
  ],
  'rows that are there get no default that is left to chance': [
    ...rows,
    ...['uuid()', 'rand()', 'user()', 'sysdate()', 'uuid_short()', 'random_bytes(3)', 'concat(n, uuid())'].map(
      (call): Step => [`ALTER TABLE t ADD COLUMN c varchar(50) DEFAULT (${call})`, 'E1674'],
    ),
    ['ALTER TABLE t ALTER s SET DEFAULT (uuid())', 0],
    ['ALTER TABLE t MODIFY s varchar(50) DEFAULT (uuid())', 0],
    ['ALTER TABLE t ADD COLUMN d datetime DEFAULT (now()), ADD COLUMN u int DEFAULT (unix_timestamp())', 2],
  ],
  'keys and constraints that need all rows': [
    ...rows,
    ['CREATE TABLE p (id int PRIMARY KEY)', 0],
    ['INSERT INTO p VALUES (1), (2), (3)', 3],
    ['ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES p (id)', 2],
    ['ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)', 2],
    ['ALTER TABLE t ALTER CHECK c NOT ENFORCED', 0],
    ['ALTER TABLE t ALTER CHECK c ENFORCED', 2],
    ['ALTER TABLE t DROP PRIMARY KEY', 2],
    ['SET foreign_key_checks = 0', 0],
    ['ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p (id)', 0],
  ],
  'a copy that is asked for, and engines that know nothing else': [
    ...rows,
    ['ALTER TABLE t ADD COLUMN a int, ALGORITHM = COPY', 2],
    ['CREATE INDEX i ON t (a) ALGORITHM = COPY', 2],
    ['ALTER TABLE t ENGINE = MyISAM', 2],
    ['ALTER TABLE t ADD COLUMN b int', 2],
    ['ALTER TABLE t DROP INDEX i', 2],
    ["ALTER TABLE t COMMENT 'c'", 0],
    ['ALTER TABLE t FORCE', 2],
    ['CREATE TEMPORARY TABLE x (a int)', 0],
    ['INSERT INTO x VALUES (1), (2), (3)', 3],
    ['ALTER TABLE x ADD COLUMN b int', 3],
  ],
});
