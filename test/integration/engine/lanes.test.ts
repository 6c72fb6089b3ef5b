/** Long SELECTs leave the core's thread: others go on, they can be killed, and they see what their session sees. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

const ROWS = 64_000;
const RUNAWAY = 'select count(*) from big x, big y where x.a + y.a = 5 and x.b <> y.b';

let node: TestNode;
let a: Connection;

const rowsOf = async (connection: Connection, sql: string): Promise<unknown[][]> => {
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows;
};

before(async () => {
  node = await startTestNode();
  const root = await node.connect();
  await root.query('create database test');
  a = await node.connect({ database: 'test' });
  await a.query('create table big (id int primary key auto_increment, a int, b varchar(30))');
  await a.query(
    `insert into big (a, b) values ${Array.from({ length: 1000 }, (_, i) => `(${i % 100}, 'row ${i}')`).join(',')}`,
  );
  for (let n = 1000; n < ROWS; n *= 2) await a.query('insert into big (a, b) select a, b from big');
});
after(() => node.stop());

describe('a SELECT that visits many rows', () => {
  it('gives the same answer as a short one would', async () => {
    assert.deepEqual(await rowsOf(a, 'select count(*), min(a), max(a), count(distinct b) from big'), [
      [ROWS, 0, 99, 1000],
    ]);
    const rows = await rowsOf(a, 'select id from big order by id');
    assert.equal(rows.length, ROWS);
    assert.ok(rows.every((row, i) => i === 0 || Number(row[0]) > Number(rows[i - 1]?.[0])));
  });

  it('sees the transaction it runs in, and nothing of others', async () => {
    const b = await node.connect({ database: 'test' });
    await a.query('begin');
    await a.query("update big set b = 'mine' where id between 1 and 10");
    assert.deepEqual(await rowsOf(a, "select count(*) from big where b = 'mine'"), [[10]]);
    assert.deepEqual(await rowsOf(b, "select count(*) from big where b = 'mine'"), [[0]]);
    await a.query('rollback');
    await b.query('begin');
    await b.query('select 1 from big where id = 1');
    await a.query('delete from big where id = 20');
    assert.deepEqual(await rowsOf(b, 'select count(*) from big'), [[ROWS]]);
    await b.query('commit');
    assert.deepEqual(await rowsOf(b, 'select count(*) from big'), [[ROWS - 1]]);
  });

  it('sees that in every statement of it', async () => {
    await a.query('begin');
    for (let n = 1; n <= 6; n++) {
      await a.query('update big set a = 1000 where id = ?', [n]);
      assert.deepEqual(await rowsOf(a, 'select count(*) from big where a = 1000'), [[n]]);
    }
    await a.query('rollback');
  });

  it('lets point reads and commits of others through, and ends by KILL QUERY', async () => {
    const slow = await node.connect({ database: 'test' });
    const [[id]] = (await rowsOf(slow, 'select connection_id()')) as [[number]];
    let running = true;
    const outcome = slow.query(RUNAWAY).then(
      () => 'finished',
      (error: unknown) => (error as { errno: number }).errno,
    );
    void outcome.then(() => (running = false));
    for (let i = 0; i < 500; i++) {
      await a.query('select b from big where id = ?', [i + 100]);
      if (i % 10 === 0) await a.query('update big set a = a + 1 where id = 5');
    }
    assert.ok(running, 'the long SELECT still runs');
    await a.query(`kill query ${id}`);
    assert.equal(await outcome, 1317);
    assert.deepEqual(await rowsOf(slow, 'select 1'), [[1]]);
  });

  it('ends at max_execution_time', async () => {
    const slow = await node.connect({ database: 'test' });
    await slow.query('set max_execution_time = 200');
    const isLate = (error: unknown): boolean => (error as { errno: number }).errno === 3024;
    await assert.rejects(slow.query(RUNAWAY), isLate);
    await slow.query('set max_execution_time = 0');
    await assert.rejects(slow.query(RUNAWAY.replace('select', 'select /*+ MAX_EXECUTION_TIME(200) */')), isLate);
  });

  it('ends at max_execution_time where it waits: for a row, a lock by name, SLEEP', async () => {
    const slow = await node.connect({ database: 'test' });
    await a.query('begin');
    await a.query('select b from big where id = 1 for update');
    await a.query("select get_lock('held', 0)");
    const isLate = (error: unknown): boolean => (error as { errno: number }).errno === 3024;
    const limit = '/*+ MAX_EXECUTION_TIME(100) */';
    try {
      await assert.rejects(slow.query(`select ${limit} b from big where id = 1 for update`), isLate);
      await assert.rejects(slow.query(`select ${limit} get_lock('held', 60)`), isLate);
      await assert.rejects(slow.query(`select ${limit} id from big where id < 4 and sleep(60) = 0`), isLate);
      await assert.rejects(slow.execute(`select ${limit} id, sleep(60) from big where id < ?`, [4]), isLate);
      // Of no table, it goes on with what SLEEP answers when it is ended.
      assert.deepEqual(await rowsOf(slow, `select ${limit} sleep(60), 5`), [[1, 5]]);
      // The next statement has its own time.
      assert.deepEqual(await rowsOf(slow, 'select sleep(0.01)'), [[0]]);
    } finally {
      await a.query('rollback');
      await a.query("select release_lock('held')");
    }
  });

  it('ends by KILL QUERY while it sleeps, where it reads rows', async () => {
    const slow = await node.connect({ database: 'test' });
    const [[id]] = (await rowsOf(slow, 'select connection_id()')) as [[number]];
    for (const [sql, expected] of [
      ['select sleep(60) from big where id < 4', 1317],
      ['select sleep(60)', 1],
    ] as const) {
      const outcome = rowsOf(slow, sql).then(
        (rows) => rows[0]?.[0],
        (error: unknown) => (error as { errno: number }).errno,
      );
      const asleep = `select count(*) from information_schema.processlist where id = ${id} and info like 'select sleep%'`;
      while (Number((await rowsOf(a, asleep))[0]?.[0]) === 0);
      await a.query(`kill query ${id}`);
      assert.equal(await outcome, expected);
    }
  });

  it('ends when its client goes away', async () => {
    const slow = await node.connect({ database: 'test' });
    // The client's own promise never settles: it destroyed its socket.
    slow.query(RUNAWAY).catch(() => undefined);
    slow.destroy();
    // Both lanes are free again: two long statements run side by side.
    const [x, y] = await Promise.all([node.connect({ database: 'test' }), node.connect({ database: 'test' })]);
    const counts = await Promise.all([x, y].map((c) => rowsOf(c, 'select count(*) from big')));
    assert.equal(counts.length, 2);
  });
});
