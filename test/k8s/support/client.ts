// A MySQL client that runs where the pods are, so that it goes through Services as any client does.
//   client.ts query HOST < SQL        runs the statements, prints the last one's rows as JSON
//   client.ts load HOST WORKERS       inserts into e2e.ledger until SIGTERM, and prints a LoadReport
// Who logs in stands in USER and PASSWORD.
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import mysql from 'mysql2/promise';

/** What became of the statements. Each is tried a second time, on a new connection, when it fails. */
export interface LoadReport {
  /** Ids of rows whose INSERT was acknowledged. */
  readonly acknowledged: readonly number[];
  readonly statements: number;
  /** What the first try of those met that were tried again. */
  readonly retried: readonly string[];
  /** What the second try met. */
  readonly failed: readonly string[];
  /** Longest statement with its retry, in milliseconds. */
  readonly longestMs: number;
}

const STATEMENT_TIMEOUT_MS = 5_000;

async function connect(host: string): Promise<mysql.Connection> {
  const connection = await mysql.createConnection({
    host,
    user: process.env['USER'] ?? '',
    password: process.env['PASSWORD'] ?? '',
    multipleStatements: true,
    connectTimeout: STATEMENT_TIMEOUT_MS,
  });
  // A connection that is lost between statements tells by an event; the next statement meets it.
  connection.on('error', () => undefined);
  return connection;
}

/** A connection that is made anew after a failure. */
class Worker {
  private readonly host: string;
  private connection: mysql.Connection | undefined;

  constructor(host: string) {
    this.host = host;
  }

  /** Fails as the statement does; the connection is gone then. */
  async attempt(sql: string, values: readonly unknown[]): Promise<void> {
    try {
      this.connection ??= await connect(this.host);
      await this.connection.query({ sql, values: [...values], timeout: STATEMENT_TIMEOUT_MS });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.connection?.destroy();
    this.connection = undefined;
  }
}

async function load(host: string, workers: number): Promise<LoadReport> {
  let stopping = false;
  process.once('SIGTERM', () => (stopping = true));
  const report = {
    acknowledged: [] as number[],
    statements: 0,
    retried: [] as string[],
    failed: [] as string[],
    longestMs: 0,
  };
  const note = (sql: string, error: unknown): string =>
    `${new Date().toISOString()} ${sql.split(' ')[0] ?? ''}: ${(error as Error).message}`;

  const run = async (worker: Worker, sql: string, values: readonly unknown[]): Promise<boolean> => {
    const start = performance.now();
    report.statements++;
    try {
      await worker.attempt(sql, values);
    } catch (first) {
      report.retried.push(note(sql, first));
      try {
        await worker.attempt(sql, values);
      } catch (second) {
        // A duplicate: the first try did it, though its answer was lost.
        if ((second as { code?: string }).code !== 'ER_DUP_ENTRY') {
          report.failed.push(note(sql, second));
          return false;
        }
      }
    }
    report.longestMs = Math.max(report.longestMs, Math.round(performance.now() - start));
    return true;
  };

  const counting = await connect(host);
  const [rows] = await counting.query<mysql.RowDataPacket[]>('SELECT COALESCE(MAX(id) + 1, 0) first FROM e2e.ledger');
  const first = Number(rows[0]?.['first']);
  counting.destroy();

  const work = async (number: number): Promise<void> => {
    const worker = new Worker(host);
    for (let id = first + number; !stopping; id += workers) {
      const inserted = await run(worker, 'INSERT INTO e2e.ledger (id, worker) VALUES (?, ?)', [id, number]);
      if (inserted) report.acknowledged.push(id);
      await run(worker, 'SELECT COUNT(*) FROM e2e.ledger WHERE id = ?', [id]);
      // As an application has other things to do, too.
      await delay(5);
    }
    worker.close();
  };
  console.log('started');
  await Promise.all(Array.from({ length: workers }, (_, number) => work(number)));
  return report;
}

async function query(host: string): Promise<void> {
  const connection = await connect(host);
  const [results] = await connection.query(await text(process.stdin));
  const last: unknown = Array.isArray(results) && Array.isArray(results.at(-1)) ? results.at(-1) : results;
  console.log(JSON.stringify(last));
  await connection.end();
}

const [verb = '', host = '', workers = '4'] = process.argv.slice(2);
if (verb === 'load') console.log(JSON.stringify(await load(host, Number(workers))));
else await query(host);
