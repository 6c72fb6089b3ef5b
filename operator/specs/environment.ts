/** A node's settings as variables, from the manifest and from where the node finds its things. */
import type { ClusterSpec } from '../api/index.ts';

/** Where a node is, and where its files are; HOST:PORT and paths. */
export interface NodePlaces {
  readonly mysql: string;
  readonly http: string;
  readonly peers: string;
  readonly data: string;
  /** The settings file. */
  readonly config: string;
  /** Undefined for a node that has it of its join token. */
  readonly swarmKey: string | undefined;
  readonly adminToken: string;
  /** Other nodes of the cluster, as HOST:PORT. */
  readonly others: readonly string[];
}

/** What a node of the cluster is told, wherever it runs; its name comes besides. */
export const environmentOf = (
  cluster: string,
  { tls, bootstrapPeers }: Pick<ClusterSpec, 'tls' | 'bootstrapPeers'>,
  places: NodePlaces,
): Record<string, string> => ({
  P2PDB_CONFIG: places.config,
  P2PDB_CLUSTER: cluster,
  P2PDB_DATA: places.data,
  P2PDB_MYSQL: places.mysql,
  P2PDB_HTTP: places.http,
  P2PDB_PEERS: places.peers,
  P2PDB_BOOTSTRAP: [...places.others, ...bootstrapPeers].join(','),
  ...(places.swarmKey !== undefined && { P2PDB_SWARM_KEY: places.swarmKey }),
  P2PDB_ADMIN_TOKEN_FILE: places.adminToken,
  P2PDB_TLS: tls.enabled ? 'auto' : 'off',
  P2PDB_HTTP_TLS: 'false',
});

/** The settings file. */
export const settingsOf = ({
  commitLevel,
  readLevel,
  config,
}: Pick<ClusterSpec, 'commitLevel' | 'readLevel' | 'config'>): Readonly<Record<string, unknown>> => ({
  commit_level: commitLevel,
  read_level: readLevel,
  ...config,
});

/** Settings that a node that runs takes as global variables, by the variables' names. */
const LIVE: Readonly<Record<string, string>> = {
  commit_level: 'p2pdb_commit',
  read_level: 'p2pdb_read',
  max_connections: 'max_connections',
};

export function splitSettings(settings: Readonly<Record<string, unknown>>): {
  readonly live: Readonly<Record<string, string | number>>;
  readonly restart: Readonly<Record<string, unknown>>;
} {
  const live: Record<string, string | number> = {};
  const restart: Record<string, unknown> = {};
  for (const [setting, value] of Object.entries(settings)) {
    const variable = LIVE[setting];
    if (variable !== undefined && (typeof value === 'string' || typeof value === 'number')) live[variable] = value;
    else restart[setting] = value;
  }
  return { live, restart };
}
