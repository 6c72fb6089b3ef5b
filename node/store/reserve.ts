/**
 * Room on the disk that is set aside: a file of zeros beside the state. When the disk is full, SQLite cannot end the state's
 * transaction and gives it up; with this room freed, the rows that the log has already promised can be put back and kept.
 */
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

const BYTES_MAX = 16 << 20;
/** No more than this part of a small disk. */
const PART = 16;
const zeros = new Uint8Array(1 << 20);

export class Reserve {
  private readonly file: string;
  private readonly dir: string;
  readonly bytes: number;
  held = false;

  constructor(dir: string) {
    this.dir = dir;
    this.file = path.join(dir, 'reserve');
    const disk = statfsSync(dir);
    this.bytes = Math.min(BYTES_MAX, Math.floor((disk.blocks * disk.bsize) / PART));
  }

  /** Bytes that the disk has left. */
  get free(): number {
    const disk = statfsSync(this.dir);
    return disk.bavail * disk.bsize;
  }

  /** Sets the room aside; false when the disk has not as much again. */
  take(): boolean {
    if (this.held) return true;
    const present = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
    if (present < this.bytes) {
      if (this.free < 2 * this.bytes) return false;
      if (!this.write()) {
        this.release();
        return false;
      }
    }
    this.held = true;
    return true;
  }

  private write(): boolean {
    const fd = openSync(this.file, 'w', 0o600);
    try {
      for (let at = 0; at < this.bytes;) {
        const wrote = writeSync(fd, zeros, 0, Math.min(zeros.length, this.bytes - at), at);
        if (wrote === 0) return false;
        at += wrote;
      }
      return true;
    } catch {
      return false;
    } finally {
      closeSync(fd);
    }
  }

  release(): void {
    this.held = false;
    rmSync(this.file, { force: true });
  }
}
