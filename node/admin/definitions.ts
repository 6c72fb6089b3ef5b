/** Every metric of a node but those of Node.js itself: name, meaning, labels. docs/reference/metrics.md is made of it. */
import type { Family, HistogramFigures } from './ports.ts';

export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
}

const GROUP = ['group'] as const;
const PEER = ['group', 'peer'] as const;

export const METRICS = {
  p2pdb_node_info: {
    type: 'gauge',
    help: 'Always 1: the labels tell the version of the program and the names of node and cluster.',
    labels: ['version', 'node', 'cluster'],
  },
  p2pdb_ready: { type: 'gauge', help: '1 while the node takes clients, as /readyz says.' },
  p2pdb_memory_limit_bytes: {
    type: 'gauge',
    help: 'Memory that the process may use: its limit, or what the machine has.',
  },
  p2pdb_disk_size_bytes: { type: 'gauge', help: 'Size of the file system that the data folder lies on.' },
  p2pdb_disk_free_bytes: { type: 'gauge', help: 'What that file system has left.' },
  p2pdb_log_size_bytes: { type: 'gauge', help: 'Size of the files of the log.', labels: GROUP },
  p2pdb_state_size_bytes: { type: 'gauge', help: 'Size of the files of the state.', labels: GROUP },

  p2pdb_replication_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest entry that the peer has, as far as this node knows, and this node has not applied; 0 in sync.',
    labels: PEER,
  },
  p2pdb_replication_lag_entries: {
    type: 'gauge',
    help: 'Entries that the peer has, as far as this node knows, and this node has not applied.',
    labels: PEER,
  },
  p2pdb_peer_lag_entries: {
    type: 'gauge',
    help: 'The other way round: entries that this node has and the peer, as far as this node knows, has not.',
    labels: PEER,
  },
  p2pdb_peer_up: { type: 'gauge', help: '1 while the node has a link to the peer.', labels: PEER },
  p2pdb_peer_last_contact_seconds: {
    type: 'gauge',
    help: 'Since anything was heard of the peer; a few seconds at most while the link is good.',
    labels: PEER,
  },
  p2pdb_sync_queue_entries: {
    type: 'gauge',
    help: 'Entries of others that came and are not applied, by what they wait for: disk, parents or block.',
    labels: ['group', 'wait'],
  },
  p2pdb_sync_received_bytes: {
    type: 'gauge',
    help: 'Bytes of entries that came and are not durable yet.',
    labels: GROUP,
  },
  p2pdb_sync_unacknowledged_bytes: {
    type: 'gauge',
    help: 'Bytes of entries that were sent and that the peers have not acknowledged yet.',
    labels: GROUP,
  },
  p2pdb_sync_open_questions: {
    type: 'gauge',
    help: 'Questions to peers for entries that are not answered yet.',
    labels: GROUP,
  },

  p2pdb_members: { type: 'gauge', help: 'Members of the group.', labels: GROUP },
  p2pdb_voters: { type: 'gauge', help: 'Members that vote on blocks.', labels: GROUP },
  p2pdb_voters_up: { type: 'gauge', help: 'Voters that this node has a link to, itself included.', labels: GROUP },
  p2pdb_leader_known: {
    type: 'gauge',
    help: '1 while a majority of the voters is in reach: schema changes and commits at level final are possible.',
    labels: GROUP,
  },
  p2pdb_leading: { type: 'gauge', help: '1 while this node proposes the blocks.', labels: GROUP },
  p2pdb_final_height: { type: 'gauge', help: 'Height of the newest block that is applied.', labels: GROUP },
  p2pdb_final_age_seconds: {
    type: 'gauge',
    help: 'Since the newest block was applied; grows while nobody writes.',
    labels: GROUP,
  },
  p2pdb_tentative_transactions: { type: 'gauge', help: 'Transactions that no block has ordered yet.', labels: GROUP },
  p2pdb_tentative_age_seconds: {
    type: 'gauge',
    help: 'How long the oldest entry here has waited for a block; 0 where none waits.',
    labels: GROUP,
  },
  p2pdb_log_heads: {
    type: 'gauge',
    help: 'Heads of the log: newest entries of other authors that no entry of this node names yet.',
    labels: GROUP,
  },
  p2pdb_log_oldest_height: {
    type: 'gauge',
    help: 'Height of the oldest block in the log; above 1, a snapshot stands for what is older.',
    labels: GROUP,
  },
  p2pdb_log_seq: { type: 'gauge', help: 'Number of the newest entry that this node wrote.', labels: GROUP },
  p2pdb_log_entries_total: { type: 'counter', help: 'Entries that were appended to the log.', labels: GROUP },
  p2pdb_log_bytes_total: { type: 'counter', help: 'Bytes that were appended to the log.', labels: GROUP },
  p2pdb_log_sync_seconds_total: { type: 'counter', help: 'Time spent in fdatasync of the log.', labels: GROUP },
  p2pdb_transactions_committed_total: {
    type: 'counter',
    help: 'Transactions of this node that were made durable.',
    labels: GROUP,
  },
  p2pdb_transactions_received_total: {
    type: 'counter',
    help: 'Transactions that came from other nodes.',
    labels: GROUP,
  },
  p2pdb_transactions_undone_total: {
    type: 'counter',
    help: 'Transactions that were undone to be put in order.',
    labels: GROUP,
  },
  p2pdb_transactions_rejected_total: {
    type: 'counter',
    help: 'Transactions that their place in the order refused.',
    labels: GROUP,
  },
  p2pdb_conflicts: {
    type: 'gauge',
    help: 'Rows of p2pdb.conflicts: what nobody has resolved yet; 10000 stands for more, too.',
    labels: GROUP,
  },
  p2pdb_digest_alarms_total: {
    type: 'counter',
    help: 'Blocks whose proposer has another state than this node.',
    labels: GROUP,
  },
  p2pdb_ended_authors: {
    type: 'gauge',
    help: 'Rows of p2pdb.equivocations: authors of entries that signed two with one number, of which nothing counts any more but what was final.',
    labels: GROUP,
  },
  p2pdb_damaged_states: {
    type: 'gauge',
    help: 'State files that were set aside because they were not what the majority had, and that still lie in the data folder.',
    labels: GROUP,
  },
  p2pdb_state_restores_total: {
    type: 'counter',
    help: 'Times that a full disk made SQLite give up its open transaction, and committed rows were put in again.',
    labels: GROUP,
  },

  p2pdb_sessions: { type: 'gauge', help: 'Open sessions.' },
  p2pdb_open_transactions: { type: 'gauge', help: 'Transactions that clients have open.' },
  p2pdb_statements_total: { type: 'counter', help: 'Statements that were run, by kind.', labels: ['kind'] },
  p2pdb_statement_seconds: {
    type: 'histogram',
    help: 'Statements by kind: from the begin of their run to the answer, waits for locks and commits included.',
    labels: ['kind'],
  },
  p2pdb_statement_errors_total: {
    type: 'counter',
    help: "Statements that failed, by MySQL's error number.",
    labels: ['errno'],
  },
  p2pdb_commit_seconds: {
    type: 'histogram',
    help: 'Commits of rows by level: from the end of their work to the certainty that the level asks for.',
    labels: ['level'],
  },
  p2pdb_plan_cache_hits_total: { type: 'counter', help: 'Statements whose plan was kept.' },
  p2pdb_plan_cache_misses_total: { type: 'counter', help: 'Statements that were parsed and compiled.' },

  p2pdb_mysql_connections: { type: 'gauge', help: 'MySQL connections open now.' },
  p2pdb_mysql_connections_max: { type: 'gauge', help: 'How many there may be: max_connections.' },
  p2pdb_mysql_connections_accepted_total: { type: 'counter', help: 'MySQL connections accepted.' },
  p2pdb_mysql_connections_refused_total: { type: 'counter', help: 'Connections refused by max_connections.' },
  p2pdb_mysql_connections_aborted_total: { type: 'counter', help: 'Connections lost without a good-bye.' },
  p2pdb_mysql_logins_denied_total: { type: 'counter', help: 'Logins with a wrong user or password.' },
  p2pdb_mysql_logins_aborted_total: { type: 'counter', help: 'Connections lost before the login was done.' },
  p2pdb_mysql_malformed_packets_total: { type: 'counter', help: 'Packets that broke the protocol.' },
  p2pdb_mysql_received_bytes_total: { type: 'counter', help: 'Bytes received from clients.' },
  p2pdb_mysql_sent_bytes_total: { type: 'counter', help: 'Bytes sent to clients.' },
  p2pdb_mysql_commands_total: { type: 'counter', help: 'Commands of the MySQL protocol.', labels: ['command'] },
} as const satisfies Readonly<Record<string, Definition>>;

type Name = keyof typeof METRICS;
type MysqlName = Extract<Name, `p2pdb_mysql_${string}`>;
type Labels = Readonly<Record<string, string>>;

/** What a metric says at a scrape: one number where it has no labels but the group's. */
type Said<N extends Name> = (typeof METRICS)[N]['type'] extends 'histogram'
  ? readonly { readonly labels: Labels; readonly histogram: HistogramFigures }[]
  : number | readonly { readonly labels: Labels; readonly value: number }[];

export type NodeFigures = { readonly [N in Exclude<Name, MysqlName>]: Said<N> };
export type MysqlFigures = { readonly [N in MysqlName]: Said<N> };

/** Under their names and meanings; `group` is the label of those that have one. */
export function familiesOf(figures: Partial<NodeFigures> | MysqlFigures, group = 'main'): Family[] {
  return Object.entries(figures).map(([name, said]) => {
    const { type, help, labels = [] }: Definition = METRICS[name as Name];
    const common: Labels = labels.includes('group') ? { group } : {};
    const samples = (typeof said === 'number' ? [{ labels: {}, value: said }] : said).map((sample) => ({
      ...sample,
      labels: { ...common, ...sample.labels },
    }));
    return { type, name, help, samples } as Family;
  });
}

/** Families of several groups as one page has them: each name once, with the samples of all. */
export function mergedFamilies(families: readonly Family[]): Family[] {
  const merged = new Map<string, Family>();
  for (const family of families) {
    const known = merged.get(family.name);
    merged.set(family.name, known ? ({ ...known, samples: [...known.samples, ...family.samples] } as Family) : family);
  }
  return [...merged.values()];
}
