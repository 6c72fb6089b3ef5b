// Malformed messages: whatever a peer sends, only its own sessions suffer. FUZZ_MESSAGES (20,000) and FUZZ_SEED change the run.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { Socket } from 'node:net';
import { it } from 'node:test';
import { Kind } from '../../../node/forwarding/frames.ts';
import type { RemoteSession } from '../../../node/forwarding/index.ts';
import { Channel } from '../../../node/server/channel.ts';
import { newFigures } from '../../../node/server/figures.ts';
import { ReplySink } from '../../../node/server/sink.ts';
import { BIGINT, column, INT, LONGTEXT, OK, VARCHAR } from '../../integration/server/fake-engine.ts';
import { NEAR, FAR } from '../../support/link.ts';
import { Pair } from './support.ts';

const MESSAGES = Number(process.env['FUZZ_MESSAGES'] ?? 20_000);
/** A run ends after this time, whatever the machine. */
const LONGEST_MS = 60_000;
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 0x7fffffff);

/** xorshift32: small, and the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutate(original: Uint8Array, below: (n: number) => number): Uint8Array {
  let bytes = Buffer.from(original);
  for (let changes = 1 + below(3); changes > 0 && bytes.length > 0; changes--) {
    // Mostly behind the head, so that what is inside is reached.
    const at = below(8) === 0 || bytes.length <= 6 ? below(bytes.length) : 6 + below(bytes.length - 6);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + below(9), below(256)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(4))]);
        break;
      default:
        bytes[1] = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 0x81, 0x92][below(16)] as number;
    }
  }
  return bytes;
}

const COLUMNS = [
  column('a', INT),
  column('b', BIGINT),
  column('c', VARCHAR),
  column('d', LONGTEXT),
  column('e', { kind: 'datetime', fsp: 6 }),
  column('f', { kind: 'double', unsigned: false, digits: [7, 3] }),
  column('g', { kind: 'enum', values: ['x', 'y'], collation: 'utf8mb4_bin' }),
  column('h', { kind: 'time', fsp: 3 }),
  column('i', { kind: 'year' }),
];

function answers(pair: Pair): void {
  const { engine } = pair;
  engine.statements.push = () => 0;
  engine.answers.set('rows', async (sink) => {
    sink.columns(COLUMNS);
    for (let n = 0; n < 50; n++) {
      const row = [n, 2n ** 60n, 'text', null, '2024-01-02 03:04:05.000006', 1.5, 'x', '12:13:14.000', 1999];
      if (!sink.row(row)) await sink.drained();
    }
    sink.end(1, true);
    sink.ok({ ...OK, affectedRows: 2n ** 63n, info: 'info' }, false);
  });
  engine.answers.set('file', async (sink) => {
    try {
      for await (const chunk of sink.requestFile('f')) void chunk;
      sink.ok(OK, false);
    } catch (error) {
      sink.error(error as never);
    }
  });
  engine.answers.set('state', (sink, session) => {
    session.inTransaction = !session.inTransaction;
    session.changes.push({ kind: 'variable', name: 'x', value: 'y' });
    sink.ok(OK, false);
  });
}

/** The front door's own sink, whose client reads everything. */
function sinkFor(session: RemoteSession, binary: boolean): ReplySink {
  const socket = new PassThrough().resume() as unknown as Socket;
  const files = {
    async *receiveFile(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < 5; n++) yield await Promise.resolve(Buffer.alloc(5000));
    },
  };
  const sink = new ReplySink(new Channel(socket, newFigures()), session, 0xffffffff, files);
  sink.begin(binary, false);
  return sink;
}

/** What a client does; whether it gets an answer is not asked here. */
async function client(session: RemoteSession): Promise<void> {
  const query = async (sql: string): Promise<void> => {
    const sink = sinkFor(session, false);
    await session.query(Buffer.from(sql), sink);
    sink.finish();
  };
  await query('rows');
  await query('state');
  await query('file');
  const statement = await session.prepare(Buffer.from('rows'));
  const sink = sinkFor(session, true);
  await session.execute(statement, [{ kind: 'int', value: 5, unsigned: false }], sink);
  await session.execute(statement, [], sinkFor(session, true));
  statement.close();
  await session.useDatabase('test');
  await session.listFields('t', '%');
  await session.image();
  session.kill(true);
  await session.reset();
  session.close();
}

it(
  `malformed messages end their sessions, and nothing else (seed ${SEED})`,
  { timeout: LONGEST_MS + 60_000 },
  async () => {
    const below = random(SEED);
    const pair = new Pair();
    answers(pair);
    let mutated = 0;
    let isQuiet = false;
    /** One message of so many is changed. */
    let rate = 0;
    pair.link.tamper = (message, from) => {
      // Openings less than others: without a session there is little to break.
      const isOpening = message[1] === Kind.OPEN || message[1] === Kind.OPENED;
      if (isQuiet || below(isOpening ? 10 * rate : rate) > 0) return message;
      mutated++;
      // Something else than what was sent, or the same twice.
      if (below(8) === 0) (from === NEAR ? pair.link.far : pair.link.near).message(from, mutate(message, below));
      return mutate(message, below);
    };
    let rounds = 0;
    const start = performance.now();
    for (; mutated < MESSAGES && performance.now() - start < LONGEST_MS; rounds++) {
      rate = [2, 8, 40][below(3)] as number;
      const settled = Array.from({ length: 32 }, async () => {
        const session = await pair.open();
        await client(session);
      }).map((work) =>
        work.catch((error: unknown) => assert.equal(typeof (error as { errno?: unknown }).errno, 'number')),
      );
      const all = Promise.all(settled);
      let isOver = false;
      void all.then(() => (isOver = true));
      // A message that was lost has its session wait for ever: the link's end settles that.
      for (let quiet = 0, seen = -1; !isOver && quiet < 20;) {
        await new Promise((resolve) => setImmediate(resolve));
        const { there, back } = pair.link;
        quiet = there.messages + back.messages === seen ? quiet + 1 : 0;
        seen = there.messages + back.messages;
      }
      pair.link.cut();
      await all;
      pair.link.restore();
      assert.deepEqual(pair.link.near.counts, { remote: 0, hosted: 0 }, `seed ${SEED}`);
      assert.deepEqual(pair.link.far.counts, { remote: 0, hosted: 0 }, `seed ${SEED}`);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(pair.engine.sessions.size, 0, `seed ${SEED}`);
      assert.equal(pair.engine.prepared, 0, `seed ${SEED}`);
    }
    isQuiet = true;
    await client(await pair.open());
    for (let n = 0; n < 2000; n++) {
      const noise = Buffer.from(Array.from({ length: below(40) }, () => below(256)));
      if (noise.length > 0) noise[0] = 1;
      pair.link.far.message(NEAR, noise);
      pair.link.near.message(FAR, noise);
    }
    pair.link.cut();
    console.log(`${mutated} messages changed in ${rounds} rounds, ${pair.internalErrors.length} unfit values`);
  },
);
