// The front door with a real client: mysql2 against an engine whose answers are written here.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import mysqlCallback from 'mysql2';
import mysql from 'mysql2/promise';
import { type RunningServer, startServer } from '../../../node/server/index.ts';
import { BIGINT, column, FakeEngine, INT, LONGTEXT, OK, silentLog, VARCHAR } from './fake-engine.ts';

const engine = new FakeEngine();
let folder = '';
let server: RunningServer;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-server-'));
  server = await startServer({ host: '127.0.0.1', port: 0, keyFolder: folder, tls: 'auto' }, engine, silentLog);
});
after(async () => {
  await server.close(1000);
  await rm(folder, { recursive: true, force: true });
});

type Options = mysql.ConnectionOptions;
const options = (more: Options = {}): Options => ({
  host: '127.0.0.1',
  port: server.address.port,
  user: 'root',
  ...more,
});
const connect = (more: Options = {}): Promise<mysql.Connection> => mysql.createConnection(options(more));

async function using<T>(more: Options, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  const connection = await connect(more);
  try {
    return await work(connection);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

const rejects = (promise: Promise<unknown>, errno: number, message?: RegExp) =>
  assert.rejects(promise, (error: { errno?: number; message: string }) => {
    assert.equal(error.errno, errno, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });

describe('logging in', () => {
  it('takes the full path, then the fast one, with and without TLS', async () => {
    for (const ssl of [undefined, { rejectUnauthorized: false }]) {
      server.forgetPasswords();
      for (let i = 0; i < 2; i++) {
        await using({ user: 'sha', password: 'secret', ...(ssl ? { ssl } : {}) }, async (c) => {
          await c.query('select 1');
          const session = [...engine.sessions.values()].at(-1);
          assert.equal(session?.client.tlsVersion, ssl ? 'TLSv1.3' : '');
        });
      }
    }
  });

  it('switches the plugin for a mysql_native_password account', async () => {
    await using({ user: 'native', password: 'secret' }, (c) => c.query('select 1'));
  });

  it('verifies the certificate against the authority it made', async () => {
    const { readFile } = await import('node:fs/promises');
    const ca = await readFile(path.join(folder, 'ca.pem'), 'utf8');
    await using({ ssl: { ca, servername: 'localhost' } as mysql.SslOptions }, (c) => c.query('select 1'));
  });

  it('refuses wrong passwords and unknown users alike', async () => {
    await rejects(
      connect({ user: 'sha', password: 'wrong' }),
      1045,
      /Access denied for user 'sha'@'localhost' \(using password: YES\)/,
    );
    await rejects(
      connect({ user: 'ghost', password: 'wrong' }),
      1045,
      /Access denied for user 'ghost'@'localhost' \(using password: YES\)/,
    );
    await rejects(connect({ user: 'ghost' }), 1045, /using password: NO/);
    await rejects(connect({ user: 'native', password: 'wrong' }), 1045);
  });

  it('takes what another node acknowledged a moment ago for a login that fails otherwise, and nothing else', async () => {
    for (const plugin of ['caching_sha2_password', 'mysql_native_password'] as const) {
      const user = `late-${plugin}`;
      engine.news = () => engine.addAccount(user, 'secret', { plugin });
      await rejects(connect({ user, password: 'wrong' }), 1045);
      engine.addAccount(user, 'before', { plugin });
      await using({ user, password: 'secret' }, (c) => c.query('select 1'));
      engine.news = () => engine.accounts.delete(user);
      await rejects(connect({ user, password: 'before' }), 1045);
      engine.news = () => engine.addAccount(user, 'secret', { plugin });
      await using({ user, password: 'secret' }, (c) => c.query('select 1'));
      engine.accounts.delete(user);
      engine.news = () => engine.addAccount(user, 'secret', { plugin, requireTls: true });
      await rejects(connect({ user, password: 'secret' }), 1045);
    }
    engine.news = () => engine.addAccount('late-open', '', { authentication: '' });
    await rejects(connect({ user: 'late-open', password: 'x' }), 1045);
    engine.accounts.delete('late-open');
    await using({ user: 'late-open' }, (c) => c.query('select 1'));
    engine.news = () => undefined;
  });

  it('refuses an unknown database, a locked account, and plain text where TLS is asked for', async () => {
    engine.addAccount('locked', 'x', { locked: true });
    engine.addAccount('tls', 'x', { requireTls: true });
    await rejects(connect({ database: 'missing' }), 1049);
    await rejects(connect({ user: 'locked', password: 'x' }), 3118);
    await rejects(connect({ user: 'tls', password: 'x' }), 1045);
    await using({ user: 'tls', password: 'x', ssl: { rejectUnauthorized: false } }, (c) => c.query('select 1'));
  });

  it('hands over what the client says of itself', async () => {
    await using({ database: 'test', connectAttributes: { program_name: 'tester' } }, async (c) => {
      await c.ping();
      const session = [...engine.sessions.values()].at(-1);
      assert.equal(session?.client.attributes.get('program_name'), 'tester');
      assert.equal(session?.client.foundRows, true);
      assert.equal(session?.database, 'test');
    });
  });

  it('says 1040 when there are too many', async () => {
    engine.maxConnections = 2;
    try {
      await using({}, () => using({}, () => rejects(connect(), 1040, /Too many connections/)));
    } finally {
      engine.maxConnections = 1000;
    }
  });
});

describe('statements', () => {
  it('answers rows of every kind of value', async () => {
    const columns = [
      column('i', INT),
      column('b', BIGINT),
      column('u', { kind: 'int', bits: 64, unsigned: true }),
      column('s', VARCHAR),
      column('d', { kind: 'double', unsigned: false }),
      column('f', { kind: 'float', unsigned: false }),
      column('n', { kind: 'decimal', precision: 10, scale: 2, unsigned: false }),
      column('dt', { kind: 'datetime', fsp: 3 }),
      column('da', { kind: 'date' }),
      column('ti', { kind: 'time', fsp: 6 }),
      column('y', { kind: 'year' }),
      column('bl', { kind: 'binary', family: 'blob', length: 65535 }),
      column('j', { kind: 'json' }),
      column('bit', { kind: 'bit', length: 8 }),
      column('z', VARCHAR),
    ];
    const row = [
      -5,
      9007199254740993n,
      18446744073709551615n,
      'Grüße 🙂',
      1e20,
      0.1,
      '-12.50',
      '2024-02-29 12:34:56.789',
      '2024-02-29',
      '-838:59:59.000001',
      2024,
      Buffer.from([0, 255, 10]),
      '{"a": 1}',
      Buffer.from([5]),
      null,
    ];
    engine.answers.set('kinds', (sink) => {
      sink.columns(columns);
      sink.row(row);
      sink.end(0, false);
    });
    engine.preparedColumns.set('kinds', columns);
    const expected = {
      i: -5,
      b: '9007199254740993',
      u: '18446744073709551615',
      s: 'Grüße 🙂',
      d: 1e20,
      n: '-12.50',
      dt: '2024-02-29 12:34:56.789',
      da: '2024-02-29',
      ti: '-838:59:59.000001',
      y: 2024,
      bl: Buffer.from([0, 255, 10]),
      j: { a: 1 },
      bit: Buffer.from([5]),
      z: null,
    };
    await using({ supportBigNumbers: true, bigNumberStrings: false, dateStrings: true }, async (c) => {
      for (const run of ['query', 'execute'] as const) {
        const answer: unknown = run === 'query' ? await c.query('kinds') : await c.execute('kinds');
        const [rows] = answer as [Record<string, unknown>[]];
        const { f, ...rest } = rows[0] as Record<string, unknown>;
        assert.deepEqual(rest, expected, run);
        assert.ok(Math.abs(Number(f) - 0.1) < 1e-7);
      }
    });
  });

  it('tells affected rows, insert id, warnings and info', async () => {
    engine.answers.set('update', (sink) =>
      sink.ok({ affectedRows: 70_000, insertId: 20_000_000, warnings: 3, info: 'Rows matched: 1' }, false),
    );
    await using({}, async (c) => {
      const [result] = (await c.query('update')) as [mysql.ResultSetHeader, unknown];
      assert.equal(result.affectedRows, 70_000);
      assert.equal(result.insertId, 20_000_000);
      assert.equal(result.warningStatus, 3);
      assert.match(result.info, /Rows matched: 1/);
    });
  });

  it('answers errors and goes on', async () => {
    engine.answers.set('bad', (sink) =>
      sink.error({ errno: 1146, sqlState: '42S02', message: "Table 'a.b' doesn't exist" }),
    );
    engine.answers.set('throws', () => {
      throw new TypeError('a bug');
    });
    engine.answers.set('silent', () => undefined);
    await using({}, async (c) => {
      await rejects(c.query('bad'), 1146, /doesn't exist/);
      await rejects(c.query('throws'), 1105);
      await rejects(c.query('silent'), 1105);
      await c.query('select 1');
    });
  });

  it('sends an answer that comes later, and several in the order asked for', async () => {
    engine.answers.set('later', async (sink) => {
      await new Promise((resolve) => setImmediate(resolve));
      sink.columns([column('x', VARCHAR)]);
      sink.row(['later']);
      sink.end(0, false);
    });
    await using({}, async (c) => {
      const all = await Promise.all([c.query('later'), c.query('select 1'), c.query('later')]);
      assert.deepEqual(
        all.map(([rows]) => Object.values((rows as Record<string, unknown>[])[0] ?? {})[0]),
        ['later', 1, 'later'],
      );
    });
  });

  it('holds an answer back until the promise resolves', async () => {
    let release = (): void => undefined;
    engine.answers.set('held', (sink) => {
      sink.ok(OK, false);
      return new Promise<void>((resolve) => (release = resolve));
    });
    await using({}, async (c) => {
      let answered = false;
      const held = c.query('held').then(() => (answered = true));
      await using({}, (other) => other.query('select 1'));
      assert.equal(answered, false);
      release();
      await held;
    });
  });

  it('sends several results', async () => {
    engine.answers.set('two', (sink) => {
      sink.columns([column('a', INT)]);
      sink.row([1]);
      sink.end(0, true);
      sink.ok({ ...OK, affectedRows: 7 }, true);
      sink.columns([column('b', INT)]);
      sink.row([2]);
      sink.end(0, false);
    });
    await using({ multipleStatements: true }, async (c) => {
      const session = [...engine.sessions.values()].at(-1);
      assert.equal(session?.multiStatements, true);
      const [results] = (await c.query('two')) as unknown as [[object[], { affectedRows: number }, object[]]];
      assert.deepEqual({ ...results[0][0] }, { a: 1 });
      assert.equal(results[1].affectedRows, 7);
      assert.deepEqual({ ...results[2][0] }, { b: 2 });
    });
  });

  it('converts results for a latin1 client', async () => {
    engine.answers.set('umlaut', (sink) => {
      sink.columns([column('ö', VARCHAR)]);
      sink.row(['ä€☃']);
      sink.end(0, false);
    });
    await using({}, async (c) => {
      await c.query('set names latin1');
      const [rows, fields] = await c.query({ sql: 'umlaut', typeCast: (field) => field.buffer() });
      const bytes = Object.values((rows as Record<string, Buffer>[])[0] as object)[0] as Buffer;
      assert.deepEqual(bytes, Buffer.from([0xe4, 0x80, 0x3f]));
      assert.equal((fields[0] as unknown as { characterSet: number }).characterSet, 8);
    });
  });

  it('keeps memory bounded for a client that reads slowly', async () => {
    let produced = 0;
    let consumed = 0;
    let ahead = 0;
    let waits = 0;
    const text = 'x'.repeat(1000);
    engine.answers.set('many', async (sink) => {
      sink.columns([column('t', VARCHAR)]);
      for (let i = 0; i < 100_000; i++) {
        produced++;
        if (sink.row([text])) continue;
        waits++;
        await sink.drained();
        ahead = Math.max(ahead, produced - consumed);
      }
      sink.end(0, false);
    });
    const connection = mysqlCallback.createConnection(options());
    const stream = connection.query('many').stream({ highWaterMark: 10 });
    for await (const _ of stream) if (++consumed % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    connection.destroy();
    assert.equal(consumed, 100_000);
    assert.ok(waits > 100, `${waits} waits`);
    // 1,000 bytes a row: what is ahead lies in the kernel's buffers and in the client's, which are a few MiB each.
    assert.ok(ahead < 30_000, `${ahead} rows ahead`);
  });

  it('carries payloads of more than 16 MiB both ways', async () => {
    const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
    const text = 'abcdefghijklmnop'.repeat((17 * 1024 * 1024) / 16);
    engine.answers.set(/^big /, (sink) => {
      sink.columns([column('t', LONGTEXT)]);
      sink.row([engine.statements.at(-1) as string]);
      sink.end(0, false);
    });
    for (const compress of [false, true]) {
      await using({ compress }, async (c) => {
        const [rows] = (await c.query(`big ${text}`)) as unknown as [{ t: string }[]];
        assert.equal(digest((rows[0] as { t: string }).t), digest(`big ${text}`));
      });
    }
    engine.statements.length = 0;
  });

  it('refuses what is longer than max_allowed_packet', async () => {
    await using({}, async (c) => {
      const session = [...engine.sessions.values()].at(-1);
      if (session) session.variables['max_allowed_packet'] = 4096;
      await c.query(`select ${'1'.repeat(4000)}`);
      await assert.rejects(
        c.query(`select ${'1'.repeat(8000)}`),
        (error: { errno?: number; code?: string }) =>
          error.errno === 1153 || error.code === 'PROTOCOL_CONNECTION_LOST' || error.code === 'ECONNRESET',
      );
    });
  });

  it('takes a local file', async () => {
    const parts: Buffer[] = [];
    engine.answers.set(/^load data/, async (sink) => {
      for await (const part of sink.requestFile('some.csv')) parts.push(Buffer.from(part));
      sink.ok({ ...OK, affectedRows: parts.length }, false);
    });
    await using({}, async (c) => {
      await c.query({
        sql: 'load data',
        infileStreamFactory: (name: string) => Readable.from([Buffer.from(name), Buffer.from(' and more')]),
      } as mysql.QueryOptions);
      assert.equal(Buffer.concat(parts).toString(), 'some.csv and more');
      await c.query('select 1');
    });
  });

  it('answers several files in one connection, and one whose reading stops early', async () => {
    engine.answers.set(/^load some/, async (sink) => {
      for await (const part of sink.requestFile('f')) {
        assert.ok(part.length > 0);
        break;
      }
      sink.error({ errno: 1366, sqlState: 'HY000', message: 'enough' });
    });
    await using({}, async (c) => {
      const file = {
        sql: 'load some',
        infileStreamFactory: () => Readable.from([Buffer.alloc(1000), Buffer.alloc(1000)]),
      };
      await rejects(c.query(file as mysql.QueryOptions), 1366);
      await rejects(c.query(file as mysql.QueryOptions), 1366);
      await c.query('select 1');
    });
  });
});

describe('prepared statements', () => {
  it('decodes parameters', async () => {
    let seen: unknown;
    engine.answers.set('insert ?,?,?,?,?', (sink, _session, parameters) => {
      seen = parameters;
      sink.ok(OK, false);
    });
    await using({ timezone: 'Z' }, async (c) => {
      await c.execute('insert ?,?,?,?,?', [
        1.5,
        'Ä',
        null,
        Buffer.from([0xff, 0xfe]),
        new Date('2024-01-02T03:04:05.678Z'),
      ]);
      assert.deepEqual(seen, [
        { kind: 'double', value: 1.5 },
        { kind: 'string', text: 'Ä' },
        { kind: 'null' },
        { kind: 'bytes', bytes: Buffer.from([0xff, 0xfe]) },
        { kind: 'datetime', text: '2024-01-02 03:04:05.678000' },
      ]);
    });
  });

  it('closes statements with the connection', async () => {
    await using({}, async (c) => {
      await c.prepare('select 1');
      await c.prepare('select 2');
      await rejects(c.prepare('syntax error'), 1064);
      assert.ok(engine.prepared >= 2);
    });
    await until(() => engine.prepared === 0);
  });
});

describe('sessions', () => {
  it('changes the user and resets', async () => {
    await using({}, async (c) => {
      await c.changeUser({ user: 'sha', password: 'secret', database: 'other' });
      const session = [...engine.sessions.values()].at(-1);
      assert.equal(session?.account.user, 'sha');
      assert.equal(session?.database, 'other');
      await c.query('select 1');
      await (c as mysql.Connection & { reset(): Promise<void> }).reset();
      assert.equal(session?.resets, 1);
      await rejects(c.changeUser({ user: 'sha', password: 'wrong' }), 1045);
    });
  });

  it('ends when it is killed, and when the client goes away during a statement', async () => {
    const victim = await connect();
    const id = victim.threadId;
    await using({}, async (c) => {
      const lost = once(victim as unknown as NodeJS.EventEmitter, 'error');
      engine.kill([...engine.sessions.values()][0] as never, id);
      await lost;
      await c.query('select 1');
    });
    engine.answers.set('hang', () => new Promise<void>(() => undefined));
    const hanging = await connect();
    const session = [...engine.sessions.values()].at(-1);
    hanging.query('hang').catch(() => undefined);
    await until(() => engine.statements.at(-1) === 'hang');
    hanging.destroy();
    await until(() => session?.closed === true);
  });

  it('ends when it is idle for too long', async () => {
    const idle = await connect();
    const session = [...engine.sessions.values()].at(-1);
    if (session) session.variables['wait_timeout'] = 1;
    const [error] = (await once(idle as unknown as NodeJS.EventEmitter, 'error')) as [
      { errno?: number; code?: string | number },
    ];
    assert.ok(String(error.code) === '4031' || error.code === 'PROTOCOL_CONNECTION_LOST', String(error.code));
  });

  it('tells of a changed schema', async () => {
    engine.answers.set('use x', (sink, session) => {
      session.useDatabase('x');
      session.changes.push({ kind: 'variable', name: 'autocommit', value: 'ON' });
      sink.ok(OK, false);
    });
    await using({ flags: ['+SESSION_TRACK'] }, async (c) => {
      const [result] = (await c.query('use x')) as unknown as [
        { stateChanges: { schema: string; systemVariables: Record<string, string> } },
      ];
      assert.equal(result.stateChanges.schema, 'x');
      assert.equal(result.stateChanges.systemVariables['autocommit'], 'ON');
    });
  });

  it('serves a pool', async () => {
    const pool = mysql.createPool({ ...options(), connectionLimit: 8 });
    await Promise.all(Array.from({ length: 200 }, () => pool.query('select 1')));
    await pool.end();
  });
});

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < limit, 'it did not come about');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
