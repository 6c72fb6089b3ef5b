/** Base tables in FROM: their columns, and their rows as the transaction sees them. */
import {
  columnName,
  primaryKey,
  ROWID,
  rowidColumn,
  tableName,
  type ColumnDef,
  type TableDef,
} from '../catalog/index.ts';
import { Bound, COERCIBILITY } from './bound.ts';
import type { Compiler } from './compiler.ts';
import type { TableRef } from '../parser/index.ts';
import { SqlError } from '../types/index.ts';
import { makeRelation, type Relation, type RelationColumn } from './scope.ts';

/** A part of FROM that is one relation. */
export interface NamedRelation {
  readonly sql: string;
  readonly relation: Relation;
}

/** The columns of a base table under an alias of SQLite's text. */
export function baseColumns(table: TableDef, name: string, alias: string): RelationColumn[] {
  return table.columns
    .filter((column) => !column.hidden)
    .map((column) => ({
      name: column.name,
      ...(column.invisible && { invisible: true }),
      bound: new Bound(`${name}.${columnName(column.id)}`, {
        type: column.type,
        nullable: column.nullable,
        coercibility: COERCIBILITY.implicit,
        column: {
          database: table.database,
          alias,
          table: table.name,
          name: column.name,
          tableId: table.id,
          columnId: column.id,
        },
      }),
    }));
}

/** The column that `_rowid` means: the integer of the primary key or, where there is none, of the first unique one without NULL. */
function rowKeyOf(table: TableDef): number | undefined {
  const column = (id: number | undefined): ColumnDef | undefined => table.columns.find((c) => c.id === id);
  const unique = table.indexes.find(
    ({ kind, parts }) => kind === 'unique' && parts.every((part) => column(part.column)?.nullable === false),
  );
  const [part, more] = (primaryKey(table) ?? unique)?.parts ?? [];
  return more === undefined && column(part?.column)?.type.kind === 'int' ? part?.column : undefined;
}

/** Hints choose nothing here, but an index that they name is there: a name is also what one alone begins with. Throws 1176. */
function checkHints(table: TableDef, alias: string, hints: TableRef['indexHints']): void {
  for (const name of hints.flatMap(({ indexes }) => indexes)) {
    const written = name.toLowerCase();
    const names = table.indexes.map((index) => index.name.toLowerCase());
    if (names.includes(written) || names.filter((one) => one.startsWith(written)).length === 1) continue;
    throw new SqlError(1176, '42000', `Key '${name}' doesn't exist in table '${alias}'`);
  }
}

export function baseSource(
  c: Compiler,
  table: TableDef,
  alias: string,
  hints: TableRef['indexHints'] = [],
): NamedRelation {
  checkHints(table, alias, hints);
  const name = c.alias();
  c.tables.push({ table, alias: name, name: alias });
  c.needs('select', table.database, table.name);
  const columns = baseColumns(table, name, alias);
  const key = rowKeyOf(table);
  const relation = makeRelation({
    alias,
    database: table.database,
    base: { database: table.database, table: table.name },
    columns,
    rowKey: columns.find(({ bound }) => bound.column?.columnId === key),
    rowid: `${name}.${ROWID}`,
  });
  return { sql: `${sourceText(c, table)} AS ${name}`, relation };
}

/** Rows of a table as the transaction sees them: where rows differ from what lies in SQLite, they stand in a table beside it. */
export function sourceText(c: Compiler, table: TableDef): string {
  if (!c.settings.overlaid(table)) return tableName(table);
  const rowid = rowidColumn(table);
  const names = table.columns.map((column) => columnName(column.id));
  // Beside the table the integer primary key is the overlay's rowid too.
  const own = [ROWID, ...names].join(',');
  const beside = [
    ROWID,
    ...table.columns.map((column, i) => (column.id === rowid?.id ? `${ROWID} AS ${names[i] ?? ''}` : names[i])),
  ].join(',');
  const overlay = overlayName(table);
  return (
    `(SELECT ${own} FROM ${tableName(table)} WHERE ${ROWID} NOT IN (SELECT ${ROWID} FROM ${overlay})` +
    ` UNION ALL SELECT ${beside} FROM ${overlay} WHERE present)`
  );
}

/** The table beside a table, in SQLite's temporary schema: `_rowid_`, `present`, and the columns. */
export const overlayName = (table: TableDef): string => `temp.o${table.id}_${table.generation}`;
