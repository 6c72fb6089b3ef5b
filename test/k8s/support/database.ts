/** A P2PDBCluster on a Kubernetes of a test, as its user sees it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadReport } from './client.ts';
import type { Kubernetes } from './kubernetes.ts';

const CLIENT = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  path.join(import.meta.dirname, 'client.ts'),
] as const;

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly containerID: string; readonly restartCount: number }[];
  };
}

export interface QueryOptions {
  /** Address of a pod. */
  readonly host?: string | undefined;
  readonly as?: { readonly user: string; readonly password: string };
  readonly timeoutMs?: number;
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

export interface ClusterStatus {
  readonly phase?: string;
  readonly members?: string;
  readonly voters?: number;
  readonly observedGeneration?: number;
  readonly founder?: string;
  readonly leader?: string;
  readonly nodes?: readonly { readonly name: string; readonly phase: string; readonly id?: string }[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

/** Resolves with the first value that is given; polls four times a second, as a user with `kubectl get` in a loop would. */
export async function until<T>(what: string, timeoutMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last = 'nothing was seen';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = (error as Error).message;
    }
    if (performance.now() > end) throw new Error(`${what}: not in ${timeoutMs / 1000} s (${last})`);
    await delay(250);
  }
}

export class Database {
  readonly name: string;
  readonly namespace: string;
  private readonly kube: Kubernetes;

  constructor(kube: Kubernetes, name: string, namespace: string) {
    this.kube = kube;
    this.name = name;
    this.namespace = namespace;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.kube.kubectl('--namespace', this.namespace, ...args);
  }

  async pods(): Promise<Pod[]> {
    const list = await this.kubectl('get', 'pods', '-l', `p2pdb.io/cluster=${this.name}`, '-o', 'json');
    return (JSON.parse(list) as { items: Pod[] }).items;
  }

  async pod(ordinal: number): Promise<Pod> {
    return JSON.parse(await this.kubectl('get', 'pod', `${this.name}-${ordinal}`, '-o', 'json')) as Pod;
  }

  async status(): Promise<ClusterStatus> {
    const object = JSON.parse(await this.kubectl('get', 'p2pdbcluster', this.name, '-o', 'json')) as {
      metadata: { generation: number };
      status?: ClusterStatus;
    };
    // What was said of an older manifest is no answer.
    return object.status?.observedGeneration === object.metadata.generation ? object.status : {};
  }

  /** Resolves once that many members are in sync and ready, and nothing is under way. Gives how long that took, in milliseconds. */
  async settled(replicas: number, timeoutMs: number): Promise<number> {
    const start = performance.now();
    await until(`${replicas} members in sync`, timeoutMs, async () => {
      const { members, conditions = [] } = await this.status();
      const is = (type: string): boolean => conditions.some((one) => one.type === type && one.status === 'True');
      const pods = await this.pods();
      const good =
        members === `${replicas}/${replicas}` &&
        is('Ready') &&
        !is('Progressing') &&
        pods.length === replicas &&
        pods.every(isReady);
      if (!good)
        throw new Error(`members ${members ?? '-'}, ${conditions.map((c) => `${c.type}=${c.status}`).join(' ')}`);
      return true;
    });
    return performance.now() - start;
  }

  /** Resolves once a pod of another uid is ready in the place of this one. Gives how long that took, in milliseconds. */
  async replaced({ metadata }: Pod, timeoutMs: number): Promise<number> {
    const start = performance.now();
    await until(`another ${metadata.name} is ready`, timeoutMs, async () => {
      const pod = JSON.parse(await this.kubectl('get', 'pod', metadata.name, '-o', 'json')) as Pod;
      return (pod.metadata.uid !== metadata.uid && isReady(pod)) || undefined;
    });
    return performance.now() - start;
  }

  /** The address of the Service for clients: the machine outside the pods has no DNS of theirs. */
  address(): Promise<string> {
    return this.kubectl('get', 'service', this.name, '-o', 'jsonpath={.spec.clusterIP}');
  }

  /** Runs statements, through the Service and as root unless told. Gives the rows of the last one. */
  async query<Row = Record<string, unknown>>(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    const { host, as, timeoutMs = 60_000 } = options;
    const { user, password } = as ?? { user: 'root', password: await this.password() };
    const output = await this.kube.run([...CLIENT, 'query', host ?? (await this.address())], {
      input: sql,
      env: { USER: user, PASSWORD: password },
      timeoutMs,
    });
    return JSON.parse(output) as Row[];
  }

  /** Starts clients that insert into e2e.ledger. What it gives ends them, and tells what became of their statements. */
  async load(workers: number): Promise<() => Promise<LoadReport>> {
    const child: ChildProcess = this.kube.start([...CLIENT, 'load', await this.address(), String(workers)], {
      USER: 'root',
      PASSWORD: await this.password(),
    });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('the client has no output');
    const said = text(stderr);
    const closed = once(child, 'close');
    const lines: string[] = [];
    await new Promise<void>((resolve, reject) => {
      stdout.setEncoding('utf8').on('data', (chunk: string) => {
        lines.push(chunk);
        resolve();
      });
      child.once('exit', () => reject(new Error('the client ended at once')));
    });
    return async () => {
      child.kill('SIGTERM');
      const [code] = (await closed) as [number | null];
      if (code !== 0) throw new Error(`the client ended with ${String(code)}: ${await said}`);
      return JSON.parse(lines.join('').split('\n')[1] ?? '') as LoadReport;
    };
  }

  private async password(): Promise<string> {
    const secret = await this.kubectl('get', 'secret', `${this.name}-root`, '-o', 'jsonpath={.data.password}');
    return Buffer.from(secret, 'base64').toString();
  }
}
