/** A group's conversation with the other nodes: entries by sync, blocks by consensus, both over the links of the network. */
import type { NodeId } from '../consensus/index.ts';
import type { Network, NodeId as PeerId } from '../discovery/index.ts';
import {
  CborReader,
  CborWriter,
  cidOf,
  DecodeError,
  hex,
  SIGNATURE_BYTES,
  unhex,
  type ChainLink,
  type SignedEntry,
} from '../log/index.ts';
import { logCrypto } from '../store/index.ts';
import {
  AUTHOR_BYTES,
  authorId,
  decodeSyncMessage,
  DEFAULT_SYNC_TIMING,
  encodeSyncMessage,
  SEQ_MAX,
  Sync,
  type SyncEffect,
  type SyncEntry,
  type SyncEvent,
} from '../sync/index.ts';
import { BlockExchange } from './block-exchange.ts';
import type { ConsensusDecider } from './decider.ts';
import { DigestExchange } from './digest-exchange.ts';
import { ForkExchange, type Equivocation } from './fork-exchange.ts';
import { FORKED } from './forks.ts';
import {
  SYNC,
  CONSENSUS,
  ASK_BLOCKS,
  BLOCKS,
  DIFFERS,
  PIECE,
  SNAPSHOT,
  BLOCKS_PRUNED,
  STAY,
  FORK,
  framed,
} from './kinds.ts';
import { Lag, type PeerLag } from './lag.ts';
import { LargeMessages, PIECE_BYTES } from './large-messages.ts';
import { Notices } from './notices.ts';
import { Pace } from './pace.ts';
import type { GroupLog } from './ports.ts';
import type { Replica } from './replica.ts';
import { SnapshotExchange, type SnapshotPort } from './snapshot-exchange.ts';

const TICK_MS = 10;
/** How long a notice of consensus may wait for company. */
const NOTICE_MS = 2;
/** Entries that nobody waits for leave that often, where more than a few are made meanwhile. */
const PUSH_MS = 4;
const PUSH_FEW = 3;
/** Entries so large leave and are acknowledged at once: the sender has no more than a window of them on the way. */
const LARGE_BYTES = 64 << 10;
/** By gossip, own news are told no more often than that: it is for those to whom there is no link. */
const ANNOUNCE_MS = 250;

export type PeeringNetwork = Pick<Network, 'send' | 'flush' | 'peers' | 'subscribe' | 'announce'>;

export interface PeeringOptions {
  readonly self: NodeId;
  readonly group: string;
  readonly log: GroupLog;
  readonly replica: Replica;
  readonly decider: ConsensusDecider;
  readonly members: () => readonly NodeId[];
  readonly voters: () => readonly NodeId[];
  /** The state of this node is not what the majority has. */
  readonly onDamaged: (height: number) => void;
  /** Something from a peer was not believed. */
  readonly onRefused: (from: NodeId, reason: string) => void;
  /** An author signed two entries with one number. */
  readonly onEquivocation: (equivocation: Equivocation) => void;
  /** Has the group decide that nothing of that author counts any more but what is final by then. */
  readonly endAuthor: (equivocation: Equivocation) => Promise<unknown>;
  /** That could not be decided: it is tried again. */
  readonly onEndFailed: (equivocation: Equivocation, error: unknown) => void;
  readonly snapshots: SnapshotPort;
  /** The node has nothing of its group yet. */
  readonly isNew: boolean;
  /** Which of its stays in the group this is; the first where it is not said. */
  readonly stay?: number;
  /** A snapshot was taken from a peer: the node is to start again, from it. */
  readonly onSnapshot: (height: number) => void;
}

/** What a peer is known to hold durably. */
export interface PeerProgress {
  readonly id: NodeId;
  /** Entries of all authors that this node has and the peer, as far as this node knows, has not. */
  readonly lag: number;
  /** What the peer has, as far as this node knows, and this node has not applied. */
  readonly behind: PeerLag;
}

export class Peering {
  private readonly options: PeeringOptions;
  private readonly sync: Sync;
  private network: PeeringNetwork | undefined;
  private readonly large = new LargeMessages({
    send: (to, piece) => this.transmit(to, PIECE, piece),
    queued: (to) => this.network?.peers().find(({ id }) => id === (to as string))?.queueBytes ?? 0,
  });
  private readonly exchange: SnapshotExchange;
  private readonly blocks: BlockExchange;
  private readonly digests: DigestExchange;
  private readonly forks: ForkExchange;
  private readonly notices = new Notices((to, message) => void this.network?.send(to as string as PeerId, message));
  private readonly frontiers = new Map<NodeId, Map<string, number>>();
  /** Of those who gave their data away and came again: in which stay they are. */
  private readonly stays = new Map<NodeId, number>();
  private readonly lag: Lag;
  private readonly up = new Set<NodeId>();
  private cut: ReadonlySet<NodeId> = new Set();
  private readonly pace = new Pace(PUSH_MS, PUSH_FEW);
  /** Own entries that are to leave together. */
  private fresh: SyncEntry[] = [];
  private pushTimer: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: PeeringOptions) {
    this.options = options;
    const frontier = new Map([...options.log.frontier()].map(([author, seq]) => [authorId(author), seq] as const));
    this.sync = new Sync({ sha256: (bytes) => logCrypto.sha256(bytes), timing: DEFAULT_SYNC_TIMING }, frontier);
    this.lag = new Lag((author) => options.replica.appliedSeq(author), performance.now());
    this.exchange = new SnapshotExchange({
      group: options.group,
      port: options.snapshots,
      height: () => options.replica.height,
      isNew: options.isNew,
      send: (to, message) => this.send(to, SNAPSHOT, message),
      onReleased: () => {
        for (const id of this.up) if (!this.cut.has(id)) this.begin(id);
      },
      onTaken: options.onSnapshot,
      onRefused: options.onRefused,
    });
    this.blocks = new BlockExchange({ ...options, send: (to, kind, message) => this.send(to, kind, message) });
    this.digests = new DigestExchange({ ...options, send: (to, message) => this.send(to, DIFFERS, message) });
    this.forks = new ForkExchange({
      log: options.log,
      replica: options.replica,
      peers: () => [...this.up].filter((id) => !this.cut.has(id)),
      send: (to, message) => this.send(to, FORK, message),
      isLeader: () => options.decider.leader === options.self,
      end: options.endAuthor,
      onEndFailed: options.onEndFailed,
      onFound: options.onEquivocation,
      onPruned: (peer) => this.exchange.need(peer),
      onRefused: options.onRefused,
    });
  }

  start(network: PeeringNetwork): void {
    this.network = network;
    network.subscribe(this.topic);
    this.timer = setInterval(() => {
      for (const peer of this.large.pumpAll()) this.drained(peer);
      this.exchange.tick(performance.now());
      this.announce(performance.now());
      this.refuseFailed();
      this.forks.tick(performance.now());
      this.step({ kind: 'tick', nowMs: performance.now() });
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    clearTimeout(this.pushTimer);
    this.notices.stop();
    this.network = undefined;
  }

  private get topic(): string {
    return `heads/${this.options.group}`;
  }

  /** Tells whoever listens of this node's newest entry. */
  private announce(nowMs: number): void {
    const { log } = this.options;
    const { seq } = log;
    if (seq === this.announced.seq || nowMs - this.announced.atMs < ANNOUNCE_MS || this.cut.size > 0) return;
    this.announced = { seq, atMs: nowMs };
    this.network?.announce(this.topic, new CborWriter(48).data(unhex(log.author)).int(seq).take());
  }
  private announced = { seq: 0, atMs: 0 };

  // From the network.

  /** Somebody has a new entry; `from` passed the word on. */
  gossip(topic: string, bytes: Uint8Array, from: NodeId): void {
    if (topic !== this.topic || this.cut.has(from)) return;
    this.guard(from, () => {
      const reader = new CborReader(bytes);
      const author = reader.data();
      const seq = reader.int();
      // Who passes it on may not have looked at it; asked for so much, it would understand nothing of the question.
      if (author.length !== AUTHOR_BYTES || seq < 1 || seq > SEQ_MAX) throw new DecodeError('word of what cannot be');
      this.step({ kind: 'announced', author: authorId(hex(author)), seq, from });
    });
  }

  peerUp(id: NodeId): void {
    this.up.add(id);
    if (!this.cut.has(id)) this.found(id);
  }

  peerDown(id: NodeId): void {
    this.up.delete(id);
    this.lost(id);
  }

  drained(id: NodeId): void {
    this.step({ kind: 'drained', peer: id });
  }

  message(from: NodeId, bytes: Uint8Array): void {
    if (this.cut.has(from)) return;
    this.lag.contact(from, performance.now());
    const [kind] = bytes;
    if (this.exchange.isHolding && kind !== SNAPSHOT && kind !== PIECE) return;
    const content = bytes.subarray(1);
    switch (kind) {
      case SYNC:
        this.takeSync(from, content);
        break;
      case CONSENSUS:
        this.options.decider.message(from, content);
        break;
      case PIECE:
        this.takePiece(from, content);
        break;
      default:
        this.guard(from, () => this.take(from, kind, content));
    }
  }

  private takeSync(from: NodeId, content: Uint8Array): void {
    const decoded = decodeSyncMessage(content);
    if (decoded.kind === 'ok') this.step({ kind: 'message', from, message: decoded.value });
    else this.options.onRefused(from, decoded.reason);
  }

  /** Throws DecodeError. */
  private take(from: NodeId, kind: number | undefined, content: Uint8Array): void {
    switch (kind) {
      case ASK_BLOCKS:
        this.blocks.answer(from, content);
        break;
      case BLOCKS:
        this.blocks.take(from, content);
        break;
      case BLOCKS_PRUNED:
        this.exchange.need(from);
        break;
      case SNAPSHOT:
        this.exchange.message(from, content);
        break;
      case FORK:
        this.forks.message(from, content);
        break;
      case DIFFERS:
        this.digests.hear(from, content);
        break;
      case STAY:
        this.hearStay(from, new CborReader(content).int());
        break;
      default:
        this.options.onRefused(from, 'a message of an unknown kind');
    }
  }

  /** `mayWait`: nobody at the other side waits for it. */
  sendConsensus(to: NodeId, message: Uint8Array, mayWait: boolean): void {
    // It may name entries that have not left yet.
    if (!mayWait) this.push();
    this.send(to, CONSENSUS, message, mayWait ? NOTICE_MS : 0);
  }

  /** Asks for the blocks that follow the last one that is known here. */
  askBlocks(peer: NodeId): void {
    this.blocks.ask(peer);
  }

  /** Tells everybody, again and again, that this node has not what it had in an earlier stay: the link may have been up all the time. */
  sayStay(): void {
    const { stay = 1 } = this.options;
    if (stay > 1) for (const id of this.up) this.send(id, STAY, new CborWriter(8).int(stay).take());
  }

  /** In which stay a peer is, as far as it said. */
  stayOf(id: NodeId): number {
    return this.stays.get(id) ?? 1;
  }

  /** What was known of its earlier stay is not so any more. */
  private hearStay(from: NodeId, stay: number): void {
    if (stay <= this.stayOf(from)) return;
    this.stays.set(from, stay);
    this.frontiers.delete(from);
    if (!this.up.has(from) || this.cut.has(from)) return;
    this.lost(from);
    this.found(from);
  }

  /** Tells a proposer what this node's state after `height` is, which is not what the proposer's is. */
  sayDiffers(to: NodeId, height: number): void {
    this.digests.say(to, height);
  }

  private takePiece(from: NodeId, piece: Uint8Array): void {
    let message: Uint8Array | undefined;
    try {
      message = this.large.receive(from, piece);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.options.onRefused(from, error.message);
      return;
    }
    // In a message of pieces there are no others: they might go on for ever.
    if (message?.[0] === PIECE) this.options.onRefused(from, 'a piece in a piece');
    else if (message) this.message(from, message);
  }

  private guard(from: NodeId, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.options.onRefused(from, error.message);
    }
  }

  /** Faults for tests and demonstrations: nothing goes to these nodes, nothing is heard of them. */
  setCut(ids: readonly NodeId[]): void {
    const before = this.cut;
    this.cut = new Set(ids);
    for (const id of this.up) {
      if (this.cut.has(id) === before.has(id)) continue;
      if (this.cut.has(id)) this.lost(id);
      else this.found(id);
    }
  }

  private found(id: NodeId): void {
    this.lag.up(id, performance.now());
    this.exchange.peerUp(id);
    if (!this.exchange.isHolding) this.begin(id);
  }

  private begin(id: NodeId): void {
    this.step({ kind: 'peer-up', peer: id });
    this.options.decider.link(id, true);
  }

  private lost(id: NodeId): void {
    this.large.drop(id);
    this.notices.drop(id);
    this.lag.down(id, performance.now());
    this.exchange.peerDown(id);
    this.step({ kind: 'peer-down', peer: id });
    this.options.decider.link(id, false);
  }

  /** `withinMs`: how long it may wait for another message to the same peer. */
  private send(to: NodeId, channel: number, message: Uint8Array, withinMs = 0): 'queued' | 'full' | 'unreachable' {
    if (withinMs > 0 && message.length < PIECE_BYTES && this.up.has(to) && !this.cut.has(to)) {
      this.notices.add(to, framed(channel, message), withinMs);
      return 'queued';
    }
    if (message.length < 2 * PIECE_BYTES) return this.transmit(to, channel, message);
    return this.up.has(to) && !this.cut.has(to) ? this.large.send(to, framed(channel, message)) : 'unreachable';
  }

  private transmit(to: NodeId, channel: number, message: Uint8Array): 'queued' | 'full' | 'unreachable' {
    if (!this.network || this.cut.has(to)) return 'unreachable';
    this.notices.release(to);
    return this.network.send(to as string as PeerId, framed(channel, message));
  }

  // From the replica.

  /** `isAwaited`: somebody waits for the others. */
  made({ signed, entry }: ChainLink, isAwaited: boolean): void {
    this.fresh.push({ author: authorId(hex(entry.author)), seq: entry.seq, bytes: toBytes(signed) });
    const waitMs = isAwaited || signed.body.length >= LARGE_BYTES ? 0 : this.pace.waitMs(performance.now());
    if (waitMs === 0) this.push();
    else this.pushTimer ??= setTimeout(() => this.push(), waitMs);
  }

  private push(): void {
    clearTimeout(this.pushTimer);
    this.pushTimer = undefined;
    if (this.fresh.length > 0) this.step({ kind: 'local', entries: this.fresh.splice(0) });
  }

  /** `isAwaited`: somebody waits until a majority has them. */
  durable(links: readonly ChainLink[], isAwaited: boolean): void {
    const frontier = new Map<ReturnType<typeof authorId>, number>();
    const shift = performance.now() - Date.now();
    let bytes = 0;
    for (const { signed, entry } of links) {
      bytes += signed.body.length;
      const author = authorId(hex(entry.author));
      frontier.set(author, this.options.log.seqOf(author));
      this.lag.entry(author, entry.time + shift);
    }
    this.step({ kind: 'durable', frontier, isAwaited: isAwaited || bytes >= LARGE_BYTES });
    if (isAwaited) this.network?.flush();
    // The others' disks may have been faster.
    if (frontier.has(authorId(this.options.log.author))) this.countReplicated();
  }

  /** See ReplicaEvents. */
  cutBack(author: string, seq: number): void {
    this.step({ kind: 'cut-back', author: authorId(author), seq });
  }

  private step(event: SyncEvent): void {
    for (const effect of this.sync.step(event)) this.execute(effect);
  }

  private execute(effect: SyncEffect): void {
    switch (effect.kind) {
      case 'send': {
        const outcome = this.send(effect.to, SYNC, encodeSyncMessage(effect.message));
        if (outcome === 'full') this.step({ kind: 'full', peer: effect.to });
        break;
      }
      case 'deliver':
        this.deliver(effect.from, effect.entries);
        break;
      case 'read': {
        const { request, author, fromSeq, toSeq, bytesMax } = effect;
        const { log } = this.options;
        const entries = log.read(author, fromSeq, toSeq, bytesMax).map(toBytes);
        this.step({ kind: 'read', request, entries, oldest: entries.length > 0 ? undefined : log.oldestSeq(author) });
        break;
      }
      case 'peer-frontier':
        this.noteFrontier(effect.peer, effect.frontier);
        break;
      case 'need-snapshot':
        this.exchange.need(effect.peer);
        break;
    }
  }

  private deliver(from: NodeId, entries: readonly SyncEntry[]): void {
    for (let at = 0; at < entries.length;) {
      const { author, seq } = entries[at] as SyncEntry;
      let end = at + 1;
      while (entries[end]?.author === author && entries[end]?.seq === seq + end - at) end++;
      const run = entries.slice(at, end).map(({ bytes }) => fromBytes(bytes));
      const fault = this.options.replica.receive(run, author, seq, from);
      if (fault !== undefined) this.refuse(from, author, fault);
      at = end;
    }
    this.refuseFailed();
  }

  /** What waited, and turned out no good when something else came, is asked of others now. */
  private refuseFailed(): void {
    for (const failed of this.options.replica.takeFailed())
      this.refuse(failed.from as NodeId, authorId(failed.author), failed.fault);
  }

  private refuse(from: NodeId, author: ReturnType<typeof authorId>, fault: string): void {
    if (fault !== FORKED) this.options.onRefused(from, fault);
    this.step({ kind: 'refused', author, from });
  }

  private noteFrontier(peer: NodeId, frontier: ReadonlyMap<string, number>): void {
    let known = this.frontiers.get(peer);
    if (!known) this.frontiers.set(peer, (known = new Map<string, number>()));
    for (const [author, seq] of frontier) known.set(author, seq);
    this.lag.says(peer, frontier, performance.now());
    if (frontier.has(authorId(this.options.log.author))) this.countReplicated();
  }

  /** How far a majority of the voters holds this node's entries. */
  private countReplicated(): void {
    const { log, replica, voters, self } = this.options;
    const all = voters();
    const seqs = all
      .map((voter) => (voter === self ? log.seqOf(log.author) : (this.frontiers.get(voter)?.get(log.author) ?? 0)))
      .sort((a, b) => b - a);
    replica.replicated(seqs[Math.floor(all.length / 2)] ?? 0);
  }

  /** The other members, and how far each is behind this node. */
  progress(): PeerProgress[] {
    const here = this.options.log.frontier();
    const now = performance.now();
    return this.options.members().flatMap((id) => {
      if (id === this.options.self) return [];
      const there = this.frontiers.get(id);
      let lag = 0;
      for (const [author, seq] of here)
        lag += Math.max(0, Math.min(seq, this.options.replica.endOf(author)) - (there?.get(author) ?? 0));
      return [{ id, lag, behind: this.lag.behind(id, now) }];
    });
  }

  /** Entries that the peers have and this node, as far as it knows, has not. */
  behind(): number {
    const newest = new Map<string, number>();
    for (const there of this.frontiers.values())
      for (const [author, seq] of there) newest.set(author, Math.max(seq, newest.get(author) ?? 0));
    let behind = 0;
    const { log, replica } = this.options;
    for (const [author, seq] of newest) behind += Math.max(0, Math.min(seq, replica.endOf(author)) - log.seqOf(author));
    return behind;
  }

  /** Whom there is a link to. */
  linked(): readonly NodeId[] {
    return [...this.up];
  }

  isUp(id: NodeId): boolean {
    return this.up.has(id) && !this.cut.has(id);
  }

  /** What is on its way between this node and the others. */
  get traffic(): Sync['traffic'] {
    return this.sync.traffic;
  }
}

/** An entry travels as its signature and its body. */
function toBytes({ body, signature }: SignedEntry): Uint8Array {
  const bytes = new Uint8Array(SIGNATURE_BYTES + body.length);
  bytes.set(signature);
  bytes.set(body, SIGNATURE_BYTES);
  return bytes;
}

function fromBytes(bytes: Uint8Array): SignedEntry {
  // A copy: what the network gives is a view of its buffer.
  const body = bytes.slice(SIGNATURE_BYTES);
  return { cid: cidOf(body, logCrypto), body, signature: bytes.slice(0, SIGNATURE_BYTES) };
}
