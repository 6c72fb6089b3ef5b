import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_PARSE_OPTIONS, parse, parseStatement, print, shapeOf, SqlError } from '../../../node/sql/index.ts';
import type { LiteralValue, ParseOptions, Shape } from '../../../node/sql/index.ts';

const shape = (sql: string, options: Partial<ParseOptions> = {}): Shape => {
  const found = shapeOf(sql, { ...DEFAULT_PARSE_OPTIONS, ...options });
  assert.ok(found, sql);
  return found;
};
const key = (sql: string): string => shape(sql).key;

/** The value of each slot that has a node. */
function slotValues(
  node: unknown,
  found = new Map<number, LiteralValue | undefined>(),
): Map<number, LiteralValue | undefined> {
  if (Array.isArray(node)) for (const item of node) slotValues(item, found);
  else if (typeof node === 'object' && node !== null && !(node instanceof Uint8Array)) {
    const literal = node as { kind?: string; slot?: number; bytes?: Uint8Array; value?: LiteralValue };
    if (typeof literal.slot === 'number')
      found.set(literal.slot, literal.kind === 'param' ? undefined : (literal.bytes ?? literal.value));
    for (const child of Object.values(node)) slotValues(child, found);
  }
  return found;
}

/** Expressions as text, with every kind of literal. */
const literal = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 1n << 70n }).map(String),
  fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}.${b}`),
  fc.constantFrom(
    '1e5',
    '.5',
    '2.',
    '0x1F',
    "x'ab'",
    "b'101'",
    '0b11',
    "N'n'",
    "_latin1'l'",
    "_binary'b'",
    "'a' 'b'",
    "'it''s'",
    "'\\''",
    '"q"',
    'NULL',
    'TRUE',
    '?',
    "DATE'2026-01-01'",
  ),
  fc.string({ maxLength: 8 }).map((s) => `'${s.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`),
);
const names = fc.constantFrom('a', 't.b', 'db.t.c', '`x y`', 't.1a', '@v', '@@w', 't.select', "@'u'");
const space = fc.constantFrom(' ', '  ', '\n', ' /* c 1 */ ', ' -- x\n', '\t# y\n');
const { expr } = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literal,
    names,
    fc
      .tuple(
        tie('expr'),
        space,
        fc.constantFrom('+', '-', '*', '=', '<=>', 'and', 'or', 'xor', '|', 'div'),
        space,
        tie('expr'),
      )
      .map((p) => p.join('')),
    tie('expr').map((e) => `(${e})`),
    tie('expr').map((e) => `- ${e}`),
    tie('expr').map((e) => `not ${e}`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `f(${a},${b})`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `case when ${a} then ${b} end`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a}) in (${b}, 5)`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(select ${a} from t where ${b} order by 1 limit 3)`),
    tie('expr').map((e) => `cast(${e} as char(12))`),
    tie('expr').map((e) => `(${e}) + interval 3 day`),
  ),
}));
const statement = fc
  .tuple(expr, expr, expr, fc.nat(1000))
  .map(
    ([a, b, c, n]) =>
      `SELECT ${a} AS x, t.* FROM t JOIN (SELECT ${b}) d ON ${c} WHERE ${b} GROUP BY ${a} LIMIT ${n}, 2`,
  );

describe('shapes', () => {
  it('leave out what a plan does not depend on', () => {
    assert.equal(key('SELECT c FROM t WHERE id=5'), key('SELECT c FROM t WHERE id=50123 ;'));
    assert.equal(key('SELECT c FROM t  WHERE /* x */ id=5'), key('SELECT c FROM t WHERE\n id=5 -- y'));
    assert.equal(key("INSERT INTO t VALUES (1, 'a')"), key("INSERT INTO t VALUES (2, 'b' 'c')"));
    assert.equal(key('UPDATE t SET a = a + 1.25'), key('UPDATE t SET a = a + 3.50'));
  });

  it('keep what it depends on', () => {
    assert.notEqual(key('SELECT c FROM t WHERE id=5'), key('SELECT c FROM t WHERE id=5000000000'));
    assert.notEqual(key('SELECT c FROM t WHERE id=5'), key("SELECT c FROM t WHERE id='5'"));
    assert.notEqual(key('UPDATE t SET a = 1.25'), key('UPDATE t SET a = 1.2'));
    assert.notEqual(key('SELECT 1 + 1 FROM t'), key('SELECT 1 + 2 FROM t'));
    assert.notEqual(key('SELECT a+b FROM t'), key('SELECT a +  b FROM t'));
    assert.notEqual(key('SELECT a FROM t ORDER BY 1'), key('SELECT a FROM t ORDER BY 2'));
    assert.notEqual(key('SELECT a FROM (SELECT 1) d WHERE a = 1'), key('SELECT a FROM (SELECT 2) d WHERE a = 1'));
    for (const sql of [
      'SELECT @ a FROM t',
      'INSERT @ INTO t VALUES (1)',
      'REPLACE @ INTO t VALUES (1)',
      'UPDATE -- x\n @ t SET a = 1',
      'DELETE/**/@FROM t WHERE a IN (SELECT b FROM u)',
      'DELETE FROM t WHERE a IN (SELECT @ b FROM u)',
    ]) {
      const [final, local, none] = ['/*+ P2PDB_COMMIT(final) */', '/*+ P2PDB_COMMIT(local) */', ' '].map((hint) =>
        key(sql.replace('@', hint)),
      );
      assert.equal(new Set([final, local, none]).size, 3, sql);
    }
  });

  it('yield the literals by slot', () => {
    const found = shape("SELECT a, -5 FROM t WHERE b = 9223372036854775808 AND c IN (1.50, 'x' 'y', 0xff, ?) LIMIT 3");
    assert.deepEqual(found.values, [
      5,
      9223372036854775808n,
      { unscaled: 150n, scale: 2 },
      'xy',
      Uint8Array.of(255),
      undefined,
      3,
    ]);
    assert.equal(found.params, 1);
  });

  it('are left to the parser where only it can tell', () => {
    for (const sql of [
      'SELECT 1; SELECT 2',
      '/*!80000 SELECT */ 1',
      "SELECT 'open",
      '',
      '-- x',
      'SELECT $a$',
      'SELECT \x01',
    ]) {
      assert.equal(shapeOf(sql, DEFAULT_PARSE_OPTIONS), undefined, sql);
    }
  });

  it('have the slots of the parser', () => {
    let parsed = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          statement,
          expr.map((e) => `INSERT INTO t VALUES (${e})`),
        ),
        fc.boolean(),
        (sql, ansiQuotes) => {
          const options = { ...DEFAULT_PARSE_OPTIONS, ansiQuotes };
          const found = shapeOf(sql, options);
          let result;
          try {
            result = parseStatement(sql, options);
          } catch (error) {
            assert.ok(error instanceof SqlError);
            return;
          }
          parsed++;
          assert.ok(found, sql);
          assert.equal(found.values.length, result.slots);
          assert.equal(found.params, result.params);
          const nodes = slotValues(result.statement);
          for (let slot = 0; slot < result.slots; slot++) {
            if (nodes.has(slot)) assert.deepEqual(nodes.get(slot), found.values[slot], `slot ${slot} of ${sql}`);
            else assert.ok(result.pinned.includes(slot), `slot ${slot} of ${sql} is nowhere`);
          }
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(parsed > 1000, `only ${parsed} parsed`);
  });
});

describe('canonical text', () => {
  it('reads as itself', () => {
    fc.assert(
      fc.property(statement, (sql) => {
        let tree;
        try {
          tree = parse(sql);
        } catch (error) {
          assert.ok(error instanceof SqlError);
          return;
        }
        assert.ok(tree.kind === 'query');
        const text = print(tree);
        const again = parse(text);
        assert.ok(again.kind === 'query');
        assert.equal(print(again), text, sql);
      }),
      { numRuns: 1000 },
    );
  });

  it('is that of SHOW CREATE VIEW', () => {
    const cases: Readonly<Record<string, string>> = {
      'select a as b, t.* from db.t as t where a > 1 and b < 2 and c order by a desc limit 5, 10':
        'select `a` AS `b`,`t`.* from `db`.`t` `t` where ((`a` > 1) and (`b` < 2) and `c`) order by `a` desc limit 5,10',
      'select 1 from a join b on a.x = b.x left join c using (y)':
        'select 1 from ((`a` join `b` on((`a`.`x` = `b`.`x`))) left join `c` using (`y`))',
      'select 1 union all (select 2 limit 1)': 'select 1 union all (select 2 limit 1)',
      'with c as (select 1) select * from c, (select 2) d':
        'with `c` as (select 1) select * from (`c` join (select 2) `d`)',
    };
    for (const [sql, text] of Object.entries(cases)) {
      const tree = parse(sql);
      assert.ok(tree.kind === 'query');
      assert.equal(print(tree), text);
    }
  });
});
