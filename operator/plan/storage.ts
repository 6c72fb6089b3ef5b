/** Volume claims: those of members that left, and those that shall grow. */
import { amountOf } from '../api/index.ts';
import { namesOf, type KubeObject } from '../specs/index.ts';
import type { Action } from './actions.ts';
import { type Group, ordinalOf } from './group.ts';
import type { Observed } from './observed.ts';

export function planStorage({ cluster, objects }: Observed, { members, nodes, founder, speaker }: Group): Action[] {
  const { replicas, storage } = cluster.spec;
  const set = objects.get(`StatefulSet/${namesOf(cluster.metadata.name).statefulSet}`);
  const pods = (set?.spec as { readonly replicas?: number } | undefined)?.replicas ?? 0;
  const claims = [...objects.values()].filter(
    ({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.deletionTimestamp === undefined,
  );
  return claims.flatMap((claim): Action[] => {
    const ordinal = ordinalOf(claim.metadata.name);
    if (ordinal < replicas) {
      const isSmall = amountOf(requestOf(claim)) < amountOf(storage.size);
      return isSmall ? [{ kind: 'grow-claim', claim: claim.metadata.name, size: storage.size }] : [];
    }
    const hasLeft = pods <= ordinal && ![...members, ...nodes].some(({ name }) => ordinalOf(name) === ordinal);
    const isKnown = founder === undefined || speaker !== undefined;
    return !storage.retain && hasLeft && isKnown ? [{ kind: 'delete', object: claim }] : [];
  });
}

const requestOf = ({ spec }: KubeObject): string =>
  (spec as { readonly resources?: { readonly requests?: { readonly storage?: string } } }).resources?.requests
    ?.storage ?? '0';
