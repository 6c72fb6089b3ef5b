import { DUCET } from './data/ducet.ts';

/**
 * Sort keys under the root collation (UCA 9.0.0's table).
 *
 * A key is made of characters whose order is the order of the weights. It could be the weights themselves; but a code
 * in which blanks, hyphens, digits and letters stand for themselves makes the key of most text its lower case, which is
 * fast and short. Weights between those take a character that stands for the gap, then the weight.
 */

const LANDMARKS = ' -0123456789abcdefghijklmnopqrstuvwxyz';

/** Weights (primary, secondary, tertiary) one after another, and where those of a code point lie: start * 32 + count, plus 1. */
interface Table {
  readonly elements: Uint16Array;
  readonly index: Uint32Array;
  /** The primaries of LANDMARKS. */
  readonly landmarks: readonly number[];
}

const INDEXED = 0x30000;
let loaded: Table | undefined;

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function decodeBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let i = 0; i < 64; i++) values[BASE64.charCodeAt(i)] = i;
  const bytes = new Uint8Array((text.length * 3) >> 2);
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    const bits =
      ((values[text.charCodeAt(i)] as number) << 18) |
      ((values[text.charCodeAt(i + 1)] as number) << 12) |
      ((values[text.charCodeAt(i + 2)] as number) << 6) |
      (values[text.charCodeAt(i + 3)] as number);
    bytes[at++] = bits >> 16;
    bytes[at++] = bits >> 8;
    bytes[at++] = bits;
  }
  return bytes;
}

function load(): Table {
  const bytes = decodeBase64(DUCET.replace(/=+$/, (pad) => 'A'.repeat(pad.length)));
  const end = bytes.length - (/=*$/.exec(DUCET)?.[0].length ?? 0);
  const elements: number[] = [];
  const index = new Uint32Array(INDEXED);
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  let point = -1;
  let primary = 0;
  while (at < end) {
    point += number() + 1;
    const head = number();
    const count = head >> 1;
    // The few above this range are tags and variation selectors, which have no weight (see elementsOf).
    if (point < INDEXED) index[point] = (elements.length / 3) * 32 + count + 1;
    for (let i = 0; i < count; i++) {
      const delta = number();
      primary += delta & 1 ? -((delta + 1) >> 1) : delta >> 1;
      elements.push(primary, head & 1 ? number() : 0x20, head & 1 ? number() : 0x02);
    }
  }
  const table = Uint16Array.from(elements);
  const primaryOf = (c: string): number =>
    table[Math.floor(((index[c.charCodeAt(0)] as number) - 1) / 32) * 3] as number;
  return { elements: table, index, landmarks: [...LANDMARKS].map(primaryOf) };
}

function table(): Table {
  return (loaded ??= load());
}

function implicit(point: number): number[] {
  const core =
    (point >= 0x4e00 && point <= 0x9fd5) ||
    (point >= 0xfa0e &&
      point <= 0xfa29 &&
      [0x0e, 0x0f, 0x11, 0x13, 0x14, 0x1f, 0x21, 0x23, 0x24, 0x27, 0x28, 0x29].includes(point & 0xff));
  const extension =
    (point >= 0x3400 && point <= 0x4db5) ||
    (point >= 0x20000 && point <= 0x2a6d6) ||
    (point >= 0x2a700 && point <= 0x2b734) ||
    (point >= 0x2b740 && point <= 0x2b81d) ||
    (point >= 0x2b820 && point <= 0x2cea1);
  if (point >= 0x17000 && point <= 0x18aff) return [0xfb00, 0x20, 2, (point - 0x17000) | 0x8000, 0, 0];
  const base = core ? 0xfb40 : extension ? 0xfb80 : 0xfbc0;
  return [base + (point >> 15), 0x20, 2, (point & 0x7fff) | 0x8000, 0, 0];
}

/** Weights of a code point, three by three. */
function elementsOf(point: number): ArrayLike<number> {
  const { elements, index } = table();
  const entry = point < INDEXED ? (index[point] as number) : 0;
  if (entry !== 0) {
    const start = Math.floor((entry - 1) / 32);
    return elements.subarray(start * 3, (start + ((entry - 1) % 32)) * 3);
  }
  // MySQL takes the few code points behind the last syllable along.
  if (point >= 0xac00 && point <= 0xd7af) {
    const syllable = point - 0xac00;
    const trail = syllable % 28;
    const jamo = [0x1100 + Math.floor(syllable / 588), 0x1161 + Math.floor((syllable % 588) / 28)];
    if (trail > 0) jamo.push(0x11a7 + trail);
    return jamo.flatMap((j) => Array.from(elementsOf(j)));
  }
  if (point === 0xe0001 || (point >= 0xe0020 && point <= 0xe007f) || (point >= 0xe0100 && point <= 0xe01ef)) return [];
  return implicit(point);
}

/** A weight as a character: those from 0xD800 on move up by a plane, past the surrogates. */
export function weightChar(weight: number): string {
  return weight < 0xd800 ? String.fromCharCode(weight) : String.fromCodePoint(weight + 0x10000);
}

function primaryCode(weight: number): string {
  const { landmarks } = table();
  let at = landmarks.length - 1;
  while (at >= 0 && (landmarks[at] as number) > weight) at--;
  if (at < 0) return `\x1f${weightChar(weight)}`;
  const mark = LANDMARKS[at] as string;
  if (landmarks[at] === weight) return mark;
  if (mark === ' ') return `!${weightChar(weight)}`;
  if (mark === '-') return `.${weightChar(weight)}`;
  if (mark === 'z') return weightChar(weight);
  return `${mark}\u{10ffff}${weightChar(weight)}`;
}

function primariesOf(point: number): string {
  const elements = elementsOf(point);
  let key = '';
  for (let i = 0; i < elements.length; i += 3) {
    if (elements[i] !== 0) key += primaryCode(elements[i] as number);
  }
  return key;
}

const basic: (string | undefined)[] = new Array<string | undefined>(0x10000).fill(undefined);

/** The part of a key that one code point makes. */
function primaryKeyOfPoint(point: number): string {
  if (point > 0xffff) return primariesOf(point);
  return (basic[point] ??= primariesOf(point));
}

const PLAIN = /^[ \-0-9A-Za-z]*$/;

/** By primary weights such texts sort as their bytes do, but for the case of letters. */
export const isPlain = (text: string): boolean => PLAIN.test(text);

/** The key by primary weights: case and accents do not count. */
export function primaryKey(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase();
  let key = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit & 0xfc00) === 0xd800) {
      key += primaryKeyOfPoint(text.codePointAt(i) as number);
      i++;
    } else key += basic[unit] ?? primaryKeyOfPoint(unit);
  }
  return key;
}

/** As `primaryKey`, but code points above U+FFFF all weigh the same: UCA 4.0.0's collations know none of them. */
export function basicPlaneKey(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase();
  let key = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit & 0xfc00) === 0xd800) {
      key += weightChar(0xfffd);
      i++;
    } else key += basic[unit] ?? primaryKeyOfPoint(unit);
  }
  return key;
}

const LOWER = /^[ \-0-9a-z]*$/;

/**
 * The key by two or three levels: primaries, then secondaries (accents), then tertiaries (case). Levels are set apart by
 * U+0001, below any weight, and the lowest weight at a level's end says nothing and is left out.
 */
export function levelKey(text: string, levels: 2 | 3): string {
  if (LOWER.test(text)) return text;
  let secondaries = '';
  let tertiaries = '';
  for (const c of text) {
    const elements = elementsOf(c.codePointAt(0) as number);
    for (let i = 0; i < elements.length; i += 3) {
      if (elements[i + 1] !== 0) secondaries += String.fromCharCode(elements[i + 1] as number);
      if (elements[i + 2] !== 0) tertiaries += String.fromCharCode(elements[i + 2] as number);
    }
  }
  const primary = primaryKey(text);
  const second = trimEnd(secondaries, 0x20);
  const third = levels === 3 ? trimEnd(tertiaries, 0x02) : '';
  if (third !== '') return `${primary}\x01${second}\x01${third}`;
  return second === '' ? primary : `${primary}\x01${second}`;
}

function trimEnd(text: string, unit: number): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === unit) end--;
  return text.slice(0, end);
}
