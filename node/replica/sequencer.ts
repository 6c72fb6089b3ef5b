/**
 * Puts what comes from others in order, one piece after the other, in the order in which it came: at once, or, what is long, in slices
 * behind the gate. What is settled by long work counts once all of it is done.
 */
import { finish, type Steps } from '../consistency/index.ts';
import { StoppedError, type Gate, type Slices } from './gate.ts';
import type { GroupTransaction } from './transaction.ts';

export interface SequencerOptions {
  readonly gate: Gate;
  /** A transaction stands in an applied block. */
  readonly onSettled: (transaction: GroupTransaction) => void;
  /** Long work has ended. */
  readonly onLongDone: () => void;
  readonly fatal: (error: Error) => void;
}

type Piece =
  | { readonly kind: 'short'; readonly steps: () => Steps<void> }
  | { readonly kind: 'long'; readonly work: (slices: Slices) => Promise<void> };

export class Sequencer {
  private readonly options: SequencerOptions;
  private readonly pieces: Piece[] = [];
  private isWorking = false;
  private settledLater: GroupTransaction[] | undefined;

  constructor(options: SequencerOptions) {
    this.options = options;
  }

  /** Now, unless something else is at work. */
  add(steps: () => Steps<void>): void {
    this.pieces.push({ kind: 'short', steps });
    this.go();
  }

  /** Alone behind the gate. */
  addLong(work: (slices: Slices) => Promise<void>): void {
    this.pieces.push({ kind: 'long', work });
    this.go();
  }

  /** Resolves when all that came before the call is in order; behind the gate, perhaps. */
  reached(): Promise<void> {
    return new Promise((resolve) => {
      this.add(function* () {
        resolve();
      });
    });
  }

  /** Long work does what came meanwhile before it goes on. */
  async catchUp(slices: Slices): Promise<void> {
    for (let piece = this.pieces.shift(); piece; piece = this.pieces.shift())
      await (piece.kind === 'long' ? piece.work(slices) : slices(piece.steps()));
  }

  /** Goes on with what waits, as far as it may. */
  go(): void {
    while (!this.isWorking && !this.options.gate.isClosed) {
      const piece = this.pieces.shift();
      if (!piece) return;
      this.isWorking = true;
      if (piece.kind === 'long') {
        void this.doLong(piece.work);
        return;
      }
      try {
        finish(piece.steps());
      } finally {
        this.isWorking = false;
      }
    }
  }

  private async doLong(work: (slices: Slices) => Promise<void>): Promise<void> {
    const { gate, onSettled, onLongDone, fatal } = this.options;
    try {
      await gate.alone((slices) => {
        this.settledLater = [];
        return work(slices);
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
