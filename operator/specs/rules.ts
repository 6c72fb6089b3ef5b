/**
 * Recording rules and alerts of a cluster, and of the operator, for Prometheus. Each alert has a page in docs/runbooks;
 * docs/reference/alerts.md is made of this list.
 */

/** Which series are the cluster's, and how a node is told there. */
export interface Target {
  /** Of series that nodes give, as in `namespace="shop",pod=~"demo-[0-9]+"`. */
  readonly selector: string;
  /** The label that names a node. */
  readonly node: string;
  /** On all that the rules make; together they tell this cluster from others. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  /** For the reference. */
  readonly meaning: string;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
}

/** In expressions: `$nodes` selects the cluster's nodes, `$recorded` what its recording rules made, `$node` names a node. */
export const RECORDING_RULES: readonly RecordingRule[] = [
  {
    record: 'p2pdb:replication_lag_seconds:max',
    expr: 'max by ($node) (p2pdb_replication_lag_seconds{$nodes})',
    meaning: 'How old the oldest entry is that a node knows of and has not applied, by node.',
  },
  {
    record: 'p2pdb:replication_lag_entries:max',
    expr: 'max by ($node) (p2pdb_replication_lag_entries{$nodes})',
    meaning: 'How many entries a node is behind the peer that has most, by node.',
  },
  {
    record: 'p2pdb:statements:rate5m',
    expr: 'sum by (kind) (rate(p2pdb_statements_total{$nodes}[5m]))',
    meaning: 'Statements a second, by kind.',
  },
  {
    record: 'p2pdb:statement_errors:ratio_rate5m',
    expr: 'sum(rate(p2pdb_statement_errors_total{$nodes}[5m])) / (sum(rate(p2pdb_statements_total{$nodes}[5m])) > 0)',
    meaning: 'Part of the statements that fail.',
  },
  {
    record: 'p2pdb:statement_seconds:p99_5m',
    expr: 'histogram_quantile(0.99, sum by (kind, le) (rate(p2pdb_statement_seconds_bucket{$nodes}[5m])))',
    meaning: 'Time that 99 of 100 statements need at most, by kind.',
  },
  {
    record: 'p2pdb:commits:rate5m',
    expr: 'sum by (level) (rate(p2pdb_commit_seconds_count{$nodes}[5m]))',
    meaning: 'Commits a second, by level.',
  },
  {
    record: 'p2pdb:commit_seconds:p99_5m',
    expr: 'histogram_quantile(0.99, sum by (level, le) (rate(p2pdb_commit_seconds_bucket{$nodes}[5m])))',
    meaning: 'Time that 99 of 100 commits need at most, by level.',
  },
  {
    record: 'p2pdb:disk_free:ratio',
    expr: 'min by ($node) (p2pdb_disk_free_bytes{$nodes} / p2pdb_disk_size_bytes{$nodes})',
    meaning: "Part of a node's file system that is free.",
  },
  {
    record: 'p2pdb:memory:ratio',
    expr: 'max by ($node) (p2pdb_process_resident_memory_bytes{$nodes} / p2pdb_memory_limit_bytes{$nodes})',
    meaning: 'Part of the memory that a node may use and does.',
  },
];

export const ALERTS: readonly AlertRule[] = [
  {
    alert: 'P2PDBNodeDown',
    expr: 'up{$nodes} == 0',
    for: '5m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} cannot be scraped.',
  },
  {
    alert: 'P2PDBMemberMissing',
    expr: 'max(p2pdb_members{$nodes}) - count(p2pdb_ready{$nodes}) > 0',
    for: '10m',
    severity: 'warning',
    summary: '{{ $value }} members of the group are not seen by Prometheus.',
  },
  {
    alert: 'P2PDBNotReady',
    expr: 'p2pdb_ready{$nodes} == 0',
    for: '10m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} runs and takes no clients.',
  },
  {
    alert: 'P2PDBRestarts',
    expr: 'changes(p2pdb_process_start_time_seconds{$nodes}[30m]) > 3',
    for: '0m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} was started {{ $value }} times within 30 minutes.',
  },
  {
    alert: 'P2PDBNoMajority',
    expr: 'p2pdb_leader_known{$nodes} == 0',
    for: '1m',
    severity: 'critical',
    summary: 'Node {{ $labels.$node }} reaches no majority of the voters: local commits only.',
  },
  {
    alert: 'P2PDBNoVoterToSpare',
    expr: 'max(p2pdb_voters_up{$nodes}) <= floor(max(p2pdb_voters{$nodes}) / 2) + 1 and max(p2pdb_voters{$nodes}) >= 3',
    for: '5m',
    severity: 'warning',
    summary: 'Only {{ $value }} voters are there: the loss of one more stops all that needs a majority.',
  },
  {
    alert: 'P2PDBFinalStalls',
    expr: 'p2pdb_tentative_age_seconds{$nodes} > 60',
    for: '1m',
    severity: 'critical',
    summary: 'On node {{ $labels.$node }} an entry has waited {{ $value | humanizeDuration }} to become final.',
  },
  {
    alert: 'P2PDBReplicationLag',
    expr: 'p2pdb:replication_lag_seconds:max{$recorded} > 30',
    for: '5m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} is {{ $value | humanizeDuration }} behind.',
  },
  {
    alert: 'P2PDBPeerSilent',
    expr: 'p2pdb_peer_last_contact_seconds{$nodes} > 60',
    for: '2m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} has heard nothing of {{ $labels.peer }} for {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'P2PDBSyncStuck',
    expr: 'min_over_time(p2pdb_sync_queue_entries{$nodes}[10m]) > 0',
    for: '5m',
    severity: 'warning',
    summary: 'On node {{ $labels.$node }} entries of others wait for {{ $labels.wait }} all the time.',
  },
  {
    alert: 'P2PDBDigestAlarm',
    expr: 'increase(p2pdb_digest_alarms_total{$nodes}[15m]) > 0 or p2pdb_damaged_states{$nodes} > 0',
    for: '0m',
    severity: 'critical',
    summary: 'The state of node {{ $labels.$node }} is, or was, not what the others have.',
  },
  {
    alert: 'P2PDBEquivocation',
    expr: 'max(delta(p2pdb_ended_authors{$nodes}[1h])) > 0',
    for: '0m',
    severity: 'critical',
    summary: 'A member signed two entries with one number: p2pdb.equivocations names it.',
  },
  {
    alert: 'P2PDBConflicts',
    expr: 'max(p2pdb_conflicts{$nodes}) > 0',
    for: '15m',
    severity: 'info',
    summary: 'p2pdb.conflicts lists {{ $value }} rows that nobody has resolved.',
  },
  {
    alert: 'P2PDBRejections',
    expr: 'max(rate(p2pdb_transactions_rejected_total{$nodes}[10m])) > 1',
    for: '10m',
    severity: 'warning',
    summary: 'The order refuses {{ $value | humanize }} transactions a second.',
  },
  {
    alert: 'P2PDBDiskFull',
    expr: 'p2pdb:disk_free:ratio{$recorded} < 0.1',
    for: '5m',
    severity: 'critical',
    summary: 'The disk of node {{ $labels.$node }} has {{ $value | humanizePercentage }} left.',
  },
  {
    alert: 'P2PDBDiskFills',
    expr: 'predict_linear(p2pdb_disk_free_bytes{$nodes}[6h], 86400) < 0 and p2pdb_disk_free_bytes{$nodes} / p2pdb_disk_size_bytes{$nodes} < 0.4',
    for: '1h',
    severity: 'warning',
    summary: 'The disk of node {{ $labels.$node }} will be full within a day.',
  },
  {
    alert: 'P2PDBDiskSlow',
    expr: 'rate(p2pdb_log_sync_seconds_total{$nodes}[5m]) > 0.8',
    for: '10m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} spends {{ $value | humanizePercentage }} of its time waiting for its disk.',
  },
  {
    alert: 'P2PDBMemory',
    expr: 'p2pdb:memory:ratio{$recorded} > 0.9',
    for: '10m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} uses {{ $value | humanizePercentage }} of the memory that it may.',
  },
  {
    alert: 'P2PDBEventLoopBlocked',
    expr: 'p2pdb_nodejs_eventloop_lag_p99_seconds{$nodes} > 0.5',
    for: '5m',
    severity: 'warning',
    summary: 'On node {{ $labels.$node }} everything waits {{ $value | humanizeDuration }} for long statements.',
  },
  {
    alert: 'P2PDBConnections',
    expr: 'p2pdb_mysql_connections{$nodes} / p2pdb_mysql_connections_max{$nodes} > 0.9',
    for: '5m',
    severity: 'warning',
    summary: 'Node {{ $labels.$node }} has {{ $value | humanizePercentage }} of its connections open.',
  },
  {
    alert: 'P2PDBCommitSlow',
    expr: 'p2pdb:commit_seconds:p99_5m{$recorded} > 1',
    for: '10m',
    severity: 'warning',
    summary: 'Commits at level {{ $labels.level }} take {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'P2PDBStatementErrors',
    expr: 'p2pdb:statement_errors:ratio_rate5m{$recorded} > 0.1',
    for: '10m',
    severity: 'warning',
    summary: '{{ $value | humanizePercentage }} of the statements fail.',
  },
];

/**
 * Of the operator: `$operator` selects its pods. `namespace` is theirs, so Prometheus calls a cluster's own label of that name
 * `exported_namespace`.
 */
export const OPERATOR_ALERTS: readonly AlertRule[] = [
  {
    alert: 'P2PDBOperatorDown',
    expr: 'absent(leader_election_master_status{$operator} == 1)',
    for: '5m',
    severity: 'critical',
    summary: 'No operator works: clusters run on, and nothing keeps them.',
  },
  {
    alert: 'P2PDBOperatorErrors',
    expr: 'sum by (controller) (increase(controller_runtime_reconcile_errors_total{$operator}[15m])) > 3',
    for: '15m',
    severity: 'warning',
    summary: 'The operator fails again and again at objects of {{ $labels.controller }}.',
  },
  {
    alert: 'P2PDBOperatorQueue',
    expr: 'min_over_time(workqueue_depth{$operator}[10m]) > 10',
    for: '5m',
    severity: 'warning',
    summary: 'Objects of {{ $labels.name }} wait for the operator all the time.',
  },
  {
    alert: 'P2PDBClusterNotReady',
    expr: 'max by (exported_namespace, cluster) (p2pdb_operator_cluster_condition{$operator,type="Ready"}) == 0',
    for: '10m',
    severity: 'critical',
    summary: 'Cluster {{ $labels.exported_namespace }}/{{ $labels.cluster }} serves nobody.',
  },
  {
    alert: 'P2PDBClusterDegraded',
    expr: 'max by (exported_namespace, cluster) (p2pdb_operator_cluster_condition{$operator,type="Degraded"}) == 1',
    for: '5m',
    severity: 'warning',
    summary: 'Cluster {{ $labels.exported_namespace }}/{{ $labels.cluster }} needs a person.',
  },
];

/** Rule groups as a rule file of Prometheus and a PrometheusRule have them; `without`: names of alerts that have no sense there. */
export function ruleGroups(name: string, target: Target, without: readonly string[] = []): readonly object[] {
  const recorded = Object.entries(target.labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',');
  const fill = (text: string): string =>
    text.replaceAll('$nodes', target.selector).replaceAll('$recorded', recorded).replaceAll('$node', target.node);
  return [
    {
      name: `${name}-records`,
      rules: RECORDING_RULES.map(({ record, expr }) => ({ record, expr: fill(expr), labels: target.labels })),
    },
    {
      name,
      rules: ALERTS.filter(({ alert }) => !without.includes(alert)).map((rule) => alertOf(rule, target.labels, fill)),
    },
  ];
}

/** `selector`: of the operator's pods, as in `namespace="p2pdb-system"`. */
export const operatorRuleGroups = (selector: string): readonly object[] => [
  {
    name: 'p2pdb-operator',
    rules: OPERATOR_ALERTS.map((rule) => alertOf(rule, {}, (text) => text.replaceAll('$operator', selector))),
  },
];

/** Where an alert's page is, from the root of the project. */
export const runbookOf = (alert: string): string => `docs/runbooks/${alert}.md`;

const alertOf = (
  { alert, expr, for: pending, severity, summary }: AlertRule,
  labels: Readonly<Record<string, string>>,
  fill: (text: string) => string,
): object => ({
  alert,
  expr: fill(expr),
  for: pending,
  labels: { severity, ...labels },
  annotations: { summary: fill(summary), runbook_url: runbookOf(alert) },
});

/** Nodes that are scraped without Kubernetes: under the job that docs/monitoring/prometheus.yml names. */
export const PLAIN_TARGET: Target = { selector: 'job="p2pdb"', node: 'instance', labels: { job: 'p2pdb' } };

export const kubernetesTarget = (name: string, namespace = 'default'): Target => ({
  selector: `namespace="${namespace}",pod=~"${name}-[0-9]+"`,
  node: 'pod',
  labels: { namespace, cluster: name },
});
