/** sysbench's OLTP workloads against any server of the MySQL protocol. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Servers that hold the same data; the first is where tables are made. */
export interface Servers {
  readonly name: string;
  readonly ports: readonly number[];
  readonly user: string;
  readonly password: string;
}

export interface Load {
  readonly workload: string;
  readonly threads: number;
  /** How long, or how many transactions. */
  readonly seconds?: number;
  readonly events?: number;
  /** Seconds of the same load before, which do not count: caches are filled, code is compiled. */
  readonly warmup?: number;
  /** Threads are spread over all servers in turn, else all go to the first. */
  readonly spread?: boolean;
  /** Transactions a second that are asked for; as many as go, otherwise. */
  readonly rate?: number;
  /** Each row as often as any other; else three quarters of all statements meet one row in a hundred. */
  readonly uniform?: boolean;
}

export interface Rate {
  /** Transactions a second. */
  readonly perSecond: number;
  /** Transactions a second that were refused and run anew. */
  readonly refused: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export const ROWS = 100_000;

async function sysbench(
  servers: Servers,
  ports: readonly number[],
  workload: string,
  command: string,
  extra: readonly string[] = [],
): Promise<string> {
  const { stdout } = await run(
    'sysbench',
    [
      workload,
      '--mysql-host=127.0.0.1',
      `--mysql-port=${ports.join(',')}`,
      `--mysql-user=${servers.user}`,
      `--mysql-password=${servers.password}`,
      '--mysql-db=sbtest',
      '--tables=1',
      `--table-size=${ROWS}`,
      '--mysql-ignore-errors=1213,1205,1020,1180',
      ...extra,
      command,
    ],
    { encoding: 'utf8', maxBuffer: 1 << 24 },
  );
  return stdout;
}

/** Statements on one of the servers, the first unless told. */
export async function sql(servers: Servers, text: string, port = servers.ports[0]): Promise<string> {
  const { user, password } = servers;
  const login = ['--no-defaults', '-h127.0.0.1', `-P${port}`, `-u${user}`, `-p${password}`];
  const { stdout } = await run('mariadb', [...login, '-NBe', text], { encoding: 'utf8' });
  return stdout.trim();
}

/** The table, anew. Its ids are given: nodes that number in strides would leave holes, and the workloads ask for 1 to ROWS. */
export async function prepare(servers: Servers): Promise<void> {
  const first = servers.ports.slice(0, 1);
  await sql(servers, 'drop table if exists sbtest.sbtest1');
  await sysbench(servers, first, 'oltp_read_write', 'prepare', ['--auto_inc=off']);
  await sql(servers, 'alter table sbtest.sbtest1 modify id int not null auto_increment');
}

/**
 * Reads and writes for so many seconds before anything is measured: a server has run for days where its rate matters, and code that
 * is compiled as it runs is slower for its first half minute.
 */
export async function runIn(servers: Servers, seconds: number): Promise<void> {
  if (seconds > 0) await measure(servers, { workload: 'oltp_read_write', threads: 8, spread: true, seconds });
}

export async function measure(servers: Servers, { warmup = 0, ...load }: Load): Promise<Rate> {
  if (warmup > 0) await measure(servers, { ...load, seconds: warmup });
  const ports = load.spread === true ? servers.ports : servers.ports.slice(0, 1);
  const said = await sysbench(servers, ports, load.workload, 'run', [
    `--threads=${load.threads}`,
    `--time=${load.seconds ?? 0}`,
    `--events=${load.events ?? 0}`,
    '--histogram=on',
    ...(load.rate === undefined ? [] : [`--rate=${load.rate}`]),
    ...(load.uniform === true ? ['--rand-type=uniform'] : []),
  ]);
  const figure = (pattern: RegExp): number => Number(pattern.exec(said)?.[1] ?? NaN);
  const [p50, p99] = percentiles(said, [0.5, 0.99]);
  return {
    perSecond: figure(/transactions:\s+\d+\s+\(([\d.]+) per sec/),
    refused: figure(/ignored errors:\s+\d+\s+\(([\d.]+) per sec/),
    p50: p50 ?? NaN,
    p99: p99 ?? NaN,
  };
}

/** Of sysbench's histogram: lines `milliseconds |*** count`. */
function percentiles(said: string, parts: readonly number[]): number[] {
  const bars = [...said.matchAll(/^\s*([\d.]+)\s*\|\**\s+(\d+)\s*$/gm)].map(([, ms, count]) => [
    Number(ms),
    Number(count),
  ]);
  const total = bars.reduce((sum, [, count = 0]) => sum + count, 0);
  return parts.map((part) => {
    let below = 0;
    return bars.find(([, count = 0]) => (below += count) >= part * total)?.[0] ?? NaN;
  });
}

/** Why nothing can be measured here. */
export function sysbenchMissing(): string | undefined {
  const file = ['/usr/bin/sysbench', '/usr/bin/mariadb'].find((needed) => !existsSync(needed));
  return file === undefined ? undefined : `${file} is not there`;
}
