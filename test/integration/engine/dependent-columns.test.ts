// Columns, constraints and what names them. The expectations are MySQL 9.7's answers.
import { dialectTests } from './support.ts';

dialectTests({
  'a default that is an expression reads the columns that the statement sets': [
    ['CREATE TABLE t (d int DEFAULT (a + 1), a int DEFAULT 5, e varchar(10) DEFAULT (concat(d, a)))', 0],
    ['INSERT INTO t (a) VALUES (1), (2)', 2],
    ['INSERT INTO t () VALUES ()', 1],
    ['INSERT INTO t SET a = 7', 1],
    ['REPLACE INTO t (a, d) VALUES (9, DEFAULT)', 1],
    [
      'SELECT a, d, e FROM t ORDER BY a',
      [
        ['1', '2', '21'],
        ['2', '3', '32'],
        ['5', '6', '65'],
        ['7', '8', '87'],
        ['9', '10', '109'],
      ],
    ],
  ],
  'a key over a BLOB or TEXT needs a length': [
    ['CREATE TABLE t (a text UNIQUE)', 'E1170'],
    ['CREATE TABLE t (a blob PRIMARY KEY)', 'E1170'],
    ['CREATE TABLE t (a varchar(10) UNIQUE, b text, UNIQUE (b(10)))', 0],
  ],
  'expressions of a definition give the same on every node': [
    ['CREATE TABLE t (a int, b double AS (rand()))', 'E3763'],
    ['CREATE TABLE t (a int, b date AS (curdate()) STORED)', 'E3763'],
    ['CREATE TABLE t (a int, b int AS (@x))', 'E3772'],
    ['CREATE TABLE t (a int, b int AS ((SELECT 1)))', 'E3102'],
    ['CREATE TABLE t (a int, b int AS (c + 1), c int AS (a + 1))', 'E3107'],
    ['CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY, b int AS (a + 1))', 'E3109'],
    ['CREATE TABLE t (a int, KEY ((a + rand())))', 'E3758'],
    ['CREATE TABLE t (a datetime, CHECK (a < now()))', 'E3814'],
    ['CREATE TABLE t (a int, CHECK (a IN (SELECT 1)))', 'E3815'],
    ['CREATE TABLE t (a int, CHECK (a < @@sort_buffer_size))', 'E3816'],
    ['CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY, CHECK (a > 0))', 'E3818'],
    ['CREATE TABLE t (a int DEFAULT (b + 1), b int DEFAULT (a + 1))', 'E3767'],
    ['CREATE TABLE t (a int DEFAULT (@x))', 'E3772'],
    ['CREATE TABLE t (a double DEFAULT (rand()), b varchar(40) DEFAULT (uuid()), c int AS (d + 1), d int)', 0],
    ['ALTER TABLE t ADD e datetime AS (now())', 'E3763'],
    ['ALTER TABLE t ADD CHECK (d < 5)', 0],
  ],
  'a column that an expression names keeps its name': [
    ['CREATE TABLE t (a int, b int, c int, g int AS (a + 1), d int DEFAULT (c + 1), CHECK (b > 0))', 0],
    ['ALTER TABLE t RENAME COLUMN a TO x', 'E3108'],
    ['ALTER TABLE t CHANGE a x int', 'E3108'],
    ['ALTER TABLE t CHANGE b x int', 'E3959'],
    ['ALTER TABLE t RENAME COLUMN c TO x', 'E3766'],
    ['ALTER TABLE t CHANGE a x int, MODIFY g int AS (x + 1)', 0],
    ['ALTER TABLE t RENAME COLUMN x TO a, MODIFY g int AS (a + 1)', 0],
    ['ALTER TABLE t RENAME COLUMN a TO A, RENAME COLUMN g TO h', 0],
    ['ALTER TABLE t DROP CHECK t_chk_1, RENAME COLUMN b TO x', 0],
    ['INSERT INTO t (A, x, c) VALUES (1, 2, 3)', 1],
    ['SELECT * FROM t', [['1', '2', '3', '2', '4']]],
  ],
  'constraints named after their table follow its new name': [
    ['CREATE TABLE p (id int PRIMARY KEY)', 0],
    ['CREATE TABLE c (id int, FOREIGN KEY (id) REFERENCES p (id), CHECK (id > 0), CONSTRAINT own CHECK (id > 1))', 0],
    ['RENAME TABLE c TO d', 0],
    ['ALTER TABLE d RENAME TO e', 0],
    [
      "SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema = 'dialect' AND table_name = 'e' ORDER BY 1",
      [['e_chk_1'], ['e_ibfk_1'], ['own']],
    ],
    ['ALTER TABLE e DROP FOREIGN KEY e_ibfk_1', 0],
  ],
});
