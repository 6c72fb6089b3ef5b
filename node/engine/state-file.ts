/** The state file at a start: whether it can be gone on from, or is made anew from the log and what the log begins from. */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import {
  heightOfState,
  mayTrust,
  State,
  StateCorruptError,
  writeFileDurably,
  type LogBase,
  type Snapshots,
} from '../store/index.ts';

/** Lines for the operator. */
export type Notice = (message: string, facts: Readonly<Record<string, unknown>>) => void;

/** What is added to the state file's name for the mark that it is damaged. */
const DAMAGED = '.is-damaged';

/** The state is not what the majority has: the next start keeps its files for inspection, and makes it anew. */
export const markDamaged = (file: string, height: number): void => writeFileDurably(`${file}${DAMAGED}`, `${height}\n`);

/** Before the state is opened: what cannot be trusted goes. */
export function clearState(file: string, notice: Notice): void {
  if (!mayTrust(file)) {
    notice('the machine went down while the node ran: the state is made anew from the log', { file });
    State.remove(file);
  }
  const mark = `${file}${DAMAGED}`;
  if (!existsSync(mark)) return;
  const kept = `${file}.damaged-${readFileSync(mark, 'utf8').trim()}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, kept + suffix);
  rmSync(mark);
  notice('the state was damaged: it is set aside, and made anew from the log', { kept });
}

/**
 * A state that is missing, or older than what the log begins from, begins there, too. Gives what the log begins from. A snapshot of another
 * node that turns out bad is set aside, as long as this node's own log goes back far enough without it.
 */
export function beginFromBase(file: string, snapshots: Snapshots, notice: Notice): LogBase | undefined {
  const { base } = snapshots;
  if (!base) return undefined;
  const { height } = base.manifest;
  if (heightOfState(file) < height) {
    notice('the state begins from a snapshot', { height });
    try {
      snapshots.restore(base, file);
    } catch (error) {
      if (!(error instanceof StateCorruptError)) throw error;
      notice(error.message, {});
      return beginFromBase(file, snapshots, notice);
    }
  }
  return base.manifest;
}
