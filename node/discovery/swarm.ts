/** A libp2p node as a swarm's member has it. */
import { identify, type Identify } from '@libp2p/identify';
import type { ConnectionGater, Libp2p, PeerId, PrivateKey } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { NetworkError } from './errors.ts';
import { nodeIdOfPeer } from './identity.ts';
import type { NetworkOptions, NodeId } from './ports.ts';

/** Both sides of a stream must start with the same window. */
const STREAM_WINDOW_BYTES = 1 << 20;

export type Swarm = Libp2p<{ identify: Identify }>;

/** `/ip4/…/tcp/…` of a listening host and port. */
export function listenAddress(host: string, port: number): string {
  return `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
}

/** Only members get a connection, whoever dials. */
function gaterOf(isMember: (id: NodeId) => boolean): ConnectionGater {
  const isStranger = (peer: PeerId): boolean => {
    const id = nodeIdOfPeer(peer);
    return id === undefined || !isMember(id);
  };
  return {
    denyDialPeer: isStranger,
    denyInboundEncryptedConnection: isStranger,
    denyOutboundEncryptedConnection: isStranger,
  };
}

export async function createSwarm(
  options: NetworkOptions,
  privateKey: PrivateKey,
  isMember: (id: NodeId) => boolean,
): Promise<Swarm> {
  const { listen, announce, swarm } = options;
  const prefix = `p2pdb/${swarm.id}`;
  try {
    return await createLibp2p({
      start: false,
      privateKey,
      addresses: { listen: [listenAddress(listen.host, listen.port)], announce: [...(announce ?? [])] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux({ streamOptions: { initialStreamWindowSize: STREAM_WINDOW_BYTES } })],
      connectionGater: gaterOf(isMember),
      // Links watch their peers themselves.
      connectionMonitor: { enabled: false },
      services: { identify: identify({ protocolPrefix: prefix }) },
    });
  } catch (cause) {
    throw new NetworkError('BAD_OPTIONS', (cause as Error).message, { cause });
  }
}
