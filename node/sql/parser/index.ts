/** The parser: MySQL's text in, a typed tree out, and back. See DESIGN.md. */
export * from './ast.ts';
export * from './options.ts';
export { parse, parseExpression, parseMany, parseNext, parseStatement } from './parse.ts';
export { isReserved, NON_RESERVED, RESERVED } from './keywords.ts';
