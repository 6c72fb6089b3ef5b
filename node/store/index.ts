/** The disk: the log's segment files, the state file, and who this node is. */
export { syncFolder, writeFileDurably } from './files.ts';
export { loadIdentity, logCrypto, type Identity } from './identity.ts';
export {
  DiskFullError,
  LogBrokenError,
  LogDamagedError,
  LogStore,
  readLog,
  segmentsOf,
  verifyLog,
  type StoredEntry,
  type Verification,
} from './log-store.ts';
export {
  registerSortKeys,
  sameValue,
  State,
  STATE_FORMAT,
  StateCorruptError,
  type Row,
  type RowChange,
  type RowId,
} from './state.ts';
