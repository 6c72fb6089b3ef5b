import { weightChar } from './collation-root.ts';
import { CP1252_HIGH } from './data/cp1252.ts';

/**
 * The collations that weigh every character by itself: `*_general_ci`, with the upper case of the base letter as it was
 * in Unicode 3.0, and `latin1_swedish_ci`.
 */

/** Blocks whose letters lose their accents. */
const ACCENTED: readonly (readonly [number, number])[] = [
  [0xc0, 0x24f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x1e00, 0x1fff],
];

/** Blocks that had two cases by then. */
const CASED: readonly (readonly [number, number])[] = [
  [0x61, 0x7a],
  [0xb5, 0x233],
  [0x250, 0x4ff],
  [0x531, 0x587],
  [0x1e00, 0x1fff],
  [0x2170, 0x217f],
  [0x24d0, 0x24e9],
  [0xff41, 0xff5a],
];

/** Characters in those blocks that got their other case, or their decomposition, later on. */
const ITSELF = new Set(
  'ƀƚƛƞɐɑɒɜɡɤɥɦɪɫɬɱɽʂʇʉʌʝʞͱͳͷͻͼͽ΅ϗϙϳϵϸϻҋӆӊӎӏӷӻӽӿỻỽỿ\u0419\u1fbb\u1fc1\u1fc9\u1fcb\u1fcd\u1fce\u1fcf\u1fd3\u1fdb\u1fdd\u1fde\u1fdf\u1fe3\u1feb\u1fed\u1fee\u1ff9\u1ffb',
);
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ['ß', 'S'],
  ['ϲ', 'Σ'],
  ['\u0439', '\u0419'],
  ['\u1f71', '\u1fbb'],
  ['\u1f73', '\u1fc9'],
  ['\u1f75', '\u1fcb'],
  ['\u1f77', '\u1fdb'],
  ['\u1f79', '\u1ff9'],
  ['\u1f7b', '\u1feb'],
  ['\u1f7d', '\u1ffb'],
]);

const within = (point: number, blocks: readonly (readonly [number, number])[]): boolean =>
  blocks.some(([from, to]) => point >= from && point <= to);

function generalFold(c: string): string {
  const exception = EXCEPTIONS.get(c);
  if (exception !== undefined) return exception;
  if (ITSELF.has(c)) return c;
  const point = c.charCodeAt(0);
  let base = c;
  if (within(point, ACCENTED)) {
    const decomposed = c.normalize('NFD');
    if (decomposed.length > 1) base = decomposed.charAt(0);
  }
  if (!within(point, CASED)) return base;
  const upper = base.toUpperCase();
  return upper.length === 1 ? upper : base;
}

const general: (string | undefined)[] = new Array<string | undefined>(0x10000).fill(undefined);
const NO_CHARACTER = weightChar(0xfffd);

function generalWeight(unit: number): string {
  return (general[unit] ??= weightChar(generalFold(String.fromCharCode(unit)).charCodeAt(0)));
}

const ASCII = /^[\x00-\x7f]*$/;

/** The key of `*_general_ci`, trailing blanks included. */
export function generalKey(text: string): string {
  if (ASCII.test(text)) return text.toUpperCase();
  let key = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit & 0xfc00) === 0xd800) {
      key += NO_CHARACTER;
      i++;
    } else key += general[unit] ?? generalWeight(unit);
  }
  return key;
}

/** Upper cases and accented letters from 0xC0 on; Å, Ä and Ö come after Z, and Ü sorts as Y. */
const SWEDISH_HIGH =
  'AAAA\\[\\CEEEEIIIIDNOOOO]\u00d7\u00d8UUUYY\u00de\u00dfAAAA\\[\\CEEEEIIIIDNOOOO]\u00f7\u00d8UUUYY\u00de\u00ff';

const BYTE_OF: ReadonlyMap<string, string> = new Map(
  [...CP1252_HIGH].map((c, i) => [c, String.fromCharCode(0x80 + i)]),
);

/** The key of `latin1_swedish_ci`, trailing blanks included. */
export function swedishKey(text: string): string {
  const upper = ASCII.test(text)
    ? text
    : text.replace(/[^\0-\x7f]/g, (c) => {
        const unit = c.charCodeAt(0);
        return unit >= 0xc0 && unit <= 0xff ? SWEDISH_HIGH.charAt(unit - 0xc0) : (BYTE_OF.get(c) ?? c);
      });
  return upper.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
