import type { SqlType } from '../types/index.ts';
import { generalKey, swedishKey } from './collation-general.ts';
import { basicPlaneKey, levelKey, primaryKey } from './collation-root.ts';
import { sqlError } from './context.ts';
import { CHARACTER_SETS } from './data/character-sets.ts';

export { isPlain } from './collation-root.ts';

/**
 * MySQL's collations, as functions that make sort keys: two texts are equal under a collation exactly where their keys
 * are, and the keys' order (by code point, which is SQLite's) is the collation's.
 *
 * Known differences from MySQL: the tailored orders of single languages are the root's; UCA 4.0.0 and 5.2.0 use 9.0.0's
 * weights; and under PAD SPACE a text sorts before its longer ones even where these go on with a control character.
 */
export interface Collation {
  readonly name: string;
  readonly id: number;
  readonly charset: string;
  readonly isDefault: boolean;
  readonly padSpace: boolean;
}

export interface CharacterSet {
  readonly name: string;
  readonly defaultCollation: string;
  /** Bytes a character at most. */
  readonly maxLength: number;
  readonly description: string;
}

export const characterSets: ReadonlyMap<string, CharacterSet> = new Map(
  Object.entries(CHARACTER_SETS).map(([name, [defaultCollation, maxLength, description]]) => [
    name,
    { name, defaultCollation, maxLength, description },
  ]),
);

export const collations: ReadonlyMap<string, Collation> = new Map(
  Object.entries(CHARACTER_SETS).flatMap(([charset, [defaultCollation, , , list]]) =>
    list.split(' ').map((entry): [string, Collation] => {
      const [word = '', id = ''] = entry.split(':');
      const name = word === '' ? charset : `${charset}_${word}`;
      const padSpace = charset !== 'binary' && !word.includes('0900');
      return [name, { name, id: Number(id), charset, isDefault: name === defaultCollation, padSpace }];
    }),
  ),
);

const byId: ReadonlyMap<number, Collation> = new Map([...collations.values()].map((c) => [c.id, c]));

/** `utf8` and its collations are other names for `utf8mb3`'s. */
function canonical(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'utf8' ? 'utf8mb3' : lower.startsWith('utf8_') ? `utf8mb3${lower.slice(4)}` : lower;
}

export function collationNamed(name: string): Collation | undefined {
  return collations.get(canonical(name));
}

export function collationWithId(id: number): Collation | undefined {
  return byId.get(id);
}

export function characterSetNamed(name: string): CharacterSet | undefined {
  return characterSets.get(canonical(name));
}

/** The character set of a collation. */
export function charsetOf(collation: string): string {
  const at = collation.indexOf('_');
  return at < 0 ? collation : collation.slice(0, at);
}

/** Bytes a character at most, under a collation. */
export function maxBytesPerChar(collation: string): number {
  return characterSets.get(charsetOf(collation))?.maxLength ?? 4;
}

/** The number of a collation, undefined for an unknown one. */
export function collationId(name: string): number | undefined {
  return collationNamed(name)?.id;
}

/** A character set's default collation, undefined for an unknown one. */
export function defaultCollation(charset: string): string | undefined {
  return characterSetNamed(charset)?.defaultCollation;
}

/** The id that the protocol names a type's character set by. */
export function collationIdOf(type: SqlType): number {
  return 'collation' in type ? (collations.get(type.collation)?.id ?? 255) : 63;
}

/** Whether the collation compares by code point or byte alone (blanks at the end may still not count). */
export function isBinaryCollation(name: string): boolean {
  return name === 'binary' || name.endsWith('_bin');
}

/** Whether a text is its own sort key: SQLite's own comparison then is the collation's. */
export function isOwnKey(name: string): boolean {
  return name === 'binary' || name === 'utf8mb4_0900_bin';
}

export function isPadSpace(name: string): boolean {
  return name !== 'binary' && !name.includes('_0900_');
}

function trimBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}

const UNICODE = new Set(['utf8mb4', 'utf8mb3', 'ucs2', 'utf16', 'utf16le', 'utf32']);

/** The key function without padding: what one character, or a text with all its blanks, weighs. */
export function weightKey(collation: string): (text: string) => string {
  if (isBinaryCollation(collation)) return (text) => text;
  if (collation.includes('_0900_')) {
    if (collation.includes('_as_cs')) return (text) => levelKey(text, 3);
    return collation.endsWith('_as_ci') ? (text) => levelKey(text, 2) : primaryKey;
  }
  const general = collation.includes('_general_') || collation.endsWith('_tolower_ci');
  if (UNICODE.has(charsetOf(collation))) {
    return general ? generalKey : collation.endsWith('_unicode_520_ci') ? primaryKey : basicPlaneKey;
  }
  if (collation === 'latin1_swedish_ci') return swedishKey;
  if (collation.endsWith('_cs')) return (text) => levelKey(text, 3);
  if (collation === 'latin1_general_ci') return (text) => levelKey(text, 2);
  return collation.endsWith('_ci') ? generalKey : (text) => text;
}

/** Whether a text's key is its characters' keys, one after the other: then what it begins with is what the key begins with. */
export function hasKeysByCharacter(collation: string): boolean {
  if (isBinaryCollation(collation)) return collation !== 'binary';
  const key = weightKey(collation);
  return key === primaryKey || key === basicPlaneKey || key === generalKey;
}

/** Whether plain texts (see isPlain) sort under this collation as under SQLite's NOCASE. */
export const isNocaseWherePlain = (collation: string): boolean =>
  !isPadSpace(collation) && weightKey(collation) === primaryKey;

const keys = new Map<string, (text: string) => string>();

/** The function from texts to sort keys of a collation. */
export function sortKey(collation: string): (text: string) => string {
  let key = keys.get(collation);
  if (key === undefined) {
    const weigh = weightKey(collation);
    key = isPadSpace(collation) ? (text) => weigh(trimBlanks(text)) : weigh;
    if (collations.has(collation)) keys.set(collation, key);
  }
  return key;
}

/** How strongly an expression insists on its collation: the smaller number wins. */
export const Coercibility = {
  explicit: 0,
  none: 1,
  implicit: 2,
  system: 3,
  coercible: 4,
  numeric: 5,
  ignorable: 6,
} as const;

const LABELS = ['EXPLICIT', 'NONE', 'IMPLICIT', 'SYSCONST', 'COERCIBLE', 'NUMERIC', 'IGNORABLE'];

export interface Collated {
  /** `binary` for binary strings. */
  readonly collation: string;
  readonly coercibility: number;
  /** Whether all its characters are known to be ASCII, so that any character set can take them. */
  readonly ascii?: boolean;
}

function covers(left: Collated, right: Collated): boolean {
  if (left.ascii !== true && right.ascii === true && left.coercibility <= right.coercibility) return true;
  const [l, r] = [charsetOf(left.collation), charsetOf(right.collation)];
  if (!UNICODE.has(l)) return false;
  if (left.coercibility > right.coercibility) return false;
  if (left.coercibility < right.coercibility) return true;
  return !UNICODE.has(r) || (l === 'utf8mb4' && r === 'utf8mb3');
}

function pair(a: Collated, b: Collated): Collated | undefined {
  if (charsetOf(a.collation) !== charsetOf(b.collation)) {
    if (a.collation === 'binary') return a.coercibility <= b.coercibility ? a : b;
    if (b.collation === 'binary') return b.coercibility <= a.coercibility ? b : a;
    if (covers(a, b)) return a;
    if (covers(b, a)) return b;
    if (a.coercibility < b.coercibility && b.coercibility >= Coercibility.system) return a;
    if (b.coercibility < a.coercibility && a.coercibility >= Coercibility.system) return b;
    return undefined;
  }
  if (a.coercibility !== b.coercibility) return a.coercibility < b.coercibility ? a : b;
  if (a.collation === b.collation) return a.ascii === true ? b : a;
  if (a.coercibility === Coercibility.explicit) return undefined;
  if (isBinaryCollation(a.collation)) return a;
  if (isBinaryCollation(b.collation)) return b;
  return { collation: `${charsetOf(a.collation)}_bin`, coercibility: Coercibility.none };
}

/**
 * The collation that several expressions have together, undefined where they do not agree. For a comparison they must
 * agree on one; for a result text (`allowNone`) MySQL lets columns of different collations meet in the binary one.
 */
export function aggregateCollations(list: readonly Collated[], allowNone = false): Collated | undefined {
  let result: Collated | undefined = list[0] ?? { collation: 'binary', coercibility: Coercibility.ignorable };
  for (let i = 1; i < list.length && result !== undefined; i++) result = pair(result, list[i] as Collated);
  if (result?.coercibility === Coercibility.none && !allowNone && list.length > 1) return undefined;
  return result;
}

/** As `aggregateCollations`; MySQL's error where they do not agree. */
export function meetCollations(list: readonly Collated[], operation: string, allowNone = false): Collated {
  const result = aggregateCollations(list, allowNone);
  if (result !== undefined) return result;
  const shown = list.map((c) => `(${c.collation},${LABELS[c.coercibility] ?? ''})`);
  if (list.length === 2) {
    throw sqlError(1267, `Illegal mix of collations ${shown.join(' and ')} for operation '${operation}'`);
  }
  if (list.length === 3)
    throw sqlError(1270, `Illegal mix of collations ${shown.join(', ')} for operation '${operation}'`);
  throw sqlError(1271, `Illegal mix of collations for operation '${operation}'`);
}
