/** Two nodes' Forwardings joined in memory: messages queue, arrive in order and later, and are refused above a bound. */
import { nodeId, type NodeId } from '../../node/consensus/index.ts';
import { Forwarding, type ForwardingOptions } from '../../node/forwarding/index.ts';

export const NEAR = nodeId('a'.repeat(64));
export const FAR = nodeId('b'.repeat(64));

type Options = Omit<ForwardingOptions, 'send'>;

class Direction {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly bytesMax: number;
  queue: Uint8Array[] = [];
  bytes = 0;
  isFull = false;
  isMoving = false;
  isHeld = false;
  /** Bytes of all messages, and the most that waited at once. */
  total = 0;
  bytesPeak = 0;
  messages = 0;
  fullCount = 0;

  constructor(from: NodeId, to: NodeId, bytesMax: number) {
    this.from = from;
    this.to = to;
    this.bytesMax = bytesMax;
  }
}

export class Link {
  readonly near: Forwarding;
  readonly far: Forwarding;
  readonly there: Direction;
  readonly back: Direction;
  isUp = true;
  /** Changes what arrives; undefined: nothing does. */
  tamper: (message: Uint8Array, from: NodeId) => Uint8Array | undefined = (message) => message;

  /** A session of the near end's is opened by `far.openSession`. */
  constructor(near: Options, far: Options, bytesMax = 1 << 20) {
    this.there = new Direction(NEAR, FAR, bytesMax);
    this.back = new Direction(FAR, NEAR, bytesMax);
    this.near = new Forwarding({ ...near, send: (to, message) => this.send(this.there, to, message) });
    this.far = new Forwarding({ ...far, send: (to, message) => this.send(this.back, to, message) });
  }

  private send(direction: Direction, to: NodeId, message: Uint8Array): 'queued' | 'full' | 'unreachable' {
    if (!this.isUp || to !== direction.to) return 'unreachable';
    if (message.length > 256 * 1024) throw new RangeError(`a message of ${message.length} bytes`);
    if (direction.bytes > 0 && direction.bytes + message.length > direction.bytesMax) {
      direction.isFull = true;
      direction.fullCount++;
      return 'full';
    }
    direction.queue.push(message);
    direction.bytes += message.length;
    direction.total += message.length;
    direction.messages++;
    direction.bytesPeak = Math.max(direction.bytesPeak, direction.bytes);
    this.move(direction);
    return 'queued';
  }

  /** Holds messages back, or lets them go on. */
  hold(direction: Direction, isHeld: boolean): void {
    direction.isHeld = isHeld;
    this.move(direction);
  }

  private move(direction: Direction): void {
    if (direction.isMoving || direction.isHeld || direction.queue.length === 0) return;
    direction.isMoving = true;
    setImmediate(() => {
      direction.isMoving = false;
      if (direction.isHeld) return;
      const message = direction.queue.shift();
      // The link was cut.
      if (message === undefined) return;
      direction.bytes -= message.length;
      this.deliver(direction, message);
      if (direction.isFull && direction.bytes <= direction.bytesMax / 2) {
        direction.isFull = false;
        (direction.from === NEAR ? this.near : this.far).drained(direction.to);
      }
      this.move(direction);
    });
  }

  private deliver({ from }: Direction, message: Uint8Array): void {
    const changed = this.tamper(message, from);
    if (changed === undefined) return;
    // A view of a buffer that is used again: who keeps it has to copy it.
    const shared = Buffer.alloc(changed.length + 16, 0xee);
    shared.set(changed, 8);
    (from === NEAR ? this.far : this.near).message(from, shared.subarray(8, 8 + changed.length));
    shared.fill(0xee);
  }

  /** The link is gone; whatever was on its way is lost. */
  cut(): void {
    this.isUp = false;
    for (const direction of [this.there, this.back]) {
      direction.queue = [];
      direction.bytes = 0;
      direction.isFull = false;
    }
    this.near.peerDown(FAR);
    this.far.peerDown(NEAR);
  }

  restore(): void {
    this.isUp = true;
  }
}
