// LIKE 'abc%' finds the same rows by an index as without one. MySQL's answers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

const NAMES = [
  'abc',
  'ABCD',
  'äbc',
  'ab c',
  'ab',
  'abd',
  'abc   ',
  '',
  'a\u200dbc',
  'ﬀ',
  'ff',
  'ß',
  'ss',
  'Straße',
  'strasse',
  '😀x',
  '😁x',
  'abc%d',
  'abc_d',
  'aBc\\d',
  '\uffffz',
];
const PATTERNS = [
  'abc%',
  'ABC%',
  'ab_%',
  'ä%',
  'ab %',
  'abc',
  'f%',
  'ß%',
  's%',
  'stra%',
  '😀%',
  'abc\\%%',
  'abc\\_d',
  '\uffff%',
  '%',
  '_bc%',
  '',
];
const COLLATIONS = [
  'utf8mb4_0900_ai_ci',
  'utf8mb4_0900_as_cs',
  'utf8mb4_general_ci',
  'utf8mb4_unicode_ci',
  'utf8mb4_bin',
  'utf8mb4_0900_bin',
];

describe('LIKE', () => {
  let node: TestNode;
  let db: Connection;
  before(async () => {
    node = await startTestNode();
    db = await node.connect();
    await db.query('CREATE DATABASE likes');
    await db.query('USE likes');
  });
  after(() => node.stop());

  const found = async (sql: string): Promise<unknown[]> => {
    const [rows] = await db.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
    return rows.map(([id]) => id as unknown);
  };

  for (const collation of COLLATIONS) {
    it(`by an index of ${collation}`, async () => {
      const name = `n_${collation}`;
      await db.query(
        `CREATE TABLE ${name} (id int PRIMARY KEY, a varchar(40) COLLATE ${collation}, b varchar(40) COLLATE ${collation}, KEY (a))`,
      );
      await db.query(`INSERT INTO ${name} VALUES ?`, [[...NAMES, null].map((text, i) => [i, text, text])]);
      for (const pattern of PATTERNS) {
        const like = db.escape(pattern);
        for (const not of ['', 'NOT ']) {
          const [indexed, plain] = await Promise.all(
            ['a', 'b'].map((column) => found(`SELECT id FROM ${name} WHERE ${column} ${not}LIKE ${like} ORDER BY id`)),
          );
          assert.deepEqual(indexed, plain, `${not}LIKE ${like}`);
        }
        const [indexed, plain] = await Promise.all(
          ['a', 'b'].map((column) =>
            found(`SELECT id FROM ${name} WHERE (${column} LIKE ${like}) IS NULL ORDER BY id`),
          ),
        );
        assert.deepEqual(indexed, plain, `LIKE ${like} IS NULL`);
        const [prepared] = await db.execute<RowDataPacket[][]>(
          { sql: `SELECT id FROM ${name} WHERE a LIKE ? ORDER BY id`, rowsAsArray: true },
          [pattern],
        );
        assert.deepEqual(
          prepared.map(([id]) => id as unknown),
          await found(`SELECT id FROM ${name} WHERE b LIKE ${like} ORDER BY id`),
        );
      }
      assert.deepEqual(await found(`SELECT id FROM ${name} WHERE a LIKE 'ABC%' COLLATE utf8mb4_bin`), [1]);
    });
  }

  it('with a beginning is a range of the index', async () => {
    await db.query('CREATE TABLE r (id int PRIMARY KEY, a varchar(40), KEY (a))');
    const typeOf = async (pattern: string): Promise<unknown> => {
      const [rows] = await db.query<RowDataPacket[]>(
        `EXPLAIN FORMAT=TRADITIONAL SELECT * FROM r WHERE a LIKE '${pattern}'`,
      );
      return rows[0]?.['type'] as unknown;
    };
    assert.deepEqual([await typeOf('abc%'), await typeOf('%abc')], ['range', 'ALL']);
  });

  it('is so, too, where it comes as a parameter', async (t) => {
    await db.query('CREATE TABLE p (id int PRIMARY KEY, a varchar(40), KEY (a))');
    const { core } = node.node.engine;
    const run = t.mock.method(core.reads.runner, 'rows');
    const stepOf = async (pattern: string | null): Promise<string> => {
      run.mock.resetCalls();
      await db.execute('SELECT * FROM p WHERE a LIKE ?', [pattern]);
      const sql = run.mock.calls[0]?.arguments[0].sql ?? '';
      const [step] = core.state.db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      return String(step?.['detail']).slice(0, 6);
    };
    const steps: string[] = [];
    for (const pattern of ['abc%', '%abc', 'x%', null]) steps.push(await stepOf(pattern));
    assert.deepEqual(steps, ['SEARCH', 'SCAN a', 'SEARCH', 'SCAN a']);
  });
});
