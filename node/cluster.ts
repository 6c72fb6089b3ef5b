/** A node's part in its cluster: who is in it, and the network that joins it to them. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { ConfigError, type Config } from './config/index.ts';
import { nodeId, type NodeId } from './consensus/index.ts';
import { createNetwork, type Network, type NodeId as PeerId } from './discovery/index.ts';
import type { Membership, OpenedEngine } from './engine/index.ts';
import { Peering } from './replica/index.ts';

/** Voters where the settings name none: enough to lose one or two, few enough to be quick. */
const VOTERS_MAX = 5;

export interface RunningCluster {
  readonly peering: Peering;
  readonly network: Network;
  stop(): Promise<void>;
}

/** Of a node alone, and of a cluster whose settings name its members. Throws ConfigError. */
export function membershipOf(config: Config): (self: NodeId) => Membership {
  const { members, voters } = config;
  if (members.length === 0) return (self) => ({ members: () => [self], voters: () => [self] });
  const ids = members.map((member) => nodeId(member.id));
  const named = voters.map((name) => {
    const member = members.find((m) => m.name === name);
    if (!member) throw new ConfigError(`voters: ${name} is no member`);
    return nodeId(member.id);
  });
  const odd = Math.min(VOTERS_MAX, ids.length - (1 - (ids.length % 2)));
  const chosen = named.length > 0 ? named : ids.slice(0, odd);
  return (self) => {
    if (!ids.includes(self)) throw new ConfigError(`members: this node's key ${self} is not among them`);
    return { members: () => ids, voters: () => chosen };
  };
}

export async function startCluster(config: Config, engine: OpenedEngine, log: Logger): Promise<RunningCluster> {
  const { core, decider, membership, self } = engine;
  const peering = new Peering({
    self,
    log: core.log,
    replica: core.replica,
    decider,
    members: membership.members,
    voters: membership.voters,
    onRefused: (from, reason) => log.warn({ from: nameOf(config, from), reason }, 'what a peer sent is refused'),
  });
  const network = await createNetwork(
    {
      privateKey: privateKeyOf(config.data),
      listen: config.peers,
      swarm: { id: config.cluster ?? 'p2pdb', key: swarmKey(config) },
      bootstrap: config.bootstrap,
      mdns: false,
      members: membership.members().map((id) => id as string as PeerId),
      dataFolder: config.data,
    },
    {
      peerUp: (id) => {
        log.info({ peer: nameOf(config, id) }, 'a peer is there');
        peering.peerUp(nodeId(id));
      },
      peerDown: (id) => {
        log.warn({ peer: nameOf(config, id) }, 'a peer is gone');
        peering.peerDown(nodeId(id));
      },
      message: (from, bytes) => peering.message(nodeId(from), bytes),
      drained: (to) => peering.drained(nodeId(to)),
      log: (level, text, detail) => log[level](detail, text),
    },
  );
  await network.start();
  peering.start(network);
  return {
    peering,
    network,
    stop: async () => {
      peering.stop();
      await network.stop();
    },
  };
}

const nameOf = ({ members }: Config, id: string): string =>
  members.find((member) => member.id === id)?.name ?? id.slice(0, 16);

function privateKeyOf(dir: string): Uint8Array {
  const pem = readFileSync(path.join(dir, 'identity.key'));
  return new Uint8Array(createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }));
}

/** libp2p's form of a swarm key: a header, the encoding, 32 bytes. Throws ConfigError. */
function swarmKey({ swarmKey: file }: Config): Uint8Array {
  if (file === undefined) throw new ConfigError('swarm_key: a cluster needs a key that keeps strangers out');
  const [header, encoding, text = ''] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const key = encoding === '/base16/' ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (header !== '/key/swarm/psk/1.0.0/' || key.length !== 32)
    throw new ConfigError(`swarm_key: ${file} is no swarm key`);
  return new Uint8Array(key);
}
