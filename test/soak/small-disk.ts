/** A disk of one node's own, which can be filled. Only root can make one. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MEGABYTES = 1024;
const block = Buffer.alloc(1 << 16, 1);

/** A node on a full disk may have to end, and says so. */
export const hasNoRoom = (said: string): boolean => /the disk is full|no space is left|[Ff]ree some space/.test(said);

export class SmallDisk {
  private readonly mountPoint: string;
  /** For the node's data. */
  readonly folder: string;

  private constructor(mountPoint: string) {
    this.mountPoint = mountPoint;
    this.folder = path.join(mountPoint, 'data');
  }

  /** Undefined where this user or system may not mount one. */
  static mount(): SmallDisk | undefined {
    const mountPoint = mkdtempSync(path.join(tmpdir(), 'p2pdb-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', mountPoint], { stdio: 'pipe' });
    } catch {
      rmSync(mountPoint, { recursive: true });
      return undefined;
    }
    const disk = new SmallDisk(mountPoint);
    mkdirSync(disk.folder);
    return disk;
  }

  private get filler(): string {
    return path.join(this.mountPoint, 'filler');
  }

  /** Takes all of it, but for some bytes. */
  fill(leave: number): void {
    const fd = openSync(this.filler, 'a');
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.mountPoint);
        const bytes = Math.min(block.length, bavail * bsize - leave);
        if (bytes <= 0 || writeSync(fd, block, 0, bytes) < bytes) return;
      }
    } catch (error) {
      if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
  }

  makeRoom(): void {
    rmSync(this.filler, { force: true });
  }

  /** What was on it goes to a folder where it is to be kept. */
  unmount(keepIn?: string): void {
    if (keepIn !== undefined) execFileSync('cp', ['-r', this.folder, keepIn]);
    execFileSync('umount', [this.mountPoint], { stdio: 'pipe' });
    rmSync(this.mountPoint, { recursive: true });
  }
}
