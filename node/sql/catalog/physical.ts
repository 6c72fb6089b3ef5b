/**
 * How a table lies in SQLite. Every table is a rowid table `t<id>_<generation>` with columns `c<id>`, so that renaming
 * touches only the catalog. An integer primary key is the rowid itself; every other key, the primary one too, is an
 * index, on the collation's sort key where the collation is not SQLite's own byte order.
 */
import type { SqlType } from '../types/index.ts';
import { collationId, isBinaryCollation } from '../values/index.ts';
import { columnById, rowidColumn } from './catalog.ts';
import type { IndexDef, IndexPartDef, TableDef } from './definitions.ts';

export const tableName = (table: Pick<TableDef, 'id' | 'generation' | 'temporary'>): string =>
  `${table.temporary ? 'temp.' : ''}t${table.id}_${table.generation}`;

export const columnName = (id: number): string => `c${id}`;

/** `rowid` under a name that no user's column can take. */
export const ROWID = '_rowid_';

export const indexName = (table: Pick<TableDef, 'id' | 'generation'>, index: { id: number }): string =>
  `i${table.id}_${table.generation}_${index.id}`;

/** SQLite function that gives a text's sort key under a collation. */
export const sortKeyFunction = (collation: string): string => `k${collationId(collation)}`;

/** The SQL expression that orders and compares `sql`, a text of that collation. */
export function sortKeySql(collation: string, sql: string): string {
  if (isBinaryCollation(collation)) return collation.endsWith('_0900_bin') ? sql : `rtrim(${sql},' ')`;
  return `${sortKeyFunction(collation)}(${sql})`;
}

/** Affinity of a column: none where both INTEGER and BLOB can stand. */
export function affinity(type: SqlType): string {
  switch (type.kind) {
    case 'int':
      return type.bits === 64 && type.unsigned ? '' : 'INTEGER';
    case 'bit':
    case 'set':
      return '';
    case 'decimal':
      return type.precision <= 18 ? 'INTEGER' : 'BLOB';
    case 'float':
    case 'double':
      return 'REAL';
    case 'year':
    case 'time':
    case 'enum':
      return 'INTEGER';
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'string':
    case 'json':
      return 'TEXT';
    case 'binary':
    case 'geometry':
    case 'null':
      return 'BLOB';
  }
}

/** The expression of an index part over the columns of its own table. */
export function indexPartSql(table: TableDef, part: IndexPartDef): string {
  const column = columnById(table, part.column);
  if (!column) throw new Error(`index part names column ${part.column}, which table ${table.name} does not have`);
  const sql = columnName(column.id);
  if (column.type.kind === 'string')
    return sortKeySql(column.type.collation, part.length === undefined ? sql : `substr(${sql},1,${part.length})`);
  if (column.type.kind === 'binary' && part.length !== undefined) return `substr(${sql},1,${part.length})`;
  return sql;
}

export function createTableSql(table: TableDef): string {
  const rowid = rowidColumn(table);
  const columns = table.columns.map((c) =>
    c.id === rowid?.id ? `${columnName(c.id)} INTEGER PRIMARY KEY` : `${columnName(c.id)} ${affinity(c.type)}`,
  );
  return `CREATE TABLE ${tableName(table)}(${columns.join(',')})`;
}

/** Undefined for an index that has no form of its own in SQLite. */
export function createIndexSql(table: TableDef, index: IndexDef): string | undefined {
  if (index.kind === 'fulltext' || index.kind === 'spatial') return undefined;
  if (index.kind === 'primary' && rowidColumn(table)) return undefined;
  // A prefix of a non-unique index only saves space in MySQL; a full one gives the same answers.
  const unique = index.kind !== 'index';
  const parts = index.parts.map((p) => {
    const { length, ...whole } = p;
    const sql = indexPartSql(table, unique && length !== undefined ? p : whole);
    return p.descending ? `${sql} DESC` : sql;
  });
  const schema = table.temporary ? 'temp.' : '';
  return `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${schema}${indexName(table, index)} ON ${tableName(table).replace('temp.', '')}(${parts.join(',')})`;
}
