/** What a Consensus is given once. */
import type { ConsensusCrypto } from './certificate.ts';
import type { Height, NodeId } from './ids.ts';
import type { ConsensusRecord } from './messages.ts';
import type { VoterSpan } from './voters.ts';

export interface Timing {
  /** Between two heartbeats of a leader. */
  readonly heartbeatMs: number;
  /**
   * Between two campaigns of a voter without a leader: once to twice this long, drawn anew each time. A leader that reaches no
   * majority for this long stops.
   */
  readonly electionMs: number;
  /**
   * A leader that is silent for this long is given up by its voters, and voters by a leader, though nobody told that the link is
   * down: a node may be busy for seconds with one statement, and another leader would not be faster.
   */
  readonly silenceMs: number;
  /** After this long without an answer an accept is sent again. */
  readonly resendMs: number;
}

export const DEFAULT_TIMING: Timing = { heartbeatMs: 50, electionMs: 1000, silenceMs: 30_000, resendMs: 200 };

export interface ConsensusOptions {
  readonly self: NodeId;
  /** Votes are bound to it. */
  readonly group: string;
  readonly crypto: ConsensusCrypto;
  /** Uniform in [0, 1): spreads the campaigns of voters in time, nothing else. */
  readonly random: () => number;
  readonly timing: Timing;
  /** WINDOW, or what all nodes of a simulation have in its place. */
  readonly window: number;
  /** Decisions below the applied height that are kept for those who missed them. */
  readonly historyHeights: number;
}

/** Where a node goes on from. */
export interface Restored {
  /** The durable applied state's height, 0 at first, and the voter spans that were kept with it. */
  readonly applied: Height;
  readonly spans: readonly VoterSpan[];
  /** Everything that `persist` made durable, in any order. */
  readonly records: readonly ConsensusRecord[];
  /** The disk is known to be a copy or to have lost writes: listen, never vote. */
  readonly abstain: boolean;
}
