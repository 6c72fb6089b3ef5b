// Recursive common tables: how their query blocks go together. MySQL's answers.
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ['CREATE TABLE t (a int)', 0],
  ['INSERT INTO t VALUES (1), (1), (2)', 3],
];
const SEED = 'SELECT a, 0 n FROM t';
const STEP = 'SELECT a, n + 1 FROM r WHERE n < 1';
const recursive = (body: string): string => `WITH RECURSIVE r AS (${body}) SELECT * FROM r ORDER BY a, n`;
const once = [
  ['1', '0'],
  ['1', '1'],
  ['2', '0'],
  ['2', '1'],
];
const one = (body: string): string => `WITH RECURSIVE r AS (SELECT 1 a UNION ALL ${body}) SELECT * FROM r`;

dialectTests({
  'UNION without ALL leaves each row once': [
    ...rows,
    [recursive(`${SEED} UNION ${SEED} UNION ALL ${STEP}`), once],
    [recursive(`${SEED} UNION ALL ${SEED} UNION ${STEP}`), once],
    [recursive(`${SEED} UNION (${SEED} UNION ALL ${STEP})`), once],
    [recursive(`${SEED} UNION ALL ${STEP} UNION ${STEP}`), once],
    [recursive(`${SEED} UNION ALL ${STEP}`), [once[0], once[0], once[1], once[1], once[2], once[3]] as string[][]],
    [recursive(`${SEED} UNION ${STEP} UNION ALL ${STEP}`), 'E1235'],
  ],
  'what begins it may be any query': [
    ...rows,
    [
      'WITH RECURSIVE r AS (SELECT a FROM t INTERSECT SELECT 1 UNION ALL SELECT a + 1 FROM r WHERE a < 3) TABLE r',
      [['1'], ['2'], ['3']],
    ],
    [
      'WITH RECURSIVE r AS ((SELECT a FROM t LIMIT 1) UNION SELECT a + 1 FROM r WHERE a < 3) TABLE r',
      [['1'], ['2'], ['3']],
    ],
    ['WITH RECURSIVE r AS (SELECT a + 1 FROM r UNION SELECT 1 a) TABLE r', 'E3574'],
  ],
  'a step reads the newest rows once, and none without them': [
    ...rows,
    [one('SELECT r.a + 1 FROM r LEFT JOIN t ON t.a = r.a WHERE r.a < 2'), [['1'], ['2'], ['2']]],
    [one('SELECT r.a + 1 FROM (t JOIN r USING (a)) WHERE a < 2'), [['1'], ['2'], ['2']]],
    [one('SELECT t.a FROM t LEFT JOIN r ON t.a = r.a + 1'), 'E3576'],
    [one('SELECT t.a FROM r RIGHT JOIN t ON t.a = r.a + 1'), 'E3576'],
    [one('SELECT x.a + 1 FROM r x, r y WHERE x.a < 3'), 'E3577'],
    [one('SELECT a + 1 FROM (SELECT a FROM r) x WHERE a < 3'), 'E3577'],
    [one('SELECT a + 1 FROM r WHERE a < (SELECT COUNT(*) FROM r)'), 'E3577'],
    [one('SELECT a + 1 FROM r WHERE a < (WITH r AS (SELECT 3 b) SELECT b FROM r)'), [['1'], ['2'], ['3']]],
  ],
});
