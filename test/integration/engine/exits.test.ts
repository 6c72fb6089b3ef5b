// How a node ends and how it refuses to start: exit codes, and one line for the person who started it.
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { Program, runProgram, startProgram, type Exit } from '../../support/process.ts';

let folder = '';
let started: Program[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-exit-'));
  started = [];
});
afterEach(async () => {
  for (const program of started) await program.kill();
  rmSync(folder, { recursive: true, force: true });
});

function start(data: string, ...flags: string[]): Program {
  const program = startProgram(data, ...flags);
  started.push(program);
  return program;
}

async function connect(program: Program): Promise<Connection> {
  const c = await mysql.createConnection({
    host: '127.0.0.1',
    port: await program.ready(),
    user: 'root',
    password: ROOT_PASSWORD,
  });
  c.on('error', () => undefined);
  return c;
}

function refused({ code, out, err }: Exit, line: RegExp): void {
  assert.notEqual(code, 0);
  assert.equal(out, '');
  assert.match(err, /^p2pdb: [^\n]+\n$/);
  assert.match(err, line);
}

describe('SIGTERM', () => {
  it('ends a node with 0 that has just changed very many rows', async () => {
    const program = start(path.join(folder, 'data'));
    const c = await connect(program);
    await c.query('SET cte_max_recursion_depth = 100000');
    await c.query('CREATE DATABASE d');
    await c.query('CREATE TABLE d.t (id INT PRIMARY KEY, text VARCHAR(1000))');
    // More than a COMMIT moves out of SQLite's write-ahead log by itself.
    await c.query(
      "INSERT INTO d.t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT i, REPEAT('x', 800) FROM n",
    );
    const exit = await program.kill('SIGTERM');
    c.destroy();
    assert.equal(exit.code, 0, exit.err);
  });

  it('ends a busy node with 0 within 10 seconds, and loses nothing', async () => {
    const data = path.join(folder, 'data');
    const program = start(data);
    const setup = await connect(program);
    await setup.query('CREATE DATABASE d');
    await setup.query('CREATE TABLE d.t (w INT, n INT, PRIMARY KEY (w, n))');
    const idle = await connect(program);
    await idle.query('BEGIN');
    await idle.query('INSERT INTO d.t VALUES (99, 1)');
    const acknowledged = Array.from({ length: 8 }, () => 0);
    const isBusy = Promise.withResolvers<void>();
    const work = acknowledged.map(async (_, w) => {
      const c = await connect(program);
      try {
        for (;;) {
          await c.query(`INSERT INTO d.t VALUES (${w}, ${(acknowledged[w] ?? 0) + 1})`);
          acknowledged[w] = (acknowledged[w] ?? 0) + 1;
          if (acknowledged.every((n) => n > 0)) isBusy.resolve();
        }
      } catch (error) {
        // Told that the server stops, between two writes too, or cut off: the write counts as not acknowledged.
        const { code, message } = error as NodeJS.ErrnoException;
        assert.match(
          `${code} ${message}`,
          /SHUTDOWN|ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST|connection is in closed state/,
        );
      } finally {
        c.destroy();
      }
    });
    await Promise.race([isBusy.promise, Promise.all(work)]);
    const begin = performance.now();
    const exit = await program.kill('SIGTERM');
    const took = performance.now() - begin;
    await Promise.all(work);
    setup.destroy();
    idle.destroy();
    assert.equal(exit.code, 0, exit.err);
    assert.ok(took < 10_000, `${took} ms`);
    assert.ok(acknowledged.every((n) => n > 0));
    const again = await connect(start(data));
    const [rows] = await again.query<RowDataPacket[]>(
      'SELECT w, count(*) AS c, max(n) AS m FROM d.t GROUP BY w ORDER BY w',
    );
    assert.equal(rows.length, 8, 'what was not committed is not there');
    for (const { w, c, m } of rows as { w: number; c: number; m: number }[]) {
      assert.equal(c, m);
      assert.ok(m >= (acknowledged[w] ?? 0), `writer ${w}: ${m} of ${acknowledged[w]}`);
    }
    again.destroy();
    assert.equal((await runProgram('log', 'verify', data)).code, 0);
  });

  it('ends an idle node at once, and SIGINT does too', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = start(path.join(folder, 'data'));
      await program.ready();
      const exit = await program.kill(signal);
      assert.deepEqual([exit.code, exit.signal], [0, null]);
    }
  });
});

describe('a node whose log lines find no room', () => {
  it('goes on, and ends in order', { skip: !existsSync('/dev/full') && 'there is no /dev/full here' }, async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const args = ['--data', path.join(folder, 'data'), '--mysql', '127.0.0.1:0', '--http', '127.0.0.1:0'];
      const env = { P2PDB_ROOT_PASSWORD: ROOT_PASSWORD };
      const program = new Program(['node', ...args, '--log-level', 'trace'], env, full);
      started.push(program);
      const c = await connect(program);
      await c.query('CREATE DATABASE d');
      c.destroy();
      assert.equal((await program.kill('SIGTERM')).code, 0);
    } finally {
      closeSync(full);
    }
  });
});

describe('a start is refused', () => {
  it('when a port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      for (const flag of ['--mysql', '--http']) {
        const exit = await start(path.join(folder, 'data'), flag, `127.0.0.1:${port}`).exit;
        refused(exit, new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program`));
      }
    } finally {
      server.close();
    }
    // Nothing of the attempts is in the way of the next one.
    await start(path.join(folder, 'data')).ready();
  });

  it('when the data folder cannot be used', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    refused(await start(file).exit, /file/);
    refused(await start(path.join(file, 'below')).exit, /below/);
    refused(await start('/proc/p2pdb').exit, /\/proc\/p2pdb/);
  });

  it('when a setting is wrong', async () => {
    const data = path.join(folder, 'data');
    refused(await start(data, '--max-connections', 'many').exit, /max-connections/);
    refused(await start(data, '--mysql', 'nowhere').exit, /mysql/);
    refused(await start(data, '--no-such-setting', '1').exit, /no-such-setting/);
  });

  it('when a newer version wrote the data folder', async () => {
    const data = path.join(folder, 'data');
    mkdirSync(data);
    writeFileSync(path.join(data, 'format'), '1000\n');
    refused(
      await start(data).exit,
      /was written by a newer version \(data format 1000; this program reads up to \d+\): upgrade/,
    );
    writeFileSync(path.join(data, 'format'), 'x\n');
    refused(await start(data).exit, /does not name a data format/);
  });

  it('when another node runs on the folder, which goes on', async () => {
    const data = path.join(folder, 'data');
    const first = start(data);
    const c = await connect(first);
    refused(await start(data).exit, new RegExp(`is in use by process ${first.child.pid}\n`));
    assert.deepEqual((await c.query('SELECT 1 AS one'))[0], [{ one: 1 }]);
    c.destroy();
    // Whatever number stands there: a process that was killed is no obstacle.
    await first.kill();
    writeFileSync(path.join(data, 'lock'), `${process.pid}\n`);
    await start(data).ready();
  });
});

describe('a command that does not exist', () => {
  it('says so and exits with 2', async () => {
    const exit = await runProgram('frobnicate');
    assert.equal(exit.code, 2);
    assert.match(exit.err, /there is no command 'frobnicate'/);
  });
});
