import { itFinds, itHolds } from '../checks.ts';
import { movingMutants } from './mutants.ts';
import { movingScenario } from './scenario.ts';

itHolds(movingScenario, 30);
itFinds(movingMutants, movingScenario, 100);
