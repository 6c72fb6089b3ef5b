// LOAD DATA LOCAL INFILE through mysql2. What the tables hold afterwards is what MySQL 9 makes of the same files.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { ROOT_PASSWORD, startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let db: mysql.Connection;
let file: readonly (string | Buffer)[] = [];

before(async () => {
  node = await startTestNode(['--local-infile=true']);
  db = await mysql.createConnection({
    host: '127.0.0.1',
    port: node.port,
    user: 'root',
    password: ROOT_PASSWORD,
    infileStreamFactory: () => Readable.from(file.map((c) => Buffer.from(c))),
  });
  await db.query('CREATE DATABASE load_data');
  await db.query('USE load_data');
});
after(async () => {
  await db.end();
  await node.stop();
});

type Cell = string | number | Buffer | null;

async function load(content: string | readonly (string | Buffer)[], sql: string): Promise<mysql.ResultSetHeader> {
  file = typeof content === 'string' ? [content] : content;
  const [result] = await db.query(`LOAD DATA LOCAL INFILE 'x' ${sql}`);
  return result as mysql.ResultSetHeader;
}

/** Resolves when a statement waits for a lock. */
async function waitsForLock(): Promise<void> {
  while (![...node.node.engine.core.sessions.values()].some(({ state }) => state.cancelWait)) await turn();
}

async function rows(sql: string): Promise<Cell[][]> {
  const [found] = await db.query({ sql, rowsAsArray: true });
  return found as unknown as Cell[][];
}

async function table(definition: string): Promise<void> {
  await db.query('DROP TABLE IF EXISTS t');
  await db.query(`CREATE TABLE t (${definition})`);
}

const cases: readonly (readonly [
  name: string,
  columns: string,
  content: string,
  sql: string,
  held: readonly (readonly Cell[])[],
])[] = [
  [
    'tabs, escapes and NULL',
    'id int, a varchar(10)',
    '1\ta\\tb\n2\t\\N\n3\tx\\\ny\n',
    'INTO TABLE t',
    [
      [1, 'a\tb'],
      [2, null],
      [3, 'x\ny'],
    ],
  ],
  [
    'quotes, doubled quotes, the word NULL, lines to leave out',
    'id int, a varchar(20)',
    'id,name\n1,"a,""b"""\n2,NULL\n"3","x\ny"\n4,"NULL"\n',
    "INTO TABLE t FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' IGNORE 1 LINES",
    [
      [1, 'a,"b"'],
      [2, null],
      [3, 'x\ny'],
      [4, 'NULL'],
    ],
  ],
  [
    'no end of line at the end',
    'id int, a varchar(5)',
    '1\ta\n2\tb',
    'INTO TABLE t',
    [
      [1, 'a'],
      [2, 'b'],
    ],
  ],
  [
    'Windows line ends',
    'id int, a varchar(5)',
    '1;a\r\n2;b\r\n',
    "INTO TABLE t FIELDS TERMINATED BY ';' LINES TERMINATED BY '\\r\\n'",
    [
      [1, 'a'],
      [2, 'b'],
    ],
  ],
  ['a prefix of lines', 'id int', 'xx1\nno\nyyxx2\n', "INTO TABLE t LINES STARTING BY 'xx'", [[1], [2]]],
  ['no escapes', 'a varchar(10)', 'a\\nb\nNULL\n', "INTO TABLE t FIELDS ESCAPED BY ''", [['a\\nb'], [null]]],
  [
    'variables and SET',
    'id int, n varchar(20), u varchar(20), d int default 9',
    '1\tone\n2\t\\N\n',
    "INTO TABLE t (id, @n) SET n = concat(@n, '!'), u = upper(@n), d = id + 1",
    [
      [1, 'one!', 'ONE', 2],
      [2, null, null, 3],
    ],
  ],
  [
    'columns in another order, AUTO_INCREMENT',
    'id int auto_increment primary key, a int, b int',
    '10\t20\n11\t21\n',
    'INTO TABLE t (b, a)',
    [
      [1, 20, 10],
      [2, 21, 11],
    ],
  ],
  [
    'short lines',
    "a int, b varchar(5) default 'q', c int default 5, d int not null, e int",
    '1\n2\tx\n',
    'INTO TABLE t',
    [
      [1, '', 0, 0, null],
      [2, 'x', 0, 0, null],
    ],
  ],
];

describe('LOAD DATA LOCAL INFILE', () => {
  for (const [name, columns, content, sql, held] of cases) {
    it(name, async () => {
      await table(columns);
      await load(content, sql);
      assert.deepEqual(await rows('SELECT * FROM t'), held);
    });

    it(`${name}, byte by byte`, async () => {
      await table(columns);
      await load([...content], sql);
      assert.deepEqual(await rows('SELECT * FROM t'), held);
    });
  }

  it('keeps bytes of binary columns and reads text in the character set that is named', async () => {
    await table('a blob, b varchar(10)');
    await load([Buffer.from([0x80, 0xff, 0x09, 0xe9, 0x0a])], 'INTO TABLE t CHARACTER SET latin1');
    assert.deepEqual(await rows('SELECT hex(a), b FROM t'), [['80FF', 'é']]);
  });

  it('skips duplicates with a warning, or replaces', async () => {
    await table('id int primary key, a varchar(5)');
    await load('1\ta\n2\tb\n', 'INTO TABLE t');
    const ignored = await load('2\tc\n3\td\n', 'INTO TABLE t');
    assert.equal(ignored.info, 'Records: 2  Deleted: 0  Skipped: 1  Warnings: 1');
    assert.deepEqual(await rows('SHOW WARNINGS'), [['Warning', 1062, "Duplicate entry '2' for key 't.PRIMARY'"]]);
    const replaced = await load('2\te\n', 'REPLACE INTO TABLE t');
    assert.equal(replaced.info, 'Records: 1  Deleted: 1  Skipped: 0  Warnings: 0');
    assert.deepEqual(await rows('SELECT * FROM t'), [
      [1, 'a'],
      [2, 'e'],
      [3, 'd'],
    ]);
  });

  it('tells of wrong values and of long and short lines by row', async () => {
    await table('id int, a int');
    await load('1\tx\n2\n3\t3\t3\n', 'INTO TABLE t');
    assert.deepEqual(await rows('SHOW WARNINGS'), [
      ['Warning', 1366, "Incorrect integer value: 'x' for column 'a' at row 1"],
      ['Warning', 1261, "Row 2 doesn't contain data for all columns"],
      ['Warning', 1262, 'Row 3 was truncated; it contained more data than there were input columns'],
    ]);
    assert.deepEqual(await rows('SELECT * FROM t'), [
      [1, 0],
      [2, null],
      [3, 3],
    ]);
  });

  it('takes many rows in one transaction', async () => {
    await table('id int primary key, a varchar(20)');
    const lines = Array.from({ length: 5000 }, (_, i) => `${i}\trow ${i}\n`);
    await db.query('BEGIN');
    const result = await load(lines, 'INTO TABLE t');
    assert.equal(result.affectedRows, 5000);
    await db.query('ROLLBACK');
    assert.deepEqual(await rows('SELECT count(*) FROM t'), [[0]]);
    await load(lines, 'INTO TABLE t');
    assert.deepEqual(await rows('SELECT count(*), max(id) FROM t'), [[5000, 4999]]);
  });

  it('is taken back whole where a late line fails, also of a temporary table', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `${i}\t${i === 2900 ? 'x' : i}\n`);
    for (const kind of ['', 'TEMPORARY ']) {
      await db.query('DROP TABLE IF EXISTS t');
      await db.query(`CREATE ${kind}TABLE t (id int primary key, a int)`);
      await db.query('BEGIN');
      await db.query('INSERT INTO t VALUES (-1, 1)');
      await assert.rejects(load(lines, 'REPLACE INTO TABLE t'), { errno: 1366 });
      assert.deepEqual(await rows('SELECT * FROM t'), [[-1, 1]]);
      await db.query('COMMIT');
      await assert.rejects(load(lines, 'REPLACE INTO TABLE t'), { errno: 1366 });
      assert.deepEqual(await rows('SELECT * FROM t'), [[-1, 1]]);
      await db.query('DROP TABLE t');
    }
  });

  it('gives LAST_INSERT_ID() the first number that AUTO_INCREMENT gave', async () => {
    await table('id int auto_increment primary key, a int');
    await load(
      Array.from({ length: 1000 }, (_, i) => `${i}\n`),
      'INTO TABLE t (a)',
    );
    assert.deepEqual(await rows('SELECT last_insert_id()'), [[1]]);
  });

  it('asks for its file once, though the schema changes while it waits for a row', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `${i}\n`);
    const holder = await node.connect({ database: 'load_data' });
    const other = await node.connect({ database: 'load_data' });
    await table('id int primary key');
    await holder.query('BEGIN');
    await holder.query('INSERT INTO t VALUES (700)');
    await db.query('BEGIN');
    const loaded = load(lines, 'INTO TABLE t');
    await waitsForLock();
    await other.query('CREATE TABLE another (a int)');
    await holder.query('ROLLBACK');
    assert.equal((await loaded).affectedRows, 1000);
    await db.query('COMMIT');
    assert.deepEqual(await rows('SELECT count(*) FROM t'), [[1000]]);
    holder.destroy();
    other.destroy();
  });

  it('is refused to a client that gives no files, and begins nothing', async () => {
    await table('id int primary key');
    const c = await node.connect({ database: 'load_data', flags: ['-LOCAL_FILES'] });
    await assert.rejects(c.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"), { errno: 3948 });
    await c.query('INSERT INTO t VALUES (1)');
    assert.deepEqual(await rows('SELECT * FROM t'), [[1]]);
    c.destroy();
  });

  it('is given up where its client goes in the midst of the file', async () => {
    await table('id int primary key');
    const internal: Error[] = [];
    const { core } = node.node.engine;
    const { onInternalError } = core;
    core.onInternalError = (error) => internal.push(error);
    const sent = Promise.withResolvers<void>();
    const c = await node.connect({
      database: 'load_data',
      infileStreamFactory: () =>
        Readable.from(
          (async function* () {
            yield Buffer.from('1\n');
            await turn();
            sent.resolve();
            await new Promise(() => undefined);
          })(),
        ),
    });
    c.on('error', () => undefined);
    const id = c.threadId;
    c.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t").catch(() => undefined);
    await sent.promise;
    c.destroy();
    while (core.sessions.has(id)) await turn();
    core.onInternalError = onInternalError;
    assert.deepEqual(internal, []);
    assert.deepEqual(await rows('SELECT * FROM t'), []);
  });

  it("is refused where the file is the server's, and where local files are off", async () => {
    await assert.rejects(db.query("LOAD DATA INFILE '/etc/passwd' INTO TABLE t"), { errno: 1290 });
    await db.query('SET GLOBAL local_infile = 0');
    await assert.rejects(load('1\n', 'INTO TABLE t'), { errno: 3948 });
    await db.query('SET GLOBAL local_infile = 1');
    await assert.rejects(load('1\n', 'INTO TABLE nope'), { errno: 1146 });
    assert.deepEqual(await rows('SELECT 1'), [[1]]);
  });
});
