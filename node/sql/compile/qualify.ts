/** A view's text names its tables with their databases: it means the same whatever database is in use. */
import type { QueryExpression } from '../parser/index.ts';

export function qualifyNames(query: QueryExpression, database: string): QueryExpression {
  return qualify(query, database, new Set()) as QueryExpression;
}

function qualify(node: unknown, database: string, commonTables: ReadonlySet<string>): unknown {
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return node;
  if (Array.isArray(node)) return node.map((n) => qualify(n, database, commonTables));
  const object = node as {
    kind?: string;
    schema?: string;
    name?: string;
    with?: { tables: readonly { name: string }[] };
  };
  let known = commonTables;
  if (object.kind === 'query' && object.with)
    known = new Set([...commonTables, ...object.with.tables.map((t) => t.name)]);
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) copy[key] = qualify(value, database, known);
  if (object.kind === 'table' && object.schema === undefined && !known.has(object.name ?? ''))
    copy['schema'] = database;
  return copy;
}
