/**
 * Where the records of a log lie. A log whose older part was pruned begins at a base: a place in each author's chain, and a height, behind
 * which everything is there. Older records may still be there, too, as far back as they follow each other.
 */
import type { ChainHead } from '../log/index.ts';

/** What a log begins from, when it does not begin at the beginning. */
export interface LogBase {
  readonly height: number;
  /** SHA-256 of the value of the block at this height, in hex. */
  readonly block: string;
  /** Up to here all is final, and in the state that comes with the base. */
  readonly chains: readonly ChainHead[];
  /** Highest Lamport time of all entries before the base. */
  readonly lamport: number;
}

/** A record's place in one number: segment × 2³² + offset. */
export type Place = number;
const SEGMENT_FACTOR = 2 ** 32;
export const placeOf = (segment: number, offset: number): Place => segment * SEGMENT_FACTOR + offset;
export const segmentOf = (place: Place): number => Math.floor(place / SEGMENT_FACTOR);
export const offsetIn = (place: Place): number => place % SEGMENT_FACTOR;

/** Places of records that follow each other, by their numbers from `first` on. */
class Places {
  first: number;
  private places: Place[] = [];

  constructor(first: number) {
    this.first = first;
  }

  /** The number of the last one. */
  get last(): number {
    return this.first + this.places.length - 1;
  }

  /** A gap is one that a base stands for: what lay before it is of no more use. */
  add(number: number, place: Place): void {
    if (number !== this.last + 1) this.restart(number);
    this.places.push(place);
  }

  /** Nothing before `first` is there. */
  restart(first: number): void {
    this.first = first;
    this.places = [];
  }

  /** Takes away those behind `last`. */
  cutBehind(last: number): void {
    this.places.length = Math.max(0, Math.min(this.places.length, last - this.first + 1));
    if (this.first > last + 1) this.first = last + 1;
  }

  between(from: number, to: number): readonly Place[] {
    return from < this.first ? [] : this.places.slice(from - this.first, to - this.first + 1);
  }

  /** Drops the places in segments before this one. */
  dropBefore(segment: number): void {
    const kept = this.places.findIndex((place) => segmentOf(place) >= segment);
    const dropped = kept < 0 ? this.places.length : kept;
    this.first += dropped;
    this.places = this.places.slice(dropped);
  }
}

export class LogIndex {
  private readonly authors = new Map<string, Places>();
  private blocks = new Places(1);

  entry(author: string, seq: number, place: Place): void {
    let places = this.authors.get(author);
    if (!places) this.authors.set(author, (places = new Places(seq)));
    places.add(seq, place);
  }

  /** The author's chain ends at `seq`, for now. */
  cutBehind(author: string, seq: number): void {
    if (seq === 0) this.authors.delete(author);
    else this.authors.get(author)?.cutBehind(seq);
  }

  block(height: number, place: Place): void {
    this.blocks.add(height, place);
  }

  /** After all records were read: what a base stands for counts as being there. */
  resume({ height, chains }: LogBase): void {
    for (const { author, seq } of chains) {
      const places = this.authors.get(author);
      if (!places) this.authors.set(author, new Places(seq + 1));
      else if (places.last < seq) places.restart(seq + 1);
    }
    if (this.blocks.last < height) this.blocks.restart(height + 1);
  }

  /** Seq of the newest durable entry of an author; 0 when there is none. */
  seqOf(author: string): number {
    return this.authors.get(author)?.last ?? 0;
  }

  /** The durable entries of each author, as the seq of the last. */
  frontier(): Map<string, number> {
    return new Map([...this.authors].map(([author, places]) => [author, places.last]));
  }

  /** The first seq of an author, and the first height, that can be read. */
  oldest(author: string): number {
    return this.authors.get(author)?.first ?? 1;
  }

  get oldestHeight(): number {
    return this.blocks.first;
  }

  get height(): number {
    return this.blocks.last;
  }

  entriesBetween(author: string, from: number, to: number): readonly Place[] {
    return this.authors.get(author)?.between(from, to) ?? [];
  }

  blocksBetween(from: number, to: number): readonly Place[] {
    return this.blocks.between(from, to);
  }

  /** The first segment that has a record behind the base; undefined when none has. */
  firstSegmentBehind({ height, chains }: LogBase): number | undefined {
    const seqs = new Map(chains.map(({ author, seq }) => [author, seq]));
    const firsts = [...this.authors].flatMap(([author, places]) => {
      const from = Math.max((seqs.get(author) ?? 0) + 1, places.first);
      return places.between(from, from);
    });
    return [...firsts, ...this.blocks.between(height + 1, height + 1)]
      .map(segmentOf)
      .reduce<number | undefined>((least, segment) => Math.min(least ?? segment, segment), undefined);
  }

  dropBefore(segment: number): void {
    for (const places of this.authors.values()) places.dropBefore(segment);
    this.blocks.dropBefore(segment);
  }
}
