/**
 * DAG-CBOR (https://ipld.io/specs/codecs/dag-cbor/spec/): the one canonical byte form of what is hashed and signed.
 *
 * A writer of our own, because an entry is encoded for every flush and its write sets are most of the bytes: it appends
 * to one growing buffer and makes no value tree. The reader accepts canonical bytes only (shortest heads, no
 * indefinite lengths, 64-bit floats, tag 42 alone), so that one entry has one hash.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that are not canonical DAG-CBOR of the expected shape. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT64 = 0xfb;
const CID_TAG = 42;

/** A scalar that a write set can hold. */
export type CborScalar = null | boolean | number | bigint | string | Uint8Array;

/** Appends DAG-CBOR items to a buffer. Numbers that are integers become CBOR integers; use float() for a REAL. */
export class CborWriter {
  private bytes: Uint8Array<ArrayBuffer>;
  private view: DataView;
  length = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** The bytes written so far, as a copy. */
  take(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  /** The bytes written so far; the writer is not used any more. */
  end(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** Forgets what was written and keeps the memory. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > 1 << 22) {
      this.bytes = new Uint8Array(1 << 16);
      this.view = new DataView(this.bytes.buffer);
    }
  }

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  private head(major: number, value: number): void {
    this.room(9);
    const type = major << 5;
    if (value < 24) this.bytes[this.length++] = type | value;
    else if (value < 0x100) {
      this.bytes[this.length++] = type | 24;
      this.bytes[this.length++] = value;
    } else if (value < 0x10000) {
      this.bytes[this.length++] = type | 25;
      this.view.setUint16(this.length, value);
      this.length += 2;
    } else if (value < 0x100000000) {
      this.bytes[this.length++] = type | 26;
      this.view.setUint32(this.length, value);
      this.length += 4;
    } else {
      this.bytes[this.length++] = type | 27;
      this.view.setUint32(this.length, Math.floor(value / 0x100000000));
      this.view.setUint32(this.length + 4, value >>> 0);
      this.length += 8;
    }
  }

  int(value: number): this {
    if (value >= 0) this.head(UINT, value);
    else this.head(NEGATIVE, -1 - value);
    return this;
  }

  bigint(value: bigint): this {
    if (value >= -9007199254740991n && value <= 9007199254740991n) return this.int(Number(value));
    this.room(9);
    this.bytes[this.length++] = ((value < 0n ? NEGATIVE : UINT) << 5) | 27;
    this.view.setBigUint64(this.length, value < 0n ? -1n - value : value);
    this.length += 8;
    return this;
  }

  float(value: number): this {
    this.room(9);
    this.bytes[this.length++] = FLOAT64;
    this.view.setFloat64(this.length, value);
    this.length += 8;
    return this;
  }

  data(value: Uint8Array): this {
    this.head(BYTES, value.length);
    return this.raw(value);
  }

  text(value: string): this {
    const length = value.length;
    // A char code loop beats the encoder for the short ASCII texts that most columns hold.
    if (length <= 64) {
      this.room(length + 9);
      const before = this.length;
      this.head(TEXT, length);
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code >= 0x80) break;
        this.bytes[this.length++] = code;
      }
      if (i === length) return this;
      this.length = before;
    }
    const utf8 = encoder.encode(value);
    this.head(TEXT, utf8.length);
    return this.raw(utf8);
  }

  null(): this {
    this.room(1);
    this.bytes[this.length++] = NULL;
    return this;
  }

  bool(value: boolean): this {
    this.room(1);
    this.bytes[this.length++] = value ? TRUE : FALSE;
    return this;
  }

  array(length: number): this {
    this.head(ARRAY, length);
    return this;
  }

  /** Starts a map: the caller writes its keys in DAG-CBOR's order (shorter first, then bytes). */
  map(size: number): this {
    this.head(MAP, size);
    return this;
  }

  /** A CID as link (tag 42, identity multibase prefix). */
  link(cid: Uint8Array): this {
    this.head(TAG, CID_TAG);
    this.head(BYTES, cid.length + 1);
    this.room(1);
    this.bytes[this.length++] = 0;
    return this.raw(cid);
  }

  /** Appends bytes that are DAG-CBOR already. */
  raw(bytes: Uint8Array): this {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }
}

/** Reads canonical DAG-CBOR items one after the other. Every method throws DecodeError. */
export class CborReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  offset: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, offset = 0) {
    // A kind of its own, as Node's Buffer, prints otherwise, and its slices are no copies: what is read must not tell how it came.
    const isPlain = bytes.constructor === Uint8Array;
    this.bytes = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = bytes.length;
  }

  get done(): boolean {
    return this.offset === this.end;
  }

  private need(count: number): void {
    if (this.offset + count > this.end) throw new DecodeError(`the bytes end inside an item at ${this.offset}`);
  }

  private argument(info: number): number | bigint {
    if (info < 24) return info;
    if (info === 24) {
      this.need(1);
      const value = this.bytes[this.offset++] ?? 0;
      if (value < 24) throw new DecodeError(`not the shortest form at ${this.offset}`);
      return value;
    }
    if (info === 25) {
      this.need(2);
      const value = this.view.getUint16(this.offset);
      this.offset += 2;
      if (value < 0x100) throw new DecodeError(`not the shortest form at ${this.offset}`);
      return value;
    }
    if (info === 26) {
      this.need(4);
      const value = this.view.getUint32(this.offset);
      this.offset += 4;
      if (value < 0x10000) throw new DecodeError(`not the shortest form at ${this.offset}`);
      return value;
    }
    if (info === 27) {
      this.need(8);
      const value = this.view.getBigUint64(this.offset);
      this.offset += 8;
      if (value < 0x100000000n) throw new DecodeError(`not the shortest form at ${this.offset}`);
      return value <= 9007199254740991n ? Number(value) : value;
    }
    throw new DecodeError(`reserved length at ${this.offset}`);
  }

  private head(major: number, what: string): number | bigint {
    this.need(1);
    const head = this.bytes[this.offset++] ?? 0;
    if (head >> 5 !== major) throw new DecodeError(`expected ${what} at ${this.offset - 1}`);
    return this.argument(head & 31);
  }

  private count(major: number, what: string): number {
    const length = this.head(major, what);
    if (typeof length === 'bigint' || length > this.end) throw new DecodeError(`impossible length at ${this.offset}`);
    return length;
  }

  /** True when the next item is an array. */
  get nextIsArray(): boolean {
    return (this.bytes[this.offset] ?? 0) >> 5 === ARRAY;
  }

  array(): number {
    return this.count(ARRAY, 'an array');
  }

  map(): number {
    return this.count(MAP, 'a map');
  }

  data(): Uint8Array {
    const length = this.count(BYTES, 'bytes');
    this.need(length);
    return this.bytes.subarray(this.offset, (this.offset += length));
  }

  text(): string {
    const length = this.count(TEXT, 'text');
    this.need(length);
    const part = this.bytes.subarray(this.offset, (this.offset += length));
    try {
      return decoder.decode(part);
    } catch (cause) {
      throw new DecodeError(`text that is not UTF-8 at ${this.offset}`, { cause });
    }
  }

  /** True, and the reader stands behind it, when the next item is this text, of ASCII and shorter than 24 bytes. */
  skipText(text: string): boolean {
    const { bytes, offset } = this;
    if (bytes[offset] !== ((TEXT << 5) | text.length)) return false;
    for (let i = 0; i < text.length; i++) if (bytes[offset + 1 + i] !== text.charCodeAt(i)) return false;
    this.offset = offset + 1 + text.length;
    return true;
  }

  /** An integer within ±2^53. */
  int(): number {
    const value = this.scalar();
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new DecodeError(`expected an integer at ${this.offset}`);
    return value;
  }

  link(): Uint8Array {
    if (this.head(TAG, 'a link') !== CID_TAG) throw new DecodeError(`unknown tag at ${this.offset}`);
    const bytes = this.data();
    if (bytes[0] !== 0) throw new DecodeError(`link without prefix at ${this.offset}`);
    return bytes.subarray(1);
  }

  /** True, and the reader stands behind it, when the next item is null. */
  skipNull(): boolean {
    if (this.bytes[this.offset] !== NULL) return false;
    this.offset++;
    return true;
  }

  /** Any item that is no array, map or link. A float that holds an integer comes back as a `number` like an integer. */
  scalar(): CborScalar {
    this.need(1);
    const head = this.bytes[this.offset] ?? 0;
    switch (head >> 5) {
      case UINT:
        this.offset++;
        return this.argument(head & 31);
      case NEGATIVE: {
        this.offset++;
        const value = this.argument(head & 31);
        if (typeof value === 'bigint') return -1n - value;
        return value === 9007199254740991 ? -9007199254740992n : -1 - value;
      }
      case BYTES:
        return this.data();
      case TEXT:
        return this.text();
      default:
        this.offset++;
        if (head === NULL) return null;
        if (head === TRUE) return true;
        if (head === FALSE) return false;
        if (head === FLOAT64) {
          this.need(8);
          const value = this.view.getFloat64(this.offset);
          this.offset += 8;
          return value;
        }
        throw new DecodeError(`expected a scalar at ${this.offset - 1}`);
    }
  }
}
