// FOUND_ROWS(): what the last SELECT would have given without its LIMIT. The expectations are MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE f (id int PRIMARY KEY, g int)', 0],
  ['INSERT INTO f VALUES (1,1),(2,1),(3,2),(4,2)', 4],
];

dialectTests({
  'of a SELECT with and without a LIMIT': [
    ...rows,
    ['SELECT SQL_CALC_FOUND_ROWS id FROM f WHERE id > 1 ORDER BY id LIMIT 1', [['2']]],
    ['SELECT FOUND_ROWS()', [['3']]],
    ['SELECT SQL_CALC_FOUND_ROWS id FROM f ORDER BY id LIMIT 2 OFFSET 1', [['2'], ['3']]],
    ['SELECT FOUND_ROWS()', [['4']]],
    ['SELECT id FROM f ORDER BY id LIMIT 3', [['1'], ['2'], ['3']]],
    ['SELECT FOUND_ROWS()', [['3']]],
  ],
  'of groups, DISTINCT and a common table': [
    ...rows,
    ['SELECT SQL_CALC_FOUND_ROWS g, count(*) FROM f GROUP BY g ORDER BY g LIMIT 1', [['1', '2']]],
    ['SELECT FOUND_ROWS()', [['2']]],
    ['SELECT SQL_CALC_FOUND_ROWS DISTINCT g FROM f ORDER BY g LIMIT 1', [['1']]],
    ['SELECT FOUND_ROWS()', [['2']]],
    ['WITH c AS (SELECT 10 AS k) SELECT SQL_CALC_FOUND_ROWS id + k FROM f, c ORDER BY id LIMIT 1', [['11']]],
    ['SELECT FOUND_ROWS()', [['4']]],
  ],
});
