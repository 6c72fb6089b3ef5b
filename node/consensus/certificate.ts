/**
 * Certificates: why anybody may believe that a value was chosen.
 *
 * An acceptor signs what it accepts. Signatures of a majority of a height's voters for one ballot and one value are, by the
 * definition of Paxos, a choice; so whoever knows the voters can check it without asking anybody.
 *
 * Signed bytes: DAG-CBOR array [ "p2pdb accept 1", group, height, round, node, SHA-256 of the value ].
 */
import { CborWriter, sameBytes } from '../log/index.ts';
import type { Ballot, Height, NodeId } from './ids.ts';
import type { VoterSet } from './voters.ts';

/** The cryptography that consensus needs, as a port. */
export interface ConsensusCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  /** By this node's key; the same bytes give the same signature, as with Ed25519. */
  sign(bytes: Uint8Array): Uint8Array;
  /** False for a wrong signature and for a node that is no key. Never throws. */
  verify(node: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** Checks this node's own signatures by making them again, which costs a third of a verification; the newest it remembers. */
export function knowingOwn(crypto: ConsensusCrypto, self: NodeId): ConsensusCrypto {
  let last: { readonly bytes: Uint8Array; readonly signature: Uint8Array } | undefined;
  const sign = (bytes: Uint8Array): Uint8Array => {
    if (!last || !sameBytes(last.bytes, bytes)) last = { bytes, signature: crypto.sign(bytes) };
    return last.signature;
  };
  return {
    sha256: (bytes) => crypto.sha256(bytes),
    sign,
    verify: (node, bytes, signature) =>
      node === self ? sameBytes(sign(bytes), signature) : crypto.verify(node, bytes, signature),
  };
}

export interface Vote {
  readonly node: NodeId;
  readonly signature: Uint8Array;
}

export interface Certificate {
  readonly ballot: Ballot;
  /** By node, ascending, each once. */
  readonly votes: readonly Vote[];
}

const DOMAIN = 'p2pdb accept 1';

export function voteBytes(group: string, height: Height, ballot: Ballot, valueHash: Uint8Array): Uint8Array {
  return new CborWriter(192)
    .array(6)
    .text(DOMAIN)
    .text(group)
    .int(height)
    .int(ballot.round)
    .text(ballot.node)
    .data(valueHash)
    .take();
}

/** True when a majority of `voters` signed `value` at `height` in the certificate's ballot, and nobody else did. */
export function verifyCertificate(
  group: string,
  height: Height,
  value: Uint8Array,
  certificate: Certificate,
  voters: VoterSet,
  crypto: Pick<ConsensusCrypto, 'sha256' | 'verify'>,
): boolean {
  const { ballot, votes } = certificate;
  if (votes.length < voters.majority || votes.length > voters.nodes.length) return false;
  const bytes = voteBytes(group, height, ballot, crypto.sha256(value));
  let before: NodeId | undefined;
  for (const { node, signature } of votes) {
    if (before !== undefined && node <= before) return false;
    if (!voters.has(node) || !crypto.verify(node, bytes, signature)) return false;
    before = node;
  }
  return true;
}
