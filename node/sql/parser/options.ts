import type { LiteralValue, Statement } from './ast.ts';

/** The flags of `sql_mode` that change how text is read, and the text's encoding. */
export interface ParseOptions {
  readonly ansiQuotes: boolean;
  readonly pipesAsConcat: boolean;
  readonly highNotPrecedence: boolean;
  readonly ignoreSpace: boolean;
  readonly noBackslashEscapes: boolean;
  readonly realAsFloat: boolean;
  /** Each char code of the text is one raw byte: the client's text was not valid UTF-8. */
  readonly latin1: boolean;
  /** Whether `?` is a placeholder (the default) or, as in a plain query, an error. */
  readonly placeholders?: boolean;
}

export const DEFAULT_PARSE_OPTIONS: ParseOptions = Object.freeze({
  ansiQuotes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  noBackslashEscapes: false,
  realAsFloat: false,
  latin1: false,
});

/** One statement of a text, and what a plan cache wants to know of it. */
export interface ParsedStatement {
  readonly statement: Statement;
  /** Offset after the statement and its `;`: where the next one begins. */
  readonly end: number;
  /** Whether only white space and comments follow `end`. */
  readonly last: boolean;
  /** How many literals and placeholders there are: slots go from 0 to this. */
  readonly slots: number;
  readonly params: number;
  /** Slots whose value went into the tree's form (type lengths, names, options): a plan holds for just these values. */
  readonly pinned: readonly number[];
}

/** A text without its literals. Statements of one key, and of equal values in pinned slots, share a plan. */
export interface Shape {
  readonly key: string;
  /** By slot; undefined for placeholders. */
  readonly values: readonly (LiteralValue | undefined)[];
  readonly params: number;
}
