/** What goes into a Consensus and what comes out of it: plain data. */
import type { Certificate } from './certificate.ts';
import type { Ballot, Height, NodeId } from './ids.ts';
import type { ConsensusRecord, Message } from './messages.ts';
import type { VoterSpan } from './voters.ts';

export type Event =
  /** First of all, once. */
  | { readonly kind: 'start'; readonly nowMs: number }
  /** Twice a heartbeat or more often. `nowMs` may jump; it decides nothing but when to try. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** `from` is who the transport proved it to be. */
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: Message }
  /** Everybody who hosts the group, voters or not: they hear what is chosen, and nobody else is listened to. */
  | { readonly kind: 'members'; readonly nodes: readonly NodeId[] }
  /**
   * The transport made or lost its connection to a node. Where the one that is lost leads, its silence need not be waited for; where
   * nobody leads, the one that is there may be the vote that was missing.
   */
  | { readonly kind: 'link'; readonly node: NodeId; readonly up: boolean }
  /**
   * Answers `want-value`. Too late, it is ignored, and its value may be proposed again. `held`: this node holds, durably, what the
   * value names; where it does not yet, it is asked by `validate` for its own vote, while the others' disks work already.
   */
  | { readonly kind: 'propose'; readonly height: Height; readonly value: Uint8Array; readonly held: boolean }
  /** Answers `validate`: this node now holds, durably, what the value names (ok), or never will. May come late or never. */
  | { readonly kind: 'validated'; readonly height: Height; readonly ballot: Ballot; readonly ok: boolean }
  /** The block is applied; by it, `voters` decide height + WINDOW. In order, each height once. */
  | { readonly kind: 'applied'; readonly height: Height; readonly voters: readonly NodeId[] }
  /** A decision that came by another way. */
  | {
      readonly kind: 'chosen-known';
      readonly height: Height;
      readonly value: Uint8Array;
      readonly certificate: Certificate;
    }
  /** Who was to listen only, since it had given its data away, knows now all that was decided while it may have voted: it votes. */
  | { readonly kind: 'vote' }
  /** The state was replaced by one at `height`, with the voters that go with it. */
  | { readonly kind: 'snapshot'; readonly height: Height; readonly spans: readonly VoterSpan[] };

export type DropReason =
  /** Neither a member nor a voter. */
  | 'stranger'
  /** A ballot that is not the sender's, or this node's own name. */
  | 'impostor'
  /** A vote or certificate that does not verify. */
  | 'signature'
  /** Two values for one height and ballot. */
  | 'equivocation'
  /** A height that this node is too far behind for. */
  | 'height'
  /** A value larger than VALUE_BYTES_MAX. */
  | 'size';

/** To be executed in order, across steps too. */
export type Effect =
  /**
   * Append to the acceptor's disk. With `sync`, nothing that follows may be executed before the record, and all before it,
   * is durable; without, it may be lost in a crash (but not written out of order).
   */
  | { readonly kind: 'persist'; readonly record: ConsensusRecord; readonly sync: boolean }
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  | { readonly kind: 'validate'; readonly height: Height; readonly ballot: Ballot; readonly value: Uint8Array }
  /**
   * This leader may propose at `height`, when there is something to propose; `urgent`: now, be it an empty value, because
   * a change of voters or a height decided in part waits for it. May be repeated for a height to become urgent.
   */
  | { readonly kind: 'want-value'; readonly height: Height; readonly urgent: boolean }
  /** Every height once, in order, from the one after the applied height that the node started with. */
  | {
      readonly kind: 'chosen';
      readonly height: Height;
      readonly value: Uint8Array;
      readonly certificate: Certificate;
    }
  /** Who leads, as far as this node knows. An open `want-value` is void by it: this node asks anew if it still leads. */
  | { readonly kind: 'leader'; readonly node: NodeId | undefined; readonly ballot: Ballot }
  /** Records of heights up to here are needed no more, once the applied state is durable at that height. */
  | { readonly kind: 'truncate'; readonly upTo: Height }
  /** `peer` keeps decisions from `oldest` on only: this node has to load a snapshot at oldest − 1 or later. */
  | { readonly kind: 'need-snapshot'; readonly peer: NodeId; readonly oldest: Height }
  | { readonly kind: 'dropped'; readonly from: NodeId; readonly reason: DropReason }
  /**
   * A certificate holds a vote of this node that its disk knows nothing of: the disk is an old copy. It votes no more;
   * it must come back under a new id that the voters have admitted.
   */
  | { readonly kind: 'amnesia'; readonly height: Height };
