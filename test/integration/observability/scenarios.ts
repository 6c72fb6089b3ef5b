/** What each alert is to be said on, and what it is to be silent on: series a minute apart, and the minute at which one looks. */

export interface Scenario {
  readonly alert: string;
  /** A metric with labels but for those of its node, whose number stands in front: `1 up` is of node 1; and its values. */
  readonly series: Readonly<Record<string, string>>;
  readonly minute: number;
  /** What it says, of which node and with which labels more; undefined where it is to be silent. */
  readonly fires?: {
    readonly node?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly summary: string;
  };
}

/** A histogram in which all fell below the bound `le`, growing evenly. */
const buckets = (metric: string, labels: string, le: string): Record<string, string> =>
  Object.fromEntries(
    ['0.5', '2.5', '+Inf'].map((bound) => [
      `0 ${metric}_bucket{${labels},le="${bound}"}`,
      bound === '+Inf' || Number(bound) >= Number(le) ? '0+60x40' : '0x40',
    ]),
  );

/** `NODE` stands for the name of the node. */
export const SCENARIOS: readonly Scenario[] = [
  {
    alert: 'P2PDBNodeDown',
    series: { '0 up': '1x5 0x20', '1 up': '1x30' },
    minute: 12,
    fires: { node: 0, summary: 'Node NODE cannot be scraped.' },
  },
  { alert: 'P2PDBNodeDown', series: { '0 up': '1x5 0x3 1x20' }, minute: 12 },

  {
    alert: 'P2PDBMemberMissing',
    series: { '0 p2pdb_members': '3x20', '0 p2pdb_ready': '1x20', '1 p2pdb_ready': '0x20' },
    minute: 12,
    fires: { summary: '1 members of the group are not seen by Prometheus.' },
  },
  {
    alert: 'P2PDBMemberMissing',
    series: { '0 p2pdb_members': '2x20', '0 p2pdb_ready': '1x20', '1 p2pdb_ready': '0x20' },
    minute: 12,
  },

  {
    alert: 'P2PDBNotReady',
    series: { '0 p2pdb_ready': '0x20' },
    minute: 12,
    fires: { node: 0, summary: 'Node NODE runs and takes no clients.' },
  },
  { alert: 'P2PDBNotReady', series: { '0 p2pdb_ready': '0x8 1x20' }, minute: 12 },

  {
    alert: 'P2PDBRestarts',
    series: { '0 p2pdb_process_start_time_seconds': '1000x3 1200x3 1400x3 1600x3 1800x10' },
    minute: 20,
    fires: { node: 0, summary: 'Node NODE was started 4 times within 30 minutes.' },
  },
  { alert: 'P2PDBRestarts', series: { '0 p2pdb_process_start_time_seconds': '1000x3 1200x3 1400x20' }, minute: 20 },

  {
    alert: 'P2PDBNoMajority',
    series: { '0 p2pdb_leader_known{group="main"}': '1x5 0x10' },
    minute: 8,
    fires: {
      node: 0,
      labels: { group: 'main' },
      summary: 'Node NODE reaches no majority of the voters: local commits only.',
    },
  },
  { alert: 'P2PDBNoMajority', series: { '0 p2pdb_leader_known{group="main"}': '1x5 0x0 1x10' }, minute: 8 },

  {
    alert: 'P2PDBNoVoterToSpare',
    series: { '0 p2pdb_voters{group="main"}': '3x20', '0 p2pdb_voters_up{group="main"}': '2x20' },
    minute: 10,
    fires: { summary: 'Only 2 voters are there: the loss of one more stops all that needs a majority.' },
  },
  {
    alert: 'P2PDBNoVoterToSpare',
    series: { '0 p2pdb_voters{group="main"}': '5x20', '0 p2pdb_voters_up{group="main"}': '4x20' },
    minute: 10,
  },
  // One node, or two, have none to spare by their nature.
  {
    alert: 'P2PDBNoVoterToSpare',
    series: { '0 p2pdb_voters{group="main"}': '1x20', '0 p2pdb_voters_up{group="main"}': '1x20' },
    minute: 10,
  },

  {
    alert: 'P2PDBFinalStalls',
    series: { '0 p2pdb_tentative_age_seconds{group="main"}': '0+60x20' },
    minute: 5,
    fires: { node: 0, labels: { group: 'main' }, summary: 'On node NODE an entry has waited 5m 0s to become final.' },
  },
  { alert: 'P2PDBFinalStalls', series: { '0 p2pdb_tentative_age_seconds{group="main"}': '2x20' }, minute: 5 },

  {
    alert: 'P2PDBReplicationLag',
    series: {
      '0 p2pdb_replication_lag_seconds{group="main",peer="b"}': '40x20',
      '0 p2pdb_replication_lag_seconds{group="main",peer="c"}': '90x20',
    },
    minute: 8,
    fires: { node: 0, summary: 'Node NODE is 1m 30s behind.' },
  },
  {
    alert: 'P2PDBReplicationLag',
    series: { '0 p2pdb_replication_lag_seconds{group="main",peer="b"}': '90x3 0x20' },
    minute: 8,
  },

  {
    alert: 'P2PDBPeerSilent',
    series: { '0 p2pdb_peer_last_contact_seconds{group="main",peer="b"}': '0+60x20' },
    minute: 5,
    fires: {
      node: 0,
      labels: { group: 'main', peer: 'b' },
      summary: 'Node NODE has heard nothing of b for 5m 0s.',
    },
  },
  {
    alert: 'P2PDBPeerSilent',
    series: { '0 p2pdb_peer_last_contact_seconds{group="main",peer="b"}': '5x20' },
    minute: 5,
  },

  {
    alert: 'P2PDBSyncStuck',
    series: { '0 p2pdb_sync_queue_entries{group="main",wait="parents"}': '3x30' },
    minute: 20,
    fires: {
      node: 0,
      labels: { group: 'main', wait: 'parents' },
      summary: 'On node NODE entries of others wait for parents all the time.',
    },
  },
  {
    alert: 'P2PDBSyncStuck',
    series: { '0 p2pdb_sync_queue_entries{group="main",wait="parents"}': '3x8 0 3x8 0 3x8' },
    minute: 20,
  },

  {
    alert: 'P2PDBDigestAlarm',
    series: { '0 p2pdb_digest_alarms_total{group="main"}': '0x5 1x10', '0 p2pdb_damaged_states{group="main"}': '0x20' },
    minute: 8,
    fires: {
      node: 0,
      labels: { group: 'main' },
      summary: 'The state of node NODE is, or was, not what the others have.',
    },
  },
  {
    alert: 'P2PDBDigestAlarm',
    series: { '0 p2pdb_digest_alarms_total{group="main"}': '0x20', '0 p2pdb_damaged_states{group="main"}': '1x20' },
    minute: 8,
    fires: {
      node: 0,
      labels: { group: 'main' },
      summary: 'The state of node NODE is, or was, not what the others have.',
    },
  },
  {
    alert: 'P2PDBDigestAlarm',
    series: { '0 p2pdb_digest_alarms_total{group="main"}': '1x30', '0 p2pdb_damaged_states{group="main"}': '0x30' },
    minute: 20,
  },

  {
    alert: 'P2PDBEquivocation',
    series: { '0 p2pdb_ended_authors{group="main"}': '0x5 1x20' },
    minute: 10,
    fires: { summary: 'A member signed two entries with one number: p2pdb.equivocations names it.' },
  },
  { alert: 'P2PDBEquivocation', series: { '0 p2pdb_ended_authors{group="main"}': '0x5 1x120' }, minute: 90 },

  {
    alert: 'P2PDBConflicts',
    series: { '0 p2pdb_conflicts{group="main"}': '2x30', '1 p2pdb_conflicts{group="main"}': '3x30' },
    minute: 20,
    fires: { summary: 'p2pdb.conflicts lists 3 rows that nobody has resolved.' },
  },
  { alert: 'P2PDBConflicts', series: { '0 p2pdb_conflicts{group="main"}': '2x10 0x20' }, minute: 20 },

  {
    alert: 'P2PDBRejections',
    series: { '0 p2pdb_transactions_rejected_total{group="main"}': '0+120x40' },
    minute: 30,
    fires: { summary: 'The order refuses 2 transactions a second.' },
  },
  { alert: 'P2PDBRejections', series: { '0 p2pdb_transactions_rejected_total{group="main"}': '0+30x40' }, minute: 30 },

  {
    alert: 'P2PDBDiskFull',
    series: { '0 p2pdb_disk_free_bytes': '5x20', '0 p2pdb_disk_size_bytes': '100x20' },
    minute: 10,
    fires: { node: 0, summary: 'The disk of node NODE has 5% left.' },
  },
  {
    alert: 'P2PDBDiskFull',
    series: { '0 p2pdb_disk_free_bytes': '15x20', '0 p2pdb_disk_size_bytes': '100x20' },
    minute: 10,
  },

  {
    alert: 'P2PDBDiskFills',
    series: { '0 p2pdb_disk_free_bytes': '39000-30x240', '0 p2pdb_disk_size_bytes': '100000x240' },
    minute: 200,
    fires: { node: 0, summary: 'The disk of node NODE will be full within a day.' },
  },
  // In two weeks, not within a day.
  {
    alert: 'P2PDBDiskFills',
    series: { '0 p2pdb_disk_free_bytes': '39000-1x240', '0 p2pdb_disk_size_bytes': '100000x240' },
    minute: 200,
  },

  {
    alert: 'P2PDBDiskSlow',
    series: { '0 p2pdb_log_sync_seconds_total{group="main"}': '0+54x30' },
    minute: 20,
    fires: {
      node: 0,
      labels: { group: 'main' },
      summary: 'Node NODE spends 90% of its time waiting for its disk.',
    },
  },
  { alert: 'P2PDBDiskSlow', series: { '0 p2pdb_log_sync_seconds_total{group="main"}': '0+30x30' }, minute: 20 },

  {
    alert: 'P2PDBMemory',
    series: { '0 p2pdb_process_resident_memory_bytes': '95x20', '0 p2pdb_memory_limit_bytes': '100x20' },
    minute: 15,
    fires: { node: 0, summary: 'Node NODE uses 95% of the memory that it may.' },
  },
  {
    alert: 'P2PDBMemory',
    series: { '0 p2pdb_process_resident_memory_bytes': '85x20', '0 p2pdb_memory_limit_bytes': '100x20' },
    minute: 15,
  },

  {
    alert: 'P2PDBEventLoopBlocked',
    series: { '0 p2pdb_nodejs_eventloop_lag_p99_seconds': '2x20' },
    minute: 10,
    fires: { node: 0, summary: 'On node NODE everything waits 2s for long statements.' },
  },
  { alert: 'P2PDBEventLoopBlocked', series: { '0 p2pdb_nodejs_eventloop_lag_p99_seconds': '0.02x20' }, minute: 10 },

  {
    alert: 'P2PDBConnections',
    series: { '0 p2pdb_mysql_connections': '950x20', '0 p2pdb_mysql_connections_max': '1000x20' },
    minute: 10,
    fires: { node: 0, summary: 'Node NODE has 95% of its connections open.' },
  },
  {
    alert: 'P2PDBConnections',
    series: { '0 p2pdb_mysql_connections': '850x20', '0 p2pdb_mysql_connections_max': '1000x20' },
    minute: 10,
  },

  {
    alert: 'P2PDBCommitSlow',
    series: buckets('p2pdb_commit_seconds', 'level="final"', '2.5'),
    minute: 30,
    // 0.5 and 99 of 100 of the way to 2.5.
    fires: { labels: { level: 'final' }, summary: 'Commits at level final take 2.48s.' },
  },
  { alert: 'P2PDBCommitSlow', series: buckets('p2pdb_commit_seconds', 'level="final"', '0.5'), minute: 30 },

  {
    alert: 'P2PDBStatementErrors',
    series: {
      '0 p2pdb_statement_errors_total{errno="1146"}': '0+30x40',
      '0 p2pdb_statements_total{kind="select"}': '0+60x40',
      '1 p2pdb_statements_total{kind="insert"}': '0+60x40',
    },
    minute: 30,
    fires: { summary: '25% of the statements fail.' },
  },
  {
    alert: 'P2PDBStatementErrors',
    series: {
      '0 p2pdb_statement_errors_total{errno="1146"}': '0+3x40',
      '0 p2pdb_statements_total{kind="select"}': '0+60x40',
    },
    minute: 30,
  },
];

/** Of the operator's rules; pods in place of nodes. */
export const OPERATOR_SCENARIOS: readonly Scenario[] = [
  {
    alert: 'P2PDBOperatorDown',
    series: { '0 leader_election_master_status{name="p2pdb-operator"}': '0x20' },
    minute: 10,
    fires: { summary: 'No operator works: clusters run on, and nothing keeps them.' },
  },
  {
    alert: 'P2PDBOperatorDown',
    series: {
      '0 leader_election_master_status{name="p2pdb-operator"}': '0x20',
      '1 leader_election_master_status{name="p2pdb-operator"}': '1x20',
    },
    minute: 10,
  },

  {
    alert: 'P2PDBOperatorErrors',
    series: { '0 controller_runtime_reconcile_errors_total{controller="p2pdbcluster"}': '0+1x60' },
    minute: 40,
    fires: {
      labels: { controller: 'p2pdbcluster' },
      summary: 'The operator fails again and again at objects of p2pdbcluster.',
    },
  },
  {
    alert: 'P2PDBOperatorErrors',
    series: { '0 controller_runtime_reconcile_errors_total{controller="p2pdbcluster"}': '0x10 2x60' },
    minute: 40,
  },

  {
    alert: 'P2PDBOperatorQueue',
    series: { '0 workqueue_depth{name="p2pdbcluster"}': '40x30' },
    minute: 20,
    fires: {
      node: 0,
      labels: { name: 'p2pdbcluster' },
      summary: 'Objects of p2pdbcluster wait for the operator all the time.',
    },
  },
  {
    alert: 'P2PDBOperatorQueue',
    series: { '0 workqueue_depth{name="p2pdbcluster"}': '40x5 0 40x5 0 40x10' },
    minute: 20,
  },

  {
    alert: 'P2PDBClusterNotReady',
    series: { '0 p2pdb_operator_cluster_condition{exported_namespace="shop",cluster="demo",type="Ready"}': '0x20' },
    minute: 12,
    fires: { labels: { exported_namespace: 'shop', cluster: 'demo' }, summary: 'Cluster shop/demo serves nobody.' },
  },
  {
    alert: 'P2PDBClusterNotReady',
    series: { '0 p2pdb_operator_cluster_condition{exported_namespace="shop",cluster="demo",type="Ready"}': '0x5 1x20' },
    minute: 12,
  },

  {
    alert: 'P2PDBClusterDegraded',
    series: { '0 p2pdb_operator_cluster_condition{exported_namespace="shop",cluster="demo",type="Degraded"}': '1x20' },
    minute: 8,
    fires: { labels: { exported_namespace: 'shop', cluster: 'demo' }, summary: 'Cluster shop/demo needs a person.' },
  },
  {
    alert: 'P2PDBClusterDegraded',
    series: { '0 p2pdb_operator_cluster_condition{exported_namespace="shop",cluster="demo",type="Degraded"}': '0x20' },
    minute: 8,
  },
];
