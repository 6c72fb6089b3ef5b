import { itFinds, itHolds } from '../checks.ts';
import { fullMutants } from './mutants.ts';
import { fullScenario } from './scenario.ts';

itHolds(fullScenario, 100);
itFinds(fullMutants, fullScenario, 100);
