/**
 * Messages that are larger than the network takes, or than a peer should wait behind: in pieces, one behind the other, between
 * which others go. A transaction over a million rows is one entry, and one message.
 *
 * Piece: a byte of flags (1: the first, 2: the last) · bytes.
 */
import type { NodeId } from '../consensus/index.ts';

export const PIECE_BYTES = 1 << 20;
/** A large transaction, and what comes with it. */
export const LARGE_MESSAGE_BYTES_MAX = 320 << 20;
/** So much may lie in a peer's queue before another piece joins it: heartbeats are to find room. */
const QUEUED_BYTES_MAX = 4 << 20;

const FIRST = 1;
const LAST = 2;

export interface LargeMessagesOptions {
  readonly send: (to: NodeId, piece: Uint8Array) => 'queued' | 'full' | 'unreachable';
  /** Bytes in the peer's queue. */
  readonly queued: (to: NodeId) => number;
}

export class LargeMessages {
  private readonly options: LargeMessagesOptions;
  /** The message, and how far it has left. */
  private readonly leaving = new Map<NodeId, { readonly message: Uint8Array; at: number }>();
  private readonly coming = new Map<NodeId, { parts: Uint8Array[]; bytes: number }>();

  constructor(options: LargeMessagesOptions) {
    this.options = options;
  }

  /** One message at a time and peer: 'full' while another one leaves. Throws RangeError above LARGE_MESSAGE_BYTES_MAX. */
  send(to: NodeId, message: Uint8Array): 'queued' | 'full' {
    if (message.length > LARGE_MESSAGE_BYTES_MAX) throw new RangeError(`a message of ${message.length} bytes`);
    if (this.leaving.has(to)) return 'full';
    this.leaving.set(to, { message, at: 0 });
    this.pump(to);
    return 'queued';
  }

  /** Goes on with what leaves, as far as there is room. Returns the peers for which all has left. */
  pumpAll(): NodeId[] {
    const before = [...this.leaving.keys()];
    for (const to of before) this.pump(to);
    return before.filter((to) => !this.leaving.has(to));
  }

  private pump(to: NodeId): void {
    const left = this.leaving.get(to);
    if (!left) return;
    const { message } = left;
    while (left.at < message.length && this.options.queued(to) < QUEUED_BYTES_MAX) {
      const part = message.subarray(left.at, left.at + PIECE_BYTES);
      const piece = new Uint8Array(part.length + 1);
      piece[0] = (left.at === 0 ? FIRST : 0) | (left.at + PIECE_BYTES >= message.length ? LAST : 0);
      piece.set(part, 1);
      if (this.options.send(to, piece) !== 'queued') return;
      left.at += PIECE_BYTES;
    }
    if (left.at >= message.length) this.leaving.delete(to);
  }

  /** The whole message, once its last piece came. Throws RangeError on pieces that make none. */
  receive(from: NodeId, piece: Uint8Array): Uint8Array | undefined {
    const flags = piece[0] ?? 0;
    if ((flags & FIRST) !== 0) this.coming.set(from, { parts: [], bytes: 0 });
    const message = this.coming.get(from);
    if (!message) throw new RangeError('a piece of a message that never began');
    message.parts.push(piece.subarray(1));
    message.bytes += piece.length - 1;
    if (message.bytes > LARGE_MESSAGE_BYTES_MAX) {
      this.coming.delete(from);
      throw new RangeError('a message that is too large');
    }
    if ((flags & LAST) === 0) return undefined;
    this.coming.delete(from);
    const whole = new Uint8Array(message.bytes);
    let at = 0;
    for (const part of message.parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Nothing goes to the peer or comes from it any more. */
  drop(peer: NodeId): void {
    this.leaving.delete(peer);
    this.coming.delete(peer);
  }
}
