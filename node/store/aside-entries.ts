/**
 * Durable entries that do not count, or not yet: their author signed others with the same numbers. By author and CID, in hex. The log
 * holds them like all others; its author's chain goes on behind one of them once it is written a second time.
 */
import { segmentOf, type Place } from './log-index.ts';

export interface AsideEntry {
  readonly seq: number;
  readonly place: Place;
  /** CID of the entry before it. */
  readonly prev: string;
}

export class AsideEntries {
  private readonly byAuthor = new Map<string, Map<string, AsideEntry>>();

  add(author: string, cid: string, entry: AsideEntry): void {
    const entries = this.byAuthor.get(author);
    if (entries) entries.set(cid, entry);
    else this.byAuthor.set(author, new Map([[cid, entry]]));
  }

  get(author: string, cid: string): AsideEntry | undefined {
    return this.byAuthor.get(author)?.get(cid);
  }

  delete(author: string, cid: string): void {
    const entries = this.byAuthor.get(author);
    if (entries?.delete(cid) === true && entries.size === 0) this.byAuthor.delete(author);
  }

  get authors(): readonly string[] {
    return [...this.byAuthor.keys()];
  }

  of(author: string): ReadonlyMap<string, AsideEntry> {
    return this.byAuthor.get(author) ?? new Map<string, AsideEntry>();
  }

  /** The first segment that is to be kept so that of what is kept from `segment` on nothing lacks the entry before it. */
  wholeFrom(segment: number): number {
    let from = segment;
    for (const entries of this.byAuthor.values())
      for (const entry of entries.values()) {
        if (segmentOf(entry.place) < segment) continue;
        for (let before = entries.get(entry.prev); before; before = entries.get(before.prev))
          from = Math.min(from, segmentOf(before.place));
      }
    return from < segment ? this.wholeFrom(from) : from;
  }

  /** Segments before this one are gone. */
  dropBefore(segment: number): void {
    for (const [author, entries] of this.byAuthor)
      for (const [cid, { place }] of entries) if (segmentOf(place) < segment) this.delete(author, cid);
  }
}
