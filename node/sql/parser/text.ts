import type { LiteralValue } from './ast.ts';

const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes of a text whose char codes are bytes. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text);

/** UTF-8 to text; undefined where it is not valid. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    // Not UTF-8 is an answer here, not a fault.
    return undefined;
  }
}

const decodeLossy = (bytes: Uint8Array): string => lossy.decode(bytes);

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** An identifier or a name of a text whose char codes are bytes, if `latin1`. */
export const readName = (text: string, latin1: boolean): string =>
  latin1 && !isAscii(text) ? decodeLossy(bytesOf(text)) : text;

/** Replaces each doubled `quote` by one. */
export function undouble(text: string, quote: string): string {
  return text.includes(quote) ? text.replaceAll(quote + quote, quote) : text;
}

function unescape(sql: string, from: number, to: number, quote: number): string {
  let out = '';
  let kept = from;
  for (let i = from; i < to; i++) {
    const c = sql.charCodeAt(i);
    if (c === quote) {
      out += sql.slice(kept, i + 1);
      i++;
      kept = i + 1;
    } else if (c === 92) {
      out += sql.slice(kept, i);
      i++;
      kept = i + 1;
      const e = sql.charCodeAt(i);
      if (e === 110) out += '\n';
      else if (e === 116) out += '\t';
      else if (e === 114) out += '\r';
      else if (e === 98) out += '\b';
      else if (e === 48) out += '\0';
      else if (e === 90) out += '\x1a';
      else {
        // \% and \_ keep their backslash for LIKE.
        if (e === 37 || e === 95) out += '\\';
        kept = i;
      }
    }
  }
  return out + sql.slice(kept, to);
}

/** The content of one quoted string from its opening quote at `from` to after the closing one. */
export function unquote(sql: string, from: number, to: number, noBackslashEscapes: boolean): string {
  const quote = sql.charCodeAt(from);
  const end = to - 1;
  const q = quote === 39 ? "'" : '"';
  if (!noBackslashEscapes) {
    for (let i = from + 1; i < end; i++) {
      const c = sql.charCodeAt(i);
      if (c === 92 || c === quote) return unescape(sql, from + 1, end, quote);
    }
    return sql.slice(from + 1, end);
  }
  return undouble(sql.slice(from + 1, end), q);
}

/** A decoded string, or its bytes where they are wanted or are not UTF-8. */
export interface StringContent {
  readonly value: string;
  readonly bytes: Uint8Array | undefined;
}

export function stringContent(text: string, latin1: boolean, binary: boolean): StringContent {
  if (!latin1) return { value: text, bytes: binary ? encodeUtf8(text) : undefined };
  if (!binary && isAscii(text)) return { value: text, bytes: undefined };
  const bytes = bytesOf(text);
  const value = decodeUtf8(bytes);
  return { value: value ?? text, bytes: binary || value === undefined ? bytes : undefined };
}

/** The bytes of hexadecimal digits; an odd number of them begins with half a byte. */
export function hexBytes(digits: string): Uint8Array {
  const odd = digits.length & 1;
  const bytes = new Uint8Array((digits.length + odd) >> 1);
  for (let i = 0; i < bytes.length; i++) {
    const at = i * 2 - odd;
    bytes[i] = parseInt(at < 0 ? digits.slice(0, 1) : digits.slice(at, at + 2), 16);
  }
  return bytes;
}

/** The bytes of binary digits, right-aligned. */
export function bitBytes(digits: string): Uint8Array {
  const bytes = new Uint8Array((digits.length + 7) >> 3);
  for (let i = 0; i < digits.length; i++) {
    if (digits.charCodeAt(digits.length - 1 - i) === 49) {
      const at = bytes.length - 1 - (i >> 3);
      bytes[at] = (bytes[at] as number) | (1 << (i & 7));
    }
  }
  return bytes;
}

/** The value of an integer's digits: a number where that is exact. */
export function intValue(digits: string): number | bigint {
  if (digits.length <= 15) return +digits;
  const value = BigInt(digits);
  return value <= 9007199254740991n ? Number(value) : value;
}

/** The value of a decimal number's text (without exponent). */
export function decimalValue(text: string): LiteralValue {
  const point = text.indexOf('.');
  if (point < 0) return { unscaled: BigInt(text), scale: 0 };
  const fraction = text.slice(point + 1);
  return { unscaled: BigInt(text.slice(0, point) + fraction || '0'), scale: fraction.length };
}

const MAX_UINT64 = '18446744073709551615';

/** Whether an integer's digits pass 2^64-1, which makes it a decimal. */
export function isBigInteger(text: string): boolean {
  if (text.length < 20) return false;
  let first = 0;
  while (first < text.length - 1 && text.charCodeAt(first) === 48) first++;
  const digits = text.length - first;
  return digits > 20 || (digits === 20 && text.slice(first) > MAX_UINT64);
}
