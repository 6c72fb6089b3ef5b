import { CP1252_HIGH } from './data/cp1252.ts';

/** Character sets whose bytes this program makes and reads; the others are known by name only. */
export type Charset = 'utf8mb4' | 'utf8mb3' | 'latin1' | 'ascii' | 'ucs2' | 'utf16' | 'utf16le' | 'utf32' | 'binary';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

const FROM_CP1252: ReadonlyMap<number, number> = new Map(
  [...CP1252_HIGH].map((c, i) => [c.codePointAt(0) as number, 0x80 + i]),
);

/** Bytes of a text in a character set; what it has no sign for becomes '?'. */
export function encodeText(text: string, charset: string): Uint8Array {
  switch (charset) {
    case 'latin1': {
      const points = Array.from(text, (c) => c.codePointAt(0) as number);
      return Uint8Array.from(points, (p) => (p < 0x80 || (p >= 0xa0 && p <= 0xff) ? p : (FROM_CP1252.get(p) ?? 63)));
    }
    case 'ascii':
      return Uint8Array.from(
        Array.from(text, (c) => c.codePointAt(0) as number),
        (p) => (p < 0x80 ? p : 63),
      );
    case 'ucs2':
    case 'utf16':
    case 'utf16le': {
      const source = charset === 'ucs2' ? text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '?') : text;
      const bytes = new Uint8Array(source.length * 2);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < source.length; i++) view.setUint16(2 * i, source.charCodeAt(i), charset === 'utf16le');
      return bytes;
    }
    case 'utf32': {
      const points = Array.from(text, (c) => c.codePointAt(0) as number);
      const bytes = new Uint8Array(points.length * 4);
      const view = new DataView(bytes.buffer);
      points.forEach((p, i) => view.setUint32(4 * i, p));
      return bytes;
    }
    case 'utf8mb3':
      return encoder.encode(text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '?'));
    default:
      return encoder.encode(text);
  }
}

/** The text of bytes in a character set, undefined where they are no text of it. */
export function decodeText(bytes: Uint8Array, charset: string): string | undefined {
  switch (charset) {
    case 'latin1':
      return latin1(bytes);
    case 'ascii':
      return bytes.every((b) => b < 0x80) ? latin1(bytes) : undefined;
    case 'ucs2':
    case 'utf16':
    case 'utf16le': {
      const whole = evenly(bytes, 2);
      const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
      let text = '';
      for (let i = 0; i < whole.length; i += 2) text += String.fromCharCode(view.getUint16(i, charset === 'utf16le'));
      return text.isWellFormed() ? text : undefined;
    }
    case 'utf32': {
      const whole = evenly(bytes, 4);
      const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
      let text = '';
      for (let i = 0; i < whole.length; i += 4) {
        const point = view.getUint32(i);
        if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return undefined;
        text += String.fromCodePoint(point);
      }
      return text;
    }
    default: {
      try {
        const text = strictDecoder.decode(bytes);
        return charset === 'utf8mb3' && /[\ud800-\udbff]/.test(text) ? undefined : text;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return undefined;
      }
    }
  }
}

/** The text of UTF-8 bytes, with U+FFFD for what is none. */
export function decodeLenient(bytes: Uint8Array): string {
  return lenientDecoder.decode(bytes);
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

// MySQL fills up in front a string whose bytes do not make whole characters.
function evenly(bytes: Uint8Array, unit: number): Uint8Array {
  const missing = (unit - (bytes.length % unit)) % unit;
  if (missing === 0) return bytes;
  const whole = new Uint8Array(bytes.length + missing);
  whole.set(bytes, missing);
  return whole;
}

/** A character for each byte, with the byte's number. */
export function latin1Text(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** The bytes of such a text. */
export function bytesOfLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const b of bytes) text += b >= 0x80 && b < 0xa0 ? (CP1252_HIGH[b - 0x80] as string) : String.fromCharCode(b);
  return text;
}

const ASCII = /^[\x00-\x7f]*$/;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Characters, which are code points, of a text. */
export function charLength(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}

/** Bytes of a text in UTF-8, without making them. */
export function utf8Length(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) count++;
    else if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count += 2;
      i++;
    } else count += 2;
  }
  return count;
}

/** Bytes of a text in a character set. */
export function byteLength(text: string, charset: string): number {
  switch (charset) {
    case 'utf8mb4':
      return utf8Length(text);
    case 'latin1':
    case 'ascii':
      return charLength(text);
    case 'utf16':
    case 'utf16le':
      return text.length * 2;
    case 'utf32':
      return charLength(text) * 4;
    default:
      return encodeText(text, charset).length;
  }
}

/** Whether a text can be written in a character set without loss. */
export function isEncodable(text: string, charset: string): boolean {
  switch (charset) {
    case 'utf8mb3':
    case 'ucs2':
      return !/[\ud800-\udfff]/.test(text);
    case 'ascii':
      return isAscii(text);
    case 'latin1': {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80 && (code < 0xa0 || code > 0xff) && !FROM_CP1252.has(code)) return false;
      }
      return true;
    }
    default:
      return true;
  }
}
