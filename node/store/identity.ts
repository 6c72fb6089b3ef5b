/** Who this node is: its Ed25519 key, and the incarnation of this data folder. */
import { createHash, createPrivateKey, generateKeyPairSync, hash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import sodium from 'sodium-native';
import { authorOf, SIGNATURE_BYTES, type LogCrypto } from '../log/index.ts';
import { makeFolder, writeFileDurably } from './files.ts';

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
const SECRET_KEY_BYTES = 64;

/** Ed25519 by libsodium, which takes two fifths of OpenSSL's time. */
export const logCrypto: LogCrypto = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  verify: (publicKey, message, signature) =>
    publicKey.length === PUBLIC_KEY_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
};

const HASHED_BYTES = 1 << 20;

/** SHA-256 of many bytes, with pauses. */
export function* sha256InSteps(bytes: Uint8Array): Generator<undefined, Uint8Array, undefined> {
  const sum = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED_BYTES) {
    sum.update(bytes.subarray(at, at + HASHED_BYTES));
    yield;
  }
  return sum.digest();
}

export interface Identity {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly incarnation: Uint8Array;
  /** SHA-256(public key ‖ incarnation). */
  readonly author: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

const INCARNATION = 'incarnation';

/** From now on this folder writes as another author. */
export function renewIncarnation(dir: string): void {
  writeFileDurably(path.join(dir, INCARNATION), randomBytes(16).toString('hex') + '\n', 0o600);
}

/** Reads `identity.key` (PKCS#8 PEM) and `incarnation` of a data folder, making them at the first start. */
export function loadIdentity(dir: string): Identity {
  makeFolder(dir);
  const keyFile = path.join(dir, 'identity.key');
  if (!existsSync(keyFile)) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    writeFileDurably(keyFile, pem, 0o600);
  }
  const incarnationFile = path.join(dir, INCARNATION);
  if (!existsSync(incarnationFile)) renewIncarnation(dir);
  const { publicKey, secretKey } = keyPair(readFileSync(keyFile));
  const incarnation = new Uint8Array(Buffer.from(readFileSync(incarnationFile, 'utf8').trim(), 'hex'));
  return {
    publicKey,
    incarnation,
    author: authorOf(publicKey, incarnation, logCrypto),
    sign: (message) => {
      const signature = new Uint8Array(SIGNATURE_BYTES);
      sodium.crypto_sign_detached(signature, message, secretKey);
      return signature;
    },
  };
}

function keyPair(pem: Buffer): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`identity.key holds no Ed25519 key, but ${key.asymmetricKeyType}`);
  // PKCS#8 of RFC 8410 ends with the seed.
  const seed = new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }).subarray(-SEED_BYTES));
  const publicKey = new Uint8Array(PUBLIC_KEY_BYTES);
  const secretKey = new Uint8Array(SECRET_KEY_BYTES);
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed);
  return { publicKey, secretKey };
}
