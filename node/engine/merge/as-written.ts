/** What a transaction says of rows, in the words of its tables' schemas when it was made, brought to those that they have now. */
import type { LogKey, LogValue, TableReference } from '../../log/index.ts';
import type { SqliteValue, SqlType, TableDef } from '../../sql/index.ts';
import type { Row } from '../../store/index.ts';
import type { EngineCore } from '../core.ts';
import type { TableRuntime } from '../table.ts';
import { earlierShape, shapeOf, type Shape } from './fits.ts';
import { Rejection } from './rejection.ts';

export const listed = (key: LogKey): readonly LogValue[] => (typeof key === 'object' ? key : [key]);

/** A column may have become NOT NULL since. Throws Rejection. */
export function checkNullable({ columns }: TableDef, place: number): void {
  const column = columns[place];
  if (column?.nullable === false) throw new Rejection('data', 1048, '23000', `Column '${column.name}' cannot be null`);
}

/** `reference`: which of the transaction's tables; `column`: its place in the table when the transaction was made. */
export class AsWritten {
  private readonly core: EngineCore;
  private readonly tables: readonly TableReference[];

  constructor(core: EngineCore, tables: readonly TableReference[]) {
    this.core = core;
    this.tables = tables;
  }

  /** The column's place in the table as it is; -1 where it is gone. */
  placeOf(table: TableDef, reference: number, column: number): number {
    const { id, version, columns } = this.tables[reference] as TableReference;
    if (version === table.version && id === table.id) return column;
    return table.columns.findIndex((c) => c.id === columns[column]);
  }

  /** A value of the column as it was, for the one at `place`. */
  converted(rt: TableRuntime, place: number, reference: number, column: number, value: LogValue): SqliteValue {
    const from = value === null ? undefined : this.typeWhenWritten(rt, place, reference, column);
    const { env } = this.core;
    return from ? env.atRewriteOf(rt.table, () => rt.convert[place]?.(value, from, env) ?? null) : value;
  }

  /** The column's type when the transaction was made; undefined when it is the same now. */
  typeWhenWritten(rt: TableRuntime, place: number, reference: number, column: number): SqlType | undefined {
    const { id, version, columns } = this.tables[reference] as TableReference;
    if (version === rt.table.version) return undefined;
    const from = this.core.schema.tableAt(id, version)?.columns.find((c) => c.id === columns[column])?.type;
    return from && JSON.stringify(from) !== JSON.stringify(rt.table.columns[place]?.type) ? from : undefined;
  }

  /** A key that a row had under the table's older schema, in a row of it as it is. */
  keyAsKnown(rt: TableRuntime, reference: number, key: LogKey): { row: Row; places: number[] } | undefined {
    const { table } = rt;
    const { id, version, columns } = this.tables[reference] as TableReference;
    const known = this.core.schema.tableAt(id, version)?.primary;
    const places = known?.map((column) => table.columns.findIndex((c) => c.id === column));
    if (!known || !places || places.includes(-1)) return undefined;
    const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
    for (const [i, value] of listed(key).entries()) {
      const place = places[i] as number;
      row[place] = this.converted(rt, place, reference, columns.indexOf(known[i] as number), value);
    }
    return { row, places };
  }

  /** A new row, as the table is now; generated columns are yet to be computed. Throws Rejection. */
  rowOf(rt: TableRuntime, reference: number, values: readonly LogValue[]): Row {
    const { table } = rt;
    if ((this.tables[reference] as TableReference).version === table.version) {
      for (const [place, value] of values.entries())
        if (value === null && !table.columns[place]?.generated) checkNullable(table, place);
      return [...values];
    }
    const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
    const given = new Set<number>();
    values.forEach((value, i) => {
      const place = this.placeOf(table, reference, i);
      if (place < 0 || table.columns[place]?.generated) return;
      row[place] = this.converted(rt, place, reference, i, value);
      if (row[place] === null) checkNullable(table, place);
      given.add(place);
    });
    for (let place = 0; place < row.length; place++)
      if (!given.has(place) && !table.columns[place]?.generated)
        row[place] = this.core.merging.addedValue(rt, place, row);
    // SQLite would give it a number of its own, another one on each node.
    if (rt.rowid >= 0 && row[rt.rowid] === null) checkNullable(table, rt.rowid);
    return row;
  }

  /** What the transaction's operations on the table must fit. */
  shapeOf(table: TableDef, reference: number): Shape {
    const { id, version, columns } = this.tables[reference] as TableReference;
    return version === table.version
      ? shapeOf(table)
      : earlierShape(this.core.schema.tableAt(id, version), table, columns);
  }
}
