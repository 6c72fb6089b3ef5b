/** Names, labels and annotations of everything that belongs to a cluster. */
import type { Cluster } from '../api/index.ts';
import type { KubeObject, OwnerReference } from './object.ts';

export const CLUSTER_LABEL = 'p2pdb.io/cluster';
/** On an object: hash of what the operator last wanted it to be. */
export const HASH_ANNOTATION = 'p2pdb.io/hash';
/** On a StatefulSet: hash of what the manifest says of its pods, and version of the operator that made them of it. */
export const INPUTS_ANNOTATION = 'p2pdb.io/inputs';
export const OPERATOR_ANNOTATION = 'p2pdb.io/operator-version';
/** On pods: hash of the settings that need a restart. */
export const CONFIG_ANNOTATION = 'p2pdb.io/config';
export const FIELD_MANAGER = 'p2pdb-operator';

/** A P2PDBCluster as the API server gives it. */
export type ClusterObject = Cluster & { readonly metadata: KubeObject['metadata'] & { readonly uid: string } };

export const namesOf = (cluster: string) => ({
  statefulSet: cluster,
  client: cluster,
  peers: `${cluster}-peers`,
  config: `${cluster}-config`,
  keys: `${cluster}-keys`,
  root: `${cluster}-root`,
  authority: `${cluster}-ca`,
  certificate: `${cluster}-tls`,
  /** Of the Certificate that cert-manager is asked for, and of its Secret. */
  issued: `${cluster}-issued-tls`,
  serviceAccount: cluster,
  disruption: cluster,
  network: cluster,
  monitor: cluster,
  rules: cluster,
  dashboard: `${cluster}-dashboard`,
  pod: (ordinal: number) => `${cluster}-${ordinal}`,
  claim: (pod: string) => `${VOLUME}-${pod}`,
});

export const VOLUME = 'data';

export const PORTS = { mysql: 3306, peers: 4001, http: 8080 } as const;

/** What a pod is chosen by; never to be changed, as a StatefulSet's selector cannot be. */
export const selectorOf = (cluster: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'p2pdb',
  'app.kubernetes.io/instance': cluster,
  [CLUSTER_LABEL]: cluster,
});

export const labelsOf = (cluster: string): Record<string, string> => ({
  ...selectorOf(cluster),
  'app.kubernetes.io/managed-by': FIELD_MANAGER,
});

export const ownerOf = ({ apiVersion, kind, metadata }: ClusterObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** The head of an object of the cluster: it goes with it. */
export const headOf = (
  cluster: ClusterObject,
  name: string,
  annotations?: Readonly<Record<string, string>>,
): KubeObject['metadata'] => ({
  name,
  ...(cluster.metadata.namespace !== undefined && { namespace: cluster.metadata.namespace }),
  labels: labelsOf(cluster.metadata.name),
  ...(annotations !== undefined && Object.keys(annotations).length > 0 && { annotations }),
  ownerReferences: [ownerOf(cluster)],
});
