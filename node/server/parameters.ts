/** Values that a client sends in the binary protocol: parameters of COM_STMT_EXECUTE, and query attributes. */
import { type Charset, charsetOf } from './charsets.ts';
import { Type } from './constants.ts';
import { MalformedPacket, type Payload } from './payload.ts';
import type { ParameterValue } from './ports.ts';

const UNSIGNED = 0x8000;
const NULL: ParameterValue = { kind: 'null' };

/** Reads `count` types; with `named`, each is followed by a name, as query attributes have it. */
export function readTypes(payload: Payload, count: number, named: boolean): Uint16Array {
  if (count * 2 > payload.left) throw new MalformedPacket('fewer types than parameters');
  const types = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    types[i] = payload.u16();
    if (named) payload.lengthBytes();
  }
  return types;
}

/**
 * Reads the values behind the bitmap of NULLs. `longData` holds what COM_STMT_SEND_LONG_DATA brought before: such
 * parameters have no value in this packet.
 */
export function readValues(
  payload: Payload,
  nulls: Buffer,
  types: Uint16Array,
  count: number,
  charsetName: string,
  longData: ReadonlyMap<number, Buffer> | undefined,
): ParameterValue[] {
  const charset = charsetOf(charsetName);
  const values: ParameterValue[] = [];
  for (let i = 0; i < count; i++) {
    const type = types[i] as number;
    const long = longData?.get(i);
    if (long !== undefined) values.push(stringValue(type & 0xff, long, charset));
    else if (((nulls[i >> 3] as number) & (1 << (i & 7))) !== 0) values.push(NULL);
    else values.push(readValue(payload, type, charset));
  }
  return values;
}

/** Skips the values of query attributes. */
export function skipAttributes(payload: Payload, count: number): void {
  const nulls = payload.bytes((count + 7) >> 3);
  if (payload.u8() !== 1) throw new MalformedPacket('query attributes without types');
  const types = readTypes(payload, count, true);
  readValues(payload, nulls, types, count, 'utf8mb4', undefined);
}

function int(value: number | bigint, unsigned: boolean): ParameterValue {
  return { kind: 'int', value, unsigned };
}

function readValue(payload: Payload, type: number, charset: Charset): ParameterValue {
  const unsigned = (type & UNSIGNED) !== 0;
  const { buffer } = payload;
  switch (type & 0xff) {
    case Type.NULL:
      return NULL;
    case Type.TINY:
    case Type.BOOL: {
      const at = payload.need(1);
      return int(unsigned ? buffer.readUInt8(at) : buffer.readInt8(at), unsigned);
    }
    case Type.SHORT:
    case Type.YEAR: {
      const at = payload.need(2);
      return int(unsigned ? buffer.readUInt16LE(at) : buffer.readInt16LE(at), unsigned);
    }
    case Type.LONG:
    case Type.INT24: {
      const at = payload.need(4);
      return int(unsigned ? buffer.readUInt32LE(at) : buffer.readInt32LE(at), unsigned);
    }
    case Type.LONGLONG: {
      const at = payload.need(8);
      const high = unsigned ? buffer.readUInt32LE(at + 4) : buffer.readInt32LE(at + 4);
      // 53 bits fit a number; only larger values pay for a bigint.
      if (high < 0x200000 && high >= -0x200000) return int(high * 0x100000000 + buffer.readUInt32LE(at), unsigned);
      return int(unsigned ? buffer.readBigUInt64LE(at) : buffer.readBigInt64LE(at), unsigned);
    }
    case Type.FLOAT:
      return { kind: 'double', value: buffer.readFloatLE(payload.need(4)) };
    case Type.DOUBLE:
      return { kind: 'double', value: buffer.readDoubleLE(payload.need(8)) };
    case Type.DATE:
    case Type.DATETIME:
    case Type.TIMESTAMP:
      return readDateTime(payload, type & 0xff);
    case Type.TIME:
      return readTime(payload);
    default:
      return stringValue(type & 0xff, payload.lengthBytes(), charset);
  }
}

function stringValue(type: number, bytes: Buffer, charset: Charset): ParameterValue {
  switch (type) {
    case Type.DECIMAL:
    case Type.NEWDECIMAL:
      return { kind: 'decimal', text: bytes.toString('latin1') };
    case Type.VARCHAR:
    case Type.VAR_STRING:
    case Type.STRING:
    case Type.ENUM:
    case Type.SET:
    case Type.JSON:
      return textOrBytes(bytes, charset);
    case Type.BIT:
    case Type.TINY_BLOB:
    case Type.MEDIUM_BLOB:
    case Type.LONG_BLOB:
    case Type.BLOB:
    case Type.GEOMETRY:
      return { kind: 'bytes', bytes: Buffer.from(bytes) };
    default:
      throw new MalformedPacket(`unknown parameter type ${type}`);
  }
}

/** Some clients send binary values under a text type: what is no UTF-8 stays bytes, so nothing of it is lost. */
function textOrBytes(bytes: Buffer, charset: Charset): ParameterValue {
  if (!charset.utf8) return { kind: 'string', text: charset.decode(bytes) };
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes)) {
    return { kind: 'bytes', bytes: Buffer.from(bytes) };
  }
  return { kind: 'string', text };
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
const micros = (value: number): string => (value === 0 ? '' : `.${String(value).padStart(6, '0')}`);

function readDateTime(payload: Payload, type: number): ParameterValue {
  const length = payload.u8();
  if (length !== 0 && length !== 4 && length !== 7 && length !== 11) throw new MalformedPacket('length of a date');
  let date = '0000-00-00';
  let time = '00:00:00';
  if (length >= 4) {
    date = `${String(payload.u16()).padStart(4, '0')}-${two(payload.u8())}-${two(payload.u8())}`;
  }
  if (length >= 7) time = `${two(payload.u8())}:${two(payload.u8())}:${two(payload.u8())}`;
  if (length === 11) time += micros(payload.u32());
  if (type === Type.DATE) return { kind: 'date', text: date };
  return { kind: 'datetime', text: `${date} ${time}` };
}

function readTime(payload: Payload): ParameterValue {
  const length = payload.u8();
  if (length !== 0 && length !== 8 && length !== 12) throw new MalformedPacket('length of a time');
  if (length === 0) return { kind: 'time', text: '00:00:00' };
  const sign = payload.u8() === 1 ? '-' : '';
  const days = payload.u32();
  const hours = days * 24 + payload.u8();
  const text = `${sign}${two(hours)}:${two(payload.u8())}:${two(payload.u8())}`;
  return { kind: 'time', text: text + (length === 12 ? micros(payload.u32()) : '') };
}
