// ONLY_FULL_GROUP_BY: columns that a group determines. MySQL's answers.
import { dialectTests } from './support.ts';

dialectTests({
  'what is computed of columns that a group determines': [
    ['CREATE TABLE a (id int PRIMARY KEY, g int NOT NULL, s varchar(10))', 0],
    ['CREATE TABLE b (id int PRIMARY KEY, aid int)', 0],
    ["INSERT INTO a VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'z')", 3],
    ['INSERT INTO b VALUES (1, 1), (2, 1), (3, NULL)', 3],
    [
      "SELECT x.h, x.k FROM (SELECT id, g + 1 h, CONCAT(s, '!') k FROM a) x GROUP BY x.id ORDER BY k",
      [
        ['2', 'x!'],
        ['2', 'y!'],
        ['3', 'z!'],
      ],
    ],
    [
      'SELECT v.id, v.k FROM (SELECT a.id, UPPER(a.s) k FROM a JOIN b ON a.id = b.id) v GROUP BY v.id ORDER BY id',
      [
        ['1', 'X'],
        ['2', 'Y'],
        ['3', 'Z'],
      ],
    ],
    [
      'SELECT b.id, d.h FROM b LEFT JOIN (SELECT id, g + 1 h FROM a) d ON d.id = b.aid GROUP BY b.id ORDER BY id',
      [
        ['1', '2'],
        ['2', '2'],
        ['3', null],
      ],
    ],
    [
      'SELECT b.aid, d.h FROM b LEFT JOIN (SELECT id, 7 h FROM a) d ON d.id = b.aid GROUP BY b.aid ORDER BY aid',
      [
        [null, null],
        ['1', '7'],
      ],
    ],
    [
      'SELECT x.g, x.h FROM (SELECT id, g, g * 2 h FROM a) x GROUP BY x.g ORDER BY g',
      [
        ['1', '2'],
        ['2', '4'],
      ],
    ],
    ['SELECT x.g, x.h FROM (SELECT id, g, g * 2 h FROM a) x GROUP BY x.h ORDER BY h', 'E1055'],
    ['SELECT x.g, x.h FROM (SELECT id, g, CONCAT(s, g) h FROM a) x GROUP BY x.g', 'E1055'],
    [
      'SELECT x.id, x.r < 2 FROM (SELECT id, RAND() r FROM a) x GROUP BY x.id ORDER BY id',
      [
        ['1', '1'],
        ['2', '1'],
        ['3', '1'],
      ],
    ],
  ],
});
