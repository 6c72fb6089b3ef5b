// Sessions at another node, with an engine whose answers are written here: order, room, ends.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BATCH_BYTES, WINDOW_BYTES } from '../../../node/forwarding/answers.ts';
import { BIGINT, column, INT, LONGTEXT, OK } from '../../integration/server/fake-engine.ts';
import { NEAR, FAR } from '../../support/link.ts';
import { CLIENT, Kept, Pair } from './support.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await turn();
};
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await turn();
};

const COLUMNS = [column('n', INT), column('t', LONGTEXT)];

/** `rows N BYTES`: so many rows of so many bytes, as fast as they are taken. */
function answerRows(pair: Pair): { given: number } {
  const state = { given: 0 };
  pair.engine.answers.set(/^rows \d+ \d+$/, async (sink) => {
    const [, count, bytes] = (pair.engine.statements.at(-1) as string).split(' ').map(Number);
    const text = 'x'.repeat(bytes as number);
    sink.columns(COLUMNS);
    for (let n = 0; n < (count as number); n++) {
      state.given++;
      if (!sink.row([n, text])) await sink.drained();
    }
    sink.end(0, false);
  });
  return state;
}

describe('an answer', () => {
  it('leaves when the command is done, not before', async () => {
    const pair = new Pair();
    const session = await pair.open();
    let release = (): void => undefined;
    pair.engine.answers.set('held', (sink) => {
      sink.columns(COLUMNS);
      sink.row([1, 'a']);
      sink.end(0, false);
      return new Promise((resolve) => (release = resolve));
    });
    const sink = new Kept(session);
    const done = session.query(Buffer.from('held'), sink);
    await turns(50);
    assert.equal(pair.engine.statements.at(-1), 'held');
    assert.deepEqual(sink.given, []);
    release();
    await done;
    assert.deepEqual(
      sink.given.map(({ kind }) => kind),
      ['columns', 'row', 'end'],
    );
  });

  it('brings the state of the session that it was given in', async () => {
    const pair = new Pair();
    const session = await pair.open();
    pair.engine.answers.set('states', (sink, far) => {
      far.inTransaction = true;
      far.changes.push({ kind: 'schema', name: '', value: 'other' });
      sink.ok(OK, true);
      far.inTransaction = false;
      far.database = 'other';
      far.resultsCharset = 'latin1';
      far.variables['wait_timeout'] = 5;
      sink.columns([column('b', BIGINT)]);
      sink.row([2n ** 63n]);
      far.inTransaction = true;
      sink.end(3, false);
      far.inTransaction = false;
    });
    const sink = new Kept(session);
    const seen: unknown[] = [];
    sink.onGiven = (kind) =>
      seen.push([
        kind,
        session.status().inTransaction,
        session.database,
        session.resultsCharset,
        session.variable('wait_timeout'),
        session.takeChanges().map(({ value }) => value),
      ]);
    await pair.run(session, 'states', sink);
    assert.deepEqual(seen, [
      ['ok', true, 'test', 'utf8mb4', 28_800, ['other']],
      ['columns', false, 'other', 'latin1', 5, []],
      ['row', false, 'other', 'latin1', 5, []],
      ['end', true, 'other', 'latin1', 5, []],
    ]);
    assert.equal(session.status().inTransaction, false);
  });

  it('of a statement that ran before does not bring its columns again', async () => {
    const pair = new Pair();
    const session = await pair.open();
    pair.engine.answers.set(/^one/, (sink) => {
      sink.columns(COLUMNS);
      sink.row([1, null]);
      sink.end(0, false);
    });
    const first = (await pair.run(session, 'one')).given[0];
    const before = pair.link.back.total;
    const again = (await pair.run(session, 'one')).given[0];
    assert.ok(pair.link.back.total - before < 40);
    assert.ok(first?.kind === 'columns' && again?.kind === 'columns');
    // The same array: the front door builds its packets once.
    assert.equal(first.columns, again.columns);
    assert.deepEqual(first.columns, COLUMNS);
    for (let n = 0; n < 200; n++) {
      const others = [column(`c${n}`, INT)];
      pair.engine.answers.set(`other ${n}`, (sink) => {
        sink.columns(others);
        sink.end(0, false);
      });
      const given = (await pair.run(session, `other ${n}`)).given[0];
      assert.deepEqual(given?.kind === 'columns' && given.columns, others);
    }
    assert.deepEqual((await pair.run(session, 'one')).given[0], first);
  });

  it('that is none, or that is thrown, is told', async () => {
    const pair = new Pair();
    const session = await pair.open();
    pair.engine.answers.set('silent', () => undefined);
    assert.deepEqual((await pair.run(session, 'silent')).given, []);
    pair.engine.answers.set('throws', () => {
      throw new TypeError('unexpected');
    });
    assert.deepEqual((await pair.run(session, 'throws')).given, [{ kind: 'error', errno: 1105 }]);
    assert.equal(pair.internalErrors.length, 1);
    await assert.rejects(session.prepare(Buffer.from('syntax error')), { errno: 1064, sqlState: '42000' });
    await assert.rejects(session.useDatabase('missing'), { errno: 1049 });
    await session.useDatabase('there');
    assert.equal(session.database, 'there');
    assert.equal((await session.listFields('t', '%')).length, 2);
  });
});

describe('room', () => {
  it('bounds what the far end gives to a client that does not read', async () => {
    const pair = new Pair();
    const state = answerRows(pair);
    const session = await pair.open();
    const sink = new Kept(session);
    sink.keepsRows = false;
    sink.rowsAtOnce = 10;
    let drain = (): void => undefined;
    sink.onDrain = () => new Promise((resolve) => (drain = resolve));
    const done = session.query(Buffer.from('rows 100000 100'), sink);
    await until(() => sink.rows === 10);
    await turns(100);
    assert.ok(state.given * 100 <= WINDOW_BYTES + 2 * BATCH_BYTES, `${state.given} rows were given`);
    sink.rowsAtOnce = Infinity;
    drain();
    await done;
    assert.equal(sink.rows, 100_000);
    assert.equal(sink.last?.kind, 'end');
  });

  it('of the link is shared: a long message does not hold short ones up', async () => {
    const pair = new Pair(300 * 1024);
    const [long, short] = await Promise.all([pair.open(), pair.open()]);
    const statement = Buffer.alloc(20 << 20, 'long statement ');
    let isLongDone = false;
    pair.engine.answers.set(/^long statement/, (sink) => sink.ok({ ...OK, affectedRows: 20n << 20n }, false));
    const sink = new Kept(long);
    const done = Promise.resolve(long.query(statement, sink)).then(() => (isLongDone = true));
    for (let n = 0; n < 5; n++) await pair.run(short, 'select 1');
    assert.ok(!isLongDone);
    await done;
    assert.ok(Buffer.from(pair.engine.statements.at(-1) as string).equals(statement));
    assert.ok(pair.link.there.fullCount > 20);
    assert.ok(sink.last?.kind === 'ok' && sink.last.ok.affectedRows === 20n << 20n);
  });

  it('that is short makes nothing get lost or change places', async () => {
    const pair = new Pair(200 * 1024);
    answerRows(pair);
    const sessions = await Promise.all(Array.from({ length: 8 }, () => pair.open()));
    const sinks = await Promise.all(sessions.map((session) => pair.run(session, 'rows 3000 500')));
    for (const { given } of sinks) {
      assert.equal(given.length, 3002);
      given.forEach((g, n) => g.kind === 'row' && assert.equal(g.values[0], n - 1));
    }
    assert.ok(pair.link.back.fullCount > 0);
    // A row that is larger than all bounds.
    const sink = await pair.run(sessions[0] as never, 'rows 2 18000000');
    assert.deepEqual(
      sink.given.map((g) => (g.kind === 'row' ? (g.values[1] as string).length : g.kind)),
      ['columns', 18_000_000, 18_000_000, 'end'],
    );
  });
});

describe('a file', () => {
  const file = async function* (count: number, state = { read: 0, closed: false }): AsyncGenerator<Uint8Array> {
    const shared = Buffer.alloc(10_000);
    try {
      for (let n = 0; n < count; n++) {
        state.read++;
        yield shared.fill(n & 0xff);
        await turn();
      }
    } finally {
      state.closed = true;
    }
  };

  it('comes as it is read, and ends early where nobody wants the rest', async () => {
    const pair = new Pair();
    const session = await pair.open();
    let most = 0;
    let release = (): void => undefined;
    pair.engine.answers.set(/^load/, async (sink) => {
      const limit = Number((pair.engine.statements.at(-1) as string).slice(5));
      let bytes = 0;
      for await (const chunk of sink.requestFile('any')) {
        assert.ok(chunk.every((byte) => byte === ((bytes / 10_000) & 0xff)));
        bytes += chunk.length;
        if (bytes === 50_000) await new Promise<void>((resolve) => (release = resolve));
        if (bytes >= limit) break;
      }
      most = bytes;
      sink.ok({ ...OK, affectedRows: bytes }, false);
    });
    const state = { read: 0, closed: false };
    const sink = new Kept(session);
    sink.file = () => file(1000, state);
    const done = pair.run(session, 'load 100000000', sink);
    await turns(1500);
    assert.ok(state.read * 10_000 < (1 << 20) + 100_000, `${state.read} parts were read`);
    release();
    await done;
    assert.ok(sink.last?.kind === 'ok' && sink.last.ok.affectedRows === 10_000_000 && most === 10_000_000);

    const early = { read: 0, closed: false };
    const second = new Kept(session);
    second.file = () => file(1000, early);
    const stops = pair.run(session, 'load 50000', second);
    await turns(200);
    release();
    await stops;
    assert.ok(second.last?.kind === 'ok' && second.last.ok.affectedRows === 50_000);
    assert.ok(early.closed && early.read < 200, `${early.read} parts were read`);
  });

  it('that cannot be had fails the statement, not the session', async () => {
    const pair = new Pair();
    const session = await pair.open();
    pair.engine.answers.set('load', async (sink) => {
      try {
        for await (const chunk of sink.requestFile('any')) void chunk;
        sink.ok(OK, false);
      } catch (error) {
        sink.error(error as never);
      }
    });
    assert.deepEqual((await pair.run(session, 'load')).given, [{ kind: 'error', errno: 3948 }]);
    const other = await pair.open('root', undefined, { ...CLIENT, localInfile: false });
    assert.deepEqual((await pair.run(other, 'load')).given, [{ kind: 'error', errno: 3948 }]);
    // An engine that asks and does not read.
    pair.engine.answers.set('asks', (sink) => {
      sink.requestFile('any');
      sink.ok(OK, false);
    });
    const sink = new Kept(session);
    sink.file = () => file(500);
    assert.equal((await pair.run(session, 'asks', sink)).last?.kind, 'ok');
    assert.equal((await pair.run(session, 'select 1')).last?.kind, 'end');
  });
});

describe('the end', () => {
  it('of a client frees everything there', async () => {
    const pair = new Pair();
    const session = await pair.open();
    const statement = await session.prepare(Buffer.from('select ?'));
    await session.prepare(Buffer.from('select ?, ?'));
    assert.deepEqual([statement.parameterCount, pair.engine.prepared], [1, 2]);
    statement.close();
    await until(() => pair.engine.prepared === 1);
    session.close();
    await until(() => pair.engine.sessions.size === 0);
    assert.equal(pair.engine.prepared, 0);
    assert.deepEqual(pair.link.near.counts, { remote: 0, hosted: 0 });
    assert.deepEqual(pair.link.far.counts, { remote: 0, hosted: 0 });
    assert.deepEqual((await pair.run(session, 'select 1')).given, [{ kind: 'error', errno: 3101 }]);
  });

  it('of a client that reads slowly lets the far statement run out', async () => {
    const pair = new Pair();
    answerRows(pair);
    const session = await pair.open();
    const sink = new Kept(session);
    sink.rowsAtOnce = 1;
    sink.onDrain = () => new Promise(() => undefined);
    void session.query(Buffer.from('rows 100000 100'), sink);
    await until(() => sink.rows > 0);
    session.close();
    await until(() => pair.engine.sessions.size === 0);
  });

  it('comes by KILL', async () => {
    const pair = new Pair();
    const session = await pair.open();
    session.kill(true);
    const killed = new Promise<void>((resolve) => (session.onKill = resolve));
    session.kill(false);
    await killed;
    assert.deepEqual(pair.kills, [false, true]);
  });

  it('of the link: a whole answer stays one, a half becomes an error', async () => {
    const pair = new Pair();
    const [whole, half] = await Promise.all([pair.open(), pair.open()]);
    const sinks = [new Kept(whole), new Kept(half)] as const;
    let drain: (() => void)[] = [];
    for (const sink of sinks) {
      sink.rowsAtOnce = 1;
      sink.onDrain = () => new Promise((resolve) => drain.push(resolve));
    }
    pair.engine.answers.set('half', async (sink) => {
      sink.columns(COLUMNS);
      sink.row([1, 'x'.repeat(BATCH_BYTES)]);
      await sink.drained();
      await new Promise(() => undefined);
    });
    answerRows(pair);
    const done = [whole.query(Buffer.from('rows 5 10'), sinks[0]), half.query(Buffer.from('half'), sinks[1])];
    await until(() => drain.length === 2);
    pair.link.cut();
    assert.ok(whole.isGone && half.isGone);
    for (const sink of sinks) sink.rowsAtOnce = Infinity;
    for (const resolve of drain) resolve();
    drain = [];
    for (const one of done) await one;
    assert.deepEqual([sinks[0].rows, sinks[0].last?.kind], [5, 'end']);
    assert.deepEqual(sinks[1].last, { kind: 'error', errno: 3101 });
    for (const call of [() => whole.prepare(Buffer.from('select 1')), () => whole.image(), () => whole.reset()])
      await assert.rejects(call(), { errno: 3101 });
    await assert.rejects(pair.open(), { errno: 3101 });
  });

  it('of a session that is being opened', async () => {
    const pair = new Pair();
    await assert.rejects(pair.open('ghost'), { errno: 1045 });
    let release = (): void => undefined;
    pair.beforeOpen = () => new Promise((resolve) => (release = resolve));
    const opening = pair.open();
    await turns(10);
    pair.link.cut();
    await assert.rejects(opening, { errno: 3101 });
    release();
    await turns(10);
    assert.equal(pair.engine.sessions.size, 0);
    assert.deepEqual(pair.link.far.counts, { remote: 0, hosted: 0 });
  });

  it('of either node ends its sessions at the other', async () => {
    for (const stops of ['near', 'far'] as const) {
      const pair = new Pair();
      const session = await pair.open();
      pair.engine.answers.set('long', () => new Promise(() => undefined));
      const running = pair.run(session, 'long');
      await turns(10);
      pair.link[stops].stop();
      assert.deepEqual((await running).given, [{ kind: 'error', errno: 3101 }]);
      await until(() => pair.engine.sessions.size === 0);
      await assert.rejects(pair.open());
    }
  });

  it('comes for a node that forgot the other', async () => {
    const pair = new Pair();
    const session = await pair.open();
    pair.link.far.peerDown(NEAR);
    assert.deepEqual((await pair.run(session, 'select 1')).given, [{ kind: 'error', errno: 3101 }]);
    const next = await pair.open();
    pair.link.near.peerDown(FAR);
    assert.ok(next.isGone);
    // Nor is the rest of a long command sent to a session that is gone.
    const last = await pair.open();
    const before = pair.link.there.total;
    const running = pair.run(last, 'x'.repeat(20 << 20));
    await turns(3);
    pair.link.far.stop();
    assert.deepEqual((await running).given, [{ kind: 'error', errno: 3101 }]);
    assert.ok(pair.link.there.total - before < 4 << 20);
  });
});
