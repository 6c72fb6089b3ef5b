import { SqlError } from '../types/index.ts';
import type { Warning } from '../types/index.ts';

/** The sql_mode flags that change what a value is. */
export interface SqlMode {
  readonly noZeroDate: boolean;
  readonly noZeroInDate: boolean;
  readonly allowInvalidDates: boolean;
  readonly errorForDivisionByZero: boolean;
  readonly noUnsignedSubtraction: boolean;
  readonly padCharToFullLength: boolean;
  readonly timeTruncateFractional: boolean;
  readonly noBackslashEscapes: boolean;
}

/** MySQL 9's default sql_mode, as far as values are concerned. */
export const DEFAULT_SQL_MODE: SqlMode = {
  noZeroDate: true,
  noZeroInDate: true,
  allowInvalidDates: false,
  errorForDivisionByZero: true,
  noUnsignedSubtraction: false,
  padCharToFullLength: false,
  timeTruncateFractional: false,
  noBackslashEscapes: false,
};

/** What a conversion of one value may ask of the statement that it runs in. */
export interface ValueContext {
  readonly sqlMode: SqlMode;
  /** `+hh:mm` or an IANA name; `SYSTEM` means UTC, since every node must give the same answer. */
  readonly timeZone: string;
  /** Microseconds since 1970 in UTC, the same all through a statement. */
  nowUtcMicros(): bigint;
  /** May throw: a statement that changes data in strict mode turns most of these into errors (see `isStrictErrno`). */
  warn(level: Warning['level'], errno: number, message: string): void;
}

/** What storing a value into a column asks besides. */
export interface StoreContext extends ValueContext {
  readonly strict: boolean;
  /** 1-based number of the row within the statement: it stands in the messages. */
  readonly row: number;
}

const STATES: Readonly<Record<number, string>> = {
  1064: '42000',
  1210: 'HY000',
  1222: '21000',
  1241: '21000',
  1264: '22003',
  1265: '01000',
  1267: 'HY000',
  1270: 'HY000',
  1271: 'HY000',
  1292: '22007',
  1365: '22012',
  1367: '22007',
  1406: '22001',
  1426: '42000',
  1439: '42000',
  1441: '22008',
  1582: '42000',
  1583: '42000',
  1690: '22003',
  3020: '2201E',
  3140: '22032',
  3141: '22032',
  3143: '42000',
  3144: '22032',
  3146: '22032',
  3147: '22032',
  3148: '22032',
  3149: '42000',
  3150: '22032',
  3151: '22032',
  3152: '42000',
  3153: '42000',
  3154: '42000',
  3155: '22032',
  3156: '22018',
  3157: '22032',
  3158: '22032',
  3162: '42000',
  3165: '42000',
  3516: '22018',
  3752: '22003',
};

/** A value as messages show it: at most 128 characters, and none outside the basic plane. */
export function shownText(text: string): string {
  const plain = text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '?');
  return plain.length > 128 ? plain.slice(0, 128) : plain;
}

/** The error of that number, with the SQLSTATE that MySQL gives it. */
export function sqlError(errno: number, message: string): SqlError {
  return new SqlError(errno, STATES[errno] ?? 'HY000', message);
}

const STRICT_ERRNOS: ReadonlySet<number> = new Set([
  1048, 1263, 1264, 1265, 1260, 1292, 1364, 1365, 1366, 1406, 1411, 1423, 1441, 1261, 1262, 3020, 3751, 3964,
]);

/** Whether strict mode makes an error of this warning in a statement that changes data. */
export function isStrictErrno(errno: number): boolean {
  return STRICT_ERRNOS.has(errno);
}
