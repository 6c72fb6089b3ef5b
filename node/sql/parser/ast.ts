/** The syntax tree: discriminated unions on `kind`, frozen by type, with offsets into the text they came from. */
export * from './ast/expressions.ts';
export * from './ast/types.ts';
export * from './ast/queries.ts';
export * from './ast/manipulation.ts';
export * from './ast/schema.ts';
export * from './ast/routines.ts';
export * from './ast/administration.ts';
export * from './ast/statements.ts';
