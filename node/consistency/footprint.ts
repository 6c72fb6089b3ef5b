import { STEP_ROWS, type Steps } from './steps.ts';

/**
 * What a run of a transaction looked at and what it changed, as keys: rows, values of unique keys, parents of foreign keys.
 * Two transactions commute when neither writes what the other touches.
 */
export interface Footprint {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** A schema change: it commutes with nothing. */
  readonly everything?: boolean;
}

/** Whether a key of a footprint is to be looked at. */
export type KeyFilter = (key: string, what: 'reads' | 'writes') => boolean;

/**
 * Who touched which key. Two who wrote one key do not commute, so they were applied in the order: the writers of a key stand
 * in it too, new ones at the end, undone ones gone from the end, settled ones from the front.
 */
export class FootprintIndex<N> {
  /** Who read it and did not write it. */
  private readonly readers = new Map<string, Set<N>>();
  private readonly writers = new Map<string, N[]>();
  private readonly waiting = new Map<N, Footprint>();

  add(node: N, footprint: Footprint): void {
    this.waiting.set(node, footprint);
  }

  /** Before anybody is looked for: those that were added since, in their order. What leaves before that costs nothing. */
  *enter(): Steps<void> {
    if (this.waiting.size === 0) return;
    for (const [node, footprint] of this.waiting) {
      yield* this.note(node, footprint);
      this.waiting.delete(node);
    }
  }

  private *note(node: N, { reads, writes }: Footprint): Steps<void> {
    let keys = 0;
    for (const key of writes) {
      if (++keys % STEP_ROWS === 0) yield;
      const list = this.writers.get(key);
      if (!list) this.writers.set(key, [node]);
      else if (list.at(-1) !== node) list.push(node);
    }
    for (const key of reads) {
      if (++keys % STEP_ROWS === 0) yield;
      if (this.writers.get(key)?.at(-1) === node) continue;
      const set = this.readers.get(key);
      if (set) set.add(node);
      else this.readers.set(key, new Set([node]));
    }
  }

  *remove(node: N, { reads, writes }: Footprint): Steps<void> {
    if (this.waiting.delete(node)) return;
    let keys = 0;
    for (const key of writes) {
      if (++keys % STEP_ROWS === 0) yield;
      const list = this.writers.get(key);
      if (!list) continue;
      if (list.at(-1) === node) list.pop();
      else if (list[0] === node) list.shift();
      else if (list.includes(node)) throw new Error('a writer goes out of its turn');
      if (list.length === 0) this.writers.delete(key);
    }
    for (const key of reads) {
      if (++keys % STEP_ROWS === 0) yield;
      const set = this.readers.get(key);
      if (set?.delete(node) && set.size === 0) this.readers.delete(key);
    }
  }

  /** Those behind a node, as `isLater` says, that do not commute with a footprint of it; one may be found more than once. */
  *later(
    { reads, writes }: Footprint,
    isLater: (other: N) => boolean,
    found: (other: N) => void,
    wanted: KeyFilter = () => true,
  ): Steps<void> {
    yield* this.enter();
    if (this.writers.size === 0 && this.readers.size === 0) return;
    let keys = 0;
    for (const key of writes) {
      if (++keys % STEP_ROWS === 0) yield;
      if (!wanted(key, 'writes')) continue;
      for (const other of this.readers.get(key) ?? []) if (isLater(other)) found(other);
      this.laterWriters(key, isLater, found);
    }
    for (const key of reads) {
      if (++keys % STEP_ROWS === 0) yield;
      if (wanted(key, 'reads')) this.laterWriters(key, isLater, found);
    }
  }

  private laterWriters(key: string, isLater: (other: N) => boolean, found: (other: N) => void): void {
    const list = this.writers.get(key);
    for (let i = (list?.length ?? 0) - 1; i >= 0 && isLater(list?.[i] as N); i--) found(list?.[i] as N);
  }

  /** All that are here are among these. */
  holdsOnly(nodes: { has(node: N): boolean }): boolean {
    if (this.readers.size > 0 || this.writers.size > 0) return false;
    for (const node of this.waiting.keys()) if (!nodes.has(node)) return false;
    return true;
  }

  /** Of all that have entered. */
  writersOf(key: string): readonly N[] {
    return this.writers.get(key) ?? [];
  }

  /** Of all that have entered. */
  readersOf(key: string): Iterable<N> {
    return this.readers.get(key) ?? [];
  }
}
