/** RANGE frames with a distance: the ORDER BY column as a number that SQLite can add to and subtract from. */
import { SqlError, type DecimalType, type SqliteValue, type SqlType } from '../types/index.ts';
import type { Expr, FrameBound } from '../parser/index.ts';
import {
  daysInMonth,
  dayNumber,
  intervalOfNumber,
  intervalOfText,
  isCompound,
  isIntervalUnit,
  MICROS_PER_DAY,
  partsOf,
  timeOfDay,
  toDecimal,
  toReal,
  toText,
  type Interval,
  type IntervalUnit,
} from '../values/index.ts';
import { BIGINT, Bound, DOUBLE, type Binder } from './bound.ts';
import { callInternal, convert } from './call.ts';
import { unsupported, type Compiler } from './compiler.ts';
import type { ExecContext } from './plan.ts';
import type { Scope } from './scope.ts';

export const windowError = (errno: number, name: string, what: string): SqlError =>
  new SqlError(errno, 'HY000', `Window '${name}'${what}`);

const wrongBound = (name: string): SqlError =>
  windowError(3586, name, ': frame start or end is negative, NULL or of non-integral type');

type OffsetBound = Extract<FrameBound, { kind: 'preceding' | 'following' }>;

const isOffset = (b: FrameBound): b is OffsetBound => b.kind === 'preceding' || b.kind === 'following';

interface Constant {
  readonly type: SqlType;
  readonly bind: Binder;
}

function constant(c: Compiler, scope: Scope, value: Expr, name: string): Constant {
  const { type, bind } = c.expr(scope, value, 'window frame');
  if (!bind) throw windowError(3590, name, ' has a non-constant frame bound.');
  return { type, bind };
}

/** ROWS n PRECEDING */
export function rowOffset(c: Compiler, scope: Scope, bound: OffsetBound, name: string): string {
  if (bound.unit !== undefined) throw windowError(3596, name, ': INTERVAL can only be used with RANGE frames.');
  const { type, bind } = constant(c, scope, bound.value, name);
  return c.param((x) => {
    const n = bind(x);
    if (type.kind !== 'int' || (typeof n !== 'number' && typeof n !== 'bigint') || n < 0) throw wrongBound(name);
    return BigInt(n);
  });
}

/** What a RANGE frame is ordered by, and the texts of its distances. */
interface RangeOrder {
  readonly key: string;
  readonly offset: (bound: OffsetBound) => string;
}

export function rangeOrder(
  c: Compiler,
  scope: Scope,
  column: Bound | undefined,
  descending: boolean,
  bounds: readonly FrameBound[],
  name: string,
): RangeOrder {
  const offsets = bounds.filter(isOffset);
  const { kind } = column?.type ?? { kind: 'null' };
  const isTime = kind === 'date' || kind === 'time' || kind === 'datetime' || kind === 'timestamp';
  const isNumber = ['int', 'decimal', 'float', 'double', 'year'].includes(kind);
  if (!column || (!isTime && !isNumber))
    throw windowError(
      3587,
      name,
      ' with RANGE N PRECEDING/FOLLOWING frame requires exactly one deterministic ORDER BY expression, of numeric or temporal type',
    );
  for (const { unit } of offsets) {
    if (isTime && unit === undefined)
      throw windowError(
        3588,
        name,
        ' with RANGE frame has ORDER BY expression of datetime type. Only INTERVAL bound value allowed.',
      );
    if (isNumber && unit !== undefined)
      throw windowError(
        3589,
        name,
        ' with RANGE frame has ORDER BY expression of numeric type, INTERVAL bound value not allowed.',
      );
  }
  const values = new Map(offsets.map((b) => [b, constant(c, scope, b.value, name)]));
  return isTime ? timeOrder(c, column, descending, values, name) : numberOrder(c, column, values, name);
}

type Offsets = ReadonlyMap<OffsetBound, Constant>;

// Numbers

const EXACT_DIGITS_MAX = 18;

/** An exact type whose values are INTEGERs scaled by 10^scale. */
function exactType(type: SqlType): Pick<DecimalType, 'precision' | 'scale'> | undefined {
  if (type.kind === 'year') return { precision: 4, scale: 0 };
  if (type.kind === 'int' && (type.bits < 64 || !type.unsigned)) return { precision: EXACT_DIGITS_MAX, scale: 0 };
  return type.kind === 'decimal' && type.precision <= EXACT_DIGITS_MAX ? type : undefined;
}

function numberOrder(c: Compiler, column: Bound, offsets: Offsets, name: string): RangeOrder {
  const own = exactType(column.type);
  const others = [...offsets.values()].map(({ type }) => exactType(type));
  const scale = Math.max(own?.scale ?? 0, ...others.map((o) => o?.scale ?? 0));
  const exact =
    own !== undefined && !others.includes(undefined) && own.precision - own.scale + scale <= EXACT_DIGITS_MAX;
  const distance = ({ type, bind }: Constant, x: ExecContext): SqliteValue => {
    const value = bind(x);
    if (value === null) return null;
    if (!exact) return toReal(value, type, x);
    const decimal = toDecimal(value, type, x);
    return decimal && decimal.unscaled * 10n ** BigInt(scale - decimal.scale);
  };
  const factor = exact ? 10n ** BigInt(scale - own.scale) : 1n;
  return {
    key: exact ? (factor === 1n ? column.sql : `(${column.sql}*${factor})`) : convert(c, column, DOUBLE).sql,
    offset: (bound) => {
      const value = offsets.get(bound) as Constant;
      return c.param((x) => {
        const n = distance(value, x);
        if (n === null || (n as number | bigint) < 0) throw wrongBound(name);
        return n;
      });
    },
  };
}

// Times

const isMonths = (unit: string): boolean => /^(YEAR|QUARTER|MONTH|YEAR_MONTH)$/i.test(unit);

/** Months have 32 days here, so that equal days lie equally far apart. */
const MONTH = 32n * BigInt(MICROS_PER_DAY);

function timeOrder(c: Compiler, column: Bound, descending: boolean, offsets: Offsets, name: string): RangeOrder {
  const units = [...offsets.keys()].map(({ unit }) => unit ?? '');
  const months = units.some(isMonths);
  if (months && (column.type.kind === 'time' || !units.every(isMonths)))
    throw unsupported('RANGE with intervals of months beside others');
  const distances = new Map(
    [...offsets].map(([bound, value]): [OffsetBound, Binder] => [
      bound,
      (x) => {
        const interval = intervalOf(value, (bound.unit ?? '').toUpperCase(), x);
        const size = interval && (months ? BigInt(interval.months) : interval.micros);
        if (size === undefined || size < 0n) throw wrongBound(name);
        return size;
      },
    ]),
  );
  return {
    key: months ? monthKey(c, column, descending, distances) : microsKey(c, column),
    offset: (bound) => {
      const bind = distances.get(bound) as Binder;
      return c.param(months ? (x) => (bind(x) as bigint) * MONTH : bind);
    },
  };
}

function intervalOf({ type, bind }: Constant, unit: string, x: ExecContext): Interval | undefined {
  if (!isIntervalUnit(unit)) return undefined;
  const value = bind(x);
  if (value === null) return undefined;
  return isCompound(unit) ? compound(toText(value, type, x), unit) : simple(toDecimal(value, type, x), unit);
}

const compound = (text: string | null, unit: IntervalUnit): Interval | undefined =>
  text === null ? undefined : intervalOfText(text, unit);

const simple = (value: ReturnType<typeof toDecimal>, unit: IntervalUnit): Interval | undefined =>
  value === null ? undefined : intervalOfNumber(value, unit);

/** TIMESTAMPs are compared in the session's time zone, as their INTERVALs are added there. */
const local = (c: Compiler, column: Bound): Bound =>
  column.type.kind === 'timestamp' ? convert(c, column, { kind: 'datetime', fsp: column.type.fsp }) : column;

function microsKey(c: Compiler, column: Bound): string {
  // A TIME is a number of microseconds already.
  if (column.type.kind === 'time') return column.sql;
  return callInternal(c, 'frame-micros', [local(c, column)], { type: BIGINT, nullable: true }, () => (value) => {
    if (typeof value !== 'string') return null;
    const d = partsOf(value);
    return BigInt(dayNumber(d.year, d.month, d.day)) * BigInt(MICROS_PER_DAY) + BigInt(timeOfDay(d));
  }).sql;
}

function monthKey(
  c: Compiler,
  column: Bound,
  descending: boolean,
  distances: ReadonlyMap<OffsetBound, Binder>,
): string {
  const signs = [...distances.keys()].map(({ kind }) => ((kind === 'preceding') === descending ? 1 : -1));
  const args = [...distances.values()].map(
    (bind) => new Bound(() => c.param(bind), { type: BIGINT, nullable: false, bind }),
  );
  const name = `frame-months(${signs.join(',')})`;
  return callInternal(
    c,
    name,
    [local(c, column), ...args],
    { type: BIGINT, nullable: true },
    () =>
      (value, ...steps) => {
        if (typeof value !== 'string') return null;
        const d = partsOf(value);
        const month = d.year * 12 + d.month - 1;
        // From the 31st, a month back can be the 28th as well as the 30th: no one distance says that.
        if (steps.some((n, i) => isShorter(month + (signs[i] as number) * Number(n), d.day)))
          throw unsupported('RANGE with INTERVAL from a day that the month at its other end lacks');
        return BigInt(month) * MONTH + BigInt(d.day) * BigInt(MICROS_PER_DAY) + BigInt(timeOfDay(d));
      },
  ).sql;
}

const isShorter = (month: number, day: number): boolean =>
  day > 28 && day > daysInMonth(Math.floor(month / 12), (month % 12) + 1);
