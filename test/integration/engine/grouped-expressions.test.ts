// GROUP BY an expression, or its name: the select list has the same one, with literals that are converted to be compared. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE g (id int PRIMARY KEY, total decimal(8,2), mail varchar(50), at datetime)', 0],
  [
    "INSERT INTO g VALUES (1, 50, 'a@x.org', '2026-01-01 10:00:00'), (2, 150, 'b@y.net', '2026-01-01 11:00:00'), (3, 700, 'c@x.org', '2026-02-01 10:00:00')",
    3,
  ],
];
const BAND = "CASE WHEN total < 100 THEN 'low' WHEN total < 500 THEN 'mid' ELSE 'high' END";
const bands = [
  ['high', '1'],
  ['low', '1'],
  ['mid', '1'],
];

dialectTests({
  'by a name': [
    ...rows,
    [`SELECT ${BAND} band, COUNT(*) FROM g GROUP BY band ORDER BY band`, bands],
    [
      "SELECT SUBSTRING_INDEX(mail, '@', -1) host, COUNT(*) FROM g GROUP BY host ORDER BY 1",
      [
        ['x.org', '2'],
        ['y.net', '1'],
      ],
    ],
    [
      'SELECT IF(total > 100, id, 0) k, COUNT(*) FROM g GROUP BY k ORDER BY k',
      [
        ['0', '1'],
        ['2', '1'],
        ['3', '1'],
      ],
    ],
    [
      "SELECT at >= '2026-02-01' k, COUNT(*) FROM g GROUP BY k ORDER BY k",
      [
        ['0', '2'],
        ['1', '1'],
      ],
    ],
  ],
  'by the expression, written again': [
    ...rows,
    [`SELECT ${BAND}, COUNT(*) FROM g GROUP BY ${BAND} ORDER BY 1`, bands],
    ['SELECT total > 100, COUNT(*) FROM g GROUP BY total > 100 HAVING total > 100', 'E1054'],
    [`SELECT DISTINCT ${BAND} FROM g ORDER BY ${BAND} DESC`, [['mid'], ['low'], ['high']]],
  ],
  'by another one': [
    ...rows,
    ['SELECT total > 100, COUNT(*) FROM g GROUP BY total > 200', 'E1055'],
    ["SELECT SUBSTRING_INDEX(mail, '@', -1) FROM g GROUP BY SUBSTRING_INDEX(mail, '@', 1)", 'E1055'],
  ],
  'without GROUP BY, sorted': [
    ...rows,
    // What one row is sorted by need not be grouped, nor be listed.
    ['SELECT COUNT(*) FROM g ORDER BY total DESC, id', [['3']]],
    ['SELECT SUM(id) FROM g ORDER BY total + id LIMIT 1', [['6']]],
    ['SELECT SUM(id) x FROM g HAVING x > 1 ORDER BY at', [['6']]],
    ['SELECT DISTINCT MAX(id) FROM g ORDER BY total', [['3']]],
    ['SELECT c FROM (SELECT COUNT(*) c FROM g ORDER BY total) d', [['3']]],
    ['SELECT (SELECT COUNT(*) FROM g h ORDER BY h.total) FROM g WHERE id = 1', [['3']]],
    ['(SELECT COUNT(*) FROM g ORDER BY total) UNION ALL SELECT MAX(id) FROM g', [['3'], ['3']]],
    ['SELECT COUNT(*) FROM g ORDER BY (SELECT COUNT(*) FROM g h WHERE h.id = g.id)', [['3']]],
    ['SELECT COUNT(*) FROM g ORDER BY nosuch', 'E1054'],
    ['SELECT COUNT(*), id FROM g ORDER BY id', 'E1140'],
    ['SELECT MAX(id) FROM g ORDER BY ROW_NUMBER() OVER (ORDER BY total)', 'E1140'],
  ],
});
