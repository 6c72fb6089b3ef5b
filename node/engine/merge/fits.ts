/**
 * Whether what a transaction says fits the tables that it names. What this program writes always does; a member that lies may sign
 * anything, and what does not fit must not reach the state, nor whoever reads it.
 */
import type { ColumnChange, LogKey, LogValue, RowOperation } from '../../log/index.ts';
import { isWide, primaryKey, rowidColumn, type SqlType, type TableDef } from '../../sql/index.ts';
import type { TableVersion } from '../../store/index.ts';

const INT64 = 2n ** 63n;

const isInteger = (value: LogValue): value is number | bigint =>
  typeof value === 'bigint' ? value >= -INT64 && value < INT64 : Number.isSafeInteger(value);

/** Whether it lies in SQLite so, for a column of the type. What a text may say is not looked at. */
export function isStorable(type: SqlType, value: LogValue): boolean {
  if (value === null) return true;
  switch (type.kind) {
    case 'int': {
      if (type.bits === 64) return isInteger(value) || (type.unsigned && value instanceof Uint8Array);
      if (!isInteger(value)) return false;
      const least = type.unsigned ? 0 : -(2 ** (type.bits - 1));
      return value >= least && value < least + 2 ** type.bits;
    }
    case 'bit':
    case 'set':
      return isInteger(value) || value instanceof Uint8Array;
    case 'decimal':
      return type.precision <= 18 ? isInteger(value) : isWide(value);
    case 'float':
    case 'double':
      return typeof value === 'number' && Number.isFinite(value);
    case 'year':
    case 'time':
    case 'enum':
      return Number.isSafeInteger(value);
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'string':
    case 'json':
      return typeof value === 'string';
    case 'binary':
    case 'geometry':
      return value instanceof Uint8Array;
    case 'null':
      return false;
  }
}

/** Whether it can be added to a number: see addition.ts. */
const isAddend = ({ kind }: SqlType, value: LogValue): boolean => {
  const isReal = kind === 'float' || kind === 'double';
  return isReal && typeof value === 'number' ? Number.isFinite(value) : isInteger(value) || isWide(value);
};

/** How a table keys its rows: by the columns of its primary key, or by a rowid; and what its columns were, by their places. */
export interface Shape {
  readonly primary: readonly SqlType[] | undefined;
  readonly columns: readonly (SqlType | undefined)[];
  /** The table as it is: a key of one integer is a rowid, and an insert has values for all columns. */
  readonly isCurrent: boolean;
}

const shapes = new WeakMap<TableDef, Shape>();

export function shapeOf(table: TableDef): Shape {
  let shape = shapes.get(table);
  if (!shape) shapes.set(table, (shape = makeShape(table)));
  return shape;
}

function makeShape(table: TableDef): Shape {
  const primary = rowidColumn(table) ? undefined : primaryKey(table);
  const typeOf = (id: number): SqlType | undefined => table.columns.find((c) => c.id === id)?.type;
  return {
    primary: primary?.parts.flatMap((part) => typeOf(part.column) ?? []),
    columns: table.columns.map((c) => c.type),
    isCurrent: true,
  };
}

/** As an earlier version had it: its columns by the ids that the transaction names. */
export function earlierShape(known: TableVersion | undefined, table: TableDef, columns: readonly number[]): Shape {
  const typeOf = (id: number): SqlType | undefined =>
    (known?.columns.find((c) => c.id === id) ?? table.columns.find((c) => c.id === id))?.type;
  return {
    primary: known?.primary?.flatMap((id) => typeOf(id) ?? []),
    columns: columns.map(typeOf),
    isCurrent: false,
  };
}

export function fitsKey({ primary, isCurrent }: Shape, key: LogKey): boolean {
  if (typeof key !== 'object') return isInteger(key) && (!primary || (!isCurrent && primary.length === 1));
  return key.length === primary?.length && primary.every((type, i) => isStorable(type, key[i] ?? null));
}

const fitsChange = ({ columns }: Shape, { column, mode, value, base }: ColumnChange): boolean => {
  const type = columns[column];
  // It is passed over.
  if (!type) return true;
  return mode === 'add' ? isAddend(type, value) : isStorable(type, value) && isStorable(type, base ?? null);
};

export function fitsOperation(shape: Shape, operation: RowOperation): boolean {
  if (!fitsKey(shape, operation.key)) return false;
  if (operation.kind === 'delete') return true;
  if (operation.kind === 'move' && !fitsKey(shape, operation.newKey)) return false;
  if (!operation.changes.every((change) => fitsChange(shape, change))) return false;
  if (operation.kind !== 'insert') return true;
  const { values } = operation;
  if (shape.isCurrent && values.length !== shape.columns.length) return false;
  return values.every((value, i) => shape.columns[i] === undefined || isStorable(shape.columns[i], value));
}
