import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { sqlError } from '../values/index.ts';
import { define } from './definition.ts';
import type { FunctionDefinition } from './definition.ts';
import { hexOf } from './encodings.ts';
import { binaryType, charsOf, connectionText, BIGINT } from './types-of-results.ts';

/** Hashes and compression; what the platform must do comes in by the call's environment. */

const hexLower = (bytes: Uint8Array): string => hexOf(bytes).toLowerCase();

const SHA2: Readonly<Record<number, (bytes: Uint8Array) => Uint8Array>> = {
  0: sha256,
  224: sha224,
  256: sha256,
  384: sha384,
  512: sha512,
};

const lengthBytes = (length: number): Uint8Array =>
  Uint8Array.of(length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, (length >> 24) & 0x3f);

/** What the platform that this runs on does not have. */
export function missing(what: string): Error {
  return sqlError(1235, `This server was built without ${what}`);
}

export const hashes: readonly FunctionDefinition[] = [
  define('MD5', 1, 'bytes', connectionText(32), (_env, bytes: Uint8Array) => hexLower(md5(bytes))),
  ...['SHA', 'SHA1'].map((name) =>
    define(name, 1, 'bytes', connectionText(40), (_env, bytes: Uint8Array) => hexLower(sha1(bytes))),
  ),
  define(
    'SHA2',
    2,
    ['bytes', 'num'],
    connectionText(128),
    (env, bytes: Uint8Array, length: number) => {
      const hash = SHA2[length];
      if (hash !== undefined) return hexLower(hash(bytes));
      env.warn('Warning', 1583, "Incorrect parameters in the call to native function 'sha2'");
      return null;
    },
    { nullable: 'always' },
  ),
  define(
    'COMPRESS',
    1,
    'bytes',
    (args) => binaryType(Math.ceil(charsOf(args[0] as NonNullable<(typeof args)[0]>) * 1.1) + 12),
    (env, bytes: Uint8Array) => {
      if (bytes.length === 0) return bytes;
      if (env.deflate === undefined) throw missing('zlib');
      const packed = env.deflate(bytes);
      // Blanks at the end get lost in CHAR columns: a '.' guards them.
      const guard = packed.at(-1) === 0x20 ? [0x2e] : [];
      return Uint8Array.from([...lengthBytes(bytes.length), ...packed, ...guard]);
    },
  ),
  define(
    'UNCOMPRESS',
    1,
    'bytes',
    { kind: 'binary', family: 'longblob', length: 4294967295 },
    (env, bytes: Uint8Array) => {
      if (bytes.length === 0) return bytes;
      if (env.inflate === undefined) throw missing('zlib');
      const plain = bytes.length > 4 ? env.inflate(bytes.subarray(4)) : undefined;
      if (plain === undefined) env.warn('Warning', 1259, 'ZLIB: Input data corrupted');
      return plain ?? null;
    },
    { nullable: 'always' },
  ),
  define('UNCOMPRESSED_LENGTH', 1, 'bytes', BIGINT, (env, bytes: Uint8Array) => {
    if (bytes.length === 0) return 0;
    if (bytes.length <= 4) {
      env.warn('Warning', 1259, 'ZLIB: Input data corrupted');
      return 0;
    }
    return (
      (bytes[0] as number) +
      (bytes[1] as number) * 256 +
      (bytes[2] as number) * 65536 +
      ((bytes[3] as number) & 0x3f) * 16777216
    );
  }),
  define(
    'RANDOM_BYTES',
    1,
    'num',
    binaryType(1024),
    (env, count: number) => {
      if (count < 1 || count > 1024) throw sqlError(1690, `length value is out of range in 'random_bytes'`);
      return env.randomBytes(count);
    },
    { changes: 'call' },
  ),
];
