/** What the operator saw of a cluster: all that a plan is made of. */
import type { ClusterObject } from '../specs/index.ts';
import type { KubeObject } from '../specs/index.ts';

/** What a node says of itself at /v1/status, as far as plans need it. */
export interface NodeStatus {
  /** `waiting`, `joining` and `starting` say nothing of a group; the others do. */
  readonly phase: 'waiting' | 'joining' | 'starting' | 'serving' | 'draining' | 'drained' | 'removed';
  readonly id: string;
  readonly version?: string;
  /** Public key of the first member of its group. */
  readonly founder?: string;
  readonly leader?: string;
  readonly members?: readonly MemberSeen[];
  /** The group, by its founder, and the member of it with whose data this one began. */
  readonly predecessor?: { readonly founder: string; readonly member: string };
  /** Why it could not begin a new group with its data. */
  readonly recoveryFault?: string;
  /** Public keys of those that were members once. */
  readonly removed?: readonly string[];
  readonly lag?: { readonly entries?: number };
  /** Transactions that no block has ordered yet. */
  readonly tentative?: number;
  readonly final?: { readonly height?: number };
  /** Global variables that can change while the node runs. */
  readonly variables?: Readonly<Record<string, string | number>>;
}

export interface MemberSeen {
  readonly name: string;
  readonly id: string;
  readonly voter: boolean;
  readonly up: boolean;
  /** Entries that the node has and this member, as far as it knows, has not. */
  readonly lagEntries: number;
}

export interface PodSeen {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly isReady: boolean;
  readonly isTerminating: boolean;
  /** Revision of the StatefulSet's template that it was made of. */
  readonly revision: string | undefined;
  readonly ageMs: number;
  /** What its node says; undefined when it says nothing. */
  readonly status: NodeStatus | undefined;
  /** For how long its node has said nothing. */
  readonly silentMs: number;
  /** For how long it has not been in sync. */
  readonly behindMs: number;
}

export interface Observed {
  readonly cluster: ClusterObject;
  /** Everything in the namespace that carries the cluster's label, by `Kind/name`; pods apart. */
  readonly objects: ReadonlyMap<string, KubeObject>;
  readonly pods: readonly PodSeen[];
  /** For how long no node that answers has known a leader of the group. */
  readonly leaderlessMs: number;
  /** Kinds of others that exist here: PodMonitor, PrometheusRule, Certificate. */
  readonly kinds: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Settings {
  readonly operatorVersion: string;
  /** Image of clusters whose manifest names none. */
  readonly image: string;
}
