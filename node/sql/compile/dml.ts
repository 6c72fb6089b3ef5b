/** UPDATE and DELETE, and what they share with INSERT. SQLite finds the rows and computes the values; the engine stores them, row by row. */
import { columnName, primaryKey, ROWID, type ColumnDef, type TableDef, type ViewDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { Assignment, Delete, Expr, QualifiedName, TableExpr, Update } from '../parser/index.ts';
import { BOOLEAN, Bound, COERCIBILITY, type Binder, type ColumnSource } from './bound.ts';
import { noteBounds } from './bounds.ts';
import { hexNumber } from './call.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { compileFrom, isSystemDatabase } from './from.ts';
import { keyLookupOf, keyRangeOf } from './key-range.ts';
import { placeholder, withinBound } from './long-lists.ts';
import { orderKey } from './operators.ts';
import type { Access, DeletePlan, RowExpression, SqlText, UpdatePlan, UpdateTarget, ViewCheck } from './plan.ts';
import { isPlace, limitSql, position } from './places.ts';
import { withClause } from './query.ts';
import { findColumn, makeRelation, Scope, unknownColumn, written, type Relation, type UpdatableView } from './scope.ts';
import { checkOptionOf, needsUnder } from './updatable-view.ts';
import { containsKind, namesTable } from './walk.ts';
import { whereSql } from './where.ts';

/** Finds the table that a statement changes. */
export function targetTable(c: Compiler, name: QualifiedName, operation: string): TableDef {
  const database = name.schema ?? c.settings.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  const temporary = c.settings.temporaryTable(database, name.name);
  if (temporary) return temporary;
  c.mayName(operation === 'DELETE' ? 'delete' : 'insert', database, name.name);
  const table = c.catalog.table(database, name.name);
  if (table) return table;
  const privilege = operation === 'DELETE' ? 'delete' : 'insert';
  if (c.settings.virtualTable(database, name.name)) c.settings.mayNotChange?.(privilege, database, name.name);
  if (c.catalog.view(database, name.name)) throw unsupported(`${operation} on a view`);
  if (database.toLowerCase() === 'information_schema') c.settings.mayNotChange?.(privilege, database, name.name);
  if (!c.catalog.databases.has(database) && !isSystemDatabase(database))
    throw new SqlError(1049, '42000', `Unknown database '${database}'`);
  throw new SqlError(1146, '42S02', `Table '${database}.${name.name}' doesn't exist`);
}

/** A relation whose columns are parameters: the row at hand. */
export function rowRelation(
  table: TableDef,
  alias: string,
  source: 'oldRow' | 'newRow',
  c: Compiler,
  base?: Relation['base'],
): Relation {
  return makeRelation({
    alias,
    database: table.database,
    ...(base && { base }),
    columns: table.columns.flatMap((column, i) => {
      if (column.hidden) return [];
      const bind: Binder = (x) => x[source][i] ?? null;
      return [
        {
          name: column.name,
          bound: new Bound(() => c.param(bind), {
            type: column.type,
            nullable: column.nullable,
            coercibility: COERCIBILITY.implicit,
            bind,
            column: {
              database: table.database,
              alias,
              table: table.name,
              name: column.name,
              tableId: table.id,
              columnId: column.id,
            },
          }),
        },
      ];
    }),
  });
}

/** From so many parameters on they have no numbers: SQLite looks each number up among all before it. */
const NUMBERED_MAX = 200;
const PARAMETER = /'[^']*'|\?(\d+)/g;

export function textOf(c: Compiler, sql: string, numbered: readonly Binder[] = c.binders): SqlText {
  const functions = [...c.functions.values()];
  if (numbered.length <= NUMBERED_MAX) {
    // What was compiled and then left out may have left parameters behind. SQLite refuses those that its text does not have.
    const last = Math.max(0, ...[...sql.matchAll(PARAMETER)].map(([, n]) => Number(n ?? 0)));
    return { sql, binders: numbered.slice(0, last), functions };
  }
  const binders: Binder[] = [];
  const bare = sql.replace(PARAMETER, (token, n?: string) => {
    if (n === undefined) return token;
    return placeholder(binders.push(numbered[Number(n) - 1] as Binder));
  });
  return withinBound({ sql: bare, binders, functions });
}

/** Compiles an expression over the row at hand. `fresh` gives a compiler whose parameters are this expression's own. */
export function rowExpression(
  fresh: Compiler,
  relations: (c: Compiler) => Relation[],
  expr: Expr,
  clause: string,
  column?: ColumnDef,
): RowExpression {
  const scope = new Scope();
  scope.relations = relations(fresh);
  const bound = forColumn(fresh, fresh.expr(scope, expr, clause), column);
  if (bound.bind && fresh.functions.size === 0) return { type: bound.type, bind: bound.bind, query: undefined };
  return { type: bound.type, bind: undefined, query: textOf(fresh, `SELECT ${bound.sql}`) };
}

const LITERALS: ReadonlySet<Expr['kind']> = new Set<Expr['kind']>([
  'number',
  'string',
  'null',
  'bool',
  'hex',
  'bit',
  'param',
]);

/** A literal or placeholder, or one with a sign; undefined of anything else. */
export function constantExpression(c: Compiler, expr: Expr, column: ColumnDef | undefined): RowExpression | undefined {
  if (!LITERALS.has(expr.kind === 'unary' ? expr.operand.kind : expr.kind)) return undefined;
  const { type, bind } = forColumn(c, c.expr(new Scope(), expr, 'field list'), column);
  return bind && { type, bind, query: undefined };
}

/** x'41' is a number where a number is stored. */
function forColumn(c: Compiler, value: Bound, column: ColumnDef | undefined): Bound {
  return value.hex &&
    column &&
    ['int', 'decimal', 'float', 'double', 'bit', 'year', 'enum', 'set'].includes(column.type.kind)
    ? hexNumber(c, value)
    : value;
}

/** Compilers of one statement: one for its main text, one for each expression over a row. */
export interface CompilerFactory {
  main: Compiler;
  fresh(): Compiler;
}

/** Takes over what a part's compiler learned. */
export function absorb(main: Compiler, part: Compiler): void {
  main.volatile ||= part.volatile;
  for (const slot of part.pinned) main.pinned.add(slot);
  main.absorbAccess(part.access);
  main.tables.push(...part.tables);
}

/**
 * `c = c + x`, `c = c - x`, `c = x + c` with x free of what lies in tables, `VALUES(c)` being what the transaction itself brings:
 * concurrent ones add up.
 */
export function isAddition(a: Assignment, column: ColumnDef | undefined, table: string): boolean {
  const { value } = a;
  if (!column || value.kind !== 'binary' || (value.op !== '+' && value.op !== '-')) return false;
  if (!['int', 'decimal', 'float', 'double'].includes(column.type.kind)) return false;
  // A view may give the column's name to another one.
  if (!same(a.column.name, column.name)) return false;
  const isColumn = (e: Expr): boolean =>
    e.kind === 'column' &&
    same(e.name, column.name) &&
    (e.table === undefined || same(e.table, a.column.table ?? table));
  const isConstant = (e: Expr): boolean =>
    e.kind === 'unary'
      ? isConstant(e.operand)
      : e.kind === 'binary'
        ? isConstant(e.left) && isConstant(e.right)
        : ['number', 'param', 'valuesOf', 'userVariable'].includes(e.kind);
  return (
    (isColumn(value.left) && isConstant(value.right)) ||
    (value.op === '+' && isColumn(value.right) && isConstant(value.left))
  );
}

interface Target {
  readonly relation: Relation;
  readonly table: TableDef;
  readonly name: string;
}

/** The base tables of a FROM clause under their SQLite aliases. */
function targetsIn(c: Compiler, scope: Scope): Target[] {
  return scope.relations.flatMap((relation) => {
    const use =
      relation.rowid === undefined ? undefined : c.tables.find((t) => `${t.alias}.${ROWID}` === relation.rowid);
    return use ? [{ relation, table: use.table, name: use.alias }] : [];
  });
}

/** Rowid and all columns of a target, as the SELECT puts them out. */
function rowOutput(target: Target): string[] {
  return [
    `${target.name}.${ROWID}`,
    ...target.table.columns.map((column) => `${target.name}.${columnName(column.id)}`),
  ];
}

function orderAndLimit(c: Compiler, scope: Scope, statement: Update | Delete): string {
  const terms = statement.orderBy.map(({ expr, direction }) => {
    const bound = isPlace(expr) ? position(c, [], expr, 'order clause') : c.expr(scope, expr, 'order clause');
    return orderKey(c, bound) + (direction === 'desc' ? ' DESC' : '');
  });
  return (terms.length > 0 ? ` ORDER BY ${terms.join(',')}` : '') + limitSql(c, scope, statement.limit);
}

export function compileUpdate(f: CompilerFactory, update: Update): UpdatePlan {
  const c = f.main;
  const scope = new Scope();
  scope.mergesViews = true;
  const prefix = withClause(c, scope, update.with);
  const from = compileFrom(c, scope, update.tables);
  const targets = targetsIn(c, scope);
  // Later assignments see the earlier ones' values, as MySQL's single-table UPDATE does.
  const assigned = new Map<string, Bound>();
  const single = targets.length === 1 && scope.relations.length === 1;
  const byTarget = new Map<Target, { column: number; bound: Bound | 'default'; add: boolean }[]>();
  for (const a of update.assignments) {
    const bound = c.withoutReads(() => findColumn(c, scope, a.column, 'field list'));
    if (!bound) throw unknownColumn(a.column, 'field list');
    const target = targets.find((t) => t.table.id === bound.column?.tableId && t.relation.alias === bound.column.alias);
    const within = scope.relations.find(
      (r) => r.view && r.columns.some((x) => x.bound.sql === bound.sql && same(x.name, a.column.name)),
    );
    if (within && bound.column?.columnId === undefined)
      throw new SqlError(1348, 'HY000', `Column '${a.column.name}' is not updatable`);
    if (!target || bound.column?.columnId === undefined) {
      refuseVirtual(c, 'update', bound.column);
      throw new SqlError(
        1288,
        'HY000',
        `The target table ${a.column.table ?? bound.column?.alias ?? written(a.column)} of the UPDATE is not updatable`,
      );
    }
    const column = target.table.columns.findIndex((x) => x.id === bound.column?.columnId);
    const definition = target.table.columns[column] as ColumnDef;
    needsOn(c, target, 'update', a.column.name, definition.name);
    const list = byTarget.get(target) ?? [];
    byTarget.set(target, list);
    if (
      a.value.kind === 'default' ||
      (a.value.kind === 'defaultOf' && a.value.column.name.toLowerCase() === definition.name.toLowerCase())
    ) {
      list.push({ column, bound: 'default', add: false });
      continue;
    }
    if (single && assigned.size > 0) scope.relations = [withAssigned(scope.relations[0] as Relation, assigned)];
    const value = forColumn(c, c.expr(scope, a.value, 'field list'), definition);
    list.push({ column, bound: value, add: isAddition(a, definition, target.relation.alias) });
    if (single) assigned.set(a.column.name.toLowerCase(), value.with({ type: value.type }));
  }
  if (single && assigned.size > 0) scope.relations = [targets[0]?.relation as Relation];
  refuseMovedTwice(byTarget);
  refuseSubqueries(c, [...byTarget.keys()], [update.tables, update.assignments, update.where, update.orderBy]);
  const where = update.where ? ` WHERE ${whereSql(c, scope, update.where)}` : '';
  noteBounds(c, scope, update.tables, update.where);
  const output: string[] = [];
  const planned = [...byTarget].map(([target, assignments]): UpdateTarget => {
    const rowid = output.length;
    output.push(...rowOutput(target));
    return {
      table: target.table,
      rowid,
      first: rowid + 1,
      assignments: assignments.map(({ column, bound, add }) => {
        if (bound === 'default')
          return { column, value: 'default', type: (target.table.columns[column] as ColumnDef).type, add };
        output.push(bound.sql);
        return { column, value: output.length - 1, type: bound.type, add };
      }),
      viewCheck: viewCheck(f, target.relation.view),
    };
  });
  const sql = `${prefix}SELECT ${output.join(',')} FROM ${from}${where}${orderAndLimit(c, scope, update)}`;
  return {
    kind: 'update',
    select: textOf(c, sql),
    targets: planned,
    ignore: update.ignore,
    keyRange: single ? keyRangeOf(c, scope, targets[0] as Target, update.where) : undefined,
    keyLookup: single ? keyLookupOf(c, scope, targets[0] as Target, update.where) : undefined,
    tables: c.tables,
    access: readsOf(c.access, planned),
    volatile: c.volatile,
  };
}

const same = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

/** The account needs the privilege on what it names; behind a view, who answers for the view needs it on the table. */
function needsOn(
  c: Compiler,
  { relation, table }: Target,
  privilege: 'update' | 'delete',
  column?: string,
  underlying = column,
): void {
  const named = relation.view?.view ?? table;
  c.needs(privilege, named.database, named.name, relation.view ? column : underlying);
  if (relation.view) needsUnder(c, relation.view, privilege, underlying);
}

/** What WITH CHECK OPTION asks of a row that is written through a view. */
export function viewCheck(f: CompilerFactory, view: UpdatableView | undefined): ViewCheck | undefined {
  if (!view) return undefined;
  const fresh = f.fresh();
  const condition = checkOptionOf(fresh, view, (alias) => rowRelation(view.table, alias, 'oldRow', fresh));
  if (condition === undefined) return undefined;
  absorb(f.main, fresh);
  return {
    view: `${view.view.database}.${view.view.name}`,
    condition: { type: BOOLEAN, bind: undefined, query: textOf(fresh, `SELECT ${condition}`) },
  };
}

/** A subquery would read the table while it changes. */
export function refuseSubqueries(
  c: Compiler,
  targets: readonly { readonly table: TableDef; readonly relation: Pick<Relation, 'alias'> }[],
  parts: unknown,
  aliased = false,
): void {
  const target = targets.find(({ table }) => namesTable(parts, table, c.settings.database, aliased));
  if (target)
    throw new SqlError(
      1093,
      'HY000',
      `You can't specify target table '${target.relation.alias}' for update in FROM clause`,
    );
}

/** A table under two names: a change of its key would pull the rows away from under the other name. */
function refuseMovedTwice(byTarget: ReadonlyMap<Target, readonly { readonly column: number }[]>): void {
  const targets = [...byTarget];
  for (const [target, assignments] of targets) {
    const other = targets.find(([t]) => t !== target && t.table.id === target.table.id);
    const keys = primaryKey(target.table)?.parts.map((p) => p.column) ?? [];
    if (other && assignments.some((a) => keys.includes(target.table.columns[a.column]?.id ?? 0))) {
      throw new SqlError(
        1706,
        'HY000',
        `Primary key/partition key update is not allowed since the table is updated both as '${target.relation.alias}' and '${other[0].relation.alias}'.`,
      );
    }
  }
}

/** A table that is only changed needs no SELECT privilege; one whose columns are read does. */
const readsOf = (access: readonly Access[], changed: readonly { readonly table: TableDef }[]): Access[] =>
  access.filter(
    (a) =>
      a.privilege !== 'select' ||
      a.columns.size > 0 ||
      !changed.some(({ table }) => table.name === a.table && table.database === a.database),
  );

function withAssigned(relation: Relation, assigned: ReadonlyMap<string, Bound>): Relation {
  return makeRelation({
    ...relation,
    columns: relation.columns.map((column) => {
      const value = assigned.get(column.name.toLowerCase());
      return value ? { ...column, bound: value } : column;
    }),
  });
}

export function viewNamed(c: Compiler, { schema, name }: Pick<QualifiedName, 'schema' | 'name'>): ViewDef | undefined {
  const database = schema ?? c.settings.database;
  return c.settings.temporaryTable(database, name) ? undefined : c.catalog.view(database, name);
}

/** Throws where the column is one of a relation of the engine. */
function refuseVirtual(c: Compiler, privilege: 'update' | 'delete', column: ColumnSource | undefined): void {
  if (column && c.settings.virtualTable(column.database, column.table))
    c.settings.mayNotChange?.(privilege, column.database, column.table);
}

/** A view whose rows are not those of one table. */
function notUpdatable(c: Compiler, name: Pick<QualifiedName, 'schema' | 'name'>): SqlError {
  const view = viewNamed(c, name);
  const body = view && c.settings.parseView(view).query.body;
  if (view && body?.kind === 'select' && (body.from.length > 1 || body.from[0]?.kind === 'join'))
    return new SqlError(1395, 'HY000', `Can not delete from join view '${view.database}.${view.name}'`);
  return new SqlError(1288, 'HY000', `The target table ${name.name} of the DELETE is not updatable`);
}

/**
 * The tables of a DELETE in the order in which their rows go: the FROM's. Where its joins leave that open, children go before the
 * parents that they would hold.
 */
function inOrderOfDeletion(all: readonly Target[], targets: readonly Target[], from: readonly TableExpr[]): Target[] {
  const rest = all.filter((target) => targets.includes(target));
  if (hasOuterJoin(from)) return rest;
  const ordered: Target[] = [];
  while (rest.length > 0) {
    const free = rest.findIndex((parent) => !rest.some((child) => child !== parent && isChild(child, parent)));
    ordered.push(...rest.splice(Math.max(0, free), 1));
  }
  return ordered;
}

const isChild = ({ table: child }: Target, { table: parent }: Target): boolean =>
  child.foreignKeys.some((f) => f.referencedDatabase === parent.database && f.referencedTable === parent.name);

/** Whether some join says which of its sides is read first. */
const hasOuterJoin = (from: readonly TableExpr[]): boolean =>
  from.some((table) => table.kind === 'join' && (table.type !== 'inner' || hasOuterJoin([table.left, table.right])));

export function compileDelete(c: Compiler, statement: Delete): DeletePlan {
  const scope = new Scope();
  const from: readonly TableExpr[] = statement.from ?? [
    {
      kind: 'table',
      schema: statement.targets[0]?.schema,
      name: statement.targets[0]?.name ?? '',
      alias: statement.alias,
      partitions: statement.partitions,
      indexHints: [],
      asOf: undefined,
      sample: undefined,
      start: statement.start,
      end: statement.end,
    },
  ];
  scope.mergesViews = true;
  const prefix = withClause(c, scope, statement.with);
  const [only] = statement.from ? [] : statement.targets;
  if (only && only.schema === undefined && scope.commonTable(only.name)) throw notUpdatable(c, only);
  if (only && !viewNamed(c, only)) targetTable(c, only, 'DELETE');
  const fromSql = compileFrom(c, scope, from);
  const all = targetsIn(c, scope);
  const targets = statement.from
    ? statement.targets.map((name) => {
        const found = all.find(
          (t) => t.relation.alias === name.name && (name.schema === undefined || t.table.database === name.schema),
        );
        const relation = scope.relations.find((r) => r.alias === name.name);
        if (!found && relation) {
          refuseVirtual(c, 'delete', relation.columns[0]?.bound.column);
          throw notUpdatable(c, name);
        }
        if (!found) throw new SqlError(1109, '42S02', `Unknown table '${name.name}' in MULTI DELETE`);
        return found;
      })
    : all.slice(0, 1);
  const [first] = statement.targets;
  if (targets.length === 0 && first) throw notUpdatable(c, first);
  for (const target of targets) {
    const { view } = target.relation;
    if (view && containsKind(view.select.items, 'query')) throw notUpdatable(c, { ...view.view, schema: undefined });
    needsOn(c, target, 'delete');
  }
  refuseSubqueries(c, targets, [statement.from, statement.where, statement.orderBy]);
  const where = statement.where ? ` WHERE ${whereSql(c, scope, statement.where)}` : '';
  noteBounds(c, scope, from, statement.where);
  const output: string[] = [];
  const planned = inOrderOfDeletion(all, targets, from).map((target) => {
    const rowid = output.length;
    output.push(...rowOutput(target));
    return { table: target.table, rowid, first: rowid + 1 };
  });
  return {
    kind: 'delete',
    select: textOf(
      c,
      `${prefix}SELECT ${output.join(',')} FROM ${fromSql}${where}${orderAndLimit(c, scope, statement)}`,
    ),
    targets: planned,
    ignore: statement.ignore,
    keyRange: all.length === 1 ? keyRangeOf(c, scope, all[0] as Target, statement.where) : undefined,
    keyLookup: all.length === 1 ? keyLookupOf(c, scope, all[0] as Target, statement.where) : undefined,
    tables: c.tables,
    access: readsOf(c.access, planned),
    volatile: c.volatile,
  };
}
