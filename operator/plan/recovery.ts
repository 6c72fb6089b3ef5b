/** A group that lost the majority of its voters for good is given up by order, and a member of it begins a new one with its data. */
import type { Action, Notice } from './actions.ts';
import { answeringVoters, type Group, heightOf } from './group.ts';
import type { NodeStatus, Observed } from './observed.ts';

export interface RecoveryPlan {
  readonly actions: readonly Action[];
  readonly notices?: readonly Notice[];
  readonly trouble?: { readonly reason: 'NoMajority' | 'RecoveryRefused'; readonly message: string };
}

/** A majority that only takes its time is not lost. */
const LEADERLESS_MS = 60_000;

/** The new group that was ordered, once it is there, as its first member tells it. */
export function successorOf({ cluster, pods }: Observed): NodeStatus | undefined {
  const survivor = cluster.spec.recovery?.survivor;
  if (survivor === undefined || survivor.group !== cluster.status?.founder) return undefined;
  return pods.find(
    ({ status }) =>
      status?.founder !== undefined &&
      status.predecessor?.founder === survivor.group &&
      status.predecessor.member === survivor.member,
  )?.status;
}

/** Undefined where nothing was ordered, or it was done. */
export function planRecovery(observed: Observed, group: Group): RecoveryPlan | undefined {
  const { founder, predecessor, nodes } = group;
  const survivor = observed.cluster.spec.recovery?.survivor;
  if (survivor === undefined || founder === undefined || survivor.group === predecessor) return undefined;
  if (survivor.group !== founder) return refused('spec.recovery.survivor.group is not status.founder');
  const successor = successorOf(observed);
  if (successor?.founder !== undefined) {
    const note = `the group of ${founder} is given up: that of ${successor.founder} goes on with the data of a member of it`;
    return { actions: [], notices: [{ type: 'Warning', reason: 'GroupReplaced', note }] };
  }
  if (group.leader !== undefined) return refused(`the group has a leader, ${group.leader}: it is not lost`);
  const own = nodes.filter(({ status }) => status?.founder === founder);
  const node = own.find(({ status }) => status?.id === survivor.member);
  if (node?.status === undefined) return refused(`no pod that answers is the member ${survivor.member}`);
  if (node.phase === 'Removed') return refused(`${node.name} was removed from the group`);
  const answering = answeringVoters(observed, group);
  if (answering.isMajority) return refused(`${answering.text}: no majority is lost`);
  const newer = own.find(({ status }) => heightOf(status) > heightOf(node.status));
  if (newer)
    return refused(
      `${newer.name} has block ${heightOf(newer.status)}, and ${node.name} only block ${heightOf(node.status)}: less is lost with ${newer.name}`,
    );
  const { recoveryFault } = node.status;
  if (recoveryFault !== undefined)
    return refused(
      `${node.name} could not: ${recoveryFault}. When that is mended, delete the pod, and it is tried again`,
    );
  const starting = nodes.find(({ phase }) => phase === 'Starting');
  if (starting) return waits(`${starting.name} is starting and may yet answer`);
  if (observed.leaderlessMs < LEADERLESS_MS) return waits('it is begun when no leader has been known for a minute');
  const { member, leave = [] } = survivor;
  return { actions: [{ kind: 'recover', pod: node.name, id: member, founder, leave }] };
}

const refused = (why: string): RecoveryPlan => ({
  actions: [],
  trouble: { reason: 'RecoveryRefused', message: `nothing is done of spec.recovery: ${why}` },
});

const waits = (why: string): RecoveryPlan => ({
  actions: [],
  trouble: { reason: 'NoMajority', message: `spec.recovery waits: ${why}` },
});
