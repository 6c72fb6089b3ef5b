/**
 * What goes over a direct stream: frames of `kind` (1 byte), `length` (4 bytes, big endian) and so many bytes.
 *
 * - data: a message. It counts against the receiver's window with all its bytes, header included.
 * - hello: the first frame of each side; one byte, the version. A link is up when both came.
 * - ping: 4 bytes, which pong repeats.
 * - credit: 4 bytes: how many bytes of data frames the receiver's owner has handled since the last credit. A sender has no
 *   more than WINDOW_BYTES (and the rest of one chunk) unhandled on its way, so a receiver reads always, and pings pass
 *   however long its owner takes.
 * - peers: where other members live, as the sender last heard: JSON `{"<node id>": ["<multiaddr>", …], …}` in UTF-8, at most
 *   PEERS_BYTES_MAX. Told when a link comes up and when the sender learns something new.
 */
import { MESSAGE_BYTES_MAX } from './ports.ts';

export const FRAME_HEADER_BYTES = 5;
export const WINDOW_BYTES = 4 << 20;
export const LINK_VERSION = 2;
export const PEERS_BYTES_MAX = 64 << 10;

export const FrameKind = { data: 0, hello: 1, ping: 2, pong: 3, credit: 4, peers: 5 } as const;
type ControlKind = 'hello' | 'ping' | 'pong' | 'credit';

export interface ControlFrame {
  readonly kind: ControlKind;
  readonly value: number;
}

export function controlFrame(kind: ControlKind, value: number): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 4);
  const view = new DataView(frame.buffer);
  frame[0] = FrameKind[kind];
  view.setUint32(1, 4);
  view.setUint32(FRAME_HEADER_BYTES, value);
  return frame;
}

export type KnownAddresses = Readonly<Record<string, readonly string[]>>;

/** A frame that tells of members' addresses, or undefined when they are too many for one. */
export function peersFrame(known: KnownAddresses): Uint8Array | undefined {
  const content = Buffer.from(JSON.stringify(known));
  if (content.length > PEERS_BYTES_MAX) return undefined;
  const frame = new Uint8Array(FRAME_HEADER_BYTES + content.length);
  frame[0] = FrameKind.peers;
  new DataView(frame.buffer).setUint32(1, content.length);
  frame.set(content, FRAME_HEADER_BYTES);
  return frame;
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

const CONTROL_KINDS: readonly (ControlKind | undefined)[] = [undefined, 'hello', 'ping', 'pong', 'credit'];
const BUFFER_BYTES = 16 << 10;

export interface FrameHandler {
  control(frame: ControlFrame): void;
  peers(known: KnownAddresses): void;
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
    if (kind === FrameKind.peers) {
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
