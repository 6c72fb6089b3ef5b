/** Prepared statements: a tree with places for values, and its plans by the values' types. */
import type { Catalog, LiteralValue, ParsedStatement, Plan, SqlType } from '../sql/index.ts';
import type { ParameterValue } from '../server/index.ts';
import { slotValues } from './planner.ts';

export interface PreparedQuery {
  readonly text: string;
  readonly parsed: ParsedStatement;
  readonly database: string;
}

export const UNKNOWN_PARAMETER: SqlType = {
  kind: 'string',
  family: 'varchar',
  length: 65535,
  collation: 'utf8mb4_0900_ai_ci',
};

const paramSlotCache = new WeakMap<ParsedStatement, number[]>();

/** Slots of the placeholders, in order. */
export function paramSlots(parsed: ParsedStatement): number[] {
  let found = paramSlotCache.get(parsed);
  if (!found) {
    const byIndex: number[] = [];
    const walk = (node: unknown): void => {
      if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
      const param = node as { kind?: string; index?: number; slot?: number };
      if (param.kind === 'param' && param.index !== undefined && param.slot !== undefined)
        byIndex[param.index] = param.slot;
      else for (const value of Object.values(node)) walk(value);
    };
    walk(parsed.statement);
    paramSlotCache.set(parsed, (found = byIndex));
  }
  return found;
}

/** Slots of the placeholders that are patterns of LIKE. */
function patternSlots({ statement }: ParsedStatement): Set<number> {
  const slots = new Set<number>();
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
    const { kind, pattern } = node as { kind?: string; pattern?: { kind?: string; slot?: number } };
    if (kind === 'like' && pattern?.kind === 'param' && pattern.slot !== undefined) slots.add(pattern.slot);
    for (const value of Object.values(node)) walk(value);
  };
  walk(statement);
  return slots;
}

/** What executing a prepared statement again needs: its literals, where its placeholders go, its plans by their types. */
export interface PreparedSource {
  readonly slots: readonly (LiteralValue | null)[];
  readonly places: readonly number[];
  readonly patterns: ReadonlySet<number>;
  readonly plans: Map<string, { readonly catalog: Catalog; readonly version: number; readonly plan: Plan }>;
}

const preparedSources = new WeakMap<PreparedQuery, PreparedSource>();

export function preparedSource(query: PreparedQuery): PreparedSource {
  let source = preparedSources.get(query);
  if (!source)
    preparedSources.set(
      query,
      (source = {
        slots: slotValues(query.parsed),
        places: paramSlots(query.parsed),
        patterns: patternSlots(query.parsed),
        plans: new Map(),
      }),
    );
  return source;
}

export function parameterSlot(parameter: ParameterValue): LiteralValue | null {
  switch (parameter.kind) {
    case 'null':
      return null;
    case 'int':
    case 'double':
      return parameter.value;
    case 'bytes':
      return parameter.bytes;
    default:
      return parameter.text;
  }
}

/** What of a parameter's type a plan depends on. */
export function parameterKey(parameter: ParameterValue): string {
  if (parameter.kind === 'int') return parameter.unsigned ? 'u' : 'i';
  if (parameter.kind === 'datetime') return `d${parameter.text.length}`;
  return parameter.kind.slice(0, 3);
}

export function parameterType(parameter: ParameterValue, collation: string): SqlType {
  switch (parameter.kind) {
    case 'null':
      return { kind: 'null' };
    case 'int':
      return { kind: 'int', bits: 64, unsigned: parameter.unsigned };
    case 'double':
      return { kind: 'double', unsigned: false };
    case 'bytes':
      return { kind: 'binary', family: 'varbinary', length: 65535 };
    case 'date':
      return { kind: 'date' };
    case 'datetime':
      return { kind: 'datetime', fsp: /\.(\d+)$/.exec(parameter.text)?.[1]?.length ?? 0 };
    case 'decimal':
    case 'string':
    case 'time':
      return { kind: 'string', family: 'varchar', length: 65535, collation };
  }
}
