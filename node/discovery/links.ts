/**
 * The direct streams with all members: at most one link with each, opened by the one of the two with the lower id as soon
 * as a connection is there, whoever dialled it.
 */
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface';
import type { KnownAddresses } from './frames.ts';
import { nodeIdOfPeer, peerIdOf } from './identity.ts';
import { Link } from './link.ts';
import type { LinkFigures } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { LogLevel, NodeId } from './ports.ts';

const TICK_MS = 250;
const OPEN_MS_MAX = 3_000;
const FIGURES_EVERY_MS = 1_000;

export type Log = (level: LogLevel, text: string, detail?: Readonly<Record<string, unknown>>) => void;

export interface LinksContext {
  readonly libp2p: Libp2p;
  readonly self: NodeId;
  /** Name of the streams' protocol. */
  readonly protocol: string;
  readonly outbox: Outbox;
  readonly isMember: (id: NodeId) => boolean;
  readonly log: Log;
  readonly onUp: (id: NodeId) => void;
  readonly onDown: (id: NodeId) => void;
  /** A member tells where others live. */
  readonly onTold: (known: KnownAddresses) => void;
}

export class Links {
  private readonly context: LinksContext;
  private readonly byPeer = new Map<NodeId, Link>();
  private readonly opening = new Set<NodeId>();
  private nextNumber = 1;
  private timer: NodeJS.Timeout | undefined;
  private tickedAt = 0;
  private figuresAt = 0;
  private stopped = false;

  constructor(context: LinksContext) {
    this.context = context;
  }

  async start(): Promise<void> {
    const { libp2p, protocol } = this.context;
    await libp2p.handle(protocol, (stream, connection) => this.accept(stream, connection));
    libp2p.addEventListener('connection:open', this.onConnection);
    this.tickedAt = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.context.libp2p.removeEventListener('connection:open', this.onConnection);
    for (const link of [...this.byPeer.values()]) link.close('this node stops');
    await this.context.libp2p.unhandle(this.context.protocol);
  }

  has(id: NodeId): boolean {
    return this.byPeer.get(id)?.isUp === true;
  }

  get upCount(): number {
    let count = 0;
    for (const link of this.byPeer.values()) if (link.isUp) count++;
    return count;
  }

  /** Tells a member where others live. */
  tell(id: NodeId, known: KnownAddresses): void {
    this.byPeer.get(id)?.tell(known);
  }

  /** Tells all who are up. */
  tellAll(known: KnownAddresses): void {
    for (const link of [...this.byPeer.values()]) link.tell(known);
  }

  /** Whether this side opens the stream with a peer. */
  opens(id: NodeId): boolean {
    return this.context.self < id;
  }

  /** The link with a number, if it is up. */
  byNumber(number: number): Link | undefined {
    const link = this.numbers.get(number);
    return link?.isUp ? link : undefined;
  }
  private readonly numbers = new Map<number, Link>();

  /** Ends all that there is with a peer. */
  drop(id: NodeId, reason: string): void {
    this.byPeer.get(id)?.close(reason);
    const peer = peerIdOf(id);
    if (!peer) return;
    const { libp2p, log } = this.context;
    for (const connection of libp2p.getConnections(peer)) connection.abort(new Error(reason));
    libp2p.peerStore
      .delete(peer)
      .catch((error: Error) => log('warn', 'cannot forget a peer', { error: error.message }));
  }

  /** Opens the link over a connection if it is this side's to open and there is none. */
  open(connection: Connection): void {
    const id = this.memberOf(connection.remotePeer);
    if (!id || !this.opens(id) || this.byPeer.has(id) || this.opening.has(id) || this.stopped) return;
    this.opening.add(id);
    void this.openStream(id, connection).finally(() => this.opening.delete(id));
  }

  private async openStream(id: NodeId, connection: Connection): Promise<void> {
    try {
      const stream = await connection.newStream(this.context.protocol, { signal: AbortSignal.timeout(OPEN_MS_MAX) });
      if (this.stopped || !this.context.isMember(id)) stream.abort(new Error('not wanted any more'));
      else this.adopt(id, stream, connection);
    } catch (error) {
      this.context.log('debug', 'no stream with a member', { peer: id, error: (error as Error).message });
    }
  }

  private readonly onConnection = (event: CustomEvent<Connection>): void => this.open(event.detail);

  private memberOf(peer: PeerId): NodeId | undefined {
    const id = nodeIdOfPeer(peer);
    return id !== undefined && this.context.isMember(id) ? id : undefined;
  }

  private accept(stream: Stream, connection: Connection): void {
    const id = this.memberOf(connection.remotePeer);
    if (!id || this.opens(id) || this.stopped) {
      stream.abort(new Error('not for this peer to open'));
      return;
    }
    // A peer that opens anew has lost the old one, even when this side has not noticed.
    this.byPeer.get(id)?.close('the peer opened a new stream');
    this.adopt(id, stream, connection);
  }

  private adopt(id: NodeId, stream: Stream, connection: Connection): void {
    const { outbox, log, onUp, onDown, onTold } = this.context;
    const address = connection.remoteAddr.toString();
    let wasUp = false;
    const link = new Link(this.nextNumber++, id, address, stream, {
      up: (takesLanes) => {
        wasUp = true;
        log('info', 'a member is up', { peer: id, address });
        // Whoever was dialled offers a lane: the peer has reached it once.
        const takesLane = takesLanes && connection.direction === 'inbound';
        outbox.add({ kind: 'up', link: link.number, peer: id, address, takesLane });
        onUp(id);
      },
      lane: (ticket) => {
        const [first] = connection.remoteAddr.getComponents();
        const host = first?.name === 'ip4' || first?.name === 'ip6' ? first.value : undefined;
        if (host === undefined) return;
        outbox.add({ kind: 'lane', link: link.number, offer: { ...ticket, host } });
      },
      switched: () => outbox.switched(link),
      down: (reason) => {
        this.numbers.delete(link.number);
        if (this.byPeer.get(id) === link) this.byPeer.delete(id);
        if (wasUp) {
          log('info', 'a member is down', { peer: id, reason });
          outbox.down(link, reason);
          onDown(id);
        }
      },
      received: () => outbox.received(link),
      sent: (bytes) => outbox.sentBytes(link, bytes),
      told: onTold,
      silent: () => connection.abort(new Error('the peer is silent')),
    });
    this.numbers.set(link.number, link);
    this.byPeer.set(id, link);
    link.start();
  }

  private tick(): void {
    const now = performance.now();
    const lateMs = Math.max(0, now - this.tickedAt - TICK_MS);
    this.tickedAt = now;
    for (const link of [...this.byPeer.values()]) link.tick(now, lateMs);
    if (now - this.figuresAt < FIGURES_EVERY_MS) return;
    this.figuresAt = now;
    const figures: LinkFigures[] = [];
    for (const link of this.byPeer.values()) if (link.isUp) figures.push(link.figures());
    if (figures.length > 0) this.context.outbox.add({ kind: 'figures', links: figures });
  }
}
