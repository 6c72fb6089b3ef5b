/**
 * What others wait beside a statement that takes long: one node, a large table, one connection that runs each statement in turn, and
 * two that read a row and commit a change all the time.
 *
 *   node bin/run.mjs test/bench/beside.ts [--rows 1000000] [--rounds 1] [--only PART-OF-A-NAME] [--profile]
 *
 * A turn of the node's event loop that takes long delays everybody; a commit waits besides for the disk, and while a change of very
 * many rows is made, for that. `--profile` says what the longest turns did. Of several rounds the best stands for each maximum: on a
 * machine with other work, what is longer is often that.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createConnection, type Connection } from 'mysql2/promise';
import { ROOT_PASSWORD } from '../support/node.ts';
import { percentile } from './support/measurement.ts';
import type { Asked, Watched } from './support/watched-node.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
  },
});
const ROWS = Number(values.rows);
const CHILDREN = Math.floor(ROWS / 2);
const SELECT_MS = 10_000;
/** Others are at work for so long before and after the statement. */
const AROUND_MS = 200;

interface Case {
  readonly name: string;
  /** Before it, and not measured. */
  readonly before?: readonly string[];
  readonly run: (connection: Connection) => Promise<unknown>;
  readonly after?: readonly string[];
}

const statement = (sql: string, around: Pick<Case, 'before' | 'after'> = {}): Case => ({
  name: sql,
  run: (connection) => connection.query(sql),
  ...around,
});

const CASES: readonly Case[] = [
  statement('UPDATE t SET v = v + 1'),
  statement('UPDATE t SET v = v + 1 WHERE v = -5'),
  statement('INSERT INTO copy SELECT * FROM t', {
    before: ['CREATE TABLE copy LIKE t'],
  }),
  statement('DELETE FROM copy'),
  {
    name: 'LOAD DATA',
    run: (connection) =>
      connection.query({
        sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE copy FIELDS TERMINATED BY ','",
        infileStreamFactory: () => Readable.from(lines(), { objectMode: false }),
      }),
  },
  statement('TRUNCATE TABLE copy'),
  statement('DROP TABLE copy', { before: ['INSERT INTO copy SELECT * FROM t'] }),
  statement('UPDATE t SET v = v + 2', { before: ['BEGIN'], after: ['ROLLBACK'] }),
  statement('COMMIT', { before: ['BEGIN', 'UPDATE t SET v = v + 1'] }),
  statement('ROLLBACK', { before: ['BEGIN', 'UPDATE t SET v = v + 1'] }),
  statement('CREATE INDEX by_v ON t (v)'),
  statement('CREATE INDEX by_name ON t (name)'),
  statement('DROP INDEX by_name ON t'),
  statement('ALTER TABLE t ADD COLUMN w INT DEFAULT 3'),
  statement('ALTER TABLE t MODIFY v BIGINT'),
  statement('DELETE FROM parent WHERE id = 1', {
    before: [
      'CREATE TABLE parent (id INT PRIMARY KEY)',
      'CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)',
      'INSERT INTO parent VALUES (1)',
      `INSERT INTO child SELECT id, 1 FROM t WHERE id <= ${CHILDREN}`,
    ],
    after: ['DROP TABLE child', 'DROP TABLE parent'],
  }),
  {
    name: 'SELECT of 10 s',
    before: [`SET max_execution_time = ${SELECT_MS}`],
    run: async (connection) => {
      await connection
        .query('SELECT COUNT(*) FROM t a JOIN t b ON a.id + 0 <> b.id + 0')
        .catch((error: { errno?: number }) => {
          if (error.errno !== 3024) throw error;
        });
    },
  },
];

function* lines(): Generator<Buffer> {
  for (let id = 1; id <= ROWS; id += 1000) {
    let text = '';
    for (let i = id; i < Math.min(ROWS + 1, id + 1000); i++) text += `${i},0,name ${i}\n`;
    yield Buffer.from(text);
  }
}

class Watch {
  private readonly child: ChildProcess;
  constructor(child: ChildProcess) {
    this.child = child;
  }
  async ask(asked: Asked): Promise<Watched> {
    const answer = once(this.child, 'message');
    this.child.send(asked);
    return ((await answer) as [Watched])[0];
  }
}

/** Times of what a connection does until it is told to stop. */
class Beside {
  readonly times: number[] = [];
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(work: (count: number) => Promise<unknown>) {
    this.done = this.run(work);
  }

  private async run(work: (count: number) => Promise<unknown>): Promise<void> {
    for (let count = 0; !this.stopped; count++) {
      const start = performance.now();
      await work(count);
      this.times.push(performance.now() - start);
      await sleep(1);
    }
  }

  async stop(): Promise<number[]> {
    this.stopped = true;
    await this.done;
    return this.times.sort((a, b) => a - b);
  }
}

interface Row {
  readonly name: string;
  readonly seconds: number;
  readonly reads: readonly number[];
  readonly commits: readonly number[];
  readonly watched: Watched;
}

async function measure(one: Case, connections: readonly Connection[], watch: Watch): Promise<Row> {
  const [large, reader, writer] = connections as [Connection, Connection, Connection];
  for (const sql of one.before ?? []) await large.query(sql);
  await sleep(1000);
  await watch.ask({ kind: 'start' });
  const reads = new Beside((count) => reader.execute('SELECT v FROM small WHERE id = ?', [1 + (count % 100)]));
  const commits = new Beside((count) => writer.execute('UPDATE small SET v = v + 1 WHERE id = ?', [1 + (count % 100)]));
  await sleep(AROUND_MS);
  const start = performance.now();
  await one.run(large);
  const seconds = (performance.now() - start) / 1000;
  await sleep(AROUND_MS);
  const times = [await reads.stop(), await commits.stop()] as const;
  const watched = await watch.ask({ kind: 'end' });
  for (const sql of one.after ?? []) await large.query(sql);
  return { name: one.name, seconds, reads: times[0], commits: times[1], watched };
}

const shown = (times: readonly number[]): string =>
  [percentile(times, 0.5), percentile(times, 0.99), times.at(-1) ?? NaN].map((ms) => ms.toFixed(1)).join(' / ');

async function round(): Promise<Row[]> {
  const file = path.join(import.meta.dirname, 'support/watched-node.ts');
  const child = fork(file, values.profile ? ['--profile'] : [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [port] = (await once(child, 'message')) as [number];
  const connect = (): Promise<Connection> =>
    createConnection({ host: '127.0.0.1', port, user: 'root', password: ROOT_PASSWORD });
  const connections = await Promise.all([connect(), connect(), connect()]);
  const [large] = connections;
  await large.query('CREATE DATABASE d');
  for (const connection of connections) await connection.query('USE d');
  await large.query('CREATE TABLE small (id INT PRIMARY KEY, v INT)');
  await large.query(`INSERT INTO small VALUES ${Array.from({ length: 100 }, (_, i) => `(${i + 1}, 0)`).join()}`);
  await large.query('CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL, name VARCHAR(30))');
  await large.query("INSERT INTO t VALUES (1, 0, 'name 1')");
  for (let rows = 1; rows < ROWS; rows *= 2)
    await large.query(
      `INSERT INTO t SELECT id + ${rows}, 0, CONCAT('name ', id + ${rows}) FROM t WHERE id + ${rows} <= ${ROWS}`,
    );
  const watch = new Watch(child);
  const rows: Row[] = [];
  for (const one of CASES.filter(({ name }) => name.includes(values.only))) {
    const row = await measure(one, connections, watch);
    rows.push(row);
    const { stalls, over50, cpuMax, gcMax, gcTotal, heapMb } = row.watched;
    console.log(
      `${row.name}: ${row.seconds.toFixed(1)} s; reads ${shown(row.reads)} (${row.reads.length}); commits ${shown(row.commits)} (${row.commits.length}); ` +
        `longest turns (of it on a core) ${stalls.map(({ ms, cpuMs }) => `${ms.toFixed()} (${cpuMs.toFixed()})`).join(' ')}, over 50: ${over50}, most on a core ${cpuMax.toFixed()}; GC max ${gcMax.toFixed()} of ${gcTotal.toFixed()}; heap ${heapMb.toFixed()} MB`,
    );
    for (const { ms, work } of stalls)
      if (work.length > 0) console.log(`  ${ms.toFixed()} ms:\n    ${work.join('\n    ')}`);
  }
  for (const connection of connections) connection.destroy();
  child.send({ kind: 'stop' } satisfies Asked);
  await once(child, 'exit');
  return rows;
}

const rounds: Row[][] = [];
for (let i = 0; i < Number(values.rounds); i++) rounds.push(await round());
console.log(
  '\nstatement | s | reads p50 / p99 / max ms | commits p50 / p99 / max ms | longest turn ms | most on a core ms | GC max ms',
);
for (const [i, first] of (rounds[0] ?? []).entries()) {
  const best = (of: (row: Row) => number): number => Math.min(...rounds.map((rows) => of(rows[i] as Row)));
  const three = (of: (row: Row) => readonly number[]): string =>
    [0.5, 0.99, 1].map((part) => best((row) => percentile(of(row), part)).toFixed(1)).join(' / ');
  console.log(
    [
      first.name,
      best((row) => row.seconds).toFixed(1),
      three((row) => row.reads),
      three((row) => row.commits),
      best((row) => row.watched.stalls[0]?.ms ?? 0).toFixed(),
      best((row) => row.watched.cpuMax).toFixed(),
      best((row) => row.watched.gcMax).toFixed(),
    ].join(' | '),
  );
}
