/** The admin HTTP: health, metrics, status, SQL over JSON. */
export { startAdmin, type AdminOptions, type RunningAdmin } from './admin.ts';
export { HttpError } from './errors.ts';
export { LatencyHistogram } from './histogram.ts';
export { testFaultRoutes, type TestFaults } from './test-faults.ts';
export type { AdminPorts, Family, HistogramFigures } from './ports.ts';
