/** Transactions that read by predicate and then write rows that others' predicates match: write skew by phantoms, if it were let. */
import type { Random } from '../kernel/random.ts';
import type { Client, Deed } from './client.ts';
import type { Predicate, PredicateRead, PredicateSight, RowWrite } from './predicates.ts';

/** Written at level `final` only, so that a query that waits for what was decided before sees a state of the serial order. */
const CLAIM = 'd.claim';
/** Where rows are made at every level, and changed at level `final`. */
const NOTE = 'd.note';
const TABLES = [CLAIM, NOTE];
const GROUPS = 4;

export const PREDICATE_SCHEMA: readonly string[] = [
  `CREATE TABLE ${CLAIM}(id VARCHAR(40) PRIMARY KEY, g INT NOT NULL, tags TEXT, KEY(g))`,
  `CREATE TABLE ${NOTE}(id VARCHAR(40) PRIMARY KEY, g INT NOT NULL, tags TEXT)`,
];

/** All rows that there are, with the tags of who wrote them. */
export const ROWS_WITH_TAGS = TABLES.map((table) => `SELECT id, tags FROM ${table}`).join(' UNION ALL ');

export const tagsFrom = (text: unknown): string[] => String(text).split(' ');

export class PredicateWork {
  /** What queries showed, at all levels. */
  readonly sights: PredicateSight[] = [];
  private readonly random: Random;
  /** What each session has written and seen. */
  private readonly pasts = new WeakMap<Client, Set<string>>();

  constructor(random: Random) {
    this.random = random;
  }

  /** Looks, in a transaction that writes nothing. */
  async look(client: Client, deed: Deed): Promise<void> {
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      // Of rows that are not final yet, a query may show some before others that will stand in front of them.
      await this.readSome(client, deed, deed.level === 'final' ? [CLAIM] : TABLES);
      await client.sql('COMMIT');
    });
  }

  /** Looks, and writes. */
  async write(client: Client, deed: Deed): Promise<void> {
    await client.perform(deed, async () => {
      await client.sql('BEGIN');
      await client.sql(`INSERT INTO d.ledger VALUES ('${deed.tag}')`);
      await this.readSome(client, deed, TABLES);
      deed.past = new Set(this.pastOf(client));
      await client.sql(this.change(deed));
      await client.sql('COMMIT');
    });
    if (deed.outcome === 'acknowledged') this.pastOf(client).add(deed.tag);
  }

  private async readSome(client: Client, deed: Deed, tables: readonly string[]): Promise<void> {
    const { random } = this;
    const reads: PredicateRead[] = (deed.reads = []);
    for (let i = random.pick([1, 1, 2]); i > 0; i--) {
      reads.push(await this.read(client, this.predicate(random.pick(tables))));
      if (random.chance(0.3)) await client.pause(random.between(0, 10));
    }
  }

  private pastOf(client: Client): Set<string> {
    const past = this.pasts.get(client) ?? new Set();
    this.pasts.set(client, past);
    return past;
  }

  private predicate(table: string): Predicate {
    const [a, b] = [this.random.below(GROUPS), this.random.below(GROUPS)];
    return this.random.chance(0.5) ? { table, low: a, high: a } : { table, low: Math.min(a, b), high: Math.max(a, b) };
  }

  private condition({ low, high }: Predicate): string {
    return this.random.pick([
      low === high ? `g = ${low}` : `g >= ${low} AND g <= ${high}`,
      `g BETWEEN ${low} AND ${high}`,
      high === GROUPS - 1 ? `g > ${low - 1}` : `NOT (g < ${low} OR g > ${high})`,
      `g + 0 >= ${low} AND g < ${high + 1}`,
    ]);
  }

  private async read(client: Client, predicate: Predicate): Promise<PredicateRead> {
    const { random } = this;
    const past = new Set(this.pastOf(client));
    const from = `FROM ${predicate.table} WHERE ${this.condition(predicate)}`;
    let count: number | undefined;
    if (random.chance(0.3)) count = Number((await client.sql(`SELECT COUNT(*) ${from}`)).rows[0]?.[0]);
    if (count !== undefined && random.chance(0.5)) return { ...predicate, found: undefined, count };
    const found = await this.rows(client, from);
    const read = { ...predicate, found, count: count ?? found.size };
    this.sights.push({ node: client.node.name, past, read });
    for (const tag of [...found.values()].flat()) this.pastOf(client).add(tag);
    return read;
  }

  private async rows(client: Client, from: string): Promise<Map<string, readonly string[]>> {
    const { random } = this;
    if (random.chance(0.2)) {
      const { rows } = await client.sql(`SELECT JSON_OBJECTAGG(id, tags) ${from}`);
      const object = JSON.parse(String(rows[0]?.[0] ?? '{}')) as Record<string, string>;
      return new Map(Object.entries(object).map(([id, tags]) => [id, tagsFrom(tags)]));
    }
    const { rows } = await client.sql(`SELECT id, tags ${from} ${random.pick(['', 'ORDER BY id', 'ORDER BY g DESC'])}`);
    return new Map(rows.map(([id, tags]) => [String(id), tagsFrom(tags)]));
  }

  /** One change, as the deed then says. */
  private change(deed: Deed): string {
    const { random } = this;
    const { tag, level } = deed;
    const g = random.below(GROUPS);
    const table = level === 'final' ? random.pick(TABLES) : NOTE;
    const read = random.pick(deed.reads ?? []);
    const kind = level === 'final' ? random.pick(['make', 'make', 'change', 'change', 'remove', 'sweep']) : 'make';
    if (kind === 'sweep') {
      deed.sweep = this.predicate(table);
      return `UPDATE ${table} SET tags = CONCAT(tags, ' ${tag}') WHERE ${this.condition(deed.sweep)}`;
    }
    const write = (write: RowWrite): void => void (deed.writes = [write]);
    const rows = [...(read.found ?? [])];
    if (kind === 'make' || rows.length === 0) {
      write({ table, id: tag, before: [], g });
      return `INSERT INTO ${table} VALUES ('${tag}', ${g}, '${tag}')`;
    }
    const [id, before] = random.pick(rows);
    write({ table: read.table, id, before, g: kind === 'remove' ? undefined : g });
    if (kind === 'remove') return `DELETE FROM ${read.table} WHERE id = '${id}'`;
    return `UPDATE ${read.table} SET g = ${g}, tags = '${[...before, tag].join(' ')}' WHERE id = '${id}'`;
  }
}
