/** The admin HTTP: health, metrics, status, SQL over JSON; how a node that waits is let in. */
export { startAdmin, type AdminOptions, type RunningAdmin } from './admin.ts';
export { type Door } from './door.ts';
export { familiesOf, mergedFamilies, METRICS, type Definition, type NodeFigures } from './definitions.ts';
export { HttpError } from './errors.ts';
export { membershipRoutes, type MembershipPorts } from './membership.ts';
export { testFaultRoutes, type TestFaults } from './test-faults.ts';
export { startWaiting, type JoinOrder, type JoinOutcome } from './waiting.ts';
export type { AdminPorts, Family, HistogramFigures } from './ports.ts';
