/**
 * Packets out of a byte stream: `[length:3][sequence:1][payload]`, where a payload of 16 MiB - 1 goes on in the next
 * packet. A packet that lies whole in one chunk is handed out in place; nothing else is copied more than once.
 *
 * A reader works on `buffer`, from `start` to `end`, until the next call of next().
 */
import { MAX_PACKET_PAYLOAD } from './constants.ts';

export type InputState = 'packet' | 'more' | 'too-large' | 'out-of-order';

const EMPTY = Buffer.alloc(0);
const SMALL_CHUNK = 1024;
const TAIL_SIZE = 16 * 1024;

export class Input {
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Sequence id of the packet that next() gave. */
  sequence = 0;
  /** Sequence id that the next packet must have. */
  expected = 0;
  /** The longest payload that is taken (max_allowed_packet). */
  limit = MAX_PACKET_PAYLOAD;

  /** The chunk that is read, and from where. */
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** Later chunks. */
  readonly #queue: Buffer[] = [];
  #available = 0;
  /** Where small chunks are gathered, so that a packet sent byte by byte does not cost a buffer for each byte. */
  #tail: Buffer = EMPTY;
  #tailView: Buffer = EMPTY;
  /** Payloads of the packets of 16 MiB - 1 that the packet now read goes on from. */
  #parts: Buffer[] = [];
  #partsLength = 0;

  /** Bytes that are held and not yet handed out. */
  get available(): number {
    return this.#available;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#available === 0) {
      this.#chunk = chunk;
      this.#at = 0;
    } else if (chunk.length < SMALL_CHUNK) {
      this.#gather(chunk);
    } else {
      this.#queue.push(chunk);
    }
    this.#available += chunk.length;
  }

  #gather(chunk: Buffer): void {
    let used = this.#tailView.length;
    if (this.#queue.at(-1) === this.#tailView && used + chunk.length <= this.#tail.length) this.#queue.pop();
    else {
      this.#tail = Buffer.allocUnsafeSlow(TAIL_SIZE);
      used = 0;
    }
    chunk.copy(this.#tail, used);
    this.#tailView = this.#tail.subarray(0, used + chunk.length);
    this.#queue.push(this.#tailView);
  }

  /** Lets go of the packet that was handed out last. */
  release(): void {
    this.buffer = EMPTY;
  }

  /** What is held and not handed out, for a layer that takes the stream over (TLS, compression). */
  takeRest(): Buffer {
    const rest = this.#take(this.#available);
    this.#chunk = EMPTY;
    this.#at = 0;
    return rest;
  }

  next(): InputState {
    for (;;) {
      if (this.#available < 4) return 'more';
      if (this.#chunk.length - this.#at < 4) this.#merge();
      const chunk = this.#chunk;
      const at = this.#at;
      const length = (chunk[at] as number) | ((chunk[at + 1] as number) << 8) | ((chunk[at + 2] as number) << 16);
      const sequence = chunk[at + 3] as number;
      // Checked before the payload is waited for, so that a client cannot make us hold more than it may send.
      if (sequence !== this.expected) return 'out-of-order';
      if (this.#partsLength + length > this.limit) return 'too-large';
      if (this.#available < 4 + length) return 'more';
      this.expected = (sequence + 1) & 0xff;
      this.sequence = sequence;

      if (chunk.length - at >= 4 + length && this.#partsLength === 0 && length < MAX_PACKET_PAYLOAD) {
        this.buffer = chunk;
        this.start = at + 4;
        this.end = at + 4 + length;
        this.#skip(4 + length);
        return 'packet';
      }
      this.#skip(4);
      const payload = this.#take(length);
      if (length === MAX_PACKET_PAYLOAD || this.#partsLength > 0) {
        this.#parts.push(payload);
        this.#partsLength += length;
        if (length === MAX_PACKET_PAYLOAD) continue;
        this.buffer = Buffer.concat(this.#parts, this.#partsLength);
        this.#parts = [];
        this.#partsLength = 0;
      } else {
        this.buffer = payload;
      }
      this.start = 0;
      this.end = this.buffer.length;
      return 'packet';
    }
  }

  #skip(bytes: number): void {
    this.#available -= bytes;
    this.#at += bytes;
    while (this.#at >= this.#chunk.length && this.#queue.length > 0) {
      this.#at -= this.#chunk.length;
      this.#chunk = this.#queue.shift() as Buffer;
    }
    // A small packet must not keep the chunk of a large one alive.
    if (this.#available === 0) {
      this.#chunk = EMPTY;
      this.#at = 0;
    }
  }

  #take(bytes: number): Buffer {
    if (this.#chunk.length - this.#at >= bytes) {
      const taken = this.#chunk.subarray(this.#at, this.#at + bytes);
      this.#skip(bytes);
      return taken;
    }
    const taken = Buffer.allocUnsafeSlow(bytes);
    let filled = 0;
    while (filled < bytes) {
      const size = Math.min(bytes - filled, this.#chunk.length - this.#at);
      this.#chunk.copy(taken, filled, this.#at, this.#at + size);
      filled += size;
      this.#skip(size);
    }
    return taken;
  }

  /** Joins chunks until a header lies in one piece. */
  #merge(): void {
    while (this.#chunk.length - this.#at < 4) {
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), this.#queue.shift() as Buffer]);
      this.#at = 0;
    }
  }
}
