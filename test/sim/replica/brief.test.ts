import { itFinds, itHolds } from '../checks.ts';
import { briefMutants } from './mutants.ts';
import { briefScenario } from './scenario.ts';

itHolds(briefScenario, 100);
itFinds(briefMutants, briefScenario, 100);
