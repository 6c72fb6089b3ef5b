/**
 * Keeps this node connected with every member: by the addresses it knows, by what the DHT tells, and, while members are
 * missing, through the bootstrap addresses. Each member has its own back-off, so a dead one costs little and one that comes
 * back is found soon.
 */
import type { Connection, IdentifyResult, PeerId, PeerInfo } from '@libp2p/interface';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { ADDRESSES_MAX, type AddressBook } from './address-book.ts';
import { resolveBootstrap, type BootstrapAddress } from './bootstrap.ts';
import type { KnownAddresses } from './frames.ts';
import { nodeIdOfPeer, peerIdOf } from './identity.ts';
import { isNodeId } from './node-id.ts';
import type { Links, Log } from './links.ts';
import type { NodeId } from './ports.ts';
import type { Swarm } from './swarm.ts';

const TICK_MS = 200;
const DIAL_MS_MAX = 8_000;
const LOOK_UP_MS_MAX = 5_000;
/** How long the side that does not open the stream lets the other one search first; a sixth of it if it need not search. */
const YIELD_MS = 3_000;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 8_000;
/** How long the side that does not open the stream waits for the one that does. */
const STREAM_MS_MAX = 4_000;
const PARALLEL_MAX = 4;
/** While some member is missing, the bootstrap addresses are tried so often; while all are, at the members' pace. */
const BOOTSTRAP_EVERY_MS = 10_000;
const SAVE_EVERY_MS = 2_000;
/** Addresses are kept of so many nodes that are not connected. */
const HEARD_MAX = 1_000;

interface Missing {
  failures: number;
  /** Not even what was learnt makes it be tried before. */
  readonly notBefore: number;
  nextAt: number;
  busy: boolean;
}

export interface FinderContext {
  readonly swarm: Swarm;
  readonly links: Links;
  readonly self: NodeId;
  readonly book: AddressBook;
  readonly bootstrap: readonly BootstrapAddress[];
  readonly log: Log;
}

export class Finder {
  private readonly context: FinderContext;
  private readonly missing = new Map<NodeId, Missing>();
  /** Addresses that others told of, of missing members and of nodes that may turn out to be members. */
  private readonly heard = new Map<NodeId, Set<string>>();
  private lookingUp: Promise<void> = Promise.resolve();
  private members: readonly NodeId[] = [];
  private timer: NodeJS.Timeout | undefined;
  private bootstrapAt = 0;
  private bootstrapFailures = 0;
  private bootstrapping = false;
  private savedAt = 0;
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();

  constructor(context: FinderContext) {
    this.context = context;
  }

  start(members: readonly NodeId[]): void {
    this.setMembers(members);
    const { swarm } = this.context;
    swarm.addEventListener('peer:identify', this.onIdentify);
    swarm.addEventListener('peer:discovery', this.onDiscovery);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    const { swarm } = this.context;
    swarm.removeEventListener('peer:identify', this.onIdentify);
    swarm.removeEventListener('peer:discovery', this.onDiscovery);
    this.stopping.abort(new Error('this node stops'));
    await Promise.all(this.running);
    this.save();
  }

  setMembers(members: readonly NodeId[]): void {
    this.members = members.filter((id) => id !== this.context.self && peerIdOf(id) !== undefined);
    const wanted = new Set(this.members);
    for (const id of this.missing.keys()) if (!wanted.has(id)) this.missing.delete(id);
    this.context.book.keepOnly(wanted);
    for (const id of wanted) if (!this.context.links.has(id)) this.miss(id);
  }

  up(id: NodeId): void {
    this.missing.delete(id);
    this.heard.delete(id);
    this.context.links.tell(id, this.context.book.all());
    // Who is connected may know where the others are.
    this.hasten();
  }

  down(id: NodeId): void {
    if (this.members.includes(id)) this.miss(id);
  }

  private readonly onIdentify = (event: CustomEvent<IdentifyResult>): void => {
    const { peerId, listenAddrs } = event.detail;
    const id = nodeIdOfPeer(peerId);
    const { book, links } = this.context;
    if (id !== undefined && this.members.includes(id) && book.set(id, listenAddrs.map(String)))
      links.tellAll({ [id]: book.of(id) });
    // Who was identified can be asked by the DHT.
    this.hasten();
  };

  private readonly onDiscovery = (event: CustomEvent<PeerInfo>): void => {
    const one = this.missing.get(nodeIdOfPeer(event.detail.id) as NodeId);
    if (one) one.nextAt = performance.now();
  };

  /**
   * A member tells where others live. What it told of a node that this one does not know to be a member yet is kept: the
   * two may hear of a newcomer in any order, and who told may be gone by then.
   */
  told(known: KnownAddresses): void {
    for (const [id, addresses] of Object.entries(known)) {
      if (!isNodeId(id) || id === this.context.self || this.context.links.has(id)) continue;
      if (this.heard.has(id) || this.heard.size < HEARD_MAX) this.hear(id, addresses);
    }
  }

  /** Something was learnt: missing members are tried soon. */
  hasten(): void {
    const soon = performance.now() + Math.random() * BACKOFF_MS_MIN;
    for (const one of this.missing.values()) one.nextAt = Math.min(one.nextAt, soon);
  }

  /** One of two nodes that miss each other goes first, and the other only if nothing came of it: one connection does. */
  private miss(id: NodeId): void {
    if (this.missing.has(id)) return;
    const { links, book } = this.context;
    const isKnown = book.of(id).length > 0 || this.heard.has(id);
    const yieldMs = links.opens(id) ? 0 : isKnown ? YIELD_MS / 6 : YIELD_MS;
    const delayMs = Math.random() * BACKOFF_MS_MIN + yieldMs;
    this.missing.set(id, { failures: 0, notBefore: performance.now() + delayMs, nextAt: 0, busy: false });
  }

  private tick(): void {
    const now = performance.now();
    let busy = 0;
    for (const one of this.missing.values()) if (one.busy) busy++;
    for (const [id, one] of this.missing) {
      if (busy >= PARALLEL_MAX) break;
      if (one.busy || one.nextAt > now || one.notBefore > now) continue;
      busy++;
      one.busy = true;
      this.run(this.seek(id, one));
    }
    if (this.missing.size > 0 && !this.bootstrapping && now >= this.bootstrapAt) this.run(this.askBootstrap());
    if (now - this.savedAt > SAVE_EVERY_MS) {
      this.savedAt = now;
      this.save();
    }
  }

  private run(task: Promise<void>): void {
    this.running.add(task);
    void task.finally(() => this.running.delete(task));
  }

  private save(): void {
    try {
      this.context.book.save();
    } catch (error) {
      this.context.log('warn', 'cannot keep the peers’ addresses', { error: (error as Error).message });
    }
  }

  private signal(ms: number): AbortSignal {
    return AbortSignal.any([this.stopping.signal, AbortSignal.timeout(ms)]);
  }

  private async seek(id: NodeId, one: Missing): Promise<void> {
    const peer = peerIdOf(id) as PeerId;
    try {
      const connection = this.context.swarm.getConnections(peer)[0] ?? (await this.dial(id, peer, one.failures));
      this.context.links.open(connection);
      await this.untilUp(id, connection);
    } catch (error) {
      if (!this.stopping.signal.aborted)
        this.context.log('debug', 'a member cannot be reached', { peer: id, error: (error as Error).message });
    }
    one.failures++;
    one.nextAt = performance.now() + backoffMs(one.failures);
    one.busy = false;
  }

  /** A connection over which no link comes about is no good: closes it, so that the next attempt dials anew. */
  private async untilUp(id: NodeId, connection: Connection): Promise<void> {
    const deadline = performance.now() + STREAM_MS_MAX;
    while (!this.context.links.has(id) && connection.status === 'open') {
      if (performance.now() > deadline || this.stopping.signal.aborted) {
        connection.abort(new Error('no stream came about'));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private async dial(id: NodeId, peer: PeerId, failures: number): Promise<Connection> {
    const { log } = this.context;
    const known = await this.knownAddresses(id, peer);
    if (known.length > 0) {
      try {
        return await this.dialAt(peer, known);
      } catch (error) {
        this.heard.delete(id);
        log('debug', 'no answer at the known addresses', { peer: id, error: (error as Error).message });
      }
    }
    await this.lookUp(id, peer, 1 + failures);
    const heard = this.heard.get(id);
    if (!heard) throw new Error('nobody knows its address');
    return this.dialAt(peer, [...heard]);
  }

  private async knownAddresses(id: NodeId, peer: PeerId): Promise<string[]> {
    const { swarm, book } = this.context;
    const known = new Set([...book.of(id), ...(this.heard.get(id) ?? [])]);
    if (await swarm.peerStore.has(peer))
      for (const { multiaddr: address } of (await swarm.peerStore.get(peer)).addresses) known.add(address.toString());
    return [...known];
  }

  /** Asks the DHT, once at a time: what one look-up tells of other members saves them theirs. */
  private lookUp(id: NodeId, peer: PeerId, answersMax: number): Promise<void> {
    this.lookingUp = this.lookingUp.then(async () => {
      if (this.heard.has(id) || this.stopping.signal.aborted) return;
      try {
        await this.askDht(peer, answersMax);
      } catch (error) {
        this.context.log('debug', 'the DHT does not know a member', { peer: id, error: (error as Error).message });
      }
    });
    return this.lookingUp;
  }

  /** Takes up to so many answers together, because some may be out of date. */
  private async askDht(peer: PeerId, answersMax: number): Promise<void> {
    const signal = this.signal(LOOK_UP_MS_MAX);
    let answers = 0;
    for await (const event of this.context.swarm.services.dht.findPeer(peer, { useCache: false, signal })) {
      if (event.name === 'PEER_RESPONSE') for (const closer of event.closer) this.hearOf(closer);
      if (event.name === 'FINAL_PEER' && ++answers === answersMax) return;
    }
  }

  private hearOf({ id: peer, multiaddrs }: PeerInfo): void {
    const id = nodeIdOfPeer(peer);
    if (id !== undefined && this.missing.has(id)) this.hear(id, multiaddrs.map(String));
  }

  private hear(id: NodeId, addresses: readonly string[]): void {
    const heard = this.heard.get(id) ?? new Set();
    const before = heard.size;
    for (const address of addresses) if (heard.size < ADDRESSES_MAX) heard.add(address);
    if (heard.size === before) return;
    this.heard.set(id, heard);
    const one = this.missing.get(id);
    if (one) one.nextAt = 0;
  }

  private dialAt(peer: PeerId, addresses: readonly string[]): Promise<Connection> {
    const suffix = `/p2p/${peer.toString()}`;
    const whole = addresses.map((text) => multiaddr(text.includes('/p2p/') ? text : text + suffix));
    return this.context.swarm.dial(whole, { signal: this.signal(DIAL_MS_MAX) });
  }

  private async askBootstrap(): Promise<void> {
    this.bootstrapping = true;
    const { bootstrap, log } = this.context;
    for (const entry of bootstrap) {
      try {
        const addresses = await resolveBootstrap(entry);
        await Promise.all(addresses.map((address) => this.dialUnknown(address)));
      } catch (error) {
        log('debug', 'a bootstrap address has no answer', { error: (error as Error).message });
      }
    }
    this.bootstrapping = false;
    const alone = this.context.links.upCount === 0;
    this.bootstrapFailures = alone ? this.bootstrapFailures + 1 : 0;
    this.bootstrapAt = performance.now() + (alone ? backoffMs(this.bootstrapFailures) : BOOTSTRAP_EVERY_MS);
  }

  /** Whoever answers there is let in if it is a member. */
  private async dialUnknown(address: Multiaddr): Promise<void> {
    const { swarm, log } = this.context;
    const text = address.toString();
    const isThere = (other: Multiaddr): boolean => other.toString().startsWith(text);
    if (swarm.getConnections().some((c) => isThere(c.remoteAddr)) || swarm.getMultiaddrs().some(isThere)) return;
    try {
      const connection = await swarm.dial(address, { signal: this.signal(DIAL_MS_MAX) });
      const id = nodeIdOfPeer(connection.remotePeer);
      if (id) this.context.book.set(id, [text]);
    } catch (error) {
      log('debug', 'a bootstrap address has no answer', { address: text, error: (error as Error).message });
    }
  }
}

/** Doubles from attempt to attempt, half of it by chance, so that nodes that lost each other do not return in step. */
function backoffMs(failures: number): number {
  const full = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (failures - 1));
  return full * (0.5 + Math.random() / 2);
}
