/** Integers between SQLite's INTEGER, the 8-byte BLOB above it, and bigint. */
import type { SqliteValue } from '../types/index.ts';
import { INT64_MAX } from './number-text.ts';

const WRAP = 2n ** 64n;

/** An unsigned 64-bit integer's bytes, most significant first. */
export function bytesOfUint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function uint64OfBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** What SQLite holds for an integer: a BLOB from 2^63 on. It answers with bigint, since node:sqlite makes REAL of numbers. */
export function intToSqlite(value: bigint): bigint | Uint8Array {
  return value > INT64_MAX ? bytesOfUint64(value) : value;
}

/** The integer that SQLite holds. */
export function intFromSqlite(value: SqliteValue): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  if (value instanceof Uint8Array) return uint64OfBytes(value);
  return 0n;
}

/** The same 64 bits read as signed. */
export function asSigned(value: bigint): bigint {
  return value > INT64_MAX ? value - WRAP : value;
}

/** The same 64 bits read as unsigned. */
export function asUnsigned(value: bigint): bigint {
  return value < 0n ? value + WRAP : value;
}
