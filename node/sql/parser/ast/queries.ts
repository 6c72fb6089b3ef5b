import type {
  ColumnRef,
  Expr,
  JsonOnResponse,
  Param,
  NumberLiteral,
  QualifiedName,
  Span,
  StringLiteral,
  UserVariable,
} from './expressions.ts';
import type { DataType } from './types.ts';

/**
 * A query with what stands round its body. A parenthesised query inside a set operation, and a query of its own, are
 * both of this kind; a plain SELECT is `{ kind: 'query', body: Select, … }`.
 */
export interface QueryExpression extends Span {
  readonly kind: 'query';
  readonly with: With | undefined;
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly into: Into | undefined;
  readonly locking: readonly Locking[];
}

export type QueryBody = Select | SetOperation | ExplicitTable | ValuesTable | QueryExpression;

export interface With extends Span {
  readonly kind: 'with';
  readonly recursive: boolean;
  readonly tables: readonly CommonTable[];
}

export interface CommonTable extends Span {
  readonly kind: 'cte';
  readonly name: string;
  readonly columns: readonly string[] | undefined;
  readonly query: QueryExpression;
}

/** INTERSECT binds more tightly than UNION and EXCEPT; those are left-associative. */
export interface SetOperation extends Span {
  readonly kind: 'setOperation';
  readonly op: 'union' | 'intersect' | 'except';
  readonly all: boolean;
  readonly left: QueryBody;
  readonly right: QueryBody;
}

export type SelectOption =
  | 'all'
  | 'distinct'
  | 'high_priority'
  | 'straight_join'
  | 'sql_small_result'
  | 'sql_big_result'
  | 'sql_buffer_result'
  | 'sql_no_cache'
  | 'sql_calc_found_rows';

export interface Select extends Span {
  readonly kind: 'select';
  /** The text between `/*+` and its end, when there was one. */
  readonly hints: string | undefined;
  readonly options: readonly SelectOption[];
  readonly items: readonly SelectItem[];
  /** Comma-separated table references; empty without FROM and for FROM DUAL. */
  readonly from: readonly TableExpr[];
  readonly where: Expr | undefined;
  readonly groupBy: readonly OrderItem[];
  /** WITH ROLLUP (or ROLLUP(…)), CUBE(…), GROUPING SETS(…): there each item of `groupBy` is a row. */
  readonly rollup: 'rollup' | 'cube' | 'groupingSets' | undefined;
  readonly having: Expr | undefined;
  readonly windows: readonly { readonly name: string; readonly spec: WindowSpec }[];
  readonly qualify: Expr | undefined;
  /** INTO before FROM, or after the select's own clauses inside a larger query. */
  readonly into: Into | undefined;
}

export type SelectItem = StarItem | ExprItem;

export interface StarItem extends Span {
  readonly kind: 'star';
  readonly schema: string | undefined;
  readonly table: string | undefined;
}

/** An unnamed column is called `sql.slice(expr span of the item)`: `textStart` to `textEnd`, the alias left out. */
export interface ExprItem extends Span {
  readonly kind: 'item';
  readonly expr: Expr;
  readonly alias: string | undefined;
  readonly textStart: number;
  readonly textEnd: number;
}

/** TABLE t */
export interface ExplicitTable extends Span {
  readonly kind: 'tableQuery';
  readonly table: QualifiedName;
}

/** VALUES ROW(…), ROW(…) */
export interface ValuesTable extends Span {
  readonly kind: 'valuesQuery';
  readonly rows: readonly (readonly Expr[])[];
}

export interface OrderItem {
  readonly expr: Expr;
  readonly direction: 'asc' | 'desc' | undefined;
}

/** A literal, a placeholder, or inside stored programs a variable. */
export type LimitValue = NumberLiteral | Param | ColumnRef;

export interface Limit {
  readonly count: LimitValue;
  readonly offset: LimitValue | undefined;
}

export interface Locking {
  readonly strength: 'update' | 'share';
  /** OF table, …; undefined for all. LOCK IN SHARE MODE is `share`. */
  readonly tables: readonly QualifiedName[] | undefined;
  readonly wait: 'wait' | 'nowait' | 'skipLocked';
}

export type Into =
  | { readonly kind: 'intoVariables'; readonly targets: readonly (UserVariable | ColumnRef)[] }
  | { readonly kind: 'intoDumpfile'; readonly file: string }
  | {
      readonly kind: 'intoOutfile';
      readonly file: string;
      readonly charset: string | undefined;
      readonly fields: FieldOptions | undefined;
      readonly lines: LineOptions | undefined;
    };

export interface FieldOptions {
  readonly terminated: string | undefined;
  readonly enclosed: string | undefined;
  readonly optionally: boolean;
  readonly escaped: string | undefined;
}

export interface LineOptions {
  readonly starting: string | undefined;
  readonly terminated: string | undefined;
}

export interface WindowSpec {
  readonly kind: 'windowSpec';
  /** An existing window that this one extends. */
  readonly base: string | undefined;
  readonly partitionBy: readonly OrderItem[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: WindowFrame | undefined;
}

export interface WindowFrame {
  readonly unit: 'rows' | 'range' | 'groups';
  readonly start: FrameBound;
  readonly end: FrameBound | undefined;
  readonly exclude: 'currentRow' | 'group' | 'ties' | 'noOthers' | undefined;
}

export type FrameBound =
  | { readonly kind: 'unboundedPreceding' | 'unboundedFollowing' | 'currentRow' }
  | { readonly kind: 'preceding' | 'following'; readonly value: Expr; readonly unit: string | undefined };

export type TableExpr = TableRef | DerivedTable | JsonTable | Join | TableList;

export interface TableRef extends Span {
  readonly kind: 'table';
  readonly schema: string | undefined;
  readonly name: string;
  readonly alias: string | undefined;
  readonly partitions: readonly string[] | undefined;
  readonly indexHints: readonly IndexHint[];
  /** FOR SYSTEM_TIME AS OF TIMESTAMP e, AS OF REVISION e: reads the table as it was. */
  readonly asOf: AsOf | undefined;
  readonly sample: { readonly method: 'system' | 'bernoulli'; readonly percent: Expr } | undefined;
}

export interface AsOf {
  readonly kind: 'timestamp' | 'revision';
  readonly value: Expr;
}

export interface IndexHint {
  readonly action: 'use' | 'force' | 'ignore';
  readonly scope: 'join' | 'order' | 'group' | undefined;
  readonly indexes: readonly string[];
}

export interface DerivedTable extends Span {
  readonly kind: 'derived';
  readonly lateral: boolean;
  readonly query: QueryExpression;
  readonly alias: string;
  readonly columns: readonly string[] | undefined;
}

export interface JsonTable extends Span {
  readonly kind: 'jsonTable';
  readonly document: Expr;
  readonly path: StringLiteral;
  readonly columns: readonly JsonTableColumn[];
  readonly alias: string;
}

export type JsonTableColumn =
  | { readonly kind: 'ordinality'; readonly name: string }
  | {
      readonly kind: 'path' | 'exists';
      readonly name: string;
      readonly type: DataType;
      readonly path: StringLiteral;
      readonly onEmpty: JsonOnResponse | undefined;
      readonly onError: JsonOnResponse | undefined;
    }
  | { readonly kind: 'nested'; readonly path: StringLiteral; readonly columns: readonly JsonTableColumn[] };

/** JOIN, INNER JOIN and CROSS JOIN are all `inner`. */
export interface Join extends Span {
  readonly kind: 'join';
  readonly type: 'inner' | 'left' | 'right' | 'straight';
  readonly natural: boolean;
  readonly left: TableExpr;
  readonly right: TableExpr;
  readonly on: Expr | undefined;
  readonly using: readonly string[] | undefined;
}

/** (a, b) as a table reference. */
export interface TableList extends Span {
  readonly kind: 'tableList';
  readonly tables: readonly TableExpr[];
}
