// What the tests do with a scenario: a fixed set of seeds, every seed that once failed, and planted faults, each of which must be found.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { plant, type Mutant } from './kernel/mutant.ts';
import { SimulationFailure, type Scenario } from './kernel/scenario.ts';

const kept = JSON.parse(readFileSync(new URL('kept-seeds.json', import.meta.url), 'utf8')) as Record<string, number[]>;

export function itHolds(scenario: Scenario, count: number): void {
  it(`${scenario.name}: ${count} seeds, and those that once failed`, async () => {
    const seeds = new Set([...Array.from({ length: count }, (_, i) => i + 1), ...(kept[scenario.name] ?? [])]);
    for (const seed of seeds) {
      try {
        await scenario.run(seed, undefined);
      } catch (cause) {
        const replay = `npm run sim -- --scenario ${scenario.name} --seed ${seed} --trace`;
        throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause });
      }
    }
  });
}

/** A planted fault that survives so many seeds is not found. */
export function itFinds(mutants: readonly Mutant[], scenario: Scenario, seedsMax: number): void {
  describe(`planted faults in ${scenario.name} are found`, () => {
    for (const mutant of mutants) {
      it(mutant.name, async (t) => {
        t.after(plant(mutant));
        await assert.rejects(async () => {
          for (const seed of kept[scenario.name] ?? []) await scenario.run(seed, undefined);
          for (let seed = 1; seed <= seedsMax; seed++) await scenario.run(seed, undefined);
        }, SimulationFailure);
      });
    }
  });
}
