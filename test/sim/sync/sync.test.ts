import { itFinds, itHolds } from '../checks.ts';
import { syncMutants } from './mutants.ts';
import { syncScenario } from './scenario.ts';

itHolds(syncScenario, 300);
itFinds(syncMutants, syncScenario, 3000);
