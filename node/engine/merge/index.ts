/** Merging: write sets as intentions, and their runs against the state. */
export { StateMachine } from './machine.ts';
export { Merger } from './merger.ts';
export {
  encodedInSteps,
  transactionInSteps,
  transactionOf,
  type CommitRecord,
  type SchemaRecord,
  type SeenRow,
} from './write-set.ts';
export { digestWithin, fitsBounds, isWithin } from './bounds.ts';
export { MergeContext } from './context.ts';
