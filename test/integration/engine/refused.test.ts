// What MySQL 9.7 refuses, with its error numbers.
import { dialectTests } from './support.ts';

dialectTests({
  'names of arguments are for functions of libraries': [
    ['SELECT abs(1 AS n)', 'E1583'],
    ['SELECT unknown_function(1 AS n)', 'E1584'],
    ['SELECT unknown_function(1)', 'E1305'],
  ],
  'a ? is a parameter in prepared statements alone': [
    ['SELECT 1 + 2', [['3']]],
    ['SELECT ? + 2', 'E1064'],
    ['SELECT 1 FROM dual WHERE 1 = ? LIMIT ?', 'E1064'],
    ["PREPARE p FROM 'SELECT ? + 2'", 0],
  ],
  'QUALIFY is for the other optimizer': [
    ['CREATE TABLE t (a int)', 0],
    ['SELECT a FROM t QUALIFY row_number() OVER () = 1', 'E6037'],
    ['SELECT a FROM missing QUALIFY row_number() OVER () = 1', 'E1146'],
  ],
  'DEFAULT() of what has no constant default': [
    ['CREATE TABLE t (a int DEFAULT (1 + 1), b int NOT NULL)', 0],
    ['SELECT default(a) FROM t', 'E3773'],
    ['SELECT default(b) FROM t', 'E1364'],
  ],
  'a foreign key needs a unique key to refer to': [
    ['CREATE TABLE p (a int, b int, KEY (b))', 0],
    ['CREATE TABLE c (x int, FOREIGN KEY (x) REFERENCES p (a))', 'E6125'],
    ['CREATE TABLE c (x int, FOREIGN KEY (x) REFERENCES p (b))', 'E6125'],
  ],
  'a change whose subquery has more than one row, however often': [
    ['CREATE TABLE t (a int, b int)', 0],
    ['INSERT INTO t VALUES (1, 1), (2, 2)', 2],
    ['UPDATE t SET b = 3 WHERE a = (SELECT 1 UNION SELECT 2)', 'E1242'],
    ['UPDATE t SET b = 3 WHERE a = (SELECT 1 UNION SELECT 2)', 'E1242'],
    ['DELETE FROM t WHERE a < (SELECT 1 UNION SELECT 2)', 'E1242'],
    ['UPDATE t SET b = (SELECT d FROM (SELECT 1 AS d UNION SELECT 2) AS s)', 'E1242'],
    [
      'SELECT a, b FROM t',
      [
        ['1', '1'],
        ['2', '2'],
      ],
    ],
  ],
  'ORDER BY cannot aggregate what the query does not': [
    ['CREATE TABLE t (a int)', 0],
    ['SELECT a FROM t ORDER BY sum(a)', 'E3029'],
    ["SELECT 1 FROM t ORDER BY 1, strcmp(std(a), 'x')", 'E3029'],
    ['SELECT count(*) FROM t ORDER BY sum(a)', [['0']]],
    ['SELECT a FROM t GROUP BY a ORDER BY sum(a)', []],
    ['SELECT a FROM t HAVING max(a) > 1 ORDER BY sum(a)', 'E1140'],
  ],
  'dates with zeros, as defaults and of casts': [
    ["CREATE TABLE t (d datetime DEFAULT '0000-00-00')", 'E1067'],
    ["CREATE TABLE t (d date DEFAULT '2000-00-01')", 'E1067'],
    ['CREATE TABLE t (d timestamp DEFAULT 0)', 'E1067'],
    ['CREATE TABLE t (i int)', 0],
    ["ALTER TABLE t ADD d date DEFAULT '0000-00-00'", 'E1067'],
    ["SELECT CAST('0000-00-00' AS DATE), CAST('2000-00-01' AS DATETIME), CAST(0 AS DATE)", [[null, null, null]]],
    ["SET sql_mode = 'NO_ZERO_DATE'", 0],
    ["ALTER TABLE t ADD a date DEFAULT '0000-00-00', ADD b datetime DEFAULT 0, ADD c date DEFAULT '2000-00-01'", 0],
    ['INSERT INTO t (i) VALUES (1)', 1],
    ['SELECT a, b, c FROM t', [['0000-00-00', '0000-00-00 00:00:00', '2000-00-01']]],
    ['SELECT CAST(a AS DATE), CAST(b AS DATE), CAST(c AS DATETIME) FROM t', [[null, null, '2000-00-01 00:00:00']]],
    ['SET sql_mode = DEFAULT', 0],
    ['SELECT CAST(a AS DATE), CAST(c AS DATE) FROM t', [[null, null]]],
  ],
  'generated columns refuse dates with zeros or take them as they are': [
    ['CREATE TABLE t (s varchar(10), d date AS (CAST(s AS DATE)), y int AS (year(date(s))))', 0],
    ["INSERT INTO t (s) VALUES ('2000-00-01')", 'E1292'],
    ["INSERT IGNORE INTO t (s) VALUES ('2000-00-01')", 1],
    ["SET sql_mode = 'NO_ZERO_IN_DATE'", 0],
    ["INSERT INTO t (s) VALUES ('2000-00-01')", 1],
    [
      'SELECT d, y FROM t',
      [
        ['2000-00-01', '2000'],
        ['2000-00-01', '2000'],
      ],
    ],
    ['SET sql_mode = DEFAULT', 0],
  ],
  'storage engines that there are not': [
    ['SET default_storage_engine = nonsense', 'E1286'],
    ['SET default_tmp_storage_engine = nonsense', 'E1286'],
    ['SET default_storage_engine = NULL', 'E1231'],
  ],
});
