/** A node as a program of its own, to be killed, stopped and started again on the same folder. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT_PASSWORD } from './node.ts';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const MAIN = path.join(ROOT, 'node/main.ts');
/** Compiled code is kept between the many starts. */
const COMPILED = path.join(ROOT, 'node_modules/.cache/compiled');
const FLAGS = ['--disable-warning=ExperimentalWarning'];

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A running `p2pdb`; `exit` resolves when it is gone. */
export class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  out = '';
  err = '';
  /** Somebody here ended it. */
  wasKilled = false;
  private readonly waiting: (() => void)[] = [];

  /**
   * `stderr`: an open file that takes the lines of standard error in place of `err`. `prefix`: a command that becomes the program,
   * as `ip netns exec NAME` does.
   */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, stderr?: number, prefix: readonly string[] = []) {
    const [command = '', ...rest] = [...prefix, process.execPath, ...FLAGS, MAIN, ...args];
    const child = spawn(command, rest, {
      stdio: ['ignore', 'pipe', stderr ?? 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...env },
    });
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      for (const wake of this.waiting.splice(0)) wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.exit = once(child, 'close').then(([code, signal]) => {
      for (const wake of this.waiting.splice(0)) wake();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, out: this.out, err: this.err };
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the port once the node serves; throws when it ends before. */
  async ready(): Promise<number> {
    return Number((await this.says(/^ready: MySQL protocol on [^\n]*?:(\d+)[,\n]/m))[1]);
  }

  /** Resolves once the output matches; throws when the program ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out);
      if (match !== null) return match;
      if (!this.running) throw new Error(`the program ended before it said ${String(pattern)}: ${this.out}${this.err}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    if (this.running) {
      this.wasKilled = true;
      this.child.kill(signal);
    }
    return this.exit;
  }
}

/** Options of Node.js: every clock of the program that tells the date is off by this. */
export function clockShiftedBy(milliseconds: number): string {
  const code = `
    const { now } = Date;
    Date.now = () => now() + ${milliseconds};
    globalThis.Date = new Proxy(Date, {
      construct: (target, args, made) => Reflect.construct(target, args.length > 0 ? args : [Date.now()], made),
    });`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** Starts a node on a folder, on ports of the system's choice. */
export const startProgram = (folder: string, ...flags: string[]): Program =>
  new Program(
    ['node', '--data', folder, '--mysql', '127.0.0.1:0', '--http', '127.0.0.1:0', '--log-level', 'warn', ...flags],
    { P2PDB_ROOT_PASSWORD: ROOT_PASSWORD },
  );

/** Runs a command to its end. */
export const runProgram = (...args: string[]): Promise<Exit> => new Program(args).exit;
