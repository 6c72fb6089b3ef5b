/** Durable entries that no applied block has ordered: those that are in the order, and those that wait for the block they were made on. */
import { sameBytes, type Cut } from '../log/index.ts';
import type { Blocks } from './blocks.ts';
import { EarlyEntries } from './early.ts';
import type { Incoming } from './intake.ts';
import { isSchemaChange, type GroupTransaction } from './transaction.ts';

interface Unordered {
  readonly cid: Uint8Array;
  readonly transactions: readonly GroupTransaction[];
  /** When it came, by the clock that only grows. */
  readonly sinceMs: number;
}

export class UnorderedEntries {
  private readonly blocks: Blocks;
  /** By author and seq. */
  private readonly byAuthor = new Map<string, Map<number, Unordered>>();
  /** Made on a block that is not applied here yet. */
  readonly early = new EarlyEntries();

  constructor(blocks: Blocks) {
    this.blocks = blocks;
  }

  /** An entry that is in the order. */
  add(author: string, seq: number, entry: Unordered): void {
    let entries = this.byAuthor.get(author);
    if (!entries) this.byAuthor.set(author, (entries = new Map<number, Unordered>()));
    entries.set(seq, entry);
  }

  /** Authors with entries in the order. */
  authors(): Iterable<string> {
    return this.byAuthor.keys();
  }

  /** Takes an author's entries out of the order; gives what they brought into it. */
  drop(author: string): GroupTransaction[] {
    const entries = this.byAuthor.get(author);
    if (!entries) return [];
    this.byAuthor.delete(author);
    return [...entries.values()].flatMap(({ transactions }) => transactions);
  }

  /** Since when the oldest entry in the order waits for a block; undefined where none does. */
  get sinceMs(): number | undefined {
    let oldest: number | undefined;
    for (const entries of this.byAuthor.values()) {
      const [first] = entries.values();
      if (first && !(oldest !== undefined && oldest <= first.sinceMs)) oldest = first.sinceMs;
    }
    return oldest;
  }

  get isEmpty(): boolean {
    return this.byAuthor.size === 0;
  }

  /** All that is in the order without a gap: by author, the last one. */
  cut(): Map<string, Cut> {
    const cut = new Map<string, Cut>();
    for (const [author, entries] of this.byAuthor) {
      let seq = this.blocks.finalSeq(author);
      while (entries.has(seq + 1)) seq++;
      const last = entries.get(seq);
      if (last) cut.set(author, { author, seq, cid: last.cid });
    }
    return cut;
  }

  /** CID of the one that is in the order. */
  cidOf({ author, seq }: Pick<Cut, 'author' | 'seq'>): Uint8Array | undefined {
    return this.byAuthor.get(author)?.get(seq)?.cid;
  }

  /** CID of the one that is here. */
  cidHere(cut: Pick<Cut, 'author' | 'seq'>): Uint8Array | undefined {
    return this.cidOf(cut) ?? this.early.get(cut.author, cut.seq)?.signed.cid;
  }

  /** It is that very one that is here. */
  holds(cut: Cut): boolean {
    const here = this.cidHere(cut);
    return here !== undefined && sameBytes(here, cut.cid);
  }

  /** Whether a cut orders a schema change. `final`: what blocks before it order, by author. */
  changesSchema(cut: readonly Cut[], final: ReadonlyMap<string, number>): boolean {
    return cut.some(({ author, seq }) => {
      const entries = this.byAuthor.get(author);
      for (let s = (final.get(author) ?? this.blocks.finalSeq(author)) + 1; s <= seq; s++) {
        if (entries?.get(s)?.transactions.some((transaction) => transaction.exclusive)) return true;
        if (this.early.get(author, s)?.transactions.some(isSchemaChange)) return true;
      }
      return false;
    });
  }

  /** What a cut orders behind `final`, which goes on to where it ends. `read`: what an entry brings that was not in the order. */
  orderedBy(
    cut: readonly Cut[],
    final: Map<string, number>,
    read: (entry: Incoming) => readonly GroupTransaction[],
  ): GroupTransaction[] {
    const transactions: GroupTransaction[] = [];
    for (const { author, seq } of cut) {
      const entries = this.byAuthor.get(author);
      for (let s = (final.get(author) ?? this.blocks.finalSeq(author)) + 1; s <= seq; s++) {
        const early = this.early.get(author, s);
        for (const transaction of early ? read(early) : (entries?.get(s)?.transactions ?? []))
          transactions.push(transaction);
      }
      final.set(author, seq);
    }
    return transactions;
  }

  /** Nothing of what the next block orders waits for one any more. */
  ordered(cut: readonly Cut[]): void {
    for (const { author, seq } of cut) {
      const entries = this.byAuthor.get(author);
      for (let s = this.blocks.finalSeq(author) + 1; s <= seq; s++) {
        this.early.delete(author, s);
        entries?.delete(s);
      }
      if (entries?.size === 0) this.byAuthor.delete(author);
    }
  }
}
