/**
 * The owner's side of the network. It gathers what is sent in one turn of the event loop and hands it over as a whole, and
 * keeps count of what waits for each peer, so that send() can answer without asking.
 */
import type { TLSSocket } from 'node:tls';
import { controlFrame, dataFrames, FRAME_HEADER_BYTES, WINDOW_BYTES, writeDataFrame } from './frames.ts';
import { dialLane, Lane, LaneDoor } from './lane.ts';
import type { Command, LaneOffer, LinkFigures, LinkNumber, Report } from './messages.ts';
import {
  GOSSIP_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  type Network,
  type NetworkHandler,
  type NetworkOptions,
  type NodeId,
  type PeerInfo,
  type SendOutcome,
} from './ports.ts';
import { NetworkError } from './errors.ts';

const QUEUE_BYTES_MAX = 16 << 20;
/** Messages are handed over in chunks of about so many bytes: a link lets pings pass between chunks. */
const CHUNK_BYTES = 256 << 10;
/** Handled bytes are told of when they are so many: waking another thread for a small message would cost more than it did. */
const CREDIT_BYTES = WINDOW_BYTES / 64;
const REOPEN_MS = 500;

/** The network's side, here or in another thread. */
export interface HostPort {
  post(commands: readonly Command[]): void;
  /** Resolves when it is gone for good. */
  close(): Promise<void>;
}

/** Makes the network's side; `onEnd` tells that it ended by itself. */
export type OpenHost = (onReports: (reports: readonly Report[]) => void, onEnd: (error: Error) => void) => HostPort;

interface Peer {
  readonly id: NodeId;
  readonly link: LinkNumber;
  readonly address: string;
  readonly since: number;
  /** Messages of this turn, and their bytes as frames. */
  gathered: Uint8Array[];
  gatheredBytes: number;
  /** Bytes of frames that wait, here or at the network's side. */
  queueBytes: number;
  full: boolean;
  /** Bytes of frames that were handled and not told of. */
  handledBytes: number;
  figures: LinkFigures | undefined;
  /** Where its messages go, once it is there; before, and where there is none, over the link. */
  lane: Lane | undefined;
  /** The peer's messages come over the lane. */
  hasSwitched: boolean;
  /** Gives up the lane that is being opened. */
  giveUpLane: (() => void) | undefined;
}

export class NetworkClient implements Network {
  readonly id: NodeId;
  addresses: readonly string[] = [];
  private options: NetworkOptions;
  private readonly handler: NetworkHandler;
  private readonly openHost: OpenHost;
  private readonly queueBytesMax: number;
  private host: HostPort | undefined;
  private door: LaneDoor | undefined;
  private readonly topics = new Set<string>();
  private readonly byId = new Map<NodeId, Peer>();
  private readonly byLink = new Map<LinkNumber, Peer>();
  private commands: Command[] = [];
  private readonly touched = new Set<Peer>();
  private scheduled = false;
  private opening: NodeJS.Timeout | undefined;
  private stopped = false;
  private starting: PromiseWithResolvers<void> | undefined;
  private stopping: PromiseWithResolvers<void> | undefined;

  constructor(id: NodeId, options: NetworkOptions, handler: NetworkHandler, openHost: OpenHost) {
    this.id = id;
    this.options = options;
    this.handler = handler;
    this.openHost = openHost;
    this.queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX;
  }

  async start(): Promise<void> {
    if (this.host) throw new Error('the network is started once');
    const starting = Promise.withResolvers<void>();
    this.starting = starting;
    const host = this.open();
    try {
      await Promise.all([starting.promise, this.openDoor()]);
    } catch (error) {
      await host.close();
      this.host = undefined;
      this.door?.close();
      throw error;
    } finally {
      this.starting = undefined;
    }
  }

  /** Behind other addresses than its own, peers could not come. Without a door their messages come over the links. */
  private async openDoor(): Promise<void> {
    if (this.options.announce) return;
    try {
      const door = await LaneDoor.open(this.options.listen.host);
      // The network may have failed to start, or have been stopped, meanwhile.
      if (this.host) this.door = door;
      else door.close();
    } catch (error) {
      this.log('warn', 'no lanes: their port cannot be opened', { error: (error as Error).message });
    }
  }

  private open(): HostPort {
    const host = this.openHost(
      (reports) => {
        if (this.host === host) for (const report of reports) this.received(report);
      },
      (error) => {
        if (this.host === host) this.ended(error);
      },
    );
    this.host = host;
    host.post([{ kind: 'start', options: this.options, topics: [...this.topics] }]);
    return host;
  }

  /** The other side ended by itself: all peers are lost, and a new one is made. */
  private ended(cause: Error): void {
    const error = new NetworkError('THREAD_ENDED', `the network's thread ended: ${cause.message}`, { cause });
    this.host = undefined;
    this.dropPeers();
    if (this.starting) this.starting.reject(error);
    else if (this.stopping) this.stopping.resolve();
    else {
      this.log('error', error.message, { stack: cause.stack });
      this.openLater();
    }
  }

  /** Not at once: what ended it may end the next one too. */
  private openLater(): void {
    if (!this.stopped) this.opening = setTimeout(() => this.open(), REOPEN_MS);
  }

  /** The other side, made anew, cannot start: its port may be free later. */
  private reopen(error: NetworkError): void {
    this.log('error', error.message, { code: error.code });
    const { host } = this;
    this.host = undefined;
    void host?.close().then(() => this.openLater());
  }

  private dropPeers(): void {
    const ids = [...this.byId.keys()];
    const peers = [...this.byId.values()];
    this.byId.clear();
    this.byLink.clear();
    for (const peer of peers) closeLane(peer);
    this.touched.clear();
    this.commands = [];
    if (!this.stopping) for (const id of ids) this.handler.peerDown?.(id);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.opening);
    const { host } = this;
    if (!host) return;
    if (!this.stopping) {
      this.stopping = Promise.withResolvers();
      this.flush();
      this.dropPeers();
      host.post([{ kind: 'stop' }]);
    }
    await this.stopping.promise;
    await host.close();
    this.host = undefined;
    this.door?.close();
  }

  setMembers(members: readonly NodeId[], removed: readonly NodeId[] = []): void {
    this.options = { ...this.options, members: [...members], removed: [...removed] };
    this.command({ kind: 'members', members: [...members], removed: [...removed] });
  }

  send(to: NodeId, message: Uint8Array): SendOutcome {
    if (message.length > MESSAGE_BYTES_MAX) throw new RangeError(`a message of ${message.length} bytes`);
    const peer = this.byId.get(to);
    if (!peer) return 'unreachable';
    const bytes = message.length + FRAME_HEADER_BYTES;
    if (peer.queueBytes > 0 && peer.queueBytes + bytes > this.queueBytesMax) {
      peer.full = true;
      return 'full';
    }
    peer.queueBytes += bytes;
    peer.gathered.push(message);
    peer.gatheredBytes += bytes;
    if (peer.gatheredBytes >= CHUNK_BYTES) this.seal(peer);
    else this.touched.add(peer);
    this.schedule();
    return 'queued';
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
    this.command({ kind: 'subscribe', topic });
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
    this.command({ kind: 'unsubscribe', topic });
  }

  announce(topic: string, message: Uint8Array): void {
    if (message.length > GOSSIP_BYTES_MAX) throw new RangeError(`an announcement of ${message.length} bytes`);
    // A copy: a view would take its whole buffer along to another thread.
    this.command({ kind: 'announce', topic, messages: [new Uint8Array(message)] });
  }

  peers(): readonly PeerInfo[] {
    return [...this.byId.values()].map(({ id, address, since, queueBytes, figures, lane }) => ({
      id,
      address,
      since,
      queueBytes,
      rttMs: figures?.rttMs,
      bytesIn: (figures?.bytesIn ?? 0) + (lane?.bytesIn ?? 0),
      bytesOut: (figures?.bytesOut ?? 0) + (lane?.bytesOut ?? 0),
    }));
  }

  private command(command: Command): void {
    if (!this.host || this.stopping) return;
    this.commands.push(command);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.scheduled = false;
    for (const peer of this.touched) {
      if (peer.gathered.length > 0) this.seal(peer);
      if (peer.handledBytes >= CREDIT_BYTES) {
        this.commands.push({ kind: 'credit', link: peer.link, bytes: peer.handledBytes });
        peer.handledBytes = 0;
      }
    }
    this.touched.clear();
    if (this.commands.length === 0) return;
    this.host?.post(this.commands);
    this.commands = [];
  }

  /** Makes a chunk of what was gathered for a peer. */
  private seal(peer: Peer): void {
    const chunk = new Uint8Array(peer.gatheredBytes);
    let at = 0;
    for (const message of peer.gathered) at = writeDataFrame(chunk, at, message);
    peer.gathered = [];
    peer.gatheredBytes = 0;
    if (peer.lane) peer.lane.write(chunk);
    else this.commands.push({ kind: 'send', link: peer.link, chunk });
  }

  // Lanes.

  private offerLane(peer: Peer, door: LaneDoor): void {
    const ticket = door.expect((socket) => this.laneOpened(peer, socket));
    peer.giveUpLane = () => door.forget(ticket.id);
    this.command({ kind: 'offerLane', link: peer.link, ticket });
  }

  private laneOffered(link: LinkNumber, offer: LaneOffer): void {
    const peer = this.byLink.get(link);
    if (!peer) return;
    const opened = (socket: TLSSocket): void => this.laneOpened(peer, socket);
    peer.giveUpLane = dialLane(offer, opened, (error) => {
      if (this.byLink.get(link) === peer)
        this.log('info', 'no lane to a member: its messages go over the link', { peer: peer.id, error });
    });
  }

  /** What was gathered before still goes over the link, and the word that the rest comes otherwise behind it. */
  private laneOpened(peer: Peer, socket: TLSSocket): void {
    if (this.byLink.get(peer.link) !== peer) {
      socket.destroy();
      return;
    }
    if (peer.gathered.length > 0) this.seal(peer);
    const chunk = controlFrame('switch', 0);
    peer.queueBytes += chunk.length;
    this.commands.push({ kind: 'send', link: peer.link, chunk });
    this.schedule();
    peer.lane = new Lane(socket, {
      message: (message) => this.handler.message?.(peer.id, message),
      sent: (bytes) => this.sent(peer, bytes),
      closed: (reason) => this.command({ kind: 'drop', link: peer.link, reason }),
    });
    if (peer.hasSwitched) peer.lane.read();
  }

  private switched(link: LinkNumber): void {
    const peer = this.byLink.get(link);
    if (!peer) return;
    peer.hasSwitched = true;
    peer.lane?.read();
  }

  private received(report: Report): void {
    switch (report.kind) {
      case 'started':
        this.addresses = report.addresses;
        this.starting?.resolve();
        return;
      case 'failed': {
        const error = new NetworkError(report.code, report.message);
        if (this.starting) this.starting.reject(error);
        else this.reopen(error);
        return;
      }
      case 'stopped':
        this.stopping?.resolve();
        return;
      case 'log':
        this.log(report.level, report.text, report.detail);
        return;
      default:
        // What was on its way when the owner stopped is of no interest to it.
        if (!this.stopping) this.happened(report);
    }
  }

  private happened(report: Exclude<Report, { kind: 'started' | 'failed' | 'stopped' | 'log' }>): void {
    switch (report.kind) {
      case 'addresses':
        this.addresses = report.addresses;
        return;
      case 'up':
        this.up(report);
        return;
      case 'down':
        this.down(report.link);
        return;
      case 'messages':
        this.messages(report.link, report.chunk);
        return;
      case 'lane':
        this.laneOffered(report.link, report.offer);
        return;
      case 'switched':
        this.switched(report.link);
        return;
      case 'sent': {
        const peer = this.byLink.get(report.link);
        if (peer) this.sent(peer, report.bytes);
        return;
      }
      case 'gossip':
        for (const message of report.messages) this.handler.gossip?.(report.topic, message, report.from);
        return;
      case 'removed':
        this.handler.removed?.(report.by);
        return;
      case 'joinRequest':
        void this.askedToJoin(report);
        return;
      case 'figures':
        for (const figures of report.links) {
          const peer = this.byLink.get(figures.link);
          if (peer) peer.figures = figures;
        }
    }
  }

  private up({ link, peer: id, address, takesLane }: Extract<Report, { kind: 'up' }>): void {
    const peer: Peer = {
      id,
      link,
      address,
      since: Date.now(),
      gathered: [],
      gatheredBytes: 0,
      queueBytes: 0,
      full: false,
      handledBytes: 0,
      figures: undefined,
      lane: undefined,
      hasSwitched: false,
      giveUpLane: undefined,
    };
    this.byId.set(id, peer);
    this.byLink.set(link, peer);
    if (takesLane && this.door) this.offerLane(peer, this.door);
    this.handler.peerUp?.(id);
  }

  private down(link: LinkNumber): void {
    const peer = this.byLink.get(link);
    if (!peer) return;
    this.byLink.delete(link);
    this.byId.delete(peer.id);
    this.touched.delete(peer);
    closeLane(peer);
    this.handler.peerDown?.(peer.id);
  }

  private messages(link: LinkNumber, chunk: Uint8Array): void {
    const peer = this.byLink.get(link);
    if (!peer) return;
    let handled = 0;
    for (const message of dataFrames(chunk)) {
      const bytes = message.length + FRAME_HEADER_BYTES;
      const waits = this.handler.message?.(peer.id, message);
      if (waits) void this.handledLater(peer, bytes, waits);
      else handled += bytes;
    }
    this.handledNow(peer, handled);
  }

  /** A handler that rejects breaks its contract: the rejection is left unhandled, and ends the process. */
  private async handledLater(peer: Peer, bytes: number, waits: Promise<void>): Promise<void> {
    await waits;
    this.handledNow(peer, bytes);
  }

  private handledNow(peer: Peer, bytes: number): void {
    if (bytes === 0 || this.byLink.get(peer.link) !== peer) return;
    peer.handledBytes += bytes;
    if (peer.handledBytes < CREDIT_BYTES) return;
    this.touched.add(peer);
    this.schedule();
  }

  private sent(peer: Peer, bytes: number): void {
    if (this.byLink.get(peer.link) !== peer) return;
    peer.queueBytes -= bytes;
    if (!peer.full || peer.queueBytes > this.queueBytesMax / 2) return;
    peer.full = false;
    this.handler.drained?.(peer.id);
  }

  private async askedToJoin(report: Extract<Report, { kind: 'joinRequest' }>): Promise<void> {
    const answer = (await this.handler.joinRequest?.(report.content)) ?? {
      kind: 'refused' as const,
      reason: 'this node admits nobody',
    };
    this.command({ kind: 'joinAnswer', request: report.request, answer });
  }

  private log(
    level: Parameters<NonNullable<NetworkHandler['log']>>[0],
    text: string,
    detail: Readonly<Record<string, unknown>>,
  ): void {
    this.handler.log?.(level, text, detail);
  }
}

function closeLane({ lane, giveUpLane }: Peer): void {
  giveUpLane?.();
  lane?.close('the link is down');
}
