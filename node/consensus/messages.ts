/** What nodes say to each other, and what a node writes to its disk. The bytes are in codec.ts. */
import type { Certificate } from './certificate.ts';
import type { Ballot, Height, NodeId } from './ids.ts';

/** Heights in flight that an acceptor holds above its chosen watermark; past it, it first learns what was chosen. */
export const ACCEPT_AHEAD = 32;
export const VALUE_BYTES_MAX = 256 << 10;
/** Bounds of one `decisions` answer; a single value may pass the second. */
export const BATCH_DECISIONS_MAX = 64;
export const BATCH_BYTES_MAX = 512 << 10;

/** A value that an acceptor accepted. */
export interface Accepted {
  readonly height: Height;
  readonly ballot: Ballot;
  readonly value: Uint8Array;
}

/** A chosen value with its proof. */
export interface Decision {
  readonly height: Height;
  readonly value: Uint8Array;
  readonly certificate: Certificate;
}

/** `chosen` is everywhere the sender's watermark: it knows every value up to there. */
export type Message =
  /** Would you promise me this ballot? Changes nothing. */
  | { readonly kind: 'pre-vote'; readonly ballot: Ballot; readonly chosen: Height }
  | { readonly kind: 'pre-vote-reply'; readonly ballot: Ballot; readonly granted: boolean; readonly chosen: Height }
  /** Phase 1a, for all heights above `chosen` at once. */
  | { readonly kind: 'prepare'; readonly ballot: Ballot; readonly chosen: Height }
  /** Phase 1b: all that the sender accepted above both watermarks. */
  | {
      readonly kind: 'promise';
      readonly ballot: Ballot;
      readonly chosen: Height;
      readonly accepted: readonly Accepted[];
    }
  /** Phase 2a. */
  | { readonly kind: 'accept'; readonly ballot: Ballot; readonly height: Height; readonly value: Uint8Array }
  /** Phase 2b. The signature is a vote of the certificate. */
  | { readonly kind: 'accepted'; readonly ballot: Ballot; readonly height: Height; readonly signature: Uint8Array }
  /** `ballot` came too late: the sender follows `promised`. */
  | { readonly kind: 'nack'; readonly ballot: Ballot; readonly promised: Ballot }
  /** Chosen. Voters have the value from the accept; learners get it here. */
  | {
      readonly kind: 'chosen';
      readonly height: Height;
      readonly hash: Uint8Array;
      readonly certificate: Certificate;
      readonly value: Uint8Array | undefined;
    }
  /** The leader lives. `ack` asks for an answer: the leader counts who hears it. */
  | { readonly kind: 'heartbeat'; readonly ballot: Ballot; readonly chosen: Height; readonly ack: boolean }
  | { readonly kind: 'heartbeat-ack'; readonly ballot: Ballot; readonly chosen: Height }
  /** A leader that votes no longer goes; `successor` may campaign at once. */
  | { readonly kind: 'resign'; readonly ballot: Ballot; readonly successor: NodeId }
  | { readonly kind: 'ask-chosen'; readonly from: Height }
  /** The answer: heights that follow each other from the one asked for. */
  | { readonly kind: 'decisions'; readonly chosen: Height; readonly decisions: readonly Decision[] }
  /** The answer when the sender keeps nothing that old. */
  | { readonly kind: 'pruned'; readonly oldest: Height };

/** One line of the acceptor's disk. */
export type ConsensusRecord =
  | { readonly kind: 'promise'; readonly ballot: Ballot }
  /** Also a promise of its ballot. */
  | { readonly kind: 'accepted'; readonly accepted: Accepted }
  | { readonly kind: 'chosen'; readonly decision: Decision };
