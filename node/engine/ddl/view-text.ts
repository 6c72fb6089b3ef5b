/**
 * A view's SELECT as MySQL keeps it: `*` written out, every column with its table, every item with its name. So the view
 * goes on meaning what it meant when columns are added to its tables.
 */
import type {
  Expr,
  JsonTableColumn,
  QueryBody,
  QueryExpression,
  Select,
  SelectItem,
  TableExpr,
} from '../../sql/index.ts';

/** Names of the columns of a relation, in order; undefined when there is none of that name. `all`: invisible ones too. */
export type ColumnsOf = (database: string, name: string, all: boolean) => readonly string[] | undefined;

interface Source {
  readonly alias: string;
  /** Set where the table stands under its own name: then the database is a part of the column's name. */
  readonly database: string | undefined;
  readonly shown: readonly string[];
  readonly columns: ReadonlySet<string>;
}

interface Scope {
  readonly sources: readonly Source[];
  /** Names that the SELECT gives itself: ORDER BY and HAVING may mean them. */
  readonly aliases: ReadonlySet<string>;
  readonly parent: Scope | undefined;
}

type CommonTables = ReadonlyMap<string, readonly string[]>;

const lower = (name: string): string => name.toLowerCase();

export function canonicalView(
  query: QueryExpression,
  text: string,
  database: string,
  columnsOf: ColumnsOf,
): QueryExpression {
  return new Canonical(text, database, columnsOf).query(query, undefined, new Map());
}

class Canonical {
  private readonly text: string;
  private readonly database: string;
  private readonly columnsOf: ColumnsOf;

  constructor(text: string, database: string, columnsOf: ColumnsOf) {
    this.text = text;
    this.database = database;
    this.columnsOf = columnsOf;
  }

  query(query: QueryExpression, parent: Scope | undefined, outer: CommonTables): QueryExpression {
    const common = new Map(outer);
    const tables = query.with?.tables.map((table) => {
      // A recursive table reads itself: its columns are those of its first part.
      common.set(lower(table.name), table.columns ?? this.namesOf(table.query.body, common));
      const inner = this.query(table.query, parent, common);
      common.set(lower(table.name), table.columns ?? this.namesOf(inner.body, common));
      return { ...table, query: inner };
    });
    const body = this.body(query.body, parent, common);
    const scope = query.body.kind === 'select' ? this.scopeOf(query.body, parent, common) : undefined;
    return {
      ...query,
      with: query.with && tables ? { ...query.with, tables } : query.with,
      body,
      orderBy: scope
        ? query.orderBy.map((o) => ({ ...o, expr: this.expr(o.expr, scope, common, true) }))
        : query.orderBy,
    };
  }

  private body(body: QueryBody, parent: Scope | undefined, common: CommonTables): QueryBody {
    switch (body.kind) {
      case 'select':
        return this.select(body, parent, common);
      case 'setOperation':
        return { ...body, left: this.body(body.left, parent, common), right: this.body(body.right, parent, common) };
      case 'query':
        return this.query(body, parent, common);
      default:
        return body;
    }
  }

  private scopeOf(select: Select, parent: Scope | undefined, common: CommonTables): Scope {
    const sources = select.from.flatMap((item) => this.sources(item, common));
    const aliases = new Set(
      select.items.flatMap((i) => (i.kind === 'item' && i.alias !== undefined ? [lower(i.alias)] : [])),
    );
    return { sources, aliases, parent };
  }

  private select(select: Select, parent: Scope | undefined, common: CommonTables): Select {
    const scope = this.scopeOf(select, parent, common);
    const plain = (e: Expr): Expr => this.expr(e, scope, common, false);
    return {
      ...select,
      items: select.items.flatMap((item) => this.item(item, select, scope, common)),
      from: select.from.map((item) => this.from(item, scope, common)),
      where: select.where && plain(select.where),
      groupBy: select.groupBy.map((o) => ({ ...o, expr: this.expr(o.expr, scope, common, true) })),
      having: select.having && this.expr(select.having, scope, common, true),
      windows: select.windows.map((w) => this.walk(w, scope, common, false) as typeof w),
    };
  }

  private item(item: SelectItem, select: Select, scope: Scope, common: CommonTables): SelectItem[] {
    const span = { start: item.start, end: item.end };
    if (item.kind === 'item') {
      const name =
        item.alias ?? (item.expr.kind === 'column' ? item.expr.name : this.text.slice(item.textStart, item.textEnd));
      return [{ ...item, expr: this.expr(item.expr, scope, common, false), alias: name }];
    }
    // Columns that a join merges stand once and first: that order is left to the join.
    if (item.table === undefined && select.from.some(merges)) return [item];
    const wanted = scope.sources.filter((s) => item.table === undefined || lower(s.alias) === lower(item.table));
    return wanted.flatMap((source) =>
      source.shown.map((name): SelectItem => ({
        ...span,
        kind: 'item',
        expr: { ...span, kind: 'column', schema: source.database, table: source.alias, name },
        alias: name,
        textStart: 0,
        textEnd: 0,
      })),
    );
  }

  // FROM

  private sources(item: TableExpr, common: CommonTables): Source[] {
    const make = (
      alias: string,
      database: string | undefined,
      shown: readonly string[],
      all: readonly string[] = shown,
    ): Source[] => [{ alias, database, shown, columns: new Set(all.map(lower)) }];
    switch (item.kind) {
      case 'table': {
        const alias = item.alias ?? item.name;
        const known = item.schema === undefined ? common.get(lower(item.name)) : undefined;
        if (known) return make(alias, undefined, known);
        const database = item.schema ?? this.database;
        const shown = this.columnsOf(database, item.name, false) ?? [];
        return make(
          alias,
          item.alias === undefined ? database : undefined,
          shown,
          this.columnsOf(database, item.name, true),
        );
      }
      case 'derived':
        return make(
          item.alias,
          undefined,
          item.columns ?? this.namesOf(this.query(item.query, undefined, common).body, common),
        );
      case 'join':
        return [...this.sources(item.left, common), ...this.sources(item.right, common)];
      case 'tableList':
        return item.tables.flatMap((t) => this.sources(t, common));
      case 'jsonTable':
        return make(item.alias, undefined, jsonNames(item.columns));
    }
  }

  private from(item: TableExpr, scope: Scope, common: CommonTables): TableExpr {
    switch (item.kind) {
      case 'table':
        return item.schema === undefined && !common.has(lower(item.name)) ? { ...item, schema: this.database } : item;
      case 'derived':
        return { ...item, query: this.query(item.query, item.lateral ? scope : scope.parent, common) };
      case 'join':
        return {
          ...item,
          left: this.from(item.left, scope, common),
          right: this.from(item.right, scope, common),
          on: item.on && this.expr(item.on, scope, common, false),
        };
      case 'tableList':
        return { ...item, tables: item.tables.map((t) => this.from(t, scope, common)) };
      default:
        return this.walk(item, scope, common, false) as TableExpr;
    }
  }

  /** Names of the columns that a body puts out. */
  private namesOf(body: QueryBody, common: CommonTables): readonly string[] {
    switch (body.kind) {
      case 'select': {
        const scope = this.scopeOf(body, undefined, common);
        return body.items
          .flatMap((item) => this.item(item, body, scope, common))
          .map((i) => (i.kind === 'item' ? (i.alias ?? '') : ''));
      }
      case 'setOperation':
        return this.namesOf(body.left, common);
      case 'query':
        return this.namesOf(body.body, common);
      case 'tableQuery':
        return this.columnsOf(body.table.schema ?? this.database, body.table.name, false) ?? [];
      case 'valuesQuery':
        return (body.rows[0] ?? []).map((_, i) => `column_${i}`);
    }
  }

  // Expressions

  private expr(e: Expr, scope: Scope, common: CommonTables, aliases: boolean): Expr {
    return this.walk(e, scope, common, aliases) as Expr;
  }

  private walk(node: unknown, scope: Scope, common: CommonTables, aliases: boolean): unknown {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return node;
    if (Array.isArray(node)) return node.map((n) => this.walk(n, scope, common, aliases));
    const { kind } = node as { kind?: string };
    if (kind === 'query') return this.query(node as QueryExpression, scope, common);
    if (kind === 'column') return this.column(node as Extract<Expr, { kind: 'column' }>, scope, aliases);
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(node)) copy[key] = this.walk(value, scope, common, aliases);
    return copy;
  }

  private column(column: Extract<Expr, { kind: 'column' }>, scope: Scope, aliases: boolean): Expr {
    const name = lower(column.name);
    if (column.table === undefined && aliases && scope.aliases.has(name)) return column;
    for (let at: Scope | undefined = scope; at; at = at.parent) {
      const { table } = column;
      const found = at.sources.filter(
        (s) => s.columns.has(name) && (table === undefined || lower(s.alias) === lower(table)),
      );
      const [source] = found;
      // Two of a name: merged by the join, or an error that compiling has told of.
      if (found.length > 1) return column;
      if (source) return { ...column, schema: source.database, table: source.alias };
    }
    return column;
  }
}

const jsonNames = (columns: readonly JsonTableColumn[]): string[] =>
  columns.flatMap((column) => (column.kind === 'nested' ? jsonNames(column.columns) : [column.name]));

const merges = (item: TableExpr): boolean =>
  item.kind === 'join'
    ? item.natural || (item.using?.length ?? 0) > 0 || merges(item.left) || merges(item.right)
    : item.kind === 'tableList' && item.tables.some(merges);
