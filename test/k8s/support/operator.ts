/** The operator as a program, with what it says of itself and what the system says of its process. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../support/ports.ts';
import { Program } from '../../support/process.ts';

export interface OperatorSettings {
  /** A command that becomes the program. */
  readonly prefix?: readonly string[];
  /** Folder that takes a CPU profile. */
  readonly profile?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: readonly string[];
}

export class OperatorProcess {
  readonly program: Program;
  private readonly url: string;

  /** Resolves when it answers; it may be another one's turn to work. */
  static async start(kubeconfig: string, settings: OperatorSettings = {}): Promise<OperatorProcess> {
    const [port = 0] = await freePorts(1);
    const operator = new OperatorProcess(kubeconfig, port, settings);
    for (;;) {
      if ((await operator.status('/healthz')) !== undefined) return operator;
      if (!operator.program.running) throw new Error(`the operator ended: ${operator.program.err}`);
    }
  }

  private constructor(kubeconfig: string, port: number, { prefix, profile, env, flags = [] }: OperatorSettings) {
    this.url = `http://127.0.0.1:${port}`;
    const profiling = profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
    this.program = new Program(
      ['operator', '--metrics', `127.0.0.1:${port}`, ...flags],
      { KUBECONFIG: kubeconfig, ...profiling, ...env },
      undefined,
      prefix,
    );
  }

  /** HTTP status of a path; undefined when nobody answers. */
  async status(path: string): Promise<number | undefined> {
    try {
      const response = await fetch(this.url + path, { signal: AbortSignal.timeout(5_000) });
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  /** The sum of a figure's series. */
  async figure(name: string): Promise<number> {
    const text = await this.metrics();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Requests to the API server that changed something, but for the Lease. */
  writes(): Promise<number> {
    return this.figure('p2pdb_operator_api_writes_total');
  }

  /** Their number when there have been none for five seconds. */
  async settledWrites(): Promise<number> {
    for (let before = -1, now = await this.writes(); ; [before, now] = [now, await this.writes()]) {
      if (before === now) return now;
      await sleep(5_000);
    }
  }

  cpuSeconds(): number {
    const fields = this.proc('stat')
      .replace(/^.*\) /, '')
      .split(' ');
    const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    return (Number(fields[11]) + Number(fields[12])) / ticks;
  }

  /** The largest resident memory so far, in bytes. */
  peakMemory(): number {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(this.proc('status'))?.[1]) * 1024;
  }

  async stop(): Promise<void> {
    await this.program.kill('SIGTERM');
  }

  private proc(file: string): string {
    return readFileSync(`/proc/${this.program.child.pid ?? 0}/${file}`, 'utf8');
  }
}
