/** The groups of single databases that this node hosts: opened, closed and given their members as the schema says. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { nodeId, type NodeId } from '../consensus/index.ts';
import {
  departureFrom,
  departuresOf,
  firstVoters,
  genesisFile,
  giveAway,
  groupOf,
  hostedDatabases,
  groupFolder,
  isEnding,
  openOwnGroup,
  removeOld,
  readGenesis,
  stayIn,
  stayOf,
  withoutTraces,
  type EngineCore,
  type OpenedEngine,
  type OpenedGroup,
  type OwnGroup,
  type OwnGroupOptions,
  type PlacedDatabase,
} from '../engine/index.ts';
import { EQUIVOCATION, NOT_ENDED, Peering, RejectedError, type SnapshotPort } from '../replica/index.ts';
import type { PlacementDef } from '../sql/index.ts';
import type { Channels } from './channels.ts';
import { Moves } from './moves.ts';

export interface HostedOptions {
  readonly dir: string;
  /** Bytes of log that are kept of a group, at least; undefined for all of it. */
  readonly retention: number | undefined;
  readonly main: OpenedEngine;
  readonly channels: Channels;
  readonly log: GroupsLogger;
  /** A group's state or log cannot go on. */
  readonly fatal: (error: Error) => void;
  /** What the groups are opened with, where it is not the usual. */
  readonly opening?: Pick<OwnGroupOptions, 'lanes' | 'slicing' | 'disk'>;
  /** Whom peers take snapshots of a group from, where it is not the group's own. */
  readonly snapshots?: (engine: OpenedGroup) => SnapshotPort;
}

export type GroupsLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** One group, open. */
export interface HostedGroup {
  readonly name: string;
  readonly database: string;
  readonly engine: OwnGroup;
  readonly peering: Peering;
  /** Clients find the database. */
  isReady: boolean;
  readonly ready: Promise<void>;
  digestAlarms: number;
  /**
   * Whether it was taken away from this node, and how far that is: the others cannot do without this node yet; transactions that are
   * open may end; nothing is written any more.
   */
  stage: 'hosted' | 'taken' | 'leaving' | 'ending';
  /** When open transactions are waited for no more. */
  patientUntil: number;
  isDeparting: boolean;
}

/** Between two looks at whether the members are those whom the schema names. */
const FOLLOW_MS = 1_000;
/** So long open transactions may take to end before their node leaves a group all the same. */
const PATIENCE_MS = 10_000;
/** Threads for long SELECTs, of each group. */
const LANES = 1;

export class HostedGroups {
  private readonly options: HostedOptions;
  private readonly groups = new Map<string, HostedGroup>();
  /** Those that close, and whose names are free afterwards. */
  private readonly closing = new Map<string, Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  /** Groups that are not open, and that have a folder. */
  private readonly leftovers: Set<string>;
  private cut: readonly NodeId[] = [];
  private stopped = false;
  private readonly moves: Moves;

  constructor(options: HostedOptions) {
    this.options = options;
    const names = readdirSync(path.dirname(groupFolder(options.dir, 'main')));
    this.leftovers = new Set(names.filter((name) => name !== 'main'));
    // A crash may have come between its pieces, and nobody may open the group here again.
    for (const name of this.leftovers) removeOld(groupFolder(options.dir, name));
    this.moves = new Moves({
      ...options,
      find: (group) => this.groups.get(group)?.engine,
      onStep: () => this.follow(),
    });
    this.timer = setInterval(() => this.follow(), FOLLOW_MS);
    this.timer.unref();
  }

  [Symbol.iterator](): Iterator<HostedGroup> {
    return this.groups.values();
  }

  /**
   * The group of a placement, where this node serves it; while it is being taken away, for who came here for it, or has a transaction
   * open (`isBound`).
   */
  find({ group, hosts }: PlacementDef, isBound: (hosted: HostedGroup) => boolean): HostedGroup | undefined {
    const found = this.groups.get(group);
    if (!found || found.stage === 'ending') return undefined;
    if (found.stage === 'leaving') return isBound(found) ? found : undefined;
    return found.isReady || hosts.includes(this.options.main.self) ? found : undefined;
  }

  /** The group has not been closed since. */
  isOpen(name: string, core: EngineCore): boolean {
    return this.groups.get(name)?.engine.core === core;
  }

  /** This node is to host the group, and has yet to close what it had of it. */
  opening({ group, hosts }: PlacementDef): Promise<void> | undefined {
    return hosts.includes(this.options.main.self) ? this.closing.get(group) : undefined;
  }

  /** What exists may have changed. */
  follow(): void {
    if (this.stopped) return;
    const { main } = this.options;
    const placed = hostedDatabases(main.core.catalog);
    for (const group of [...this.groups.values()]) {
      const database = placed.find(({ placement }) => placement.group === group.name);
      if (!database) {
        void this.close(group);
        continue;
      }
      this.greet(group);
      this.lead(group, database);
      this.leave(group, database);
    }
    this.sweep(placed);
    for (const database of placed) {
      const { group } = database.placement;
      if (this.groups.has(group) || this.closing.has(group)) continue;
      try {
        const stay = this.stayAt(database);
        if (stay !== undefined) this.open(database, stay);
      } catch (error) {
        this.options.fatal(error as Error);
      }
    }
    this.moves.follow();
  }

  /**
   * Which of this node's stays in a database's group it is to open. Those that have ended are gone through to their ends, one after the
   * other, also where the node has no data of them: the others may have let it in, and nobody else ends a stay that has begun.
   */
  private stayAt(database: PlacedDatabase): number | undefined {
    const { placement } = database;
    const { dir, main } = this.options;
    const isHost = placement.hosts.includes(main.self);
    const count = departuresOf(placement, main.self);
    if (!isHost && count === 0) return undefined;
    const folder = groupFolder(dir, placement.group);
    const here = stayIn(folder);
    if (here !== undefined) return here;
    const left = departureFrom(folder)?.stay ?? 0;
    if (placement.leaving?.includes(main.self)) {
      if (left < count) return left + 1;
      this.sayGone(database);
    }
    // Further than the schema that this node knows, which was thrown back: it will know more.
    return isHost && left <= count ? count + 1 : undefined;
  }

  /** It keeps nothing any more of what was taken away: nobody needs to tell it of that group. */
  private sayGone(database: PlacedDatabase): void {
    if (this.isSaying) return;
    const { main, log } = this.options;
    this.isSaying = true;
    main.core.group
      .decide(`database ${database.name}: a host is gone`, [
        { kind: 'put-database', database: withoutTraces(database, main.self) },
      ])
      .catch((error: unknown) =>
        log.debug({ database: database.name, err: error }, 'it was not said that a host is gone'),
      )
      .finally(() => (this.isSaying = false));
  }
  private isSaying = false;

  /**
   * What was taken away from this node: once the others do without its vote, its last transaction makes it a member no more; once that
   * is applied here, its data goes.
   */
  private leave(group: HostedGroup, placed: PlacedDatabase): void {
    const { engine, database } = group;
    const { membership, core, decider } = engine;
    const { main, log } = this.options;
    const { placement } = placed;
    if (departuresOf(placement, main.self) < membership.stay) {
      // It came again before that was noted of its earlier stay.
      if (placement.leaving?.includes(main.self)) this.sayGone(placed);
      return;
    }
    if (group.stage === 'hosted') group.stage = 'taken';
    if (membership.isOver) {
      log.info({ database }, 'this node hosts a database no more');
      void this.close(group);
      return;
    }
    const isVoter = membership.find(main.self)?.voter ?? true;
    if (!membership.isAdmitted || isVoter || !decider.votersDecide || !decider.majorityInReach) return;
    if (group.stage === 'taken') group.stage = 'leaving';
    const now = performance.now();
    group.patientUntil = Math.min(group.patientUntil, now + PATIENCE_MS);
    const isWaiting = group.stage === 'leaving' && core.openTransactions.size > 0 && now < group.patientUntil;
    if (isWaiting || group.isDeparting) return;
    group.stage = 'ending';
    group.isDeparting = true;
    engine
      .depart()
      .catch((error: unknown) =>
        log.debug({ database, err: error }, 'this node could not leave the group of a database'),
      )
      .finally(() => (group.isDeparting = false));
  }

  /** What is left of databases that are not there any more. */
  private sweep(placed: readonly PlacedDatabase[]): void {
    if (this.leftovers.size === 0) return;
    const { dir, log } = this.options;
    for (const name of this.leftovers) {
      if (placed.some(({ placement }) => placement.group === name)) continue;
      if (this.closing.has(name) || !this.isDropped(name)) continue;
      rmSync(groupFolder(dir, name), { recursive: true, force: true });
      this.leftovers.delete(name);
      log.info({ group: name }, 'the data of a database that was dropped is gone');
    }
  }

  /**
   * Of a group that the schema does not name. A crash or a damaged file may have thrown this node's schema back to before the group was
   * made: then its log and votes are needed yet.
   */
  private isDropped(name: string): boolean {
    const { dir, main } = this.options;
    const folder = groupFolder(dir, name);
    const file = genesisFile(folder);
    const known = existsSync(file) ? readGenesis(file) : departureFrom(folder);
    return main.core.replica.height >= (known?.since ?? 0);
  }

  private open({ name: database, collation, placement }: PlacedDatabase, stay: number): void {
    const { options } = this;
    const { main, channels, log } = options;
    const { group: name, founders, hosts, moved = false } = placement;
    const describe = (message: string, facts: object): void => log.warn({ database, ...facts }, message);
    const open = (): HostedGroup | undefined => this.groups.get(name);
    const engine = openOwnGroup(
      {
        dir: options.dir,
        name,
        database: { name: database, collation, moved },
        retention: options.retention,
        lanes: LANES,
        ...options.opening,
        fatal: options.fatal,
        notice: describe,
        genesis: () => ({
          members: founders,
          voters: firstVoters(founders.map(({ id }) => id)),
          introduced: hosts,
          since: main.core.replica.height,
          ...(stay > 1 && { stay }),
        }),
        onMembers: () => this.greet(open()),
        onDiffers: (proposer, height) => {
          const hosted = open();
          if (hosted) hosted.digestAlarms++;
          describe('the leader has another state than this node: its blocks get no vote from here', {
            proposer,
            height,
          });
          hosted?.peering.sayDiffers(proposer, height);
        },
        onBehind: (peer) => open()?.peering.askBlocks(peer),
        onMade: (own, isAwaited) => open()?.peering.made(own, isAwaited),
        onDurable: (links, isAwaited) => open()?.peering.durable(links, isAwaited),
        onCutBack: (author, seq) => open()?.peering.cutBack(author, seq),
        send: (to, message, mayWait) => open()?.peering.sendConsensus(to, message, mayWait),
        describeMember: (id) => ({
          isUp: id === main.self || this.isUp(open(), id),
          lag:
            open()
              ?.peering.progress()
              .find((peer) => peer.id === id)?.lag ?? 0,
        }),
      },
      main,
    );
    const peering = new Peering({
      self: main.self,
      group: name,
      log: engine.core.log,
      replica: engine.core.replica,
      decider: engine.decider,
      members: () => engine.membership.members(),
      voters: () => engine.membership.voters(),
      onDamaged: (height) => engine.damaged(height),
      onRefused: (from, reason) => describe('what a peer sent is refused', { from, reason }),
      onEquivocation: ({ author, member }) => describe(EQUIVOCATION, { author, member }),
      endAuthor: (equivocation) => engine.core.roster.endAuthor(equivocation),
      onEndFailed: ({ author }, error) => log.debug({ database, author, err: error }, NOT_ENDED),
      snapshots: options.snapshots?.(engine) ?? engine.keeper,
      isNew: engine.isNew,
      stay: engine.membership.stay,
      onSnapshot: (height) => {
        log.info({ database, height }, 'a snapshot came: the database starts again from it');
        void this.close(group);
      },
    });
    const ready = engine.ready().then(() => this.handedOver(database, name));
    const group: HostedGroup = {
      name,
      database,
      engine,
      peering,
      isReady: false,
      ready,
      digestAlarms: 0,
      stage: isEnding(groupFolder(options.dir, name)) ? 'ending' : 'hosted',
      patientUntil: Infinity,
      isDeparting: false,
    };
    this.groups.set(name, group);
    this.leftovers.delete(name);
    const isHost = (id: NodeId): boolean => this.heard(group).includes(id);
    const network = channels.open(name, {
      peerUp: (id) => isHost(id) && peering.peerUp(id),
      peerDown: (id) => peering.peerDown(id),
      message: (from, bytes) => isHost(from) && peering.message(from, bytes),
      gossip: (topic, bytes, from) => peering.gossip(topic, bytes, from),
      drained: (to) => peering.drained(to),
    });
    peering.setCut(this.cut);
    peering.start(network);
    channels.introduce(name);
    log.info({ database, group: name }, 'this node hosts a database');
    ready.then(
      () => {
        if (this.groups.get(name) !== group) return;
        group.isReady = true;
        main.core.tenants.set(database, engine.core);
      },
      (error: unknown) => {
        // One that leaves before the database is there has no part in making it.
        const isRefused = group.stage === 'ending' && error instanceof RejectedError;
        if (this.groups.get(name) === group && !isRefused) options.fatal(error as Error);
      },
    );
  }

  /** Clients find the database in the group; before that, in `main`. */
  private async handedOver(database: string, group: string): Promise<void> {
    const { core } = this.options.main;
    while (this.groups.has(group) && core.catalog.databases.get(database)?.placement?.group !== group)
      await core.replica.nextBlock();
  }

  /** As the schema has it now. */
  private placementOf(database: string): PlacementDef | undefined {
    const known = this.options.main.core.catalog.databases.get(database);
    return known && groupOf(known);
  }

  /** Who is listened to: also who hosts the database no more, and may have to hear that yet. */
  private heard({ engine, database }: HostedGroup): readonly NodeId[] {
    const { hosts = [], leaving = [] } = this.placementOf(database) ?? {};
    // As long as the group has not let this node in, it tells who was a member once.
    const members = engine.membership.isAdmitted ? engine.membership.members() : [];
    return [...new Set([...members, ...[...hosts, ...leaving].map(nodeId)])];
  }

  /** A member is there, and is in the stay that it is a member by. */
  private isUp(group: HostedGroup | undefined, id: NodeId): boolean {
    const member = group?.engine.membership.find(id);
    return member !== undefined && group?.peering.isUp(id) === true && group.peering.stayOf(id) === stayOf(member);
  }

  /** Those who host the database now may have been linked for long. */
  private greet(group: HostedGroup | undefined): void {
    if (!group) return;
    const heard = this.heard(group);
    group.engine.decider.setMembers(heard);
    // It has closed the group, and answers nothing more.
    for (const id of group.peering.linked()) if (!heard.includes(id)) group.peering.peerDown(id);
    for (const id of heard) if (this.options.channels.isUp(id) && !group.peering.isUp(id)) group.peering.peerUp(id);
    group.peering.sayStay();
  }

  /** The node that leads has who hosts the database be a member of its group, and who was removed from the cluster be none. */
  private lead({ engine, database }: HostedGroup, { placement }: PlacedDatabase): void {
    const { main, log } = this.options;
    if (engine.decider.leader !== engine.self) return;
    const known = main.membership.all();
    const stays = known.flatMap(({ id, name, removed }) =>
      removed ? [] : [{ id, name, stay: departuresOf(placement, id) + 1 }],
    );
    const hosts = stays.filter(({ id }) => placement.hosts.includes(id));
    const left = stays.flatMap(({ id, name, stay }) => (stay > 1 ? [{ id, name, stay: stay - 1 }] : []));
    const gone = new Set(known.filter(({ removed }) => removed).map(({ id }) => id));
    engine.core.roster
      .follow({ hosts, gone, left })
      .catch((error: unknown) => log.debug({ database, err: error }, 'the members of a database did not change'));
  }

  /** Where this node's stay is over by what the schema and the group have decided, its data goes. */
  private close(group: HostedGroup): Promise<void> {
    const { channels, main } = this.options;
    const { name, database, engine, peering } = group;
    this.groups.delete(name);
    if (main.core.tenants.get(database) === engine.core) main.core.tenants.delete(database);
    channels.close(name);
    peering.stop();
    const { membership } = engine;
    const placement = this.placementOf(database);
    const isOver =
      membership.isOver && placement?.group === name && departuresOf(placement, main.self) >= membership.stay;
    const closed = engine.close().then(() => {
      if (isOver) this.giveAway(group);
      this.closing.delete(name);
      this.leftovers.add(name);
      // It may be to be opened again.
      this.follow();
    });
    this.closing.set(name, closed);
    return closed;
  }

  /** What cannot be done now is done when the group was opened again. */
  private giveAway({ name, database, engine }: HostedGroup): void {
    const { dir, main, log } = this.options;
    try {
      giveAway(groupFolder(dir, name), engine.membership.stay, main.core.replica.height);
    } catch (error) {
      log.warn({ database, err: error }, 'the data of a database that was taken away cannot be removed');
    }
  }

  /** Faults for tests: nothing goes to these nodes, nothing is heard of them. */
  setCut(ids: readonly NodeId[]): void {
    this.cut = ids;
    for (const { peering } of this.groups.values()) peering.setCut(ids);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.all([...this.groups.values()].map(({ engine }) => engine.core.replica.drained()));
    for (const group of [...this.groups.values()]) void this.close(group);
    await Promise.all(this.closing.values());
  }
}
