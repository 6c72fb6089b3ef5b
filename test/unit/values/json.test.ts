import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compareJson,
  findAll,
  isPlainPath,
  jsonSortKey,
  mergePatch,
  mergePreserve,
  objectOf,
  parseJson,
  parsePath,
  printJson,
  readJson,
  textAt,
} from '../../../node/sql/values/index.ts';
import type { Json } from '../../../node/sql/values/index.ts';

const normal = (text: string): string => {
  const parsed = parseJson(text);
  return 'value' in parsed ? printJson(parsed.value) : `${parsed.error.message} at ${parsed.error.position}`;
};

describe('JSON texts', () => {
  const cases: readonly [text: string, expected: string][] = [
    ['{"b":1,"aa":2,"a":3}', '{"a": 3, "b": 1, "aa": 2}'],
    ['{"a":1,"a":2}', '{"a": 2}'],
    [' [1 , "x" ,null, true] ', '[1, "x", null, true]'],
    ['1.0', '1.0'],
    ['1.10', '1.1'],
    ['1e2', '100.0'],
    ['1e20', '1e20'],
    ['-0', '0'],
    ['-0.0', '-0.0'],
    ['[-7,0,-10,999999999999999,-9999999999999999]', '[-7, 0, -10, 999999999999999, -9999999999999999]'],
    ['{"a":1,"b":2,"a":3,"aa":"\\n"}', '{"a": 3, "b": 2, "aa": "\\n"}'],
    ['"a\nb"', 'Invalid encoding in string. at 2'],
    ['18446744073709551615', '18446744073709551615'],
    ['18446744073709551616', '1.8446744073709552e19'],
    ['"\\u00e9\\/\\ud83d\\ude00\\u0001"', '"é/😀\\u0001"'],
    ['', 'The document is empty. at 0'],
    ['[1,]', 'Invalid value. at 3'],
    ['[1', "Missing a comma or ']' after an array element. at 2"],
    ['{"a":1 "b"}', "Missing a comma or '}' after an object member. at 7"],
    ['{"a" 1}', 'Missing a colon after a name of object member. at 5'],
    ['{1:2}', 'Missing a name for object member. at 1'],
    ['1 2', 'The document root must not be followed by other values. at 2'],
    ['["é', 'Missing a closing quotation mark in string. at 4'],
    ['"\\x"', 'Invalid escape character in string. at 1'],
    ['1e999', 'Number too big to be stored in double. at 0'],
  ];
  for (const [text, expected] of cases) it(text, () => assert.equal(normal(text), expected));

  it('nest 100 deep at most', () => {
    assert.equal(normal('['.repeat(100) + ']'.repeat(100)).length, 200);
    assert.throws(() => normal('['.repeat(101) + ']'.repeat(101)), { errno: 3157 });
  });

  it('are the same once normalised', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const once = normal(text);
        assert.equal(normal(once), once);
        assert.equal(printJson(readJson(once)), once);
        assert.deepEqual(JSON.parse(once), JSON.parse(text));
      }),
    );
  });
});

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.string(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const document = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.string({ maxLength: 2 }), tie('json')), { maxLength: 3 })
      .map((members): Json => objectOf(members)),
  ),
})).json;

describe('the order of JSON values', () => {
  it('goes by kind first', () => {
    const ascending = [
      'null',
      '-1',
      '2',
      '2.5',
      '""',
      '"a"',
      '{}',
      '{"a": 1}',
      '[]',
      '[1]',
      '[1, 0]',
      '[2]',
      'false',
      'true',
    ];
    for (let i = 1; i < ascending.length; i++) {
      const [a, b] = [ascending[i - 1] as string, ascending[i] as string];
      assert.ok(compareJson(readJson(a), readJson(b)) < 0, b);
    }
    assert.equal(compareJson(readJson('1'), readJson('1.0')), 0);
  });

  it('is that of the sort keys', () => {
    fc.assert(
      fc.property(document, document, (a, b) => {
        const [x, y] = [printJson(a), printJson(b)];
        const [left, right] = [readJson(x), readJson(y)];
        const byKey = Math.sign(Buffer.compare(Buffer.from(jsonSortKey(x)), Buffer.from(jsonSortKey(y))));
        assert.equal(byKey, Math.sign(compareJson(left, right)), `${x} and ${y}`);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('paths', () => {
  const find = (text: string, path: string): string => printJson(findAll(readJson(text), parsePath(path)));
  const cases: readonly [text: string, path: string, expected: string][] = [
    ['{"a": [1, 2, 3]}', '$.a[last]', '[3]'],
    ['{"a": [1, 2, 3]}', '$.a[1 to 2]', '[2, 3]'],
    ['{"a": [1, 2, 3]}', '$.a[last-1 to last]', '[2, 3]'],
    ['{"a": {"b": 1}, "b": 2}', '$**.b', '[2, 1]'],
    ['[[1]]', '$**[0]', '[[1], 1]'],
    ['5', '$[0]', '[5]'],
    ['{"a b": 1}', '$."a b"', '[1]'],
    ['{"a": 1}', '$.*', '[1]'],
    ['{"a": 1}', '$.x', '[]'],
  ];
  for (const [text, path, expected] of cases) it(`${path} in ${text}`, () => assert.equal(find(text, path), expected));

  it('that are none', () => {
    for (const path of ['a', '$.', '$[', '$[-1]', '$**', '$.a b', '$[2 to 1]']) {
      assert.throws(() => parsePath(path), { errno: 3143 }, path);
    }
  });
});

describe('merging', () => {
  const merge = (f: (a: Json, b: Json) => Json, a: string, b: string): string => printJson(f(readJson(a), readJson(b)));

  it('patches as RFC 7396 has it', () => {
    assert.equal(merge(mergePatch, '{"a": 1, "c": {"d": 1}}', '{"a": null, "c": {"e": 2}}'), '{"c": {"d": 1, "e": 2}}');
    assert.equal(merge(mergePatch, '{"a": 1}', '[1]'), '[1]');
  });

  it('preserves both sides', () => {
    assert.equal(merge(mergePreserve, '{"a": 1}', '{"a": 2, "b": 3}'), '{"a": [1, 2], "b": 3}');
    assert.equal(merge(mergePreserve, '1', '[2]'), '[1, 2]');
  });
});

describe('a value within a normalised text', () => {
  const names = ['a', 'b', 'aa', 'é', 'x y', '"', '\\', 'a\\', '\u0001', '{', ',', ']'];
  const document = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(null, true, -1.5, 12, 'a', 'a"b\\', '[,]', '{"a": 1}'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 5 }),
    ),
  })).value;
  const path = fc.array(
    fc.oneof(
      fc.constantFrom(...names).map((n) => `.${JSON.stringify(n)}`),
      fc.nat(3).map((n) => `[${n}]`),
    ),
    {
      maxLength: 4,
    },
  );

  it('is the one that its path names', () => {
    let found = 0;
    fc.assert(
      fc.property(document, path, (json, legs) => {
        const text = normal(JSON.stringify(json));
        const at = parsePath(`$${legs.join('')}`);
        const [value] = findAll(readJson(text), at);
        if (value !== undefined) found++;
        assert.equal(textAt(text, at), value === undefined ? undefined : printJson(value));
      }),
      { numRuns: 3000 },
    );
    assert.ok(found > 100, `${found} of the paths named a value`);
  });

  it('is not read by a path of several or one from the end', () => {
    const plain = ['$', '$.a', '$[2].b'];
    const others = ['$.*', '$[*]', '$**.a', '$[last]', '$[0 to 1]'];
    assert.deepEqual(
      [...plain, ...others].map((text) => isPlainPath(parsePath(text))),
      [...plain.map(() => true), ...others.map(() => false)],
    );
  });
});

describe('the order of JSON texts and keys', () => {
  it('is that of their bytes in UTF-8', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'),
      maxLength: 4,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareJson(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});
