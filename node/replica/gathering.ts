/**
 * When what sessions committed is written. A write of the log, with its signature and its way to the disk, costs the core about as
 * much as a small transaction does. So as long as other sessions run statements, what they commit next goes along: the write begins
 * after a turn of the event loop in which none did, because then all wait for something, or after GATHER_MS.
 */
import type { Clock } from './clock.ts';

/** So long a commit waits for others, where there is always somebody at work. */
const GATHER_MS = 2;
/** So many are worth a write of their own. */
const ENOUGH = 16;

export class Gathering {
  private readonly clock: Clock;
  private readonly handovers: (() => number) | undefined;
  private seen = 0;
  /** Since when the first of them waits. */
  private sinceMs: number | undefined;
  /** When it was looked last, nobody else had been at work for a turn. */
  isQuiet = false;

  /** `handovers`: grows whenever a statement of another session than the last one begins. Where nobody counts, nobody waits. */
  constructor(clock: Clock, handovers: (() => number) | undefined) {
    this.clock = clock;
    this.handovers = handovers;
  }

  /** Whether those that are pending, at least one, wait for another turn. */
  goesOn(pending: number): boolean {
    if (!this.handovers) return false;
    const handovers = this.handovers();
    const now = this.clock.elapsed();
    this.sinceMs ??= now;
    this.isQuiet = handovers === this.seen;
    const goesOn = !this.isQuiet && pending < ENOUGH && now - this.sinceMs < GATHER_MS;
    this.seen = handovers;
    if (!goesOn) this.sinceMs = undefined;
    return goesOn;
  }
}
