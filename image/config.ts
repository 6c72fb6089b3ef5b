/** How containers of the image run. The Dockerfile says the same; a test compares them. */
import type { RunConfig } from './oci.ts';

/** Who the program is in a container; Kubernetes checks by the number that it is not root. */
export const USER_ID = 65532;

export const RUN_CONFIG = {
  User: `${USER_ID}:${USER_ID}`,
  ExposedPorts: { '3306/tcp': {}, '4001/tcp': {}, '8080/tcp': {} },
  Env: [
    'PATH=/usr/local/bin:/usr/bin:/bin',
    'P2PDB_DATA=/var/lib/p2pdb',
    'P2PDB_MYSQL=0.0.0.0:3306',
    'P2PDB_HTTP=0.0.0.0:8080',
    'P2PDB_PEERS=0.0.0.0:4001',
  ],
  Entrypoint: ['p2pdb'],
  Cmd: ['node'],
  Volumes: { '/var/lib/p2pdb': {} },
  WorkingDir: '/var/lib/p2pdb',
  Labels: {
    'org.opencontainers.image.title': 'P2PDB',
    'org.opencontainers.image.description': 'A MySQL-protocol SQL database of equal nodes, and its operator',
    'org.opencontainers.image.licenses': 'Apache-2.0',
  },
} as const satisfies RunConfig;
