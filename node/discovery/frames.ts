/**
 * What goes over a direct stream: frames of `kind` (1 byte), `length` (4 bytes, big endian) and so many bytes.
 *
 * - data: a message. It counts against the receiver's window with all its bytes, header included.
 * - hello: the first frame of each side; one byte, the version. A link is up when both came.
 * - ping: 4 bytes, which pong repeats.
 * - credit: 4 bytes: how many bytes of data frames the receiver's owner has handled since the last credit. A sender has no
 *   more than WINDOW_BYTES (and the rest of one chunk) unhandled on its way, so a receiver reads always, and pings pass
 *   however long its owner takes.
 * - lane: where the sender's owner takes messages on a connection of its own (lane.ts), and by what secret: port (2 bytes), name (16), secret (32).
 *   To peers of version 3.
 * - switch: 4 bytes, of no meaning: the sender's messages come over the lane from here on.
 * - peers: where other members live, as the sender last heard: JSON `{"<node id>": ["<multiaddr>", …], …}` in UTF-8, at most
 *   PEERS_BYTES_MAX. Told when a link comes up and when the sender learns something new.
 */
import { MESSAGE_BYTES_MAX } from './ports.ts';

export const FRAME_HEADER_BYTES = 5;
export const WINDOW_BYTES = 4 << 20;
export const LINK_VERSION = 3;
/** Since this version a link may have a lane. */
export const LANE_VERSION = 3;
export const PEERS_BYTES_MAX = 64 << 10;

export const FrameKind = { data: 0, hello: 1, ping: 2, pong: 3, credit: 4, peers: 5, lane: 6, switch: 7 } as const;
type ControlKind = 'hello' | 'ping' | 'pong' | 'credit' | 'switch';

export interface ControlFrame {
  readonly kind: ControlKind;
  readonly value: number;
}

export function controlFrame(kind: ControlKind, value: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 4);
  const view = new DataView(frame.buffer);
  frame[0] = FrameKind[kind];
  view.setUint32(1, 4);
  view.setUint32(FRAME_HEADER_BYTES, value);
  return frame;
}

/** What a lane frame says. */
export interface LaneTicket {
  readonly port: number;
  /** Hex of 16 bytes. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const LANE_BYTES = 2 + 16 + 32;

export function laneFrame({ port, id, secret }: LaneTicket): Uint8Array {
  const content = Buffer.alloc(LANE_BYTES);
  content.writeUInt16BE(port);
  content.write(id, 2, 'hex');
  content.set(secret, 18);
  return variableFrame(FrameKind.lane, content);
}

const parseLane = (content: Uint8Array): LaneTicket => ({
  port: (content[0] as number) * 256 + (content[1] as number),
  id: Buffer.from(content.subarray(2, 18)).toString('hex'),
  secret: content.slice(18),
});

function variableFrame(kind: number, content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + content.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, content.length);
  frame.set(content, FRAME_HEADER_BYTES);
  return frame;
}

export type KnownAddresses = Readonly<Record<string, readonly string[]>>;

/** A frame that tells of members' addresses, or undefined when they are too many for one. */
export function peersFrame(known: KnownAddresses): Uint8Array | undefined {
  const content = Buffer.from(JSON.stringify(known));
  return content.length > PEERS_BYTES_MAX ? undefined : variableFrame(FrameKind.peers, content);
}

/** What a peers frame tells; undefined when it is not of that form. */
function parsePeers(content: Uint8Array): KnownAddresses | undefined {
  let known: unknown;
  try {
    known = JSON.parse(Buffer.from(content).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof known !== 'object' || known === null) return undefined;
  const isList = (list: unknown): boolean => Array.isArray(list) && list.every((text) => typeof text === 'string');
  return Object.values(known).every(isList) ? (known as KnownAddresses) : undefined;
}

/** Writes a data frame into a buffer that has room for it; returns where it ends. */
export function writeDataFrame(target: Uint8Array, offset: number, message: Uint8Array): number {
  const { length } = message;
  target[offset] = FrameKind.data;
  target[offset + 1] = length >>> 24;
  target[offset + 2] = length >>> 16;
  target[offset + 3] = length >>> 8;
  target[offset + 4] = length;
  target.set(message, offset + FRAME_HEADER_BYTES);
  return offset + FRAME_HEADER_BYTES + length;
}

/** The messages of whole data frames that lie one behind the other, as views. */
export function* dataFrames(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const start = at + FRAME_HEADER_BYTES;
    at = start + view.getUint32(at + 1);
    yield bytes.subarray(start, at);
  }
}

/** How many of these bytes are whole data frames, from the first on. */
export function wholeDataFrames(bytes: Uint8Array): number {
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= bytes.length && bytes[at] === FrameKind.data) {
    const [, a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + FRAME_HEADER_BYTES);
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    const end = at + FRAME_HEADER_BYTES + length;
    if (length > MESSAGE_BYTES_MAX || end > bytes.length) break;
    at = end;
  }
  return at;
}

const CONTROL_KINDS: readonly (ControlKind | undefined)[] = [
  undefined,
  'hello',
  'ping',
  'pong',
  'credit',
  undefined,
  undefined,
  'switch',
];
const BUFFER_BYTES = 16 << 10;

export interface FrameHandler {
  control(frame: ControlFrame): void;
  peers(known: KnownAddresses): void;
  lane(ticket: LaneTicket): void;
}

/** Cuts a stream of bytes into frames: data frames are gathered for take(), the others are told at once. */
export class FrameReader {
  private readonly handler: FrameHandler;
  private readonly header = new Uint8Array(FRAME_HEADER_BYTES);
  private headerBytes = 0;
  private kind: number = FrameKind.data;
  /** Bytes of the frame's content that are still to come. */
  private missing = 0;
  /** Content of the frame under way that is not data. */
  private content = new Uint8Array(4);
  private contentBytes = 0;
  private buffer = new Uint8Array(BUFFER_BYTES);
  private length = 0;
  /** Where the last whole data frame ends. */
  private wholeEnd = 0;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  /** What is wrong with the bytes, or undefined. After a fault the stream is of no use any more. */
  push(bytes: Uint8Array): string | undefined {
    for (let at = 0; at < bytes.length;) {
      if (this.headerBytes < FRAME_HEADER_BYTES) {
        this.header[this.headerBytes++] = bytes[at++] as number;
        if (this.headerBytes < FRAME_HEADER_BYTES) continue;
        const fault = this.startFrame();
        if (fault) return fault;
      } else {
        const part = bytes.subarray(at, at + this.missing);
        at += part.length;
        this.missing -= part.length;
        if (this.kind === FrameKind.data) {
          this.buffer.set(part, this.length);
          this.length += part.length;
        } else {
          this.content.set(part, this.contentBytes);
          this.contentBytes += part.length;
        }
      }
      if (this.missing > 0) continue;
      const fault = this.endFrame();
      if (fault) return fault;
    }
    return undefined;
  }

  private startFrame(): string | undefined {
    const [kind = 0, a = 0, b = 0, c = 0, d = 0] = this.header;
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    this.kind = kind;
    this.missing = length;
    if (kind === FrameKind.data) {
      if (length > MESSAGE_BYTES_MAX) return `a message of ${length} bytes`;
      this.room(FRAME_HEADER_BYTES + length);
      this.buffer.set(this.header, this.length);
      this.length += FRAME_HEADER_BYTES;
      return undefined;
    }
    this.contentBytes = 0;
    if (kind === FrameKind.lane || kind === FrameKind.peers) {
      if (kind === FrameKind.lane && length !== LANE_BYTES) return `a lane of ${length} bytes`;
      if (length > PEERS_BYTES_MAX) return `addresses of ${length} bytes`;
      this.content = new Uint8Array(length);
      return undefined;
    }
    if (CONTROL_KINDS[kind] === undefined) return `a frame of unknown kind ${kind}`;
    if (length !== 4) return `a control frame of ${length} bytes`;
    this.content = new Uint8Array(4);
    return undefined;
  }

  /** What is wrong with the frame, or undefined. */
  private endFrame(): string | undefined {
    this.headerBytes = 0;
    const kind = CONTROL_KINDS[this.kind];
    if (kind) {
      this.handler.control({ kind, value: new DataView(this.content.buffer).getUint32(0) });
    } else if (this.kind === FrameKind.peers) {
      const known = parsePeers(this.content);
      if (!known) return 'addresses that are none';
      this.handler.peers(known);
    } else if (this.kind === FrameKind.lane) {
      this.handler.lane(parseLane(this.content));
    } else {
      this.wholeEnd = this.length;
    }
    return undefined;
  }

  private room(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + count));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }

  /** Nothing of a frame is here. */
  get isEmpty(): boolean {
    return this.headerBytes === 0 && this.length === 0;
  }

  get hasWhole(): boolean {
    return this.wholeEnd > 0;
  }

  /** The whole data frames since the last time; the caller owns the buffer below. */
  take(): Uint8Array<ArrayBuffer> {
    const { buffer, wholeEnd } = this;
    const rest = buffer.subarray(wholeEnd, this.length);
    const started = this.headerBytes === FRAME_HEADER_BYTES ? this.missing : 0;
    this.buffer = new Uint8Array(Math.max(BUFFER_BYTES, rest.length + started));
    this.buffer.set(rest);
    this.length = rest.length;
    this.wholeEnd = 0;
    return buffer.subarray(0, wholeEnd);
  }
}
