/** Reads a packet's payload with bounds checked: bytes of a client are judged here, never asserted. */

/** The client's bytes are not what the protocol allows: the connection ends with error 1835 or 1043. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket';
}

export class Payload {
  buffer: Buffer;
  at: number;
  end: number;

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.at = start;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  need(bytes: number): number {
    const at = this.at;
    if (bytes > this.end - at) throw new MalformedPacket('packet is too short');
    this.at = at + bytes;
    return at;
  }

  u8(): number {
    return this.buffer[this.need(1)] as number;
  }

  u16(): number {
    return this.buffer.readUInt16LE(this.need(2));
  }

  u24(): number {
    return this.buffer.readUIntLE(this.need(3), 3);
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.need(4));
  }

  /** Length-encoded integer. */
  length(): number {
    const first = this.u8();
    if (first < 251) return first;
    if (first === 0xfc) return this.u16();
    if (first === 0xfd) return this.u24();
    if (first === 0xfe) {
      const value = this.buffer.readBigUInt64LE(this.need(8));
      if (value > 0xffffffffn) throw new MalformedPacket('length is too large');
      return Number(value);
    }
    throw new MalformedPacket('not a length');
  }

  bytes(length: number): Buffer {
    const at = this.need(length);
    return this.buffer.subarray(at, at + length);
  }

  lengthBytes(): Buffer {
    return this.bytes(this.length());
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** Bytes up to a zero byte, which is skipped. */
  zeroBytes(): Buffer {
    const zero = this.buffer.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) throw new MalformedPacket('text without an end');
    const bytes = this.buffer.subarray(this.at, zero);
    this.at = zero + 1;
    return bytes;
  }
}
