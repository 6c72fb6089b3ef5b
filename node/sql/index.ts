/** The SQL room: text to tree, tree to SQLite, and what MySQL's values and functions mean. Pure. */
export * from './types/index.ts';
export * from './values/index.ts';
export * from './catalog/index.ts';
export * from './parser/index.ts';
export { findFunction, type ArgInfo, type CallEnv, type KeyDerivation, type TypeEnv } from './functions/index.ts';
export * from './compile/index.ts';
export type { IntervalUnit } from './parser/index.ts';
