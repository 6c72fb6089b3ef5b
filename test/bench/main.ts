/**
 * npm run bench: this program against MariaDB from Debian, workload by workload, alternating, on one machine; prints ratios.
 *
 *   npm run bench -- [--seconds 10] [--warmup 10] [--rounds 2] [--run-in 60] [--only WORD] [--write]
 *
 * At first each server runs a mix of reads and writes for `--run-in` seconds, and before each measurement the same load for `--warmup` seconds,
 * which do not count: caches are filled, code is compiled.
 * `--write` puts the table into test/bench/RESULTS.md. Needs Debian's mariadb-server, mariadb-client and sysbench; says so
 * and ends with 2 where they are missing. Both servers commit durably (fdatasync before the OK). Traffic stays on loopback.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bulkLoad } from './support/bulk.ts';
import { idleMemory } from './support/memory.ts';
import { machine, quietDisk, writeLast } from './support/results.ts';
import { measure, prepare, ROWS, runIn, sql, sysbenchMissing, type Servers } from './support/sysbench.ts';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const option = (name: string, otherwise: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
};
const SECONDS = Number(option('seconds', '10'));
const WARMUP = Number(option('warmup', '10'));
const ROUNDS = Number(option('rounds', '2'));
const RUN_IN = Number(option('run-in', '60'));
const ONLY = option('only', '');

/** Workload, threads, and the least and wanted ratio to MariaDB. */
const WORKLOADS: readonly (readonly [string, number, number, number])[] = [
  ['oltp_point_select', 1, 1, 1.5],
  ['oltp_point_select', 8, 1, 1.5],
  ['oltp_point_select', 64, 1, 1.5],
  ['oltp_read_only', 8, 0.7, 1.2],
  ['oltp_update_index', 1, 0.7, 1.2],
  ['oltp_update_index', 8, 0.7, 1.2],
  ['oltp_update_index', 64, 0.7, 1.2],
  ['oltp_update_non_index', 8, 0.7, 1.2],
  ['oltp_insert', 8, 0.7, 1.2],
  ['oltp_write_only', 8, 0.7, 1.1],
  ['oltp_read_write', 8, 0.7, 1.1],
  ['oltp_read_write', 64, 0.7, 1.1],
];

interface Server extends Servers {
  readonly process: ChildProcess;
  readonly dir: string;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function untilServing(server: Servers, process: ChildProcess): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    if (process.exitCode !== null) throw new Error(`${server.name} ended with ${process.exitCode}`);
    try {
      await sql(server, 'select 1');
      return;
    } catch {
      // Not yet: its port gives no event that says when.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${server.name} does not serve`);
}

async function startMariaDb(): Promise<Server> {
  const dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-bench-mariadb-'));
  const port = await freePort();
  execFileSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      '--user=root',
      `--datadir=${dir}/data`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { stdio: 'ignore' },
  );
  writeFileSync(
    `${dir}/init.sql`,
    "create user bench@'%' identified by 'bench';\ngrant all on *.* to bench@'%';\ncreate database if not exists sbtest;\n",
  );
  const process = spawn(
    'mariadbd',
    [
      '--no-defaults',
      '--user=root',
      `--datadir=${dir}/data`,
      `--socket=${dir}/sock`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--pid-file=${dir}/pid`,
      `--log-error=${dir}/error.log`,
      `--init-file=${dir}/init.sql`,
      '--max-connections=300',
      '--character-set-server=utf8mb4',
      '--innodb-buffer-pool-size=1G',
      '--innodb-flush-log-at-trx-commit=1',
    ],
    { stdio: 'ignore' },
  );
  const server = { name: 'MariaDB', ports: [port], user: 'bench', password: 'bench', process, dir };
  await untilServing(server, process);
  return server;
}

async function startOurs(): Promise<Server> {
  const dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-bench-'));
  const port = await freePort();
  const args = [
    '--disable-warning=ExperimentalWarning',
    path.join(root, 'node', 'main.ts'),
    'node',
    '--data',
    `${dir}/data`,
    '--mysql',
    `127.0.0.1:${port}`,
    '--http',
    '127.0.0.1:0',
  ];
  const child = spawn(process.execPath, args, {
    stdio: 'ignore',
    env: { ...process.env, P2PDB_ROOT_PASSWORD: 'bench' },
  });
  const server = { name: 'P2PDB', ports: [port], user: 'root', password: 'bench', process: child, dir };
  await untilServing(server, child);
  await sql(server, 'create database sbtest');
  return server;
}

async function stop(server: Server): Promise<void> {
  const ended = new Promise((resolve) => server.process.once('exit', resolve));
  server.process.kill('SIGTERM');
  await ended;
  rmSync(server.dir, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const missing = sysbenchMissing() ?? (existsSync('/usr/sbin/mariadbd') ? undefined : 'mariadbd is missing');
  if (missing !== undefined) {
    console.log(`skipped: ${missing}; see test/bench/setup.sh`);
    return 2;
  }
  const [maria, ours] = [await startMariaDb(), await startOurs()];
  const lines = [
    '| workload | threads | MariaDB /s | P2PDB /s | ratio | at least | aim |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  try {
    for (const server of [maria, ours]) {
      await prepare(server);
      await runIn(server, RUN_IN);
    }
    const rate = async (server: Servers, workload: string, threads: number): Promise<number> =>
      (await measure(server, { workload, threads, seconds: SECONDS, warmup: WARMUP })).perSecond;
    for (const [workload, threads, least, aim] of WORKLOADS) {
      if (!`${workload}:${threads}`.includes(ONLY)) continue;
      const rates: [number, number] = [0, 0];
      // Alternating, so that what else the machine does meets both.
      for (let round = 0; round < ROUNDS; round++) {
        quietDisk();
        rates[0] += (await rate(maria, workload, threads)) / ROUNDS;
        rates[1] += (await rate(ours, workload, threads)) / ROUNDS;
      }
      const line = `| ${workload} | ${threads} | ${rates[0].toFixed(0)} | ${rates[1].toFixed(0)} | ${(rates[1] / rates[0]).toFixed(2)} | ${least} | ${aim} |`;
      console.log(line);
      lines.push(line);
    }
    if ('bulk load'.includes(ONLY)) {
      const rates = [await bulkLoad(maria), await bulkLoad(ours)] as const;
      const line = `| bulk load, 1,000-row INSERTs (rows) | 1 | ${rates[0].toFixed(0)} | ${rates[1].toFixed(0)} | ${(rates[1] / rates[0]).toFixed(2)} | 0.5 | 1 |`;
      console.log(line);
      lines.push(line);
    }
  } finally {
    await Promise.all([stop(maria), stop(ours)]);
  }
  const memory = 'memory'.includes(ONLY) ? await idleMemory(startOurs, stop) : '';
  if (memory !== '') console.log(memory);
  if (process.argv.includes('--write')) {
    const how = `${ROUNDS} rounds of ${SECONDS} s each after ${WARMUP} s of the same load, and at the beginning ${RUN_IN} s of oltp_read_write, that do not count, alternating; ${ROWS} rows; client and servers share the machine.`;
    writeLast(`Machine: ${machine()}. ${how}\n\n${lines.join('\n')}\n\n${memory}`);
  }
  return 0;
}

process.exitCode = await main();
