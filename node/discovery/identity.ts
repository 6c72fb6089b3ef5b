/** Node ids, and the keys and peer ids of libp2p: the same Ed25519 key in three forms. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { PeerId, PrivateKey } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { NetworkError } from './errors.ts';
import type { NodeId } from './ports.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const NODE_ID = /^[0-9a-f]{64}$/;

export const isNodeId = (text: string): text is NodeId => NODE_ID.test(text);

/** `publicKey`: 32 raw bytes. */
export const nodeIdOf = (publicKey: Uint8Array): NodeId => Buffer.from(publicKey).toString('hex') as NodeId;

/** Of a 32-byte seed or PKCS#8 DER. Throws NetworkError. */
function seedOf(bytes: Uint8Array): Uint8Array {
  const isDer = bytes.length === 48 && PKCS8_PREFIX.equals(bytes.subarray(0, 16));
  if (!isDer && bytes.length !== 32)
    throw new NetworkError('BAD_OPTIONS', 'the private key is neither a 32-byte Ed25519 seed nor its PKCS#8 DER form');
  return bytes.slice(-32);
}

/** From a 32-byte seed or PKCS#8 DER. Rejects with NetworkError. */
export const privateKeyOf = async (bytes: Uint8Array): Promise<PrivateKey> =>
  generateKeyPairFromSeed('Ed25519', seedOf(bytes));

/** Whose private key it is, a 32-byte seed or PKCS#8 DER. Throws NetworkError. */
export function nodeIdOfKey(bytes: Uint8Array): NodeId {
  const key = Buffer.concat([PKCS8_PREFIX, seedOf(bytes)]);
  const spki = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })).export({
    format: 'der',
    type: 'spki',
  });
  return nodeIdOf(spki.subarray(-32));
}

const peerIds = new Map<NodeId, PeerId>();

/** Undefined for what is no point of the curve. */
export function peerIdOf(id: NodeId): PeerId | undefined {
  let peer = peerIds.get(id);
  if (peer) return peer;
  try {
    peer = peerIdFromPublicKey(publicKeyFromRaw(Buffer.from(id, 'hex')));
  } catch {
    return undefined;
  }
  peerIds.set(id, peer);
  return peer;
}

/** Undefined for a peer whose key is not Ed25519: it can be no node of ours. */
export const nodeIdOfPeer = (peer: PeerId): NodeId | undefined =>
  peer.type === 'Ed25519' ? nodeIdOf(peer.publicKey.raw) : undefined;
