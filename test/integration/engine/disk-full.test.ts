// A full disk: writes are refused with 1021, reads go on, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';
import { hex } from '../../../node/log/index.ts';
import { carryOutRecovery, orderRecovery } from '../../../node/recovery.ts';
import { loadIdentity } from '../../../node/store/index.ts';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { runProgram, startProgram, type Program } from '../../support/process.ts';

const mountPoint = mkdtempSync(path.join(tmpdir(), 'p2pdb-full-'));
const MEGABYTES = 48;

function mounted(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root may mount a small disk';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', mountPoint], { stdio: 'pipe' });
    execFileSync('umount', [mountPoint], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'this system does not allow mounting a small disk';
  }
}

const skip = mounted();
const filler = path.join(mountPoint, 'filler');
const free = (): number => {
  const disk = statfsSync(mountPoint);
  return disk.bavail * disk.bsize;
};

/** What another program does to the disk: it takes all of it, but for some bytes. */
function fill(leave = 0): void {
  const fd = openSync(filler, 'a');
  const block = Buffer.alloc(4096, 1);
  try {
    while (free() > leave) if (writeSync(fd, block) < block.length) break;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(fd);
  }
}

const makeRoom = (): void => rmSync(filler, { force: true });

describe('a full disk', { skip: skip ?? false }, () => {
  const data = path.join(mountPoint, 'data');
  let program: Program;
  let connections: Connection[] = [];
  /** Values by id, as acknowledged. */
  let ledger: Map<number, number>;
  let next = 1;

  async function start(): Promise<void> {
    program = startProgram(data);
    await program.ready();
  }

  /** How often SQLite gave up the state's open transaction. */
  async function restores(): Promise<number> {
    await program.ready();
    const http = /admin HTTP on (\S+)/.exec(program.out)?.[1];
    const page = await (await fetch(`http://${http}/metrics`)).text();
    return Number(/^p2pdb_state_restores_total\{group="main"\} (\d+)$/m.exec(page)?.[1]);
  }

  async function connect(): Promise<Connection> {
    const c = await mysql.createConnection({
      host: '127.0.0.1',
      port: await program.ready(),
      user: 'root',
      password: ROOT_PASSWORD,
    });
    c.on('error', () => undefined);
    connections.push(c);
    return c;
  }

  /** Runs a write; 1021 is the one error that it may meet. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      assert.equal((error as { errno?: number }).errno, 1021, (error as Error).message);
      return false;
    }
  }

  const insert = (c: Connection, bytes: number): Promise<boolean> => {
    const id = next++;
    return attempt(async () => {
      await c.query('INSERT INTO d.t VALUES (?, 0, ?)', [id, Buffer.alloc(bytes, id & 0xff)]);
      ledger.set(id, 0);
    });
  };

  const bump = (c: Connection, id: number): Promise<boolean> =>
    attempt(async () => {
      await c.query('UPDATE d.t SET v = v + 1 WHERE id = ?', [id]);
      ledger.set(id, (ledger.get(id) ?? 0) + 1);
    });

  async function check(c: Connection): Promise<void> {
    const [rows] = await c.query<RowDataPacket[]>('SELECT id, v FROM d.t ORDER BY id');
    assert.deepEqual(new Map(rows.map((r) => [r['id'] as number, r['v'] as number])), ledger);
  }

  before(() => assert.equal(skip, undefined));

  beforeEach(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', mountPoint]);
    ledger = new Map();
    next = 1;
    await start();
    const c = await connect();
    await c.query('CREATE DATABASE d');
    await c.query('CREATE TABLE d.t (id INT PRIMARY KEY, v INT NOT NULL, b LONGBLOB)');
    for (let i = 0; i < 50; i++) await insert(c, 1000);
  });

  afterEach(async () => {
    for (const c of connections) c.destroy();
    connections = [];
    await program.kill();
    execFileSync('umount', [mountPoint]);
  });

  async function restartAndCheck(): Promise<void> {
    const exit = await program.kill('SIGTERM');
    assert.equal(exit.code, 0, exit.err);
    const verify = await runProgram('log', 'verify', data);
    assert.equal(verify.code, 0, verify.out + verify.err);
    await start();
    await check(await connect());
  }

  it('by its own writes refuses them, answers reads, and takes writes again when there is room', async () => {
    const c = await connect();
    fill(12 << 20);
    while (await insert(c, 200_000));
    await check(c);
    // Small writes may still find room; sooner or later none does.
    for (let i = 0; i < 20; i++) await insert(c, 100_000);
    await check(c);
    makeRoom();
    assert.equal(await insert(c, 50_000), true);
    assert.equal(await bump(c, 1), true);
    await check(c);
    await restartAndCheck();
  });

  it('taken by another program in the midst of writes loses nothing', async () => {
    const writers = await Promise.all(Array.from({ length: 8 }, () => connect()));
    const reader = await connect();
    for (let round = 0; round < 4; round++) {
      let stop = false;
      let refused = 0;
      const work = writers.map(async (c, w) => {
        for (let i = 0; !stop; i++) {
          const done = i % 3 === 0 ? await insert(c, 3000) : await bump(c, 1 + ((w * 6 + i) % 48));
          if (!done) refused++;
        }
      });
      // Rows lie in the state's open transaction at any moment: the disk fills under them.
      await reader.query('SELECT SLEEP(0.05)');
      fill();
      while (refused < 20) await reader.query('SELECT count(*) FROM d.t');
      // Until it was to end.
      await reader.query('SELECT SLEEP(0.5)');
      stop = true;
      await Promise.all(work);
      await check(reader);
      makeRoom();
      assert.equal(await insert(writers[0] as Connection, 1000), true);
      await check(reader);
    }
    assert.ok((await restores()) > 0, 'the state lost its open transaction at least once');
    await restartAndCheck();
  });

  it('refuses schema changes and transactions whole', async () => {
    const c = await connect();
    fill();
    // A small one may have room where a larger one has none.
    for (const size of [2000, 20]) while (await insert(c, size));
    assert.equal(await attempt(() => c.query('CREATE TABLE d.u (a INT PRIMARY KEY)')), false);
    assert.equal(await attempt(() => c.query('ALTER TABLE d.t ADD more INT')), false);
    await c.query('BEGIN');
    const done = await attempt(async () => {
      for (let i = 0; i < 60; i++) await c.query('INSERT INTO d.t VALUES (?, 0, ?)', [100_000 + i, Buffer.alloc(5000)]);
      await c.query('COMMIT');
    });
    assert.equal(done, false);
    await c.query('ROLLBACK');
    await check(c);
    assert.deepEqual((await c.query('SHOW TABLES FROM d'))[0], [{ Tables_in_d: 't' }]);
    makeRoom();
    await c.query('CREATE TABLE d.u (a INT PRIMARY KEY)');
    await c.query('INSERT INTO d.u VALUES (1)');
    await c.query('ALTER TABLE d.t ADD more INT');
    await check(c);
    await restartAndCheck();
  });

  it('kills lose nothing either, and a node that finds no room to start says so', async () => {
    const c = await connect();
    fill(3 << 20);
    while (await insert(c, 20_000));
    await program.kill();
    fill();
    const again = startProgram(data);
    const port = await Promise.race([again.ready().catch(() => undefined), again.exit.then(() => undefined)]);
    if (port === undefined) {
      const exit = await again.exit;
      assert.notEqual(exit.code, 0);
      assert.match(exit.err, /^p2pdb: [^\n]*(space|full)[^\n]*\n$/i);
    } else {
      program = again;
      await check(await connect());
      await program.kill();
    }
    makeRoom();
    await start();
    const d = await connect();
    await check(d);
    assert.equal(await insert(d, 1000), true);
    await restartAndCheck();
  });

  it('leaves a member as it was that is to go on without its group', async () => {
    const c = await connect();
    for (let i = 0; i < 6; i++) await insert(c, 1_000_000);
    await program.kill();
    const names = (): string[] => readdirSync(data).sort();
    orderRecovery(data, hex(loadIdentity(data).publicKey));
    const log = pino({ level: 'silent' });
    fill(8 << 20);
    assert.match((await carryOutRecovery({ data }, log)) ?? '', /no space|disk is full/);
    assert.deepEqual(
      names().filter((name) => /^(?:successor|recovery|left)/.test(name)),
      [],
    );
    await start();
    await check(await connect());
    await program.kill();
    makeRoom();
    const id = hex(loadIdentity(data).publicKey);
    orderRecovery(data, id);
    assert.equal(await carryOutRecovery({ data }, log), undefined);
    assert.ok(names().includes(`left-${id.slice(0, 16)}`));
    await start();
    await restartAndCheck();
  });
});

after(() => rmSync(mountPoint, { recursive: true, force: true }));
