// INSERTs of several rows whose values read the table itself, by another name: each row's see the rows before it. MySQL's answers.
import { dialectTests } from './support.ts';

dialectTests({
  'committed at once': [
    ['CREATE TABLE s (id int AUTO_INCREMENT PRIMARY KEY, a int)', 0],
    [
      'INSERT INTO s (a) VALUES ((SELECT COUNT(*) FROM s x)), ((SELECT COUNT(*) FROM s x)), ((SELECT COUNT(*) FROM s x) * 10)',
      3,
    ],
    ['REPLACE INTO s (id, a) VALUES (1, (SELECT MAX(a) FROM s x)), (2, (SELECT SUM(a) FROM s x))', 4],
    [
      'INSERT IGNORE INTO s (id, a) VALUES (1, (SELECT COUNT(*) FROM s x)), (30, (SELECT COUNT(*) FROM s x)), (31, (SELECT COUNT(*) FROM s x))',
      2,
    ],
    [
      'SELECT * FROM s ORDER BY id',
      [
        ['1', '20'],
        ['2', '41'],
        ['3', '20'],
        ['30', '3'],
        ['31', '4'],
      ],
    ],
  ],
  'in a transaction': [
    ['CREATE TABLE s (id int AUTO_INCREMENT PRIMARY KEY, a int)', 0],
    ['INSERT INTO s (a) VALUES (3)', 1],
    ['BEGIN', 0],
    [
      'INSERT INTO s (a) VALUES ((SELECT SUM(a) FROM s x)), ((SELECT SUM(a) FROM s x)), ((SELECT COUNT(*) FROM s x))',
      3,
    ],
    ['INSERT INTO s (a) VALUES ((SELECT COUNT(*) FROM s x)), ((SELECT COUNT(*) FROM s x))', 2],
    [
      'SELECT * FROM s ORDER BY id',
      [
        ['1', '3'],
        ['2', '3'],
        ['3', '6'],
        ['4', '3'],
        ['5', '4'],
        ['6', '5'],
      ],
    ],
    ['ROLLBACK', 0],
    ['SELECT * FROM s', [['1', '3']]],
  ],
  'a row that is refused takes back those before it': [
    ['CREATE TABLE s (id int AUTO_INCREMENT PRIMARY KEY, a int)', 0],
    ['INSERT INTO s (id, a) VALUES (1, 0), (20, (SELECT COUNT(*) FROM s x)), (1, 2)', 'E1062'],
    ['SELECT COUNT(*) FROM s', [['0']]],
  ],
  'by its own name': [
    ['CREATE TABLE s (id int AUTO_INCREMENT PRIMARY KEY, a int)', 0],
    ['INSERT INTO s (a) VALUES ((SELECT COUNT(*) FROM s)), (1)', 'E1093'],
    ['INSERT INTO s SET a = (SELECT MAX(a) FROM s)', 'E1093'],
    ['INSERT INTO s (a) VALUES (1), (2) ON DUPLICATE KEY UPDATE a = (SELECT MAX(a) FROM s)', 'E1093'],
  ],
});
