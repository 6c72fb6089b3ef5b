/** SKIP LOCKED as queues of jobs use it, and locking clauses in subqueries. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let a: Connection;
let b: Connection;

const values = async (connection: Connection, sql: string, parameters?: (string | number)[]): Promise<unknown[]> => {
  const options = { sql, rowsAsArray: true };
  const [rows] = await (parameters
    ? connection.execute<RowDataPacket[][]>(options, parameters)
    : connection.query<RowDataPacket[][]>(options));
  return rows.map((row) => (row.length === 1 ? row[0] : row));
};
const errno = (number: number) => (error: unknown) => (error as { errno?: number }).errno === number;
const isHeld = async (id: number): Promise<boolean> => {
  try {
    await b.query(`select id from jobs where id = ${id} for update nowait`);
    return false;
  } catch (error) {
    if (errno(3572)(error)) return true;
    throw error;
  }
};

before(async () => {
  node = await startTestNode();
  const root = await node.connect();
  await root.query('create database test');
});
after(() => node.stop());
beforeEach(async () => {
  for (const connection of [a, b]) connection?.destroy();
  a = await node.connect({ database: 'test' });
  b = await node.connect({ database: 'test' });
  await a.query('drop table if exists jobs, owners');
  await a.query('create table owners (id int primary key, name varchar(10))');
  await a.query("insert into owners values (1, 'x'), (2, 'y')");
  await a.query('create table jobs (id int primary key, state varchar(10), owner int, key (state))');
  await a.query("insert into jobs values (1, 'new', 1), (2, 'new', 2), (3, 'new', 1), (4, 'done', 1)");
  await a.query('begin');
  await b.query('begin');
});

describe('SKIP LOCKED', () => {
  const next = "select id from jobs where state = 'new' order by id limit 1 for update skip locked";

  it('gives each worker a job of its own, under LIMIT', async () => {
    assert.deepEqual(await values(a, next), [1]);
    assert.deepEqual(await values(b, next), [2]);
    assert.deepEqual(await values(a, next), [1]);
    assert.deepEqual(await values(b, 'select id from jobs order by id desc limit 1, 2 for update skip locked'), [3, 2]);
    const c = await node.connect({ database: 'test' });
    assert.deepEqual(await values(c, next), []);
    await c.query("update jobs set state = 'late' where id = 4");
    await c.end();
  });

  it('does so with its own changes, as a parameter, and without a transaction', async () => {
    await a.query("insert into jobs values (0, 'new', 1)");
    await a.query("update jobs set state = 'busy' where id = 1");
    assert.deepEqual(await values(a, next), [0]);
    const sql = 'select id from jobs where state = ? order by id limit ? for update skip locked';
    assert.deepEqual(await values(b, sql, ['new', 1]), [2]);
    const c = await node.connect({ database: 'test' });
    assert.deepEqual(
      await values(c, "select id from jobs where state = 'new' order by id limit 1 for share skip locked"),
      [3],
    );
    await c.end();
  });

  it('passes over rows of a join of which one is held', async () => {
    await a.query('select * from owners where id = 1 for update');
    const join = 'select j.id from jobs j join owners o on o.id = j.owner order by j.id limit 2 for update skip locked';
    assert.deepEqual(await values(b, join), [2]);
    assert.deepEqual(
      await values(b, 'select o.id from owners o left join jobs j on j.id = 99 for share skip locked'),
      [2],
    );
  });

  it('looks at the tables that OF names, and locks no others', async () => {
    await a.query('select * from owners where id = 1 for update');
    const join =
      'select j.id from jobs j join owners o on o.id = j.owner order by j.id limit 1 for update of j skip locked';
    assert.deepEqual(await values(b, join), [1]);
    await a.query('commit');
    await a.query('update owners set name = name where id = 1');
    await assert.rejects(b.query('select j.id from jobs j for update of jobs'), errno(3568));
  });

  it('shares what is shared', async () => {
    await a.query('select * from jobs where id = 1 for share');
    assert.deepEqual(await values(b, 'select id from jobs order by id limit 1 for share skip locked'), [1]);
    assert.deepEqual(await values(b, 'select id from jobs order by id limit 1 for update skip locked'), [2]);
  });

  it('is obeyed in a subquery of UPDATE', async () => {
    const claim =
      "update jobs j join (select id from jobs where state = 'new' order by id limit 1 for update skip locked) n on n.id = j.id set j.state = 'busy'";
    await a.query(claim);
    await b.query(claim);
    await a.query('commit');
    await b.query('commit');
    assert.deepEqual(await values(a, "select id from jobs where state = 'busy' order by id"), [1, 2]);
  });
});

describe('LIMIT with a parameter', () => {
  it('takes whole numbers', async () => {
    assert.deepEqual(await values(a, 'select id from jobs order by id limit ?', [2]), [1, 2]);
    await assert.rejects(values(a, 'select id from jobs limit ?', [1.5]), errno(1210));
    await assert.rejects(values(a, 'select id from jobs limit ?', ['1']), errno(1210));
  });
});

describe('a locking clause within', () => {
  it('a derived table locks its rows', async () => {
    const sql =
      "select d.id, o.name from (select * from jobs where state = 'new' order by id limit 2 for update) d left join owners o on o.id = d.owner order by d.id";
    assert.deepEqual(await values(a, sql), [
      [1, 'x'],
      [2, 'y'],
    ]);
    assert.deepEqual([await isHeld(1), await isHeld(2), await isHeld(3)], [true, true, false]);
  });

  it('waits, and shows what was committed meanwhile', async () => {
    await a.query("update jobs set state = 'busy' where id = 1");
    const waiting = values(b, 'select state from (select state from jobs where id = 1 for update) d');
    await a.query('commit');
    assert.deepEqual(await waiting, ['busy']);
  });

  it('a common table, a condition or a prepared statement does, too', async () => {
    assert.deepEqual(await values(a, 'with c as (select id from jobs where id = 1 for share) select id from c'), [1]);
    assert.deepEqual(
      await values(a, 'select name from owners where id in (select owner from jobs where id = 2 for update)'),
      ['y'],
    );
    assert.deepEqual(await values(a, 'select * from (select id from jobs where id = ? for update) d', [3]), [3]);
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(isHeld)), [true, true, true, false]);
  });

  it('SKIP LOCKED and NOWAIT hold there', async () => {
    await a.query('select * from jobs where id = 1 for update');
    assert.deepEqual(
      await values(b, 'select id from (select id from jobs order by id limit 1 for update skip locked) d'),
      [2],
    );
    await assert.rejects(
      b.query('select id from (select id from jobs order by id limit 1 for update nowait) d'),
      errno(3572),
    );
  });

  it('what depends on the outer row is refused', async () => {
    await assert.rejects(
      a.query('select * from owners o where exists (select 1 from jobs j where j.owner = o.id for update)'),
      errno(1235),
    );
  });

  it('needs the privilege to change the table', async () => {
    const root = await node.connect();
    await root.query("create user if not exists reader identified by 'secret'");
    await root.query('grant select on test.* to reader');
    const reader = await node.connect({ database: 'test', user: 'reader', password: 'secret' });
    await assert.rejects(reader.query('select * from (select id from jobs for update) d'), errno(1142));
    await Promise.all([root.end(), reader.end()]);
  });
});

describe('several locking clauses', () => {
  const both = 'select jobs.id from jobs join owners on owners.id = jobs.owner';

  it('lock each table by its own', async () => {
    await values(a, `${both} where jobs.id = 1 for update of jobs for share of owners`);
    assert.deepEqual(await values(b, 'select id from owners order by id for share nowait'), [1, 2]);
    await assert.rejects(b.query('select id from owners where id = 1 for update nowait'), errno(3572));
    await assert.rejects(b.query('select id from jobs where id = 1 for share nowait'), errno(3572));
  });

  it('wait, pass over and give up each by its own', async () => {
    await a.query('select id from jobs where id = 1 for update');
    assert.deepEqual(
      await values(b, `${both} order by jobs.id for share of owners nowait for update of jobs skip locked`),
      [2, 3, 4],
    );
    await b.query('rollback');
    await b.query('begin');
    await assert.rejects(b.query(`${both} for share of owners for update of jobs nowait`), errno(3572));
    // A table that no clause names is locked by none.
    assert.deepEqual(await values(b, `${both} where jobs.id = 1 for update of owners nowait`), [1]);
    await assert.rejects(a.query('select id from owners where id = 1 for share nowait'), errno(3572));
  });

  it('name a table once', async () => {
    for (const clauses of [
      'for update for share of owners',
      'for update of jobs for share of jobs',
      'for update for share',
      'for update of jobs, jobs',
    ])
      await assert.rejects(a.query(`${both} ${clauses}`), errno(3569));
    await assert.rejects(a.query(`${both} for update of jobs for share of other`), errno(3568));
  });
});

describe('a locking read outside of transactions', () => {
  beforeEach(async () => {
    await a.query('select * from jobs where id = 1 for update');
    await b.query('rollback');
  });

  it('heeds NOWAIT and SKIP LOCKED', async () => {
    for (const end of ['for update nowait', 'for share nowait']) {
      await assert.rejects(b.query(`select id from jobs ${end}`), errno(3572));
      await assert.rejects(b.query(`select id from (select id from jobs ${end}) d`), errno(3572));
      await assert.rejects(b.execute(`select id from jobs where id = ? ${end}`, [1]), errno(3572));
    }
    assert.deepEqual(await values(b, 'select id from jobs order by id for update skip locked'), [2, 3, 4]);
    assert.deepEqual(await values(b, 'select id from jobs where id = 2 for update nowait'), [2]);
  });

  it('waits, and sees what was committed meanwhile', async () => {
    await b.query('set innodb_lock_wait_timeout = 1');
    await assert.rejects(b.query('select id from jobs for update'), errno(1205));
    await assert.rejects(b.query('select id from jobs lock in share mode'), errno(1205));
    await b.query('set innodb_lock_wait_timeout = 50');
    const waiting = values(b, 'select state from jobs where id = 1 for update');
    await a.query("update jobs set state = 'taken' where id = 1");
    await a.query('commit');
    assert.deepEqual(await waiting, ['taken']);
  });

  it('keeps no lock', async () => {
    assert.deepEqual(await values(b, 'select id from jobs where id = 2 for update'), [2]);
    await a.query("update jobs set state = 'mine' where id = 2");
    await a.query('commit');
  });
});
