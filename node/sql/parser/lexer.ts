import { SqlError } from '../types/index.ts';
import { classOf, CHAR_DIGIT, CHAR_LETTER, isDigit, isHexDigit, isIdentChar, isIntroducer, isSpace } from './chars.ts';
import {
  findKeyword,
  hashStep,
  keywordAt,
  keywordKindAt,
  WORD_FUNCTION,
  WORD_IDENTIFIER,
  WORD_NONE,
  WORD_QUOTED,
} from './keywords.ts';
import type { ParseOptions } from './options.ts';
import { SERVER_VERSION, exponentEnd, isDashEnd, lineEnd, operatorAt, plainSpaceEnd, stringEnd } from './scan.ts';
import { isBigInteger } from './text.ts';

/** A place to come back to. */
export interface Mark {
  readonly pos: number;
  readonly t: string;
  readonly word: number;
  readonly start: number;
  readonly end: number;
  readonly prevEnd: number;
  readonly slot: number;
  readonly slots: number;
  readonly params: number;
  readonly parts: number;
  readonly inVersionComment: boolean;
  readonly hintStart: number;
  readonly hintEnd: number;
}

/**
 * Reads one token at a time: `t` is its tag, interned so that comparing tags compares pointers. A keyword's tag is the
 * word in capitals, an operator's its text; the rest are `ident`, `quoted`, `string`, `nstring`, `int`, `decimal`,
 * `float`, `hex`, `bit`, `param`, `variable` (@x), `introducer` (_utf8mb4), `end` and `bad`.
 */
export class Lexer {
  readonly sql: string;
  readonly options: ParseOptions;
  /** Where the next token is looked for. */
  pos: number;
  t = 'end';
  /** What kind of word the token is (WORD_…). */
  word: number = WORD_NONE;
  start = 0;
  end = 0;
  /** End of the token before. */
  prevEnd = 0;
  /** Ordinal of the literal that the token is. */
  slot = 0;
  /** Literals and placeholders read so far. */
  slots = 0;
  params = 0;
  /** How many strings stand side by side in a string token. */
  parts = 0;
  inVersionComment = false;
  /** The text of an optimizer hint just before the token; -1 without. */
  hintStart = -1;
  hintEnd = -1;

  constructor(sql: string, pos: number, options: ParseOptions) {
    this.sql = sql;
    this.options = options;
    this.pos = pos;
  }

  mark(): Mark {
    return {
      pos: this.pos,
      t: this.t,
      word: this.word,
      start: this.start,
      end: this.end,
      prevEnd: this.prevEnd,
      slot: this.slot,
      slots: this.slots,
      params: this.params,
      parts: this.parts,
      inVersionComment: this.inVersionComment,
      hintStart: this.hintStart,
      hintEnd: this.hintEnd,
    };
  }

  reset(mark: Mark): void {
    Object.assign(this, mark);
  }

  next(): void {
    this.prevEnd = this.end;
    this.hintStart = -1;
    const sql = this.sql;
    this.skipSpace();
    const start = this.pos;
    this.start = start;
    if (this.t === 'bad') return;
    if (start >= sql.length) {
      this.end = sql.length;
      this.word = WORD_NONE;
      this.t = this.inVersionComment ? 'bad' : 'end';
      return;
    }
    const c = sql.charCodeAt(start);
    const cls = classOf(c);
    if (cls === CHAR_LETTER) this.readWord(start, c);
    else {
      this.word = WORD_NONE;
      if (cls === CHAR_DIGIT) this.readNumber(start, c);
      else this.readOther(start, c);
    }
    this.end = this.pos;
  }

  /** The tag of the token after this one. */
  peek(): string {
    const mark = this.mark();
    this.next();
    const t = this.t;
    this.reset(mark);
    return t;
  }

  /** Skips white space and comments from `pos` on; sets the tag `bad` at a comment without end. */
  private skipSpace(): void {
    const sql = this.sql;
    let i = this.pos;
    for (;;) {
      const c = sql.charCodeAt(i);
      if (isSpace(c)) {
        i++;
        continue;
      }
      if (c === 35) {
        i = lineEnd(sql, i);
      } else if (c === 45 && sql.charCodeAt(i + 1) === 45 && isDashEnd(sql, i + 2)) {
        i = lineEnd(sql, i);
      } else if (c === 47 && sql.charCodeAt(i + 1) === 42) {
        const after = this.skipComment(i);
        if (after < 0) {
          this.pos = i;
          this.end = sql.length;
          this.word = WORD_NONE;
          this.t = 'bad';
          return;
        }
        i = after;
      } else if (c === 42 && this.inVersionComment && sql.charCodeAt(i + 1) === 47) {
        this.inVersionComment = false;
        i += 2;
      } else break;
    }
    this.pos = i;
    if (this.t === 'bad') this.t = 'end';
  }

  /** Where reading goes on after the comment that begins at `i`; -1 when it has no end. */
  private skipComment(i: number): number {
    const sql = this.sql;
    const c = sql.charCodeAt(i + 2);
    if (c === 33) {
      let at = i + 3;
      let version = 0;
      let digits = 0;
      while (digits < 6 && isDigit(sql.charCodeAt(at))) {
        version = version * 10 + sql.charCodeAt(at++) - 48;
        digits++;
      }
      if (digits === 6 && sql.charCodeAt(i + 3) === 48 && !isSpace(sql.charCodeAt(at))) {
        // 0NNNNN is a version of six digits only before white space.
        version = Math.trunc(version / 10);
        at--;
      }
      if (digits < 5) {
        at = i + 3;
        version = 0;
      }
      if (version <= SERVER_VERSION) {
        this.inVersionComment = true;
        return at;
      }
      // A skipped version comment may have comments inside.
      let depth = 1;
      for (; at < sql.length; at++) {
        const d = sql.charCodeAt(at);
        if (d === 42 && sql.charCodeAt(at + 1) === 47) {
          at++;
          if (--depth === 0) return at + 1;
        } else if (d === 47 && sql.charCodeAt(at + 1) === 42) {
          at++;
          depth++;
        }
      }
      return -1;
    }
    const close = sql.indexOf('*/', i + 2);
    if (close < 0) return -1;
    if (c === 43) {
      this.hintStart = i + 3;
      this.hintEnd = close;
    }
    return close + 2;
  }

  private readWord(start: number, first: number): void {
    const sql = this.sql;
    const quote = sql.charCodeAt(start + 1);
    if (quote === 39) {
      if (first === 120 || first === 88) return this.readDigitString(start, 'hex');
      if (first === 98 || first === 66) return this.readDigitString(start, 'bit');
      if (first === 110 || first === 78) {
        this.pos = start + 1;
        this.readStrings(start + 1, quote);
        if (this.t === 'string') this.t = 'nstring';
        this.start = start;
        this.word = WORD_NONE;
        return;
      }
    }
    let i = start;
    let hash = 0;
    let c = first;
    do {
      hash = hashStep(hash, c);
      c = sql.charCodeAt(++i);
    } while (isIdentChar(c));
    this.pos = i;
    if (first === 36 && sql.indexOf('$', start + 1) < i && sql.indexOf('$', start + 1) > 0) {
      this.t = 'dollar';
      this.word = WORD_NONE;
      return;
    }
    if (start > 0 && sql.charCodeAt(start - 1) === 46 && this.t === '.') return this.setIdent();
    if (c === 46 && isIdentChar(sql.charCodeAt(i + 1))) return this.setIdent();
    const at = findKeyword(sql, start, i, hash);
    if (at < 0) {
      if (first === 95 && isIntroducer(sql.slice(start + 1, i).toLowerCase())) {
        this.t = 'introducer';
        this.word = WORD_IDENTIFIER;
        return;
      }
      return this.setIdent();
    }
    const kind = keywordKindAt(at);
    if (kind === WORD_FUNCTION) {
      if (this.options.ignoreSpace) while (isSpace(sql.charCodeAt(i))) i++;
      if (sql.charCodeAt(i) !== 40) return this.setIdent();
    }
    this.t = keywordAt(at);
    this.word = kind;
  }

  private setIdent(): void {
    this.t = 'ident';
    this.word = WORD_IDENTIFIER;
  }

  /** x'1f', b'01' */
  private readDigitString(start: number, tag: 'hex' | 'bit'): void {
    const sql = this.sql;
    let i = start + 2;
    if (tag === 'hex') while (isHexDigit(sql.charCodeAt(i))) i++;
    else while (sql.charCodeAt(i) === 48 || sql.charCodeAt(i) === 49) i++;
    const good = sql.charCodeAt(i) === 39 && (tag === 'bit' || ((i - start) & 1) === 0);
    this.pos = good ? i + 1 : sql.length;
    this.word = WORD_NONE;
    this.literal(good ? tag : 'bad');
  }

  private literal(tag: string): void {
    this.t = tag;
    this.slot = this.slots++;
  }

  private readNumber(start: number, first: number): void {
    const sql = this.sql;
    if (this.t === '.' && sql.charCodeAt(start - 1) === 46) {
      // t.1a: after a point that follows a name, digits begin a name.
      let i = start;
      while (isIdentChar(sql.charCodeAt(i))) i++;
      this.pos = i;
      return this.setIdent();
    }
    let i = start + 1;
    let c = sql.charCodeAt(i);
    if (first === 48 && (c === 120 || c === 98)) {
      let at = i + 1;
      if (c === 120) while (isHexDigit(sql.charCodeAt(at))) at++;
      else while (sql.charCodeAt(at) === 48 || sql.charCodeAt(at) === 49) at++;
      if (at > i + 1 && !isIdentChar(sql.charCodeAt(at))) {
        this.pos = at;
        return this.literal(c === 120 ? 'hex' : 'bit');
      }
    }
    while (isDigit(c)) c = sql.charCodeAt(++i);
    if (c === 101 || c === 69) {
      const exponent = exponentEnd(sql, i);
      if (exponent > 0) {
        this.pos = exponent;
        return this.literal('float');
      }
    }
    if (isIdentChar(c)) {
      while (isIdentChar(sql.charCodeAt(i))) i++;
      this.pos = i;
      return this.setIdent();
    }
    if (c === 46) return this.readFraction(i + 1);
    this.pos = i;
    this.literal(i - start >= 20 && isBigInteger(sql.slice(start, i)) ? 'decimal' : 'int');
  }

  /** What follows the point of a number. */
  private readFraction(from: number): void {
    const sql = this.sql;
    let i = from;
    while (isDigit(sql.charCodeAt(i))) i++;
    const c = sql.charCodeAt(i);
    if (c === 101 || c === 69) {
      const exponent = exponentEnd(sql, i);
      if (exponent > 0) {
        this.pos = exponent;
        return this.literal('float');
      }
    }
    this.pos = i;
    this.literal('decimal');
  }

  private readOther(start: number, c: number): void {
    const sql = this.sql;
    if (c === 39 || (c === 34 && !this.options.ansiQuotes)) return this.readStrings(start, c);
    if (c === 96 || c === 34) return this.readQuoted(start, c);
    if (c === 46 && isDigit(sql.charCodeAt(start + 1)) && !(this.prevEnd === start && this.wordBefore())) {
      return this.readFraction(start + 1);
    }
    if (c === 64) return this.readAt(start);
    if (c === 63 && this.options.placeholders !== false && !isIdentChar(sql.charCodeAt(start + 1))) {
      this.pos = start + 1;
      this.params++;
      return this.literal('param');
    }
    const tag = operatorAt(sql, start, c);
    this.t = tag;
    this.pos = start + (tag === 'bad' ? 1 : tag.length);
    if (tag === '!=') this.t = '<>';
  }

  /** Whether the token just read ended a name: a point that follows at once is then no number's. */
  private wordBefore(): boolean {
    const at = this.start - 1;
    return at >= 0 && (isIdentChar(this.sql.charCodeAt(at)) || this.sql.charCodeAt(at) === 96) && this.wasWord();
  }

  private wasWord(): boolean {
    return this.t === 'ident';
  }

  private readQuoted(start: number, quote: number): void {
    const sql = this.sql;
    let i = start + 1;
    for (;;) {
      const c = sql.charCodeAt(i);
      if (c === quote) {
        if (sql.charCodeAt(i + 1) !== quote) break;
        i++;
      } else if (c === 0 || c !== c) {
        this.pos = sql.length;
        this.t = 'bad';
        return;
      }
      i++;
    }
    this.pos = i + 1;
    this.t = 'quoted';
    this.word = WORD_QUOTED;
  }

  private readStrings(start: number, quote: number): void {
    const sql = this.sql;
    const end = stringEnd(sql, start, quote, this.options.noBackslashEscapes);
    if (end < 0) {
      this.pos = sql.length;
      this.t = 'bad';
      return;
    }
    this.parts = 1;
    let last = end;
    let closed = false;
    this.pos = end;
    for (;;) {
      const c = sql.charCodeAt(this.pos);
      if (c === 39 || (c === 34 && !this.options.ansiQuotes)) {
        const more = stringEnd(sql, this.pos, c, this.options.noBackslashEscapes);
        if (more < 0) break;
        this.parts++;
        last = more;
        this.pos = more;
        if (closed) this.inVersionComment = closed = false;
      } else if (c === 42 && this.inVersionComment && !closed && sql.charCodeAt(this.pos + 1) === 47) {
        // Its end parts no strings: mysqldump writes SET @@GLOBAL.GTID_PURGED = /*!80000 '+'*/ '…'.
        closed = true;
        this.pos += 2;
      } else if (isSpace(c) || c === 35 || c === 45 || c === 47) {
        const at = this.pos;
        this.skipPlainSpace();
        if (this.pos === at) break;
      } else break;
    }
    this.pos = last;
    this.literal('string');
  }

  /** As `skipSpace`, but stops before anything that changes the lexer's state. */
  private skipPlainSpace(): void {
    this.pos = plainSpaceEnd(this.sql, this.pos);
  }

  /** @x, @'x', @@ */
  private readAt(start: number): void {
    const sql = this.sql;
    const c = sql.charCodeAt(start + 1);
    if (c === 64) {
      this.pos = start + 2;
      this.t = '@@';
      return;
    }
    this.t = 'variable';
    if (c === 39 || c === 34 || c === 96) {
      const end = stringEnd(sql, start + 1, c, c === 96 || this.options.noBackslashEscapes);
      if (end < 0) this.t = 'bad';
      this.pos = end < 0 ? sql.length : end;
      return;
    }
    let i = start + 1;
    while (isIdentChar(sql.charCodeAt(i)) || sql.charCodeAt(i) === 46) i++;
    this.pos = i;
  }

  /** The error for the text from `at` on. */
  /** `what` is wrong, where not the syntax is. */
  syntaxError(at: number, what?: string): SqlError {
    const sql = this.sql;
    let line = 1;
    for (let i = sql.indexOf('\n'); i >= 0 && i < at; i = sql.indexOf('\n', i + 1)) line++;
    // The server drops what ends the text before it reads it, and tells of it in three-byte UTF-8.
    let end = sql.length;
    while (end > at && (sql.charCodeAt(end - 1) === 59 || isSpace(sql.charCodeAt(end - 1)))) end--;
    const near = sql
      .slice(at, Math.min(end, at + 160))
      .replace(/[\ud800-\udbff][\udc00-\udfff]/g, '?')
      .slice(0, 80);
    return new SqlError(
      1064,
      '42000',
      what === undefined
        ? `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '${near}' at line ${line}`
        : `${what} Error near '${near}' at line ${line}`,
    );
  }
}
