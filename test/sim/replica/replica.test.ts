import { itHolds } from '../checks.ts';
import { replicaScenario } from './scenario.ts';

itHolds(replicaScenario, 300);
