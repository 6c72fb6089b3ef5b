/**
 * The bytes of a reply: packets built one after another in one growing buffer, so that a whole small reply leaves with
 * one write. Buffers come from a pool and go back to it when the kernel took all of their bytes at once.
 */
import { MAX_PACKET_PAYLOAD } from './constants.ts';

const SIZE = 16 * 1024;
const POOL_MAX = 64;
const pool: Buffer[] = [];
const EMPTY = Buffer.alloc(0);

function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(SIZE);
}

/** Gives a buffer back that nobody else holds any more. */
function giveBuffer(buffer: Buffer): void {
  if (buffer.length === SIZE && pool.length < POOL_MAX) pool.push(buffer);
}

/** Strings up to this length are copied in a loop: a call into the runtime costs more than so few characters. */
const SHORT_STRING = 32;

export class Output {
  /** Empty while nothing was written: an idle connection holds no memory here. */
  buffer: Buffer = EMPTY;
  position = 0;
  /** Sequence id of the next packet. */
  sequence = 0;
  #start = 0;

  /** Forgets what was written. `taken`: somebody else (a socket) still reads the buffer, so it is not used again. */
  clear(taken: boolean): void {
    if (!taken) giveBuffer(this.buffer);
    this.buffer = EMPTY;
    this.position = 0;
  }

  /** Makes room for `bytes` more; afterwards they may be written without checks. */
  ensure(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    if (this.buffer === EMPTY && bytes <= SIZE) {
      this.buffer = takeBuffer();
      return;
    }
    let size = Math.max(SIZE, this.buffer.length * 2);
    while (size < this.position + bytes) size *= 2;
    const grown = Buffer.allocUnsafeSlow(size);
    this.buffer.copy(grown, 0, 0, this.position);
    giveBuffer(this.buffer);
    this.buffer = grown;
  }

  beginPacket(): void {
    this.ensure(64);
    this.#start = this.position;
    this.position += 4;
  }

  /** Takes back what was written since beginPacket(). */
  dropPacket(): void {
    this.position = this.#start;
  }

  endPacket(): void {
    const start = this.#start;
    const length = this.position - start - 4;
    if (length >= MAX_PACKET_PAYLOAD) {
      this.#splitPacket(start, length);
      return;
    }
    const buffer = this.buffer;
    buffer[start] = length;
    buffer[start + 1] = length >>> 8;
    buffer[start + 2] = length >>> 16;
    buffer[start + 3] = this.sequence;
    this.sequence = (this.sequence + 1) & 0xff;
  }

  /** A payload of 16 MiB - 1 and more goes as several packets; the last is shorter than that, and may be empty. */
  #splitPacket(start: number, length: number): void {
    const parts = Math.floor(length / MAX_PACKET_PAYLOAD);
    this.ensure(parts * 4);
    const buffer = this.buffer;
    for (let part = parts; part >= 0; part--) {
      const size = part === parts ? length - parts * MAX_PACKET_PAYLOAD : MAX_PACKET_PAYLOAD;
      const from = start + 4 + part * MAX_PACKET_PAYLOAD;
      const to = from + part * 4;
      buffer.copyWithin(to, from, from + size);
      buffer.writeUIntLE(size, to - 4, 3);
      buffer[to - 1] = this.sequence + part;
    }
    this.sequence = (this.sequence + parts + 1) & 0xff;
    this.position += parts * 4;
  }

  u8(value: number): void {
    this.ensure(1);
    this.buffer[this.position++] = value;
  }

  u16(value: number): void {
    this.ensure(2);
    this.buffer[this.position] = value;
    this.buffer[this.position + 1] = value >>> 8;
    this.position += 2;
  }

  u32(value: number): void {
    this.ensure(4);
    const { buffer, position } = this;
    buffer[position] = value;
    buffer[position + 1] = value >>> 8;
    buffer[position + 2] = value >>> 16;
    buffer[position + 3] = value >>> 24;
    this.position += 4;
  }

  /** 64 bits, signed or not: the two's complement is the same. */
  u64(value: number | bigint): void {
    this.ensure(8);
    if (typeof value === 'number' && value >= 0 && value <= 0xffffffff) {
      this.u32(value);
      this.u32(0);
    } else {
      this.position = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), this.position);
    }
  }

  f32(value: number): void {
    this.ensure(4);
    this.position = this.buffer.writeFloatLE(value, this.position);
  }

  f64(value: number): void {
    this.ensure(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  /** Length-encoded integer. */
  length(value: number | bigint): void {
    if (value < 251) this.u8(Number(value));
    else if (value < 0x10000) {
      this.u8(0xfc);
      this.u16(Number(value));
    } else if (value < 0x1000000) {
      this.u8(0xfd);
      this.u16(Number(value) & 0xffff);
      this.u8(Number(value) >>> 16);
    } else {
      this.u8(0xfe);
      this.u64(value);
    }
  }

  bytes(value: Uint8Array): void {
    this.ensure(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  /** Bytes with their length before them. */
  lengthBytes(value: Uint8Array): void {
    this.ensure(value.length + 9);
    this.length(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  /** UTF-8 text to the packet's end. */
  text(value: string): void {
    this.ensure(value.length * 3);
    this.position += this.buffer.write(value, this.position);
  }

  /** UTF-8 text and the zero byte that ends it. */
  zeroText(value: string): void {
    this.text(value);
    this.u8(0);
  }

  /** UTF-8 text with its length before it. */
  lengthText(value: string): void {
    const length = value.length;
    this.ensure(length * 3 + 9);
    const buffer = this.buffer;
    const start = this.position;
    if (length <= SHORT_STRING) {
      let at = start + 1;
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code >= 0x80) {
          at = 0;
          break;
        }
        buffer[at++] = code;
      }
      if (at === 0) at = start + 1 + buffer.write(value, start + 1);
      buffer[start] = at - start - 1;
      this.position = at;
      return;
    }
    // The size of the length is guessed from ASCII's case; other text may need more and is moved then.
    const head = length < 251 ? 1 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 9;
    const written = buffer.write(value, start + head);
    const needed = written < 251 ? 1 : written < 0x10000 ? 3 : written < 0x1000000 ? 4 : 9;
    if (needed !== head) buffer.copyWithin(start + needed, start + head, start + head + written);
    this.length(written);
    this.position = start + needed + written;
  }

  /** Decimal digits of a safe integer, with their length before them. */
  lengthInteger(value: number): void {
    this.ensure(24);
    const buffer = this.buffer;
    const start = this.position;
    if (value >= 0 && value < 10) {
      buffer[start] = 1;
      buffer[start + 1] = 48 + value;
      this.position = start + 2;
      return;
    }
    if (value > 0x7fffffff || value < -0x7fffffff) {
      this.#asciiText(String(value));
      return;
    }
    let at = start + 1;
    let rest = value | 0;
    if (rest < 0) {
      buffer[at++] = 45;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; digits < 10 && rest >= limit; limit *= 10) digits++;
    const end = at + digits;
    for (let i = end - 1; i >= at; i--) {
      const tenth = (rest / 10) | 0;
      buffer[i] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    buffer[start] = end - start - 1;
    this.position = end;
  }

  /** Text that is known to be ASCII and shorter than 251. */
  #asciiText(text: string): void {
    const buffer = this.buffer;
    let at = this.position;
    buffer[at++] = text.length;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.position = at;
  }
}
