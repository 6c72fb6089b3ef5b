/**
 * A small file of records that are appended and, now and then, written anew without those that are needed no more: what an
 * acceptor promised and accepted.
 *
 * Record: length (u32) · CRC-32C of the bytes (u32) · bytes; little-endian. Zeros follow the last one: the file grows ahead of its use,
 * so that a vote finds room on a disk that is full. A torn record at the end was never answered for, and is passed over.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { crc32c } from '../log/index.ts';
import { DiskFullError, LogBrokenError } from './errors.ts';
import { syncFolder } from './files.ts';

const HEADER_BYTES = 8;
/** Below this size nothing is written anew. */
const REWRITE_BYTES = 1 << 20;
const ALLOCATION_BYTES = 256 << 10;
const zeros = new Uint8Array(ALLOCATION_BYTES);

export class RecordStore {
  private readonly file: string;
  private fd: number;
  private size = 0;
  private allocated = 0;
  /** What the file held when it was opened. */
  readonly found: Uint8Array[] = [];

  /** Opens or makes the file. */
  constructor(file: string) {
    this.file = file;
    const bytes = existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    while (this.size + HEADER_BYTES <= bytes.length) {
      const start = this.size + HEADER_BYTES;
      const end = start + view.getUint32(this.size, true);
      if (end === start || end > bytes.length || crc32c(bytes, start, end) !== view.getUint32(this.size + 4, true))
        break;
      this.found.push(bytes.slice(start, end));
      this.size = end;
    }
    this.fd = openSync(file, existsSync(file) ? 'r+' : 'w+', 0o600);
    ftruncateSync(this.fd, this.size);
    this.allocated = this.size;
    this.allocate();
    fdatasyncSync(this.fd);
    syncFolder(path.dirname(file));
  }

  /** Durable only after sync(). Throws DiskFullError (nothing is appended) or LogBrokenError. */
  append(record: Uint8Array): void {
    this.size += this.write(this.fd, [record], this.size);
    if (this.size > this.allocated - ALLOCATION_BYTES / 2) this.allocate();
  }

  private allocate(): void {
    try {
      this.allocated = this.size + writeSync(this.fd, zeros, 0, zeros.length, this.size);
    } catch (cause) {
      if (!isFull(cause)) throw broken(cause);
    }
  }

  private write(fd: number, records: readonly Uint8Array[], at: number): number {
    const bytes = Buffer.concat(records.flatMap((record) => [header(record), record]));
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
    } catch (cause) {
      if (isFull(cause)) throw new DiskFullError('no space is left for the consensus records', { cause });
      throw broken(cause);
    }
    return bytes.length;
  }

  sync(): void {
    try {
      fdatasyncSync(this.fd);
    } catch (cause) {
      throw broken(cause);
    }
  }

  /** Whether writing it anew is worth while. */
  get isLong(): boolean {
    return this.size > REWRITE_BYTES;
  }

  /** Replaces all records, durably. */
  rewrite(records: readonly Uint8Array[]): void {
    const next = `${this.file}.new`;
    const fd = openSync(next, 'w+', 0o600);
    const size = this.write(fd, records, 0);
    fdatasyncSync(fd);
    renameSync(next, this.file);
    syncFolder(path.dirname(this.file));
    closeSync(this.fd);
    this.fd = fd;
    this.size = size;
    this.allocated = size;
    this.allocate();
  }

  close(): void {
    closeSync(this.fd);
  }
}

function header(record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, record.length, true);
  view.setUint32(4, crc32c(record, 0, record.length), true);
  return bytes;
}

const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');

const broken = (cause: unknown): LogBrokenError =>
  new LogBrokenError(`the disk of the consensus records failed: ${(cause as Error).message}`, { cause });
