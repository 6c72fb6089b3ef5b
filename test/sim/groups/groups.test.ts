import { itFinds, itHolds } from '../checks.ts';
import { groupsMutants } from './mutants.ts';
import { groupsScenario } from './scenario.ts';

itHolds(groupsScenario, 15);
itFinds(groupsMutants, groupsScenario, 100);
