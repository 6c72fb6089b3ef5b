/** CREATE TABLE … SELECT leaves nothing where its node dies between its steps. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';
import { answerOf } from '../engine/support.ts';

const OTHERS = [0, 1];
let cluster: TestCluster;
let db: Connection;

before(async () => {
  cluster = await TestCluster.start();
  db = await cluster.connect(0, { multipleStatements: true });
  await db.query(
    'CREATE DATABASE shop; CREATE TABLE shop.parent (id INT PRIMARY KEY); INSERT INTO shop.parent VALUES (1)',
  );
  await cluster.converged();
});
after(() => cluster.stop());

const COPY = 'CREATE TABLE shop.copy (id INT, FOREIGN KEY (id) REFERENCES shop.parent (id)) SELECT id FROM shop.parent';

/** A node that has made the table, and waits for the lock of a row that its own refer to, is killed. */
async function dieBetween(node: number): Promise<void> {
  const locker = await cluster.connect(node);
  await locker.query('BEGIN');
  await locker.query('SELECT * FROM shop.parent WHERE id = 1 FOR UPDATE');
  const maker = await cluster.connect(node);
  const made = assert.rejects(maker.query(COPY));
  await cluster.until((all) => all.every(({ tables }) => tables === 2), 'the table is not made', OTHERS);
  assert.equal(await answerOf(db, 'SELECT * FROM shop.copy'), 'E1146');
  await cluster.kill(node);
  await made;
}

const isGone = (nodes?: readonly number[]): Promise<unknown> =>
  cluster.until((all) => all.every(({ tables }) => tables === 1), 'what is left is not dropped', nodes, 8000);

it('goes when its node is back', { timeout: 60_000 }, async () => {
  await dieBetween(2);
  await cluster.start(2);
  await isGone();
  assert.equal(await answerOf(db, COPY), 1);
  await db.query('DROP TABLE shop.copy');
});

it('goes when its node is removed', { timeout: 60_000 }, async () => {
  await dieBetween(2);
  await db.query("SELECT p2pdb_remove_member('n2')");
  await isGone(OTHERS);
  assert.equal(await answerOf(db, COPY), 1);
});
