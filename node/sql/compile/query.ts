/** Query expressions: WITH, set operations, VALUES, and what stands round a SELECT. */
import { SqlError, type SqlType } from '../types/index.ts';
import type {
  CommonTable,
  Expr,
  Limit,
  OrderItem,
  QueryBody,
  QueryExpression,
  Select,
  SetOperation,
  With,
} from '../parser/index.ts';
import { Bound, COERCIBILITY, isText } from './bound.ts';
import { convert } from './call.ts';
import { commonType } from './common-type.ts';
import { columnListCount, type CompiledColumn, type CompiledQuery, type Compiler } from './compiler.ts';
import { aggregateCollations, coerce } from '../values/index.ts';
import { collationOf, meetingCollation, needsKey, orderKey } from './operators.ts';
import { isPlace, limitSql, position } from './places.ts';
import { mentions, recursionOf } from './recursion.ts';
import { Scope } from './scope.ts';
import { comeBack, compileSelect } from './select.ts';
import { containsAggregate } from './walk.ts';

const NO_SPAN = { start: 0, end: 0 };

export function compileQuery(c: Compiler, query: QueryExpression, parent: Scope | undefined): CompiledQuery {
  const scope = new Scope(parent);
  const { further } = c;
  c.further = undefined;
  const unordered = c.unordered && !query.limit;
  c.unordered = false;
  if (query.locking.length > 0) c.noteLocking(query);
  const prefix = withClause(c, scope, query.with);
  c.locking = query.locking;
  // The parts of a set operation put out nothing more than their columns.
  if (query.body.kind === 'select' || query.body.kind === 'tableQuery') c.further = further;
  c.unordered = unordered && query.body.kind === 'select';
  const inner = compileBody(c, scope, query.body, query.orderBy, query.limit);
  if (prefix === '') return inner;
  return {
    ...inner,
    sql: prefix + inner.sql,
    ...(inner.unlimited && { unlimited: { ...inner.unlimited, sql: prefix + inner.unlimited.sql } }),
  };
}

/** Makes the common tables known in the scope; what stands before the SELECT that may name them. */
export function withClause(c: Compiler, scope: Scope, clause: With | undefined): string {
  if (!clause) return '';
  const { tables, recursive } = clause;
  const twice = tables.find((t, i) => tables.some((other, j) => j < i && other.name === t.name));
  if (twice) throw new SqlError(1066, '42000', `Not unique table/alias: '${twice.name}'`);
  return `WITH ${recursive ? 'RECURSIVE ' : ''}${tables.map((t) => commonTable(c, scope, t, recursive)).join(',')} `;
}

function compileBody(
  c: Compiler,
  scope: Scope,
  body: QueryBody,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
): CompiledQuery {
  switch (body.kind) {
    case 'select':
      return compileSelect(c, scope, body, orderBy, limit);
    case 'tableQuery': {
      const select: Select = {
        ...NO_SPAN,
        kind: 'select',
        hints: undefined,
        options: [],
        items: [{ ...NO_SPAN, kind: 'star', schema: undefined, table: undefined }],
        from: [
          {
            ...NO_SPAN,
            kind: 'table',
            schema: body.table.schema,
            name: body.table.name,
            alias: undefined,
            partitions: undefined,
            indexHints: [],
            asOf: undefined,
            sample: undefined,
          },
        ],
        where: undefined,
        groupBy: [],
        rollup: undefined,
        having: undefined,
        windows: [],
        qualify: undefined,
        into: undefined,
      };
      return compileSelect(c, scope, select, orderBy, limit);
    }
    case 'valuesQuery':
      return ordered(c, scope, values(c, scope, body.rows), orderBy, limit);
    case 'query': {
      const inner = compileQuery(c, body, scope);
      return orderBy.length === 0 && !limit ? inner : ordered(c, scope, inner, orderBy, limit);
    }
    case 'setOperation':
      return ordered(c, scope, setOperation(c, scope, body), orderBy, limit);
  }
}

function values(c: Compiler, scope: Scope, rows: readonly (readonly Expr[])[]): CompiledQuery {
  const bounds = rows.map((row) => row.map((e) => c.expr(scope, e, 'field list')));
  const width = bounds[0]?.length ?? 0;
  bounds.forEach((row, i) => {
    if (row.length !== width)
      throw new SqlError(1136, '21S01', `Column count doesn't match value count at row ${i + 1}`);
  });
  const columns = Array.from({ length: width }, (_, i): CompiledColumn => {
    const column = bounds.map((row) => row[i] as Bound);
    return {
      name: `column_${i}`,
      type: commonType(column)[0],
      nullable: column.some((b) => b.nullable),
      coercibility: COERCIBILITY.implicit,
      source: undefined,
    };
  });
  const lists = bounds.map(
    (row) => `(${row.map((b, i) => convert(c, b, (columns[i] as CompiledColumn).type).sql).join(',')})`,
  );
  // SQLite bounds the terms of UNION ALL, and not these.
  const named = columns.map((_, i) => `column${i + 1} AS f${i}`).join(',');
  return { sql: `SELECT ${named} FROM (VALUES ${lists.join(',')})`, columns, atMostOneRow: rows.length === 1 };
}

/** Columns of a compiled query, as expressions under an alias. */
export const columnsUnder = (columns: readonly CompiledColumn[], alias: string): Bound[] =>
  columns.map(
    (column, i) =>
      new Bound(`${alias}.f${i}`, { type: column.type, nullable: column.nullable, coercibility: column.coercibility }),
  );

/** ORDER BY and LIMIT of a set operation: they name its output columns. */
function ordered(
  c: Compiler,
  scope: Scope,
  inner: CompiledQuery,
  orderBy: readonly OrderItem[],
  limit: Limit | undefined,
): CompiledQuery {
  if (orderBy.length === 0 && !limit) return inner;
  const alias = c.alias();
  const bounds = columnsUnder(inner.columns, alias);
  const outer = new Scope(scope);
  outer.aliases = new Map();
  inner.columns.forEach((column, i) => {
    const name = column.name.toLowerCase();
    if (!outer.aliases?.has(name)) outer.aliases?.set(name, bounds[i] as Bound);
  });
  const terms = orderBy.map(({ expr, direction }, i) => {
    if (containsAggregate(expr))
      throw new SqlError(
        3028,
        'HY000',
        `Expression #${i + 1} of ORDER BY contains aggregate function and applies to a UNION, EXCEPT or INTERSECT`,
      );
    const bound = isPlace(expr)
      ? position(c, bounds, expr, 'order clause')
      : c.expr(outer, unqualified(expr), 'order clause');
    return orderKey(c, bound) + (direction === 'desc' ? ' DESC' : '');
  });
  const unlimited = `SELECT ${bounds.map((b, i) => `${b.sql} AS f${i}`).join(',')} FROM (${inner.sql}) AS ${alias}${terms.length > 0 ? ` ORDER BY ${terms.join(',')}` : ''}`;
  const parameters = c.binders.length;
  const sql = unlimited + limitSql(c, scope, limit);
  return { ...inner, sql, unlimited: { sql: unlimited, parameters } };
}

/** The columns of a set operation are no table's (error 1250). */
function unqualified(e: Expr): Expr {
  if (e.kind === 'column' && e.table !== undefined)
    throw new SqlError(
      1250,
      '42000',
      `Table '${e.table}' from one of the SELECTs cannot be used in global ORDER clause`,
    );
  return e;
}

function setOperation(c: Compiler, scope: Scope, body: SetOperation): CompiledQuery {
  const left = compileBody(c, scope, body.left, [], undefined);
  const right = compileBody(c, scope, body.right, [], undefined);
  return combine(c, body.op, body.all, left, right);
}

/** Puts two queries together; the columns meet in common types and keep the left one's names. */
function combine(
  c: Compiler,
  op: SetOperation['op'],
  all: boolean,
  left: CompiledQuery,
  right: CompiledQuery,
): CompiledQuery {
  if (left.columns.length !== right.columns.length) {
    throw new SqlError(1222, '21000', 'The used SELECT statements have a different number of columns');
  }
  const columns = left.columns.map((column, i): CompiledColumn => {
    const other = right.columns[i] as CompiledColumn;
    const [type, coercibility] = meetingType(column, other, op);
    return { name: column.name, type, nullable: column.nullable || other.nullable, coercibility, source: undefined };
  });
  const l = asColumns(c, left, columns);
  const r = asColumns(c, right, columns);
  const names = columns.map((_, i) => `f${i}`);
  const alias = c.alias();
  const keys = columnsUnder(columns, alias).map((b) => orderKey(c, b));
  const sorted = columns.some((column) => needsKey(column.type));
  const select = (sql: string): string => `SELECT ${names.join(',')} FROM (${sql})`;
  if (op === 'union') {
    const both = `${select(l)} UNION ALL ${select(r)}`;
    if (all) return { sql: both, columns, atMostOneRow: false };
    if (!sorted) return { sql: `${select(l)} UNION ${select(r)}`, columns, atMostOneRow: false };
    return {
      sql: `SELECT ${names.map((n) => `${alias}.${n} AS ${n}`).join(',')} FROM (${both}) AS ${alias} GROUP BY ${keys.join(',')}`,
      columns,
      atMostOneRow: false,
    };
  }
  if (!all && !sorted) return { sql: `${select(l)} ${op.toUpperCase()} ${select(r)}`, columns, atMostOneRow: false };
  // One text a row, equal exactly when the rows are (NULL equals NULL here): it makes the match a look-up.
  // ALL counts duplicates: the n-th copy on the left meets the n-th on the right.
  const rowText = (a: string): string => {
    const rowKeys = columnsUnder(columns, a).map((b) => orderKey(c, b));
    const parts = rowKeys.map((k) => `quote(${k})`);
    if (all) parts.push(`row_number() OVER (PARTITION BY ${rowKeys.join(',')})`);
    return parts.join("||','||");
  };
  const other = c.alias();
  const outer = c.alias();
  const leftRows = `SELECT ${names.map((n) => `${alias}.${n} AS ${n}`).join(',')},${rowText(alias)} AS t FROM (${l}) AS ${alias}`;
  const test = `${outer}.t ${op === 'except' ? 'NOT ' : ''}IN (SELECT ${rowText(other)} FROM (${r}) AS ${other})`;
  return {
    sql: `SELECT ${names.map((n) => `${outer}.${n} AS ${n}`).join(',')} FROM (${leftRows}) AS ${outer} WHERE ${test}${all ? '' : ` GROUP BY ${outer}.t`}`,
    columns,
    atMostOneRow: false,
  };
}

/** The type in which two columns meet, and the coercibility of its collation. */
function meetingType(a: CompiledColumn, b: CompiledColumn, op: SetOperation['op']): [SqlType, number] {
  const [l, r] = [a, b].map((column) => new Bound('', column)) as [Bound, Bound];
  if (isText(a.type) && isText(b.type) && aggregateCollations([l, r].map(sideOf)) === undefined) {
    if (a.coercibility === COERCIBILITY.explicit) meetingCollation(l, r, op.toUpperCase());
    throw new SqlError(1271, 'HY000', `Illegal mix of collations for operation '${op.toUpperCase()}'`);
  }
  const [type, coercibility] = commonType([l, r]);
  return [type, Math.min(coercibility, COERCIBILITY.literal)];
}

const sideOf = (b: Bound): { collation: string; coercibility: number } => ({
  collation: collationOf(b),
  coercibility: b.coercibility,
});

/** A query whose columns have these types. */
function asColumns(c: Compiler, query: CompiledQuery, columns: readonly CompiledColumn[]): string {
  const same = query.columns.every(
    (column, i) => coerce(column.type, (columns[i] as CompiledColumn).type) === undefined,
  );
  if (same) return query.sql;
  const alias = c.alias();
  const bounds = columnsUnder(query.columns, alias);
  return `SELECT ${bounds.map((b, i) => `${convert(c, b, (columns[i] as CompiledColumn).type).sql} AS f${i}`).join(',')} FROM (${query.sql}) AS ${alias}`;
}

function commonTable(c: Compiler, scope: Scope, table: CommonTable, recursive: boolean): string {
  const sqlName = `w${c.alias()}`;
  const named = (columns: readonly CompiledColumn[], nullable: boolean): { name: string; bound: Bound }[] => {
    if (table.columns && table.columns.length !== columns.length) {
      throw columnListCount();
    }
    return columns.map((column, i) => ({
      name: table.columns?.[i] ?? column.name,
      bound: new Bound(`f${i}`, {
        type: column.type,
        nullable: nullable || column.nullable,
        coercibility: COERCIBILITY.implicit,
      }),
    }));
  };
  const { body } = table.query;
  const refersToItself = recursive && body.kind === 'setOperation' && mentions(table.query, table.name);
  if (!refersToItself) {
    const query = c.query(table.query, scope);
    scope.tables.set(table.name, { sqlName, columns: named(query.columns, false), determined: query.determined });
    // Whoever names it reads the same rows: SQLite is not to compute them again for each.
    const hint = isChangeable(c, query.sql) ? 'MATERIALIZED ' : '';
    return `${sqlName}(${query.columns.map((_, i) => `f${i}`).join(',')}) AS ${hint}(${query.sql})`;
  }
  return recursiveTable(c, scope, table, body, sqlName, named);
}

/** Whether a query may give other rows when it runs again: it calls RAND(), UUID(), or assigns a variable. */
const isChangeable = (c: Compiler, sql: string): boolean =>
  [...c.functions.values()].some(
    (f) => f.kind === 'scalar' && !f.deterministic && f !== comeBack && sql.includes(`${f.name}(`),
  );

function recursiveTable(
  c: Compiler,
  scope: Scope,
  table: CommonTable,
  body: SetOperation,
  sqlName: string,
  named: (columns: readonly CompiledColumn[], nullable: boolean) => { name: string; bound: Bound }[],
): string {
  const { seeds, steps } = recursionOf(body, table.name);
  const seed = seeds
    .map((s) => compileBody(c, scope, s, [], undefined))
    .reduce((a, b) => combine(c, 'union', true, a, b));
  // Columns of a recursive table take the types of its first part, and all of them can be NULL.
  const columns = seed.columns.map((column): CompiledColumn => ({
    ...column,
    nullable: true,
    type: widened(column.type),
  }));
  scope.tables.set(table.name, { sqlName, columns: named(columns, true) });
  const compiled = steps.map((s) => asColumns(c, compileBody(c, scope, s, [], undefined), columns));
  const names = columns.map((_, i) => `f${i}`);
  const limit = limitSql(c, scope, table.query.limit);
  const union = body.all ? ' UNION ALL ' : ' UNION ';
  const seedSql = asColumns(c, seed, columns);
  return `${sqlName}(${names.join(',')}) AS (SELECT ${names.join(',')} FROM (${seedSql})${union}${compiled.join(union)}${limit || ` LIMIT ${c.param((x) => recursionRowsMax(x.session.systemVariable('cte_max_recursion_depth', 'session')))}`})`;
}

/** A cycle without an end stops with an error instead of filling the memory; see engine/select. */
export const RECURSION_ROWS_PER_LEVEL = 10_000;
const recursionRowsMax = (depth: unknown): bigint => BigInt(Number(depth ?? 1000)) * BigInt(RECURSION_ROWS_PER_LEVEL);

const widened = (type: SqlType): SqlType =>
  type.kind === 'null' ? { kind: 'binary', family: 'varbinary', length: 0 } : type;
