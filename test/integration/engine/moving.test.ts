/** What a node refuses of a database that is on its way to a group of its own, and rows that come by a schema change. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { finish } from '../../../node/consistency/index.ts';
import type { EngineCore } from '../../../node/engine/index.ts';
import type { Transaction } from '../../../node/log/index.ts';
import type { MovedRow, TableDef } from '../../../node/sql/index.ts';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { answerOf } from './support.ts';

describe('a database on its way', () => {
  let node: TestNode;
  let db: Connection;
  let core: EngineCore;
  const table = (): TableDef => core.catalog.table('shop', 't') ?? assert.fail('there is no table');

  before(async () => {
    node = await startTestNode();
    ({ core } = node.node.engine);
    db = await node.connect({ multipleStatements: true });
    await db.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v BIGINT UNSIGNED, w VARBINARY(9))');
    await db.query('INSERT INTO shop.t VALUES (1, 1, NULL)');
  });
  after(() => node.stop());

  /** To a host that does not exist: it goes no further. */
  async function move(awaited: readonly string[]): Promise<void> {
    const shop = core.catalog.databases.get('shop') ?? assert.fail('there is no database');
    const nowhere = { group: 'own-nowhere', hosts: ['00'], founders: [{ id: '00', name: 'nobody' }], moved: true };
    const database = { ...shop, comment: 'p2pdb:replicas=nobody', move: { to: nowhere, awaited } };
    assert.ok(await core.group.decide('move', [{ kind: 'put-database', database }]));
  }

  const insert = (id: number): Transaction => ({
    user: '',
    database: '',
    sql: '',
    level: 'local',
    unchecked: false,
    tables: [{ id: table().id, version: table().version, columns: table().columns.map((column) => column.id) }],
    operations: [{ kind: 'insert', table: 0, key: [id], values: [id, null, null], mode: 'plain', changes: [] }],
    reads: [],
  });

  it('takes no change that is ordered once every member has closed it', async () => {
    await move([]);
    const { outcome } = finish(core.merger.run(insert(3)));
    assert.deepEqual(outcome.kind === 'rejected' && [outcome.reason, outcome.errno], ['moved', 1213]);
  });

  it('is read, and neither written nor changed', async () => {
    await move([]);
    assert.deepEqual(await answerOf(db, 'SELECT v FROM shop.t WHERE id = 1'), [['1']]);
    for (const sql of [
      'INSERT INTO shop.t VALUES (9, 9, NULL)',
      'UPDATE shop.t SET v = 2',
      'DELETE FROM shop.t',
      'ALTER TABLE shop.t ADD COLUMN x INT',
      'RENAME TABLE shop.t TO shop.u',
      'CREATE INDEX i ON shop.t (v)',
      'CREATE VIEW shop.w AS SELECT 1 AS x',
      'CREATE TABLE shop.copy AS SELECT * FROM shop.t',
    ])
      assert.equal(await answerOf(db, sql), 'E1213', sql);
    assert.deepEqual(await answerOf(db, 'SELECT * FROM p2pdb.moves'), [['shop', null]]);
    // A transaction that had changed something before it knew.
    await db.query("ALTER DATABASE shop COMMENT ''");
    await db.query('BEGIN; INSERT INTO shop.t VALUES (8, 8, NULL)');
    await move([]);
    assert.equal(await answerOf(db, 'COMMIT'), 'E1213');
    await db.query("ALTER DATABASE shop COMMENT ''");
    assert.deepEqual(await answerOf(db, 'SELECT id FROM shop.t WHERE id > 2'), []);
    assert.equal(await answerOf(db, 'INSERT INTO shop.t VALUES (8, 8, NULL)'), 1);
  });

  it('gets rows by a schema change, all of them or none', async () => {
    await db.query('DELETE FROM shop.t');
    const put = (rows: readonly MovedRow[]): Promise<boolean> =>
      core.group.decide('rows', [{ kind: 'put-rows', id: table().id, rows }]);
    assert.ok(
      await put([
        [4, 4, null, { blob: 'AP8=' }],
        [5, 5, { blob: '//////////8=' }, null],
      ]),
    );
    const twice = put([
      [6, 6, null, null],
      [4, 4, null, null],
    ]);
    await assert.rejects(twice, ({ outcome }: { outcome: { errno: number } }) => outcome.errno === 1062);
    assert.deepEqual(await answerOf(db, 'SELECT id, HEX(w) FROM shop.t ORDER BY id'), [
      ['4', '00FF'],
      ['5', null],
    ]);
    await node.restart();
    assert.equal(node.node.engine.core.state.mismatchedTable(), undefined);
  });
});
