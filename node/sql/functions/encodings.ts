import type { SqlType } from '../types/index.ts';
import { asUnsigned, maxBytesPerChar, toBase64 } from '../values/index.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgInfo, Call, FunctionDefinition } from './definition.ts';
import { binaryType, charsOf, connectionText, numberMode, textType } from './types-of-results.ts';

/** Numbers and bytes as digits of some base. */

const isNumber = (type: SqlType): boolean =>
  numberMode(type) !== 'real' || type.kind === 'float' || type.kind === 'double';
/** HEX and the like take numbers by value and all else by its bytes: dates count as texts. */
const byValue = (type: SqlType): boolean =>
  isNumber(type) && !['date', 'time', 'datetime', 'timestamp', 'null'].includes(type.kind);

const bytesOf = (info: ArgInfo): number =>
  charsOf(info) * ('collation' in info.type ? maxBytesPerChar(info.type.collation) : 1);

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).toUpperCase().padStart(2, '0'));

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** The bytes of hexadecimal digits; a missing first digit is 0. */
export function unhex(text: string): Uint8Array | null {
  if (!/^[0-9a-fA-F]*$/.test(text)) return null;
  const digits = text.length % 2 === 0 ? text : `0${text}`;
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function fromBase64(text: string): Uint8Array | null {
  const digits = text.replace(/[ \t\r\n\v\f]/g, '');
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return null;
  const bytes: number[] = [];
  for (let i = 0; i < digits.length; i += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = Array.from(digits.slice(i, i + 4), (x) => BASE64.indexOf(x));
    bytes.push((a << 2) | (b >> 4));
    if (c >= 0) bytes.push(((b & 15) << 4) | (c >> 2));
    if (c >= 0 && d >= 0) bytes.push(((c & 3) << 6) | d);
  }
  return Uint8Array.from(bytes);
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** CONV: the number at the front of a text in one base, written in another; a negative base is a signed one. */
function convertBase(text: string, from: number, to: number): string | null {
  const [base, target] = [Math.abs(from), Math.abs(to)];
  if (text === '' || base < 2 || base > 36 || target < 2 || target > 36) return null;
  const match = /^\s*([+-]?)([0-9a-z]*)/i.exec(text);
  let value = 0n;
  for (const c of (match?.[2] ?? '').toLowerCase()) {
    const digit = DIGITS.indexOf(c);
    if (digit >= base) break;
    value = value * BigInt(base) + BigInt(digit);
  }
  const negative = match?.[1] === '-';
  const most = 2n ** 64n - 1n;
  if (from < 0) {
    const limit = negative ? 2n ** 63n : 2n ** 63n - 1n;
    if (value > limit) value = limit;
  } else if (value > most) {
    value = most;
    if (negative) value = 1n;
  }
  let result = asUnsigned(BigInt.asIntN(64, negative ? -value : value));
  let sign = '';
  if (to < 0 && BigInt.asIntN(64, result) < 0n) {
    sign = '-';
    result = -BigInt.asIntN(64, result);
  }
  return sign + result.toString(target).toUpperCase();
}

const inBase = (name: string, base: number): FunctionDefinition =>
  define(name, 1, 'text', connectionText(65), (_env, text: string) => convertBase(text, 10, base), {
    nullable: 'always',
  });

export const encodings: readonly FunctionDefinition[] = [
  definePrepared(
    'HEX',
    1,
    (_index, args) => (byValue((args[0] as ArgInfo).type) ? 'int' : 'bytes'),
    (args, env) => textType(byValue((args[0] as ArgInfo).type) ? 16 : bytesOf(args[0] as ArgInfo) * 2, env.collation),
    (types): Call =>
      byValue(types[0] as SqlType)
        ? (_env, n: bigint) => asUnsigned(n).toString(16).toUpperCase()
        : (_env, bytes: Uint8Array) => hexOf(bytes),
    { nullable: 'always' },
  ),
  define(
    'UNHEX',
    1,
    'text',
    (args) => binaryType(Math.ceil(charsOf(args[0] as ArgInfo) / 2)),
    (env, text: string) => {
      const bytes = unhex(text);
      if (bytes === null) env.warn('Warning', 1411, `Incorrect string value: '${text}' for function unhex`);
      return bytes;
    },
    { nullable: 'always' },
  ),
  define(
    'TO_BASE64',
    1,
    'bytes',
    (args, env) => {
      const length = Math.ceil(bytesOf(args[0] as ArgInfo) / 3) * 4;
      return textType(length + Math.floor(Math.max(0, length - 1) / 76), env.collation);
    },
    (_env, bytes: Uint8Array) => toBase64(bytes).replace(/(.{76})(?=.)/g, '$1\n'),
  ),
  define(
    'FROM_BASE64',
    1,
    'text',
    (args) => binaryType(Math.ceil(bytesOf(args[0] as ArgInfo) / 4) * 3),
    (_env, text: string) => fromBase64(text),
    { nullable: 'always' },
  ),
  define(
    'CONV',
    3,
    ['text', 'num', 'num'],
    connectionText(65),
    (_env, text: string, from: number, to: number) => convertBase(text, from, to),
    { nullable: 'always' },
  ),
  inBase('BIN', 2),
  inBase('OCT', 8),
];
