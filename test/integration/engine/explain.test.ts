// EXPLAIN: MySQL's columns and words for what SQLite does.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect();
  await db.query('CREATE DATABASE plans');
  await db.query('USE plans');
  await db.query(
    'CREATE TABLE a (id int primary key, u int, v varchar(10) not null, w int, unique (u), key (v), key (w))',
  );
  await db.query('CREATE TABLE b (id int, a_id int, n int)');
});
after(() => node.stop());

type Row = Record<string, string | number | null>;

async function explain(sql: string): Promise<Row[]> {
  const [rows] = await db.query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`);
  return rows as Row[];
}

const brief = (rows: Row[]): unknown[] =>
  rows.map((r) => [r['id'], r['select_type'], r['table'], r['type'], r['key'], r['key_len'], r['Extra']]);

const plans: readonly (readonly [sql: string, rows: readonly unknown[]])[] = [
  ['SELECT 1', [[1, 'SIMPLE', null, null, null, null, 'No tables used']]],
  ['SELECT * FROM b', [[1, 'SIMPLE', 'b', 'ALL', null, null, null]]],
  ['SELECT * FROM a WHERE id = 3', [[1, 'SIMPLE', 'a', 'const', 'PRIMARY', '4', null]]],
  ['SELECT * FROM a WHERE id > 3', [[1, 'SIMPLE', 'a', 'range', 'PRIMARY', '4', 'Using where']]],
  ['SELECT * FROM a WHERE u = 3', [[1, 'SIMPLE', 'a', 'const', 'u', '5', null]]],
  ['SELECT * FROM a AS x WHERE w = 3', [[1, 'SIMPLE', 'x', 'ref', 'w', '5', 'Using where']]],
  [
    'SELECT * FROM a WHERE w > UNIX_TIMESTAMP(NOW() - INTERVAL 1 DAY)',
    [[1, 'SIMPLE', 'a', 'range', 'w', '5', 'Using where']],
  ],
  ['SELECT * FROM b ORDER BY n', [[1, 'SIMPLE', 'b', 'ALL', null, null, 'Using filesort']]],
  ['SELECT n, count(*) FROM b GROUP BY n', [[1, 'SIMPLE', 'b', 'ALL', null, null, 'Using temporary']]],
  [
    'SELECT * FROM b JOIN a ON a.id = b.a_id WHERE b.n > 1',
    [
      [1, 'SIMPLE', 'b', 'ALL', null, null, 'Using where'],
      [1, 'SIMPLE', 'a', 'eq_ref', 'PRIMARY', '4', null],
    ],
  ],
  ['DELETE FROM a WHERE id = 1', [[1, 'DELETE', 'a', 'const', 'PRIMARY', '4', null]]],
  ['UPDATE a SET w = 1 WHERE id = 1', [[1, 'UPDATE', 'a', 'const', 'PRIMARY', '4', null]]],
  ['INSERT INTO b VALUES (1,2,3)', [[1, 'INSERT', 'b', 'ALL', null, null, null]]],
];

describe('EXPLAIN FORMAT=TRADITIONAL', () => {
  it("has MySQL's twelve columns", async () => {
    const [row] = await explain('SELECT * FROM a');
    assert.deepEqual(
      Object.keys(row ?? {}),
      'id select_type table partitions type possible_keys key key_len ref rows filtered Extra'.split(' '),
    );
  });

  for (const [sql, rows] of plans) it(sql, async () => assert.deepEqual(brief(await explain(sql)), rows));
});

describe('the other forms of EXPLAIN', () => {
  it('TREE, the default, has one column with a line a step', async () => {
    const [rows] = await db.query('EXPLAIN SELECT * FROM b JOIN a ON a.id = b.a_id');
    const text = String((rows as Row[])[0]?.['EXPLAIN']);
    assert.match(
      text,
      /^-> Nested loop inner join .*\n {4}-> Table scan on b .*\n {4}-> Single-row index lookup on a using PRIMARY .*\n$/,
    );
  });

  it('JSON is a document', async () => {
    const [rows] = await db.query('EXPLAIN FORMAT=JSON SELECT * FROM a WHERE id = 1');
    const document = JSON.parse(String((rows as Row[])[0]?.['EXPLAIN'])) as {
      query_type: string;
      query_plan: { operation: string };
    };
    assert.equal(document.query_type, 'select');
    assert.equal(document.query_plan.operation, 'Filter');
  });

  it('ANALYZE runs the statement', async () => {
    await db.query('INSERT INTO b VALUES (1,1,1),(2,2,2)');
    const [rows] = await db.query('EXPLAIN ANALYZE SELECT * FROM b');
    assert.match(String((rows as Row[])[0]?.['EXPLAIN']), /Table scan on b .*\(actual time=\S+ rows=2 loops=1\)/);
  });

  it('of a connection that is not there is error 1094', () =>
    assert.rejects(db.query('EXPLAIN FOR CONNECTION 99999'), { errno: 1094 }));
  it('of a table is DESCRIBE', async () => {
    const [rows] = await db.query('EXPLAIN a');
    assert.equal((rows as Row[])[0]?.['Field'], 'id');
  });
});
