/**
 * One of several operators works: the one that holds the Lease. It renews it often; who cannot for long enough gives up before another may
 * take it. https://kubernetes.io/docs/concepts/architecture/leases/
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../specs/index.ts';
import { ApiError, type ApiClient } from './client.ts';
import { RESOURCES } from './resources.ts';

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly onError: (error: Error) => void;
}

const LEASE_SECONDS = 15;
const RENEW_MS = 3_000;
const RETRY_MS = 2_000;
/** Before another one may think that it is free: nothing is begun after it. */
const GIVE_UP_MS = 10_000;

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

type LeaseObject = KubeObject & { readonly spec?: LeaseSpec };

/** Kubernetes' times with microseconds. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

export class Lease {
  private readonly options: LeaseOptions;
  /** The last that was seen of another holder, and when by our own clock: clocks of machines differ. */
  private seen: { readonly version: string; readonly at: number } | undefined;
  /** Before it was renewed last, or was had first. */
  private renewed = -Infinity;

  constructor(options: LeaseOptions) {
    this.options = options;
  }

  /** Nobody else may have it yet. False, too, in a process that was frozen for long, before it hears of anything else. */
  get isOurs(): boolean {
    return performance.now() - this.renewed < GIVE_UP_MS;
  }

  /** Resolves when it is held; rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (await this.attempt().catch((error: unknown) => this.failed(error))) return;
      await sleep(RETRY_MS * (0.8 + Math.random() * 0.4), undefined, { signal });
    }
  }

  /** Renews it; resolves when it was lost. Gives it back when the signal comes. */
  async hold(signal: AbortSignal): Promise<void> {
    while (this.isOurs) {
      await sleep(RENEW_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return this.release().catch((error: unknown) => void this.failed(error));
      const outcome = await this.attempt().catch((error: unknown) => (this.failed(error), undefined));
      if (outcome === false) break;
    }
    this.renewed = -Infinity;
  }

  private failed(error: unknown): false {
    this.options.onError(error as Error);
    return false;
  }

  /** True: it is ours until a while from when this was asked. */
  private async attempt(): Promise<boolean> {
    const asked = performance.now();
    const isHad = await this.renew();
    if (isHad) this.renewed = asked;
    return isHad;
  }

  private async renew(): Promise<boolean> {
    const { client, namespace, name, identity } = this.options;
    const now = Date.now();
    const lease = (await client.get(RESOURCES.Lease, namespace, name)) as LeaseObject | undefined;
    const mine: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions: 0,
    };
    try {
      if (!lease) {
        const head = { apiVersion: RESOURCES.Lease.apiVersion, kind: 'Lease', metadata: { name, namespace } };
        await client.create(RESOURCES.Lease, { ...head, spec: mine });
        return true;
      }
      const { spec = {} } = lease;
      const isMine = spec.holderIdentity === identity;
      if (!isMine && !this.isFree(lease, spec)) return false;
      const next: LeaseSpec = isMine
        ? { ...spec, renewTime: mine.renewTime as string }
        : { ...mine, leaseTransitions: (spec.leaseTransitions ?? 0) + 1 };
      // The version in the metadata makes it fail where another one was quicker.
      await client.replace(RESOURCES.Lease, { ...lease, spec: next });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return false;
      throw error;
    }
  }

  private isFree(
    { metadata }: LeaseObject,
    { holderIdentity = '', leaseDurationSeconds = LEASE_SECONDS }: LeaseSpec,
  ): boolean {
    if (holderIdentity === '') return true;
    const version = metadata.resourceVersion ?? '';
    if (this.seen?.version !== version) this.seen = { version, at: performance.now() };
    return performance.now() - this.seen.at > leaseDurationSeconds * 1000;
  }

  private async release(): Promise<void> {
    const { client, namespace, name, identity } = this.options;
    const lease = (await client.get(RESOURCES.Lease, namespace, name)) as LeaseObject | undefined;
    if (lease?.spec?.holderIdentity !== identity) return;
    await client.replace(RESOURCES.Lease, { ...lease, spec: { ...lease.spec, holderIdentity: '' } });
  }
}
