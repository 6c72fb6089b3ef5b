import type { LiteralValue } from './ast.ts';
import { CHAR_DIGIT, CHAR_LETTER, CLASSES, isDigit, isHexDigit, isIdentChar, isIntroducer, isSpace } from './chars.ts';
import { exponentEnd, plainSpaceEnd, stringEnd } from './scan.ts';
import type { ParseOptions, Shape } from './options.ts';
import { bitBytes, decimalValue, hexBytes, intValue, isBigInteger, stringContent, unquote } from './text.ts';

// What stands in a key for a literal. None of these characters may stand in a statement outside quotes.
const SMALL_INT = '\x01';
const INT64 = '\x02';
const UINT64 = '\x03';
const DECIMAL = '\x04';
const FLOAT = '\x05';
const STRING = '\x06';
const RAW_STRING = '\x07';
const BYTES = '\x0e';

const MAX_INT64 = 9223372036854775807n;
/** Deeper parentheses have no bit in the mask of places where text counts. */
const MAX_DEPTH = 30;

interface Scan {
  readonly sql: string;
  readonly options: ParseOptions;
  readonly values: (LiteralValue | undefined)[];
  key: string;
  /** From here on the text is not yet in the key. */
  kept: number;
  /**
   * A bit for each depth of parentheses at which a select list or an ORDER BY or GROUP BY list is open. There the text
   * itself counts (it names columns, and ORDER BY 1 is no value), so literals and white space stay in the key as they are.
   */
  verbatim: number;
  depth: number;
}

/**
 * The statement's text with its literals taken out: one pass, the same slots as the parser gives. Undefined where only the
 * parser can tell: several statements, version comments, text that is no statement.
 */
export function shapeOf(sql: string, options: ParseOptions): Shape | undefined {
  const start = plainSpaceEnd(sql, 0);
  const scan: Scan = { sql, options, values: [], key: '', kept: start, verbatim: 0, depth: 0 };
  let params = 0;
  let n = sql.length;
  let i = start;
  while (i < n) {
    const c = sql.charCodeAt(i);
    const cls = c < 128 ? (CLASSES[c] as number) : CHAR_LETTER;
    if (cls === CHAR_LETTER) {
      if (sql.charCodeAt(i + 1) === 39 && isPrefix(c)) {
        i = (c | 32) === 110 ? stringLiteral(scan, i, i + 1, false) : digitString(scan, i, c);
        if (i < 0) return undefined;
        continue;
      }
      if (c === 36) return undefined;
      const from = i;
      i = wordEnd(sql, i);
      if (c === 95) {
        const word = sql.slice(from + 1, i).toLowerCase();
        if (isIntroducer(word)) {
          i = skipSpace(scan, i);
          const next = sql.charCodeAt(i);
          if (word === 'binary' && (next === 39 || (next === 34 && !options.ansiQuotes))) {
            i = stringLiteral(scan, i, i, true);
            if (i < 0) return undefined;
          }
          continue;
        }
      }
      if (i - from <= 9 && sql.charCodeAt(from - 1) !== 46) clauseWord(scan, from, i);
    } else if (cls === CHAR_DIGIT) {
      i = number(scan, i, c);
    } else {
      switch (c) {
        case 32:
        case 9:
        case 10:
        case 11:
        case 12:
        case 13:
        case 35: {
          const next = sql.charCodeAt(i + 1);
          if (c === 32 && !isSpace(next) && next !== 35 && next !== 45 && next !== 47) i++;
          else i = skipSpace(scan, i);
          break;
        }
        case 39:
          i = stringLiteral(scan, i, i, false);
          break;
        case 34:
          i = options.ansiQuotes ? quotedEnd(sql, i, c) : stringLiteral(scan, i, i, false);
          break;
        case 96:
          i = quotedEnd(sql, i, c);
          break;
        case 40:
          if (++scan.depth > MAX_DEPTH) return undefined;
          i++;
          break;
        case 41:
          scan.verbatim &= ~(1 << scan.depth);
          if (--scan.depth < 0) return undefined;
          i++;
          break;
        case 46:
          i = isDigit(sql.charCodeAt(i + 1)) ? fraction(scan, i, i + 1) : i + 1;
          break;
        case 45:
        case 47: {
          if (c === 47 && sql.charCodeAt(i + 1) === 42 && sql.charCodeAt(i + 2) === 43) {
            // A hint stays as it is.
            i = sql.indexOf('*/', i + 3) + 2;
            if (i < 2) return undefined;
            break;
          }
          if (c === 47 && sql.charCodeAt(i + 1) === 42 && sql.charCodeAt(i + 2) === 33) return undefined;
          const after = skipSpace(scan, i);
          i = after === i ? i + 1 : after;
          break;
        }
        case 64:
          i = variableEnd(sql, i, options);
          break;
        case 63:
          if (options.placeholders === false || isIdentChar(sql.charCodeAt(i + 1))) return undefined;
          scan.values.push(undefined);
          params++;
          i++;
          break;
        case 59:
          if (plainSpaceEnd(sql, i + 1) < sql.length) return undefined;
          n = i;
          break;
        default:
          if (c < 32) return undefined;
          i++;
      }
      if (i < 0) return undefined;
    }
  }
  if (n <= start) return undefined;
  let end = n;
  while (end > scan.kept && isSpace(sql.charCodeAt(end - 1))) end--;
  const key = scan.key + sql.slice(scan.kept, end);
  return { key: key.endsWith(' ') ? key.trimEnd() : key, values: scan.values, params };
}

/** x, b, n before a quote. */
const isPrefix = (c: number): boolean => (c | 32) === 120 || (c | 32) === 98 || (c | 32) === 110;

/** After a word and what hangs on it by points: t.c, db.t.c, t.1a. */
function wordEnd(sql: string, from: number): number {
  let i = from;
  for (;;) {
    do i++;
    while (isIdentChar(sql.charCodeAt(i)));
    if (sql.charCodeAt(i) !== 46 || !isIdentChar(sql.charCodeAt(i + 1))) return i;
    i++;
  }
}

/** Skips white space and comments; outside lists whose text counts they become one space. */
function skipSpace(scan: Scan, from: number): number {
  const after = plainSpaceEnd(scan.sql, from, true);
  if (after > from && scan.verbatim === 0) {
    scan.key += scan.sql.slice(scan.kept, from);
    if (!scan.key.endsWith(' ')) scan.key += ' ';
    scan.kept = after;
  }
  return after;
}

const CLOSING = new Set([
  'FROM',
  'WHERE',
  'HAVING',
  'LIMIT',
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'WINDOW',
  'FOR',
  'INTO',
  'VALUES',
  'SET',
]);

/** Notes where lists whose text counts begin and end. */
function clauseWord(scan: Scan, from: number, to: number): void {
  const length = to - from;
  const first = scan.sql.charCodeAt(from) | 32;
  if (first === 115 && length === 6) {
    if (scan.sql.slice(from, to).toUpperCase() === 'SELECT') scan.verbatim |= 1 << scan.depth;
  } else if (first === 98 && length === 2) {
    if ((scan.sql.charCodeAt(from + 1) | 32) === 121) scan.verbatim |= 1 << scan.depth;
  } else if ((scan.verbatim & (1 << scan.depth)) !== 0 && length >= 3) {
    if (CLOSING.has(scan.sql.slice(from, to).toUpperCase())) scan.verbatim &= ~(1 << scan.depth);
  }
}

/** Takes the literal between `from` and `to` out of the text. */
function take(scan: Scan, from: number, to: number, marker: string, value: LiteralValue): number {
  scan.values.push(value);
  if (scan.verbatim === 0) {
    scan.key += scan.sql.slice(scan.kept, from) + marker;
    scan.kept = to;
  }
  return to;
}

function number(scan: Scan, from: number, first: number): number {
  const sql = scan.sql;
  let i = from + 1;
  let c = sql.charCodeAt(i);
  if (first === 48 && (c === 120 || c === 98)) {
    let at = i + 1;
    if (c === 120) while (isHexDigit(sql.charCodeAt(at))) at++;
    else while (sql.charCodeAt(at) === 48 || sql.charCodeAt(at) === 49) at++;
    if (at > i + 1 && !isIdentChar(sql.charCodeAt(at))) {
      const digits = sql.slice(i + 1, at);
      return take(scan, from, at, BYTES, c === 120 ? hexBytes(digits) : bitBytes(digits));
    }
  }
  while (isDigit(c)) c = sql.charCodeAt(++i);
  if (c === 101 || c === 69) {
    const exponent = exponentEnd(sql, i);
    if (exponent > 0) return take(scan, from, exponent, FLOAT, Number(sql.slice(from, exponent)));
  }
  if (isIdentChar(c)) return wordEnd(sql, i);
  if (c === 46) return fraction(scan, from, i + 1);
  const text = sql.slice(from, i);
  if (i - from < 10) return take(scan, from, i, SMALL_INT, +text);
  if (isBigInteger(text)) return take(scan, from, i, `${DECIMAL}${i - from},0;`, decimalValue(text));
  const value = intValue(text);
  return take(scan, from, i, value < 2147483648 ? SMALL_INT : value <= MAX_INT64 ? INT64 : UINT64, value);
}

/** A number with a point; `at` is behind the point. */
function fraction(scan: Scan, from: number, at: number): number {
  const sql = scan.sql;
  let i = at;
  while (isDigit(sql.charCodeAt(i))) i++;
  const c = sql.charCodeAt(i);
  if (c === 101 || c === 69) {
    const exponent = exponentEnd(sql, i);
    if (exponent > 0) return take(scan, from, exponent, FLOAT, Number(sql.slice(from, exponent)));
  }
  return take(scan, from, i, `${DECIMAL}${i - from - 1},${i - at};`, decimalValue(sql.slice(from, i)));
}

/** x'..', b'..'; -1 when it is none. */
function digitString(scan: Scan, from: number, c: number): number {
  const sql = scan.sql;
  const hex = (c | 32) === 120;
  let i = from + 2;
  if (hex) while (isHexDigit(sql.charCodeAt(i))) i++;
  else while (sql.charCodeAt(i) === 48 || sql.charCodeAt(i) === 49) i++;
  if (sql.charCodeAt(i) !== 39 || (hex && ((i - from) & 1) !== 0)) return -1;
  const digits = sql.slice(from + 2, i);
  return take(scan, from, i + 1, BYTES, hex ? hexBytes(digits) : bitBytes(digits));
}

/** A string whose first quote is at `open`, and those that stand behind it; -1 when one has no end. */
function stringLiteral(scan: Scan, from: number, open: number, binary: boolean): number {
  const { sql, options } = scan;
  const noBackslash = options.noBackslashEscapes;
  let end = stringEnd(sql, open, sql.charCodeAt(open), noBackslash);
  if (end < 0) return -1;
  let text = unquote(sql, open, end, noBackslash);
  for (;;) {
    const next = plainSpaceEnd(sql, end);
    const c = sql.charCodeAt(next);
    if (c !== 39 && (c !== 34 || options.ansiQuotes)) break;
    const more = stringEnd(sql, next, c, noBackslash);
    if (more < 0) return -1;
    text += unquote(sql, next, more, noBackslash);
    end = more;
  }
  const { value, bytes } = stringContent(text, options.latin1, binary);
  return bytes === undefined ? take(scan, from, end, STRING, value) : take(scan, from, end, RAW_STRING, bytes);
}

/** After a quoted identifier; -1 when it has no end. */
function quotedEnd(sql: string, from: number, quote: number): number {
  for (let i = from + 1; i < sql.length; i++) {
    const c = sql.charCodeAt(i);
    if (c === 0) return -1;
    if (c === quote) {
      if (sql.charCodeAt(i + 1) !== quote) return i + 1;
      i++;
    }
  }
  return -1;
}

/** After @x, @'x', @@. */
function variableEnd(sql: string, from: number, options: ParseOptions): number {
  const c = sql.charCodeAt(from + 1);
  if (c === 64) return from + 2;
  if (c === 39 || c === 34 || c === 96) return stringEnd(sql, from + 1, c, c === 96 || options.noBackslashEscapes);
  let i = from + 1;
  while (isIdentChar(sql.charCodeAt(i)) || sql.charCodeAt(i) === 46) i++;
  return i;
}
