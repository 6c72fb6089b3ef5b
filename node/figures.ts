/** A node's figures at a scrape, gathered from where they arise. */
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';
import type { NodeFigures } from './admin/index.ts';
import type { Config } from './config/index.ts';
import type { NodeId } from './consensus/index.ts';
import type { OpenedEngine, OpenedGroup } from './engine/index.ts';
import type { Peering, PeerProgress } from './replica/index.ts';
import { VERSION } from './version.ts';

/** What is known of one replication group. */
export interface GroupInputs {
  readonly engine: OpenedGroup;
  readonly folder: string;
  /** Blocks whose proposer has another state than this node. */
  readonly digestAlarms: number;
  readonly peers: readonly PeerProgress[];
  readonly isUp: (id: NodeId) => boolean;
  /** Undefined for a node without a network. */
  readonly traffic: Peering['traffic'] | undefined;
}

export interface FiguresInputs extends GroupInputs {
  readonly config: Config;
  readonly isReady: boolean;
  /** Transactions that are open in any group. */
  readonly openTransactions: number;
}

export function nodeFigures(inputs: FiguresInputs): NodeFigures {
  const { engine, config, isReady, openTransactions } = inputs;
  const { core } = engine;
  return {
    p2pdb_node_info: [
      { labels: { version: VERSION, node: config.name ?? '', cluster: config.cluster ?? '' }, value: 1 },
    ],
    p2pdb_ready: isReady ? 1 : 0,
    ...machineFigures(config),
    ...groupFigures(inputs),
    p2pdb_sessions: core.sessions.size,
    p2pdb_open_transactions: openTransactions,
    p2pdb_statements_total: labelled('kind', core.statementCounts),
    p2pdb_statement_seconds: histograms('kind', core.statementLatencies),
    p2pdb_statement_errors_total: labelled('errno', core.errorCounts),
    p2pdb_commit_seconds: histograms('level', core.commitLatencies),
    p2pdb_plan_cache_hits_total: core.planner.stats.hits,
    p2pdb_plan_cache_misses_total: core.planner.stats.misses,
  };
}

const labelled = (name: string, counts: Iterable<readonly [string | number, number]>) =>
  [...counts].map(([label, value]) => ({ labels: { [name]: String(label) }, value }));

const histograms = (name: string, { by }: OpenedEngine['core']['statementLatencies']) =>
  [...by].map(([label, histogram]) => ({ labels: { [name]: label }, histogram }));

type Figures<Names extends keyof NodeFigures> = Pick<NodeFigures, Names>;

function machineFigures({
  data,
}: Config): Figures<'p2pdb_memory_limit_bytes' | 'p2pdb_disk_size_bytes' | 'p2pdb_disk_free_bytes'> {
  const disk = statfsSync(data);
  // Without a limit, Node.js tells one that no machine has.
  const limit = process.constrainedMemory();
  return {
    p2pdb_memory_limit_bytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    p2pdb_disk_size_bytes: disk.blocks * disk.bsize,
    p2pdb_disk_free_bytes: disk.bavail * disk.bsize,
  };
}

/** A file that goes meanwhile counts for nothing. */
const sizeOf = (folder: string, names = /./): number =>
  readdirSync(folder)
    .filter((name) => names.test(name))
    .reduce((sum, name) => sum + (statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);

function peerFigures({
  engine,
  peers,
  isUp,
}: GroupInputs): Figures<
  | 'p2pdb_replication_lag_seconds'
  | 'p2pdb_replication_lag_entries'
  | 'p2pdb_peer_lag_entries'
  | 'p2pdb_peer_up'
  | 'p2pdb_peer_last_contact_seconds'
> {
  const { membership } = engine;
  const byPeer = (value: (peer: PeerProgress) => number) =>
    peers.map((peer) => ({ labels: { peer: membership.find(peer.id)?.name ?? peer.id }, value: value(peer) }));
  return {
    p2pdb_replication_lag_seconds: byPeer(({ behind }) => behind.seconds),
    p2pdb_replication_lag_entries: byPeer(({ behind }) => behind.entries),
    p2pdb_peer_lag_entries: byPeer(({ lag }) => lag),
    p2pdb_peer_up: byPeer(({ id }) => (isUp(id) ? 1 : 0)),
    p2pdb_peer_last_contact_seconds: byPeer(({ behind }) => behind.contactSeconds),
  };
}

/** Counting reads them, and everybody waits meanwhile. */
const CONFLICTS_COUNTED = 10_000;

type GroupNames = Exclude<
  keyof NodeFigures,
  | keyof ReturnType<typeof machineFigures>
  | 'p2pdb_node_info'
  | 'p2pdb_ready'
  | 'p2pdb_sessions'
  | 'p2pdb_open_transactions'
  | `p2pdb_statement${string}`
  | 'p2pdb_commit_seconds'
  | `p2pdb_plan_${string}`
>;

export type GroupFigures = Figures<GroupNames>;

export function groupFigures(inputs: GroupInputs): GroupFigures {
  const { engine, folder, isUp, traffic, digestAlarms } = inputs;
  const { core, decider, membership, self } = engine;
  const { replica, log } = core;
  const { heads, ...queues } = replica.waiting;
  const voters = membership.voters();
  return {
    ...peerFigures(inputs),
    p2pdb_log_size_bytes: sizeOf(path.join(folder, 'log')),
    p2pdb_state_size_bytes: sizeOf(folder, /^state\.sqlite(-wal|-shm)?$/),
    p2pdb_ended_authors: core.catalog.endedAuthors.size,
    p2pdb_damaged_states: readdirSync(folder).filter((name) => /^state\.sqlite\.damaged-\d+$/.test(name)).length,
    p2pdb_sync_queue_entries: labelled('wait', Object.entries(queues)),
    p2pdb_sync_received_bytes: traffic?.inBytes ?? 0,
    p2pdb_sync_unacknowledged_bytes: traffic?.outBytes ?? 0,
    p2pdb_sync_open_questions: traffic?.asks ?? 0,
    p2pdb_members: membership.members().length,
    p2pdb_voters: voters.length,
    p2pdb_voters_up: voters.filter((id) => id === self || isUp(id)).length,
    p2pdb_leader_known: decider.majorityInReach ? 1 : 0,
    p2pdb_leading: decider.leader === self ? 1 : 0,
    p2pdb_final_height: replica.height,
    p2pdb_final_age_seconds: replica.ages.block,
    p2pdb_tentative_transactions: replica.tentative,
    p2pdb_tentative_age_seconds: replica.ages.unordered,
    p2pdb_log_heads: heads,
    p2pdb_log_oldest_height: log.oldestHeight,
    p2pdb_log_seq: log.seq,
    p2pdb_log_entries_total: log.stats.entries,
    p2pdb_log_bytes_total: log.stats.bytes,
    p2pdb_log_sync_seconds_total: log.stats.syncSeconds,
    p2pdb_transactions_committed_total: replica.stats.transactions,
    p2pdb_transactions_received_total: replica.stats.received,
    p2pdb_transactions_undone_total: replica.undone,
    p2pdb_transactions_rejected_total: replica.stats.rejected,
    p2pdb_conflicts: core.state.db
      .prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM conflict LIMIT ${CONFLICTS_COUNTED})`)
      .get()?.['n'] as number,
    p2pdb_digest_alarms_total: digestAlarms,
    p2pdb_state_restores_total: replica.stats.restores,
  };
}
