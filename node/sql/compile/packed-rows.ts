/**
 * Rows that depend on the row at hand of an earlier table. SQLite's derived tables see no neighbours, but the argument of a
 * table-valued function does: such rows are packed into a JSON array of arrays, which json_each() gives back one by one.
 */
import type { SqliteValue, SqlType } from '../types/index.ts';
import { signatureName } from './call.ts';
import type { SqlFunction } from './plan.ts';

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** A value as JSON text that SQLite reads back as the same value; what must be REAL has a point or an exponent. */
function packedValue(value: SqliteValue, isReal: boolean): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    const text = String(value);
    return isReal && /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
  return JSON.stringify(value instanceof Uint8Array ? hex(value) : value);
}

export const packedRow = (values: readonly SqliteValue[], types: readonly SqlType[]): string =>
  `[${values.map((value, i) => packedValue(value, ['float', 'double'].includes(types[i]?.kind ?? ''))).join(',')}]`;

/** The i-th column of json_each()'s rows under an alias. */
export function unpacked(alias: string, i: number, type: SqlType): string {
  const value = `${alias}.value->>${i}`;
  switch (type.kind) {
    case 'binary':
    case 'geometry':
      return `unhex(${value})`;
    // Numbers that do not fit an INTEGER are BLOBs.
    case 'int':
    case 'decimal':
    case 'bit':
    case 'set':
      return `CASE typeof(${value}) WHEN 'text' THEN unhex(${value}) ELSE ${value} END`;
    default:
      return `(${value})`;
  }
}

/** The aggregate that packs all rows of a query with columns of these types. */
export function packingRows(types: readonly SqlType[]): SqlFunction {
  const reals = types.map(({ kind }) => (kind === 'float' || kind === 'double' ? 'r' : '-')).join('');
  return {
    kind: 'aggregate',
    name: signatureName(`pack-rows(${reals})`),
    arity: types.length,
    make: () => ({
      start: () => [],
      step: (rows, ...values) => {
        (rows as string[]).push(packedRow(values, types));
        return rows;
      },
      result: (rows) => `[${(rows as string[]).join(',')}]`,
    }),
  };
}
