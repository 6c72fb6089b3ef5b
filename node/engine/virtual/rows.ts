/** Rows as the relations give them, and how their values become SQLite's. */
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import type { VirtualDefinition } from './definitions.ts';

export type VirtualValue = string | number | null;
export type VirtualRow = VirtualValue[];
export type RowSource = (core: EngineCore, session: EngineSession) => VirtualRow[];

/** ENUM and SET values lie in SQLite as numbers: their texts are replaced in place. */
export function encodeRows(definition: Pick<VirtualDefinition, 'columns'>, rows: readonly VirtualRow[]): void {
  definition.columns.forEach(({ type }, i) => {
    if (type.kind === 'decimal') {
      for (const row of rows) if (typeof row[i] === 'number') row[i] = Math.round(row[i] * 10 ** type.scale);
      return;
    }
    if (type.kind !== 'enum' && type.kind !== 'set') return;
    const numbers = new Map(type.values.map((v, n) => [v, type.kind === 'enum' ? n + 1 : 2 ** n]));
    for (const row of rows) {
      const value = row[i];
      if (typeof value !== 'string') continue;
      row[i] =
        type.kind === 'enum'
          ? (numbers.get(value) ?? 0)
          : value.split(',').reduce((bits, word) => bits + (numbers.get(word) ?? 0), 0);
    }
  });
}
