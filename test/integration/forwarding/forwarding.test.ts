/** Clients of one node whose sessions run at another: they notice nothing, until the other node is gone. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Connection, ConnectionOptions, FieldPacket, RowDataPacket } from 'mysql2/promise';
import { WINDOW_BYTES } from '../../../node/forwarding/answers.ts';
import { startForwarded, type Forwarded } from './support.ts';

let forwarded: Forwarded;
let local: Connection;

before(async () => {
  forwarded = await startForwarded();
  local = await forwarded.node.connect({ multipleStatements: true });
  await local.query('create database shop; use shop');
});
after(() => forwarded.stop());
afterEach(() => assert.deepEqual(forwarded.internalErrors, []));

const connect = (options: ConnectionOptions = {}): Promise<Connection> =>
  forwarded.connect({ database: 'shop', ...options });

/** Text protocol or binary. */
const run = (connection: Connection, how: 'query' | 'execute', sql: string) =>
  how === 'query' ? connection.query<RowDataPacket[]>(sql) : connection.execute<RowDataPacket[]>(sql);

/** What a client can see of a result's columns. */
const described = (fields: FieldPacket[]) =>
  fields.map((f) => ({ ...f, ...(f as unknown as { inspect(): object }).inspect() }));

async function rowsOf(connection: Connection, sql: string): Promise<unknown[][]> {
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows;
}

const rejects = (promise: Promise<unknown>, errno: number, message?: RegExp) =>
  assert.rejects(promise, (error: { errno?: number; message: string }) => {
    assert.equal(error.errno, errno, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });

describe('values', () => {
  const COLUMNS = `id int primary key auto_increment, t tinyint, tu tinyint unsigned zerofill, s smallint, m mediumint,
    b bigint, bu bigint unsigned, d decimal(65,30), f float, f2 float(7,3), db double, bi bit(13), y year, da date,
    ti time(3), dt datetime(6), ts timestamp null, c char(5), vc varchar(200) character set latin1, tx text, bn binary(4),
    vb varbinary(300), bl longblob, e enum('a','ß','c'), st set('x','y','z'), j json`;

  it('of every type are those that the node itself gives, in text and in binary', async () => {
    await local.query(`create table every (${COLUMNS})`);
    await local.query(`insert into every values
      (1, -128, 7, -32768, -8388608, -9223372036854775808, 18446744073709551615, 12345678901234567890.123456789012345678901234567890,
       1.5, 1234.567, -1e300, b'1000000000001', 2024, '2024-02-29', '-838:59:58.999', '2024-12-31 23:59:59.999999', '2024-01-01 00:00:00',
       'ab', 'naïve', 'text 🎉', 'ab', x'00ff80', x'deadbeef', 'ß', 'x,z', '{"a": [1, 2.5, null, "ü"]}'),
      (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
      (3, 127, 255, 0, 1, 9007199254740993, 9007199254740991, 0, -0.0, 0, 5, b'0', 1901, '1000-01-01', '00:00:00', '1000-01-01 00:00:00', null,
       '', '', '', '', '', '', 'a', '', '[]')`);
    const remote = await connect({ supportBigNumbers: true, bigNumberStrings: true, dateStrings: true });
    const here = await forwarded.node.connect({
      database: 'shop',
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    });
    for (const sql of ['select * from every', 'select bu + 0, d * 2, f, db / 3, concat(vc, tx), null from every']) {
      for (const how of ['query', 'execute'] as const) {
        const [[expected, expectedFields], [rows, fields]] = await Promise.all([
          run(here, how, sql),
          run(remote, how, sql),
        ]);
        assert.deepEqual(rows, expected, `${how} ${sql}`);
        assert.deepEqual(described(fields), described(expectedFields), `${how} ${sql}`);
      }
    }
  });

  it('of placeholders arrive as they were bound', async () => {
    await local.query(
      'create table bound (id int primary key, a bigint, b double, c varchar(100), d blob, e datetime(6))',
    );
    const remote = await connect({ supportBigNumbers: true, bigNumberStrings: true });
    const insert = await remote.prepare('insert into bound values (?, ?, ?, ?, ?, ?)');
    const bytes = Buffer.from([0, 1, 254, 255]);
    const at = new Date('2024-05-06T07:08:09.012Z');
    await insert.execute([1, '9223372036854775807', 0.1, 'ünï', bytes, at]);
    await insert.execute([2, null, null, null, null, null]);
    await insert.close();
    const [rows] = await remote.execute<RowDataPacket[]>(
      'select a, b, c, d, e from bound where id = ? or id = ? order by id',
      [1, 2],
    );
    assert.deepEqual({ ...rows[0] }, { a: '9223372036854775807', b: 0.1, c: 'ünï', d: bytes, e: at });
    assert.deepEqual(Object.values(rows[1] ?? {}), [null, null, null, null, null]);
  });

  it('of 17 MiB go there and come back', async () => {
    await local.query('create table wide (id int primary key, v longblob)');
    const remote = await connect();
    const value = Buffer.alloc(17 << 20, 'forwarded bytes ');
    value.writeUInt32LE(0xdeadbeef, value.length - 4);
    await remote.query('insert into wide values (1, ?)', [value]);
    await remote.execute('insert into wide values (?, ?)', [2, value]);
    for (const how of ['query', 'execute'] as const) {
      const [rows] = await run(remote, how, 'select v from wide order by id');
      assert.equal(rows.length, 2);
      for (const row of rows) assert.ok(value.equals(row['v'] as Buffer));
    }
  });
});

describe('statements', () => {
  it('several at once give their results one after the other', async () => {
    const remote = await connect({ multipleStatements: true });
    const [results] = await remote.query('select 1 as a; set @x = 5; select @x as b, @x * 2 as c; do 0');
    const [one, set, two] = results as unknown as [RowDataPacket[], { affectedRows: number }, RowDataPacket[]];
    assert.deepEqual([{ ...one[0] }, set.affectedRows, { ...two[0] }], [{ a: 1 }, 0, { b: 5, c: 10 }]);
    await rejects(remote.query('select 1; select nothing; select 2'), 1054);
    await rejects((await connect()).query('select 1; select 2'), 1064);
  });

  it('change the state that the wire shows: transaction, autocommit, database', async () => {
    const remote = await connect();
    const statusOf = async (sql: string): Promise<number> => {
      const [result] = await remote.query(sql);
      return (result as unknown as { serverStatus: number }).serverStatus;
    };
    assert.equal((await statusOf('begin')) & 3, 3);
    await remote.query('create temporary table scratch (a int)');
    assert.equal((await statusOf('rollback')) & 3, 2);
    assert.equal((await statusOf('set autocommit = 0')) & 3, 0);
    assert.equal((await statusOf('set autocommit = 1')) & 3, 2);
    await remote.changeUser({ database: 'mysql' });
    assert.deepEqual(await rowsOf(remote, 'select database()'), [['mysql']]);
    await remote.query('use shop');
    assert.deepEqual(await rowsOf(remote, 'select database()'), [['shop']]);
  });

  it('hold transactions and locks, which end with the client', async () => {
    await local.query('create table account (id int primary key, v int); insert into account values (1, 10), (2, 20)');
    const remote = await connect();
    await remote.beginTransaction();
    await remote.query('update account set v = v - 5 where id = 1');
    assert.deepEqual(await rowsOf(local, 'select v from account where id = 1'), [[10]]);
    await remote.commit();
    assert.deepEqual(await rowsOf(local, 'select v from account where id = 1'), [[5]]);
    await remote.beginTransaction();
    await remote.query('update account set v = 0 where id = 2');
    const waiting = local.query('update account set v = v + 1 where id = 2');
    remote.destroy();
    await waiting;
    assert.deepEqual(await rowsOf(local, 'select v from account where id = 2'), [[21]]);
  });

  it('answer with errors, warnings, counts and information', async () => {
    await local.query('create table counted (id int primary key auto_increment, v tinyint)');
    const remote = await connect();
    await rejects(remote.query('select * from missing'), 1146, /Table 'shop.missing' doesn't exist/);
    await rejects(remote.execute('insert into counted values (?, ?)', [1, 1000]), 1264);
    const [ok] = await remote.query('insert ignore into counted (v) values (1000), (5), (6)');
    const { affectedRows, insertId, warningStatus, info } = ok as unknown as Record<string, unknown>;
    assert.deepEqual([affectedRows, insertId, warningStatus], [3, 1, 1]);
    assert.match(String(info), /Records: 3 {2}Duplicates: 0 {2}Warnings: 1/);
    assert.equal((await rowsOf(remote, 'show warnings')).length, 1);
    await rejects(remote.prepare('select from'), 1064);
    await rejects(
      remote.changeUser({ database: 'nowhere' }).then(() => remote.query('select 1')),
      1049,
    );
  });

  it('prepared ones run again, and are forgotten by a reset', async () => {
    const remote = await connect();
    const statement = await remote.prepare('select ? + ? as sum, @kept as kept');
    await remote.query('set @kept = 7');
    for (let n = 0; n < 200; n++) {
      const [rows] = await statement.execute([n, 1]);
      assert.deepEqual({ ...(rows as RowDataPacket[])[0] }, { sum: n + 1, kept: 7 });
    }
    await (remote as Connection & { reset(): Promise<void> }).reset();
    assert.deepEqual(await rowsOf(remote, 'select @kept'), [[null]]);
    await rejects(statement.execute([1, 2]), 1243);
    const [id] = [...forwarded.sessions.keys()].slice(-1);
    const image = await forwarded.sessions.get(id as number)?.remote?.image();
    assert.equal(new TextDecoder().decode(image), 'shop');
  });
});

describe('a large result', () => {
  before(async () => {
    await local.query('create table many (id int primary key auto_increment, v varchar(100))');
    await local.query(
      `insert into many (v) values ${Array.from({ length: 1000 }, (_, i) => `('row ${i} ${'x'.repeat(60)}')`).join(',')}`,
    );
    for (let n = 1000; n < 300_000; n *= 2) await local.query('insert into many (v) select v from many limit 100000');
    const [[count]] = (await rowsOf(local, 'select count(*) from many')) as [[number]];
    await local.query(
      `delete from many where id > (select i from (select id i from many order by id limit 1 offset ${Math.min(299_999, count - 1)}) x)`,
    );
  });

  it('of 300,000 rows comes whole, with little of it on the way', async () => {
    const { back } = forwarded.link;
    back.bytesPeak = 0;
    const totalBefore = back.total;
    const remote = await connect();
    const start = performance.now();
    const rows = await rowsOf(remote, 'select id, v from many order by id');
    const ms = performance.now() - start;
    assert.equal(rows.length, 300_000);
    assert.ok(rows.every((row, i) => i === 0 || Number(row[0]) > Number(rows[i - 1]?.[0])));
    assert.ok(back.bytesPeak <= WINDOW_BYTES + 256 * 1024, `${back.bytesPeak} bytes on the way`);
    console.log(`300,000 rows: ${Math.round(ms)} ms, ${back.total - totalBefore} bytes, ${back.bytesPeak} at once`);
  });

  it('waits where the client reads slowly, and others do not wait for it', async () => {
    const { back } = forwarded.link;
    const slow = await connect();
    const socket = (slow as unknown as { connection: { stream: { pause(): void; resume(): void } } }).connection.stream;
    const before = back.total;
    let count = 0;
    const raw = (slow as unknown as { connection: { query(sql: string): NodeJS.EventEmitter } }).connection;
    const over = new Promise<void>((resolve, reject) => {
      raw
        .query('select id, v from many')
        .on('result', () => count++)
        .on('error', reject)
        .on('end', () => resolve());
    });
    await new Promise((resolve) => setImmediate(resolve));
    socket.pause();
    const quick = await connect();
    // Sees that nothing more comes: the answers of others say how long is long enough.
    let still = 0;
    for (let seen = -1; still < 50;) {
      await quick.query('select 1');
      still = back.total - seen < 10_000 ? still + 1 : 0;
      seen = back.total;
    }
    const sent = back.total - before;
    assert.ok(sent < 16 << 20, `${sent} bytes were sent to a client that does not read`);
    socket.resume();
    await over;
    assert.equal(count, 300_000);
  });

  it('ends by KILL QUERY', async () => {
    const remote = await connect();
    await remote.query('select 1');
    const id = [...forwarded.sessions.keys()].at(-1) as number;
    const running = remote.query('select count(*) from many x, many y where x.v = y.v and x.id + y.id < 0');
    const sleeping = setInterval(() => forwarded.sessions.get(id)?.remote?.kill(true), 50);
    try {
      await rejects(running, 1317);
    } finally {
      clearInterval(sleeping);
    }
    assert.deepEqual(await rowsOf(remote, 'select 1'), [[1]]);
  });
});

describe('KILL', () => {
  it('of the far session ends the connection', async () => {
    const remote = await connect();
    const [[id]] = (await rowsOf(remote, 'select connection_id()')) as [[number]];
    const ended = new Promise<void>((resolve) => {
      remote.on('end', () => resolve());
      remote.on('error', () => resolve());
    });
    await local.query(`kill ${id}`);
    await ended;
    await assert.rejects(remote.query('select 1'));
  });
});

describe('LOCAL INFILE', () => {
  const load = (connection: Connection, table: string, chunks: Iterable<string>) =>
    connection.query({
      sql: `load data local infile 'any' into table ${table}`,
      infileStreamFactory: () => Readable.from(chunks, { objectMode: false }),
    } as never);

  function* lines(count: number): Generator<string> {
    for (let n = 0; n < count; n += 1000)
      yield Array.from({ length: Math.min(1000, count - n) }, (_, i) => `${n + i}\t${'y'.repeat(50)}\n`).join('');
  }

  it('sends the client’s file', async () => {
    await local.query('create table loaded (id int primary key, v varchar(100))');
    const remote = await connect();
    const { there } = forwarded.link;
    there.bytesPeak = 0;
    const [ok] = await load(remote, 'loaded', lines(60_000));
    assert.equal((ok as { affectedRows: number }).affectedRows, 60_000);
    assert.deepEqual(await rowsOf(remote, 'select count(*), max(id) from loaded'), [[60_000, 59_999]]);
    assert.ok(there.bytesPeak <= (1 << 20) + 256 * 1024, `${there.bytesPeak} bytes on the way`);
  });

  it('leaves the connection usable when the statement fails in the middle of the file', async () => {
    await local.query('create table strict_one (id int primary key, v int check (v < 100))');
    const remote = await connect();
    await assert.rejects(load(remote, 'strict_one (id, v) set id = nosuch(id)', lines(60_000)));
    await assert.rejects(load(remote, 'nowhere', lines(1000)));
    assert.deepEqual(await rowsOf(remote, 'select 1'), [[1]]);
  });
});

describe('the other node', () => {
  it('goes away in the middle of a result: an error, and the connection stays', async () => {
    const remote = await connect();
    let rows = 0;
    const raw = (remote as unknown as { connection: { query(sql: string): NodeJS.EventEmitter } }).connection;
    const failure = new Promise<{ errno: number }>((resolve, reject) => {
      raw
        .query('select id, v from many')
        .on('result', () => {
          if (++rows === 1000) forwarded.link.cut();
        })
        .on('error', resolve)
        .on('end', () => reject(new Error('the result ended')));
    });
    assert.equal((await failure).errno, 3101);
    assert.deepEqual(forwarded.link.near.counts, { remote: 0, hosted: 0 });
    assert.deepEqual(forwarded.link.far.counts, { remote: 0, hosted: 0 });
    await rejects(remote.query('select 1'), 3101);
    await rejects(remote.prepare('select 1'), 3101);
    await remote.ping();
    await rejects((await connect()).query('select 1'), 3101);
    forwarded.link.restore();
    assert.deepEqual(await rowsOf(await connect(), 'select 1'), [[1]]);
  });

  it('goes away while a file is sent: the client hears it after its file', async () => {
    const remote = await connect();
    const chunks = function* (): Generator<string> {
      for (let n = 0; n < 200; n++) {
        if (n === 100) forwarded.link.cut();
        yield `${1_000_000 + n}\t${'z'.repeat(90)}\n`.repeat(1000);
      }
    };
    await rejects(
      remote.query({
        sql: `load data local infile 'any' ignore into table loaded`,
        infileStreamFactory: () => Readable.from(chunks(), { objectMode: false }),
      } as never),
      3101,
    );
    await remote.ping();
    forwarded.link.restore();
  });

  it('takes what was open back', async () => {
    const remote = await connect();
    await remote.beginTransaction();
    await remote.query('update account set v = 99 where id = 1');
    forwarded.link.cut();
    forwarded.link.restore();
    await local.query('update account set v = v + 1 where id = 1');
    assert.deepEqual(await rowsOf(local, 'select v from account where id = 1'), [[6]]);
    await rejects(remote.commit(), 3101);
  });

  it('refuses a session: the client hears its error', async () => {
    const account = { user: 'nobody', host: '%' };
    const session = [...forwarded.sessions.values()].at(-1) as unknown as { client: never };
    await rejects(forwarded.link.near.open('b'.repeat(64) as never, account, session.client, new Uint8Array()), 1045);
  });
});
