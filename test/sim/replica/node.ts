/** A whole node on a simulated machine: the real engine with its replica, consensus and sync, on a disk that can be lost. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { openEngine, type Genesis, type OpenedEngine, type OpenedGroup } from '../../../node/engine/index.ts';
import { openGroups, type Groups, type GroupsLogger } from '../../../node/groups/index.ts';
import { hex } from '../../../node/log/index.ts';
import { Peering, type PeeringNetwork, type SnapshotPort } from '../../../node/replica/index.ts';
import type { NodeId as PeerId } from '../../../node/discovery/index.ts';
import { State } from '../../../node/store/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Cluster, Machine } from './cluster.ts';
import { Room, SimulatedDisk, type SimulatedLog } from './disk.ts';
import type { VirtualHost } from './virtual.ts';

/** What runs on a node from a start to the crash that ends it. */
export interface Life {
  readonly engine: OpenedEngine;
  readonly peering: Peering;
  /** Databases with a group of their own. */
  readonly groups: Groups;
  /** Of the group that all nodes host. */
  readonly log: SimulatedLog;
  readonly disk: SimulatedDisk;
}

export class SimulatedNode implements VirtualHost, Machine {
  readonly name: string;
  readonly dir: string;
  readonly id: NodeId;
  private readonly cluster: Cluster;
  private readonly random: Random;
  private clockOffsetMs: number;
  /** Counts starts: what an earlier one planned is void. */
  run = 0;
  life: Life | undefined;
  /** It crashed in the middle of what it does now: nothing of that has an effect any more. */
  private dying = false;
  /** It is no part of the cluster yet, or will never be again. */
  isAway = false;
  /** All that its clients were told was final before it went. */
  isDrained = false;
  /** By group: under which names it has written there, as its transactions have them. */
  readonly authors = new Map<string, Set<string>>();
  /** Clients can log in. */
  isServing = false;
  readonly room = new Room();
  /** Peers that it has a connection with, and the connection's name. */
  readonly connected = new Map<string, string>();
  onStarted: (() => void) | undefined;
  /** Sessions of other nodes' clients, by their numbers here. */
  private guests = 1_000_000;

  constructor(name: string, dir: string, cluster: Cluster, random: Random) {
    this.name = name;
    this.dir = dir;
    this.cluster = cluster;
    this.random = random;
    this.clockOffsetMs = 1_700_000_000_000 + random.between(0, 1e6);
    this.id = this.makeFolder();
  }

  /** Key and incarnation as the seed gives them. */
  private makeFolder(): NodeId {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    const seed = Buffer.alloc(32, this.name);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    writeFileSync(path.join(this.dir, 'identity.key'), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const incarnation = Buffer.from(Array.from({ length: 16 }, () => this.random.below(256)));
    writeFileSync(path.join(this.dir, 'incarnation'), `${incarnation.toString('hex')}\n`);
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    return nodeId(spki.subarray(spki.length - 32).toString('hex'));
  }

  wallMs(): number {
    return this.cluster.now + this.clockOffsetMs;
  }

  elapsedMs(): number {
    return this.cluster.now;
  }

  jumpClock(byMs: number): void {
    this.clockOffsetMs += byMs;
  }

  after(delayMs: number, work: () => void): () => void {
    const { run } = this;
    let wanted = true;
    this.cluster.plan(this.cluster.now + delayMs, this, () => {
      if (wanted && run === this.run) work();
    });
    return () => (wanted = false);
  }

  /** Has it for a member, and is linked to no other. */
  knows(peer: Machine): boolean {
    return this.life?.engine.membership.members().includes(peer.id) === true;
  }

  linkUp(peer: NodeId): void {
    this.life?.groups.channels.peerUp(peer as string as PeerId);
  }

  linkDown(peer: NodeId): void {
    this.life?.groups.channels.peerDown(peer as string as PeerId);
  }

  heardFrom(peer: NodeId, bytes: Uint8Array): void {
    this.life?.groups.channels.message(peer as string as PeerId, bytes);
  }

  get isUp(): boolean {
    return this.life !== undefined && !this.dying;
  }

  /** A chance to crash before something that the world can see. */
  mayAct(): boolean {
    if (!this.dying && this.life && this.random.chance(this.cluster.crashRate)) {
      this.cluster.trace(() => `${this.name} crashes in the middle of what it does`);
      this.dying = true;
      this.life.disk.die();
    }
    return !this.dying;
  }

  mayChangeFiles(): boolean {
    return this.cluster.filesCount ? this.mayAct() : !this.dying;
  }

  start(genesis: Genesis): void {
    if (this.life || this.isAway) return;
    const run = ++this.run;
    this.cluster.trace(() => `${this.name} starts`);
    rmSync(path.join(this.dir, 'lock.sqlite'), { force: true });
    const host = {
      room: this.room,
      mayAct: () => this.mayAct(),
      isDying: () => this.dying,
      segmentBytes: this.cluster.segmentBytes,
      afterSync: (work: () => void) => void this.after(this.cluster.syncMs(), work),
    };
    const disk = new SimulatedDisk(host);
    let peering: Peering | undefined = undefined;
    let groups: Groups | undefined = undefined;
    const fatal = (error: Error): void => {
      if (run === this.run && this.isUp)
        this.cluster.fail(`${this.name} cannot go on: ${error.stack ?? error.message}`);
    };
    // A thread would answer in the machine's own time.
    const unusual = { lanes: 0, ...(this.cluster.slicing && { slicing: this.cluster.slicing }), disk };
    const engine = openEngine({
      ...unusual,
      dir: this.dir,
      retention: undefined,
      version: '9.7.4-p2pdb',
      rootPassword: '',
      variables: new Map<string, string | number>([['p2pdb_commit_timeout', 3]]),
      fatal,
      notice: (message) => this.cluster.trace(() => `${this.name}: ${message}`),
      genesis: () => genesis,
      onMembers: () => undefined,
      onSchema: () => groups?.hosted.follow(),
      onDiffers: (proposer, height) =>
        this.cluster.fail(`${this.name}: the state after ${height} is not that of ${proposer}`),
      onBehind: (peer) => peering?.askBlocks(peer),
      makeToken: hex,
      onMade: (own, isAwaited) => peering?.made(own, isAwaited),
      onDurable: (links, isAwaited) => peering?.durable(links, isAwaited),
      onCutBack: (author, seq) => peering?.cutBack(author, seq),
      send: (to, message, mayWait) => peering?.sendConsensus(to, message, mayWait),
      describeMember: (id) => ({ isUp: id === engine.self || (peering?.isUp(id) ?? true), lag: 0 }),
    });
    const { core, decider, membership, self } = engine;
    // One that was removed may not mind it: what it writes all the same must harm nobody.
    Object.defineProperty(core.group, 'isLeft', { value: false });
    this.room.confine(core.state);
    core.onInternalError = (error) => {
      if (this.isUp && run === this.run)
        this.cluster.fail(`${this.name}: internal error: ${error.stack ?? error.message}`);
    };
    peering = new Peering({
      self,
      group: 'main',
      log: core.log,
      replica: core.replica,
      decider,
      members: () => membership.members(),
      voters: () => membership.voters(),
      onDamaged: (height) => this.cluster.fail(`${this.name} is told that its state after ${height} is damaged`),
      onRefused: (from, reason) => this.cluster.refused(this, from, reason),
      onEquivocation: ({ author }) =>
        this.cluster.trace(() => `${this.name} has found that ${author.slice(0, 8)} forks`),
      endAuthor: (equivocation) => core.roster.endAuthor(equivocation),
      onEndFailed: ({ author }, error) =>
        this.cluster.trace(() => `${this.name} did not end ${author.slice(0, 8)}: ${String(error)}`),
      snapshots: this.snapshotsOf(engine),
      isNew: engine.isNew,
      onSnapshot: (height) => {
        this.cluster.trace(() => `${this.name} takes a snapshot of ${height}`);
        this.cluster.plan(this.cluster.now, undefined, () => {
          if (run !== this.run) return;
          this.crash();
          this.cluster.plan(this.cluster.now, this, () => this.start(genesis));
        });
      },
    });
    const network: PeeringNetwork = {
      send: (to, bytes) => {
        if (!this.mayAct()) return 'unreachable';
        return this.cluster.send(this, to, bytes);
      },
      peers: () => [],
      // Word that may come or not: the scenario of sync has it.
      subscribe: () => undefined,
      announce: () => undefined,
      flush: () => undefined,
    };
    groups = openGroups({
      dir: this.dir,
      retention: undefined,
      main: engine,
      log: this.loggerOf(run),
      fatal,
      opening: unusual,
      snapshots: (opened) => this.snapshotsOf(opened),
      nextSessionId: () => ++this.guests,
    });
    groups.channels.main = peering;
    groups.channels.network = network;
    peering.start(network);
    this.life = { engine, peering, groups, log: core.log as SimulatedLog, disk };
    groups.hosted.follow();
    engine.ready().then(
      () => {
        if (run !== this.run || !this.isUp) return;
        this.isServing = true;
        this.onStarted?.();
      },
      (error: unknown) => {
        if (run === this.run && this.isUp) this.cluster.fail(`${this.name} does not become ready: ${String(error)}`);
      },
    );
  }

  /** What its groups tell of themselves; what no honest node brings about ends the run. */
  private loggerOf(run: number): GroupsLogger {
    const say = (
      { err, ...facts }: { readonly from?: string; readonly reason?: string; readonly err?: Error },
      text: string,
    ): void => {
      this.cluster.trace(() => `${this.name}: ${text} ${JSON.stringify(facts)}${err ? ` ${err.message}` : ''}`);
      if (run === this.run && facts.from !== undefined) this.cluster.refused(this, facts.from, facts.reason ?? text);
    };
    const log = say as GroupsLogger['info'];
    const error = (({ err }: { readonly err?: Error }, text: string) => {
      if (run === this.run && this.isUp) this.cluster.fail(`${this.name}: ${text}: ${err?.stack}`);
    }) as GroupsLogger['error'];
    return { debug: log, info: log, warn: log, error };
  }

  /** As the engine has them, but at once. */
  private snapshotsOf({ keeper }: OpenedGroup): SnapshotPort {
    return {
      offer: (height) => Promise.resolve((keeper.base?.manifest.height ?? 0) > height ? keeper.base : undefined),
      readOffered: (height, offset, length) => {
        const { base } = keeper;
        if (base?.manifest.height !== height) return Promise.resolve(undefined);
        const bytes = readFileSync(path.join(base.dir, 'state.sqlite')).subarray(offset, offset + length);
        return Promise.resolve(new Uint8Array(bytes));
      },
      take: (manifest) => keeper.take(manifest),
    };
  }

  /** Of each group makes a snapshot of the state as it was published, and removes the log that it stands for. */
  async prune(): Promise<void> {
    const { life } = this;
    if (!life || !this.isUp) return;
    for (const { keeper } of [life.engine, ...[...life.groups.hosted].map(({ engine }) => engine)])
      await keeper.shorten(0);
  }

  /** It is down from now on; ends what a crash in the middle of a turn began. */
  crash(): void {
    const { life } = this;
    if (!life) return;
    this.cluster.trace(() => `${this.name} is down`);
    this.noteAuthor('main', life.engine);
    for (const { name, engine } of life.groups.hosted) this.noteAuthor(name, engine);
    this.life = undefined;
    this.dying = false;
    this.run++;
    this.connected.clear();
    this.isServing = false;
    this.room.crash();
    life.disk.crash(this.random);
  }

  private noteAuthor(group: string, { identity }: OpenedGroup): void {
    const known = this.authors.get(group) ?? new Set();
    this.authors.set(group, known.add(hex(identity.author).slice(0, 16)));
  }

  dropState(): void {
    State.remove(path.join(this.dir, 'groups', 'main', 'state.sqlite'));
  }

  endTurn(): void {
    if (this.dying) this.crash();
  }
}
