/** Which tables a view's SELECT names. */
import { parseStatement, type ViewDef } from '../../sql/index.ts';

export interface QualifiedTable {
  readonly database: string;
  readonly name: string;
}

export interface ViewUsage {
  readonly tables: readonly QualifiedTable[];
  /** Whether MySQL would let rows be changed through it. */
  readonly updatable: boolean;
}

const known = new WeakMap<ViewDef, ViewUsage>();

export function qualifiedTables(view: ViewDef): ViewUsage {
  let usage = known.get(view);
  if (!usage) known.set(view, (usage = read(view)));
  return usage;
}

function read(view: ViewDef): ViewUsage {
  const { statement } = parseStatement(view.select);
  const found = new Map<string, QualifiedTable>();
  let plain = true;
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
    if (Array.isArray(node)) {
      for (const n of node) walk(n);
      return;
    }
    const table = node as { kind?: string; schema?: string; name?: string };
    if (table.kind === 'table' && typeof table.name === 'string') {
      const database = table.schema ?? view.database;
      found.set(`${database}.${table.name}`, { database, name: table.name });
    }
    if (table.kind === 'aggregate' || table.kind === 'window' || table.kind === 'derived') plain = false;
    for (const value of Object.values(node)) walk(value);
  };
  walk(statement);
  if (
    statement.kind !== 'query' ||
    statement.body.kind !== 'select' ||
    statement.limit !== undefined ||
    statement.with
  ) {
    plain = false;
  } else {
    const { groupBy, having, options, from } = statement.body;
    if (groupBy.length > 0 || having !== undefined || options.includes('distinct') || from.length === 0) plain = false;
  }
  return { tables: [...found.values()], updatable: plain };
}

/** A plain SELECT over tables: no grouping, no set operation, no LIMIT. */
export const isUpdatable = (view: ViewDef): boolean =>
  view.algorithm !== 'TEMPTABLE' && qualifiedTables(view).updatable;
