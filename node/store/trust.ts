/**
 * Whether the state file is what this program left there. It is written without fsync: what a process leaves behind is
 * whole, however it ended, as long as the machine goes on; what a machine leaves behind that lost its power is not. So the
 * boot in which the state is open stands beside it, and goes when it was closed and synced.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { syncFile, syncFolder } from './files.ts';

const markOf = (file: string): string => `${file}.open`;

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** False when the machine went down while the state was open: it is to be made anew from the log. */
export function mayTrust(file: string): boolean {
  try {
    return readFileSync(markOf(file), 'utf8').trim() === bootId();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Before the state is opened for writing. */
export function markOpen(file: string): void {
  writeFileSync(markOf(file), `${bootId()}\n`, { mode: 0o600 });
  const fd = openSync(markOf(file), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncFolder(path.dirname(file));
}

/** After the state was closed. */
export function markClean(file: string): void {
  syncFile(file);
  rmSync(markOf(file), { force: true });
  syncFolder(path.dirname(file));
}
