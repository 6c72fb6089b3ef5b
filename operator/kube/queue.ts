/** Work by keys: one at a time for each key, what came meanwhile once more after it, failures again after growing waits. */

export interface QueueOptions {
  readonly workers: number;
  /** Resolves with the wait until the key's turn comes again by itself; a rejection is a failure. */
  readonly work: (key: string) => Promise<number | undefined>;
  readonly onFailure: (key: string, error: unknown, retryMs: number) => void;
}

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 60_000;

export class WorkQueue {
  private readonly options: QueueOptions;
  private readonly waiting = new Set<string>();
  /** Since when, by a monotonic clock; the oldest first. */
  private readonly running = new Map<string, number>();
  /** Came while it was worked on. */
  private readonly again = new Set<string>();
  private readonly failures = new Map<string, number>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private isStopped = false;
  private sayIdle: (() => void) | undefined;

  constructor(options: QueueOptions) {
    this.options = options;
  }

  get depth(): number {
    return this.waiting.size;
  }

  get active(): number {
    return this.running.size;
  }

  /** What has been worked on for longest, and for how long. */
  get longest(): { readonly key: string; readonly milliseconds: number } | undefined {
    for (const [key, since] of this.running) return { key, milliseconds: performance.now() - since };
    return undefined;
  }

  add(key: string): void {
    if (this.isStopped) return;
    if (this.running.has(key)) {
      this.again.add(key);
      return;
    }
    this.waiting.add(key);
    this.next();
  }

  addAfter(key: string, milliseconds: number): void {
    clearTimeout(this.timers.get(key));
    if (this.isStopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(key);
      this.add(key);
    }, milliseconds);
    this.timers.set(key, timer);
  }

  /** Forgets what waits; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.waiting.clear();
    for (const timer of this.timers.values()) clearTimeout(timer);
    if (this.running.size > 0) await new Promise<void>((resolve) => (this.sayIdle = resolve));
  }

  private next(): void {
    while (this.running.size < this.options.workers) {
      const [key] = this.waiting;
      if (key === undefined) return;
      this.waiting.delete(key);
      this.running.set(key, performance.now());
      void this.run(key);
    }
  }

  private async run(key: string): Promise<void> {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    try {
      const wait = await this.options.work(key);
      this.failures.delete(key);
      if (wait !== undefined) this.addAfter(key, wait);
    } catch (error) {
      const count = this.failures.get(key) ?? 0;
      this.failures.set(key, count + 1);
      const wait = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** count);
      this.options.onFailure(key, error, wait);
      // What came meanwhile may be the cure, but not before its turn.
      this.again.delete(key);
      this.addAfter(key, wait);
    }
    this.running.delete(key);
    if (this.again.delete(key)) this.add(key);
    this.next();
    if (this.running.size === 0) this.sayIdle?.();
  }
}
