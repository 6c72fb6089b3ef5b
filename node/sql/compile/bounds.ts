/**
 * Which rows of its tables a query can look at, as far as WHERE and ON say so plainly: columns that are compared with constants, and those that
 * are equal to such a column. A row outside of these bounds changes nothing of the query's result.
 */
import { columnName, ROWID, type ColumnDef } from '../catalog/index.ts';
import type { ColumnRef, Expr, TableExpr } from '../parser/index.ts';
import { SqlError } from '../types/index.ts';
import type { Binder, Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { conjuncts, constantOf } from './key-range.ts';
import type { ColumnBounds, TableUse } from './plan.ts';
import { findColumn, type Scope } from './scope.ts';

/** A column of a table of the query. */
interface Column {
  /** Its text, which tells it apart. */
  readonly sql: string;
  /** What the query calls its table. */
  readonly alias: string;
  readonly use: TableUse;
  readonly place: number;
  readonly definition: ColumnDef;
}

type Limits = Pick<ColumnBounds, 'low' | 'high' | 'among'>;

/** Notes the bounds, the indexed ones first, at the query's tables whose indexes begin with one of the columns; WHERE was compiled, so its names are good. */
export function noteBounds(c: Compiler, scope: Scope, from: readonly TableExpr[], where: Expr | undefined): void {
  const bounds = new Bounds(c, scope);
  for (const tables of from) bounds.join(tables);
  bounds.isOn = false;
  for (const e of where ? conjuncts(where) : []) bounds.condition(e);
  bounds.note();
}

class Bounds {
  /** Whether what it is given comes from ON, and not from WHERE. */
  isOn = true;
  private readonly c: Compiler;
  private readonly scope: Scope;
  private readonly found: { readonly column: Column; readonly limits: Limits }[] = [];
  /** By a column's text, those that have its value in all rows that matter. */
  private readonly equal = new Map<string, Column[]>();

  constructor(c: Compiler, scope: Scope) {
    this.c = c;
    this.scope = scope;
  }

  join(from: TableExpr): void {
    if (from.kind === 'tableList') for (const table of from.tables) this.join(table);
    if (from.kind !== 'join') return;
    this.join(from.left);
    this.join(from.right);
    const { type, on, left, right } = from;
    if (!on) return;
    if (type === 'inner' || type === 'straight') {
      for (const e of conjuncts(on)) this.condition(e);
      return;
    }
    const [kept, optional] = type === 'left' ? [left, right].map(namesOf) : [right, left].map(namesOf);
    // Tables of two databases may be called the same.
    if (!kept || !optional || [...optional].some((name) => kept.has(name))) return;
    for (const e of conjuncts(on)) this.condition(e, optional);
  }

  /** `optional`: names of the tables that an outer join fills with NULL; of the others a row that does not meet the condition stays. */
  condition(e: Expr, optional?: ReadonlySet<string>): void {
    const isBound = (column: Column): boolean => optional?.has(column.alias) !== false;
    const bind = (x: Expr, limits: (bound: (value: Expr) => Binder | undefined) => Limits | undefined): void => {
      const column = this.columnOf(x);
      if (!column || !isBound(column)) return;
      const found = limits((value) => constantOf(this.c, this.scope, value, column.definition.type.kind));
      if (found) this.found.push({ column, limits: found });
    };
    if (e.kind === 'between' && !e.not)
      bind(e.operand, (bound) => {
        const [low, high] = [bound(e.low), bound(e.high)];
        return low && high && { low, high };
      });
    if (e.kind === 'in' && !e.not)
      bind(e.operand, (bound) => {
        const among = e.list.map(bound).filter((value) => value !== undefined);
        return among.length === e.list.length ? { low: undefined, high: undefined, among } : undefined;
      });
    if (e.kind !== 'binary') return;
    const [left, right] = [this.columnOf(e.left), this.columnOf(e.right)];
    if (left && right) {
      if (e.op !== '=' || !isComparable(left, right)) return;
      // Into an optional table, and not out of it.
      if (isBound(right)) this.link(left, right);
      if (isBound(left)) this.link(right, left);
      return;
    }
    const [column, value, op] = left ? [e.left, e.right, e.op] : [e.right, e.left, MIRRORED[e.op]];
    bind(column, (bound) => limitsOf(op, bound(value)));
  }

  private link(from: Column, to: Column): void {
    const equal = this.equal.get(from.sql);
    if (equal) equal.push(to);
    else this.equal.set(from.sql, [to]);
  }

  /** Undefined for what is no column, or one of a query round this one. */
  private columnOf(x: Expr): Column | undefined {
    if (x.kind !== 'column') return undefined;
    const bound = this.named(x);
    const { columnId, alias } = bound?.column ?? {};
    if (!bound || columnId === undefined || alias === undefined) return undefined;
    const use = this.c.tables.find((one) => bound.sql === `${one.alias}.${columnName(columnId)}`);
    if (!use || !this.scope.relations.some(({ rowid }) => rowid === `${use.alias}.${ROWID}`)) return undefined;
    const place = use.table.columns.findIndex(({ id }) => id === columnId);
    return { sql: bound.sql, alias, use, place, definition: use.table.columns[place] as ColumnDef };
  }

  /** What ON names was looked for in a part of FROM: in all of it, a name may mean something else, or too much. */
  private named(x: ColumnRef): Bound | null {
    if (this.isOn && x.table === undefined) return null;
    try {
      return findColumn(this.c, this.scope, x, 'where clause');
    } catch (error) {
      if (error instanceof SqlError) return null;
      throw error;
    }
  }

  note(): void {
    const byUse = new Map<TableUse, ColumnBounds[]>();
    for (const { column, limits } of this.found) {
      const reached = new Map([[column.sql, column]]);
      for (const { sql } of reached.values())
        for (const next of this.equal.get(sql) ?? []) if (!reached.has(next.sql)) reached.set(next.sql, next);
      for (const { use, place, definition } of reached.values()) {
        if (definition.type.kind !== 'int' && !limits.among && limits.low !== limits.high) continue;
        const list = byUse.get(use) ?? [];
        byUse.set(use, list);
        list.push({ place, ...limits });
      }
    }
    for (const [use, bounds] of byUse) {
      const [indexed, others] = [true, false].map((is) => bounds.filter(({ place }) => beginsIndex(use, place) === is));
      if (indexed?.length) use.bounds = [...indexed, ...(others ?? [])];
    }
  }
}

function beginsIndex({ table }: TableUse, place: number): boolean {
  const column = table.columns[place]?.id;
  return table.indexes.some(({ parts: [first] }) => first?.column === column && first?.length === undefined);
}

/** Their values are the same where SQLite has the same. */
function isComparable({ definition: { type: a } }: Column, { definition: { type: b } }: Column): boolean {
  if (a.kind === 'string' && b.kind === 'string') return a.collation === b.collation;
  return a.kind === 'int' && b.kind === 'int';
}

function limitsOf(op: string | undefined, value: Binder | undefined): Limits | undefined {
  switch (value && op) {
    case '=':
      return { low: value, high: value };
    case '>=':
      return { low: value, high: undefined };
    case '>':
      return { low: value && plus(value, 1n), high: undefined };
    case '<=':
      return { low: undefined, high: value };
    case '<':
      return { low: undefined, high: value && plus(value, -1n) };
    default:
      return undefined;
  }
}

const MIRRORED: Readonly<Record<string, string>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** The neighbour of what an integer is beyond. */
const plus =
  (bind: Binder, add: bigint): Binder =>
  (env) => {
    const value = bind(env);
    return typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value as number) + add : value;
  };

/** What the query calls the tables of a part of FROM. */
function namesOf(from: TableExpr): ReadonlySet<string> {
  if (from.kind === 'join') return new Set([...namesOf(from.left), ...namesOf(from.right)]);
  if (from.kind === 'tableList') return new Set(from.tables.flatMap((table) => [...namesOf(table)]));
  return new Set([from.kind === 'table' ? (from.alias ?? from.name) : from.alias]);
}
