import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Planner } from '../../../node/engine/planner.ts';
import { Catalog, DEFAULT_PARSE_OPTIONS, type CompileSettings } from '../../../node/sql/index.ts';

const collation = 'utf8mb4_0900_ai_ci';
/** As far as a SELECT without tables asks. */
const settings = (text: string): CompileSettings =>
  ({
    text,
    collation,
    database: '',
    slotTypes: new Map(),
    interruptible: false,
    typeEnv: { collation, divPrecisionIncrement: 4, groupConcatMaxLen: 1024, sqlMode: {} },
  }) as unknown as CompileSettings;

/** A select list is a shape of its own, whatever its literals are. */
const statement = (i: number, length: number): string => `SELECT '${'x'.repeat(length)}', ${i}`;

it('plans are kept up to so many characters of their shapes, the newest', () => {
  const planner = new Planner(new Catalog());
  const isKept = (text: string): boolean => planner.cached(text, DEFAULT_PARSE_OPTIONS, '') !== undefined;
  const prepare = (text: string): void => void planner.prepare(text, 0, DEFAULT_PARSE_OPTIONS, '', settings);
  const [long, many] = [50_000, 100];
  for (let i = 0; i < many; i++) {
    prepare(statement(i, long));
    // The same one again is no second plan.
    prepare(statement(i, long));
  }
  const kept = Array.from({ length: many }, (_, i) => isKept(statement(i, long)));
  const count = kept.filter(Boolean).length;
  assert.deepEqual(
    kept,
    Array.from({ length: many }, (_, i) => i >= many - count),
  );
  assert.ok(count * long <= 2 ** 20 && (count + 1) * long > 2 ** 20, `${count} are kept`);
  prepare(statement(0, 100_000));
  assert.equal(isKept(statement(0, 100_000)), false);
});
