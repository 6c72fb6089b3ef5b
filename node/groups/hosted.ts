/** The groups of single databases that this node hosts: opened, closed and given their members as the schema says. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { nodeId, type NodeId } from '../consensus/index.ts';
import {
  firstVoters,
  genesisFile,
  groupFolder,
  openOwnGroup,
  placedDatabases,
  readGenesis,
  type OpenedEngine,
  type OwnGroup,
  type PlacedDatabase,
} from '../engine/index.ts';
import { Peering } from '../replica/index.ts';
import type { PlacementDef } from '../sql/index.ts';
import type { Channels } from './channels.ts';

export interface HostedOptions {
  readonly dir: string;
  /** Bytes of log that are kept of a group, at least; undefined for all of it. */
  readonly retention: number | undefined;
  readonly main: OpenedEngine;
  readonly channels: Channels;
  readonly log: Logger;
  /** A group's state or log cannot go on. */
  readonly fatal: (error: Error) => void;
}

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
}

/** Between two looks at whether the members are those whom the schema names. */
const FOLLOW_MS = 1_000;
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

  constructor(options: HostedOptions) {
    this.options = options;
    const names = readdirSync(path.dirname(groupFolder(options.dir, 'main')));
    this.leftovers = new Set(names.filter((name) => name !== 'main'));
    this.timer = setInterval(() => this.follow(), FOLLOW_MS);
    this.timer.unref();
  }

  [Symbol.iterator](): Iterator<HostedGroup> {
    return this.groups.values();
  }

  /** The group of a placement, where this node serves it. */
  find({ group, hosts }: PlacementDef): HostedGroup | undefined {
    return hosts.includes(this.options.main.self) ? this.groups.get(group) : undefined;
  }

  /** This node is to host the group, and has yet to close what it had of it. */
  opening({ group, hosts }: PlacementDef): Promise<void> | undefined {
    return hosts.includes(this.options.main.self) ? this.closing.get(group) : undefined;
  }

  /** What exists may have changed. */
  follow(): void {
    if (this.stopped) return;
    const { main } = this.options;
    const placed = placedDatabases(main.core.catalog);
    for (const group of [...this.groups.values()]) {
      const database = placed.find(({ placement }) => placement.group === group.name);
      if (!database) {
        void this.close(group);
        continue;
      }
      this.greet(group);
      this.lead(group, database);
    }
    this.sweep(placed);
    for (const database of placed) {
      const { group, hosts } = database.placement;
      if (!hosts.includes(main.self) || this.groups.has(group) || this.closing.has(group)) continue;
      try {
        this.open(database);
      } catch (error) {
        this.options.fatal(error as Error);
      }
    }
  }

  /** What is left of databases that are not there any more. */
  private sweep(placed: readonly PlacedDatabase[]): void {
    if (this.leftovers.size === 0) return;
    const { dir, log } = this.options;
    for (const { placement } of placed) this.leftovers.delete(placement.group);
    for (const name of this.leftovers) {
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
    const file = genesisFile(groupFolder(dir, name));
    return !existsSync(file) || main.core.replica.height >= (readGenesis(file).since ?? 0);
  }

  private open({ name: database, collation, placement }: PlacedDatabase): void {
    const { options } = this;
    const { main, channels, log } = options;
    const { group: name, founders, hosts } = placement;
    const describe = (message: string, facts: object): void => log.warn({ database, ...facts }, message);
    const open = (): HostedGroup | undefined => this.groups.get(name);
    const engine = openOwnGroup(
      {
        dir: options.dir,
        name,
        database: { name: database, collation },
        retention: options.retention,
        lanes: LANES,
        fatal: options.fatal,
        notice: describe,
        genesis: () => ({
          members: founders,
          voters: firstVoters(founders.map(({ id }) => id)),
          introduced: hosts,
          since: main.core.replica.height,
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
        onDurable: (entries, isAwaited) => open()?.peering.durable(entries, isAwaited),
        send: (to, message, mayWait) => open()?.peering.sendConsensus(to, message, mayWait),
        describeMember: (id) => ({
          isUp: id === main.self || (open()?.peering.isUp(id) ?? false),
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
      snapshots: engine.keeper,
      isNew: engine.isNew,
      onSnapshot: (height) => {
        log.info({ database, height }, 'a snapshot came: the database starts again from it');
        void this.close(group);
      },
    });
    const ready = engine.ready();
    const group: HostedGroup = { name, database, engine, peering, isReady: false, ready, digestAlarms: 0 };
    this.groups.set(name, group);
    const isHost = (id: NodeId): boolean =>
      engine.membership.members().includes(id) || this.hostsOf(database).includes(id);
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
        if (this.groups.get(name) === group) options.fatal(error as Error);
      },
    );
  }

  private hostsOf(database: string): readonly string[] {
    return this.options.main.core.catalog.databases.get(database)?.placement?.hosts ?? [];
  }

  /** Those who host the database now may have been linked for long. */
  private greet(group: HostedGroup | undefined): void {
    if (!group) return;
    for (const id of new Set([...group.engine.membership.members(), ...this.hostsOf(group.database).map(nodeId)]))
      if (this.options.channels.isUp(id) && !group.peering.isUp(id)) group.peering.peerUp(id);
  }

  /** The node that leads has who hosts the database be a member of its group, and who was removed from the cluster be none. */
  private lead({ engine, database }: HostedGroup, { placement }: PlacedDatabase): void {
    const { main, log } = this.options;
    if (engine.decider.leader !== engine.self) return;
    const known = main.membership.all();
    const hosts = known.filter(({ id, removed }) => !removed && placement.hosts.includes(id));
    const gone = new Set(known.filter(({ removed }) => removed).map(({ id }) => id));
    engine.core.group
      .follow(hosts, gone)
      .catch((error: unknown) => log.debug({ database, err: error }, 'the members of a database did not change'));
  }

  private close(group: HostedGroup): Promise<void> {
    const { channels, main } = this.options;
    const { name, database, engine, peering } = group;
    this.groups.delete(name);
    if (main.core.tenants.get(database) === engine.core) main.core.tenants.delete(database);
    channels.close(name);
    peering.stop();
    const closed = engine.close().then(() => {
      this.closing.delete(name);
      this.leftovers.add(name);
      // It may be to be opened again.
      this.follow();
    });
    this.closing.set(name, closed);
    return closed;
  }

  /** Faults for tests: nothing goes to these nodes, nothing is heard of them. */
  setCut(ids: readonly NodeId[]): void {
    this.cut = ids;
    for (const { peering } of this.groups.values()) peering.setCut(ids);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.all([...this.groups.values()].map(({ engine }) => engine.core.replica.flushed()));
    for (const group of [...this.groups.values()]) void this.close(group);
    await Promise.all(this.closing.values());
  }
}
