/** A node that runs pods: containerd, kubelet, kube-proxy, and DNS; its network is a namespace of its own. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ControlPlane } from './control-plane.ts';
import type { Daemons } from './daemons.ts';
import { program } from './machine.ts';

const run = promisify(execFile);

export const NODE_NAME = 'node1';
/** Of the node in its network namespace. */
export const NODE_ADDRESS = '10.88.0.1';
const PODS = '10.244.0.0/24';
const DNS_SERVICE = '10.96.0.10';

/** Image of the containers that keep a pod's namespaces, and of those that make volumes. */
export const BUSYBOX = 'localhost/busybox:1';

export const containerdSocket = (folder: string): string => path.join(folder, 'containerd/sock');

/** What of containerd's lies in /run elsewhere, and is gone when the machine starts again. */
export const containerdState = (folder: string): string => path.join(folder, 'containerd/state');

/** Gives the namespace its addresses. A bridge holds the node's: not every kernel has `dummy` devices. */
export async function setUpNetwork(inside: readonly string[]): Promise<void> {
  const [command = '', ...prefix] = inside;
  for (const args of [
    ['link', 'set', 'lo', 'up'],
    ['link', 'add', 'node', 'type', 'bridge'],
    ['addr', 'add', `${NODE_ADDRESS}/24`, 'dev', 'node'],
    ['link', 'set', 'node', 'up'],
    ['route', 'add', 'default', 'dev', 'node'],
  ]) {
    await run(command, [...prefix, 'ip', ...args]);
  }
}

/** Starts containerd, which answers on its socket a moment later. */
export async function startContainerd(daemons: Daemons, folder: string): Promise<void> {
  const own = path.join(folder, 'containerd');
  const networks = path.join(folder, 'networks');
  await Promise.all([mkdir(own), mkdir(networks)]);
  const network = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: path.join(folder, 'addresses'),
          ranges: [[{ subnet: PODS }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  await writeFile(path.join(networks, '10-pods.conflist'), JSON.stringify(network));
  // restrict_oom_score_adj: without the capability CAP_SYS_RESOURCE every pod would fail otherwise.
  await writeFile(
    path.join(own, 'config.toml'),
    `version = 2
root = "${own}/root"
state = "${containerdState(folder)}"
[grpc]
  address = "${containerdSocket(folder)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${own}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${BUSYBOX}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${networks}"
`,
  );
  daemons.start('containerd', ['containerd', '--config', path.join(own, 'config.toml')]);
}

/** Starts the kubelet, whose pods' cgroups lie under `cgroup`, and kube-proxy. */
export async function startKubelet(
  daemons: Daemons,
  { authority, server }: ControlPlane,
  folder: string,
  cgroup: string,
): Promise<void> {
  const proxy = await authority.issueKubeconfig('proxy', server, { commonName: 'system:kube-proxy' });
  const kubelet = await authority.issueKubeconfig('kubelet', server, {
    commonName: `system:node:${NODE_NAME}`,
    organization: 'system:nodes',
    hosts: [NODE_NAME, NODE_ADDRESS],
  });
  const resolver = path.join(folder, 'resolv.conf');
  await writeFile(resolver, 'nameserver 127.0.0.1\n');
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failSwapOn: false,
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    clusterDNS: [DNS_SERVICE],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${containerdSocket(folder)}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority.file('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: authority.file('kubelet.crt'),
    tlsPrivateKeyFile: authority.file('kubelet.key'),
    resolvConf: resolver,
    podLogsDir: path.join(folder, 'pod-logs'),
    // cAdvisor cannot name the disk of every machine, and its images are nobody's to collect.
    localStorageCapacityIsolation: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  };
  const file = path.join(folder, 'kubelet.json');
  await writeFile(file, JSON.stringify(config));
  daemons.start('kubelet', [
    program('kube'),
    'kubelet',
    `--kubeconfig=${kubelet}`,
    `--config=${file}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
    `--root-dir=${path.join(folder, 'kubelet')}`,
  ]);
  daemons.start('proxy', [
    program('kube'),
    'kube-proxy',
    `--kubeconfig=${proxy}`,
    '--proxy-mode=iptables',
    `--cluster-cidr=${PODS}`,
    `--hostname-override=${NODE_NAME}`,
    // The limits of connections belong to the machine, not to the namespace.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]);
}

/** What kube-proxy may do. */
export const PROXY_RIGHTS = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'node-proxier' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:kube-proxy' }],
};

/** CoreDNS runs on the node itself, behind the usual Service. */
export async function startDns(daemons: Daemons, plane: ControlPlane, folder: string): Promise<void> {
  const file = path.join(folder, 'Corefile');
  await writeFile(
    file,
    `cluster.local:53 in-addr.arpa:53 {
  bind ${NODE_ADDRESS}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${plane.kubeconfig} test
    pods insecure
    ttl 5
  }
}
`,
  );
  daemons.start('coredns', [program('kube'), 'coredns', '-conf', file]);
}

const DNS_PORTS = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
];
export const DNS_OBJECTS = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: { clusterIP: DNS_SERVICE, ports: DNS_PORTS },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: { 'kubernetes.io/service-name': 'kube-dns' },
    },
    addressType: 'IPv4',
    ports: DNS_PORTS,
    endpoints: [{ addresses: [NODE_ADDRESS] }],
  },
];
