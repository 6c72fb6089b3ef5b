/** The rows of a table between bounds, as a transaction at level `final` saw them. */
import type { Bounds, Digest, LogValue } from '../../log/index.ts';
import { columnName, sortKeySql, type ColumnDef, type TableDef } from '../../sql/index.ts';
import { addDigests, hashOf, NO_DIGEST, type Row, type State } from '../../store/index.ts';
import { partKey } from '../table.ts';

/** Of more rows than that a transaction has seen the whole table: each node looks through them again. */
const ROWS_MAX = 500;
const INT64 = 2n ** 63n;

/** Sum of the hashes of the rows within all of the bounds; undefined where there are too many of them. */
export function digestWithin(state: State, table: TableDef, bounds: readonly Bounds[]): Digest | undefined {
  const terms: string[] = [];
  const values: LogValue[] = [];
  const term = (sql: string, value: LogValue): void => {
    terms.push(sql);
    values.push(value);
  };
  for (const { column, low, high } of bounds) {
    const { id, type } = table.columns[column] as ColumnDef;
    const name = columnName(id);
    if (type.kind === 'string') term(`${sortKeySql(type.collation, name)}=${sortKeySql(type.collation, '?')}`, low);
    else if (low === high) term(`${name}=?`, low);
    else {
      if (low !== null) term(`${name}>=?`, low);
      if (high !== null) term(`${name}<=?`, high);
    }
  }
  const rows = state.where(table, terms.join(' AND '), values, ROWS_MAX + 1);
  if (rows.length > ROWS_MAX) return undefined;
  return rows.reduce((sum, { rowid, row }) => addDigests(sum, hashOf(table, rowid, row)), NO_DIGEST);
}

/** Whether a row lies within all of the bounds. */
export const isWithin = (table: TableDef, bounds: readonly Bounds[], row: Row): boolean =>
  bounds.every(({ column, low, high }) => {
    const { type } = table.columns[column] as ColumnDef;
    const value = row[column] ?? null;
    if (value === null) return false;
    if (type.kind === 'string') {
      const key = partKey(type, undefined);
      return key(value) === key(low);
    }
    // Integers beyond 63 bits are bytes, above all others.
    if (value instanceof Uint8Array) return high === null;
    return (low === null || value >= low) && (high === null || value <= high);
  });

/** Whether it can be compared with what lies in the table; a member may sign anything. */
export const fitsBounds = (table: TableDef, bounds: readonly Bounds[]): boolean =>
  bounds.every(({ column, low, high }) => {
    const kind = table.columns[column]?.type.kind;
    if (kind === 'string') return typeof low === 'string' && low === high;
    return kind === 'int' && (low !== null || high !== null) && isBound(low) && isBound(high);
  });

const isBound = (value: LogValue): boolean =>
  value === null || Number.isSafeInteger(value) || (typeof value === 'bigint' && value >= -INT64 && value < INT64);
