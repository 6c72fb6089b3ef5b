/**
 * What comes in: takes entries in each author's order, and asks for what is missing.
 *
 * Only the receiver knows what it lacks and what it has asked for, so it alone decides who sends what: an author's gap is asked of
 * one peer at a time, and nothing is sent twice because two peers mean well.
 */
import type { NodeId } from '../consensus/index.ts';
import type { Peer } from './peer.ts';
import {
  ASK_BYTES_MAX,
  ASK_RANGES_MAX,
  ASKS_PER_PEER,
  type AuthorId,
  type Effect,
  INBOX_BYTES_MAX,
  type Range,
  type Run,
  type SyncEntry,
} from './types.ts';

export interface IntakeTiming {
  /** What a peer says it has is on its way from its author, most likely: only after this long it is asked for. */
  readonly graceMs: number;
  /** A question without an answer for so long is asked of somebody else. */
  readonly askMs: number;
}

interface Ask {
  readonly peer: Peer;
  readonly ranges: readonly Range[];
  /** When something came in answer to it last. */
  heardAt: number;
  progress: boolean;
}

export class Intake {
  private readonly timing: IntakeTiming;
  private readonly peers: ReadonlyMap<NodeId, Peer>;
  private readonly push: (effect: Effect) => void;
  /** Highest seq delivered without a gap, and of those the durable ones. */
  private readonly received = new Map<AuthorId, number>();
  private readonly durable: Map<AuthorId, number>;
  /** Bytes of what is delivered and not durable. */
  private readonly inbox = new Map<AuthorId, { seq: number; bytes: number }[]>();
  private inboxBytes = 0;
  /** Who gave an author's entries last: the one who waits for the acknowledgement. */
  private readonly sources = new Map<AuthorId, NodeId>();
  /** Authors of whom somebody has more, and from when on they are asked for. */
  private readonly behind = new Map<AuthorId, number>();
  private readonly asks = new Map<number, Ask>();
  private readonly asked = new Set<AuthorId>();
  private lastId = 0;
  private snapshotAskedAt = -Infinity;

  constructor(
    timing: IntakeTiming,
    peers: ReadonlyMap<NodeId, Peer>,
    durable: Map<AuthorId, number>,
    push: (effect: Effect) => void,
  ) {
    this.timing = timing;
    this.peers = peers;
    this.durable = durable;
    this.push = push;
  }

  get traffic(): { readonly inBytes: number; readonly asks: number } {
    return { inBytes: this.inboxBytes, asks: this.asks.size };
  }

  sourceOf(author: AuthorId): NodeId | undefined {
    return this.sources.get(author);
  }

  /** A peer has entries up to `seq`. */
  notice(author: AuthorId, seq: number, readyAt: number): void {
    if (seq <= this.have(author)) return;
    const before = this.behind.get(author);
    if (before === undefined || readyAt < before) this.behind.set(author, readyAt);
  }

  /** Entries arrived; gives on what is new and in order. */
  take(peer: Peer, runs: readonly Run[], solicited: boolean, now: number): boolean {
    const fresh: SyncEntry[] = [];
    for (const { author, from, entries } of runs) {
      const last = from + entries.length - 1;
      peer.shows(author, last);
      if (peer.refused.has(author) || last <= this.have(author)) continue;
      const room = solicited || this.inboxBytes < INBOX_BYTES_MAX;
      if (from > this.have(author) + 1 || !room) {
        this.notice(author, last, now);
        continue;
      }
      for (let seq = this.have(author) + 1; seq <= last; seq++) {
        const bytes = entries[seq - from];
        if (bytes) fresh.push({ author, seq, bytes });
      }
      this.received.set(author, last);
      this.sources.set(author, peer.id);
    }
    for (const { author, seq, bytes } of fresh) {
      const waiting = this.inbox.get(author) ?? [];
      waiting.push({ seq, bytes: bytes.length });
      this.inbox.set(author, waiting);
      this.inboxBytes += bytes.length;
    }
    if (fresh.length > 0) this.push({ kind: 'deliver', from: peer.id, entries: fresh });
    return fresh.length > 0;
  }

  answered(id: number, peer: Peer, runs: readonly Run[], last: boolean, now: number): void {
    const ask = this.asks.get(id);
    const mine = ask?.peer === peer ? ask : undefined;
    const progress = this.take(peer, runs, mine !== undefined, now);
    if (!mine) return;
    mine.heardAt = now;
    mine.progress ||= progress;
    if (!last) return;
    // It promised and had nothing; one that has pruned it keeps what comes later.
    if (!mine.progress) for (const { author } of mine.ranges) if (!this.prunedAt(peer, author)) peer.unshow(author);
    this.close(id, mine);
  }

  /** This node made it: it is not asked for, though others may have it on their disks before it lies on this one. */
  made(author: AuthorId, seq: number): void {
    if (seq > (this.received.get(author) ?? 0)) this.received.set(author, seq);
  }

  /** Entries of an author are on the disk. */
  becameDurable(author: AuthorId, seq: number): void {
    if (seq > (this.received.get(author) ?? 0)) this.received.set(author, seq);
    this.release(author, seq);
  }

  /** What was delivered of an author was not believed. */
  refused(author: AuthorId, peer: Peer | undefined, now: number): void {
    this.received.delete(author);
    this.release(author, Infinity);
    peer?.refused.add(author);
    for (const other of this.peers.values()) this.notice(author, other.has(author), now);
  }

  /** What was delivered of an author does not count, but for what is durable; who gave other entries than counted may have those that do. */
  cutBack(author: AuthorId, now: number): void {
    this.received.delete(author);
    this.release(author, Infinity);
    for (const peer of this.peers.values()) {
      peer.refused.delete(author);
      this.notice(author, peer.has(author), now);
    }
  }

  peerDown(peer: Peer): void {
    for (const [id, ask] of this.asks) if (ask.peer === peer) this.close(id, ask);
  }

  expire(now: number): void {
    for (const [id, ask] of this.asks) {
      if (now - ask.heardAt < this.timing.askMs) continue;
      ask.peer.slowUntil = now + 4 * this.timing.askMs;
      this.close(id, ask);
    }
  }

  /** Asks for what is missing and not asked for, of those who have it and have least to do. */
  plan(now: number): void {
    if (this.behind.size === 0) return;
    const plans = new Map<Peer, Range[]>();
    let prunedBy: Peer | undefined;
    for (const [author, readyAt] of this.behind) {
      if (this.asked.has(author)) continue;
      const have = this.have(author);
      const holders = [...this.peers.values()].filter((peer) => peer.has(author) > have && !peer.refused.has(author));
      if (holders.length === 0) this.behind.delete(author);
      if (readyAt > now) continue;
      const able = holders.filter((peer) => !this.prunedAt(peer, author));
      if (able.length === 0) prunedBy ??= holders[0];
      const peer = this.leastBusy(able, plans, now);
      if (!peer) continue;
      const ranges = plans.get(peer) ?? [];
      ranges.push({ author, from: have + 1, to: peer.has(author) });
      plans.set(peer, ranges);
    }
    for (const [peer, ranges] of plans) this.ask(peer, ranges, now);
    if (prunedBy && now - this.snapshotAskedAt >= this.timing.askMs) {
      this.snapshotAskedAt = now;
      this.push({ kind: 'need-snapshot', peer: prunedBy.id });
    }
  }

  private have(author: AuthorId): number {
    return this.received.get(author) ?? this.durable.get(author) ?? 0;
  }

  /** True when a peer keeps an author's entries from a later seq on than the next that is needed. */
  private prunedAt(peer: Peer, author: AuthorId): boolean {
    return (peer.pruned.get(author) ?? 0) > this.have(author) + 1;
  }

  private leastBusy(able: readonly Peer[], plans: ReadonlyMap<Peer, Range[]>, now: number): Peer | undefined {
    let best: { peer: Peer; load: number } | undefined;
    for (const peer of able) {
      const planned = plans.get(peer)?.length ?? 0;
      if (peer.asks >= ASKS_PER_PEER || planned >= ASK_RANGES_MAX) continue;
      const load = peer.asks * ASK_RANGES_MAX + planned + (peer.slowUntil > now ? 1e6 : 0);
      if (!best || load < best.load) best = { peer, load };
    }
    return best?.peer;
  }

  private ask(peer: Peer, ranges: readonly Range[], now: number): void {
    if (this.inboxBytes + this.asks.size * ASK_BYTES_MAX >= INBOX_BYTES_MAX) return;
    const id = ++this.lastId;
    this.asks.set(id, { peer, ranges, heardAt: now, progress: false });
    peer.asks++;
    for (const { author } of ranges) this.asked.add(author);
    this.push({ kind: 'send', to: peer.id, message: { kind: 'ask', id, ranges, bytesMax: ASK_BYTES_MAX } });
  }

  private close(id: number, ask: Ask): void {
    this.asks.delete(id);
    ask.peer.asks--;
    for (const { author } of ask.ranges) this.asked.delete(author);
  }

  private release(author: AuthorId, upTo: number): void {
    const waiting = this.inbox.get(author);
    if (!waiting) return;
    const rest = waiting.filter(({ seq }) => seq > upTo);
    this.inboxBytes +=
      rest.reduce((sum, { bytes }) => sum + bytes, 0) - waiting.reduce((sum, { bytes }) => sum + bytes, 0);
    if (rest.length > 0) this.inbox.set(author, rest);
    else this.inbox.delete(author);
  }
}
