/** Texts are sorted, and made distinct, by their collation: by SQLite itself where all are plain, and just so where they are not. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { sortKey } from '../../../node/sql/index.ts';
import { startTestNode, type TestNode } from '../../support/node.ts';

const COLLATION = 'utf8mb4_0900_ai_ci';
const key = sortKey(COLLATION);
const byKey = (a: string, b: string): number => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
const distinct = (texts: readonly string[]): string[] => [...new Map(texts.map((text) => [key(text), text])).values()];

const PLAIN = ['b', 'A', 'a', 'B 2', 'b-1', 'a b', 'C3', 'c10', '-', '', 'Zz', 'zZ'];
const MIXED = [...PLAIN, 'ä', 'a.b', 'a_b', 'é', 'Straße', 'strasse', '日本', 'a\tb'];

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect();
  await db.query('CREATE DATABASE s');
  await db.query('USE s');
  await db.query(`CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(40) COLLATE ${COLLATION}, d INT)`);
});
after(() => node.stop());

async function fill(texts: readonly string[]): Promise<void> {
  await db.query('DELETE FROM t');
  await db.query('INSERT INTO t VALUES ?', [texts.map((text, id) => [id, text, id % 3])]);
}

/** The column `c`, through a prepared statement, whose plan is the same each time. */
async function texts(sql: string): Promise<string[]> {
  const [rows] = await db.execute<never[]>(sql);
  return rows.map(({ c }) => c);
}

for (const [name, content] of [
  ['plain', PLAIN],
  ['others', MIXED],
  ['plain ones again', PLAIN],
] as const) {
  it(`ORDER BY sorts ${name}`, async () => {
    await fill(content);
    const sorted = await texts('SELECT c FROM t ORDER BY c');
    assert.deepEqual(sorted.map(key), [...content].sort(byKey).map(key));
    assert.deepEqual([...sorted].sort(), [...content].sort());
    const backwards = await texts('SELECT d, c FROM t ORDER BY c DESC, d');
    assert.deepEqual(backwards.map(key), [...content].sort(byKey).reverse().map(key));
  });

  it(`DISTINCT takes ${name} for one that differ in case`, async () => {
    await fill(content);
    const found = await texts('SELECT DISTINCT c FROM t');
    assert.deepEqual(found.map(key).sort(), distinct(content).map(key).sort());
    const sorted = await texts('SELECT DISTINCT c FROM t ORDER BY c');
    assert.deepEqual(sorted.map(key), distinct(content).sort(byKey).map(key));
  });
}

it('what is sorted by, and not put out, and what is left out by LIMIT, is sorted all the same', async () => {
  await fill(MIXED);
  const sorted = [...MIXED].sort(byKey).map(key);
  const [rows] = await db.query<never[]>('SELECT id FROM t ORDER BY c, id');
  assert.deepEqual(
    rows.map(({ id }) => key(MIXED[id] as string)),
    sorted,
  );
  assert.deepEqual((await texts('SELECT c FROM t ORDER BY c LIMIT 3')).map(key), sorted.slice(0, 3));
});

it('NULLs come first, and a transaction sorts what it alone sees', async () => {
  await fill(PLAIN);
  await db.query('BEGIN');
  await db.query("INSERT INTO t VALUES (100, NULL, 0), (101, 'aé', 0), (102, 'AB', 0)");
  const sorted = await texts('SELECT c FROM t ORDER BY c');
  await db.query('ROLLBACK');
  assert.equal(sorted.shift(), null);
  assert.deepEqual(sorted.map(key), [...PLAIN, 'aé', 'AB'].sort(byKey).map(key));
});

it('a text that is added later, and is not plain, is sorted in its place', async () => {
  await fill(PLAIN);
  const before = await texts('SELECT c FROM t WHERE id >= 0 ORDER BY c');
  assert.deepEqual(before.map(key), [...PLAIN].sort(byKey).map(key));
  await db.query("INSERT INTO t VALUES (100, 'Äb', 0)");
  const after = await texts('SELECT c FROM t WHERE id >= 0 ORDER BY c');
  assert.deepEqual(after.map(key), [...PLAIN, 'Äb'].sort(byKey).map(key));
});
