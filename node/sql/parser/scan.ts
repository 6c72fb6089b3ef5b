import { isDigit, isSpace } from './chars.ts';

// Where things end in a text: what the lexer and the shape both need, and must agree on.

/** Whether `--` is a comment: at the text's end, or before white space or a control character. */
export const isDashEnd = (sql: string, at: number): boolean => at >= sql.length || sql.charCodeAt(at) <= 32;

export function lineEnd(sql: string, from: number): number {
  const at = sql.indexOf('\n', from);
  return at < 0 ? sql.length : at;
}

/** After the exponent whose `e` stands at `at`; -1 when it is none. */
export function exponentEnd(sql: string, at: number): number {
  let i = at + 1;
  const sign = sql.charCodeAt(i);
  if (sign === 43 || sign === 45) i++;
  if (!isDigit(sql.charCodeAt(i))) return -1;
  while (isDigit(sql.charCodeAt(i))) i++;
  return i;
}

/** After the closing quote of the string that opens at `start`; -1 when there is none. */
export function stringEnd(sql: string, start: number, quote: number, noBackslashEscapes: boolean): number {
  for (let i = start + 1; i < sql.length; i++) {
    const c = sql.charCodeAt(i);
    if (c === quote) {
      if (sql.charCodeAt(i + 1) !== quote) return i + 1;
      i++;
    } else if (c === 92 && !noBackslashEscapes) i++;
  }
  return -1;
}

/** After the white space and the ordinary comments at `from`. A hint is one of these, unless `keepsHints`. */
export function plainSpaceEnd(sql: string, from: number, keepsHints = false): number {
  let i = from;
  for (;;) {
    const c = sql.charCodeAt(i);
    if (isSpace(c)) i++;
    else if (c === 35 || (c === 45 && sql.charCodeAt(i + 1) === 45 && isDashEnd(sql, i + 2))) i = lineEnd(sql, i);
    else if (c === 47 && sql.charCodeAt(i + 1) === 42 && sql.charCodeAt(i + 2) !== 33) {
      const close = keepsHints && sql.charCodeAt(i + 2) === 43 ? -1 : sql.indexOf('*/', i + 2);
      if (close < 0) return i;
      i = close + 2;
    } else return i;
  }
}

/** The same between two strings that are one: the end of a version comment may stand there. */
export function stringGapEnd(sql: string, from: number): number {
  const at = plainSpaceEnd(sql, from);
  return sql.startsWith('*/', at) ? plainSpaceEnd(sql, at + 2) : at;
}

// What a version comment compares itself with: 9.7.4.
export const SERVER_VERSION = 90704;

const VERSION_COMMENT = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*!(\d{5,6})?([^]*?)(?:\*\/|$)/g;

/** A part of a statement as MySQL names a column by it: with what version comments hold, and without their signs. */
export function withoutVersionComments(text: string): string {
  if (!text.includes('/*!')) return text;
  return text.replace(VERSION_COMMENT, (whole, version: string | undefined, body: string | undefined) =>
    body === undefined ? whole : Number(version ?? 0) > SERVER_VERSION ? '' : body,
  );
}

const isComparison = (c: number): boolean => c === 60 || c === 61 || c === 62 || c === 33;

/** The operator at `i`, `!=` as itself. */
export function operatorAt(sql: string, i: number, c: number): string {
  const d = sql.charCodeAt(i + 1);
  switch (c) {
    case 40:
      return '(';
    case 41:
      return ')';
    case 44:
      return ',';
    case 61:
      // Comparison signs run together: `=!` is no `=` before a `!`.
      return isComparison(d) ? 'bad' : '=';
    case 46:
      return '.';
    case 42:
      return '*';
    case 59:
      return ';';
    case 60:
      if (d === 61) {
        const e = sql.charCodeAt(i + 2);
        return e === 62 ? '<=>' : e === 33 || e === 61 ? 'bad' : '<=';
      }
      return d === 62 ? '<>' : d === 60 ? '<<' : d === 33 ? 'bad' : '<';
    case 62:
      return d === 61 ? '>=' : d === 62 ? '>>' : isComparison(d) ? 'bad' : '>';
    case 33:
      return d === 61 ? '!=' : '!';
    case 45:
      if (d === 62) return sql.charCodeAt(i + 2) === 62 ? '->>' : '->';
      return '-';
    case 43:
      return '+';
    case 47:
      return '/';
    case 37:
      return '%';
    case 94:
      return '^';
    case 126:
      return '~';
    case 38:
      return d === 38 ? '&&' : '&';
    case 124:
      return d === 124 ? '||' : '|';
    case 58:
      return d === 61 ? ':=' : ':';
    case 123:
      return '{';
    case 125:
      return '}';
    default:
      return 'bad';
  }
}
