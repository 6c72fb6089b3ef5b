/**
 * Virtual time and seeded chance in place of the machine's own, for the code that runs on a simulated host: whoever asks for the
 * time, a timer or a random number while a host is the current one gets that host's. What gives a file its name, or removes
 * it, is an effect of that host.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import type { Random } from '../kernel/random.ts';
import { installCheapSignatures } from './signatures.ts';

export interface VirtualHost {
  /** Milliseconds since 1970. */
  wallMs(): number;
  elapsedMs(): number;
  /** Runs work on this host after a while, unless it crashed by then; the returned function prevents it. */
  after(delayMs: number, work: () => void): () => void;
  /** False: it has crashed in the middle of its turn, and names and removes no files any more. */
  mayChangeFiles(): boolean;
}

type Work = (...args: unknown[]) => void;

class Timer {
  readonly cancel: () => void;

  constructor(cancel: () => void) {
    this.cancel = cancel;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Ends when everything is done that the machine's event loop holds: promises first. */
const { setImmediate: realImmediate } = globalThis;
export const settle = (): Promise<void> => new Promise((resolve) => void realImmediate(resolve));

/** Returns what puts the machine's own back. */
export function installVirtual(
  current: () => VirtualHost | undefined,
  random: Random,
  signatures: 'real' | 'cheap',
): () => void {
  const real = { ...pick(globalThis), dateNow: Date.now, mathRandom: Math.random, randomBytes: crypto.randomBytes };
  const elapsed = performance.now.bind(performance);
  const after = (host: VirtualHost, delayMs: number, work: Work, args: unknown[]): Timer =>
    new Timer(host.after(Math.max(delayMs, 0), () => work(...args)));
  const every = (host: VirtualHost, delayMs: number, work: Work): Timer => {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = host.after(delayMs, () => {
        again();
        work();
      });
    };
    again();
    return new Timer(() => cancel());
  };
  const clear =
    (own: (timer: never) => void) =>
    (timer: unknown): void =>
      timer instanceof Timer ? timer.cancel() : own(timer as never);
  Object.assign(globalThis, {
    setTimeout: (work: Work, ms = 0, ...args: unknown[]) => {
      const host = current();
      return host ? after(host, ms, work, args) : real.setTimeout(work, ms, ...args);
    },
    setInterval: (work: Work, ms = 0) => {
      const host = current();
      return host ? every(host, ms, work) : real.setInterval(work, ms);
    },
    setImmediate: (work: Work, ...args: unknown[]) => {
      const host = current();
      return host ? after(host, 0, work, args) : real.setImmediate(work, ...args);
    },
    clearTimeout: clear(real.clearTimeout),
    clearInterval: clear(real.clearInterval),
    clearImmediate: clear(real.clearImmediate),
  });
  Date.now = () => Math.floor(current()?.wallMs() ?? real.dateNow());
  Math.random = () => (current() ? random.next() : real.mathRandom());
  performance.now = () => current()?.elapsedMs() ?? elapsed();
  const seededBytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => random.below(256)));
  crypto.randomBytes = ((size: number) =>
    current() ? seededBytes(size) : real.randomBytes(size)) as typeof crypto.randomBytes;
  const { renameSync, rmSync } = fs;
  fs.renameSync = (from, to) => void (current()?.mayChangeFiles() === false || renameSync(from, to));
  fs.rmSync = (file, options) => void (current()?.mayChangeFiles() === false || rmSync(file, options));
  const realSleep = timersPromises.setTimeout;
  timersPromises.setTimeout = ((ms: number) => {
    const host = current();
    return host ? new Promise<void>((resolve) => void host.after(ms, resolve)) : realSleep(ms);
  }) as typeof realSleep;
  const uninstallSignatures = signatures === 'cheap' ? installCheapSignatures() : undefined;
  syncBuiltinESMExports();
  return () => {
    uninstallSignatures?.();
    const { dateNow, mathRandom, randomBytes, ...timers } = real;
    Object.assign(globalThis, timers);
    Date.now = dateNow;
    Math.random = mathRandom;
    performance.now = elapsed;
    crypto.randomBytes = randomBytes;
    Object.assign(fs, { renameSync, rmSync });
    timersPromises.setTimeout = realSleep;
    syncBuiltinESMExports();
  };
}

const pick = ({
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout,
  clearInterval,
  clearImmediate,
}: typeof globalThis): Pick<
  typeof globalThis,
  'setTimeout' | 'setInterval' | 'setImmediate' | 'clearTimeout' | 'clearInterval' | 'clearImmediate'
> => ({ setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate });
