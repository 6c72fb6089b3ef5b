// A cheap stand-in for keys and hashes, for tests and the simulator: whoever holds a node's key can sign, nobody else.
// SHA-256 is what production hashes with; here a 256-bit mix of FNV-1a lanes is enough to tell values apart.
import type { ConsensusCrypto, NodeId } from '../../node/consensus/index.ts';

function digest(seed: number, bytes: Uint8Array, length: number): Uint8Array {
  const out = new Int32Array(length / 4);
  let a = 0x811c9dc5 ^ seed;
  let b = 0x9e3779b9 ^ bytes.length;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ a, 0x85ebca6b);
  }
  for (let i = 0; i < out.length; i++) {
    a = Math.imul(a ^ (a >>> 15) ^ i, 0x2c1b3c6d);
    b = Math.imul(b ^ (b >>> 13) ^ a, 0x297a2d39);
    out[i] = a ^ b;
  }
  return new Uint8Array(out.buffer);
}

export const fakeHash = (bytes: Uint8Array): Uint8Array => digest(1, bytes, 32);

const seedOf = (node: NodeId): number => {
  let seed = 7;
  for (let i = 0; i < node.length; i++) seed = Math.imul(seed, 31) + node.charCodeAt(i);
  return seed;
};

export function fakeCrypto(self: NodeId): ConsensusCrypto {
  return {
    sha256: fakeHash,
    sign: (bytes) => digest(seedOf(self), bytes, 8),
    verify: (node, bytes, signature) => {
      const expected = digest(seedOf(node), bytes, 8);
      return expected.length === signature.length && expected.every((byte, i) => byte === signature[i]);
    },
  };
}
