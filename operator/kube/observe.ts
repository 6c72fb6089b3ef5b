/** From the copies of objects and the nodes' own words to what a plan is made of. */
import { type NodeStatus, type Observed, ordinalOf, type PodSeen } from '../plan/index.ts';
import { type ClusterObject, type KubeObject, namesOf } from '../specs/index.ts';
import { type NodeAddress, nodeStatus } from './members.ts';
import type { Store } from './store.ts';

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Since when a pod has been what it is, by its uid; in milliseconds of a monotonic clock. */
interface Memory {
  silentSince: number | undefined;
  behindSince: number | undefined;
}

interface ClusterMemory {
  readonly pods: ReadonlyMap<string, Memory>;
  /** Since when no node that answers has known a leader of the group. */
  readonly leaderlessSince: number | undefined;
}

export class Observer {
  private readonly store: Store;
  private readonly memories = new Map<string, ClusterMemory>();

  constructor(store: Store) {
    this.store = store;
  }

  forget(key: string): void {
    this.memories.delete(key);
  }

  async observe(key: string, cluster: ClusterObject): Promise<Observed> {
    const { name, namespace = '' } = cluster.metadata;
    const objects = this.store.of(namespace, name);
    const pods = [...objects.values()].filter(({ kind }) => kind === 'Pod');
    const seen = await Promise.all(
      pods.map(async (pod) => {
        const address = addressOf(pod, objects, name);
        return { pod, isReachable: address !== undefined, status: address && (await nodeStatus(address)) };
      }),
    );
    const before = this.memories.get(key);
    const after = new Map<string, Memory>();
    const views = seen.map(({ pod, isReachable, status }) => {
      const uid = pod.metadata.uid ?? '';
      const memory = remember(before?.pods.get(uid), isReachable, status);
      after.set(uid, memory);
      return viewOf(pod, status, memory);
    });
    const founder = cluster.status?.founder;
    const isLed = seen.some(({ status }) => status?.leader !== undefined && status.founder === founder);
    const leaderlessSince = isLed ? undefined : (before?.leaderlessSince ?? performance.now());
    if (after.size > 0) this.memories.set(key, { pods: after, leaderlessSince });
    else this.memories.delete(key);
    const leaderlessMs = since(leaderlessSince);
    return { cluster, objects, kinds: this.store.kinds, pods: views, leaderlessMs, now: Date.now() };
  }
}

const since = (start: number | undefined): number => (start === undefined ? 0 : performance.now() - start);

function remember(old: Memory | undefined, isReachable: boolean, status: NodeStatus | undefined): Memory {
  const now = performance.now();
  const isBehind = status === undefined || status.phase !== 'serving' || (status.lag?.entries ?? 0) > 0;
  return {
    silentSince: isReachable && status === undefined ? (old?.silentSince ?? now) : undefined,
    behindSince: isBehind ? (old?.behindSince ?? now) : undefined,
  };
}

function viewOf(pod: KubeObject, status: NodeStatus | undefined, { silentSince, behindSince }: Memory): PodSeen {
  const { name, uid = '', labels, deletionTimestamp, creationTimestamp } = pod.metadata;
  const { conditions } = (pod.status ?? {}) as PodStatus;
  return {
    name,
    ordinal: ordinalOf(name),
    uid,
    isReady: conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false,
    isTerminating: deletionTimestamp !== undefined,
    revision: labels?.['controller-revision-hash'],
    ageMs: Date.now() - Date.parse(creationTimestamp ?? ''),
    status,
    silentMs: since(silentSince),
    behindMs: since(behindSince),
  };
}

/** Undefined while the pod has no address, or the Secret with the token is not there. */
export function addressOf(
  pod: KubeObject | undefined,
  objects: ReadonlyMap<string, KubeObject>,
  cluster: string,
): NodeAddress | undefined {
  const { podIP } = (pod?.status ?? {}) as PodStatus;
  const token = objects.get(`Secret/${namesOf(cluster).keys}`)?.data?.['admin.token'];
  if (podIP === undefined || token === undefined) return undefined;
  return { ip: podIP, token: Buffer.from(token, 'base64').toString('utf8') };
}
