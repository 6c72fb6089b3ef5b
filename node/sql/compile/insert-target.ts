/** What an INSERT writes into: a table, or a view whose columns are plainly those of one table. */
import type { ColumnDef, TableDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { ColumnRef, QualifiedName } from '../parser/index.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { rowRelation, targetTable, viewNamed } from './dml.ts';
import { makeRelation, unknownColumn, type Relation, type UpdatableView } from './scope.ts';
import { needsUnder, updatableView, viewColumns } from './updatable-view.ts';
import { containsKind } from './walk.ts';

export interface InsertTarget {
  readonly database: string;
  /** What the statement calls it. */
  readonly name: string;
  readonly table: TableDef;
  readonly view: UpdatableView | undefined;
  /** Its columns with their places in the table. */
  readonly columns: readonly { readonly name: string; readonly column: ColumnDef; readonly place: number }[];
}

export function insertTarget(c: Compiler, name: QualifiedName, operation: string): InsertTarget {
  const definition = c.settings.target ? undefined : viewNamed(c, name);
  if (!definition) {
    const table = c.settings.target ?? targetTable(c, name, operation);
    const columns = table.columns
      .map((column, place) => ({ name: column.name, column, place }))
      .filter(({ column }) => !column.hidden);
    return { database: table.database, name: table.name, table, view: undefined, columns };
  }
  c.mayName('insert', definition.database, definition.name);
  const notInsertable = (): SqlError =>
    new SqlError(1471, 'HY000', `The target table ${definition.name} of the INSERT is not insertable-into`);
  const view = updatableView(c, definition);
  if (!view) {
    const { body } = c.settings.parseView(definition).query;
    if (body.kind === 'select' && (body.from.length > 1 || body.from[0]?.kind === 'join'))
      throw unsupported(`${operation} into a view of several tables`);
    throw notInsertable();
  }
  const { table } = view;
  const bounds = c.withoutReads(() => viewColumns(c, view, (alias) => rowRelation(table, alias, 'oldRow', c)));
  const columns = bounds.map(({ name: viewName, bound }) => {
    const place = table.columns.findIndex(({ id }) => id === bound.column?.columnId);
    const column = table.columns[place];
    if (!column) throw notInsertable();
    return { name: viewName, column, place };
  });
  const places = new Set(columns.map(({ place }) => place));
  if (places.size < columns.length || containsKind(view.select.items, 'query')) throw notInsertable();
  if (table.columns.some((column, i) => !places.has(i) && needsValue(column)))
    throw new SqlError(
      1423,
      'HY000',
      `Field of view '${definition.database}.${definition.name}' underlying table doesn't have a default value`,
    );
  return { database: definition.database, name: definition.name, table, view, columns };
}

const needsValue = (column: ColumnDef): boolean =>
  !column.nullable && !column.default && !column.autoIncrement && !column.generated && !column.hidden;

/** The place in the table that a name of the statement means. */
export function placeOf(target: InsertTarget, ref: ColumnRef): number {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  const found = target.columns.find(({ name }) => same(name, ref.name));
  if (!found || (ref.table !== undefined && !same(ref.table, target.name))) throw unknownColumn(ref, 'field list');
  return found.place;
}

/** Notes what the account, and behind a view its definer, must be allowed to do. */
export function needsOnTarget(c: Compiler, target: InsertTarget, privilege: 'insert' | 'update', place?: number): void {
  const { database, name, view } = target;
  const named = target.columns.find((column) => column.place === place);
  c.needs(privilege, database, name, named?.name);
  if (view) needsUnder(c, view, privilege, named?.column.name);
}

/** The row at hand under the target's names of its columns. */
export function targetRow(
  target: InsertTarget,
  alias: string,
  source: 'oldRow' | 'newRow',
  c: Compiler,
  base?: Relation['base'],
): Relation {
  const row = rowRelation(target.table, alias, source, c, base);
  if (!target.view) return row;
  const byId = new Map(row.columns.map(({ bound }) => [bound.column?.columnId, bound]));
  return makeRelation({
    ...row,
    database: target.database,
    columns: target.columns.flatMap(({ name, column }) => {
      const bound = byId.get(column.id);
      return bound ? [{ name, bound }] : [];
    }),
  });
}
