/** Copies a table's rows into its next generation, each through the new definition's conversions, keys and CHECKs. */
import { STEP_ROWS, type Steps } from '../consistency/index.ts';
import { primaryKey, rowidColumn, type ColumnDef, type SqliteValue, type TableDef } from '../sql/index.ts';
import { isConstraintError, type Row } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { Dml } from './dml.ts';
import { DUPLICATE, duplicateEntry } from './row-store.ts';
import type { TableRuntime } from './table.ts';
import { DirectWriter } from './writer.ts';

const RESEQUENCED = 'ALTER TABLE causes auto_increment resequencing, resulting in duplicate entry';

/**
 * The next generation must exist in SQLite already, empty. `numbersZeros`: 0 in its AUTO_INCREMENT column asks for a value. Throws what a
 * row that does not fit says.
 */
export function* copyRows(core: EngineCore, old: TableDef, next: TableDef, numbersZeros: boolean): Steps<void> {
  const rt = core.tables.make(next);
  const { env } = core;
  const from = next.columns.map((column) => old.columns.findIndex((c) => c.id === column.id));
  const convert = next.columns.map((column, i) => conversionOf(core, rt, old.columns[from[i] ?? -1], column, i));
  const writer = new DirectWriter(core.state, core.locks, undefined);
  const dml = new Dml({ ...core.schemaDmlContext(), noAutoValueOnZero: !numbersZeros, writer });
  let number = 0;
  const hasOwnRowids = primaryKey(old) !== undefined && !rowidColumn(old);
  for (const { rowid, row } of hasOwnRowids ? core.state.scanByKey(old) : core.state.scan(old)) {
    env.row = ++number;
    if (number % STEP_ROWS === 0) yield;
    const made: Row = new Array<SqliteValue>(next.columns.length).fill(null);
    env.atRewriteOf(next, () => {
      for (const [i, place] of from.entries()) {
        const column = next.columns[i] as TableDef['columns'][number];
        if (column.generated) continue;
        const value = place < 0 ? undefined : (row[place] ?? null);
        if (value === undefined) made[i] = dml.added(rt, i, made);
        else if (value === null)
          made[i] = column.nullable || column.autoIncrement ? null : dml.nullAltered(column.name, rt, i);
        else made[i] = convert[i]?.(value) ?? null;
      }
    });
    dml.complete(rt, made);
    // Without a primary key the rowid is the row's key, and must be the same on every node.
    const id = rt.rowid >= 0 ? (made[rt.rowid] as number) : hasOwnRowids && !primaryKey(next) ? number : rowid;
    try {
      core.state.apply({ table: next, rowid: id, before: undefined, after: made });
    } catch (error) {
      if (!isConstraintError(error)) throw error;
      const key = writer.duplicateOf(rt, made, undefined)?.key ?? rt.unique[0];
      const isNumbered = key === rt.unique[0] && key?.places[0] === rt.autoIncrement;
      throw duplicateEntry(rt, key, made, isNumbered ? RESEQUENCED : DUPLICATE);
    }
  }
}

/** What a column's values become under its new definition. */
function conversionOf(
  core: EngineCore,
  rt: TableRuntime,
  old: ColumnDef | undefined,
  next: ColumnDef,
  place: number,
): (value: SqliteValue) => SqliteValue {
  if (!old || JSON.stringify(old.type) === JSON.stringify(next.type)) return (value) => value;
  return (value) => rt.convert[place]?.(value, old.type, core.env) ?? null;
}
