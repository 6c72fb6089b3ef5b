import type { SqlType } from '../types/index.ts';
import { sortKey } from './collation.ts';
import { decimalFromSqlite, pow10 } from './decimal.ts';
import { intToSqlite } from './integers.ts';
import { intReader } from './numbers-of.ts';
import type { StoreFrom } from './store.ts';
import { truncated } from './store-errors.ts';
import type { Named } from './store-errors.ts';
import { textReader } from './text-of.ts';

interface Listed {
  readonly values: readonly string[];
  readonly collation: string;
}

/** Blanks at the end of an element never count, whatever the collation. */
function indexOf(type: Listed): (text: string) => number {
  const key = sortKey(type.collation);
  const indexes = new Map<string, number>();
  type.values.forEach((value, i) => {
    const k = key(value.replace(/ +$/, ''));
    if (!indexes.has(k)) indexes.set(k, i + 1);
  });
  return (text) => indexes.get(key(text.replace(/ +$/, ''))) ?? 0;
}

const isNumber = (type: SqlType): boolean => ['int', 'bit', 'year', 'decimal', 'float', 'double'].includes(type.kind);

/** Numbers count without their fraction here. */
function wholeReader(from: SqlType): ReturnType<typeof intReader> {
  if (from.kind === 'float' || from.kind === 'double') {
    return (value) => BigInt(Math.trunc(Math.max(-1e30, Math.min(1e30, Number(value)))));
  }
  if (from.kind !== 'decimal') return intReader(from);
  return (value) => {
    const d = decimalFromSqlite(value as number, from);
    return d.unscaled / pow10(d.scale);
  };
}

export function storeEnum(column: Named, type: Listed, from: SqlType): StoreFrom {
  const count = type.values.length;
  if (from.kind === 'enum' && from.values.length === count && from.values.every((v, i) => v === type.values[i])) {
    return (value) => value;
  }
  if (isNumber(from)) {
    const read = wholeReader(from);
    return (value, ctx) => {
      const n = read(value, ctx);
      if (n > 0n && n <= BigInt(count)) return n;
      truncated(column, ctx);
      return 0n;
    };
  }
  const read = textReader(from);
  const find = indexOf(type);
  return (value, ctx) => {
    const text = read(value, ctx);
    const index = find(text);
    if (index > 0) return BigInt(index);
    // Text of a number that is no element is an index.
    const n = /^\s*\d{1,5}$/.test(text) ? Number(text) : -1;
    if (n >= 0 && n <= count) return BigInt(n);
    truncated(column, ctx);
    return 0n;
  };
}

export function storeSet(column: Named, type: Listed, from: SqlType): StoreFrom {
  const all = (1n << BigInt(type.values.length)) - 1n;
  const bitsOf = (n: bigint, ctx: Parameters<StoreFrom>[1]) => {
    if (n >= 0n && n <= all) return intToSqlite(n);
    truncated(column, ctx);
    return intToSqlite(BigInt.asUintN(64, n) & all);
  };
  if (isNumber(from)) {
    const read = wholeReader(from);
    return (value, ctx) => bitsOf(read(value, ctx), ctx);
  }
  const read = textReader(from);
  const find = indexOf(type);
  return (value, ctx) => {
    const source = read(value, ctx);
    if (source === '') return 0n;
    const text = source.replace(/ +$/, '');
    let bits = 0n;
    let unknown = false;
    for (const part of text.split(',')) {
      const index = find(part);
      if (index > 0) bits |= 1n << BigInt(index - 1);
      else unknown = true;
    }
    if (!unknown) return intToSqlite(bits);
    if (/^\d+$/.test(text) && BigInt(text) <= all) return intToSqlite(BigInt(text));
    truncated(column, ctx);
    return intToSqlite(bits);
  };
}
