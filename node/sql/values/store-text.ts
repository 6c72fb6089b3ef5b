import type { BinaryType, SqliteValue, SqlType, StringType } from '../types/index.ts';
import { byteLength, charLength, decodeText, isEncodable, utf8, utf8Length } from './charset.ts';
import { charsetOf } from './collation.ts';
import { sqlError } from './context.ts';
import { invalidJson, parseJson, printJson } from './json.ts';
import { doubleInWidth } from './number-text.ts';
import type { StoredColumn, StoreFrom } from './store.ts';
import { incorrect, tooLong, truncatedNote } from './store-errors.ts';
import type { Named } from './store-errors.ts';
import { bytesReader, isBinaryText, textReader } from './text-of.ts';

/** Bytes that a TEXT or BLOB takes at most. */
const FAMILY_BYTES: Readonly<Record<string, number>> = {
  tinytext: 255,
  text: 65535,
  mediumtext: 16777215,
  longtext: 4294967295,
  tinyblob: 255,
  blob: 65535,
  mediumblob: 16777215,
  longblob: 4294967295,
};

/** Bytes as error 1366 shows them: what is printable ASCII as it is, at most six. */
function shownBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes.subarray(0, 6)) {
    text +=
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return bytes.length > 6 ? `${text}...` : text;
}

function firstCharacters(text: string, count: number): string {
  let units = 0;
  for (let i = 0; i < count && units < text.length; i++) units += (text.codePointAt(units) as number) > 0xffff ? 2 : 1;
  return text.slice(0, units);
}

function firstBytes(text: string, limit: number, charset: string): string {
  let bytes = 0;
  let units = 0;
  for (const c of text) {
    bytes += byteLength(c, charset);
    if (bytes > limit) break;
    units += c.length;
  }
  return text.slice(0, units);
}

function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}

export function storeText(column: Named, type: StringType, from: SqlType): StoreFrom {
  const charset = charsetOf(type.collation);
  const isChar = type.family === 'char';
  const bytesAtMost = FAMILY_BYTES[type.family];
  const limit = type.length;

  const cut = (text: string, kept: string, ctx: Parameters<StoreFrom>[1]): string => {
    if (withoutBlanks(text.slice(kept.length)) !== '') tooLong(column, ctx);
    else if (!isChar) truncatedNote(column, ctx);
    return kept;
  };
  const fit = (source: string, ctx: Parameters<StoreFrom>[1]): string => {
    let text = source;
    if (charset !== 'utf8mb4' && !isEncodable(text, charset)) {
      const at = Array.from(text).findIndex((c) => !isEncodable(c, charset));
      incorrect('string', shownBytes(utf8(Array.from(text).slice(at).join(''))), column, ctx);
      text = Array.from(text, (c) => (isEncodable(c, charset) ? c : '?')).join('');
    }
    if (bytesAtMost !== undefined) {
      if (text.length * 4 <= bytesAtMost || byteLength(text, charset) <= bytesAtMost) return text;
      return cut(text, firstBytes(text, bytesAtMost, charset), ctx);
    }
    // Code units are never fewer than characters.
    if (text.length > limit && charLength(text) > limit) text = cut(text, firstCharacters(text, limit), ctx);
    return isChar ? withoutBlanks(text) : text;
  };

  if (from.kind === 'string') {
    if (charset === 'utf8mb4' && bytesAtMost === undefined && !isChar) {
      return (value, ctx) => ((value as string).length <= limit ? value : fit(value as string, ctx));
    }
    return (value, ctx) => fit(value as string, ctx);
  }
  if (isBinaryText(from)) {
    const read = bytesReader(from);
    return (value, ctx) => {
      const bytes = read(value, ctx);
      const text = decodeText(bytes, charset);
      if (text !== undefined) return fit(text, ctx);
      const sound = soundPrefix(bytes, charset);
      incorrect('string', shownBytes(bytes.subarray(utf8Length(sound))), column, ctx);
      return fit(sound, ctx);
    };
  }
  if ((from.kind === 'double' || from.kind === 'float') && from.digits === undefined && limit < 24) {
    // A number is written shorter, if that makes it fit.
    const read = textReader(from);
    return (value, ctx) => {
      const text = read(value, ctx);
      return fit(text.length <= limit ? text : doubleInWidth(Number(value), limit), ctx);
    };
  }
  const read = textReader(from);
  return (value, ctx) => fit(read(value, ctx), ctx);
}

function soundPrefix(bytes: Uint8Array, charset: string): string {
  // UTF-8 characters are at most 4 bytes: the longest sound prefix ends a few bytes around the fault.
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    let sound = false;
    for (let back = 0; back < 4 && !sound && middle - back >= 0; back++) {
      sound = middle - back > low - 4 && decodeText(bytes.subarray(0, middle - back), charset) !== undefined;
    }
    if (sound) low = middle;
    else high = middle - 1;
  }
  for (let back = 0; back < 4; back++) {
    const text = decodeText(bytes.subarray(0, Math.max(0, low - back)), charset);
    if (text !== undefined) return text;
  }
  return '';
}

export function storeBinary(column: Named, type: BinaryType, from: SqlType): StoreFrom {
  const limit = FAMILY_BYTES[type.family] ?? type.length;
  const padded = type.family === 'binary';
  const read = bytesReader(from);
  const isReal = (from.kind === 'double' || from.kind === 'float') && from.digits === undefined && limit < 24;
  return (value, ctx) => {
    let bytes = read(value, ctx);
    if (isReal && bytes.length > limit) bytes = utf8(doubleInWidth(Number(value), limit));
    if (bytes.length > limit) {
      tooLong(column, ctx);
      bytes = bytes.slice(0, limit);
    }
    if (!padded || bytes.length === limit) return bytes;
    const full = new Uint8Array(limit);
    full.set(bytes);
    return full;
  };
}

export function storeJson(column: StoredColumn, from: SqlType): StoreFrom {
  if (from.kind === 'json') return (value) => value;
  const where = column.table === undefined ? column.name : `${column.table}.${column.name}`;
  if (isBinaryText(from)) {
    return () => {
      throw sqlError(3144, "Cannot create a JSON value from a string with CHARACTER SET 'binary'.");
    };
  }
  if (from.kind !== 'string') {
    return () => {
      throw invalidJson({ message: 'not a JSON text, may need CAST', position: 0 }, where);
    };
  }
  return (value): SqliteValue => {
    const parsed = parseJson(value as string);
    if ('error' in parsed) throw invalidJson(parsed.error, where);
    return printJson(parsed.value);
  };
}
