import { sqlError } from './context.ts';
import { isArray, isObject } from './json.ts';
import type { Json } from './json.ts';

interface Index {
  readonly n: number;
  /** Counted from the last element. */
  readonly fromLast: boolean;
}

export type Leg =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'anyMember' | 'anyItem' | 'anyDepth' }
  | { readonly kind: 'item'; readonly index: Index }
  | { readonly kind: 'range'; readonly from: Index; readonly to: Index };

export interface JsonPath {
  readonly legs: readonly Leg[];
  /** Whether it can name several values. */
  readonly many: boolean;
}

const cache = new Map<string, JsonPath>();
const CACHED = 1000;

const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const INDEX = /\s*(?:(\d+)|(last)(?:\s*-\s*(\d+))?)\s*/y;

function pathError(text: string, at: number): Error {
  void text;
  return sqlError(3143, `Invalid JSON path expression. The error is around character position ${at}.`);
}

/** The legs of a path such as `$.a[0].**.b`; an error where it is none. */
export function parsePath(text: string): JsonPath {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const path = parse(text);
  if (cache.size >= CACHED) cache.clear();
  cache.set(text, path);
  return path;
}

function parse(text: string): JsonPath {
  let at = 0;
  const skip = (): void => {
    while (at < text.length && /\s/.test(text[at] as string)) at++;
  };
  const index = (): Index => {
    INDEX.lastIndex = at;
    const match = INDEX.exec(text);
    if (match === null) throw pathError(text, at);
    at = INDEX.lastIndex;
    if (match[2] !== undefined) return { n: Number(match[3] ?? 0), fromLast: true };
    const n = Number(match[1]);
    if (n > 0xffffffff) throw pathError(text, at);
    return { n, fromLast: false };
  };
  skip();
  if (text[at] !== '$') throw pathError(text, Math.min(at + 1, text.length));
  at++;
  const legs: Leg[] = [];
  for (skip(); at < text.length; skip()) {
    const c = text[at];
    if (c === '.') {
      at++;
      skip();
      if (text[at] === '*') {
        at++;
        legs.push({ kind: 'anyMember' });
      } else if (text[at] === '"') {
        QUOTED.lastIndex = at;
        const match = QUOTED.exec(text);
        if (match === null) throw pathError(text, at + 1);
        let name: string;
        try {
          name = JSON.parse(match[0]) as string;
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          throw pathError(text, QUOTED.lastIndex);
        }
        at = QUOTED.lastIndex;
        legs.push({ kind: 'member', name });
      } else {
        NAME.lastIndex = at;
        const match = NAME.exec(text);
        if (match === null) throw pathError(text, Math.min(at + 1, text.length));
        at = NAME.lastIndex;
        legs.push({ kind: 'member', name: match[0] });
      }
    } else if (c === '[') {
      at++;
      skip();
      if (text[at] === '*') {
        at++;
        skip();
        legs.push({ kind: 'anyItem' });
      } else {
        const from = index();
        if (/^to\s/.test(text.slice(at))) {
          at += 2;
          const to = index();
          if (from.fromLast === to.fromLast && (from.fromLast ? from.n < to.n : from.n > to.n))
            throw pathError(text, at);
          legs.push({ kind: 'range', from, to });
        } else legs.push({ kind: 'item', index: from });
      }
      if (text[at] !== ']') throw pathError(text, Math.min(at + 1, text.length));
      at++;
    } else if (c === '*' && text[at + 1] === '*') {
      at += 2;
      if (text[at] === '*') throw pathError(text, at + 1);
      legs.push({ kind: 'anyDepth' });
    } else throw pathError(text, at + 1 > text.length ? text.length : at + (legs.length === 0 && at === 1 ? 1 : 1));
  }
  if (legs.at(-1)?.kind === 'anyDepth') throw pathError(text, text.length);
  return { legs, many: legs.some((leg) => leg.kind !== 'member' && leg.kind !== 'item') };
}

/** A position within an array, or below 0 in front of it. */
export function positionOf(index: Index, length: number): number {
  return index.fromLast ? length - 1 - index.n : index.n;
}

/**
 * The values that a path names, in the document's order, each once. What is no array counts as one of one element,
 * unless `wrap` says otherwise.
 */
export function findAll(json: Json, path: JsonPath, wrap = true): Json[] {
  const found: Json[] = [];
  if (!path.legs.some((leg) => leg.kind === 'anyDepth')) {
    visit(json, path.legs, 0, wrap, undefined, (value) => found.push(value));
    return found;
  }
  // Behind `**` two ways can lead to one value: as an element, and as what counts as an array of itself.
  const seen = new Set<string>();
  visit(json, path.legs, 0, wrap, '', (value, place) => {
    if (seen.has(place)) return;
    seen.add(place);
    found.push(value);
  });
  return found;
}

type Found = (value: Json, place: string) => void;

/** `place` tells values apart where that is asked for: the indices of the children on the way. */
function visit(
  json: Json,
  legs: readonly Leg[],
  at: number,
  wrap: boolean,
  place: string | undefined,
  found: Found,
): void {
  const leg = legs[at];
  if (leg === undefined) {
    found(json, place ?? '');
    return;
  }
  const child = (value: Json, index: number, next: number): void =>
    visit(value, legs, next, wrap, place === undefined ? undefined : `${place}/${index}`, found);
  switch (leg.kind) {
    case 'member':
      if (isObject(json)) {
        const value = json.get(leg.name);
        if (value !== undefined) child(value, place === undefined ? 0 : [...json.keys()].indexOf(leg.name), at + 1);
      }
      return;
    case 'anyMember':
      if (isObject(json)) [...json.values()].forEach((value, i) => child(value, i, at + 1));
      return;
    case 'anyItem':
      if (isArray(json)) json.forEach((item, i) => child(item, i, at + 1));
      return;
    case 'item':
      if (isArray(json)) {
        const position = positionOf(leg.index, json.length);
        const item = json[position];
        if (item !== undefined) child(item, position, at + 1);
      } else if (wrap && positionOf(leg.index, 1) === 0) visit(json, legs, at + 1, wrap, place, found);
      return;
    case 'range': {
      if (!isArray(json) && !wrap) return;
      const items = isArray(json) ? json : [json];
      const from = Math.max(0, positionOf(leg.from, items.length));
      const to = Math.min(items.length - 1, positionOf(leg.to, items.length));
      for (let i = from; i <= to; i++) {
        if (isArray(json)) child(items[i] as Json, i, at + 1);
        else visit(json, legs, at + 1, wrap, place, found);
      }
      return;
    }
    case 'anyDepth':
      visit(json, legs, at + 1, wrap, place, found);
      if (isArray(json)) json.forEach((item, i) => child(item, i, at));
      else if (isObject(json)) [...json.values()].forEach((value, i) => child(value, i, at));
  }
}

const ECMA_NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** A member's leg as JSON_SEARCH writes it. */
export function memberLeg(name: string): string {
  return ECMA_NAME.test(name) ? `.${name}` : `.${JSON.stringify(name)}`;
}
