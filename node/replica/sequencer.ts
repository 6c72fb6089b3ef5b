/**
 * Puts what comes from others in order, one piece after the other, in the order in which it came: at once, or, what is long, in slices
 * behind the gate. What is settled by long work counts once all of it is done.
 */
import { finish, type Steps } from '../consistency/index.ts';
import { StoppedError, type Gate } from './gate.ts';
import type { GroupTransaction } from './transaction.ts';

export interface SequencerOptions {
  readonly gate: Gate;
  /** A transaction stands in an applied block. */
  readonly onSettled: (transaction: GroupTransaction) => void;
  /** Long work has ended. */
  readonly onLongDone: () => void;
  readonly fatal: (error: Error) => void;
}

interface Piece {
  readonly isLong: boolean;
  readonly steps: () => Steps<void>;
  /** What long work begins with. */
  readonly prepare: (() => Promise<void>) | undefined;
}

export class Sequencer {
  private readonly options: SequencerOptions;
  private readonly pieces: Piece[] = [];
  private isWorking = false;
  private settledLater: GroupTransaction[] | undefined;

  constructor(options: SequencerOptions) {
    this.options = options;
  }

  /** Now, unless something else is at work. */
  add(isLong: boolean, steps: () => Steps<void>, prepare?: () => Promise<void>): void {
    this.pieces.push({ isLong, steps, prepare });
    this.go();
  }

  /** Goes on with what waits, as far as it may. */
  go(): void {
    while (!this.isWorking && !this.options.gate.isClosed) {
      const piece = this.pieces.shift();
      if (!piece) return;
      this.isWorking = true;
      if (piece.isLong) {
        void this.doLong(piece);
        return;
      }
      try {
        finish(piece.steps());
      } finally {
        this.isWorking = false;
      }
    }
  }

  private async doLong({ steps, prepare }: Piece): Promise<void> {
    const { gate, onSettled, onLongDone, fatal } = this.options;
    try {
      await gate.alone(async (slices) => {
        await prepare?.();
        this.settledLater = [];
        return slices(steps());
      });
    } catch (error) {
      if (!(error instanceof StoppedError)) fatal(error as Error);
      return;
    }
    const settled = this.settledLater ?? [];
    this.settledLater = undefined;
    this.isWorking = false;
    for (const transaction of settled) onSettled(transaction);
    onLongDone();
    this.go();
  }

  /** A transaction is settled by the work that is done now. */
  settled(transaction: GroupTransaction): void {
    if (this.settledLater) this.settledLater.push(transaction);
    else this.options.onSettled(transaction);
  }
}
