import { consensusScenario } from './consensus/scenario.ts';
import { groupsScenario } from './groups/scenario.ts';
import type { Scenario } from './kernel/scenario.ts';
import {
  briefScenario,
  byzantineScenario,
  fullScenario,
  movingScenario,
  pruningScenario,
  replicaScenario,
  slicedScenario,
} from './replica/scenario.ts';
import { syncScenario } from './sync/scenario.ts';

export const scenarios: readonly Scenario[] = [
  consensusScenario,
  syncScenario,
  replicaScenario,
  pruningScenario,
  slicedScenario,
  briefScenario,
  fullScenario,
  movingScenario,
  byzantineScenario,
  groupsScenario,
];
