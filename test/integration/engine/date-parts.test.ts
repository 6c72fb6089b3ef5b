// Parts of dates are the same whether SQLite cuts them out of a column or a function takes them out of a text. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ["SET sql_mode = ''", 0],
  ['CREATE TABLE p (id int PRIMARY KEY, d date, t datetime, t6 datetime(6), ts timestamp NULL, v varchar(30))', 0],
  [
    `INSERT INTO p VALUES
      (1, '2024-02-29', '2024-02-29 23:59:58', '2024-02-29 23:59:58.123456', '2024-02-29 23:59:58', '2024-02-29 23:59:58'),
      (2, '0000-00-00', '0000-00-00', '0000-00-00', NULL, 'x'),
      (3, '2024-00-10', '2024-05-00 10:11:12', NULL, NULL, NULL),
      (4, NULL, NULL, NULL, NULL, NULL)`,
    4,
  ],
];

dialectTests({
  'of columns': [
    ...rows,
    [
      'SELECT DATE(t), DATE(t6), DATE(d), YEAR(t), MONTH(t6), DAY(d), DAYOFMONTH(t), HOUR(t6), MINUTE(t), SECOND(t) FROM p ORDER BY id',
      [
        ['2024-02-29', '2024-02-29', '2024-02-29', '2024', '2', '29', '29', '23', '59', '58'],
        ['0000-00-00', '0000-00-00', '0000-00-00', '0000', '0', '0', '0', '0', '0', '0'],
        ['2024-05-00', null, '2024-00-10', '2024', null, '10', '0', null, '11', '12'],
        [null, null, null, null, null, null, null, null, null, null],
      ],
    ],
    ['SELECT HOUR(d), HOUR(ts), YEAR(v), MONTH(ts) FROM p WHERE id = 1', [['0', '23', '2024', '2']]],
  ],
  'compared, grouped and added up': [
    ...rows,
    ["SELECT id FROM p WHERE DATE(t) = '2024-02-29' AND YEAR(t) = 2024 AND MONTH(d) < '3'", [['1']]],
    [
      'SELECT YEAR(t), COUNT(*), SUM(MONTH(t)), MAX(DATE(t)) FROM p WHERE t > 0 GROUP BY YEAR(t)',
      [['2024', '2', '7', '2024-05-00']],
    ],
    ["SELECT MONTH(t) + 1, CONCAT(YEAR(d), '/', MONTH(d)) FROM p WHERE id = 1", [['3', '2024/2']]],
  ],
});
