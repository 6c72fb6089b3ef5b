/** Names and numbers of the protocol. */

declare const nodeIdBrand: unique symbol;
declare const heightBrand: unique symbol;

/** Who votes: the hex of a raw Ed25519 public key. An acceptor that lost its records comes back under another id. */
export type NodeId = string & { readonly [nodeIdBrand]: true };

/** Place of a decision: 1, 2, 3 …; 0 stands for "before the first". */
export type Height = number & { readonly [heightBrand]: true };

export const nodeId = (text: string): NodeId => text as NodeId;

/** Throws RangeError for what is no height: heights that peers send are checked by the codec before. */
export function height(value: number): Height {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no height`);
  return value as Height;
}

export const next = (value: Height): Height => height(value + 1);

/**
 * The voters of height h follow from the block at h − WINDOW: so far ahead of what it applied a node can tell whether a decision
 * is one, and so many it fetches at once; and so many heights a change of voters waits. Part of the protocol: nodes with
 * different windows would count different voters.
 */
export const WINDOW = 64;

/** A proposer's number. Rounds order ballots; the node breaks ties, so that no two proposers ever share a ballot. */
export interface Ballot {
  readonly round: number;
  readonly node: NodeId;
}

/** Below every ballot that a node makes. */
export const NO_BALLOT: Ballot = { round: 0, node: nodeId('') };

export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.round !== b.round) return a.round - b.round;
  return a.node < b.node ? -1 : a.node > b.node ? 1 : 0;
}

export const maxBallot = (a: Ballot, b: Ballot): Ballot => (compareBallots(a, b) < 0 ? b : a);
