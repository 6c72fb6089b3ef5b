/**
 * How far this node is behind its peers: entries that a peer says it has and that are not applied here, and how old the oldest is.
 *
 * An entry that has not come yet tells nothing of its age. It is as old as the word of it: peers tell of an entry within
 * milliseconds. Only where a link was down is it older than that, but not older than the loss of the link, and not older than the
 * author's entry before it, which was the last to be applied. So the age shrinks as a node catches up, and no clock of
 * another node makes it wrong by more than the length of the interruption.
 *
 * All times are milliseconds of one clock of this node that only grows.
 */
import type { NodeId } from '../consensus/index.ts';

/** A peer's word that it has an author's entries up to `seq`. */
interface Mark {
  seq: number;
  readonly heardMs: number;
  /** The entries since the mark before are not older than this. */
  readonly notBeforeMs: number;
}

interface PeerWords {
  /** Newest last; only of entries that were not applied when they were told of. */
  readonly marks: Map<string, Mark[]>;
  lostMs: number;
  upMs: number;
  contactMs: number;
}

export interface PeerLag {
  readonly entries: number;
  /** Age of the oldest of them; 0 where there is none. */
  readonly seconds: number;
  /** Since anything was heard of the peer. */
  readonly contactSeconds: number;
}

/** A peer tells of all that it has as soon as it is linked: what is heard within this time may be as old as the loss of the link. */
const FIRST_WORDS_MS = 5000;
/** Words are kept apart no finer than that, and than a hundredth of the lag: a node that is far behind hears many. */
const GRAIN_MS = 20;
const GRAINS = 100;

export class Lag {
  private readonly applied: (author: string) => number;
  private readonly startMs: number;
  private readonly peers = new Map<NodeId, PeerWords>();
  /** When an author made the newest of its entries that is here. */
  private readonly made = new Map<string, number>();

  /** `applied`: the highest seq of an author up to which all is applied here. */
  constructor(applied: (author: string) => number, nowMs: number) {
    this.applied = applied;
    this.startMs = nowMs;
  }

  private of(peer: NodeId): PeerWords {
    let words = this.peers.get(peer);
    if (!words) {
      words = { marks: new Map<string, Mark[]>(), lostMs: -Infinity, upMs: -Infinity, contactMs: this.startMs };
      this.peers.set(peer, words);
    }
    return words;
  }

  up(peer: NodeId, nowMs: number): void {
    this.of(peer).upMs = nowMs;
  }

  down(peer: NodeId, nowMs: number): void {
    this.of(peer).lostMs = nowMs;
  }

  /** Anything came from the peer. */
  contact(peer: NodeId, nowMs: number): void {
    this.of(peer).contactMs = nowMs;
  }

  /** An author's entry is here that it made at that time, by its own clock. */
  entry(author: string, madeMs: number): void {
    this.made.set(author, madeMs);
  }

  /** The peer says what it has. */
  says(peer: NodeId, frontier: ReadonlyMap<string, number>, nowMs: number): void {
    const words = this.of(peer);
    const notBeforeMs = nowMs - words.upMs < FIRST_WORDS_MS ? words.lostMs : nowMs;
    for (const [author, seq] of frontier) {
      const applied = this.applied(author);
      // A peer that was set back to an old copy has less than it said.
      const marks = (words.marks.get(author) ?? []).filter((mark) => mark.seq > applied && mark.seq <= seq);
      const last = marks.at(-1);
      if (seq > applied && seq !== last?.seq) {
        const grain = Math.max(GRAIN_MS, (nowMs - (marks[0]?.heardMs ?? nowMs)) / GRAINS);
        if (last && nowMs - last.heardMs < grain) last.seq = seq;
        else marks.push({ seq, heardMs: nowMs, notBeforeMs });
      }
      if (marks.length > 0) words.marks.set(author, marks);
      else words.marks.delete(author);
    }
  }

  behind(peer: NodeId, nowMs: number): PeerLag {
    const words = this.of(peer);
    let entries = 0;
    let oldestMs = nowMs;
    for (const [author, marks] of words.marks) {
      const applied = this.applied(author);
      const first = marks.find((mark) => mark.seq > applied);
      if (!first) continue;
      entries += (marks.at(-1) as Mark).seq - applied;
      const made = this.made.get(author) ?? (first.notBeforeMs === -Infinity ? first.heardMs : first.notBeforeMs);
      oldestMs = Math.min(oldestMs, Math.max(first.notBeforeMs, Math.min(made, first.heardMs)));
    }
    return { entries, seconds: (nowMs - oldestMs) / 1000, contactSeconds: (nowMs - words.contactMs) / 1000 };
  }
}
