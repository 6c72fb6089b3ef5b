import type { QualifiedName, TableOption } from './ast.ts';
import { acceptCharset, charsetName, collationName } from './data-types.ts';
import type { Parser } from './parser.ts';

const option = (name: string, value: TableOption['value'], list?: readonly QualifiedName[]): TableOption => ({
  name,
  value,
  list,
});

/** Options with a number. */
const NUMBERS = new Set([
  'MAX_ROWS',
  'MIN_ROWS',
  'AVG_ROW_LENGTH',
  'AUTO_INCREMENT',
  'DELAY_KEY_WRITE',
  'CHECKSUM',
  'TABLE_CHECKSUM',
  'KEY_BLOCK_SIZE',
]);
/** Of those that are within bounds to the parser already: the bounds, as its errors say them. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number, written: string]>> = {
  KEY_BLOCK_SIZE: [0, 65535, '[0,65535]'],
  AVG_ROW_LENGTH: [0, 4294967295, '[0,4294967295]'],
  STATS_SAMPLE_PAGES: [1, 65535, '[1, 65535]'],
};

function checkRange(p: Parser, t: string, value: number | bigint, at: number): void {
  const range = RANGES[t];
  if (!range || (value >= range[0] && value <= range[1])) return;
  throw p.syntaxError(at, `The valid range for ${t.toLowerCase()} is ${range[2]}.`);
}

/** Options with a number or DEFAULT. */
const TERNARY = new Set(['PACK_KEYS', 'STATS_AUTO_RECALC', 'STATS_PERSISTENT', 'STATS_SAMPLE_PAGES']);
/** Options with a string. */
const STRINGS = new Set([
  'PASSWORD',
  'COMMENT',
  'COMPRESSION',
  'ENCRYPTION',
  'CONNECTION',
  'ENGINE_ATTRIBUTE',
  'SECONDARY_ENGINE_ATTRIBUTE',
]);

/** One table option, or undefined where none begins. */
export function tableOption(p: Parser): TableOption | undefined {
  const t = p.t;
  const name = t.toLowerCase();
  if (NUMBERS.has(t)) {
    p.next();
    p.accept('=');
    const at = p.start;
    const value = p.uint64();
    checkRange(p, t, value, at);
    return option(name, value);
  }
  if (TERNARY.has(t)) {
    p.next();
    p.accept('=');
    if (p.accept('DEFAULT')) return option(name, 'default');
    const at = p.start;
    const value = p.uint64();
    if (t === 'STATS_SAMPLE_PAGES') checkRange(p, t, value, at);
    else if (value !== 0 && value !== 1) p.fail(at);
    return option(name, value);
  }
  if (STRINGS.has(t)) {
    p.next();
    p.accept('=');
    return option(name, p.text());
  }
  switch (t) {
    case 'ENGINE':
      p.next();
      p.accept('=');
      return option(name, p.identOrText());
    case 'SECONDARY_ENGINE':
      p.next();
      p.accept('=');
      if (p.accept('NULL')) return option(name, '');
      return option(name, p.identOrText());
    case 'ROW_FORMAT':
      p.next();
      p.accept('=');
      return option(
        name,
        p.expectAny('DEFAULT', 'FIXED', 'DYNAMIC', 'COMPRESSED', 'REDUNDANT', 'COMPACT').toLowerCase(),
      );
    case 'INSERT_METHOD':
      p.next();
      p.accept('=');
      return option(name, p.expectAny('NO', 'FIRST', 'LAST').toLowerCase());
    case 'UNION': {
      p.next();
      p.accept('=');
      p.expect('(');
      const list = p.t === ')' ? [] : p.list((q) => q.qualified());
      p.expect(')');
      return option(name, '', list);
    }
    case 'DATA':
    case 'INDEX':
      if (p.peek() !== 'DIRECTORY') return undefined;
      p.next();
      p.next();
      p.accept('=');
      return option(`${name} directory`, p.text());
    case 'TABLESPACE':
      p.next();
      p.accept('=');
      return option(name, p.identOrText());
    case 'STORAGE':
      p.next();
      return option(name, p.expectAny('DISK', 'MEMORY').toLowerCase());
    case 'AUTOEXTEND_SIZE':
      p.next();
      p.accept('=');
      return option(name, sizeNumber(p));
    case 'START':
      if (p.peek() !== 'TRANSACTION') return undefined;
      p.next();
      p.next();
      return option('start transaction', 1);
    case 'DEFAULT': {
      const next = p.peek();
      if (next !== 'CHARSET' && next !== 'CHARACTER' && next !== 'CHAR' && next !== 'COLLATE') return undefined;
      p.next();
      return charsetOrCollate(p) ?? p.fail();
    }
    default:
      return charsetOrCollate(p);
  }
}

/** 10, 16M, 1G */
export function sizeNumber(p: Parser): number | string {
  if (p.t === 'ident' && /^[0-9]+[kmg]$/i.test(p.nameText())) {
    const size = p.nameText();
    p.next();
    return size;
  }
  return Number(p.uint64());
}

function charsetOrCollate(p: Parser): TableOption | undefined {
  if (p.accept('COLLATE')) {
    p.accept('=');
    return option('collate', collationName(p));
  }
  if (!acceptCharset(p)) return undefined;
  p.accept('=');
  return option('charset', charsetName(p));
}

/** The options of CREATE TABLE: commas between them may be left out. */
export function tableOptions(p: Parser): TableOption[] {
  const options: TableOption[] = [];
  for (;;) {
    const comma = options.length > 0 && p.accept(',');
    const next = tableOption(p);
    if (next === undefined) {
      if (comma) p.fail();
      return options;
    }
    options.push(next);
  }
}
