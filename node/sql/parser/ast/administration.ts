import type {
  ColumnRef,
  Expr,
  LiteralValue,
  QualifiedName,
  Span,
  SystemVariable,
  UserVariable,
  VariableScope,
} from './expressions.ts';
import type { Account } from './schema.ts';
import type { LimitValue } from './queries.ts';
import type { Statement } from './statements.ts';

/** How an account proves itself: IDENTIFIED [WITH plugin] [BY 'password' | BY RANDOM PASSWORD | AS 'hash']. */
export interface Authentication {
  readonly plugin: string | undefined;
  readonly password: string | undefined;
  readonly randomPassword: boolean;
  readonly hash: string | undefined;
  /** The current password, from REPLACE 'old'. */
  readonly replace: string | undefined;
  readonly retainCurrent: boolean;
}

/** One factor's change in ALTER USER: ADD 2 FACTOR …, MODIFY, DROP. */
export interface FactorChange {
  readonly action: 'add' | 'modify' | 'drop' | 'set';
  readonly factor: 2 | 3;
  readonly authentication: Authentication | undefined;
}

export interface UserSpec {
  readonly account: Account;
  readonly authentication: Authentication | undefined;
  readonly factors: readonly FactorChange[];
  /** DISCARD OLD PASSWORD */
  readonly discardOld: boolean;
}

export type TlsRequirement =
  | { readonly kind: 'none' | 'ssl' | 'x509' }
  | {
      readonly kind: 'specified';
      readonly cipher: string | undefined;
      readonly issuer: string | undefined;
      readonly subject: string | undefined;
    };

/** WITH MAX_…; PASSWORD …; ACCOUNT …; `name` in lower case with underscores: `password_expire`, `account_lock`, … */
export interface UserOption {
  readonly name: string;
  readonly value: number | string | undefined;
}

export interface CreateUser extends Span {
  readonly kind: 'createUser' | 'alterUser';
  /** IF NOT EXISTS of CREATE, IF EXISTS of ALTER. */
  readonly conditional: boolean;
  readonly users: readonly UserSpec[];
  readonly defaultRoles: RoleSelection | undefined;
  readonly require: TlsRequirement | undefined;
  readonly options: readonly UserOption[];
  readonly comment: string | undefined;
  readonly attribute: string | undefined;
}

/** Names after SET ROLE, SET DEFAULT ROLE. */
export type RoleSelection =
  | { readonly kind: 'none' | 'all' | 'default' }
  | { readonly kind: 'allExcept' | 'roles'; readonly roles: readonly Account[] };

export interface DropUser extends Span {
  readonly kind: 'dropUser' | 'dropRole';
  readonly ifExists: boolean;
  readonly accounts: readonly Account[];
}

export interface CreateRole extends Span {
  readonly kind: 'createRole';
  readonly ifNotExists: boolean;
  readonly roles: readonly Account[];
}

export interface RenameUser extends Span {
  readonly kind: 'renameUser';
  readonly pairs: readonly { readonly from: Account; readonly to: Account }[];
}

/** A static privilege in lower case (`select`, `create view`, …), or a dynamic one, with columns where given. */
export interface Privilege {
  readonly name: string;
  readonly columns: readonly string[] | undefined;
}

export interface GrantTarget {
  readonly type: 'table' | 'procedure' | 'function' | 'library';
  /** '*' for `*.*` and `*` (the latter with an undefined schema). */
  readonly schema: string | undefined;
  readonly name: string;
}

export interface Grant extends Span {
  readonly kind: 'grant' | 'revoke';
  readonly ifExists: boolean;
  readonly ignoreUnknownUser: boolean;
  readonly what:
    | { readonly kind: 'privileges'; readonly privileges: readonly Privilege[]; readonly target: GrantTarget }
    /** ALL [PRIVILEGES] ON target; REVOKE ALL PRIVILEGES, GRANT OPTION has no target. */
    | { readonly kind: 'all'; readonly target: GrantTarget | undefined }
    | { readonly kind: 'roles'; readonly roles: readonly Account[] }
    | { readonly kind: 'proxy'; readonly account: Account };
  readonly to: readonly Account[];
  readonly withGrantOption: boolean;
  readonly withAdminOption: boolean;
  /** AS user [WITH ROLE …] */
  readonly as: { readonly account: Account; readonly roles: RoleSelection | undefined } | undefined;
}

export interface SetPassword extends Span {
  readonly kind: 'setPassword';
  /** Undefined: the current one. */
  readonly account: Account | undefined;
  readonly password: string | undefined;
  readonly random: boolean;
  readonly replace: string | undefined;
  readonly retainCurrent: boolean;
}

export interface SetRole extends Span {
  readonly kind: 'setRole';
  readonly roles: RoleSelection;
}

export interface SetDefaultRole extends Span {
  readonly kind: 'setDefaultRole';
  readonly roles: RoleSelection;
  readonly accounts: readonly Account[];
}

/** SET a = 1, @b = 2, GLOBAL c = ON, NAMES utf8mb4: one item each. */
export interface SetStatement extends Span {
  readonly kind: 'set';
  readonly items: readonly SetItem[];
}

export type SetItem =
  | { readonly kind: 'variable'; readonly variable: SystemVariable; readonly value: SetValue }
  | { readonly kind: 'userVariable'; readonly variable: UserVariable; readonly value: Expr }
  /** NEW.col or OLD.col in a trigger, or `schema.x`. */
  | { readonly kind: 'column'; readonly column: ColumnRef; readonly value: SetValue }
  | { readonly kind: 'names'; readonly charset: string | undefined; readonly collation: string | undefined }
  | { readonly kind: 'characterSet'; readonly charset: string | undefined };

/** DEFAULT is the expression `{ kind: 'default' }`; ON, ALL, BINARY and bare words are `{ kind: 'word' }`. */
export type SetValue =
  Expr | { readonly kind: 'word'; readonly word: string; readonly start: number; readonly end: number };

export interface SetTransaction extends Span {
  readonly kind: 'setTransaction';
  /** Undefined: the next transaction only. */
  readonly scope: VariableScope | undefined;
  readonly isolation: IsolationLevel | undefined;
  readonly access: 'readWrite' | 'readOnly' | undefined;
}

export type IsolationLevel = 'readUncommitted' | 'readCommitted' | 'repeatableRead' | 'serializable';

export interface SetResourceGroup extends Span {
  readonly kind: 'setResourceGroup';
  readonly name: string;
  readonly threads: readonly number[];
}

/** LIKE 'pattern' or WHERE expr. */
export type ShowFilter =
  { readonly kind: 'like'; readonly pattern: string } | { readonly kind: 'where'; readonly expr: Expr } | undefined;

export type ShowSubject =
  | 'databases'
  | 'tables'
  | 'openTables'
  | 'tableStatus'
  | 'columns'
  | 'index'
  | 'triggers'
  | 'events'
  | 'status'
  | 'variables'
  | 'characterSet'
  | 'collation'
  | 'procedureStatus'
  | 'functionStatus'
  | 'libraryStatus'
  | 'procedureCode'
  | 'functionCode'
  | 'engines'
  | 'plugins'
  | 'privileges'
  | 'processlist'
  | 'warnings'
  | 'errors'
  | 'warningsCount'
  | 'errorsCount'
  | 'grants'
  | 'profile'
  | 'profiles'
  | 'engineStatus'
  | 'engineMutex'
  | 'engineLogs'
  | 'binaryLogs'
  | 'binaryLogStatus'
  | 'binlogEvents'
  | 'relaylogEvents'
  | 'replicas'
  | 'replicaStatus'
  | 'createDatabase'
  | 'createTable'
  | 'createView'
  | 'createTrigger'
  | 'createProcedure'
  | 'createFunction'
  | 'createEvent'
  | 'createUser'
  | 'createLibrary';

export interface Show extends Span {
  readonly kind: 'show';
  readonly subject: ShowSubject;
  readonly full: boolean;
  readonly extended: boolean;
  /** SHOW GLOBAL/SESSION STATUS and VARIABLES. */
  readonly scope: 'global' | 'session' | undefined;
  readonly ifNotExists: boolean;
  /** The table, routine, engine, channel or the like that it asks about. */
  readonly name: QualifiedName | undefined;
  /** FROM db */
  readonly from: string | undefined;
  readonly filter: ShowFilter;
  readonly account: Account | undefined;
  readonly using: readonly Account[] | undefined;
  readonly limit: { readonly count: LimitValue; readonly offset: LimitValue | undefined } | undefined;
  /** What is left: profile types, a log's name and position, a channel. */
  readonly details:
    | {
        readonly types: readonly string[];
        readonly query: number | undefined;
        readonly file: string | undefined;
        readonly position: number | bigint | undefined;
        readonly channel: string | undefined;
      }
    | undefined;
}

/** DESCRIBE t [col] */
export interface Describe extends Span {
  readonly kind: 'describe';
  readonly table: QualifiedName;
  /** A column or a pattern. */
  readonly column: string | undefined;
}

export interface Explain extends Span {
  readonly kind: 'explain';
  readonly analyze: boolean;
  readonly format: string | undefined;
  /** INTO @variable */
  readonly into: string | undefined;
  readonly forSchema: string | undefined;
  /** What is explained: a statement, or a running connection. */
  readonly statement: Statement | undefined;
  readonly connection: number | undefined;
}

export interface Use extends Span {
  readonly kind: 'use';
  readonly database: string;
}

/** BEGIN [WORK] and START TRANSACTION. */
export interface Begin extends Span {
  readonly kind: 'begin';
  readonly consistentSnapshot: boolean;
  readonly access: 'readWrite' | 'readOnly' | undefined;
}

export interface Commit extends Span {
  readonly kind: 'commit' | 'rollback';
  readonly chain: boolean | undefined;
  readonly release: boolean | undefined;
}

export interface Savepoint extends Span {
  readonly kind: 'savepoint' | 'rollbackTo' | 'releaseSavepoint';
  readonly name: string;
}

export interface LockTables extends Span {
  readonly kind: 'lockTables';
  readonly tables: readonly {
    readonly table: QualifiedName;
    readonly alias: string | undefined;
    readonly mode: 'read' | 'readLocal' | 'write' | 'lowPriorityWrite';
  }[];
}

export interface SimpleAdmin extends Span {
  readonly kind: 'unlockTables' | 'lockInstance' | 'unlockInstance' | 'shutdown' | 'restart';
}

export interface Xid {
  readonly global: LiteralValue;
  readonly branch: LiteralValue | undefined;
  readonly format: number | undefined;
}

export interface Xa extends Span {
  readonly kind: 'xa';
  readonly action: 'start' | 'end' | 'prepare' | 'commit' | 'rollback' | 'recover';
  readonly xid: Xid | undefined;
  readonly onePhase: boolean;
  readonly suspend: 'suspend' | 'suspendForMigrate' | undefined;
  readonly join: 'join' | 'resume' | undefined;
  readonly convertXid: boolean;
}

export interface Prepare extends Span {
  readonly kind: 'prepare';
  readonly name: string;
  /** The statement's text, or the variable that holds it. */
  readonly source: string | UserVariable;
}

export interface Execute extends Span {
  readonly kind: 'execute';
  readonly name: string;
  readonly using: readonly UserVariable[];
}

/** EXECUTE IMMEDIATE has no place in MySQL; DEALLOCATE and DROP PREPARE. */
export interface Deallocate extends Span {
  readonly kind: 'deallocate';
  readonly name: string;
}

export interface Kill extends Span {
  readonly kind: 'kill';
  readonly type: 'connection' | 'query';
  readonly id: Expr;
}

export interface Flush extends Span {
  readonly kind: 'flush';
  readonly local: boolean;
  /** `privileges`, `status`, `logs`, `binary logs`, `hosts`, `tables`, … in lower case. */
  readonly targets: readonly string[];
  readonly tables: readonly QualifiedName[];
  readonly withReadLock: boolean;
  readonly forExport: boolean;
}

/** RESET BINARY LOGS AND GTIDS, REPLICA, QUERY CACHE, PERSIST: `targets` in lower case. */
export interface Reset extends Span {
  readonly kind: 'reset';
  readonly targets: readonly string[];
}

export interface ResetPersist extends Span {
  readonly kind: 'resetPersist';
  readonly ifExists: boolean;
  /** Undefined: all. */
  readonly name: string | undefined;
}

export interface TableMaintenance extends Span {
  readonly kind: 'analyzeTable' | 'checkTable' | 'optimizeTable' | 'repairTable' | 'checksumTable';
  readonly local: boolean;
  readonly tables: readonly QualifiedName[];
  /** `quick`, `extended`, `for upgrade`, … in lower case. */
  readonly options: readonly string[];
  /** ANALYZE TABLE … UPDATE/DROP HISTOGRAM ON columns. */
  readonly histogram:
    | { readonly action: 'update' | 'drop'; readonly columns: readonly string[]; readonly buckets: number | undefined }
    | undefined;
}

/** A statement that is accepted and otherwise only named: `install plugin`, `change replication source`, `help`, … */
export interface OtherStatement extends Span {
  readonly kind: 'other';
  readonly name: string;
  /** The statement as written. */
  readonly text: string;
}
