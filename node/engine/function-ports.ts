/** Compression and encryption for SQL functions: the pure core takes them as ports. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';

export const functionPorts = {
  deflate: (bytes: Uint8Array): Uint8Array => deflateSync(bytes),
  inflate: (bytes: Uint8Array): Uint8Array | undefined => {
    try {
      return inflateSync(bytes);
    } catch {
      return undefined; // Not zlib's bytes: UNCOMPRESS answers NULL.
    }
  },
  aes: (
    encrypt: boolean,
    mode: string,
    key: Uint8Array,
    iv: Uint8Array | undefined,
    bytes: Uint8Array,
  ): Uint8Array | undefined => {
    try {
      const cipher = encrypt ? createCipheriv(mode, key, iv ?? null) : createDecipheriv(mode, key, iv ?? null);
      return Buffer.concat([cipher.update(bytes), cipher.final()]);
    } catch {
      return undefined; // A wrong key or damaged bytes: AES_DECRYPT answers NULL.
    }
  },
};
