import type { Expr } from './ast.ts';

/**
 * The expression with its columns' own names alone, as MySQL keeps the expressions of a table's definition: they speak of that table's
 * columns, whatever table or database is written before them, and so hold on when it is renamed.
 */
export function unqualified(expression: Expr): Expr {
  const strip = (node: unknown): unknown => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return node;
    if (Array.isArray(node)) return node.map(strip);
    const { kind } = node as { kind?: unknown };
    if (kind === 'column') return { ...node, schema: undefined, table: undefined };
    if (kind === 'query') return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strip(value)]));
  };
  return strip(expression) as Expr;
}
