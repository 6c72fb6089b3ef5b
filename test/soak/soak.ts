/** One run: a cluster, its clients, what befalls it, and what must hold afterwards. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../support/cluster.ts';
import { seeded } from '../support/crash.ts';
import { clockShiftedBy } from '../support/process.ts';
import { check } from './checks.ts';
import { Clients, isFault, type Host } from './clients.ts';
import { Dice } from './dice.ts';
import { disturb, FAULT_NAMES } from './faults.ts';
import { DATABASES, TABLES } from './work.ts';

export interface SoakOptions {
  readonly seed: number;
  /** How long the nodes are disturbed. */
  readonly milliseconds: number;
  /** Members at first; one more comes and goes. */
  readonly nodes?: number;
  /** Clients of each node. */
  readonly clients?: number;
  readonly faults?: readonly string[];
  readonly report?: (line: string) => void;
}

export interface SoakFigures {
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly errors: ReadonlyMap<string, number>;
}

const HOUR_MS = 3_600_000;
const CONNECT_MS = 30_000;

/** Throws with all that did not hold; the folders of the nodes, and what they said, stay where the error says. */
export async function soak(options: SoakOptions): Promise<SoakFigures> {
  const run = await Soak.start(options);
  try {
    await run.run();
  } catch (error) {
    run.fault(`the run ended: ${inspect(error)}`);
  }
  return run.end();
}

export class Soak implements Host {
  readonly seed: number;
  readonly cluster: TestCluster;
  readonly newcomer: number;
  readonly members: Set<number>;
  readonly clients: Clients;
  private readonly options: SoakOptions;
  private readonly dice: Dice;
  private readonly closed = new Set<number>();
  private readonly frozen = new Set<number>();
  private readonly faults: string[] = [];
  private readonly notes: string[] = [];

  private constructor(cluster: TestCluster, options: SoakOptions) {
    this.seed = options.seed;
    this.cluster = cluster;
    this.options = options;
    this.newcomer = cluster.size - 1;
    this.members = new Set(Array.from({ length: this.newcomer }, (_, node) => node));
    this.dice = new Dice(seeded(options.seed));
    this.clients = new Clients(this);
  }

  static async start(options: SoakOptions): Promise<Soak> {
    const dice = new Dice(seeded(options.seed + 1));
    const nodes = (options.nodes ?? 3) + 1;
    const shifts = Array.from({ length: nodes }, () => (dice.chance(0.3) ? dice.between(-HOUR_MS, HOUR_MS) : 0));
    const cluster = await TestCluster.start({
      nodes,
      newcomers: 1,
      env: { P2PDB_LOG_LEVEL: 'info', ...(dice.chance(0.5) && { P2PDB_LOG_RETENTION: '1M' }) },
      envOf: (node) => (shifts[node] ? { NODE_OPTIONS: clockShiftedBy(Math.round(shifts[node])) } : {}),
    });
    return new Soak(cluster, options);
  }

  async run(): Promise<void> {
    const { clients = 4, milliseconds, faults = FAULT_NAMES } = this.options;
    const c = await this.cluster.connect(0, { multipleStatements: true });
    for (const database of DATABASES) await c.query(TABLES(database));
    await c.end();
    await this.cluster.converged([...this.members]);
    for (let node = 0; node < this.cluster.size; node++) this.clients.start(node, clients);
    await disturb(this, this.dice, faults, milliseconds);
    this.note('all is well again');
    const before = this.clients.acknowledged;
    await sleep(3_000);
    this.note(`${this.clients.acknowledged - before} acknowledged since`);
    await this.clients.stop();
    await check(this);
  }

  async end(): Promise<SoakFigures> {
    for (const name of this.cluster.endedAlone()) this.fault(`${name} ended by itself`);
    const isFine = this.faults.length === 0;
    await this.clients.stop();
    await this.cluster.stop(!isFine);
    const { writes, errors, acknowledged } = this.clients;
    if (!isFine) {
      const folder = path.join(this.cluster.root, 'soak');
      mkdirSync(folder);
      for (const [name, said] of this.cluster.said()) writeFileSync(path.join(folder, `${name}.log`), said);
      writeFileSync(path.join(folder, 'writes.json'), JSON.stringify(writes));
      writeFileSync(path.join(folder, 'notes.log'), this.notes.join('\n'));
      throw new Error(`seed ${this.seed}, kept in ${this.cluster.root}:\n${this.faults.join('\n')}`);
    }
    const count = (outcome: string): number => writes.filter((write) => write.outcome === outcome).length;
    return { acknowledged, refused: count('refused'), unknown: count('unknown'), errors };
  }

  note(text: string): void {
    const line = `${new Date().toISOString().slice(11, 23)} ${text}`;
    this.notes.push(line);
    this.options.report?.(line);
  }

  fault(text: string): void {
    this.faults.push(text);
    this.note(`FAULT: ${text}`);
  }

  // The nodes

  nameOf(node: number): string {
    return `n${node}`;
  }

  isOpen(node: number): boolean {
    return this.members.has(node) && !this.closed.has(node) && this.cluster.program(node).running;
  }

  isAwake(node: number): boolean {
    return this.isOpen(node) && !this.frozen.has(node);
  }

  /** Members whose program runs, and that are not frozen. */
  running(): number[] {
    return [...this.members].filter((node) => this.cluster.program(node).running && !this.frozen.has(node));
  }

  async kill(node: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.note(`${signal} ${this.nameOf(node)}`);
    this.thaw(node);
    const { code } = await this.cluster.kill(node, signal);
    if (signal === 'SIGTERM' && code !== 0 && code !== null)
      this.fault(`${this.nameOf(node)} ended with ${code} at SIGTERM`);
  }

  async start(node: number): Promise<void> {
    if (!this.cluster.program(node).running) await this.cluster.start(node);
  }

  freeze(node: number): void {
    this.note(`SIGSTOP ${this.nameOf(node)}`);
    this.frozen.add(node);
    this.cluster.program(node).child.kill('SIGSTOP');
  }

  thaw(node: number): void {
    if (this.frozen.delete(node)) this.cluster.program(node).child.kill('SIGCONT');
  }

  async cut(left: readonly number[], right: readonly number[]): Promise<void> {
    this.note(`cut ${left.join()} | ${right.join()}`);
    await this.cluster.cut(left, right);
  }

  heal(): Promise<void> {
    return this.cluster.heal();
  }

  /** Whatever was left behind by faults that met: all members run, and are linked. */
  async mend(): Promise<void> {
    for (const name of this.cluster.endedAlone()) throw new Error(`${name} ended by itself`);
    for (const node of this.frozen) this.thaw(node);
    for (const node of this.members) await this.start(node);
    // One that has just been thawed has let its connections go.
    await this.heal().catch(() => this.heal());
  }

  /** A statement as root, which may be refused. A node that took a snapshot starts anew: it is waited for. */
  async order(node: number, sql: string): Promise<RowDataPacket[] | undefined> {
    this.note(`${this.nameOf(node)}: ${sql}`);
    const c = await this.connect(node);
    try {
      return (await c.query<RowDataPacket[]>(sql))[0];
    } catch (error) {
      const { errno, message } = error as { errno?: number; message: string };
      this.note(`  ${errno} ${message}`);
      if (errno !== undefined && isFault(error)) this.fault(`${this.nameOf(node)}: ${sql}: ${errno} ${message}`);
      return undefined;
    } finally {
      c.destroy();
    }
  }

  private async connect(node: number): Promise<Connection> {
    const deadline = performance.now() + CONNECT_MS;
    for (;;) {
      try {
        return await this.cluster.connect(node);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(200);
      }
    }
  }

  async join(by: number): Promise<void> {
    rmSync(this.cluster.folder(this.newcomer), { recursive: true, force: true });
    this.closed.delete(this.newcomer);
    try {
      // The clocks are hours apart.
      await this.cluster.join(this.newcomer, by, (3 * HOUR_MS) / 60_000);
    } finally {
      await this.lookWhoIsMember(by);
    }
  }

  /** A removal that was sent may be decided later: nobody writes through that member any more. */
  async remove(by: number): Promise<void> {
    this.closed.add(this.newcomer);
    await this.clients.left(this.newcomer);
    // What it says at level final stands in a block, and so does all that it wrote before.
    for (const database of DATABASES) {
      const last = `INSERT /*+ P2PDB_COMMIT(final) */ INTO ${database}.tag (id) VALUES ('left ${performance.now()}')`;
      if (await this.order(this.newcomer, last)) continue;
      this.closed.delete(this.newcomer);
      return;
    }
    await this.order(by, `SELECT p2pdb_remove_member('${this.nameOf(this.newcomer)}')`);
    await this.lookWhoIsMember(by);
  }

  /** Whether the newcomer is a member. */
  async lookWhoIsMember(by = 0): Promise<void> {
    const name = this.nameOf(this.newcomer);
    const rows = await this.order(by, `SELECT 1 FROM p2pdb.members WHERE name = '${name}'`);
    if (rows?.length === 1) this.members.add(this.newcomer);
    if (rows?.length !== 0) return;
    if (this.members.delete(this.newcomer)) await this.kill(this.newcomer);
  }
}
