/** One running node: data folder, engine, MySQL protocol, admin HTTP. */
import { unwatchFile, watchFile, type Stats } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import {
  familiesOf,
  mergedFamilies,
  membershipRoutes,
  type MembershipPorts,
  startAdmin,
  testFaultRoutes,
  type AdminOptions,
  type Door,
  type RunningAdmin,
} from './admin/index.ts';
import type { Config } from './config/index.ts';
import { groupFolder, placedDatabases, openEngine, type OpenedEngine } from './engine/index.ts';
import {
  adminOptions,
  genesisOf,
  joinByToken,
  openCluster,
  peersOf,
  removedOf,
  keepSwarm,
  swarmOf,
  tokenOf,
  type Cluster,
} from './cluster.ts';
import { nodeId } from './consensus/index.ts';
import { prepareThread } from './discovery/index.ts';
import { groupFigures, nodeFigures, type GroupInputs } from './figures.ts';
import { markLeft } from './joining.ts';
import { openGroups, type Groups, type HostedGroup } from './groups/index.ts';
import { orderRecovery } from './recovery.ts';
import { startServer, type RunningServer } from './server/index.ts';
import { SqlError } from './sql/index.ts';
import { VERSION } from './version.ts';

/** What clients see: they choose their SQL by the number in front. */
const SERVER_VERSION = `9.7.4-p2pdb-${VERSION}`;

export interface RunningNode {
  /** The password that was made for root, to be shown once. */
  readonly generatedPassword: string | undefined;
  readonly engine: OpenedEngine;
  readonly server: RunningServer;
  readonly admin: RunningAdmin;
  /** The first fault after which the node cannot go on. */
  readonly failed: Promise<Error>;
  /** The node was told to leave its group: it shall stop, and begins anew at its next start. */
  readonly left: Promise<void>;
  /** The group's state came from another node: this one shall stop, and go on from there. */
  readonly renewed: Promise<void>;
  /** The node was told to go on without its group: it shall stop, and begins a new one at its next start. */
  readonly recovering: Promise<void>;
  /** Lets running statements answer, makes everything durable, frees the folder. */
  stop(): Promise<void>;
}

/** While the node waited to be let in, the group's state came: it shall be started again. */
export class RenewedError extends Error {
  override readonly name = 'RenewedError';
}

const STOP_GRACE_MS = 5_000;
/** So long those who spread clients over nodes may take to hear that this one is not ready. */
const DRAIN_MS = 6_000;
/** How often a certificate's file is looked at. */
const CERTIFICATE_MS = 10_000;

export interface StartOptions {
  /** Where a node that waited to be let in answers already. */
  readonly door?: Door | undefined;
  /** Why nothing came of the order to go on alone. */
  readonly recoveryFault?: string | undefined;
}

export async function startNode(
  config: Config,
  rootPassword: string | undefined,
  log: Logger,
  { door, recoveryFault }: StartOptions = {},
): Promise<RunningNode> {
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => (fail = resolve));
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));
  let renew: () => void = () => undefined;
  const renewed = new Promise<void>((resolve) => (renew = resolve));
  let recover: () => void = () => undefined;
  const recovering = new Promise<void>((resolve) => (recover = resolve));
  await joinByToken(config);
  const swarm = swarmOf(config);
  // It loads what it needs while the engine reads the log.
  const openHost = swarm && prepareThread();
  let cluster: Cluster | undefined;
  let groups: Groups | undefined;
  let digestAlarms = 0;
  const engine = openEngine({
    dir: config.data,
    version: SERVER_VERSION,
    rootPassword,
    retention: config.logRetention,
    variables: new Map<string, string | number>([
      ['max_connections', config.maxConnections],
      ['max_allowed_packet', config.maxAllowedPacket],
      ['local_infile', config.localInfile ? 1 : 0],
      ['port', config.mysql.port],
      ['hostname', config.name ?? hostname()],
      ['datadir', path.resolve(config.data)],
      ['p2pdb_commit', config.commitLevel],
      ['p2pdb_read', config.readLevel],
    ]),
    fatal: fail,
    notice: (message, facts) => log.warn(facts, message),
    genesis: genesisOf(config),
    onMembers: () => cluster?.network.setMembers(peersOf(engine), removedOf(engine)),
    onSchema: () => groups?.hosted.follow(),
    onDiffers: (proposer, height) => {
      digestAlarms++;
      log.error({ proposer, height }, 'the leader has another state than this node: its blocks get no vote from here');
      cluster?.peering.sayDiffers(proposer, height);
    },
    onBehind: (peer) => cluster?.peering.askBlocks(peer),
    makeToken: (secret, expires) =>
      cluster && swarm ? tokenOf(swarm, cluster.network.addresses, secret, expires) : undefined,
    onMade: (own, isAwaited) => cluster?.peering.made(own, isAwaited),
    onDurable: (links, isAwaited) => cluster?.peering.durable(links, isAwaited),
    onCutBack: (author, seq) => cluster?.peering.cutBack(author, seq),
    send: (to, message, mayWait) => cluster?.peering.sendConsensus(to, message, mayWait),
    describeMember: (id) => ({
      isUp: id === engine.self || (cluster?.peering.isUp(id) ?? true),
      lag: cluster?.peering.progress().find((peer) => peer.id === id)?.lag ?? 0,
    }),
  });
  if (swarm) keepSwarm(config, swarm);
  const { core } = engine;
  core.statementLog.onStatement = (isSlow, facts) =>
    isSlow ? log.warn(facts, 'a slow statement') : log.info(facts, 'a statement');
  core.onInternalError = (error) => log.error({ err: error }, 'a statement met an internal error');
  let stopping = false;
  /** Set once clients are sent away. */
  let drain: 'draining' | 'drained' | undefined;
  let server: RunningServer | undefined;
  let stopWatching: () => void = () => undefined;
  /** Public keys of the members that a test cut this node off from. */
  let cut: readonly string[] = [];
  const setCut = (ids: readonly string[]): void => {
    cut = ids;
    cluster?.peering.setCut(ids.map(nodeId));
    groups?.setCut(ids);
  };
  try {
    const opened = (groups = openGroups({
      dir: config.data,
      retention: config.logRetention,
      main: engine,
      log,
      fatal: fail,
      nextSessionId: () => {
        if (!server) throw new SqlError(1053, '08S01', 'The server starts');
        return server.nextSessionId();
      },
    }));
    if (swarm && openHost) cluster = openCluster(config, swarm, engine, log, opened.channels, openHost, renew);
    await cluster?.start();
    opened.hosted.follow();
    const generatedPassword = await Promise.race([
      engine.ready(),
      failed.then((error) => Promise.reject(error)),
      renewed.then(() => Promise.reject(new RenewedError())),
    ]);
    server = await startServer(
      {
        host: config.mysql.host,
        port: config.mysql.port,
        keyFolder: path.join(config.data, 'tls'),
        tls:
          config.tls === 'off'
            ? 'off'
            : config.tlsCert !== undefined && config.tlsKey !== undefined
              ? { cert: config.tlsCert, key: config.tlsKey }
              : 'auto',
        connectTimeoutSeconds: config.connectTimeout,
      },
      opened.gateway,
      log,
    );
    const running = server;
    stopWatching = watchCertificate(config, running, log);
    const whyNotReady = (): string | undefined =>
      stopping ? 'the node is stopping' : (drain ?? notReady(engine, config, cluster));
    const admin = await startAdmin(
      {
        ...adminOptions(config),
        door,
        routes: routesOf(config, engine, setCut, {
          drain: () => {
            if (drain !== undefined) return;
            drain = 'draining';
            log.info('clients are sent away');
            setTimeout(() => {
              void running.close(STOP_GRACE_MS).then(() => (drain = 'drained'));
            }, DRAIN_MS).unref();
          },
          leave: () => {
            markLeft(config.data, engine.self);
            leave();
          },
          recover: () => {
            orderRecovery(config.data, engine.self);
            log.warn('this node is to go on without its group: it begins a new one with its state');
            recover();
          },
        }),
      },
      {
        engine: opened.gateway,
        server: running.figures,
        nextSessionId: () => running.nextSessionId(),
        notReady: whyNotReady,
        status: () => ({
          ...status(engine, config, cluster),
          databaseGroups: [...opened.hosted].map(groupStatus),
          ...(drain && { phase: drain }),
          ...(recoveryFault !== undefined && { recoveryFault }),
          ...(config.allowTestFaults && { cut }),
        }),
        figures: () =>
          mergedFamilies([
            ...familiesOf(
              nodeFigures({
                engine,
                config,
                folder: groupFolder(config.data, 'main'),
                digestAlarms,
                peers: cluster?.peering.progress() ?? [],
                isUp: (id) => cluster?.peering.isUp(id) ?? false,
                traffic: cluster?.peering.traffic,
                isReady: whyNotReady() === undefined,
                openTransactions: opened.openTransactions,
              }),
            ),
            ...[...opened.hosted].flatMap((group) =>
              familiesOf(groupFigures(inputsOf(config.data, group)), group.database),
            ),
          ]),
        mayAdminister: (account) => core.accounts.mayAdminister(account),
        tokenAccount: () => core.findAccount('root', '127.0.0.1'),
      },
      log,
    );
    return {
      generatedPassword,
      engine,
      server: running,
      admin,
      failed,
      left,
      renewed,
      recovering,
      stop: async () => {
        stopping = true;
        stopWatching();
        await running.close(STOP_GRACE_MS);
        await admin.close();
        await core.replica.drained();
        await opened.stop();
        await cluster?.stop();
        await engine.close();
      },
    };
  } catch (error) {
    stopWatching();
    await server?.close(0);
    await groups?.stop();
    await cluster?.stop();
    await engine.close();
    throw error;
  }
}

/** New connections get the certificate that lies there now; those that are open stay. Gives what ends it. */
function watchCertificate({ tls, tlsCert }: Config, server: RunningServer, log: Logger): () => void {
  if (tls === 'off' || tlsCert === undefined) return () => undefined;
  const reload = (now: Stats, before: Stats): void => {
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino) return;
    server.reloadTls().then(
      () => log.info({ file: tlsCert }, 'the certificate is read again'),
      (error: unknown) => log.error({ err: error, file: tlsCert }, 'the certificate cannot be read: the old one stays'),
    );
  };
  watchFile(tlsCert, { interval: CERTIFICATE_MS, persistent: false }, reload);
  return () => unwatchFile(tlsCert, reload);
}

function routesOf(
  config: Config,
  engine: OpenedEngine,
  setCut: (ids: readonly string[]) => void,
  ways: Pick<MembershipPorts, 'drain' | 'leave' | 'recover'>,
): NonNullable<AdminOptions['routes']> {
  const membership = membershipRoutes({
    self: engine.self,
    founder: founderOf(engine),
    mayNotRecover: (left) => mayNotRecover(engine, left),
    mayNotLeave: () =>
      config.join === 'wait' ? undefined : 'The node would not wait to be let in again: set join to wait',
    ...ways,
  });
  const faults = testFaultRoutes({ others: () => otherMembers(engine), setCut });
  return (v1, administrator) => {
    membership(v1, administrator);
    if (config.allowTestFaults) faults(v1, administrator);
  };
}

/** The group is told by who founded it. */
const founderOf = ({ genesis }: OpenedEngine): string => genesis.members[0]?.id ?? '';

/** A group that may still decide is not given up; nor is a database that another node has, unless it is named. */
function mayNotRecover({ core, decider, membership, self }: OpenedEngine, left: readonly string[]): string | undefined {
  if (!membership.isMember(self)) return 'The node is no member of its group any more';
  if (decider.majorityInReach) return 'The group has a leader, had one a moment ago, or can have one';
  // A node that has only been named as a host has yet to receive the data.
  const lost = placedDatabases(core.catalog).filter(
    ({ name, placement }) => !(core.tenants.has(name) && placement.hosts.includes(self)) && !left.includes(name),
  );
  return lost.length === 0
    ? undefined
    : `The node does not host, or has yet to receive, ${lost.map(({ name }) => `'${name}'`).join(', ')}: choose a member that does, or name in "leave" the databases to go on without`;
}

/** Why clients should go to another node. */
function notReady({ core }: OpenedEngine, config: Config, running: Cluster | undefined): string | undefined {
  if (core.group.isLeft) return 'the node is no member of its group any more';
  const behind = running?.peering.behind() ?? 0;
  return behind > config.readyLagEntries ? `the node is ${behind} entries behind` : undefined;
}

/** What the figures of a hosted group are made from. */
const inputsOf = (data: string, { name, engine, peering, digestAlarms }: HostedGroup): GroupInputs => ({
  engine,
  folder: groupFolder(data, name),
  digestAlarms,
  peers: peering.progress(),
  isUp: (id) => peering.isUp(id),
  traffic: peering.traffic,
});

/** One of the databases with a group of their own that this node hosts. */
const groupStatus = ({ name, database, engine, peering, isReady, stage }: HostedGroup): object => ({
  database,
  group: name,
  ready: isReady,
  /** It was taken away from this node, which has yet to leave the group. */
  leaving: stage !== 'hosted',
  members: engine.core.group
    .members()
    .map((member) => ({ name: member.name, voter: member.isVoter, up: member.isUp, lagEntries: member.lag })),
  /** The voters that the members name decide yet. */
  votersDecide: engine.decider.votersDecide,
  leader:
    engine.decider.leader === undefined
      ? undefined
      : (engine.membership.find(engine.decider.leader)?.name ?? engine.decider.leader),
  lag: { entries: peering.behind() },
  final: { height: engine.core.replica.height },
  tentative: engine.core.replica.tentative,
  digest: Buffer.from(engine.core.machine.finalDigest()).toString('hex'),
});

const otherMembers = ({ membership, self }: OpenedEngine): Map<string, string> =>
  new Map(membership.current().flatMap(({ id, name }) => (id === self ? [] : [[name, id]])));

function status(engine: OpenedEngine, { name, cluster }: Config, running: Cluster | undefined): object {
  const { core, identity, decider, self, membership } = engine;
  const nameOf = (id: string): string => membership.find(id)?.name ?? id;
  const progress = running?.peering.progress() ?? [];
  return {
    phase: membership.isMember(self) ? 'serving' : 'removed',
    version: VERSION,
    ...(name !== undefined && { name }),
    ...(cluster !== undefined && { cluster }),
    author: Buffer.from(identity.author).toString('hex'),
    uptimeSeconds: Math.floor((Date.now() - core.startedAt) / 1000),
    sessions: core.sessions.size,
    group: 'main',
    log: {
      seq: core.log.seq,
      entries: core.log.stats.entries,
      bytes: core.log.stats.bytes,
      /** Blocks below this one are not in this node's log: a snapshot stands for them. */
      oldestHeight: core.log.oldestHeight,
    },
    ...(running && {
      peers: progress.filter(({ id }) => running.peering.isUp(id)).length,
      lag: { entries: running.peering.behind() },
      leader: decider.leader === undefined ? undefined : nameOf(decider.leader),
    }),
    id: self,
    founder: founderOf(engine),
    predecessor: engine.genesis.predecessor,
    members: core.group
      .members()
      .map(({ name, id, isVoter, isUp, lag }) => ({ name, id, voter: isVoter, up: isUp, lagEntries: lag })),
    /** Who was a member, and is none any more. */
    removed: removedOf(engine),
    /** Those that can be set while the node runs, and that an operator keeps. */
    variables: {
      p2pdb_commit: core.globals.get('p2pdb_commit'),
      p2pdb_read: core.globals.get('p2pdb_read'),
      max_connections: core.globals.get('max_connections'),
    },
    final: { height: core.replica.height },
    tentative: core.replica.tentative,
    digest: Buffer.from(core.machine.finalDigest()).toString('hex'),
    databases: core.catalog.databases.size,
    tables: core.catalog.allTables().length,
  };
}
