/**
 * Character sets as the wire needs them: the collation id that column definitions carry, the longest character, and a
 * coder. Text is Unicode inside; a client that set another character_set_results gets its bytes converted here.
 */
import iconv from 'iconv-lite';

export interface Charset {
  readonly name: string;
  /** Id of its default collation. */
  readonly collation: number;
  /** Bytes of its longest character. */
  readonly maxLength: number;
  /** utf8: JavaScript strings are written as UTF-8 in place. */
  readonly utf8: boolean;
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
}

const utf8 = (name: string, collation: number, maxLength: number): Charset => ({
  name,
  collation,
  maxLength,
  utf8: true,
  encode: (text) => Buffer.from(text, 'utf8'),
  decode: (bytes) => view(bytes).toString('utf8'),
});

const other = (name: string, collation: number, maxLength: number, encoding: string): Charset => ({
  name,
  collation,
  maxLength,
  utf8: false,
  encode: (text) => iconv.encode(text, encoding),
  decode: (bytes) => iconv.decode(view(bytes), encoding),
});

/** A Buffer on the same memory, whatever the view's class. */
const view = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const ascii: Charset = {
  name: 'ascii',
  collation: 11,
  maxLength: 1,
  utf8: false,
  // A character outside ASCII is sent as '?', one for each character as MySQL does.
  encode: (text) => Buffer.from(text.replace(/[\u{80}-\u{10ffff}]/gu, '?'), 'latin1'),
  decode: (bytes) => view(bytes).toString('latin1'),
};

const list: readonly Charset[] = [
  utf8('utf8mb4', 255, 4),
  utf8('utf8mb3', 33, 3),
  utf8('utf8', 33, 3),
  ascii,
  // MySQL's latin1 is Windows-1252.
  other('latin1', 8, 1, 'win1252'),
  other('latin2', 9, 1, 'iso88592'),
  other('latin5', 30, 1, 'iso88599'),
  other('latin7', 41, 1, 'iso885913'),
  other('cp1250', 26, 1, 'win1250'),
  other('cp1251', 51, 1, 'win1251'),
  other('cp1256', 57, 1, 'win1256'),
  other('cp1257', 59, 1, 'win1257'),
  other('cp850', 4, 1, 'cp850'),
  other('cp852', 40, 1, 'cp852'),
  other('cp866', 36, 1, 'cp866'),
  other('koi8r', 7, 1, 'koi8r'),
  other('koi8u', 22, 1, 'koi8u'),
  other('greek', 25, 1, 'iso88597'),
  other('hebrew', 16, 1, 'iso88598'),
  other('tis620', 18, 1, 'tis620'),
  other('macroman', 39, 1, 'macroman'),
  other('macce', 38, 1, 'maccenteuro'),
  other('gbk', 28, 2, 'gbk'),
  other('gb2312', 24, 2, 'gb2312'),
  other('gb18030', 248, 4, 'gb18030'),
  other('big5', 1, 2, 'big5hkscs'),
  other('euckr', 19, 2, 'euckr'),
  other('sjis', 13, 2, 'shiftjis'),
  other('cp932', 95, 2, 'cp932'),
  other('ujis', 12, 3, 'eucjp'),
  other('eucjpms', 97, 3, 'eucjp'),
  other('ucs2', 35, 2, 'utf16be'),
  other('utf16', 54, 4, 'utf16be'),
  other('utf16le', 56, 4, 'utf16le'),
  other('utf32', 60, 4, 'utf32be'),
];

const byName = new Map(list.map((charset) => [charset.name, charset]));

export const UTF8MB4 = byName.get('utf8mb4') as Charset;

/** The character set of that name; text in one we do not know goes as UTF-8. */
export function charsetOf(name: string): Charset {
  return byName.get(name) ?? UTF8MB4;
}

const COLLATION_IDS: Readonly<Record<string, number>> = {
  utf8mb4_general_ci: 45,
  utf8mb4_bin: 46,
  utf8mb4_unicode_ci: 224,
  utf8mb4_unicode_520_ci: 246,
  utf8mb4_0900_ai_ci: 255,
  utf8mb4_0900_as_ci: 305,
  utf8mb4_0900_as_cs: 278,
  utf8mb4_0900_bin: 309,
  utf8mb3_general_ci: 33,
  utf8mb3_unicode_ci: 192,
  utf8mb3_bin: 83,
  latin1_swedish_ci: 8,
  latin1_general_ci: 48,
  latin1_general_cs: 49,
  latin1_bin: 47,
  ascii_general_ci: 11,
  ascii_bin: 65,
};

/** The id of a collation by its name; the default of its character set when the name is not known here. */
export function collationId(name: string): number {
  return COLLATION_IDS[name] ?? charsetOf(name.slice(0, Math.max(0, name.indexOf('_')))).collation;
}
