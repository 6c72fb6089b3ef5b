/**
 * `c = c ± x` as a number that can be added again elsewhere, exact for the exact types. In the log a difference lies as the column's
 * values do (see sql/types): integers, for decimals those of the column's scale; where that is too long, in the wide form of decimals.
 */
import {
  decimalFromSqlite,
  decimals,
  decimalToSqlite,
  decodeWide,
  encodeWide,
  intFromSqlite,
  intRange,
  intToSqlite,
  type SqliteValue,
  type SqlType,
} from '../../sql/index.ts';

type Decimal = ReturnType<typeof decodeWide>;
type Exact = Extract<SqlType, { kind: 'int' | 'decimal' }>;

const isExact = (type: SqlType): type is Exact => type.kind === 'int' || type.kind === 'decimal';
const isReal = (type: SqlType): boolean => type.kind === 'float' || type.kind === 'double';

const scaleOf = (type: Exact): number => (type.kind === 'decimal' ? type.scale : 0);

const exactOf = (value: NonNullable<SqliteValue>, type: Exact): Decimal =>
  type.kind === 'int'
    ? { unscaled: intFromSqlite(value), scale: 0 }
    : decimalFromSqlite(value as number | bigint | Uint8Array, type);

/** What was added to `base` to make `value`; undefined for what is no number, or no exact difference. */
export function difference(type: SqlType, value: SqliteValue, base: SqliteValue): SqliteValue | undefined {
  if (value === null || base === null) return undefined;
  if (isReal(type)) return realDifference(type, Number(value), Number(base));
  if (!isExact(type)) return undefined;
  const { unscaled } = decimals.subtract(exactOf(value, type), exactOf(base, type));
  if (BigInt.asIntN(64, unscaled) !== unscaled) return encodeWide({ unscaled, scale: scaleOf(type) });
  return Number.isSafeInteger(Number(unscaled)) ? Number(unscaled) : unscaled;
}

/** Undefined where rounding loses it: added to `base` it must give `value` to the last bit, as the author's own state has it. */
function realDifference(type: SqlType, value: number, base: number): number | undefined {
  const added = value - base;
  const sum = base + added;
  return (type.kind === 'float' ? Math.fround(sum) : sum) === value ? added : undefined;
}

/** A sum before it is stored: exact, or a double. */
export type Sum = Decimal | number;

/**
 * A column's value with a difference added that was made when the column was of type `from`. Undefined where one of them is
 * no number. The sum may be out of the column's range.
 */
export function sumOf(type: SqlType, current: SqliteValue, from: SqlType, added: SqliteValue): Sum | undefined {
  const other = differenceOf(from, added);
  if (current === null || other === undefined) return undefined;
  if (isReal(type)) return Number(current) + numberOf(other);
  if (!isExact(type)) return undefined;
  const exact = exactOf(current, type);
  return typeof other === 'number' ? decimals.toNumber(exact) + other : decimals.add(exact, other);
}

function differenceOf(from: SqlType, added: SqliteValue): Sum | undefined {
  if (added === null || typeof added === 'string') return undefined;
  if (isReal(from)) return Number(added);
  if (added instanceof Uint8Array) return decodeWide(added);
  return isExact(from) ? { unscaled: BigInt(added), scale: scaleOf(from) } : undefined;
}

const numberOf = (sum: Sum): number => (typeof sum === 'number' ? sum : decimals.toNumber(sum));

/** The form and the type in which a sum is handed to a column's conversion. */
export function sumAsValue(sum: Sum): { readonly value: SqliteValue; readonly type: SqlType } {
  if (typeof sum === 'number') return { value: sum, type: { kind: 'double' } as SqlType };
  return { value: encodeWide(sum), type: { kind: 'decimal', precision: 65, scale: sum.scale, unsigned: false } };
}

/** A sum as the column holds it; undefined where it is out of range. */
export function storedSum(type: SqlType, sum: Sum): SqliteValue | undefined {
  if (isReal(type)) return numberOf(sum);
  if (!isExact(type)) return undefined;
  const unscaled = decimals.rescale(typeof sum === 'number' ? decimals.fromNumber(sum) : sum, scaleOf(type));
  const [least, most] = type.kind === 'int' ? intRange(type) : decimalRange(type);
  if (unscaled < least || unscaled > most) return undefined;
  const stored = type.kind === 'int' ? intToSqlite(unscaled) : decimalToSqlite(unscaled, type);
  return typeof stored === 'bigint' && Number.isSafeInteger(Number(stored)) ? Number(stored) : stored;
}

function decimalRange(type: Extract<SqlType, { kind: 'decimal' }>): [least: bigint, most: bigint] {
  const most = decimals.largest(type.precision);
  return [type.unsigned ? 0n : -most, most];
}
