import type { Expr, QueryExpression } from './ast.ts';
import { expressionText } from './print-expressions.ts';
import type { Printer } from './print-expressions.ts';
import { queryText } from './print-queries.ts';

export interface PrintOptions {
  /** The character set to mark strings with, as CHECK constraints and generated columns do: `_utf8mb4'…'`. */
  readonly introducer?: string;
}

/**
 * MySQL's canonical text of an expression or a query, as SHOW CREATE VIEW and SHOW CREATE TABLE print them: names in
 * backquotes, functions in lower case, parentheses round every operator. Reading it again and printing that gives the
 * same text.
 */
export function print(node: Expr | QueryExpression, options: PrintOptions = {}): string {
  const printer: Printer = {
    introducer: options.introducer,
    expr: (expr) => expressionText(printer, expr),
    query: (query) => queryText(printer, query),
  };
  return node.kind === 'query' ? printer.query(node) : printer.expr(node);
}
