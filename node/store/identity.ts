/** Who this node is: its Ed25519 key, and the incarnation of this data folder. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { authorOf, hex, type LogCrypto } from '../log/index.ts';
import { makeFolder, writeFileDurably } from './files.ts';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export const logCrypto: LogCrypto = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  verify: (publicKey, message, signature) =>
    publicKey.length === 32 && verify(null, message, keyObject(publicKey), signature),
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

/** Making a key object costs as much as a check. */
const keyObjects = new Map<string, KeyObject>();

function keyObject(publicKey: Uint8Array): KeyObject {
  const name = hex(publicKey);
  let key = keyObjects.get(name);
  if (!key) {
    if (keyObjects.size > 1000) keyObjects.clear();
    key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
    keyObjects.set(name, key);
  }
  return key;
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
  const privateKey: KeyObject = createPrivateKey(readFileSync(keyFile));
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(spki.length - 32));
  const incarnation = new Uint8Array(Buffer.from(readFileSync(incarnationFile, 'utf8').trim(), 'hex'));
  return {
    publicKey,
    incarnation,
    author: authorOf(publicKey, incarnation, logCrypto),
    sign: (message) => sign(null, message, privateKey),
  };
}
