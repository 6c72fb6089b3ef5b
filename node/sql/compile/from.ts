/** FROM: tables, views, derived tables, joins. */
import type { ViewDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { DerivedTable, Expr, Join, JsonTable, TableExpr, TableRef } from '../parser/index.ts';
import { baseSource, type NamedRelation } from './base-table.ts';
import { Bound, COERCIBILITY } from './bound.ts';
import { columnListCount, unsupported, type CompiledQuery, type Compiler, type VirtualTable } from './compiler.ts';
import { compileJsonTable } from './json-table.ts';
import { compare, truth } from './operators.ts';
import { packingRows, unpacked } from './packed-rows.ts';
import { mergedView } from './updatable-view.ts';
import { findColumn, makeRelation, type Relation, type RelationColumn, type Scope, type StarColumn } from './scope.ts';

/** Names that a part of FROM brings, and the text that gives its rows. */
interface Source {
  readonly sql: string;
  readonly relations: Relation[];
  readonly star: StarColumn[];
  readonly merged: Map<string, RelationColumn>;
}

/** Compiles FROM into `scope`; returns SQLite's text after the word FROM. */
export function compileFrom(c: Compiler, scope: Scope, from: readonly TableExpr[]): string {
  let source: Source | undefined;
  const outer = c.joins;
  c.joins = from.length > 1 || from[0]?.kind === 'join' || from[0]?.kind === 'tableList';
  for (const item of from) {
    const next = compileItem(c, scope, item);
    source = source ? joinSources(c, scope, source, next, 'JOIN', undefined) : next;
    install(scope, source);
  }
  c.joins = outer;
  return source?.sql ?? '';
}

function install(scope: Scope, source: Source): void {
  const seen = new Map<string, Relation>();
  for (const relation of source.relations) {
    const key = `${relation.database}.${relation.alias}`;
    const other = seen.get(key);
    if (other) throw new SqlError(1066, '42000', `Not unique table/alias: '${relation.alias}'`);
    seen.set(key, relation);
  }
  scope.relations = source.relations;
  scope.star = source.star;
  scope.merged = source.merged;
}

function compileItem(c: Compiler, scope: Scope, item: TableExpr): Source {
  switch (item.kind) {
    case 'table':
      return single(tableSource(c, scope, item));
    case 'derived': {
      if (item.lateral) return single(lateral(c, scope, item));
      return single(derived(c, c.query(item.query, outerOf(scope)), item.alias, item.columns));
    }
    case 'jsonTable':
      return single(jsonTable(c, scope, item));
    case 'tableList': {
      const [first, ...rest] = item.tables as [TableExpr, ...TableExpr[]];
      return rest.reduce(
        (left, table) => {
          const right = beside(scope, left, () => compileItem(c, scope, table));
          return joinSources(c, scope, left, right, 'JOIN', undefined);
        },
        compileItem(c, scope, first),
      );
    }
    case 'join':
      return join(c, scope, item);
  }
}

/** A derived table sees the common tables of its query and what is round it, but not its neighbours. */
function outerOf(scope: Scope): Scope | undefined {
  return scope.parent;
}

/** Compiles a part of FROM that may name the tables on its left: LATERAL and JSON_TABLE do. */
function beside(scope: Scope, left: Source, compile: () => Source): Source {
  const { relations } = scope;
  scope.relations = [...relations, ...left.relations];
  try {
    return compile();
  } finally {
    scope.relations = relations;
  }
}

/** The right side of a RIGHT JOIN comes first: it can name nothing on its left. */
function alone(scope: Scope, compile: () => Source): Source {
  const { relations } = scope;
  scope.relations = [];
  try {
    return compile();
  } finally {
    scope.relations = relations;
  }
}

function single({ sql, relation }: NamedRelation): Source {
  return {
    sql,
    relations: [relation],
    star: relation.columns.filter((column) => !column.invisible).map((column) => ({ relation, column })),
    merged: new Map(),
  };
}

function derived(
  c: Compiler,
  query: CompiledQuery,
  alias: string,
  names: readonly string[] | undefined,
  base?: Relation['base'],
  database = '',
): NamedRelation {
  if (names && names.length !== query.columns.length) {
    throw columnListCount();
  }
  const name = c.alias();
  const lower = new Set<string>();
  const columns = query.columns.map((column, i): RelationColumn => {
    const columnAlias = names?.[i] ?? column.name;
    if (lower.has(columnAlias.toLowerCase()))
      throw new SqlError(1060, '42S21', `Duplicate column name '${columnAlias}'`);
    lower.add(columnAlias.toLowerCase());
    return {
      name: columnAlias,
      bound: new Bound(`${name}.f${i}`, {
        type: column.type,
        nullable: column.nullable,
        coercibility: column.coercibility === COERCIBILITY.explicit ? COERCIBILITY.implicit : column.coercibility,
        column: { database, alias, table: base?.table ?? alias, name: columnAlias },
      }),
    };
  });
  return {
    sql: `(${query.sql}) AS ${name}`,
    relation: makeRelation({ alias, database, columns, determined: query.determined, ...(base && { base }) }),
  };
}

/** LATERAL (SELECT …): its rows are packed by a subquery that sees the tables on its left. */
function lateral(c: Compiler, scope: Scope, item: DerivedTable): NamedRelation {
  const query = c.query(item.query, scope);
  const types = query.columns.map(({ type }) => type);
  const source = derived(c, query, item.alias, item.columns);
  // Without a row of an earlier table it is a derived table like others.
  if (!namesAny(query.sql, scope.relations)) return source;
  const name = c.alias();
  const fields = types.map((_, i) => `f${i}`).join(',');
  return {
    sql: `json_each((SELECT ${c.use(packingRows(types))}(${fields}) FROM (${query.sql}))) AS ${name}`,
    relation: makeRelation({
      ...source.relation,
      columns: source.relation.columns.map((column, i) => ({
        ...column,
        bound: unpackedBound(column.bound, unpacked(name, i, column.bound.type)),
      })),
    }),
  };
}

const unpackedBound = ({ type, nullable, coercibility, column }: Bound, sql: string): Bound =>
  new Bound(sql, { type, nullable, coercibility, ...(column && { column }) });

function jsonTable(c: Compiler, scope: Scope, item: JsonTable): NamedRelation {
  const document = tableArgument(c, scope, item.document);
  const { columns, rows } = compileJsonTable(c, item, document);
  const { alias } = item;
  const name = c.alias();
  return {
    sql: `json_each(${c.use(rows)}(${document.sql})) AS ${name}`,
    relation: makeRelation({
      alias,
      database: '',
      columns: columns.map((column, i) => ({
        name: column.name,
        bound: new Bound(unpacked(name, i, column.type), {
          type: column.type,
          nullable: true,
          coercibility: COERCIBILITY.implicit,
          column: { database: '', alias, table: alias, name: column.name },
        }),
      })),
    }),
  };
}

function tableArgument(c: Compiler, scope: Scope, document: Expr): Bound {
  const clause = 'a table function argument';
  if (document.kind === 'column' && document.table !== undefined && !findColumn(c, scope, document, clause))
    throw new SqlError(1109, '42S02', `Unknown table '${document.table}' in ${clause}`);
  return c.expr(scope, document, clause);
}

function tableSource(c: Compiler, scope: Scope, ref: TableRef): NamedRelation {
  if (ref.asOf) throw unsupported('FOR SYSTEM_TIME AS OF');
  if (ref.sample) throw unsupported('TABLESAMPLE');
  const alias = ref.alias ?? ref.name;
  if (ref.schema === undefined) {
    const common = scope.commonTable(ref.name);
    if (common) {
      const name = c.alias();
      const columns = common.columns.map((column) => ({
        name: column.name,
        bound: new Bound(`${name}.${column.bound.sql}`, {
          type: column.bound.type,
          nullable: true,
          coercibility: column.bound.coercibility,
          column: { database: '', alias, table: ref.name, name: column.name },
        }),
      }));
      const relation = makeRelation({ alias, database: '', columns, determined: common.determined });
      return { sql: `${common.sqlName} AS ${name}`, relation };
    }
  }
  const database = ref.schema ?? c.settings.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  const virtual = c.settings.virtualTable(database, ref.name);
  if (virtual) return virtualSource(c, virtual, database, alias);
  const temporary = c.settings.temporaryTable(database, ref.name);
  if (temporary) return baseSource(c, temporary, alias, ref.indexHints);
  c.mayName('select', database, ref.name);
  const table = c.catalog.table(database, ref.name);
  if (table) return baseSource(c, table, alias, ref.indexHints);
  const view = c.catalog.view(database, ref.name);
  if (view) return (scope.mergesViews ? mergedView(c, view, alias) : undefined) ?? viewSource(c, view, alias);
  if (!c.catalog.databases.has(database) && !isSystemDatabase(database))
    throw new SqlError(1049, '42000', `Unknown database '${database}'`);
  throw new SqlError(1146, '42S02', `Table '${database}.${ref.name}' doesn't exist`);
}

export const isSystemDatabase = (name: string): boolean =>
  ['information_schema', 'performance_schema', 'mysql', 'sys', 'p2pdb'].includes(name.toLowerCase());

function virtualSource(c: Compiler, virtual: VirtualTable, database: string, alias: string): NamedRelation {
  const name = c.alias();
  const key = `${database.toLowerCase()}.${virtual.name}`;
  const rows = c.param((x) => x.rowsOf(key));
  const columns = virtual.columns.map((column, i) => ({
    name: column.name,
    bound: new Bound(`${name}.f${i}`, {
      type: c.joins ? (column.joinType ?? column.type) : column.type,
      nullable: column.nullable,
      coercibility: COERCIBILITY.implicit,
      column: { database, alias, table: virtual.name, name: column.name },
    }),
  }));
  c.needs('select', database.toLowerCase(), virtual.name);
  const fields = virtual.columns.map((_, i) => `value->>${i} AS f${i}`).join(',');
  c.volatile = true;
  // In a join the rows are made once, so that SQLite can index them: LIMIT keeps it from reading the text for every row.
  return {
    sql: `(SELECT ${fields} FROM json_each(${rows})${c.joins ? ' LIMIT -1' : ''}) AS ${name}`,
    relation: makeRelation({ alias, database, columns }),
  };
}

function viewSource(c: Compiler, view: ViewDef, alias: string): NamedRelation {
  const { query, text } = c.settings.parseView(view);
  const compiled = c.insideView(view, text, () => c.query(query));
  c.needs('select', view.database, view.name);
  return derived(
    c,
    compiled,
    alias,
    view.columns.length > 0 ? view.columns : undefined,
    { database: view.database, table: view.name },
    view.database,
  );
}

function join(c: Compiler, scope: Scope, item: Join): Source {
  const left = compileItem(c, scope, item.left);
  const compileRight = (): Source => compileItem(c, scope, item.right);
  const right = item.type === 'right' ? alone(scope, compileRight) : beside(scope, left, compileRight);
  const type =
    item.type === 'left'
      ? 'LEFT JOIN'
      : item.type === 'right'
        ? 'RIGHT JOIN'
        : item.type === 'straight'
          ? 'CROSS JOIN'
          : 'JOIN';
  if (item.natural) {
    const names = left.star
      .map((s) => s.column.name)
      .filter((name) => right.star.some((s) => s.column.name.toLowerCase() === name.toLowerCase()));
    return joinSources(c, scope, left, right, type, undefined, names);
  }
  return joinSources(c, scope, left, right, type, item.on, item.using);
}

function joinSources(
  c: Compiler,
  scope: Scope,
  left: Source,
  right: Source,
  type: string,
  on: Expr | undefined,
  using?: readonly string[],
): Source {
  const nullableLeft = type === 'RIGHT JOIN';
  const nullableRight = type === 'LEFT JOIN';
  const l = nullableLeft ? nullableSide(left) : left;
  const r = nullableRight ? nullableSide(right) : right;
  const joined: Source = {
    sql: '',
    relations: [...l.relations, ...r.relations],
    star: [...l.star, ...r.star],
    merged: new Map([...l.merged, ...r.merged]),
  };
  let condition = '';
  if (using && using.length > 0) {
    const terms: string[] = [];
    const merged: StarColumn[] = [];
    for (const name of using) {
      const a = lookIn(l, name);
      const b = lookIn(r, name);
      if (!a || !b) throw new SqlError(1054, '42S22', `Unknown column '${name}' in 'from clause'`);
      terms.push(compare(c, '=', a.column.bound, b.column.bound).sql);
      // The column of the side that is never missing; RIGHT JOIN's is the right one.
      const kept = nullableLeft ? b : a;
      merged.push(kept);
      joined.merged.set(name.toLowerCase(), kept.column);
    }
    const names = new Set(using.map((n) => n.toLowerCase()));
    const rest = (s: StarColumn): boolean => !names.has(s.column.name.toLowerCase());
    const [first, second] = nullableLeft ? [r, l] : [l, r];
    joined.star.splice(0, joined.star.length, ...merged, ...first.star.filter(rest), ...second.star.filter(rest));
    condition = ` ON ${terms.join(' AND ')}`;
  } else if (on) {
    const saved = [scope.relations, scope.star, scope.merged] as const;
    [scope.relations, scope.star, scope.merged] = [joined.relations, joined.star, joined.merged];
    condition = ` ON ${truth(c, c.expr(scope, on, 'on clause'))}`;
    [scope.relations, scope.star, scope.merged] = saved;
  } else if (type === 'LEFT JOIN' || type === 'RIGHT JOIN') {
    condition = ' ON 1';
  }
  const group = right.relations.length > 1;
  // SQLite makes a subquery of what stands in parentheses, and nothing in it sees the tables outside: rows that depend on
  // those stand in the open, with the condition after them.
  if (group && namesAny(right.sql, left.relations)) {
    if (type !== 'JOIN' || right.sql.includes(' RIGHT JOIN ')) throw unsupported('LATERAL inside a nested outer join');
    return { ...joined, sql: `${left.sql} JOIN ${right.sql}${condition && ` JOIN (SELECT 1)${condition}`}` };
  }
  return { ...joined, sql: `${left.sql} ${type} ${group ? `(${right.sql})` : right.sql}${condition}` };
}

/** Whether a text names a column of these tables. */
function namesAny(sql: string, relations: readonly Relation[]): boolean {
  const aliases = new Set(relations.flatMap((r) => /\ba\d+\./.exec(r.columns[0]?.bound.sql ?? '')?.[0] ?? []));
  return [...sql.matchAll(/\ba\d+\./g)].some(([alias]) => aliases.has(alias));
}

function lookIn(source: Source, name: string): StarColumn | undefined {
  const lower = name.toLowerCase();
  const merged = source.merged.get(lower);
  if (merged) return source.star.find((s) => s.column === merged);
  const found = source.star.filter((s) => s.column.name.toLowerCase() === lower);
  if (found.length > 1) throw new SqlError(1052, '23000', `Column '${name}' in from clause is ambiguous`);
  return found[0];
}

/** The side of an outer join that can be missing: all its columns can be NULL. */
function nullableSide(source: Source): Source {
  const columns = new Map<RelationColumn, RelationColumn>();
  const relations = source.relations.map((relation) =>
    makeRelation({
      ...relation,
      columns: relation.columns.map((column) => {
        const nullable = { ...column, bound: column.bound.with({ nullable: true }) };
        columns.set(column, nullable);
        return nullable;
      }),
    }),
  );
  const byOld = new Map(source.relations.map((relation, i) => [relation, relations[i] as Relation]));
  const mapped = (column: RelationColumn): RelationColumn => columns.get(column) ?? column;
  return {
    sql: source.sql,
    relations,
    star: source.star.map((s) => ({ relation: byOld.get(s.relation) ?? s.relation, column: mapped(s.column) })),
    merged: new Map([...source.merged].map(([name, column]) => [name, mapped(column)])),
  };
}
