import type { SqlType } from '../types/index.ts';
import { isBinaryCollation, latin1Text, sqlError, weightKey } from '../values/index.ts';
import { definePrepared } from './definition.ts';
import type { ArgInfo, Call, FunctionDefinition } from './definition.ts';
import { BOOLEAN } from './types-of-results.ts';

/**
 * LIKE: character by character under a collation. A pattern is compiled once; texts are folded so that equal characters
 * become equal numbers (or, for ASCII, equal letters, which is fast), and then matched piece by piece between the `%`.
 */

const ANY_CHARACTER = -1;
const ANY_TEXT = -2;

/** A pattern as code points with the two wildcards. */
function tokens(pattern: string, escape: string): number[] {
  const list: number[] = [];
  const points = Array.from(pattern);
  for (let i = 0; i < points.length; i++) {
    const c = points[i] as string;
    if (c === escape && i + 1 < points.length) list.push((points[++i] as string).codePointAt(0) as number);
    else if (c === '%') {
      if (list.at(-1) !== ANY_TEXT) list.push(ANY_TEXT);
    } else if (c === '_') list.push(ANY_CHARACTER);
    else list.push(c.codePointAt(0) as number);
  }
  return list;
}

/** Whether a folded text matches. Only the last `%` needs to be tried again. */
function matches(text: ArrayLike<number>, pattern: readonly number[]): boolean {
  let at = 0;
  let p = 0;
  let restart = -1;
  let mark = 0;
  while (at < text.length) {
    const token = pattern[p];
    if (token === ANY_TEXT) {
      restart = ++p;
      mark = at;
    } else if (token !== undefined && (token === ANY_CHARACTER || token === text[at])) {
      p++;
      at++;
    } else if (restart >= 0) {
      p = restart;
      at = ++mark;
    } else return false;
  }
  while (pattern[p] === ANY_TEXT) p++;
  return p === pattern.length;
}

/** Numbers for code points: equal for those that the collation takes for equal. */
class Folder {
  private readonly key: (text: string) => string;
  private readonly classes = new Map<string, number>();
  private readonly known: number[] = [];

  constructor(collation: string) {
    this.key = weightKey(collation);
  }

  fold(point: number): number {
    if (point < 0) return point;
    return (this.known[point] ??= this.classOf(String.fromCodePoint(point)));
  }

  private classOf(c: string): number {
    const key = this.key(c);
    let number = this.classes.get(key);
    if (number === undefined) this.classes.set(key, (number = this.classes.size));
    return number;
  }
}

const folders = new Map<string, Folder>();

function folderOf(collation: string): Folder {
  let folder = folders.get(collation);
  if (folder === undefined) folders.set(collation, (folder = new Folder(collation)));
  return folder;
}

const ASCII = /^[\t\n\r\x20-\x7e]*$/;

/** A text as numbers, one a character: equal for characters that the collation takes for equal. */
export function foldText(collation: string): (text: string) => number[] {
  if (isBinaryCollation(collation)) return pointsOf;
  const folder = folderOf(collation);
  return (text) => pointsOf(text).map((point) => folder.fold(point));
}

type Matcher = (text: string) => boolean;

/** Pieces of an ASCII pattern between its `%`, or undefined where it has a `_`. */
function asciiMatcher(pattern: readonly number[], fold: (text: string) => string): Matcher | undefined {
  if (pattern.includes(ANY_CHARACTER)) return undefined;
  const pieces: string[] = [''];
  for (const token of pattern) {
    if (token === ANY_TEXT) pieces.push('');
    else pieces[pieces.length - 1] += String.fromCodePoint(token);
  }
  const folded = pieces.map(fold);
  if (!folded.every((piece) => ASCII.test(piece))) return undefined;
  const head = folded[0] as string;
  const tail = folded.at(-1) as string;
  if (folded.length === 1) return (text) => text === head;
  const inner = folded.slice(1, -1);
  if (inner.length === 0) {
    const length = head.length + tail.length;
    if (tail === '') return (text) => text.startsWith(head);
    return (text) => text.length >= length && text.startsWith(head) && text.endsWith(tail);
  }
  return (text) => {
    if (!text.startsWith(head)) return false;
    let at = head.length;
    for (const piece of inner) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - at >= tail.length && text.endsWith(tail);
  };
}

function pointsOf(text: string): number[] {
  const points: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) as number;
    if (point > 0xffff) i++;
    points.push(point);
  }
  return points;
}

/** A function that tells whether texts match a pattern. */
export function likeMatcher(pattern: string, escape: string, collation: string): Matcher {
  const list = tokens(pattern, escape);
  if (isBinaryCollation(collation)) {
    const quick = asciiMatcher(list, (text) => text);
    return (text) => (quick !== undefined ? quick(text) : matches(pointsOf(text), list));
  }
  const folder = folderOf(collation);
  const folded = list.map((point) => folder.fold(point));
  const sensitive = collation.endsWith('_cs');
  const fold = (text: string): string => (sensitive ? text : text.toLowerCase());
  const quick = asciiMatcher(list, fold);
  return (text) => {
    if (quick !== undefined && ASCII.test(text)) return quick(fold(text));
    return matches(
      pointsOf(text).map((point) => folder.fold(point)),
      folded,
    );
  };
}

const CACHED = 500;

/** A cache of what is made of a pattern, by the pattern. */
export function patternCache<T>(make: (pattern: string) => T): (pattern: string) => T {
  const made = new Map<string, T>();
  let lastPattern: string | undefined;
  let last: T | undefined;
  return (pattern) => {
    if (pattern === lastPattern) return last as T;
    let found = made.get(pattern);
    if (found === undefined) {
      found = make(pattern);
      if (made.size >= CACHED) made.clear();
      made.set(pattern, found);
    }
    lastPattern = pattern;
    last = found;
    return found;
  };
}

/** The collation of texts that `callTypes` has given one; `binary` for bytes. */
export function commonCollation(types: readonly SqlType[]): string {
  if (types.some((type) => type.kind === 'binary' || type.kind === 'geometry')) return 'binary';
  const collations = types.flatMap((type) =>
    'collation' in type ? [type.collation] : type.kind === 'json' ? ['utf8mb4_bin'] : [],
  );
  return collations[0] ?? 'utf8mb4_0900_ai_ci';
}

const asBytes = (value: string | Uint8Array): string => (typeof value === 'string' ? value : latin1Text(value));

export const like: FunctionDefinition = definePrepared(
  'LIKE',
  [2, 3],
  (_index, args: readonly ArgInfo[]) =>
    commonCollation(args.slice(0, 2).map((a) => a.type)) === 'binary' ? 'bytes' : 'text',
  BOOLEAN,
  (types): Call => {
    const collation = commonCollation(types.slice(0, 2));
    const byEscape = new Map<string, (pattern: string) => Matcher>();
    const matcher = (pattern: string, escape: string): Matcher => {
      let cache = byEscape.get(escape);
      if (cache === undefined) {
        cache = patternCache((p) => likeMatcher(p, escape, collation));
        byEscape.set(escape, cache);
      }
      return cache(pattern);
    };
    return (env, text: string | Uint8Array, pattern: string | Uint8Array, escape?: string | Uint8Array) => {
      let sign = env.sqlMode.noBackslashEscapes ? '' : '\\';
      if (escape !== undefined) {
        sign = asBytes(escape);
        if (Array.from(sign).length > 1) throw sqlError(1210, 'Incorrect arguments to ESCAPE');
      }
      return matcher(asBytes(pattern), sign)(asBytes(text));
    };
  },
  { collated: true },
);
