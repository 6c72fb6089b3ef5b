/**
 * What waits to be sent. Each session has a lane, whose messages keep their order; the lanes of a peer take turns, a
 * frame each, so that a long message of one session does not hold the others up.
 */
import type { NodeId } from '../consensus/index.ts';
import { cutFrame, type Kind } from './frames.ts';
import type { ForwardingOptions } from './ports.ts';

const NOTHING = new Uint8Array();

export class Lane {
  readonly to: NodeId;
  readonly session: number;
  /** All that was given has left. */
  onEmpty: () => void = () => undefined;
  readonly queue: { readonly kind: Kind; readonly message: Uint8Array }[] = [];
  /** How much of the first message has left. */
  at = 0;
  private readonly outbox: Outbox;

  constructor(outbox: Outbox, to: NodeId, session: number) {
    this.outbox = outbox;
    this.to = to;
    this.session = session;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** The message is not to change afterwards. */
  send(kind: Kind, message: Uint8Array = NOTHING): void {
    this.queue.push({ kind, message });
    if (this.queue.length === 1) this.outbox.add(this);
  }

  /** What waits is of no use any more. */
  drop(): void {
    this.onEmpty = () => undefined;
    this.queue.length = 0;
    this.at = 0;
  }

  /** A last word in place of what waits. */
  end(kind: Kind): void {
    const waited = !this.isEmpty;
    this.drop();
    this.queue.push({ kind, message: NOTHING });
    if (!waited) this.outbox.add(this);
  }
}

export class Outbox {
  private readonly transmit: ForwardingOptions['send'];
  private readonly unreachable: (peer: NodeId) => void;
  /** Lanes with something to send, in the order of their turns; a peer that is full has them wait. */
  private readonly waiting = new Map<NodeId, Lane[]>();
  private readonly full = new Set<NodeId>();

  constructor(transmit: ForwardingOptions['send'], unreachable: (peer: NodeId) => void) {
    this.transmit = transmit;
    this.unreachable = unreachable;
  }

  add(lane: Lane): void {
    const lanes = this.waiting.get(lane.to);
    if (lanes) {
      lanes.push(lane);
      return;
    }
    this.waiting.set(lane.to, [lane]);
    if (!this.full.has(lane.to)) this.pump(lane.to);
  }

  drained(to: NodeId): void {
    this.full.delete(to);
    this.pump(to);
  }

  drop(peer: NodeId): void {
    this.full.delete(peer);
    for (const lane of this.waiting.get(peer) ?? []) lane.drop();
    this.waiting.delete(peer);
  }

  private pump(to: NodeId): void {
    const lanes = this.waiting.get(to);
    if (!lanes) return;
    const emptied: Lane[] = [];
    for (let lane = lanes.shift(); lane; lane = lanes.shift()) {
      const outcome = this.sendFrame(lane);
      if (outcome === 'unreachable') {
        this.drop(to);
        this.unreachable(to);
        return;
      }
      if (outcome === 'full') {
        this.full.add(to);
        lanes.unshift(lane);
        break;
      }
      if (lane.isEmpty) emptied.push(lane);
      else lanes.push(lane);
    }
    if (lanes.length === 0) this.waiting.delete(to);
    for (const lane of emptied) if (lane.isEmpty) lane.onEmpty();
  }

  private sendFrame(lane: Lane): ReturnType<ForwardingOptions['send']> {
    const first = lane.queue[0];
    if (first === undefined) return 'queued';
    const { frame, next } = cutFrame(first.kind, lane.session, first.message, lane.at);
    const outcome = this.transmit(lane.to, frame);
    if (outcome === 'queued') {
      lane.at = next;
      if (next === first.message.length) {
        lane.queue.shift();
        lane.at = 0;
      }
    }
    return outcome;
  }
}
