import assert from 'node:assert/strict';
import { it } from 'node:test';
import { itFinds, itHolds } from '../checks.ts';
import { consensusMutants } from './mutants.ts';
import { consensusScenario } from './scenario.ts';

itHolds(consensusScenario, 300);
itFinds(consensusMutants, consensusScenario, 3000);

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
