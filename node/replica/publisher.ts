/** When the state's rows become visible to other connections: SQLite's COMMIT, kept rare because it costs more than the changes. */
import { DiskFullError, type StatePosition } from '../store/index.ts';
import type { Clock } from './clock.ts';
import type { Order } from './order.ts';
import type { Machine } from './ports.ts';

/** How long the state's transaction stays open: see store/state.ts. After this it ends with the next blocks, and then in any case. */
const PUBLISH_MS = 40;
const PUBLISH_MS_MAX = 100;

export interface PublisherOptions {
  readonly clock: Clock;
  readonly machine: Machine;
  readonly order: Order;
  /** Who decides the next heights. */
  readonly voterSpans: () => NonNullable<StatePosition['voters']>;
  /** The log is being written: what it will hold may lie in the state already. */
  readonly isWriting: () => boolean;
  /** Writes the log so that it holds all that the state does. False when it cannot be. */
  readonly settleLog: () => boolean;
  /** The state cannot be kept. */
  readonly onNoRoom: (cause: unknown) => void;
}

export class Publisher {
  private readonly options: PublisherOptions;
  private cancelTimer: (() => void) | undefined;
  /** When something was done first since the state was published. */
  private openedMs = 0;
  private due = false;
  private waiters: (() => void)[] = [];
  private holds = 0;
  private restoring = false;
  restores = 0;

  constructor(options: PublisherOptions) {
    this.options = options;
  }

  soon(withinMs = PUBLISH_MS_MAX): void {
    if (this.cancelTimer) return;
    this.openedMs = this.options.clock.elapsed();
    this.within(withinMs);
  }

  /** Blocks were applied: what they order needs no undo record, so now there are the fewest to keep. */
  afterBlocks(): void {
    this.soon();
    if (this.options.clock.elapsed() - this.openedMs < PUBLISH_MS) return;
    this.stopTimer();
    this.within(0);
  }

  private within(ms: number): void {
    this.cancelTimer = this.options.clock.after(ms, () => this.publish());
  }

  /** The log is not being written any more. */
  afterWrite(): void {
    if (this.due && this.holds === 0) this.publish();
  }

  /** Makes the state's rows visible to other connections. While the log is written, it waits for that. */
  publish(): void {
    this.stopTimer();
    this.due = this.options.isWriting() || this.holds > 0;
    if (this.due) return;
    if (!this.options.settleLog()) {
      // Somebody waits for it: it is tried again.
      if (this.waiters.length > 0) this.soon(PUBLISH_MS);
      return;
    }
    if (!this.store()) return;
    for (const wake of this.waiters.splice(0)) wake();
  }

  private stopTimer(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  private store(): boolean {
    const { machine, order, voterSpans, onNoRoom } = this.options;
    // A full disk: the state was restored, and with the room that was set aside it can be published.
    for (let attempt = 0; ; attempt++) {
      const position: StatePosition = {
        ...order.storedPosition,
        schema: machine.schemaCount,
        voters: voterSpans(),
      };
      try {
        machine.keepUndo();
        machine.publish(position);
        order.wasPublished();
        return true;
      } catch (error) {
        if (error instanceof DiskFullError && attempt === 0) continue;
        onNoRoom(error);
        return false;
      }
    }
  }

  /** Keeps what other connections see as it is until the returned function is called. */
  hold(): () => void {
    this.holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.holds === 0 && this.due) this.soon(PUBLISH_MS);
    };
  }

  /** Resolves when everything in the state is durable and visible to other connections. */
  whenPublished(): Promise<void> {
    const done = new Promise<void>((resolve) => this.waiters.push(resolve));
    this.publish();
    return done;
  }

  /** The state's open transaction was given up. All that happened since it was published is done again. */
  restore(): void {
    if (this.restoring) throw new Error('the state met a full disk again while it was restored');
    const { machine, order, onNoRoom } = this.options;
    this.restoring = true;
    this.restores++;
    try {
      machine.reload();
      machine.undoKept();
      order.replay();
    } catch (cause) {
      onNoRoom(cause);
      throw cause;
    } finally {
      this.restoring = false;
    }
    this.soon();
  }

  close(): void {
    this.holds = 0;
    this.publish();
    this.stopTimer();
  }
}
