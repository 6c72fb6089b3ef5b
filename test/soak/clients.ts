/** Clients on all nodes that do random transactions and schema changes, with a ledger of what each was told. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { TestCluster } from '../support/cluster.ts';
import { seeded } from '../support/crash.ts';
import { isConnectionEnd, LEVELS, type Level, type Outcome } from '../support/ledger.ts';
import { readLists, type ListRead } from './appends.ts';
import { Dice } from './dice.ts';
import { Named, schemaChange } from './schema.ts';
import { DATABASES, KINDS, type Database, type Kind, type Work } from './work.ts';

/** What one transaction was told. */
export interface Write {
  /** Key of the row of `tag` that it inserted. */
  readonly tag: string;
  readonly database: Database;
  readonly level: Level;
  readonly kind: Kind;
  readonly node: string;
  outcome: Outcome;
  /** When it began, and was acknowledged: milliseconds of this process's own clock. */
  readonly start: number;
  end?: number;
  /** What it read of lists. */
  lists?: ReadonlyMap<number, readonly string[]>;
  /** When it was answered; what the error said. */
  said?: string;
  /** Of p2pdb_wait_final. */
  fate?: string;
  /** Somebody had it done again, or taken from p2pdb.conflicts. */
  resolved?: boolean;
  /** Its own session did not see it right afterwards. */
  unseen?: boolean;
}

/** What the clients ask of the run that they are part of. */
export interface Host {
  readonly cluster: TestCluster;
  readonly seed: number;
  /** What clients do; anything otherwise. */
  readonly kinds: readonly Kind[];
  nameOf(node: number): string;
  /** Whether clients may write there now: who is about to be removed, or to be killed for good, takes none. */
  isOpen(node: number): boolean;
  /** Whether the node is to answer in time. */
  isAwake(node: number): boolean;
  fault(text: string): void;
}

const INTERNAL = 1105;
const NO_MAJORITY = 3101;
/** Sessions with a temporary table in a database that moves end. */
const KILLED = 1317;
/** So long a statement may take, its waits included, while its node is awake. */
const ANSWER_MS = 60_000;
const COMMIT_TIMEOUT_SECONDS = 12;

const errnoOf = (error: unknown): number => (error as { errno?: number }).errno ?? 0;
const isEnd = (error: unknown): boolean =>
  isConnectionEnd(error) || /ETIMEDOUT/.test(`${(error as Error).message} ${(error as { code?: string }).code ?? ''}`);

/**
 * MySQL's other errors are answers: whoever writes beside schema changes and faults may meet any of them, and what was refused must not
 * be there.
 */
export const isFault = (error: unknown): boolean => !isEnd(error) && [0, INTERNAL].includes(errnoOf(error));

/** Whether an error at a commit leaves open what was done. */
const isUnknown = (error: unknown): boolean =>
  isEnd(error) ||
  isFault(error) ||
  errnoOf(error) === KILLED ||
  (errnoOf(error) === NO_MAJORITY && !(error as Error).message.startsWith('The cluster has no majority'));

/** The tags that a transaction inserted, by the image of its changes in p2pdb.conflicts. */
export const tagsIn = (image: string): string[] => Array.from(image.matchAll(/"id":"(t\d+)"/g), ([, tag = '']) => tag);

export class Clients {
  readonly writes: Write[] = [];
  readonly listReads: ListRead[] = [];
  readonly named = new Named();
  /** Errors that clients were told, with their numbers. */
  readonly errors = new Map<string, number>();
  private readonly host: Host;
  private readonly finals = new Map<Database, string>();
  private readonly running: Promise<void>[] = [];
  private isStopping = false;
  private tags = 0;
  /** Clients that are connected, by node. */
  private readonly connected = new Map<number, number>();

  constructor(host: Host) {
    this.host = host;
  }

  get acknowledged(): number {
    return this.writes.filter(({ outcome }) => outcome === 'acknowledged').length;
  }

  start(node: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const dice = new Dice(seeded(this.host.seed * 1000 + node * 100 + i));
      this.running.push(this.work(node, i === 0, dice));
    }
  }

  /** Resolves when each has ended the transaction that it was at. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.running);
  }

  /** Resolves when no client is connected to a node that takes none any more. */
  async left(node: number): Promise<void> {
    while ((this.connected.get(node) ?? 0) > 0) await sleep(50);
  }

  private note(node: number, more: 1 | -1): void {
    this.connected.set(node, (this.connected.get(node) ?? 0) + more);
  }

  private async work(node: number, changesSchemas: boolean, dice: Dice): Promise<void> {
    while (!this.isStopping) {
      if (!this.host.isOpen(node)) {
        await sleep(100);
        continue;
      }
      this.note(node, 1);
      const client = await this.connect(node, dice);
      if (!client) {
        this.note(node, -1);
        await sleep(200);
        continue;
      }
      try {
        for (let turns = dice.int(200); turns > 0 && !this.isStopping && this.host.isOpen(node); turns--) {
          const what = dice.next();
          if (changesSchemas && what < 0.2) await this.changeSchema(client, dice);
          else if (what < 0.25) await this.readLinearizable(client, dice);
          else if (what < 0.26) await this.resolveConflict(client, dice);
          else await this.write(client, dice);
          await sleep(dice.next() * 30);
        }
      } catch (error) {
        this.hear(client, error);
      }
      client.connection.destroy();
      this.note(node, -1);
    }
  }

  private async connect(node: number, dice: Dice): Promise<Client | undefined> {
    let client: Client | undefined;
    try {
      client = new Client(await this.host.cluster.connect(node, { connectTimeout: 15_000 }), node, this.host);
      const zone = dice.pick(['+00:00', '+05:30', '-08:00']);
      await client.query(
        `SET innodb_lock_wait_timeout = 5, p2pdb_commit_timeout = ${COMMIT_TIMEOUT_SECONDS}, time_zone = '${zone}', transaction_isolation = '${dice.pick(['READ-COMMITTED', 'REPEATABLE-READ'])}'`,
      );
      return client;
    } catch (error) {
      client?.connection.destroy();
      this.hear(undefined, error);
      return undefined;
    }
  }

  /** Counts an error, and takes what nothing explains for a fault. Throws again what makes the connection useless. */
  private hear(client: Client | undefined, error: unknown, throws = false): void {
    const { code = '', message } = error as { code?: string; message: string };
    const text = `${errnoOf(error) || code} ${message.replace(/'[^']*'|`[^`]*`|\d+/g, '…').slice(0, 150)}`;
    this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
    if (isFault(error))
      this.host.fault(`n${client?.node ?? '?'}: ${client?.last ?? 'connecting'}: ${(error as Error).stack}`);
    if (throws && (isEnd(error) || errnoOf(error) === NO_MAJORITY)) throw error;
  }

  private async write(client: Client, dice: Dice): Promise<void> {
    const kind = dice.pick(this.host.kinds);
    const work: Work = KINDS[kind];
    const level = work.level ?? dice.pick<Level>(['local', ...LEVELS]);
    const database = dice.pick(DATABASES);
    const tag = `t${++this.tags}`;
    const node = this.host.nameOf(client.node);
    const write: Write = { tag, database, level, kind, node, outcome: 'unknown', start: performance.now() };
    const sees = (lists: ReadonlyMap<number, readonly string[]>): void => void (write.lists = lists);
    const moment = { database, tag, dice, query: client.query, load: client.load, sees };
    let isCommitting = false;
    this.writes.push(write);
    try {
      await client.query(`SET p2pdb_commit = '${level}'`);
      await client.query(work.begin ?? 'BEGIN');
      const found = await work.run(moment);
      if (found !== undefined) this.host.fault(`${write.node} ${database} ${kind}: ${found}`);
      if (work.end === 'ROLLBACK') {
        write.outcome = 'refused';
        await client.query('ROLLBACK');
        return;
      }
      isCommitting = true;
      await client.query(work.end ?? 'COMMIT');
      write.outcome = 'acknowledged';
      write.end = performance.now();
      write.said = new Date().toISOString();
      if (level === 'final') this.finals.set(database, tag);
      await this.lookAfter(client, write, dice);
    } catch (error) {
      if (write.outcome === 'unknown') {
        write.said = `${new Date().toISOString()} ${errnoOf(error)} ${(error as Error).message}`;
        if (!isCommitting || !isUnknown(error)) write.outcome = 'refused';
      }
      this.hear(client, error, true);
      await client.query('ROLLBACK');
    } finally {
      if (work.begin !== undefined && !client.isGone) await client.query('SET autocommit = 1').catch(() => undefined);
    }
  }

  /** What the session sees of its own transaction, and is told of its fate. */
  private async lookAfter(client: Client, write: Write, dice: Dice): Promise<void> {
    if (dice.chance(0.2)) {
      const seen = await client.query(`SELECT 1 FROM ${write.database}.tag WHERE id = '${write.tag}'`);
      write.unseen = seen.length === 0;
    }
    if (!dice.chance(0.1)) return;
    const [transaction] = await client.query('SELECT @@p2pdb_last_txid AS id');
    const [row] = await client.query(`SELECT p2pdb_wait_final('${String(transaction?.['id'])}', 3000) AS fate`);
    write.fate = String(row?.['fate']);
  }

  private async readLinearizable(client: Client, dice: Dice): Promise<void> {
    const database = dice.pick(DATABASES);
    const tag = this.finals.get(database);
    if (tag === undefined) return;
    try {
      await client.query("SET p2pdb_read = 'linearizable'");
      const seen = await client.query(`SELECT 1 FROM ${database}.tag WHERE id = '${tag}'`);
      if (seen.length === 0)
        this.host.fault(`a linearizable read at n${client.node} missed the final ${tag} of ${database}`);
      const start = performance.now();
      const lists = await readLists({ database, query: client.query });
      this.listReads.push({ database, node: this.host.nameOf(client.node), start, end: performance.now(), lists });
    } catch (error) {
      this.hear(client, error, true);
    }
    await client.query("SET p2pdb_read = 'local'");
  }

  /** From then on it may be there, or listed, or neither. */
  private async resolveConflict(client: Client, dice: Dice): Promise<void> {
    try {
      const rejected = await client.query("SELECT tx, image FROM p2pdb.conflicts WHERE kind = 'rejected'");
      if (rejected.length === 0) return;
      const { tx, image } = dice.pick(rejected);
      for (const write of this.writes) if (tagsIn(String(image)).includes(write.tag)) write.resolved = true;
      await client.query(`SELECT p2pdb_resolve_conflict('${String(tx)}', '${dice.pick(['retry', 'dismiss'])}')`);
    } catch (error) {
      this.hear(client, error, true);
    }
  }

  private async changeSchema(client: Client, dice: Dice): Promise<void> {
    const database = dice.pick(DATABASES);
    try {
      if (dice.chance(0.25)) await this.named.change(database, dice, this.host.nameOf(client.node), client.query);
      else await client.query(schemaChange(database, dice));
    } catch (error) {
      this.hear(client, error, true);
    }
  }
}

/** A connection whose statements have to be answered. */
class Client {
  readonly connection: Connection;
  readonly node: number;
  private readonly host: Host;
  /** The statement that was sent last. */
  last = '';
  isGone = false;

  constructor(connection: Connection, node: number, host: Host) {
    this.connection = connection;
    this.node = node;
    this.host = host;
  }

  query = (sql: string, values?: (string | number | Buffer)[]): Promise<RowDataPacket[]> =>
    this.answer(sql, () =>
      values ? this.connection.execute<RowDataPacket[]>(sql, values) : this.connection.query<RowDataPacket[]>(sql),
    );

  load = (sql: string, content: string): Promise<RowDataPacket[]> =>
    this.answer(sql, () =>
      this.connection.query<RowDataPacket[]>({ sql, infileStreamFactory: () => Readable.from([Buffer.from(content)]) }),
    );

  private async answer<T>(sql: string, send: () => Promise<[T, unknown]>): Promise<T> {
    this.last = sql;
    const watch = late(ANSWER_MS, () => {
      if (this.host.isAwake(this.node)) this.host.fault(`no answer for ${ANSWER_MS} ms from n${this.node}: ${sql}`);
      this.connection.destroy();
    });
    try {
      return (await send())[0];
    } catch (error) {
      if (isEnd(error)) this.isGone = true;
      throw error;
    } finally {
      watch();
    }
  }
}

/** Calls after so long of this process's own running: a machine may stop it, and the nodes with it, for minutes. Gives what ends it. */
function late(milliseconds: number, call: () => void): () => void {
  const tick = 500;
  let left = milliseconds / tick;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    call();
  }, tick);
  return () => clearInterval(timer);
}
