/** Anti-entropy as a pure state machine: events in, effects out. See DESIGN.md. */
import type { NodeId } from '../consensus/index.ts';
import { sameBytes } from '../log/index.ts';
import { encodeFrontier } from './codec.ts';
import { Intake, type IntakeTiming } from './intake.ts';
import { Outlet } from './outlet.ts';
import { Peer } from './peer.ts';
import type { AuthorId, Effect, Event, Frontier, Message } from './types.ts';

export interface SyncTiming extends IntakeTiming {
  /** How often connected peers compare their frontiers, come what may. */
  readonly compareMs: number;
  /** How often peers are told what became durable, where nobody waits for that. */
  readonly tellMs: number;
}

export const DEFAULT_SYNC_TIMING: SyncTiming = { graceMs: 60, askMs: 2000, compareMs: 5000, tellMs: 40 };

/** What a tick may add to the node's own clock: a clock that jumps is not the silence of others. */
const TICK_MS_MAX = 100;

export interface SyncOptions {
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  readonly timing: SyncTiming;
}

export class Sync {
  private readonly options: SyncOptions;
  private readonly durable: Map<AuthorId, number>;
  private readonly peers = new Map<NodeId, Peer>();
  private readonly intake: Intake;
  private readonly outlet: Outlet;
  /** Became durable and is not told to everybody yet. */
  private readonly untold = new Set<AuthorId>();
  private effects: Effect[] = [];
  private now = 0;
  private lastTickMs: number | undefined;
  private comparedAt = 0;
  private toldAt = -Infinity;

  /** `durable`: what is on this node's disk at the start. */
  constructor(options: SyncOptions, durable: Frontier) {
    this.options = options;
    this.durable = new Map(durable);
    const push = (effect: Effect): void => void this.effects.push(effect);
    this.intake = new Intake(options.timing, this.peers, this.durable, push);
    this.outlet = new Outlet(this.durable, push);
  }

  /** Bytes that came and are not durable yet, that were sent and are not acknowledged yet; questions without an answer. */
  get traffic(): { readonly inBytes: number; readonly outBytes: number; readonly asks: number } {
    const outBytes = [...this.peers.values()].reduce((sum, peer) => sum + peer.unackedBytes, 0);
    return { ...this.intake.traffic, outBytes };
  }

  step(event: Event): Effect[] {
    switch (event.kind) {
      case 'tick':
        this.tick(event.nowMs);
        break;
      case 'peer-up':
        this.peerUp(event.peer);
        break;
      case 'peer-down':
        this.peerDown(event.peer);
        break;
      case 'message': {
        const peer = this.peers.get(event.from);
        if (peer) this.receive(peer, event.message);
        break;
      }
      case 'durable':
        this.becameDurable(event.frontier, event.isAwaited);
        break;
      case 'cut-back':
        if (event.seq > 0) this.durable.set(event.author, event.seq);
        else this.durable.delete(event.author);
        this.untold.delete(event.author);
        this.intake.cutBack(event.author, this.now);
        break;
      case 'local':
        for (const { author, seq } of event.entries) this.intake.made(author, seq);
        for (const peer of this.peers.values()) this.outlet.fresh(peer, event.entries);
        break;
      case 'read':
        this.outlet.read(event.request, event.entries, event.oldest);
        break;
      case 'full':
      case 'drained': {
        const peer = this.peers.get(event.peer);
        if (peer) {
          peer.full = event.kind === 'full';
          this.outlet.pump(peer);
        }
        break;
      }
      case 'refused':
        this.intake.refused(event.author, this.peers.get(event.from), this.now);
        break;
      case 'announced': {
        const peer = this.peers.get(event.from);
        peer?.shows(event.author, event.seq);
        if (peer) this.intake.notice(event.author, event.seq, this.now + this.options.timing.graceMs);
        break;
      }
    }
    this.intake.plan(this.now);
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  private tick(nowMs: number): void {
    this.now += Math.min(Math.max(nowMs - (this.lastTickMs ?? nowMs), 0), TICK_MS_MAX);
    this.lastTickMs = nowMs;
    this.intake.expire(this.now);
    if (this.untold.size > 0 && this.now - this.toldAt >= this.options.timing.tellMs) {
      this.toldAt = this.now;
      const frontier = new Map([...this.untold].map((author) => [author, this.durable.get(author) ?? 0]));
      this.untold.clear();
      for (const peer of this.peers.values()) this.send(peer, { kind: 'ack', frontier });
    }
    if (this.now - this.comparedAt >= this.options.timing.compareMs) {
      this.comparedAt = this.now;
      const hash = this.hash();
      for (const peer of this.peers.values()) this.send(peer, { kind: 'hash', hash });
    }
  }

  private peerUp(id: NodeId): void {
    this.peerDown(id);
    const peer = new Peer(id);
    this.peers.set(id, peer);
    this.send(peer, { kind: 'hash', hash: this.hash() });
  }

  private peerDown(id: NodeId): void {
    const peer = this.peers.get(id);
    if (!peer) return;
    this.peers.delete(id);
    peer.reading = undefined;
    this.intake.peerDown(peer);
  }

  private receive(peer: Peer, message: Message): void {
    switch (message.kind) {
      case 'hash':
        // Equal hashes: it has what is durable here. What either gains from now on is told by acknowledgements.
        if (sameBytes(message.hash, this.hash())) this.acked(peer, this.durable, 0);
        else this.send(peer, { kind: 'frontier', frontier: new Map(this.durable), ask: true });
        break;
      case 'frontier':
        if (message.ask) this.send(peer, { kind: 'frontier', frontier: new Map(this.durable), ask: false });
        this.acked(peer, message.frontier, 0);
        break;
      case 'ack':
        this.acked(peer, message.frontier, this.options.timing.graceMs);
        break;
      case 'push':
        this.intake.take(peer, message.runs, false, this.now);
        break;
      case 'ask':
        this.outlet.asked(peer, message.id, message.ranges, message.bytesMax);
        break;
      case 'entries':
        this.intake.answered(message.id, peer, message.runs, message.last, this.now);
        break;
      case 'pruned':
        peer.pruned.set(message.author, message.oldest);
        break;
    }
  }

  private acked(peer: Peer, frontier: Frontier, graceMs: number): void {
    const news = peer.ack(frontier);
    if (news.size === 0) return;
    this.effects.push({ kind: 'peer-frontier', peer: peer.id, frontier: news });
    for (const [author, seq] of news) this.intake.notice(author, seq, this.now + graceMs);
  }

  /** Everybody is told with a later tick that entries are safe here; whoever sent one that somebody waits for, at once. */
  private becameDurable(frontier: Frontier, isAwaited: boolean): void {
    const acks = new Map<NodeId, Map<AuthorId, number>>();
    for (const [author, seq] of frontier) {
      if (seq <= (this.durable.get(author) ?? 0)) continue;
      this.durable.set(author, seq);
      this.intake.becameDurable(author, seq);
      this.untold.add(author);
      const source = isAwaited ? this.intake.sourceOf(author) : undefined;
      if (source === undefined) continue;
      const ack = acks.get(source) ?? new Map<AuthorId, number>();
      acks.set(source, ack.set(author, seq));
    }
    for (const [id, ack] of acks) {
      const peer = this.peers.get(id);
      if (peer) this.send(peer, { kind: 'ack', frontier: ack });
    }
  }

  private send(peer: Peer, message: Message): void {
    this.effects.push({ kind: 'send', to: peer.id, message });
  }

  private hash(): Uint8Array {
    return this.options.sha256(encodeFrontier(this.durable));
  }
}
