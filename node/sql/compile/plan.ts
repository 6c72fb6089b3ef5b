/** What the compiler gives to the engine: SQLite's text and how to fill its parameters. Plans hold no state of a session. */
import type { CallEnv } from '../functions/index.ts';
import type { TableDef } from '../catalog/index.ts';
import type { LiteralValue, QueryExpression } from '../parser/index.ts';
import type { SqliteValue, SqlType } from '../types/index.ts';
import type { Binder, ColumnSource } from './bound.ts';

/** The facts of a session that expressions ask for while a statement runs. */
export interface SessionFacts {
  readonly connectionId: number;
  /** Login, 'user@host' as the client gave it, and as the account is called. */
  readonly user: string;
  readonly currentUser: string;
  readonly currentRole: string;
  readonly database: string;
  readonly lastInsertId: number | bigint;
  readonly rowCount: number | bigint;
  readonly foundRows: number;
  readonly version: string;
  systemVariable(name: string, scope: 'global' | 'session'): SqliteValue;
  userVariable(name: string): { value: SqliteValue; type: SqlType } | undefined;
  setUserVariable(name: string, value: SqliteValue, type: SqlType): void;
  setLastInsertId(value: number | bigint): void;
  /** Whether another transaction holds the row so that FOR UPDATE, or FOR SHARE, would wait for it. */
  isHeldByOthers(table: number, rowid: number | bigint, strength: 'update' | 'share'): boolean;
  /** GET_LOCK family and SLEEP belong to the engine: called by name with evaluated arguments. */
  call(name: string, args: readonly SqliteValue[]): SqliteValue;
}

/** Everything that a running statement can ask for. */
export interface ExecContext extends CallEnv {
  /** Values of literals and placeholders by slot. */
  slots: readonly (LiteralValue | null)[];
  session: SessionFacts;
  /** For row expressions: the row as it is, and the row that was to be inserted. */
  oldRow: readonly SqliteValue[];
  newRow: readonly SqliteValue[];
  /** The row of an INSERT's SELECT, with what ON DUPLICATE KEY UPDATE reads of its tables. */
  sourceRow: readonly SqliteValue[];
  /** Rows of a relation that the engine makes: information_schema and the like, as a JSON array of arrays. */
  rowsOf(name: string): string;
  /** One of the further parameters of a text that runs: see SqlText. */
  furtherParameter(run: number, place: number): SqliteValue;
}

/** A function that the statement's SQL calls: to be registered on a connection before the statement is prepared there. */
export type SqlFunction =
  | {
      readonly kind: 'scalar';
      readonly name: string;
      readonly deterministic: boolean;
      readonly arity: number;
      readonly make: (x: ExecContext) => (...args: SqliteValue[]) => SqliteValue;
    }
  | {
      readonly kind: 'aggregate';
      readonly name: string;
      readonly arity: number;
      readonly make: (x: ExecContext) => AggregateImplementation;
    };

export interface AggregateImplementation {
  start(): unknown;
  step(state: unknown, ...args: SqliteValue[]): unknown;
  inverse?(state: unknown, ...args: SqliteValue[]): unknown;
  result(state: unknown): SqliteValue;
}

export interface ResultColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly source: ColumnSource | undefined;
}

/** What an account must be allowed to do. */
export interface Access {
  readonly database: string;
  readonly table: string;
  readonly privilege: 'select' | 'insert' | 'update' | 'delete';
  readonly columns: Set<string>;
  /** Set for what a view reads: `definer` answers for it; undefined: who runs the statement (SQL SECURITY INVOKER). */
  readonly view?: ViewUse | undefined;
}

export interface ViewUse {
  readonly database: string;
  readonly name: string;
  readonly definer: string | undefined;
}

/** A base table that a statement reads, and how: the engine decides by it where to run the statement. */
export interface TableUse {
  readonly table: TableDef;
  /** Alias in the SQLite text. */
  readonly alias: string;
  /** What the statement calls it, for EXPLAIN. */
  readonly name?: string;
  /** Of its rows only those within all of them matter; some are of an index's first column. See noteBounds(). */
  bounds?: readonly ColumnBounds[];
}

/**
 * The value of a column (of integers, or, where it is one of several or both bounds are one, of texts) is no lower and no higher than that,
 * or one of `among`. Undefined: no bound.
 */
export interface ColumnBounds {
  /** Its place in the table. */
  readonly place: number;
  readonly low: Binder | undefined;
  readonly high: Binder | undefined;
  readonly among?: readonly Binder[];
}

/** Where a locking read puts out a table's rowids, and how it locks them. */
export interface LockTarget {
  readonly table: TableDef;
  readonly output: number;
  readonly strength: 'update' | 'share';
  readonly wait: 'wait' | 'nowait' | 'skipLocked';
}

export interface SelectPlan {
  readonly kind: 'select';
  readonly sql: string;
  readonly binders: readonly Binder[];
  readonly further?: readonly Binder[];
  readonly functions: readonly SqlFunction[];
  readonly columns: readonly ResultColumn[];
  readonly tables: readonly TableUse[];
  readonly access: readonly Access[];
  readonly keyRange: KeyRange | undefined;
  readonly keyLookup: KeyLookup | undefined;
  /** Functions that wait, run before the statement: SLEEP, GET_LOCK. */
  readonly waits: readonly { readonly name: string; readonly args: readonly (Binder | undefined)[] }[];
  /** FOR UPDATE, FOR SHARE. `targets`: where rows put out the rowids of the tables to lock; undefined: the tables are locked whole. */
  readonly locking:
    | {
        /** How tables are locked whole. */
        readonly isShared: boolean;
        readonly targets: readonly LockTarget[] | undefined;
      }
    | undefined;
  /** Locking reads within it, as in a derived table: they are run first, for their locks. */
  readonly within: readonly LockingRead[];
  /** A text that is faster, and its rows right where those at `places` hold plain texts only: see PlainOrder. It may be run twice. */
  readonly plain: { readonly text: SqlText; readonly places: readonly number[] } | undefined;
  /** SQL_CALC_FOUND_ROWS: a second text that counts without LIMIT. */
  readonly count: SqlText | undefined;
  /** It depends on more than its text and slots' classes: do not keep it. */
  readonly volatile: boolean;
}

export interface LockingRead {
  readonly plan: SelectPlan;
  readonly query: QueryExpression;
}

/** SQLite's text with its parameters. */
export interface SqlText {
  readonly sql: string;
  readonly binders: readonly Binder[];
  /** What SQLite has no room for among its parameters. */
  readonly further?: readonly Binder[];
  readonly functions: readonly SqlFunction[];
}

/** An expression over one row (a DEFAULT, a CHECK, a value to insert): a parameter's work, or a SELECT without FROM. */
export interface RowExpression {
  readonly type: SqlType;
  readonly bind: Binder | undefined;
  readonly query: SqlText | undefined;
}

interface PlanCommon {
  readonly tables: readonly TableUse[];
  readonly access: readonly Access[];
  readonly volatile: boolean;
}

/** WITH CHECK OPTION: the name of the view, and what must be true of a row that is written through it. */
export interface ViewCheck {
  readonly view: string;
  readonly condition: RowExpression;
}

/** A value of an INSERT: an expression, or the column's default. */
export type InsertValue = RowExpression | 'default';

export interface InsertPlan extends PlanCommon {
  readonly kind: 'insert';
  readonly table: TableDef;
  readonly replace: boolean;
  readonly ignore: boolean;
  /** Places in the table's columns that the values go to. */
  readonly targets: readonly number[];
  readonly rows: readonly (readonly InsertValue[])[] | undefined;
  /** Some value names a column. */
  readonly readsRow: boolean;
  readonly select: (SqlText & { readonly types: readonly SqlType[] }) | undefined;
  readonly onDuplicate: readonly RowAssignment[] | undefined;
  /** How often it calls VALUES(column): MySQL warns of each, unless it is prepared. */
  readonly deprecated: number;
  /** What is computed for a row after the first reads the table: the rows before it are there. */
  readonly readsItself: boolean;
  readonly viewCheck: ViewCheck | undefined;
}

/** column = expression, over the old row (x.row) and the row that was to be inserted (x.newRow). */
export interface RowAssignment {
  readonly column: number;
  readonly value: InsertValue;
  readonly add: boolean;
}

export interface UpdateTarget {
  readonly table: TableDef;
  /** Places in the SELECT's output: the rowid, then all columns from `first` on. */
  readonly rowid: number;
  readonly first: number;
  readonly assignments: readonly {
    readonly column: number;
    /** Place of the new value in the output, or the column's default. */
    readonly value: number | 'default';
    readonly type: SqlType;
    readonly add: boolean;
  }[];
  readonly viewCheck: ViewCheck | undefined;
}

export interface UpdatePlan extends PlanCommon {
  readonly kind: 'update';
  readonly select: SqlText;
  readonly targets: readonly UpdateTarget[];
  readonly ignore: boolean;
  readonly keyRange: KeyRange | undefined;
  readonly keyLookup: KeyLookup | undefined;
}

export interface DeletePlan extends PlanCommon {
  readonly kind: 'delete';
  readonly select: SqlText;
  readonly targets: readonly { readonly table: TableDef; readonly rowid: number; readonly first: number }[];
  readonly ignore: boolean;
  readonly keyRange: KeyRange | undefined;
  readonly keyLookup: KeyLookup | undefined;
}

/** The statement reads one table, and of it only rows whose rowid lies in this range. */
export interface KeyRange {
  readonly low: Binder;
  readonly high: Binder;
}

/** The statement reads one table, and of it only the row with this primary key, which is no rowid. */
export type KeyLookup = readonly Binder[];

export type Plan = SelectPlan | InsertPlan | UpdatePlan | DeletePlan;
