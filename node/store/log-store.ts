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
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  Chains,
  cidOf,
  encodeBlockRecord,
  encodeEntry,
  encodeEntryRecord,
  encodeStoredBlock,
  hex,
  recordAt,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentHeader,
  segmentName,
  type Entry,
  type LogRecord,
  type Parent,
  type SignedEntry,
} from '../log/index.ts';
import { DiskFullError, LogBrokenError, LogDamagedError } from './errors.ts';
import { makeFolder, syncFolder } from './files.ts';
import { logCrypto, type Identity } from './identity.ts';
import { readLog, segmentsOf, type StoredRecord } from './segments.ts';

const SEGMENT_BYTES_MAX = 64 << 20;
/** How far a segment file grows ahead: fdatasync of a file that grows costs half as much again. */
const ALLOCATION_BYTES = 1 << 20;
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
}

/** This replica's next entry: it has its place in the chain, and counts once it is durable. */
export interface SealedEntry {
  readonly entry: Entry;
  readonly signed: SignedEntry;
  readonly item: LogItem;
}

export interface OpenLogOptions {
  readonly onTorn?: (segment: string, offset: number, bytes: number) => void;
  /** Each record of the log, in order. */
  readonly onRecord?: (record: StoredRecord) => void;
}

/** A record's place in one number: segment × 2³² + offset. */
const SEGMENT_FACTOR = 2 ** 32;
/** At a time: each is read on its own. */
const ENTRIES_READ_MAX = 1000;
const BLOCKS_READ_MAX = 1000;

export const entryItem = (entry: Entry, signed: SignedEntry): LogItem => ({
  record: encodeEntryRecord(signed.body, signed.signature),
  author: hex(entry.author),
  seq: entry.seq,
});

export const blockItem = (value: Uint8Array, certificate: Uint8Array): LogItem => ({
  record: encodeBlockRecord(encodeStoredBlock(value, certificate)),
});

export class LogStore {
  private readonly dir: string;
  private readonly group: string;
  private readonly identity: Identity;
  /** Author id of this replica, in hex. */
  readonly author: string;
  /** What is in the log of each author; of this replica also what is sealed. */
  readonly chains = new Chains(logCrypto);
  /** Places of the entries of each author, by seq − 1. */
  private readonly places = new Map<string, number[]>();
  /** Places of the blocks, by height − 1. */
  private readonly blocks: number[] = [];
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
    makeFolder(dir);
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
      if (record.kind === 'entry') {
        const fault = this.chains.next(record.signed, record.entry, true);
        if (fault) {
          throw new LogDamagedError(
            `${path.join(dir, segmentName(record.segment))}: entry ${record.entry.seq} at byte ${record.offset} fails the check of its ${fault.kind}; a segment is missing or was replaced`,
          );
        }
        this.note(hex(record.entry.author), record.segment, record.offset);
      } else {
        this.blocks.push(record.segment * SEGMENT_FACTOR + record.offset);
      }
      options.onRecord?.(record);
    }
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

  private note(author: string, segment: number, offset: number): void {
    const places = this.places.get(author);
    const place = segment * SEGMENT_FACTOR + offset;
    if (places) places.push(place);
    else this.places.set(author, [place]);
  }

  /** Seq of the newest durable entry of an author; 0 when there is none. */
  seqOf(author: string): number {
    return this.places.get(author)?.length ?? 0;
  }

  /** Seq of this replica's newest durable entry. */
  get seq(): number {
    return this.seqOf(this.author);
  }

  /** The durable entries of each author, as the seq of the last. */
  frontier(): Map<string, number> {
    return new Map([...this.places].map(([author, places]) => [author, places.length]));
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
      const grown = writeSync(this.fd, zeros, 0, zeros.length, this.size + bytes);
      this.allocated = this.size + bytes + grown;
      // Too little for all of it: what is left belongs to the record.
      if (grown < zeros.length) this.giveBack();
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
   * Makes this replica's next entry. It must be appended before another is sealed, or taken back by unseal().
   */
  seal(transactions: readonly Uint8Array[], timeMs: number, height: number, parents: readonly Parent[]): SealedEntry {
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
    const cid = cidOf(body, logCrypto);
    const signed = { cid, body, signature: this.identity.sign(cid) };
    this.chains.next(signed, entry, true);
    return { entry, signed, item: entryItem(entry, signed) };
  }

  /** Takes back a sealed entry that the disk had no room for. */
  unseal({ entry }: SealedEntry): void {
    this.chains.back(this.author, entry);
  }

  /** Appends records and makes them durable. Throws DiskFullError (nothing appended) or LogBrokenError. */
  append(items: readonly LogItem[]): void {
    const bytes = this.write(items);
    const start = performance.now();
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
    const bytes = this.write(items);
    const start = performance.now();
    fdatasync(this.fd, (cause) => {
      if (cause) {
        done(this.failure(cause));
        return;
      }
      this.written(items, bytes, start);
      done(undefined);
    });
  }

  /** Writes records behind the last one; they count only once they are durable. */
  private write(items: readonly LogItem[]): number {
    if (this.broken) throw this.broken;
    const record = items.length === 1 ? (items[0] as LogItem).record : Buffer.concat(items.map((i) => i.record));
    try {
      if (this.size > SEGMENT_HEADER_BYTES && this.size + record.length > SEGMENT_BYTES_MAX) this.openSegment();
      this.allocate(record.length);
      this.dirtyTail = true;
      for (let at = 0; at < record.length;) at += writeSync(this.fd, record, at, record.length - at, this.size + at);
    } catch (cause) {
      throw this.failure(cause);
    }
    return record.length;
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
    for (const { record, author } of items) {
      if (author !== undefined) {
        this.note(author, this.segment, this.size);
        this.stats.entries++;
      } else {
        this.blocks.push(this.segment * SEGMENT_FACTOR + this.size);
      }
      this.size += record.length;
    }
  }

  /** Durable blocks from a height on, as they are stored: as many as fit, at least one if there is one. */
  readBlocks(fromHeight: number, bytesMax: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let bytes = 0;
    this.readRecords(this.blocks.slice(fromHeight - 1, fromHeight - 1 + BLOCKS_READ_MAX), ({ body }) => {
      bytes += body.length;
      if (found.length > 0 && bytes > bytesMax) return false;
      found.push(body);
      return true;
    });
    return found;
  }

  /** Durable entries of an author from `fromSeq` on: at least one if there is one, then as many as fit. */
  read(author: string, fromSeq: number, toSeq: number, bytesMax: number): SignedEntry[] {
    const places = this.places.get(author) ?? [];
    const found: SignedEntry[] = [];
    let bytes = 0;
    this.readRecords(
      places.slice(fromSeq - 1, Math.min(toSeq, fromSeq - 1 + ENTRIES_READ_MAX)),
      ({ body, signature }) => {
        bytes += body.length;
        if (found.length > 0 && bytes > bytesMax) return false;
        found.push({ cid: cidOf(body, logCrypto), body, signature });
        return true;
      },
    );
    return found;
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
  private readRecords(places: readonly number[], take: (record: LogRecord) => boolean): void {
    let fd = -1;
    let open = 0;
    try {
      for (const place of places) {
        const segment = Math.floor(place / SEGMENT_FACTOR);
        if (segment !== open) {
          if (fd >= 0) closeSync(fd);
          fd = openSync(path.join(this.dir, segmentName(segment)), 'r');
          open = segment;
        }
        if (!take(readRecordAt(fd, place % SEGMENT_FACTOR))) return;
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
