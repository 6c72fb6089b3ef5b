/** What exists: databases, tables, views and accounts, as plain data that goes into the log as JSON. */
import type { SqlType } from '../types/index.ts';

export interface DatabaseDef {
  readonly name: string;
  readonly collation: string;
  readonly comment: string;
  readonly readOnly: boolean;
  /** Undefined: it lies in the group that every node hosts. */
  readonly placement?: PlacementDef;
  /** It lies there yet; in the definition that its own group has: in that one. */
  readonly move?: MoveDef;
  /** It lies in the group of its placement yet, and goes to the one that every node hosts. */
  readonly home?: true;
}

/** The way of a database with tables to a group of its own, or back. Nobody begins to write it any more. */
export interface MoveDef {
  readonly to: PlacementDef;
  /** Ids of the members that may have writes on their way yet. Where there is none, its tables stay as they are. */
  readonly awaited: readonly string[];
}

/** A database with a replication group of its own. */
export interface PlacementDef {
  /** Name of the group; never used again. */
  readonly group: string;
  /** Ids of the members that were asked to host it; those do that are members of the cluster yet. */
  readonly hosts: readonly string[];
  /** Who hosted it first, with the names that they had then. */
  readonly founders: readonly { readonly name: string; readonly id: string }[];
  /** From whom it was taken away, and how often: a stay of a member ends once, for good, and its next one has the next number. */
  readonly departures?: readonly { readonly id: string; readonly count: number }[];
  /** Ids of those from whom it was taken away, and who have not said yet that they keep nothing of it. */
  readonly leaving?: readonly string[];
  /** Its tables came from the group that all nodes host: who hosts it first waits for them. */
  readonly moved?: boolean;
  /** How often it began to go back to the group that every node hosts. */
  readonly returns?: number;
}

/** DEFAULT of a column. `value` is the text of the stored value as information_schema shows it. */
export type ColumnDefault =
  | { readonly kind: 'null' }
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'now'; readonly fsp: number }
  | { readonly kind: 'expression'; readonly text: string };

export interface ColumnDef {
  /** Never used again within its table, so that renaming and dropping commute with data written elsewhere. */
  readonly id: number;
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  /** Undefined: no DEFAULT clause at all (NOT NULL columns then demand a value in strict mode). */
  readonly default?: ColumnDefault;
  readonly onUpdateNow?: number;
  readonly autoIncrement?: boolean;
  readonly generated?: { readonly expression: string; readonly stored: boolean };
  readonly comment: string;
  readonly invisible?: boolean;
  /** Made for a functional index part: no query sees it. */
  readonly hidden?: boolean;
}

export interface IndexPartDef {
  /** Column id. A functional part names a hidden generated column. */
  readonly column: number;
  /** Characters (bytes for binary types) of a prefix part. */
  readonly length?: number;
  readonly descending?: boolean;
}

export interface IndexDef {
  readonly id: number;
  readonly name: string;
  readonly kind: 'primary' | 'unique' | 'index' | 'fulltext' | 'spatial';
  readonly parts: readonly IndexPartDef[];
  readonly comment: string;
  readonly invisible?: boolean;
  readonly using?: 'BTREE' | 'HASH';
  /** Made for a foreign key: gives way to a user's index on the same columns. */
  readonly implied?: boolean;
}

export type ForeignKeyAction = 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'NO ACTION' | 'SET DEFAULT';

export interface ForeignKeyDef {
  readonly id: number;
  readonly name: string;
  readonly columns: readonly number[];
  readonly referencedDatabase: string;
  readonly referencedTable: string;
  readonly referencedColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
}

export interface CheckDef {
  readonly id: number;
  readonly name: string;
  readonly expression: string;
  readonly enforced: boolean;
}

export interface TableOptions {
  readonly engine: string;
  readonly collation: string;
  readonly comment: string;
  readonly rowFormat?: string;
  /** Options that mean nothing here, as SHOW CREATE TABLE prints them. */
  readonly other?: readonly string[];
}

/**
 * What a statement's time was, and where. Defaults and conversions of rows that a schema change rewrites ask for it (CURRENT_TIMESTAMP,
 * TIME to DATETIME, DATABASE()): every node makes the same of them, whenever it comes to the change.
 */
export interface StatementClock {
  /** Microseconds since 1970. */
  readonly micros: number;
  readonly timeZone: string;
  /** Database in use, or ''. */
  readonly database?: string;
  readonly connectionId?: number;
}

/**
 * Temporary tables, which are one node's own, have ids from here on: never one that another node gives to a table of all nodes. SQLite would
 * take the temporary one for it.
 */
export const TEMPORARY_IDS = 2 ** 40;

export interface TableDef {
  /** Never used again. */
  readonly id: number;
  /** Counts the changes of this table's schema. */
  readonly version: number;
  /** Names the SQLite table together with `id`; a change that rewrites all rows makes a new generation. */
  readonly generation: number;
  readonly database: string;
  readonly name: string;
  readonly columns: readonly ColumnDef[];
  readonly indexes: readonly IndexDef[];
  readonly foreignKeys: readonly ForeignKeyDef[];
  readonly checks: readonly CheckDef[];
  readonly options: TableOptions;
  readonly nextColumnId: number;
  readonly nextIndexId: number;
  readonly temporary?: boolean;
  /** Id of the member that has yet to give it its rows (CREATE TABLE … SELECT): until then nobody finds it by its name. */
  readonly filledBy?: string;
  /** Of the statement that rewrote the rows last. */
  readonly rewritten?: StatementClock;
  /** SQL text of the PARTITION BY clause: kept and shown; the rows lie together. */
  readonly partitions?: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface ViewDef {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** MySQL's canonical text of the SELECT. */
  readonly select: string;
  readonly algorithm: 'UNDEFINED' | 'MERGE' | 'TEMPTABLE';
  readonly definer: string;
  readonly security: 'DEFINER' | 'INVOKER';
  readonly checkOption: 'NONE' | 'LOCAL' | 'CASCADED';
  /** Database in use when it was created: names in it resolve there. */
  readonly collation: string;
}

export interface AccountDef {
  readonly user: string;
  readonly host: string;
  readonly plugin: 'caching_sha2_password' | 'mysql_native_password';
  readonly authentication: string;
  readonly locked: boolean;
  readonly passwordExpired: boolean;
  readonly requireTls: boolean;
  readonly comment?: string;
  /** ATTRIBUTE's JSON object; a comment stands in `comment`. */
  readonly attribute?: string;
  /**
   * Granted privileges by scope: '*' global, 'db' database, 'db.table' table, 'db.table.column' column; a point within a
   * name is U+0001. 'ALL' stands for all of the level; 'GRANT OPTION' lets them be passed on, dynamic ones excepted.
   */
  readonly privileges: Readonly<Record<string, readonly string[]>>;
  /** Dynamic privileges held WITH GRANT OPTION. */
  readonly dynamicGrantable?: readonly string[];
  /** Granted roles, as user@host; those WITH ADMIN OPTION. */
  readonly roles: readonly string[];
  readonly adminRoles?: readonly string[];
  readonly defaultRoles: readonly string[];
  readonly isRole?: boolean;
}

/** A node that hosts the group. */
export interface MemberDef {
  /** Hex of its Ed25519 public key. */
  readonly id: string;
  readonly name: string;
  /** Which keys it gives to rows; never given to another member. */
  readonly slot: number;
  readonly voter: boolean;
  readonly removed: boolean;
  /** Of a database's own group: which of its stays there this is; the first where it does not say. */
  readonly stay?: number;
  /** Of a later stay: a block behind all that it wrote in the stays before. */
  readonly since?: number;
}

/** A join token, as the members know it. */
export interface TokenDef {
  /** SHA-256 of its secret, in hex. */
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly uses: number;
}

/** A value as SQLite stores it, where JSON has none like it: an integer beyond 2^53, a BLOB in base64, minus zero. */
export type MovedValue =
  null | number | string | { readonly int: string } | { readonly blob: string } | { readonly zero: '-' };

/** The rowid, and the values of all columns. */
export type MovedRow = readonly MovedValue[];

/** A row of `p2pdb.conflicts`, in the order of CONFLICT_COLUMNS. */
export type ListedConflict = readonly (null | number | string)[];

/** An author of entries that signed two with one number: nothing of it counts but what was final when that was decided. */
export interface EndedAuthorDef {
  /** In hex. */
  readonly author: string;
  /** Id of the member whose key signed. */
  readonly member: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Two tails of entries that cannot be of one chain, each proven by its last signature. */
  readonly tails: readonly (readonly SignedHeader[])[];
}

/** An author of a removed member: what it wrote up to `seq` counts all the same. */
export interface RescuedAuthorDef {
  /** In hex. */
  readonly author: string;
  readonly seq: number;
}

/** What was signed. */
export interface SignedHeader {
  readonly seq: number;
  /** In hex. */
  readonly cid: string;
  readonly signature: string;
  /** The entry in base64, where it is not large. */
  readonly body?: string;
}

/** One step of a schema change; what the log carries. */
export type CatalogChange =
  | { readonly kind: 'put-database'; readonly database: DatabaseDef }
  | { readonly kind: 'drop-database'; readonly name: string }
  /** `numbersZeros`: a column becomes AUTO_INCREMENT, and rows that have 0 in it get the next values. */
  | { readonly kind: 'put-table'; readonly table: TableDef; readonly numbersZeros?: boolean }
  | { readonly kind: 'drop-table'; readonly id: number }
  | { readonly kind: 'truncate-table'; readonly id: number }
  | { readonly kind: 'auto-increment'; readonly id: number; readonly next: number }
  /** Rows that come from another group, as JSON: see engine/moved-rows.ts. */
  | { readonly kind: 'put-rows'; readonly id: number; readonly rows: readonly MovedRow[] }
  /** Of transactions of another group, whose rows came from there. */
  | { readonly kind: 'put-conflicts'; readonly conflicts: readonly ListedConflict[] }
  | { readonly kind: 'put-view'; readonly view: ViewDef }
  | { readonly kind: 'drop-view'; readonly database: string; readonly name: string }
  | { readonly kind: 'put-account'; readonly account: AccountDef }
  | { readonly kind: 'drop-account'; readonly user: string; readonly host: string }
  | { readonly kind: 'put-member'; readonly member: MemberDef }
  | { readonly kind: 'put-token'; readonly token: TokenDef }
  | { readonly kind: 'drop-token'; readonly hash: string }
  | { readonly kind: 'end-author'; readonly ended: EndedAuthorDef }
  | { readonly kind: 'rescue-author'; readonly rescued: RescuedAuthorDef }
  | { readonly kind: 'drop-conflict'; readonly tx: string }
  | { readonly kind: 'set-global'; readonly name: string; readonly value: string | null };
