import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_PARSE_OPTIONS, parseExpression, print } from '../../../node/sql/index.ts';
import type { Expr, ParseOptions } from '../../../node/sql/index.ts';

const text = (sql: string, options: Partial<ParseOptions> = {}): string =>
  print(parseExpression(sql, { ...DEFAULT_PARSE_OPTIONS, ...options }));

/** Checks that the left text reads as the right one prints. */
function table(cases: Readonly<Record<string, string>>, options: Partial<ParseOptions> = {}): void {
  for (const [sql, printed] of Object.entries(cases)) {
    assert.equal(text(sql, options), printed, sql);
    assert.equal(text(printed), printed, `again: ${printed}`);
  }
}

describe('expressions', () => {
  it('bind as in MySQL', () => {
    table({
      '1 + 2 * 3': '(1 + (2 * 3))',
      '(1 + 2) * 3': '((1 + 2) * 3)',
      '1 - 2 - 3': '((1 - 2) - 3)',
      'a or b xor c and not d = e': '(`a` or (`b` xor (`c` and (not((`d` = `e`))))))',
      'a | b & c << 1 + 2 * 3 ^ 4': '(`a` | (`b` & (`c` << (1 + (2 * (3 ^ 4))))))',
      '-2 ^ 2': '(-(2) ^ 2)',
      '- a collate utf8mb4_bin': '-((`a` collate utf8mb4_bin))',
      'a = b = c': '((`a` = `b`) = `c`)',
      'a is null is not null': '((`a` is null) is not null)',
      'a = 1 is true': '((`a` = 1) is true)',
      'not a is true': '(not((`a` is true)))',
      'not a between 1 and 2': '(not((`a` between 1 and 2)))',
      'a between 1 and 2 and b': '((`a` between 1 and 2) and `b`)',
      'a not in (1, 2) or b': '((`a` not in (1,2)) or `b`)',
      'a like b escape c': '(`a` like `b` escape `c`)',
      'a not like b': '(not((`a` like `b`)))',
      'a not regexp b | c': '(not(regexp_like(`a`,(`b` | `c`))))',
      '! a + 1': '((not(`a`)) + 1)',
      'a || b && c': '(`a` or (`b` and `c`))',
      'a div b mod c': '((`a` DIV `b`) % `c`)',
      '@a := 1 + @b := 2': '(@`a`:=(1 + (@`b`:=2)))',
      'a > all (select 1) and b <=> some (select 2)': '((`a` > all (select 1)) and (`b` <=> any (select 2)))',
      "a + interval 1 day - interval '1:1' minute_second": "((`a` + interval 1 day) - interval '1:1' minute_second)",
      'interval 1 day + a': '(`a` + interval 1 day)',
      'interval(1, 2, 3)': 'interval(1,2,3)',
      '1 + interval(1, 2)': '(1 + interval(1,2))',
      'binary a = b': '(cast(`a` as char charset binary) = `b`)',
    });
  });

  it('follow sql_mode', () => {
    table({ 'not a between 1 and 2': '((not(`a`)) between 1 and 2)' }, { highNotPrecedence: true });
    table({ 'a || b * c': '(concat(`a`,`b`) * `c`)', 'a or b': '(`a` or `b`)' }, { pipesAsConcat: true });
    table({ '"a" + \'b\'': "(`a` + 'b')" }, { ansiQuotes: true });
    table({ 'count (a)': 'count(`a`)' }, { ignoreSpace: true });
    // Elsewhere a space makes it a call of some function of that name.
    assert.equal(parseExpression('count (a)').kind, 'call');
    assert.equal(text("'a\\'", { noBackslashEscapes: true }), "'a\\\\'");
  });

  it('know the functions with a syntax of their own', () => {
    table({
      'cast(a as char(10) charset latin1)': 'cast(`a` as char(10) charset latin1)',
      'convert(a, unsigned integer)': 'cast(`a` as unsigned)',
      'convert(a using utf8mb4)': 'convert(`a` using utf8mb4)',
      'extract(day_hour from a)': 'extract(day_hour from `a`)',
      "trim(leading 'x' from a)": "trim(leading 'x' from `a`)",
      'trim(a)': 'trim(`a`)',
      'substring(a from 2 for 3)': 'substr(`a`,2,3)',
      'mid(a, 2)': 'substr(`a`,2)',
      "position('x' in a)": "locate('x',`a`)",
      'date_add(a, interval 1 month)': '(`a` + interval 1 month)',
      'subdate(a, 3)': '(`a` - interval 3 day)',
      'timestampdiff(sql_tsi_day, a, b)': 'timestampdiff(DAY,`a`,`b`)',
      'timestampadd(week, 1, a)': '(`a` + interval 1 week)',
      "group_concat(distinct a, b order by c desc separator ';')":
        "group_concat(distinct `a`,`b` order by `c` DESC separator ';')",
      'count(*) + count(distinct a, b)': '(count(0) + count(distinct `a`,`b`))',
      'sum(all a) over (partition by b order by c)': 'sum(`a`) OVER (PARTITION BY `b` ORDER BY `c` )',
      'lag(a, 2, 0) respect nulls over w': 'lag(`a`,2,0) RESPECT NULLS OVER `w`',
      "json_value(a, '$.b' returning signed null on empty error on error)":
        "json_value(`a`, '$.b' returning signed null on empty error on error)",
      "a->'$.b'": "json_extract(`a`,'$.b')",
      "t.a->>'$.b'": "json_unquote(json_extract(`t`.`a`,'$.b'))",
      "match (a, b) against ('x' in boolean mode)": "(match `a`,`b` against ('x' in boolean mode))",
      'char(1, 2 using utf8mb4)': 'char(1,2 using utf8mb4)',
      'a member of (b)': '(`a` member of (`b`))',
      'a sounds like b': '(soundex(`a`) = soundex(`b`))',
      "get_format(date, 'EUR')": "get_format(DATE, 'EUR')",
      'values(a) + default(b)': '(values(`a`) + default(`b`))',
      'current_timestamp(3) + now() + localtime': '((now(3) + now()) + now())',
      'mod(a, 2)': '(`a` % 2)',
      'if(a, b, c)': 'if(`a`,`b`,`c`)',
      'db.f(1)': '`db`.`f`(1)',
      "case a when 1 then 'x' else 'y' end": "(case `a` when 1 then 'x' else 'y' end)",
      '(1, 2) = row(a, b)': '((1,2) = (`a`,`b`))',
      '@@global.a + @@b': '(@@global.`a` + @@`b`)',
      "{d '2026-01-02'}": "DATE'2026-01-02'",
      "timestamp '2026-01-02 03:04:05'": "TIMESTAMP'2026-01-02 03:04:05'",
      '((select 1) + 1)': '((select 1) + 1)',
      'a in ((select 1) union select 2)': '(`a` in ((select 1) union select 2))',
    });
  });

  it('read literals', () => {
    const literal = (sql: string): Expr => parseExpression(sql);
    const value = (sql: string): unknown => (literal(sql) as { value: unknown }).value;
    assert.equal(value('9007199254740993'), 9007199254740993n);
    assert.deepEqual(value('18446744073709551616'), { unscaled: 18446744073709551616n, scale: 0 });
    assert.deepEqual(value('.50'), { unscaled: 50n, scale: 2 });
    assert.equal(value('1e3'), 1000);
    assert.equal(value(`'a''b\\n\\%' "c"`), `a'b\n\\%c`);
    assert.deepEqual((literal("x'4142'") as { bytes: Uint8Array }).bytes, Uint8Array.of(0x41, 0x42));
    assert.deepEqual((literal('0x141') as { bytes: Uint8Array }).bytes, Uint8Array.of(1, 0x41));
    assert.deepEqual((literal("b'100000001'") as { bytes: Uint8Array }).bytes, Uint8Array.of(1, 1));
    assert.deepEqual((literal("_binary'é'") as { bytes: Uint8Array }).bytes, Uint8Array.of(0xc3, 0xa9));
    const raw = parseExpression("'\xff\xc3\xa9'", { ...DEFAULT_PARSE_OPTIONS, latin1: true }) as { bytes: Uint8Array };
    assert.deepEqual(raw.bytes, Uint8Array.of(0xff, 0xc3, 0xa9));
    assert.equal(
      (parseExpression("'\xc3\xa9'", { ...DEFAULT_PARSE_OPTIONS, latin1: true }) as { value: string }).value,
      'é',
    );
  });

  it('print with an introducer where they are stored', () => {
    assert.equal(print(parseExpression("a <> 'x''y'"), { introducer: 'utf8mb4' }), "(`a` <> _utf8mb4'x''y')");
    assert.equal(print(parseExpression("_latin1'x'"), { introducer: 'utf8mb4' }), "_latin1'x'");
  });
});
