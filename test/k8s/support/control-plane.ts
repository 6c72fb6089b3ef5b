/** etcd and kube-apiserver: the part of Kubernetes that keeps objects. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Authority } from './authority.ts';
import type { Daemons } from './daemons.ts';
import { program } from './machine.ts';

export interface ControlPlane {
  readonly authority: Authority;
  /** URL of the API server. */
  readonly server: string;
  /** Path of the kubeconfig of an administrator. */
  readonly kubeconfig: string;
}

export interface ControlPlaneOptions {
  /** Takes keys and etcd's data. */
  readonly folder: string;
  /** Where pods reach the API server; 127.0.0.1 when there are none. */
  readonly address: string;
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeers: number };
  /** More of kube-apiserver's flags. */
  readonly flags?: readonly string[];
}

/** The first address of the range of Services, at which pods find the API server. */
const API_SERVICE = '10.96.0.1';

export async function startControlPlane(daemons: Daemons, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder, address, ports } = options;
  const keys = path.join(folder, 'keys');
  await mkdir(keys, { recursive: true });
  const authority = await Authority.create(keys);
  const server = `https://127.0.0.1:${ports.api}`;
  const names = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map((rest) => `kubernetes${rest}`);
  const [kubeconfig] = await Promise.all([
    authority.issueKubeconfig('admin', server, { commonName: 'admin', organization: 'system:masters' }),
    authority.issue('apiserver', {
      commonName: 'kube-apiserver',
      hosts: [...names, 'localhost', '127.0.0.1', address, API_SERVICE],
    }),
    authority.issueKeyPair('service-accounts'),
  ]);

  const etcd = `http://127.0.0.1:${ports.etcd}`;
  const peers = `http://127.0.0.1:${ports.etcdPeers}`;
  daemons.start('etcd', [
    program('kube'),
    'etcd',
    `--data-dir=${path.join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    '--log-level=warn',
  ]);
  daemons.start('apiserver', [
    program('kube'),
    'kube-apiserver',
    `--etcd-servers=${etcd}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    `--bind-address=${address === '127.0.0.1' ? address : '0.0.0.0'}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.api}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--client-ca-file=${authority.file('ca.crt')}`,
    `--tls-cert-file=${authority.file('apiserver.crt')}`,
    `--tls-private-key-file=${authority.file('apiserver.key')}`,
    `--service-account-key-file=${authority.file('service-accounts.pub')}`,
    `--service-account-signing-key-file=${authority.file('service-accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    ...(options.flags ?? []),
  ]);
  return { authority, server, kubeconfig };
}
