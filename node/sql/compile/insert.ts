/** INSERT and REPLACE. */
import type { ColumnDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { Assignment, ColumnRef, Expr, Insert } from '../parser/index.ts';
import { Bound, type Binder } from './bound.ts';
import { columnListCount, type Compiler, type OutputRelation } from './compiler.ts';
import {
  absorb,
  constantExpression,
  isAddition,
  refuseSubqueries,
  rowExpression,
  textOf,
  viewCheck,
  type CompilerFactory,
} from './dml.ts';
import { VALUES_ALIAS } from './expression.ts';
import { insertTarget, needsOnTarget, placeOf, targetRow, type InsertTarget } from './insert-target.ts';
import type { InsertPlan, InsertValue, RowAssignment } from './plan.ts';
import { makeRelation, type Relation } from './scope.ts';
import { needsUnder } from './updatable-view.ts';
import { columnsNamed, countKind, namesTable } from './walk.ts';

export function compileInsert(f: CompilerFactory, insert: Insert): InsertPlan {
  const c = f.main;
  const target = insertTarget(c, insert.table, insert.replace ? 'REPLACE' : 'INSERT');
  const { table } = target;
  const place = (ref: ColumnRef): number => placeOf(target, ref);
  const { source } = insert;
  let targets: number[];
  if (source.kind === 'assignments') targets = source.assignments.map((a) => place(a.column));
  else if (insert.columns && (insert.columns.length > 0 || source.kind === 'rows')) targets = insert.columns.map(place);
  else targets = target.columns.filter(({ column }) => !column.invisible).map((column) => column.place);
  const twice = targets.find((t, i) => targets.indexOf(t) !== i);
  if (twice !== undefined)
    throw new SqlError(1110, '42000', `Column '${table.columns[twice]?.name ?? ''}' specified twice`);

  for (const t of targets) needsOnTarget(c, target, 'insert', t);
  if (targets.length === 0) needsOnTarget(c, target, 'insert');
  if (insert.replace) c.needs('delete', target.database, target.name);
  if (insert.replace && target.view) needsUnder(c, target.view, 'delete');
  const values = source.kind === 'rows' ? source.rows : source.kind === 'assignments' ? source.assignments : undefined;
  const own = [{ table, relation: { alias: target.name } }];
  const isOne = source.kind === 'assignments' || (source.kind === 'rows' && source.rows.length === 1);
  // By another name it is read as it is when the row's turn comes; what ON DUPLICATE KEY UPDATE reads MySQL reads once for all rows.
  refuseSubqueries(c, own, values, true);
  refuseSubqueries(c, own, insert.onDuplicate, isOne);
  const readsItself = !isOne && namesTable(values, table, c.settings.database);

  let rows: InsertValue[][] | undefined;
  let readsRow = false;
  let select: InsertPlan['select'];
  if (insert.alias) checkAlias(insert.alias, target, targets.length);
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
      return list.map((e, i) => {
        readsRow ||= columnsNamed(e).length > 0;
        return insertValue(f, target, e, table.columns[targets[i] ?? 0]);
      });
    });
  }
  const onDuplicate =
    insert.onDuplicate.length === 0
      ? undefined
      : insert.onDuplicate.map((a) => duplicateAssignment(f, target, insert, targets, a));
  return {
    kind: 'insert',
    table,
    replace: insert.replace,
    ignore: insert.ignore,
    targets,
    rows,
    readsRow,
    select,
    onDuplicate,
    deprecated: c.settings.slotTypes.size > 0 ? 0 : countKind(insert.onDuplicate, 'valuesOf'),
    readsItself,
    viewCheck: viewCheck(f, target.view),
    tables: c.tables,
    access: c.access,
    volatile: c.volatile,
  };
}

const valueCount = (row: number): SqlError =>
  new SqlError(1136, '21S01', `Column count doesn't match value count at row ${row}`);

function insertValue(f: CompilerFactory, target: InsertTarget, e: Expr, column: ColumnDef | undefined): InsertValue {
  if (e.kind === 'default') return 'default';
  if (e.kind === 'defaultOf' && column && e.column.name.toLowerCase() === column.name.toLowerCase()) return 'default';
  // Most values are literals, thousands of them: they name no column and need no compiler of their own.
  const literal = constantExpression(f.main, e, column);
  if (literal) return literal;
  const fresh = f.fresh();
  const value = rowExpression(fresh, (c) => [targetRow(target, target.name, 'oldRow', c)], e, 'field list', column);
  absorb(f.main, fresh);
  return value;
}

function duplicateAssignment(
  f: CompilerFactory,
  target: InsertTarget,
  insert: Insert,
  targets: readonly number[],
  a: Assignment,
): RowAssignment {
  const c = f.main;
  const { table } = target;
  const column = placeOf(target, a.column);
  needsOnTarget(c, target, 'update', column);
  if (a.value.kind === 'default') return { column, value: 'default', add: false };
  const fresh = f.fresh();
  const { alias } = insert;
  // Reading the column that is set needs no privilege beyond UPDATE.
  const read = isAddition(a, table.columns[column], target.name)
    ? undefined
    : { database: target.database, table: target.name };
  const value = rowExpression(
    fresh,
    (inner) => {
      const relations = [
        targetRow(target, target.name, 'oldRow', inner, read),
        hiddenRelation(targetRow(target, VALUES_ALIAS, 'newRow', inner)),
      ];
      if (alias) {
        const row = targetRow(target, alias.table, 'newRow', inner);
        const columns = alias.columns
          ? alias.columns.map((name, i) => ({
              name,
              bound: (
                row.columns.find(
                  (x) => x.bound.column?.columnId === table.columns[targets[i] ?? 0]?.id,
                ) as Relation['columns'][number]
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
  return { column, value, add: isAddition(a, table.columns[column], target.name) };
}

/** VALUES … AS new(a, b): a table beside the one that is inserted into. */
function checkAlias({ table: alias, columns }: NonNullable<Insert['alias']>, table: InsertTarget, width: number): void {
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
