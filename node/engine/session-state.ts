/** What a session is set to: variables, database, user variables; and the forms in which parsing and running ask for it. */
import {
  collationWithId,
  DEFAULT_PARSE_OPTIONS,
  type LiteralValue,
  type ParseOptions,
  type SessionFacts,
  type SqliteValue,
  type SqlMode,
  type SqlType,
  type TableDef,
  type Warning,
} from '../sql/index.ts';
import type { GroupTransaction } from '../replica/index.ts';
import type { SessionChange } from '../server/index.ts';
import type { StatementSettings } from './environment.ts';
import type { LockedTables } from './locked-tables.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { Isolation } from './transaction.ts';
import { findVariable, sqliteValue, VariableStore } from './variables.ts';

export interface UserVariable {
  value: SqliteValue;
  type: SqlType;
}

export class SessionState {
  readonly globals: VariableStore;
  variables: VariableStore;
  database = '';
  readonly userVariables = new Map<string, UserVariable>();
  /** PREPARE's, by name. */
  readonly prepared = new Map<string, PreparedQuery>();
  activeRoles: readonly string[] = [];
  /** SET TRANSACTION for the next one only. */
  nextTransaction: { isolation?: Isolation; readOnly?: boolean } = {};
  /** The last transaction that the session committed. */
  lastTransaction: GroupTransaction | undefined;

  multiStatements = false;
  /** KILL's second half: ends the connection. */
  onKill: (() => void) | undefined;
  /** What the client knows its session by, where it is at another node than this. */
  connectionId: number | undefined;
  /** What a client that tracks its session has yet to be told. */
  changes: SessionChange[] = [];

  // What the last statement left.
  lastInsertId: number | bigint = 0;
  /** What LAST_INSERT_ID(expr) was given last in the statement that runs. */
  givenInsertId: number | bigint | undefined;
  rowCount: number | bigint = 0;
  foundRows = 0;
  warnings: readonly Warning[] = [];
  warningCount = 0;

  // What it does now, for SHOW PROCESSLIST and KILL.
  command = 'Sleep';
  info: string | undefined;
  since = Date.now();
  killed = false;
  /** The statement that runs has asked the client for a file, which comes once: it cannot be made anew. */
  hasTakenFile = false;
  /** The last error that was the same once the node had caught up, and when: see catchUp(). */
  lastWord: { readonly message: string; readonly ms: number } | undefined;
  /** The time of the statement that runs is over: see withinTime(). */
  isLate = false;
  private cancel: (() => void) | undefined;
  /** Temporary tables by 'database.name'. */
  readonly temporaryTables = new Map<string, TableDef>();
  /** The table that CREATE TABLE … SELECT fills: it is found by no name yet. */
  filling: TableDef | undefined;
  lockedTables: LockedTables | undefined;
  private modes:
    | {
        text: string;
        parse: ParseOptions;
        values: SqlMode;
        strict: boolean;
        fullGroupBy: boolean;
        noAutoValueOnZero: boolean;
      }
    | undefined;
  private settingsCache: StatementSettings | undefined;
  private scopeKey: string | undefined;

  constructor(globals: VariableStore) {
    this.globals = globals;
    this.variables = new VariableStore(globals);
  }

  /** Ends what the session waits for. */
  get cancelWait(): (() => void) | undefined {
    return this.cancel;
  }

  set cancelWait(cancel: (() => void) | undefined) {
    this.cancel = cancel;
    if (this.isLate) cancel?.();
  }

  /** Ends what the statement waits for, now and from now on: its time is over. */
  giveUpWaiting(): void {
    this.isLate = true;
    this.cancel?.();
  }

  /** To be called when a variable or the database changed. */
  changed(): void {
    this.modes = undefined;
    this.facts = undefined;
    this.settingsCache = undefined;
    this.scopeKey = undefined;
  }

  /** A character set by a collation's number, as the handshake names it. */
  setNames(collationId: number): void {
    const collation = collationWithId(collationId);
    if (!collation) return;
    for (const name of ['character_set_client', 'character_set_connection', 'character_set_results'])
      this.variables.set(name, collation.charset);
    this.variables.set('collation_connection', collation.name);
    this.changed();
  }

  private get mode(): NonNullable<SessionState['modes']> {
    if (!this.modes) {
      const text = String(this.variables.get('sql_mode'));
      const has = (m: string): boolean => text.split(',').includes(m);
      this.modes = {
        text,
        strict: has('STRICT_TRANS_TABLES') || has('STRICT_ALL_TABLES'),
        fullGroupBy: has('ONLY_FULL_GROUP_BY'),
        noAutoValueOnZero: has('NO_AUTO_VALUE_ON_ZERO'),
        parse: {
          ...DEFAULT_PARSE_OPTIONS,
          ansiQuotes: has('ANSI_QUOTES'),
          pipesAsConcat: has('PIPES_AS_CONCAT'),
          highNotPrecedence: has('HIGH_NOT_PRECEDENCE'),
          ignoreSpace: has('IGNORE_SPACE'),
          noBackslashEscapes: has('NO_BACKSLASH_ESCAPES'),
          realAsFloat: has('REAL_AS_FLOAT'),
        },
        values: {
          noZeroDate: has('NO_ZERO_DATE'),
          noZeroInDate: has('NO_ZERO_IN_DATE'),
          allowInvalidDates: has('ALLOW_INVALID_DATES'),
          errorForDivisionByZero: has('ERROR_FOR_DIVISION_BY_ZERO'),
          noUnsignedSubtraction: has('NO_UNSIGNED_SUBTRACTION'),
          padCharToFullLength: has('PAD_CHAR_TO_FULL_LENGTH'),
          timeTruncateFractional: has('TIME_TRUNCATE_FRACTIONAL'),
          noBackslashEscapes: has('NO_BACKSLASH_ESCAPES'),
        },
      };
    }
    return this.modes;
  }

  get parseOptions(): ParseOptions {
    return this.mode.parse;
  }

  get strict(): boolean {
    return this.mode.strict;
  }

  get fullGroupBy(): boolean {
    return this.mode.fullGroupBy;
  }

  get noAutoValueOnZero(): boolean {
    return this.mode.noAutoValueOnZero;
  }

  get sqlMode(): SqlMode {
    return this.mode.values;
  }

  private facts: { autocommit: boolean; zone: string } | undefined;

  private get fact(): NonNullable<SessionState['facts']> {
    this.facts ??= {
      autocommit: this.variables.number('autocommit') === 1,
      zone: String(this.variables.get('time_zone')),
    };
    return this.facts;
  }

  get timeZone(): string {
    return this.fact.zone;
  }

  get timeZoneIsUtc(): boolean {
    return ['SYSTEM', 'UTC', '+00:00'].includes(this.fact.zone);
  }

  get autocommit(): boolean {
    return this.fact.autocommit;
  }

  /** What decides how a text compiles, as part of a plan's key; undefined when plans must not be shared. */
  get planScope(): string | undefined {
    if (this.temporaryTables.size > 0) return undefined;
    this.scopeKey ??= [
      this.database,
      this.variables.get('collation_connection'),
      this.mode.text,
      this.timeZoneIsUtc ? 'utc' : '',
      this.variables.get('div_precision_increment'),
      '',
    ].join('\u0000');
    return this.scopeKey;
  }

  get commitLevel(): CommitLevel {
    return String(this.variables.get('p2pdb_commit')) as CommitLevel;
  }

  get readLevel(): 'local' | 'linearizable' {
    return String(this.variables.get('p2pdb_read')) as 'local' | 'linearizable';
  }

  settings(facts: SessionFacts): StatementSettings {
    // Sessions of one client in several groups share the rest.
    if (this.settingsCache?.facts === facts) return this.settingsCache;
    this.settingsCache = {
      facts,
      sqlMode: this.mode.values,
      strictMode: this.mode.strict,
      timeZone: String(this.variables.get('time_zone')),
      divPrecisionIncrement: this.variables.number('div_precision_increment'),
      groupConcatMaxLen: this.variables.number('group_concat_max_len'),
      defaultWeekFormat: this.variables.number('default_week_format'),
      timeLocale: String(this.variables.get('lc_time_names')),
      blockEncryptionMode: String(this.variables.get('block_encryption_mode')),
      collation: String(this.variables.get('collation_connection')),
      maxAllowedPacket: this.variables.number('max_allowed_packet'),
      timestamp: this.variables.number('timestamp'),
    };
    return this.settingsCache;
  }

  systemVariable(name: string, scope: 'global' | 'session'): SqliteValue {
    const definition = findVariable(name);
    if (!definition) return null;
    const store = scope === 'global' || definition.scope === 'global' ? this.globals : this.variables;
    return sqliteValue(store.get(definition.name));
  }
}

/** What OK to a commit means: see DESIGN.md of the replica. */
export type CommitLevel = 'local' | 'replicated' | 'final';

export type Slots = readonly (LiteralValue | null)[];
