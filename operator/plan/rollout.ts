/** Which pod is restarted for a new template, if any: one at a time, while all others are in sync, the leader last. */
import { namesOf } from '../specs/index.ts';
import type { Action } from './actions.ts';
import type { Group, Node } from './group.ts';
import type { Observed } from './observed.ts';
import { windowOf } from './window.ts';

export interface RolloutPlan {
  readonly actions: readonly Action[];
  /** Pods of an older template. */
  readonly outdated: readonly string[];
  /** What it waits for. */
  readonly waits?: 'window' | 'sync';
  /** A pod of the new template that does not become healthy. */
  readonly stuck?: string;
  readonly wakeMs?: number;
}

/** So long may a pod of a new template take before people are told; it holds the others up in any case. */
export const HEALTHY_MS = 5 * 60_000;

interface SetSeen {
  readonly metadata: { readonly generation?: number };
  readonly status?: { readonly observedGeneration?: number; readonly updateRevision?: string };
}

export function planRollout({ cluster, objects, now }: Observed, group: Group): RolloutPlan {
  const set = objects.get(`StatefulSet/${namesOf(cluster.metadata.name).statefulSet}`) as SetSeen | undefined;
  const revision = set?.status?.updateRevision;
  const isKnown = revision !== undefined && set?.status?.observedGeneration === set?.metadata.generation;
  if (!isKnown) return { actions: [], outdated: [] };
  const stale = group.nodes.filter((node) => node.revision !== undefined && node.revision !== revision);
  const fresh = group.nodes.filter((node) => node.revision === revision);
  const stuck = fresh.find((node) => !isHealthy(node, group) && node.behindMs > HEALTHY_MS)?.name;
  const base = { outdated: stale.map(({ name }) => name), ...(stuck !== undefined && { stuck }) };
  const next = stale.filter(({ isTerminating }) => !isTerminating).sort(byTurn(group))[0];
  if (next === undefined) return { ...base, actions: [] };
  const restart: Action = { kind: 'delete-pod', pod: next.name, uid: next.uid };
  const others = group.nodes.filter(({ name }) => name !== next.name);
  const isComplete = group.nodes.length >= cluster.spec.replicas;
  const othersHealthy = isComplete && others.every((node) => isHealthy(node, group));
  // Where nothing was formed, there is nothing to be careful with.
  if (group.founder === undefined ? !next.isReady : !isHealthy(next, group) && othersHealthy)
    return { ...base, actions: [restart] };
  if (!othersHealthy || !isHealthy(next, group)) return { ...base, actions: [], waits: 'sync' };
  const window = windowOf(cluster.spec, now);
  if (!window.isOpen) return { ...base, actions: [], waits: 'window', wakeMs: window.opensInMs };
  return { ...base, actions: [restart] };
}

const isHealthy = ({ phase, isReady, isTerminating, member }: Node, { founder }: Group): boolean =>
  !isTerminating && isReady && phase === 'InSync' && (founder === undefined || member !== undefined);

/** The sick before the well, the leader last, else from the highest ordinal down. */
const byTurn =
  (group: Group) =>
  (a: Node, b: Node): number =>
    Number(isHealthy(a, group)) - Number(isHealthy(b, group)) ||
    Number(a.name === group.leader) - Number(b.name === group.leader) ||
    b.ordinal - a.ordinal;
