/** Questions about trees. */
import type { TableDef } from '../catalog/index.ts';
import type { ColumnRef } from '../parser/index.ts';

/** Whether a tree calls an aggregate of its own query (not one inside a subquery, not a window function). */
export function containsAggregate(node: unknown): boolean {
  if (node === null || typeof node !== 'object') return false;
  if (Array.isArray(node)) return node.some(containsAggregate);
  const { kind, over } = node as { kind?: string; over?: unknown };
  if (kind === 'query') return false;
  if ((kind === 'aggregate' || kind === 'groupConcat') && over === undefined) return true;
  return Object.values(node).some((value) => typeof value === 'object' && containsAggregate(value));
}

/** Whether a tree computes something over a window of its own query. */
export function containsWindow(node: unknown): boolean {
  if (!isBranch(node)) return false;
  if (Array.isArray(node)) return node.some(containsWindow);
  const { kind, over } = node as { kind?: string; over?: unknown };
  if (kind === 'query') return false;
  return over !== undefined || Object.values(node).some(containsWindow);
}

/** Slots of the literals and placeholders in a tree. */
export function slotsIn(node: unknown): number[] {
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return [];
  if (Array.isArray(node)) return node.flatMap(slotsIn);
  const { slot } = node as { slot?: unknown };
  const own = typeof slot === 'number' ? [slot] : [];
  return [...own, ...Object.values(node).flatMap((value) => (typeof value === 'object' ? slotsIn(value) : []))];
}

/** Whether a tree has a node of that kind, which is none of a literal. */
export function containsKind(node: unknown, kind: string): boolean {
  if (!isBranch(node)) return false;
  if (Array.isArray(node)) return node.some((n) => containsKind(n, kind));
  if ((node as { kind?: string }).kind === kind) return true;
  for (const key in node) if (containsKind((node as Record<string, unknown>)[key], kind)) return true;
  return false;
}

/** How many nodes of that kind a tree has. */
export function countKind(node: unknown, kind: string): number {
  if (!isBranch(node)) return 0;
  const own = (node as { kind?: string }).kind === kind ? 1 : 0;
  return Object.values(node).reduce((sum: number, below) => sum + countKind(below, kind), own);
}

/** Literals have nothing below them: a large INSERT is little else. */
const isBranch = (node: unknown): node is object =>
  typeof node === 'object' && node !== null && !('slot' in node) && !(node instanceof Uint8Array);

/** The columns that a tree names; `own`: those outside its subqueries. */
export function columnsNamed(node: unknown, own = false): ColumnRef[] {
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return [];
  if (Array.isArray(node)) return node.flatMap((n) => columnsNamed(n, own));
  const { kind } = node as { kind?: string };
  if (kind === 'column') return [node as ColumnRef];
  if (own && kind === 'query') return [];
  return Object.values(node).flatMap((n) => columnsNamed(n, own));
}

/**
 * Whether a subquery somewhere in a tree reads that table itself. A derived table's rows are made first: it may. So may one that calls
 * the table by another name, where `aliased` says so.
 */
export function namesTable(
  node: unknown,
  table: TableDef,
  database: string,
  aliased = false,
  inQuery = false,
): boolean {
  if (!isBranch(node)) return false;
  if (Array.isArray(node)) return node.some((n) => namesTable(n, table, database, aliased, inQuery));
  const { kind, name, schema, alias } = node as { kind?: string; name?: unknown; schema?: string; alias?: unknown };
  if (kind === 'derived') return false;
  if (kind === 'table' && inQuery && name === table.name && (schema ?? database) === table.database)
    return !aliased || alias === undefined || alias === name;
  const isQuery = inQuery || kind === 'query';
  for (const key in node)
    if (namesTable((node as Record<string, unknown>)[key], table, database, aliased, isQuery)) return true;
  return false;
}
