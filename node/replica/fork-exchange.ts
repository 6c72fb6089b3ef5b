/**
 * What nodes tell each other of authors that signed two entries with one number.
 *
 * - Who is to vote for a block, or to apply one, that orders another entry than it holds asks for that one by its hash, and for those
 *   before it, down to what both have.
 * - Who holds one of two tells the others, and so some node comes to have both. Whoever has the proof passes it on; the leader has the
 *   author ended (see Group.endAuthor).
 */
import type { NodeId } from '../consensus/index.ts';
import {
  CborReader,
  CborWriter,
  cidOf,
  decodeEntry,
  hex,
  sameBytes,
  SIGNATURE_BYTES,
  unhex,
  type ChainLink,
  type Cut,
  type SignedEntry,
} from '../log/index.ts';
import { logCrypto } from '../store/index.ts';
import { framed } from './kinds.ts';
import type { GroupLog } from './ports.ts';
import type { Replica } from './replica.ts';

/** Entries of one author that follow each other, of which the last signature proves all. */
export type Tail = readonly ChainLink[];

/** Two tails that one author signed and that cannot be of one chain. */
export interface Equivocation {
  readonly author: string;
  /** Id of the member whose key signed. */
  readonly member: string;
  readonly tails: readonly [Tail, Tail];
}

export interface ForkExchangeOptions {
  readonly log: GroupLog;
  readonly replica: Replica;
  readonly peers: () => readonly NodeId[];
  readonly send: (to: NodeId, message: Uint8Array) => void;
  readonly isLeader: () => boolean;
  /** Has the group decide that nothing of the author counts any more but what is final by then. */
  readonly end: (equivocation: Equivocation) => Promise<unknown>;
  /** That could not be decided: it is tried again. */
  readonly onEndFailed: (equivocation: Equivocation, error: unknown) => void;
  readonly onFound: (equivocation: Equivocation) => void;
  /** The peer has pruned what is asked for. */
  readonly onPruned: (peer: NodeId) => void;
  readonly onRefused: (from: NodeId, reason: string) => void;
}

/** What an operator is told. */
export const EQUIVOCATION =
  'a member signed two entries with one number: nothing of that author counts any more but what is final';
export const NOT_ENDED =
  'the end of an author that signed two entries with one number was not decided: it is tried again';

const ASK = 0;
const ENTRIES = 1;
const TAILS = 2;

const ENTRIES_BYTES = 1 << 20;
const TAIL_ENTRIES_MAX = 64;
const ASIDE_TOLD_MAX = 4;
const ASK_MS = 300;
const TELL_MS = 300;

interface Fetch {
  readonly cut: Cut;
  /** The newest first. */
  readonly links: ChainLink[];
  askedMs: number;
  asked: number;
}

export class ForkExchange {
  private readonly options: ForkExchangeOptions;
  private readonly fetches = new Map<string, Fetch>();
  private readonly found = new Map<string, Equivocation>();
  private toldMs = -Infinity;
  private ending = false;

  constructor(options: ForkExchangeOptions) {
    this.options = options;
  }

  tick(nowMs: number): void {
    const { replica, log } = this.options;
    if (replica.forks.isEmpty) return;
    for (const cut of replica.missing()) this.fetch(cut, nowMs);
    for (const { author, run, waiting } of replica.takeForked()) {
      this.compare(author, run);
      if (this.isProven(waiting, author)) this.note(author, run, waiting);
    }
    if (nowMs - this.toldMs < TELL_MS) return;
    this.toldMs = nowMs;
    replica.lookAgain();
    for (const [author, seq] of replica.forks.suspects) {
      if (replica.hasEnded(author)) {
        this.found.delete(author);
        continue;
      }
      const aside = this.found.has(author) ? [] : this.asideTails(author);
      for (const tail of aside) this.compare(author, tail);
      const known = this.found.get(author);
      const own = known ? undefined : this.ownTail(author, Math.min(seq, log.seqOf(author)));
      // What stands aside cannot be compared here where the chain beside it is pruned: others may have that still.
      const tails = known?.tails ?? [...(own ? [own] : []), ...aside.slice(0, ASIDE_TOLD_MAX)];
      if (tails.length > 0) this.tell(tails);
      if (known) this.end(known);
    }
  }

  private end(equivocation: Equivocation): void {
    if (this.ending || !this.options.isLeader()) return;
    this.ending = true;
    this.options
      .end(equivocation)
      .catch((error: unknown) => this.options.onEndFailed(equivocation, error))
      .finally(() => (this.ending = false));
  }

  /** Throws DecodeError. */
  message(from: NodeId, bytes: Uint8Array): void {
    const reader = new CborReader(bytes.subarray(1));
    switch (bytes[0]) {
      case ASK:
        this.answer(from, reader.data(), hex(reader.data()), reader.int(), hex(reader.data()));
        break;
      case ENTRIES:
        this.take(from, hex(reader.data()), reader.int() === 1, readEntries(reader));
        break;
      case TAILS: {
        const tails: Tail[] = [];
        for (let n = reader.array(); n > 0; n--) tails.push(readEntries(reader));
        this.hear(tails);
        break;
      }
      default:
        this.options.onRefused(from, 'a message about forks of an unknown kind');
    }
  }

  // Entries by their hash.

  private fetch(cut: Cut, nowMs: number): void {
    const key = hex(cut.cid);
    const known = this.fetches.get(key);
    if (known && nowMs - known.askedMs < ASK_MS) return;
    const fetch: Fetch = known ?? { cut, links: [], askedMs: nowMs, asked: 0 };
    this.fetches.set(key, fetch);
    this.ask(fetch, nowMs);
  }

  private ask(fetch: Fetch, nowMs: number): void {
    fetch.askedMs = nowMs;
    const peers = this.options.peers();
    const peer = peers[fetch.asked++ % peers.length];
    if (peer === undefined) return;
    const { seq, cid } = this.next(fetch);
    const question = new CborWriter(160).data(fetch.cut.cid).data(unhex(fetch.cut.author)).int(seq).data(cid);
    this.options.send(peer, framed(ASK, question.take()));
  }

  private next({ cut, links }: Fetch): { readonly seq: number; readonly cid: Uint8Array } {
    const last = links.at(-1)?.entry;
    return last ? { seq: last.seq - 1, cid: last.prev ?? new Uint8Array() } : cut;
  }

  private answer(to: NodeId, wanted: Uint8Array, author: string, fromSeq: number, cid: string): void {
    const { log } = this.options;
    const found: SignedEntry[] = [];
    let bytes = 0;
    let at = cid;
    for (let seq = fromSeq; seq > 0 && bytes < ENTRIES_BYTES; seq--) {
      const signed = log.readEntry(author, seq, at);
      if (!signed) break;
      found.push(signed);
      bytes += signed.body.length;
      const { prev } = decodeEntry(signed.body);
      at = prev ? hex(prev) : '';
    }
    const isPruned = found.length === 0 && fromSeq < log.oldestSeq(author);
    const writer = new CborWriter(bytes + 256).data(wanted).int(isPruned ? 1 : 0);
    this.options.send(to, framed(ENTRIES, writeEntries(writer, found).take()));
  }

  private take(from: NodeId, wanted: string, isPruned: boolean, links: Tail): void {
    const fetch = this.fetches.get(wanted);
    if (!fetch) return;
    const { author } = fetch.cut;
    if (isPruned) this.options.onPruned(from);
    for (const link of links) {
      const { seq, cid } = this.next(fetch);
      if (!sameBytes(link.signed.cid, cid) || link.entry.seq !== seq || hex(link.entry.author) !== author) return;
      fetch.links.push(link);
      if (this.isWhole(fetch)) {
        this.fetches.delete(wanted);
        this.options.replica.receiveFork(fetch.links.reverse());
        return;
      }
    }
    if (links.length > 0) {
      fetch.asked--;
      this.ask(fetch, performance.now());
    }
  }

  /** What comes before is here. */
  private isWhole(fetch: Fetch): boolean {
    const { seq, cid } = this.next(fetch);
    const { author } = fetch.cut;
    const { log } = this.options;
    return seq < log.oldestSeq(author) || log.holds(author, seq, cid);
  }

  // Proof.

  private tell(tails: readonly Tail[]): void {
    const writer = new CborWriter(1 << 12).array(tails.length);
    for (const tail of tails)
      writeEntries(
        writer,
        tail.map(({ signed }) => signed),
      );
    const message = framed(TAILS, writer.take());
    for (const peer of this.options.peers()) this.options.send(peer, message);
  }

  private hear(tails: readonly Tail[]): void {
    const author = tails[0]?.[0] && hex(tails[0][0].entry.author);
    if (author === undefined || this.found.has(author) || this.options.replica.hasEnded(author)) return;
    if (!tails.every((tail) => this.isProven(tail, author))) return;
    const [one, other] = tails;
    if (one && other) this.note(author, one, other);
    for (const tail of tails) this.compare(author, tail);
  }

  /** The author signed it, whatever is here of it. */
  private isProven(tail: Tail, author: string): boolean {
    const { chains } = this.options.log;
    return (
      tail.length > 0 &&
      tail.every(({ entry }, i) => hex(entry.author) === author && entry.seq === (tail[0]?.entry.seq ?? 0) + i) &&
      chains.byAuthor.get(author)?.key !== undefined &&
      chains.proven(tail) === tail.length
    );
  }

  /** Looks for an entry here that cannot be of one chain with a tail. */
  private compare(author: string, tail: Tail): void {
    const { log } = this.options;
    const last = tail.at(-1)?.entry.seq ?? 0;
    for (let seq = (tail[0]?.entry.seq ?? 1) - 1; seq <= last; seq++) {
      const [signed] = log.read(author, seq, seq, 0);
      const there = tail.find(({ entry }) => entry.seq === seq)?.signed.cid ?? tail[0]?.entry.prev;
      if (!signed || !there || sameBytes(signed.cid, there)) continue;
      const own = this.ownTail(author, seq);
      if (own) this.note(author, tail, own);
      return;
    }
  }

  /** What stands aside of an author's, as far as it is proven and joins the chain that is here. */
  private asideTails(author: string): Tail[] {
    return this.options.log.readAside(author).flatMap((last) => {
      const tail = this.tailTo(author, last);
      return tail && this.isProven(tail, author) ? [tail] : [];
    });
  }

  private tailTo(author: string, last: SignedEntry): Tail | undefined {
    const { log } = this.options;
    const tail = [linkOf(last)];
    for (let first = tail[0]; first && first.entry.seq > log.seqOf(author) + 1; first = tail[0]) {
      const { seq, prev } = first.entry;
      const before = prev && log.readEntry(author, seq - 1, hex(prev));
      if (!before || tail.length === TAIL_ENTRIES_MAX) return undefined;
      tail.unshift(linkOf(before));
    }
    return tail;
  }

  /** What stands in the author's chain here from `seq` on, up to the first good signature. */
  private ownTail(author: string, seq: number): Tail | undefined {
    const { log } = this.options;
    const key = log.chains.byAuthor.get(author)?.key;
    const tail: ChainLink[] = [];
    for (const signed of log.read(author, seq, seq + TAIL_ENTRIES_MAX - 1, ENTRIES_BYTES)) {
      tail.push(linkOf(signed));
      if (key && logCrypto.verify(key, signed.cid, signed.signature)) return tail;
    }
    return undefined;
  }

  private note(author: string, one: Tail, other: Tail): void {
    const key = this.options.log.chains.byAuthor.get(author)?.key;
    if (!key || this.found.has(author) || !areForked(one, other)) return;
    const equivocation: Equivocation = { author, member: hex(key), tails: [one, other] };
    this.found.set(author, equivocation);
    this.options.replica.forks.suspect(author, one[0]?.entry.seq ?? 1);
    this.options.onFound(equivocation);
    this.tell(equivocation.tails);
    this.end(equivocation);
  }
}

/** Whether two tails of one author cannot be of one chain. */
function areForked(one: Tail, other: Tail): boolean {
  const isFork = (a: ChainLink, b: ChainLink): boolean =>
    (a.entry.seq === b.entry.seq && !sameBytes(a.signed.cid, b.signed.cid)) ||
    (a.entry.seq + 1 === b.entry.seq && !sameBytes(b.entry.prev, a.signed.cid));
  return one.some((a) => other.some((b) => isFork(a, b) || isFork(b, a)));
}

function linkOf(signed: SignedEntry): ChainLink {
  return { signed, entry: decodeEntry(signed.body) };
}

function writeEntries(writer: CborWriter, entries: readonly SignedEntry[]): CborWriter {
  writer.array(entries.length);
  for (const { body, signature } of entries) writer.data(signature).data(body);
  return writer;
}

/** Throws DecodeError. */
function readEntries(reader: CborReader): ChainLink[] {
  const links: ChainLink[] = [];
  for (let n = reader.array(); n > 0; n--) {
    const signature = reader.data().slice(0, SIGNATURE_BYTES);
    const body = reader.data().slice();
    links.push(linkOf({ cid: cidOf(body, logCrypto), body, signature }));
  }
  return links;
}
