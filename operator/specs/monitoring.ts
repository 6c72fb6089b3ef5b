/** Objects for Prometheus and Grafana, whose kinds may or may not exist. */
import { isPart } from '../api/index.ts';
import { dashboardJson } from './dashboard.ts';
import { headOf, namesOf, selectorOf, type ClusterObject } from './names.ts';
import type { KubeObject } from './object.ts';
import { kubernetesTarget, ruleGroups } from './rules.ts';

export const podMonitor = (cluster: ClusterObject): KubeObject => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PodMonitor',
  metadata: headOf(cluster, namesOf(cluster.metadata.name).monitor),
  spec: {
    selector: { matchLabels: selectorOf(cluster.metadata.name) },
    podMetricsEndpoints: [{ port: 'http', path: '/metrics', interval: '15s' }],
    podTargetLabels: ['app.kubernetes.io/instance'],
  },
});

export function prometheusRule(cluster: ClusterObject): KubeObject {
  const { name, namespace } = cluster.metadata;
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: headOf(cluster, namesOf(name).rules),
    spec: {
      groups: ruleGroups(
        `p2pdb-${namespace ?? 'default'}-${name}`,
        kubernetesTarget(name, namespace),
        isWhole(cluster) ? [] : ['P2PDBMemberMissing'],
      ),
    },
  };
}

/** Every member of the group is seen by the Prometheus that sees these. */
const isWhole = ({ spec }: ClusterObject): boolean => !isPart(spec) && spec.bootstrapPeers.length === 0;

/** Grafana's sidecar finds it by its label. */
export function dashboard(cluster: ClusterObject): KubeObject {
  const { name, namespace = 'default' } = cluster.metadata;
  const metadata = headOf(cluster, namesOf(name).dashboard);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, labels: { ...metadata.labels, grafana_dashboard: '1' } },
    data: {
      [`p2pdb-${name}.json`]: dashboardJson(
        `p2pdb-${namespace}-${name}`.slice(0, 40),
        `P2PDB ${namespace}/${name}`,
        kubernetesTarget(name, namespace),
      ),
    },
  };
}
