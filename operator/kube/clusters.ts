/** Reconciles P2PDBClusters: observe, plan, act. */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterStatus } from '../api/index.ts';
import { type Action, noticeOf, type Notice, plan, type Plan, type Settings } from '../plan/index.ts';
import type { ClusterObject } from '../specs/index.ts';
import { act } from './act.ts';
import { ApiError, type ApiClient } from './client.ts';
import type { Events } from './events.ts';
import type { OperatorMetrics } from './metrics.ts';
import { Observer } from './observe.ts';
import { RESOURCES } from './resources.ts';
import type { Store } from './store.ts';

export interface Log {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

export interface Parts {
  readonly client: ApiClient;
  readonly store: Store;
  readonly events: Events;
  readonly metrics: OperatorMetrics;
  readonly log: Log;
}

export interface ClusterOptions extends Parts {
  readonly settings: Settings;
  /** Plans are shown, and nothing is done. */
  readonly isDryRun: boolean;
  /** Clients are served from now on. */
  readonly onReady: (cluster: ClusterObject) => void;
}

/** Figures that move all the time are written this often at most. */
const FIGURES_MS = 15_000;

export class ClusterController {
  private readonly options: ClusterOptions;
  private readonly observer: Observer;
  /** When the status was written last, by a monotonic clock. */
  private readonly written = new Map<string, number>();
  /** What failed last, so that it is told once. */
  private readonly failing = new Map<string, string>();

  constructor(options: ClusterOptions) {
    this.options = options;
    this.observer = new Observer(options.store);
  }

  /** `key`: NAMESPACE/NAME. Gives the wait until it is looked at again by itself. */
  async reconcile(key: string): Promise<number | undefined> {
    const { store, settings, isDryRun, log } = this.options;
    const [namespace = '', name = ''] = key.split('/');
    const cluster = store.get('P2PDBCluster', namespace, name) as ClusterObject | undefined;
    if (!cluster) {
      this.forget(key, namespace, name);
      return undefined;
    }
    const observed = await this.observer.observe(key, cluster);
    const planned = plan(observed, settings);
    if (isDryRun) {
      for (const action of planned.actions) log.info({ cluster: key, action: shown(action) }, 'would do');
      return planned.wakeMs;
    }
    // A founder is on record before anybody is let in.
    await this.writeStatus(key, cluster, planned.status);
    for (const notice of planned.notices) await this.tell(cluster, notice);
    this.measure(cluster, planned);
    if (!isReady(cluster.status) && isReady(planned.status)) this.options.onReady(cluster);
    await this.doAll(key, cluster, planned.actions);
    return planned.wakeMs;
  }

  private async doAll(key: string, cluster: ClusterObject, actions: readonly Action[]): Promise<void> {
    const { log, metrics } = this.options;
    for (const action of actions) {
      try {
        await act(this.options, cluster, action);
      } catch (error) {
        const { message } = error as Error;
        const failure = `${action.kind}: ${message}`;
        if (this.failing.get(key) !== failure) {
          this.failing.set(key, failure);
          await this.tell(cluster, { type: 'Warning', reason: 'ActionFailed', note: failure });
        }
        throw error;
      }
      metrics.actions.inc({ kind: action.kind });
      log.info({ cluster: key, action: shown(action) }, 'done');
      const notice = noticeOf(action);
      if (notice) await this.tell(cluster, notice);
    }
    if (actions.length > 0) this.failing.delete(key);
  }

  private tell(cluster: ClusterObject, notice: Notice): Promise<void> {
    return this.options.events.tell(cluster, notice, Date.now());
  }

  private async writeStatus(key: string, cluster: ClusterObject, status: ClusterStatus): Promise<void> {
    if (isDeepStrictEqual(cluster.status, status)) return;
    const isNews = !isDeepStrictEqual(lasting(cluster.status), lasting(status));
    const since = performance.now() - (this.written.get(key) ?? -Infinity);
    if (!isNews && since < FIGURES_MS) return;
    const { apiVersion, kind, metadata } = cluster;
    const { name, namespace, uid } = metadata;
    const head = { name, ...(namespace !== undefined && { namespace }), uid };
    try {
      const answer = await this.options.client.apply(
        RESOURCES.P2PDBCluster,
        { apiVersion, kind, metadata: head, status },
        'status',
      );
      this.written.set(key, performance.now());
      this.options.store.keep(answer);
    } catch (error) {
      // It was deleted meanwhile.
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      throw error;
    }
  }

  private measure({ metadata }: ClusterObject, { status }: Plan): void {
    const { condition, lag, inSync } = this.options.metrics;
    const labels = { namespace: metadata.namespace ?? '', cluster: metadata.name };
    for (const { type, status: holds } of status.conditions ?? [])
      condition.set({ ...labels, type }, holds === 'True' ? 1 : 0);
    lag.set(labels, status.lagEntries ?? 0);
    inSync.set(labels, (status.nodes ?? []).filter(({ phase }) => phase === 'InSync').length);
  }

  private forget(key: string, namespace: string, cluster: string): void {
    const { condition, lag, inSync } = this.options.metrics;
    this.observer.forget(key);
    this.written.delete(key);
    this.failing.delete(key);
    for (const type of ['Ready', 'InSync', 'Progressing', 'Degraded', 'Paused'])
      condition.remove({ namespace, cluster, type });
    for (const gauge of [lag, inSync]) gauge.remove({ namespace, cluster });
  }
}

const isReady = (status: ClusterStatus | undefined): boolean =>
  status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;

/** What does not move with each write of a client. */
function lasting(status: ClusterStatus | undefined): unknown {
  const { lagEntries: _, finalHeight: _h, nodes, ...rest } = status ?? {};
  return { ...rest, nodes: nodes?.map(({ lagEntries: _l, lagSeconds: _s, finalHeight: _f, ...node }) => node) };
}

/** Without the objects' content. */
function shown(action: Action): object {
  if (action.kind !== 'apply' && action.kind !== 'delete') return action;
  const { kind, metadata } = action.object;
  return { kind: action.kind, object: `${kind}/${metadata.name}` };
}
