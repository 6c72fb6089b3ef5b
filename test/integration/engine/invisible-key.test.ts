// sql_generate_invisible_primary_key and sql_require_primary_key. The expectations are MySQL 9.7's answers.
import { dialectTests } from './support.ts';

const TAIL = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci';
const shown = (name: string, ...lines: string[]): [string, string[][]] => [
  `SHOW CREATE TABLE ${name}`,
  [[name, `CREATE TABLE \`${name}\` (\n${lines.map((l) => `  ${l}`).join(',\n')}\n) ${TAIL}`]],
];

dialectTests({
  'a table without a key gets one that nobody sees': [
    ['SET sql_generate_invisible_primary_key = 1', 0],
    ['CREATE TABLE a (f int)', 0],
    shown(
      'a',
      '`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */',
      '`f` int DEFAULT NULL',
      'PRIMARY KEY (`my_row_id`)',
    ),
    ['INSERT INTO a VALUES (5), (6)', 2],
    ['SELECT * FROM a', [['5'], ['6']]],
    [
      'SELECT my_row_id, f FROM a',
      [
        ['1', '5'],
        ['2', '6'],
      ],
    ],
    ['CREATE TABLE s AS SELECT 1 AS x', 1],
    ['SELECT my_row_id, x FROM s', [['1', '1']]],
    ['CREATE TABLE u (f int NOT NULL UNIQUE KEY)', 0],
    shown('u', '`f` int NOT NULL', 'UNIQUE KEY `f` (`f`)'),
    ['CREATE TABLE k (f int KEY)', 0],
    shown('k', '`f` int NOT NULL', 'PRIMARY KEY (`f`)'),
    ['CREATE TABLE n (my_row_id int)', 'E4108'],
    ['CREATE TABLE n AS SELECT 1 AS my_row_id', 'E4108'],
    ['CREATE TABLE n (f int NOT NULL AUTO_INCREMENT, KEY (f))', 'E4109'],
    ['CREATE TABLE n (f int) PARTITION BY HASH (f) PARTITIONS 2', 'E1235'],
    ['SET sql_generate_invisible_primary_key = 0', 0],
  ],
  'a generated key goes as a whole or not at all': [
    ['SET sql_generate_invisible_primary_key = 1', 0],
    ['CREATE TABLE g (f int, h int)', 0],
    ['ALTER TABLE g DROP COLUMN my_row_id', 'E1235'],
    ['ALTER TABLE g DROP PRIMARY KEY, DROP COLUMN my_row_id, ADD UNIQUE KEY (f)', 'E1235'],
    ['DROP INDEX `PRIMARY` ON g', 'E1235'],
    ['ALTER TABLE g DROP PRIMARY KEY, ADD PRIMARY KEY (f)', 'E4111'],
    ['ALTER TABLE g ADD PRIMARY KEY (f)', 'E1068'],
    ['SET sql_generate_invisible_primary_key = 0', 0],
    ['ALTER TABLE g DROP PRIMARY KEY', 'E4111'],
    ['ALTER TABLE g DROP COLUMN my_row_id, ADD PRIMARY KEY (f)', 0],
    shown('g', '`f` int NOT NULL', '`h` int DEFAULT NULL', 'PRIMARY KEY (`f`)'),
  ],
  "a generated key's column is what it is, while nobody sees it": [
    ['SET sql_generate_invisible_primary_key = 1', 0],
    ['CREATE TABLE g (f int)', 0],
    ['ALTER TABLE g RENAME COLUMN my_row_id TO id', 'E4110'],
    ['ALTER TABLE g CHANGE my_row_id id bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE', 'E4110'],
    ['ALTER TABLE g MODIFY my_row_id int NOT NULL AUTO_INCREMENT INVISIBLE', 'E4110'],
    ['ALTER TABLE g MODIFY my_row_id bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE AFTER f', 'E4110'],
    ['ALTER TABLE g ALTER my_row_id SET DEFAULT 1', 'E4110'],
    ['ALTER TABLE g ADD h int FIRST', 0],
    shown(
      'g',
      '`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */',
      '`h` int DEFAULT NULL',
      '`f` int DEFAULT NULL',
      'PRIMARY KEY (`my_row_id`)',
    ),
    ['ALTER TABLE g ALTER my_row_id SET VISIBLE', 0],
    ['ALTER TABLE g RENAME COLUMN my_row_id TO id', 0],
    ['SET sql_generate_invisible_primary_key = 0', 0],
  ],
  'a table without a key is refused': [
    ['CREATE TABLE without (f int)', 0],
    ['SET sql_require_primary_key = 1', 0],
    ['CREATE TABLE r (f int)', 'E3750'],
    ['CREATE TABLE r LIKE without', 'E3750'],
    ['CREATE TABLE r (f int NOT NULL UNIQUE)', 0],
    ['CREATE TABLE q (f int PRIMARY KEY)', 0],
    ['SET sql_require_primary_key = 0', 0],
  ],
});
