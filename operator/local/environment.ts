/** A node's settings as variables: what the StatefulSet's template is on Kubernetes. */
import { nodeNames, votersOf, type Cluster } from '../api/index.ts';
import { environmentOf } from '../specs/index.ts';
import type { Place } from './places.ts';

/** Everything about one node that does not change while the cluster is up. */
export interface LocalNode extends Place {
  readonly name: string;
  /** Its volume. */
  readonly folder: string;
  /** Where what it prints goes. */
  readonly logFile: string;
  readonly tokenFile: string;
}

export interface Shared {
  readonly cluster: Cluster;
  readonly nodes: readonly LocalNode[];
  /** Public keys by name; empty while they are not known. */
  readonly ids: ReadonlyMap<string, string>;
  readonly swarmKeyFile: string;
  /** `spec.config` as a file. */
  readonly configFile: string;
  readonly rootPassword: string | undefined;
  readonly testFaults: boolean;
}

export function nodeEnvironment(node: LocalNode, shared: Shared): Record<string, string> {
  const { cluster, nodes, ids, rootPassword } = shared;
  const { spec } = cluster;
  const at = (host: string, port: number): string => `${host}:${port}`;
  const others = nodes.filter((other) => other !== node).map(({ host, peers }) => at(host, peers));
  return {
    ...environmentOf(cluster.metadata.name, spec, {
      mysql: at(node.host, node.mysql),
      http: at(node.host, node.http),
      peers: at(node.host, node.peers),
      data: node.folder,
      config: shared.configFile,
      swarmKey: shared.swarmKeyFile,
      adminToken: node.tokenFile,
      others,
    }),
    P2PDB_NAME: node.name,
    P2PDB_COMMIT_LEVEL: spec.commitLevel,
    P2PDB_READ_LEVEL: spec.readLevel,
    P2PDB_ALLOW_TEST_FAULTS: String(shared.testFaults),
    ...(rootPassword !== undefined && { P2PDB_ROOT_PASSWORD: rootPassword }),
    ...(ids.size > 0 && {
      P2PDB_MEMBERS: [...ids].map(([name, id]) => `${name}=${id}`).join(','),
      P2PDB_VOTERS: nodeNames(cluster).slice(0, votersOf(spec)).join(','),
    }),
  };
}

/** Fields that a machine alone has no use for: it has no StorageClass, no Service, no Prometheus operator. */
const MEANINGLESS = [
  'spec.image',
  'spec.imagePullSecrets',
  'spec.storage',
  'spec.resources',
  'spec.affinity',
  'spec.nodeSelector',
  'spec.tolerations',
  'spec.topologySpreadConstraints',
  'spec.priorityClassName',
  'spec.podTemplate',
  'spec.service',
  'spec.tls.secretName',
  'spec.tls.issuerRef',
  'spec.rootPasswordSecret',
  'spec.joinTokenSecret',
  'spec.paused',
  'spec.maintenanceWindow',
  'spec.recovery',
  'spec.monitoring',
];

/** Which of the fields that the document gives have no meaning here. */
export const meaningless = (given: ReadonlySet<string>): string[] => MEANINGLESS.filter((path) => given.has(path));
