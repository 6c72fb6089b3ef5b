import { bindFunction, callTypes, findFunction } from '../../../node/sql/functions/index.ts';
import type { ArgInfo, CallEnv, TypeEnv } from '../../../node/sql/functions/index.ts';
import { SqlError } from '../../../node/sql/types/index.ts';
import type { SqliteValue, SqlType } from '../../../node/sql/types/index.ts';
import {
  DEFAULT_SQL_MODE,
  doubleToText,
  parseDecimal,
  parseTime,
  toSqlite,
  wireValue,
} from '../../../node/sql/values/index.ts';

/** A function, its arguments as literals (see `literal`), and the text of its answer, or `ERR` and the error's number. */
export type Fixture = readonly [name: string, args: readonly string[], answer: string | null];

export const COLLATION = 'utf8mb4_0900_ai_ci';

export const typeEnv: TypeEnv = {
  collation: COLLATION,
  divPrecisionIncrement: 4,
  groupConcatMaxLen: 1024,
  sqlMode: DEFAULT_SQL_MODE,
};

export const warnings: string[] = [];

export const env: CallEnv = {
  sqlMode: DEFAULT_SQL_MODE,
  timeZone: '+00:00',
  nowUtcMicros: () => 1700000000123456n,
  warn: (_level, errno, message) => void warnings.push(`${errno} ${message}`),
  random: () => 0.5,
  randomBytes: (count) => new Uint8Array(count),
  divPrecisionIncrement: 4,
  groupConcatMaxLen: 1024,
  maxAllowedPacket: 67108864,
  defaultWeekFormat: 0,
  blockEncryptionMode: 'aes-128-ecb',
  timeLocale: 'en_US',
};

export interface Literal {
  readonly info: ArgInfo;
  readonly value: SqliteValue;
}

const varchar = (text: string): SqlType => ({
  kind: 'string',
  family: 'varchar',
  length: Array.from(text).length,
  collation: COLLATION,
});

const places = (text: string): number => (/\.(\d+)/.exec(text)?.[1] ?? '').length;

/** `i:` integer, `d:` decimal, `f:` double, `s:` text, `b:` bytes, `D:` date, `T:` time, `M:` datetime, `j:` JSON, `w:` a keyword. */
export function literal(source: string): Literal {
  const text = source.slice(2);
  const of = (type: SqlType, value: SqliteValue, coercibility: number, known = true): Literal => ({
    info: { type, nullable: value === null, coercibility, ...(known ? { constant: value } : {}) },
    value,
  });
  if (source === 'null') return of({ kind: 'null' }, null, 6);
  switch (source[0]) {
    case 'i': {
      const type: SqlType = { kind: 'int', bits: 64, unsigned: BigInt(text) > 2n ** 63n - 1n };
      return of(type, toSqlite(type)(BigInt(text)), 5);
    }
    case 'd': {
      const { value } = parseDecimal(text);
      const digits = text.replace(/[-.]/g, '').replace(/^0+(?=\d)/, '').length;
      const precision = Math.max(digits, value.scale, 1);
      const type: SqlType = { kind: 'decimal', precision, scale: value.scale, unsigned: false };
      return of(type, toSqlite(type)(value), 5);
    }
    case 'f':
      return of({ kind: 'double', unsigned: false }, Number(text), 5);
    case 'b':
      return of({ kind: 'binary', family: 'varbinary', length: text.length }, new TextEncoder().encode(text), 4);
    case 'D':
      return of({ kind: 'date' }, text, 5, false);
    case 'T':
      return of({ kind: 'time', fsp: places(text) }, BigInt(parseTime(text)?.micros ?? 0), 5, false);
    case 'M':
      return of({ kind: 'datetime', fsp: places(text) }, text, 5, false);
    case 'j':
      return of({ kind: 'json' }, text, 2, false);
    default:
      return of(varchar(text), text, 4);
  }
}

/** A value as MySQL's text protocol shows it. */
export function shown(value: SqliteValue, type: SqlType): string | null {
  const wire = wireValue(type);
  const result = wire === undefined ? value : wire(value);
  if (result === null) return null;
  if (typeof result === 'number' && type.kind === 'double') return doubleToText(result, Infinity);
  if (!(result instanceof Uint8Array)) return String(result);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(result);
  } catch {
    return `X${Buffer.from(result).toString('hex')}`;
  }
}

/** The text of a call's answer. */
export function evaluate(name: string, args: readonly string[]): string | null {
  const definition = findFunction(name);
  if (definition === undefined) throw new Error(`no function ${name}`);
  const literals = args.map(literal);
  const infos = literals.map((l) => l.info);
  try {
    const type = definition.result(infos, typeEnv);
    const call = bindFunction(definition, callTypes(definition, infos, typeEnv), type)(env);
    return shown(call(...literals.map((l) => l.value)), type);
  } catch (error) {
    if (error instanceof SqlError) return `ERR ${error.errno}`;
    throw error;
  }
}
