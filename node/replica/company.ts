/**
 * When own transactions are sealed whose clients wait for other nodes: for a majority's disks, or for a block. What is sealed together
 * is one entry and mostly in one block; each entry and each block costs all nodes about as much as some transactions do. So while
 * others of this node are on their way, new ones wait for them, and then for the clients that were just answered: they come back
 * within a moment, or not at all. Those that are in the middle of such a transaction, and at work, are about to commit it.
 */
import type { Clock } from './clock.ts';
import type { GroupTransaction } from './transaction.ts';

/** How soon clients that were answered come back. */
const RETURN_MS = 1;
/** So long one waits for those on their way. Where they take longer, the nodes are far from each other. */
const ROUND_MS = 10;
/** So long for those that are about to commit. */
const OPEN_MS = 5;
/** So many go at once: while the others decide on them, this node runs the next ones. */
const ENOUGH = 16;

/** Transactions that are open, and will wait for other nodes when they commit. */
export interface Open {
  readonly count: number;
  /** Grows whenever one of them begins a statement. */
  readonly statements: number;
}

interface Waiting {
  readonly transaction: GroupTransaction;
}

const NOBODY: Open = { count: 0, statements: 0 };

export class Company {
  private readonly clock: Clock;
  private readonly wake: () => void;
  private readonly open: (() => Open) | undefined;
  private cancelTimer: (() => void) | undefined;
  /** Since when the first of them waits. */
  private sinceMs: number | undefined;
  /** How many were answered at last, and when. */
  private answered = 0;
  private answeredMs = -Infinity;
  /** How many statements open transactions had begun when it was last looked, and when there had been a new one. */
  private statements = 0;
  private workedMs = -Infinity;

  /** `wake`: they need not wait any longer. Where nobody knows what is `open`, nobody waits for it. */
  constructor(clock: Clock, wake: () => void, open?: () => Open) {
    this.clock = clock;
    this.wake = wake;
    this.open = open;
  }

  /** A client was answered. */
  left(): void {
    const now = this.clock.elapsed();
    if (now - this.answeredMs > RETURN_MS) this.answered = 0;
    this.answered++;
    this.answeredMs = now;
  }

  /** Whether `pending` should wait for others; `underWay`: own ones that are sealed, and whose clients wait for other nodes. */
  expects(pending: readonly Waiting[], underWay: number): boolean {
    const now = this.clock.elapsed();
    const ms = this.waitMs(pending, underWay, now);
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (ms <= 0) {
      this.sinceMs = undefined;
      return false;
    }
    this.sinceMs ??= now;
    this.cancelTimer = this.clock.after(ms, this.wake);
    return true;
  }

  private waitMs(pending: readonly Waiting[], underWay: number, now: number): number {
    if (pending.length === 0 || pending.length >= ENOUGH) return 0;
    if (!pending.every(({ transaction }) => transaction.needsOthers)) return 0;
    const since = this.sinceMs ?? now;
    if (underWay > 0) return since + ROUND_MS - now;
    if (this.areAtWork(now)) return Math.min(this.workedMs + RETURN_MS, since + OPEN_MS) - now;
    return pending.length < this.answered ? this.answeredMs + RETURN_MS - now : 0;
  }

  private areAtWork(now: number): boolean {
    const { count, statements } = this.open?.() ?? NOBODY;
    if (statements !== this.statements) this.workedMs = now;
    this.statements = statements;
    return count > 0;
  }
}
