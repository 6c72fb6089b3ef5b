/** What goes out: fresh entries to everybody at once, older ones to who asks, from the log, a bounded piece at a time. */
import type { Job, Peer } from './peer.ts';
import {
  ASK_BYTES_MAX,
  ASK_RANGES_MAX,
  ASKS_PER_PEER,
  type AuthorId,
  CHUNK_BYTES,
  type Effect,
  type Frontier,
  PUSH_WINDOW_BYTES,
  type Range,
  type Run,
  type SyncEntry,
} from './types.ts';

export class Outlet {
  private readonly durable: Frontier;
  private readonly push: (effect: Effect) => void;
  private readonly reads = new Map<number, Peer>();
  private lastRequest = 0;

  constructor(durable: Frontier, push: (effect: Effect) => void) {
    this.durable = durable;
    this.push = push;
  }

  /**
   * Sends own fresh entries to a peer that has, or is being sent, all before them. Another, or one that does not keep up,
   * hears of them by acknowledgements and asks for them when it is able to take them.
   */
  fresh(peer: Peer, entries: readonly SyncEntry[]): void {
    const runs: { author: AuthorId; from: number; entries: Uint8Array[] }[] = [];
    for (const { author, seq, bytes } of entries) {
      if (seq !== peer.position(author) + 1 || !peer.mayPush(bytes.length, PUSH_WINDOW_BYTES)) continue;
      peer.pushes(author, seq, bytes.length);
      const run = runs.at(-1);
      if (run?.author === author) run.entries.push(bytes);
      else runs.push({ author, from: seq, entries: [bytes] });
    }
    if (runs.length > 0) this.push({ kind: 'send', to: peer.id, message: { kind: 'push', runs } });
  }

  asked(peer: Peer, id: number, ranges: readonly Range[], bytesMax: number): void {
    // A peer asks no more than so much at a time; what a rude one asks beyond that is not remembered.
    if (peer.jobs.length >= ASKS_PER_PEER || ranges.length > ASK_RANGES_MAX) return;
    peer.jobs.push({ id, ranges: [...ranges], bytesLeft: Math.min(bytesMax, ASK_BYTES_MAX), runs: [], runBytes: 0 });
    this.pump(peer);
  }

  /** The log answers a read. */
  read(request: number, entries: readonly Uint8Array[], oldest: number | undefined): void {
    const peer = this.reads.get(request);
    this.reads.delete(request);
    // A peer that went away, or came back as another connection, has no use for it.
    if (!peer || peer.reading !== request) return;
    peer.reading = undefined;
    const job = peer.jobs[0];
    const range = job?.ranges.shift();
    if (!job || !range) throw new Error('a read that belongs to no range');
    if (entries.length === 0) {
      if (oldest !== undefined) {
        this.push({ kind: 'send', to: peer.id, message: { kind: 'pruned', author: range.author, oldest } });
      }
    } else {
      const bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
      job.runs.push({ author: range.author, from: range.from, entries });
      job.runBytes += bytes;
      job.bytesLeft -= bytes;
      const from = range.from + entries.length;
      peer.sends(range.author, from - 1);
      if (from <= range.to) job.ranges.unshift({ author: range.author, from, to: range.to });
    }
    this.pump(peer);
  }

  /** Goes on with what a peer asked for: one read at a time, while its queue has room. */
  pump(peer: Peer): void {
    while (!peer.full && peer.reading === undefined) {
      const job = peer.jobs[0];
      if (!job) return;
      const range = this.nextRange(job);
      if (!range || job.bytesLeft <= 0) {
        peer.jobs.shift();
        this.flush(peer, job, true);
        continue;
      }
      if (job.runBytes >= CHUNK_BYTES) this.flush(peer, job, false);
      const request = ++this.lastRequest;
      this.reads.set(request, peer);
      peer.reading = request;
      const bytesMax = Math.min(CHUNK_BYTES - job.runBytes, job.bytesLeft);
      this.push({ kind: 'read', request, author: range.author, fromSeq: range.from, toSeq: range.to, bytesMax });
    }
  }

  /** The first range of which something is durable here, cut to that. */
  private nextRange(job: Job): Range | undefined {
    for (let range = job.ranges[0]; range; range = job.ranges[0]) {
      const to = Math.min(range.to, this.durable.get(range.author) ?? 0);
      if (range.from <= to) {
        job.ranges[0] = { author: range.author, from: range.from, to };
        return job.ranges[0];
      }
      job.ranges.shift();
    }
    return undefined;
  }

  private flush(peer: Peer, job: Job, last: boolean): void {
    const runs: readonly Run[] = job.runs;
    job.runs = [];
    job.runBytes = 0;
    this.push({ kind: 'send', to: peer.id, message: { kind: 'entries', id: job.id, runs, last } });
  }
}
