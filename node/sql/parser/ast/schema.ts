import type { Expr, QualifiedName, Span } from './expressions.ts';
import type { OrderItem, QueryExpression } from './queries.ts';
import type { DataType } from './types.ts';

export interface DatabaseOptions {
  readonly charset: string | undefined;
  readonly collation: string | undefined;
  readonly encryption: string | undefined;
  /** READ ONLY = DEFAULT | 0 | 1 */
  readonly readOnly: 'default' | 0 | 1 | undefined;
  /** COMMENT 'x': an extension. */
  readonly comment: string | undefined;
}

export interface CreateDatabase extends Span {
  readonly kind: 'createDatabase';
  readonly ifNotExists: boolean;
  readonly name: string;
  readonly options: DatabaseOptions;
}

export interface AlterDatabase extends Span {
  readonly kind: 'alterDatabase';
  /** Undefined: the current one. */
  readonly name: string | undefined;
  readonly options: DatabaseOptions;
}

export interface DropDatabase extends Span {
  readonly kind: 'dropDatabase';
  readonly ifExists: boolean;
  readonly name: string;
}

export interface CreateTable extends Span {
  readonly kind: 'createTable';
  readonly temporary: boolean;
  readonly external: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly columns: readonly ColumnDefinition[];
  readonly keys: readonly TableKey[];
  readonly options: readonly TableOption[];
  readonly partitioning: Partitioning | undefined;
  readonly duplicates: 'ignore' | 'replace' | undefined;
  readonly select: QueryExpression | undefined;
  /** START TRANSACTION at the end (atomic CREATE … SELECT in the binary log). */
  readonly startTransaction: boolean;
}

export interface CreateTableLike extends Span {
  readonly kind: 'createTableLike';
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly like: QualifiedName;
}

export interface ColumnDefinition extends Span {
  readonly kind: 'columnDefinition';
  readonly name: string;
  readonly type: DataType;
  readonly attributes: readonly ColumnAttribute[];
}

/** In the order as written; later ones win where MySQL lets them repeat. */
export type ColumnAttribute =
  | {
      readonly kind:
        | 'null'
        | 'notNull'
        | 'autoIncrement'
        | 'primaryKey'
        | 'unique'
        | 'key'
        | 'visible'
        | 'invisible'
        | 'notSecondary';
    }
  /** DEFAULT 5, DEFAULT NOW(6), DEFAULT (expr): `parens` tells the last from the rest. */
  | { readonly kind: 'default'; readonly value: Expr; readonly parens: boolean }
  | { readonly kind: 'onUpdate'; readonly value: Expr }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'collate'; readonly collation: string }
  | { readonly kind: 'columnFormat'; readonly format: 'fixed' | 'dynamic' | 'default' }
  | { readonly kind: 'storage'; readonly storage: 'disk' | 'memory' | 'default' }
  | { readonly kind: 'srid'; readonly srid: number }
  | { readonly kind: 'engineAttribute' | 'secondaryEngineAttribute'; readonly value: string }
  | {
      readonly kind: 'generated';
      readonly expr: Expr;
      readonly stored: boolean;
      readonly exprStart: number;
      readonly exprEnd: number;
    }
  | { readonly kind: 'check'; readonly check: CheckConstraint }
  | { readonly kind: 'maskingPolicy'; readonly policy: string }
  | { readonly kind: 'references'; readonly references: References };

export interface CheckConstraint extends Span {
  readonly kind: 'check';
  readonly name: string | undefined;
  readonly expr: Expr;
  /** Undefined when neither ENFORCED nor NOT ENFORCED was written. */
  readonly enforced: boolean | undefined;
}

export type ReferentialAction = 'restrict' | 'cascade' | 'setNull' | 'noAction' | 'setDefault';

export interface References {
  readonly table: QualifiedName;
  readonly columns: readonly string[] | undefined;
  readonly match: 'full' | 'partial' | 'simple' | undefined;
  readonly onDelete: ReferentialAction | undefined;
  readonly onUpdate: ReferentialAction | undefined;
}

export interface ForeignKey extends Span {
  readonly kind: 'foreignKey';
  readonly name: string | undefined;
  readonly indexName: string | undefined;
  readonly columns: readonly string[];
  readonly references: References;
}

export type IndexAlgorithm = 'btree' | 'hash' | 'rtree';

/** A column with an optional prefix length, or an expression. */
export type IndexPart =
  | {
      readonly kind: 'columnPart';
      readonly column: string;
      readonly length: number | undefined;
      readonly direction: 'asc' | 'desc' | undefined;
    }
  | { readonly kind: 'exprPart'; readonly expr: Expr; readonly direction: 'asc' | 'desc' | undefined };

export interface IndexOptions {
  readonly using: IndexAlgorithm | undefined;
  readonly keyBlockSize: number | undefined;
  readonly comment: string | undefined;
  readonly visible: boolean | undefined;
  readonly parser: string | undefined;
  readonly engineAttribute: string | undefined;
  readonly secondaryEngineAttribute: string | undefined;
}

export interface IndexDefinition extends Span {
  readonly kind: 'index';
  readonly type: 'primary' | 'unique' | 'index' | 'fulltext' | 'spatial';
  /** CONSTRAINT name, which names the index when `name` is undefined. */
  readonly constraint: string | undefined;
  readonly name: string | undefined;
  readonly parts: readonly IndexPart[];
  readonly options: IndexOptions;
}

export type TableKey = IndexDefinition | ForeignKey | CheckConstraint;

/**
 * One table option; `name` in lower case with single spaces: `engine`, `charset`, `collate`, `comment`, `auto_increment`, `row_format`, …
 * `value` is the text, number, or word as written; `list` is what UNION = (a, b) holds. DEFAULT as a value is `default`.
 */
export interface TableOption {
  readonly name: string;
  readonly value: string | number | bigint;
  readonly list: readonly QualifiedName[] | undefined;
}

export interface Partitioning extends Span {
  readonly kind: 'partitioning';
  /** PARTITION BY … exactly as written. */
  readonly text: string;
  readonly method: PartitionMethod;
  readonly partitions: number | undefined;
  readonly subMethod: PartitionMethod | undefined;
  readonly subPartitions: number | undefined;
  readonly definitions: readonly PartitionDefinition[];
}

export interface PartitionMethod {
  readonly kind: 'hash' | 'key' | 'range' | 'list';
  readonly linear: boolean;
  readonly algorithm: number | undefined;
  /** HASH, RANGE, LIST of an expression. */
  readonly expr: Expr | undefined;
  /** KEY, RANGE COLUMNS, LIST COLUMNS. */
  readonly columns: readonly string[] | undefined;
}

export interface PartitionDefinition {
  readonly name: string;
  readonly values:
    | { readonly kind: 'lessThan'; readonly values: readonly PartitionValue[] }
    | { readonly kind: 'in'; readonly rows: readonly (readonly PartitionValue[])[] }
    | undefined;
  readonly options: readonly TableOption[];
  readonly subPartitions: readonly { readonly name: string; readonly options: readonly TableOption[] }[];
}

export type PartitionValue = Expr | 'maxvalue';

export interface AlterTable extends Span {
  readonly kind: 'alterTable';
  readonly name: QualifiedName;
  readonly actions: readonly AlterAction[];
  readonly algorithm: 'default' | 'instant' | 'inplace' | 'copy' | undefined;
  readonly lock: 'default' | 'none' | 'shared' | 'exclusive' | undefined;
  readonly validation: boolean | undefined;
}

/** Where a column is put. */
export type ColumnPlace = { readonly kind: 'first' } | { readonly kind: 'after'; readonly column: string } | undefined;

export type AlterAction =
  | { readonly kind: 'addColumn'; readonly column: ColumnDefinition; readonly place: ColumnPlace }
  /** ADD COLUMN (a INT, KEY (a)) */
  | { readonly kind: 'addColumns'; readonly columns: readonly ColumnDefinition[]; readonly keys: readonly TableKey[] }
  | { readonly kind: 'addKey'; readonly key: TableKey }
  | {
      readonly kind: 'changeColumn';
      readonly name: string;
      readonly column: ColumnDefinition;
      readonly place: ColumnPlace;
    }
  | { readonly kind: 'modifyColumn'; readonly column: ColumnDefinition; readonly place: ColumnPlace }
  | { readonly kind: 'dropColumn'; readonly name: string }
  | { readonly kind: 'dropForeignKey' | 'dropIndex' | 'dropCheck' | 'dropConstraint'; readonly name: string }
  | { readonly kind: 'dropPrimaryKey' }
  | {
      readonly kind: 'alterColumnDefault';
      readonly name: string;
      readonly value: Expr | undefined;
      readonly parens: boolean;
    }
  | { readonly kind: 'alterColumnVisible'; readonly name: string; readonly visible: boolean }
  /** `policy` is undefined for DROP MASKING POLICY. */
  | { readonly kind: 'alterColumnMasking'; readonly name: string; readonly policy: string | undefined }
  | { readonly kind: 'alterIndexVisible'; readonly name: string; readonly visible: boolean }
  | { readonly kind: 'alterCheck' | 'alterConstraint'; readonly name: string; readonly enforced: boolean }
  | { readonly kind: 'renameColumn' | 'renameIndex'; readonly from: string; readonly to: string }
  | { readonly kind: 'renameTable'; readonly to: QualifiedName }
  | {
      readonly kind:
        'enableKeys' | 'disableKeys' | 'force' | 'discardTablespace' | 'importTablespace' | 'removePartitioning';
    }
  | { readonly kind: 'secondaryLoad' | 'secondaryUnload' }
  | { readonly kind: 'convertCharset'; readonly charset: string | undefined; readonly collation: string | undefined }
  | { readonly kind: 'orderBy'; readonly items: readonly OrderItem[] }
  | { readonly kind: 'option'; readonly option: TableOption }
  | { readonly kind: 'partitionBy'; readonly partitioning: Partitioning }
  /** ADD/DROP/TRUNCATE/COALESCE/REORGANIZE/EXCHANGE/… PARTITION; `text` as written. */
  | {
      readonly kind: 'partition';
      readonly action:
        | 'add'
        | 'drop'
        | 'truncate'
        | 'coalesce'
        | 'reorganize'
        | 'exchange'
        | 'analyze'
        | 'check'
        | 'optimize'
        | 'rebuild'
        | 'repair'
        | 'discard'
        | 'import'
        | 'secondaryLoad'
        | 'secondaryUnload';
      /** Undefined: ALL. */
      readonly names: readonly string[] | undefined;
      readonly text: string;
    };

export interface CreateIndex extends Span {
  readonly kind: 'createIndex';
  readonly table: QualifiedName;
  readonly index: IndexDefinition & { readonly name: string };
  readonly algorithm: AlterTable['algorithm'];
  readonly lock: AlterTable['lock'];
}

export interface DropIndex extends Span {
  readonly kind: 'dropIndex';
  readonly name: string;
  readonly table: QualifiedName;
  readonly algorithm: AlterTable['algorithm'];
  readonly lock: AlterTable['lock'];
}

export interface DropTable extends Span {
  readonly kind: 'dropTable';
  readonly temporary: boolean;
  readonly ifExists: boolean;
  readonly names: readonly QualifiedName[];
}

export interface TruncateTable extends Span {
  readonly kind: 'truncateTable';
  readonly name: QualifiedName;
}

export interface RenameTable extends Span {
  readonly kind: 'renameTable';
  readonly pairs: readonly { readonly from: QualifiedName; readonly to: QualifiedName }[];
}

/** An account name: 'user'@'host' or CURRENT_USER. A host that was left out is '%'. */
export type Account =
  | { readonly kind: 'account'; readonly user: string; readonly host: string; readonly hostGiven: boolean }
  | { readonly kind: 'currentUser' };

/** CREATE [OR REPLACE] VIEW, and ALTER VIEW. */
export interface CreateView extends Span {
  readonly kind: 'createView' | 'alterView';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly algorithm: 'undefined' | 'merge' | 'temptable' | undefined;
  readonly definer: Account | undefined;
  readonly security: 'definer' | 'invoker' | undefined;
  readonly name: QualifiedName;
  readonly columns: readonly string[] | undefined;
  readonly query: QueryExpression;
  readonly checkOption: 'cascaded' | 'local' | undefined;
  /** JSON RELATIONAL DUALITY VIEW: accepted and named, never run. */
  readonly jsonDuality: boolean;
}

export interface DropView extends Span {
  readonly kind: 'dropView';
  readonly ifExists: boolean;
  readonly names: readonly QualifiedName[];
}
