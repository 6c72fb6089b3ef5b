/** Three MariaDB servers of Debian, joined by Galera, on loopback; each commit is on the disk before its OK. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../support/ports.ts';
import { sql, type Servers } from './sysbench.ts';

const PROVIDER = '/usr/lib/galera/libgalera_smm.so';
const NODES = 3;
const SYNCED_MS = 120_000;

/** Why there can be none here. */
export function galeraMissing(): string | undefined {
  for (const file of ['/usr/sbin/mariadbd', '/usr/bin/mariadb', '/usr/bin/rsync', PROVIDER])
    if (!existsSync(file)) return `${file} is not there`;
  return undefined;
}

interface Place {
  readonly dir: string;
  readonly sql: number;
  /** The port of the group; a state transfer takes the two behind it. */
  readonly group: number;
}

export class Galera implements Servers {
  readonly name = 'Galera';
  readonly user = 'bench';
  readonly password = 'bench';
  readonly ports: readonly number[];
  private readonly root: string;
  private readonly places: readonly Place[];
  private readonly processes: (ChildProcess | undefined)[] = [];

  private constructor(root: string, places: readonly Place[]) {
    this.root = root;
    this.places = places;
    this.ports = places.map((place) => place.sql);
  }

  static async start(): Promise<Galera> {
    const root = mkdtempSync(path.join(tmpdir(), 'p2pdb-bench-galera-'));
    const ports = await freePorts(2 * NODES, 3);
    const places = Array.from({ length: NODES }, (_, n) => ({
      dir: path.join(root, String(n)),
      sql: ports[2 * n] as number,
      group: ports[2 * n + 1] as number,
    }));
    const galera = new Galera(root, places);
    try {
      await galera.install();
    } catch (error) {
      await galera.stop();
      throw error;
    }
    return galera;
  }

  private async install(): Promise<void> {
    // rsync's daemon, which carries a new node's data, gives up root's rights: everything belongs to mysql.
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' }));
    const [uid, gid] = [id('-u'), id('-g')];
    chownSync(this.root, uid, gid);
    for (const { dir } of this.places) {
      mkdirSync(path.join(dir, 'tmp'), { recursive: true });
      for (const folder of [dir, path.join(dir, 'tmp')]) chownSync(folder, uid, gid);
      execFileSync(
        'mariadb-install-db',
        [
          '--no-defaults',
          '--user=mysql',
          `--datadir=${dir}/data`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
        ],
        { stdio: 'ignore' },
      );
    }
    this.launch(0, ['--wsrep-new-cluster']);
    await this.synced(0, 'root');
    this.asRoot(
      0,
      "create user bench@'%' identified by 'bench'; grant all on *.* to bench@'%'; create database sbtest",
    );
    for (let node = 1; node < NODES; node++) await this.start(node);
  }

  private launch(node: number, extra: readonly string[] = []): void {
    const { dir, sql: port, group } = this.places[node] as Place;
    const position = /seqno: *-1/.test(read(`${dir}/data/grastate.dat`)) ? this.recovered(node) : undefined;
    this.processes[node] = spawn(
      'mariadbd',
      [
        '--no-defaults',
        '--user=mysql',
        `--datadir=${dir}/data`,
        `--tmpdir=${dir}/tmp`,
        `--socket=${dir}/sock`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--pid-file=${dir}/pid`,
        `--log-error=${dir}/error.log`,
        '--max-connections=300',
        '--character-set-server=utf8mb4',
        '--innodb-buffer-pool-size=1G',
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-autoinc-lock-mode=2',
        '--binlog-format=ROW',
        '--wsrep-on=ON',
        `--wsrep-provider=${PROVIDER}`,
        '--wsrep-cluster-name=bench',
        `--wsrep-node-name=n${node}`,
        `--wsrep-cluster-address=gcomm://${this.places.map((place) => `127.0.0.1:${place.group}`).join(',')}`,
        '--wsrep-slave-threads=4',
        `--wsrep-node-address=127.0.0.1:${group}`,
        `--wsrep-node-incoming-address=127.0.0.1:${port}`,
        '--wsrep-sst-method=rsync',
        `--wsrep-sst-receive-address=127.0.0.1:${group + 2}`,
        `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${group};ist.recv_addr=127.0.0.1:${group + 1}`,
        ...(position === undefined ? [] : [`--wsrep-start-position=${position}`]),
        ...extra,
      ],
      { stdio: 'ignore' },
    );
  }

  /** What Debian's galera_recovery does before a start: the position of InnoDB, so that a killed node may catch up by what it lacks. */
  private recovered(node: number): string | undefined {
    const { dir } = this.places[node] as Place;
    execFileSync(
      'mariadbd',
      [
        '--no-defaults',
        '--user=mysql',
        `--datadir=${dir}/data`,
        `--tmpdir=${dir}/tmp`,
        `--socket=${dir}/sock.recover`,
        '--skip-networking',
        `--pid-file=${dir}/pid.recover`,
        `--log-error=${dir}/recover.log`,
        '--wsrep-on=ON',
        `--wsrep-provider=${PROVIDER}`,
        '--binlog-format=ROW',
        '--innodb-autoinc-lock-mode=2',
        '--wsrep-cluster-address=gcomm://127.0.0.1',
        '--wsrep-recover',
      ],
      { stdio: 'ignore' },
    );
    return [...read(`${dir}/recover.log`).matchAll(/WSREP: Recovered position: *(\S+)/g)].at(-1)?.[1];
  }

  /** Resolves when the node is in sync. */
  async start(node: number): Promise<void> {
    this.launch(node);
    await this.synced(node, this.user);
  }

  private asRoot(node: number, text: string): string {
    const { dir } = this.places[node] as Place;
    const args = ['--no-defaults', '-uroot', `-S${dir}/sock`, '-NBe', text];
    return execFileSync('mariadb', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  }

  private async synced(node: number, user: string): Promise<void> {
    const { dir } = this.places[node] as Place;
    const state = "show status like 'wsrep_local_state_comment'";
    for (const end = Date.now() + SYNCED_MS; Date.now() < end;) {
      try {
        const said = user === 'root' ? this.asRoot(node, state) : await sql(this, state, this.ports[node]);
        if (said.includes('Synced')) return;
      } catch {
        // Not yet: its port gives no event that says when.
      }
      const exit = this.processes[node]?.exitCode ?? null;
      if (exit !== null) throw new Error(`a Galera node ended with ${exit}: ${read(`${dir}/error.log`).slice(-2000)}`);
      await sleep(50);
    }
    throw new Error(`a Galera node is not in sync: ${read(`${dir}/error.log`).slice(-2000)}`);
  }

  /** Resolves when no node has anything left to apply. */
  async settled(): Promise<void> {
    for (const port of this.ports)
      while (
        /[1-9]/.test(
          await sql(this, "show status where variable_name = 'wsrep_local_recv_queue'", port).then(
            (said) => said.split('\t')[1] ?? '',
          ),
        )
      )
        await sleep(20);
  }

  async kill(node: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.processes[node];
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    for (let node = NODES - 1; node >= 0; node--) await this.kill(node, 'SIGTERM');
    rmSync(this.root, { recursive: true, force: true });
  }
}

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
