/** Copies of all that the operator looks at: a reflector a kind, and the objects of each cluster together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CLUSTER_LABEL, keyOf, type KubeObject } from '../specs/index.ts';
import type { ApiClient } from './client.ts';
import { neededCopy } from './copies.ts';
import { Reflector } from './reflector.ts';
import { type KindName, OPTIONAL_KINDS, type OptionalKind, RESOURCES } from './resources.ts';

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
  /** A kind of others exists now that did not. */
  readonly onKind: () => void;
}

/** How often those kinds of others are looked for that did not exist. */
const LOOK_MS = 30_000;

export class Store {
  private readonly options: StoreOptions;
  /** Kinds of others that exist here, and whose objects are known. */
  readonly kinds: Set<OptionalKind>;
  private readonly reflectors = new Map<string, Reflector>();
  private readonly clusters = new Map<string, Map<string, KubeObject>>();

  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options, new Set(await existing(options.client, OPTIONAL_KINDS)));
    for (const kind of DECLARED) store.add(kind, false);
    for (const kind of [...OWNED, ...store.kinds]) store.add(kind, true);
    return store;
  }

  private constructor(options: StoreOptions, kinds: Set<OptionalKind>) {
    this.options = options;
    this.kinds = kinds;
  }

  private add(kind: KindName, isOwned: boolean): Reflector {
    const { client, namespace, onChange, onError } = this.options;
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
    return reflector;
  }

  /** Resolves when everything is there. */
  async start(signal: AbortSignal): Promise<void> {
    for (const reflector of this.reflectors.values()) void reflector.run(signal);
    void this.lookOut(signal);
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.all([...this.reflectors.values()].map(({ ready }) => ready)), aborted]);
  }

  /** Kinds of others are mostly installed later than the operator. Until the signal comes; never rejects. */
  private async lookOut(signal: AbortSignal): Promise<void> {
    const { client, onError, onKind } = this.options;
    for (;;) {
      const missing = OPTIONAL_KINDS.filter((kind) => !this.reflectors.has(kind));
      if (missing.length === 0) return;
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const found = await existing(client, missing).catch((error: unknown) => {
        onError(missing.join(), error as Error);
        return [];
      });
      for (const kind of found) {
        const reflector = this.add(kind, true);
        void reflector.run(signal);
        void reflector.ready.then(() => {
          this.kinds.add(kind);
          onKind();
        });
      }
    }
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

async function existing(client: ApiClient, kinds: readonly OptionalKind[]): Promise<OptionalKind[]> {
  const found: OptionalKind[] = [];
  for (const kind of kinds) {
    const there = await client.discover(`apis/${RESOURCES[kind].apiVersion}`);
    if (there?.resources.some((resource) => resource.kind === kind)) found.push(kind);
  }
  return found;
}

/** NAMESPACE/NAME of the cluster that the object belongs to. */
export function clusterOf({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[CLUSTER_LABEL];
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`;
}
