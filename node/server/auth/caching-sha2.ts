/**
 * caching_sha2_password. Stored as `$A$005$` + 20 bytes of salt + 43 characters of SHA-256-crypt (rounds: the three hex
 * digits times 1,000). A login's fast path compares with SHA256(SHA256(password)) kept in memory from an earlier full
 * login; the full path takes the password itself, over TLS or under the server's RSA key.
 */
import { constants, type KeyObject, hash, privateDecrypt, randomBytes, timingSafeEqual } from 'node:crypto';
import { sha256Crypt, sha256CryptSync } from './sha256-crypt.ts';

const sha256 = (data: Buffer): Buffer => hash('sha256', data, 'buffer');

const SALT_LENGTH = 20;
const ROUNDS_UNIT = 1000;
/** MySQL refuses longer passwords (MAX_PLAINTEXT_LENGTH). */
export const PASSWORD_MAX = 256;

/** What CREATE USER … IDENTIFIED WITH caching_sha2_password stores for a password. */
export function hashCachingSha2Password(password: string, salt: Buffer = newSalt(), thousands = 5): string {
  if (password === '') return '';
  const digest = sha256CryptSync(Buffer.from(password, 'utf8'), salt, thousands * ROUNDS_UNIT);
  return `$A$${thousands.toString(16).toUpperCase().padStart(3, '0')}$${salt.toString('latin1')}${digest}`;
}

/** 20 characters of 7 bits; neither zero, which ends text, nor '$', which parts the fields. */
function newSalt(): Buffer {
  const salt = randomBytes(SALT_LENGTH);
  for (let i = 0; i < salt.length; i++) {
    const byte = (salt[i] as number) & 0x7f;
    salt[i] = byte === 0 || byte === 0x24 ? byte + 1 : byte;
  }
  return salt;
}

interface StoredHash {
  readonly rounds: number;
  readonly salt: Buffer;
  readonly digest: string;
}

function parse(stored: string): StoredHash | undefined {
  const match = /^\$A\$([0-9A-Fa-f]{3})\$([\s\S]{20})([./0-9A-Za-z]{43})$/.exec(stored);
  if (match === null) return undefined;
  const rounds = parseInt(match[1] as string, 16) * ROUNDS_UNIT;
  return { rounds, salt: Buffer.from(match[2] as string, 'latin1'), digest: match[3] as string };
}

/** Whether a stored string can be one of this plugin. */
export function isCachingSha2Hash(stored: string): boolean {
  return stored === '' || parse(stored) !== undefined;
}

const DECOY: StoredHash = { rounds: 5 * ROUNDS_UNIT, salt: newSalt(), digest: '.'.repeat(43) };

/** Checks a password against the stored string; takes as long when there is none. */
export async function checkPassword(stored: string | undefined, password: Buffer): Promise<boolean> {
  const parsed = stored === undefined ? undefined : parse(stored);
  const { rounds, salt, digest } = parsed ?? DECOY;
  const computed = await sha256Crypt(password, salt, rounds);
  return timingSafeEqual(Buffer.from(computed), Buffer.from(digest)) && parsed !== undefined;
}

/** XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce)) against the remembered SHA256(SHA256(password)). */
export function checkFast(remembered: Buffer, nonce: Buffer, answer: Buffer): boolean {
  if (answer.length !== 32) return false;
  const mask = sha256(Buffer.concat([sha256(remembered), nonce]));
  const once = Buffer.alloc(32);
  for (let i = 0; i < 32; i++) once[i] = (answer[i] as number) ^ (mask[i] as number);
  return timingSafeEqual(sha256(once), remembered);
}

/** Undoes a client's RSA-OAEP and its XOR with the nonce; undefined when it is not such a message. */
export function decryptPassword(key: KeyObject, encrypted: Buffer, nonce: Buffer): Buffer | undefined {
  let clear: Buffer;
  try {
    clear = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, encrypted);
  } catch {
    return undefined;
  }
  for (let i = 0; i < clear.length; i++) clear[i] = (clear[i] as number) ^ (nonce[i % nonce.length] as number);
  return clear;
}

/**
 * SHA256(SHA256(password)) of accounts that logged in by the full path. An entry is bound to the stored string, so a
 * changed password makes it void by itself.
 */
export class PasswordCache {
  readonly #entries = new Map<string, { stored: string; digest: Buffer }>();
  readonly #max: number;

  constructor(max = 10_000) {
    this.#max = max;
  }

  get(account: string, stored: string): Buffer | undefined {
    const entry = this.#entries.get(account);
    return entry?.stored === stored ? entry.digest : undefined;
  }

  remember(account: string, stored: string, password: Buffer): void {
    this.#entries.delete(account);
    this.#entries.set(account, { stored, digest: sha256(sha256(password)) });
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  /** FLUSH PRIVILEGES. */
  clear(): void {
    this.#entries.clear();
  }
}
