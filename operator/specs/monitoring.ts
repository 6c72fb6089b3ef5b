/** Objects for Prometheus, Grafana and cert-manager, whose kinds may or may not exist. */
import { dashboardJson } from './dashboard.ts';
import { headOf, namesOf, selectorOf, type ClusterObject } from './names.ts';
import type { KubeObject } from './object.ts';
import { serverNames } from './server-names.ts';

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
  const { name, namespace = 'default' } = cluster.metadata;
  const pods = `namespace="${namespace}",pod=~"${name}-[0-9]+"`;
  const alert = (title: string, expr: string, minutes: number, severity: string, summary: string): object => ({
    alert: title,
    expr,
    for: `${minutes}m`,
    labels: { severity, cluster: name },
    annotations: { summary, runbook_url: `https://p2pdb.io/runbooks/${title}` },
  });
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: headOf(cluster, namesOf(name).rules),
    spec: {
      groups: [
        {
          name: `p2pdb-${namespace}-${name}`,
          rules: [
            alert(
              'P2PDBReplicationLag',
              `max by (peer) (p2pdb_replication_lag_entries{${pods}}) > 1000`,
              5,
              'warning',
              'Member {{ $labels.peer }} is {{ $value }} entries behind.',
            ),
            alert(
              'P2PDBFinalStalls',
              `sum(p2pdb_tentative_transactions{${pods}}) > 0 and sum(increase(p2pdb_final_height{${pods}}[5m])) == 0`,
              5,
              'critical',
              'Transactions wait, and nothing becomes final: a majority of the voters is missing.',
            ),
            alert('P2PDBNodeDown', `up{${pods}} == 0`, 5, 'warning', 'Node {{ $labels.pod }} cannot be scraped.'),
          ],
        },
      ],
    },
  };
}

/** Grafana's sidecar finds it by its label. */
export function dashboard(cluster: ClusterObject): KubeObject {
  const metadata = headOf(cluster, namesOf(cluster.metadata.name).dashboard);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, labels: { ...metadata.labels, grafana_dashboard: '1' } },
    data: { [`p2pdb-${cluster.metadata.name}.json`]: dashboardJson(cluster.metadata) },
  };
}

export function certificate(cluster: ClusterObject): KubeObject {
  const { certificate: name } = namesOf(cluster.metadata.name);
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: headOf(cluster, name),
    spec: { secretName: name, dnsNames: serverNames(cluster.metadata), issuerRef: cluster.spec.tls.issuerRef ?? {} },
  };
}
