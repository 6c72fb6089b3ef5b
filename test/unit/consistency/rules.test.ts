/** Merge rules: one property for all of them, and what each is for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ruleNamed,
  ruleNameIn,
  ruleNames,
  type ColumnValues,
  type JsonValue,
  type Merged,
  type RuleValue,
} from '../../../node/consistency/index.ts';

const toMaps = (v: unknown): JsonValue =>
  Array.isArray(v)
    ? v.map(toMaps)
    : v !== null && typeof v === 'object'
      ? new Map(Object.entries(v).map(([k, item]) => [k, toMaps(item)]))
      : v;
const fromMaps = (v: JsonValue): unknown =>
  Array.isArray(v)
    ? v.map(fromMaps)
    : v instanceof Map
      ? Object.fromEntries([...(v as Map<string, JsonValue>)].sort().map(([k, item]) => [k, fromMaps(item)]))
      : v;

const column = (form: ColumnValues['form']): ColumnValues => ({
  form,
  compare: (a, b) => (a === null ? (b === null ? 0 : -1) : b === null ? 1 : a < b ? -1 : a > b ? 1 : 0),
  shifted: (current, base, v) =>
    typeof current === 'number' && typeof v === 'number' ? kept(current + v - Number(base ?? 0)) : undefined,
  parseJson: (text) => toMaps(JSON.parse(text)),
  formatJson: (json) => JSON.stringify(fromMaps(json)),
});

function merge(rule: string, form: ColumnValues['form'], current: RuleValue, base: RuleValue, v: RuleValue): Merged {
  const found = ruleNamed(rule);
  assert.ok(found);
  return found.merge(current, base, v, column(form));
}
const kept = (v: RuleValue): Merged => ({ kind: 'value', value: v });

test('where nobody else wrote, every rule gives what the author wrote', () => {
  const json = fc.option(
    fc
      .dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.integer(), fc.string()))
      .map((o) => JSON.stringify(fromMaps(toMaps(o)))),
    { nil: null },
  );
  const sets = fc.option(fc.nat({ max: 255 }), { nil: null });
  for (const rule of ruleNames()) {
    for (const [form, values] of [
      ['set', sets],
      ['json', json],
    ] as const) {
      fc.assert(
        fc.property(values as fc.Arbitrary<RuleValue>, values as fc.Arbitrary<RuleValue>, (base, v) => {
          const merged = merge(rule, form, base, base, v);
          assert.equal(merged.kind, 'value');
          if (merged.kind === 'value') assert.deepEqual(merged.value, v);
        }),
      );
    }
  }
});

test('max, min, union and counter do not depend on the order of two writers', () => {
  const small = fc.nat({ max: 63 });
  for (const [rule, form] of [
    ['max', 'plain'],
    ['min', 'plain'],
    ['counter', 'plain'],
    ['union', 'set'],
  ] as const) {
    fc.assert(
      fc.property(small, small, small, (base, a, b) => {
        // What leaves the value as it is, is no write.
        fc.pre(a !== base && b !== base);
        const run = (first: number, second: number): Merged => {
          const one = merge(rule, form, base, base, first);
          assert.equal(one.kind, 'value');
          return merge(rule, form, one.kind === 'value' ? one.value : null, base, second);
        };
        assert.deepEqual(run(a, b), run(b, a));
      }),
    );
  }
});

test('what each rule is for', () => {
  assert.deepEqual(merge('last-writer', 'plain', 'x', 'a', 'b'), kept('b'));
  assert.deepEqual(merge('first-writer', 'plain', 'x', null, 'b'), kept('x'));
  assert.deepEqual(merge('reject', 'plain', 1, 0, 2), { kind: 'reject' });
  assert.deepEqual(merge('counter', 'plain', 12, 10, 7), kept(9));
  assert.deepEqual(merge('max', 'plain', 9, 5, 7), kept(9));
  assert.deepEqual(merge('min', 'plain', 9, 5, 7), kept(7));
  assert.deepEqual(merge('union', 'set', 3, 1, 5), kept(7));
  assert.deepEqual(merge('union', 'json', '[1,2]', '[1]', '[3]'), kept('[2,3]'));
  assert.deepEqual(merge('json', 'json', '{"a":2,"b":1,"x":1}', '{"a":1,"b":1}', '{"a":1}'), kept('{"a":2,"x":1}'));
  assert.deepEqual(
    merge('json', 'json', '{"a":{"p":1,"q":2}}', '{"a":{"p":1}}', '{"a":{"p":5}}'),
    kept('{"a":{"p":5,"q":2}}'),
  );
});

test('a comment names a rule', () => {
  assert.equal(ruleNameIn('the best so far; p2pdb:merge=max'), 'max');
  assert.equal(ruleNameIn('p2pdb:merge=first-writer'), 'first-writer');
  assert.equal(ruleNameIn('merge=max'), undefined);
});
