/** Does what the plan says with real processes: a pod is a child process, its probes are asked over HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalNode } from './environment.ts';
import { rotateLog } from './folder.ts';
import { probe } from './http.ts';
import { ended, isReady, newPod, plan, probed, started, stateOf, told, type Action, type Pod } from './plan.ts';

export interface ActorOptions {
  readonly nodes: readonly LocalNode[];
  /** The program and what stands before its own arguments. */
  readonly program: readonly string[];
  environment(node: LocalNode): NodeJS.ProcessEnv;
  /** A line about a node that a person should read. */
  event(node: LocalNode, text: string): void;
  /** Something of what `view` gives is different. */
  changed(): void;
}

export interface NodeView {
  readonly node: LocalNode;
  readonly state: string;
  readonly ready: boolean;
  readonly pid: number | undefined;
}

const PROBE_STARTING_MS = 100;
const PROBE_READY_MS = 2_000;

interface Slot {
  readonly node: LocalNode;
  pod: Pod;
  child: ChildProcess | undefined;
  /** Where in the log file the output of the running process begins. */
  logStart: number;
}

export class LocalActor {
  readonly #options: ActorOptions;
  readonly #slots: readonly Slot[];
  #desired: 'run' | 'stop' = 'run';
  #timer: NodeJS.Timeout | undefined;
  #allEnded: () => void = () => undefined;

  constructor(options: ActorOptions) {
    this.#options = options;
    this.#slots = options.nodes.map((node) => ({ node, pod: newPod(node.name), child: undefined, logStart: 0 }));
  }

  get view(): readonly NodeView[] {
    const now = performance.now();
    return this.#slots.map(({ node, pod, child }) => ({
      node,
      state: this.#desired === 'stop' && pod.process.kind === 'none' ? 'stopped' : stateOf(pod, now),
      ready: isReady(pod),
      pid: child?.pid,
    }));
  }

  start(): void {
    this.#step();
  }

  /** Resolves when every process is gone. */
  stop(): Promise<void> {
    const gone = new Promise<void>((resolve) => (this.#allEnded = resolve));
    this.#desired = 'stop';
    this.#step();
    return gone;
  }

  /** Ends every process at once, whatever it was doing. */
  kill(): void {
    for (const { child } of this.#slots) child?.kill('SIGKILL');
  }

  #step(): void {
    for (;;) {
      const pods = this.#slots.map(({ pod }) => pod);
      const { actions, wakeAt } = plan(this.#desired, pods, performance.now());
      if (actions.length > 0) {
        for (const action of actions) this.#act(action);
        continue;
      }
      clearTimeout(this.#timer);
      if (wakeAt !== undefined) {
        this.#timer = setTimeout(() => this.#step(), Math.max(1, wakeAt - performance.now()));
      }
      break;
    }
    this.#options.changed();
    if (this.#desired === 'stop' && this.#slots.every(({ pod }) => pod.process.kind === 'none')) this.#allEnded();
  }

  #act(action: Action): void {
    const slot = this.#slots.find(({ node }) => node.name === action.pod) as Slot;
    switch (action.kind) {
      case 'start':
        this.#start(slot);
        return;
      case 'terminate':
      case 'kill':
        if (this.#desired === 'run' || action.kind === 'kill') {
          this.#options.event(slot.node, `${action.reason}: ${action.kind === 'kill' ? 'is killed' : 'is stopped'}`);
        }
        slot.child?.kill(action.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        slot.pod = told(slot.pod, action.kind, performance.now());
    }
  }

  #start(slot: Slot): void {
    const { node } = slot;
    slot.pod = started(slot.pod, performance.now());
    let child: ChildProcess;
    try {
      child = this.#spawn(slot);
    } catch (error) {
      // Such as a full disk: the plan tries again.
      slot.pod = ended(slot.pod, performance.now());
      this.#options.event(node, `could not be started: ${(error as Error).message}`);
      return;
    }
    slot.child = child;
    let over = false;
    const end = (how: string): void => {
      if (over) return;
      over = true;
      slot.child = undefined;
      slot.pod = ended(slot.pod, performance.now());
      if (this.#desired === 'run') this.#options.event(node, how);
      this.#step();
    };
    child.on('error', (error) => {
      if (child.pid === undefined) end(`could not be started: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) end(`was ended by ${signal}`);
      else end(`ended with ${code ?? '?'}${code === 0 ? '' : `: ${lastWord(node.logFile, slot.logStart)}`}`);
    });
    void this.#probe(slot, child);
  }

  #spawn(slot: Slot): ChildProcess {
    const { node } = slot;
    rotateLog(node.logFile);
    const log = openSync(node.logFile, 'a', 0o600);
    try {
      slot.logStart = fstatSync(log).size;
      const [file = '', ...before] = this.#options.program;
      return spawn(file, [...before, 'node'], {
        env: this.#options.environment(node),
        // The channel tells the node when this process is gone.
        stdio: ['ignore', log, log, 'ipc'],
        // Ctrl-C in the terminal is for this process alone, which then stops its nodes in order.
        detached: true,
      });
    } finally {
      closeSync(log);
    }
  }

  /** Asks again and again until the process is gone. */
  async #probe(slot: Slot, child: ChildProcess): Promise<void> {
    while (slot.child === child) {
      const seen = await probe(slot.node);
      if (slot.child !== child) return;
      const before = isReady(slot.pod);
      slot.pod = probed(slot.pod, seen, performance.now());
      const ready = isReady(slot.pod);
      if (ready && !before) this.#options.event(slot.node, 'ready');
      const { process } = slot.pod;
      if (!ready && before && process.kind === 'running') this.#options.event(slot.node, process.notReady ?? 'stops');
      this.#step();
      await sleep(ready ? PROBE_READY_MS : PROBE_STARTING_MS, undefined, { ref: false });
    }
  }
}

const TAIL_BYTES = 4096;

/** The line that says why a process ended, as far as it said it. */
function lastWord(file: string, from: number): string {
  const log = openSync(file, 'r');
  try {
    const { size } = fstatSync(log);
    const start = Math.max(from, size - TAIL_BYTES);
    const tail = Buffer.alloc(Math.max(0, size - start));
    readSync(log, tail, 0, tail.length, start);
    const lines = tail.toString('utf8').trimEnd().split('\n');
    return lines.findLast((line) => /^(?:p2pdb:|\w*Error\b)/.test(line)) ?? lines.at(-1) ?? '';
  } finally {
    closeSync(log);
  }
}
