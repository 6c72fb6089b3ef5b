/**
 * Plays the kubelet for tests without containers: each pod of a cluster is a real `p2pdb node` process with a loopback address of its
 * own, its Secrets and ConfigMaps as files, its volume claim a folder that lives as long as the claim. Probes and restarts as a
 * kubelet does them; everything else is done by Kubernetes' own controllers.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { ApiClient } from '../../../operator/kube/client.ts';
import { Reflector } from '../../../operator/kube/reflector.ts';
import { RESOURCES } from '../../../operator/kube/resources.ts';
import { CLUSTER_LABEL, type KubeObject } from '../../../operator/specs/index.ts';
import { Program } from '../../support/process.ts';

const PROBE_MS = 50;
/** Addresses 127.N.0.1 and on; nodes of other tests of this machine are elsewhere. */
const NETWORK = 64 + (process.pid % 128);

interface PlayedPod {
  readonly object: KubeObject;
  readonly ip: string;
  program: Program | undefined;
  isGone: boolean;
  readonly done: Promise<void>;
  /** Folders of mounted Secrets, by their names. */
  readonly secrets: Map<string, string>;
}

export class Kubelet {
  private readonly client: ApiClient;
  private readonly folder: string;
  private readonly pods = new Map<string, PlayedPod>();
  private readonly stop = new AbortController();
  private readonly watching: Promise<unknown>;
  private addresses = 0;
  /** By the folder of the volume: one process at a time. */
  private readonly volumes = new Map<string, Promise<void>>();

  constructor(client: ApiClient, folder: string) {
    this.client = client;
    this.folder = folder;
    const watch = (kind: 'Pod' | 'Secret', onChange: (object: KubeObject, isGone: boolean) => void): Promise<void> =>
      new Reflector({
        client,
        resource: RESOURCES[kind],
        kind,
        namespace: undefined,
        labelSelector: CLUSTER_LABEL,
        onChange,
        onError: () => undefined,
      }).run(this.stop.signal);
    this.watching = Promise.all([
      watch('Pod', (pod, isGone) => this.see(pod, isGone)),
      watch('Secret', (secret) => this.refresh(secret)),
    ]);
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.watching;
    const pods = [...this.pods.values()];
    for (const pod of pods) pod.isGone = true;
    await Promise.all(pods.flatMap(({ program }) => program?.kill('SIGKILL') ?? []));
    await Promise.all(pods.map(({ done }) => done));
  }

  /** The process of a pod. */
  program(name: string): Program {
    const found = [...this.pods.values()].find(({ object, isGone }) => object.metadata.name === name && !isGone);
    if (!found?.program) throw new Error(`no process runs for ${name}`);
    return found.program;
  }

  address(name: string): string {
    const found = [...this.pods.values()].find(({ object, isGone }) => object.metadata.name === name && !isGone);
    if (!found) throw new Error(`there is no pod ${name}`);
    return found.ip;
  }

  private see(object: KubeObject, isGone: boolean): void {
    const uid = object.metadata.uid ?? '';
    const known = this.pods.get(uid);
    if (isGone || object.metadata.deletionTimestamp !== undefined) {
      if (!known || known.isGone) return;
      known.isGone = true;
      void known.program?.kill('SIGTERM');
      return;
    }
    if (known) return;
    const ip = `127.${NETWORK}.${Math.floor(this.addresses / 250)}.${(this.addresses++ % 250) + 1}`;
    const pod: PlayedPod = {
      object,
      ip,
      program: undefined,
      isGone: false,
      done: Promise.resolve(),
      secrets: new Map(),
    };
    this.pods.set(uid, Object.assign(pod, { done: this.play(pod).catch((error: unknown) => this.fail(pod, error)) }));
  }

  private fail(pod: PlayedPod, error: unknown): void {
    if (!pod.isGone && !this.stop.signal.aborted) console.error(`kubelet: ${pod.object.metadata.name}:`, error);
  }

  private async play(pod: PlayedPod): Promise<void> {
    const { metadata, spec } = pod.object as unknown as {
      metadata: KubeObject['metadata'];
      spec: NonNullable<V1Pod['spec']>;
    };
    const { name, namespace = '', uid = '' } = metadata;
    const claimName = spec.volumes?.find(({ persistentVolumeClaim }) => persistentVolumeClaim)?.persistentVolumeClaim
      ?.claimName;
    const claim = await this.client.get(RESOURCES.PersistentVolumeClaim, namespace, claimName ?? '');
    const data = path.join(this.folder, 'volumes', claim?.metadata.uid ?? uid);
    const before = this.volumes.get(data);
    let free: () => void = () => undefined;
    this.volumes.set(data, new Promise((resolve) => (free = resolve)));
    await before;
    try {
      const root = path.join(this.folder, 'pods', uid);
      const mounts = await this.mount(pod, spec, root, data);
      while (!pod.isGone && !this.stop.signal.aborted) {
        const program = new Program(['node'], this.environment(pod, name, spec, mounts));
        pod.program = program;
        await this.probe(pod, program, namespace, name);
        const { code, err } = await program.exit;
        if (code !== 0 && !pod.isGone && code !== null)
          console.error(`${name} ended with ${code}: ${err.slice(-2000)}`);
        await this.report(namespace, name, pod, false);
      }
      rmSync(root, { recursive: true, force: true });
    } finally {
      free();
    }
  }

  /** Folders by mount path. */
  private async mount(
    { object: { metadata }, secrets }: PlayedPod,
    { volumes = [], containers }: NonNullable<V1Pod['spec']>,
    root: string,
    data: string,
  ): Promise<Map<string, string>> {
    const { namespace = '' } = metadata;
    const mounts = new Map<string, string>();
    for (const { name, mountPath } of containers[0]?.volumeMounts ?? []) {
      const volume = volumes.find((one) => one.name === name);
      const dir = volume?.persistentVolumeClaim ? data : path.join(root, name);
      mkdirSync(dir, { recursive: true });
      mounts.set(mountPath, dir);
      const secret = volume?.secret?.secretName;
      const config = volume?.configMap?.name;
      if (secret === undefined && config === undefined) continue;
      const object = await this.appears(
        secret === undefined ? 'ConfigMap' : 'Secret',
        namespace,
        secret ?? config ?? '',
      );
      put(dir, object);
      if (secret !== undefined) secrets.set(secret, dir);
    }
    return mounts;
  }

  /** Pods see a Secret's new content without a restart. */
  private refresh(secret: KubeObject): void {
    for (const { object, secrets, isGone } of this.pods.values()) {
      const dir = secrets.get(secret.metadata.name);
      if (dir !== undefined && !isGone && object.metadata.namespace === secret.metadata.namespace) put(dir, secret);
    }
  }

  /** A kubelet, too, waits for what a pod mounts. */
  private async appears(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): Promise<KubeObject> {
    for (;;) {
      const object = await this.client.get(RESOURCES[kind], namespace, name);
      if (object) return object;
      await sleep(100, undefined, { signal: this.stop.signal });
    }
  }

  private environment(
    { ip }: PlayedPod,
    name: string,
    { containers }: NonNullable<V1Pod['spec']>,
    mounts: ReadonlyMap<string, string>,
  ): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = {};
    for (const { name: variable, value, valueFrom } of containers[0]?.env ?? []) {
      let text = valueFrom?.fieldRef?.fieldPath === 'metadata.name' ? name : (value ?? '');
      const mount = [...mounts].find(([at]) => text === at || text.startsWith(`${at}/`));
      if (mount) text = mount[1] + text.slice(mount[0].length);
      env[variable] = text.replace(/^0\.0\.0\.0:/, `${ip}:`);
    }
    // No DNS is here for the pods' names.
    env['P2PDB_BOOTSTRAP'] = (env['P2PDB_BOOTSTRAP'] ?? '')
      .split(',')
      .filter((address) => /^[0-9.]+:/.test(address))
      .join(',');
    delete env['NODE_COMPILE_CACHE'];
    return env;
  }

  /** Until the process ends. */
  private async probe(pod: PlayedPod, program: Program, namespace: string, name: string): Promise<void> {
    let told: boolean | undefined;
    while (program.running && !pod.isGone) {
      const ready = await fetch(`http://${pod.ip}:8080/readyz`, { signal: AbortSignal.timeout(1000) }).then(
        async (response) => {
          await response.body?.cancel();
          return response.status === 200;
        },
        () => false,
      );
      if (ready !== told) {
        told = ready;
        await this.report(namespace, name, pod, ready);
      }
      await sleep(PROBE_MS);
    }
  }

  private async report(namespace: string, name: string, pod: PlayedPod, isReady: boolean): Promise<void> {
    if (pod.isGone || this.stop.signal.aborted) return;
    const status = isReady ? 'True' : 'False';
    const resource = { ...RESOURCES.Pod, plural: 'pods' };
    const patch = {
      metadata: { uid: pod.object.metadata.uid },
      status: {
        phase: 'Running',
        podIP: pod.ip,
        podIPs: [{ ip: pod.ip }],
        conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status })),
      },
    };
    await this.client.mergePatch(resource, namespace, `${name}/status`, patch).catch(() => undefined);
  }
}

/** The content of a Secret or ConfigMap as files, each whole at any time. */
function put(dir: string, { kind, data = {} }: KubeObject): void {
  for (const [key, value] of Object.entries(data)) {
    writeFileSync(path.join(dir, `.${key}`), kind === 'Secret' ? Buffer.from(value, 'base64') : value);
    renameSync(path.join(dir, `.${key}`), path.join(dir, key));
  }
}
