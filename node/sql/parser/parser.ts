import { SqlError } from '../types/index.ts';
import type { Expr, LiteralValue, QualifiedName, QueryExpression, StarItem, Statement } from './ast.ts';
import {
  LOOSE_FUNCTIONS,
  WORD_FUNCTION,
  WORD_IDENTIFIER,
  WORD_KEYWORD,
  WORD_QUOTED,
  WORD_RESERVED,
} from './keywords.ts';
import { Lexer } from './lexer.ts';
import { stringEnd, stringGapEnd } from './scan.ts';
import type { Mark } from './lexer.ts';
import type { ParseOptions } from './options.ts';
import { bitBytes, decimalValue, hexBytes, intValue, readName, stringContent, undouble, unquote } from './text.ts';
import type { StringContent } from './text.ts';

/** The rules that files below need from files above: queries inside expressions, statements inside statements. */
export interface Grammar {
  expr(p: Parser): Expr;
  /** An expression of arithmetic operators only: where IN, AND or a comma of its own may follow. */
  operand(p: Parser): Expr;
  /** One literal. */
  literal(p: Parser): Expr;
  /** A query expression that stands where `p` stands, without parentheses round it. */
  query(p: Parser): QueryExpression;
  statement(p: Parser): Statement;
}

/**
 * How many rules may be open at once: far below what overflows the JavaScript stack of a worker, far above what people
 * write.
 */
const MAX_DEPTH = 300;

export function tooDeep(): SqlError {
  return new SqlError(
    1436,
    'HY000',
    "Thread stack overrun: the statement is nested too deeply. Use 'mysqld --thread_stack=#' to specify a bigger stack.",
  );
}

/** Tokens, and what every rule does with them. */
export class Parser extends Lexer {
  readonly grammar: Grammar;
  readonly pinned: number[] = [];
  private depth = 0;
  /** The run of opening parentheses that was last looked through, and the tag behind it (`ROW` for VALUES ROW). */
  private runStart = -1;
  private runEnd = -1;
  private runTag = 'end';
  /** The offset at which `t.*` may stand, and the one that was found. */
  starAllowedAt = -1;
  star: StarItem | undefined = undefined;
  /** Where a rule that reads ahead began, for its error. */
  prevStart = 0;
  /** Inside a stored program: INTO and LIMIT take variables, RETURN is a statement. */
  inProgram = false;
  inFunction = false;
  /** Where the last syntax error was, for rules that try two readings. */
  failedAt = -1;
  /** Places in FROM where a parenthesis was found to hold no query. */
  readonly notQueries = new Set<number>();
  /** The next query may have INTO: it is a statement of its own. */
  intoAllowed = false;
  /** An operand that was read ahead and is what the next one to be read is. */
  pending: Expr | undefined = undefined;
  /** Inside a trigger: NEW and OLD are its rows. */
  inTrigger = false;
  labels: string[] = [];

  constructor(sql: string, pos: number, options: ParseOptions, grammar: Grammar) {
    super(sql, pos, options);
    this.grammar = grammar;
  }

  /** Call before a rule that may contain itself, and `leave` after it. */
  enter(): void {
    if (++this.depth > MAX_DEPTH) {
      throw tooDeep();
    }
  }

  leave(): void {
    this.depth--;
  }

  /** A rule that is tried, and given up by an exception, leaves rules open: note the depth before, and put it back. */
  depthMark(): number {
    return this.depth;
  }

  depthReset(depth: number): void {
    this.depth = depth;
  }

  override reset(mark: Mark): void {
    super.reset(mark);
    const pinned = this.pinned;
    while (pinned.length > 0 && (pinned[pinned.length - 1] as number) >= mark.slots) pinned.pop();
  }

  fail(at: number = this.start): never {
    this.failedAt = at;
    throw this.syntaxError(at);
  }

  /** As `t === tag`, where the compiler would take an earlier comparison for still true. */
  is(tag: string): boolean {
    return this.t === tag;
  }

  accept(tag: string): boolean {
    if (this.t !== tag) return false;
    this.next();
    return true;
  }

  expect(tag: string): void {
    if (this.t !== tag) this.fail();
    this.next();
  }

  /** Both words, or neither. */
  accept2(first: string, second: string): boolean {
    if (this.t !== first || this.peek() !== second) return false;
    this.next();
    this.next();
    return true;
  }

  expect2(first: string, second: string): void {
    this.expect(first);
    this.expect(second);
  }

  acceptAny(...tags: readonly string[]): string | undefined {
    const t = this.t;
    if (!tags.includes(t)) return undefined;
    this.next();
    return t;
  }

  expectAny(...tags: readonly string[]): string {
    return this.acceptAny(...tags) ?? this.fail();
  }

  /** Fails at the token before, for a rule that has already passed it. */
  failBefore(): never {
    let at = this.prevEnd;
    while (at > 0 && /[A-Za-z0-9_$]/.test(this.sql.charAt(at - 1))) at--;
    this.fail(at);
  }

  unknownFormat(format: string): never {
    throw new SqlError(1791, 'HY000', `Unknown EXPLAIN format name: '${format}'`);
  }

  /** A name where MySQL knows only a few: not a syntax error to it. */
  unknownValue(what: string, value: string): never {
    throw new SqlError(1800, 'HY000', `Unknown ${what} '${value}'`);
  }

  /** Whether the token is this word, keyword or not. */
  isWord(lower: string): boolean {
    if (this.word === 0 || this.word === WORD_QUOTED || this.end - this.start !== lower.length) return false;
    return this.sql.slice(this.start, this.end).toLowerCase() === lower;
  }

  acceptWord(lower: string): boolean {
    if (!this.isWord(lower)) return false;
    this.next();
    return true;
  }

  expectWord(lower: string): void {
    if (!this.acceptWord(lower)) this.fail();
  }

  /** Whether the token can be an identifier. */
  isIdent(): boolean {
    const word = this.word;
    return (
      word === WORD_IDENTIFIER ||
      word === WORD_QUOTED ||
      word === WORD_KEYWORD ||
      (word === WORD_FUNCTION && LOOSE_FUNCTIONS.has(this.t))
    );
  }

  /** The text of the word or quoted identifier that the token is. */
  nameText(): string {
    const { sql, start, end } = this;
    const latin1 = this.options.latin1;
    if (this.word !== WORD_QUOTED) return latin1 ? readName(sql.slice(start, end), true) : sql.slice(start, end);
    const quote = sql.charCodeAt(start) === 96 ? '`' : '"';
    return readName(undouble(sql.slice(start + 1, end - 1), quote), latin1);
  }

  ident(): string {
    if (!this.isIdent()) this.fail();
    const name = this.nameText();
    this.next();
    return name;
  }

  /** An identifier after a point: there every word is one, even a reserved one. */
  identAfterPoint(): string {
    if (this.word === 0 || (this.word === WORD_RESERVED && this.prevEnd !== this.start)) this.fail();
    const name = this.nameText();
    this.next();
    return name;
  }

  identOrText(): string {
    return this.t === 'string' ? this.text() : this.ident();
  }

  /** [schema.]name */
  qualified(): QualifiedName {
    const start = this.start;
    if (this.t === '.') {
      this.next();
      const bare = this.identAfterPoint();
      return { kind: 'name', start, end: this.prevEnd, schema: undefined, name: bare };
    }
    let name = this.ident();
    let schema: string | undefined;
    if (this.t === '.') {
      this.next();
      schema = name;
      name = this.identAfterPoint();
    }
    return { kind: 'name', start, end: this.prevEnd, schema, name };
  }

  /** The content of the string token, all its parts. */
  stringValue(binary: boolean): StringContent {
    const { sql, options } = this;
    let at = this.t === 'nstring' ? this.start + 1 : this.start;
    let text = '';
    for (let part = 0; part < this.parts; part++) {
      if (part > 0) at = stringGapEnd(sql, at);
      const end = stringEnd(sql, at, sql.charCodeAt(at), options.noBackslashEscapes);
      text += unquote(sql, at, end, options.noBackslashEscapes);
      at = end;
    }
    return stringContent(text, options.latin1, binary);
  }

  /** A string that becomes part of the tree: one alone, not several side by side. */
  text(): string {
    if (this.t !== 'string') this.fail();
    if (this.parts > 1) {
      const first = stringEnd(this.sql, this.start, this.sql.charCodeAt(this.start), this.options.noBackslashEscapes);
      this.fail(stringGapEnd(this.sql, first));
    }
    const { value } = this.stringValue(false);
    this.pinned.push(this.slot);
    this.next();
    return value;
  }

  /** The value of the number, hex or bit token. */
  literalValue(): LiteralValue {
    const text = this.sql.slice(this.start, this.end);
    if (this.t === 'int') return intValue(text);
    if (this.t === 'decimal') return decimalValue(text);
    if (this.t === 'float') return Number(text);
    const quoted = text.charCodeAt(1) === 39;
    const digits = quoted ? text.slice(2, -1) : text.slice(2);
    return this.t === 'hex' ? hexBytes(digits) : bitBytes(digits);
  }

  /** An integer that becomes part of the tree. */
  integer(): number {
    if (this.t !== 'int') this.fail();
    return Number(this.uint64());
  }

  /** Whatever number stands where an unsigned 64-bit one is wanted; 0x.. counts too. */
  uint64(): number | bigint {
    const text = this.sql.slice(this.start, this.end);
    let value: number | bigint;
    if (this.t === 'int') value = intValue(text);
    else if (this.t === 'hex' && text.charCodeAt(1) !== 39) value = Number(text);
    else if (this.t === 'decimal' || this.t === 'float') value = Math.trunc(Number(text));
    else return this.fail();
    this.pinned.push(this.slot);
    this.next();
    return value;
  }

  /** An integer below 2^31, which is a token of its own to MySQL. */
  smallInteger(): number {
    if (this.t !== 'int' || Number(this.sql.slice(this.start, this.end)) > 2147483647) this.fail();
    return this.number();
  }

  number(): number {
    return Number(this.uint64());
  }

  /** Pins every literal from slot `from` to before the token: their text, not their nodes, is what the tree keeps. */
  pinFrom(from: number): void {
    const to = this.isLiteral() ? this.slot : this.slots;
    for (let slot = from; slot < to; slot++) if (!this.pinned.includes(slot)) this.pinned.push(slot);
  }

  private isLiteral(): boolean {
    const t = this.t;
    return (
      t === 'int' ||
      t === 'decimal' ||
      t === 'float' ||
      t === 'string' ||
      t === 'nstring' ||
      t === 'hex' ||
      t === 'bit' ||
      t === 'param'
    );
  }

  /** `item, item, …` */
  list<T>(item: (p: this) => T): T[] {
    const items = [item(this)];
    while (this.t === ',') {
      this.next();
      items.push(item(this));
    }
    return items;
  }

  /** `(item, item, …)` */
  parenList<T>(item: (p: this) => T): T[] {
    this.expect('(');
    const items = this.list(item);
    this.expect(')');
    return items;
  }

  identList(): string[] {
    return this.parenList((p) => p.ident());
  }

  ifExists(): boolean {
    if (this.t !== 'IF') return false;
    this.next();
    this.expect('EXISTS');
    return true;
  }

  ifNotExists(): boolean {
    if (this.t !== 'IF') return false;
    this.next();
    this.expect('NOT');
    this.expect('EXISTS');
    return true;
  }

  /** The hint before the token, if there was one. */
  takeHint(): string | undefined {
    return this.hintStart < 0 ? undefined : this.sql.slice(this.hintStart, this.hintEnd).trim();
  }

  /** Where the next operand begins. */
  from(): number {
    return this.pending === undefined ? this.start : this.pending.start;
  }

  /**
   * Whether the parentheses that open here hold a query: `((SELECT …`. In an expression VALUES(c) is a function, so VALUES
   * begins a query only before ROW, unless `anyValues`.
   */
  parensHoldQuery(anyValues = false): boolean {
    // The answer is the same for every parenthesis of a run, and is asked for at each.
    if (this.start < this.runStart || this.start >= this.runEnd) {
      const mark = this.mark();
      this.runStart = this.start;
      while (this.t === '(') this.next();
      this.runEnd = this.start;
      this.runTag = this.t;
      if (this.t === 'VALUES' && this.peek() === 'ROW') this.runTag = 'ROW';
      this.reset(mark);
    }
    const t = this.runTag;
    return t === 'SELECT' || t === 'WITH' || t === 'TABLE' || t === 'ROW' || (t === 'VALUES' && anyValues);
  }
}
