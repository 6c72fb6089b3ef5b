/** Opens a data folder: identity, log, state; catches the state up with the log; makes the first account. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { height, nodeId, VoterSchedule, WINDOW, type NodeId } from '../consensus/index.ts';
import { authorOf, hex, type ChainLink } from '../log/index.ts';
import { ConsensusDecider, RejectedError, type ReplicaEvents } from '../replica/index.ts';
import type { DatabaseDef, PlacementDef } from '../sql/index.ts';
import {
  DiskFullError,
  loadIdentity,
  lockFolder,
  LogDamagedError,
  LogStore,
  makeFolder,
  markClean,
  markOpen,
  logCrypto,
  RecordStore,
  renewIncarnation,
  Reserve,
  segmentsOf,
  Snapshots,
  State,
  StateCorruptError,
  writeFileDurably,
  type Identity,
  type LogBase,
  type StoredBlock,
} from '../store/index.ts';
import { EngineCore, type EngineOptions } from './core.ts';
import { departureFrom, isEnding, markEnding, removeOld, VOTES } from './departure.ts';
import { becomeReady, makeDatabase } from './first.ts';
import type { MemberInfo } from './group.ts';
import { LogKeeper } from './log-keeper.ts';
import { type Genesis, genesisFile, groupFolder, keepGenesis, Membership, stayOf } from './membership.ts';
import { beginFromBase, clearState, markDamaged, type Notice } from './state-file.ts';
import { dropAbandoned } from './unfinished.ts';

const DATA_FORMAT = 2;
/** A file of this name in the group's folder: others know, or knew, this node's entries. */
const SHARED = 'shared';

/** The data folder cannot be used. One line for the person who starts the node. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

export interface OpenOptions extends Omit<
  EngineOptions,
  'name' | 'main' | 'events' | 'alone' | 'voterSpans' | 'group'
> {
  readonly dir: string;
  /** The group's first members, where the folder does not know them yet; made with this node's id. */
  readonly genesis: (self: NodeId) => Genesis;
  /** The members are others than before. */
  readonly onMembers: () => void;
  /** Blocks changed what exists. */
  readonly onSchema?: () => void;
  /** The proposer's state after a block is another one than this node's. */
  readonly onDiffers: (proposer: NodeId, height: number) => void;
  /** The peer's log has blocks that consensus gives out no more. */
  readonly onBehind: (peer: NodeId) => void;
  /** Text by which another node can ask to join; undefined for a node without a network. */
  readonly makeToken: (secret: Uint8Array, expires: number) => string | undefined;
  /** Entries are durable here; `own` is to be sent to everybody. */
  readonly onMade: ReplicaEvents['made'];
  readonly onDurable: (links: readonly ChainLink[], isAwaited: boolean) => void;
  /** See ReplicaEvents. */
  readonly onCutBack: ReplicaEvents['cutBack'];
  readonly send: (to: NodeId, message: Uint8Array, mayWait: boolean) => void;
  /** Whether a member is there, how far it is behind. */
  readonly describeMember: (id: NodeId) => Pick<MemberInfo, 'isUp' | 'lag'>;
  readonly rootPassword: string | undefined;
  /** Lines for the operator: a torn tail that was cut, progress of a replay. */
  readonly notice: Notice;
  /** Bytes of log that are kept, at least; undefined for all of it. */
  readonly retention: number | undefined;
  /** What log, votes and state are kept by. */
  readonly disk?: Disk;
}

export interface Disk {
  log(dir: string, group: string, identity: Identity): LogStore;
  records(file: string): RecordStore;
  state(file: string): State;
}

const realDisk: Disk = {
  log: (dir, group, identity) => new LogStore(dir, group, identity),
  records: (file) => new RecordStore(file),
  state: (file) => new State(file),
};

/** A replication group on this node, open. */
export interface OpenedGroup {
  readonly core: EngineCore;
  readonly identity: Identity;
  readonly self: NodeId;
  readonly genesis: Genesis;
  readonly membership: Membership;
  readonly decider: ConsensusDecider;
  readonly keeper: LogKeeper;
  /** It joined, and has nothing of the group yet. */
  readonly isNew: boolean;
  /** The state is not what the majority has. */
  damaged(height: number): void;
  close(): Promise<void>;
}

/** The group that all nodes host, and the folder. */
export interface OpenedEngine extends OpenedGroup {
  /** There are accounts to log in with. The password that was made for root, to be shown once. */
  ready(): Promise<string | undefined>;
}

/** What a database's own group is opened with: the rest it shares with the group that all nodes host. */
export interface OwnGroupOptions extends Pick<
  OpenOptions,
  | 'genesis'
  | 'onMembers'
  | 'onDiffers'
  | 'onBehind'
  | 'onMade'
  | 'onDurable'
  | 'onCutBack'
  | 'send'
  | 'describeMember'
  | 'fatal'
  | 'notice'
  | 'retention'
  | 'lanes'
  | 'slicing'
  | 'disk'
> {
  readonly dir: string;
  readonly name: string;
  readonly database: Pick<DatabaseDef, 'name' | 'collation'> & Pick<PlacementDef, 'moved'>;
}

export interface OwnGroup extends OpenedGroup {
  /** The database is there. */
  ready(): Promise<void>;
  /** This node leaves the group: resolves when that is decided. It writes nothing from now on, also after a crash. */
  depart(): Promise<void>;
}

/** The group of a database that has one of its own, under its name in the folder of `main`. */
export function openOwnGroup(options: OwnGroupOptions, main: OpenedEngine): OwnGroup {
  const { name, dir, database } = options;
  const all = {
    ...options,
    version: main.core.version,
    variables: new Map(),
    rootPassword: undefined,
    makeToken: () => undefined,
  };
  const groupDir = groupFolder(dir, name);
  makeFolder(groupDir);
  removeOld(groupDir);
  const genesis = keepGenesis(genesisFile(groupDir), () => options.genesis(main.self));
  const identity = identityOfStay(main.identity, name, stayOf(genesis));
  const group = openGroupIn(all, name, groupDir, identity, main.core);
  group.core.onInternalError = (error) => main.core.onInternalError(error);
  if (isEnding(groupDir)) group.core.replica.end();
  return {
    ...group,
    ready: () => {
      group.heard();
      return makeDatabase(group, database);
    },
    depart: async () => {
      markEnding(groupDir);
      await group.core.roster.depart();
    },
  };
}

/**
 * In each group the node is another author, or two transactions would have one id. So it is in each stay: what it wrote in an earlier
 * one it does not have any more.
 */
function identityOfStay(identity: Identity, group: string, stay: number): Identity {
  const seed = Buffer.concat([identity.incarnation, Buffer.from(`${group} ${stay}`)]);
  const incarnation = logCrypto.sha256(new Uint8Array(seed)).slice(0, identity.incarnation.length);
  return { ...identity, incarnation, author: authorOf(identity.publicKey, incarnation, logCrypto) };
}

export function openEngine(options: OpenOptions): OpenedEngine {
  const { dir } = options;
  makeFolder(dir);
  checkFormat(dir);
  const lock = lockFolder(dir);
  if ('takenBy' in lock) throw new DataFolderError(`${dir} is in use by process ${lock.takenBy}`);
  const { unlock } = lock;
  try {
    const groupDir = groupFolder(dir, 'main');
    const group = openGroupIn(options, 'main', groupDir, identityOf(options, groupDir), undefined);
    return {
      ...group,
      ready: () => {
        group.heard();
        return becomeReady(group, options.rootPassword);
      },
      close: async () => {
        await group.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function openGroupIn(
  options: OpenOptions,
  name: string,
  groupDir: string,
  identity: Identity,
  main: EngineCore | undefined,
): OpenedGroup & Pick<Group, 'heard'> {
  const file = path.join(groupDir, 'state.sqlite');
  makeFolder(path.join(groupDir, 'log'));
  clearState(file, options.notice);
  markOpen(file);
  const snapshots = new Snapshots(groupDir, name);
  const group = openDamaged(options, { name, main, identity, snapshots, groupDir, file });
  snapshots.dropOlder();
  const { core, log, decider } = group;
  const keeper = new LogKeeper({ ...options, state: core.state, log, snapshots });
  if (options.retention !== undefined) log.prunesTo(options.retention);
  decider.start();
  keeper.start();
  return {
    ...group,
    identity,
    keeper,
    isNew:
      core.replica.height === 0 &&
      log.frontier().size === 0 &&
      (group.membership.stay > 1 || !group.genesis.members.some(({ id }) => id === group.self)),
    damaged: (height) => setAside(options, file, height),
    close: async () => {
      await keeper.stop();
      await core.close();
      decider.stop();
      await core.state.checkpointed();
      core.state.close();
      log.close();
      markClean(file);
    },
  };
}

/**
 * Where others know this node's entries, each start begins a new author: a folder that was restored from an old copy cannot write a
 * second history under a name that has one.
 */
function identityOf(options: OpenOptions, groupDir: string): Identity {
  const identity = loadIdentity(options.dir);
  if (!existsSync(path.join(groupDir, SHARED)) || segmentsOf(path.join(groupDir, 'log')).length === 0) return identity;
  renewIncarnation(options.dir);
  return loadIdentity(options.dir);
}

/** The state is not what the majority has: it serves no more. */
function setAside({ fatal }: Pick<OpenOptions, 'fatal'>, file: string, height: number): void {
  markDamaged(file, height);
  fatal(
    new Error(
      `the state after block ${height} is not what the majority has: at the next start it is set aside, and made anew from the log`,
    ),
  );
}

/** The state is a view of the log: a damaged one is made anew. SQLite's errors while it catches up count as damage. */
function openDamaged(options: OpenOptions, place: Place): Group {
  const { groupDir, file } = place;
  const open = (): Group => openGroup(options, place);
  try {
    return open();
  } catch (error) {
    if (error instanceof DiskFullError) return openFull(groupDir, error, open);
    if (!(error instanceof StateCorruptError) && !isSqliteError(error)) throw error;
    options.notice('the state file is damaged and is made anew from the log', {
      file,
      reason: (error as Error).message,
    });
    State.remove(file);
    return open();
  }
}

/** With the room that was set aside the state may still catch up. */
function openFull(groupDir: string, first: DiskFullError, open: () => Group): Group {
  new Reserve(groupDir).release();
  try {
    return open();
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    throw new DataFolderError(`${first.message}: free some space on the disk of ${groupDir} and start the node again`);
  }
}

const isSqliteError = (error: unknown): boolean => (error as { code?: string }).code === 'ERR_SQLITE_ERROR';

function checkFormat(dir: string): void {
  const file = path.join(dir, 'format');
  if (!existsSync(file)) {
    writeFileDurably(file, `${DATA_FORMAT}\n`);
    return;
  }
  const format = Number(readFileSync(file, 'utf8').trim());
  if (format > DATA_FORMAT)
    throw new DataFolderError(
      `${dir} was written by a newer version (data format ${format}; this program reads up to ${DATA_FORMAT}): upgrade the program`,
    );
  if (!(format >= 1)) throw new DataFolderError(`${file} does not name a data format`);
}

/** Where a group's data lies, and who writes it. */
interface Place {
  readonly name: string;
  /** The engine of the group that all nodes host, where this is another group. */
  readonly main: EngineCore | undefined;
  readonly identity: Identity;
  readonly snapshots: Snapshots;
  readonly groupDir: string;
  /** The state. */
  readonly file: string;
}

interface Group {
  readonly core: EngineCore;
  readonly log: LogStore;
  readonly self: NodeId;
  readonly genesis: Genesis;
  readonly membership: Membership;
  readonly decider: ConsensusDecider;
  /** Others hear this node from now on: it may have decided what follows from the catalog alone. */
  readonly heard: () => void;
}

function openGroup(options: OpenOptions, { name, main, identity, snapshots, groupDir, file }: Place): Group {
  const logDir = path.join(groupDir, 'log');
  const self = nodeId(hex(identity.publicKey));
  const genesis = keepGenesis(genesisFile(groupDir), () => options.genesis(self));
  const base = beginFromBase(file, snapshots, options.notice);
  const disk = options.disk ?? realDisk;
  const state = disk.state(file);
  const membership = new Membership(state.catalog, genesis, self);
  const log = disk.log(logDir, name, identity);
  const { position } = state;
  const spans = position.voters ?? [{ from: 0, voters: genesis.voters }];
  /** Until consensus keeps it: the blocks that the log adds to the state may change the voters. */
  const schedule = new VoterSchedule(
    height(position.height),
    spans.map(({ from, voters }) => ({ from: height(from), voters: voters.map(nodeId) })),
    WINDOW,
  );
  let decider: ConsensusDecider | undefined;
  try {
    const core = new EngineCore(state, log, {
      ...options,
      name,
      main,
      alone: () => membership.isAlone,
      // Nothing is served yet: whoever starts the node is told in one line.
      fatal: (error) => {
        if (!decider) throw new DataFolderError(error.message);
        options.fatal(error);
      },
      voterSpans: () => decider?.voterSpans() ?? schedule.spans(),
      group: {
        membership,
        majorityInReach: () => decider?.majorityInReach ?? false,
        votersDecide: () => decider?.votersDecide ?? true,
        describeMember: options.describeMember,
        makeToken: options.makeToken,
      },
      events: {
        made: options.onMade,
        durable: options.onDurable,
        isMember: (key) => membership.isMember(hex(key)),
        wasRemoved: (key) => membership.wasRemoved(hex(key)),
        mayWrite: (key, made) => membership.mayWrite(hex(key), made),
        hasEnded: (author) => state.catalog.endedAuthors.has(author),
        ended: () => state.catalog.endedAuthors.keys(),
        rescued: () => state.catalog.rescuedAuthors.values(),
        rescuedSeq: (author) => state.catalog.rescuedAuthors.get(author)?.seq ?? 0,
        stranded: () => tidy(),
        cutBack: options.onCutBack,
        applied: (blocks) => {
          for (const block of blocks) {
            if (decider) decider.applied(block.height);
            else schedule.apply(height(block.height), membership.voters());
          }
          followMembers();
          followSchema();
          tidy();
        },
        diverged: (height) => setAside(options, file, height),
      },
    });
    let seen = '';
    const followMembers = (): void => {
      const { endedAuthors: ended, rescuedAuthors } = state.catalog;
      if (ended.has(log.author) && decider)
        options.fatal(
          new Error(
            'the group decided that nothing of this run of the node counts any more, because its key signed two entries with one number: ' +
              'two nodes have one key, or somebody else has it. Started again, the node goes on with what is final',
          ),
        );
      const now = JSON.stringify([membership.current(), ended.size, ...rescuedAuthors.values()]);
      if (now === seen) return;
      seen = now;
      const keys = membership.keyClass();
      if (keys && !core.keyClass) core.replica.endSolitude();
      core.keyClass = keys;
      state.counters.hiddenKeys = keys ?? state.counters.hiddenKeys;
      core.replica.membersChanged();
      if (keys && !existsSync(path.join(groupDir, SHARED))) writeFileDurably(path.join(groupDir, SHARED), '');
      decider?.setMembers(membership.members());
      if (membership.isAdmitted) decider?.startVoting();
      options.onMembers();
    };
    let schema = -1;
    const followSchema = (): void => {
      // While the log is walked, nobody looks.
      if (!decider || schema === core.catalog.version) return;
      schema = core.catalog.version;
      options.onSchema?.();
    };
    let isHeard = false;
    const tidy = (): void => {
      if (!isHeard) return;
      for (const work of [core.roster.rescue(), dropAbandoned(core, membership)])
        work.catch((error: unknown) => {
          // What could not be decided now is tried again with the next block.
          if (!(error instanceof RejectedError || error instanceof DiskFullError)) core.onInternalError(error as Error);
        });
    };
    core.machine.undoKept();
    const waiting = catchUp(options, core, base);
    const logged = log.height;
    if (logged < position.height) {
      throw new LogDamagedError(
        `the log in ${logDir} ends at block ${logged}, but the state has applied ${position.height}: the end of the log was lost. Restore the folder from a backup.`,
      );
    }
    for (const [author, seq] of Object.entries(position.final)) {
      if (log.seqOf(author) >= seq) continue;
      throw new LogDamagedError(
        `the log in ${logDir} ends at entry ${log.seqOf(author)} of ${author.slice(0, 16)}…, but the state has applied ${seq}: the end of the log was lost. Restore the folder from a backup.`,
      );
    }
    decider = new ConsensusDecider(
      {
        self,
        group: name,
        crypto: {
          sha256: (bytes) => logCrypto.sha256(bytes),
          sign: (bytes) => identity.sign(bytes),
          verify: (node, bytes, signature) => logCrypto.verify(Buffer.from(node, 'hex'), bytes, signature),
        },
        records: disk.records(path.join(groupDir, VOTES)),
        promised: departureFrom(groupDir)?.promised,
        abstain: genesis.stay !== undefined && !membership.isAdmitted,
        voters: () => membership.voters(),
        spans: schedule.spans(),
        onBehind: options.onBehind,
        onDiffers: options.onDiffers,
        send: options.send,
        onAmnesia: () =>
          options.notice('this folder is an old copy of one that has voted since: the node votes no more', {}),
      },
      core.replica,
      core.replica.height,
    );
    core.replica.decideBy(decider);
    for (const { block, value, certificate } of waiting) decider.known(block.height, value, certificate);
    // What it followed while it caught up, nobody heard.
    seen = '';
    followMembers();
    const heard = (): void => {
      isHeard = true;
      tidy();
    };
    return { core, log, self, genesis, membership, decider, heard };
  } catch (error) {
    log.close();
    state.close();
    throw error;
  }
}

const NOTICE_MS = 2000;

/** Walks the log and applies what the state has not seen yet. Gives the blocks that wait for entries which the log does not have. */
function catchUp(options: OpenOptions, core: EngineCore, base: LogBase | undefined): readonly StoredBlock[] {
  const { log, replica } = core;
  let records = 0;
  let lastNotice = Date.now();
  let waiting: StoredBlock[] = [];
  log.load({
    base,
    onTorn: (segment, offset, bytes) =>
      options.notice(
        'a write that was cut short by a crash is removed from the end of the log; nobody was told that it succeeded',
        { segment, offset, bytes },
      ),
    onRecord: (record, isAgain) => {
      replica.recover(record, isAgain);
      if (record.kind === 'block') {
        waiting.push(record);
        waiting = waiting.filter(({ block }) => block.height > replica.height);
      }
      records++;
      if (Date.now() - lastNotice < NOTICE_MS) return;
      lastNotice = Date.now();
      options.notice('catching the state up with the log', { records });
      // The log is not to be written yet.
      if (!replica.hasFollowed) replica.publish();
    },
  });
  replica.publish();
  core.readPersisted();
  return waiting.filter(({ block }) => block.height > replica.height);
}
