/** What a foreign key demands of its parent table when it is made. */
import { SqlError, type ForeignKeyDef, type IndexDef, type SqlType, type TableDef } from '../../sql/index.ts';
import { isOwnParent } from '../foreign-keys.ts';
import type { StatementContext } from '../statement-context.ts';

/** Throws 1824, 6125, 3780. Keys that the table had before, on columns of the same types, are not asked about again. */
export function checkForeignKeys(x: StatementContext, table: TableDef, before?: TableDef): void {
  const { core, state } = x.session;
  const lenient = state.variables.number('foreign_key_checks') === 0;
  for (const key of table.foreignKeys) {
    if (before && isAsBefore(key, table, before)) continue;
    const parent = isOwnParent(table, key) ? table : core.catalog.table(key.referencedDatabase, key.referencedTable);
    if (!parent) {
      if (lenient) continue;
      throw new SqlError(1824, 'HY000', `Failed to open the referenced table '${key.referencedTable}'`);
    }
    checkOne(table, key, parent);
  }
}

function isAsBefore(key: ForeignKeyDef, table: TableDef, before: TableDef): boolean {
  const typeIn = ({ columns }: TableDef, id: number): string => JSON.stringify(columns.find((c) => c.id === id)?.type);
  const ids = isOwnParent(table, key) ? table.columns.map(({ id }) => id) : key.columns;
  return (
    before.foreignKeys.some(({ id }) => id === key.id) && ids.every((id) => typeIn(table, id) === typeIn(before, id))
  );
}

/** Throws 1553 where an index went that a foreign key on this table needs. */
export function checkReferencedKeys(x: StatementContext, before: TableDef, after: TableDef): void {
  const gone = before.indexes.filter(({ id }) => !after.indexes.some((i) => i.id === id));
  if (gone.length === 0) return;
  for (const { foreignKey } of x.session.core.catalog.children(before.database, before.name)) {
    const ids = foreignKey.referencedColumns.map(
      (name) => before.columns.find((c) => c.name.toLowerCase() === name.toLowerCase())?.id,
    );
    const serves = ({ kind, parts }: IndexDef): boolean =>
      kind !== 'fulltext' && ids.every((id, i) => parts[i]?.column === id && parts[i]?.length === undefined);
    const lost = gone.find(serves);
    if (lost && !after.indexes.some(serves))
      throw new SqlError(1553, 'HY000', `Cannot drop index '${lost.name}': needed in a foreign key constraint`);
  }
}

function checkOne(table: TableDef, key: ForeignKeyDef, parent: TableDef): void {
  const parentColumns = key.referencedColumns.map((name) => {
    const column = parent.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
    if (!column)
      throw new SqlError(
        3734,
        'HY000',
        `Failed to add the foreign key constraint. Missing column '${name}' for constraint '${key.name}' in the referenced table '${parent.name}'`,
      );
    return column;
  });
  key.columns.forEach((id, i) => {
    const column = table.columns.find((c) => c.id === id);
    const other = parentColumns[i];
    if (column && other && !compatible(column.type, other.type)) {
      throw new SqlError(
        3780,
        'HY000',
        `Referencing column '${column.name}' and referenced column '${other.name}' in foreign key constraint '${key.name}' are incompatible.`,
      );
    }
  });
  const unique = parent.indexes.some(
    (index) =>
      (index.kind === 'primary' || index.kind === 'unique') &&
      index.parts.length === parentColumns.length &&
      parentColumns.every((c) => index.parts.some((p) => p.column === c.id && p.length === undefined)),
  );
  if (!unique) {
    throw new SqlError(
      6125,
      'HY000',
      `Failed to add the foreign key constraint. Missing unique key for constraint '${key.name}' in the referenced table '${parent.name}'`,
    );
  }
}

function compatible(a: SqlType, b: SqlType): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'int' && b.kind === 'int') return a.bits === b.bits && a.unsigned === b.unsigned;
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.precision === b.precision && a.scale === b.scale;
  if (a.kind === 'string' && b.kind === 'string') return a.collation === b.collation;
  return true;
}
