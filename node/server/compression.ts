/**
 * The compressed protocol: the stream of packets is cut into frames
 * `[compressed length:3][sequence:1][uncompressed length:3][data]`; uncompressed length 0 says the data is as it is.
 */
import { constants, deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MAX_PACKET_PAYLOAD } from './constants.ts';
import { MalformedPacket } from './payload.ts';

/** Shorter data is not worth compressing (MIN_COMPRESS_LENGTH). */
const WORTH = 50;
/** Plain bytes of a frame that we send: small enough to stay in caches, large enough to compress well. */
const FRAME = 64 * 1024;

export type CompressionMethod = 'zlib' | 'zstd';

export class Compression {
  readonly #method: CompressionMethod;
  readonly #level: number;
  #sequence = 0;
  #pending: Buffer[] = [];
  #pendingLength = 0;
  #small = 0;

  constructor(method: CompressionMethod, level: number) {
    this.#method = method;
    this.#level = Math.min(Math.max(level, 1), 22);
  }

  /** Frames for a run of packets. */
  wrap(plain: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    for (let at = 0; at < plain.length; at += FRAME) {
      const piece = plain.subarray(at, at + FRAME);
      const packed = piece.length < WORTH ? undefined : this.#compress(piece);
      const smaller = packed !== undefined && packed.length < piece.length;
      // A copy: the caller uses its buffer again, and a frame may wait in the socket.
      const data = smaller ? packed : Buffer.from(piece);
      const head = Buffer.allocUnsafe(7);
      head.writeUIntLE(data.length, 0, 3);
      head[3] = this.#sequence;
      head.writeUIntLE(smaller ? piece.length : 0, 4, 3);
      this.#sequence = (this.#sequence + 1) & 0xff;
      frames.push(head, data);
    }
    return frames;
  }

  /** The plain bytes of the frames that are complete. Throws MalformedPacket. */
  unwrap(chunk: Buffer): Buffer[] {
    this.#pending.push(chunk);
    this.#pendingLength += chunk.length;
    // Many tiny chunks are joined now and then, so that they do not cost a buffer each.
    if (++this.#small >= 256) {
      this.#pending.push(Buffer.concat(this.#pending.splice(-256)));
      this.#small = 0;
    }
    const plain: Buffer[] = [];
    while (this.#pendingLength >= 7) {
      const head = this.#peek(7);
      const length = head.readUIntLE(0, 3);
      if (this.#pendingLength < 7 + length) break;
      const whole = this.#peek(7 + length);
      this.#drop(7 + length);
      // Our answer's frames go on from the sequence id of the request's last frame.
      this.#sequence = ((whole[3] as number) + 1) & 0xff;
      const data = whole.subarray(7);
      const plainLength = whole.readUIntLE(4, 3);
      plain.push(plainLength === 0 ? data : this.#decompress(data, plainLength));
    }
    return plain;
  }

  #peek(bytes: number): Buffer {
    if ((this.#pending[0] as Buffer).length < bytes) {
      this.#pending = [Buffer.concat(this.#pending, this.#pendingLength)];
    }
    return (this.#pending[0] as Buffer).subarray(0, bytes);
  }

  #drop(bytes: number): void {
    const first = this.#pending[0] as Buffer;
    this.#pendingLength -= bytes;
    if (first.length > bytes) this.#pending[0] = first.subarray(bytes);
    else this.#pending.shift();
  }

  #compress(plain: Buffer): Buffer {
    if (this.#method === 'zlib') return deflateSync(plain);
    return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: this.#level } });
  }

  #decompress(data: Buffer, length: number): Buffer {
    const options = { maxOutputLength: Math.min(length, MAX_PACKET_PAYLOAD) };
    let plain: Buffer;
    try {
      plain = this.#method === 'zlib' ? inflateSync(data, options) : zstdDecompressSync(data, options);
    } catch (error) {
      throw new MalformedPacket('compressed frame', { cause: error });
    }
    if (plain.length !== length) throw new MalformedPacket('length of a compressed frame');
    return plain;
  }
}
