/** Faults of the disk, as the engine tells them apart. */

/** The log cannot be read as it must be: damage, a gap, a foreign author. `message` says where and what to do. */
export class LogDamagedError extends Error {
  override readonly name = 'LogDamagedError';
}

/** The disk failed in a way that leaves unknown what it holds. The process must end and start again. */
export class LogBrokenError extends Error {
  override readonly name = 'LogBrokenError';
}

/** No room on the disk. Of the log: nothing was appended, and a later append may succeed. Of the state: see State.lost. */
export class DiskFullError extends Error {
  override readonly name: string = 'DiskFullError';
}

/** Rows that were read were of commits that the disk had no room for, and are no more: who reads again sees what is. */
export class TakenBackError extends DiskFullError {
  override readonly name = 'TakenBackError';
}

/** The state file cannot be used; it can be made anew from the log. */
export class StateCorruptError extends Error {
  override readonly name = 'StateCorruptError';
}
