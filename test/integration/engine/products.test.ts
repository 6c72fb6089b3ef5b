// Products of decimals are exact, whichever way they are computed and compared: SQLite's own, or one call for each row. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  [
    'CREATE TABLE p (id int PRIMARY KEY, price decimal(10,2), qty int, big bigint, d decimal(18,4), s decimal(5,2), t tinyint, u int unsigned)',
    0,
  ],
  [
    'INSERT INTO p VALUES (1, 99999999.99, 2147483647, 9223372036854775807, 99999999999999.9999, 999.99, 127, 4294967295), (2, -99999999.99, 2147483647, -9223372036854775808, -99999999999999.9999, -999.99, -128, 0), (3, 0.01, 3, 3, 0.0001, 0.01, 3, 3), (4, 12.50, 80, 80, 12.5000, 12.50, 80, 80), (5, 12.50, -80, -80, -12.5001, 1.25, -8, 80), (6, NULL, 1, NULL, 1, 1, 1, 1), (7, 1.01, NULL, 1, NULL, NULL, NULL, NULL)',
    7,
  ],
];

dialectTests({
  'as they are': [
    ...rows,
    [
      'SELECT id, price*qty FROM p ORDER BY id',
      [
        ['1', '214748364678525163.53'],
        ['2', '-214748364678525163.53'],
        ['3', '0.03'],
        ['4', '1000.00'],
        ['5', '-1000.00'],
        ['6', null],
        ['7', null],
      ],
    ],
    [
      'SELECT id, qty*price FROM p ORDER BY id',
      [
        ['1', '214748364678525163.53'],
        ['2', '-214748364678525163.53'],
        ['3', '0.03'],
        ['4', '1000.00'],
        ['5', '-1000.00'],
        ['6', null],
        ['7', null],
      ],
    ],
    [
      'SELECT id, price*big FROM p ORDER BY id',
      [
        ['1', '922337203593243860331452241.93'],
        ['2', '922337203593243860431452241.92'],
        ['3', '0.03'],
        ['4', '1000.00'],
        ['5', '-1000.00'],
        ['6', null],
        ['7', '1.01'],
      ],
    ],
    [
      'SELECT id, d*d FROM p ORDER BY id',
      [
        ['1', '9999999999999999980000000000.00000001'],
        ['2', '9999999999999999980000000000.00000001'],
        ['3', '0.00000001'],
        ['4', '156.25000000'],
        ['5', '156.25250001'],
        ['6', '1.00000000'],
        ['7', null],
      ],
    ],
    [
      'SELECT id, d*big FROM p ORDER BY id',
      [
        ['1', '922337203685477579777662796314522.4193'],
        ['2', '922337203685477579877662796314522.4192'],
        ['3', '0.0003'],
        ['4', '1000.0000'],
        ['5', '1000.0080'],
        ['6', null],
        ['7', null],
      ],
    ],
    [
      'SELECT id, s*t FROM p ORDER BY id',
      [
        ['1', '126998.73'],
        ['2', '127998.72'],
        ['3', '0.03'],
        ['4', '1000.00'],
        ['5', '-10.00'],
        ['6', '1.00'],
        ['7', null],
      ],
    ],
    [
      'SELECT id, s*s FROM p ORDER BY id',
      [
        ['1', '999980.0001'],
        ['2', '999980.0001'],
        ['3', '0.0001'],
        ['4', '156.2500'],
        ['5', '1.5625'],
        ['6', '1.0000'],
        ['7', null],
      ],
    ],
    [
      'SELECT id, price*u FROM p ORDER BY id',
      [
        ['1', '429496729457050327.05'],
        ['2', '0.00'],
        ['3', '0.03'],
        ['4', '1000.00'],
        ['5', '1000.00'],
        ['6', null],
        ['7', null],
      ],
    ],
    [
      'SELECT id, d*qty FROM p ORDER BY id',
      [
        ['1', '214748364699999999785251.6353'],
        ['2', '-214748364699999999785251.6353'],
        ['3', '0.0003'],
        ['4', '1000.0000'],
        ['5', '1000.0080'],
        ['6', '1.0000'],
        ['7', null],
      ],
    ],
    [
      'SELECT s*t, s*s, s*3, 1.5*t, -s*t FROM p ORDER BY id',
      [
        ['126998.73', '999980.0001', '2999.97', '190.5', '-126998.73'],
        ['127998.72', '999980.0001', '-2999.97', '-192.0', '-127998.72'],
        ['0.03', '0.0001', '0.03', '4.5', '-0.03'],
        ['1000.00', '156.2500', '37.50', '120.0', '-1000.00'],
        ['-10.00', '1.5625', '3.75', '-12.0', '10.00'],
        ['1.00', '1.0000', '3.00', '1.5', '-1.00'],
        [null, null, null, null, null],
      ],
    ],
    ['SELECT SUM(s*t), AVG(s*s), MAX(s*t), MIN(s*s) FROM p', [['255988.48', '333353.13546667', '127998.72', '0.0001']]],
    [
      'SELECT s*t*s > 1, s*t + s FROM p ORDER BY id',
      [
        ['1', '127998.72'],
        ['0', '126998.73'],
        ['0', '0.04'],
        ['1', '1012.50'],
        ['0', '-8.75'],
        ['0', '2.00'],
        [null, null],
      ],
    ],
  ],
  'beside numbers': [
    ...rows,
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 1000) <=> 1, price*qty = 1000 <=> 1, price*qty <=> 1000 ORDER BY id) FROM p",
      [['1:100,2:000,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 1000.0) <=> 1, price*qty = 1000.0 <=> 1, price*qty <=> 1000.0 ORDER BY id) FROM p",
      [['1:100,2:000,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 0.03) <=> 1, price*qty = 0.03 <=> 1, price*qty <=> 0.03 ORDER BY id) FROM p",
      [['1:100,2:000,3:011,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 1000.000) <=> 1, price*qty = 1000.000 <=> 1, price*qty <=> 1000.000 ORDER BY id) FROM p",
      [['1:100,2:000,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 0) <=> 1, price*qty = 0 <=> 1, price*qty <=> 0 ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > -1000) <=> 1, price*qty = -1000 <=> 1, price*qty <=> -1000 ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:011,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 999999999999999999) <=> 1, price*qty = 999999999999999999 <=> 1, price*qty <=> 999999999999999999 ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > -999999999999999999) <=> 1, price*qty = -999999999999999999 <=> 1, price*qty <=> -999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 0.0000000000000001) <=> 1, price*qty = 0.0000000000000001 <=> 1, price*qty <=> 0.0000000000000001 ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > 156.2500) <=> 1, price*qty = 156.2500 <=> 1, price*qty <=> 156.2500 ORDER BY id) FROM p",
      [['1:100,2:000,3:000,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > price) <=> 1, price*qty = price <=> 1, price*qty <=> price ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:000,6:001,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > s) <=> 1, price*qty = s <=> 1, price*qty <=> s ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:000,6:000,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > d) <=> 1, price*qty = d <=> 1, price*qty <=> d ORDER BY id) FROM p",
      [['1:100,2:000,3:100,4:100,5:000,6:000,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > big) <=> 1, price*qty = big <=> 1, price*qty <=> big ORDER BY id) FROM p",
      [['1:000,2:100,3:000,4:100,5:000,6:001,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*qty > NULL) <=> 1, price*qty = NULL <=> 1, price*qty <=> NULL ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:001,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 1000) <=> 1, price*big = 1000 <=> 1, price*big <=> 1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 1000.0) <=> 1, price*big = 1000.0 <=> 1, price*big <=> 1000.0 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 0.03) <=> 1, price*big = 0.03 <=> 1, price*big <=> 0.03 ORDER BY id) FROM p",
      [['1:100,2:100,3:011,4:100,5:000,6:000,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 1000.000) <=> 1, price*big = 1000.000 <=> 1, price*big <=> 1000.000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 0) <=> 1, price*big = 0 <=> 1, price*big <=> 0 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:000,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > -1000) <=> 1, price*big = -1000 <=> 1, price*big <=> -1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:011,6:000,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 999999999999999999) <=> 1, price*big = 999999999999999999 <=> 1, price*big <=> 999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > -999999999999999999) <=> 1, price*big = -999999999999999999 <=> 1, price*big <=> -999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:000,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 0.0000000000000001) <=> 1, price*big = 0.0000000000000001 <=> 1, price*big <=> 0.0000000000000001 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:000,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > 156.2500) <=> 1, price*big = 156.2500 <=> 1, price*big <=> 156.2500 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > price) <=> 1, price*big = price <=> 1, price*big <=> price ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:001,7:011']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > s) <=> 1, price*big = s <=> 1, price*big <=> s ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > d) <=> 1, price*big = d <=> 1, price*big <=> d ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > big) <=> 1, price*big = big <=> 1, price*big <=> big ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:000,6:001,7:100']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (price*big > NULL) <=> 1, price*big = NULL <=> 1, price*big <=> NULL ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:001,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 1000) <=> 1, d*d = 1000 <=> 1, d*d <=> 1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 1000.0) <=> 1, d*d = 1000.0 <=> 1, d*d <=> 1000.0 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 0.03) <=> 1, d*d = 0.03 <=> 1, d*d <=> 0.03 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 1000.000) <=> 1, d*d = 1000.000 <=> 1, d*d <=> 1000.000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 0) <=> 1, d*d = 0 <=> 1, d*d <=> 0 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > -1000) <=> 1, d*d = -1000 <=> 1, d*d <=> -1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 999999999999999999) <=> 1, d*d = 999999999999999999 <=> 1, d*d <=> 999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > -999999999999999999) <=> 1, d*d = -999999999999999999 <=> 1, d*d <=> -999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 0.0000000000000001) <=> 1, d*d = 0.0000000000000001 <=> 1, d*d <=> 0.0000000000000001 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > 156.2500) <=> 1, d*d = 156.2500 <=> 1, d*d <=> 156.2500 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:100,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > price) <=> 1, d*d = price <=> 1, d*d <=> price ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:100,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > s) <=> 1, d*d = s <=> 1, d*d <=> s ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:100,6:011,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > d) <=> 1, d*d = d <=> 1, d*d <=> d ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:100,6:011,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > big) <=> 1, d*d = big <=> 1, d*d <=> big ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:100,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (d*d > NULL) <=> 1, d*d = NULL <=> 1, d*d <=> NULL ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:000,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 1000) <=> 1, s*t = 1000 <=> 1, s*t <=> 1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 1000.0) <=> 1, s*t = 1000.0 <=> 1, s*t <=> 1000.0 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 0.03) <=> 1, s*t = 0.03 <=> 1, s*t <=> 0.03 ORDER BY id) FROM p",
      [['1:100,2:100,3:011,4:100,5:000,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 1000.000) <=> 1, s*t = 1000.000 <=> 1, s*t <=> 1000.000 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:011,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 0) <=> 1, s*t = 0 <=> 1, s*t <=> 0 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > -1000) <=> 1, s*t = -1000 <=> 1, s*t <=> -1000 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 999999999999999999) <=> 1, s*t = 999999999999999999 <=> 1, s*t <=> 999999999999999999 ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > -999999999999999999) <=> 1, s*t = -999999999999999999 <=> 1, s*t <=> -999999999999999999 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:100,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 0.0000000000000001) <=> 1, s*t = 0.0000000000000001 <=> 1, s*t <=> 0.0000000000000001 ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:100,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > 156.2500) <=> 1, s*t = 156.2500 <=> 1, s*t <=> 156.2500 ORDER BY id) FROM p",
      [['1:100,2:100,3:000,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > price) <=> 1, s*t = price <=> 1, s*t <=> price ORDER BY id) FROM p",
      [['1:000,2:100,3:100,4:100,5:000,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > s) <=> 1, s*t = s <=> 1, s*t <=> s ORDER BY id) FROM p",
      [['1:100,2:100,3:100,4:100,5:000,6:011,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > d) <=> 1, s*t = d <=> 1, s*t <=> d ORDER BY id) FROM p",
      [['1:000,2:100,3:100,4:100,5:100,6:011,7:001']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > big) <=> 1, s*t = big <=> 1, s*t <=> big ORDER BY id) FROM p",
      [['1:000,2:100,3:000,4:100,5:100,6:000,7:000']],
    ],
    [
      "SELECT GROUP_CONCAT(id, ':', (s*t > NULL) <=> 1, s*t = NULL <=> 1, s*t <=> NULL ORDER BY id) FROM p",
      [['1:000,2:000,3:000,4:000,5:000,6:000,7:001']],
    ],
  ],
  'in ranges and lists': [
    ...rows,
    ['SELECT id FROM p WHERE price*qty BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE price*qty IN (0.03, 1000, -1000) ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE 1000 <= price*qty ORDER BY id', [['1'], ['4']]],
    ['SELECT id FROM p WHERE qty*price BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE qty*price IN (0.03, 1000, -1000) ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE 1000 <= qty*price ORDER BY id', [['1'], ['4']]],
    ['SELECT id FROM p WHERE price*big BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5'], ['7']]],
    ['SELECT id FROM p WHERE price*big IN (0.03, 1000, -1000) ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE 1000 <= price*big ORDER BY id', [['1'], ['2'], ['4']]],
    ['SELECT id FROM p WHERE d*d BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5'], ['6']]],
    ['SELECT id FROM p WHERE d*d IN (0.03, 1000, -1000) ORDER BY id', []],
    ['SELECT id FROM p WHERE 1000 <= d*d ORDER BY id', [['1'], ['2']]],
    ['SELECT id FROM p WHERE d*big BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4']]],
    ['SELECT id FROM p WHERE d*big IN (0.03, 1000, -1000) ORDER BY id', [['4']]],
    ['SELECT id FROM p WHERE 1000 <= d*big ORDER BY id', [['1'], ['2'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE s*t BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5'], ['6']]],
    ['SELECT id FROM p WHERE s*t IN (0.03, 1000, -1000) ORDER BY id', [['3'], ['4']]],
    ['SELECT id FROM p WHERE 1000 <= s*t ORDER BY id', [['1'], ['2'], ['4']]],
    ['SELECT id FROM p WHERE s*s BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['5'], ['6']]],
    ['SELECT id FROM p WHERE s*s IN (0.03, 1000, -1000) ORDER BY id', []],
    ['SELECT id FROM p WHERE 1000 <= s*s ORDER BY id', [['1'], ['2']]],
    ['SELECT id FROM p WHERE price*u BETWEEN -1000 AND 1000.00 ORDER BY id', [['2'], ['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE price*u IN (0.03, 1000, -1000) ORDER BY id', [['3'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE 1000 <= price*u ORDER BY id', [['1'], ['4'], ['5']]],
    ['SELECT id FROM p WHERE d*qty BETWEEN -1000 AND 1000.00 ORDER BY id', [['3'], ['4'], ['6']]],
    ['SELECT id FROM p WHERE d*qty IN (0.03, 1000, -1000) ORDER BY id', [['4']]],
    ['SELECT id FROM p WHERE 1000 <= d*qty ORDER BY id', [['1'], ['4'], ['5']]],
  ],
});
