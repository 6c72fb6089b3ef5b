/** Three rqlite nodes on loopback with their own durability: an insert is in the Raft log of a majority, on the disk, before its OK. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from '../../support/ports.ts';
import type { Rate } from './sysbench.ts';

const HERE = import.meta.dirname;
const RQLITED = path.join(HERE, '../../../node_modules/.cache/bench/rqlited');
const WRK = '/usr/bin/wrk';
const READY_MS = 30_000;

/** Why there can be none here. */
export function rqliteMissing(): string | undefined {
  const file = [RQLITED, WRK].find((needed) => !existsSync(needed));
  return file === undefined ? undefined : `${file} is not there`;
}

export class Rqlite {
  private readonly root = mkdtempSync(path.join(tmpdir(), 'p2pdb-bench-rqlite-'));
  private readonly processes: ChildProcess[] = [];
  private url = '';

  static async start(): Promise<Rqlite> {
    const rqlite = new Rqlite();
    try {
      await rqlite.launch();
    } catch (error) {
      await rqlite.stop();
      throw error;
    }
    return rqlite;
  }

  private async launch(): Promise<void> {
    const ports = await freePorts(3, 2);
    for (const [node, port] of ports.entries()) {
      const join = node === 0 ? [] : ['-join', `127.0.0.1:${(ports[0] as number) + 1}`];
      const data = path.join(this.root, String(node));
      const addresses = ['-http-addr', `127.0.0.1:${port}`, '-raft-addr', `127.0.0.1:${port + 1}`];
      const child = spawn(RQLITED, ['-node-id', `n${node}`, ...addresses, ...join, data], { stdio: 'ignore' });
      this.processes.push(child);
      await ready(`http://127.0.0.1:${port}/readyz`, child);
    }
    // The first node is the leader: it made the cluster.
    this.url = `http://127.0.0.1:${ports[0]}`;
    await this.execute(
      'create table sbtest1 (id integer primary key autoincrement, k integer not null, c text not null, pad text not null)',
      'create index k_1 on sbtest1 (k)',
    );
  }

  private async execute(...statements: readonly string[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${this.url}/db/execute`, {
      method: 'POST',
      headers,
      body: JSON.stringify(statements),
    });
    const said = await response.text();
    if (!response.ok || said.includes('"error"')) throw new Error(`rqlite said: ${said}`);
  }

  /** Single inserts of rows as sysbench makes them, to the leader. */
  async insert(connections: number, seconds: number): Promise<Rate> {
    const script = ['-s', path.join(HERE, 'rqlite.lua'), this.url];
    const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, ...script]);
    const figure = (name: string): number => Number(new RegExp(`^${name} ([\\d.]+)$`, 'm').exec(stdout)?.[1] ?? NaN);
    if (figure('bad') > 0) throw new Error(`rqlite refused ${figure('bad')} inserts`);
    return { perSecond: figure('rate'), refused: 0, p50: figure('p50'), p99: figure('p99') };
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }),
    );
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end;) {
    if (child.exitCode !== null) throw new Error(`rqlite ended with ${child.exitCode}`);
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet: its port gives no event that says when.
    }
    await sleep(100);
  }
  throw new Error('rqlite is not ready');
}
