/** The parser: MySQL's text in, a typed tree out, and back. See DESIGN.md. */
export * from './ast.ts';
export * from './options.ts';
export { parse, parseExpression, parseMany, parseNext, parseStatement } from './parse.ts';
export { balanced } from './balanced.ts';
export { isReserved, NON_RESERVED, RESERVED } from './keywords.ts';
export { withoutVersionComments } from './scan.ts';
export { shapeOf } from './shape.ts';
export { print } from './print.ts';
export type { PrintOptions } from './print.ts';
export { redactPasswords } from './redact.ts';
export { unqualified } from './unqualified.ts';
export { quoteName, quoteText } from './print-expressions.ts';
export { dataTypeText } from './print-types.ts';
