import type { SqlType } from '../types/index.ts';
import { byteLength, charsetOf, decodeText, encodeText, sortKey } from '../values/index.ts';
import { define, definePrepared, MANY } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { commonCollation, foldText } from './like.ts';
import {
  all,
  changeCase,
  charLength,
  constantNumber,
  defineText,
  firstLength,
  only,
  sliceChars,
  tooLarge,
  totalLength,
} from './text-tools.ts';
import { BIGINT, binaryType, charsOf, collationOfResult, textType } from './types-of-results.ts';

const HUGE = 4294967295;
const NUMBERS: ReadonlySet<string> = new Set(['int', 'year', 'bit', 'decimal', 'float', 'double']);

/** Length after repeating or padding to a known count; the longest there is where it is not known. */
const byCount =
  (index: number, of: (chars: number, count: number) => number) =>
  (args: readonly ArgInfo[]): number => {
    const count = constantNumber(args[index]);
    return count === undefined ? HUGE : Math.min(HUGE, of(charsOf(args[0] as ArgInfo), Math.max(0, count)));
  };

const lengthDefinition = (name: string, factor: number): FunctionDefinition =>
  definePrepared(
    name,
    1,
    (_index, args) => ((args[0] as ArgInfo).type.kind === 'string' ? 'text' : 'bytes'),
    BIGINT,
    (types): Call => {
      const type = types[0] as SqlType;
      if (type.kind !== 'string') return (_env, bytes: Uint8Array) => bytes.length * factor;
      const charset = charsetOf(type.collation);
      return (_env, text: string) => byteLength(text, charset) * factor;
    },
  );

const charLengthDefinition = (name: string): FunctionDefinition =>
  define(name, 1, 'chars', BIGINT, (_env, value: string | Uint8Array) =>
    typeof value === 'string' ? charLength(value) : value.length,
  );

/** SQL's SUBSTRING: a position below 0 is counted from the end. */
export function substring(text: string, position: number, count = Number.MAX_SAFE_INTEGER): string {
  if (position === 0 || count <= 0) return '';
  const plain = !/[\ud800-\udfff]/.test(text);
  const total = plain ? text.length : charLength(text);
  const start = position > 0 ? position - 1 : total + position;
  if (start < 0 || start >= total) return '';
  return plain ? text.slice(start, start + count) : sliceChars(text, start, start + count);
}

/** Characters that are left from a known position on, and at most the known count of them. */
function substringLength(args: readonly ArgInfo[]): number {
  const chars = firstLength(args);
  const position = constantNumber(args[1]) ?? 1;
  const left = position > 0 ? Math.max(0, chars - position + 1) : Math.min(chars, -position);
  return Math.min(left, Math.max(0, constantNumber(args[2]) ?? HUGE));
}

const substringDefinition = (name: string): FunctionDefinition =>
  defineText(name, [2, 3], only(0), 'num', substringLength, (_env, text: string, position: number, count?: number) =>
    substring(text, position, count),
  );

const changeCaseDefinition = (name: string, upper: boolean): FunctionDefinition =>
  definePrepared(
    name,
    1,
    'chars',
    (args, env) => textType(charsOf(args[0] as ArgInfo), collationOfResult(args, env, name.toLowerCase())),
    (): Call => (_env, value: string | Uint8Array) => (typeof value === 'string' ? changeCase(value, upper) : value),
  );

function pad(env: CallEnv, name: string, text: string, count: number, fill: string, left: boolean): string | null {
  if (count < 0) return null;
  const length = charLength(text);
  if (count <= length) return sliceChars(text, 0, count);
  if (tooLarge(env, name, count)) return null;
  if (fill === '') return text;
  const missing = count - length;
  const filler = sliceChars(fill.repeat(Math.ceil(missing / charLength(fill))), 0, missing);
  return left ? filler + text : text + filler;
}

const padDefinition = (name: string, left: boolean): FunctionDefinition =>
  defineText(
    name,
    3,
    only(0, 2),
    'num',
    byCount(1, (_chars, count) => count),
    (env, text: string, count: number, fill: string) => pad(env, name.toLowerCase(), text, count, fill, left),
    { nullable: 'always' },
  );

function trim(text: string, remove: string, left: boolean, right: boolean): string {
  if (remove === '') return text;
  let start = 0;
  let end = text.length;
  if (left) while (end - start >= remove.length && text.startsWith(remove, start)) start += remove.length;
  if (right) while (end - start >= remove.length && text.endsWith(remove, end)) end -= remove.length;
  return text.slice(start, end);
}

const trimDefinition = (name: string, left: boolean, right: boolean): FunctionDefinition =>
  defineText(name, [1, 2], all, 'text', firstLength, (_env, text: string, remove = ' ') =>
    trim(text, remove, left, right),
  );

/** Where a text first stands in another, in characters from `from` on; -1 where it does not. */
export function locator(types: readonly SqlType[]): (text: string, part: string, from: number) => number {
  const collation = commonCollation(types);
  const fold = foldText(collation === 'binary' ? 'utf8mb4_bin' : collation);
  return (text, part, from) => {
    const [points, wanted] = [fold(text), fold(part)];
    if (from < 0 || from > points.length) return -1;
    for (let at = from; at + wanted.length <= points.length; at++) {
      let i = 0;
      while (i < wanted.length && points[at + i] === wanted[i]) i++;
      if (i === wanted.length) return at;
    }
    return -1;
  };
}

const bytesAsText = (value: string | Uint8Array): string =>
  typeof value === 'string' ? value : (decodeText(value, 'utf8mb4') ?? String.fromCharCode(...value));

function locateDefinition(name: string, textFirst: boolean): FunctionDefinition {
  return definePrepared(
    name,
    textFirst ? 2 : [2, 3],
    ['chars', 'chars', 'num'],
    BIGINT,
    (types): Call => {
      const find = locator(types.slice(0, 2));
      return (_env, a: string | Uint8Array, b: string | Uint8Array, from = 1) => {
        const [text, part] = (textFirst ? [a, b] : [b, a]).map(bytesAsText) as [string, string];
        return from < 1 ? 0 : find(text, part, from - 1) + 1;
      };
    },
    { collated: true },
  );
}

const SOUNDS = '01230120022455012623010202';

function soundex(text: string): string {
  let code = '';
  let last = '';
  for (const c of text) {
    if (!/\p{Alphabetic}/u.test(c)) continue;
    const upper = /[a-z]/.test(c) ? c.toUpperCase() : c;
    const at = upper.charCodeAt(0) - 65;
    const sound = at >= 0 && at < 26 ? (SOUNDS[at] as string) : '0';
    if (code === '') code = upper;
    else if (sound !== '0' && sound !== last) code += sound;
    else continue;
    last = sound;
  }
  return code === '' ? '' : code.padEnd(4, '0');
}

function substringIndex(text: string, delimiter: string, count: number): string {
  if (delimiter === '' || count === 0) return '';
  if (count > 0) {
    let at = -delimiter.length;
    for (let i = 0; i < count; i++) {
      at = text.indexOf(delimiter, at + delimiter.length);
      if (at < 0) return text;
    }
    return text.slice(0, at);
  }
  let end = text.length;
  for (let i = 0; i < -count; i++) {
    const at = end < delimiter.length ? -1 : text.lastIndexOf(delimiter, end - delimiter.length);
    if (at < 0) return text;
    end = at;
  }
  return text.slice(end + delimiter.length);
}

function quote(text: string): string {
  return `'${text.replace(/['\\\0\x1a]/g, (c) => (c === '\0' ? '\\0' : c === '\x1a' ? '\\Z' : `\\${c}`))}'`;
}

export const strings: readonly FunctionDefinition[] = [
  definePrepared('ASCII', 1, 'bytes', BIGINT, (): Call => (_env, bytes: Uint8Array) => bytes[0] ?? 0),
  definePrepared('ORD', 1, 'chars', BIGINT, (types): Call => {
    const type = types[0] as SqlType;
    const charset = 'collation' in type ? charsetOf(type.collation) : 'utf8mb4';
    return (_env, value: string | Uint8Array) => {
      if (typeof value !== 'string') return value[0] ?? 0;
      if (value === '') return 0;
      return encodeText(String.fromCodePoint(value.codePointAt(0) as number), charset).reduce(
        (sum, b) => sum * 256 + b,
        0,
      );
    };
  }),
  lengthDefinition('LENGTH', 1),
  lengthDefinition('OCTET_LENGTH', 1),
  lengthDefinition('BIT_LENGTH', 8),
  charLengthDefinition('CHAR_LENGTH'),
  charLengthDefinition('CHARACTER_LENGTH'),
  define(
    'CHAR',
    [1, MANY],
    'int',
    (args) => binaryType(args.length * 4),
    (_env, ...codes: (bigint | null)[]) => {
      const bytes: number[] = [];
      for (const code of codes) {
        if (code === null) continue;
        const n = Number(BigInt.asUintN(32, code));
        const width = n > 0xffffff ? 4 : n > 0xffff ? 3 : n > 0xff ? 2 : 1;
        for (let i = width - 1; i >= 0; i--) bytes.push(Math.floor(n / 256 ** i) % 256);
      }
      return Uint8Array.from(bytes);
    },
    { nullPropagates: false, nullable: 'never' },
  ),
  defineText('CONCAT', [1, MANY], all, 'text', totalLength, (_env, a: string, ...rest: string[]) => {
    let text = a;
    for (const part of rest) text += part;
    return text;
  }),
  defineText(
    'CONCAT_WS',
    [2, MANY],
    all,
    'text',
    (args) => totalLength(args.slice(1)) + charsOf(args[0] as ArgInfo) * Math.max(0, args.length - 2),
    (_env, separator: string | null, ...parts: (string | null)[]) =>
      separator === null ? null : parts.filter((part) => part !== null).join(separator),
    { nullPropagates: false },
  ),
  defineText(
    'ELT',
    [2, MANY],
    (index) => index > 0,
    'num',
    (args) => args.slice(1).reduce((most, a) => Math.max(most, charsOf(a)), 0),
    (_env, n: number | null, ...list: (string | null)[]) => (n === null || n < 1 ? null : (list[n - 1] ?? null)),
    { nullPropagates: false, nullable: 'always' },
  ),
  defineText(
    'MAKE_SET',
    [2, MANY],
    (index) => index > 0,
    'int',
    (args) => totalLength(args.slice(1)) + args.length - 2,
    (_env, bits: bigint | null, ...list: (string | null)[]) =>
      bits === null ? null : list.filter((part, i) => part !== null && (bits >> BigInt(i)) & 1n).join(','),
    { nullPropagates: false },
  ),
  definePrepared(
    'EXPORT_SET',
    [3, 5],
    ['int', 'text', 'text', 'text', 'num'],
    (args, env) => {
      const texts = args.slice(1, 4);
      const longest = Math.max(charsOf(args[1] as ArgInfo), charsOf(args[2] as ArgInfo));
      const separator = args[3] === undefined ? 1 : charsOf(args[3]);
      return textType(longest * 64 + separator * 63, collationOfResult(texts, env, 'export_set'));
    },
    (): Call =>
      (_env, bits: bigint, on: string, off: string, separator = ',', count = 64) => {
        const n = count < 0 || count > 64 ? 64 : count;
        return Array.from({ length: n }, (_, i) => ((bits >> BigInt(i)) & 1n ? on : off)).join(separator);
      },
  ),
  definePrepared(
    'FIELD',
    [2, MANY],
    (_index, args) => {
      const kinds = args.map((a) => a.type.kind);
      if (!kinds.some((k) => NUMBERS.has(k))) return 'text';
      return kinds.every((k) => k === 'int' || k === 'year' || k === 'bit') ? 'int' : 'real';
    },
    BIGINT,
    (types): Call => {
      const key = sortKey(commonCollation(types) === 'binary' ? 'utf8mb4_bin' : commonCollation(types));
      return (_env, wanted: unknown, ...list: unknown[]) => {
        if (wanted === null) return 0;
        if (typeof wanted !== 'string') return list.indexOf(wanted) + 1;
        const k = key(wanted);
        return list.findIndex((item) => typeof item === 'string' && key(item) === k) + 1;
      };
    },
    { nullPropagates: false, nullable: 'never', collated: true },
  ),
  definePrepared(
    'FIND_IN_SET',
    2,
    'text',
    BIGINT,
    (types): Call => {
      const key = sortKey(commonCollation(types) === 'binary' ? 'utf8mb4_bin' : commonCollation(types));
      return (_env, wanted: string, list: string) => {
        if (list === '' || wanted.includes(',')) return 0;
        const k = key(wanted);
        return list.split(',').findIndex((item) => key(item) === k) + 1;
      };
    },
    { collated: true },
  ),
  defineText(
    'INSERT',
    4,
    only(0, 3),
    'num',
    (args) => charsOf(args[0] as ArgInfo) + charsOf(args[3] as ArgInfo),
    (_env, text: string, position: number, count: number, part: string) => {
      const length = charLength(text);
      if (position < 1 || position > length) return text;
      const end = count < 0 || count > length - position + 1 ? length : position - 1 + count;
      return sliceChars(text, 0, position - 1) + part + sliceChars(text, end, length);
    },
  ),
  locateDefinition('LOCATE', false),
  locateDefinition('POSITION', false),
  locateDefinition('INSTR', true),
  changeCaseDefinition('LOWER', false),
  changeCaseDefinition('LCASE', false),
  changeCaseDefinition('UPPER', true),
  changeCaseDefinition('UCASE', true),
  defineText(
    'LEFT',
    2,
    only(0),
    'num',
    byCount(1, (chars, count) => Math.min(chars, count)),
    (_env, text: string, count: number) => (count <= 0 ? '' : sliceChars(text, 0, count)),
  ),
  defineText(
    'RIGHT',
    2,
    only(0),
    'num',
    byCount(1, (chars, count) => Math.min(chars, count)),
    (_env, text: string, count: number) => {
      const length = charLength(text);
      return count <= 0 ? '' : sliceChars(text, Math.max(0, length - count), length);
    },
  ),
  substringDefinition('SUBSTRING'),
  substringDefinition('SUBSTR'),
  substringDefinition('MID'),
  padDefinition('LPAD', true),
  padDefinition('RPAD', false),
  trimDefinition('TRIM', true, true),
  trimDefinition('LTRIM', true, false),
  trimDefinition('RTRIM', false, true),
  defineText(
    'REPEAT',
    2,
    only(0),
    'num',
    byCount(1, (chars, count) => chars * count),
    (env, text: string, count: number) => {
      if (count <= 0 || text === '') return '';
      return tooLarge(env, 'repeat', text.length * count) ? null : text.repeat(count);
    },
    { nullable: 'always' },
  ),
  define(
    'SPACE',
    1,
    'num',
    (args, env) => textType(constantNumber(args[0]) ?? HUGE, env.collation),
    (env, count: number) => (count <= 0 ? '' : tooLarge(env, 'space', count) ? null : ' '.repeat(count)),
    { nullable: 'always' },
  ),
  defineText(
    'REPLACE',
    3,
    all,
    'text',
    (args) => {
      const [text, from, to] = args.map(charsOf) as [number, number, number];
      const times = Math.floor(text / Math.max(1, from));
      return Math.min(HUGE, Math.max(text, (text % Math.max(1, from)) + times * to));
    },
    (env, text: string, from: string, to: string) => {
      if (from === '') return text;
      const result = text.replaceAll(from, () => to);
      return tooLarge(env, 'replace', result.length) ? null : result;
    },
    { nullable: 'always' },
  ),
  defineText('REVERSE', 1, all, 'text', firstLength, (_env, text: string) => Array.from(text).reverse().join('')),
  defineText(
    'SOUNDEX',
    1,
    all,
    'text',
    (args) => Math.max(4, firstLength(args)),
    (_env, text: string) => soundex(text),
  ),
  defineText(
    'SUBSTRING_INDEX',
    3,
    only(0, 1),
    'num',
    firstLength,
    (_env, text: string, delimiter: string, count: number) => substringIndex(text, delimiter, count),
  ),
  defineText(
    'QUOTE',
    1,
    all,
    'text',
    (args) => firstLength(args) * 2 + 2,
    (_env, text: string | null) => (text === null ? 'NULL' : quote(text)),
    { nullPropagates: false },
  ),
];
