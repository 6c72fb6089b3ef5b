/** What is exchanged, and the words for it. */
import type { NodeId } from '../consensus/index.ts';

declare const authorIdBrand: unique symbol;

/** The hex of an author's 32-byte id. */
export type AuthorId = string & { readonly [authorIdBrand]: true };

export const authorId = (hex: string): AuthorId => hex as AuthorId;

export const AUTHOR_BYTES = 32;
/** Far above what can be reached, far below where additions lose digits. */
export const SEQ_MAX = 2 ** 48;

/** An entry as it travels: its signed bytes are opaque here. */
export interface SyncEntry {
  readonly author: AuthorId;
  /** 1, 2, 3 … of this author. */
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** Entries of one author that follow each other: `entries[i]` has seq `from + i`. */
export interface Run {
  readonly author: AuthorId;
  readonly from: number;
  readonly entries: readonly Uint8Array[];
}

/** For each author, the highest seq up to which everything is there. */
export type Frontier = ReadonlyMap<AuthorId, number>;

/** Both ends included. */
export interface Range {
  readonly author: AuthorId;
  readonly from: number;
  readonly to: number;
}

/** An entry larger than this is refused; so is a message, which holds one such entry at most. */
export const ENTRY_BYTES_MAX = 300 << 20;
/** One message of entries, unless a single entry is larger. */
export const CHUNK_BYTES = 1 << 20;
/** What one `ask` may bring. */
export const ASK_BYTES_MAX = 4 << 20;
export const ASK_RANGES_MAX = 256;
/** Questions to one peer that are open at a time. */
export const ASKS_PER_PEER = 2;
/** Pushed to a peer and not acknowledged; past it the peer has to ask for what it misses. */
export const PUSH_WINDOW_BYTES = 4 << 20;
/** Delivered (or asked for) and not yet durable. */
export const INBOX_BYTES_MAX = 32 << 20;

export type Message =
  /** Of the sender's durable frontier: where it differs from the receiver's, they exchange frontiers. */
  | { readonly kind: 'hash'; readonly hash: Uint8Array }
  /** All of it; `ask`: and tell me yours. */
  | { readonly kind: 'frontier'; readonly frontier: Frontier; readonly ask: boolean }
  /** What has become durable at the sender. */
  | { readonly kind: 'ack'; readonly frontier: Frontier }
  /** The sender's own entries, fresh. */
  | { readonly kind: 'push'; readonly runs: readonly Run[] }
  | { readonly kind: 'ask'; readonly id: number; readonly ranges: readonly Range[]; readonly bytesMax: number }
  /** Part of the answer to an `ask`; `last`: the end of it, be it that everything is sent or that `bytesMax` is reached. */
  | { readonly kind: 'entries'; readonly id: number; readonly runs: readonly Run[]; readonly last: boolean }
  /** The sender keeps this author's entries from `oldest` on only. */
  | { readonly kind: 'pruned'; readonly author: AuthorId; readonly oldest: number };

export type Event =
  | { readonly kind: 'tick'; readonly nowMs: number }
  | { readonly kind: 'peer-up'; readonly peer: NodeId }
  | { readonly kind: 'peer-down'; readonly peer: NodeId }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: Message }
  /** Entries up to here are on this node's disk, its own and others': only what changed. */
  /** `isAwaited`: somebody waits until others hear of it. */
  | { readonly kind: 'durable'; readonly frontier: Frontier; readonly isAwaited: boolean }
  /** The author's entries behind `seq` count here no more, or others do in their place: they are as if they were not here. */
  | { readonly kind: 'cut-back'; readonly author: AuthorId; readonly seq: number }
  /** Own entries, fresh: written, and durable soon. */
  | { readonly kind: 'local'; readonly entries: readonly SyncEntry[] }
  /**
   * Answers the effect `read` with entries that follow each other from `fromSeq`, at least one unless they are no longer there:
   * then `oldest` is the first seq that is.
   */
  | {
      readonly kind: 'read';
      readonly request: number;
      readonly entries: readonly Uint8Array[];
      readonly oldest: number | undefined;
    }
  /** The peer's send queue is full, or has room again. */
  | { readonly kind: 'full'; readonly peer: NodeId }
  | { readonly kind: 'drained'; readonly peer: NodeId }
  /**
   * What `deliver` gave was not believed: the author's entries that are delivered and not durable are forgotten here, and by the
   * caller before it feeds anything else. This peer is not asked for this author again while it is connected.
   */
  | { readonly kind: 'refused'; readonly author: AuthorId; readonly from: NodeId }
  /** Somebody said by gossip that this entry exists and that `from` has it. */
  | { readonly kind: 'announced'; readonly author: AuthorId; readonly seq: number; readonly from: NodeId };

export type Effect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  /** Received: each author's entries in order and without gaps, each once (unless refused). Unchecked but for their size. */
  | { readonly kind: 'deliver'; readonly from: NodeId; readonly entries: readonly SyncEntry[] }
  | {
      readonly kind: 'read';
      readonly request: number;
      readonly author: AuthorId;
      readonly fromSeq: number;
      readonly toSeq: number;
      /** May be passed by the first entry only. */
      readonly bytesMax: number;
    }
  /** What a peer says it holds durably: only what changed. */
  | { readonly kind: 'peer-frontier'; readonly peer: NodeId; readonly frontier: Frontier }
  /** Nobody who is connected keeps entries as old as this node needs them; `peer` would have a snapshot. May be repeated. */
  | { readonly kind: 'need-snapshot'; readonly peer: NodeId };
