/** The invisible primary key that sql_generate_invisible_primary_key gives a table, and what ALTER TABLE may do to it. */
import { primaryKey, SqlError, type AlterAction, type ColumnDef, type TableDef } from '../../sql/index.ts';

export const ROW_ID = 'my_row_id';

/** The column of a generated key: the first, of its name and type, unseen, alone the primary key. */
function generatedKey(table: TableDef): ColumnDef | undefined {
  const column = table.columns[0];
  if (column?.name !== ROW_ID || column.invisible !== true || column.autoIncrement !== true) return undefined;
  const { type } = column;
  if (type.kind !== 'int' || type.bits !== 64 || !type.unsigned) return undefined;
  const key = primaryKey(table);
  return key?.parts.length === 1 && key.parts[0]?.column === column.id ? column : undefined;
}

/** Whether the table has a primary key, or a unique one over columns that are never NULL. */
function tellsRowsApart(table: TableDef): boolean {
  const never = (id: number | undefined): boolean => table.columns.some((c) => c.id === id && !c.nullable);
  return table.indexes.some(
    ({ kind, parts }) => kind === 'primary' || (kind === 'unique' && parts.every((p) => never(p.column))),
  );
}

const dropsPrimaryKey = (action: AlterAction): boolean =>
  action.kind === 'dropPrimaryKey' || (action.kind === 'dropIndex' && action.name.toUpperCase() === 'PRIMARY');

/** Whether the action gives the column of that name a place. */
const places = (action: AlterAction, name: string): boolean =>
  (action.kind === 'changeColumn' || action.kind === 'modifyColumn') &&
  action.place !== undefined &&
  (action.kind === 'changeColumn' ? action.name : action.column.name).toLowerCase() === name;

/** A generated key stays the first column, whatever was added in front of it. */
export function keepFirst(before: TableDef, columns: ColumnDef[]): void {
  const at = columns.findIndex((c) => c.id === generatedKey(before)?.id);
  if (at > 0 && columns[at]?.invisible === true) columns.unshift(...columns.splice(at, 1));
}

/** Throws 1235, 4110, 4111. `generates`: sql_generate_invisible_primary_key. */
export function checkGeneratedKey(
  before: TableDef,
  after: TableDef,
  actions: readonly AlterAction[],
  generates: boolean,
): void {
  if (generates && tellsRowsApart(before) && !tellsRowsApart(after)) {
    throw new SqlError(
      1235,
      '42000',
      "This version of P2PDB doesn't yet support 'an operation that leaves the table without a PRIMARY KEY or a UNIQUE NOT NULL key while @@sql_generate_invisible_primary_key=ON'",
    );
  }
  const key = generatedKey(before);
  const left = key && after.columns.find((c) => c.id === key.id || c.name === ROW_ID);
  if (key === undefined || left === undefined) return;
  if (actions.some(dropsPrimaryKey)) {
    throw new SqlError(
      4111,
      'HY000',
      'Please drop primary key column to be able to drop generated invisible primary key.',
    );
  }
  const changed = JSON.stringify({ ...left, invisible: true }) !== JSON.stringify({ ...key, invisible: true });
  if (changed || actions.some((a) => places(a, ROW_ID))) {
    throw new SqlError(4110, 'HY000', `Altering generated invisible primary key column '${key.name}' is not allowed.`);
  }
}
