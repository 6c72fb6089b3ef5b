/** Both ends of all sessions between this node and the others. */
import type { NodeId } from '../consensus/index.ts';
import { DecodeError } from '../log/index.ts';
import type { ClientInfo } from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import { encodeError, encodeOpening } from './codec.ts';
import { HOSTED, Kind, readFrame, type Frame } from './frames.ts';
import { Hosted } from './hosted.ts';
import { Lane, Outbox } from './outbox.ts';
import type { ForwardingOptions, RemoteSession, Who } from './ports.ts';
import { Remote } from './remote.ts';

/** Sessions that one other node may have here. */
const SESSIONS_MAX = 10_000;
const NUMBER_MAX = 2 ** 32 - 1;

export class Forwarding {
  private readonly options: ForwardingOptions;
  private readonly outbox: Outbox;
  /** Sessions of this node's clients elsewhere, by the numbers that this node gave them. */
  private readonly remotes = new Map<number, Remote>();
  private readonly hosted = new Map<NodeId, Map<number, Hosted>>();
  private lastNumber = 0;
  private isStopped = false;

  constructor(options: ForwardingOptions) {
    this.options = options;
    // Not at once: whoever sends stands in the middle of something.
    const unreachable = (peer: NodeId): void => queueMicrotask(() => this.peerDown(peer));
    this.outbox = new Outbox(options.send, unreachable);
  }

  /** Sessions of this node's clients at other nodes, and of theirs here. */
  get counts(): { readonly remote: number; readonly hosted: number } {
    let hosted = 0;
    for (const sessions of this.hosted.values()) hosted += sessions.size;
    return { remote: this.remotes.size, hosted };
  }

  /** Opens a session at another node with what its image holds. Rejects with SqlError: that node's, or 3101. */
  async open(to: NodeId, who: Who, client: ClientInfo, image: Uint8Array): Promise<RemoteSession> {
    if (this.isStopped) throw new SqlError(1053, '08S01', 'Server shutdown in progress');
    do this.lastNumber = this.lastNumber >= NUMBER_MAX ? 1 : this.lastNumber + 1;
    while (this.remotes.has(this.lastNumber));
    const number = this.lastNumber;
    const lane = new Lane(this.outbox, to, number);
    const remote = new Remote(
      lane,
      () => this.remotes.delete(number),
      (error) => this.options.onInternalError?.(error),
    );
    this.remotes.set(number, remote);
    lane.send(Kind.OPEN, encodeOpening({ who, client, image }));
    return remote.opened;
  }

  /** Takes what another node's `send` gave; never throws. The bytes are the caller's again afterwards. */
  message(from: NodeId, bytes: Uint8Array): void {
    const frame = readFrame(bytes);
    if (frame === undefined) return;
    const end = frame.kind < HOSTED ? this.hostedOf(from, frame) : this.remoteOf(from, frame);
    if (end === undefined) return;
    try {
      // Whatever was on its way, it is not wanted any more.
      if (frame.kind === Kind.CLOSE || frame.kind === Kind.GONE) {
        end.message(frame.kind, frame.part);
        return;
      }
      const message = end.joiner.add(frame);
      if (message !== undefined) end.message(frame.kind, message);
    } catch (error) {
      if (!(error instanceof DecodeError)) this.options.onInternalError?.(error);
      end.refuse(error);
    }
  }

  private remoteOf(from: NodeId, { session }: Frame): Remote | undefined {
    const remote = this.remotes.get(session);
    return remote?.lane.to === from ? remote : undefined;
  }

  private hostedOf(from: NodeId, { kind, more, session }: Frame): Hosted | undefined {
    const sessions = this.hosted.get(from);
    const known = sessions?.get(session);
    if (known) return known;
    const lane = new Lane(this.outbox, from, session);
    if (kind !== Kind.OPEN || this.isStopped) {
      // The other end, which waits for an answer, does not know yet that it is gone.
      if (!more && (kind === Kind.OPEN || kind === Kind.COMMAND)) lane.send(Kind.GONE);
      return undefined;
    }
    if (sessions && sessions.size >= SESSIONS_MAX) {
      lane.send(Kind.REFUSED, encodeError({ errno: 1040, sqlState: '08004', message: 'Too many connections' }));
      return undefined;
    }
    const own = sessions ?? new Map<number, Hosted>();
    if (!sessions) this.hosted.set(from, own);
    const hosted = new Hosted(lane, this.options, () => {
      own.delete(session);
      if (own.size === 0 && this.hosted.get(from) === own) this.hosted.delete(from);
    });
    own.set(session, hosted);
    return hosted;
  }

  /** The peer, which was full, has room again. */
  drained(to: NodeId): void {
    this.outbox.drained(to);
  }

  /** The link is gone, and with it whatever was on its way: sessions end at both its ends. */
  peerDown(id: NodeId): void {
    this.outbox.drop(id);
    for (const remote of this.remotes.values()) if (remote.lane.to === id) remote.lose();
    for (const hosted of [...(this.hosted.get(id)?.values() ?? [])]) hosted.close();
  }

  /** Ends all sessions; says so to the other ends, as far as they can be reached at once. */
  stop(): void {
    this.isStopped = true;
    for (const remote of this.remotes.values()) remote.close();
    for (const sessions of [...this.hosted.values()]) for (const hosted of [...sessions.values()]) hosted.refuse();
  }
}
