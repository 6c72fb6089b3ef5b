/**
 * Keeps a copy of all objects of a kind: a list, then what changes. A watch that ends, breaks, says nothing for long or is too old (410)
 * is begun again, with growing waits while it fails; what was missed is found by the next watch or list.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../specs/index.ts';
import { ApiError, type ApiClient } from './client.ts';
import { wholeCopy } from './copies.ts';
import type { Resource } from './resources.ts';

export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly resource: Resource;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  /** What of an object is kept; by default all that is told of it but who manages what. */
  readonly copy?: typeof wholeCopy;
  /** The object as it is now, or as it was last before it went. */
  readonly onChange: (object: KubeObject, isGone: boolean) => void;
  readonly onError: (error: Error) => void;
  /** A watch that says nothing for so long is begun again: the API server tells about once a minute that it lives. */
  readonly quietMs?: number;
}

const PAGE = '500';
const WATCH_SECONDS = 300;
const QUIET_MS = 180_000;
const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 30_000;

export class Reflector {
  private readonly options: ReflectorOptions;
  private readonly objects = new Map<string, KubeObject>();
  private version: string | undefined;
  private heardAt = performance.now();
  private sayReady: () => void = () => undefined;
  /** The first list is there. */
  readonly ready = new Promise<void>((resolve) => (this.sayReady = resolve));

  constructor(options: ReflectorOptions) {
    this.options = options;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.objects.get(`${namespace}/${name}`);
  }

  all(): Iterable<KubeObject> {
    return this.objects.values();
  }

  /** What the API server answered to a write is known before the watch tells it. */
  keep(object: KubeObject): void {
    const key = keyIn(object);
    const old = this.objects.get(key);
    if (old && Number(old.metadata.resourceVersion) >= Number(object.metadata.resourceVersion)) return;
    this.objects.set(key, this.slim(object));
  }

  /** For how long nothing was heard, not even a failure. */
  get silentMs(): number {
    return performance.now() - this.heardAt;
  }

  /** Until the signal comes. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.version === undefined) await this.list();
        await this.follow(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.heardAt = performance.now();
        if (error instanceof ApiError && error.status === 410) {
          this.version = undefined;
          continue;
        }
        this.options.onError(error as Error);
        const wait = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** failures++);
        await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async list(): Promise<void> {
    const { client, resource, namespace } = this.options;
    const seen = new Set<string>();
    let page: string | undefined;
    do {
      const list = await client.list(resource, namespace, {
        ...this.query(),
        limit: PAGE,
        ...(page !== undefined && { continue: page }),
      });
      this.heardAt = performance.now();
      for (const item of list.items) {
        seen.add(keyIn(item));
        this.put(item);
      }
      page = list.metadata.continue === '' ? undefined : list.metadata.continue;
      this.version = list.metadata.resourceVersion;
    } while (page !== undefined);
    for (const [key, object] of this.objects) if (!seen.has(key)) this.drop(key, object);
    this.sayReady();
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace } = this.options;
    const seconds = WATCH_SECONDS + Math.floor(Math.random() * WATCH_SECONDS);
    // Where the other side is gone without a word, this ends what the server would have.
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), this.options.quietMs ?? QUIET_MS);
    const limit = AbortSignal.any([signal, quiet.signal]);
    const query = {
      ...this.query(),
      resourceVersion: this.version ?? '',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
    };
    try {
      for await (const { type, object } of client.watch(resource, namespace, query, limit)) {
        this.heardAt = performance.now();
        timer.refresh();
        if (type === 'ERROR')
          throw new ApiError(object.code ?? 0, object.reason ?? '', object.message ?? 'the watch failed');
        this.version = object.metadata.resourceVersion;
        if (type === 'BOOKMARK') continue;
        if (type === 'DELETED') this.drop(keyIn(object), object);
        else this.put(object);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private query(): Record<string, string> {
    const { labelSelector } = this.options;
    return labelSelector === undefined ? {} : { labelSelector };
  }

  private put(object: KubeObject): void {
    const key = keyIn(object);
    const old = this.objects.get(key);
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (old && Number(old.metadata.resourceVersion) > Number(object.metadata.resourceVersion)) return;
    const slim = this.slim(object);
    this.objects.set(key, slim);
    this.options.onChange(slim, false);
  }

  private drop(key: string, object: KubeObject): void {
    this.objects.delete(key);
    this.options.onChange(this.slim(object), true);
  }

  private slim(object: KubeObject): KubeObject {
    const { resource, kind, copy = wholeCopy } = this.options;
    return copy(object, resource.apiVersion, kind);
  }
}

const keyIn = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
