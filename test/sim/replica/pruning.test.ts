import { itHolds } from '../checks.ts';
import { pruningScenario } from './scenario.ts';

itHolds(pruningScenario, 100);
