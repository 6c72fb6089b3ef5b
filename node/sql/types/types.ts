/**
 * MySQL's types, and how a value of each lies in SQLite and in JavaScript.
 *
 * | type                  | in SQLite (stored and inside expressions)            | in JavaScript                         |
 * | --------------------- | ---------------------------------------------------- | ------------------------------------- |
 * | int, year             | INTEGER; unsigned values of 2^63 and more: an 8-byte | number, or bigint where it can pass   |
 * |                       | big-endian BLOB (BLOBs sort after INTEGERs, so order | 2^53                                  |
 * |                       | and equality are SQLite's own)                       |                                       |
 * | bit                   | as int                                               | as int                                |
 * | decimal, precision    | INTEGER, scaled by 10^scale                          | Decimal                               |
 * | up to 18              |                                                      |                                       |
 * | decimal, longer       | BLOB, order-preserving whatever the scale            | Decimal                               |
 * | float, double         | REAL                                                 | number                                |
 * | date                  | TEXT 'YYYY-MM-DD' (zero dates as they are)           | string                                |
 * | datetime              | TEXT 'YYYY-MM-DD hh:mm:ss' plus '.' and fsp digits   | string                                |
 * | timestamp             | as datetime, in UTC                                  | string                                |
 * | time                  | INTEGER, signed microseconds                         | number                                |
 * | string                | TEXT                                                 | string                                |
 * | binary                | BLOB                                                 | Uint8Array                            |
 * | enum                  | INTEGER, 1-based index (0: the error value '')       | number                                |
 * | set                   | INTEGER, bits (as unsigned int)                      | number or bigint                      |
 * | json                  | TEXT, normalised as MySQL prints it                  | string                                |
 *
 * Temporal values are text because their order is then SQLite's own, their zero values need no special case, and
 * their text is what nearly every client asks for.
 */
export type SqlType =
  | IntType
  | { readonly kind: 'bit'; readonly length: number }
  | DecimalType
  | {
      readonly kind: 'float' | 'double';
      readonly unsigned: boolean;
      readonly digits?: readonly [total: number, scale: number];
    }
  | { readonly kind: 'year' }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' | 'datetime' | 'timestamp'; readonly fsp: number }
  | StringType
  | BinaryType
  | { readonly kind: 'enum' | 'set'; readonly values: readonly string[]; readonly collation: string }
  | { readonly kind: 'json' }
  | { readonly kind: 'geometry' }
  | { readonly kind: 'null' };

export interface IntType {
  readonly kind: 'int';
  readonly bits: 8 | 16 | 24 | 32 | 64;
  readonly unsigned: boolean;
  /** Display width where it still shows: TINYINT(1) and ZEROFILL columns. */
  readonly width?: number;
  readonly zerofill?: boolean;
}

export interface DecimalType {
  readonly kind: 'decimal';
  /** 1 to 65 digits in all. */
  readonly precision: number;
  /** 0 to 30 digits behind the point. */
  readonly scale: number;
  readonly unsigned: boolean;
}

export interface StringType {
  readonly kind: 'string';
  readonly family: 'char' | 'varchar' | 'tinytext' | 'text' | 'mediumtext' | 'longtext';
  /** Characters at most. */
  readonly length: number;
  /** Name of the collation, in lower case; its character set is the part before the first '_' (`binary` never stands here). */
  readonly collation: string;
}

export interface BinaryType {
  readonly kind: 'binary';
  readonly family: 'binary' | 'varbinary' | 'tinyblob' | 'blob' | 'mediumblob' | 'longblob';
  /** Bytes at most. */
  readonly length: number;
}

/** An exact decimal number: `unscaled` / 10^`scale`. */
export interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

/** A value as SQLite gives and takes it. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

export const DEFAULT_COLLATION = 'utf8mb4_0900_ai_ci';
