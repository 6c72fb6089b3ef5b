import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { doubleToText, floatToText, parseDouble, parseInteger, wireValue } from '../../../node/sql/values/index.ts';

describe('doubles', () => {
  it('print as MySQL prints them', () => {
    const cases: readonly [value: number, text: string][] = [
      [0, '0'],
      [-0, '-0'],
      [1.5, '1.5'],
      [1e14, '100000000000000'],
      [1e15, '1e15'],
      [1234567891234567.8, '1234567891234567.8'],
      [1e-15, '0.000000000000001'],
      [1e-16, '1e-16'],
      [0.1 + 0.2, '0.30000000000000004'],
      [1e100 / 3, '3.333333333333333e99'],
      [-9.180817663467597e-280, '-9.180817663467597e-280'],
    ];
    for (const [value, text] of cases) assert.equal(doubleToText(value), text);
    assert.equal(doubleToText(9.30917384471e-12, Infinity), '0.00000000000930917384471');
    assert.equal(doubleToText(9.30917384471e-12), '9.30917384471e-12');
  });

  it('read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const { value, truncated } = parseDouble(doubleToText(x, Infinity));
        assert.equal(truncated, false);
        assert.equal(value, x);
      }),
    );
  });

  it('of six digits', () => {
    const texts = [1.1, 123456789, 0.00001234567, 16777216, 3.4e38, 1e-10, 20200102030405, 101112.5].map((x) =>
      floatToText(x),
    );
    const expected = ['1.1', '123457000', '0.0000123457', '16777200', '3.4e38', '0.0000000001', '2.02001e13', '101112'];
    assert.deepEqual(texts, expected);
  });
});

describe('numbers at the front of texts', () => {
  it('doubles', () => {
    const cases: readonly [text: string, value: number, truncated: boolean][] = [
      ['12', 12, false],
      [' 12 ', 12, false],
      ['1e2x', 100, true],
      ['abc', 0, true],
      ['', 0, true],
      ['.5', 0.5, false],
      ['1e', 1, true],
      ['1e999', Number.MAX_VALUE, true],
    ];
    for (const [text, value, truncated] of cases) assert.deepEqual(parseDouble(text), { value, truncated }, text);
  });

  it('integers', () => {
    const cases: readonly [text: string, value: bigint, truncated: boolean][] = [
      ['12abc', 12n, true],
      ['-1', -1n, false],
      ['1.9', 1n, true],
      ['99999999999999999999', 2n ** 64n - 1n, true],
      ['-99999999999999999999', -(2n ** 63n), true],
    ];
    for (const [text, value, truncated] of cases) assert.deepEqual(parseInteger(text), { value, truncated }, text);
  });
});

describe('wireValue', () => {
  it('makes of what SQLite holds what the protocol sends', () => {
    const unsigned = wireValue({ kind: 'int', bits: 64, unsigned: true });
    assert.equal(unsigned?.(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255)), 2n ** 64n - 1n);
    assert.equal(unsigned?.(5n), 5n);
    assert.equal(wireValue({ kind: 'decimal', precision: 10, scale: 2, unsigned: false })?.(-5n), '-0.05');
    assert.equal(wireValue({ kind: 'time', fsp: 1 })?.(-36672500000n), '-10:11:12.5');
    assert.equal(wireValue({ kind: 'enum', values: ['a', 'b'], collation: 'utf8mb4_bin' })?.(2n), 'b');
    assert.equal(wireValue({ kind: 'set', values: ['a', 'b', 'c'], collation: 'utf8mb4_bin' })?.(5n), 'a,c');
    assert.deepEqual(wireValue({ kind: 'bit', length: 9 })?.(257n), Uint8Array.of(1, 1));
    assert.equal(wireValue({ kind: 'timestamp', fsp: 0 }, '+02:00')?.('2020-01-01 23:00:00'), '2020-01-02 01:00:00');
    assert.equal(wireValue({ kind: 'date' }), undefined);
  });
});
