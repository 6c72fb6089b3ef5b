// Foreign keys whose parent, or the parent's columns and keys, are altered. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  [
    'CREATE TABLE p (id int PRIMARY KEY, u varchar(9) UNIQUE, up int, CONSTRAINT self FOREIGN KEY (up) REFERENCES p (id))',
    0,
  ],
  ['CREATE TABLE c (id int PRIMARY KEY, pu varchar(9), CONSTRAINT other FOREIGN KEY (pu) REFERENCES p (u))', 0],
  ["INSERT INTO p VALUES (1,'a',NULL),(2,'b',1)", 2],
];
const references = (table: string, column: string, ofTable: string, of: string): Step => [
  `SELECT column_name, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage
   WHERE table_schema = 'dialect' AND table_name = '${table}' AND referenced_table_name IS NOT NULL`,
  [[column, ofTable, of]],
];

dialectTests({
  "a parent's column that is renamed": [
    ...tables,
    ['ALTER TABLE p RENAME COLUMN u TO v', 0],
    references('c', 'pu', 'p', 'v'),
    ["INSERT INTO c VALUES (1,'a')", 1],
    ["INSERT INTO c VALUES (2,'z')", 'E1452'],
    ["UPDATE p SET v = 'c' WHERE id = 1", 'E1451'],
    ['ALTER TABLE p CHANGE v w varchar(9), ADD COLUMN x int', 0],
    references('c', 'pu', 'p', 'w'),
    ["INSERT INTO c VALUES (2,'b')", 1],
    ['DELETE FROM p WHERE id = 2', 'E1451'],
  ],
  'a column of a table that names itself': [
    ...tables,
    ['ALTER TABLE p RENAME COLUMN id TO u, RENAME COLUMN u TO id', 0],
    references('p', 'up', 'p', 'u'),
    references('c', 'pu', 'p', 'id'),
    ["INSERT INTO p VALUES (3,'c',9)", 'E1452'],
    ["INSERT INTO p VALUES (3,'c',2)", 1],
    ['DELETE FROM p WHERE u = 1', 'E1451'],
  ],
  'tables that are renamed together': [
    ...tables,
    ['RENAME TABLE p TO p2, c TO c2', 0],
    references('p2', 'up', 'p2', 'id'),
    references('c2', 'pu', 'p2', 'u'),
    ['RENAME TABLE p2 TO x, c2 TO p2, x TO c2', 0],
    references('c2', 'up', 'c2', 'id'),
    references('p2', 'pu', 'c2', 'u'),
    ['ALTER TABLE c2 RENAME TO p, RENAME COLUMN u TO v', 0],
    references('p', 'up', 'p', 'id'),
    references('p2', 'pu', 'p', 'v'),
    ["INSERT INTO p2 VALUES (1,'a')", 1],
    ["INSERT INTO p2 VALUES (2,'z')", 'E1452'],
    ['DELETE FROM p WHERE id = 1', 'E1451'],
  ],
  "a parent's key that a foreign key needs": [
    ...tables,
    ['ALTER TABLE p DROP INDEX u', 'E1553'],
    ['ALTER TABLE p DROP PRIMARY KEY', 'E1553'],
    ['SET foreign_key_checks = 0', 0],
    ['ALTER TABLE p DROP INDEX u', 'E1553'],
    ['DROP TABLE p', 0],
    ['SET foreign_key_checks = 1', 0],
    ['ALTER TABLE c ADD COLUMN x int', 0],
    ['ALTER TABLE c DROP FOREIGN KEY other', 0],
  ],
  'an index that runs backwards serves no foreign key': [
    ...tables,
    ['CREATE INDEX down ON c (pu DESC, id)', 0],
    ['DROP INDEX down ON c', 0],
    ['CREATE INDEX up ON c (pu, id)', 0],
    ['DROP INDEX up ON c', 'E1553'],
    ['ALTER TABLE c DROP INDEX up, ADD INDEX renamed (pu, id)', 0],
    ['ALTER TABLE c DROP INDEX renamed, ADD INDEX other (id, pu)', 'E1553'],
  ],
});
