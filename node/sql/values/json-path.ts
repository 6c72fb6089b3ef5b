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

/** The values that a path names, in the document's order, each once. */
export function findAll(json: Json, path: JsonPath): Json[] {
  const found: Json[] = [];
  const many = path.legs.filter((leg) => leg.kind === 'anyDepth').length > 1;
  const seen = new Set<Json>();
  visit(json, path.legs, 0, (value) => {
    if (many && typeof value === 'object' && value !== null) {
      if (seen.has(value)) return;
      seen.add(value);
    }
    found.push(value);
  });
  return found;
}

export function findOne(json: Json, path: JsonPath): Json | undefined {
  return path.many ? findAll(json, path)[0] : findAll(json, path)[0];
}

function visit(json: Json, legs: readonly Leg[], at: number, found: (value: Json) => void): void {
  const leg = legs[at];
  if (leg === undefined) {
    found(json);
    return;
  }
  switch (leg.kind) {
    case 'member':
      if (isObject(json)) {
        const value = json.get(leg.name);
        if (value !== undefined) visit(value, legs, at + 1, found);
      }
      return;
    case 'anyMember':
      if (isObject(json)) for (const value of json.values()) visit(value, legs, at + 1, found);
      return;
    case 'anyItem':
      if (isArray(json)) for (const item of json) visit(item, legs, at + 1, found);
      return;
    case 'item':
      if (isArray(json)) {
        const item = json[positionOf(leg.index, json.length)];
        if (item !== undefined) visit(item, legs, at + 1, found);
      } else if (positionOf(leg.index, 1) === 0) visit(json, legs, at + 1, found);
      return;
    case 'range': {
      // What is no array counts as one of one element.
      const items = isArray(json) ? json : [json];
      const from = Math.max(0, positionOf(leg.from, items.length));
      const to = Math.min(items.length - 1, positionOf(leg.to, items.length));
      for (let i = from; i <= to; i++) visit(items[i] as Json, legs, at + 1, found);
      return;
    }
    case 'anyDepth':
      visit(json, legs, at + 1, found);
      if (isArray(json)) for (const item of json) visit(item, legs, at, found);
      else if (isObject(json)) for (const value of json.values()) visit(value, legs, at, found);
  }
}

const ECMA_NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** A member's leg as JSON_SEARCH writes it. */
export function memberLeg(name: string): string {
  return ECMA_NAME.test(name) ? `.${name}` : `.${JSON.stringify(name)}`;
}
