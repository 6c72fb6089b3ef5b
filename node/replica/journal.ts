/** What happened to the state since it was published: where the state gives its open transaction up, all of it is done again. */
import { finish, type DecidedBlock, type Linearizer, type Steps } from '../consistency/index.ts';
import { DiskFullError } from '../store/index.ts';
import type { GroupTransaction } from './transaction.ts';

type Happened =
  | { readonly kind: 'transactions'; readonly transactions: readonly GroupTransaction[] }
  | { readonly kind: 'withdrawn'; readonly transactions: readonly GroupTransaction[] }
  | { readonly kind: 'blocks'; readonly blocks: readonly DecidedBlock<GroupTransaction>[] };

export class Journal {
  private happened: Happened[] = [];
  /** What the published state holds beyond its last block. */
  private tentative: readonly GroupTransaction[] = [];
  /** Taken out of the order, perhaps before they came into it. */
  private readonly gone = new WeakSet<GroupTransaction>();
  private hasWithdrawn = false;
  private replays = 0;
  /** It is being done: nobody has been shown it yet. */
  private underWay: Happened | undefined;

  inserted(transactions: readonly GroupTransaction[]): void {
    this.happened.push({ kind: 'transactions', transactions });
  }

  decided(blocks: readonly DecidedBlock<GroupTransaction>[]): void {
    this.happened.push({ kind: 'blocks', blocks });
  }

  withdrew(transactions: readonly GroupTransaction[]): void {
    this.hasWithdrawn ||= transactions.length > 0;
    for (const transaction of transactions) this.gone.add(transaction);
    this.happened.push({ kind: 'withdrawn', transactions });
  }

  /** Those that were not taken out of the order. */
  standing(transactions: readonly GroupTransaction[]): readonly GroupTransaction[] {
    return this.hasWithdrawn ? transactions.filter((t) => !this.gone.has(t)) : transactions;
  }

  /** As if they had never been. */
  forget(transactions: readonly GroupTransaction[]): void {
    const gone = new Set(transactions);
    this.happened = this.happened.filter((h) => h.kind === 'blocks' || !h.transactions.every((t) => gone.has(t)));
  }

  /** The state was published with these transactions beyond its last block. */
  published(tentative: readonly GroupTransaction[]): void {
    this.tentative = tentative;
    this.happened = [];
  }

  /**
   * The state stands again where it was published, and so does the linearizer, which is new. `onShown`: all is in again that had been
   * shown to sessions.
   */
  replay(linearizer: Linearizer<GroupTransaction>, onShown: () => void): void {
    this.replays++;
    finish(linearizer.insert(this.tentative));
    const hidden = this.underWay ? this.happened.indexOf(this.underWay) : -1;
    for (const [i, happened] of this.happened.entries()) {
      if (i === hidden) onShown();
      if (happened.kind === 'transactions') finish(linearizer.insert(happened.transactions));
      else if (happened.kind === 'withdrawn') finish(linearizer.remove(happened.transactions));
      else finish(linearizer.decide(happened.blocks));
    }
    if (hidden < 0) onShown();
  }

  /** Work that stands last in the journal: where the state gave its transaction up meanwhile, it was done by the replay. */
  *unlessReplayed(work: Steps<void>): Steps<void> {
    const { replays, underWay } = this;
    this.underWay = this.happened.at(-1);
    try {
      yield* work;
    } catch (error) {
      if (!(error instanceof DiskFullError) || this.replays === replays) throw error;
    } finally {
      // Long work may be under way around it.
      this.underWay = underWay;
    }
  }
}
