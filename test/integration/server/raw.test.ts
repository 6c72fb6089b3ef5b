// Commands and packets that mysql2 does not send: cursors, long data, old ends of results, commands of administration.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Engine,
  type ParameterValue,
  type RunningServer,
  type ServerOptions,
  startServer,
} from '../../../node/server/index.ts';
import { column, FakeEngine, INT, LONGTEXT, OK, silentLog, VARCHAR } from './fake-engine.ts';
import { RawClient } from './raw-client.ts';

const DEPRECATE_EOF = 1 << 24;
const u32 = (value: number): number[] => [...new Uint8Array(new Uint32Array([value]).buffer)];
const CURSOR_EXISTS = 0x40;
const LAST_ROW_SENT = 0x80;

const engine = new FakeEngine();
let server: RunningServer;
before(async () => {
  server = await startServer({ host: '127.0.0.1', port: 0, tls: 'off' }, engine, silentLog);
});
after(() => server.close(100));

for (const flags of [0, DEPRECATE_EOF]) {
  const deprecated = flags !== 0;
  describe(deprecated ? 'a client without EOF packets' : 'a client with EOF packets', () => {
    it('reads a cursor bit by bit', async () => {
      const columns = [column('n', INT), column('t', LONGTEXT)];
      engine.answers.set('select cursor', (sink) => {
        sink.columns(columns);
        // More than stays in memory: the rest goes through a file.
        for (let i = 0; i < 1000; i++) sink.row([i, 'x'.repeat(20_000)]);
        sink.end(0, false);
      });
      engine.preparedColumns.set('select cursor', columns);
      const client = await RawClient.login(server.address.port, flags);
      client.command(0x16, 'select cursor');
      const prepared = await client.read();
      assert.equal(prepared.readUInt16LE(5), 2);
      for (let i = 0; i < 2; i++) await client.read();
      if (!deprecated) await client.readEnd(false);
      const id = prepared.readUInt32LE(1);

      client.command(0x17, u32(id), [1], u32(1));
      assert.equal((await client.read())[0], 2);
      for (let i = 0; i < 2; i++) await client.read();
      assert.ok(((await client.readEnd(deprecated)).status & CURSOR_EXISTS) !== 0);

      let next = 0;
      for (let more = true; more;) {
        client.command(0x1c, u32(id), u32(300));
        const wanted = Math.min(300, 1000 - next);
        for (let i = 0; i < wanted; i++) {
          const row = await client.read();
          assert.equal(row.readInt32LE(2), next++);
          assert.equal(row.length, 2 + 4 + 3 + 20_000);
        }
        const { status } = await client.readEnd(deprecated);
        more = (status & LAST_ROW_SENT) === 0;
        assert.equal((status & CURSOR_EXISTS) !== 0, more);
      }
      assert.equal(next, 1000);
      client.command(0x1c, u32(id), u32(1));
      assert.equal((await client.readError()).errno, 1421);

      // Executed again, and closed before it was read.
      client.command(0x17, u32(id), [1], u32(1));
      for (let i = 0; i < 3; i++) await client.read();
      await client.readEnd(deprecated);
      client.command(0x1a, u32(id));
      assert.equal((await client.read())[0], 0);
      client.command(0x1c, u32(id), u32(1));
      assert.equal((await client.readError()).errno, 1421);
      client.close();
    });

    it('gets an error in place of a cursor', async () => {
      engine.answers.set('select fails', (sink) => {
        sink.columns([column('n', INT)]);
        sink.row([1]);
        sink.error({ errno: 1365, sqlState: '22012', message: 'Division by 0' });
      });
      const client = await RawClient.login(server.address.port, flags);
      client.command(0x16, 'select fails');
      const id = (await client.read()).readUInt32LE(1);
      await client.read();
      if (!deprecated) await client.readEnd(false);
      client.command(0x17, u32(id), [1], u32(1));
      assert.equal((await client.readError()).errno, 1365);
      client.close();
    });

    it('sends a parameter in parts', async () => {
      let seen: readonly ParameterValue[] = [];
      engine.answers.set('insert ?,?', (sink, _session, parameters) => {
        seen = parameters;
        sink.ok(OK, false);
      });
      const client = await RawClient.login(server.address.port, flags);
      client.command(0x16, 'insert ?,?');
      const id = (await client.read()).readUInt32LE(1);
      for (let i = 0; i < 2; i++) await client.read();
      if (!deprecated) await client.readEnd(false);
      client.command(0x18, u32(id), [0, 0], 'part one, ');
      client.command(0x18, u32(id), [0, 0], 'part two');
      // Types: long blob, varchar; only the second has a value here.
      client.command(0x17, u32(id), [0], u32(1), [0, 1, 251, 0, 253, 0, 1], 'x');
      assert.equal((await client.read())[0], 0);
      assert.deepEqual(seen, [
        { kind: 'bytes', bytes: Buffer.from('part one, part two') },
        { kind: 'string', text: 'x' },
      ]);
      // The types are remembered, the long data is not.
      client.command(0x17, u32(id), [0], u32(1), [1, 0, 1], 'y');
      assert.equal((await client.read())[0], 0);
      assert.deepEqual(seen, [{ kind: 'null' }, { kind: 'string', text: 'y' }]);
      client.command(0x18, u32(id), [9, 0], 'no such parameter');
      client.command(0x17, u32(id), [0], u32(1), [1, 0, 1], 'y');
      assert.equal((await client.readError()).errno, 1210);
      client.close();
    });

    it('reads rows, and several results', async () => {
      engine.answers.set('rows', (sink) => {
        sink.columns([column('a', VARCHAR)]);
        sink.row(['x']);
        sink.end(2, true);
        sink.ok({ ...OK, affectedRows: 5 }, false);
      });
      const client = await RawClient.login(server.address.port, flags);
      client.command(0x03, 'rows');
      assert.equal((await client.read())[0], 1);
      await client.read();
      if (!deprecated) await client.readEnd(false);
      assert.equal((await client.read()).toString(), '\x01x');
      assert.equal((await client.readEnd(deprecated)).status, 2 | 8);
      assert.deepEqual([...(await client.read()).subarray(0, 5)], [0, 5, 0, 2, 0]);
      client.close();
    });

    it('lists fields', async () => {
      const client = await RawClient.login(server.address.port, flags);
      client.command(0x04, 't\0%');
      for (let i = 0; i < 2; i++) assert.equal((await client.read()).at(-1), 0xfb);
      await client.readEnd(deprecated);
      client.command(0x0d);
      await client.readEnd(deprecated);
      client.command(0x1b, [0, 0]);
      await client.readEnd(deprecated);
      const session = [...engine.sessions.values()].at(-1);
      assert.equal(session?.multiStatements, true);
      client.close();
    });
  });
}

describe('what OK tells of the statement', () => {
  // MySQL writes the length with SESSION_TRACK and without; PHP's mysqlnd asks for none, and cannot go on without it.
  for (const [name, capabilities] of [
    ['without SESSION_TRACK', 0],
    ['with SESSION_TRACK', 1 << 23],
  ] as const) {
    it(`has its length before it, ${name}`, async () => {
      const info = 'Rows matched: 1  Changed: 1  Warnings: 0';
      engine.answers.set('update', (sink) => sink.ok({ affectedRows: 1, insertId: 0, warnings: 0, info }, false));
      const client = await RawClient.login(server.address.port, capabilities);
      client.command(0x03, 'update');
      const packet = await client.read();
      assert.equal(packet[7], info.length);
      assert.equal(packet.toString('utf8', 8), info);
      client.close();
    });
  }
});

describe('commands of administration', () => {
  it('are answered', async () => {
    const client = await RawClient.login(server.address.port, DEPRECATE_EOF);
    client.command(0x09);
    assert.match((await client.read()).toString(), /^Uptime/);
    client.command(0x0e);
    assert.equal((await client.read())[0], 0);
    client.command(0x02, 'other');
    assert.equal((await client.read())[0], 0);
    client.command(0x02, 'missing');
    assert.equal((await client.readError()).errno, 1049);
    client.command(0x0c, u32(999_999));
    assert.equal((await client.readError()).errno, 1094);
    for (const unknown of [0x00, 0x05, 0x07, 0x08, 0x0a, 0x1d, 0x20, 0xff]) {
      client.command(unknown);
      assert.deepEqual(await client.readError(), { errno: 1047, sqlState: '08S01', message: 'Unknown command' });
    }
    for (const follow of [0x12, 0x15, 0x1e]) {
      client.command(follow, u32(4));
      assert.deepEqual(await client.readError(), { errno: 1236, sqlState: 'HY000', message: 'Binary log is not open' });
    }
    client.command(0x17, u32(77), [0], u32(1));
    assert.match(
      (await client.readError()).message,
      /Unknown prepared statement handler \(77\) given to mysqld_stmt_execute/,
    );
    client.command(0x01);
    await client.ended();
  });

  it('kill their own connection after the answer', async () => {
    const client = await RawClient.login(server.address.port, DEPRECATE_EOF);
    const session = [...engine.sessions.values()].at(-1);
    client.command(0x0c, u32(session?.id ?? 0));
    assert.equal((await client.read())[0], 0);
    await client.ended();
    assert.equal(session?.closed, true);
  });
});

describe('what breaks the protocol', () => {
  it('ends the connection with an error', async () => {
    const malformed = await RawClient.login(server.address.port, DEPRECATE_EOF);
    malformed.command(0x17, [1]);
    assert.equal((await malformed.readError()).errno, 1835);
    await malformed.ended();

    const disordered = await RawClient.login(server.address.port, DEPRECATE_EOF);
    disordered.write(3, Buffer.from([0x0e]));
    assert.equal((await disordered.readError()).errno, 1156);
    await disordered.ended();

    const old = new RawClient(server.address.port);
    await old.read();
    old.write(1, Buffer.from([1, 0, 0, 0, 0, 114, 0]));
    assert.equal((await old.readError()).errno, 1043);
    await old.ended();
  });

  it('or the wait for a login', async () => {
    const quick = await startServer(
      { host: '127.0.0.1', port: 0, tls: 'off', connectTimeoutSeconds: 0 },
      engine,
      silentLog,
    );
    const silent = new RawClient(quick.address.port);
    await silent.read();
    await silent.ended();
    await quick.close();
  });

  it('answers commands sent together one by one', async () => {
    const client = await RawClient.login(server.address.port, DEPRECATE_EOF);
    let release = (): void => undefined;
    engine.answers.set('slow', (sink) =>
      new Promise<void>((resolve) => (release = resolve)).then(() => sink.ok({ ...OK, affectedRows: 1 }, false)),
    );
    client.command(0x03, 'slow');
    for (let i = 0; i < 3; i++) client.command(0x03, 'do');
    while (engine.statements.at(-1) !== 'slow') await new Promise((resolve) => setImmediate(resolve));
    release();
    const counts = [];
    for (let i = 0; i < 4; i++) counts.push((await client.read())[1]);
    assert.deepEqual(counts, [1, 0, 0, 0]);
    client.close();
  });
});

describe('a client that does not read', () => {
  it('is not served further', async () => {
    let served = 0;
    engine.answers.set('large', (sink) => {
      served++;
      sink.columns([column('t', LONGTEXT)]);
      sink.row(['x'.repeat(1_000_000)]);
      sink.end(0, false);
    });
    const client = await RawClient.login(server.address.port, DEPRECATE_EOF);
    client.socket.pause();
    for (let i = 0; i < 200; i++) client.command(0x03, 'large');
    // Other connections are served while the kernel's buffers fill up.
    for (let i = 0; i < 20; i++) {
      const other = await RawClient.login(server.address.port, DEPRECATE_EOF);
      other.command(0x0e);
      await other.read();
      other.close();
    }
    assert.ok(served > 0 && served < 50, `${served} statements were run`);
    client.socket.resume();
    for (let i = 0; i < 200; i++) {
      for (let packet = 0; packet < 4; packet++) await client.read();
    }
    assert.equal(served, 200);
    client.close();
  });
});

describe('a session that answers later', () => {
  /** The same sessions, with every answer given after `go`. */
  const late = async (go: () => Promise<void>, more: Partial<ServerOptions> = {}): Promise<RunningServer> => {
    const openSession: Engine['openSession'] = (id, account, client) => {
      const session = engine.openSession(id, account, client);
      const [prepare, use, list, reset] = [
        session.prepare.bind(session),
        session.useDatabase.bind(session),
        session.listFields.bind(session),
        session.reset.bind(session),
      ];
      return Object.assign(session, {
        prepare: (sql: Uint8Array) => {
          const own = new Uint8Array(sql);
          return go().then(() => prepare(own));
        },
        useDatabase: (name: string) => go().then(() => use(name)),
        listFields: (table: string, wildcard: string) => go().then(() => list(table, wildcard)),
        reset: () => go().then(reset),
      });
    };
    const own = Object.assign(Object.create(engine) as FakeEngine, { openSession });
    return startServer({ host: '127.0.0.1', port: 0, tls: 'off', ...more }, own, silentLog);
  };

  it('is waited for, and its errors are told', async () => {
    const slow = await late(() => new Promise((resolve) => setImmediate(resolve)));
    const client = await RawClient.login(slow.address.port, DEPRECATE_EOF);
    // All at once: each is answered in its turn.
    client.command(0x02, 'test');
    client.command(0x02, 'missing');
    client.command(0x04, 't\0%');
    client.command(0x16, 'select 1');
    client.command(0x16, 'syntax error');
    client.command(0x1f);
    assert.equal((await client.read())[0], 0);
    assert.equal((await client.readError()).errno, 1049);
    for (let column = 0; column < 2; column++) assert.equal((await client.read()).toString('utf8', 1, 4), 'def');
    await client.readEnd(true);
    assert.deepEqual([...(await client.read()).subarray(0, 9)], [0, 1, 0, 0, 0, 1, 0, 0, 0]);
    await client.read();
    assert.equal((await client.readError()).errno, 1064);
    assert.equal((await client.read())[0], 0);
    client.close();
    await slow.close(100);
  });

  it('leaves no statement of a client that did not wait', async () => {
    let release = (): void => undefined;
    const asked: (() => void)[] = [];
    const slow = await late(
      () => {
        asked.shift()?.();
        return new Promise((resolve) => (release = resolve));
      },
      { preparedStatementMax: 1 },
    );
    for (let n = 0; n < 3; n++) {
      const before = engine.prepared;
      const arrived = new Promise<void>((resolve) => asked.push(resolve));
      const closed = new Promise<void>((resolve) => (engine.onClose = () => resolve()));
      const client = await RawClient.login(slow.address.port, DEPRECATE_EOF);
      client.command(0x16, 'select 1');
      await arrived;
      client.close();
      await closed;
      release();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(engine.prepared, before);
    }
    engine.onClose = undefined;
    const client = await RawClient.login(slow.address.port, DEPRECATE_EOF);
    const arrived = new Promise<void>((resolve) => asked.push(resolve));
    client.command(0x16, 'select 1');
    await arrived;
    release();
    assert.equal((await client.read())[0], 0);
    client.close();
    await slow.close(100);
  });
});

describe('commands that come together', () => {
  it('are answered one by one: no answer waits for the next command', async () => {
    const client = await RawClient.login(server.address.port, DEPRECATE_EOF);
    let release = (): void => undefined;
    engine.answers.set('slow', (sink) =>
      new Promise<void>((resolve) => (release = resolve)).then(() => sink.ok(OK, false)),
    );
    const command = (text: string): Buffer => Buffer.from([text.length + 1, 0, 0, 0, 0x03, ...Buffer.from(text)]);
    client.socket.write(Buffer.concat([command('quick'), command('slow'), command('quick')]));
    assert.equal((await client.read())[0], 0);
    release();
    assert.equal((await client.read())[0], 0);
    assert.equal((await client.read())[0], 0);
    client.close();
  });
});

describe('what connections share to read', () => {
  it('keeps nothing of one for the other: commands come in pieces, in turns', async () => {
    const login = (): Promise<RawClient> => RawClient.login(server.address.port, DEPRECATE_EOF);
    const clients = await Promise.all(['a', 'b'].map(async (letter) => ({ letter, client: await login() })));
    const between = await login();
    const texts = clients.map(({ letter }) => letter.repeat(9_000));
    for (let piece = 0; piece < 3; piece++) {
      for (const { letter, client } of clients) {
        const part = Buffer.from(letter.repeat(3_000));
        client.socket.write(piece === 0 ? Buffer.concat([Buffer.from([0x29, 0x23, 0, 0, 0x03]), part]) : part);
        // Its answer says that the piece was read.
        between.command(0x0e);
        assert.equal((await between.read())[0], 0);
      }
    }
    for (const { client } of clients) assert.equal((await client.read())[0], 0);
    assert.deepEqual(engine.statements.slice(-2), texts);
    for (const client of [between, ...clients.map((each) => each.client)]) client.close();
  });
});

describe('shutting down', () => {
  it('tells idle clients, and lets a running statement answer', async () => {
    const other = await startServer({ host: '127.0.0.1', port: 0, tls: 'off' }, engine, silentLog);
    const [idle, busy] = [
      await RawClient.login(other.address.port, DEPRECATE_EOF),
      await RawClient.login(other.address.port, DEPRECATE_EOF),
    ];
    let release = (): void => undefined;
    engine.answers.set('last', (sink) =>
      new Promise<void>((resolve) => (release = resolve)).then(() => sink.ok(OK, false)),
    );
    busy.command(0x03, 'last');
    while (engine.statements.at(-1) !== 'last') await new Promise((resolve) => setImmediate(resolve));
    const closed = other.close();
    assert.equal((await idle.readError()).errno, 1053);
    release();
    assert.equal((await busy.read())[0], 0);
    await closed;
  });
});
