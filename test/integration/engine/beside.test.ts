/** Beside a statement that takes long, whatever its kind, others go on reading; and what it does is done whole or not at all. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

const ROWS = 60_000;
/** A statement that does all its work in one turn of the event loop lets two or three come through. */
const READS_LEAST = 10;

let node: TestNode;
let c: Connection;
let other: Connection;

before(async () => {
  node = await startTestNode(['--local-infile=on']);
  c = await node.connect();
  await c.query('CREATE DATABASE d');
  await c.query('USE d');
  await c.query('CREATE TABLE small (id INT PRIMARY KEY, v INT)');
  await c.query('INSERT INTO small VALUES (1, 7)');
  await c.query('CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL, name VARCHAR(20), code VARCHAR(20))');
  await c.query("INSERT INTO t VALUES (0, 0, 'name 0', 'code 0')");
  for (let rows = 1; rows < ROWS; rows *= 2)
    await c.query(
      `INSERT INTO t SELECT id + ${rows}, v, CONCAT('name ', id + ${rows}), CONCAT('code ', id + ${rows}) FROM t WHERE id + ${rows} < ${ROWS}`,
    );
  other = await node.connect();
});

after(() => node.stop());

async function one(sql: string, connection = other): Promise<Record<string, unknown>> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return { ...rows[0] };
}

/** Runs a statement; others read meanwhile. */
async function beside<T>(statement: () => Promise<T>): Promise<T> {
  let isOver = false;
  const done = statement().finally(() => (isOver = true));
  // Whoever reads hears of a failure from `done`.
  done.catch(() => undefined);
  let reads = 0;
  for (; !isOver; reads++) assert.deepEqual(await one('SELECT v FROM d.small WHERE id = 1'), { v: 7 });
  assert.ok(reads >= READS_LEAST, `${reads} reads came through`);
  return done;
}

const indexesOf = (table: string): string[] =>
  node.node.engine.core.state.db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name GLOB ?")
    .all(`t${table}_*`)
    .map(({ name }) => String(name));

describe('an index', () => {
  it('is made beside others', async () => {
    await beside(() => c.query('CREATE INDEX by_name ON t (name, v)'));
    assert.deepEqual(await one("SELECT id FROM d.t WHERE name = 'NAME 77'"), { id: 77 });
    const parts = await one("SELECT COUNT(*) AS n FROM information_schema.statistics WHERE index_name = 'by_name'");
    assert.deepEqual(parts, { n: 2 });
  });

  it('that is unique is made beside others, or refused', async () => {
    await beside(() => c.query('CREATE UNIQUE INDEX by_code ON t (code)'));
    await assert.rejects(c.query("UPDATE t SET code = 'code 5' WHERE id = 6"), { errno: 1062 });
    await assert.rejects(c.query('CREATE UNIQUE INDEX by_v ON t (v)'), { errno: 1062 });
    await c.query('CREATE INDEX by_v ON t (v)');
    assert.deepEqual(await one('SELECT COUNT(*) AS n FROM d.t WHERE v = 0'), { n: ROWS });
    await c.query('DROP INDEX by_v ON t');
  });

  it('that no schema change came to ask for is gone with the next write', async () => {
    const { core } = node.node.engine;
    const table = core.catalog.table('d', 't');
    assert.ok(table);
    const column = table.columns[1]?.id ?? 0;
    const index = { id: 99, name: 'never', kind: 'index' as const, parts: [{ column }], comment: '' };
    await core.replica.whenPublished();
    await core.state.indexes.build([{ table, index }]);
    assert.ok(indexesOf(String(table.id)).some((name) => name.endsWith('_99')));
    await c.query('UPDATE small SET v = 7 WHERE id = 1');
    await c.query('UPDATE small SET v = 8 WHERE id = 1');
    await c.query('UPDATE small SET v = 7 WHERE id = 1');
    await core.replica.whenPublished();
    assert.ok(!indexesOf(String(table.id)).some((name) => name.endsWith('_99')));
  });
});

describe('a table that is made anew', () => {
  it('lets others read meanwhile', async () => {
    await beside(() => c.query('ALTER TABLE t ADD COLUMN w INT DEFAULT 3, MODIFY v BIGINT NOT NULL'));
    assert.deepEqual(await one('SELECT SUM(w) AS sum, COUNT(*) AS n FROM d.t'), { sum: String(3 * ROWS), n: ROWS });
    assert.deepEqual(await one("SELECT w FROM d.t WHERE code = 'code 9'"), { w: 3 });
  });

  it('is as it was where a row does not fit', async () => {
    await c.query(`UPDATE t SET w = NULL WHERE id = ${ROWS - 1}`);
    const { Checksum } = await one('CHECKSUM TABLE d.t');
    await assert.rejects(
      beside(() => c.query('ALTER TABLE t MODIFY w INT NOT NULL')),
      { errno: 1138 },
    );
    assert.equal((await one('CHECKSUM TABLE d.t'))['Checksum'], Checksum);
    await c.query('UPDATE t SET v = v + 1 WHERE id = 3');
    assert.deepEqual(await one('SELECT v FROM d.t WHERE id = 3'), { v: 1 });
  });

  it('has a key that is no number', async () => {
    await c.query('CREATE TABLE texts (name VARCHAR(20) PRIMARY KEY, v INT)');
    await c.query('INSERT INTO texts SELECT name, id FROM t');
    await beside(() => c.query('ALTER TABLE texts ADD COLUMN w INT'));
    assert.deepEqual(await one("SELECT v, w FROM d.texts WHERE name = 'name 100'"), { v: 100, w: null });
  });
});

describe('rows that follow their parent', () => {
  before(async () => {
    await c.query('CREATE TABLE parent (id INT PRIMARY KEY)');
    await c.query(
      'CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)',
    );
    await c.query('CREATE TABLE grandchild (id INT PRIMARY KEY, child INT)');
    await c.query('ALTER TABLE grandchild ADD FOREIGN KEY (child) REFERENCES child (id) ON DELETE SET NULL');
    await c.query('INSERT INTO parent VALUES (1), (2)');
    await c.query('INSERT INTO child SELECT id, 1 FROM t');
    await c.query('INSERT INTO child VALUES (-1, 2)');
    await c.query('INSERT INTO grandchild SELECT id, id FROM t WHERE id % 2 = 0');
    await c.query('INSERT INTO grandchild VALUES (-1, -1)');
  });

  it('change with it', async () => {
    await beside(() => c.query('UPDATE parent SET id = 3 WHERE id = 1'));
    assert.deepEqual(await one('SELECT COUNT(*) AS n FROM d.child WHERE parent = 3'), { n: ROWS });
  });

  it('go with it', async () => {
    const [result] = await beside(() => c.query<ResultSetHeader>('DELETE FROM parent WHERE id = 3'));
    assert.equal(result.affectedRows, 1);
    assert.deepEqual(await one('SELECT id, parent FROM d.child'), { id: -1, parent: 2 });
    assert.deepEqual(await one('SELECT COUNT(*) AS n, COUNT(child) AS with_child FROM d.grandchild'), {
      n: ROWS / 2 + 1,
      with_child: 1,
    });
  });

  it('go with it in a transaction, and are there again after ROLLBACK', async () => {
    await c.query('INSERT INTO parent VALUES (4)');
    await c.query('INSERT INTO child SELECT id, 4 FROM t');
    await c.query('BEGIN');
    await beside(() => c.query('DELETE FROM parent WHERE id = 4'));
    assert.deepEqual(await one('SELECT COUNT(*) AS n FROM d.child', c), { n: 1 });
    assert.deepEqual(await one('SELECT COUNT(*) AS n FROM d.child'), { n: ROWS + 1 });
    await c.query('ROLLBACK');
    assert.deepEqual(await one('SELECT COUNT(*) AS n FROM d.child', c), { n: ROWS + 1 });
    await other.query('DELETE FROM d.child WHERE id = 5');
  });
});

it('a file that is loaded', async () => {
  await c.query('CREATE TABLE loaded (id INT PRIMARY KEY, v INT)');
  const lines = Array.from({ length: ROWS }, (_, id) => `${id},${id * 2}\n`).join('');
  const [result] = await beside(() =>
    c.query<ResultSetHeader>({
      sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE loaded FIELDS TERMINATED BY ','",
      infileStreamFactory: () => Readable.from([Buffer.from(lines)], { objectMode: false }),
    }),
  );
  assert.equal(result.affectedRows, ROWS);
  assert.deepEqual(await one('SELECT v FROM d.loaded WHERE id = 4711'), { v: 9422 });
});

it('locks of very many rows are free after COMMIT and after the end of a connection', async () => {
  for (const end of ['COMMIT', 'end'] as const) {
    const third = await node.connect({ database: 'd' });
    await third.query('BEGIN');
    await third.query('UPDATE t SET v = v + 1');
    if (end === 'COMMIT') await beside(() => third.query('COMMIT'));
    else third.destroy();
    const [result] = await other.query<ResultSetHeader>('UPDATE d.t SET v = 0 WHERE id BETWEEN 1000 AND 1009');
    assert.equal(result.affectedRows, 10);
  }
});

it('all of it stands after a restart', async () => {
  const tables = ['t', 'texts', 'child', 'grandchild', 'loaded'];
  const checksums = async (): Promise<unknown[]> => {
    const connection = await node.connect({ database: 'd' });
    const [rows] = await connection.query<RowDataPacket[]>(`CHECKSUM TABLE ${tables.join()}`);
    return rows.map((row) => row['Checksum'] as unknown);
  };
  const before = await checksums();
  await node.restart();
  assert.deepEqual(await checksums(), before);
});
