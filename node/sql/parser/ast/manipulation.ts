import type { ColumnRef, DefaultKeyword, Expr, QualifiedName, Span, UserVariable } from './expressions.ts';
import type {
  FieldOptions,
  Limit,
  LimitValue,
  LineOptions,
  OrderItem,
  QueryExpression,
  TableExpr,
  With,
} from './queries.ts';

/** column = value; the value may be DEFAULT. */
export interface Assignment extends Span {
  readonly column: ColumnRef;
  readonly value: Expr;
}

/** INSERT and REPLACE. */
export interface Insert extends Span {
  readonly kind: 'insert';
  readonly replace: boolean;
  readonly hints: string | undefined;
  readonly priority: 'low' | 'high' | 'delayed' | undefined;
  readonly ignore: boolean;
  readonly table: QualifiedName;
  readonly partitions: readonly string[] | undefined;
  /** Undefined without a column list; empty for `()`. */
  readonly columns: readonly ColumnRef[] | undefined;
  readonly source: InsertSource;
  /** VALUES … AS new(a, b) */
  readonly alias: { readonly table: string; readonly columns: readonly string[] | undefined } | undefined;
  readonly onDuplicate: readonly Assignment[];
}

export type InsertSource =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly (Expr | DefaultKeyword)[])[] }
  | { readonly kind: 'assignments'; readonly assignments: readonly Assignment[] }
  | { readonly kind: 'select'; readonly query: QueryExpression };

export interface Update extends Span {
  readonly kind: 'update';
  readonly with: With | undefined;
  readonly hints: string | undefined;
  readonly lowPriority: boolean;
  readonly ignore: boolean;
  /** More than one, or a join: the multi-table form, without ORDER BY and LIMIT. */
  readonly tables: readonly TableExpr[];
  readonly assignments: readonly Assignment[];
  readonly where: Expr | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
}

export interface Delete extends Span {
  readonly kind: 'delete';
  readonly with: With | undefined;
  readonly hints: string | undefined;
  readonly lowPriority: boolean;
  readonly quick: boolean;
  readonly ignore: boolean;
  /** Tables to delete from: in the multi-table form names or aliases of `from`. */
  readonly targets: readonly QualifiedName[];
  /** The multi-table form's table references; undefined in the single-table form. */
  readonly from: readonly TableExpr[] | undefined;
  /** Single-table form only. */
  readonly alias: string | undefined;
  readonly partitions: readonly string[] | undefined;
  readonly where: Expr | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
}

export interface LoadData extends Span {
  readonly kind: 'loadData';
  readonly format: 'data' | 'xml';
  readonly local: boolean;
  readonly priority: 'low' | 'concurrent' | undefined;
  readonly source: 'infile' | 'url' | 's3';
  readonly file: string;
  readonly duplicates: 'replace' | 'ignore' | undefined;
  readonly table: QualifiedName;
  readonly partitions: readonly string[] | undefined;
  readonly charset: string | undefined;
  readonly rowTag: string | undefined;
  readonly fields: FieldOptions | undefined;
  readonly lines: LineOptions | undefined;
  readonly ignoreLines: number;
  readonly targets: readonly (ColumnRef | UserVariable)[];
  readonly assignments: readonly Assignment[];
}

export interface CallProcedure extends Span {
  readonly kind: 'callProcedure';
  readonly name: QualifiedName;
  readonly args: readonly Expr[];
}

export interface Do extends Span {
  readonly kind: 'do';
  readonly exprs: readonly Expr[];
}

export interface HandlerOpen extends Span {
  readonly kind: 'handlerOpen';
  readonly table: QualifiedName;
  readonly alias: string | undefined;
}

export interface HandlerClose extends Span {
  readonly kind: 'handlerClose';
  readonly table: QualifiedName;
}

export interface HandlerRead extends Span {
  readonly kind: 'handlerRead';
  readonly table: QualifiedName;
  readonly index: string | undefined;
  readonly position:
    | { readonly kind: 'first' | 'next' | 'prev' | 'last' }
    | { readonly kind: 'key'; readonly op: '=' | '<' | '<=' | '>' | '>='; readonly values: readonly Expr[] };
  readonly where: Expr | undefined;
  readonly limit: { readonly count: LimitValue; readonly offset: LimitValue | undefined } | undefined;
}
