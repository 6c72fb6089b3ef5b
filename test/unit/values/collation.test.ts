import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  aggregateCollations,
  collationId,
  collationNamed,
  collationWithId,
  defaultCollation,
  isPadSpace,
  sortKey,
} from '../../../node/sql/values/index.ts';

const compare = (collation: string, a: string, b: string): number => {
  const key = sortKey(collation);
  return Math.sign(Buffer.compare(Buffer.from(key(a)), Buffer.from(key(b))));
};

const AI_CI = 'utf8mb4_0900_ai_ci';

describe('the catalogue', () => {
  it('has the numbers that clients know', () => {
    const ids = {
      utf8mb4_0900_ai_ci: 255,
      utf8mb4_general_ci: 45,
      utf8mb4_bin: 46,
      utf8mb4_unicode_ci: 224,
      utf8mb4_0900_as_cs: 278,
      utf8mb4_0900_bin: 309,
      latin1_swedish_ci: 8,
      latin1_bin: 47,
      utf8mb3_general_ci: 33,
      binary: 63,
    };
    for (const [name, id] of Object.entries(ids)) {
      assert.equal(collationId(name), id);
      assert.equal(collationWithId(id)?.name, name);
    }
    assert.equal(collationNamed('UTF8_GENERAL_CI')?.name, 'utf8mb3_general_ci');
    assert.equal(defaultCollation('latin1'), 'latin1_swedish_ci');
    assert.equal(isPadSpace(AI_CI), false);
    assert.equal(isPadSpace('utf8mb4_bin'), true);
  });
});

describe('sort keys', () => {
  const equal: readonly [collation: string, a: string, b: string][] = [
    [AI_CI, 'Straße', 'STRASSE'],
    [AI_CI, 'éÀ', 'ea'],
    [AI_CI, 'Æ', 'ae'],
    [AI_CI, 'a\u0000b', 'ab'],
    [AI_CI, 'ｱ', 'ア'],
    ['utf8mb4_0900_as_ci', 'É', 'é'],
    ['utf8mb4_general_ci', 'ß', 's'],
    ['utf8mb4_general_ci', 'a', 'A  '],
    ['utf8mb4_general_ci', '😀', '😁'],
    ['utf8mb4_unicode_ci', 'ß', 'ss '],
    ['utf8mb4_bin', 'a', 'a  '],
    ['latin1_swedish_ci', 'ü', 'Y'],
    ['latin1_swedish_ci', 'å', 'Å'],
  ];
  for (const [collation, a, b] of equal)
    it(`${a} = ${b} in ${collation}`, () => assert.equal(compare(collation, a, b), 0));

  const ascending: readonly [collation: string, texts: readonly string[]][] = [
    [
      AI_CI,
      [
        '',
        '\t',
        ' ',
        '_',
        '-',
        ',',
        '.',
        '@',
        '$',
        '0',
        '9',
        'a',
        'á1',
        'ab',
        'b',
        'ᴃ',
        'c',
        'z',
        'ʒ',
        'α',
        'я',
        '日',
        '本',
      ],
    ],
    [AI_CI, ['a', 'a ', 'aa']],
    ['utf8mb4_0900_as_cs', ['a', 'A', 'á', 'Á', 'b']],
    ['utf8mb4_0900_as_ci', ['a', 'á', 'ab']],
    ['utf8mb4_0900_bin', ['A', 'a', 'a ', 'é', '日', '😀']],
    ['utf8mb4_bin', ['A', 'B', 'a', 'é', '\ue000', '😀']],
    ['utf8mb4_general_ci', ['a', 'b', 'z', 'ʒ', 'я', '日']],
    ['latin1_swedish_ci', ['a', 'y', 'z', 'Å', 'Ä', 'ö']],
  ];
  for (const [collation, texts] of ascending) {
    it(`${texts.join(' < ')} in ${collation}`, () => {
      for (let i = 1; i < texts.length; i++) {
        const [a, b] = [texts[i - 1] as string, texts[i] as string];
        assert.equal(compare(collation, a, b), -1, `${a} < ${b}`);
      }
    });
  }

  it('have no surrogates without their partner', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const name of [AI_CI, 'utf8mb4_0900_as_cs', 'utf8mb4_general_ci', 'utf8mb4_unicode_ci']) {
          assert.ok(sortKey(name)(text).isWellFormed());
        }
      }),
    );
  });

  it('are the concatenated keys of the characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const key = sortKey(AI_CI);
        assert.equal(key(a + b), key(a) + key(b));
      }),
    );
  });

  it('tell case and accents apart as their levels say', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        assert.equal(compare(AI_CI, text, text.toUpperCase()), 0);
        const changed = text !== text.toUpperCase();
        assert.equal(compare('utf8mb4_0900_as_cs', text, text.toUpperCase()) !== 0, changed);
      }),
    );
  });
});

describe('aggregateCollations', () => {
  const c = (collation: string, coercibility: number, ascii = false) => ({ collation, coercibility, ascii });

  it('lets the stronger side win', () => {
    assert.equal(aggregateCollations([c('utf8mb4_bin', 2), c(AI_CI, 4)])?.collation, 'utf8mb4_bin');
    assert.equal(aggregateCollations([c('utf8mb4_bin', 2), c(AI_CI, 0)])?.collation, AI_CI);
  });

  it('lets columns of two collations meet in results only', () => {
    const pair = [c('utf8mb4_general_ci', 2), c(AI_CI, 2)];
    assert.equal(aggregateCollations(pair), undefined);
    assert.equal(aggregateCollations(pair, true)?.collation, 'utf8mb4_bin');
  });

  it('prefers Unicode, and lets ASCII pass anywhere', () => {
    assert.equal(aggregateCollations([c('latin1_swedish_ci', 2), c(AI_CI, 2)])?.collation, AI_CI);
    assert.equal(aggregateCollations([c('latin1_swedish_ci', 2), c(AI_CI, 5, true)])?.collation, 'latin1_swedish_ci');
    assert.equal(aggregateCollations([c('latin1_swedish_ci', 0), c('utf8mb4_bin', 0)])?.collation, 'utf8mb4_bin');
    assert.equal(aggregateCollations([c('latin1_bin', 0), c('latin1_swedish_ci', 0)]), undefined);
  });
});
