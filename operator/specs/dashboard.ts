/** The Grafana dashboard of a cluster. */

interface Panel {
  readonly title: string;
  readonly unit: string;
  /** With `$pods` for the selector of the cluster's pods. */
  readonly expr: string;
  readonly legend: string;
}

const PANELS: readonly Panel[] = [
  {
    title: 'Replication lag',
    unit: 'short',
    expr: 'max by (peer) (p2pdb_replication_lag_entries{$pods})',
    legend: '{{peer}}',
  },
  { title: 'Final height', unit: 'short', expr: 'p2pdb_final_height{$pods}', legend: '{{pod}}' },
  { title: 'Tentative transactions', unit: 'short', expr: 'p2pdb_tentative_transactions{$pods}', legend: '{{pod}}' },
  {
    title: 'Statements',
    unit: 'ops',
    expr: 'sum by (kind) (rate(p2pdb_statements_total{$pods}[1m]))',
    legend: '{{kind}}',
  },
  { title: 'Commits', unit: 'ops', expr: 'rate(p2pdb_transactions_committed_total{$pods}[1m])', legend: '{{pod}}' },
  {
    title: 'Rejected transactions',
    unit: 'ops',
    expr: 'rate(p2pdb_transactions_rejected_total{$pods}[1m])',
    legend: '{{pod}}',
  },
  { title: 'Connections', unit: 'short', expr: 'p2pdb_mysql_connections{$pods}', legend: '{{pod}}' },
  { title: 'Memory', unit: 'bytes', expr: 'p2pdb_process_resident_memory_bytes{$pods}', legend: '{{pod}}' },
  { title: 'CPU', unit: 'percentunit', expr: 'rate(p2pdb_process_cpu_seconds_total{$pods}[1m])', legend: '{{pod}}' },
];

const WIDTH = 8;
const HEIGHT = 8;

/** Its JSON, for Grafana 9 and later. */
export function dashboardJson({
  name,
  namespace = 'default',
}: {
  readonly name: string;
  readonly namespace?: string;
}): string {
  const pods = `namespace="${namespace}",pod=~"${name}-[0-9]+"`;
  const panels = PANELS.map(({ title, unit, expr, legend }, i) => ({
    id: i + 1,
    title,
    type: 'timeseries',
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { h: HEIGHT, w: WIDTH, x: (i % 3) * WIDTH, y: Math.floor(i / 3) * HEIGHT },
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: [{ refId: 'A', expr: expr.replaceAll('$pods', pods), legendFormat: legend }],
  }));
  return JSON.stringify({
    uid: `p2pdb-${namespace}-${name}`.slice(0, 40),
    title: `P2PDB ${namespace}/${name}`,
    tags: ['p2pdb'],
    schemaVersion: 38,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels,
  });
}
