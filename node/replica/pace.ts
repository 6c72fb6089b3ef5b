/**
 * How often news leave that nobody waits for. The first goes at once; what follows within an interval goes together at its end. Each
 * message wakes four threads and makes the other side's disk work, which costs more than what is in it.
 */
export class Pace {
  private readonly intervalMs: number;
  /** Until when what comes is kept back, and whether something is. */
  private untilMs = -Infinity;
  private isHolding = false;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** How long something that comes now is kept back: 0 is not at all. */
  waitMs(nowMs: number): number {
    // What was kept back has left when its time came: the next interval began then.
    if (this.isHolding && nowMs >= this.untilMs) {
      this.untilMs += this.intervalMs;
      this.isHolding = false;
    }
    if (nowMs >= this.untilMs) {
      this.untilMs = nowMs + this.intervalMs;
      return 0;
    }
    this.isHolding = true;
    return this.untilMs - nowMs;
  }
}
