/**
 * The end of a log's segment files: records are written there and made durable.
 *
 * A write that fails for want of space leaves the file as it was, and the next one tries anew; any other failure of the disk ends the log
 * for good (LogBrokenError), because after a failed fsync nobody knows what the disk holds.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { SEGMENT_HEADER_BYTES, segmentHeader, segmentName } from '../log/index.ts';
import { DiskFullError, LogBrokenError } from './errors.ts';
import { syncFolder } from './files.ts';
import { placeOf, type Place } from './log-index.ts';
import { segmentsOf } from './segments.ts';

const SEGMENT_BYTES_MAX = 64 << 20;
const SEGMENT_BYTES_LEAST = 1 << 20;
/** How far a segment file grows ahead: fdatasync of a file that grows costs half as much again. */
const ALLOCATION_BYTES = 1 << 20;
/** So much is written beside this thread. */
export const LARGE_BYTES = 1 << 20;
const zeros = new Uint8Array(ALLOCATION_BYTES);

const isFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
};

export class SegmentWriter {
  private readonly dir: string;
  /** A segment that has so much takes no more. */
  segmentBytes = SEGMENT_BYTES_MAX;
  allocationBytes = ALLOCATION_BYTES;
  /** The newest segment, by its number. */
  segment = 0;
  private fd = -1;
  /** Where its durable records end. */
  private size = 0;
  /** Length of the file: zeros from `size` on. */
  private allocated = 0;
  /** Bytes behind `size` that a write has left, or may have where it failed. */
  private written = 0;
  /** When that write was done. */
  private writtenMs = 0;
  private broken: LogBrokenError | undefined;
  readonly stats = { bytes: 0, syncSeconds: 0 };

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Goes on where the records of the last segment end; what is torn behind them goes. */
  open(end: number, isTorn: boolean): void {
    const last = segmentsOf(this.dir).at(-1);
    this.segment = last?.number ?? 0;
    if (!last || end < SEGMENT_HEADER_BYTES) {
      if (last) {
        unlinkSync(path.join(this.dir, last.name));
        this.segment--;
      }
      this.openSegment();
      return;
    }
    this.fd = openSync(path.join(this.dir, last.name), 'r+');
    this.size = end;
    this.allocated = isTorn ? end : fstatSync(this.fd).size;
    if (!isTorn) return;
    ftruncateSync(this.fd, end);
    fdatasyncSync(this.fd);
  }

  close(): void {
    if (this.fd < 0) return;
    // Gives back what was allocated ahead.
    if (this.allocated > this.size) ftruncateSync(this.fd, this.size);
    closeSync(this.fd);
    this.fd = -1;
  }

  /** Only whole segments are pruned: so many bytes of log are to be kept that way. */
  prunesTo(bytes: number): void {
    this.segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_LEAST, Math.floor(bytes / 4)));
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
    this.close();
    this.fd = fd;
    this.segment++;
    this.size = SEGMENT_HEADER_BYTES;
    this.allocated = SEGMENT_HEADER_BYTES;
  }

  /** Grows the file ahead of a write that would pass its end. A disk without room for that may still have room for the records. */
  private allocate(bytes: number): void {
    if (this.size + bytes <= this.allocated) return;
    try {
      const grown = writeSync(this.fd, zeros, 0, this.allocationBytes, this.size + bytes);
      this.allocated = this.size + bytes + grown;
      // Too little for all of it: what is left belongs to the records.
      if (grown < this.allocationBytes) this.cut();
    } catch (cause) {
      if (!isFull(cause)) throw cause;
      this.cut();
    }
  }

  /** Cuts what stands behind the durable records. */
  private cut(): void {
    ftruncateSync(this.fd, this.size);
    this.allocated = this.size;
  }

  /** Writes records behind the last one; they count once sync() has made them durable. Throws DiskFullError or LogBrokenError. */
  write(records: Uint8Array): void {
    this.prepare(records.length);
    try {
      for (let at = 0; at < records.length;) at += writeSync(this.fd, records, at, records.length - at, this.size + at);
    } catch (cause) {
      throw this.failure(cause);
    }
    this.writtenMs = performance.now();
  }

  /** Makes what was written durable; gives the place of the first record. Throws like write(). */
  sync(): Place {
    try {
      fdatasyncSync(this.fd);
    } catch (cause) {
      throw this.failure(cause);
    }
    return this.synced();
  }

  /**
   * As write() and sync(), but the disk works while the caller goes on. `written` is called where there was room for the records, `done` is
   * told the place of the first one, or what the two would have thrown. Throws when small records cannot even be written.
   */
  writeLater(records: Uint8Array, written: () => void, done: (error: Error | undefined, place: Place) => void): void {
    if (records.length < LARGE_BYTES) {
      this.write(records);
      this.syncLater(done);
      written();
      return;
    }
    this.prepare(records.length);
    const writeOn = (at: number): void => {
      write(this.fd, records, at, records.length - at, this.size + at, (cause, bytes) => {
        if (cause) {
          done(this.failure(cause), 0);
        } else if (at + bytes < records.length) {
          writeOn(at + bytes);
        } else {
          this.writtenMs = performance.now();
          this.syncLater(done);
          written();
        }
      });
    };
    writeOn(0);
  }

  private syncLater(done: (error: Error | undefined, place: Place) => void): void {
    fdatasync(this.fd, (cause) => {
      if (cause) done(this.failure(cause), 0);
      else done(undefined, this.synced());
    });
  }

  /** Makes room behind the last record. */
  private prepare(bytes: number): void {
    if (this.broken) throw this.broken;
    try {
      if (this.size > SEGMENT_HEADER_BYTES && this.size + bytes > this.segmentBytes) this.openSegment();
      this.allocate(bytes);
      this.written = bytes;
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  private synced(): Place {
    this.stats.syncSeconds += (performance.now() - this.writtenMs) / 1000;
    this.stats.bytes += this.written;
    const place = placeOf(this.segment, this.size);
    this.size += this.written;
    this.written = 0;
    return place;
  }

  private failure(cause: unknown): Error {
    if (isFull(cause)) {
      // At once: a whole record that stayed behind would come back after a crash, although its clients were refused.
      try {
        if (this.written > 0) this.cut();
        this.written = 0;
      } catch (second) {
        return this.failure(second);
      }
      return new DiskFullError('no space is left for the log', { cause });
    }
    this.broken = new LogBrokenError(`the log's disk failed: ${(cause as Error).message}`, { cause });
    return this.broken;
  }
}
