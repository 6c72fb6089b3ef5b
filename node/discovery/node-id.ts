/** Node ids: Ed25519 public keys. Nothing here needs libp2p. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { NetworkError } from './errors.ts';
import type { NodeId } from './ports.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const NODE_ID = /^[0-9a-f]{64}$/;

export const isNodeId = (text: string): text is NodeId => NODE_ID.test(text);

/** `publicKey`: 32 raw bytes. */
export const nodeIdOf = (publicKey: Uint8Array): NodeId => Buffer.from(publicKey).toString('hex') as NodeId;

/** Of a 32-byte seed or PKCS#8 DER. Throws NetworkError. */
export function seedOf(bytes: Uint8Array): Uint8Array {
  const isDer = bytes.length === 48 && PKCS8_PREFIX.equals(bytes.subarray(0, 16));
  if (!isDer && bytes.length !== 32)
    throw new NetworkError('BAD_OPTIONS', 'the private key is neither a 32-byte Ed25519 seed nor its PKCS#8 DER form');
  return bytes.slice(-32);
}

/** Whose private key it is, a 32-byte seed or PKCS#8 DER. Throws NetworkError. */
export function nodeIdOfKey(bytes: Uint8Array): NodeId {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seedOf(bytes)]), format: 'der', type: 'pkcs8' });
  return nodeIdOf(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}
