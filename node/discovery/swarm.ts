/** A libp2p node as a swarm's member has it. */
import { networkInterfaces } from 'node:os';
import { gossipsub, type GossipSub } from '@chainsafe/libp2p-gossipsub';
import { identify, type Identify } from '@libp2p/identify';
import type { Libp2p, PrivateKey } from '@libp2p/interface';
import { kadDHT, passthroughMapper, type KadDHT } from '@libp2p/kad-dht';
import { mdns } from '@libp2p/mdns';
import { ping, type Ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { gossipOptions } from '../pubsub/index.ts';
import { gaterOf, joinListener, memberEncrypter, type Roll } from './admission.ts';
import { NetworkError } from './errors.ts';
import { JOIN_MS_MAX } from './join-messages.ts';
import type { NetworkOptions, NodeId } from './ports.ts';

/** Both sides of a stream must start with the same window. */
const STREAM_WINDOW_BYTES = 1 << 20;
/** A whole swarm may start on one machine, and all of it dial one bootstrap address. */
const INBOUND_PER_SECOND_MAX = 200;
const INBOUND_PENDING_MAX = 100;
const CONNECTIONS_MAX = 1_000;

export type Swarm = Libp2p<{ identify: Identify; ping: Ping; dht: KadDHT; pubsub: GossipSub }>;

export interface SwarmAdmission extends Roll {
  readonly answerJoin: (from: NodeId, question: Uint8Array) => Promise<Uint8Array>;
}

const address = (host: string, port: number): string => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;

/**
 * What others are told besides the private addresses that libp2p tells by itself: it holds public ones back until another
 * service has confirmed them, and a swarm has none.
 */
function ownAddresses(host: string, port: number): string[] {
  if (port === 0) return [];
  if (host !== '0.0.0.0' && host !== '::') return [address(host, port)];
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(
      ({ internal, family, address: ip }) =>
        !internal && !ip.startsWith('fe80:') && (family === 'IPv4' || host === '::'),
    )
    .map(({ address: ip }) => address(ip, port));
}

/** A node that is not started. Rejects with NetworkError. */
export async function createSwarm(
  options: NetworkOptions,
  privateKey: PrivateKey,
  { answerJoin, ...roll }: SwarmAdmission,
): Promise<Swarm> {
  const { listen, announce = [], swarm } = options;
  const prefix = `p2pdb/${swarm.id}`;
  try {
    return await createLibp2p({
      start: false,
      privateKey,
      addresses: {
        listen: [address(listen.host, listen.port)],
        announce: [...announce],
        appendAnnounce: ownAddresses(listen.host, listen.port),
      },
      transports: [tcp()],
      connectionEncrypters: [memberEncrypter(swarm, roll), joinListener(swarm, answerJoin)],
      streamMuxers: [yamux({ streamOptions: { initialStreamWindowSize: STREAM_WINDOW_BYTES } })],
      connectionGater: gaterOf(roll.isMember),
      connectionManager: {
        maxConnections: CONNECTIONS_MAX,
        inboundConnectionThreshold: INBOUND_PER_SECOND_MAX,
        maxIncomingPendingConnections: INBOUND_PENDING_MAX,
        inboundUpgradeTimeout: JOIN_MS_MAX,
        // The finder reconnects.
        reconnectRetries: 0,
      },
      // Links watch their peers.
      connectionMonitor: { enabled: false },
      peerDiscovery: options.mdns ? [mdns({ serviceTag: `_p2pdb-${swarm.id}._udp.local` })] : [],
      services: {
        identify: identify({ protocolPrefix: prefix }),
        ping: ping({ protocolPrefix: prefix }),
        dht: kadDHT({
          protocol: `/${prefix}/kad/1.0.0`,
          clientMode: false,
          // Members may well live at private or loopback addresses.
          peerInfoMapper: passthroughMapper,
          allowQueryWithZeroPeers: true,
          // Members trust each other: no need to ask many of them along separate ways.
          disjointPaths: 2,
        }),
        pubsub: gossipsub(gossipOptions),
      },
    });
  } catch (cause) {
    throw new NetworkError('BAD_OPTIONS', (cause as Error).message, { cause });
  }
}
