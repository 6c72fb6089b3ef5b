import { itFinds, itHolds } from '../checks.ts';
import { slicedMutants } from './mutants.ts';
import { slicedScenario } from './scenario.ts';

itHolds(slicedScenario, 100);
itFinds(slicedMutants, slicedScenario, 100);
