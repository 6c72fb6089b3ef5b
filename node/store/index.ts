/** The disk: the log's segment files, the state file, and who this node is. */
export { DiskFullError, LogBrokenError, LogDamagedError, StateCorruptError } from './errors.ts';
export { makeFolder, syncFolder, writeFileDurably } from './files.ts';
export { lockFolder } from './folder-lock.ts';
export { loadIdentity, logCrypto, type Identity } from './identity.ts';
export { LogStore, readLog, segmentsOf, verifyLog, type StoredEntry, type Verification } from './log-store.ts';
export { Reserve } from './reserve.ts';
export { registerSortKeys, sameValue, State, STATE_FORMAT, type Row, type RowChange, type RowId } from './state.ts';
export { markClean, markOpen, mayTrust } from './trust.ts';
