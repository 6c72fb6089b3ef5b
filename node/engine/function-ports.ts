/** Compression and encryption for SQL functions: the pure core takes them as ports. */
import { createCipheriv, createDecipheriv, hkdfSync, pbkdf2Sync } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import type { KeyDerivation } from '../sql/index.ts';

/** OpenSSL's names of modes are MySQL's, but for one. */
const opensslMode = (mode: string): string => mode.replace(/cfb128$/, 'cfb');

export const functionPorts = {
  deflate: (bytes: Uint8Array): Uint8Array => deflateSync(bytes),
  inflate: (bytes: Uint8Array): Uint8Array | undefined => {
    try {
      return inflateSync(bytes);
    } catch {
      return undefined; // Not zlib's bytes: UNCOMPRESS answers NULL.
    }
  },
  deriveKey: (kdf: KeyDerivation, key: Uint8Array, salt: Uint8Array, size: number): Uint8Array =>
    kdf.method === 'hkdf'
      ? new Uint8Array(hkdfSync('sha512', key, salt, kdf.info, size))
      : pbkdf2Sync(key, salt, kdf.iterations, size, 'sha512'),
  aes: (
    encrypt: boolean,
    mode: string,
    key: Uint8Array,
    iv: Uint8Array | undefined,
    bytes: Uint8Array,
  ): Uint8Array | undefined => {
    const name = opensslMode(mode);
    try {
      const cipher = encrypt ? createCipheriv(name, key, iv ?? null) : createDecipheriv(name, key, iv ?? null);
      return Buffer.concat([cipher.update(bytes), cipher.final()]);
    } catch {
      return undefined; // A wrong key or damaged bytes: AES_DECRYPT answers NULL.
    }
  },
};
