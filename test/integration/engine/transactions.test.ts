/** Transactions over one node: isolation, locks, deadlocks, savepoints, durability across a restart. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let a: Connection;
let b: Connection;

const values = async (connection: Connection, sql: string): Promise<unknown[]> => {
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows.map((row) => (row.length === 1 ? row[0] : row));
};
const errno = (number: number) => (error: unknown) => (error as { errno?: number }).errno === number;

before(async () => {
  node = await startTestNode();
  const root = await node.connect();
  await root.query('create database test');
});
after(() => node.stop());
beforeEach(async () => {
  a = await node.connect({ database: 'test' });
  b = await node.connect({ database: 'test' });
  await a.query('drop table if exists t');
  await a.query('create table t (id int primary key, v int, name varchar(20), unique key (name))');
  await a.query("insert into t values (1, 10, 'one'), (2, 20, 'two'), (3, 30, 'three')");
});

describe('isolation', () => {
  it('hides what is not committed, and shows it after', async () => {
    await a.query('begin');
    await a.query('update t set v = 11 where id = 1');
    await a.query("insert into t values (4, 40, 'four')");
    await a.query('delete from t where id = 3');
    assert.deepEqual(await values(b, 'select id, v from t order by id'), [
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    assert.deepEqual(await values(a, 'select id, v from t order by id'), [
      [1, 11],
      [2, 20],
      [4, 40],
    ]);
    assert.deepEqual(await values(a, "select id from t where name >= 'o' order by name"), [1, 2]);
    assert.deepEqual(await values(a, 'select count(*), sum(v) from t'), [[3, '71']]);
    await a.query('commit');
    assert.deepEqual(await values(b, 'select id, v from t order by id'), [
      [1, 11],
      [2, 20],
      [4, 40],
    ]);
  });

  it('repeats its reads under REPEATABLE READ', async () => {
    await a.query('begin');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [10]);
    await b.query('update t set v = 99 where id = 1');
    await b.query('delete from t where id = 2');
    await b.query("insert into t values (5, 50, 'five')");
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [10]);
    assert.deepEqual(await values(a, 'select id, v from t order by id'), [
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    assert.deepEqual(await values(a, 'select sum(v) from t where id between 1 and 3'), ['60']);
    // A change works on the newest rows, as in InnoDB.
    await a.query('update t set v = v + 1 where id = 1');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [100]);
    await a.query('rollback');
    assert.deepEqual(await values(a, 'select id, v from t order by id'), [
      [1, 99],
      [3, 30],
      [5, 50],
    ]);
  });

  it('sees each commit under READ COMMITTED', async () => {
    await a.query('set session transaction isolation level read committed');
    await a.query('begin');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [10]);
    await b.query('update t set v = 99 where id = 1');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [99]);
    await a.query('commit');
  });

  it('refuses to write in a READ ONLY transaction', async () => {
    await a.query('start transaction read only');
    await assert.rejects(a.query('update t set v = 1'), errno(1792));
    await a.query('rollback');
  });
});

describe('SET TRANSACTION', () => {
  it('speaks of the next statement, too, that is a transaction of its own', async () => {
    await a.query('set transaction read only');
    for (let i = 0; i < 2; i++) await assert.rejects(a.query("insert into t values (4, 40, 'four')"), errno(1792));
    assert.deepEqual(await values(a, 'select count(*) from t'), [3]);
    await a.query("insert into t values (4, 40, 'four')");
  });
});

describe('P2PDB_COMMIT', () => {
  it('is refused where it is misspelt', async () => {
    for (const hint of ['P2PDB_COMMIT(fianl)', 'P2PDB_COMIT(final)'])
      await assert.rejects(a.query(`update /*+ ${hint} */ t set v = 0`), errno(1064), hint);
    await a.query('update /*+ NO_SUCH_HINT() P2PDB_COMMIT( Final ) */ t set v = 0');
  });
});

describe('SERIALIZABLE', () => {
  beforeEach(async () => {
    await a.query('set session transaction isolation level serializable');
    await b.query('set innodb_lock_wait_timeout = 1');
  });

  it('keeps the row that it read, found or not', async () => {
    await a.query('begin');
    await a.query('select * from t where id = 1');
    await a.query('select * from t where id = 9');
    await assert.rejects(b.query('update t set v = 0 where id = 1'), errno(1205));
    await assert.rejects(b.query("insert into t values (9, 9, 'nine')"), errno(1205));
    await b.query('update t set v = 0 where id = 2');
    await a.query('commit');
    await b.query("insert into t values (9, 9, 'nine')");
  });

  it('keeps what a condition meets, and waits for what is not committed of it', async () => {
    await a.query('begin');
    await a.query("select * from t where name = 'nobody'");
    await assert.rejects(b.query("insert into t values (9, 9, 'nobody')"), errno(1205));
    await a.query('commit');
    await b.query('begin');
    await b.query('update t set v = 0 where id = 2');
    await a.query('set innodb_lock_wait_timeout = 1');
    await a.query('begin');
    await assert.rejects(a.query('select sum(v) from t'), errno(1205));
    await a.query('rollback');
    await b.query('rollback');
  });

  it('locks nothing for a SELECT alone', async () => {
    await a.query('select * from t');
    await b.query('update t set v = 0 where id = 1');
  });
});

describe('what a transaction at level final answers for', () => {
  /** Whether it is refused where another one changes row 1 behind its statement. */
  const isRefused = async (isolation: string, statement: string): Promise<boolean> => {
    await a.query(`set session transaction isolation level ${isolation}`);
    await a.query("set p2pdb_commit = 'final'");
    await a.query('begin');
    await a.query(statement);
    await b.query('update t set v = v + 1 where id = 1');
    await a.query('update t set v = 0 where id = 2');
    return a.query('commit').then(
      () => false,
      (error: unknown) => {
        assert.ok(errno(1213)(error), String(error));
        return true;
      },
    );
  };
  const byKey = 'select v from t where id = 1';
  const within = 'select count(*) from t where id between 1 and 3';
  const whole = 'select sum(v) from t';
  const changing = "update t set name = (select concat('sum ', sum(v)) from (select v from t) s) where id = 3";

  for (const statement of [byKey, within, whole, changing])
    it(`at REPEATABLE READ, for all that it looked at: ${statement}`, async () => {
      assert.equal(await isRefused('repeatable read', statement), true);
    });

  for (const isolation of ['read committed', 'read uncommitted'])
    for (const statement of [byKey, within, whole])
      it(`at ${isolation.toUpperCase()}, not for plain reads: ${statement}`, async () => {
        assert.equal(await isRefused(isolation, statement), false);
      });

  it('at READ COMMITTED, for what it looked at to change rows', async () => {
    assert.equal(await isRefused('read committed', changing), true);
  });

  it('at READ COMMITTED, for all where it reads linearizable', async () => {
    await a.query("set p2pdb_read = 'linearizable'");
    assert.equal(await isRefused('read committed', byKey), true);
  });
});

describe('locks', () => {
  it('makes a second writer of a row wait until the first ends', async () => {
    await a.query('begin');
    await a.query('update t set v = v + 1 where id = 1');
    const waiting = b.query('update t set v = v + 1 where id = 1');
    await a.query('update t set v = v + 1 where id = 2');
    await a.query('commit');
    await waiting;
    assert.deepEqual(await values(a, 'select v from t order by id'), [12, 21, 30]);
  });

  for (const first of ['update t set v = v + 1 where id = 1', 'select v from t where id = 1 for update'])
    it(`at level final goes on with what the first one made of the row: ${first}`, async () => {
      for (const session of [a, b]) {
        await session.query("set p2pdb_commit = 'final'");
        await session.query('begin');
      }
      await a.query('update t set v = v + 1 where id = 1');
      const waiting = b.query(first);
      const { sessions } = node.node.engine.core;
      while (![...sessions.values()].some(({ state }) => state.cancelWait))
        await new Promise((resolve) => setImmediate(resolve));
      await a.query('commit');
      await waiting;
      await b.query('update t set v = v + 100 where id = 1');
      await b.query('commit');
      assert.deepEqual(await values(a, 'select v from t where id = 1'), [first.startsWith('update') ? 112 : 111]);
    });

  it('gives up after innodb_lock_wait_timeout, with the transaction kept', async () => {
    await a.query('begin');
    await a.query('update t set v = 0 where id = 1');
    await b.query('set innodb_lock_wait_timeout = 1');
    await b.query('begin');
    await b.query('update t set v = 0 where id = 2');
    await assert.rejects(b.query('update t set v = 5 where id = 1'), errno(1205));
    await b.query('commit');
    await a.query('rollback');
    assert.deepEqual(await values(a, 'select v from t order by id'), [10, 0, 30]);
  });

  it('ends the one who closes a circle of waits', async () => {
    await a.query('begin');
    await b.query('begin');
    await a.query('update t set v = 1 where id = 1');
    await b.query('update t set v = 2 where id = 2');
    const waiting = a.query('update t set v = 1 where id = 2');
    await assert.rejects(b.query('update t set v = 2 where id = 1'), errno(1213));
    await waiting;
    await a.query('commit');
    assert.deepEqual(await values(a, 'select v from t order by id'), [1, 1, 30]);
  });

  it('makes a second insert of an uncommitted unique value wait, and fail when it is committed', async () => {
    await a.query('begin');
    await a.query("insert into t values (10, 1, 'same')");
    const waiting = b.query("insert into t values (11, 1, 'SAME')").then(
      () => 'inserted',
      (error: unknown) => (error as { errno: number }).errno,
    );
    await a.query('commit');
    assert.equal(await waiting, 1062);
    await a.query('begin');
    await a.query("insert into t values (12, 1, 'other')");
    const second = b.query("insert into t values (13, 1, 'other')");
    await a.query('rollback');
    await second;
    assert.deepEqual(await values(a, "select id from t where name = 'other'"), [13]);
  });

  it('lets nobody take away the parent of an uncommitted child', async () => {
    await a.query('drop table if exists child');
    await a.query('create table child (id int primary key, p int, foreign key (p) references t (id))');
    try {
      await a.query('begin');
      await a.query('insert into child values (1, 2)');
      const waiting = b.query('delete from t where id = 2').then(
        () => 'deleted',
        (error: unknown) => (error as { errno: number }).errno,
      );
      await a.query('commit');
      assert.equal(await waiting, 1451);
      await a.query('begin');
      await a.query('delete from t where id = 3');
      const orphan = b.query('insert into child values (2, 3)').then(
        () => 'inserted',
        (error: unknown) => (error as { errno: number }).errno,
      );
      await a.query('commit');
      assert.equal(await orphan, 1452);
    } finally {
      await a.query('drop table child');
    }
  });

  it('makes an upsert wait for a row with its key, though another row is in its way too', async () => {
    await a.query('begin');
    await a.query("insert into t values (8, 80, 'eight')");
    const waiting = b.query("insert into t values (8, 0, 'one') on duplicate key update v = v + 1");
    await a.query('commit');
    await waiting;
    assert.deepEqual(await values(a, 'select id, v from t where id in (1, 8) order by id'), [
      [1, 10],
      [8, 81],
    ]);
  });

  it('obeys FOR UPDATE, NOWAIT and SKIP LOCKED', async () => {
    await a.query('begin');
    assert.deepEqual(await values(a, 'select id from t where id = 1 for update'), [1]);
    await b.query('begin');
    await assert.rejects(b.query('select * from t where id = 1 for update nowait'), errno(3572));
    assert.deepEqual(await values(b, 'select id from t order by id for update skip locked'), [2, 3]);
    await b.query('commit');
    await a.query('commit');
  });

  it('lets 64 open transactions on their own rows all go on', async () => {
    await a.query('create table if not exists many (id int primary key, v int)');
    await a.query(`insert into many values ${Array.from({ length: 64 }, (_, i) => `(${i}, 0)`).join(',')}`);
    const connections = await Promise.all(Array.from({ length: 64 }, () => node.connect({ database: 'test' })));
    await Promise.all(connections.map((c) => c.query('begin')));
    for (let round = 0; round < 5; round++) {
      await Promise.all(connections.map((c, i) => c.query('update many set v = v + 1 where id = ?', [i])));
    }
    await Promise.all(connections.map((c) => c.query('commit')));
    assert.deepEqual(await values(a, 'select min(v), max(v) from many'), [[5, 5]]);
  });

  it('refuses names that no lock can have', async () => {
    const message = (text: RegExp) => (error: unknown) => text.test((error as Error).message);
    await assert.rejects(a.query("select get_lock('', 1)"), errno(3057));
    await assert.rejects(
      a.query('select get_lock(null, 1)'),
      message(/^Incorrect user-level lock name 'NULL'\. The name/),
    );
    await assert.rejects(a.query("select get_lock(repeat('X', 65), 1)"), errno(4163));
  });

  it('keeps named locks apart from transactions', async () => {
    assert.deepEqual(await values(a, "select get_lock('x', 0)"), [1]);
    assert.deepEqual(await values(b, "select get_lock('x', 0)"), [0]);
    await a.query('begin');
    await a.query('commit');
    assert.deepEqual(await values(b, "select is_free_lock('x')"), [0]);
    const waiting = values(b, "select get_lock('x', 10)");
    assert.deepEqual(await values(a, "select release_lock('x')"), [1]);
    assert.deepEqual(await waiting, [1]);
  });
});

describe('savepoints and the end of a transaction', () => {
  it('takes back what came after a savepoint', async () => {
    await a.query('begin');
    await a.query('update t set v = 1 where id = 1');
    await a.query('savepoint s');
    await a.query("insert into t values (7, 7, 'seven')");
    await a.query('update t set v = 2 where id = 1');
    await a.query('rollback to s');
    await a.query('commit');
    assert.deepEqual(await values(b, 'select id, v from t order by id'), [
      [1, 1],
      [2, 20],
      [3, 30],
    ]);
    await assert.rejects(a.query('rollback to nothing'), errno(1305));
  });

  it('takes back a statement that fails, and keeps the transaction', async () => {
    await a.query('begin');
    await a.query('update t set v = 1 where id = 1');
    await assert.rejects(a.query("insert into t values (8, 8, 'eight'), (9, 9, 'one')"), errno(1062));
    await a.query('commit');
    assert.deepEqual(await values(a, 'select id, v from t order by id'), [
      [1, 1],
      [2, 20],
      [3, 30],
    ]);
  });

  it('rolls back when the client goes away', async () => {
    const c = await node.connect({ database: 'test' });
    await c.query('begin');
    await c.query('update t set v = 0 where id = 1');
    c.destroy();
    await a.query('update t set v = 5 where id = 1');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [5]);
  });

  it('commits before a schema change', async () => {
    await a.query('begin');
    await a.query('update t set v = 1 where id = 1');
    await a.query('create table other (id int)');
    await a.query('rollback');
    assert.deepEqual(await values(b, 'select v from t where id = 1'), [1]);
    await a.query('drop table other');
  });

  it('outlives a DROP DATABASE of another database', async () => {
    await b.query('create database other');
    await a.query('begin');
    await a.query('delete from t where id = 1');
    await b.query('drop database other');
    await a.query('commit');
    assert.deepEqual(await values(b, 'select id from t order by id'), [2, 3]);
  });

  it('has everything after a restart, and the log verifies', async () => {
    await a.query("insert into t values (100, 1, 'last')");
    await a.query('alter table t add column extra int default 7 after v');
    await a.query('update t set extra = 8 where id = 1');
    await node.restart();
    const c = await node.connect({ database: 'test' });
    assert.deepEqual(await values(c, 'select id, v, extra, name from t order by id'), [
      [1, 10, 8, 'one'],
      [2, 20, 7, 'two'],
      [3, 30, 7, 'three'],
      [100, 1, 7, 'last'],
    ]);
  });
});

describe('autocommit = 0', () => {
  beforeEach(() => a.query('set autocommit = 0'));
  for (const change of [
    "insert into t values (4, 40, 'four')",
    "insert into t select 4, 40, 'four'",
    "replace into t values (1, 11, 'new')",
    'update t set v = v + 1',
    'delete from t',
  ]) {
    it(`takes back a transaction that begins with ${change}`, async () => {
      const before = await values(b, 'select * from t order by id');
      await a.query(change);
      assert.deepEqual(await values(b, 'select * from t order by id'), before);
      await a.query('rollback');
      assert.deepEqual(await values(a, 'select * from t order by id'), before);
      await a.query(change);
      await a.query('commit');
      assert.notDeepEqual(await values(b, 'select * from t order by id'), before);
    });
  }
});

describe('a session that is read only', () => {
  it('changes neither rows nor the schema', async () => {
    await a.query('set session transaction read only');
    for (const change of [
      "insert into t values (9, 9, 'nine')",
      'delete from t',
      'drop table t',
      'create table t2 (a int)',
    ])
      await assert.rejects(a.query(change), errno(1792), change);
    await a.query('begin');
    await assert.rejects(a.query('update t set v = 1'), errno(1792));
    await a.query('start transaction read write');
    await a.query('update t set v = 1 where id = 1');
    await a.query('commit');
    await a.query('set session transaction read write');
    await a.query('delete from t where id = 1');
    assert.deepEqual(await values(b, 'select id, v from t order by id'), [
      [2, 20],
      [3, 30],
    ]);
  });
});

describe('a text of comments alone', () => {
  it('is a statement that does nothing', async () => {
    for (const text of ['--', '# nothing', '/* nothing */', '-- nothing\n']) {
      const [{ affectedRows }] = await a.query<ResultSetHeader>(text);
      assert.equal(affectedRows, 0, text);
    }
    for (const text of ['', ' ', ';']) await assert.rejects(a.query(text), errno(1065), text);
  });
});

describe('keys that no number can hold', () => {
  it('are seen by the transaction that wrote them, and after it', async () => {
    const smallest = '-9223372036854775808';
    const largest = '9223372036854775807';
    const texts = async (sql: string): Promise<unknown> =>
      (await a.query<RowDataPacket[][]>({ sql, rowsAsArray: true, typeCast: (field) => field.string() }))[0];
    await a.query('create table big (id bigint primary key, v int)');
    await a.query('begin');
    await a.query(`insert into big values (1, 1), (${largest}, 2), (${smallest}, 3)`);
    const all = [
      [smallest, '3'],
      ['1', '1'],
      [largest, '2'],
    ];
    assert.deepEqual(await texts('select * from big order by id'), all);
    assert.deepEqual(await texts(`select v from big where id = ${largest}`), [['2']]);
    assert.deepEqual(await texts(`select v from big where id >= ${largest}`), [['2']]);
    await a.query(`update big set v = 4 where id = ${largest}`);
    assert.deepEqual(await texts('select v from big where id > 1'), [['4']]);
    // Other tables, which have small keys, can be written in the same transaction and after it.
    await a.query("insert into t values (4, 40, 'four')");
    assert.deepEqual(await texts('select count(*) from t'), [['4']]);
    await a.query('commit');
    await a.query("insert into t values (5, 50, 'five')");
    await a.query(`delete from big where id = ${smallest}`);
    assert.deepEqual(await texts('select * from big order by id'), [
      ['1', '1'],
      [largest, '4'],
    ]);
    await a.query('drop table big');
  });
});

describe('p2pdb_max_transaction_bytes', () => {
  for (const begin of ['set autocommit = 1', 'begin']) {
    it(`refuses what is larger, whole, after ${begin}`, async () => {
      await a.query('set p2pdb_max_transaction_bytes = 1048576');
      await a.query('create table if not exists large (id int primary key, c longtext)');
      await a.query(begin);
      // Bytes count, not characters.
      await assert.rejects(a.query("insert into large values (1, 'x'), (2, ?)", ['日'.repeat(400_000)]), errno(1197));
      assert.deepEqual(await values(a, 'select count(*) from large'), [0]);
      await a.query('insert into large values (1, ?)', ['日'.repeat(300_000)]);
      await a.query('commit');
      assert.deepEqual(await values(b, 'select char_length(c) from large'), [300_000]);
      await a.query('create temporary table own (c longtext)');
      await a.query('insert into own values (?)', ['x'.repeat(2_000_000)]);
      await a.query('drop temporary table own');
      await a.query('drop table large');
    });
  }
});

describe('FLUSH TABLES WITH READ LOCK', () => {
  it('goes, and leaves the transaction that began meanwhile its snapshot', async () => {
    await a.query('flush tables with read lock');
    await a.query('start transaction with consistent snapshot');
    await a.query('unlock tables');
    await b.query('update t set v = 0');
    await a.query('savepoint s');
    assert.deepEqual(await values(a, 'select sum(v) from t'), ['60']);
    await a.query('rollback to savepoint s');
  });

  it('waits for what is not committed', async () => {
    await b.query('begin');
    await b.query('update t set v = 0 where id = 1');
    await a.query('set innodb_lock_wait_timeout = 1');
    await assert.rejects(a.query('flush tables with read lock'), errno(1205));
    await assert.rejects(a.query('lock tables t read'), errno(1205));
    await b.query('rollback');
  });
});

describe('LOCK TABLES', () => {
  const unlocked = (table: string) => (error: unknown) =>
    errno(1100)(error) && (error as Error).message === `Table '${table}' was not locked with LOCK TABLES`;

  beforeEach(async () => {
    await a.query('drop table if exists other');
    await a.query('create table other (id int primary key)');
    await a.query('create or replace view seen as select t.id, other.id as o from t join other on other.id = t.id');
  });

  it('leaves the session the tables that it named, and no others', async () => {
    await a.query('lock tables t write');
    await a.query('update t set v = 11 where id = 1');
    assert.deepEqual(await values(a, 'select v from t where id = 1'), [11]);
    await assert.rejects(a.query('select * from other'), unlocked('other'));
    await assert.rejects(a.query('insert into other select id from t'), unlocked('other'));
    await assert.rejects(a.query('delete from t where id in (select id from other)'), unlocked('other'));
    await assert.rejects(a.query('select * from seen'), unlocked('seen'));
    await assert.rejects(a.query('create table third (id int)'), unlocked('third'));
    await assert.rejects(a.query('drop table other'), unlocked('other'));
    assert.deepEqual(await values(a, "select table_name from information_schema.tables where table_name = 'other'"), [
      'other',
    ]);
    await a.query('create temporary table mine (id int)');
    await a.query('insert into mine select id from t');
    await a.query('alter table t add column w int');
    await a.query('unlock tables');
    assert.deepEqual(await values(a, 'select count(*) from other'), [0]);
  });

  it('lets it read what it locked to be read, and not write', async () => {
    const isReadOnly = (error: unknown): boolean =>
      errno(1099)(error) && (error as Error).message === "Table 't' was locked with a READ lock and can't be updated";
    await a.query('lock tables t read, other write');
    assert.deepEqual(await values(a, 'select count(*) from t'), [3]);
    for (const sql of ['update t set v = 1', 'truncate table t', 'alter table t add column w int', 'drop table t'])
      await assert.rejects(a.query(sql), isReadOnly, sql);
    await a.query('insert into other select id from t');
    await a.query('unlock tables');
    assert.deepEqual(await values(a, 'select count(*) from other'), [3]);
  });

  it('reads through a view that it named', async () => {
    await a.query('lock tables seen read');
    assert.deepEqual(await values(a, 'select * from seen'), []);
    await assert.rejects(a.query('select * from other'), unlocked('other'));
  });

  it('locks a table that it names twice as the stronger mode says', async () => {
    await a.query('lock tables t write, t as other read');
    await a.query('update t set v = 0');
    await a.query('unlock tables');
  });

  it("takes the server's own tables, as dumps of all databases do", async () => {
    await a.query('lock tables mysql.user read, mysql.columns_priv read');
    await a.query('unlock tables');
    await assert.rejects(a.query('lock tables mysql.nope read'), errno(1146));
    const nowhere = await node.connect();
    await assert.rejects(nowhere.query('lock tables t read'), errno(1046));
  });

  it('takes all or none', async () => {
    await b.query('lock tables t write');
    await a.query('set innodb_lock_wait_timeout = 1, lock_wait_timeout = 1');
    await assert.rejects(a.query('lock tables other write, t write'), errno(1205));
    const c = await node.connect({ database: 'test' });
    await c.query('insert into other values (1)');
    await b.query('unlock tables');
  });

  it('ends with the next LOCK TABLES, with a transaction, and with COM_RESET_CONNECTION', async () => {
    await a.query('lock tables t write');
    await a.query('lock tables other write');
    await assert.rejects(a.query('select * from t'), unlocked('t'));
    await b.query('update t set v = 12 where id = 1');
    await a.query('begin');
    await a.query('select * from t');
    await a.query('rollback');
    await a.query('lock tables t write');
    await a.reset();
    await b.query('update t set v = 13 where id = 1');
    await a.query('select * from test.other');
  });
});
