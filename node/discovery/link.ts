/** One direct stream with one peer: order, window, keepalive. */
import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import {
  controlFrame,
  FrameReader,
  LANE_VERSION,
  laneFrame,
  LINK_VERSION,
  peersFrame,
  WINDOW_BYTES,
  type ControlFrame,
  type KnownAddresses,
  type LaneTicket,
} from './frames.ts';
import type { LinkFigures, LinkNumber } from './messages.ts';
import type { NodeId } from './ports.ts';

/** A peer that was silent for so long is asked whether it is there. */
const PING_AFTER_MS = 750;
/** A peer that was silent for so long is down. */
export const SILENCE_MS_MAX = 2_500;
/** How often the round trip is measured on a link that is not silent. */
const RTT_EVERY_MS = 5_000;
/** The stream takes no more while it holds so many bytes that the connection did not take. */
const STREAM_BUFFER_BYTES = 256 << 10;
/** Handled bytes are reported back to the peer when they are so many. */
const CREDIT_BYTES = WINDOW_BYTES / 16;

export interface LinkEvents {
  /** Both sides said hello; `takesLanes`: the peer knows what a lane is. */
  up(takesLanes: boolean): void;
  /** The peer offers a lane. */
  lane(ticket: LaneTicket): void;
  /** The peer's messages come over the lane from here on. */
  switched(): void;
  /** Called once. Nothing comes after it. */
  down(reason: string): void;
  /** take() has something. */
  received(): void;
  sent(bytes: number): void;
  /** The peer tells where other members live. */
  told(known: KnownAddresses): void;
  /** Nothing comes over the connection any more; down() follows. */
  silent(): void;
}

export class Link {
  readonly number: LinkNumber;
  readonly peer: NodeId;
  readonly address: string;
  private readonly stream: Stream;
  private readonly events: LinkEvents;
  private readonly reader: FrameReader;
  private queue: Uint8Array[] = [];
  private state: 'greeting' | 'up' | 'down' = 'greeting';
  /** Bytes of data frames on their way that the peer's owner has not handled. */
  private unhandled = 0;
  /** Bytes that this side's owner has handled and the peer does not know of. */
  private handled = 0;
  private heardAt: number;
  private pingSentAt = 0;
  private pingNumber = 0;
  private pongPending = false;
  private rttMs: number | undefined;
  private bytesIn = 0;
  private bytesOut = 0;

  constructor(number: LinkNumber, peer: NodeId, address: string, stream: Stream, events: LinkEvents) {
    this.number = number;
    this.peer = peer;
    this.address = address;
    this.stream = stream;
    this.events = events;
    this.heardAt = performance.now();
    this.reader = new FrameReader({
      control: (frame) => this.onControl(frame),
      peers: (known) => this.events.told(known),
      lane: (ticket) => this.events.lane(ticket),
    });
  }

  /** Says hello, and listens. Events come from here on. */
  start(): void {
    const { stream } = this;
    sparseWindowUpdates(stream);
    stream.addEventListener('message', this.onMessage);
    stream.addEventListener('drain', this.pump);
    stream.addEventListener('idle', this.onIdle);
    stream.addEventListener('remoteCloseWrite', this.onEnd);
    stream.addEventListener('close', this.onEnd);
    this.write(controlFrame('hello', LINK_VERSION));
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  figures(): LinkFigures {
    return { link: this.number, rttMs: this.rttMs, bytesIn: this.bytesIn, bytesOut: this.bytesOut };
  }

  /** Queues whole data frames. */
  send(chunk: Uint8Array): void {
    if (this.state === 'down') return;
    this.queue.push(chunk);
    this.pump();
  }

  /** Tells the peer where other members live. */
  tell(known: KnownAddresses): void {
    const frame = this.isUp ? peersFrame(known) : undefined;
    if (frame) this.write(frame);
  }

  offerLane(ticket: LaneTicket): void {
    this.write(laneFrame(ticket));
  }

  /** The owner has handled so many bytes of data frames. */
  credit(bytes: number): void {
    this.handled += bytes;
    if (this.handled < CREDIT_BYTES || this.state === 'down') return;
    this.write(controlFrame('credit', this.handled));
    this.handled = 0;
  }

  /** Whole data frames that came, or undefined. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    return this.reader.hasWhole ? this.reader.take() : undefined;
  }

  /**
   * Looks whether the peer is there. `lateMs`: how much later than planned this call comes. Then this side was the one that
   * slept, and what the peer said lies unread.
   */
  tick(now: number, lateMs: number): void {
    this.heardAt = Math.min(now, this.heardAt + lateMs);
    const silence = now - this.heardAt;
    if (silence > SILENCE_MS_MAX) {
      this.events.silent();
      this.close(`silent for ${Math.round(silence)} ms`);
      return;
    }
    const due = silence > PING_AFTER_MS ? now - this.pingSentAt > PING_AFTER_MS : now - this.pingSentAt > RTT_EVERY_MS;
    if (!due || (this.pongPending && silence <= PING_AFTER_MS)) return;
    this.pongPending = true;
    this.pingSentAt = now;
    this.pingNumber = (this.pingNumber + 1) >>> 0;
    this.write(controlFrame('ping', this.pingNumber));
  }

  close(reason: string): void {
    if (this.state === 'down') return;
    this.state = 'down';
    this.queue = [];
    this.stream.removeEventListener('message', this.onMessage);
    this.stream.removeEventListener('drain', this.pump);
    this.stream.removeEventListener('idle', this.onIdle);
    this.stream.removeEventListener('remoteCloseWrite', this.onEnd);
    this.stream.removeEventListener('close', this.onEnd);
    this.stream.abort(new Error(reason));
    this.events.down(reason);
  }

  /** The stream says so while it still sends: what is written then would lie there until the next write. */
  private readonly onIdle = (): void => {
    if (this.queue.length > 0) queueMicrotask(this.pump);
  };

  private readonly onEnd = (): void => this.close('the peer ended the stream');

  private readonly onMessage = (event: StreamMessageEvent): void => {
    const { data } = event;
    this.heardAt = performance.now();
    this.bytesIn += data.byteLength;
    for (const part of data instanceof Uint8Array ? [data] : data) {
      const fault = this.reader.push(part);
      if (fault) {
        this.close(`the peer sent ${fault}`);
        return;
      }
    }
    if (this.state === 'up' && this.reader.hasWhole) this.events.received();
  };

  private onControl(frame: ControlFrame): void {
    switch (frame.kind) {
      case 'hello':
        if (this.state !== 'greeting') return;
        this.state = 'up';
        this.events.up(frame.value >= LANE_VERSION);
        this.pump();
        return;
      case 'ping':
        this.write(controlFrame('pong', frame.value));
        return;
      case 'pong':
        if (frame.value !== this.pingNumber) return;
        this.pongPending = false;
        this.rttMs = performance.now() - this.pingSentAt;
        return;
      case 'credit':
        this.unhandled = Math.max(0, this.unhandled - frame.value);
        this.pump();
        return;
      case 'switch':
        this.events.switched();
    }
  }

  private readonly pump = (): void => {
    if (this.state !== 'up') return;
    let bytes = 0;
    while (
      this.queue.length > 0 &&
      this.unhandled < WINDOW_BYTES &&
      this.stream.writeBufferLength < STREAM_BUFFER_BYTES
    ) {
      const chunk = this.queue.shift() as Uint8Array;
      this.unhandled += chunk.length;
      bytes += chunk.length;
      this.write(chunk);
      // The write may have ended the link, and with it what state says.
      if (!this.isUp) return;
    }
    if (bytes > 0) this.events.sent(bytes);
  };

  private write(bytes: Uint8Array): void {
    try {
      this.stream.send(bytes);
      this.bytesOut += bytes.length;
    } catch (error) {
      this.close((error as Error).message);
    }
  }
}

/** What yamux's stream keeps of how much more the other side may send. */
interface YamuxWindow {
  recvWindow?: number;
  recvWindowCapacity?: number;
  sendWindowUpdate?: () => void;
}

/**
 * yamux 8 answers each frame, however small, with a window update: for each message one more packet, wake-up and decryption
 * at the other side. Like Go's yamux, this tells it only when half of the window is used. A stream of another make stays
 * as it is.
 */
function sparseWindowUpdates(stream: Stream): void {
  const window = stream as YamuxWindow;
  const update = window.sendWindowUpdate;
  if (!update || window.recvWindow === undefined || window.recvWindowCapacity === undefined) return;
  window.sendWindowUpdate = () => {
    const { recvWindow = 0, recvWindowCapacity = 0 } = window;
    if (recvWindowCapacity <= recvWindow / 2) update.call(stream);
  };
}
