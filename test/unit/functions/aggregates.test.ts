import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAggregate } from '../../../node/sql/functions/index.ts';
import type { AggregateOptions } from '../../../node/sql/functions/index.ts';
import type { SqliteValue, SqlType } from '../../../node/sql/types/index.ts';
import { COLLATION, env, shown, typeEnv, warnings } from './evaluate.ts';

const INT: SqlType = { kind: 'int', bits: 32, unsigned: false };
const DECIMAL: SqlType = { kind: 'decimal', precision: 8, scale: 3, unsigned: false };
const TEXT: SqlType = { kind: 'string', family: 'varchar', length: 20, collation: COLLATION };

function run(
  name: string,
  type: SqlType,
  rows: readonly SqliteValue[][],
  options?: AggregateOptions,
  types = [type],
): string | null {
  const definition = findAggregate(name);
  if (definition === undefined) throw new Error(`no aggregate ${name}`);
  const infos = types.map((t) => ({ type: t, nullable: true, coercibility: 2 }));
  const result = definition.result(infos, typeEnv, options);
  const aggregate = definition.make(types, result, options)(env);
  let state = aggregate.start();
  for (const row of rows) state = aggregate.step(state, ...row);
  return shown(aggregate.result(state), result);
}

const one = (...values: SqliteValue[]): SqliteValue[][] => values.map((v) => [v]);

describe('aggregates', () => {
  it('sums and averages exactly', () => {
    assert.equal(run('SUM', INT, one(1n, 2, null, 2147483647n)), '2147483650');
    assert.equal(run('SUM', DECIMAL, one(1500n, 2250n, -3125n)), '0.625');
    assert.equal(run('AVG', INT, one(1n, 2n, 2n)), '1.6667');
    assert.equal(run('AVG', DECIMAL, one(1000n, 2000n, 2000n)), '1.6666667');
    assert.equal(run('SUM', INT, []), null);
    assert.equal(run('SUM', INT, one(null)), null);
  });

  it('takes rows back for windows', () => {
    const definition = findAggregate('SUM');
    const result = definition?.result([{ type: INT, nullable: true, coercibility: 2 }], typeEnv) as SqlType;
    const sum = definition?.make([INT], result)(env);
    let state = sum?.start();
    for (const n of [5n, 7n, 9n]) state = sum?.step(state, n);
    state = sum?.inverse?.(state, 5n);
    assert.equal(shown(sum?.result(state) ?? null, result), '16');
  });

  it('tells how far values spread', () => {
    assert.equal(run('VAR_POP', INT, one(1n, 2n, 3n, 4n)), '1.25');
    assert.equal(run('VAR_SAMP', INT, one(1n)), null);
    assert.equal(run('STD', INT, one(2n, 4n)), '1');
  });

  it('joins bits, with neutral answers for nothing', () => {
    assert.equal(run('BIT_AND', INT, []), '18446744073709551615');
    assert.equal(run('BIT_OR', INT, one(1n, 4n, null)), '5');
    assert.equal(run('BIT_XOR', INT, one(7n, 2n)), '5');
  });

  it('compares by collation', () => {
    assert.equal(run('MAX', TEXT, one('b', 'A', 'é', 'z')), 'z');
    assert.equal(run('MIN', TEXT, one('b', 'B', 'é')), 'b');
    const numbers: SqlType = { kind: 'enum', values: ['z', 'a'], collation: COLLATION };
    assert.equal(run('MIN', numbers, one(1n, 2n)), 'a');
  });

  it('concatenates in order, each value once, up to the limit', () => {
    const ordered = { separator: '|', values: 1, descending: [true], distinct: false };
    assert.equal(
      run(
        'GROUP_CONCAT',
        TEXT,
        [
          ['a', 1n],
          ['b', 3n],
          ['c', 2n],
          [null, 9n],
        ],
        ordered,
        [TEXT, INT],
      ),
      'b|c|a',
    );
    const distinct = { separator: ',', values: 1, descending: [], distinct: true };
    assert.equal(run('GROUP_CONCAT', TEXT, one('a', 'A', 'á', 'b'), distinct), 'a,b');
    assert.equal(run('GROUP_CONCAT', TEXT, []), null);
    warnings.length = 0;
    assert.equal(run('GROUP_CONCAT', TEXT, one('x'.repeat(1020), 'yéz'))?.length, 1023);
    assert.deepEqual(warnings, ['1260 Row 2 was cut by GROUP_CONCAT()']);
  });

  it('gathers JSON', () => {
    assert.equal(run('JSON_ARRAYAGG', TEXT, one('a', null)), '["a", null]');
    assert.equal(
      run(
        'JSON_OBJECTAGG',
        TEXT,
        [
          ['b', 1n],
          ['a', 2n],
          ['b', 3n],
        ],
        undefined,
        [TEXT, INT],
      ),
      '{"a": 2, "b": 3}',
    );
    assert.throws(() => run('JSON_OBJECTAGG', TEXT, [[null, 1n]], undefined, [TEXT, INT]), { errno: 3158 });
  });
});
