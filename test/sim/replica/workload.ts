/** What clients do: transactions of every kind that merging, certification and constraints have to stand. */
import type { Random } from '../kernel/random.ts';
import { Client, type Deed, type Level } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { Sight } from './history.ts';
import type { SimulatedNode } from './node.ts';
import { PREDICATE_SCHEMA, PredicateWork } from './predicate-work.ts';

const COUNTERS = 3;
const LISTS = 3;
const CALM_PAUSE_MS = 200;

export const SCHEMA: readonly string[] = [
  'CREATE DATABASE d',
  'CREATE TABLE d.ledger(tag VARCHAR(40) PRIMARY KEY)',
  'CREATE TABLE d.counter(id INT PRIMARY KEY, n INT NOT NULL)',
  'CREATE TABLE d.list(id INT PRIMARY KEY, tags TEXT)',
  'CREATE TABLE d.item(id INT PRIMARY KEY, u INT, n INT, t VARCHAR(40), UNIQUE KEY(u), KEY(n), CHECK (n < 100))',
  'CREATE TABLE d.parent(id INT PRIMARY KEY, t VARCHAR(40))',
  'CREATE TABLE d.child(id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES d.parent(id) ON DELETE CASCADE)',
  'CREATE TABLE d.held(id INT PRIMARY KEY AUTO_INCREMENT, p INT, FOREIGN KEY (p) REFERENCES d.parent(id))',
  `INSERT INTO d.counter VALUES ${Array.from({ length: COUNTERS }, (_, i) => `(${i}, 0)`).join()}`,
  `INSERT INTO d.list VALUES ${Array.from({ length: LISTS }, (_, i) => `(${i}, '')`).join()}`,
  ...PREDICATE_SCHEMA,
];

export interface WorkloadOptions {
  readonly levels: readonly Level[];
  readonly pauseMs: number;
  readonly clients: number;
  readonly schemaChanges: boolean;
}

export class Workload {
  readonly deeds: Deed[] = [];
  /** Queries that found tags: what was seen together. */
  readonly sights: Sight[] = [];
  readonly predicates: PredicateWork;
  private readonly cluster: Cluster;
  private readonly random: Random;
  private readonly options: WorkloadOptions;
  private sessions = 0;
  private tags = 0;
  private columns = 0;
  private probes = new Set<string>();
  ended = false;
  /** They get no more clients, and those that they have go. */
  readonly leavers = new Set<SimulatedNode>();
  /** How many clients each has in this run of it. */
  private readonly clients = new Map<SimulatedNode, number>();
  /** Clients take their time. */
  calm = false;

  constructor(cluster: Cluster, options: WorkloadOptions) {
    this.cluster = cluster;
    this.random = cluster.random;
    this.options = options;
    this.predicates = new PredicateWork(cluster.random);
  }

  client(node: SimulatedNode): Client {
    return new Client(node, ++this.sessions, () => this.cluster.now);
  }

  /** Clients of a node that has started; they go when it crashes. */
  serve(node: SimulatedNode): void {
    const count = this.leavers.has(node) ? 0 : this.options.clients;
    this.clients.set(node, count);
    for (let i = 0; i < count; i++) {
      this.live(this.client(node)).catch((error: unknown) => {
        if (node.isUp) this.cluster.fail(`a client of ${node.name} fails: ${(error as Error).stack}`);
      });
    }
  }

  /** Its clients have gone. */
  isQuiet(node: SimulatedNode): boolean {
    return this.clients.get(node) === 0;
  }

  private async live(client: Client): Promise<void> {
    const { random, options } = this;
    while (!this.ended && client.isAlive && !this.leavers.has(client.node)) {
      await client.pause(random.between(0, 2 * (this.calm ? CALM_PAUSE_MS : options.pauseMs)));
      const level = random.pick(options.levels);
      await client.sql(`SET p2pdb_commit = '${level}', p2pdb_read = '${level === 'final' ? 'linearizable' : 'local'}'`);
      const kinds =
        level === 'final'
          ? ['append', 'append', 'add', 'rows', 'predicate', 'predicate', 'look']
          : ['add', 'rows', 'rows', 'rows', 'probe', 'predicate', 'look'];
      if (options.schemaChanges && random.chance(0.03)) await this.alter(client);
      else await this.act(client, level, random.pick(kinds));
    }
    if (client.isAlive) this.clients.set(client.node, (this.clients.get(client.node) ?? 0) - 1);
  }

  private deed(client: Client, level: Level, what: string, more: Partial<Deed>): Deed {
    const tag = `${client.node.name}${++this.tags}`;
    const deed: Deed = {
      tag,
      node: client.node.name,
      level,
      what,
      start: this.cluster.now,
      end: Infinity,
      outcome: 'lost',
      txid: '',
      ...more,
    };
    this.deeds.push(deed);
    return deed;
  }

  private async act(client: Client, level: Level, kind: string): Promise<void> {
    if (kind === 'append') await this.append(client, level);
    else if (kind === 'add') await this.add(client, level);
    else if (kind === 'probe') await this.probe(client, level);
    else if (kind === 'look') await this.predicates.look(client, this.deed(client, level, kind, {}));
    else if (kind === 'predicate') await this.predicates.write(client, this.deed(client, level, kind, {}));
    else await this.change(client, level);
  }

  /** Adds to a counter. */
  private async add(client: Client, level: Level): Promise<void> {
    const { random } = this;
    const added = { counter: random.below(COUNTERS), by: random.below(9) - 4 };
    const deed = this.deed(client, level, 'add', { added });
    const update = `UPDATE d.counter SET n = n ${added.by < 0 ? '-' : '+'} ${Math.abs(added.by)} WHERE id = ${added.counter}`;
    await this.together(client, deed, [update]);
  }

  /** Reads lists and appends its tag to one or two of them. */
  private async append(client: Client, level: Level): Promise<void> {
    const { random } = this;
    const deed = this.deed(client, level, 'append', {});
    const lists = new Map<number, readonly string[]>();
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      await client.sql(`INSERT INTO d.ledger VALUES ('${deed.tag}')`);
      for (const id of random.sample([0, 1, 2], 1 + random.below(2))) {
        const { rows } = await client.sql(`SELECT tags FROM d.list WHERE id = ${id}`);
        const tags = String(rows[0]?.[0] ?? '');
        lists.set(id, tags.split(' ').slice(1));
        if (random.chance(0.3)) await client.pause(random.between(0, 10));
        await client.sql(`UPDATE d.list SET tags = '${tags} ${deed.tag}' WHERE id = ${id}`);
      }
      await client.sql('COMMIT');
    });
    deed.lists = lists;
  }

  /** Writes nothing but its tag, so it can never be refused; notes which of its kind it saw before. */
  private async probe(client: Client, level: Level): Promise<void> {
    const { rows } = await client.sql('SELECT tag FROM d.ledger');
    const tags = new Set(rows.map(([tag]) => String(tag)));
    this.sights.push({ node: client.node.name, tags });
    const deed = this.deed(client, level, 'probe', { seen: [...tags].filter((tag) => this.probes.has(tag)) });
    this.probes.add(deed.tag);
    await client.perform(deed, async () => {
      await client.sql(`INSERT INTO d.ledger VALUES ('${deed.tag}')`);
    });
  }

  /** Changes rows, in one statement or several. */
  private async change(client: Client, level: Level): Promise<void> {
    const { random } = this;
    const deed = this.deed(client, level, 'rows', {});
    await this.together(
      client,
      deed,
      Array.from({ length: 1 + random.below(3) }, () => this.statement(deed.tag)),
    );
  }

  private async together(client: Client, deed: Deed, statements: readonly string[]): Promise<void> {
    const { random } = this;
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      await client.sql(`INSERT INTO d.ledger VALUES ('${deed.tag}')`);
      for (const statement of statements) {
        await client.sql(statement);
        if (random.chance(0.1)) await client.pause(random.between(0, 20));
      }
      await client.sql(random.chance(0.05) ? `DELETE FROM d.ledger WHERE tag = 'none'` : 'SELECT 1');
      await client.sql('COMMIT');
    });
  }

  private statement(tag: string): string {
    const { random } = this;
    const id = random.below(12);
    const n = random.below(110);
    const u = random.chance(0.3) ? 'NULL' : String(random.below(15));
    const parent = random.below(5);
    return random.pick([
      `INSERT INTO d.item VALUES (${id}, ${u}, ${n}, '${tag}')`,
      `INSERT INTO d.item VALUES (${id}, ${u}, ${n}, '${tag}')`,
      `INSERT IGNORE INTO d.item VALUES (${id}, ${u}, ${n % 100}, '${tag}')`,
      `REPLACE INTO d.item VALUES (${id}, ${u}, ${n % 100}, '${tag}')`,
      `INSERT INTO d.item VALUES (${id}, ${u}, ${n % 100}, '${tag}') ON DUPLICATE KEY UPDATE n = n + 1, t = '${tag}'`,
      `UPDATE d.item SET t = '${tag}' WHERE id = ${id}`,
      `UPDATE d.item SET n = n + ${random.below(7)} WHERE id = ${id}`,
      `UPDATE d.item SET n = ${n % 100}, u = ${u} WHERE id = ${id}`,
      `UPDATE d.item SET n = n - 1 WHERE n > ${n}`,
      `UPDATE d.item SET id = id + ${random.pick([1, 20])} WHERE id = ${id}`,
      `DELETE FROM d.item WHERE id = ${id}`,
      `DELETE FROM d.item WHERE n < ${random.below(20)}`,
      `INSERT INTO d.parent VALUES (${parent}, '${tag}')`,
      `REPLACE INTO d.parent VALUES (${parent}, '${tag}')`,
      `DELETE FROM d.parent WHERE id = ${parent}`,
      `UPDATE d.parent SET t = '${tag}' WHERE id = ${parent}`,
      `INSERT INTO d.child VALUES (${id}, ${parent})`,
      `UPDATE d.child SET p = ${parent} WHERE id = ${id}`,
      `INSERT INTO d.held(p) VALUES (${parent})`,
      `DELETE FROM d.held WHERE p = ${parent}`,
    ]);
  }

  private async alter(client: Client): Promise<void> {
    const { random } = this;
    const name = `c${++this.columns}`;
    const text = random.pick([
      `ALTER TABLE d.item ADD COLUMN ${name} INT DEFAULT ${random.below(9)}`,
      `ALTER TABLE d.item ADD COLUMN ${name} INT NOT NULL`,
      `CREATE INDEX ${name} ON d.item(t)`,
      `ALTER TABLE d.item MODIFY COLUMN t VARCHAR(${40 + this.columns})`,
      `CREATE TABLE d.${name}(id INT PRIMARY KEY)`,
    ]);
    try {
      await client.sql(text);
    } catch (error) {
      this.cluster.trace(() => `${client.node.name} ${text}: ${(error as Error).message}`);
    }
  }
}
