/** What this node knows of a connected peer, and what is on its way to it. */
import type { NodeId } from '../consensus/index.ts';
import type { AuthorId, Frontier, Range, Run } from './types.ts';

/** The answer to an `ask`, as far as it has come. */
export interface Job {
  readonly id: number;
  readonly ranges: Range[];
  bytesLeft: number;
  runs: Run[];
  runBytes: number;
}

export class Peer {
  readonly id: NodeId;
  /** Durable there, by its own word. */
  readonly acked = new Map<AuthorId, number>();
  /** Its send queue here has no room. */
  full = false;
  readonly jobs: Job[] = [];
  /** The read that its first job waits for. */
  reading: number | undefined;
  /** Questions to it that are open. */
  asks = 0;
  /** It let a question time out: others are asked first until then. */
  slowUntil = -Infinity;
  readonly refused = new Set<AuthorId>();
  /** Oldest seq that it keeps, where that was too late. */
  readonly pruned = new Map<AuthorId, number>();
  private readonly shown = new Map<AuthorId, number>();
  private readonly sent = new Map<AuthorId, number>();
  private unacked: { author: AuthorId; seq: number; bytes: number }[] = [];
  unackedBytes = 0;

  constructor(id: NodeId) {
    this.id = id;
  }

  /** Takes its word; what is new of it. */
  ack(frontier: Frontier): Map<AuthorId, number> {
    const news = new Map<AuthorId, number>();
    for (const [author, seq] of frontier) {
      if (seq <= (this.acked.get(author) ?? 0)) continue;
      this.acked.set(author, seq);
      news.set(author, seq);
    }
    if (news.size > 0) {
      this.unacked = this.unacked.filter(({ author, seq }) => seq > (this.acked.get(author) ?? 0));
      this.unackedBytes = this.unacked.reduce((sum, { bytes }) => sum + bytes, 0);
    }
    return news;
  }

  /** It sent an entry, so it has it, durably or not. */
  shows(author: AuthorId, seq: number): void {
    if (seq > (this.shown.get(author) ?? 0)) this.shown.set(author, seq);
  }

  /** It turned out to have less than was thought. */
  unshow(author: AuthorId): void {
    this.shown.delete(author);
    this.acked.delete(author);
  }

  has(author: AuthorId): number {
    return Math.max(this.acked.get(author) ?? 0, this.shown.get(author) ?? 0);
  }

  /** The last seq that it has or is being sent. */
  position(author: AuthorId): number {
    return Math.max(this.has(author), this.sent.get(author) ?? 0);
  }

  sends(author: AuthorId, seq: number): void {
    this.sent.set(author, Math.max(this.sent.get(author) ?? 0, seq));
  }

  mayPush(bytes: number, window: number): boolean {
    return !this.full && (this.unackedBytes === 0 || this.unackedBytes + bytes <= window);
  }

  pushes(author: AuthorId, seq: number, bytes: number): void {
    this.sends(author, seq);
    this.unacked.push({ author, seq, bytes });
    this.unackedBytes += bytes;
  }
}
