import type { SqliteValue, SqlType } from '../types/index.ts';
import { sqlError } from './context.ts';
import type { StoreContext } from './context.ts';
import { storeBinary, storeJson, storeText } from './store-text.ts';
import { storeBit, storeDecimal, storeInt, storeReal, storeYear } from './store-number.ts';
import { storeDate, storeDateTime, storeTime } from './store-time.ts';
import { storeEnum, storeSet } from './store-enum.ts';

/**
 * Storing a value into a column: the value of an expression, in its own type's form, becomes the column's. In strict
 * mode a value that does not fit is an error; otherwise the nearest one that fits is stored, with a warning.
 *
 * NULL passes: whether the column takes it is the caller's business.
 */
export interface StoredColumn {
  readonly name: string;
  readonly type: SqlType;
  /** Stands in the messages of JSON columns. */
  readonly table?: string;
}

/** Converts values (other than NULL) of one type for one column. */
export type StoreFrom = (value: SqliteValue, ctx: StoreContext) => SqliteValue;

export type StoreConverter = (value: SqliteValue, from: SqlType, ctx: StoreContext) => SqliteValue;

function converterFrom(column: StoredColumn, from: SqlType): StoreFrom {
  const { type } = column;
  switch (type.kind) {
    case 'int':
      return storeInt(column, type, from);
    case 'decimal':
      return storeDecimal(column, type, from);
    case 'float':
    case 'double':
      return storeReal(column, type, from);
    case 'bit':
      return storeBit(column, type.length, from);
    case 'year':
      return storeYear(column, from);
    case 'date':
      return storeDate(column, from);
    case 'datetime':
    case 'timestamp':
      return storeDateTime(column, type, from);
    case 'time':
      return storeTime(column, type.fsp, from);
    case 'string':
      return storeText(column, type, from);
    case 'binary':
      return storeBinary(column, type, from);
    case 'enum':
      return storeEnum(column, type, from);
    case 'set':
      return storeSet(column, type, from);
    case 'json':
      return storeJson(column, from);
    case 'geometry':
      return (value) => {
        if (value instanceof Uint8Array) return value;
        throw sqlError(1416, 'Cannot get geometry object from data you send to the GEOMETRY field');
      };
    case 'null':
      return (value) => value;
  }
}

/** The converter of a column. It remembers the type that it met last, so types are best passed by the same object. */
export function storeConverter(column: StoredColumn): StoreConverter {
  let lastFrom: SqlType | undefined;
  let convert: StoreFrom = (value) => value;
  return (value, from, ctx) => {
    if (value === null) return null;
    if (from !== lastFrom) {
      convert = converterFrom(column, from);
      lastFrom = from;
    }
    return convert(value, ctx);
  };
}
