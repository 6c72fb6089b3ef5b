import { sqlError } from '../values/index.ts';

/** Regular expressions as MySQL has them (those of ICU), made into JavaScript's. */

const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';
const SPACE = '\\t\\n\\f\\r\\p{Z}';
const HORIZONTAL = '\\t\\p{Zs}';
const VERTICAL = '\\n\\v\\f\\r\\u0085\\u2028\\u2029';
const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
const INSIDE = `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`;
/** Where the text ends, or its last line does. */
const END = '(?=(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])?(?-m:$))';

/** POSIX classes, as what stands inside brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alpha: '\\p{Alphabetic}',
  digit: '\\p{Nd}',
  alnum: '\\p{Alphabetic}\\p{Nd}',
  upper: '\\p{Uppercase}',
  lower: '\\p{Lowercase}',
  space: SPACE,
  blank: HORIZONTAL,
  punct: '\\p{P}',
  cntrl: '\\p{Cc}',
  graph: '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}',
  print: '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}',
  xdigit: '0-9a-fA-F',
  word: WORD,
  ascii: '\\x00-\\x7f',
  any: '\\s\\S',
};

export const regexpErrors = {
  name: () => sqlError(3887, 'A capture group has an invalid name.'),
  illegal: () => sqlError(3685, 'Illegal argument to a regular expression.'),
  bounds: () => sqlError(3686, 'Index out of bounds in regular expression search.'),
  escape: () => sqlError(3689, 'Unrecognized escape sequence in regular expression.'),
  parenthesis: () => sqlError(3691, 'Mismatched parenthesis in regular expression.'),
  interval: () => sqlError(3692, 'Incorrect description of a {min,max} interval.'),
  maximum: () => sqlError(3693, 'The maximum is less than the minumum in a {min,max} interval.'),
  reference: () => sqlError(3694, 'Invalid back-reference in regular expression.'),
  behind: () => sqlError(3695, 'The look-behind assertion exceeds the limit in regular expression.'),
  bracket: () => sqlError(3696, 'The regular expression contains an unclosed bracket expression.'),
  range: () => sqlError(3697, 'The regular expression contains an [x-y] character range where x comes after y.'),
  syntax: (at: number) => sqlError(3688, `Syntax error in regular expression on line 1, character ${at}.`),
};

const isLetter = (c: string): boolean => /^[A-Za-z]$/.test(c);

/** One character, escaped so that it stands for itself. */
function literal(point: number): string {
  const c = String.fromCodePoint(point);
  if (/[A-Za-z0-9_ ]/.test(c)) return c;
  return `\\u{${point.toString(16)}}`;
}

class Translator {
  readonly source: string;
  at = 0;
  groups = 0;
  /** Closings still to come, with what to write for each. */
  readonly open: string[] = [];
  readonly references: number[] = [];
  /** Under the flag x, blanks and comments do not count. */
  extended = false;

  constructor(source: string) {
    this.source = source;
  }

  run(): string {
    let out = '';
    let quantifiable = false;
    while (this.at < this.source.length) {
      const c = String.fromCodePoint(this.source.codePointAt(this.at) as number);
      if (this.extended && /[\s#]/.test(c)) {
        const end = c === '#' ? this.source.indexOf('\n', this.at) : this.at;
        this.at = end < 0 ? this.source.length : end + 1;
        continue;
      }
      switch (c) {
        case '\\':
          out += this.escape(false);
          quantifiable = true;
          continue;
        case '[':
          out += this.set();
          quantifiable = true;
          continue;
        case '(':
          out += this.group();
          quantifiable = false;
          continue;
        case ')':
          if (this.open.length === 0) throw regexpErrors.parenthesis();
          out += this.open.pop() as string;
          this.at++;
          quantifiable = true;
          continue;
        case '*':
        case '+':
        case '?':
          if (!quantifiable) throw regexpErrors.syntax(this.at + 1);
          out += c;
          this.at++;
          out += this.mode();
          quantifiable = false;
          continue;
        case '}':
          throw regexpErrors.syntax(this.at + 1);
        case '{':
          if (!quantifiable) throw regexpErrors.syntax(this.at + 1);
          out += this.interval();
          quantifiable = false;
          continue;
        case '|':
          out += c;
          quantifiable = false;
          break;
        case '^':
          out += c;
          quantifiable = false;
          break;
        case '$':
          out += '\u0000$';
          quantifiable = true;
          break;
        case '.':
          out += c;
          quantifiable = true;
          break;
        default:
          out += literal(c.codePointAt(0) as number);
          quantifiable = true;
      }
      this.at += c.length;
    }
    if (this.open.length > 0) throw regexpErrors.parenthesis();
    if (this.references.some((n) => n > this.groups)) throw regexpErrors.reference();
    return out;
  }

  /** `?` (reluctant) is JavaScript's too; `+` (possessive) is taken for greedy, which differs only where it fails. */
  mode(): string {
    const c = this.source[this.at];
    if (c === '?') {
      this.at++;
      return '?';
    }
    if (c === '+') this.at++;
    return '';
  }

  interval(): string {
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.source.slice(this.at));
    if (match === null) throw regexpErrors.interval();
    if (match[3] !== undefined && match[3] !== '' && Number(match[3]) < Number(match[1])) throw regexpErrors.maximum();
    this.at += match[0].length;
    return match[0] + this.mode();
  }

  group(): string {
    const rest = this.source.slice(this.at);
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) {
      this.at += comment[0].length;
      return '';
    }
    const plain = /^\((?:\?(?::|=|!|<=|<!|>|<[A-Za-z][A-Za-z0-9]*>))?/.exec(rest) as RegExpExecArray;
    let opening = plain[0];
    if (opening === '(' && rest[1] === '?') {
      const flags = /^\(\?([a-zA-Z-]*)([:)])/.exec(rest);
      const bad = /^\(\?-?[imsxw]*/.exec(rest)?.[0].length ?? 2;
      if (flags === null || !/^[imsxw]*(?:-[imsxw]*)?$/.test(flags[1] as string))
        throw regexpErrors.syntax(this.at + bad + 1);
      this.at += flags[0].length;
      if (/^[imsw]*x/.test(flags[1] as string)) this.extended = true;
      const [on = '', off = ''] = (flags[1] as string).replace(/[xw]/g, '').split('-');
      const modifiers = on === '' && off === '' ? '' : `${on}${off === '' ? '' : `-${off}`}`;
      if (flags[2] === ':') {
        this.open.push(')');
        return `(?${modifiers}:`;
      }
      // Flags for the rest of the group around: a group of its own that ends with it.
      if (this.open.length > 0) this.open.push(`)${this.open.pop() as string}`);
      else this.tail += ')';
      return `(?${modifiers}:`;
    }
    this.at += opening.length;
    if (opening === '(?>') opening = '(?:';
    if (opening === '(?<=' || opening === '(?<!') {
      const body = this.body();
      if (/(?<!\\)(?:[*+]|\{\d+,\})/.test(body)) throw regexpErrors.behind();
    }
    if (opening === '(' || /^\(\?<[A-Za-z]/.test(opening)) this.groups++;
    this.open.push(')');
    return opening;
  }

  tail = '';

  /** The text up to the parenthesis that closes the group that was just opened. */
  body(): string {
    let depth = 1;
    let at = this.at;
    for (; at < this.source.length && depth > 0; at++) {
      if (this.source[at] === '\\') at++;
      else if (this.source[at] === '(') depth++;
      else if (this.source[at] === ')') depth--;
    }
    return this.source.slice(this.at, at - 1);
  }

  /** The escapes that stand for one character; undefined for the others. */
  character(): number | undefined {
    const rest = this.source.slice(this.at);
    const hex = /^\\(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    if (hex !== null) {
      this.at += hex[0].length;
      const point = Number.parseInt((hex[1] ?? hex[2] ?? hex[3] ?? hex[4]) as string, 16);
      if (point > 0x10ffff) throw regexpErrors.escape();
      return point;
    }
    const octal = /^\\0([0-7]{1,3})/.exec(rest);
    if (octal !== null) {
      this.at += octal[0].length;
      return Number.parseInt(octal[1] as string, 8);
    }
    const control = /^\\c(.)/.exec(rest);
    if (control !== null) {
      this.at += control[0].length;
      return (control[1] as string).charCodeAt(0) & 0x1f;
    }
    const c = rest[1] as string;
    const named = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }[c];
    if (named !== undefined) {
      this.at += 2;
      return named;
    }
    if (isLetter(c) || /\d/.test(c)) return undefined;
    const point = rest.codePointAt(1) as number;
    this.at += 1 + String.fromCodePoint(point).length;
    return point;
  }

  property(): string {
    const match = /^\\([pP])(?:\{(\^?)([^}]*)\}|([A-Z]))/.exec(this.source.slice(this.at));
    if (match === null) throw regexpErrors.escape();
    this.at += match[0].length;
    const letter = (match[1] === 'P') !== (match[2] === '^') ? 'P' : 'p';
    const name = (match[3] ?? match[4] ?? '').trim();
    for (const candidate of [name, `Script=${name}`, name.replace(/^Is|^\w+=/i, ''), capitalised(name)]) {
      try {
        void new RegExp(`\\p{${candidate}}`, 'v');
        return `\\${letter}{${candidate}}`;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    throw regexpErrors.illegal();
  }

  /** An escape, inside a set or outside. */
  escape(inSet: boolean): string {
    const c = this.source[this.at + 1];
    if (c === undefined) throw regexpErrors.escape();
    if (c === 'Q') {
      const end = this.source.indexOf('\\E', this.at + 2);
      const quoted = this.source.slice(this.at + 2, end < 0 ? undefined : end);
      this.at = end < 0 ? this.source.length : end + 2;
      return Array.from(quoted, (q) => literal(q.codePointAt(0) as number)).join('');
    }
    if (c === 'E') {
      this.at += 2;
      return '';
    }
    if (c === 'p' || c === 'P') return this.property();
    const sets: Readonly<Record<string, string>> = {
      d: '\\p{Nd}',
      w: WORD,
      s: SPACE,
      h: HORIZONTAL,
      v: VERTICAL,
    };
    const positive = sets[c];
    if (positive !== undefined) {
      this.at += 2;
      return inSet ? positive : `[${positive}]`;
    }
    const negative = sets[c.toLowerCase()];
    if (negative !== undefined && c !== c.toLowerCase()) {
      this.at += 2;
      return `[^${negative}]`;
    }
    if (!inSet) {
      const assertion: Readonly<Record<string, string>> = {
        b: BOUNDARY,
        B: INSIDE,
        A: '(?-m:^)',
        z: '(?-m:$)',
        Z: END,
        G: '(?-m:^)',
        R: `(?:\\r\\n|[${VERTICAL}])`,
        X: '(?:\\P{M}\\p{M}*)',
      };
      const found = assertion[c];
      if (found !== undefined) {
        this.at += 2;
        return found;
      }
      const reference = /^\\([1-9]\d*)/.exec(this.source.slice(this.at));
      if (reference !== null) {
        this.at += reference[0].length;
        this.references.push(Number(reference[1]));
        return `(?:${reference[0]})`;
      }
      const named = /^\\k<[A-Za-z][A-Za-z0-9]*>/.exec(this.source.slice(this.at));
      if (named !== null) {
        this.at += named[0].length;
        return named[0];
      }
    }
    const point = this.character();
    if (point !== undefined) return literal(point);
    // ICU takes an escaped letter that means nothing for the letter.
    if (c === 'N') throw regexpErrors.illegal();
    if (!isLetter(c)) throw regexpErrors.escape();
    this.at += 2;
    return c;
  }

  set(): string {
    const start = ++this.at;
    let out = '[';
    if (this.source[this.at] === '^') {
      out += '^';
      this.at++;
    }
    let last: number | undefined;
    for (let first = true; ; first = false) {
      if (this.at >= this.source.length) throw regexpErrors.bracket();
      const c = String.fromCodePoint(this.source.codePointAt(this.at) as number);
      if (c === ']' && !(first && this.source.indexOf(']', this.at + 1) >= 0 && this.at === start)) break;
      if (c === ']' && !first) break;
      const posix = /^\[:(\^?)([A-Za-z_ <>]+):\]/.exec(this.source.slice(this.at));
      if (posix !== null) {
        const name = (posix[2] as string).toLowerCase();
        const members = CLASSES[name];
        if (members === undefined) throw regexpErrors.illegal();
        this.at += posix[0].length;
        out += posix[1] === '^' ? `[^${members}]` : members;
        last = undefined;
        continue;
      }
      if (c === '[') {
        out += this.set();
        last = undefined;
        continue;
      }
      if (this.source.startsWith('&&', this.at) || this.source.startsWith('--', this.at)) {
        out = this.operands(out) + this.source.slice(this.at, this.at + 2);
        this.at += 2;
        out += this.operand();
        last = undefined;
        continue;
      }
      if (c === '-' && last !== undefined && this.source[this.at + 1] !== ']' && this.at + 1 < this.source.length) {
        this.at++;
        const next = this.source[this.at];
        if (next === '[') {
          out += literal(45);
          last = undefined;
          continue;
        }
        const to = next === '\\' ? this.character() : this.plain();
        if (to === undefined) throw regexpErrors.range();
        if (to < last) throw regexpErrors.range();
        out += `-${literal(to)}`;
        last = undefined;
        continue;
      }
      if (c === '\\') {
        const before = this.at;
        const escape = this.source[this.at + 1];
        const simple = escape === undefined || 'QEpPdDwWsShHvV'.includes(escape) ? undefined : this.character();
        if (simple !== undefined) {
          out += literal(simple);
          last = simple;
        } else {
          this.at = before;
          out += this.escape(true);
          last = undefined;
        }
        continue;
      }
      last = this.plain();
      out += literal(last);
    }
    this.at++;
    return `${out}]`;
  }

  plain(): number {
    const point = this.source.codePointAt(this.at) as number;
    this.at += point > 0xffff ? 2 : 1;
    return point;
  }

  /** In JavaScript both sides of a set operator must be single operands. */
  operands(out: string): string {
    const negated = out.startsWith('[^');
    return `${negated ? '[^' : '['}[${out.slice(negated ? 2 : 1)}]`;
  }

  operand(): string {
    if (this.source[this.at] === '[') return this.set();
    let members = '';
    while (this.at < this.source.length && !']&'.includes(this.source[this.at] as string)) {
      members += this.source[this.at] === '\\' ? this.escape(true) : literal(this.plain());
    }
    return `[${members}]`;
  }
}

const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();

interface RegexpFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

/** Reads a match type such as `ci`: the last of two that contradict wins. */
export function readFlags(matchType: string, ignoreCase: boolean, name: string): RegexpFlags {
  let flags: RegexpFlags = { ignoreCase, multiline: false, dotAll: false };
  for (const c of matchType) {
    switch (c) {
      case 'c':
        flags = { ...flags, ignoreCase: false };
        break;
      case 'i':
        flags = { ...flags, ignoreCase: true };
        break;
      case 'm':
        flags = { ...flags, multiline: true };
        break;
      case 'n':
        flags = { ...flags, dotAll: true };
        break;
      case 'u':
        break;
      default:
        throw sqlError(1210, `Incorrect arguments to ${name}`);
    }
  }
  return flags;
}

/** The JavaScript expression of a pattern; MySQL's errors where it is none. */
export function compileRegexp(pattern: string, flags: RegexpFlags): RegExp {
  if (pattern === '') throw regexpErrors.illegal();
  const translator = new Translator(pattern);
  const body = translator.run() + translator.tail;
  const source = body.replaceAll('\u0000$', flags.multiline ? '$' : END);
  try {
    return new RegExp(
      source,
      `gv${flags.ignoreCase ? 'i' : ''}${flags.multiline ? 'm' : ''}${flags.dotAll ? 's' : ''}`,
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw regexpErrors.illegal();
  }
}
