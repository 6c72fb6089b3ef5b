// SUM and AVG are exact, whichever way they are computed: whole, in halves, or one call for each row. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  [
    'CREATE TABLE s (id int PRIMARY KEY, g int, t tinyint, i int, u int unsigned, b bigint, ub bigint unsigned, d decimal(10,2), m decimal(18,4), w decimal(30,5))',
    0,
  ],
  [
    `INSERT INTO s VALUES
      (1, 1, 127, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 99999999.99, 99999999999999.9999, 9999999999999999999999999.99999),
      (2, 1, 127, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 99999999.99, 99999999999999.9999, 9999999999999999999999999.99999),
      (3, 2, -128, -2147483648, 0, -9223372036854775808, 0, -0.01, -99999999999999.9999, -0.00001),
      (4, 2, -1, -1, 1, -1, 1, 0.03, -0.0001, 0.00002),
      (5, 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    5,
  ],
];

dialectTests({
  'of all rows': [
    ...rows,
    [
      'SELECT SUM(t), SUM(i), SUM(u), SUM(b), SUM(ub), SUM(d), SUM(m), SUM(w) FROM s',
      [
        [
          '125',
          '2147483645',
          '8589934591',
          '9223372036854775805',
          '36893488147419103231',
          '200000000.00',
          '99999999999999.9998',
          '19999999999999999999999999.99999',
        ],
      ],
    ],
    [
      'SELECT AVG(t), AVG(i), AVG(u), AVG(b), AVG(d), AVG(m) FROM s',
      [
        [
          '31.2500',
          '536870911.2500',
          '2147483647.7500',
          '2305843009213693951.2500',
          '50000000.000000',
          '24999999999999.99995000',
        ],
      ],
    ],
  ],
  'of groups, with one that has only NULL': [
    ...rows,
    [
      'SELECT g, SUM(b), SUM(d), AVG(b), AVG(m) FROM s GROUP BY g ORDER BY g',
      [
        ['1', '18446744073709551614', '199999999.98', '9223372036854775807.0000', '99999999999999.99990000'],
        ['2', '-9223372036854775809', '0.02', '-4611686018427387904.5000', '-50000000000000.00000000'],
        ['3', null, null, null, null],
      ],
    ],
    ['SELECT g FROM s GROUP BY g HAVING SUM(b) < 0 ORDER BY SUM(m)', [['2']]],
  ],
  'of expressions': [
    ...rows,
    [
      'SELECT SUM(CASE WHEN g = 1 THEN 1 ELSE 0 END), SUM(g = 2), SUM(CASE WHEN g = 1 THEN d END), SUM(i + id), AVG(-d) FROM s WHERE id > 1',
      [['1', '2', '99999999.99', '7', '-33333333.336667']],
    ],
    [
      'SELECT SUM(CASE g WHEN 1 THEN b ELSE NULL END), AVG(CASE g WHEN 1 THEN 10 ELSE 5 END) FROM s',
      [['18446744073709551614', '7.0000']],
    ],
  ],
  'of products': [
    ...rows,
    [
      'SELECT SUM(t * d), SUM(m * d), AVG(id * m), SUM(-m * d), SUM(w * d) FROM s WHERE id <> 2',
      [
        [
          '12699999999.98',
          '9999999999999999989999.999997',
          '-66666666666666.66673333',
          '-9999999999999999989999.999997',
          '999999999899999999999999999999000.0000008',
        ],
      ],
    ],
    [
      'SELECT g, SUM(i * d) FROM s GROUP BY g ORDER BY g',
      [
        ['1', '429496729357050327.06'],
        ['2', '21474836.45'],
        ['3', null],
      ],
    ],
    ['SELECT SUM(b * i) FROM s', 'E1690'],
  ],
  'of no rows': [
    ...rows,
    ['SELECT SUM(i), AVG(i), SUM(b), AVG(d), SUM(1) FROM s WHERE id > 9', [[null, null, null, null, null]]],
  ],
  'within a window, and of distinct values': [
    ...rows,
    [
      'SELECT id, SUM(b) OVER (ORDER BY id) FROM s WHERE id < 3 ORDER BY id',
      [
        ['1', '9223372036854775807'],
        ['2', '18446744073709551614'],
      ],
    ],
    ['SELECT SUM(DISTINCT b), AVG(DISTINCT d) FROM s WHERE g = 1', [['9223372036854775807', '99999999.990000']]],
  ],
});
