/** One run: a cluster, its clients, what befalls it, and what must hold afterwards. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../support/cluster.ts';
import { seeded } from '../support/crash.ts';
import { check } from './checks.ts';
import { Clients, isFault, type Host } from './clients.ts';
import { Dice } from './dice.ts';
import { disturb, FAULT_NAMES } from './faults.ts';
import { hasNoRoom, SmallDisk } from './small-disk.ts';
import { setWeather, weatherFrom, type Weather } from './weather.ts';
import { DATABASES, KINDS, TABLES, type Kind } from './work.ts';

export interface SoakOptions {
  readonly seed: number;
  /** How long the nodes are disturbed. */
  readonly milliseconds: number;
  /** Members at first; one more comes and goes. */
  readonly nodes?: number;
  /** Clients of each node. */
  readonly clients?: number;
  readonly faults?: readonly string[];
  /** What clients do in transactions; see KINDS. */
  readonly kinds?: readonly string[];
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
/** The longest there is: clocks are months apart. */
const TOKEN_MINUTES = 365 * 24 * 60;
const ATTEMPTS = 20;

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

/** Beside the nodes. */
interface Sky {
  /** Of the files that say what weather it is, and of copies. */
  readonly folder: string;
  readonly disk: SmallDisk | undefined;
  /** By node. */
  readonly weather: Weather[];
}

const weatherFile = ({ folder }: Sky, node: number): string => path.join(folder, `weather-${node}`);
/** The node with a disk of its own. */
const SMALL = 1;

export class Soak implements Host {
  readonly seed: number;
  readonly kinds: readonly Kind[];
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
  private readonly sky: Sky;
  /** The newcomer's folder has the key with which it asked to be let in. */
  private hasAsked = false;
  /** Nodes of which a copy of the folder is kept. */
  private readonly copies = new Set<number>();

  private constructor(cluster: TestCluster, sky: Sky, options: SoakOptions) {
    this.seed = options.seed;
    const all = Object.keys(KINDS) as Kind[];
    const { kinds = all } = options;
    const unknown = kinds.find((kind) => !Object.hasOwn(KINDS, kind));
    if (unknown !== undefined) throw new Error(`no kind of work: ${unknown}; there are ${all.join('|')}`);
    this.kinds = all.filter((kind) => kinds.includes(kind));
    this.cluster = cluster;
    this.sky = sky;
    this.options = options;
    this.newcomer = cluster.size - 1;
    this.members = new Set(Array.from({ length: this.newcomer }, (_, node) => node));
    this.dice = new Dice(seeded(options.seed));
    this.clients = new Clients(this);
  }

  static async start(options: SoakOptions): Promise<Soak> {
    const dice = new Dice(seeded(options.seed + 1));
    const nodes = (options.nodes ?? 3) + 1;
    const sky: Sky = {
      folder: mkdtempSync(path.join(tmpdir(), 'p2pdb-soak-')),
      disk: SmallDisk.mount(),
      weather: Array.from({ length: nodes }, () => ({
        clockMs: dice.chance(0.3) ? Math.round(dice.between(-HOUR_MS, HOUR_MS)) : 0,
        syncMs: 0,
      })),
    };
    for (const [node, weather] of sky.weather.entries()) setWeather(weatherFile(sky, node), weather);
    const cluster = await TestCluster.start({
      nodes,
      newcomers: 1,
      folderOf: (node) => (node === SMALL ? sky.disk?.folder : undefined),
      env: {
        P2PDB_LOG_LEVEL: 'info',
        P2PDB_LOCAL_INFILE: 'true',
        ...(dice.chance(0.5) && { P2PDB_LOG_RETENTION: '1M' }),
      },
      envOf: (node) => ({ NODE_OPTIONS: weatherFrom(weatherFile(sky, node)) }),
    });
    return new Soak(cluster, sky, options);
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
    for (const name of this.cluster.endedAlone(hasNoRoom)) this.fault(`${name} ended by itself`);
    const isFine = this.faults.length === 0;
    await this.clients.stop();
    await this.cluster.stop(true);
    this.sky.disk?.unmount(isFine ? undefined : path.join(this.cluster.root, this.nameOf(SMALL)));
    rmSync(this.sky.folder, { recursive: true });
    if (isFine) rmSync(this.cluster.root, { recursive: true });
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

  get smallDisk(): SmallDisk | undefined {
    return this.sky.disk;
  }

  change(node: number, weather: Partial<Weather>): void {
    this.note(`${this.nameOf(node)}: ${JSON.stringify(weather)}`);
    const now = { ...(this.sky.weather[node] as Weather), ...weather };
    this.sky.weather[node] = now;
    setWeather(weatherFile(this.sky, node), now);
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
    for (const name of this.cluster.endedAlone(hasNoRoom)) throw new Error(`${name} ended by itself`);
    for (const node of this.frozen) this.thaw(node);
    this.sky.disk?.makeRoom();
    for (const [node, { syncMs }] of this.sky.weather.entries()) if (syncMs > 0) this.change(node, { syncMs: 0 });
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
    // A join that was not decided in time may be later: it is the one with that key that is let in.
    if (!this.hasAsked) rmSync(this.cluster.folder(this.newcomer), { recursive: true, force: true });
    this.hasAsked = true;
    this.closed.delete(this.newcomer);
    try {
      await this.cluster.join(this.newcomer, by, TOKEN_MINUTES);
    } finally {
      await this.lookWhoIsMember(by);
    }
  }

  /** Clients leave a node, and what it acknowledged stands in blocks. False where that could not be: then they come back. */
  async close(node: number): Promise<boolean> {
    this.closed.add(node);
    await this.clients.left(node);
    // What it says at level final stands in a block, and so does all that it wrote before.
    for (const database of DATABASES) {
      const last = `INSERT /*+ P2PDB_COMMIT(final) */ INTO ${database}.tag (id) VALUES ('left ${performance.now()}')`;
      if (await this.order(node, last)) continue;
      this.closed.delete(node);
      return false;
    }
    return true;
  }

  /** A removal that was sent may be decided later: nobody writes through that member any more. */
  async remove(by: number): Promise<void> {
    if (!(await this.close(this.newcomer))) return;
    await this.order(by, `SELECT p2pdb_remove_member('${this.nameOf(this.newcomer)}')`);
    await this.lookWhoIsMember(by);
  }

  private copyOf(node: number): string {
    return path.join(this.sky.folder, `copy-${node}`);
  }

  /** Clients are away: what it holds alone would go. The copy is of a node that had ended. */
  async setBack(node: number): Promise<void> {
    const [copy, folder] = [this.copyOf(node), this.cluster.folder(node)];
    if (!this.copies.has(node)) {
      await this.kill(node, 'SIGTERM');
      cpSync(folder, copy, { recursive: true });
      this.copies.add(node);
      this.note(`copied ${this.nameOf(node)}`);
      return this.start(node);
    }
    if (!(await this.close(node))) return;
    await this.kill(node);
    this.emptied(node);
    cpSync(copy, folder, { recursive: true });
    this.forget(node);
    this.note(`set ${this.nameOf(node)} back`);
    await this.start(node);
    this.closed.delete(node);
  }

  private emptied(node: number): void {
    rmSync(this.cluster.folder(node), { recursive: true, force: true });
  }

  private forget(node: number): void {
    if (this.copies.delete(node)) rmSync(this.copyOf(node), { recursive: true });
  }

  /** Its disk is lost, and somebody new comes in its place. */
  async replace(node: number, by: number): Promise<void> {
    const name = this.nameOf(node);
    if (!(await this.close(node))) return;
    await this.kill(node);
    this.members.delete(node);
    this.forget(node);
    this.emptied(node);
    await this.insist(by, `SELECT p2pdb_remove_member('${name}')`);
    for (let left = ATTEMPTS; ; left--) {
      try {
        await this.cluster.join(node, by, TOKEN_MINUTES);
        break;
      } catch (error) {
        this.note(`  ${(error as Error).message.slice(0, 300)}`);
        if (left === 0 || existsSync(path.join(this.cluster.folder(node), 'groups'))) throw error;
        await sleep(1_000);
      }
    }
    this.members.add(node);
    this.closed.delete(node);
    await this.insist(by, `SELECT p2pdb_set_voter('${name}', 1)`);
  }

  private async insist(by: number, sql: string): Promise<void> {
    for (let times = 5; times > 0; times--) {
      if (await this.order(by, sql)) return;
      await sleep(1_000);
    }
    throw new Error(`${this.nameOf(by)} does not: ${sql}`);
  }

  /** Whether each database with hosts of its own has enough of them without this one. */
  async isSpare(node: number, by: number): Promise<boolean> {
    const rows = await this.order(by, 'SELECT * FROM p2pdb.hosts');
    if (!rows) return false;
    const hosts = new Map<string, string[]>();
    for (const row of rows) {
      const [database, host] = Object.values(row) as [string, string];
      hosts.set(database, [...(hosts.get(database) ?? []), host]);
    }
    return [...hosts.values()].every((names) => !names.includes(this.nameOf(node)) || names.length > 2);
  }

  /** Whether the newcomer is a member. */
  async lookWhoIsMember(by = 0): Promise<void> {
    const name = this.nameOf(this.newcomer);
    const rows = await this.order(by, `SELECT 1 FROM p2pdb.members WHERE name = '${name}'`);
    if (rows?.length === 1) this.members.add(this.newcomer);
    if (rows?.length !== 0) return;
    if (!this.members.delete(this.newcomer)) return;
    this.hasAsked = false;
    await this.kill(this.newcomer);
  }
}
