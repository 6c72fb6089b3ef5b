// Malformed packets: whatever a client sends, only its own connection suffers, and memory stays bounded.
// FUZZ_PACKETS (1,000,000) and FUZZ_SEED change the run; a failure prints the seed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import mysql from 'mysql2/promise';
import { type RunningServer, startServer } from '../../../node/server/index.ts';
import { Compression } from '../../../node/server/compression.ts';
import { FakeEngine, silentLog } from './fake-engine.ts';

const PACKETS = Number(process.env['FUZZ_PACKETS'] ?? 1_000_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 0x7fffffff);
/** A run ends after this time, whatever the machine. */
const LONGEST_MS = 120_000;

const engine = new FakeEngine();
const unexpected: unknown[] = [];
let server: RunningServer;

before(async () => {
  // A statement that the engine sees may be anything; what it answers is of no matter here.
  engine.statements.push = () => 0;
  const log = { ...silentLog, error: (details: object) => void unexpected.push(details) };
  server = await startServer({ host: '127.0.0.1', port: 0, tls: 'off' }, engine, log);
});
after(() => server.close(100));

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

const packet = (sequence: number, ...parts: (Buffer | string | number[])[]): Buffer => {
  const payload = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
};

function loginPacket(capabilities: number, tail: string): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities, 0);
  head[8] = 255;
  return packet(1, head, tail);
}

// PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, QUERY_ATTRIBUTES, DEPRECATE_EOF; and one with attributes, lengths, a database.
const LOGIN = loginPacket((1 << 9) | (1 << 15) | (1 << 19) | (1 << 27) | (1 << 24), 'root\0\0caching_sha2_password\0');
const LOGINS = [
  LOGIN,
  loginPacket(
    (1 << 9) | (1 << 3) | (1 << 19) | (1 << 20) | (1 << 21),
    'root\0\0test\0caching_sha2_password\0\x08\x03_os\x03abc',
  ),
  loginPacket((1 << 9) | (1 << 15) | (1 << 19), `sha\0\x20${'x'.repeat(32)}caching_sha2_password\0`),
];
const COMPRESSED_LOGIN = loginPacket(
  (1 << 5) | (1 << 9) | (1 << 15) | (1 << 19) | (1 << 24),
  'root\0\0caching_sha2_password\0',
);
/** Few, because most mutations end the connection. */
const COMMANDS_A_CONNECTION = 16;
const COMMANDS = [
  packet(0, [3, 0, 1], 'select 1'),
  packet(0, [3, 1, 1, 0, 1, 0xfd, 0, 1], 'a', [1], 'b', 'select 1'),
  packet(0, [2], 'test'),
  packet(0, [4], 't\0%'),
  packet(0, [9]),
  packet(0, [14]),
  packet(0, [0x16], 'select ?, ?'),
  packet(0, [0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 2, 0, 1, 8, 0, 0, 0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2], 'ab'),
  packet(
    0,
    [
      0x17, 1, 0, 0, 0, 9, 1, 0, 0, 0, 2, 0, 1, 12, 0, 0, 11, 0, 0, 11, 232, 7, 1, 2, 3, 4, 5, 6, 0, 0, 0, 8, 1, 1, 0,
      0, 0, 1, 2, 3,
    ],
  ),
  packet(0, [0x18, 1, 0, 0, 0, 0, 0], 'long data'),
  packet(0, [0x1a, 1, 0, 0, 0]),
  packet(0, [0x1c, 1, 0, 0, 0, 10, 0, 0, 0]),
  packet(0, [0x19, 1, 0, 0, 0]),
  packet(0, [0x1b, 0, 0]),
  packet(0, [0x1f]),
  packet(0, [0x11], 'root\0\0test\0\xff\0caching_sha2_password\0'),
];

/** Changes bytes, lengths, ends; keeps the header right half of the time, so that payloads are reached. */
function mutate(original: Buffer, below: (n: number) => number): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let changes = below(4); changes > 0 && bytes.length > 4; changes--) {
    const at = 4 + below(bytes.length - 4);
    switch (below(5)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = [0, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff][below(7)] as number;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + below(9), below(256)), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(4))]);
    }
  }
  if (below(16) > 0) bytes.writeUIntLE(bytes.length - 4, 0, 3);
  if (below(64) === 0) bytes[below(4)] = below(256);
  return bytes;
}

const gone = (socket: Socket): Promise<unknown> => (socket.destroyed ? Promise.resolve() : once(socket, 'close'));

/** One connection: a login (now and then a broken one), then commands until the server has enough. */
async function attack(below: (n: number) => number): Promise<number> {
  const socket = connect({ port: server.address.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.resume();
  let sent = 0;
  const compression = below(8) === 0 ? new Compression('zlib', 1) : undefined;
  if (compression !== undefined) {
    socket.write(COMPRESSED_LOGIN);
  } else if (below(3) === 0) {
    socket.write(mutate(LOGINS[below(LOGINS.length)] as Buffer, below));
    sent++;
  } else {
    socket.write(LOGIN);
  }
  const pieces: Buffer[] = [];
  for (let i = 0; i < COMMANDS_A_CONNECTION; i++) {
    const command = COMMANDS[below(COMMANDS.length)] as Buffer;
    if (compression === undefined) pieces.push(mutate(command, below));
    // Frames of two packets, so that some are long enough to be compressed; either layer is broken.
    else if (below(2) === 0) pieces.push(...compression.wrap(mutate(Buffer.concat([command, command]), below)));
    else pieces.push(mutate(Buffer.concat(compression.wrap(Buffer.concat([command, command, command]))), below));
  }
  sent += pieces.length;
  socket.end(Buffer.concat(pieces));
  const timer = setTimeout(() => socket.destroy(), 2_000);
  await gone(socket);
  clearTimeout(timer);
  return sent;
}

describe('malformed packets', () => {
  it(`end their own connection, and nothing else (seed ${SEED})`, { timeout: LONGEST_MS + 60_000 }, async () => {
    const below = random(SEED);
    const start = performance.now();
    let sent = 0;
    const run = async (upTo: number): Promise<void> => {
      const worker = async (): Promise<void> => {
        while (sent < upTo && performance.now() - start < LONGEST_MS) {
          const packets = await attack(below);
          sent += packets;
        }
      };
      await Promise.all(Array.from({ length: 32 }, worker));
    };
    await run(PACKETS / 10);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    await run(PACKETS);
    const grown = process.memoryUsage().rss - before;
    assert.deepEqual(unexpected.slice(0, 3), [], `seed ${SEED}`);
    assert.ok(grown < 200 * 1024 * 1024, `${Math.round(grown / 1048576)} MiB more after ${sent} packets, seed ${SEED}`);
    // Nothing is left of them.
    const limit = performance.now() + 30_000;
    const isLeft = (): boolean => server.figures.connections > 0 || engine.sessions.size > 0;
    while (isLeft() && performance.now() < limit) await new Promise((r) => setTimeout(r, 20));
    assert.equal(server.figures.connections, 0);
    assert.equal(engine.sessions.size, 0);
    assert.equal(engine.prepared, 0);
    const connection = await mysql.createConnection({ host: '127.0.0.1', port: server.address.port, user: 'root' });
    await connection.query('select 1');
    await connection.end();
    console.log(`${sent} packets, ${server.figures.malformedPackets} connections ended as malformed`);
  });
});
