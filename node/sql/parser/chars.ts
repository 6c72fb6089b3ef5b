/** Classes of characters, 0 for what is in none; every character beyond ASCII may stand in an identifier. */
const CHAR_SPACE = 1;
export const CHAR_DIGIT = 2;
export const CHAR_LETTER = 3;

export const CLASSES = new Uint8Array(128);
for (const c of [9, 10, 11, 12, 13, 32]) CLASSES[c] = CHAR_SPACE;
for (let c = 48; c <= 57; c++) CLASSES[c] = CHAR_DIGIT;
for (let c = 65; c <= 90; c++) CLASSES[c] = CHAR_LETTER;
for (let c = 97; c <= 122; c++) CLASSES[c] = CHAR_LETTER;
CLASSES[36] = CHAR_LETTER;
CLASSES[95] = CHAR_LETTER;

export const classOf = (c: number): number => (c < 128 ? (CLASSES[c] as number) : CHAR_LETTER);
export const isIdentChar = (c: number): boolean => (c < 128 ? (CLASSES[c] as number) >= CHAR_DIGIT : c === c);
export const isDigit = (c: number): boolean => c >= 48 && c <= 57;
export const isHexDigit = (c: number): boolean => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
export const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);

/** Names of character sets that an introducer may have, without the underscore. */
const INTRODUCERS = new Set(
  (
    'armscii8 ascii big5 binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030 gb2312 ' +
    'gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 tis620 ucs2 ' +
    'ujis utf16 utf16le utf32 utf8 utf8mb3 utf8mb4'
  ).split(' '),
);
export const isIntroducer = (name: string): boolean => INTRODUCERS.has(name);
