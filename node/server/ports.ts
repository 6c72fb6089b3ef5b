/** What the front door asks of the engine behind it. The front door knows bytes; the engine knows SQL. */
import type { SqlType } from '../sql/index.ts';

/** A value as it goes to a client: integers as number or bigint, DECIMAL and temporal values as MySQL's text, BIT and BLOB as bytes. */
export type WireValue = null | number | bigint | string | Uint8Array;

/** One column of a result, as the protocol's column definition packet needs it. */
export interface ColumnDefinition {
  readonly database: string;
  /** Alias of the table, and its own name. */
  readonly table: string;
  readonly originalTable: string;
  readonly name: string;
  readonly originalName: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly primaryKey?: boolean;
  readonly uniqueKey?: boolean;
  readonly multipleKey?: boolean;
  readonly autoIncrement?: boolean;
  readonly noDefault?: boolean;
  readonly onUpdateNow?: boolean;
}

export interface OkResult {
  readonly affectedRows: number | bigint;
  readonly insertId: number | bigint;
  readonly warnings: number;
  /** Human-readable text of the OK packet ("Rows matched: 1  Changed: 1  Warnings: 0"). */
  readonly info: string;
}

/** Server status flags that depend on the session. */
export interface SessionStatus {
  readonly inTransaction: boolean;
  readonly autocommit: boolean;
  readonly noBackslashEscapes: boolean;
}

/**
 * Where the answers of one command go. A statement answers with ok(), or columns() row()* end(), or error().
 *
 * Nothing leaves before the command is done (query() returned undefined, or its promise resolved), unless the engine
 * awaits drained() or asks for a file. So an answer that must wait for the log is held back by returning that flush's
 * promise; one promise may serve many commands. What is given after the client is gone goes nowhere.
 */
export interface ResultSink {
  columns(columns: readonly ColumnDefinition[]): void;
  /** Adds a row. False asks the caller to wait for `drained` before it adds more: the client reads slowly. */
  row(values: readonly WireValue[]): boolean;
  drained(): Promise<void>;
  /** Ends the result set. `more`: another result of this command follows. */
  end(warnings: number, more: boolean): void;
  ok(result: OkResult, more: boolean): void;
  error(error: { errno: number; sqlState: string; message: string }): void;
  /** LOCAL INFILE: asks the client for a file; the chunks of its content, in order. Errors 2068/3948 when it is not allowed. */
  requestFile(name: string): AsyncIterable<Uint8Array>;
}

/** A value that a client sent for a placeholder of a prepared statement. */
export type ParameterValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'int'; readonly value: number | bigint; readonly unsigned: boolean }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'decimal'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'date'; readonly text: string }
  | { readonly kind: 'datetime'; readonly text: string }
  | { readonly kind: 'time'; readonly text: string };

export interface PreparedStatement {
  readonly parameterCount: number;
  /** Columns of its result; empty when it gives none. */
  readonly columns: readonly ColumnDefinition[];
  readonly warnings: number;
  close(): void;
}

/** Changes since the last answer, for CLIENT_SESSION_TRACK. */
export interface SessionChange {
  readonly kind: 'variable' | 'schema' | 'state' | 'gtid';
  readonly name: string;
  readonly value: string;
}

/** A client's session. Bytes that it is given are the caller's again once the call has returned. */
export interface Session {
  readonly id: number;
  /** Database in use, or ''. */
  readonly database: string;
  /** MySQL character set names as the client set them; results are encoded in `resultsCharset` ('' or 'binary': as they are). */
  readonly clientCharset: string;
  readonly resultsCharset: string;
  status(): SessionStatus;
  /** Runs a COM_QUERY. Resolves when everything was given to the sink; never rejects. Undefined: done already. */
  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined;
  /** Throws or rejects with SqlError, as do the others that may answer later. */
  prepare(sql: Uint8Array): PreparedStatement | Promise<PreparedStatement>;
  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
  ): Promise<void> | undefined;
  /** COM_INIT_DB. */
  useDatabase(name: string): void | Promise<void>;
  /** COM_FIELD_LIST. */
  listFields(table: string, wildcard: string): readonly ColumnDefinition[] | Promise<readonly ColumnDefinition[]>;
  /** COM_SET_OPTION and CLIENT_MULTI_STATEMENTS. */
  multiStatements: boolean;
  /** COM_RESET_CONNECTION: everything but the login is as at the start. */
  reset(): void | Promise<void>;
  /**
   * Session variables the wire itself obeys; read at each use. `wait_timeout` starts as `interactive_timeout` for a
   * client that says it is interactive.
   */
  variable(
    name:
      | 'max_allowed_packet'
      | 'wait_timeout'
      | 'interactive_timeout'
      | 'net_write_timeout'
      | 'session_track_state_change',
  ): number;
  /** Takes the changes gathered since the last call (empty array: none). */
  takeChanges(): readonly SessionChange[];
  /** KILL's second half: set by the front door; the engine calls it to end this session's connection. */
  onKill: (() => void) | undefined;
  /** The connection is gone: rolls back, frees locks, prepared statements and temporary tables. */
  close(): void;
}

export interface ClientInfo {
  readonly address: string;
  readonly port: number;
  /** TLS cipher, or '' without TLS. */
  readonly tlsCipher: string;
  readonly tlsVersion: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly database: string;
  readonly collationId: number;
  readonly interactive: boolean;
  readonly foundRows: boolean;
  /** The session begins with IGNORE_SPACE in its sql_mode. */
  readonly ignoreSpace?: boolean;
  readonly localInfile: boolean;
}

/** What the account's stored password is, for the handshake to check. */
export interface Account {
  readonly user: string;
  readonly host: string;
  readonly plugin: 'caching_sha2_password' | 'mysql_native_password';
  /** mysql.user.authentication_string: '' for no password. */
  readonly authentication: string;
  readonly locked: boolean;
  readonly passwordExpired: boolean;
  readonly requireTls: boolean;
}

export interface Engine {
  /** The account that MySQL's sorting of user and host patterns finds for a login, or undefined. */
  findAccount(user: string, address: string): Account | undefined;
  /** Resolves when the engine knows the accounts that were acknowledged anywhere before the call, or after a while in vain. */
  caughtUp(): Promise<void>;
  /** Opens a session for an authenticated account. Throws, or rejects with, SqlError (1044, 1049, 1040). */
  openSession(id: number, account: Account, client: ClientInfo): Session | Promise<Session>;
  /** COM_STATISTICS text. */
  statistics(): string;
  /** COM_PROCESS_KILL. Throws SqlError. */
  kill(by: Session, id: number, queryOnly: boolean): void;
  /** Version of the server as clients see it, such as '9.7.4-p2pdb-0.1.0'. */
  readonly version: string;
  readonly maxConnections: number;
}
