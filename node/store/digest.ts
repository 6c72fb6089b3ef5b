/**
 * Row hashes and table digests. A table's digest is the sum of the hashes of its rows, so it does not depend on their order
 * and follows each change in constant time. Two 32-bit lanes; each is a multiply-and-rotate hash (after MurmurHash3) of the
 * table's id and the row's values, with a seed of its own. It finds damage and divergence; it proves nothing against somebody
 * who wants a collision.
 */
import type { Digest } from '../log/index.ts';
import type { SqliteValue } from '../sql/index.ts';

let h1 = 0;
let h2 = 0;

function mix(word: number): void {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h1 ^= Math.imul(k, 0x1b873593);
  h1 = (Math.imul((h1 << 13) | (h1 >>> 19), 5) + 0xe6546b64) | 0;
  let l = Math.imul(word, 0x239b961b);
  l = (l << 16) | (l >>> 16);
  h2 ^= Math.imul(l, 0xab0e9789);
  h2 = (Math.imul((h2 << 15) | (h2 >>> 17), 5) + 0x561ccd1b) | 0;
}

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);

function finish(h: number): number {
  let k = h ^ (h >>> 16);
  k = Math.imul(k, 0x85ebca6b);
  k ^= k >>> 13;
  k = Math.imul(k, 0xc2b2ae35);
  return (k ^ (k >>> 16)) >>> 0;
}

/** Hash of a row; `key` is the hidden key of a table without a primary key, which is part of the row there. */
export function rowHash(tableId: number, key: number | bigint | undefined, row: readonly SqliteValue[]): Digest {
  h1 = 0x2f0b4c47;
  h2 = 0x3c6ef372;
  mix(tableId);
  if (key !== undefined) mixNumber(Number(key));
  for (const value of row) {
    if (value === null) mix(1);
    else if (typeof value === 'number') mixNumber(value);
    else if (typeof value === 'string') {
      mix(3);
      mix(value.length);
      for (let i = 0; i < value.length; i++) mix(value.charCodeAt(i));
    } else if (typeof value === 'bigint') {
      mix(4);
      mix(Number(BigInt.asIntN(32, value)));
      mix(Number(BigInt.asIntN(32, value >> 32n)));
    } else {
      mix(5);
      mix(value.length);
      for (const byte of value) mix(byte);
    }
  }
  return [finish(h1), finish(h2)];
}

function mixNumber(value: number): void {
  mix(2);
  if ((value | 0) === value) {
    mix(value);
    return;
  }
  float[0] = value;
  mix(words[0] as number);
  mix(words[1] as number);
}

/** As it stands in blocks. */
export function digestBytes(digest: Digest): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, digest[0]);
  view.setUint32(4, digest[1]);
  return bytes;
}

export const NO_DIGEST: Digest = [0, 0];

export const addDigests = (a: Digest, b: Digest): Digest => [(a[0] + b[0]) >>> 0, (a[1] + b[1]) >>> 0];
export const subtractDigests = (a: Digest, b: Digest): Digest => [(a[0] - b[0]) >>> 0, (a[1] - b[1]) >>> 0];
export const sameDigest = (a: Digest, b: Digest): boolean => a[0] === b[0] && a[1] === b[1];
