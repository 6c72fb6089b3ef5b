/** The disk: the log's segment files, the state file, and who this node is. */
export { ChangeList, inverse, sameValue, type Intent, type Row, type RowChange, type RowId } from './changes.ts';
export { DiskFullError, LogBrokenError, LogDamagedError, StateCorruptError, TakenBackError } from './errors.ts';
export { makeFolder, syncFile, syncFolder, writeFileDurably } from './files.ts';
export { lockFolder } from './folder-lock.ts';
export { loadIdentity, logCrypto, renewIncarnation, type Identity } from './identity.ts';
export { addDigests, digestBytes, NO_DIGEST, rowHash, sameDigest, subtractDigests } from './digest.ts';
export { againItem, asideItem, blockItem, entryItemInSteps, type LogItem } from './log-items.ts';
export { LogStore, type SealedEntry } from './log-store.ts';
export { RecordStore } from './record-store.ts';
export { Reserve } from './reserve.ts';
export { nextOfClass, type KeyClass } from './counters.ts';
export {
  CONFLICT_COLUMNS,
  isConstraintError,
  registerSortKeys,
  State,
  STATE_FORMAT,
  type StatePosition,
} from './state.ts';
export type { TableVersion } from './stored-catalog.ts';
export type { LogBase } from './log-index.ts';
export { heightOfState, Snapshots, type IncomingSnapshot, type Snapshot, type SnapshotManifest } from './snapshots.ts';
export { readLog, segmentsOf, type StoredBlock, type StoredEntry, type StoredRecord } from './segments.ts';
export { forgetNewest } from './stored-rows.ts';
export { hashOf } from './table-digests.ts';
export { markClean, markOpen, mayTrust } from './trust.ts';
export { verifyLog, type Verification } from './verify-log.ts';
