import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { functions } from '../../../node/sql/functions/index.ts';
import { evaluate } from './evaluate.ts';
import type { Fixture } from './evaluate.ts';
import { fixtures as dates } from './fixtures/dates.ts';
import { fixtures as json } from './fixtures/json.ts';
import { fixtures as miscellaneous } from './fixtures/miscellaneous.ts';
import { fixtures as numeric } from './fixtures/numeric.ts';
import { fixtures as regexp } from './fixtures/regexp.ts';
import { fixtures as strings } from './fixtures/strings.ts';
import { fixtures as xml } from './fixtures/xml.ts';

const families: Readonly<Record<string, readonly Fixture[]>> = {
  dates,
  json,
  miscellaneous,
  numeric,
  regexp,
  strings,
  xml,
};

/** Functions of C's mathematical library may differ in the last digit. */
function same(actual: string | null, expected: string | null): boolean {
  if (actual === expected) return true;
  if (actual === null || expected === null || !/[.e]/.test(expected)) return false;
  return Math.abs(Number(actual) - Number(expected)) <= 1e-13 * Math.abs(Number(expected));
}

describe("functions answer as MySQL's do", () => {
  for (const [family, fixtures] of Object.entries(families)) {
    it(family, () => {
      for (const [name, args, expected] of fixtures) {
        const actual = evaluate(name, args);
        assert.ok(same(actual, expected), `${name}(${args.join(', ')}) is ${expected}, not ${actual}`);
      }
    });
  }
});

describe('the registry', () => {
  it('names every function in upper case', () => {
    for (const [name, definition] of functions) {
      assert.equal(name, definition.name);
      assert.equal(name, name.toUpperCase());
      assert.ok(definition.arity[0] <= definition.arity[1], name);
    }
  });

  it('gives NULL for NULL where a definition says so', () => {
    for (const definition of functions.values()) {
      if (!definition.nullPropagates || definition.session || definition.arity[0] !== 1) continue;
      assert.equal(evaluate(definition.name, ['null']), null, definition.name);
    }
  });
});
