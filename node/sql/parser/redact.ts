/** Account statements without their passwords: for the log, and for everyone who may look at what runs. */
import { Lexer } from './lexer.ts';
import type { ParseOptions } from './options.ts';

/** Words that a password or its hash follows: IDENTIFIED BY, REPLACE, IDENTIFIED WITH plugin AS, SET PASSWORD =. */
const BEFORE_SECRET = new Set(['BY', 'REPLACE', 'AS', '=', ':=']);
const LITERALS = new Set(['string', 'nstring', 'hex', 'quoted']);

/** The text of CREATE USER, ALTER USER or SET PASSWORD with `<secret>` where passwords stood; comments are left out. */
export function redactPasswords(text: string, options: ParseOptions): string {
  const lexer = new Lexer(text, 0, options);
  lexer.next();
  let out = '';
  let end = lexer.start;
  let before = '';
  while (lexer.t !== 'end' && lexer.t !== 'bad') {
    const gap = text.slice(end, lexer.start);
    out += gap.trim() === '' ? gap : ' ';
    out += LITERALS.has(lexer.t) && BEFORE_SECRET.has(before) ? '<secret>' : text.slice(lexer.start, lexer.end);
    before = lexer.t;
    end = lexer.end;
    lexer.next();
  }
  return out;
}
