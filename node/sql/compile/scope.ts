/** Names: which column does `a.b` mean here? */
import { SqlError } from '../types/index.ts';
import type { TableDef, ViewDef } from '../catalog/index.ts';
import type { ColumnRef, Expr, Select, SelectItem, WindowSpec } from '../parser/index.ts';
import { Bound } from './bound.ts';
import type { CompiledQuery, Compiler } from './compiler.ts';

export interface RelationColumn {
  readonly name: string;
  readonly bound: Bound;
  /** Left out of `*`. */
  readonly invisible?: boolean;
}

export interface Relation {
  /** Name that the query gives it; '' for a join's merged columns. */
  readonly alias: string;
  /** Database for `db.table.column`; '' for derived tables. */
  readonly database: string;
  /** The table itself, for privileges: column look-ups are noted there. */
  readonly base?: { readonly database: string; readonly table: string };
  readonly columns: readonly RelationColumn[];
  readonly byName: ReadonlyMap<string, RelationColumn>;
  /** Base tables: the rowid's text. */
  readonly rowid?: string;
  /** What `_rowid` means. */
  readonly rowKey?: RelationColumn | undefined;
  /** It is a view that stands for its table: what a change must know of it. */
  readonly view?: UpdatableView;
  /** Columns, by place, that those at the given places determine, where it is a query's result. */
  readonly determined?: CompiledQuery['determined'];
  /** Unqualified names never mean its columns. */
  readonly onlyQualified?: boolean;
}

/** A view over one table (or over such a view), through which rows can be changed. */
export interface UpdatableView {
  readonly view: ViewDef;
  readonly text: string;
  readonly select: Select;
  readonly alias: string;
  readonly over: TableDef | UpdatableView;
  readonly table: TableDef;
}

export function makeRelation(relation: Omit<Relation, 'byName'>): Relation {
  const byName = new Map<string, RelationColumn>();
  for (const column of relation.columns)
    if (!byName.has(column.name.toLowerCase())) byName.set(column.name.toLowerCase(), column);
  if (relation.rowKey && !byName.has('_rowid')) byName.set('_rowid', relation.rowKey);
  return { ...relation, byName };
}

/** A FROM clause's names, in the order of `*`. */
export interface StarColumn {
  readonly relation: Relation;
  readonly column: RelationColumn;
}

/** The names one SELECT can use; `parent` is the query round it. */
export class Scope {
  readonly parent: Scope | undefined;
  relations: Relation[] = [];
  star: StarColumn[] = [];
  /** Columns merged by USING and NATURAL: an unqualified name means these. */
  merged = new Map<string, RelationColumn>();
  /** Common table expressions that are visible here. */
  readonly tables = new Map<string, CommonRelation>();
  /** Set while GROUP BY's rules apply; see group.ts. */
  group: GroupState | undefined;
  /** Aliases of the select list, for GROUP BY, HAVING and ORDER BY. */
  aliases: Map<string, Bound> | undefined;
  /** Set while HAVING is compiled. */
  having: HavingColumns | undefined;
  /** What of the select list is computed over windows. */
  readonly overWindows = new Set<Bound>();
  /** What of it has aggregates in it. */
  readonly overGroups = new Set<Bound>();
  /**
   * Whether aggregates of this query may stand in what is being compiled: in ORDER BY of a query that is not grouped they may not, and this
   * is the place of the expression there.
   */
  aggregates: 'allowed' | number | undefined;
  /** A query without FROM, one of whose aggregates is over columns of queries round it: the name of its one row. */
  oneRow: string | undefined;
  /** Named windows. */
  readonly windowSpecs = new Map<string, WindowSpec>();
  /** A statement that changes rows: a view over one table stands for that table. */
  mergesViews = false;

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  commonTable(name: string): CommonRelation | undefined {
    return this.tables.get(name) ?? this.parent?.commonTable(name);
  }
}

export interface CommonRelation {
  /** SQLite's name of it. */
  readonly sqlName: string;
  readonly columns: readonly { readonly name: string; readonly bound: Bound }[];
  readonly determined?: CompiledQuery['determined'];
}

/** `#number of clause`, from 1. */
export interface GroupPlace {
  readonly number: number;
  readonly clause: string;
}

export interface BareColumn {
  readonly sql: string;
  readonly ref: ColumnRef;
  readonly relation: Relation;
  readonly place: GroupPlace;
}

/** The columns that HAVING may name by themselves, as texts. */
export interface HavingColumns {
  /** Those that the select list or GROUP BY has. */
  readonly columns: ReadonlySet<string>;
  /** Those of GROUP BY, which come before aliases of the same name. */
  readonly grouped: ReadonlySet<string>;
}

/** What a grouped query may name. */
export interface GroupState {
  /** SQLite texts of the GROUP BY expressions. */
  readonly keys: Set<string>;
  /** How deep inside an aggregate's arguments the compiler is. */
  insideAggregate: number;
  hasAggregate: boolean;
  /** Columns named outside aggregates and not (yet) covered by a key. */
  bare: BareColumn[];
  /** Which expression is being compiled, as errors call it. */
  place: GroupPlace;
  /** GROUP BY expressions that are NULL at this level of a ROLLUP, by their text. */
  readonly rolledUp?: ReadonlySet<string>;
  readonly hasRollup: boolean;
}

/** Resolves a column name; null when it is not found. Throws 1052 for an ambiguous one. */
export function findColumn(c: Compiler, scope: Scope, ref: ColumnRef, clause: string): Bound | null {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const alias = ref.table === undefined ? s.aliases?.get(ref.name.toLowerCase()) : undefined;
    const having = s === scope && s.group?.insideAggregate !== 1 ? s.having : undefined;
    const named = alias && having ? tryLookUp(s, ref, clause) : lookUp(s, ref, clause);
    const found = having && named && !having.columns.has(named.column.bound.sql) ? undefined : named;
    if (alias && (!found || (s.having && !s.having.grouped.has(found.column.bound.sql)))) {
      if (s.having && s.overWindows.has(alias)) throw windowAlias(ref.name);
      if (s !== scope && s.overGroups.has(alias))
        throw new SqlError(1247, '42S22', `Reference '${ref.name}' not supported (reference to group function)`);
      return alias;
    }
    if (!found) continue;
    const base = found.relation?.base;
    if (base) c.needs('select', base.database, base.table, found.column.name);
    const { bound } = found.column;
    const group = s.group;
    if (group && group.insideAggregate === 0 && found.relation && !group.keys.has(bound.sql)) {
      group.bare.push({ sql: bound.sql, ref, relation: found.relation, place: group.place });
    }
    if (group?.rolledUp?.has(bound.sql) && group.insideAggregate === 0)
      return new Bound('NULL', { type: bound.type, nullable: true, coercibility: bound.coercibility });
    return bound;
  }
  return null;
}

const windowAlias = (name: string): SqlError =>
  new SqlError(
    3594,
    'HY000',
    `You cannot use the alias '${name}' of an expression containing a window function in this context.'`,
  );

/** Whether a name means something of this query itself. */
export const isNameOf = (scope: Scope, ref: ColumnRef, clause: string): boolean =>
  (ref.table === undefined && scope.aliases?.has(ref.name.toLowerCase()) === true) ||
  lookUp(scope, ref, clause) !== undefined;

export function havingColumns(scope: Scope, { items, groupBy }: Select): HavingColumns {
  const textOf = (e: Expr): string[] => {
    const found = e.kind === 'column' ? tryLookUp(scope, e, 'having clause') : undefined;
    return found ? [found.column.bound.sql] : [];
  };
  const grouped = new Set(groupBy.flatMap((item) => textOf(item.expr)));
  const listed = items.flatMap((item) =>
    item.kind === 'star' ? starColumns(scope, item).map(({ bound }) => bound.sql) : textOf(item.expr),
  );
  return { grouped, columns: new Set([...grouped, ...listed]) };
}

/** What `*` stands for. */
export function starColumns(
  scope: Scope,
  item: Extract<SelectItem, { kind: 'star' }>,
): { name: string; bound: Bound; base: { database: string; table: string } | undefined }[] {
  const found = scope.star.filter(
    (s) =>
      item.table === undefined ||
      (s.relation.alias === item.table && (item.schema === undefined || s.relation.database === item.schema)),
  );
  if (item.table === undefined)
    return found.map((s) => ({ name: s.column.name, bound: s.column.bound, base: s.relation.base }));
  const relation = scope.relations.find(
    (r) => r.alias === item.table && (item.schema === undefined || r.database === item.schema),
  );
  if (!relation) throw new SqlError(1051, '42S02', `Unknown table '${item.table}'`);
  return relation.columns
    .filter((column) => !column.invisible)
    .map((column) => ({ name: column.name, bound: column.bound, base: relation.base }));
}

/** Undefined also of a name that is ambiguous. */
export function tryLookUp(scope: Scope, ref: ColumnRef, clause: string): ReturnType<typeof lookUp> {
  try {
    return lookUp(scope, ref, clause);
  } catch (error) {
    if (error instanceof SqlError && error.errno === 1052) return undefined;
    throw error;
  }
}

function lookUp(
  scope: Scope,
  ref: ColumnRef,
  clause: string,
): { column: RelationColumn; relation: Relation | undefined } | undefined {
  const name = ref.name.toLowerCase();
  if (ref.table === undefined) {
    const merged = scope.merged.get(name);
    if (merged) return { column: merged, relation: scope.star.find((s) => s.column === merged)?.relation };
  }
  let found: { column: RelationColumn; relation: Relation } | undefined;
  for (const relation of scope.relations) {
    if (ref.table !== undefined && relation.alias !== ref.table) continue;
    if (ref.schema !== undefined && relation.database !== ref.schema) continue;
    if (ref.table === undefined && relation.onlyQualified) continue;
    const column = relation.byName.get(name);
    if (!column) continue;
    if (found) throw new SqlError(1052, '23000', `Column '${written(ref)}' in ${clause} is ambiguous`);
    found = { column, relation };
  }
  return found;
}

/** A column as errors call it that say where it is: `database.table.column`. */
export const columnTitle = ({ base, database, alias }: Relation, name: string): string =>
  [base?.database ?? database, alias, name].filter((part) => part !== '').join('.');

export const written = (ref: ColumnRef): string =>
  [ref.schema, ref.table, ref.name].filter((p) => p !== undefined).join('.');

export const unknownColumn = (ref: ColumnRef, clause: string): SqlError =>
  new SqlError(1054, '42S22', `Unknown column '${written(ref)}' in '${clause}'`);
