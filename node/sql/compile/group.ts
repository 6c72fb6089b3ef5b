/** ONLY_FULL_GROUP_BY: every column that is named must be the same throughout its group (error 1055). */
import { primaryKey } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { Expr, Select } from '../parser/index.ts';
import type { Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { columnTitle, findColumn, type BareColumn, type Relation, type Scope } from './scope.ts';

/** As errors call what a window is partitioned and ordered by; its name follows. */
export const WINDOW_CLAUSE = 'PARTITION BY or ORDER BY clause of window ';
export const isOfWindow = ({ place }: BareColumn): boolean => place.clause.startsWith(WINDOW_CLAUSE);

export function checkFullGroupBy(c: Compiler, scope: Scope, select: Select, keys: readonly Bound[]): void {
  const { group } = scope;
  if (!group || group.bare.length === 0) return;
  const known = new Set(keys.map((k) => k.sql));
  spread(c, scope, select, known);
  // MySQL looks at windows last.
  const inOrder = [...group.bare.filter((b) => !isOfWindow(b)), ...group.bare.filter(isOfWindow)];
  for (const { sql, ref, relation, place } of inOrder) {
    if (known.has(sql) || isDetermined(c, relation, known)) continue;
    const name = columnTitle(relation, ref.name);
    if (select.groupBy.length === 0) {
      throw new SqlError(
        1140,
        '42000',
        `In aggregated query without GROUP BY, expression #${place.number} of ${place.clause} contains nonaggregated column '${name}'; this is incompatible with sql_mode=only_full_group_by`,
      );
    }
    throw new SqlError(
      1055,
      '42000',
      `Expression #${place.number} of ${place.clause} is not in GROUP BY clause and contains nonaggregated column '${name}' which is not functionally dependent on columns in GROUP BY clause; this is incompatible with sql_mode=only_full_group_by`,
    );
  }
}

/**
 * What columns of a SELECT's result determine, by place: those of a group its whole row, those of a table's key the table's other columns,
 * and what is computed of them. `keys` is what it groups by.
 */
export function determinedOutputs(
  c: Compiler,
  scope: Scope,
  select: Select,
  outputs: readonly string[],
  keys: readonly Bound[] | undefined,
  places: ReadonlySet<number>,
): number[] {
  const all = [...outputs.keys()];
  if (keys?.length === 0) return places.size > 0 ? all : [];
  const known = new Set([...places].map((place) => outputs[place] as string));
  // Who reads a view needs no privileges on its tables.
  c.withoutReads(() => {
    spread(c, scope, select, known);
  });
  if (keys) return keys.every((key) => known.has(key.sql)) ? all : [];
  const isComputed = (sql: string): boolean => places.size > 0 && isComputedOf(sql, known);
  return all.filter((place) => known.has(outputs[place] as string) || isComputed(outputs[place] as string));
}

/** Whether an expression reads known columns alone. What it calls is not asked for, as in MySQL: RAND() is no other column. */
const isComputedOf = (sql: string, known: ReadonlySet<string>): boolean =>
  !sql.includes('SELECT') && [...sql.matchAll(/\ba\d+\.\w+/g)].every(([column]) => known.has(column));

/** Adds all columns that the known ones determine. */
function spread(c: Compiler, scope: Scope, select: Select, known: Set<string>): void {
  const equalities = equalitiesOf(c, scope, [select.where, ...joinConditions(select)]);
  for (let before = -1; before !== known.size;) {
    before = known.size;
    closeOverEqualities(equalities, known);
    for (const relation of scope.relations) {
      const { columns } = relation;
      const places = new Set([...columns.keys()].filter((place) => known.has(columns[place]?.bound.sql ?? '')));
      if (isDetermined(c, relation, known)) for (const { bound } of columns) known.add(bound.sql);
      for (const place of relation.determined?.(places) ?? []) known.add(columns[place]?.bound.sql ?? '');
    }
  }
}

/** Whether the known columns hold a key of the relation: then they determine its row. */
function isDetermined(c: Compiler, relation: Relation, known: ReadonlySet<string>): boolean {
  const { base } = relation;
  const table =
    base && (c.settings.temporaryTable(base.database, base.table) ?? c.catalog.table(base.database, base.table));
  if (!table) return false;
  const sqlOf = (id: number): string | undefined =>
    relation.columns.find((column) => column.bound.column?.columnId === id)?.bound.sql;
  const primary = primaryKey(table);
  return table.indexes.some((index) => {
    if (index.kind !== 'primary' && index.kind !== 'unique') return false;
    return index.parts.every((part) => {
      const sql = sqlOf(part.column);
      const column = table.columns.find((x) => x.id === part.column);
      return sql !== undefined && known.has(sql) && (index === primary || column?.nullable === false);
    });
  });
}

function joinConditions(select: Select): Expr[] {
  const found: Expr[] = [];
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    const { kind, on } = node as { kind?: string; on?: Expr };
    if (kind === 'join' && on) found.push(on);
    if (kind === 'join') Object.values(node).forEach(walk);
    else if (Array.isArray(node)) node.forEach(walk);
  };
  walk(select.from);
  return found;
}

/** The columns' texts of both sides of each a = b; undefined for a constant. */
type Equality = readonly [string | undefined, string | undefined];

function equalitiesOf(c: Compiler, scope: Scope, conditions: readonly (Expr | undefined)[]): Equality[] {
  const equalities: Equality[] = [];
  const saved = scope.group;
  scope.group = undefined;
  const sideOf = (e: Expr): string | undefined => {
    if (e.kind === 'number' || e.kind === 'string' || e.kind === 'param' || e.kind === 'temporal') return undefined;
    if (e.kind !== 'column') return '';
    return findColumn(c, scope, e, 'where clause')?.sql ?? '';
  };
  const walk = (e: Expr | undefined): void => {
    if (e?.kind !== 'binary') return;
    if (e.op === 'and') {
      walk(e.left);
      walk(e.right);
    } else if (e.op === '=') {
      const pair: Equality = [sideOf(e.left), sideOf(e.right)];
      if (pair[0] !== '' && pair[1] !== '') equalities.push(pair);
    }
  };
  conditions.forEach(walk);
  scope.group = saved;
  return equalities;
}

/** a = b with a known makes b known; a = constant makes a known. */
function closeOverEqualities(equalities: readonly Equality[], known: Set<string>): void {
  for (let grew = true; grew;) {
    grew = false;
    for (const [a, b] of equalities) {
      for (const [x, y] of [
        [a, b],
        [b, a],
      ]) {
        if (x !== undefined && !known.has(x) && (y === undefined || known.has(y))) {
          known.add(x);
          grew = true;
        }
      }
    }
  }
}
