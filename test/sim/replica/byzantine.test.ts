import { itFinds, itHolds } from '../checks.ts';
import { byzantineMutants, forkMutants } from './mutants.ts';
import { byzantineScenario } from './scenario.ts';

itHolds(byzantineScenario, 30);
itFinds([...byzantineMutants, ...forkMutants], byzantineScenario, 100);
