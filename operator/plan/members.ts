/** Who is let in, who decides, who leaves: one change of the group at a time. */
import { isPart, votersOf } from '../api/index.ts';
import { namesOf } from '../specs/index.ts';
import type { Action, Notice } from './actions.ts';
import { type Group, type Node, ordinalOf } from './group.ts';
import type { MemberSeen, Observed } from './observed.ts';
import { planRecovery } from './recovery.ts';

export interface MemberPlan {
  readonly actions: readonly Action[];
  readonly notices?: readonly Notice[];
  /** Why the group cannot be what it shall be without a person. */
  readonly trouble?: {
    readonly reason: 'DataLost' | 'NoMajority' | 'StrangerFound' | 'RecoveryRefused';
    readonly message: string;
  };
}

/** A member whose pod says nothing for so long leaves without being asked for what it may have alone. */
const SILENT_MS = 60_000;

const NOTHING: MemberPlan = { actions: [] };
const one = (action: Action, ...notices: Notice[]): MemberPlan => ({ actions: [action], notices });

export function planMembers(observed: Observed, group: Group): MemberPlan {
  if (group.founder === undefined) return planFounding(observed, group);
  const recovery = planRecovery(observed, group);
  if (group.speaker === undefined) return recovery ?? planWithoutSpeaker(observed, group);
  const strangers = group.nodes.filter(({ phase }) => phase === 'Stranger');
  const stranger = strangers.find((node) => !isGivenUp(node, group));
  const trouble: MemberPlan['trouble'] =
    recovery?.trouble ??
    (stranger && {
      reason: 'StrangerFound',
      message: `${stranger.name} has the data of another group: take its volume away, and it joins`,
    });
  const left = strangers.find((node) => isGivenUp(node, group) && !node.isTerminating);
  if (left?.status)
    return { ...one({ kind: 'leave', pod: left.name, id: left.status.id }), ...(trouble && { trouble }) };
  const plan = planEntries(observed, group) ?? planVoters(observed, group) ?? planLeaving(observed, group) ?? NOTHING;
  return { ...plan, ...(trouble && { trouble }) };
}

/** It has the data of the group that was given up for this one. */
const isGivenUp = ({ status }: Node, { predecessor }: Group): boolean =>
  predecessor !== undefined && status?.founder === predecessor;

/**
 * Nobody is known to have founded a group. Pod 0 does, or joins one elsewhere, when it is certain that no other pod has data of one: all of them wait, or no
 * volume is older than this manifest (the second member is let in only after the founder stands in the status).
 */
function planFounding({ cluster, objects }: Observed, { nodes }: Group): MemberPlan {
  const first = nodes.find(({ ordinal }) => ordinal === 0);
  if (first?.phase !== 'Waiting') return NOTHING;
  const known = nodes.some(({ status }) => status?.founder !== undefined);
  if (known) return NOTHING;
  const allWait = nodes.length >= cluster.spec.replicas && nodes.every(({ phase }) => phase === 'Waiting');
  const born = cluster.metadata.creationTimestamp ?? '';
  const hasOldClaim = [...objects.values()].some(
    ({ kind, metadata }) => kind === 'PersistentVolumeClaim' && (metadata.creationTimestamp ?? '') < born,
  );
  if (!allWait && hasOldClaim) return NOTHING;
  return one({ kind: isPart(cluster.spec) ? 'join-elsewhere' : 'found', pod: first.name });
}

function planWithoutSpeaker({ cluster }: Observed, { nodes, founder }: Group): MemberPlan {
  const first = nodes.find(({ ordinal }) => ordinal === 0);
  const allWait = nodes.length >= cluster.spec.replicas && nodes.every(({ phase }) => phase === 'Waiting');
  if (!allWait) {
    const silent = nodes.filter(({ phase }) => phase === 'Unreachable' || phase === 'Waiting').length;
    return nodes.length > 0 && silent * 2 > nodes.length
      ? { actions: [], trouble: { reason: 'NoMajority', message: 'too few members answer to decide anything' } }
      : NOTHING;
  }
  if (first && isPart(cluster.spec)) {
    const message = `every volume is empty: take the members of this name out of the group elsewhere, and put a new token into the Secret ${cluster.spec.joinTokenSecret?.name}`;
    return { ...one({ kind: 'join-elsewhere', pod: first.name }), trouble: { reason: 'DataLost', message } };
  }
  if (first && cluster.spec.recovery?.abandonGroup === founder) return one({ kind: 'found', pod: first.name });
  return {
    actions: [],
    trouble: {
      reason: 'DataLost',
      message: `every volume is empty, but the group of ${founder} was formed: give the volumes back, or set spec.recovery.abandonGroup to that key to begin with an empty group`,
    },
  };
}

/** Pods that wait are let in, once no member has their name any more; pods of removed members begin anew. */
function planEntries({ cluster }: Observed, { nodes, members, speaker }: Group): MemberPlan | undefined {
  const through = (speaker as Node).name;
  const removed = nodes.find(
    ({ phase, status, ordinal, isTerminating }) =>
      phase === 'Removed' &&
      ordinal < cluster.spec.replicas &&
      !isTerminating &&
      speaker?.status.removed?.includes(status?.id ?? '') === true,
  );
  if (removed?.status) return one({ kind: 'leave', pod: removed.name, id: removed.status.id });
  const waiting = nodes.filter(({ phase, isTerminating }) => phase === 'Waiting' && !isTerminating);
  for (const { name, status } of waiting) {
    const old = members.find((member) => member.name === name);
    if (old === undefined || old.id === status?.id) continue;
    return one(
      { kind: 'remove-member', member: name, id: old.id, through },
      { type: 'Warning', reason: 'VolumeLost', note: `${name} came back without its data: it joins as a new member` },
    );
  }
  const joins = waiting.filter(({ ordinal }) => ordinal < cluster.spec.replicas);
  return joins.length === 0 ? undefined : { actions: joins.map(({ name: pod }) => ({ kind: 'join', pod, through })) };
}

const isStaying = ({ name }: MemberSeen, replicas: number): boolean => ordinalOf(name) < replicas;

/** An odd number of those that are in sync decide. Who decides already goes on, also while it is down. */
function planVoters({ cluster }: Observed, { nodes, members, speaker }: Group): MemberPlan | undefined {
  const through = (speaker as Node).name;
  const { replicas } = cluster.spec;
  const inSync = ({ name }: MemberSeen): boolean => nodes.some((node) => node.name === name && node.phase === 'InSync');
  const byRank = (a: MemberSeen, b: MemberSeen): number =>
    Number(b.voter) - Number(a.voter) || Number(inSync(b)) - Number(inSync(a)) || ordinalOf(a.name) - ordinalOf(b.name);
  const able = members.filter((member) => isStaying(member, replicas) && (member.voter || inSync(member))).sort(byRank);
  const target = votersOf(cluster.spec);
  const most = Math.min(target, able.length);
  const chosen = able.slice(0, Math.max(0, most - ((most + 1) % 2)));
  const added = chosen.flatMap(({ name, voter }) => (voter ? [] : [name]));
  if (added.length > 0) return one({ kind: 'set-voters', members: added, voter: true, through });
  // An even number that a lost member left behind stays until its successor votes: fewer would bear less.
  const dropped = able.filter(({ voter }) => voter)[target];
  return dropped && one({ kind: 'set-voters', members: [dropped.name], voter: false, through });
}

/** From the highest ordinal down: its clients go, what it wrote is final, it decides no more, it is a member no more. */
function planLeaving({ cluster, pods }: Observed, { nodes, members, speaker }: Group): MemberPlan | undefined {
  const { replicas } = cluster.spec;
  const leaving = members
    .filter((member) => !isStaying(member, replicas))
    .sort((a, b) => ordinalOf(b.name) - ordinalOf(a.name))[0];
  if (!leaving || !speaker) return undefined;
  const node = nodes.find(({ name }) => name === leaving.name);
  const through = nodes.find(({ name, phase }) => phase === 'InSync' && name !== leaving.name)?.name;
  if (through === undefined) return undefined;
  const isGone = node === undefined || node.phase === 'Waiting' || node.silentMs >= SILENT_MS;
  if (!isGone) {
    if (node.status?.phase === 'serving') return one({ kind: 'drain', pod: leaving.name, id: leaving.id });
    const stays = pods.filter(({ ordinal }) => ordinal < replicas);
    const allHaveIt =
      node.status?.phase === 'drained' &&
      node.status.tentative === 0 &&
      stays.every(({ status }) => status === undefined || (status.lag?.entries ?? 0) === 0);
    if (!allHaveIt) return undefined;
  }
  return leaving.voter
    ? one({ kind: 'set-voters', members: [leaving.name], voter: false, through })
    : one({ kind: 'remove-member', member: leaving.name, id: leaving.id, through });
}

/** How many pods there must be now: those that leave stay until they are members no more. */
export function replicasNow({ cluster, objects }: Observed, { founder, members, speaker }: Group): number {
  const { replicas } = cluster.spec;
  const set = objects.get(`StatefulSet/${namesOf(cluster.metadata.name).statefulSet}`);
  const before = (set?.spec as { readonly replicas?: number } | undefined)?.replicas;
  if (before === undefined || before <= replicas || founder === undefined) return replicas;
  if (speaker === undefined) return before;
  return Math.min(before, Math.max(replicas, ...members.map(({ name }) => ordinalOf(name) + 1)));
}
