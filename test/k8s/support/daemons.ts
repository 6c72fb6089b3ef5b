/** The processes of a Kubernetes of a test: each with a log file, all ended together. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export class Daemons {
  private readonly folder: string;
  private readonly prefix: readonly string[];
  private readonly env: NodeJS.ProcessEnv;
  private readonly running = new Map<string, ChildProcess>();

  /**
   * `folder` takes the logs. `prefix` is a command that becomes the program, as `nsenter --net=FILE` does. `env` is added to the
   * environment of each.
   */
  constructor(folder: string, prefix: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.folder = folder;
    this.prefix = prefix;
    this.env = env;
  }

  start(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): void {
    const [program = '', ...args] = [...this.prefix, ...command];
    const log = openSync(this.log(name), 'a');
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      detached: true, // Ctrl-C at a terminal is for us alone: we end them in order.
      env: { ...process.env, ...this.env, ...env },
    });
    closeSync(log);
    child.once('error', () => this.running.delete(name));
    this.running.set(name, child);
  }

  /** Resolves once the check does; fails when that takes too long, or when the daemon ends, with the end of its log. */
  async ready(name: string, check: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await check().catch(() => false))) {
      const child = this.running.get(name);
      const ended = child === undefined || child.exitCode !== null || child.signalCode !== null;
      if (ended || performance.now() > end) {
        const why = ended ? 'ended' : `was not ready in ${timeoutMs} ms`;
        throw new Error(`${name} ${why}:\n${readFileSync(this.log(name), 'utf8').split('\n').slice(-30).join('\n')}`);
      }
      await delay(50);
    }
  }

  /** At once and without goodbyes: what they keep is thrown away anyhow. */
  async stop(): Promise<void> {
    const ends = [...this.running.values()]
      .filter((child) => child.exitCode === null && child.signalCode === null)
      .map((child) => {
        const closed = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return closed;
      });
    this.running.clear();
    await Promise.all(ends);
  }

  private log(name: string): string {
    return path.join(this.folder, `${name}.log`);
  }
}
