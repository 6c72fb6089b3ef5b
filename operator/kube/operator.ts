/** Joins copies, queues and controllers while this operator is the one that works. */
import type { Settings } from '../plan/index.ts';
import type { KubeObject } from '../specs/index.ts';
import { ApiClient } from './client.ts';
import { ClusterController, type Log, type Parts } from './clusters.ts';
import { ContentController } from './contents.ts';
import { Events } from './events.ts';
import { Lease } from './lease.ts';
import { OperatorMetrics } from './metrics.ts';
import { WorkQueue } from './queue.ts';
import { clusterOf, Store } from './store.ts';

export interface OperatorOptions {
  readonly version: string;
  readonly image: string;
  /** The only one to look after; undefined: all. */
  readonly namespace: string | undefined;
  /** Namespace of the operator itself. */
  readonly home: string;
  /** Name of this process among several. */
  readonly identity: string;
  readonly isDryRun: boolean;
  readonly log: Log;
}

const LEASE = 'p2pdb-operator';
export const WORKERS = 8;
/** Longer than any order to a node, several of which are in a round. */
const STUCK_MS = 10 * 60_000;
/** Longer than a watch may say nothing, and all waits after a failure. */
const SILENT_MS = 5 * 60_000;

export class Operator {
  private readonly options: OperatorOptions;
  private readonly metrics = new OperatorMetrics();
  private readonly client = ApiClient.fromDefault();
  private queues: readonly WorkQueue[] = [];
  private store: Store | undefined;
  /** It is there for its work, or to take it over. */
  isReady = false;

  constructor(options: OperatorOptions) {
    this.options = options;
  }

  /** What only a new process can mend; undefined when all is well. An API server that cannot be reached is nothing of the kind. */
  get sickness(): string | undefined {
    for (const { longest } of this.queues) {
      if (longest && longest.milliseconds > STUCK_MS)
        return `${longest.key} has been worked on for ${Math.round(longest.milliseconds / 1000)} s`;
    }
    const quietest = this.store?.quietest;
    if (quietest && quietest.silentMs > SILENT_MS)
      return `nothing was heard of ${quietest.kind} for ${Math.round(quietest.silentMs / 1000)} s`;
    return undefined;
  }

  async metricsText(): Promise<{ readonly type: string; readonly text: string }> {
    this.metrics.writes.set(this.client.writes);
    const { registry } = this.metrics;
    return { type: registry.contentType, text: await registry.metrics() };
  }

  /** Works when its turn comes, until the signal. */
  async run(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { log, isDryRun } = this.options;
    try {
      if (isDryRun) {
        await this.work(signal);
        return 'stopped';
      }
      return await this.lead(signal);
    } catch (error) {
      if (signal.aborted) return 'stopped';
      log.error({ err: error }, 'the operator cannot work');
      throw error;
    } finally {
      this.client.close();
    }
  }

  private async lead(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { log, home, identity } = this.options;
    const { client, metrics } = this;
    const lease = new Lease({
      client,
      namespace: home,
      name: LEASE,
      identity,
      onError: (error) => log.warn({ reason: error.message }, 'the Lease could not be had'),
    });
    this.isReady = true;
    metrics.leading.set({ name: LEASE }, 0);
    await lease.acquire(signal);
    log.info({ identity }, 'this operator works now');
    metrics.leading.set({ name: LEASE }, 1);
    client.mayChange = () => lease.isOurs;
    const end = new AbortController();
    const working = this.work(AbortSignal.any([signal, end.signal]));
    // The Lease is given back when the work is done, not before.
    const release = new AbortController();
    const held = lease.hold(release.signal);
    const first = await Promise.race([held.then(() => 'lost' as const), working.then(() => 'stopped' as const)]);
    end.abort();
    await working;
    release.abort();
    await held;
    metrics.leading.set({ name: LEASE }, 0);
    if (first === 'lost') log.error({ identity }, 'the Lease was lost');
    return first;
  }

  /** Until the signal comes. */
  private async work(signal: AbortSignal): Promise<void> {
    const { log, namespace, identity, isDryRun, image, version } = this.options;
    const { client, metrics } = this;
    // What is heard before everything is known waits: a plan made of a half of it would be wrong.
    const early = new Set<KubeObject>();
    let isComplete = false;
    const onChange = (object: KubeObject): void => {
      if (!isComplete) early.add(object);
      else if (isDryRun && object.kind !== 'P2PDBCluster') return;
      else if (object.kind === 'P2PDBDatabase') databases.add(ownKey(object));
      else if (object.kind === 'P2PDBUser') users.add(ownKey(object));
      else {
        const key = object.kind === 'P2PDBCluster' ? ownKey(object) : clusterOf(object);
        if (key !== undefined) clusters.add(key);
      }
    };
    const store = await Store.open({
      client,
      namespace,
      onChange,
      onError: (kind, error) => {
        metrics.watchErrors.inc({ kind });
        log.warn({ kind, reason: error.message }, 'a watch broke and is begun again');
      },
      onKind: () => {
        for (const cluster of store.all('P2PDBCluster')) clusters.add(ownKey(cluster));
      },
    });
    const events = new Events(client, identity, (error) =>
      log.warn({ reason: error.message }, 'an event was not told'),
    );
    const parts: Parts = { client, store, events, metrics, log };
    const settings: Settings = { image, operatorVersion: version };
    const onReady = (cluster: KubeObject): void => {
      for (const key of contents.database.of(cluster)) databases.add(key);
      for (const key of contents.user.of(cluster)) users.add(key);
    };
    const controller = new ClusterController({ ...parts, settings, isDryRun, onReady });
    const clusters = this.queue('p2pdbcluster', (key) => controller.reconcile(key));
    // A cluster that has just become ready has its databases and users made at once.
    const contents = {
      database: new ContentController('P2PDBDatabase', parts),
      user: new ContentController('P2PDBUser', parts),
    };
    const databases = this.queue('p2pdbdatabase', (key) => contents.database.reconcile(key));
    const users = this.queue('p2pdbuser', (key) => contents.user.reconcile(key));
    this.queues = [clusters, databases, users];
    this.store = store;
    await store.start(signal);
    isComplete = true;
    for (const object of early) onChange(object);
    early.clear();
    this.isReady = true;
    log.info({ namespace: namespace ?? 'all' }, 'watching');
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.all(this.queues.map((queue) => queue.stop()));
  }

  private queue(controller: string, reconcile: (key: string) => Promise<number | undefined>): WorkQueue {
    const { metrics } = this;
    const { log } = this.options;
    const queue: WorkQueue = new WorkQueue({
      workers: WORKERS,
      work: async (key) => {
        const done = metrics.reconcileSeconds.startTimer({ controller });
        metrics.depth.set({ name: controller }, queue.depth);
        metrics.active.set({ controller }, queue.active);
        try {
          const wait = await reconcile(key);
          metrics.reconciles.inc({ controller, result: wait === undefined ? 'success' : 'requeue_after' });
          return wait;
        } finally {
          done();
        }
      },
      onFailure: (key, error, retryMs) => {
        metrics.reconciles.inc({ controller, result: 'error' });
        metrics.reconcileErrors.inc({ controller });
        metrics.retries.inc({ name: controller });
        log.warn({ controller, key, retryMs, reason: (error as Error).message }, 'tried again later');
      },
    });
    return queue;
  }
}

const ownKey = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
