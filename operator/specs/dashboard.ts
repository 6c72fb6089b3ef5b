/** The Grafana dashboard of a cluster: an overview, replication, one node, SQL. */
import type { Target } from './rules.ts';

export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** With `$nodes` for the series of the cluster, `$one` for those of the node that is chosen, `$node` for the label that names one. */
  readonly expr: string;
  readonly legend: string;
  /** A number instead of a graph; where it turns yellow, or red. */
  readonly stat?: { readonly red: number; readonly below?: boolean };
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const p99 = (metric: string, by: string, of = '$nodes'): string =>
  `histogram_quantile(0.99, sum by (${by}, le) (rate(${metric}_bucket{${of}}[$__rate_interval])))`;

export const ROWS: readonly Row[] = [
  {
    title: 'Cluster',
    panels: [
      { title: 'Nodes up', unit: 'short', expr: 'sum(up{$nodes})', legend: 'up', stat: { red: 1, below: true } },
      {
        title: 'Nodes ready',
        unit: 'short',
        expr: 'sum(p2pdb_ready{$nodes})',
        legend: 'ready',
        stat: { red: 1, below: true },
      },
      {
        title: 'Members',
        unit: 'short',
        expr: 'max(p2pdb_members{$nodes})',
        legend: 'members',
        stat: { red: 1, below: true },
      },
      {
        title: 'Voters in reach',
        unit: 'short',
        expr: 'max(p2pdb_voters_up{$nodes})',
        legend: 'voters',
        stat: { red: 1, below: true },
      },
      {
        title: 'Greatest lag',
        unit: 's',
        expr: 'max(p2pdb_replication_lag_seconds{$nodes})',
        legend: 'lag',
        stat: { red: 30 },
      },
      {
        title: 'Oldest entry that is not final',
        unit: 's',
        expr: 'max(p2pdb_tentative_age_seconds{$nodes})',
        legend: 'age',
        stat: { red: 60 },
      },
      {
        title: 'Conflicts',
        unit: 'short',
        expr: 'max(p2pdb_conflicts{$nodes})',
        legend: 'conflicts',
        stat: { red: 1 },
      },
      {
        title: 'Digest alarms',
        unit: 'short',
        expr: 'sum(p2pdb_digest_alarms_total{$nodes}) + sum(p2pdb_damaged_states{$nodes})',
        legend: 'alarms',
        stat: { red: 1 },
      },
      {
        title: 'Statements',
        unit: 'ops',
        expr: 'sum by ($node) (rate(p2pdb_statements_total{$nodes}[$__rate_interval]))',
        legend: '{{$node}}',
      },
      {
        title: 'Commits',
        unit: 'ops',
        expr: 'sum by (level) (rate(p2pdb_commit_seconds_count{$nodes}[$__rate_interval]))',
        legend: '{{level}}',
      },
      { title: 'Connections', unit: 'short', expr: 'p2pdb_mysql_connections{$nodes}', legend: '{{$node}}' },
      { title: 'Final height', unit: 'short', expr: 'p2pdb_final_height{$nodes}', legend: '{{$node}}' },
      { title: 'Leader', unit: 'short', expr: 'p2pdb_leading{$nodes}', legend: '{{$node}}' },
      {
        title: 'Disk free',
        unit: 'percentunit',
        expr: 'p2pdb_disk_free_bytes{$nodes} / p2pdb_disk_size_bytes{$nodes}',
        legend: '{{$node}}',
      },
    ],
  },
  {
    title: 'Replication',
    panels: [
      {
        title: 'Lag',
        unit: 's',
        expr: 'max by ($node, peer) (p2pdb_replication_lag_seconds{$nodes})',
        legend: '{{$node}} behind {{peer}}',
      },
      {
        title: 'Lag in entries',
        unit: 'short',
        expr: 'max by ($node, peer) (p2pdb_replication_lag_entries{$nodes})',
        legend: '{{$node}} behind {{peer}}',
      },
      {
        title: 'Last contact',
        unit: 's',
        expr: 'max by ($node, peer) (p2pdb_peer_last_contact_seconds{$nodes})',
        legend: '{{$node}} of {{peer}}',
      },
      { title: 'Links', unit: 'short', expr: 'sum by ($node) (p2pdb_peer_up{$nodes})', legend: '{{$node}}' },
      {
        title: 'Tentative transactions',
        unit: 'short',
        expr: 'p2pdb_tentative_transactions{$nodes}',
        legend: '{{$node}}',
      },
      { title: 'Wait for a block', unit: 's', expr: 'p2pdb_tentative_age_seconds{$nodes}', legend: '{{$node}}' },
      {
        title: 'Entries that wait',
        unit: 'short',
        expr: 'sum by ($node, wait) (p2pdb_sync_queue_entries{$nodes})',
        legend: '{{$node}} for {{wait}}',
      },
      {
        title: 'Sent and not acknowledged',
        unit: 'bytes',
        expr: 'p2pdb_sync_unacknowledged_bytes{$nodes}',
        legend: '{{$node}}',
      },
      {
        title: 'Received and not durable',
        unit: 'bytes',
        expr: 'p2pdb_sync_received_bytes{$nodes}',
        legend: '{{$node}}',
      },
      {
        title: 'Transactions received',
        unit: 'ops',
        expr: 'rate(p2pdb_transactions_received_total{$nodes}[$__rate_interval])',
        legend: '{{$node}}',
      },
      {
        title: 'Undone to be put in order',
        unit: 'ops',
        expr: 'rate(p2pdb_transactions_undone_total{$nodes}[$__rate_interval])',
        legend: '{{$node}}',
      },
      {
        title: 'Refused by the order',
        unit: 'ops',
        expr: 'rate(p2pdb_transactions_rejected_total{$nodes}[$__rate_interval])',
        legend: '{{$node}}',
      },
    ],
  },
  {
    title: 'Node $chosen',
    panels: [
      {
        title: 'CPU',
        unit: 'percentunit',
        expr: 'rate(p2pdb_process_cpu_seconds_total{$one}[$__rate_interval])',
        legend: '{{$node}}',
      },
      { title: 'Memory', unit: 'bytes', expr: 'p2pdb_process_resident_memory_bytes{$one}', legend: '{{$node}}' },
      { title: 'Memory it may use', unit: 'bytes', expr: 'p2pdb_memory_limit_bytes{$one}', legend: '{{$node}}' },
      {
        title: 'Event loop, 99th percentile',
        unit: 's',
        expr: 'p2pdb_nodejs_eventloop_lag_p99_seconds{$one}',
        legend: '{{$node}}',
      },
      { title: 'Disk free', unit: 'bytes', expr: 'p2pdb_disk_free_bytes{$one}', legend: '{{$node}}' },
      {
        title: 'Log and state',
        unit: 'bytes',
        expr: 'p2pdb_log_size_bytes{$one} + p2pdb_state_size_bytes{$one}',
        legend: '{{$node}}',
      },
      {
        title: 'Log written',
        unit: 'Bps',
        expr: 'rate(p2pdb_log_bytes_total{$one}[$__rate_interval])',
        legend: '{{$node}}',
      },
      {
        title: 'Time in fdatasync',
        unit: 'percentunit',
        expr: 'rate(p2pdb_log_sync_seconds_total{$one}[$__rate_interval])',
        legend: '{{$node}}',
      },
      { title: 'Open transactions', unit: 'short', expr: 'p2pdb_open_transactions{$one}', legend: '{{$node}}' },
      {
        title: 'Sent to clients',
        unit: 'Bps',
        expr: 'rate(p2pdb_mysql_sent_bytes_total{$one}[$__rate_interval])',
        legend: '{{$node}}',
      },
      { title: 'Heads', unit: 'short', expr: 'p2pdb_log_heads{$one}', legend: '{{$node}}' },
      {
        title: 'Started',
        unit: 'dateTimeAsIso',
        expr: 'p2pdb_process_start_time_seconds{$one} * 1000',
        legend: '{{$node}}',
      },
    ],
  },
  {
    title: 'SQL',
    panels: [
      {
        title: 'Statements',
        unit: 'ops',
        expr: 'sum by (kind) (rate(p2pdb_statements_total{$nodes}[$__rate_interval]))',
        legend: '{{kind}}',
      },
      {
        title: 'Statements, 99th percentile',
        unit: 's',
        expr: p99('p2pdb_statement_seconds', 'kind'),
        legend: '{{kind}}',
      },
      {
        title: 'Statements, mean',
        unit: 's',
        expr: 'sum by (kind) (rate(p2pdb_statement_seconds_sum{$nodes}[$__rate_interval])) / sum by (kind) (rate(p2pdb_statement_seconds_count{$nodes}[$__rate_interval]))',
        legend: '{{kind}}',
      },
      { title: 'Commits, 99th percentile', unit: 's', expr: p99('p2pdb_commit_seconds', 'level'), legend: '{{level}}' },
      {
        title: 'Errors',
        unit: 'ops',
        expr: 'sum by (errno) (rate(p2pdb_statement_errors_total{$nodes}[$__rate_interval]))',
        legend: '{{errno}}',
      },
      {
        title: 'Plans kept',
        unit: 'percentunit',
        expr: 'sum(rate(p2pdb_plan_cache_hits_total{$nodes}[$__rate_interval])) / (sum(rate(p2pdb_plan_cache_hits_total{$nodes}[$__rate_interval])) + sum(rate(p2pdb_plan_cache_misses_total{$nodes}[$__rate_interval])))',
        legend: 'kept',
      },
      {
        title: 'Connections accepted',
        unit: 'ops',
        expr: 'rate(p2pdb_mysql_connections_accepted_total{$nodes}[$__rate_interval])',
        legend: '{{$node}}',
      },
      {
        title: 'Logins denied',
        unit: 'ops',
        expr: 'rate(p2pdb_mysql_logins_denied_total{$nodes}[$__rate_interval])',
        legend: '{{$node}}',
      },
      {
        title: 'Commands',
        unit: 'ops',
        expr: 'sum by (command) (rate(p2pdb_mysql_commands_total{$nodes}[$__rate_interval]))',
        legend: '{{command}}',
      },
    ],
  },
];

const COLUMNS = 24;
const GRAPH = { w: 8, h: 8 };
const STAT = { w: 3, h: 4 };

/** The panels do not know which cluster they are of: a thousand clusters have them in common. */
const panelsByLabel = new Map<string, string>();

function panelsOf(node: string): string {
  let text = panelsByLabel.get(node);
  if (text === undefined) panelsByLabel.set(node, (text = JSON.stringify(layOut(node))));
  return text;
}

function layOut(node: string): object[] {
  // Raw: Grafana would quote the quotes of the selector.
  const nodes = '${nodes:raw}';
  const words: Readonly<Record<string, string>> = { nodes, one: `${nodes},${node}=~"$chosen"`, node };
  const fill = (text: string): string =>
    text.replaceAll(/\$(nodes|one|node)\b/g, (_, word: string) => words[word] ?? '');
  const panels: object[] = [];
  const at = { x: 0, y: 0, h: 0 };
  const place = (w: number, h: number): object => {
    if (at.x + w > COLUMNS) Object.assign(at, { x: 0, y: at.y + at.h, h: 0 });
    const gridPos = { x: at.x, y: at.y, w, h };
    Object.assign(at, { x: at.x + w, h: Math.max(at.h, h) });
    return gridPos;
  };
  const add = (panel: object, { w, h }: { readonly w: number; readonly h: number }): void => {
    panels.push({ id: panels.length + 1, ...panel, gridPos: place(w, h) });
  };
  for (const row of ROWS) {
    add({ type: 'row', title: row.title, collapsed: false, panels: [] }, { w: COLUMNS, h: 1 });
    for (const panel of row.panels) add(panelOf(panel, fill), panel.stat ? STAT : GRAPH);
    // The next row begins below.
    at.x = COLUMNS;
  }
  return panels;
}

/** Its JSON, for Grafana 9 and later. */
export function dashboardJson(uid: string, title: string, { selector, node }: Target): string {
  const chosen = `label_values(p2pdb_node_info{${selector}}, ${node})`;
  const head = JSON.stringify({
    uid,
    title,
    tags: ['p2pdb'],
    schemaVersion: 38,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus' },
        { name: 'nodes', type: 'constant', query: selector, hide: 2 },
        { name: 'chosen', label: 'Node', type: 'query', datasource, query: chosen, definition: chosen, refresh: 2 },
      ],
    },
  });
  return `${head.slice(0, -1)},"panels":${panelsOf(node)}}`;
}

const datasource = { type: 'prometheus', uid: '${datasource}' };

function panelOf({ title, unit, expr, legend, stat }: Panel, fill: (text: string) => string): object {
  const [low, high] = stat?.below === true ? ['red', 'green'] : ['green', 'red'];
  const steps = [
    { color: low, value: null },
    { color: high, value: stat?.red },
  ];
  return {
    title,
    type: stat ? 'stat' : 'timeseries',
    datasource,
    fieldConfig: { defaults: { unit, ...(stat && { thresholds: { mode: 'absolute', steps } }) }, overrides: [] },
    targets: [{ refId: 'A', expr: fill(expr), legendFormat: fill(legend) }],
  };
}
