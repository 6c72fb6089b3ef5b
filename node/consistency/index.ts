/** Order, merge rules and what commutes: from entries in any order to one state. Pure. */
export type { Footprint } from './footprint.ts';
export { Linearizer, type Applier, type DecidedBlock, type Orderable } from './linearizer.ts';
export { comparePositions, type Position } from './order.ts';
export * from './rules.ts';
export { finish, STEP_ROWS, type Steps } from './steps.ts';
export { WideMap } from './wide-map.ts';
