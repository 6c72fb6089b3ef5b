/** MySQL's scalar and aggregate functions and operators: types of their results, and calls. */
export * from './aggregate-definition.ts';
export * from './aggregate-types.ts';
export { findAggregate } from './aggregates.ts';
export { avgOf, realResult, sumOf } from './aggregates-numeric.ts';
export * from './compare-modes.ts';
export * from './definition.ts';
export { commonCollation, likeMatcher } from './like.ts';
export * from './registry.ts';
export { charsOf, digitsOf, scaleOf } from './types-of-results.ts';
