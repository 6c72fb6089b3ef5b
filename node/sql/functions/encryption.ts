import { sqlError } from '../values/index.ts';
import { define } from './definition.ts';
import type { ArgInfo, CallEnv, FunctionDefinition } from './definition.ts';
import { missing } from './hashes.ts';
import { binaryType, charsOf } from './types-of-results.ts';

/** AES_ENCRYPT and AES_DECRYPT, in the session's block_encryption_mode. */

const IV_BYTES = 16;
const OPTION_BYTES_MAX = 256;
const ITERATIONS_DEFAULT = 1000;
const ITERATIONS_MIN = 1000;
const ITERATIONS_MAX = 65535;
/** Digits that the number of iterations may have. */
const ITERATIONS_BYTES_MAX = 6;

type Option = Uint8Array | null | undefined;

/** MySQL folds a key of any length into as many bytes as AES needs. */
function foldKey(key: Uint8Array, size: number): Uint8Array {
  const folded = new Uint8Array(size);
  key.forEach((byte, i) => {
    folded[i % size] = (folded[i % size] as number) ^ byte;
  });
  return folded;
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function checkOption(option: Option, max: number): void {
  if (option === undefined || (option !== null && option.length < max)) return;
  throw sqlError(3238, `KDF option size is invalid, please provide valid size < ${max} bytes and not NULL`);
}

/** The key that a function makes of what was given as one. `last` is HKDF's info, or PBKDF2's number of iterations. */
function derivedKey(
  env: CallEnv,
  key: Uint8Array,
  size: number,
  method: Option,
  salt: Option,
  last: Option,
): Uint8Array {
  checkOption(method, OPTION_BYTES_MAX);
  const name = ascii(method as Uint8Array);
  if (name !== 'hkdf' && name !== 'pbkdf2_hmac') {
    throw sqlError(3235, 'KDF method name is not valid. Please use hkdf or pbkdf2_hmac method name');
  }
  checkOption(salt, OPTION_BYTES_MAX);
  checkOption(last, name === 'hkdf' ? OPTION_BYTES_MAX : ITERATIONS_BYTES_MAX);
  if (env.deriveKey === undefined) throw missing(name);
  const salted = salt ?? new Uint8Array();
  if (name === 'hkdf') return env.deriveKey({ method: 'hkdf', info: last ?? new Uint8Array() }, key, salted, size);
  const iterations = last ? Number.parseInt(ascii(last), 10) || 0 : ITERATIONS_DEFAULT;
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
    throw sqlError(
      3236,
      'For KDF method pbkdf2_hmac iterations value less than 1000 or more than 65535 is not allowed due to security reasons. Please provide iterations >= 1000 and iterations < 65535',
    );
  }
  return env.deriveKey({ method: 'pbkdf2', iterations }, key, salted, size);
}

/** The initialization vector; undefined where the mode takes none. */
function vector(env: CallEnv, name: string, iv: Option): Uint8Array | undefined {
  if (env.blockEncryptionMode.endsWith('-ecb')) {
    if (iv !== undefined && iv !== null && iv.length > 0) env.warn('Warning', 1618, '<IV> option ignored');
    return undefined;
  }
  if (iv === undefined) throw sqlError(1582, `Incorrect parameter count in the call to native function '${name}'`);
  if (iv !== null && iv.length >= IV_BYTES) return iv.subarray(0, IV_BYTES);
  throw sqlError(
    1882,
    `The initialization vector supplied to ${name} is too short. Must be at least ${IV_BYTES} bytes long`,
  );
}

function crypt(name: string, encrypt: boolean): FunctionDefinition {
  return define(
    name,
    [2, 6],
    'bytes',
    (args) => binaryType((Math.floor(charsOf(args[0] as ArgInfo) / 16) + 1) * 16),
    (
      env: CallEnv,
      bytes: Uint8Array | null,
      key: Uint8Array | null,
      iv: Option,
      method: Option,
      salt: Option,
      last: Option,
    ) => {
      if (env.aes === undefined) throw missing('AES');
      if (bytes === null || key === null) return null;
      const mode = env.blockEncryptionMode;
      const size = Number(mode.split('-')[1]) / 8;
      const made = method === undefined ? key : derivedKey(env, key, size, method, salt, last);
      return env.aes(encrypt, mode, foldKey(made, size), vector(env, name.toLowerCase(), iv), bytes) ?? null;
    },
    { nullable: 'always', nullPropagates: false },
  );
}

export const encryption: readonly FunctionDefinition[] = [crypt('AES_ENCRYPT', true), crypt('AES_DECRYPT', false)];
