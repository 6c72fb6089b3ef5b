/**
 * The simulator's kernel: virtual time, a network, and hosts with a disk and a clock each. What runs on a host is a plug-in,
 * a `Program`: it is stepped with events and answers with actions, which the kernel executes in order. A host may
 * crash between any two actions; what was not synced is lost then, and so is everything that the program remembered.
 */
import { Agenda } from './agenda.ts';
import { Disk, type DiskRecord } from './disk.ts';
import { Network } from './network.ts';
import type { Random } from './random.ts';

export type ProgramEvent<Input> =
  | { readonly kind: 'start'; readonly nowMs: number }
  | { readonly kind: 'tick'; readonly nowMs: number }
  | { readonly kind: 'message'; readonly from: string; readonly bytes: Uint8Array }
  /** From the scenario, or what the program sent itself by `later`. */
  | { readonly kind: 'input'; readonly input: Input };

/** `about` says what bytes mean, for checkers and transcripts. */
export type Action<Input> =
  | { readonly kind: 'write'; readonly file: string; readonly bytes: Uint8Array; readonly about: unknown }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'trim'; readonly file: string; readonly keep: (record: DiskRecord) => boolean }
  | { readonly kind: 'send'; readonly to: string; readonly bytes: Uint8Array; readonly about: unknown }
  /** Comes back as input after a while, unless the host crashed in between. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly input: Input }
  /** Something that checkers want to know. */
  | { readonly kind: 'note'; readonly note: unknown };

export interface Program<Input> {
  step(event: ProgramEvent<Input>): Action<Input>[];
}

/** Sees everything that is done, the moment it is done. Throws when it should not have been. */
export interface Observer {
  sent(from: string, to: string, about: unknown): void;
  durable(host: string, records: readonly DiskRecord[]): void;
  noted(host: string, note: unknown): void;
  crashed(host: string): void;
}

export interface WorldOptions<Input> {
  readonly random: Random;
  readonly tickMs: number;
  readonly spawn: (host: string, disk: Disk, random: Random) => Program<Input>;
  readonly observer: Observer;
  /** Corrupted bytes arrive nowhere (transports are authenticated), but whatever reads them must survive it. */
  readonly readCorrupted: (bytes: Uint8Array) => void;
  readonly trace: ((line: string) => void) | undefined;
  /** Messages belong to a connection: when either end restarts, what was on its way is lost. */
  readonly connections?: boolean;
}

interface Host<Input> {
  readonly name: string;
  disk: Disk;
  program: Program<Input> | undefined;
  /** Counts starts: what an earlier run planned is void. */
  run: number;
  clockOffsetMs: number;
  busyUntil: number;
}

export class World<Input> {
  readonly random: Random;
  readonly network: Network;
  now = 0;
  /** Probability of a crash before each action. */
  crashRate = 0;
  /** How long a sync takes at most, in milliseconds. */
  syncMs = 0.5;
  private readonly options: WorldOptions<Input>;
  private readonly agenda = new Agenda();
  private readonly hosts = new Map<string, Host<Input>>();

  constructor(options: WorldOptions<Input>) {
    this.options = options;
    this.random = options.random;
    this.network = new Network(options.random);
  }

  /** Plans something at a moment of virtual time. */
  at(time: number, run: () => void): void {
    this.agenda.add(Math.max(time, this.now), run);
  }

  /** Lets the world run until a moment, or until `done`, which is asked after everything that happens. */
  runUntil(time: number, done: () => boolean = () => false): boolean {
    while (this.agenda.nextAt <= time) {
      this.now = this.agenda.nextAt;
      this.agenda.take()?.();
      if (done()) return true;
    }
    this.now = time;
    return false;
  }

  addHost(name: string): void {
    this.hosts.set(name, {
      name,
      disk: new Disk(),
      program: undefined,
      run: 0,
      clockOffsetMs: this.random.between(0, 1e6),
      busyUntil: 0,
    });
  }

  get names(): string[] {
    return [...this.hosts.keys()];
  }

  isUp(name: string): boolean {
    return this.host(name).program !== undefined;
  }

  /** Names the runs of both ends. */
  connection(a: string, b: string): string {
    return `${this.hosts.get(a)?.run} ${this.hosts.get(b)?.run}`;
  }

  start(name: string): void {
    const host = this.host(name);
    if (host.program) return;
    this.trace(() => `${name} starts`);
    host.program = this.options.spawn(name, host.disk, this.random);
    host.busyUntil = this.now;
    const { run } = host;
    this.step(host, { kind: 'start', nowMs: this.clock(host) });
    const tick = (): void => {
      if (host.run !== run || !host.program) return;
      this.give(host, run, { kind: 'tick', nowMs: this.clock(host) });
      this.at(this.now + this.options.tickMs, tick);
    };
    this.at(this.now + this.random.between(0, this.options.tickMs), tick);
  }

  crash(name: string): void {
    const host = this.host(name);
    if (!host.program) return;
    this.trace(() => `${name} crashes`);
    host.program = undefined;
    host.run++;
    this.options.observer.durable(name, host.disk.crash(this.random));
    this.options.observer.crashed(name);
  }

  jumpClock(name: string, byMs: number): void {
    this.trace(() => `${name}'s clock jumps by ${byMs.toFixed(0)} ms`);
    this.host(name).clockOffsetMs += byMs;
  }

  disk(name: string): Disk {
    return this.host(name).disk;
  }

  /** Puts another disk into a host that is down. */
  replaceDisk(name: string, disk: Disk): void {
    const host = this.host(name);
    if (host.program) throw new Error(`${name} is running`);
    host.disk = disk;
  }

  input(name: string, input: Input): void {
    const host = this.host(name);
    this.give(host, host.run, { kind: 'input', input });
  }

  /** Delivers bytes as if `from` had sent them. */
  inject(from: string, to: string, bytes: Uint8Array): void {
    const host = this.host(to);
    this.give(host, host.run, { kind: 'message', from, bytes });
  }

  trace(line: () => string): void {
    this.options.trace?.(`${this.now.toFixed(3).padStart(10)}  ${line()}`);
  }

  private host(name: string): Host<Input> {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`there is no host ${name}`);
    return host;
  }

  private clock(host: Host<Input>): number {
    return Math.floor(this.now + host.clockOffsetMs);
  }

  /** Steps a host now, or as soon as it has done what it is busy with. */
  private give(host: Host<Input>, run: number, event: ProgramEvent<Input>): void {
    if (host.run !== run || !host.program) return;
    if (host.busyUntil > this.now) this.at(host.busyUntil, () => this.give(host, run, event));
    else this.step(host, event);
  }

  private step(host: Host<Input>, event: ProgramEvent<Input>): void {
    const { program, run } = host;
    if (!program) return;
    for (const action of program.step(event)) {
      if (this.random.chance(this.crashRate)) {
        this.crash(host.name);
        return;
      }
      this.execute(host, run, action);
    }
  }

  private execute(host: Host<Input>, run: number, action: Action<Input>): void {
    const { observer } = this.options;
    const { name, disk } = host;
    switch (action.kind) {
      case 'write':
        this.trace(() => `${name} writes ${describe(action.about)}`);
        disk.write(action.file, { bytes: action.bytes, about: action.about });
        break;
      case 'sync':
        host.busyUntil = Math.max(host.busyUntil, this.now) + this.random.between(0, this.syncMs);
        observer.durable(name, disk.sync(action.file));
        break;
      case 'trim':
        disk.trim(action.file, action.keep);
        break;
      case 'send': {
        this.trace(() => `${name} → ${action.to} ${describe(action.about)}`);
        observer.sent(name, action.to, action.about);
        const connection = this.connection(name, action.to);
        const leaves = Math.max(host.busyUntil, this.now);
        for (const arrives of this.network.deliveries(name, action.to, leaves)) {
          this.at(arrives, () => {
            if (!this.options.connections || connection === this.connection(name, action.to)) {
              this.arrive(name, action.to, action.bytes);
            }
          });
        }
        break;
      }
      case 'later':
        this.at(Math.max(host.busyUntil, this.now) + action.delayMs, () =>
          this.give(host, run, { kind: 'input', input: action.input }),
        );
        break;
      case 'note':
        this.trace(() => `${name} ${describe(action.note)}`);
        observer.noted(name, action.note);
        break;
    }
  }

  private arrive(from: string, to: string, bytes: Uint8Array): void {
    const host = this.hosts.get(to);
    if (!host?.program) return;
    const broken = this.network.corrupted(bytes);
    if (broken) this.options.readCorrupted(broken);
    else this.give(host, host.run, { kind: 'message', from, bytes });
  }
}

/** Readable, in one line; byte strings as text where they are text. */
function describe(about: unknown): string {
  return JSON.stringify(about, (_, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    return value.every((byte) => byte >= 32 && byte < 127) ? String.fromCharCode(...value) : `<${value.length} bytes>`;
  });
}
