/** Copies of all that the operator looks at: a reflector a kind, and the objects of each cluster together. */
import { CLUSTER_LABEL, keyOf, type KubeObject } from '../specs/index.ts';
import type { ApiClient } from './client.ts';
import { neededCopy } from './copies.ts';
import { Reflector } from './reflector.ts';
import { type KindName, OPTIONAL_KINDS, RESOURCES } from './resources.ts';

/** What the operator itself makes, or Kubernetes for it; all of it carries the cluster's label. */
const OWNED = [
  'StatefulSet',
  'Pod',
  'Service',
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
  'NetworkPolicy',
] as const satisfies readonly KindName[];

const DECLARED = ['P2PDBCluster', 'P2PDBDatabase', 'P2PDBUser'] as const satisfies readonly KindName[];

export interface StoreOptions {
  readonly client: ApiClient;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Something of a cluster, or one of the declared kinds, is another. */
  readonly onChange: (object: KubeObject, isGone: boolean) => void;
  readonly onError: (kind: string, error: Error) => void;
}

export class Store {
  /** Kinds of others that exist here. */
  readonly kinds: ReadonlySet<string>;
  private readonly reflectors = new Map<string, Reflector>();
  private readonly clusters = new Map<string, Map<string, KubeObject>>();

  static async open(options: StoreOptions): Promise<Store> {
    const kinds = new Set<string>();
    for (const kind of OPTIONAL_KINDS) {
      const there = await options.client.discover(`apis/${RESOURCES[kind].apiVersion}`);
      if (there?.resources.some((resource) => resource.kind === kind)) kinds.add(kind);
    }
    return new Store(options, kinds);
  }

  private constructor({ client, namespace, onChange, onError }: StoreOptions, kinds: ReadonlySet<string>) {
    this.kinds = kinds;
    const owned = [...OWNED, ...OPTIONAL_KINDS.filter((kind) => kinds.has(kind))];
    for (const kind of [...DECLARED, ...owned]) {
      const isOwned = (owned as readonly string[]).includes(kind);
      const reflector = new Reflector({
        client,
        kind,
        namespace,
        resource: RESOURCES[kind],
        copy: neededCopy,
        ...(isOwned && { labelSelector: CLUSTER_LABEL }),
        onChange: (object, isGone) => {
          if (isOwned) this.index(object, isGone);
          onChange(object, isGone);
        },
        onError: (error) => onError(kind, error),
      });
      this.reflectors.set(kind, reflector);
    }
  }

  /** Resolves when everything is there. */
  async start(signal: AbortSignal): Promise<void> {
    for (const reflector of this.reflectors.values()) void reflector.run(signal);
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.all([...this.reflectors.values()].map(({ ready }) => ready)), aborted]);
  }

  /** The kind of which nothing has been heard for longest, and for how long. */
  get quietest(): { readonly kind: string; readonly silentMs: number } {
    return [...this.reflectors]
      .map(([kind, { silentMs }]) => ({ kind, silentMs }))
      .reduce((a, b) => (b.silentMs > a.silentMs ? b : a));
  }

  get(kind: KindName, namespace: string, name: string): KubeObject | undefined {
    return this.reflectors.get(kind)?.get(namespace, name);
  }

  all(kind: KindName): Iterable<KubeObject> {
    return this.reflectors.get(kind)?.all() ?? [];
  }

  /** What carries the cluster's label, by `Kind/name`. */
  of(namespace: string, cluster: string): ReadonlyMap<string, KubeObject> {
    return this.clusters.get(`${namespace}/${cluster}`) ?? new Map<string, KubeObject>();
  }

  /** What the API server answered to a write. */
  keep(object: KubeObject): void {
    const reflector = this.reflectors.get(object.kind);
    if (!reflector) return;
    reflector.keep(object);
    const kept = reflector.get(object.metadata.namespace ?? '', object.metadata.name);
    if (kept && clusterOf(kept) !== undefined) this.index(kept, false);
  }

  private index(object: KubeObject, isGone: boolean): void {
    const key = clusterOf(object);
    if (key === undefined) return;
    const objects = this.clusters.get(key) ?? new Map<string, KubeObject>();
    if (isGone) objects.delete(keyOf(object));
    else objects.set(keyOf(object), object);
    if (objects.size === 0) this.clusters.delete(key);
    else this.clusters.set(key, objects);
  }
}

/** NAMESPACE/NAME of the cluster that the object belongs to. */
export function clusterOf({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[CLUSTER_LABEL];
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`;
}
