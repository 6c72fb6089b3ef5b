/** What a foreign key demands of its parent table when it is made. */
import { SqlError, type ForeignKeyDef, type SqlType, type TableDef } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';

/** Throws 1824, 6125, 3780; fills in the parent's key where the definition names no columns. */
export function checkForeignKeys(x: StatementContext, table: TableDef): void {
  const { core, state } = x.session;
  const lenient = state.variables.number('foreign_key_checks') === 0;
  for (const key of table.foreignKeys) {
    const parent =
      key.referencedDatabase === table.database && key.referencedTable === table.name
        ? table
        : core.catalog.table(key.referencedDatabase, key.referencedTable);
    if (!parent) {
      if (lenient) continue;
      throw new SqlError(1824, 'HY000', `Failed to open the referenced table '${key.referencedTable}'`);
    }
    checkOne(table, key, parent);
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
