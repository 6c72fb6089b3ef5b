/**
 * Clients that write on every node at every commit level, try again where a node is gone, and keep a ledger of what they were told.
 *
 * What must hold once the nodes agree: every acknowledged write is there, once; a refused one is not; one whose answer never came
 * is there whole or not at all.
 */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { TestCluster } from './cluster.ts';

export const LEVELS = ['local', 'replicated', 'final'] as const;
export type Level = (typeof LEVELS)[number];
type Kind = 'insert' | 'add';
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** A bound for a machine that has nothing else to do, stretched by how many wait for each processor of this one. */
export const stretched = (milliseconds: number): number =>
  milliseconds * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());

export interface LedgerOptions {
  readonly nodes?: readonly number[];
  readonly levels?: readonly Level[];
  /** Writers of each kind on each node at each level. */
  readonly writers?: number;
  readonly kinds?: readonly Kind[];
  /** Between two writes of a writer. */
  readonly paceMs?: number;
}

/** Between two attempts where a node refuses or is gone. */
const RETRY_MS = 20;

const DEADLOCK = 1213;
const LOCK_WAIT_TIMEOUT = 1205;
const SHUTDOWN = 1053;
const NOT_CONFIRMED = 3101;
const ENDS = new Set(['ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST', 'ECONNREFUSED']);

export const isConnectionEnd = (error: unknown): boolean =>
  ENDS.has((error as { code?: string }).code ?? '') ||
  (error as { errno?: number }).errno === SHUTDOWN ||
  /closed state|connection (is|was) (closed|lost)/i.test((error as Error).message);

/** What a failed write says of itself. Throws an error that no fault explains. */
export function outcomeOf(error: unknown): Exclude<Outcome, 'acknowledged'> {
  const { errno, message } = error as { errno?: number; message: string };
  if (isConnectionEnd(error)) return 'unknown';
  if (errno === DEADLOCK || errno === LOCK_WAIT_TIMEOUT) return 'refused';
  if (errno === NOT_CONFIRMED) return message.startsWith('Not confirmed') ? 'unknown' : 'refused';
  throw error;
}

/** One client, on one node, at one level. */
class Writer {
  readonly id: number;
  readonly node: number;
  readonly level: Level;
  readonly kind: Kind;
  /** Of the write at place n - 1. */
  readonly outcomes: Outcome[] = [];
  lastMs = performance.now();
  longestMs = 0;

  constructor(id: number, node: number, level: Level, kind: Kind) {
    this.id = id;
    this.node = node;
    this.level = level;
    this.kind = kind;
  }

  /** The row that it adds to. At level final, additions of several nodes to one row refuse each other: each node has its own. */
  get counter(): number {
    return LEVELS.indexOf(this.level) + (this.level === 'final' ? this.node : 0);
  }

  count(outcome: Outcome): number {
    return this.outcomes.filter((one) => one === outcome).length;
  }

  note(outcome: Outcome): void {
    this.outcomes.push(outcome);
    if (outcome !== 'acknowledged') return;
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.lastMs);
    this.lastMs = now;
  }
}

export class Ledger {
  private readonly cluster: TestCluster;
  private readonly database: string;
  private readonly paceMs: number;
  private readonly writers: Writer[];
  private readonly events = new EventEmitter();
  private readonly stopping = new AbortController();
  private running: Promise<void>[] = [];

  private constructor(cluster: TestCluster, database: string, options: LedgerOptions) {
    this.cluster = cluster;
    this.database = database;
    this.paceMs = options.paceMs ?? 5;
    this.events.setMaxListeners(0);
    const nodes = options.nodes ?? Array.from({ length: cluster.size }, (_, node) => node);
    const places = nodes.flatMap((node) =>
      (options.levels ?? LEVELS).flatMap((level) =>
        (options.kinds ?? (['insert', 'add'] as const)).flatMap((kind) =>
          Array.from({ length: options.writers ?? 1 }, () => ({ node, level, kind })),
        ),
      ),
    );
    this.writers = places.map(({ node, level, kind }, id) => new Writer(id, node, level, kind));
  }

  /** Makes the tables, and starts the writers; resolves when each has been told OK once. */
  static async open(cluster: TestCluster, database: string, options: LedgerOptions = {}): Promise<Ledger> {
    const ledger = new Ledger(cluster, database, options);
    const c = await cluster.connect(ledger.writers[0]?.node ?? 0);
    await c.query(`CREATE DATABASE ${database}`);
    await c.query(`CREATE TABLE ${database}.tag (writer INT, n INT, PRIMARY KEY (writer, n))`);
    await c.query(`CREATE TABLE ${database}.counter (id INT PRIMARY KEY, v INT NOT NULL)`);
    await c.query(`INSERT INTO ${database}.counter VALUES ${ledger.counters.map((id) => `(${id}, 0)`).join(',')}`);
    await c.end();
    await cluster.converged(options.nodes);
    await ledger.start();
    return ledger;
  }

  /** Resolves when each writer has been told OK once. */
  private async start(): Promise<void> {
    const first = this.writers.map((writer) => once(this.events, `acknowledged ${writer.id}`));
    this.running = this.writers.map((writer) => this.write(writer));
    await Promise.race([Promise.all(first), Promise.all(this.running)]);
  }

  // The writers

  private async write(writer: Writer): Promise<void> {
    const { signal } = this.stopping;
    try {
      while (!signal.aborted) {
        const c = await this.connect(writer);
        if (!c) return;
        await this.writeOver(c, writer);
        c.destroy();
      }
    } catch (error) {
      this.stopping.abort();
      throw new Error(`a writer at level ${writer.level} on node ${writer.node}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Undefined: stopped before the node was there. */
  private async connect({ node, level }: Writer): Promise<Connection | undefined> {
    while (!this.stopping.signal.aborted) {
      try {
        const c = await this.cluster.connect(node, { database: this.database });
        await c.query(`SET p2pdb_commit = '${level}'`);
        return c;
      } catch (error) {
        if (!isConnectionEnd(error)) throw error;
        await this.wait(RETRY_MS);
      }
    }
    return undefined;
  }

  /** Until the connection ends, or all shall stop. */
  private async writeOver(c: Connection, writer: Writer): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await c.query(
          writer.kind === 'insert'
            ? `INSERT INTO tag VALUES (${writer.id}, ${writer.outcomes.length + 1})`
            : `UPDATE counter SET v = v + 1 WHERE id = ${writer.counter}`,
        );
        writer.note('acknowledged');
        this.events.emit(`acknowledged ${writer.id}`);
        await this.wait(this.paceMs);
      } catch (error) {
        writer.note(outcomeOf(error));
        if (isConnectionEnd(error)) return;
        await this.wait(RETRY_MS);
      }
    }
  }

  private get counters(): number[] {
    return [...new Set(this.writers.map(({ counter }) => counter))];
  }

  private async wait(milliseconds: number): Promise<void> {
    if (milliseconds > 0) await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private at(nodes: readonly number[], level: Level): Writer[] {
    return this.writers.filter((writer) => nodes.includes(writer.node) && writer.level === level);
  }

  // What they were told

  /** Pauses are measured from now on. */
  mark(): void {
    const now = performance.now();
    for (const writer of this.writers) {
      writer.lastMs = now;
      writer.longestMs = 0;
    }
  }

  /** The longest time since `mark` that a writer at this level on these nodes waited for an OK; milliseconds. */
  pauseMs(nodes: readonly number[], level: Level): number {
    const now = performance.now();
    return Math.max(...this.at(nodes, level).map(({ longestMs, lastMs }) => Math.max(longestMs, now - lastMs)));
  }

  /** Resolves when each writer at this level on these nodes was told OK again. */
  async goesOn(nodes: readonly number[], level: Level): Promise<void> {
    const all = this.at(nodes, level).map(({ id }) => once(this.events, `acknowledged ${id}`));
    await Promise.race([Promise.all(all), Promise.all(this.running)]);
  }

  /** Ends the writers. Throws what one of them could not explain. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  /**
   * Waits until the nodes agree and compares what each has with what was told. Call it when the writers have stopped. Gives the
   * writes by their outcome.
   */
  async check(nodes?: readonly number[]): Promise<Readonly<Record<Outcome, number>>> {
    await this.cluster.converged(nodes);
    for (const node of nodes ?? Array.from({ length: this.cluster.size }, (_, i) => i)) await this.checkNode(node);
    const total = { acknowledged: 0, refused: 0, unknown: 0 };
    for (const { outcomes } of this.writers) for (const outcome of outcomes) total[outcome]++;
    return total;
  }

  private async checkNode(node: number): Promise<void> {
    const c = await this.cluster.connect(node, { database: this.database });
    const rows = async (sql: string): Promise<unknown[][]> =>
      (await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true }))[0];
    const tags = new Map<number, Set<number>>();
    for (const [writer, n] of (await rows('SELECT writer, n FROM tag')) as [number, number][])
      tags.set(writer, (tags.get(writer) ?? new Set()).add(n));
    const counters = new Map((await rows('SELECT id, v FROM counter')) as [number, number][]);
    const conflicts = await rows('SELECT * FROM p2pdb.conflicts');
    await c.end();
    assert.deepEqual(conflicts, [], `n${node} lists conflicts`);

    for (const writer of this.writers.filter(({ kind }) => kind === 'insert')) {
      const there = tags.get(writer.id) ?? new Set();
      const what = `of the inserts at level ${writer.level} on n${writer.node}, n${node}`;
      const told = (outcome: Outcome): number[] =>
        writer.outcomes.flatMap((one, i) => (one === outcome ? [i + 1] : []));
      const lost = told('acknowledged').filter((n) => !there.has(n));
      assert.deepEqual(lost, [], `${what} lost acknowledged ones`);
      const risen = told('refused').filter((n) => there.has(n));
      assert.deepEqual(risen, [], `${what} has refused ones`);
      const last = Math.max(0, ...there);
      assert.ok(last <= writer.outcomes.length, `${what} has number ${last}, which nobody sent`);
    }
    for (const id of this.counters) {
      const adders = this.writers.filter((writer) => writer.kind === 'add' && writer.counter === id);
      const count = (outcome: Outcome): number => adders.reduce((sum, writer) => sum + writer.count(outcome), 0);
      const v = counters.get(id) ?? -1;
      const [least, most] = [count('acknowledged'), count('acknowledged') + count('unknown')];
      assert.ok(v >= least && v <= most, `counter ${id} is ${v} on n${node}; ${least} to ${most} additions were made`);
    }
  }
}
