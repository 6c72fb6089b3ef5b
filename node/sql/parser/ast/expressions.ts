import type { Decimal } from '../../types/index.ts';
import type { OrderItem, QueryExpression, WindowSpec } from './queries.ts';

/** Offsets in the text that was parsed: `start` of the first character, `end` after the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A name with an optional schema before it. */
export interface QualifiedName extends Span {
  readonly kind: 'name';
  readonly schema: string | undefined;
  readonly name: string;
}

/** What a literal stands for: what `shapeOf` yields for it, too. */
export type LiteralValue = number | bigint | Decimal | string | Uint8Array;

/**
 * A number without a sign. `int` values are a number where they are safe integers and a bigint above; `decimal` (also
 * integers above 2^64) carry a Decimal; `float` (with an exponent) a number.
 */
export interface NumberLiteral extends Span {
  readonly kind: 'number';
  readonly class: 'int' | 'decimal' | 'float';
  readonly text: string;
  readonly value: number | bigint | Decimal;
  readonly slot: number;
}

/** A string; adjacent strings are one. `bytes` is set when the text was not valid UTF-8 or the introducer is `_binary`. */
export interface StringLiteral extends Span {
  readonly kind: 'string';
  readonly value: string;
  readonly bytes: Uint8Array | undefined;
  /** The introducer's character set in lower case, without its underscore. */
  readonly charset: string | undefined;
  /** N'…' */
  readonly national: boolean;
  readonly slot: number;
}

/** x'..', 0x.. (`kind: 'hex'`), b'..' and 0b.. (`kind: 'bit'`): a binary string. */
export interface BytesLiteral extends Span {
  readonly kind: 'hex' | 'bit';
  readonly bytes: Uint8Array;
  readonly charset: string | undefined;
  readonly slot: number;
}

export interface NullLiteral extends Span {
  readonly kind: 'null';
}

export interface BoolLiteral extends Span {
  readonly kind: 'bool';
  readonly value: boolean;
}

/** DATE'…', TIME'…', TIMESTAMP'…' and their ODBC forms {d '…'}, {t '…'}, {ts '…'}. */
export interface TemporalLiteral extends Span {
  readonly kind: 'temporal';
  readonly type: 'date' | 'time' | 'timestamp';
  readonly value: string;
  readonly slot: number;
}

/** `?`: `index` counts placeholders only, `slot` counts placeholders and literals. */
export interface Param extends Span {
  readonly kind: 'param';
  readonly index: number;
  readonly slot: number;
}

/** A column, or a variable or parameter of a stored program: they look the same. */
export interface ColumnRef extends Span {
  readonly kind: 'column';
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly name: string;
}

export type UnaryOp = '-' | '+' | '~' | '!' | 'not' | 'binary';

export interface Unary extends Span {
  readonly kind: 'unary';
  readonly op: UnaryOp;
  readonly operand: Expr;
}

export type ComparisonOp = '=' | '<=>' | '<>' | '<' | '<=' | '>' | '>=';

/** `concat` is `||` under PIPES_AS_CONCAT. */
export type BinaryOp =
  ComparisonOp | '+' | '-' | '*' | '/' | 'div' | '%' | '^' | '&' | '|' | '<<' | '>>' | 'and' | 'or' | 'xor' | 'concat';

export interface Binary extends Span {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}

export interface IsTest extends Span {
  readonly kind: 'is';
  readonly not: boolean;
  readonly test: 'null' | 'true' | 'false' | 'unknown';
  readonly operand: Expr;
}

export interface Between extends Span {
  readonly kind: 'between';
  readonly not: boolean;
  readonly operand: Expr;
  readonly low: Expr;
  readonly high: Expr;
}

export interface InList extends Span {
  readonly kind: 'in';
  readonly not: boolean;
  readonly operand: Expr;
  readonly list: readonly Expr[];
}

export interface InSubquery extends Span {
  readonly kind: 'inSubquery';
  readonly not: boolean;
  readonly operand: Expr;
  readonly query: QueryExpression;
}

export interface Like extends Span {
  readonly kind: 'like';
  readonly not: boolean;
  readonly operand: Expr;
  readonly pattern: Expr;
  readonly escape: Expr | undefined;
}

/** REGEXP, RLIKE */
export interface Regexp extends Span {
  readonly kind: 'regexp';
  readonly not: boolean;
  readonly operand: Expr;
  readonly pattern: Expr;
}

export interface SoundsLike extends Span {
  readonly kind: 'soundsLike';
  readonly left: Expr;
  readonly right: Expr;
}

export interface MemberOf extends Span {
  readonly kind: 'memberOf';
  readonly operand: Expr;
  readonly array: Expr;
}

/** a > ALL (SELECT …); SOME is ANY. */
export interface Quantified extends Span {
  readonly kind: 'quantified';
  readonly op: ComparisonOp;
  readonly quantifier: 'any' | 'all';
  readonly left: Expr;
  readonly query: QueryExpression;
}

export interface Exists extends Span {
  readonly kind: 'exists';
  readonly query: QueryExpression;
}

export interface Subquery extends Span {
  readonly kind: 'subquery';
  readonly query: QueryExpression;
}

/** ROW(a, b) and (a, b) */
export interface Row extends Span {
  readonly kind: 'row';
  readonly items: readonly Expr[];
}

export interface Case extends Span {
  readonly kind: 'case';
  readonly operand: Expr | undefined;
  readonly branches: readonly { readonly when: Expr; readonly then: Expr }[];
  readonly otherwise: Expr | undefined;
}

export interface Collate extends Span {
  readonly kind: 'collate';
  readonly operand: Expr;
  readonly collation: string;
}

/** The target of CAST, CONVERT and JSON_VALUE … RETURNING. */
export interface CastType extends Span {
  readonly name:
    | 'binary'
    | 'char'
    | 'signed'
    | 'unsigned'
    | 'date'
    | 'time'
    | 'datetime'
    | 'year'
    | 'decimal'
    | 'float'
    | 'double'
    | 'json'
    | 'vector'
    | 'geometry'
    | 'point'
    | 'linestring'
    | 'polygon'
    | 'multipoint'
    | 'multilinestring'
    | 'multipolygon'
    | 'geometrycollection';
  /** Length, precision or fsp. */
  readonly length: number | undefined;
  readonly scale: number | undefined;
  readonly charset: string | undefined;
  /** CHAR … BINARY: the character set's binary collation. */
  readonly binary: boolean;
}

export interface Cast extends Span {
  readonly kind: 'cast';
  readonly syntax: 'cast' | 'convert';
  readonly operand: Expr;
  readonly type: CastType;
  readonly array: boolean;
  /** CAST(x AT TIME ZONE '+00:00' AS DATETIME) */
  readonly atTimeZone: string | undefined;
}

/** CONVERT(x USING charset) */
export interface ConvertUsing extends Span {
  readonly kind: 'convertUsing';
  readonly operand: Expr;
  readonly charset: string;
}

export type IntervalUnit =
  | 'microsecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'quarter'
  | 'year'
  | 'second_microsecond'
  | 'minute_microsecond'
  | 'minute_second'
  | 'hour_microsecond'
  | 'hour_second'
  | 'hour_minute'
  | 'day_microsecond'
  | 'day_second'
  | 'day_minute'
  | 'day_hour'
  | 'year_month';

export interface Extract extends Span {
  readonly kind: 'extract';
  readonly unit: IntervalUnit;
  readonly operand: Expr;
}

export interface Trim extends Span {
  readonly kind: 'trim';
  readonly side: 'both' | 'leading' | 'trailing';
  readonly remove: Expr | undefined;
  readonly operand: Expr;
}

/** a + INTERVAL n unit, DATE_ADD, DATE_SUB, ADDDATE(d, INTERVAL …), SUBDATE(d, INTERVAL …) */
export interface DateArithmetic extends Span {
  readonly kind: 'dateArithmetic';
  readonly op: 'add' | 'sub';
  readonly operand: Expr;
  readonly amount: Expr;
  readonly unit: IntervalUnit;
}

export interface TimestampAdd extends Span {
  readonly kind: 'timestampAdd';
  readonly unit: IntervalUnit;
  readonly amount: Expr;
  readonly operand: Expr;
}

export interface TimestampDiff extends Span {
  readonly kind: 'timestampDiff';
  readonly unit: IntervalUnit;
  readonly from: Expr;
  readonly to: Expr;
}

/** GET_FORMAT(DATE, 'EUR') */
export interface GetFormat extends Span {
  readonly kind: 'getFormat';
  readonly type: 'date' | 'time' | 'datetime';
  readonly format: Expr;
}

export interface WindowName {
  readonly kind: 'windowName';
  readonly name: string;
}

export type Over = WindowName | WindowSpec;

export type AggregateName =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'bit_and'
  | 'bit_or'
  | 'bit_xor'
  | 'std'
  | 'stddev_samp'
  | 'variance'
  | 'var_samp'
  | 'json_arrayagg'
  | 'json_objectagg'
  | 'st_collect';

/** STDDEV and STDDEV_POP are `std`, VAR_POP is `variance`. COUNT(*) has `star` and no args. */
export interface Aggregate extends Span {
  readonly kind: 'aggregate';
  readonly name: AggregateName;
  readonly distinct: boolean;
  readonly star: boolean;
  readonly args: readonly Expr[];
  readonly over: Over | undefined;
}

export interface GroupConcat extends Span {
  readonly kind: 'groupConcat';
  readonly distinct: boolean;
  readonly args: readonly Expr[];
  readonly orderBy: readonly OrderItem[];
  readonly separator: StringLiteral | BytesLiteral | undefined;
  readonly over: Over | undefined;
}

export type WindowFunctionName =
  | 'row_number'
  | 'rank'
  | 'dense_rank'
  | 'cume_dist'
  | 'percent_rank'
  | 'ntile'
  | 'lead'
  | 'lag'
  | 'first_value'
  | 'last_value'
  | 'nth_value';

export interface WindowFunction extends Span {
  readonly kind: 'windowFunction';
  readonly name: WindowFunctionName;
  readonly args: readonly Expr[];
  readonly fromLast: boolean;
  readonly nulls: 'respect' | 'ignore' | undefined;
  readonly over: Over;
}

/** What JSON_VALUE and JSON_TABLE do for a missing value or an error. */
export type JsonOnResponse =
  { readonly kind: 'error' } | { readonly kind: 'null' } | { readonly kind: 'default'; readonly value: Expr };

export interface JsonValue extends Span {
  readonly kind: 'jsonValue';
  readonly document: Expr;
  readonly path: Expr;
  readonly returning: CastType | undefined;
  readonly onEmpty: JsonOnResponse | undefined;
  readonly onError: JsonOnResponse | undefined;
}

/** column -> '$.path', column ->> '$.path' */
export interface JsonArrow extends Span {
  readonly kind: 'jsonArrow';
  readonly unquote: boolean;
  readonly column: ColumnRef;
  readonly path: StringLiteral;
}

export interface Match extends Span {
  readonly kind: 'match';
  readonly columns: readonly ColumnRef[];
  readonly against: Expr;
  readonly mode: 'natural' | 'boolean' | 'naturalWithExpansion';
}

/** CHAR(n, … USING charset) */
export interface CharFunction extends Span {
  readonly kind: 'char';
  readonly args: readonly Expr[];
  readonly charset: string | undefined;
}

export interface WeightString extends Span {
  readonly kind: 'weightString';
  readonly operand: Expr;
  readonly as: 'char' | 'binary' | undefined;
  readonly length: number | undefined;
}

/** VALUES(col) in ON DUPLICATE KEY UPDATE. */
export interface ValuesOf extends Span {
  readonly kind: 'valuesOf';
  readonly column: ColumnRef;
}

/** DEFAULT(col) */
export interface DefaultOf extends Span {
  readonly kind: 'defaultOf';
  readonly column: ColumnRef;
}

/** The bare word DEFAULT where a value may stand (VALUES lists, SET assignments). */
export interface DefaultKeyword extends Span {
  readonly kind: 'default';
}

/** `@x`; the name is as written, compared without regard to case. */
export interface UserVariable extends Span {
  readonly kind: 'userVariable';
  readonly name: string;
}

/** @x := value */
export interface AssignVariable extends Span {
  readonly kind: 'assignVariable';
  readonly name: string;
  readonly value: Expr;
}

export type VariableScope = 'global' | 'session' | 'persist' | 'persistOnly';

/** @@[scope.][component.]name */
export interface SystemVariable extends Span {
  readonly kind: 'systemVariable';
  readonly scope: VariableScope | undefined;
  readonly component: string | undefined;
  readonly name: string;
}

/**
 * Any other function: the name in lower case when it is unqualified. CURRENT_DATE is `curdate`, NOW and its synonyms `now`, MID and SUBSTR
 * `substr`, MOD(a, b) is the `%` operator; the printed names are MySQL's canonical ones.
 */
export interface Call extends Span {
  readonly kind: 'call';
  readonly schema: string | undefined;
  readonly name: string;
  /** The name as written, for messages and user-defined functions. */
  readonly written: string;
  readonly args: readonly Expr[];
  /** An argument has a name, f(a AS b), which only functions have that were loaded from a library. */
  readonly named?: true;
}

export type Literal =
  NumberLiteral | StringLiteral | BytesLiteral | NullLiteral | BoolLiteral | TemporalLiteral | Param;

export type Expr =
  | Literal
  | ColumnRef
  | Unary
  | Binary
  | IsTest
  | Between
  | InList
  | InSubquery
  | Like
  | Regexp
  | SoundsLike
  | MemberOf
  | Quantified
  | Exists
  | Subquery
  | Row
  | Case
  | Collate
  | Cast
  | ConvertUsing
  | Extract
  | Trim
  | DateArithmetic
  | TimestampAdd
  | TimestampDiff
  | GetFormat
  | Aggregate
  | GroupConcat
  | WindowFunction
  | JsonValue
  | JsonArrow
  | Match
  | CharFunction
  | WeightString
  | ValuesOf
  | DefaultOf
  | DefaultKeyword
  | UserVariable
  | AssignVariable
  | SystemVariable
  | Call;
