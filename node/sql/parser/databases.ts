import type { AlterDatabase, CreateDatabase, DatabaseOptions, DropDatabase } from './ast.ts';
import { acceptCharset, charsetName, collationName } from './data-types.ts';
import type { Parser } from './parser.ts';

type Options = { -readonly [K in keyof DatabaseOptions]: DatabaseOptions[K] };

function databaseOptions(p: Parser, alter: boolean): { options: Options; count: number } {
  const options: Options = {
    charset: undefined,
    collation: undefined,
    encryption: undefined,
    readOnly: undefined,
    comment: undefined,
  };
  for (let count = 0; ; count++) {
    const given = p.t === 'DEFAULT' && p.accept('DEFAULT');
    if (p.accept('COLLATE')) {
      p.accept('=');
      options.collation = collationName(p);
    } else if (p.accept('ENCRYPTION')) {
      p.accept('=');
      options.encryption = p.text();
    } else if (acceptCharset(p)) {
      p.accept('=');
      options.charset = charsetName(p);
    } else if (given) p.fail();
    else if (alter && p.t === 'READ') {
      p.next();
      p.expect('ONLY');
      p.accept('=');
      if (p.accept('DEFAULT')) options.readOnly = 'default';
      else {
        const at = p.start;
        const value = p.integer();
        if (value !== 0 && value !== 1) p.fail(at);
        options.readOnly = value;
      }
    } else if (p.accept('COMMENT')) {
      p.accept('=');
      options.comment = p.text();
    } else return { options, count };
  }
}

export function createDatabase(p: Parser, start: number): CreateDatabase {
  p.expectAny('DATABASE', 'SCHEMA');
  const ifNotExists = p.ifNotExists();
  const name = p.ident();
  const { options } = databaseOptions(p, false);
  return { kind: 'createDatabase', start, ifNotExists, name, options, end: p.prevEnd };
}

export function alterDatabase(p: Parser, start: number): AlterDatabase {
  p.expectAny('DATABASE', 'SCHEMA');
  const bare = p.t === 'DEFAULT' || p.t === 'READ' || startsOption(p);
  const name = bare ? undefined : p.ident();
  const { options, count } = databaseOptions(p, true);
  if (count === 0) p.fail();
  return { kind: 'alterDatabase', start, name, options, end: p.prevEnd };
}

/** Whether the word begins an option of the current database rather than naming one. */
function startsOption(p: Parser): boolean {
  if (!['CHARSET', 'CHARACTER', 'CHAR', 'COLLATE', 'ENCRYPTION', 'COMMENT'].includes(p.t)) return false;
  if (!p.isIdent()) return true;
  const next = p.peek();
  return next === '=' || next === 'string' || next === 'ident' || next === 'quoted';
}

export function dropDatabase(p: Parser, start: number): DropDatabase {
  p.expectAny('DATABASE', 'SCHEMA');
  const ifExists = p.ifExists();
  return { kind: 'dropDatabase', start, ifExists, name: p.ident(), end: p.prevEnd };
}
