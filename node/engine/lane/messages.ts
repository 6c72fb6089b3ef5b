/** What the core and a lane's thread say to each other. All of it is plain data. */
import type { LiteralValue, SqliteValue, SqlMode, SqlType, Statement, Warning } from '../../sql/index.ts';

/** What decides how a statement compiles. */
export interface CompileFacts {
  readonly database: string;
  readonly collation: string;
  readonly onlyFullGroupBy: boolean;
  readonly timeZoneIsUtc: boolean;
  readonly divPrecisionIncrement: number;
  readonly groupConcatMaxLen: number;
  readonly sqlMode: SqlMode;
  readonly text: string;
  readonly slotTypes: ReadonlyMap<number, SqlType>;
  readonly userVariableTypes: ReadonlyMap<string, SqlType>;
}

/** A session's facts as they were when the statement began. */
export interface SessionSnapshot {
  readonly connectionId: number;
  readonly user: string;
  readonly currentUser: string;
  readonly currentRole: string;
  readonly database: string;
  readonly lastInsertId: number | bigint;
  readonly rowCount: number | bigint;
  readonly foundRows: number;
  readonly version: string;
  readonly variables: ReadonlyMap<string, SqliteValue>;
  readonly userVariables: ReadonlyMap<string, { readonly value: SqliteValue; readonly type: SqlType }>;
}

export interface RunSettings {
  readonly sqlMode: SqlMode;
  readonly strictMode: boolean;
  readonly timeZone: string;
  readonly divPrecisionIncrement: number;
  readonly groupConcatMaxLen: number;
  readonly defaultWeekFormat: number;
  readonly timeLocale: string;
  readonly blockEncryptionMode: string;
  readonly collation: string;
  readonly maxAllowedPacket: number;
  readonly timestamp: number;
}

/** Run this SELECT. */
export interface LaneRequest {
  readonly catalogVersion: number;
  readonly statement: Statement;
  readonly compile: CompileFacts;
  readonly run: RunSettings;
  readonly session: SessionSnapshot;
  readonly slots: readonly (LiteralValue | null)[];
  /** Rows that the transaction sees otherwise than the state file has them, by table. */
  readonly overlays: readonly {
    readonly tableId: number;
    readonly images: ReadonlyMap<number | bigint, SqliteValue[] | undefined>;
  }[];
  /** [0]: chunks that the core has taken. The thread runs ahead by a few and waits there. */
  readonly taken: Int32Array<SharedArrayBuffer>;
}

export type LaneReply =
  /** Its snapshot is open: the state may change now. */
  | { readonly kind: 'started' }
  | { readonly kind: 'rows'; readonly rows: SqliteValue[][] }
  | {
      readonly kind: 'end';
      readonly foundRows: number;
      readonly warnings: readonly Warning[];
      readonly warningCount: number;
    }
  | { readonly kind: 'error'; readonly errno: number; readonly sqlState: string; readonly message: string };

export const CHUNK_ROWS = 256;
/** How many chunks the thread may be ahead of the core. */
export const CHUNKS_AHEAD = 4;
