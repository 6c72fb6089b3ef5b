/** Views that rows can be changed through: their columns, their condition and their CHECK OPTION in terms of the base table. */
import { columnName, ROWID, type TableDef, type ViewDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { TableRef } from '../parser/index.ts';
import { baseColumns, sourceText, type NamedRelation } from './base-table.ts';
import type { Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { truth } from './operators.ts';
import { makeRelation, Scope, type Relation, type RelationColumn, type UpdatableView } from './scope.ts';
import { containsAggregate, containsKind, namesTable } from './walk.ts';

/** Undefined for a view whose rows are not rows of one table. */
export function updatableView(c: Compiler, view: ViewDef): UpdatableView | undefined {
  const { query, text } = c.settings.parseView(view);
  const { body } = query;
  if (view.algorithm === 'TEMPTABLE' || query.with || query.limit || body.kind !== 'select') return undefined;
  const [from, other] = body.from;
  if (from?.kind !== 'table' || other || body.options.includes('distinct')) return undefined;
  if (body.groupBy.length > 0 || body.having || body.windows.length > 0) return undefined;
  if (containsAggregate(body.items) || containsKind(body.items, 'windowFunction')) return undefined;
  const over = relationUnder(c, view, from);
  if (!over) return undefined;
  const table = 'table' in over ? over.table : over;
  if (namesTable(body.where, table, view.database)) return undefined;
  return { view, text, select: body, alias: from.alias ?? from.name, over, table };
}

function relationUnder(c: Compiler, view: ViewDef, from: TableRef): TableDef | UpdatableView | undefined {
  const database = from.schema ?? view.database;
  const inner = c.catalog.view(database, from.name);
  return inner ? c.insideView(view, view.select, () => updatableView(c, inner)) : c.catalog.table(database, from.name);
}

/** The columns of a view, made of those of its table; `base` gives these under the name that the view uses. */
export function viewColumns(c: Compiler, u: UpdatableView, base: (alias: string) => Relation): RelationColumn[] {
  const scope = new Scope();
  const under = relationOf(c, u, base);
  scope.relations = [under];
  const bounds = c.insideView(u.view, u.text, () =>
    u.select.items.flatMap((item) =>
      item.kind === 'item'
        ? [c.expr(scope, item.expr, 'field list')]
        : under.columns.filter(({ invisible }) => !invisible).map(({ bound }) => bound),
    ),
  );
  return u.view.columns.map((name, i) => ({ name, bound: bounds[i] as Bound }));
}

/** What a view reads, under the name that it uses. */
function relationOf(c: Compiler, u: UpdatableView, base: (alias: string) => Relation): Relation {
  if (!('view' in u.over)) return base(u.alias);
  const { view } = u.over;
  const columns = viewColumns(c, u.over, base);
  return makeRelation({
    alias: u.alias,
    database: view.database,
    base: { database: view.database, table: view.name },
    columns,
  });
}

/** The conditions of a view and of those under it, outermost first. */
function conditions(c: Compiler, u: UpdatableView, base: (alias: string) => Relation): string[] {
  const scope = new Scope();
  scope.relations = [relationOf(c, u, base)];
  const { where } = u.select;
  const own = where ? [c.insideView(u.view, u.text, () => truth(c, c.expr(scope, where, 'where clause')))] : [];
  return [...own, ...('view' in u.over ? conditions(c, u.over, base) : [])];
}

/** The view as a source whose rows are its table's, rowids included. */
export function mergedView(c: Compiler, view: ViewDef, alias: string): NamedRelation | undefined {
  const u = updatableView(c, view);
  if (!u) return undefined;
  const { table } = u;
  c.needs('select', view.database, view.name);
  const inside = c.alias();
  const name = c.alias();
  const under = (sqlAlias: string) => (as: string) =>
    makeRelation({
      alias: as,
      database: table.database,
      base: { database: table.database, table: table.name },
      columns: baseColumns(table, sqlAlias, as),
    });
  const where = conditions(c, u, under(inside));
  const columns = viewColumns(c, u, under(name)).map((column) => ({
    ...column,
    bound: column.bound.column ? column.bound.with({ column: { ...column.bound.column, alias } }) : column.bound,
  }));
  c.tables.push({ table, alias: name, name: alias });
  const own = [ROWID, ...table.columns.map((column) => columnName(column.id))].join(',');
  const rows =
    where.length === 0
      ? sourceText(c, table)
      : `(SELECT ${own} FROM ${sourceText(c, table)} AS ${inside} WHERE ${where.join(' AND ')})`;
  return {
    sql: `${rows} AS ${name}`,
    relation: makeRelation({
      alias,
      database: view.database,
      base: { database: view.database, table: view.name },
      columns,
      rowid: `${name}.${ROWID}`,
      view: u,
    }),
  };
}

/** Notes that the view's definer must be allowed to change the table under it. */
export function needsUnder(
  c: Compiler,
  u: UpdatableView,
  privilege: 'insert' | 'update' | 'delete',
  column?: string,
): void {
  c.insideView(u.view, u.text, () => {
    if ('view' in u.over) {
      c.needs(privilege, u.over.view.database, u.over.view.name);
      needsUnder(c, u.over, privilege, column);
    } else c.needs(privilege, u.table.database, u.table.name, column);
  });
}

/** Which views' conditions a new row must fulfil: a CASCADED option asks for those of all views below. */
function checked(u: UpdatableView, all: boolean): UpdatableView[] {
  const own = all || u.view.checkOption !== 'NONE';
  const below = 'view' in u.over ? checked(u.over, all || u.view.checkOption === 'CASCADED') : [];
  return own && u.select.where ? [u, ...below] : below;
}

/** The condition that the CHECK OPTION puts on a row; `base` gives the row's columns. Undefined when there is none. */
export function checkOptionOf(c: Compiler, u: UpdatableView, base: (alias: string) => Relation): string | undefined {
  const terms = checked(u, false).map((view) => {
    const scope = new Scope();
    scope.relations = [relationOf(c, view, base)];
    const { where } = view.select;
    return c.insideView(view.view, view.text, () => (where ? truth(c, c.expr(scope, where, 'where clause')) : '1'));
  });
  return terms.length === 0 ? undefined : terms.join(' AND ');
}

export const viewCheckFails = (name: string): SqlError => new SqlError(1369, 'HY000', `CHECK OPTION failed '${name}'`);
