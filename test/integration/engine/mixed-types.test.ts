// Where values of different types, character sets or collations meet. The expectations are MySQL 9.7's answers.
import { dialectTests } from './support.ts';

dialectTests({
  'literals of dates beside columns of other precision': [
    ['CREATE TABLE t (s timestamp, m datetime, d date, f datetime(3))', 0],
    ["INSERT INTO t VALUES ('2022-01-01 00:00:00','2022-01-01 00:00:00','2022-01-01','2022-01-01 00:00:00.5')", 1],
    ["SELECT count(*) FROM t WHERE s = TIMESTAMP'2022-01-01 00:00:00'", [['1']]],
    ["SELECT count(*) FROM t WHERE s IN (TIMESTAMP'2022-01-01 00:00:00', TIMESTAMP'2022-01-02 00:00:00')", [['1']]],
    ["SELECT count(*) FROM t WHERE m = TIMESTAMP'2022-01-01 00:00:00.000'", [['1']]],
    ["SELECT count(*) FROM t WHERE m < TIMESTAMP'2022-01-01 00:00:00'", [['0']]],
    ["SELECT count(*) FROM t WHERE d = TIMESTAMP'2022-01-01 00:00:00'", [['1']]],
    ["SELECT count(*) FROM t WHERE f = TIMESTAMP'2022-01-01 00:00:00.5'", [['1']]],
    ["SELECT TIMESTAMP'2022-01-01 00:00:00.50', TIME'10:11:12.5'", [['2022-01-01 00:00:00.50', '10:11:12.5']]],
  ],
  'LEAST and GREATEST of dates and texts': [
    [
      "SELECT least(DATE'2001-01-01', '01-01-02'), greatest(DATE'2001-01-01', '01-01-02') + 0, least(TIMESTAMP'2001-01-01 00:00:00', '01-01-02') + 0",
      [['2001-01-01', '20010102', '20010101000000']],
    ],
    ["SELECT least(DATE'2020-01-01', TIMESTAMP'2019-01-01 10:00:00')", [['2019-01-01 10:00:00']]],
  ],
  'bytes with a character set': [
    ["SELECT hex(_utf16 0x3344), hex(_ucs2 x'00e4'), hex(_latin1 0xe4)", [['3344', '00E4', 'E4']]],
    ['SELECT length(CONVERT(_utf32 0x20AC USING utf8mb4))', [['3']]],
    ['SELECT _utf8mb4 0x8f', 'E1300'],
  ],
  'collations that do not agree': [
    ["SELECT coalesce('a' COLLATE utf8mb4_bin, 'b' COLLATE utf8mb4_general_ci)", 'E1267'],
    ["SELECT if(1, 'a' COLLATE utf8mb4_bin, 'b' COLLATE utf8mb4_general_ci)", 'E1267'],
    ["SELECT ifnull('a' COLLATE utf8mb4_bin, 'b')", [['a']]],
    [
      "SELECT CASE WHEN 1 THEN 'a' COLLATE utf8mb4_bin WHEN 2 THEN 'c' ELSE 'b' COLLATE utf8mb4_general_ci END",
      'E1270',
    ],
  ],
  'AUTO_INCREMENT goes on behind a value that an UPDATE set': [
    ['CREATE TABLE t (a int auto_increment primary key, b int)', 0],
    ['INSERT INTO t (b) VALUES (1), (2)', 2],
    ['UPDATE t SET a = 10 WHERE b = 2', 1],
    ['INSERT INTO t (b) VALUES (3)', 1],
    ['INSERT INTO t (a, b) VALUES (1, 4) ON DUPLICATE KEY UPDATE a = 20', 2],
    ['INSERT INTO t (b) VALUES (5)', 1],
    ['SELECT a FROM t ORDER BY a', [['10'], ['11'], ['20'], ['21']]],
  ],
  'ON DUPLICATE KEY UPDATE names a column that USING merges': [
    ['CREATE TABLE t (k int primary key, j int)', 0],
    ['CREATE TABLE u (a int)', 0],
    ['INSERT INTO t VALUES (1, 1)', 1],
    ['INSERT INTO u VALUES (9)', 1],
    ['INSERT INTO t SELECT 1, a FROM u NATURAL JOIN (SELECT 9 AS a) v ON DUPLICATE KEY UPDATE j = a', 2],
    ['INSERT INTO t SELECT 1, a FROM u JOIN (SELECT 9 AS a) v USING (a) ON DUPLICATE KEY UPDATE j = v.a + 1', 2],
    ['SELECT j FROM t', [['10']]],
  ],
});
