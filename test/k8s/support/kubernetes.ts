/**
 * A whole Kubernetes of one node that runs pods: etcd, API server, controllers, scheduler, containerd, kubelet, kube-proxy, DNS, volumes.
 * All of it lives in a network namespace, a folder and a tree of control groups of its own, so several can run side by side, and what a
 * killed test left behind is found and removed by the next one.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packImage } from '../../../image/oci.ts';
import { makeCgroups, removeCgroups } from './cgroups.ts';
import { startControlPlane } from './control-plane.ts';
import { Daemons } from './daemons.ts';
import { program } from './machine.ts';
import {
  BUSYBOX,
  containerdSocket,
  containerdState,
  DNS_OBJECTS,
  NODE_ADDRESS,
  NODE_NAME,
  PROXY_RIGHTS,
  setUpNetwork,
  startContainerd,
  startDns,
  startKubelet,
} from './node.ts';
import { startProvisioner, STORAGE_OBJECTS } from './storage.ts';

const run = promisify(execFile);

/** Of folders, namespaces and control groups; the id of the process that owns them follows. */
const PREFIX = 'p2pdb-kube-';
/** The name that Linux knows a container's keeper by, which has room for 15 characters. */
const SHIM = 'containerd-shim';
/** Marks each process, and what it starts, with the folder that it belongs to. */
const MARK = 'P2PDB_KUBE_FOLDER';

export interface RunOptions {
  /** Standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Kubernetes {
  /** Path of the kubeconfig of an administrator; its server is reached from inside only. */
  readonly kubeconfig: string;
  /** Where the daemons' logs and all state lie. */
  readonly folder: string;
  /** Runs a program inside the network namespace, with KUBECONFIG set. Resolves with its output; fails with what it said. */
  run(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts such a program; its end is the caller's matter. */
  start(command: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess;
  kubectl(...args: string[]): Promise<string>;
  helm(...args: string[]): Promise<string>;
  /** Applies objects, or the text of a manifest. */
  apply(manifest: string | readonly object[]): Promise<string>;
  /** Makes the images of an OCI archive known to the node, for pods with imagePullPolicy Never or IfNotPresent. */
  load(archive: string): Promise<void>;
  /** Gives an image of the node another name. */
  tag(image: string, name: string): Promise<void>;
  /** Kills a container's process as a fault of the machine would; `id` as pods' status has it, such as containerd://6a4c…. */
  killContainer(id: string): Promise<void>;
  /**
   * Ends all that runs on the node at once and starts the node again, as after a power cut but for what the system had yet to write to the
   * disk. Resolves when its kubelet answers. The control plane goes on: it is meant to be on other machines.
   */
  crashNode(): Promise<void>;
  /** Ends everything that runs and removes everything that was made. */
  stop(): Promise<void>;
}

/** Daemons that end with the node, in the order in which they start. */
const NODE_DAEMONS = ['containerd', 'kubelet', 'proxy', 'coredns', 'provisioner'];

/** Whether it can be had here is what `missing('node')` says. */
export async function startKubernetes(): Promise<Kubernetes> {
  await removeLeftovers();
  const name = `${PREFIX}${process.pid}`;
  const folder = path.join(tmpdir(), name);
  await mkdir(folder);
  try {
    return await bringUp(name, folder);
  } catch (error) {
    await remove(name);
    throw error;
  }
}

async function bringUp(name: string, folder: string): Promise<Kubernetes> {
  await run('ip', ['netns', 'add', name]);
  // Not `ip netns exec`: that mounts a /sys of its own, in which the kubelet finds no control groups.
  const inside = ['nsenter', `--net=/var/run/netns/${name}`];
  await Promise.all([setUpNetwork(inside), makeCgroups(name)]);

  const daemons = new Daemons(folder, inside, { [MARK]: folder });
  const ports = { api: 6443, etcd: 2379, etcdPeers: 2380 };
  const plane = await startControlPlane(daemons, {
    folder,
    address: NODE_ADDRESS,
    ports,
    flags: [
      '--enable-admission-plugins=NodeRestriction',
      // For logs and exec: no DNS knows the node's name.
      '--kubelet-preferred-address-types=InternalIP',
      `--kubelet-client-certificate=${path.join(folder, 'keys/admin.crt')}`,
      `--kubelet-client-key=${path.join(folder, 'keys/admin.key')}`,
    ],
  });
  const kube = handle(name, folder, plane.kubeconfig, inside, daemons);
  await startContainerd(daemons, folder);
  await daemons.ready('apiserver', async () => (await kube.kubectl('get', '--raw', '/readyz')) === 'ok', 90_000);

  const { authority, server } = plane;
  const controllers = await authority.issueKubeconfig('controllers', server, {
    commonName: 'system:kube-controller-manager',
  });
  daemons.start('controllers', [
    program('kube'),
    'kube-controller-manager',
    `--kubeconfig=${controllers}`,
    '--leader-elect=false',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${authority.file('service-accounts.key')}`,
    `--root-ca-file=${authority.file('ca.crt')}`,
  ]);
  const scheduler = await authority.issueKubeconfig('scheduler', server, { commonName: 'system:kube-scheduler' });
  daemons.start('scheduler', [program('kube'), 'kube-scheduler', `--kubeconfig=${scheduler}`, '--leader-elect=false']);
  await containerdReady(daemons, folder);
  await Promise.all([
    kube.load(await busyboxImage()),
    kube.apply([PROXY_RIGHTS, ...DNS_OBJECTS, ...STORAGE_OBJECTS]),
    startKubelet(daemons, plane, folder, `/${name}`),
  ]);
  await Promise.all([startDns(daemons, plane, folder), startProvisioner(daemons, plane, folder)]);
  const ready = '{.status.conditions[?(@.type=="Ready")].status}';
  await daemons.ready(
    'kubelet',
    async () => (await kube.kubectl('get', 'node', NODE_NAME, '-o', `jsonpath=${ready}`)) === 'True',
    60_000,
  );
  return kube;
}

function handle(
  name: string,
  folder: string,
  kubeconfig: string,
  inside: readonly string[],
  daemons: Daemons,
): Kubernetes {
  const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    ...process.env,
    KUBECONFIG: kubeconfig,
    [MARK]: folder,
    // Helm keeps what it caches below.
    HELM_CACHE_HOME: path.join(folder, 'helm'),
    HELM_CONFIG_HOME: path.join(folder, 'helm'),
    HELM_DATA_HOME: path.join(folder, 'helm'),
    ...more,
  });
  const kube: Kubernetes = {
    kubeconfig,
    folder,
    run([command = '', ...args], { input, timeoutMs = 60_000, env } = {}) {
      const [nsenter = '', ...prefix] = inside;
      return new Promise((resolve, reject) => {
        const child = execFile(
          nsenter,
          [...prefix, command, ...args],
          { env: environment(env), timeout: timeoutMs, maxBuffer: 64 << 20 },
          (error, stdout, stderr) => {
            if (error === null) resolve(stdout);
            else reject(new Error(`${command} ${args.join(' ')}: ${stderr || stdout || error.message}`));
          },
        );
        // A command may end without reading: what it answers counts.
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(input);
      });
    },
    start([command = '', ...args], env) {
      const [nsenter = '', ...prefix] = inside;
      return spawn(nsenter, [...prefix, command, ...args], {
        env: environment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    },
    kubectl: (...args) => kube.run(['kubectl', ...args]),
    helm: (...args) => kube.run([program('helm'), ...args], { timeoutMs: 180_000 }),
    apply: (manifest) =>
      kube.run(['kubectl', 'apply', '-f', '-'], {
        input:
          typeof manifest === 'string' ? manifest : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest }),
      }),
    load: async (archive) => {
      await ctr(folder, ['images', 'import', archive]);
    },
    tag: async (image, name) => {
      await ctr(folder, ['images', 'tag', image, name]);
    },
    killContainer: async (id) => {
      await ctr(folder, ['tasks', 'kill', '--signal', 'SIGKILL', id.replace(/^containerd:\/\//, '')]);
    },
    async crashNode() {
      await daemons.stop(NODE_DAEMONS);
      // Shims outlive containerd, and containers outlive both.
      await endMarked(folder, SHIM);
      await removeCgroups(name);
      // A machine that starts again has no mounts, no pods' network namespaces and nothing in /run; the kubelet wants its control group.
      await unmountAll(folder);
      await rm(containerdState(folder), { recursive: true, force: true });
      await makeCgroups(name);
      for (const daemon of NODE_DAEMONS) {
        daemons.restart(daemon);
        if (daemon === 'containerd') await containerdReady(daemons, folder);
      }
      // What the API server has of the node is from before: only the kubelet itself tells that it is there.
      const health = `/api/v1/nodes/${NODE_NAME}/proxy/healthz`;
      await daemons.ready('kubelet', async () => (await kube.kubectl('get', '--raw', health)) === 'ok', 60_000);
    },
    async stop() {
      await daemons.stop();
      await remove(name);
    },
  };
  return kube;
}

const containerdReady = (daemons: Daemons, folder: string): Promise<void> =>
  daemons.ready('containerd', async () => (await ctr(folder, ['version'])) !== '', 30_000);

const ctr = async (folder: string, args: readonly string[]): Promise<string> =>
  (await run('ctr', ['--address', containerdSocket(folder), '--namespace', 'k8s.io', ...args])).stdout;

/** One static program is the image of pods' sandboxes and of the pods that make volumes. Made once. */
async function busyboxImage(): Promise<string> {
  const archive = program('busybox.tar');
  const root = await mkdtemp(path.join(tmpdir(), 'p2pdb-busybox-'));
  try {
    await Promise.all([mkdir(path.join(root, 'bin')), mkdir(path.join(root, 'tmp'))]);
    await copyFile('/usr/bin/busybox', path.join(root, 'bin/busybox'));
    for (const applet of ['cat', 'ls', 'mkdir', 'nslookup', 'rm', 'sh', 'sleep', 'wget']) {
      await symlink('busybox', path.join(root, 'bin', applet));
    }
    const config = { Entrypoint: ['/bin/sleep', '2147483647'], Env: ['PATH=/bin'] };
    await packImage({ root, name: BUSYBOX, config }, archive);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return archive;
}

/** Removes what tests left behind that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    try {
      process.kill(Number(name.slice(PREFIX.length)), 0);
    } catch {
      await remove(name);
    }
  }
}

async function remove(name: string): Promise<void> {
  const folder = path.join(tmpdir(), name);
  await endMarked(folder);
  await removeCgroups(name);
  await unmountAll(folder);
  await run('ip', ['netns', 'delete', name]).catch(() => undefined);
  await removeLinks('/var/log/containers', folder);
  await rm(folder, { recursive: true, force: true });
}

/** Unmounts what is mounted below, the latest first. */
async function unmountAll(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((point) => point.startsWith(`${folder}/`)).reverse()) {
    await run('umount', ['--lazy', mount]).catch(() => undefined);
  }
}

/** Kills the processes that carry the folder's mark in their environment, daemons and what they started; or those of that name. */
async function endMarked(folder: string, name?: string): Promise<void> {
  const mark = `${MARK}=${folder}`;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (!environment.split('\0').includes(mark)) continue;
    const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name !== undefined && command.trim() !== name) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** The kubelet leaves links to pods' logs behind. */
async function removeLinks(from: string, into: string): Promise<void> {
  for (const entry of await readdir(from).catch(() => [])) {
    const link = path.join(from, entry);
    const target = await readlink(link).catch(() => '');
    if (target.startsWith(`${into}/`)) await rm(link, { force: true });
  }
}
