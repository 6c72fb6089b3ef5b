/** Integers as rows hold them. */
import type { SqliteValue } from '../sql/index.ts';

/** An integer as a number where a number holds it exactly. */
export const small = (value: SqliteValue): SqliteValue =>
  typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
