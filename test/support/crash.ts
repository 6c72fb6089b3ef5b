/**
 * Writers, a ledger of what they were told, and a node that is killed under them again and again.
 *
 * What must hold after each restart: every acknowledged write is there; a write in flight is there whole or not at all; the
 * sum over all accounts never changes; the log verifies.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { ROOT_PASSWORD } from './node.ts';
import { runProgram, startProgram, type Program } from './process.ts';

const ACCOUNTS = 40;
const BALANCE = 1000;
const GROUP_ROWS = 8;

/** What one writer was told. `attempted`: the number it was busy with when the connection ended. */
interface Progress {
  acknowledged: number;
  attempted: number;
}

export interface CrashFigures {
  rounds: number;
  acknowledged: number;
  /** Writes in flight at a kill that turned out to be durable. */
  unexpected: number;
  killedWhileStarting: number;
  startMsMax: number;
}

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly writers?: number;
  readonly report?: (line: string) => void;
}

/** Throws at the first thing that does not hold; the message names seed and round. */
export async function crashRounds(options: CrashOptions): Promise<CrashFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-crash-'));
  const run = new CrashRun(folder, options);
  let round = 0;
  try {
    await run.prepare();
    for (round = 1; round <= options.rounds; round++) {
      await run.round();
      options.report?.(`round ${round}: ${run.figures.acknowledged} writes acknowledged so far`);
    }
    await run.end();
    rmSync(folder, { recursive: true, force: true });
    return run.figures;
  } catch (error) {
    await run.abandon();
    throw new Error(`seed ${options.seed}, round ${round}, folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

class CrashRun {
  readonly figures: CrashFigures = { rounds: 0, acknowledged: 0, unexpected: 0, killedWhileStarting: 0, startMsMax: 0 };
  private readonly folder: string;
  private readonly random: () => number;
  private readonly inserts: Progress[];
  private readonly updates: Progress[];
  private readonly moves: Progress[];
  private program: Program | undefined;
  private port = 0;

  constructor(folder: string, options: CrashOptions) {
    this.folder = folder;
    this.random = seeded(options.seed);
    const writers = options.writers ?? 32;
    const some = (n: number): Progress[] => Array.from({ length: n }, () => ({ acknowledged: 0, attempted: 0 }));
    this.moves = some(Math.floor(writers / 4));
    this.updates = some(Math.floor(writers / 4));
    this.inserts = some(writers - this.moves.length - this.updates.length);
  }

  async prepare(): Promise<void> {
    await this.start();
    const c = await this.connect();
    await c.query('CREATE DATABASE bank; USE bank');
    await c.query('CREATE TABLE line (writer INT, n INT, text VARCHAR(40), PRIMARY KEY (writer, n))');
    await c.query('CREATE TABLE grp (g INT, i INT, v INT NOT NULL, PRIMARY KEY (g, i))');
    await c.query('CREATE TABLE account (id INT PRIMARY KEY, balance INT NOT NULL)');
    await c.query('CREATE TABLE move (writer INT, n INT, src INT, dst INT, amount INT, PRIMARY KEY (writer, n))');
    await c.query(
      `INSERT INTO account VALUES ${Array.from({ length: ACCOUNTS }, (_, i) => `(${i}, ${BALANCE})`).join(',')}`,
    );
    const rows = this.updates.flatMap((_, g) => Array.from({ length: GROUP_ROWS }, (__, i) => `(${g}, ${i}, 0)`));
    await c.query(`INSERT INTO grp VALUES ${rows.join(',')}`);
    await c.end();
  }

  async round(): Promise<void> {
    const connections = await Promise.all(
      [...this.inserts, ...this.updates, ...this.moves].map(() => this.connect('bank')),
    );
    let next = 0;
    const work = [
      ...this.inserts.map((p, w) => this.insertLines(connections[next++] as Connection, p, w)),
      ...this.updates.map((p, g) => this.updateGroup(connections[next++] as Connection, p, g)),
      ...this.moves.map((p, w) => this.moveMoney(connections[next++] as Connection, p, w)),
    ];
    await sleep(20 + this.random() * 300);
    await this.program?.kill();
    await Promise.all(work);
    for (const c of connections) c.destroy();
    // A node that is killed while it catches up must catch up the next time.
    if (this.random() < 0.25) {
      const starting = startProgram(this.folder);
      await sleep(50 + this.random() * 400);
      await starting.kill();
      this.figures.killedWhileStarting++;
    }
    await this.verifyLog();
    await this.start();
    await this.check();
    this.figures.rounds++;
  }

  async end(): Promise<void> {
    const exit = await this.program?.kill('SIGTERM');
    if (exit?.code !== 0) throw new Error(`SIGTERM ended the node with ${exit?.code}: ${exit?.err}`);
    await this.verifyLog();
  }

  async abandon(): Promise<void> {
    await this.program?.kill();
  }

  private async start(): Promise<void> {
    const begin = performance.now();
    this.program = startProgram(this.folder);
    this.port = await this.program.ready();
    this.figures.startMsMax = Math.max(this.figures.startMsMax, Math.round(performance.now() - begin));
  }

  private async connect(database?: string): Promise<Connection> {
    const c = await mysql.createConnection({
      host: '127.0.0.1',
      port: this.port,
      user: 'root',
      password: ROOT_PASSWORD,
      multipleStatements: true,
      ...(database !== undefined && { database }),
    });
    // The end of the connection is told by the query that it ends.
    c.on('error', () => undefined);
    return c;
  }

  private async verifyLog(): Promise<void> {
    const exit = await runProgram('log', 'verify', this.folder);
    if (exit.code !== 0) throw new Error(`p2pdb log verify: ${exit.out}${exit.err}`);
  }

  // The writers: each goes on until its connection ends.

  private async repeat(p: Progress, write: (n: number) => Promise<boolean>): Promise<void> {
    for (;;) {
      const n = p.acknowledged + 1;
      p.attempted = n;
      try {
        if (!(await write(n))) continue;
      } catch (error) {
        if (isConnectionEnd(error)) return;
        throw error;
      }
      p.acknowledged = n;
      this.figures.acknowledged++;
    }
  }

  private insertLines(c: Connection, p: Progress, writer: number): Promise<void> {
    return this.repeat(p, async (n) => {
      await c.query(`INSERT INTO line VALUES (${writer}, ${n}, 'line ${n} of ${writer}')`);
      return true;
    });
  }

  private updateGroup(c: Connection, p: Progress, g: number): Promise<void> {
    return this.repeat(p, async (n) => {
      await c.query(`UPDATE grp SET v = ${n} WHERE g = ${g}`);
      return true;
    });
  }

  private moveMoney(c: Connection, p: Progress, writer: number): Promise<void> {
    return this.repeat(p, async (n) => {
      const [from, to] = [Math.floor(this.random() * ACCOUNTS), Math.floor(this.random() * ACCOUNTS)];
      const amount = 1 + Math.floor(this.random() * 50);
      try {
        await c.query('BEGIN');
        await c.query('UPDATE account SET balance = balance - ? WHERE id = ?', [amount, from]);
        await c.query('UPDATE account SET balance = balance + ? WHERE id = ?', [amount, to]);
        await c.query('INSERT INTO move VALUES (?, ?, ?, ?, ?)', [writer, n, from, to, amount]);
        await c.query('COMMIT');
        return true;
      } catch (error) {
        // Deadlocks are part of the game.
        const { errno } = error as { errno?: number };
        if (errno !== 1213 && errno !== 1205) throw error;
        await c.query('ROLLBACK');
        return false;
      }
    });
  }

  // What must hold

  private async check(): Promise<void> {
    const c = await this.connect('bank');
    const rows = async (sql: string): Promise<number[][]> =>
      (await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true }))[0] as unknown as number[][];
    const lines = new Map(
      (await rows('SELECT writer, count(*), max(n) FROM line GROUP BY writer')).map(([w, count, max]) => [
        w,
        [count, max],
      ]),
    );
    this.inserts.forEach((p, writer) => {
      const [count = 0, max = 0] = lines.get(writer) ?? [];
      if (count !== max) throw new Error(`writer ${writer} has ${count} lines, the last is ${max}`);
      this.settle(p, max, `lines of writer ${writer}`);
    });
    const groups = new Map(
      (await rows('SELECT g, min(v), max(v), count(*) FROM grp GROUP BY g')).map(([g, ...rest]) => [g, rest]),
    );
    this.updates.forEach((p, g) => {
      const [min = -1, max = -1, count] = groups.get(g) ?? [];
      if (min !== max || count !== GROUP_ROWS)
        throw new Error(`half an update is visible: group ${g} has values from ${min} to ${max}`);
      this.settle(p, max, `updates of group ${g}`);
    });
    const moves = await rows('SELECT writer, n, src, dst, amount FROM move ORDER BY writer, n');
    const expected = Array.from({ length: ACCOUNTS }, () => BALANCE);
    const made = new Map<number, number>();
    for (const [writer, n, from, to, amount] of moves as [number, number, number, number, number][]) {
      if (n !== (made.get(writer) ?? 0) + 1)
        throw new Error(`transaction ${n} of writer ${writer} follows ${made.get(writer) ?? 0}`);
      made.set(writer, n);
      expected[from] = (expected[from] ?? 0) - amount;
      expected[to] = (expected[to] ?? 0) + amount;
    }
    this.moves.forEach((p, writer) => this.settle(p, made.get(writer) ?? 0, `transactions of writer ${writer}`));
    const balances = (await rows('SELECT balance FROM account ORDER BY id')).map(([b]) => b);
    if (balances.join() !== expected.join())
      throw new Error(`balances are ${balances.join()}, the transactions make ${expected.join()}`);
    if (balances.reduce((a = 0, b = 0) => a + b, 0) !== ACCOUNTS * BALANCE) throw new Error('money was made or lost');
    await c.end();
  }

  /** `found`: the last number that is there. */
  private settle(p: Progress, found: number, what: string): void {
    if (found < p.acknowledged)
      throw new Error(`acknowledged writes were lost: ${what} end at ${found}, ${p.acknowledged} were acknowledged`);
    if (found > p.attempted)
      throw new Error(`writes that nobody sent: ${what} end at ${found}, ${p.attempted} were sent`);
    if (found > p.acknowledged) this.figures.unexpected++;
    p.acknowledged = found;
  }
}

const ENDS = new Set(['ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST', 'ECONNREFUSED']);
const isConnectionEnd = (error: unknown): boolean =>
  ENDS.has((error as { code?: string }).code ?? '') ||
  /closed state|connection (is|was) (closed|lost)/i.test((error as Error).message);

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
