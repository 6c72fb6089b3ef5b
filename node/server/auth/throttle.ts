/**
 * Slows down whoever fails to log in, by address. A few failures are free; each further one doubles the wait of the
 * address's next attempts, and waits are forgotten with time. Memory is bounded: the oldest addresses are forgotten.
 */
const FREE = 5;
const FIRST_MS = 100;
const LONGEST_MS = 4_000;
/** A failure is forgotten after this time. */
const FORGET_MS = 10_000;

interface Entry {
  failures: number;
  /** When `failures` was last brought up to date. */
  at: number;
  /** When the next attempt may be looked at. */
  free: number;
}

export class LoginThrottle {
  readonly #entries = new Map<string, Entry>();
  readonly #max: number;
  readonly #now: () => number;

  constructor(max = 10_000, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  /** Milliseconds to wait before this attempt; attempts side by side queue up. */
  delay(address: string): number {
    const entry = this.#entries.get(address);
    if (entry === undefined) return 0;
    const now = this.#now();
    this.#age(entry, now);
    const over = entry.failures - FREE;
    if (over < 0) return 0;
    const step = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(over, 10));
    entry.free = Math.max(entry.free, now) + step;
    return Math.min(entry.free - now, 2 * LONGEST_MS);
  }

  failed(address: string): void {
    const now = this.#now();
    const entry = this.#entries.get(address) ?? { failures: 0, at: now, free: now };
    this.#age(entry, now);
    entry.failures++;
    this.#entries.delete(address);
    this.#entries.set(address, entry);
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  /** One good login does not wipe out the failures: an attacker may own an account too. */
  succeeded(address: string): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    entry.failures = Math.floor(entry.failures / 2);
    if (entry.failures === 0) this.#entries.delete(address);
  }

  get size(): number {
    return this.#entries.size;
  }

  #age(entry: Entry, now: number): void {
    const forgotten = Math.floor((now - entry.at) / FORGET_MS);
    if (forgotten <= 0) return;
    entry.failures = Math.max(0, entry.failures - forgotten);
    entry.at += forgotten * FORGET_MS;
  }
}
