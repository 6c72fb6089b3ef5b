/** The group as its members tell it, and each pod's part in it. */
import type { NodePhase } from '../api/index.ts';
import type { MemberSeen, NodeStatus, Observed, PodSeen } from './observed.ts';

/** Entries on the way are no lag. */
const SYNC_ENTRIES = 64;
/** Nodes are asked a few milliseconds apart, and blocks come that quickly. */
const SYNC_BLOCKS = 256;
/** A pod this young that says nothing is only starting. */
export const STARTING_MS = 120_000;

export interface Node extends PodSeen {
  readonly phase: NodePhase;
  /** As the group knows it. */
  readonly member: MemberSeen | undefined;
}

export interface Group {
  readonly founder: string | undefined;
  /** Founder of the group that was given up for this one. */
  readonly predecessor: string | undefined;
  /** The member that is asked and told: it is in the group, and knows a leader. */
  readonly speaker: (PodSeen & { readonly status: NodeStatus }) | undefined;
  /** Those of this cluster; a group may have others elsewhere. */
  readonly members: readonly MemberSeen[];
  readonly nodes: readonly Node[];
  /** Name of the member that proposes blocks. */
  readonly leader: string | undefined;
}

type Serving = PodSeen & { readonly status: NodeStatus };

const isServing = (pod: PodSeen): pod is Serving =>
  pod.status !== undefined && ['serving', 'draining', 'drained'].includes(pod.status.phase);

export const heightOf = (status: NodeStatus | undefined): number => status?.final?.height ?? 0;

export function groupOf({ cluster, pods }: Observed): Group {
  const founder = cluster.status?.founder;
  const own = pods.filter(isServing).filter(({ status }) => founder === undefined || status.founder === founder);
  const speaker = own
    .filter(
      ({ status }) => status.leader !== undefined && !own.some((other) => other.status.removed?.includes(status.id)),
    )
    .sort(
      (a, b) =>
        Number(b.status.phase === 'serving') - Number(a.status.phase === 'serving') ||
        heightOf(b.status) - heightOf(a.status) ||
        a.ordinal - b.ordinal,
    )[0];
  const members = (speaker?.status.members ?? []).filter(({ name }) => isOwn(cluster, name));
  // In one order, whichever they were heard of in: what is said of them would else change for nothing.
  const nodes = pods
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .map((pod) => {
      const member = members.find(({ name }) => name === pod.name);
      return { ...pod, member, phase: phaseOf(pod, member, founder, speaker) };
    });
  const predecessor = own.find(({ status }) => status.predecessor)?.status.predecessor?.founder;
  return {
    founder,
    predecessor: predecessor ?? cluster.status?.predecessor,
    speaker,
    members,
    nodes,
    leader: speaker?.status.leader,
  };
}

function phaseOf(
  pod: PodSeen,
  member: MemberSeen | undefined,
  founder: string | undefined,
  speaker: Serving | undefined,
): NodePhase {
  const { status } = pod;
  if (status === undefined) return pod.ageMs < STARTING_MS && !pod.isReady ? 'Starting' : 'Unreachable';
  if (status.phase === 'waiting') return 'Waiting';
  if (status.phase === 'joining' || status.phase === 'starting') return 'Joining';
  if (founder !== undefined && status.founder !== founder) return 'Stranger';
  if (status.phase === 'removed' || speaker?.status.removed?.includes(status.id) === true) return 'Removed';
  if (speaker === undefined || member === undefined || member.id !== status.id) return 'CatchingUp';
  const isBehind =
    (status.lag?.entries ?? 0) > SYNC_ENTRIES ||
    heightOf(status) + SYNC_BLOCKS < heightOf(speaker.status) ||
    (speaker.name !== pod.name && (!member.up || member.lagEntries > SYNC_ENTRIES));
  return isBehind ? 'CatchingUp' : 'InSync';
}

/** Whether those who decide answer by a majority, as far as anybody knows who they are. */
export function answeringVoters(
  { cluster }: Observed,
  { speaker, nodes }: Group,
): { readonly isMajority: boolean; readonly text: string } {
  const newest = nodes
    .flatMap(({ status, phase }) => (status?.members === undefined || phase === 'Stranger' ? [] : [status]))
    .reduce<NodeStatus | undefined>((a, b) => (a && heightOf(a) >= heightOf(b) ? a : b), undefined);
  const voters = (speaker?.status ?? newest)?.members?.filter(({ voter }) => voter) ?? [];
  const count = voters.filter(({ name, up }) =>
    isOwn(cluster, name) ? nodes.some((node) => node.name === name && answers(node)) : up,
  ).length;
  return { isMajority: count * 2 > voters.length, text: `${count} of ${voters.length} members that decide answer` };
}

/** A node that is busy may be late with an answer. */
const PATIENCE_MS = 10_000;

const answers = ({ phase, status, isReady, silentMs }: Node): boolean =>
  status === undefined ? isReady && silentMs < PATIENCE_MS : phase === 'InSync' || phase === 'CatchingUp';

/** A member of a group may live elsewhere, under another cluster's name. */
const isOwn = ({ metadata }: Observed['cluster'], member: string): boolean =>
  member === `${metadata.name}-${ordinalOf(member)}`;

export const ordinalOf = (name: string): number => Number(/-([0-9]+)$/.exec(name)?.[1] ?? NaN);
