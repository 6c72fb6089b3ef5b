/**
 * Messages that nobody waits for: they go with the next one to the same peer, before it, or by themselves after a while. A message
 * on its own wakes four threads, two here and two at the other side; that is most of what a small one costs.
 */
import type { NodeId } from '../consensus/index.ts';

interface Held {
  readonly messages: Uint8Array[];
  dueMs: number;
}

export class Notices {
  private readonly transmit: (to: NodeId, message: Uint8Array) => void;
  private readonly held = new Map<NodeId, Held>();
  private timer: NodeJS.Timeout | undefined;
  private timerMs = Infinity;

  constructor(transmit: (to: NodeId, message: Uint8Array) => void) {
    this.transmit = transmit;
  }

  /** Keeps a message back for at most so long. */
  add(to: NodeId, message: Uint8Array, withinMs: number): void {
    const dueMs = performance.now() + withinMs;
    const held = this.held.get(to);
    if (held) {
      held.messages.push(message);
      held.dueMs = Math.min(held.dueMs, dueMs);
    } else {
      this.held.set(to, { messages: [message], dueMs });
    }
    if (dueMs < this.timerMs) this.plan(dueMs);
  }

  /** Something else goes to a peer now: what was kept back for it goes first. */
  release(to: NodeId): void {
    const held = this.held.get(to);
    if (!held) return;
    this.held.delete(to);
    for (const message of held.messages) this.transmit(to, message);
  }

  /** The peer is gone. */
  drop(to: NodeId): void {
    this.held.delete(to);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerMs = Infinity;
    this.held.clear();
  }

  private plan(dueMs: number): void {
    clearTimeout(this.timer);
    this.timerMs = dueMs;
    this.timer = setTimeout(() => this.due(), Math.max(0, dueMs - performance.now()));
  }

  private due(): void {
    this.timer = undefined;
    this.timerMs = Infinity;
    const now = performance.now();
    let next = Infinity;
    const byTime = [...this.held].sort(([, one], [, other]) => one.dueMs - other.dueMs);
    for (const [to, { dueMs }] of byTime) {
      // A timer may come a little early.
      if (dueMs <= now + 0.5) this.release(to);
      else next = Math.min(next, dueMs);
    }
    if (next < Infinity) this.plan(next);
  }
}
