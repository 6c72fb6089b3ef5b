/** Literals and placeholders: values of a statement that are bound, not written into SQLite's text. */
import { decodeLenient, decodeText, defaultCollation, toSqlite } from '../values/index.ts';
import { SqlError, type Decimal, type SqliteValue, type SqlType } from '../types/index.ts';
import type { Expr, LiteralValue } from '../parser/index.ts';
import { BOOLEAN, Bound, COERCIBILITY, DOUBLE, type Binder } from './bound.ts';
import { callInternal, callNamed, convert } from './call.ts';
import type { Compiler } from './compiler.ts';

export const BLOB: SqlType = { kind: 'binary', family: 'varbinary', length: 65535 };
export const text = (length: number, collation: string): SqlType => ({
  kind: 'string',
  family: 'varchar',
  length,
  collation,
});

/** A keyword as an argument. */
export function word(c: Compiler, value: string): Bound {
  return constant(c, value, text(20, 'utf8mb4_0900_ai_ci'));
}

/** A value that is the same for every run of the plan. */
function constant(c: Compiler, value: SqliteValue, type: SqlType): Bound {
  const bind = constantBinder(value);
  return new Bound(() => c.param(bind), { type, nullable: value === null, bind, known: () => value });
}

const constants = new Map<SqliteValue, Binder>();
function constantBinder(value: SqliteValue): Binder {
  if (value instanceof Uint8Array) return () => value;
  let binder = constants.get(value);
  if (!binder) {
    if (constants.size > 10_000) constants.clear();
    constants.set(value, (binder = () => value));
  }
  return binder;
}

export function literal(
  c: Compiler,
  e: Extract<Expr, { kind: 'number' | 'string' | 'hex' | 'bit' | 'null' | 'bool' | 'temporal' | 'param' }>,
): Bound {
  switch (e.kind) {
    case 'null':
      return new Bound('NULL', { type: { kind: 'null' }, nullable: true, bind: () => null });
    case 'bool': {
      const value = e.value ? 1n : 0n;
      return new Bound(e.value ? '1' : '0', {
        type: BOOLEAN,
        nullable: false,
        bits: 1,
        truth: true,
        bind: () => value,
      });
    }
    case 'number': {
      const { slot } = e;
      if (e.class === 'int' && typeof e.value !== 'object') {
        const unsigned = typeof e.value === 'bigint' && e.value > 0x7fffffffffffffffn;
        const type: SqlType = { kind: 'int', bits: 64, unsigned };
        const bits = typeof e.value === 'number' && e.value < 0x80000000 ? 31 : unsigned ? 64 : 63;
        return slotBound(c, slot, type, { bits }, e.value);
      }
      if (typeof e.value === 'object') {
        const digits = e.value.unscaled.toString().length;
        const precision = Math.min(65, Math.max(digits, e.value.scale, 1));
        const type: SqlType = { kind: 'decimal', precision, scale: Math.min(30, e.value.scale), unsigned: false };
        return slotBound(c, slot, type, {}, e.value);
      }
      return slotBound(c, slot, DOUBLE, {}, e.value);
    }
    case 'string': {
      if (e.bytes || e.charset === 'binary')
        return slotBound(
          c,
          e.slot,
          { ...BLOB, length: e.bytes?.length ?? e.value.length } as SqlType,
          { coercibility: COERCIBILITY.literal },
          e.bytes ?? e.value,
        );
      const collation = e.charset
        ? (defaultCollation(e.charset) ?? c.settings.collation)
        : e.national
          ? 'utf8mb3_general_ci'
          : c.settings.collation;
      return slotBound(c, e.slot, text(e.value.length, collation), { coercibility: COERCIBILITY.literal }, e.value);
    }
    case 'hex':
    case 'bit': {
      if (e.charset && e.charset !== 'binary') return introduced(c, e.slot, e.bytes.length, e.charset);
      return slotBound(
        c,
        e.slot,
        { ...BLOB, length: e.bytes.length } as SqlType,
        // With an introducer it is a text in all contexts.
        { hex: e.charset === undefined, coercibility: COERCIBILITY.literal },
        e.bytes,
      );
    }
    case 'temporal': {
      const string = slotBound(c, e.slot, text(e.value.length, c.settings.collation), {}, e.value);
      c.pinned.add(e.slot);
      const fraction = /\.(\d{1,6})/.exec(e.value)?.[1]?.length ?? 0;
      const type: SqlType =
        e.type === 'date'
          ? { kind: 'date' }
          : e.type === 'time'
            ? { kind: 'time', fsp: fraction }
            : { kind: 'datetime', fsp: fraction };
      const called = callNamed(
        c,
        e.type === 'date' ? 'DATE_LITERAL' : e.type === 'time' ? 'TIME_LITERAL' : 'TIMESTAMP_LITERAL',
        [string],
      );
      return convert(c, called, type).with({ nullable: false });
    }
    case 'param': {
      const type = c.settings.slotTypes.get(e.slot) ?? { kind: 'null' };
      return slotBound(c, e.slot, type, type.kind === 'null' ? { nullable: true } : {});
    }
  }
}

/** _utf16 0x00e4: the text that these bytes are in that character set. */
function introduced(c: Compiler, slot: number, length: number, charset: string): Bound {
  const type = text(length, defaultCollation(charset) ?? c.settings.collation);
  return callInternal(
    c,
    `introduced(${charset})`,
    [slotBound(c, slot, BLOB)],
    { type, nullable: false, coercibility: COERCIBILITY.literal },
    () => (value) => {
      if (!(value instanceof Uint8Array)) return value;
      const decoded = decodeText(value, charset);
      if (decoded !== undefined) return decoded;
      // Of other character sets only the names are known.
      if (!READABLE.has(charset)) return decodeLenient(value);
      throw invalidText(value, charset);
    },
  );
}

const READABLE = new Set(['utf8mb4', 'utf8mb3', 'latin1', 'ascii', 'ucs2', 'utf16', 'utf16le', 'utf32']);

const invalidText = (bytes: Uint8Array, charset: string): SqlError => {
  const shown = Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0').toUpperCase()).join('');
  return new SqlError(1300, 'HY000', `Invalid ${charset} character string: '${shown}'`);
};

/** By type, then by slot: plans share them. */
const slotBinders = new Map<string, Binder[]>();

function slotBound(
  c: Compiler,
  slot: number,
  type: SqlType,
  init: { bits?: number; hex?: boolean; coercibility?: number; nullable?: boolean } = {},
  value?: LiteralValue,
): Bound {
  if (c.inlineLiterals && value !== undefined) {
    c.pinned.add(slot);
    const bind = constantBinder(slotValue(value, type));
    return new Bound(() => c.param(bind), {
      type,
      nullable: false,
      bind,
      ...init,
      known: () => slotValue(value, type),
    });
  }
  const binder = slotBinder(slot, type);
  const known =
    value === undefined
      ? undefined
      : () => {
          c.pinned.add(slot);
          return slotValue(value, type);
        };
  return new Bound(() => c.param(binder), { type, nullable: false, bind: binder, ...init, ...(known && { known }) });
}

function slotBinder(slot: number, type: SqlType): Binder {
  const key = type.kind === 'decimal' ? `decimal${type.precision}.${type.scale}` : type.kind;
  let bySlot = slotBinders.get(key);
  if (!bySlot) slotBinders.set(key, (bySlot = []));
  return (bySlot[slot] ??= (x) => slotValue(x.slots[slot], type));
}

function decimalSlot(value: Decimal, type: SqlType): SqliteValue {
  return type.kind === 'decimal' ? toSqlite(type)(value) : Number(value.unscaled) / 10 ** value.scale;
}

/** A value that fits SQLite from what a literal or placeholder holds. */
export function slotValue(value: LiteralValue | null | undefined, type: SqlType): SqliteValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return type.kind === 'int' ? BigInt(value) : value;
  if (typeof value === 'bigint') return value <= 0x7fffffffffffffffn ? value : unsignedBlob(value);
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  return decimalSlot(value, type);
}

function unsignedBlob(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
