import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DEFAULT_PARSE_OPTIONS,
  isReserved,
  NON_RESERVED,
  parse,
  RESERVED,
  shapeOf,
  SqlError,
} from '../../../node/sql/index.ts';

const near = (text: string, line = 1): string =>
  `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '${text}' at line ${line}`;

function errorOf(sql: string): SqlError {
  try {
    parse(sql);
  } catch (error) {
    assert.ok(error instanceof SqlError, String(error));
    return error;
  }
  return assert.fail(`parsed: ${sql}`);
}

describe('errors', () => {
  it('tell where the text stops making sense', () => {
    const cases: readonly [sql: string, near: string, line?: number][] = [
      ['SELEC 1', 'SELEC 1'],
      ['SELECT 1 FROM', ''],
      ['SELECT 1 FROM;', ''],
      ['SELECT\n1 +\n* 2', '* 2', 3],
      ['SELECT a FROM t WHERE', ''],
      ["SELECT 'abc", "'abc"],
      ['SELECT a FROM t ORDER a', 'a'],
      ['CREATE TABLE select (a INT)', 'select (a INT)'],
      ['CREATE TABLE t (a INT,)', ')'],
      ['INSERT INTO t VALUES (1', ''],
      ['UPDATE t a = 1', '= 1'],
      ['SELECT 1 LIMIT 1, 2, 3', ', 3'],
      ['SELECT a IS b', 'b'],
      ['SELECT 1 LIKE 2 LIKE 3', 'LIKE 3'],
      ['DELETE FROM t LIMIT 1, 2', ', 2'],
      ['SELECT 1 /* open', '/* open'],
      ['RETURN 1', 'RETURN 1'],
      ['SELECT (SELECT 1 INTO @a)', 'INTO @a)'],
      [`SELECT x x x ${'y'.repeat(100)}`, `x ${'y'.repeat(78)}`],
    ];
    for (const [sql, text, line] of cases) assert.equal(errorOf(sql).message, near(text, line), sql);
  });

  it('have their own numbers where MySQL has them', () => {
    assert.equal(errorOf('').errno, 1065);
    assert.equal(errorOf('  -- nothing\n').errno, 1065);
    assert.equal(errorOf('SELECT * FROM (SELECT 1)').errno, 1248);
    assert.equal(errorOf('SELECT ALL DISTINCT 1').errno, 1221);
    assert.equal(errorOf('EXPLAIN FORMAT=x SELECT 1').errno, 1791);
  });

  it('refuse placeholders where a plain query may not have them', () => {
    assert.throws(() => parse('SELECT ?', { ...DEFAULT_PARSE_OPTIONS, placeholders: false }), { message: near('?') });
  });

  it('end deep nesting without overflowing the stack, and quickly', () => {
    const deep = 100_000;
    const texts = [
      `SELECT ${'('.repeat(deep)}1${')'.repeat(deep)}`,
      `SELECT ${'NOT '.repeat(deep)}1`,
      `SELECT ${'- '.repeat(deep)}1`,
      `SELECT ${'(SELECT '.repeat(deep)}1`,
      `SELECT * FROM ${'((SELECT * FROM '.repeat(deep)}t`,
      `SELECT ${'f('.repeat(deep)}1`,
      `SELECT ${'CASE WHEN '.repeat(deep)}1`,
      `SELECT * FROM ${'('.repeat(deep)}t`,
      `CREATE PROCEDURE p() ${'BEGIN '.repeat(deep)}`,
    ];
    const start = process.hrtime.bigint();
    for (const sql of texts) assert.equal(errorOf(sql).errno, 1436, sql.slice(0, 30));
    assert.ok(process.hrtime.bigint() - start < 5_000_000_000n);
    assert.equal(parse(`SELECT 1 ${'OR 1 '.repeat(10_000)}`).kind, 'query');
  });

  it('are all that token soup gives', () => {
    const words = [
      'SELECT',
      'FROM',
      'WHERE',
      '(',
      ')',
      ',',
      'a',
      't',
      '`q`',
      '1',
      '2.5',
      "'s'",
      '*',
      '=',
      '<',
      'AND',
      'OR',
      'NOT',
      'IN',
      'JOIN',
      'ON',
      'LEFT',
      'UNION',
      'CREATE',
      'TABLE',
      'INT',
      'KEY',
      'INSERT',
      'INTO',
      'VALUES',
      'UPDATE',
      'SET',
      'DELETE',
      'ALTER',
      'ADD',
      'DROP',
      'BEGIN',
      'END',
      ';',
      'IF',
      'THEN',
      'CASE',
      'WHEN',
      'INTERVAL',
      'DAY',
      '@x',
      '@@y',
      ':=',
      '.',
      '-',
      '--',
      '/*',
      '*/',
      '/*!',
      '?',
      '"d"',
      "x'1f'",
      '0x',
      '_utf8mb4',
      'SHOW',
      'GRANT',
      'TO',
      'AS',
      'PARTITION',
      'BY',
      'ORDER',
      'LIMIT',
      'EXPLAIN',
      'WITH',
      'OVER',
      'PROCEDURE',
      '$$',
      '{',
      '}',
      '!',
      '\\',
      '\u00e9',
    ];
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((tokens) => tokens.join(' '));
    const any = fc.oneof(
      soup,
      fc.string({ maxLength: 60 }),
      soup.map((s) => s.replaceAll(' ', '')),
    );
    fc.assert(
      fc.property(any, fc.boolean(), fc.boolean(), (sql, ansiQuotes, noBackslashEscapes) => {
        const options = {
          ...DEFAULT_PARSE_OPTIONS,
          ansiQuotes,
          noBackslashEscapes,
          pipesAsConcat: ansiQuotes,
          highNotPrecedence: noBackslashEscapes,
        };
        shapeOf(sql, options);
        try {
          parse(sql, options);
        } catch (error) {
          assert.ok(error instanceof SqlError, `${String(error)} for ${sql}`);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('words', () => {
  it('are reserved or not as MySQL 9 says', () => {
    for (const word of RESERVED) {
      assert.ok(isReserved(word.toLowerCase()));
      assert.equal(errorOf(`SELECT 1 AS ${word}`).errno, 1064, word);
      assert.equal(parse(`SELECT t.${word} FROM t`).kind, 'query', word);
    }
    for (const word of NON_RESERVED) {
      assert.ok(!isReserved(word));
      assert.equal(parse(`CREATE TABLE ${word} (${word} INT)`).kind, 'createTable', word);
    }
  });
});
