/** Rows that come from another group by a schema change: as JSON, and into their table. */
import type { MovedRow, MovedValue, SqliteValue, TableDef } from '../sql/index.ts';
import { SqlError } from '../sql/index.ts';
import type { Row, RowId } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { DirectWriter, DuplicateError } from './writer.ts';

export const movedRow = (rowid: RowId, row: Row): MovedRow => [rowid, ...row].map(toJson);

function toJson(value: SqliteValue): MovedValue {
  if (typeof value === 'bigint') return { int: String(value) };
  if (value instanceof Uint8Array) return { blob: Buffer.from(value).toString('base64') };
  return Object.is(value, -0) ? { zero: '-' } : value;
}

function fromJson(value: MovedValue): SqliteValue {
  if (value === null || typeof value !== 'object') return value;
  if ('int' in value) return BigInt(value.int);
  return 'blob' in value ? new Uint8Array(Buffer.from(value.blob, 'base64')) : -0;
}

/** All of them or none: they lay together like this before. Throws SqlError. */
export function putRows(core: EngineCore, table: TableDef, rows: readonly MovedRow[]): void {
  const rt = core.runtimeOf(table);
  const writer = new DirectWriter(core.state, core.locks, undefined);
  const mark = writer.mark();
  try {
    for (const moved of rows) {
      const [rowid, ...row] = moved.map(fromJson);
      writer.nextRowid = rowid as RowId;
      writer.insert(rt, row);
    }
  } catch (error) {
    writer.rollbackTo(mark);
    if (!(error instanceof DuplicateError)) throw error;
    throw new SqlError(1062, '23000', `Duplicate entry for key '${table.name}.${error.key?.index.name ?? ''}'`);
  }
}
