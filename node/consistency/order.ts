/** The total order of transactions that no block has ordered yet. */

/** Where a transaction stands: its entry's place, and its place within the entry. */
export interface Position {
  readonly lamport: number;
  /** Author id in hex. */
  readonly author: string;
  readonly seq: number;
  readonly index: number;
}

/** Lamport time, author, seq, index: total, because (author, seq, index) names one transaction. */
export function comparePositions(a: Position, b: Position): number {
  if (a.lamport !== b.lamport) return a.lamport - b.lamport;
  if (a.author !== b.author) return a.author < b.author ? -1 : 1;
  if (a.seq !== b.seq) return a.seq - b.seq;
  return a.index - b.index;
}
