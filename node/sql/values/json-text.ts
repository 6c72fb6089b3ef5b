/** Reads within the normalised text of a JSON document, as SQLite holds it, without making a value of all of it. */
import type { JsonPath } from './json-path.ts';

const BLANK = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** Whether textAt() can follow it: it names one value, counted from the front. */
export const isPlainPath = ({ legs, many }: JsonPath): boolean =>
  !many && legs.every((leg) => leg.kind !== 'item' || !leg.index.fromLast);

/** The normalised text of the value that a plain path names; undefined where there is none. */
export function textAt(text: string, { legs }: JsonPath): string | undefined {
  let at = 0;
  for (const leg of legs) {
    if (leg.kind === 'member') at = memberAt(text, at, leg.name);
    else if (leg.kind === 'item') at = itemAt(text, at, leg.index.n);
    if (at < 0) return undefined;
  }
  return text.slice(at, valueEnd(text, at));
}

/** Where a member's value begins in the object at `at`; -1 where there is none. */
function memberAt(text: string, at: number, name: string): number {
  if (text.charCodeAt(at) !== OPEN_OBJECT || text.charCodeAt(at + 1) === CLOSE_OBJECT) return -1;
  for (let key = at + 1; ;) {
    const end = stringEnd(text, key);
    const value = afterBlanks(text, end + 1);
    if (isKey(text, key, end, name)) return value;
    const next = valueEnd(text, value);
    if (text.charCodeAt(next) !== COMMA) return -1;
    key = afterBlanks(text, next + 1);
  }
}

function isKey(text: string, from: number, end: number, name: string): boolean {
  if (end - from - 2 === name.length && text.startsWith(name, from + 1)) return !name.includes('\\');
  const key = text.slice(from, end);
  return key.includes('\\') && JSON.parse(key) === name;
}

/** Where the n-th element begins. What is no array counts as one of one element. */
function itemAt(text: string, at: number, n: number): number {
  if (text.charCodeAt(at) !== OPEN_ARRAY) return n === 0 ? at : -1;
  let item = at + 1;
  if (text.charCodeAt(item) === CLOSE_ARRAY) return -1;
  for (let i = 0; i < n; i++) {
    const next = valueEnd(text, item);
    if (text.charCodeAt(next) !== COMMA) return -1;
    item = afterBlanks(text, next + 1);
  }
  return item;
}

function afterBlanks(text: string, at: number): number {
  while (text.charCodeAt(at) === BLANK) at++;
  return at;
}

/** Behind the closing quote of the string at `at`. */
function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

function valueEnd(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return stringEnd(text, at);
  let depth = first === OPEN_OBJECT || first === OPEN_ARRAY ? 1 : 0;
  let end = at + depth;
  for (; end < text.length; end++) {
    const c = text.charCodeAt(end);
    if (c === QUOTE) end = stringEnd(text, end) - 1;
    else if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
    else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      if (depth === 0) return end;
      if (--depth === 0) return end + 1;
    } else if (c === COMMA && depth === 0) return end;
  }
  return end;
}
