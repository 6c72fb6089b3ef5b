import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Decimal, DecimalType } from '../../../node/sql/types/index.ts';
import { decimals, decodeWide, encodeWide, formatDecimal, parseDecimal } from '../../../node/sql/values/index.ts';

const d = (text: string): Decimal => parseDecimal(text).value;

const anyDecimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 65n), max: 10n ** 65n }), fc.integer({ min: 0, max: 30 }))
  .map(([unscaled, scale]): Decimal => ({ unscaled, scale }));

describe('decimals', () => {
  it('are read from texts as MySQL reads them', () => {
    const cases: readonly [text: string, value: string, rest: boolean, empty: boolean][] = [
      ['1.50', '1.50', false, false],
      [' -0.5 ', '-0.5', false, false],
      ['.5', '0.5', false, false],
      ['5.', '5', false, false],
      ['1e3', '1000', false, false],
      ['1.25e1', '12.5', false, false],
      ['12e-3', '0.012', false, false],
      ['12abc', '12', true, false],
      ['abc', '0', true, true],
      ['', '0', false, true],
      ['-', '0', true, true],
    ];
    for (const [text, value, rest, empty] of cases) {
      const parsed = parseDecimal(text);
      assert.deepEqual([formatDecimal(parsed.value), parsed.rest, parsed.empty], [value, rest, empty], text);
    }
  });

  it('print and parse back', () => {
    fc.assert(
      fc.property(anyDecimal, (x) => {
        assert.deepEqual(d(formatDecimal(x)), x);
      }),
    );
  });

  it('divide with rounding half away from zero', () => {
    assert.equal(formatDecimal(decimals.divide(d('1'), d('3'), 4) as Decimal), '0.3333');
    assert.equal(formatDecimal(decimals.divide(d('-2'), d('3'), 4) as Decimal), '-0.6667');
    assert.equal(formatDecimal(decimals.divide(d('1'), d('8'), 2) as Decimal), '0.13');
    assert.equal(decimals.divide(d('1'), d('0.00'), 4), undefined);
  });

  it('round, cut, floor and ceil', () => {
    assert.equal(formatDecimal(decimals.round(d('2.5'), 0)), '3');
    assert.equal(formatDecimal(decimals.round(d('-2.5'), 0)), '-3');
    assert.equal(formatDecimal(decimals.round(d('1255'), -1)), '1260');
    assert.equal(formatDecimal(decimals.truncate(d('-1.999'), 1)), '-1.9');
    assert.equal(decimals.floor(d('-1.2')), -2n);
    assert.equal(decimals.ceiling(d('-1.2')), -1n);
  });

  it('fit a type', () => {
    const type: DecimalType = { kind: 'decimal', precision: 6, scale: 2, unsigned: false };
    assert.deepEqual(decimals.fitDecimal(d('1.555'), type), { unscaled: 156n, overflow: false, rounded: true });
    assert.deepEqual(decimals.fitDecimal(d('12345.6'), type), { unscaled: 999999n, overflow: true, rounded: false });
    const unsigned = { ...type, unsigned: true };
    assert.deepEqual(decimals.fitDecimal(d('-1'), unsigned), { unscaled: 0n, overflow: true, rounded: false });
  });
});

describe('the wide form', () => {
  it('decodes to an equal number', () => {
    fc.assert(
      fc.property(anyDecimal, (x) => {
        assert.equal(decimals.compare(decodeWide(encodeWide(x)), x), 0);
      }),
    );
  });

  it('sorts as the numbers do, whatever their scales', () => {
    const near = fc.tuple(fc.bigInt({ min: -2000n, max: 2000n }), fc.integer({ min: 0, max: 4 }));
    const number = fc.oneof(
      anyDecimal,
      near.map(([unscaled, scale]): Decimal => ({ unscaled, scale })),
    );
    fc.assert(
      fc.property(number, number, (x, y) => {
        const order = Math.sign(Buffer.compare(encodeWide(x), encodeWide(y)));
        assert.equal(order, decimals.compare(x, y), `${formatDecimal(x)} and ${formatDecimal(y)}`);
      }),
      { numRuns: 2000 },
    );
  });
});
