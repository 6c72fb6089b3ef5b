/**
 * How often news leave that nobody waits for. Few go at once; where more are made, those of an interval go together at its end. Each
 * message wakes other threads and makes the other side's disk work, which costs more than what is in it.
 */
export class Pace {
  private readonly intervalMs: number;
  private readonly few: number;
  private untilMs = -Infinity;
  /** News of the interval. */
  private count = 0;
  private isHolding = false;

  /** `few`: so many news of an interval go at once, unless the one before it had more. */
  constructor(intervalMs: number, few: number) {
    this.intervalMs = intervalMs;
    this.few = few;
  }

  /** How long something that comes now is kept back: 0 is not at all. */
  waitMs(nowMs: number): number {
    if (nowMs >= this.untilMs) this.begin(nowMs);
    this.count++;
    if (this.count <= this.few) return 0;
    this.isHolding = true;
    return this.untilMs - nowMs;
  }

  private begin(nowMs: number): void {
    // What was kept back has left when its time came: the next interval began then, and has many, too.
    const nextMs = this.untilMs + this.intervalMs;
    const follows = this.isHolding && nowMs < nextMs;
    this.untilMs = follows ? nextMs : nowMs + this.intervalMs;
    this.count = follows ? this.few : 0;
    this.isHolding = false;
  }
}
