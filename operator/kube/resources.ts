/** Where the API server keeps each kind. */
import { API_GROUP } from '../api/index.ts';

export interface Resource {
  /** Such as `v1` or `apps/v1`. */
  readonly apiVersion: string;
  readonly plural: string;
}

const P2PDB = `${API_GROUP}/v1alpha1`;

export const RESOURCES = {
  P2PDBCluster: { apiVersion: P2PDB, plural: 'p2pdbclusters' },
  P2PDBDatabase: { apiVersion: P2PDB, plural: 'p2pdbdatabases' },
  P2PDBUser: { apiVersion: P2PDB, plural: 'p2pdbusers' },
  StatefulSet: { apiVersion: 'apps/v1', plural: 'statefulsets' },
  Pod: { apiVersion: 'v1', plural: 'pods' },
  Service: { apiVersion: 'v1', plural: 'services' },
  ConfigMap: { apiVersion: 'v1', plural: 'configmaps' },
  Secret: { apiVersion: 'v1', plural: 'secrets' },
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts' },
  PersistentVolumeClaim: { apiVersion: 'v1', plural: 'persistentvolumeclaims' },
  PodDisruptionBudget: { apiVersion: 'policy/v1', plural: 'poddisruptionbudgets' },
  NetworkPolicy: { apiVersion: 'networking.k8s.io/v1', plural: 'networkpolicies' },
  PodMonitor: { apiVersion: 'monitoring.coreos.com/v1', plural: 'podmonitors' },
  PrometheusRule: { apiVersion: 'monitoring.coreos.com/v1', plural: 'prometheusrules' },
  Certificate: { apiVersion: 'cert-manager.io/v1', plural: 'certificates' },
  Event: { apiVersion: 'events.k8s.io/v1', plural: 'events' },
  Lease: { apiVersion: 'coordination.k8s.io/v1', plural: 'leases' },
  Namespace: { apiVersion: 'v1', plural: 'namespaces' },
} as const satisfies Record<string, Resource>;

export type KindName = keyof typeof RESOURCES;

/** Kinds of others, which may exist or not. */
export const OPTIONAL_KINDS = ['PodMonitor', 'PrometheusRule', 'Certificate'] as const satisfies readonly KindName[];
export type OptionalKind = (typeof OPTIONAL_KINDS)[number];

export function resourceOf(kind: string): Resource {
  const resource = (RESOURCES as Readonly<Record<string, Resource>>)[kind];
  if (!resource) throw new Error(`the operator knows no kind ${kind}`);
  return resource;
}

export function pathOf(
  { apiVersion, plural }: Resource,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return [`${root}${scope}`, plural, name, subresource].filter((part) => part !== undefined).join('/');
}
