/** One group on one node: log, order, blocks and state joined. */
export { systemClock, type Clock } from './clock.ts';
export { ConsensusDecider, type DeciderOptions } from './decider.ts';
export { EQUIVOCATION, NOT_ENDED, type Equivocation } from './fork-exchange.ts';
export { Peering, type PeeringNetwork, type PeerProgress } from './peering.ts';
export { StoppedError, type Slices, type Slicing } from './gate.ts';
export type { Decider, Machine, ReplicaEvents } from './ports.ts';
export { Replica, type Fatal, type ReplicaOptions } from './replica.ts';
export type { SnapshotPort } from './snapshot-exchange.ts';
export {
  APPLIED,
  GroupTransaction,
  RejectedError,
  type Dropped,
  type Met,
  type Outcome,
  type RejectReason,
  type Run,
} from './transaction.ts';
