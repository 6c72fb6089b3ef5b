/**
 * Applies decided blocks once their entries are here: at the end of a turn, what comes together together. A replica that is behind does
 * again what blocks overtake when it has caught up, and not after each of them.
 */
import type { Clock } from './clock.ts';
import type { Gate, Slices } from './gate.ts';
import type { Applicable, Order } from './order.ts';
import type { Sequencer } from './sequencer.ts';

/**
 * While it catches up nobody writes here. It goes on for so many times as long as the first blocks took, with what they overtook: to put
 * that back and take it out once more would cost as much again.
 */
const CATCH_UP_FACTOR = 4;
/** For the next blocks, which others are asked for only now, it waits no longer; */
const NEXT_MS = 100;
/** but where a peer has them, for so large a part of the time that it took until now: to go on without them costs more. */
const NEXT_PART = 0.5;
/** Blocks of fewer transactions than a tenth of what they overtook tell that it has caught up. */
const WORTH = 0.1;

export interface BlockApplierOptions {
  readonly clock: Clock;
  readonly order: Order;
  readonly gate: Gate;
  readonly sequencer: Sequencer;
  /** A peer says that it knows of more blocks. */
  readonly isBehind: () => boolean;
  /** It is about to see whether there are blocks to apply. */
  readonly onLook: () => void;
  /** Blocks were applied. */
  readonly onApplied: () => void;
  readonly fatal: (error: Error) => void;
}

export class BlockApplier {
  private readonly options: BlockApplierOptions;
  private state: 'idle' | 'due' | 'applying' = 'idle';
  private closed = false;
  private waiters: (() => void)[] = [];
  /** Catches up, and waits for the next blocks. */
  private arrived: (() => void) | undefined;
  /** When the newest block was applied; where none was yet, when the replica was made. */
  appliedMs: number;

  constructor(options: BlockApplierOptions) {
    this.options = options;
    this.appliedMs = options.clock.elapsed();
  }

  /** Nothing is applied any more. */
  close(): void {
    this.closed = true;
  }

  /** Resolves when the next block is applied. */
  next(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** At the end of the turn. */
  applySoon(): void {
    if (this.state === 'applying') this.arrivedNow();
    if (this.state !== 'idle') return;
    this.state = 'due';
    this.options.clock.defer(() => {
      if (this.state === 'due') this.state = 'idle';
      try {
        this.apply();
      } catch (error) {
        this.options.fatal(error as Error);
      }
    });
  }

  /** Now, unless something else is at work. */
  apply(): void {
    const { order, sequencer } = this.options;
    if (this.state === 'applying') this.arrivedNow();
    if (this.closed || this.state === 'applying') return;
    this.options.onLook();
    const next = order.applicable();
    if (!next) return;
    this.state = 'applying';
    if (next.isLong) {
      sequencer.addLong((slices) => this.catchUp(next, slices));
      return;
    }
    sequencer.add(
      function* (this: BlockApplier) {
        yield* order.apply(next);
        this.applied();
      }.bind(this),
    );
  }

  /** Alone behind the gate. What blocks overtake stays out of the state until no more of them come. */
  private async catchUp(first: Applicable, slices: Slices): Promise<void> {
    const { clock, order } = this.options;
    const begunMs = clock.elapsed();
    let firstMs: number | undefined;
    for (let next: Applicable | undefined = first; next;) {
      await order.prepare(next);
      await slices(order.apply(next, true));
      const ms = clock.elapsed() - begunMs;
      firstMs ??= ms;
      next = this.isWorthMore(next) && ms <= CATCH_UP_FACTOR * firstMs ? await this.arriving(ms, slices) : undefined;
    }
    await slices(order.resume());
    this.applied();
  }

  private isWorthMore({ blocks, changesSchema }: Applicable): boolean {
    const { postponed } = this.options.order;
    const count = blocks.reduce((sum, { transactions }) => sum + transactions.length, 0);
    return postponed > 0 && count > WORTH * postponed && !changesSchema;
  }

  /** The next blocks, here or on their way, `ms` after it began. */
  private async arriving(ms: number, slices: Slices): Promise<Applicable | undefined> {
    const { clock, order, sequencer, isBehind } = this.options;
    if (!order.hasApplicable)
      await new Promise<void>((resolve) => {
        const cancel = clock.after(isBehind() ? Math.max(NEXT_MS, NEXT_PART * ms) : NEXT_MS, resolve);
        this.arrived = () => {
          cancel();
          resolve();
        };
      });
    this.arrived = undefined;
    // What these blocks order may have come meanwhile: first it is put in order, as everywhere.
    await sequencer.catchUp(slices);
    return order.applicable();
  }

  private arrivedNow(): void {
    if (this.arrived && this.options.order.hasApplicable) this.arrived();
  }

  private applied(): void {
    const { clock, gate, order, onApplied } = this.options;
    this.state = 'idle';
    this.appliedMs = clock.elapsed();
    onApplied();
    // Behind the gate nobody sees yet what was applied.
    const waiting = this.waiters.splice(0);
    if (waiting.length > 0)
      void gate.opened().then(() => {
        for (const wake of waiting) wake();
      });
    // Clients and peers have their turn before the next one, which may name another entry than is in the order by now.
    if (order.hasDecided) this.applySoon();
  }
}
