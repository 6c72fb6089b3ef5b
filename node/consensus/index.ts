/** Multi-Paxos: one value for each height, decided by a majority of that height's voters. Pure; see DESIGN.md. */
export { verifyCertificate, type Certificate, type ConsensusCrypto, type Vote } from './certificate.ts';
export {
  decodeCertificate,
  decodeMessage,
  decodeRecord,
  encodeCertificate,
  encodeMessage,
  encodeRecord,
  type Decoded,
} from './codec.ts';
export { Consensus } from './consensus.ts';
export { DEFAULT_TIMING, type ConsensusOptions, type Restored, type Timing } from './options.ts';
export type { DropReason, Effect, Event } from './events.ts';
export { compareBallots, height, nodeId, WINDOW, type Ballot, type Height, type NodeId } from './ids.ts';
export { VALUE_BYTES_MAX, type Accepted, type ConsensusRecord, type Decision, type Message } from './messages.ts';
export { VoterSchedule, VoterSet, type VoterSpan } from './voters.ts';
