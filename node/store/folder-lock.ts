/**
 * One process a folder. An open SQLite transaction on a file of its own holds the lock: the system frees it when the process
 * ends, however it ends. The number in the file `lock` is for people only.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Returns what frees the folder; undefined, with the other process's number, when it is taken. */
export function lockFolder(dir: string): { readonly unlock: () => void } | { readonly takenBy: string } {
  const file = path.join(dir, 'lock');
  const db = new DatabaseSync(`${file}.sqlite`, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    const { errcode } = error as { errcode?: number };
    if (errcode === undefined || errcode % 256 !== SQLITE_BUSY) throw error;
    return { takenBy: numberIn(file) };
  }
  try {
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // A full disk has no room for the number.
  }
  return {
    unlock: () => {
      rmSync(file, { force: true });
      db.close();
    },
  };
}

const SQLITE_BUSY = 5;

function numberIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
