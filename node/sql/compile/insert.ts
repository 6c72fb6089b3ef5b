/** INSERT and REPLACE. */
import type { ColumnDef, TableDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { Assignment, ColumnRef, Expr, Insert } from '../parser/index.ts';
import { Bound, type Binder } from './bound.ts';
import { columnListCount, type Compiler, type OutputRelation } from './compiler.ts';
import { absorb, isAddition, rowExpression, rowRelation, targetTable, textOf, type CompilerFactory } from './dml.ts';
import { VALUES_ALIAS } from './expression.ts';
import type { InsertPlan, InsertValue, RowAssignment } from './plan.ts';
import { makeRelation, unknownColumn, type Relation } from './scope.ts';
import { columnsNamed } from './walk.ts';

export function compileInsert(f: CompilerFactory, insert: Insert): InsertPlan {
  const c = f.main;
  const table = targetTable(c, insert.table, insert.replace ? 'REPLACE' : 'INSERT');
  const visible = table.columns.map((column, i) => ({ column, i })).filter(({ column }) => !column.hidden);
  const place = (ref: ColumnRef): number => {
    const at = visible.find(({ column }) => column.name.toLowerCase() === ref.name.toLowerCase());
    if (!at || (ref.table !== undefined && ref.table.toLowerCase() !== table.name.toLowerCase()))
      throw unknownColumn(ref, 'field list');
    return at.i;
  };
  const { source } = insert;
  let targets: number[];
  if (source.kind === 'assignments') targets = source.assignments.map((a) => place(a.column));
  else if (insert.columns && (insert.columns.length > 0 || source.kind === 'rows')) targets = insert.columns.map(place);
  else targets = visible.filter(({ column }) => !column.invisible).map(({ i }) => i);
  const twice = targets.find((t, i) => targets.indexOf(t) !== i);
  if (twice !== undefined)
    throw new SqlError(1110, '42000', `Column '${table.columns[twice]?.name ?? ''}' specified twice`);

  const { database, name } = table;
  for (const t of targets) c.needs('insert', database, name, table.columns[t]?.name);
  if (targets.length === 0) c.needs('insert', database, name);
  if (insert.replace) c.needs('delete', database, name);

  let rows: InsertValue[][] | undefined;
  let select: InsertPlan['select'];
  if (insert.alias) checkAlias(insert.alias, table, targets.length);
  if (source.kind === 'select') {
    c.further = { rowids: false, columns: columnsNamed(insert.onDuplicate.map((a) => a.value)) };
    const query = c.query(source.query);
    if (query.columns.length !== targets.length) throw valueCount(1);
    select = { ...textOf(c, query.sql), types: query.columns.map((column) => column.type) };
  } else {
    const lists = source.kind === 'rows' ? source.rows : [source.assignments.map((a) => a.value)];
    const empty =
      source.kind === 'rows' &&
      (insert.columns === undefined || insert.columns.length === 0) &&
      lists.every((l) => l.length === 0);
    if (empty) targets = [];
    rows = lists.map((list, n) => {
      if (list.length !== targets.length) throw valueCount(n + 1);
      return list.map((e, i) => insertValue(f, table, e, table.columns[targets[i] ?? 0]));
    });
  }
  const onDuplicate =
    insert.onDuplicate.length === 0
      ? undefined
      : insert.onDuplicate.map((a) => duplicateAssignment(f, table, insert, targets, a, place));
  return {
    kind: 'insert',
    table,
    replace: insert.replace,
    ignore: insert.ignore,
    targets,
    rows,
    select,
    onDuplicate,
    tables: c.tables,
    access: c.access,
    volatile: c.volatile,
  };
}

const valueCount = (row: number): SqlError =>
  new SqlError(1136, '21S01', `Column count doesn't match value count at row ${row}`);

function insertValue(f: CompilerFactory, table: TableDef, e: Expr, column: ColumnDef | undefined): InsertValue {
  if (e.kind === 'default') return 'default';
  if (e.kind === 'defaultOf' && column && e.column.name.toLowerCase() === column.name.toLowerCase()) return 'default';
  const fresh = f.fresh();
  const value = rowExpression(fresh, (c) => [rowRelation(table, table.name, 'oldRow', c)], e, 'field list', column);
  absorb(f.main, fresh);
  return value;
}

function duplicateAssignment(
  f: CompilerFactory,
  table: TableDef,
  insert: Insert,
  targets: readonly number[],
  a: Assignment,
  place: (ref: ColumnRef) => number,
): RowAssignment {
  const c = f.main;
  const column = place(a.column);
  c.needs('update', table.database, table.name, table.columns[column]?.name);
  if (a.value.kind === 'default') return { column, value: 'default', add: false };
  const fresh = f.fresh();
  const { alias } = insert;
  // Reading the column that is set needs no privilege beyond UPDATE.
  const read = isAddition(a, table.columns[column], table.name)
    ? undefined
    : { database: table.database, table: table.name };
  const value = rowExpression(
    fresh,
    (inner) => {
      const relations = [
        rowRelation(table, table.name, 'oldRow', inner, read),
        hiddenRelation(rowRelation(table, VALUES_ALIAS, 'newRow', inner)),
      ];
      if (alias) {
        const row = rowRelation(table, alias.table, 'newRow', inner);
        const columns = alias.columns
          ? alias.columns.map((name, i) => ({
              name,
              bound: (
                row.columns.find((x) => x.name === table.columns[targets[i] ?? 0]?.name) as Relation['columns'][number]
              ).bound,
            }))
          : row.columns;
        relations.push(makeRelation({ alias: alias.table, database: '', columns }));
      }
      relations.push(...c.furtherColumns.map((relation) => sourceRelation(inner, relation)));
      return relations;
    },
    a.value,
    'field list',
    table.columns[column],
  );
  absorb(c, fresh);
  return { column, value, add: isAddition(a, table.columns[column], table.name) };
}

/** VALUES … AS new(a, b): a table beside the one that is inserted into. */
function checkAlias({ table: alias, columns }: NonNullable<Insert['alias']>, table: TableDef, width: number): void {
  if (alias.toLowerCase() === table.name.toLowerCase())
    throw new SqlError(1066, '42000', `Not unique table/alias: '${alias}'`);
  if (!columns) return;
  if (columns.length !== width) throw columnListCount();
  const names = columns.map((name) => name.toLowerCase());
  const twice = columns.find((_, i) => names.indexOf(names[i] as string) !== i);
  if (twice !== undefined) throw new SqlError(1060, '42S21', `Duplicate column name '${twice}'`);
}

/** What ON DUPLICATE KEY UPDATE reads of the SELECT's tables: the row at hand has it behind the values to insert. */
function sourceRelation(c: Compiler, { relation, columns }: OutputRelation): Relation {
  return makeRelation({
    ...relation,
    columns: columns.map(({ column, output }) => {
      const bind: Binder = (x) => x.sourceRow[output] ?? null;
      const { type, nullable, coercibility, column: source } = column.bound;
      return {
        name: column.name,
        bound: new Bound(() => c.param(bind), {
          type,
          nullable,
          coercibility,
          bind,
          ...(source && { column: source }),
        }),
      };
    }),
  });
}

/** Columns that only VALUES(column) reaches: an unqualified name never means them. */
function hiddenRelation(relation: Relation): Relation {
  return { ...relation, onlyQualified: true };
}
