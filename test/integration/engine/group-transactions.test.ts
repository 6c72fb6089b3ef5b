/** Transactions on a database with a group of its own: at level final, and where the group was closed on their node. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { answerOf } from './support.ts';

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect({ multipleStatements: true });
  await db.query("CREATE DATABASE own COMMENT 'p2pdb:group=own'; CREATE TABLE own.t (id INT PRIMARY KEY)");
});
after(() => node.stop());

for (const level of ['local', 'final'])
  it(`is refused right after its group was closed, at level ${level}`, async () => {
    await db.query(`SET p2pdb_commit = '${level}'; BEGIN; INSERT INTO own.t VALUES (1)`);
    const group = node.node.engine.core.tenants.get('own') ?? assert.fail('the database has no group');
    const closed = group.close();
    assert.equal(await answerOf(db, 'COMMIT'), 'E1053');
    await closed;
    await node.restart();
    db = await node.connect({ multipleStatements: true });
    assert.deepEqual(await answerOf(db, 'SELECT * FROM own.t'), []);
  });

it('is of one group at level final, whichever it comes to first', async () => {
  await db.query('CREATE DATABASE plain; CREATE TABLE plain.t (id INT PRIMARY KEY)');
  await db.query("SET p2pdb_commit = 'final'");
  for (const [first, second] of [
    ['own', 'plain'],
    ['plain', 'own'],
  ]) {
    await db.query('BEGIN');
    assert.equal(await answerOf(db, `INSERT INTO ${first}.t VALUES (7)`), 1);
    assert.equal(await answerOf(db, `SELECT * FROM ${second}.t`), 'E1235');
    assert.equal(await answerOf(db, `INSERT INTO ${second}.t VALUES (7)`), 'E1235');
    assert.equal(await answerOf(db, 'COMMIT'), 0);
    assert.deepEqual(await answerOf(db, `SELECT * FROM ${first}.t`), [['7']]);
    await db.query('BEGIN');
    assert.deepEqual(await answerOf(db, `SELECT * FROM ${first}.t`), [['7']]);
    assert.equal(await answerOf(db, `INSERT INTO ${second}.t VALUES (8)`), 'E1235');
    await db.query('ROLLBACK');
    await db.query(`DELETE FROM ${first}.t`);
  }
});
