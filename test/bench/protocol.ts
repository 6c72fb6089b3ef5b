// What a request costs in the front door alone: CPU of a server process whose engine answers at once, for each request.
//   node bin/run.mjs test/bench/protocol.ts [--seconds N] [--connections N] [--cpu-prof]
// `bare` is Node's own share: a server that answers each chunk with fixed bytes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { startServer } from '../../node/server/index.ts';
import { column, FakeEngine, INT, silentLog, VARCHAR } from '../integration/server/fake-engine.ts';

const C =
  '83868641912-28773972837-60736120486-75162659906-27563526494-20381887404-41576422241-93426793964-56405065102-33518432330';
const POINT = 'SELECT c FROM sbtest1 WHERE id=4971';
const RANGE = 'SELECT id, k, c FROM sbtest1 WHERE id BETWEEN 1 AND 100';
const UPDATE = 'UPDATE sbtest1 SET k=k+1 WHERE id=4971';

async function serve(bare: boolean): Promise<void> {
  let port: number;
  if (bare) {
    const reply = Buffer.alloc(250, 1);
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('data', () => socket.write(reply));
      socket.on('error', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  } else {
    const engine = new FakeEngine();
    const status = { inTransaction: false, autocommit: true, noBackslashEscapes: false };
    const columns = [column('c', VARCHAR)];
    const row = [C];
    const many = [column('id', INT), column('k', INT), column('c', VARCHAR)];
    const open = engine.openSession.bind(engine);
    engine.openSession = (...of) => {
      const session = open(...of);
      session.status = () => status;
      session.query = (sql, sink) => {
        if (sql.length === POINT.length) {
          sink.columns(columns);
          sink.row(row);
          sink.end(0, false);
        } else if (sql.length === RANGE.length) {
          sink.columns(many);
          for (let i = 0; i < 100; i++) sink.row([i, 5000 + i, C]);
          sink.end(0, false);
        } else {
          sink.ok(
            { affectedRows: 1, insertId: 0, warnings: 0, info: 'Rows matched: 1  Changed: 1  Warnings: 0' },
            false,
          );
        }
        return undefined;
      };
      session.execute = (_statement, [id], sink) => {
        if (id?.kind !== 'int') throw new Error('one integer is expected');
        sink.columns(columns);
        sink.row(row);
        sink.end(0, false);
        return undefined;
      };
      return session;
    };
    const server = await startServer({ host: '127.0.0.1', port: 0, tls: 'off' }, engine, silentLog);
    port = server.address.port;
  }
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}

const packet = (sequence: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
};

/** Logs in as root without a password, by hand: the client must cost little. */
async function open(port: number, bare: boolean, prepare: boolean): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  if (bare) {
    await once(socket, 'connect');
    return socket;
  }
  await once(socket, 'data');
  const login = Buffer.alloc(32 + 5 + 1 + 22);
  // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, DEPRECATE_EOF
  login.writeUInt32LE((1 << 9) | (1 << 15) | (1 << 19) | (1 << 24), 0);
  login[8] = 255;
  login.write('root\0\0caching_sha2_password\0', 32);
  socket.write(packet(1, login));
  await once(socket, 'data');
  if (prepare) {
    // A connection's first statement has id 1.
    socket.write(packet(0, Buffer.concat([Buffer.from([0x16]), Buffer.from(POINT.replace('4971', '?'))])));
    await once(socket, 'data');
  }
  return socket;
}

interface Work {
  readonly name: string;
  readonly bare: boolean;
  readonly request: Buffer;
}

const query = (sql: string): Buffer => packet(0, Buffer.concat([Buffer.from([3]), Buffer.from(sql)]));
/** COM_STMT_EXECUTE of statement 1 with the BIGINT 4971, whose type is sent along. */
const execute = packet(0, Buffer.from([0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 8, 0, 0x6b, 0x13, 0, 0, 0, 0, 0, 0]));
const works: readonly Work[] = [
  { name: 'bare', bare: true, request: query(POINT) },
  { name: 'point select', bare: false, request: query(POINT) },
  { name: 'update', bare: false, request: query(UPDATE) },
  { name: 'prepared point select', bare: false, request: execute },
  { name: '100 rows', bare: false, request: query(RANGE) },
];

async function measure(work: Work, seconds: number, connections: number, profile: boolean): Promise<void> {
  const child = fork(import.meta.filename, ['--serve', ...(work.bare ? ['--bare'] : [])], {
    execArgv:
      profile && !work.bare
        ? ['--cpu-prof', `--cpu-prof-name=protocol-${work.name.replaceAll(' ', '-')}.cpuprofile`]
        : [],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => open(port, work.bare, work.request === execute)),
  );
  const probe = sockets[0] as Socket;
  let expected = 0;
  const gather = (chunk: Buffer): void => void (expected += chunk.length);
  probe.on('data', gather);
  probe.write(work.request);
  await new Promise((resolve) => setTimeout(resolve, 100));
  probe.off('data', gather);

  let requests = 0;
  for (const socket of sockets) {
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received < expected) return;
      received = 0;
      requests++;
      socket.write(work.request);
    });
    socket.write(work.request);
  }
  const cpu = async (): Promise<number> => {
    child.send('cpu');
    const [{ user, system }] = (await once(child, 'message')) as [{ user: number; system: number }];
    return user + system;
  };
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [cpuBefore, requestsBefore, start] = [await cpu(), requests, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const [cpuAfter, requestsAfter, elapsed] = [await cpu(), requests, (performance.now() - start) / 1000];
  const done = requestsAfter - requestsBefore;
  console.log(
    `${work.name.padEnd(22)} ${Math.round(done / elapsed)
      .toString()
      .padStart(8)} requests/s ${((cpuAfter - cpuBefore) / done).toFixed(2).padStart(8)} µs of CPU a request`,
  );
  for (const socket of sockets) socket.destroy();
  child.disconnect();
  await once(child, 'exit');
}

const { values } = parseArgs({
  options: {
    serve: { type: 'boolean' },
    bare: { type: 'boolean' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    only: { type: 'string', default: '' },
    'cpu-prof': { type: 'boolean', default: false },
  },
});
if (values.serve === true) await serve(values.bare === true);
else {
  for (const work of works.filter(({ name }) => name.includes(values.only))) {
    await measure(work, Number(values.seconds), Number(values.connections), values['cpu-prof']);
  }
}
