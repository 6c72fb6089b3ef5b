/** Anti-entropy: how nodes come to hold the same log entries. Pure; see DESIGN.md. */
export {
  decodeMessage as decodeSyncMessage,
  encodeMessage as encodeSyncMessage,
  type Decoded as DecodedSyncMessage,
} from './codec.ts';
export { DEFAULT_SYNC_TIMING, Sync, type SyncOptions, type SyncTiming } from './sync.ts';
export {
  AUTHOR_BYTES,
  authorId,
  ENTRY_BYTES_MAX,
  SEQ_MAX,
  type AuthorId,
  type Effect as SyncEffect,
  type Event as SyncEvent,
  type Frontier,
  type Message as SyncMessage,
  type Range,
  type Run,
  type SyncEntry,
} from './types.ts';
