/** One SELECT. */
import { columnName, rowidColumn, type TableDef } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import { sqlError } from '../values/index.ts';
import type { ColumnRef, Limit, OrderItem, Select, SelectItem } from '../parser/index.ts';
import { Bound } from './bound.ts';
import { unsupported, type CompiledColumn, type CompiledQuery, type Compiler, type PlainOrder } from './compiler.ts';
import { compileFrom } from './from.ts';
import { checkFullGroupBy, determinedOutputs, isOfWindow } from './group.ts';
import { noteBounds } from './bounds.ts';
import { keyLookupOf, keyRangeOf } from './key-range.ts';
import { lockedRowids, notHeld } from './locking-reads.ts';
import { needsKey, orderKey, plainOrderKey, truth } from './operators.ts';
import { newGroup } from './owners.ts';
import { checkDistinctOrder, orderTerm, type KeyOf, type OrderTerm } from './order.ts';
import { signatureName } from './call.ts';
import type { SqlFunction } from './plan.ts';
import { isPlace, limitSql } from './places.ts';
import { havingColumns, makeRelation, Scope, starColumns, tryLookUp, type Relation } from './scope.ts';
import { withoutVersionComments } from '../parser/index.ts';
import { containsAggregate, containsKind, containsWindow, slotsIn } from './walk.ts';
import { windowDefinitions } from './windows.ts';
import { whereSql } from './where.ts';

interface Item {
  readonly name: string;
  readonly bound: Bound;
}

export function compileSelect(
  c: Compiler,
  outer: Scope,
  select: Select,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
): CompiledQuery {
  if (select.rollup === 'cube') throw unsupported('CUBE');
  const grouped = select.groupBy.length > 0 || containsAggregate([select.items, select.having]);
  const levels = select.rollup === 'rollup' ? select.groupBy.length + 1 : 1;
  const saved = c.inlineLiterals;
  c.inlineLiterals =
    saved ||
    select.groupBy.some((g) => g.expr.kind !== 'column') ||
    (select.options.includes('distinct') && orderBy.length > 0);
  try {
    if (levels === 1) return compileLevel(c, outer, select, orderBy, limit, grouped, undefined);
    return rollup(c, outer, select, orderBy, limit, levels);
  } finally {
    c.inlineLiterals = saved;
  }
}

/** WITH ROLLUP: a query for each level, from all the groups to the grand total. */
function rollup(
  c: Compiler,
  outer: Scope,
  select: Select,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
  levels: number,
): CompiledQuery {
  const parts = Array.from({ length: levels }, (_, rolled) =>
    compileLevel(c, outer, select, orderBy, undefined, true, rolled),
  );
  const first = parts[0] as CompiledQuery & { orderTerms?: number };
  const columns = first.columns.map((column) => ({ ...column, nullable: true }));
  const width = columns.length;
  const orderCount = first.orderTerms ?? 0;
  const extra = Array.from({ length: orderCount }, (_, i) => `g${i}`);
  const flags = select.groupBy.flatMap((_, i) => [`h${i}`, `k${i}`]);
  const all = [...columns.map((_, i) => `f${i}`), ...extra, ...flags];
  const union = parts.map((p) => `SELECT ${all.join(',')} FROM (${p.sql})`).join(' UNION ALL ');
  const order =
    orderBy.length > 0
      ? extra.map((g, i) => g + (orderBy[i]?.direction === 'desc' ? ' DESC' : ''))
      : select.groupBy.flatMap((g, i) => [`h${i}`, `k${i}${g.direction === 'desc' ? ' DESC' : ''}`]);
  const scope = new Scope(outer);
  const fields = Array.from({ length: width }, (_, i) => `f${i}`).join(',');
  // Of rows that are the same the first stays, in the order of all.
  const keys = columns.map((column, i) => orderKey(c, new Bound(`f${i}`, column)));
  const distinct = select.options.includes('distinct') ? ` GROUP BY ${keys.join(',')}` : '';
  return {
    sql: `SELECT ${fields} FROM (${union})${distinct} ORDER BY ${(distinct ? order.map((o) => `min(${o.replace(/ DESC$/, '')})${o.endsWith(' DESC') ? ' DESC' : ''}`) : order).join(',')}${limitSql(c, scope, limit)}`,
    columns,
    atMostOneRow: false,
  };
}

type Level = CompiledQuery & { orderTerms?: number };

/** Whose query an aggregate is of, only its columns tell: whether this one has any is known once its parts are compiled. */
function compileLevel(
  c: Compiler,
  outer: Scope,
  select: Select,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
  grouped: boolean,
  rolled: number | undefined,
): Level {
  const { further, locking, unordered } = c;
  const mark = c.mark();
  const asItLooks = tryLevel(c, outer, select, orderBy, limit, grouped, rolled);
  if (asItLooks) return asItLooks;
  c.backTo(mark);
  c.further = further;
  c.locking = locking;
  c.unordered = unordered;
  const otherwise = tryLevel(c, outer, select, orderBy, limit, !grouped, rolled);
  if (!otherwise) throw new Error('a query either has aggregates or has none');
  return otherwise;
}

/** Undefined where it turns out that it is not `grouped`, or that it is. */
function tryLevel(
  c: Compiler,
  outer: Scope,
  select: Select,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
  grouped: boolean,
  rolled: number | undefined,
): Level | undefined {
  const { further, locking, unordered } = c;
  c.further = undefined;
  c.locking = [];
  c.unordered = false;
  const scope = new Scope(outer);
  const from = compileFrom(c, scope, select.from);
  // MySQL has it for its other optimizer only, which is off unless it was asked for.
  if (select.qualify) throw sqlError(6037, `'QUALIFY clause' can be used only if the hypergraph optimizer is enabled.`);
  const condition = select.where ? whereSql(c, scope, select.where) : '';
  noteBounds(c, scope, select.from, select.where);
  const free = notHeld(c, scope, locking);
  const where = [interruptionPoint(c, scope), condition, ...free].filter((t) => t !== '').join(' AND ');

  const grouping = new Map<SelectItem, Bound>();
  const keys = groupKeys(c, scope, select, rolled === undefined ? grouping : undefined);
  if (grouped) {
    const texts = keys.map((k) => k.sql);
    scope.group = rolled === undefined ? newGroup(texts) : newGroup(texts, new Set(texts.slice(keys.length - rolled)));
  }
  scope.aggregates = 'allowed';
  windowDefinitions(c, scope, select.windows);

  const items = selectItems(c, scope, select.items, grouping);
  scope.aliases = new Map();
  for (const item of [...items].reverse()) scope.aliases.set(item.name.toLowerCase(), item.bound);

  scope.having = select.having && havingColumns(scope, select);
  if (scope.group) scope.group.place = { number: 1, clause: 'HAVING clause' };
  const having = select.having ? truth(c, c.expr(scope, select.having, 'having clause')) : '';
  scope.having = undefined;

  // Where all that groups are made by is listed, no two rows are the same.
  const isDistinct = grouped && rolled === undefined && keys.every((k) => items.some((i) => i.bound.sql === k.sql));
  const distinct = select.options.includes('distinct') && !isDistinct;
  // The one row of a query without GROUP BY needs no order: what it would be sorted by need not be grouped.
  const isOneRow = grouped && select.groupBy.length === 0;
  const order = orderBy.map((o, i) => {
    const { group } = scope;
    const bare = group?.bare.slice();
    if (group) group.place = { number: i + 1, clause: 'ORDER BY clause' };
    if (!scope.group) scope.aggregates = i + 1;
    const term = orderTerm(c, scope, items, o);
    if (group && bare && isOneRow) group.bare = [...bare, ...group.bare.slice(bare.length).filter(isOfWindow)];
    return term;
  });
  if (!grouped && scope.group) return undefined;
  if (isOneRow && scope.group?.hasAggregate === false) return undefined;
  if (scope.group && c.settings.onlyFullGroupBy) checkFullGroupBy(c, scope, select, keys);
  if (distinct && !unordered && c.settings.onlyFullGroupBy)
    checkDistinctOrder(
      c,
      scope,
      select.items,
      items.map((i) => i.bound),
      orderBy,
      order,
    );

  const groupSql = groupClause(c, keys, rolled);
  const source = from || (scope.oneRow === undefined ? '' : `(SELECT 1 AS f0) AS ${scope.oneRow}`);
  const tail =
    (source ? ` FROM ${source}` : '') +
    (where ? ` WHERE ${where}` : '') +
    groupSql +
    (having
      ? groupSql || grouped
        ? ` HAVING ${having}`
        : where || source
          ? ` ${where ? 'AND' : 'WHERE'} ${having}`
          : ` WHERE ${having}`
      : '');

  const columns = items.map(({ name, bound }): CompiledColumn => ({
    name,
    type: bound.type,
    nullable: bound.nullable,
    coercibility: bound.coercibility,
    source: bound.column,
  }));
  const atMostOneRow = (grouped && select.groupBy.length === 0) || (select.from.length === 0 && !select.having);

  if (rolled !== undefined) {
    // What the levels are sorted by afterwards travels along as columns.
    const extra = order.map((o, i) => `${o.key} AS g${i}`);
    const flags = keys.flatMap((k, i) => [
      `${i >= keys.length - rolled ? 1 : 0} AS h${i}`,
      `${i >= keys.length - rolled ? 'NULL' : orderKey(c, k)} AS k${i}`,
    ]);
    // What aggregates is one row, also of no rows.
    const total = rolled === keys.length ? ['count(*)'] : [];
    const list = [...items.map((item, i) => `${item.bound.sql} AS f${i}`), ...extra, ...flags, ...total];
    return { sql: `SELECT ${list.join(',')}${tail}`, columns, atMostOneRow: false, orderTerms: order.length };
  }

  const outputs = further && !grouped ? [...items, ...furtherColumns(c, scope, further.columns, items.length)] : items;
  const list = outputs.map((item, i) => `${item.bound.sql} AS f${i}`);
  if (further?.rowids && !grouped && !distinct) list.push(...lockedRowids(c, scope, locking, items.length));
  const only = scope.relations.length === 1 ? scope.relations[0] : undefined;
  const use = only?.rowid === undefined ? undefined : c.tables.find((t) => only.rowid?.startsWith(`${t.alias}.`));
  if (only && use) {
    const target = { relation: only, table: use.table };
    c.keyRange = keyRangeOf(c, scope, target, select.where);
    c.keyLookup = keyLookupOf(c, scope, target, select.where);
  }
  const sorting = unordered ? [] : order;
  const orderSql = orderClause(sorting);
  const isByKey = distinct && (outputs.length > items.length || items.some((item) => needsKey(item.bound.type)));
  const alias = isByKey ? c.alias() : '';
  const keyed = (terms: readonly OrderTerm[], keyOf: KeyOf): string =>
    isByKey
      ? distinctByKey(alias, outputs, items.length, terms, tail, keyOf)
      : `SELECT ${distinct ? 'DISTINCT ' : ''}${list.join(',')}${tail}${orderClause(terms)}`;
  let unlimited = keyed(sorting, (b) => orderKey(c, b));
  if (having && grouped && select.groupBy.length === 0 && !containsAggregate(select.items)) {
    // SQLite takes HAVING without GROUP BY only where a column aggregates.
    unlimited = `SELECT ${items.map((_, i) => `f${i}`).join(',')} FROM (SELECT ${list.join(',')},count(*)${tail}${orderSql})`;
  }
  if (isOneRow && use && !having && !where && items.length > 1 && !c.settings.overlaid(use.table)) {
    // SQLite looks at an index's ends for one MIN or MAX alone; for several it goes through all rows.
    const isAtEnds = select.items.every((item, i) => isEndOfIndex(item, (items[i] as Item).bound, use.table));
    if (isAtEnds)
      unlimited = `SELECT ${items.map(({ bound }, i) => `(SELECT ${bound.sql} FROM ${source}) AS f${i}`).join(',')}`;
  }
  const parameters = c.binders.length;
  const sql = unlimited + limitSql(c, scope, limit);
  const isWhole = !limit && !grouped && outputs.length === list.length && outputs.length === items.length;
  const plain = isWhole ? plainOrder(items, order, isByKey, keyed) : undefined;
  const outputTexts = items.map((item) => item.bound.sql);
  return {
    sql,
    columns,
    atMostOneRow,
    unlimited: { sql: unlimited, parameters },
    ...(plain && { plain }),
    determined: (places) => determinedOutputs(c, scope, select, outputTexts, grouped ? keys : undefined, places),
  };
}

/** MIN or MAX, by SQLite's own, of a column by which there is an index. */
function isEndOfIndex(item: SelectItem, { sql }: Bound, table: TableDef): boolean {
  if (item.kind !== 'item' || item.expr.kind !== 'aggregate' || item.expr.over) return false;
  const name = /^(?:min|max)\(a\d+\.(\w+)\)$/.exec(sql)?.[1];
  const leads = [rowidColumn(table)?.id, ...table.indexes.map(({ parts }) => parts[0]?.column)];
  return name !== undefined && leads.some((id) => id !== undefined && columnName(id) === name);
}

const orderClause = (order: readonly OrderTerm[]): string =>
  order.length > 0 ? ` ORDER BY ${order.map((o) => o.text).join(',')}` : '';

/** Where all that texts are sorted by, or made distinct, is put out: then its rows tell whether they are plain. */
function plainOrder(
  items: readonly Item[],
  order: readonly OrderTerm[],
  isByKey: boolean,
  keyed: (terms: readonly OrderTerm[], keyOf: KeyOf) => string,
): PlainOrder | undefined {
  const places = new Set(isByKey ? items.keys() : []);
  const terms: OrderTerm[] = [];
  for (const term of order) {
    const key = plainOrderKey(term.bound);
    if (term.place === undefined || key === undefined || term.bound.bind) return undefined;
    places.add(term.place);
    terms.push({ ...term, key, text: key + (term.descending ? ' DESC' : '') });
  }
  const bounds = [...places].map((place) => (items[place] as Item).bound);
  if (bounds.some((b) => plainOrderKey(b) === undefined) || !bounds.some((b) => needsKey(b.type))) return undefined;
  return {
    sql: keyed(terms, (b) => plainOrderKey(b) ?? b.sql),
    places: [...places].filter((place) => needsKey((items[place] as Item).bound.type)),
  };
}

/** It gives the same each time, but is to be called each time. */
export const comeBack: SqlFunction = {
  kind: 'scalar',
  name: signatureName('come-back'),
  arity: 1,
  deterministic: false,
  make: () => () => 1,
};

/** Where a join comes back to JavaScript for each of its rows. A scan of one table ends by itself. */
function interruptionPoint(c: Compiler, scope: Scope): string {
  const last = scope.relations.at(-1);
  if (!c.settings.interruptible || scope.relations.length < 2 || last?.rowid === undefined) return '';
  const column = last.columns[0]?.bound.sql;
  return column === undefined ? '' : `${c.use(comeBack)}(${column})`;
}

/** Columns of FROM's tables that a statement reads besides the select list. */
function furtherColumns(c: Compiler, scope: Scope, names: readonly ColumnRef[], first: number): Item[] {
  const items: Item[] = [];
  const same = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();
  // A column that USING merges: without a table's name it is one, and not two.
  const merged: Relation = makeRelation({ alias: '', database: '', columns: [...scope.merged.values()] });
  c.furtherColumns = [merged, ...scope.relations].map((relation) => ({
    relation,
    columns: relation.columns
      .filter(({ name }) =>
        names.some(
          (ref) =>
            same(name, ref.name) &&
            (ref.table === undefined
              ? relation === merged || !merged.byName.has(name.toLowerCase())
              : same(relation.alias, ref.table)),
        ),
      )
      .map((column) => ({ column, output: first + items.push({ name: column.name, bound: column.bound }) - 1 })),
  }));
  return items;
}

function groupClause(c: Compiler, keys: readonly Bound[], rolled: number | undefined): string {
  const used = rolled === undefined ? keys : keys.slice(0, keys.length - rolled);
  if (used.length === 0) return '';
  return ` GROUP BY ${used.map((k) => groupKeySql(c, k)).join(',')}`;
}

/** A bare number in GROUP BY would name a column's place. */
function groupKeySql(c: Compiler, key: Bound): string {
  const sql = orderKey(c, key);
  return /^\d+$/.test(sql) || sql === 'NULL' ? `(${sql}+0)` : sql;
}

/** DISTINCT over strings: rows are equal when the sort keys of their first columns are. */
function distinctByKey(
  alias: string,
  items: readonly Item[],
  width: number,
  order: readonly OrderTerm[],
  tail: string,
  keyOf: KeyOf,
): string {
  const inner = [
    ...items.map((item, i) => `${item.bound.sql} AS f${i}`),
    ...order.flatMap((o, i) => (o.place === undefined ? [`${o.key} AS g${i}`] : [])),
  ];
  const keys = items
    .slice(0, width)
    .map((item, i) => keyOf(new Bound(`${alias}.f${i}`, { type: item.bound.type, nullable: item.bound.nullable })));
  const terms = order.map(
    (o, i) => (o.place === undefined ? `${alias}.g${i}` : (keys[o.place] ?? '')) + (o.descending ? ' DESC' : ''),
  );
  const names = items.map((_, i) => `${alias}.f${i} AS f${i}`);
  return `SELECT ${names.join(',')} FROM (SELECT ${inner.join(',')}${tail}) AS ${alias} GROUP BY ${keys.join(',')}${terms.length > 0 ? ` ORDER BY ${terms.join(',')}` : ''}`;
}

/** `grouping` is told of items of the select list with subqueries, which are named by place or alias. */
function groupKeys(c: Compiler, scope: Scope, select: Select, grouping: Map<SelectItem, Bound> | undefined): Bound[] {
  const itemKey = (item: Extract<SelectItem, { kind: 'item' }>): Bound => {
    if (containsAggregate(item.expr) || containsWindow(item.expr))
      throw new SqlError(1056, '42000', `Can't group on '${item.alias ?? nameOf(itemText(c, item))}'`);
    const bound = c.expr(scope, item.expr, 'group statement');
    if (containsKind(item.expr, 'query')) grouping?.set(item, bound);
    return bound;
  };
  return select.groupBy.map(({ expr }) => {
    if (isPlace(expr)) {
      c.pinned.add(expr.slot);
      const found = expandedItem(scope, select.items, Number(expr.value));
      if (!found) throw new SqlError(1054, '42S22', `Unknown column '${expr.text}' in 'group statement'`);
      return 'bound' in found ? found.bound : itemKey(found.item);
    }
    // A column of one of the tables comes first; of a name that none has, or several have, the select list says what it is.
    if (expr.kind === 'column' && expr.table === undefined && !tryLookUp(scope, expr, 'group statement')) {
      const { name } = expr;
      const [listed, ...others] = listedAs(scope, select.items, name).map((l) => ('bound' in l ? l.bound : itemKey(l)));
      if (others.some(({ sql }) => sql !== listed?.sql))
        throw new SqlError(1052, '23000', `Column '${name}' in group statement is ambiguous`);
      if (listed) return listed;
    }
    return c.expr(scope, expr, 'group statement');
  });
}

type Listed = Extract<SelectItem, { kind: 'item' }> | { readonly bound: Bound };

/** What the select list calls so: by an alias, or as the column that it is. */
function listedAs(scope: Scope, items: readonly SelectItem[], name: string): Listed[] {
  const isNamed = (other: string | undefined): boolean => other?.toLowerCase() === name.toLowerCase();
  return items.flatMap((item): Listed[] => {
    if (item.kind === 'star') return starColumns(scope, item).filter((column) => isNamed(column.name));
    return isNamed(item.alias ?? (item.expr.kind === 'column' ? item.expr.name : undefined)) ? [item] : [];
  });
}

/** The n-th column of the select list with `*` expanded. */
function expandedItem(
  scope: Scope,
  items: readonly SelectItem[],
  n: number,
): { item: Extract<SelectItem, { kind: 'item' }> } | { bound: Bound } | undefined {
  let at = 0;
  for (const item of items) {
    if (item.kind === 'item') {
      if (++at === n) return { item };
    } else {
      for (const { bound } of starColumns(scope, item)) if (++at === n) return { bound };
    }
  }
  return undefined;
}

/** Characters of a column's name at most, when its text is its name. */
const NAME_LENGTH_MAX = 256;

/** Names are utf8mb3: what lies beyond its plane is a question mark. */
const nameOf = (text: string): string => text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '?').slice(0, NAME_LENGTH_MAX);

const itemText = (c: Compiler, item: Extract<SelectItem, { kind: 'item' }>): string =>
  withoutVersionComments(c.text.slice(item.textStart, item.textEnd));

/** `grouping`: items that are keys of the groups already. */
function selectItems(
  c: Compiler,
  scope: Scope,
  items: readonly SelectItem[],
  grouping: ReadonlyMap<SelectItem, Bound>,
): Item[] {
  const { group } = scope;
  let number = 0;
  const begin = (): void => {
    number++;
    if (group) group.place = { number, clause: 'SELECT list' };
  };
  return items.flatMap((item): Item[] => {
    if (item.kind === 'star') {
      if (scope.relations.length === 0) throw new SqlError(1096, 'HY000', 'No tables used');
      return starColumns(scope, item).map(({ name, bound, base }) => {
        begin();
        if (base) c.needs('select', base.database, base.table, name);
        if (group && group.insideAggregate === 0 && !group.keys.has(bound.sql)) {
          const relation = scope.relations.find((r) => r.columns.some((column) => column.bound === bound));
          if (relation)
            group.bare.push({
              sql: bound.sql,
              ref: { kind: 'column', schema: undefined, table: relation.alias, name, start: item.start, end: item.end },
              relation,
              place: group.place,
            });
        }
        if (group?.rolledUp?.has(bound.sql))
          return {
            name,
            bound: new Bound('NULL', { type: bound.type, nullable: true, coercibility: bound.coercibility }),
          };
        return { name, bound };
      });
    }
    begin();
    const bound = grouping.get(item) ?? c.expr(scope, item.expr, 'field list');
    if (containsWindow(item.expr)) scope.overWindows.add(bound);
    if (containsAggregate(item.expr)) scope.overGroups.add(bound);
    if (item.alias !== undefined) return [{ name: item.alias, bound }];
    if (item.expr.kind === 'column') {
      // A column is called as it is written; one of a view as the view calls it.
      const ofView = bound.column && bound.column.tableId === undefined && bound.column.database !== '';
      return [{ name: ofView ? (bound.column?.name ?? '') : item.expr.name, bound }];
    }
    for (const slot of slotsIn(item.expr)) c.pinned.add(slot);
    if (item.expr.kind === 'null') return [{ name: 'NULL', bound }];
    if (item.expr.kind === 'string' && !item.expr.bytes) return [{ name: nameOf(item.expr.value), bound }];
    return [{ name: nameOf(itemText(c, item)), bound }];
  });
}
