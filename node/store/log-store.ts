/**
 * A group's log on disk: appends entries and blocks to segment files and reads them back.
 *
 * append() returns only after fdatasync: what it wrote is durable. A write that fails for want of space leaves the log as
 * it was, and the next append tries anew; any other failure of the disk ends the log for good (LogBrokenError), because
 * after a failed fsync nobody knows what the disk holds.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  Chains,
  cidOf,
  cidOfHash,
  decodeEntry,
  encodeBlockRecord,
  encodeEntry,
  encodeEntryRecord,
  encodeEntryRecordInSteps,
  encodeStoredBlock,
  hex,
  isOfFork,
  recordAt,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentHeader,
  segmentName,
  type ChainHead,
  type Entry,
  type LogRecord,
  type Parent,
  type SignedEntry,
} from '../log/index.ts';
import { AsideEntries } from './aside-entries.ts';
import { DiskFullError, LogBrokenError, LogDamagedError } from './errors.ts';
import { makeFolder, syncFolder } from './files.ts';
import { logCrypto, sha256InSteps, type Identity } from './identity.ts';
import { LogIndex, offsetIn, placeOf, segmentOf, type LogBase, type Place } from './log-index.ts';
import { readLog, segmentsOf, type StoredBlock, type StoredEntry, type StoredRecord } from './segments.ts';

const SEGMENT_BYTES_MAX = 64 << 20;
const SEGMENT_BYTES_LEAST = 1 << 20;
/** How far a segment file grows ahead: fdatasync of a file that grows costs half as much again. */
const ALLOCATION_BYTES = 1 << 20;
/** So much is written beside this thread. */
const LARGE_BYTES = 1 << 20;
const zeros = new Uint8Array(ALLOCATION_BYTES);

const isFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
};

/** An entry or block in the form in which it lies in a segment. */
export interface LogItem {
  readonly record: Uint8Array;
  /** Of an entry, for the index. */
  readonly author?: string;
  readonly seq?: number;
  /** Of an entry that does not follow what is here of its author: see AsideEntries. */
  readonly aside?: { readonly cid: string; readonly prev: string };
  /** Of a block. */
  readonly height?: number;
}

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

export const entryItem = (entry: Entry, signed: SignedEntry): LogItem => ({
  record: encodeEntryRecord(signed.body, signed.signature),
  author: hex(entry.author),
  seq: entry.seq,
});

/** As entryItem(), with pauses where the entry is large. */
export function* entryItemInSteps(entry: Entry, signed: SignedEntry): Generator<undefined, LogItem, undefined> {
  if (signed.body.length < LARGE_BYTES) return entryItem(entry, signed);
  const record = yield* encodeEntryRecordInSteps(signed.body, signed.signature);
  return { record, author: hex(entry.author), seq: entry.seq };
}

/** An entry that does not follow what is here of its author. */
export function asideItem(entry: Entry, signed: SignedEntry): LogItem {
  return { ...entryItem(entry, signed), aside: { cid: hex(signed.cid), prev: entry.prev ? hex(entry.prev) : '' } };
}

/** See LogStore.follow(): the entry once more. */
export const againItem = ({ body, signature }: SignedEntry): LogItem => ({
  record: encodeEntryRecord(body, signature),
});

export const blockItem = (height: number, value: Uint8Array, certificate: Uint8Array): LogItem => ({
  record: encodeBlockRecord(encodeStoredBlock(value, certificate)),
  height,
});

export class LogStore {
  private readonly dir: string;
  private readonly group: string;
  private readonly identity: Identity;
  /** A segment that has so much takes no more. */
  protected segmentBytes = SEGMENT_BYTES_MAX;
  protected allocationBytes = ALLOCATION_BYTES;
  /** Author id of this replica, in hex. */
  readonly author: string;
  /** What is in the log of each author; of this replica also what is sealed. */
  readonly chains = new Chains(logCrypto);
  private readonly index = new LogIndex();
  private readonly aside = new AsideEntries();
  /** Authors whose chains, as far as they were read, go through the base. */
  private readonly joined = new Set<string>();
  private fd = -1;
  private segment = 0;
  private size = 0;
  /** Length of the file: zeros from `size` on. */
  private allocated = 0;
  private broken: LogBrokenError | undefined;
  /** Bytes behind `size` in the file that a failed write may have left. */
  private dirtyTail = false;
  readonly stats = { entries: 0, bytes: 0, syncSeconds: 0 };

  /** Makes the log of a folder known; load() reads it. */
  constructor(dir: string, group: string, identity: Identity) {
    this.dir = dir;
    this.group = group;
    this.identity = identity;
    this.author = hex(identity.author);
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
    const last = segmentsOf(dir).at(-1);
    this.segment = last?.number ?? 0;
    if (!last || (torn !== undefined && torn < SEGMENT_HEADER_BYTES)) {
      if (last) {
        unlinkSync(path.join(dir, last.name));
        this.segment--;
      }
      this.openSegment();
    } else {
      this.fd = openSync(path.join(dir, last.name), 'r+');
      this.size = torn ?? end;
      this.allocated = torn ?? fstatSync(this.fd).size;
      if (torn !== undefined) {
        ftruncateSync(this.fd, torn);
        fdatasyncSync(this.fd);
      }
    }
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
    let keepFrom = Math.min(this.index.firstSegmentBehind(base) ?? this.segment, this.segment);
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

  /** Only whole segments are pruned: so many bytes of log are to be kept that way. */
  prunesTo(bytes: number): void {
    this.segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_LEAST, Math.floor(bytes / 4)));
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

  private openSegment(): void {
    const fd = openSync(path.join(this.dir, segmentName(this.segment + 1)), 'w+', 0o600);
    try {
      const header = segmentHeader();
      writeSync(fd, header, 0, header.length, 0);
      fdatasyncSync(fd);
      syncFolder(this.dir);
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
    this.closeSegment();
    this.fd = fd;
    this.segment++;
    this.size = SEGMENT_HEADER_BYTES;
    this.allocated = SEGMENT_HEADER_BYTES;
  }

  /** Gives back what was allocated ahead. */
  private closeSegment(): void {
    if (this.fd < 0) return;
    if (this.allocated > this.size) ftruncateSync(this.fd, this.size);
    closeSync(this.fd);
    this.fd = -1;
  }

  /** Grows the file ahead of a write that would pass its end. A disk without room for that may still have room for the record. */
  private allocate(bytes: number): void {
    if (this.size + bytes <= this.allocated) return;
    try {
      const grown = writeSync(this.fd, zeros, 0, this.allocationBytes, this.size + bytes);
      this.allocated = this.size + bytes + grown;
      // Too little for all of it: what is left belongs to the record.
      if (grown < this.allocationBytes) this.giveBack();
    } catch (cause) {
      if (!isFull(cause)) throw cause;
      this.giveBack();
    }
  }

  private giveBack(): void {
    ftruncateSync(this.fd, this.size);
    this.allocated = this.size;
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
    this.sync(items, this.write(items), performance.now());
  }

  /**
   * As append(), in two steps: the records are written, and there was room for them; what is returned makes them durable, before
   * anything else is appended. Throws like append().
   */
  begin(items: readonly LogItem[]): () => void {
    const bytes = this.write(items);
    const start = performance.now();
    return () => this.sync(items, bytes, start);
  }

  private sync(items: readonly LogItem[], bytes: number, start: number): void {
    try {
      fdatasyncSync(this.fd);
    } catch (cause) {
      throw this.failure(cause);
    }
    this.written(items, bytes, start);
  }

  /**
   * As append(), but the disk works while the caller goes on. One at a time: the next append waits for `done`, which is told
   * nothing, or what append() would have thrown. Throws when the records cannot even be written.
   */
  appendLater(items: readonly LogItem[], done: (error: Error | undefined) => void): void {
    const record = this.prepare(items);
    const sync = (): void => {
      const start = performance.now();
      fdatasync(this.fd, (cause) => {
        if (cause) {
          done(this.failure(cause));
          return;
        }
        this.written(items, record.length, start);
        done(undefined);
      });
    };
    if (record.length < LARGE_BYTES) {
      this.writeAll(record);
      sync();
      return;
    }
    const writeOn = (at: number): void => {
      write(this.fd, record, at, record.length - at, this.size + at, (cause, bytes) => {
        if (cause) done(this.failure(cause));
        else if (at + bytes < record.length) writeOn(at + bytes);
        else sync();
      });
    };
    writeOn(0);
  }

  /** Writes records behind the last one; they count only once they are durable. */
  private write(items: readonly LogItem[]): number {
    const record = this.prepare(items);
    this.writeAll(record);
    return record.length;
  }

  /** Makes room for records behind the last one, and one piece of them. */
  private prepare(items: readonly LogItem[]): Uint8Array {
    if (this.broken) throw this.broken;
    const record = items.length === 1 ? (items[0] as LogItem).record : Buffer.concat(items.map((i) => i.record));
    try {
      if (this.size > SEGMENT_HEADER_BYTES && this.size + record.length > this.segmentBytes) this.openSegment();
      this.allocate(record.length);
      this.dirtyTail = true;
    } catch (cause) {
      throw this.failure(cause);
    }
    return record;
  }

  private writeAll(record: Uint8Array): void {
    try {
      for (let at = 0; at < record.length;) at += writeSync(this.fd, record, at, record.length - at, this.size + at);
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  /** Cuts what stands behind the last entry. */
  private cutTail(): void {
    if (!this.dirtyTail) return;
    ftruncateSync(this.fd, this.size);
    this.allocated = this.size;
    this.dirtyTail = false;
  }

  private written(items: readonly LogItem[], bytes: number, start: number): void {
    this.dirtyTail = false;
    this.stats.syncSeconds += (performance.now() - start) / 1000;
    this.stats.bytes += bytes;
    for (const { record, author, seq = 0, height, aside } of items) {
      const place = placeOf(this.segment, this.size);
      if (author !== undefined && aside) {
        this.aside.add(author, aside.cid, { seq, place, prev: aside.prev });
      } else if (author !== undefined) {
        this.index.entry(author, seq, place);
        this.stats.entries++;
      } else if (height !== undefined) {
        this.index.block(height, place);
      }
      this.size += record.length;
    }
  }

  /** Durable blocks from a height on, as they are stored: as many as fit, at least one if there is one. */
  readBlocks(fromHeight: number, bytesMax: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let bytes = 0;
    this.readRecords(this.index.blocksBetween(fromHeight, fromHeight + BLOCKS_READ_MAX - 1), ({ body }) => {
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
    this.readRecords(
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
    this.readRecords([place], ({ body, signature }) => {
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

  private failure(cause: unknown): Error {
    if (isFull(cause)) {
      // At once: a whole record that stayed behind would come back after a crash, although its clients were refused.
      try {
        this.cutTail();
      } catch (second) {
        return this.failure(second);
      }
      return new DiskFullError('no space is left for the log', { cause });
    }
    this.broken = new LogBrokenError(`the log's disk failed: ${(cause as Error).message}`, { cause });
    return this.broken;
  }

  close(): void {
    this.closeSegment();
  }

  /** Reads records until `take` has enough. */
  private readRecords(places: readonly Place[], take: (record: LogRecord) => boolean): void {
    let fd = -1;
    let open = 0;
    try {
      for (const place of places) {
        const segment = segmentOf(place);
        if (segment !== open) {
          if (fd >= 0) closeSync(fd);
          fd = openSync(path.join(this.dir, segmentName(segment)), 'r');
          open = segment;
        }
        if (!take(readRecordAt(fd, offsetIn(place)))) return;
      }
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }
}

function readRecordAt(fd: number, offset: number): LogRecord {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  readSync(fd, header, 0, header.length, offset);
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + new DataView(header.buffer).getUint32(4, true));
  readSync(fd, bytes, 0, bytes.length, offset);
  const record = recordAt(bytes, 0);
  if (!record) throw new LogBrokenError(`the record at byte ${offset} of the log changed on the disk`);
  return record;
}
