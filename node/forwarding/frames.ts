/**
 * Messages cut into frames, which is what the link carries: `format:1 kind:1 session:4` (big-endian) and a part of the
 * message. The kind's top bit says that the message goes on in the next frame of this session.
 */
import { DecodeError } from '../log/index.ts';

const FORMAT = 1;
const HEAD_BYTES = 6;
const MORE = 0x80;

/** A frame at most, head included. */
export const FRAME_BYTES_MAX = 256 * 1024;
const PART_BYTES_MAX = FRAME_BYTES_MAX - HEAD_BYTES;
/** A message at most: the largest max_allowed_packet, and what stands around a statement. */
export const MESSAGE_BYTES_MAX = 2 ** 30 + 2 ** 20;

/** What a message is. Those of the end that opened the session lie below HOSTED. */
export const Kind = {
  /** Who comes, and with what. Answer: OPENED or REFUSED. */
  OPEN: 0,
  /** Answer: ANSWER messages, the last of which ends with DONE. The next command comes after that. */
  COMMAND: 1,
  /** A prepared statement is not needed any more. */
  FORGET: 2,
  /** So many bytes of answers were passed on. */
  TAKEN: 3,
  /** A part of the file that the statement asked for. */
  FILE: 4,
  /** The file's end, or what the client's end failed with. */
  FILE_END: 5,
  KILL: 6,
  CLOSE: 7,
  OPENED: 16,
  REFUSED: 17,
  ANSWER: 18,
  /** So many bytes of the file were read, and whether the rest of it is wanted. */
  FILE_TAKEN: 19,
  /** The client's connection is to end. */
  KILLED: 20,
  /** There is no such session here any more. */
  GONE: 21,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
export const HOSTED = 16;

const KINDS: ReadonlySet<number> = new Set(Object.values(Kind));

export interface Frame {
  readonly kind: Kind;
  readonly more: boolean;
  readonly session: number;
  /** A view of what came. */
  readonly part: Uint8Array;
}

export interface Cut {
  readonly frame: Uint8Array;
  /** Where the next frame begins. */
  readonly next: number;
}

/** The frame of a message that begins at `from`. */
export function cutFrame(kind: Kind, session: number, message: Uint8Array, from: number): Cut {
  const next = Math.min(message.length, from + PART_BYTES_MAX);
  const frame = new Uint8Array(HEAD_BYTES + next - from);
  frame[0] = FORMAT;
  frame[1] = next < message.length ? kind | MORE : kind;
  new DataView(frame.buffer).setUint32(2, session);
  frame.set(message.subarray(from, next), HEAD_BYTES);
  return { frame, next };
}

/** Undefined: nothing of ours. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  const kind = (bytes[1] ?? 0) & ~MORE;
  if (bytes.length < HEAD_BYTES || bytes.length > FRAME_BYTES_MAX || bytes[0] !== FORMAT || !KINDS.has(kind))
    return undefined;
  return {
    kind: kind as Kind,
    more: ((bytes[1] ?? 0) & MORE) !== 0,
    session: new DataView(bytes.buffer, bytes.byteOffset).getUint32(2),
    part: bytes.subarray(HEAD_BYTES),
  };
}

/** Puts the messages of one session together again. */
export class Joiner {
  private kind: Kind | undefined;
  private parts: Uint8Array[] = [];
  private bytes = 0;

  /** The message that the frame completes, in memory of its own. Throws DecodeError. */
  add({ kind, more, part }: Frame): Uint8Array | undefined {
    if (this.kind !== undefined && this.kind !== kind) throw new DecodeError('a message inside another one');
    // Not slice(): of a Buffer that is a view.
    const own = new Uint8Array(part);
    if (!more && this.kind === undefined) return own;
    this.kind = kind;
    this.parts.push(own);
    this.bytes += own.length;
    if (this.bytes > MESSAGE_BYTES_MAX) throw new DecodeError('a message that is too long');
    // Frames in the middle are full: else their number would be bounded by nothing.
    if (more && part.length !== PART_BYTES_MAX) throw new DecodeError('a short frame inside a message');
    return more ? undefined : this.end();
  }

  private end(): Uint8Array {
    const message = new Uint8Array(this.bytes);
    let at = 0;
    for (const part of this.parts) {
      message.set(part, at);
      at += part.length;
    }
    this.kind = undefined;
    this.parts = [];
    this.bytes = 0;
    return message;
  }
}
