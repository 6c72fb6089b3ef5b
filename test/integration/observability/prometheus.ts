/** Debian's Prometheus on loopback, scraping what a test names by the rules that the project ships. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { freePorts } from '../../support/ports.ts';

const here = import.meta.dirname;
const REPOSITORY = path.join(here, '../../..');
const CACHE = path.join(REPOSITORY, 'node_modules/.cache/observability');
export const MONITORING = path.join(REPOSITORY, 'docs/monitoring');

/** Where prometheus and promtool are, or why they are not. */
export async function findPrometheus(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  await promisify(execFile)(path.join(here, 'setup.sh'), { timeout: 5 * 60_000 });
  const status = path.join(CACHE, 'status');
  const [word, ...rest] = existsSync(status) ? readFileSync(status, 'utf8').trim().split(' ') : [];
  return word === 'ok' ? { folder: rest.join(' ') } : { missing: rest.join(' ') || 'setup.sh left no status' };
}

/** Runs promtool; rejects with what it says. */
export async function promtool(folder: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(path.join(folder, 'promtool'), args)).stdout;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface RuleState {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly query: string;
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
  readonly state?: 'inactive' | 'pending' | 'firing';
}

const POLL_MS = 100;

export class Prometheus {
  private readonly folder: string;
  private readonly child: ChildProcess;
  private readonly port: number;
  private output = '';

  private constructor(folder: string, child: ChildProcess, port: number) {
    this.folder = folder;
    this.child = child;
    this.port = port;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (d) => (this.output += String(d)));
  }

  /** With docs/monitoring/prometheus.yml as it is, but for the targets and the times. Resolves when it is ready. */
  static async start(programs: string, targets: readonly string[]): Promise<Prometheus> {
    const folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-prometheus-'));
    const config = parse(readFileSync(path.join(MONITORING, 'prometheus.yml'), 'utf8')) as {
      global: object;
      rule_files: string[];
      scrape_configs: { static_configs: { targets: readonly string[] }[] }[];
    };
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    config.rule_files = config.rule_files.map((file) => path.join(MONITORING, file));
    for (const job of config.scrape_configs) for (const group of job.static_configs) group.targets = targets;
    const file = path.join(folder, 'prometheus.yml');
    writeFileSync(file, stringify(config));
    const [port = 0] = await freePorts(1);
    const child = spawn(
      path.join(programs, 'prometheus'),
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const prometheus = new Prometheus(folder, child, port);
    try {
      await prometheus.until('ready', async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  /** Resolves once `holds` does: Prometheus tells nobody when it has scraped. What it threw last is in the error. */
  async until(what: string, holds: () => Promise<boolean>, milliseconds = 30_000): Promise<void> {
    const deadline = performance.now() + milliseconds;
    let last: unknown;
    while (performance.now() < deadline) {
      if (this.child.exitCode !== null) throw new Error(`Prometheus ended: ${this.output}`);
      try {
        if (await holds()) return;
        last = undefined;
      } catch (error) {
        last = error;
      }
      await sleep(POLL_MS);
    }
    throw new Error(`not ${what} within ${milliseconds} ms: ${this.output}`, { cause: last });
  }

  private async ask<T>(route: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(
      `http://127.0.0.1:${this.port}/api/v1/${route}?${new URLSearchParams(parameters).toString()}`,
    );
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success')
      throw new Error(`${answer.error ?? response.status}: ${JSON.stringify(parameters)}`);
    return answer.data;
  }

  /** Throws where the expression is refused. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.ask<{ result: readonly Series[] }>('query', { query: expression });
    return result;
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = await this.ask<{ groups: readonly { rules: readonly RuleState[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
