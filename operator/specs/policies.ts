/** What holds around the pods: settings, identity, disruptions, who may reach them. */
import type { V1NetworkPolicySpec, V1PodDisruptionBudgetSpec } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { settingsOf } from './environment.ts';
import { headOf, namesOf, PORTS, selectorOf, type ClusterObject } from './names.ts';
import type { KubeObject } from './object.ts';

export function configMap(cluster: ClusterObject): KubeObject {
  const settings = { log_format: 'json', ...settingsOf(cluster.spec) };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: headOf(cluster, namesOf(cluster.metadata.name).config),
    data: { 'config.yaml': stringify(settings) },
  };
}

/** Without any right: the pods have no business with the API server. */
export const serviceAccount = (
  cluster: ClusterObject,
): KubeObject & { readonly automountServiceAccountToken: boolean } => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: headOf(cluster, namesOf(cluster.metadata.name).serviceAccount),
  automountServiceAccountToken: false,
});

export const disruptionBudget = (cluster: ClusterObject): KubeObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: headOf(cluster, namesOf(cluster.metadata.name).disruption),
  spec: {
    maxUnavailable: 1 as never,
    selector: { matchLabels: selectorOf(cluster.metadata.name) },
    // A pod that is not ready anyway does not hold up the emptying of a machine.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  } satisfies V1PodDisruptionBudgetSpec,
});

/**
 * Clients come from anywhere to MySQL; swarms in other Kubernetes clusters to the peers' port, the own pods to every port (lanes have one
 * of the system's choice); the operator and Prometheus to HTTP.
 */
export function networkPolicy(cluster: ClusterObject): KubeObject {
  const { name } = cluster.metadata;
  const own = { podSelector: { matchLabels: selectorOf(name) } };
  const port = (number: number) => ({ port: number as never, protocol: 'TCP' });
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: headOf(cluster, namesOf(name).network),
    spec: {
      podSelector: { matchLabels: selectorOf(name) },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [port(PORTS.mysql)] },
        { from: [own] },
        // Those elsewhere come through addresses that no selector knows.
        ...(cluster.spec.bootstrapPeers.length > 0 ? [{ ports: [port(PORTS.peers)] }] : []),
        {
          ports: [port(PORTS.http)],
          from: [
            { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'p2pdb-operator' } } },
            { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } } },
          ],
        },
      ] as V1NetworkPolicySpec['ingress'] & object,
    } satisfies V1NetworkPolicySpec,
  };
}
