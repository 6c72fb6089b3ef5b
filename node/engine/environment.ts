/**
 * What a running statement can ask for: literals, the session, the clock, warnings. One for each SQLite connection, because
 * the functions registered there hold on to it; it is pointed at the session before each statement.
 */
import { randomBytes } from 'node:crypto';
import {
  DEFAULT_LOCALE,
  formatDateTime,
  dateTimeOfMicros,
  toLocal,
  isStrictErrno,
  sqlError,
  type ExecContext,
  type LiteralValue,
  type SessionFacts,
  type SqliteValue,
  type SqlMode,
  type SqlType,
  type StatementClock,
  type StoreContext,
  type TableDef,
  type Warning,
} from '../sql/index.ts';
import { functionPorts } from './function-ports.ts';
import type { Steps } from '../consistency/index.ts';

const WARNINGS_MAX = 1024;
export const DEFAULT_BLOCK_ENCRYPTION_MODE = 'aes-128-ecb';

/** What of a session a statement runs under. */
export interface StatementSettings {
  readonly facts: SessionFacts;
  readonly sqlMode: SqlMode;
  readonly strictMode: boolean;
  readonly timeZone: string;
  readonly divPrecisionIncrement: number;
  readonly groupConcatMaxLen: number;
  readonly defaultWeekFormat: number;
  /** lc_time_names. */
  readonly timeLocale: string;
  readonly blockEncryptionMode: string;
  readonly collation: string;
  readonly maxAllowedPacket: number;
  /** SET timestamp: the clock of this session, in seconds; 0: the real one. */
  readonly timestamp: number;
}

/** What expressions of definitions, and values that are merged, are evaluated under, wherever that is done. */
export const SCHEMA_TIME_ZONE = 'UTC';
export const SCHEMA_PACKET_MAX = 1 << 30;
export const SCHEMA_SQL_MODE: SqlMode = {
  noZeroDate: false,
  noZeroInDate: false,
  allowInvalidDates: false,
  errorForDivisionByZero: false,
  noUnsignedSubtraction: false,
  padCharToFullLength: false,
  timeTruncateFractional: false,
  noBackslashEscapes: false,
};

/** Modes of sessions are few, and each row asks. */
const schemaModes = { strict: new WeakMap<SqlMode, SqlMode>(), lenient: new WeakMap<SqlMode, SqlMode>() };

/** The mode for expressions of a definition: of a session's own they keep what makes a value an error, where it is one, or a warning. */
function schemaMode(mode: SqlMode, how: keyof typeof schemaModes): SqlMode {
  let made = schemaModes[how].get(mode);
  if (made === undefined) {
    const { noZeroDate, noZeroInDate, errorForDivisionByZero } = mode;
    made = { ...SCHEMA_SQL_MODE, errorForDivisionByZero, ...(how === 'strict' && { noZeroDate, noZeroInDate }) };
    schemaModes[how].set(mode, made);
  }
  return made;
}

export class Environment implements ExecContext, StoreContext {
  slots: readonly (LiteralValue | null)[] = [];
  session!: SessionFacts;
  oldRow: readonly SqliteValue[] = [];
  newRow: readonly SqliteValue[] = [];
  sourceRow: readonly SqliteValue[] = [];
  sqlMode!: SqlMode;
  timeZone = 'SYSTEM';
  divPrecisionIncrement = 4;
  groupConcatMaxLen = 1024;
  maxAllowedPacket = 67108864;
  defaultWeekFormat = 0;
  timeLocale = DEFAULT_LOCALE;
  blockEncryptionMode = DEFAULT_BLOCK_ENCRYPTION_MODE;
  collation = 'utf8mb4_0900_ai_ci';
  /** The statement changes data in strict mode: conversions that lose something are errors. */
  strict = false;
  /** INSERT IGNORE and the like: errors of rows are warnings. */
  ignore = false;
  row = 1;
  warnings: Warning[] = [];
  warningCount = 0;
  readonly deflate = functionPorts.deflate;
  readonly inflate = functionPorts.inflate;
  readonly aes = functionPorts.aes;
  readonly deriveKey = functionPorts.deriveKey;
  private clock = 0n;
  /** Further parameters of texts that run, by what their last parameter says. */
  readonly further = new Map<number, readonly SqliteValue[]>();
  private rowSource: (name: string) => string = () => '[]';

  furtherParameter(run: number, place: number): SqliteValue {
    return this.further.get(run)?.[place] ?? null;
  }

  /** Runs an expression of a table's definition, which means the same for all sessions: other nodes run it for nobody's. */
  ofSchema<T>(run: () => T): T {
    const { timeLocale, timeZone, maxAllowedPacket, defaultWeekFormat, blockEncryptionMode, sqlMode } = this;
    this.sqlMode = schemaMode(sqlMode, this.strict && !this.ignore ? 'strict' : 'lenient');
    this.timeZone = SCHEMA_TIME_ZONE;
    this.maxAllowedPacket = SCHEMA_PACKET_MAX;
    this.timeLocale = DEFAULT_LOCALE;
    this.blockEncryptionMode = DEFAULT_BLOCK_ENCRYPTION_MODE;
    this.defaultWeekFormat = 0;
    try {
      return run();
    } finally {
      this.sqlMode = sqlMode;
      this.timeZone = timeZone;
      this.maxAllowedPacket = maxAllowedPacket;
      this.timeLocale = timeLocale;
      this.blockEncryptionMode = blockEncryptionMode;
      this.defaultWeekFormat = defaultWeekFormat;
    }
  }

  /** Points it at a session's next statement. */
  begin(
    settings: StatementSettings,
    slots: readonly (LiteralValue | null)[],
    changesData: boolean,
    rowsOf: (name: string) => string,
  ): void {
    this.slots = slots;
    this.session = settings.facts;
    this.sqlMode = settings.sqlMode;
    this.timeZone = settings.timeZone;
    this.divPrecisionIncrement = settings.divPrecisionIncrement;
    this.groupConcatMaxLen = settings.groupConcatMaxLen;
    this.maxAllowedPacket = settings.maxAllowedPacket;
    this.defaultWeekFormat = settings.defaultWeekFormat;
    this.timeLocale = settings.timeLocale;
    this.blockEncryptionMode = settings.blockEncryptionMode;
    this.collation = settings.collation;
    this.strict = changesData && settings.strictMode;
    this.ignore = false;
    this.row = 1;
    this.warnings = [];
    this.warningCount = 0;
    this.clock = settings.timestamp > 0 ? BigInt(Math.round(settings.timestamp * 1e6)) : 0n;
    this.rowSource = rowsOf;
  }

  /**
   * Work that pauses, under what it was begun with: whoever has his turn meanwhile points this elsewhere. `check` throws when the
   * work is not to go on.
   */
  *through<T>(work: Steps<T>, check?: () => void): Steps<T> {
    try {
      for (;;) {
        const next = work.next();
        if (next.done === true) return next.value;
        const kept = { ...this };
        yield;
        Object.assign(this, kept);
        check?.();
      }
    } finally {
      // What it reads by is closed.
      work.return(undefined as never);
    }
  }

  nowUtcMicros(): bigint {
    // Asked for the first time: the clock stands still for the rest of the statement.
    if (this.clock === 0n) this.clock = BigInt(Date.now()) * 1000n + BigInt(Math.floor((performance.now() % 1) * 1000));
    return this.clock;
  }

  /** The running statement's. */
  statementClock(): StatementClock {
    const { database, connectionId } = this.session;
    return { micros: Number(this.nowUtcMicros()), timeZone: this.timeZone, database, connectionId };
  }

  /** Goes by the clock of the statement that rewrote the table's rows last: every node has the same one. */
  atRewriteOf<T>({ rewritten, createdAt }: TableDef, work: () => T): T {
    const { clock, timeZone, session } = this;
    this.clock = BigInt(rewritten?.micros ?? createdAt * 1000);
    this.timeZone = rewritten?.timeZone ?? SCHEMA_TIME_ZONE;
    const { database = session.database, connectionId = session.connectionId } = rewritten ?? {};
    this.session = Object.create(session, {
      database: { value: database },
      connectionId: { value: connectionId },
    }) as SessionFacts;
    try {
      return work();
    } finally {
      this.clock = clock;
      this.timeZone = timeZone;
      this.session = session;
    }
  }

  sysdateUtcMicros(): bigint {
    return BigInt(Date.now()) * 1000n;
  }

  random(): number {
    return Math.random();
  }

  randomBytes(n: number): Uint8Array {
    return randomBytes(n);
  }

  rowsOf(name: string): string {
    return this.rowSource(name);
  }

  warn(level: Warning['level'], errno: number, message: string): void {
    if (this.strict && !this.ignore && level !== 'Note' && isStrictErrno(errno)) throw sqlError(errno, message);
    this.warningCount++;
    if (this.warnings.length < WARNINGS_MAX) this.warnings.push({ level, errno, message });
  }

  /** The statement's time in a column's form. */
  nowAs(type: SqlType, fsp?: number): SqliteValue {
    const digits = fsp ?? ('fsp' in type ? type.fsp : 0);
    const micros = Number(this.nowUtcMicros());
    const local = type.kind === 'timestamp' ? micros : (toLocal(micros, this.timeZone) ?? micros);
    const text = formatDateTime(dateTimeOfMicros(local), 6).slice(0, digits === 0 ? 19 : 20 + digits);
    if (type.kind === 'date') return text.slice(0, 10);
    const wanted = 'fsp' in type ? type.fsp : 0;
    if (wanted > digits) return digits === 0 ? `${text}.${'0'.repeat(wanted)}` : text + '0'.repeat(wanted - digits);
    return text;
  }
}

/** Who asks when nobody does: what the schema's expressions may name of a session is nothing. */
export class NobodysSession implements SessionFacts {
  readonly connectionId = 0;
  readonly user = '';
  readonly currentUser = '';
  readonly currentRole = 'NONE';
  readonly database = '';
  readonly lastInsertId = 0;
  readonly rowCount = 0;
  readonly foundRows = 0;
  readonly version: string;

  constructor(version: string) {
    this.version = version;
  }

  systemVariable(): SqliteValue {
    return null;
  }

  userVariable(): undefined {
    return undefined;
  }

  setUserVariable(): void {
    throw new Error('an expression of the schema sets no variable');
  }

  setLastInsertId(): void {
    throw new Error('an expression of the schema inserts nothing');
  }

  isHeldByOthers(): boolean {
    throw new Error('an expression of the schema reads no rows');
  }

  call(): SqliteValue {
    return null;
  }
}
