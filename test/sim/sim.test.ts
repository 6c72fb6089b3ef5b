// The simulator: a fixed set of seeds, every seed that once failed, and planted faults, each of which must be found.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { consensusMutants } from './consensus/mutants.ts';
import { consensusScenario } from './consensus/scenario.ts';
import { plant } from './kernel/mutant.ts';
import { SimulationFailure, type Scenario } from './kernel/scenario.ts';
import {
  briefMutants,
  byzantineMutants,
  forkMutants,
  fullMutants,
  movingMutants,
  slicedMutants,
} from './replica/mutants.ts';
import {
  briefScenario,
  byzantineScenario,
  fullScenario,
  movingScenario,
  pruningScenario,
  slicedScenario,
} from './replica/scenario.ts';
import { scenarios } from './scenarios.ts';
import { syncMutants } from './sync/mutants.ts';
import { syncScenario } from './sync/scenario.ts';

const SEEDS = 300;
/** Of scenarios of which each seed takes some times as long; a fault planted in one of them is found within as many. */
const SLOW_SEEDS = 100;
/** Of those in which nodes join and leave, or one lies. */
const MOVING_SEEDS = 30;
/** A planted fault that survives this many seeds is not found. */
const MUTANT_SEEDS_MAX = 3000;

const kept = JSON.parse(readFileSync(new URL('kept-seeds.json', import.meta.url), 'utf8')) as Record<string, number[]>;

function seedsOf(scenario: Scenario): number {
  if (scenario === movingScenario || scenario === byzantineScenario) return MOVING_SEEDS;
  return [pruningScenario, slicedScenario, briefScenario, fullScenario].includes(scenario) ? SLOW_SEEDS : SEEDS;
}

for (const scenario of scenarios) {
  const count = seedsOf(scenario);
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

it('gives the same transcript for the same seed', () => {
  const transcript = (): string[] => {
    const lines: string[] = [];
    consensusScenario.run(7, (line) => lines.push(line));
    return lines;
  };
  const first = transcript();
  assert.ok(first.length > 100);
  assert.deepEqual(transcript(), first);
});

for (const [scenario, mutants, seedsMax] of [
  [consensusScenario, consensusMutants, MUTANT_SEEDS_MAX],
  [syncScenario, syncMutants, MUTANT_SEEDS_MAX],
  [briefScenario, briefMutants, SLOW_SEEDS],
  [fullScenario, fullMutants, SLOW_SEEDS],
  [slicedScenario, slicedMutants, SLOW_SEEDS],
  [movingScenario, movingMutants, SLOW_SEEDS],
  [byzantineScenario, [...byzantineMutants, ...forkMutants], SLOW_SEEDS],
] as const) {
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
