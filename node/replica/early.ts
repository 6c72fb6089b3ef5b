/** Durable entries that were made on a block which is not applied here yet: by that block's height, and by author. */
import { hex } from '../log/index.ts';
import type { Incoming } from './intake.ts';

export class EarlyEntries {
  private readonly byHeight = new Map<number, Incoming[]>();
  private readonly byAuthor = new Map<string, Map<number, Incoming>>();
  /** What the last one of an author waits for. */
  private readonly heights = new Map<string, number>();

  /** An author's entry before this one waits: so does this one, whatever it was made on. */
  waitsBefore(author: string, seq: number): boolean {
    const first = this.firstSeqOf(author);
    return first !== undefined && first < seq;
  }

  add(incoming: Incoming): void {
    const { seq } = incoming.entry;
    const author = hex(incoming.entry.author);
    // Honest authors' heights only grow.
    const height = Math.max(incoming.entry.height, this.heights.get(author) ?? 0);
    this.heights.set(author, height);
    const sameHeight = this.byHeight.get(height);
    if (sameHeight) sameHeight.push(incoming);
    else this.byHeight.set(height, [incoming]);
    const entries = this.byAuthor.get(author);
    if (entries) entries.set(seq, incoming);
    else this.byAuthor.set(author, new Map([[seq, incoming]]));
  }

  get(author: string, seq: number): Incoming | undefined {
    return this.byAuthor.get(author)?.get(seq);
  }

  get size(): number {
    return [...this.byAuthor.values()].reduce((sum, entries) => sum + entries.size, 0);
  }

  /** The lowest seq of an author's entries that are here: they came in order. */
  firstSeqOf(author: string): number | undefined {
    return this.byAuthor.get(author)?.keys().next().value;
  }

  /** A block ordered it. */
  delete(author: string, seq: number): void {
    const entries = this.byAuthor.get(author);
    if (!entries?.delete(seq) || entries.size > 0) return;
    this.byAuthor.delete(author);
    this.heights.delete(author);
  }

  /** None of an author's waits any more. */
  drop(author: string): void {
    this.byAuthor.delete(author);
    this.heights.delete(author);
  }

  /** Those that wait for one of these heights and were not deleted; they wait no more. */
  take(from: number, to: number): Incoming[] {
    const due: Incoming[] = [];
    for (let height = from; height <= to; height++) {
      for (const incoming of this.byHeight.get(height) ?? []) {
        const author = hex(incoming.entry.author);
        if (this.get(author, incoming.entry.seq) !== incoming) continue;
        this.delete(author, incoming.entry.seq);
        due.push(incoming);
      }
      this.byHeight.delete(height);
    }
    return due;
  }
}
