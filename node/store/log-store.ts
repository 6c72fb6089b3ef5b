/**
 * An author's log on disk: appends entries to segment files and reads them back.
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
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  ChainVerifier,
  cidOf,
  DecodeError,
  decodeEntry,
  encodeEntry,
  encodeRecord,
  hex,
  readSegment,
  SEGMENT_HEADER_BYTES,
  segmentFirstSeq,
  segmentHeader,
  segmentName,
  type Entry,
  type LogRecord,
  type SignedEntry,
} from '../log/index.ts';
import { DiskFullError, LogBrokenError, LogDamagedError } from './errors.ts';
import { syncFolder } from './files.ts';
import { logCrypto, type Identity } from './identity.ts';

const SEGMENT_BYTES_MAX = 64 << 20;
/** How far a segment file grows ahead: fdatasync of a file that grows costs half as much again. */
const ALLOCATION_BYTES = 1 << 20;
const zeros = new Uint8Array(ALLOCATION_BYTES);

const isFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
};

export interface StoredEntry {
  readonly entry: Entry;
  readonly signed: SignedEntry;
  readonly segment: string;
  readonly offset: number;
}

/** Segment files of a folder, in order. */
export function segmentsOf(dir: string): { name: string; firstSeq: number }[] {
  return readdirSync(dir)
    .flatMap((name) => {
      const firstSeq = segmentFirstSeq(name);
      return firstSeq === undefined ? [] : [{ name, firstSeq }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/**
 * Every entry of a log folder in order. A torn tail is reported to `onTorn`; damage throws LogDamagedError.
 * `fromSeq` passes over segments that hold only older entries.
 */
export function* readLog(
  dir: string,
  fromSeq = 1,
  onTorn?: (segment: string, offset: number, bytes: number) => void,
  onEnd?: (segment: string, offset: number) => void,
): Generator<StoredEntry> {
  const segments = segmentsOf(dir);
  for (const [i, segment] of segments.entries()) {
    const following = segments[i + 1];
    if (following && following.firstSeq <= fromSeq) continue;
    const file = path.join(dir, segment.name);
    const bytes = readFileSync(file);
    const found: StoredEntry[] = [];
    const end = readSegment(
      bytes,
      (record) => {
        const entry = decodeStored(file, record);
        const signed = { cid: cidOf(record.body, logCrypto), body: record.body, signature: record.signature };
        found.push({ entry, signed, segment: segment.name, offset: record.offset });
      },
      (record) => follows(record.body, found.at(-1)?.entry),
    );
    if (end.kind === 'no-segment') throw new LogDamagedError(`${file} is no log segment: ${end.reason}`);
    if (end.kind === 'damaged' || (end.kind === 'torn' && following)) {
      throw new LogDamagedError(
        `${file} is damaged at byte ${end.offset}, but whole entries follow: the disk lost or changed acknowledged data. ` +
          'Restore this folder from a backup or let the node join again empty from another node; nothing was changed.',
      );
    }
    yield* found;
    if (end.kind === 'whole') onEnd?.(segment.name, end.offset);
    if (end.kind === 'torn') onTorn?.(segment.name, end.offset, bytes.length - end.offset);
  }
}

/** A record that checks holds an entry, unless a newer program wrote it. */
function decodeStored(file: string, record: LogRecord): Entry {
  try {
    return decodeEntry(record.body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new LogDamagedError(`${file}, byte ${record.offset}: ${error.message}`);
  }
}

/** Whether a body is an entry that can come after another one of its log. */
function follows(body: Uint8Array, last: Entry | undefined): boolean {
  try {
    const entry = decodeEntry(body);
    return last === undefined || (entry.seq > last.seq && hex(entry.author) === hex(last.author));
  } catch {
    return false;
  }
}

export class LogStore {
  private readonly dir: string;
  private readonly group: string;
  private readonly identity: Identity;
  private fd = -1;
  private size = 0;
  /** Length of the file: zeros from `size` on. */
  private allocated = 0;
  private lastSeq = 0;
  private lastCid: Uint8Array | null = null;
  private lamport = 0;
  private broken: LogBrokenError | undefined;
  /** Bytes behind `size` in the file that a failed write may have left. */
  private dirtyTail = false;
  readonly stats = { entries: 0, bytes: 0, syncSeconds: 0 };

  private constructor(dir: string, group: string, identity: Identity) {
    this.dir = dir;
    this.group = group;
    this.identity = identity;
  }

  /**
   * Opens or makes the log of a folder, walks it whole, cuts a torn tail. Throws LogDamagedError.
   */
  static open(
    dir: string,
    group: string,
    identity: Identity,
    onTorn?: (segment: string, offset: number, bytes: number) => void,
  ): LogStore {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const log = new LogStore(dir, group, identity);
    let torn: { segment: string; offset: number } | undefined;
    let end = SEGMENT_HEADER_BYTES;
    const tornAt = (segment: string, offset: number, bytes: number): void => {
      torn = { segment, offset };
      onTorn?.(segment, offset, bytes);
    };
    const endsAt = (_segment: string, offset: number): void => {
      end = offset;
    };
    for (const stored of readLog(dir, 1, tornAt, endsAt)) {
      const { entry, signed } = stored;
      if (hex(entry.author) !== hex(identity.author)) {
        throw new LogDamagedError(
          `${path.join(dir, stored.segment)} was written by another node (${hex(entry.author).slice(0, 16)}…): the data folder and identity.key do not belong together`,
        );
      }
      if (
        entry.seq !== log.lastSeq + 1 ||
        hex(entry.prev ?? new Uint8Array()) !== hex(log.lastCid ?? new Uint8Array())
      ) {
        throw new LogDamagedError(
          `${path.join(dir, stored.segment)}: entry ${entry.seq} at byte ${stored.offset} does not follow entry ${log.lastSeq}; a segment is missing or was replaced`,
        );
      }
      log.lastSeq = entry.seq;
      log.lastCid = signed.cid;
      log.lamport = entry.lamport;
    }
    const last = segmentsOf(dir).at(-1);
    if (!last || (torn && torn.offset < SEGMENT_HEADER_BYTES)) {
      if (last) unlinkSync(path.join(dir, last.name));
      log.openSegment();
    } else {
      log.fd = openSync(path.join(dir, last.name), 'r+');
      log.size = torn?.offset ?? end;
      log.allocated = torn?.offset ?? fstatSync(log.fd).size;
      if (torn) {
        ftruncateSync(log.fd, torn.offset);
        fdatasyncSync(log.fd);
      }
    }
    return log;
  }

  /** CID of the newest entry in hex; '' for an empty log. */
  get head(): string {
    return this.lastCid ? hex(this.lastCid) : '';
  }

  /** Seq of the newest entry; 0 for an empty log. */
  get seq(): number {
    return this.lastSeq;
  }

  private openSegment(): void {
    const fd = openSync(path.join(this.dir, segmentName(this.lastSeq + 1)), 'w+', 0o600);
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
   * Appends one entry with these transactions and makes it durable. Returns its seq.
   * Throws DiskFullError (nothing appended) or LogBrokenError.
   */
  append(transactions: readonly Uint8Array[], timeMs: number): number {
    const written = this.write(transactions, timeMs);
    const start = performance.now();
    try {
      fdatasyncSync(this.fd);
    } catch (cause) {
      throw this.failure(cause);
    }
    return this.written(written, start);
  }

  /**
   * As append(), but the disk works while the caller goes on. One at a time: the next append waits for `done`, which is told
   * nothing, or what append() would have thrown. Throws when the entry cannot even be written.
   */
  appendLater(transactions: readonly Uint8Array[], timeMs: number, done: (error: Error | undefined) => void): void {
    const written = this.write(transactions, timeMs);
    const start = performance.now();
    fdatasync(this.fd, (cause) => {
      if (cause) {
        done(this.failure(cause));
        return;
      }
      this.written(written, start);
      done(undefined);
    });
  }

  /** Writes the next entry behind the last one; it counts only once it is durable. */
  private write(transactions: readonly Uint8Array[], timeMs: number): { cid: Uint8Array; bytes: number } {
    if (this.broken) throw this.broken;
    const seq = this.lastSeq + 1;
    const body = encodeEntry({
      group: this.group,
      author: this.identity.author,
      seq,
      prev: this.lastCid,
      parents: [],
      lamport: this.lamport + 1,
      time: timeMs,
      transactions,
      ...(seq === 1 && { genesis: { key: this.identity.publicKey, incarnation: this.identity.incarnation } }),
    });
    const cid = cidOf(body, logCrypto);
    const record = encodeRecord(body, this.identity.sign(cid));
    try {
      if (this.size > SEGMENT_HEADER_BYTES && this.size + record.length > SEGMENT_BYTES_MAX) this.openSegment();
      this.allocate(record.length);
      this.dirtyTail = true;
      for (let at = 0; at < record.length;) at += writeSync(this.fd, record, at, record.length - at, this.size + at);
    } catch (cause) {
      throw this.failure(cause);
    }
    return { cid, bytes: record.length };
  }

  /** Cuts what stands behind the last entry. */
  private cutTail(): void {
    if (!this.dirtyTail) return;
    ftruncateSync(this.fd, this.size);
    this.allocated = this.size;
    this.dirtyTail = false;
  }

  private written({ cid, bytes }: { cid: Uint8Array; bytes: number }, start: number): number {
    this.dirtyTail = false;
    this.stats.syncSeconds += (performance.now() - start) / 1000;
    this.stats.entries++;
    this.stats.bytes += bytes;
    this.size += bytes;
    this.lastCid = cid;
    this.lamport++;
    return ++this.lastSeq;
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
}

/** What a check of a whole log covered, or where it failed. */
export interface Verification {
  readonly entries: number;
  readonly transactions: number;
  readonly bytes: number;
  readonly segments: number;
  readonly lastCid: string;
  readonly author: string;
  readonly torn?: { readonly segment: string; readonly offset: number; readonly bytes: number };
  readonly fault?: string;
}

/** Checks every hash, signature and link of a log folder. */
export function verifyLog(dir: string): Verification {
  const verifier = new ChainVerifier(logCrypto);
  const seen = { entries: 0, transactions: 0, bytes: 0, segments: segmentsOf(dir).length, lastCid: '', author: '' };
  let torn: Verification['torn'];
  try {
    for (const { entry, signed, segment, offset } of readLog(
      dir,
      1,
      (s, o, bytes) => (torn = { segment: s, offset: o, bytes }),
    )) {
      const fault = verifier.next(signed, entry);
      if (fault)
        return {
          ...seen,
          fault: `${segment}, byte ${offset}: entry ${fault.seq} fails the check of its ${fault.kind}`,
        };
      seen.entries++;
      seen.transactions += entry.transactions.length;
      seen.bytes += signed.body.length;
      seen.lastCid = hex(signed.cid);
      seen.author = hex(entry.author);
    }
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    return { ...seen, fault: error.message };
  }
  return { ...seen, ...(torn && { torn }) };
}
