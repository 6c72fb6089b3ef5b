/** CREATE TABLE … SELECT is whole or nothing, whatever else happens to the schema between its steps. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import type { EngineCore } from '../../../node/engine/index.ts';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { answerOf, type Answer } from './support.ts';

let node: TestNode;
let db: Connection;
let locker: Connection;
let other: Connection;
let core: EngineCore;

before(async () => {
  node = await startTestNode();
  ({ core } = node.node.engine);
  db = await node.connect();
  locker = await node.connect();
  other = await node.connect({ multipleStatements: true });
  await other.query('CREATE DATABASE shop; CREATE TABLE shop.parent (id INT PRIMARY KEY)');
  await other.query('INSERT INTO shop.parent VALUES (1), (2)');
});
after(() => node.stop());

const copied = (source: string): string =>
  `CREATE TABLE shop.copy (id INT, FOREIGN KEY (id) REFERENCES shop.parent (id)) SELECT id FROM ${source}`;

/** The answer to `make`, which has made its table, and waits for the lock of a row that its own refer to, while `meanwhile` happens. */
async function between(make: string, meanwhile: () => Promise<unknown>): Promise<Answer> {
  await locker.query('BEGIN');
  await locker.query('SELECT * FROM shop.parent WHERE id = 1 FOR UPDATE');
  const made = answerOf(db, make);
  while (core.catalog.unnamed.size === 0) await core.replica.nextBlock();
  await meanwhile();
  await locker.query('ROLLBACK');
  return made;
}

/** Another schema change, of nothing that is in use. */
const change = (): Promise<unknown> =>
  core.group.decide('a change', [
    { kind: 'put-database', database: { name: 'x', collation: 'utf8mb4_bin', comment: '', readOnly: false } },
  ]);

it('is made anew where other schema changes came first, also while its table is taken back', async () => {
  let changes: Promise<unknown> = Promise.resolve();
  const answer = await between(copied('shop.parent'), async () => {
    await change();
    for (let i = 0; i < 5; i++) changes = changes.then(change);
  });
  await changes;
  assert.equal(answer, 2);
  assert.deepEqual(await answerOf(db, 'SELECT id FROM shop.copy ORDER BY id'), [['1'], ['2']]);
  await db.query('DROP TABLE shop.copy');
});

it('leaves nothing where what it reads is gone', async () => {
  await other.query('CREATE TABLE shop.source SELECT 1 AS id');
  const answer = await between(copied('shop.source'), () => other.query('DROP TABLE shop.source'));
  assert.equal(answer, 'E1146');
  assert.equal(core.catalog.table('shop', 'copy'), undefined);
});

it('leaves nothing in a database that goes to a group of its own, which waits for that', async () => {
  const shop = core.catalog.databases.get('shop') ?? assert.fail('there is no database');
  const nowhere = { group: 'own-nowhere', hosts: ['00'], founders: [{ id: '00', name: 'nobody' }], moved: true };
  const [self] = core.group.members();
  const awaited = [self?.id ?? assert.fail('there is no member')];
  const isClosed = (): boolean => core.catalog.databases.get('shop')?.move?.awaited.length === 0;
  const answer = await between(copied('shop.parent'), async () => {
    await core.group.decide('move', [{ kind: 'put-database', database: { ...shop, move: { to: nowhere, awaited } } }]);
    // The node had its chance to say that it is done with the database.
    for (let i = 0; i < 3; i++) await change();
    assert.ok(!isClosed());
  });
  assert.equal(answer, 'E1213');
  assert.equal(core.catalog.table('shop', 'copy'), undefined);
  while (!isClosed()) await core.replica.nextBlock();
  await core.group.decide('stay', [{ kind: 'put-database', database: shop }]);
});

it('stands with its rows where nothing is committed by itself', async () => {
  await db.query('SET autocommit = 0');
  assert.equal(await answerOf(db, copied('shop.parent')), 2);
  await db.query('ROLLBACK');
  assert.deepEqual(await answerOf(other, 'SELECT id FROM shop.copy ORDER BY id'), [['1'], ['2']]);
  assert.equal(await answerOf(db, 'CREATE TABLE shop.none (id TINYINT PRIMARY KEY) SELECT 300 AS id'), 'E1264');
  assert.equal(core.catalog.table('shop', 'none'), undefined);
  await db.query('SET autocommit = 1');
});

it('is seen by nobody before it has its rows, and only where its name is free then', async () => {
  await db.query('DROP TABLE shop.copy');
  const answer = await between(copied('shop.parent'), async () => {
    assert.deepEqual(await answerOf(other, "SHOW TABLES FROM shop LIKE 'copy'"), []);
    assert.equal(await answerOf(other, 'SELECT * FROM shop.copy'), 'E1146');
    await other.query('CREATE TABLE shop.copy (other INT)');
  });
  assert.equal(answer, 'E1050');
  assert.deepEqual([...core.catalog.unnamed], []);
  assert.deepEqual(await answerOf(other, 'SELECT other FROM shop.copy'), []);
  await other.query('DROP TABLE shop.copy');
});

it('leaves nothing where its database is dropped meanwhile', async () => {
  await other.query('CREATE DATABASE gone');
  const answer = await between(copied('shop.parent').replace('shop.copy', 'gone.copy'), () =>
    other.query('DROP DATABASE gone'),
  );
  assert.equal(answer, 'E1049');
  assert.deepEqual([...core.catalog.unnamed], []);
});

it('may refer to itself', async () => {
  const tree = 'CREATE TABLE shop.tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES shop.tree (id))';
  assert.equal(await answerOf(db, `${tree} SELECT 1 AS id, NULL AS up UNION ALL SELECT 2, 1`), 2);
  assert.equal(await answerOf(db, 'DELETE FROM shop.tree WHERE id = 1'), 'E1451');
});

it('has the columns that the SELECT does not name first, then those of the SELECT, as they are declared', async () => {
  await db.query('CREATE TABLE shop.mixed (z INT, b BIGINT, y INT, KEY (b)) SELECT 1 a, 2 b, 3 c');
  assert.deepEqual(await answerOf(db, 'SELECT * FROM shop.mixed'), [[null, null, '1', '2', '3']]);
  assert.deepEqual(
    await answerOf(
      db,
      "SELECT column_name, column_type FROM information_schema.columns WHERE table_name = 'mixed' AND table_schema = 'shop' AND column_name = 'b'",
    ),
    [['b', 'bigint']],
  );
  await db.query('DROP TABLE shop.mixed');
});

it('has types and defaults as MySQL gives them to expressions', async () => {
  await db.query("CREATE TABLE shop.flags (k TINYINT(1), s VARCHAR(9)) SELECT 1 k, '{}' s");
  await db.query('CREATE TABLE shop.made SELECT k, JSON_VALID(s) v, 0x41 n, LEFT(s, 1) l FROM shop.flags');
  assert.deepEqual(
    await answerOf(
      db,
      "SELECT column_name, column_type, column_default FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'made' AND column_name <> 'v' ORDER BY ordinal_position",
    ),
    [
      ['k', 'tinyint(1)', null],
      ['n', 'varbinary(1)', ''],
      ['l', 'varchar(1)', null],
    ],
  );
  await db.query('DROP TABLE shop.flags, shop.made');
});
