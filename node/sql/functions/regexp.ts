import type { SqlType } from '../types/index.ts';
import { charLength, sqlError } from '../values/index.ts';
import { definePrepared } from './definition.ts';
import type { ArgInfo, Call, FunctionDefinition } from './definition.ts';
import { commonCollation, patternCache } from './like.ts';
import { compileRegexp, readFlags, regexpErrors } from './regexp-syntax.ts';
import { BIGINT, BOOLEAN, charsOf, collationOfResult, textType } from './types-of-results.ts';

type Compiled = (pattern: string, matchType: string) => RegExp;

/** Patterns are compiled once for each match type. */
function compiler(types: readonly SqlType[], name: string): Compiled {
  const collation = commonCollation(types.slice(0, 2));
  const binary = types.slice(0, 2).find((type) => type.kind === 'binary');
  if (binary !== undefined && types.slice(0, 2).some((type) => type.kind === 'string')) {
    const other = types.slice(0, 2).find((type) => type.kind === 'string');
    const charset = other?.kind === 'string' ? other.collation : '';
    throw sqlError(3995, `Character set 'binary' cannot be used in conjunction with '${charset}' in call to ${name}.`);
  }
  const ignoreCase = collation.endsWith('_ci');
  const caches = new Map<string, (pattern: string) => RegExp>();
  return (pattern, matchType) => {
    let cache = caches.get(matchType);
    if (cache === undefined) {
      const flags = readFlags(matchType, ignoreCase, name);
      cache = patternCache((p) => compileRegexp(p, flags));
      caches.set(matchType, cache);
    }
    return cache(pattern);
  };
}

/** The place in code units of a 1-based position in characters. */
function unitAt(text: string, position: number): number {
  if (position < 1) throw regexpErrors.bounds();
  let units = 0;
  for (let i = 1; i < position; i++) {
    if (units >= text.length) throw regexpErrors.bounds();
    units += (text.codePointAt(units) as number) > 0xffff ? 2 : 1;
  }
  return units;
}

/** The n-th match from a place on. */
function nthMatch(regexp: RegExp, text: string, position: number, occurrence: number): RegExpExecArray | undefined {
  regexp.lastIndex = unitAt(text, position);
  for (let n = Math.max(1, occurrence); ; n--) {
    const match = regexp.exec(text);
    if (match === null) return undefined;
    if (n === 1) return match;
    if (match[0] === '') regexp.lastIndex += (text.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1;
  }
}

/** A replacement with `$1` and `\$`. */
function expand(replacement: string, match: RegExpExecArray): string {
  return replacement.replace(
    /\\(.?)|\$(?:(\d+)|\{([A-Za-z][A-Za-z0-9]*)\})|\$/gs,
    (_found, escaped?: string, number?: string, name?: string) => {
      if (escaped !== undefined) return escaped;
      if (name !== undefined) {
        const group = match.groups?.[name];
        if (match.groups === undefined || !(name in match.groups)) throw regexpErrors.name();
        return group ?? '';
      }
      if (number === undefined) throw regexpErrors.name();
      // As many digits as make the number of a group.
      let digits = number;
      while (digits.length > 1 && Number(digits) >= match.length) digits = digits.slice(0, -1);
      if (Number(digits) >= match.length) throw regexpErrors.bounds();
      return (match[Number(digits)] ?? '') + number.slice(digits.length);
    },
  );
}

const textResult =
  (name: string, long: boolean) => (args: readonly ArgInfo[], env: Parameters<FunctionDefinition['result']>[1]) => {
    const collation = collationOfResult([args[0] as ArgInfo], env, name);
    return textType(long ? 4294967295 : charsOf(args[0] as ArgInfo), collation);
  };

export const regexps: readonly FunctionDefinition[] = [
  definePrepared(
    'REGEXP_LIKE',
    [2, 3],
    'text',
    BOOLEAN,
    (types): Call => {
      const compile = compiler(types, 'regexp_like');
      return (_env, text: string, pattern: string, matchType = '') => {
        const regexp = compile(pattern, matchType);
        regexp.lastIndex = 0;
        return regexp.test(text);
      };
    },
    { collated: true },
  ),
  definePrepared(
    'REGEXP_INSTR',
    [2, 6],
    ['text', 'text', 'num', 'num', 'num', 'text'],
    BIGINT,
    (types): Call => {
      const compile = compiler(types, 'regexp_instr');
      return (_env, text: string, pattern: string, position = 1, occurrence = 1, option = 0, matchType = '') => {
        if (option !== 0 && option !== 1)
          throw sqlError(1210, 'Incorrect arguments to regexp_instr: return_option must be 1 or 0.');
        const regexp = compile(pattern, matchType);
        const match = text === '' && position > 1 ? undefined : nthMatch(regexp, text, position, occurrence);
        if (match === undefined) return 0;
        return charLength(text.slice(0, match.index + (option === 1 ? match[0].length : 0))) + 1;
      };
    },
    { collated: true },
  ),
  definePrepared(
    'REGEXP_SUBSTR',
    [2, 5],
    ['text', 'text', 'num', 'num', 'text'],
    textResult('regexp_substr', false),
    (types): Call => {
      const compile = compiler(types, 'regexp_substr');
      return (_env, text: string, pattern: string, position = 1, occurrence = 1, matchType = '') =>
        nthMatch(compile(pattern, matchType), text, position, occurrence)?.[0] ?? null;
    },
    { collated: true, nullable: 'always' },
  ),
  definePrepared(
    'REGEXP_REPLACE',
    [3, 6],
    ['text', 'text', 'text', 'num', 'num', 'text'],
    textResult('regexp_replace', true),
    (types): Call => {
      const compile = compiler(types, 'regexp_replace');
      return (
        _env,
        text: string,
        pattern: string,
        replacement: string,
        position = 1,
        occurrence = 0,
        matchType = '',
      ) => {
        const regexp = compile(pattern, matchType);
        if (text === '') return '';
        const start = unitAt(text, position);
        regexp.lastIndex = start;
        let result = text.slice(0, start);
        let at = start;
        for (let n = 1; ; n++) {
          const match = regexp.exec(text);
          if (match === null) break;
          if (match[0] === '') regexp.lastIndex += (text.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1;
          if (occurrence > 0 && n !== occurrence) continue;
          result += text.slice(at, match.index) + expand(replacement, match);
          at = match.index + match[0].length;
          if (occurrence > 0) break;
        }
        return result + text.slice(at);
      };
    },
    { collated: true },
  ),
];
