/**
 * A group's log on disk: what it holds of each author and of the blocks, and where. Appends entries and blocks to segment files
 * (SegmentWriter) and reads them back.
 *
 * append() returns only after fdatasync: what it wrote is durable.
 */
import { statSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import {
  Chains,
  cidOf,
  cidOfHash,
  decodeEntry,
  encodeEntry,
  hex,
  isOfFork,
  SEGMENT_HEADER_BYTES,
  segmentName,
  type ChainHead,
  type Entry,
  type Parent,
  type SignedEntry,
} from '../log/index.ts';
import { AsideEntries } from './aside-entries.ts';
import { LogDamagedError } from './errors.ts';
import { makeFolder } from './files.ts';
import { logCrypto, sha256InSteps, type Identity } from './identity.ts';
import { entryItemInSteps, recordsOf, type LogItem } from './log-items.ts';
import { LogIndex, placeOf, type LogBase, type Place } from './log-index.ts';
import { LARGE_BYTES, SegmentWriter } from './segment-writer.ts';
import { readLog, readRecords, segmentsOf, type StoredBlock, type StoredEntry, type StoredRecord } from './segments.ts';

/** This replica's next entry: it has its place in the chain, and counts once it is durable. */
export interface SealedEntry {
  readonly entry: Entry;
  readonly signed: SignedEntry;
  readonly item: LogItem;
}

export interface OpenLogOptions {
  readonly onTorn?: (segment: string, offset: number, bytes: number) => void;
  /** Each record of the log that counts, in order. `isAgain`: what it says of its author's chain takes the place of what was. */
  readonly onRecord?: (record: StoredRecord, isAgain: boolean) => void;
  /** What the log begins from, where its older part was pruned, or never was here. */
  readonly base?: LogBase | undefined;
}

/** At a time: each is read on its own. */
const ENTRIES_READ_MAX = 1000;
const BLOCKS_READ_MAX = 1000;

export class LogStore {
  private readonly dir: string;
  private readonly group: string;
  private readonly identity: Identity;
  /** Author id of this replica, in hex. */
  readonly author: string;
  /** What is in the log of each author; of this replica also what is sealed. */
  readonly chains = new Chains(logCrypto);
  private readonly index = new LogIndex();
  private readonly aside = new AsideEntries();
  /** Authors whose chains, as far as they were read, go through the base. */
  private readonly joined = new Set<string>();
  /** Its end on the disk. */
  protected readonly writer: SegmentWriter;
  private entries = 0;

  /** Makes the log of a folder known; load() reads it. */
  constructor(dir: string, group: string, identity: Identity) {
    this.dir = dir;
    this.group = group;
    this.identity = identity;
    this.author = hex(identity.author);
    this.writer = new SegmentWriter(dir);
  }

  static open(dir: string, group: string, identity: Identity, options: OpenLogOptions = {}): LogStore {
    const log = new LogStore(dir, group, identity);
    log.load(options);
    return log;
  }

  /** Opens or makes the log, walks it whole, cuts a torn tail. Throws LogDamagedError. */
  load(options: OpenLogOptions = {}): void {
    const { dir } = this;
    const { base } = options;
    const heads = new Map(base?.chains.map((head) => [head.author, head]));
    makeFolder(dir);
    // What follows goes on from there.
    if (base) this.chains.lamport = base.lamport;
    let torn: number | undefined;
    let end = SEGMENT_HEADER_BYTES;
    const walk = readLog(dir, {
      onTorn: (segment, offset, bytes) => {
        torn = offset;
        options.onTorn?.(segment, offset, bytes);
      },
      onEnd: (_segment, offset) => (end = offset),
    });
    for (const record of walk) {
      if (record.kind === 'block') this.loadBlock(record, base);
      const place =
        record.kind === 'block'
          ? 'next'
          : this.loadEntry(record, heads.get(hex(record.entry.author)), base !== undefined);
      if (place !== 'aside') options.onRecord?.(record, place === 'again');
    }
    if (base) this.resume(base);
    this.writer.open(torn ?? end, torn !== undefined);
  }

  /** How an entry stands to those before it: the next one of its author, one that does not count, or one that does from here on. */
  private loadEntry(
    { entry, signed, segment, offset }: StoredEntry,
    head: ChainHead | undefined,
    isPruned: boolean,
  ): 'next' | 'again' | 'aside' {
    const author = hex(entry.author);
    const { seq } = entry;
    const place = placeOf(segment, offset);
    let fault = this.chains.nextFrom(head, signed, entry, true);
    const isBehindBase = seq === (head?.seq ?? 0) + 1 && entry.prev !== null && hex(entry.prev) === head?.cid;
    if (fault && head && isBehindBase && !this.joined.has(author)) {
      // What lies before the base is another tail than the one that it stands for.
      this.chains.resume(head);
      this.index.cutBehind(author, 0);
      fault = this.chains.next(signed, entry, true);
    }
    if (!fault) {
      if (head && seq >= head.seq) this.joined.add(author);
      this.index.entry(author, seq, place);
      return 'next';
    }
    const cid = hex(signed.cid);
    const prev = entry.prev ? hex(entry.prev) : '';
    // Where a base stands for what is older, that may have been aside.
    const isForked = isPruned || this.aside.of(author).size > 0;
    // Whoever writes one again says that its chain goes on behind it.
    if (isForked && (this.cidAt(author, seq) === cid || this.aside.get(author, cid)))
      return this.follow(author, seq, signed.cid) ? 'again' : 'aside';
    const isFork = seq <= Math.max(this.chains.seqOf(author), head?.seq ?? 0) || this.aside.get(author, prev);
    if (!isFork || !isOfFork(fault) || (!isForked && this.cidAt(author, seq) === cid))
      throw this.damaged(segment, offset, `entry ${seq} fails the check of its ${fault.kind}`);
    this.aside.add(author, cid, { seq, place, prev });
    return 'aside';
  }

  private loadBlock({ block, segment, offset }: StoredBlock, base: LogBase | undefined): void {
    const { height } = this.index;
    const isGap = block.height > height + 1 && base && block.height <= base.height + 1;
    if (block.height !== height + 1 && !isGap)
      throw this.damaged(segment, offset, `block ${block.height} follows block ${height}`);
    this.index.block(block.height, placeOf(segment, offset));
  }

  private damaged(segment: number, offset: number, what: string): LogDamagedError {
    const file = path.join(this.dir, segmentName(segment));
    return new LogDamagedError(`${file}, byte ${offset}: ${what}; a segment is missing or was replaced`);
  }

  /** What a base stands for is there. */
  private resume(base: LogBase): void {
    for (const head of base.chains) if (this.chains.seqOf(head.author) < head.seq) this.chains.resume(head);
    this.index.resume(base);
  }

  /** Removes the segments in which all lies before the base, but for the newest bytes. */
  prune(base: LogBase, bytesKept: number): void {
    let keepFrom = Math.min(this.index.firstSegmentBehind(base) ?? this.writer.segment, this.writer.segment);
    const segments = segmentsOf(this.dir);
    let bytes = 0;
    for (const { name, number } of [...segments].reverse()) {
      if (bytes < bytesKept) keepFrom = Math.min(keepFrom, number);
      bytes += statSync(path.join(this.dir, name)).size;
    }
    keepFrom = this.aside.wholeFrom(keepFrom);
    // The oldest first: what is left after a crash follows each other.
    for (const { name, number } of segments) if (number < keepFrom) unlinkSync(path.join(this.dir, name));
    this.index.dropBefore(keepFrom);
    this.aside.dropBefore(keepFrom);
  }

  /** So many bytes of log are to be kept by pruning. */
  prunesTo(bytes: number): void {
    this.writer.prunesTo(bytes);
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return segmentsOf(this.dir).reduce((sum, { name }) => sum + statSync(path.join(this.dir, name)).size, 0);
  }

  /** The oldest seq of an author, and the oldest height, that can be read. */
  oldestSeq(author: string): number {
    return this.index.oldest(author);
  }

  get oldestHeight(): number {
    return this.index.oldestHeight;
  }

  /** What was written since the log was opened. */
  get stats(): { readonly entries: number } & SegmentWriter['stats'] {
    return { entries: this.entries, ...this.writer.stats };
  }

  /** The newest block that is durable here; 0 when there is none. */
  get height(): number {
    return this.index.height;
  }

  /** Seq of the newest durable entry of an author; 0 when there is none. */
  seqOf(author: string): number {
    return this.index.seqOf(author);
  }

  /** Seq of this replica's newest durable entry. */
  get seq(): number {
    return this.seqOf(this.author);
  }

  /** The durable entries of each author, as the seq of the last. */
  frontier(): Map<string, number> {
    return this.index.frontier();
  }

  /**
   * Makes this replica's next entry, with pauses where it is large. It must be appended before another is sealed, or taken back by
   * unseal().
   */
  *seal(
    transactions: readonly Uint8Array[],
    timeMs: number,
    height: number,
    parents: readonly Parent[],
  ): Generator<undefined, SealedEntry, undefined> {
    const chain = this.chains.byAuthor.get(this.author);
    const seq = (chain?.seq ?? 0) + 1;
    const entry: Entry = {
      group: this.group,
      author: this.identity.author,
      seq,
      prev: chain?.cid ?? null,
      parents,
      height,
      lamport: this.chains.lamport + 1,
      time: timeMs,
      transactions,
      ...(seq === 1 && { genesis: { key: this.identity.publicKey, incarnation: this.identity.incarnation } }),
    };
    const body = encodeEntry(entry);
    const isLarge = body.length >= LARGE_BYTES;
    if (isLarge) yield;
    const cid = isLarge ? cidOfHash(yield* sha256InSteps(body)) : cidOf(body, logCrypto);
    const signed = { cid, body, signature: this.identity.sign(cid) };
    const item = yield* entryItemInSteps(entry, signed);
    this.chains.next(signed, entry, true);
    return { entry, signed, item };
  }

  /** Takes back a sealed entry that the disk had no room for. */
  unseal({ entry }: SealedEntry): void {
    this.chains.back(this.author, entry);
  }

  /** Appends records and makes them durable. Throws DiskFullError (nothing appended) or LogBrokenError. */
  append(items: readonly LogItem[]): void {
    this.writer.write(recordsOf(items));
    this.stored(items, this.writer.sync());
  }

  /**
   * As append(), in two steps: the records are written, and there was room for them; what is returned makes them durable, before
   * anything else is appended. Throws like append().
   */
  begin(items: readonly LogItem[]): () => void {
    this.writer.write(recordsOf(items));
    return () => this.stored(items, this.writer.sync());
  }

  /**
   * As append(), but the disk works while the caller goes on. One at a time: the next append waits for `done`, which is told
   * nothing, or what append() would have thrown. `written`: there was room for the records. Throws when they cannot even be written.
   */
  appendLater(items: readonly LogItem[], written: () => void, done: (error: Error | undefined) => void): void {
    this.writer.writeLater(recordsOf(items), written, (error, place) => {
      if (!error) this.stored(items, place);
      done(error);
    });
  }

  /** They are durable, the first of them at this place. */
  private stored(items: readonly LogItem[], first: Place): void {
    let place = first;
    for (const { record, author, seq = 0, height, aside } of items) {
      if (author !== undefined && aside) {
        this.aside.add(author, aside.cid, { seq, place, prev: aside.prev });
      } else if (author !== undefined) {
        this.index.entry(author, seq, place);
        this.entries++;
      } else if (height !== undefined) {
        this.index.block(height, place);
      }
      place += record.length;
    }
  }

  /** Durable blocks from a height on, as they are stored: as many as fit, at least one if there is one. */
  readBlocks(fromHeight: number, bytesMax: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let bytes = 0;
    readRecords(this.dir, this.index.blocksBetween(fromHeight, fromHeight + BLOCKS_READ_MAX - 1), ({ body }) => {
      bytes += body.length;
      if (found.length > 0 && bytes > bytesMax) return false;
      found.push(body);
      return true;
    });
    return found;
  }

  /** Durable entries of an author from `fromSeq` on: at least one if there is one, then as many as fit. */
  read(author: string, fromSeq: number, toSeq: number, bytesMax: number): SignedEntry[] {
    const found: SignedEntry[] = [];
    let bytes = 0;
    readRecords(
      this.dir,
      this.index.entriesBetween(author, fromSeq, Math.min(toSeq, fromSeq + ENTRIES_READ_MAX - 1)),
      ({ body, signature }) => {
        bytes += body.length;
        if (found.length > 0 && bytes > bytesMax) return false;
        found.push({ cid: cidOf(body, logCrypto), body, signature });
        return true;
      },
    );
    return found;
  }

  // Authors that signed two entries with one number.

  /** Authors of whom there are entries that do not count. */
  get forked(): readonly string[] {
    return this.aside.authors;
  }

  /** CID of the entry with this number, in hex; undefined where it cannot be read. */
  private cidAt(author: string, seq: number): string | undefined {
    const [signed] = this.read(author, seq, seq, 0);
    return signed && hex(signed.cid);
  }

  /** Whether this very entry is durable here, whichever tail of its author's it belongs to. */
  holds(author: string, seq: number, cid: Uint8Array): boolean {
    return this.aside.get(author, hex(cid)) !== undefined || this.cidAt(author, seq) === hex(cid);
  }

  /** An entry by its CID; undefined where it is not here. */
  readEntry(author: string, seq: number, cid: string): SignedEntry | undefined {
    const place = this.aside.get(author, cid)?.place;
    if (place !== undefined) return this.readAt(place);
    const [signed] = this.read(author, seq, seq, 0);
    return signed && hex(signed.cid) === cid ? signed : undefined;
  }

  /** One entry of each tail of an author's that does not count: the last. */
  readAside(author: string): SignedEntry[] {
    const entries = this.aside.of(author);
    const before = new Set([...entries.values()].map(({ prev }) => prev));
    return [...entries].filter(([cid]) => !before.has(cid)).map(([, { place }]) => this.readAt(place));
  }

  private readAt(place: Place): SignedEntry {
    const found: SignedEntry[] = [];
    readRecords(this.dir, [place], ({ body, signature }) => {
      found.push({ cid: cidOf(body, logCrypto), body, signature });
      return false;
    });
    return found[0] as SignedEntry;
  }

  /**
   * From now on the author's chain ends with this entry, and what stood in the place of its tail is set aside. Nothing of the author
   * may be under way to the log. False when the tail is not all here. The entry has to be appended once more, before what follows
   * it: that says it to the next start.
   */
  follow(author: string, seq: number, cid: Uint8Array): boolean {
    const tail: { readonly cid: string; readonly seq: number; readonly place: Place }[] = [];
    let at = hex(cid);
    let last = seq;
    for (let found = this.aside.get(author, at); found; found = this.aside.get(author, at)) {
      tail.unshift({ cid: at, seq: last, place: found.place });
      at = found.prev;
      last--;
    }
    const isJoined = last < this.oldestSeq(author) || this.cidAt(author, last) === at;
    if (!isJoined) return false;
    this.cutBehind(author, last);
    for (const entry of tail) {
      this.aside.delete(author, entry.cid);
      this.index.entry(author, entry.seq, entry.place);
    }
    this.resumeAt(author, this.readEntry(author, seq, hex(cid)) as SignedEntry);
    return true;
  }

  /** Sets an author's entries behind `seq` aside. Nothing of the author may be under way to the log. */
  cutBehind(author: string, seq: number): void {
    const places = this.index.entriesBetween(author, Math.max(seq + 1, this.oldestSeq(author)), this.seqOf(author));
    const key = this.chains.byAuthor.get(author)?.key;
    for (const [index, place] of places.entries()) {
      const { cid, body } = this.readAt(place);
      const entry = decodeEntry(body);
      const prev = entry.prev ? hex(entry.prev) : '';
      this.aside.add(author, hex(cid), { seq: entry.seq, place, prev });
      if (index === 0 && key)
        this.chains.resume({ author, key: hex(key), seq: entry.seq - 1, cid: prev, lamport: entry.lamport - 1 });
    }
    this.index.cutBehind(author, seq);
  }

  private resumeAt(author: string, { cid, body }: SignedEntry): void {
    const { seq, lamport, genesis } = decodeEntry(body);
    const key = this.chains.byAuthor.get(author)?.key ?? genesis?.key;
    if (!key) throw new Error(`nobody's entry ${seq}`);
    this.chains.resume({ author, key: hex(key), seq, cid: hex(cid), lamport });
  }

  close(): void {
    this.writer.close();
  }
}
