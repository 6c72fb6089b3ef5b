/** What storing rows into one table needs, compiled once for each version of its definition. */
import {
  columnName,
  indexPartSql,
  ROWID,
  rowidColumn,
  rowExpression,
  rowRelation,
  sortKey,
  storeConverter,
  tableName,
  parseExpression,
  unqualified,
  isBinaryCollation,
  type ColumnDef,
  type Compiler,
  type ForeignKeyDef,
  type IndexDef,
  type RowExpression,
  type SqliteValue,
  type SqlType,
  type StoreContext,
  type TableDef,
} from '../sql/index.ts';
import type { Row } from '../store/index.ts';
import { isUnsafeDefault } from './ddl/allowed-expressions.ts';

type Converter = (value: SqliteValue, from: SqlType, ctx: StoreContext) => SqliteValue;

export interface UniqueKey {
  readonly index: IndexDef;
  /** Places of its columns in a row. */
  readonly places: readonly number[];
  /** SQLite's text that finds a row by this key; one parameter a part. */
  readonly find: string;
  /** The key of a row as text for locks, or undefined when a part is NULL (then it is no duplicate of anything). */
  keyOf(row: Row): string | undefined;
  /** The row's values for `find`. */
  valuesOf(row: Row): SqliteValue[];
  /** The integer primary key, which is the rowid. */
  readonly isRowid: boolean;
}

export type DefaultValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'constant'; readonly value: SqliteValue; readonly from: SqlType }
  | { readonly kind: 'now'; readonly fsp: number }
  | { readonly kind: 'expression'; readonly expression: RowExpression; readonly isUnsafe: boolean };

export interface TableRuntime {
  readonly table: TableDef;
  readonly convert: readonly Converter[];
  readonly defaults: readonly DefaultValue[];
  /** Places of columns whose default is an expression, which may name other columns. */
  readonly computedDefaults: readonly number[];
  /** Generated columns in the order of the table. */
  readonly generated: readonly { readonly place: number; readonly expression: RowExpression }[];
  readonly checks: readonly { readonly name: string; readonly expression: RowExpression }[];
  readonly unique: readonly UniqueKey[];
  readonly autoIncrement: number;
  readonly rowid: number;
  readonly onUpdateNow: readonly { readonly place: number; readonly fsp: number }[];
  readonly foreignKeys: readonly ForeignKeyDef[];
}

const TEXT: SqlType = { kind: 'string', family: 'varchar', length: 65535, collation: 'utf8mb4_0900_ai_ci' };

export function makeTableRuntime(table: TableDef, fresh: (table: TableDef) => Compiler): TableRuntime {
  const expression = (text: string, clause: string): RowExpression =>
    rowExpression(
      fresh(table),
      (c) => [rowRelation(table, table.name, 'oldRow', c)],
      // Tables that an earlier version made may say the table's name, which may be another one by now.
      unqualified(parseExpression(text)),
      clause,
    );
  const defaultExpression = (text: string): RowExpression => expression(text, 'default value expression');
  const rowid = rowidColumn(table);
  return {
    table,
    convert: table.columns.map((c) => numbers(storeConverter({ name: c.name, type: c.type }))),
    defaults: table.columns.map((c) => defaultOf(c, defaultExpression)),
    computedDefaults: table.columns.flatMap((c, place) => (c.default?.kind === 'expression' ? [place] : [])),
    generated: table.columns.flatMap((c, place) =>
      c.generated
        ? [
            {
              place,
              expression: expression(
                c.generated.expression,
                c.hidden ? 'functional index' : 'generated column function',
              ),
            },
          ]
        : [],
    ),
    checks: table.checks
      .filter((check) => check.enforced)
      .map(({ name, expression: text }) => ({
        name,
        expression: expression(text, `check constraint ${name} expression`),
      })),
    unique: table.indexes
      .filter((i) => i.kind === 'primary' || i.kind === 'unique')
      .map((index) => uniqueKey(table, index, rowid)),
    autoIncrement: table.columns.findIndex((c) => c.autoIncrement),
    rowid: rowid ? table.columns.indexOf(rowid) : -1,
    onUpdateNow: table.columns.flatMap((c, place) =>
      c.onUpdateNow === undefined ? [] : [{ place, fsp: c.onUpdateNow }],
    ),
    foreignKeys: table.foreignKeys,
  };
}

/** Integers that are safe as numbers are numbers: rows are compared and keyed by value. */
function numbers(convert: Converter): Converter {
  return (value, from, ctx) => {
    const stored = convert(value, from, ctx);
    return typeof stored === 'bigint' && stored >= -9007199254740991n && stored <= 9007199254740991n
      ? Number(stored)
      : stored;
  };
}

function defaultOf(column: ColumnDef, expression: (text: string) => RowExpression): DefaultValue {
  const d = column.default;
  // Tables whose key was modified by an earlier version say NULL for it.
  if (!d || (d.kind === 'null' && !column.nullable))
    return column.nullable ? { kind: 'constant', value: null, from: { kind: 'null' } } : { kind: 'none' };
  switch (d.kind) {
    case 'null':
      return { kind: 'constant', value: null, from: { kind: 'null' } };
    case 'now':
      return { kind: 'now', fsp: d.fsp };
    case 'expression':
      return { kind: 'expression', expression: expression(d.text), isUnsafe: isUnsafeDefault(column) };
    case 'value':
      return { kind: 'constant', ...defaultText(d.text, column.type) };
  }
}

/** A stored default in the form of an expression's value: bytes for binary columns, bits for BIT, text for all else. */
export function defaultText(text: string, type: SqlType): { value: SqliteValue; from: SqlType } {
  if (type.kind === 'bit')
    return {
      value: BigInt(`0b${/[01]+/.exec(text.replace(/^b'/, ''))?.[0] ?? '0'}`),
      from: { kind: 'int', bits: 64, unsigned: true },
    };
  if (type.kind === 'binary' && /^0x/i.test(text))
    return { value: Uint8Array.from(text.slice(2).match(/../g) ?? [], (h) => parseInt(h, 16)), from: type };
  return { value: text, from: TEXT };
}

function uniqueKey(table: TableDef, index: IndexDef, rowid: ColumnDef | undefined): UniqueKey {
  const places = index.parts.map((p) => table.columns.findIndex((c) => c.id === p.column));
  const isRowid = index.kind === 'primary' && rowid !== undefined;
  const columns = places.map((p) => table.columns[p] as ColumnDef);
  // Looking up by the same expression that the index is on; the parameter goes through the same function.
  const terms = index.parts.map((p, i) => {
    const sql = isRowid ? ROWID : indexPartSql(table, p);
    const name = columnName((columns[i] as ColumnDef).id);
    return `${sql}=${isRowid ? '?' : sql.replace(name, '?')}`;
  });
  const keys = index.parts.map((p, i) => partKey((columns[i] as ColumnDef).type, p.length));
  return {
    index,
    places,
    isRowid,
    find: `SELECT ${ROWID} FROM ${tableName(table)} WHERE ${terms.join(' AND ')}`,
    valuesOf: (row) => places.map((p) => row[p] ?? null),
    keyOf: (row) => {
      let key = '';
      for (const [i, place] of places.entries()) {
        const value = row[place];
        if (value === null || value === undefined) return undefined;
        key += `${(keys[i] as (v: SqliteValue) => string)(value)}\u0000`;
      }
      return key;
    },
  };
}

export function partKey(type: SqlType, length: number | undefined): (value: SqliteValue) => string {
  if (type.kind === 'string') {
    const cut = (s: string): string => (length === undefined ? s : [...s].slice(0, length).join(''));
    if (isBinaryCollation(type.collation))
      return (v) => (type.collation.endsWith('_0900_bin') ? cut(String(v)) : cut(String(v)).replace(/ +$/, ''));
    const key = sortKey(type.collation);
    return (v) => key(cut(String(v)));
  }
  return (v) =>
    v instanceof Uint8Array
      ? Buffer.from(length === undefined ? v : v.subarray(0, length)).toString('latin1')
      : String(v);
}
