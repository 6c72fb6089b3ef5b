/** A node's keys and ids as libp2p has them. */
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { PeerId, PrivateKey } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { nodeIdOf, seedOf } from './node-id.ts';
import type { NodeId } from './ports.ts';

/** From a 32-byte seed or PKCS#8 DER. Rejects with NetworkError. */
export const privateKeyOf = async (bytes: Uint8Array): Promise<PrivateKey> =>
  generateKeyPairFromSeed('Ed25519', seedOf(bytes));

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
