import type { Decimal } from '../types/index.ts';
import { sqlError } from './context.ts';
import { utf8Length } from './charset.ts';
import { compare as compareDecimals, decimalFrom, formatDecimal, fromNumber, toNumber } from './decimal.ts';
import { doubleToText, INT64_MIN, UINT64_MAX } from './number-text.ts';

/**
 * JSON values as MySQL tells them apart: bigint is INTEGER or UNSIGNED INTEGER, number is DOUBLE, and a DECIMAL is its
 * own kind. Members of an object stand in MySQL's order: by the key's length in bytes, then by its bytes.
 *
 * A DECIMAL lives on in normalised text only where its text is no double's (`1.50`); dates and other opaque values
 * become strings there.
 */
export type Json = null | boolean | string | number | bigint | Decimal | JsonArray | JsonObject;
export type JsonArray = readonly Json[];
export type JsonObject = ReadonlyMap<string, Json>;

export const isArray = (json: Json): json is JsonArray => Array.isArray(json);
export const isObject = (json: Json): json is JsonObject => json instanceof Map;
export const isDecimal = (json: Json): json is Decimal =>
  typeof json === 'object' && json !== null && 'unscaled' in json;

const MAX_DEPTH = 100;

export interface JsonError {
  readonly message: string;
  /** Bytes in front of the fault. */
  readonly position: number;
}

class Fault extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export function tooDeep(): Error {
  return sqlError(3157, 'The JSON document exceeds the maximum depth.');
}

/** The order of object members. */
export function compareKeys(a: string, b: string): number {
  const [left, right] = [utf8Length(a), utf8Length(b)];
  if (left !== right) return left - right;
  return compareTexts(a, b);
}

/** By the bytes of UTF-8, well-formed as both are. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return afterPlane(x) - afterPlane(y);
  }
  return a.length - b.length;
}

/** As UTF-8 has it, what is written with surrogates comes after all else. */
const afterPlane = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** An object of its members in any order; of two with one key the last stays. */
export function objectOf(members: Iterable<readonly [string, Json]>): JsonObject {
  const map = new Map<string, Json>(members);
  return isOrdered(map) ? map : new Map([...map].sort((a, b) => compareKeys(a[0], b[0])));
}

function isOrdered(map: JsonObject): boolean {
  let before: string | undefined;
  for (const key of map.keys()) {
    if (before !== undefined && compareKeys(before, key) > 0) return false;
    before = key;
  }
  return true;
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"((?:[^"\\\0-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)"/y;
const BLANK = /[ \t\n\r]*/y;
/** What a string holds that does not stand for itself. */
const NOT_PLAIN = /[\\\0-\x1f]/;
/** Digits of a whole number that a double holds. */
const DIGITS_MAX = 15;

class Parser {
  readonly text: string;
  /** Whether numbers that no double prints are decimals: so in our own normalised text, but not in a client's. */
  readonly decimals: boolean;
  at = 0;

  constructor(text: string, decimals: boolean) {
    this.text = text;
    this.decimals = decimals;
  }

  skip(): void {
    if (this.text.charCodeAt(this.at) > 32) return;
    if (this.text.charCodeAt(this.at) === 32 && this.text.charCodeAt(this.at + 1) > 32) {
      this.at++;
      return;
    }
    BLANK.lastIndex = this.at;
    BLANK.exec(this.text);
    this.at = BLANK.lastIndex;
  }

  document(): Json {
    this.skip();
    if (this.at === this.text.length) throw new Fault('The document is empty.', this.at);
    const value = this.value(0);
    this.skip();
    if (this.at < this.text.length) throw new Fault('The document root must not be followed by other values.', this.at);
    return value;
  }

  value(depth: number): Json {
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  word(word: string, value: Json): Json {
    if (this.text.startsWith(word, this.at)) {
      this.at += word.length;
      return value;
    }
    let same = 1;
    while (this.text[this.at + same] === word[same]) same++;
    throw new Fault('Invalid value.', this.at + same);
  }

  /** A short whole number: most are. */
  shortNumber(): bigint | undefined {
    const { text } = this;
    const start = text.charCodeAt(this.at) === 45 ? this.at + 1 : this.at;
    let at = start;
    let value = 0;
    for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(++at))
      value = value * 10 + code - 48;
    const next = text.charCodeAt(at) | 32;
    const hasZero = text.charCodeAt(start) === 48 && at > start + 1;
    // '.' (46 in either case) and 'e' go on.
    if (at === start || at - start > DIGITS_MAX || hasZero || next === 46 || next === 101) return undefined;
    const number = BigInt(start === this.at ? value : -value);
    this.at = at;
    return number;
  }

  number(): Json {
    const short = this.shortNumber();
    if (short !== undefined) return short;
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) throw new Fault('Invalid value.', this.text[this.at] === '-' ? this.at + 1 : this.at);
    const text = match[0];
    const next = this.text[NUMBER.lastIndex];
    if (next === '.' && match[1] === undefined && match[2] === undefined) {
      throw new Fault('Missing fraction part in number.', NUMBER.lastIndex + 1);
    }
    if ((next === 'e' || next === 'E') && match[2] === undefined) {
      const sign = this.text[NUMBER.lastIndex + 1];
      throw new Fault('Missing exponent in number.', NUMBER.lastIndex + (sign === '+' || sign === '-' ? 2 : 1));
    }
    this.at = NUMBER.lastIndex;
    if (match[1] === undefined && match[2] === undefined) {
      if (text.length < 16) return BigInt(text);
      const whole = BigInt(text);
      if (whole >= INT64_MIN && whole <= UINT64_MAX) return whole;
    }
    if (this.decimals && match[2] === undefined && printDouble(Number(text)) !== text) return decimalFrom(text);
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Fault('Number too big to be stored in double.', this.at - text.length);
    return value;
  }

  string(): string {
    const end = this.text.indexOf('"', this.at + 1);
    const plain = end < 0 ? undefined : this.text.slice(this.at + 1, end);
    if (plain !== undefined && !NOT_PLAIN.test(plain)) {
      this.at = end + 1;
      return plain;
    }
    STRING.lastIndex = this.at;
    const match = STRING.exec(this.text);
    if (match === null) throw this.stringFault();
    const start = this.at;
    this.at = STRING.lastIndex;
    const raw = match[1] as string;
    if (!raw.includes('\\')) return raw;
    const value = JSON.parse(match[0]) as string;
    if (!value.isWellFormed()) throw new Fault('The surrogate pair in string is invalid.', start + 1);
    return value;
  }

  stringFault(): Fault {
    const start = this.at;
    for (let i = start + 1; i < this.text.length; i++) {
      const c = this.text[i] as string;
      if (c === '\\') {
        const escape = this.text[i + 1] ?? '';
        if (escape === 'u' && !/^[0-9a-fA-F]{4}$/.test(this.text.slice(i + 2, i + 6))) {
          return new Fault('Incorrect hex digit after \\u escape in string.', i);
        }
        if (!'"\\/bfnrtu'.includes(escape) && escape !== '') return new Fault('Invalid escape character in string.', i);
        i++;
      } else if (c === '"') break;
      else if (c < ' ') return new Fault('Invalid encoding in string.', i);
    }
    return new Fault('Missing a closing quotation mark in string.', this.text.length);
  }

  array(depth: number): Json {
    if (depth >= MAX_DEPTH) throw tooDeep();
    const items: Json[] = [];
    this.at++;
    this.skip();
    if (this.text[this.at] === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      this.skip();
      const c = this.text[this.at];
      if (c === ',') {
        this.at++;
        this.skip();
      } else if (c === ']') {
        this.at++;
        return items;
      } else throw new Fault("Missing a comma or ']' after an array element.", this.at);
    }
  }

  object(depth: number): Json {
    if (depth >= MAX_DEPTH) throw tooDeep();
    const members = new Map<string, Json>();
    let last: string | undefined;
    let isInOrder = true;
    this.at++;
    this.skip();
    if (this.text[this.at] === '}') {
      this.at++;
      return members;
    }
    for (;;) {
      if (this.text[this.at] !== '"') throw new Fault('Missing a name for object member.', this.at);
      const key = this.string();
      this.skip();
      if (this.text[this.at] !== ':') throw new Fault('Missing a colon after a name of object member.', this.at);
      this.at++;
      this.skip();
      members.set(key, this.value(depth + 1));
      isInOrder &&= last === undefined || compareKeys(last, key) <= 0;
      last = key;
      this.skip();
      const c = this.text[this.at];
      if (c === ',') {
        this.at++;
        this.skip();
      } else if (c === '}') {
        this.at++;
        return isInOrder ? members : objectOf(members);
      } else throw new Fault("Missing a comma or '}' after an object member.", this.at);
    }
  }
}

/** The value of a client's JSON text, or where and why it is none. */
export function parseJson(text: string): { readonly value: Json } | { readonly error: JsonError } {
  try {
    return { value: new Parser(text, false).document() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { error: { message: error.message, position: utf8Length(text.slice(0, error.at)) } };
  }
}

/** The value of normalised text, as SQLite holds it. */
export function readJson(text: string): Json {
  return new Parser(text, true).document();
}

function printDouble(value: number): string {
  const text = doubleToText(value, Infinity);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** MySQL's text of a value: a blank behind every comma and colon. */
export function printJson(json: Json): string {
  if (json === null) return 'null';
  switch (typeof json) {
    case 'string':
      return JSON.stringify(json);
    case 'number':
      return printDouble(json);
    case 'bigint':
    case 'boolean':
      return String(json);
    default:
      break;
  }
  if (isArray(json)) return `[${json.map(printJson).join(', ')}]`;
  if (isObject(json))
    return `{${[...json].map(([key, value]) => `${JSON.stringify(key)}: ${printJson(value)}`).join(', ')}}`;
  return formatDecimal(json);
}

/** JSON_PRETTY's text. */
export function prettyJson(json: Json, indent = ''): string {
  const inner = `${indent}  `;
  if (isArray(json)) {
    if (json.length === 0) return '[]';
    return `[\n${json.map((item) => inner + prettyJson(item, inner)).join(',\n')}\n${indent}]`;
  }
  if (isObject(json)) {
    if (json.size === 0) return '{}';
    const members = [...json].map(([key, value]) => `${inner}${JSON.stringify(key)}: ${prettyJson(value, inner)}`);
    return `{\n${members.join(',\n')}\n${indent}}`;
  }
  return printJson(json);
}

export function depthOf(json: Json): number {
  let deepest = 0;
  if (isArray(json)) for (const item of json) deepest = Math.max(deepest, depthOf(item));
  else if (isObject(json)) for (const value of json.values()) deepest = Math.max(deepest, depthOf(value));
  return deepest + 1;
}

/** JSON_TYPE's word. */
export function jsonType(json: Json): string {
  if (json === null) return 'NULL';
  switch (typeof json) {
    case 'string':
      return 'STRING';
    case 'number':
      return 'DOUBLE';
    case 'bigint':
      return json > 2n ** 63n - 1n ? 'UNSIGNED INTEGER' : 'INTEGER';
    case 'boolean':
      return 'BOOLEAN';
    default:
      break;
  }
  return isArray(json) ? 'ARRAY' : isObject(json) ? 'OBJECT' : 'DECIMAL';
}

function rank(json: Json): number {
  if (json === null) return 0;
  switch (typeof json) {
    case 'number':
    case 'bigint':
      return 1;
    case 'string':
      return 2;
    case 'boolean':
      return 5;
    default:
      break;
  }
  return isArray(json) ? 4 : isObject(json) ? 3 : 1;
}

function compareNumbers(a: number | bigint | Decimal, b: number | bigint | Decimal): number {
  if (typeof a !== 'object' && typeof b !== 'object') return a < b ? -1 : a > b ? 1 : 0;
  const decimal = (n: number | bigint | Decimal): Decimal | undefined =>
    typeof n === 'bigint'
      ? { unscaled: n, scale: 0 }
      : typeof n === 'object'
        ? n
        : Math.abs(n) < 1e65
          ? fromNumber(n)
          : undefined;
  const [left, right] = [decimal(a), decimal(b)];
  if (left !== undefined && right !== undefined) return compareDecimals(left, right);
  const double = (n: number | bigint | Decimal): number => (typeof n === 'object' ? toNumber(n) : Number(n));
  return double(a) - double(b);
}

/** MySQL's order of JSON values: by kind, then by value. */
export function compareJson(a: Json, b: Json): number {
  const order = rank(a) - rank(b);
  if (order !== 0) return order;
  if (isArray(a) && isArray(b)) {
    for (let i = 0; i < a.length && i < b.length; i++) {
      const item = compareJson(a[i] as Json, b[i] as Json);
      if (item !== 0) return item;
    }
    return a.length - b.length;
  }
  if (isObject(a) && isObject(b)) {
    if (a.size !== b.size) return a.size - b.size;
    const others = [...b];
    let i = 0;
    for (const [key, value] of a) {
      const [otherKey, other] = others[i++] as [string, Json];
      const member = compareKeys(key, otherKey) || compareJson(value, other);
      if (member !== 0) return member;
    }
    return 0;
  }
  if (typeof a === 'string') return compareTexts(a, b as string);
  if (a === null) return 0;
  if (typeof a === 'boolean') return Number(a) - Number(b);
  return compareNumbers(a as number | bigint | Decimal, b as number | bigint | Decimal);
}

/** The error for text that is no JSON. */
export function invalidJson(error: JsonError, where: string): Error {
  return sqlError(
    3140,
    `Invalid JSON text: "${error.message}" at position ${error.position} in value for column '${where}'.`,
  );
}

/** The error for an argument that is no JSON. */
export function invalidJsonArgument(error: JsonError, index: number, name: string): Error {
  return sqlError(
    3141,
    `Invalid JSON text in argument ${index} to function ${name}: "${error.message}" at position ${error.position}.`,
  );
}
