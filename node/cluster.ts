/** A node's part in its cluster: how it comes to be in it, and the network that joins it to the others. */
import { createPrivateKey } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import type { JoinOutcome } from './admin/index.ts';
import { ConfigError, type Config } from './config/index.ts';
import { nodeId, type NodeId } from './consensus/index.ts';
import {
  createNetwork,
  joinSwarm,
  makeToken,
  NetworkError,
  parseToken,
  type JoinAnswer,
  type Network,
  type OpenHost,
  type NodeId as PeerId,
} from './discovery/index.ts';
import { firstVoters, genesisFile, groupFolder, keepGenesis, type Genesis, type OpenedEngine } from './engine/index.ts';
import type { Channels } from './groups/index.ts';
import { EQUIVOCATION, NOT_ENDED, Peering } from './replica/index.ts';
import { loadIdentity, writeFileDurably } from './store/index.ts';

/** What a node needs to be in a swarm; kept in its data folder where it joined by a token. */
export interface Swarm {
  readonly id: string;
  readonly key: Uint8Array;
  readonly bootstrap: readonly string[];
}

/** What joins a node to the others. */
export interface Cluster {
  readonly peering: Peering;
  readonly network: Network;
  /** Resolves when the node listens. Rejects with NetworkError. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The first members as the settings name them; a node alone is its own. Throws ConfigError. */
export function genesisOf(config: Config): (self: NodeId) => Genesis {
  const { members, voters } = config;
  if (members.length === 0) return (self) => ({ members: [{ name: config.name ?? 'node', id: self }], voters: [self] });
  for (const name of voters)
    if (!members.some((m) => m.name === name)) throw new ConfigError(`voters: ${name} is no member`);
  const deciding = voters.length > 0 ? members.filter((m) => voters.includes(m.name)) : firstVoters(members);
  return (self) => {
    if (!members.some((m) => m.id === self))
      throw new ConfigError(`members: this node's key ${self} is not among them`);
    return { members, voters: deciding.map((m) => m.id) };
  };
}

const swarmFile = (config: Config): string => path.join(config.data, 'swarm.json');

/** What a folder keeps of its swarm. */
interface KeptSwarm {
  readonly id: string;
  /** As hex. */
  readonly key: string;
  readonly bootstrap: readonly string[];
}

const keptSwarm = (config: Config): KeptSwarm | undefined =>
  existsSync(swarmFile(config)) ? (JSON.parse(readFileSync(swarmFile(config), 'utf8')) as KeptSwarm) : undefined;

/** Undefined for a node without a network. Throws ConfigError. */
export function swarmOf(config: Config): Swarm | undefined {
  const kept = keptSwarm(config);
  const bootstrap = [...new Set([...config.bootstrap, ...(kept?.bootstrap ?? [])])];
  if (config.swarmKey !== undefined) {
    return { id: config.cluster ?? kept?.id ?? 'p2pdb', key: readSwarmKey(config.swarmKey), bootstrap };
  }
  if (!kept && config.members.length > 1)
    throw new ConfigError('swarm_key: a cluster needs a key that keeps strangers out');
  return kept && { id: kept.id, key: new Uint8Array(Buffer.from(kept.key, 'hex')), bootstrap };
}

/** For starts to come without these settings: the node would run on apart from the others, and take writes. */
export function keepSwarm(config: Config, { id, key }: Swarm): void {
  const before = keptSwarm(config);
  const kept: KeptSwarm = { id, key: Buffer.from(key).toString('hex'), bootstrap: before?.bootstrap ?? [] };
  if (before?.id !== kept.id || before.key !== kept.key)
    writeFileDurably(swarmFile(config), `${JSON.stringify(kept)}\n`, 0o600);
}

const mainFolder = (config: Config): string => groupFolder(config.data, 'main');

/** The folder knows its group. */
export const isMember = (config: Config): boolean => existsSync(genesisFile(mainFolder(config)));

/** Makes the folder that of the first member, or one of the first. Throws ConfigError. */
export function foundGroup(config: Config, self: string): void {
  const genesis = genesisOf(config)(nodeId(self));
  keepFirst(config, genesis);
}

function keepFirst(config: Config, genesis: Genesis): void {
  mkdirSync(mainFolder(config), { recursive: true, mode: 0o700 });
  keepGenesis(genesisFile(mainFolder(config)), () => genesis);
}

/** At the first start of a node that has a join token: asks to be a member, and keeps what it learns. Throws ConfigError. */
export async function joinByToken(config: Config): Promise<void> {
  if (config.joinToken === undefined || isMember(config)) return;
  loadIdentity(config.data);
  const outcome = await joinGroup(config, config.joinToken);
  if (outcome.kind === 'refused') throw new ConfigError(`join_token: the cluster refuses this node: ${outcome.reason}`);
  if (outcome.kind === 'unreachable') throw new ConfigError(`join_token: ${outcome.reason}`);
}

/** Asks to be a member by a token, with the folder's identity, and keeps what it learns. */
export async function joinGroup(config: Config, token: string): Promise<JoinOutcome> {
  let answer: JoinAnswer;
  try {
    answer = await joinSwarm(token, privateKeyOf(config.data), config.name ?? 'node', config.bootstrap);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    const kind = error.code === 'JOIN_UNREACHABLE' ? 'unreachable' : 'refused';
    return { kind, reason: error.message };
  }
  if (answer.kind === 'refused') return { kind: 'refused', reason: answer.reason };
  const { swarm, bootstrap } = parseToken(token);
  const kept: KeptSwarm = {
    id: swarm.id,
    key: Buffer.from(swarm.key).toString('hex'),
    bootstrap: [...new Set([...bootstrap, ...answer.addresses])],
  };
  writeFileDurably(swarmFile(config), `${JSON.stringify(kept)}\n`, 0o600);
  const genesis = JSON.parse(Buffer.from(answer.welcome).toString('utf8')) as Genesis;
  keepFirst(config, { ...genesis, introduced: answer.members });
  return { kind: 'joined' };
}

/** Where the admin HTTP is, and what opens it. */
export const adminOptions = (config: Config) => ({
  host: config.http.host,
  port: config.http.port,
  tokenFile: config.adminTokenFile ?? path.join(config.data, 'admin.token'),
  tls:
    config.httpTls && config.tlsCert !== undefined && config.tlsKey !== undefined
      ? { cert: config.tlsCert, key: config.tlsKey }
      : undefined,
});

/**
 * The cluster's part of a node, which takes no calls from the network before it is started. From now on the engine has to tell the
 * peering all that it logs: what the peering never heard of, it gives to nobody.
 */
export function openCluster(
  config: Config,
  swarm: Swarm,
  engine: OpenedEngine,
  log: Logger,
  channels: Channels,
  openHost: OpenHost,
  onSnapshot: () => void,
): Cluster {
  const { core, decider, membership, self } = engine;
  const nameOf = (id: string): string => membership.find(id)?.name ?? id.slice(0, 16);
  const peering = new Peering({
    self,
    group: 'main',
    log: core.log,
    replica: core.replica,
    decider,
    members: () => membership.members(),
    voters: () => membership.voters(),
    onDamaged: (height) => engine.damaged(height),
    onRefused: (from, reason) => log.warn({ from: nameOf(from), reason }, 'what a peer sent is refused'),
    onEquivocation: ({ author, member }) => log.error({ author, member: nameOf(member) }, EQUIVOCATION),
    endAuthor: (equivocation) => core.roster.endAuthor(equivocation),
    onEndFailed: ({ author }, error) => log.debug({ author, err: error }, NOT_ENDED),
    snapshots: engine.keeper,
    isNew: engine.isNew,
    onSnapshot: (height) => {
      log.info({ height }, 'a snapshot came: the node starts again from it');
      onSnapshot();
    },
  });
  const network = createNetwork(
    {
      privateKey: privateKeyOf(config.data),
      listen: config.peers,
      swarm,
      bootstrap: swarm.bootstrap,
      mdns: config.mdns,
      members: peersOf(engine),
      removed: removedOf(engine),
      dataFolder: config.data,
    },
    {
      peerUp: (id) => {
        log.info({ peer: nameOf(id) }, 'a peer is there');
        channels.peerUp(id);
      },
      peerDown: (id) => {
        log.warn({ peer: nameOf(id) }, 'a peer is gone');
        channels.peerDown(id);
      },
      message: (from, bytes) => channels.message(from, bytes),
      gossip: (topic, bytes, from) => channels.gossip(topic, bytes, from),
      drained: (to) => channels.drained(to),
      removed: (by) => {
        const { group } = core;
        if (!group.isLeft)
          log.error({ by: nameOf(by) }, 'a member says that this node was removed: it takes no changes');
        group.isSaidToBeRemoved = true;
      },
      joinRequest: async ({ node, name, secret }) => {
        const reason = await core.roster.admit(node, name, secret);
        log.info({ name, node, ...(reason !== undefined && { reason }) }, 'a node asked to join');
        if (reason !== undefined) return { kind: 'refused', reason };
        const welcome = new Uint8Array(Buffer.from(JSON.stringify({ ...engine.genesis, introduced: undefined })));
        return { kind: 'accepted', members: peersOf(engine), addresses: network.addresses, welcome };
      },
      log: (level, text, detail) => log[level](detail, text),
    },
    openHost,
  );
  channels.main = peering;
  channels.network = network;
  return {
    peering,
    network,
    start: () => {
      peering.start(network);
      return network.start();
    },
    stop: async () => {
      peering.stop();
      await network.stop();
    },
  };
}

export const peersOf = ({ membership }: OpenedEngine): PeerId[] =>
  membership.members().map((id) => id as string as PeerId);

/** Who was a member, and is none any more. */
export const removedOf = ({ membership }: OpenedEngine): PeerId[] =>
  membership.all().flatMap(({ id, removed }) => (removed ? [id as PeerId] : []));

/** A token by which another node can join this node's swarm. */
export const tokenOf = (swarm: Swarm, addresses: readonly string[], secret: Uint8Array, expires: number): string =>
  makeToken({ swarm: { id: swarm.id, key: swarm.key }, bootstrap: [...addresses], secret, expires });

function privateKeyOf(dir: string): Uint8Array {
  const pem = readFileSync(path.join(dir, 'identity.key'));
  return new Uint8Array(createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }));
}

/** libp2p's form of a swarm key: a header, the encoding, 32 bytes. Throws ConfigError. */
function readSwarmKey(file: string): Uint8Array {
  const [header, encoding, text = ''] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const key = encoding === '/base16/' ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (header !== '/key/swarm/psk/1.0.0/' || key.length !== 32)
    throw new ConfigError(`swarm_key: ${file} is no swarm key`);
  return new Uint8Array(key);
}
