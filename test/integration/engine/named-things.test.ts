// Indexes that hints name, collations that expressions bring, and calls with very many arguments. The expectations are MySQL 9.7's answers.
import { dialectTests } from './support.ts';

const very = (count: number, text: (n: number) => string, between: string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(between);

dialectTests({
  'a hint names an index that is there': [
    ['CREATE TABLE t (a int primary key, b int, key bk (b), key ck (b, a), key ck2 (a, b))', 0],
    ['SELECT * FROM t USE INDEX (nope)', 'E1176'],
    ['SELECT * FROM t IGNORE INDEX (PRIMARY, nope)', 'E1176'],
    ['SELECT * FROM t AS x FORCE INDEX FOR ORDER BY (nope)', 'E1176'],
    ['UPDATE t USE INDEX (nope) SET b = 1', 'E1176'],
    ['DELETE t FROM t USE INDEX (nope)', 'E1176'],
    ['SELECT * FROM t USE INDEX () USE KEY FOR JOIN (BK) IGNORE INDEX (PRIMARY)', []],
    ['SELECT * FROM t USE INDEX (b, ck)', []],
    ['SELECT * FROM t USE INDEX (c)', 'E1176'],
  ],
  'COERCIBILITY tells whose collation counts': [
    ['CREATE TABLE t (a int, s varchar(3))', 0],
    ["INSERT INTO t VALUES (1, 'x')", 1],
    [
      `SELECT COERCIBILITY('a'), COERCIBILITY(1), COERCIBILITY(NULL), COERCIBILITY(USER()), COERCIBILITY(a), COERCIBILITY(s),
         COERCIBILITY('a' COLLATE utf8mb4_bin), COERCIBILITY(CONCAT(s, 'x')), COERCIBILITY(@x), COERCIBILITY(VERSION()),
         COERCIBILITY(NOW()), COERCIBILITY(HEX('a')), COERCIBILITY(CAST(1 AS CHAR)), COERCIBILITY(1 + 1) FROM t`,
      [['4', '5', '6', '3', '5', '2', '0', '2', '2', '3', '5', '4', '2', '5']],
    ],
  ],
  'very many arguments take no longer each': [
    [`SELECT LENGTH(CONCAT(${very(40_000, (n) => `'a${n % 10}'`, ',')}))`, [['80000']]],
  ],
});
