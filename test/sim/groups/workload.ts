/** What clients do to databases that come, move and go: each transaction leaves its tag in the database's ledger. */
import type { Random } from '../kernel/random.ts';
import { GatewayClient, StatementError, type Deed, type Level } from '../replica/client.ts';
import type { Cluster } from '../replica/cluster.ts';
import type { SimulatedNode } from '../replica/node.ts';

const COUNTERS = 2;
const LISTS = 2;
const SLOW_MS = 20_000;

/** Each may be run again. */
export const tablesOf = (name: string): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS ${name}.ledger(tag VARCHAR(40) PRIMARY KEY)`,
  `CREATE TABLE IF NOT EXISTS ${name}.counter(id INT PRIMARY KEY, n INT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ${name}.list(id INT PRIMARY KEY, tags TEXT)`,
  `CREATE TABLE IF NOT EXISTS ${name}.item(id INT PRIMARY KEY AUTO_INCREMENT, u INT, t VARCHAR(40), UNIQUE KEY(u))`,
  `INSERT IGNORE INTO ${name}.counter VALUES ${Array.from({ length: COUNTERS }, (_, i) => `(${i}, 0)`).join()}`,
  `INSERT IGNORE INTO ${name}.list VALUES ${Array.from({ length: LISTS }, (_, i) => `(${i}, '')`).join()}`,
];

/** A transaction on one database. */
export interface PlacedDeed extends Deed {
  readonly database: string;
}

export interface WorkloadOptions {
  readonly levels: readonly Level[];
  readonly pauseMs: number;
  readonly clients: number;
  /** Some transactions stay open for longer than a host that leaves waits for them. */
  readonly isSlow: boolean;
}

export class Workload {
  readonly deeds: PlacedDeed[] = [];
  /** Databases that have their tables, and are not to be dropped. */
  readonly databases = new Set<string>();
  private readonly cluster: Cluster;
  private readonly random: Random;
  private readonly options: WorkloadOptions;
  private sessions = 0;
  private tags = 0;
  ended = false;
  private readonly clients = new Set<GatewayClient>();

  constructor(cluster: Cluster, options: WorkloadOptions) {
    this.cluster = cluster;
    this.random = cluster.random;
    this.options = options;
  }

  client(node: SimulatedNode): GatewayClient {
    return new GatewayClient(node, ++this.sessions, () => this.cluster.now);
  }

  /** Clients of a node that has started; they go when it crashes. */
  serve(node: SimulatedNode): void {
    for (let i = 0; i < this.options.clients; i++) this.join(node);
  }

  /** Whose connection was ended comes again. */
  private join(node: SimulatedNode): void {
    const client = this.client(node);
    client.onEnded = () => void node.after(this.random.between(0, 2 * this.options.pauseMs), () => this.join(node));
    this.live(client).catch((error: unknown) => {
      if (node.isUp) this.cluster.fail(`a client of ${node.name} fails: ${(error as Error).stack}`);
    });
  }

  /** Nobody waits for an answer any more: who was told to end may have waited for seconds yet, and then gone on. */
  get isIdle(): boolean {
    return [...this.clients].every((client) => !client.isAlive);
  }

  private async live(client: GatewayClient): Promise<void> {
    this.clients.add(client);
    try {
      await this.work(client);
    } finally {
      this.clients.delete(client);
    }
  }

  private async work(client: GatewayClient): Promise<void> {
    const { random, options, databases } = this;
    while (!this.ended && client.isAlive) {
      await client.pause(random.between(0, 2 * options.pauseMs));
      if (databases.size === 0) continue;
      const database = random.pick([...databases]);
      const level = random.pick(options.levels);
      try {
        await client.sql(
          `SET p2pdb_commit = '${level}', p2pdb_read = '${level === 'final' ? 'linearizable' : 'local'}'`,
        );
      } catch (error) {
        if (!(error instanceof StatementError)) throw error;
        continue;
      }
      const kind = random.pick(level === 'final' ? ['append', 'append', 'add', 'rows'] : ['add', 'rows', 'probe']);
      await this.act(client, level, kind, database);
    }
    if (client.isAlive) client.close();
  }

  private deed(
    client: GatewayClient,
    level: Level,
    what: string,
    more: Pick<PlacedDeed, 'database' | 'added'>,
  ): PlacedDeed {
    const deed: PlacedDeed = {
      tag: `${client.node.name}${++this.tags}`,
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

  private act(client: GatewayClient, level: Level, kind: string, database: string): Promise<void> {
    const { random } = this;
    switch (kind) {
      case 'append':
        return this.append(client, level, database);
      case 'add': {
        const added = { counter: random.below(COUNTERS), by: 1 + random.below(9) };
        const deed = this.deed(client, level, kind, { database, added });
        // A host that has yet to hear of the row adds nothing.
        const update = `UPDATE ${database}.counter SET n = n + ${added.by} WHERE id = ${added.counter}`;
        return this.together(client, deed, [update], (affected) => (added.by *= affected));
      }
      case 'rows': {
        const deed = this.deed(client, level, kind, { database });
        return this.together(
          client,
          deed,
          Array.from({ length: 1 + random.below(2) }, () => this.statement(deed)),
        );
      }
      default: {
        const deed = this.deed(client, level, kind, { database });
        return client.perform(deed, async () => {
          await client.sql(`INSERT INTO ${database}.ledger VALUES ('${deed.tag}')`);
        });
      }
    }
  }

  /** Reads a list and appends its tag. */
  private async append(client: GatewayClient, level: Level, database: string): Promise<void> {
    const { random } = this;
    const deed = this.deed(client, level, 'append', { database });
    const id = random.below(LISTS);
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      await client.sql(`INSERT INTO ${database}.ledger VALUES ('${deed.tag}')`);
      const { rows } = await client.sql(`SELECT tags FROM ${database}.list WHERE id = ${id}`);
      const tags = String(rows[0]?.[0] ?? '');
      if (random.chance(0.3)) await client.pause(random.between(0, 10));
      await client.sql(`UPDATE ${database}.list SET tags = '${tags} ${deed.tag}' WHERE id = ${id}`);
      deed.lists = new Map([[id, tags.split(' ').slice(1)]]);
      await this.linger(client);
      await client.sql('COMMIT');
    });
  }

  /** Before its commit. */
  private async linger(client: GatewayClient): Promise<void> {
    if (this.options.isSlow && this.random.chance(0.03)) await client.pause(this.random.between(0, SLOW_MS));
  }

  private async together(
    client: GatewayClient,
    deed: PlacedDeed,
    statements: readonly string[],
    onAffected: (rows: number) => void = () => undefined,
  ): Promise<void> {
    const { random } = this;
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      await client.sql(`INSERT INTO ${deed.database}.ledger VALUES ('${deed.tag}')`);
      for (const statement of statements) {
        onAffected((await client.sql(statement)).affected);
        if (random.chance(0.1)) await client.pause(random.between(0, 20));
      }
      await this.linger(client);
      await client.sql('COMMIT');
    });
  }

  private statement({ database, tag }: PlacedDeed): string {
    const { random } = this;
    const id = random.below(12);
    const u = random.chance(0.3) ? 'NULL' : String(random.below(15));
    return random.pick([
      `INSERT INTO ${database}.item(u, t) VALUES (${u}, '${tag}')`,
      `INSERT IGNORE INTO ${database}.item VALUES (${id + 1}, ${u}, '${tag}')`,
      `REPLACE INTO ${database}.item VALUES (${id + 1}, ${u}, '${tag}')`,
      `UPDATE ${database}.item SET t = '${tag}' WHERE id = ${id + 1}`,
      `DELETE FROM ${database}.item WHERE u = ${id}`,
    ]);
  }
}
