/** The processes of a Kubernetes of a test: each with a log file, ended together. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

interface Daemon {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly child: ChildProcess;
}

const runs = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null;

export class Daemons {
  private readonly folder: string;
  private readonly prefix: readonly string[];
  private readonly env: NodeJS.ProcessEnv;
  private readonly started = new Map<string, Daemon>();

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
    child.once('error', () => undefined); // One that cannot be started has no pid.
    this.started.set(name, { command, env, child });
  }

  /** Starts one again that was stopped, as it was started the first time. */
  restart(name: string): void {
    const daemon = this.started.get(name);
    if (daemon === undefined) throw new Error(`${name} was never started`);
    this.start(name, daemon.command, daemon.env);
  }

  /** Resolves once the check does; fails when that takes too long, or when the daemon ends, with the end of its log. */
  async ready(name: string, check: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await check().catch(() => false))) {
      const daemon = this.started.get(name);
      const ended = daemon === undefined || !runs(daemon.child);
      if (ended || performance.now() > end) {
        const why = ended ? 'ended' : `was not ready in ${timeoutMs} ms`;
        throw new Error(`${name} ${why}:\n${readFileSync(this.log(name), 'utf8').split('\n').slice(-30).join('\n')}`);
      }
      await delay(50);
    }
  }

  /** Ends those named, or all, at once and without goodbyes. */
  async stop(names: readonly string[] = [...this.started.keys()]): Promise<void> {
    const ends = names.map(async (name) => {
      const child = this.started.get(name)?.child;
      if (child === undefined || !runs(child)) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await Promise.all(ends);
  }

  private log(name: string): string {
    return path.join(this.folder, `${name}.log`);
  }
}
