/**
 * Who may change the state. Work that is short does so at once, in its turn of the event loop. Long work goes on in slices, and the
 * gate is closed behind it: until it has ended, nobody else changes the state, and what reads sees it as it was before.
 */
import type { Steps } from '../consistency/index.ts';
import type { Clock } from './clock.ts';

/** What is long, and how it goes on. */
export interface Slicing {
  /** More changes than this take longer than others should wait. */
  readonly changes: number;
  /** How long a slice takes before others have their turn. */
  readonly sliceMs: number;
}

export const SLICING: Slicing = { changes: 2000, sliceMs: 5 };

export interface GateOptions {
  readonly clock: Clock;
  readonly slicing: Slicing;
  /** Resolves when everything in the state is durable and visible to other connections. */
  readonly publish: () => Promise<void>;
  readonly isPublished: () => boolean;
  /** Keeps what other connections see as it is until the returned function is called. */
  readonly hold: () => () => void;
  /** From now on reads see the state as it is, until the returned function is called. */
  readonly openSnapshot: () => () => void;
  /** What is to be told of the work, once it is done and before anybody sees it. */
  readonly announce: () => Steps<void>;
  /** Nobody holds it any more. */
  readonly onOpened: () => void;
}

/** Runs steps to their end, in slices. */
export type Slices = <T>(steps: Steps<T>) => Promise<T>;

/** The node ends: work stops where it is. Nothing of it was published. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

export class Gate {
  private readonly options: GateOptions;
  private line: (() => void)[] = [];
  private waiting: (() => void)[] = [];
  /** Somebody is at work, or prepares for it. */
  private held = false;
  private stopped = false;
  /** Somebody is at work in slices: the state is in the middle of it. */
  isClosed = false;
  private isHurried = false;

  constructor(options: GateOptions) {
    this.options = options;
  }

  /** Resolves when it was opened; it may be closed again by then. */
  opened(): Promise<void> {
    return this.isClosed ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }

  /** Whether so many changes are too many to be made at once. */
  isLong(changes: number): boolean {
    return changes > this.options.slicing.changes;
  }

  /** Does work that alone may change the state, one after the other. Nobody sees any of it before all is done. */
  async alone<T>(work: (slices: Slices) => Promise<T>): Promise<T> {
    if (this.stopped) throw new StoppedError('the node ends');
    while (this.held) await new Promise<void>((resolve) => this.line.push(resolve));
    this.held = true;
    let open: (() => void) | undefined;
    try {
      // Others change the state until then, and perhaps once more before this has its turn.
      for (await this.options.publish(); !this.options.isPublished(); await this.options.publish())
        await new Promise<void>((resolve) => this.options.clock.defer(resolve));
      open = this.close();
      return await work((steps) => this.slices(steps));
    } finally {
      if (!this.stopped) await this.slices(this.end(open));
    }
  }

  /** Gives what opens it. */
  private close(): () => void {
    const release = this.options.hold();
    const closeSnapshot = this.options.openSnapshot();
    this.isClosed = true;
    return () => {
      this.isClosed = false;
      this.isHurried = false;
      closeSnapshot();
      release();
    };
  }

  /** It is opened in one turn with the last step: what was announced is what there is. */
  private *end(open: (() => void) | undefined): Steps<void> {
    if (open) yield* this.options.announce();
    open?.();
    this.leave();
  }

  /** Those who wait to be short have their turn before the next in line. */
  private leave(): void {
    const { clock, onOpened } = this.options;
    this.held = false;
    for (const wake of this.waiting.splice(0)) wake();
    clock.defer(onOpened);
    const next = this.line.shift();
    if (next) clock.defer(next);
  }

  /** What is left of the work has to be done in one go: until then others read by what does not fit any more. */
  hurry(): void {
    this.isHurried = this.isClosed;
  }

  /** Work that changes nothing but what is its own needs no gate to go on in slices. */
  slices<T>(steps: Steps<T>): Promise<T> {
    const { clock, slicing } = this.options;
    return new Promise((resolve, reject) => {
      const slice = (): void => {
        try {
          if (this.stopped) throw new StoppedError('the node ends');
          const until = clock.elapsed() + slicing.sliceMs;
          do {
            const next = steps.next();
            if (next.done === true) {
              resolve(next.value);
              return;
            }
          } while (this.isHurried || clock.elapsed() < until);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        clock.defer(slice);
      };
      slice();
    });
  }

  /** The node ends. */
  stop(): void {
    this.stopped = true;
  }
}
