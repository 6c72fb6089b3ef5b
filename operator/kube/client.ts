/**
 * The API server, as the operator speaks to it: JSON in and out, one pool of connections, credentials by @kubernetes/client-node.
 * Its generated clients are left aside: they know no server-side apply of any kind, and turn times into dates and back.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import { FIELD_MANAGER, type KubeObject } from '../specs/index.ts';
import { pathOf, type Resource, RESOURCES } from './resources.ts';

/** What the API server refused, in its words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Such as `Conflict` or `NotFound`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.reason = reason;
  }
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject & { readonly code?: number; readonly message?: string; readonly reason?: string };
}

export interface ObjectList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[];
}

interface Question {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

const ANSWER_MS = 30_000;
const CONNECTIONS_MAX = 32;
/** So long credentials are used before they are read again: files, and what a program says, may change. */
const CREDENTIALS_MS = 1_000;
const APPLY = 'application/apply-patch+yaml';

export class ApiClient {
  private readonly config: KubeConfig;
  private readonly server: URL;
  private readonly agent: HttpAgent | HttpsAgent;
  private credentials: { readonly readAt: number; readonly options: Promise<RequestOptions> } | undefined;
  /** Requests that change something, but for the Lease; a cluster at rest asks for none. */
  writes = 0;
  /** Whether changes may be asked for now: where several operators run, one at a time may. The Lease itself is free. */
  mayChange: () => boolean = () => true;

  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (!cluster) throw new ApiError(0, 'NoConfig', 'there is no kubeconfig, and no service account either');
    this.config = config;
    this.server = new URL(cluster.server);
    const options = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets: CONNECTIONS_MAX };
    this.agent = this.server.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent(options);
  }

  /** From KUBECONFIG, ~/.kube/config, or the service account of the pod. */
  static fromDefault(): ApiClient {
    const config = new KubeConfig();
    config.loadFromDefault();
    return new ApiClient(config);
  }

  close(): void {
    this.agent.destroy();
  }

  async get(resource: Resource, namespace: string | undefined, name: string): Promise<KubeObject | undefined> {
    try {
      return (await this.ask('GET', pathOf(resource, namespace, name))) as KubeObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  list(resource: Resource, namespace: string | undefined, query: Question['query'] = {}): Promise<ObjectList> {
    return this.ask('GET', pathOf(resource, namespace), { query }) as Promise<ObjectList>;
  }

  create(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.change('POST', pathOf(resource, object.metadata.namespace), {
      body: object,
      query: { fieldManager: FIELD_MANAGER },
    });
  }

  /** Server-side apply; whoever else owned these fields loses them. */
  apply(resource: Resource, object: KubeObject, subresource?: 'status'): Promise<KubeObject> {
    const path = pathOf(resource, object.metadata.namespace, object.metadata.name, subresource);
    return this.change('PATCH', path, {
      body: object,
      contentType: APPLY,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
    });
  }

  replace(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.change('PUT', pathOf(resource, object.metadata.namespace, object.metadata.name), {
      body: object,
      query: { fieldManager: FIELD_MANAGER },
    });
  }

  mergePatch(resource: Resource, namespace: string | undefined, name: string, patch: object): Promise<KubeObject> {
    return this.change('PATCH', pathOf(resource, namespace, name), {
      body: patch,
      contentType: 'application/merge-patch+json',
      query: { fieldManager: FIELD_MANAGER },
    });
  }

  /** Nothing happens where there is none, or another one than that of the uid. */
  async delete(resource: Resource, namespace: string | undefined, name: string, uid?: string): Promise<void> {
    try {
      await this.change('DELETE', pathOf(resource, namespace, name), {
        body: { ...(uid !== undefined && { preconditions: { uid } }), propagationPolicy: 'Background' },
      });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      throw error;
    }
  }

  /** The paths that the API server has, such as `apis/monitoring.coreos.com/v1`; undefined where it has none. */
  async discover(path: string): Promise<{ readonly resources: readonly { readonly kind: string }[] } | undefined> {
    try {
      return (await this.ask('GET', `/${path}`)) as { resources: { kind: string }[] };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** What changes, until the server ends it, the signal comes or the connection breaks. */
  async *watch(
    resource: Resource,
    namespace: string | undefined,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const response = await this.send('GET', pathOf(resource, namespace), {
      query: { ...query, watch: 'true' },
      signal,
    });
    const lines = createInterface({ input: response, crlfDelay: Infinity });
    try {
      for await (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent;
    } finally {
      lines.close();
      response.destroy();
    }
  }

  /** Throws where another operator may be at work. */
  checkMayChange(): void {
    if (!this.mayChange()) throw new ApiError(0, 'NotLeading', 'this operator does not hold the Lease any more');
  }

  private async change(method: string, path: string, question: Question): Promise<KubeObject> {
    if (!path.includes(`/${RESOURCES.Lease.plural}`)) {
      this.checkMayChange();
      this.writes++;
    }
    return (await this.ask(method, path, question)) as KubeObject;
  }

  private async ask(method: string, path: string, question: Question = {}): Promise<unknown> {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await this.send(method, path, { ...question, signal });
    return JSON.parse(await textOf(response)) as unknown;
  }

  /** With certificates and tokens, which are read from files. */
  private options(): Promise<RequestOptions> {
    const now = performance.now();
    if (this.credentials === undefined || now - this.credentials.readAt > CREDENTIALS_MS) {
      const options: RequestOptions = { headers: {} };
      const read = this.config.applyToHTTPSOptions(options).then(() => options);
      this.credentials = { readAt: now, options: read };
      read.catch(() => (this.credentials = undefined));
    }
    return this.credentials.options;
  }

  /** Rejects with ApiError for every answer but success. */
  private async send(method: string, path: string, question: Question): Promise<IncomingMessage> {
    const { query = {}, body, contentType = 'application/json', signal } = question;
    const options = await this.options();
    const url = new URL(this.server);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(options.headers as Record<string, string>),
      accept: 'application/json',
      'user-agent': FIELD_MANAGER,
      ...(text !== undefined && { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) }),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const outgoing = request(
        url,
        { ...options, agent: this.agent, method, headers, ...(signal && { signal }) },
        resolve,
      );
      outgoing.on('error', (cause) =>
        reject(new ApiError(0, 'Unreachable', `${method} ${path}: ${cause.message}`, { cause })),
      );
      outgoing.end(text);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw errorOf(status, await textOf(response), `${method} ${path}`);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += part as string;
  return text;
}

function errorOf(status: number, text: string, what: string): ApiError {
  try {
    const { message, reason } = JSON.parse(text) as { message?: string; reason?: string };
    return new ApiError(status, reason ?? String(status), `${what}: ${message ?? status}`);
  } catch {
    return new ApiError(status, String(status), `${what}: ${status} ${text.slice(0, 200)}`);
  }
}
