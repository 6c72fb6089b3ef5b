import type { Decimal, DecimalType, IntType, SqliteValue, SqlType } from '../types/index.ts';
import type { ValueContext } from './context.ts';
import { decimalFromSqlite, decimalToSqlite, fitDecimal, fromNumber, parseDecimal, toBigInt } from './decimal.ts';
import { intFromSqlite, intToSqlite, uint64OfBytes } from './integers.ts';
import { parseDouble, roundHalfEven } from './number-text.ts';
import { decimalReader, intReader, realReader } from './numbers-of.ts';
import type { StoreFrom } from './store.ts';
import {
  bitsTooLong,
  incorrect,
  incorrectOrNote,
  outOfRange,
  readingContext,
  truncated,
  truncatedNote,
} from './store-errors.ts';
import type { Named } from './store-errors.ts';
import { bytesReader, textReader } from './text-of.ts';

const isText = (type: SqlType): boolean => type.kind === 'string' || type.kind === 'binary' || type.kind === 'geometry';

export function intRange(type: IntType): [least: bigint, most: bigint] {
  const bits = BigInt(type.bits);
  return type.unsigned ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

export function storeInt(column: Named, type: IntType, from: SqlType): StoreFrom {
  const [least, most] = intRange(type);
  const fit = (value: bigint, ctx: Parameters<StoreFrom>[1]): SqliteValue => {
    if (value >= least && value <= most) return intToSqlite(value);
    outOfRange(column, ctx);
    return intToSqlite(value < least ? least : most);
  };
  if (
    from.kind === 'int' ||
    from.kind === 'year' ||
    from.kind === 'bit' ||
    from.kind === 'set' ||
    from.kind === 'enum'
  ) {
    const [low, high] = [Number(least), Number(most > 9007199254740991n ? 9007199254740991n : most)];
    return (value, ctx) => {
      if (typeof value === 'number' && value >= low && value <= high) return value;
      return fit(intFromSqlite(value), ctx);
    };
  }
  if (isText(from)) {
    const read = textReader(from);
    return (value, ctx) => {
      const text = read(value, ctx);
      const parsed = parseDecimal(text);
      if (parsed.empty) {
        incorrect('integer', text, column, ctx);
        return 0n;
      }
      const n = toBigInt(parsed.value);
      if (n < least || n > most) return fit(n, ctx);
      if (parsed.rest) truncated(column, ctx);
      return fit(n, ctx);
    };
  }
  if (from.kind === 'float' || from.kind === 'double') {
    return (value, ctx) => {
      const rounded = roundHalfEven(Number(value));
      if (Number.isFinite(rounded)) return fit(BigInt(rounded), ctx);
      outOfRange(column, ctx);
      return intToSqlite(rounded < 0 ? least : most);
    };
  }
  if (from.kind === 'decimal') return (value, ctx) => fit(toBigInt(decimalFromSqlite(value as number, from)), ctx);
  const read = intReader(from);
  return (value, ctx) => fit(read(value, readingContext(ctx)), ctx);
}

export function storeDecimal(column: Named, type: DecimalType, from: SqlType): StoreFrom {
  const fit = (d: Decimal, ctx: Parameters<StoreFrom>[1]): SqliteValue => {
    const fitted = fitDecimal(d, type);
    if (fitted.overflow) outOfRange(column, ctx);
    else if (fitted.rounded) truncatedNote(column, ctx);
    return decimalToSqlite(fitted.unscaled, type);
  };
  if (isText(from)) {
    const read = textReader(from);
    return (value, ctx) => {
      const text = read(value, ctx);
      const parsed = parseDecimal(text);
      if (parsed.empty || (parsed.huge && ctx.strict)) {
        incorrect('decimal', text, column, ctx);
        return decimalToSqlite(0n, type);
      }
      if (parsed.rest) incorrectOrNote('decimal', text, column, ctx);
      return fit(parsed.value, ctx);
    };
  }
  if (from.kind === 'decimal' && from.scale === type.scale && from.precision <= 18 && type.precision <= 18) {
    const limit = 10 ** Math.min(type.precision, 15);
    return (value, ctx) => {
      if (typeof value === 'number' && value < limit && value > (type.unsigned ? -1 : -limit)) return value;
      return fit(decimalFromSqlite(value as number, from), ctx);
    };
  }
  const read = from.kind === 'float' ? (value: SqliteValue) => fromNumber(Number(value)) : decimalReader(from);
  return (value, ctx) => fit(read(value, from.kind === 'json' ? readingContext(ctx) : ctx), ctx);
}

const FLOAT_MAX = 3.4028234663852886e38;

export function storeReal(
  column: Named,
  type: Extract<SqlType, { kind: 'float' | 'double' }>,
  from: SqlType,
): StoreFrom {
  const { digits } = type;
  const limit =
    digits === undefined
      ? type.kind === 'float'
        ? FLOAT_MAX
        : Number.MAX_VALUE
      : 10 ** (digits[0] - digits[1]) - 10 ** -digits[1];
  const fit = (value: number, ctx: Parameters<StoreFrom>[1]): SqliteValue => {
    let n = value;
    if (digits !== undefined && Math.abs(n) < 1e15) {
      const unit = 10 ** digits[1];
      const whole = Math.trunc(n);
      n = whole + roundHalfEven((n - whole) * unit) / unit;
    }
    if (type.unsigned && n < 0) {
      outOfRange(column, ctx);
      return 0;
    }
    if (!(n <= limit && n >= -limit)) {
      outOfRange(column, ctx);
      n = n < 0 ? -limit : limit;
    }
    return type.kind === 'float' ? Math.fround(n) : n;
  };
  if (isText(from)) {
    const read = textReader(from);
    return (value, ctx) => {
      const text = read(value, ctx);
      const parsed = parseDouble(text);
      if (parsed.truncated && Math.abs(parsed.value) === Number.MAX_VALUE) outOfRange(column, ctx);
      else if (parsed.truncated) incorrect(type.kind.toUpperCase(), text, column, ctx);
      return fit(parsed.value, ctx);
    };
  }
  const read = realReader(from);
  return (value, ctx) => fit(read(value, from.kind === 'json' ? readingContext(ctx) : ctx), ctx);
}

export function storeBit(column: Named, length: number, from: SqlType): StoreFrom {
  const most = (1n << BigInt(length)) - 1n;
  const fit = (value: bigint, ctx: Parameters<StoreFrom>[1]): SqliteValue => {
    if (value >= 0n && value <= most) return intToSqlite(value);
    // A negative number stands for its 64 bits.
    if (length === 64 && value < 0n && value >= -(1n << 63n)) return intToSqlite(value + (1n << 64n));
    bitsTooLong(column, ctx);
    return intToSqlite(most);
  };
  if (isText(from) || from.kind === 'json') {
    const read = bytesReader(from);
    return (value, ctx) => {
      const bytes = read(value, ctx);
      const start = bytes.findIndex((b) => b !== 0);
      return fit(start < 0 ? 0n : uint64OfBytes(bytes.subarray(start)), ctx);
    };
  }
  if (from.kind === 'float' || from.kind === 'double') {
    return (value, ctx) => fit(BigInt(Math.trunc(Math.max(-1e30, Math.min(1e30, Number(value))))), ctx);
  }
  const read = wholeReader(from);
  return (value, ctx) => fit(read(value, ctx), ctx);
}

function wholeReader(from: SqlType): (value: SqliteValue, ctx: ValueContext) => bigint {
  return from.kind === 'decimal' ? (value) => toBigInt(decimalFromSqlite(value as number, from)) : intReader(from);
}

export function storeYear(column: Named, from: SqlType): StoreFrom {
  const fit = (value: bigint, zeroIs2000: boolean, ctx: Parameters<StoreFrom>[1]): SqliteValue => {
    if (value === 0n) return zeroIs2000 ? 2000n : 0n;
    if (value > 0n && value < 100n) return value < 70n ? value + 2000n : value + 1900n;
    if (value >= 1901n && value <= 2155n) return value;
    outOfRange(column, ctx);
    return 0n;
  };
  if (isText(from)) {
    const read = textReader(from);
    return (value, ctx) => {
      const text = read(value, ctx);
      const parsed = parseDecimal(text);
      if (parsed.empty) {
        incorrect('integer', text, column, ctx);
        return 0n;
      }
      const year = toBigInt(parsed.value);
      if (parsed.rest && (year < 100n || (year >= 1901n && year <= 2155n))) truncated(column, ctx);
      // '0000' is the zero year, any shorter zero the year 2000.
      return fit(year, text.trim().length < 4, ctx);
    };
  }
  if (from.kind === 'date' || from.kind === 'datetime' || from.kind === 'timestamp') {
    const read = textReader(from);
    return (value, ctx) => fit(BigInt(read(value, ctx).slice(0, 4)), false, ctx);
  }
  if (from.kind === 'float' || from.kind === 'double') {
    return (value, ctx) => fit(BigInt(Math.trunc(Math.max(-1e30, Math.min(1e30, Number(value))))), false, ctx);
  }
  const read = wholeReader(from);
  return (value, ctx) => fit(read(value, ctx), false, ctx);
}
