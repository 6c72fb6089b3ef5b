import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import {
  asUnsigned,
  bytesReader,
  decimalReader,
  decimals,
  intReader,
  intToSqlite,
  realReader,
  sqlError,
  toSqlite,
} from '../values/index.ts';
import { implementation } from './aggregate-definition.ts';
import type { AggregateDefinition } from './aggregate-definition.ts';
import type { ArgInfo } from './definition.ts';
import { checkReal } from './arithmetic.ts';
import { decimalType, digitsOf, DOUBLE, doubleOf, numberMode, scaleOf, UNSIGNED } from './types-of-results.ts';

/** Sums, means, deviations and bits. Sums of integers and decimals are exact. */

interface ExactSum {
  sum: bigint;
  count: number;
}

interface RealSum {
  sum: number;
  count: number;
}

const isReal = (type: SqlType): boolean => numberMode(type) === 'real';

/** Adds values at one scale. */
function exactSum(type: SqlType, result: (state: ExactSum) => SqliteValue): AggregateDefinition['make'] {
  const scale = scaleOf(type);
  const read = decimalReader(type);
  return () => (env) => {
    const scaled = (value: SqliteValue): bigint => {
      if (type.kind === 'int' && !(value instanceof Uint8Array)) return BigInt(value as number);
      const d: Decimal = read(value, env);
      return d.scale === scale ? d.unscaled : decimals.rescale(d, scale);
    };
    return implementation<ExactSum>({
      start: () => ({ sum: 0n, count: 0 }),
      step: (state, value = null) => {
        if (value === null) return state;
        state.sum += scaled(value);
        state.count++;
        return state;
      },
      inverse: (state, value = null) => {
        if (value === null) return state;
        state.sum -= scaled(value);
        state.count--;
        return state;
      },
      result,
    });
  };
}

function realSum(type: SqlType, result: (state: RealSum) => number): AggregateDefinition['make'] {
  const read = realReader(type);
  return () => (env) =>
    implementation<RealSum>({
      start: () => ({ sum: 0, count: 0 }),
      step: (state, value = null) => {
        if (value === null) return state;
        state.sum += read(value, env);
        state.count++;
        return state;
      },
      inverse: (state, value = null) => {
        if (value === null) return state;
        state.sum -= read(value, env);
        state.count--;
        return state;
      },
      result: (state) => (state.count === 0 ? null : checkReal(result(state), () => 'sum')),
    });
}

/** What a result is of the sum and the number of exact values, unscaled. */
type OfExactSum = (sum: bigint, count: number) => SqliteValue;

/** SUM's result of values of one type. */
export function sumOf(type: SqlType, result: SqlType): OfExactSum {
  const write = toSqlite(result);
  const scale = scaleOf(type);
  return (sum, count) => (count === 0 ? null : write({ unscaled: sum, scale }));
}

/** AVG's. */
export function avgOf(type: SqlType, result: SqlType): OfExactSum {
  const write = toSqlite(result);
  const scale = scaleOf(type);
  return (sum, count) => {
    if (count === 0) return null;
    const divisor = { unscaled: BigInt(count), scale: 0 };
    return write(decimals.divide({ unscaled: sum, scale }, divisor, scaleOf(result)) ?? null);
  };
}

/** Sums and means of FLOAT(m,d) and DOUBLE(m,d) keep to places behind the point, too. */
export function realResult(type: SqlType, more = 0): SqlType {
  const digits = type.kind === 'float' || type.kind === 'double' ? type.digits : undefined;
  return doubleOf([type], more, 17 + (digits?.[1] ?? 0) + more);
}

const sum: AggregateDefinition = {
  name: 'SUM',
  arity: [1, 1],
  nullable: true,
  hasInverse: true,
  result: (args) => {
    const first = { type: (args[0] as ArgInfo).type };
    return isReal(first.type) ? realResult(first.type) : decimalType(digitsOf(first) + 22, scaleOf(first.type));
  },
  make: (types, result) => {
    const type = types[0] as SqlType;
    if (isReal(type)) return realSum(type, (state) => state.sum)(types, result);
    const of = sumOf(type, result);
    return exactSum(type, (state) => of(state.sum, state.count))(types, result);
  },
};

const avg: AggregateDefinition = {
  name: 'AVG',
  arity: [1, 1],
  nullable: true,
  hasInverse: true,
  result: (args, env) => {
    const first = { type: (args[0] as ArgInfo).type };
    const more = env.divPrecisionIncrement;
    if (isReal(first.type)) return realResult(first.type, more);
    return decimalType(digitsOf(first) + more, scaleOf(first.type) + more);
  },
  make: (types, result) => {
    const type = types[0] as SqlType;
    if (isReal(type)) return realSum(type, (state) => state.sum / state.count)(types, result);
    const of = avgOf(type, result);
    return exactSum(type, (state) => of(state.sum, state.count))(types, result);
  },
};

interface Spread {
  count: number;
  mean: number;
  /** Sum of the squared distances from the mean. */
  squares: number;
}

function spread(name: string, sample: boolean, root: boolean): AggregateDefinition {
  return {
    name,
    arity: [1, 1],
    nullable: true,
    hasInverse: true,
    result: () => DOUBLE,
    make: (types) => {
      const read = realReader(types[0] as SqlType);
      return (env) =>
        implementation<Spread>({
          start: () => ({ count: 0, mean: 0, squares: 0 }),
          step: (state, value = null) => {
            if (value === null) return state;
            const x = read(value, env);
            state.count++;
            const before = state.mean;
            state.mean += (x - before) / state.count;
            state.squares += (x - before) * (x - state.mean);
            return state;
          },
          inverse: (state, value = null) => {
            if (value === null) return state;
            const x = read(value, env);
            state.count--;
            if (state.count === 0) return { count: 0, mean: 0, squares: 0 };
            const after = state.mean;
            state.mean -= (x - after) / state.count;
            state.squares -= (x - after) * (x - state.mean);
            return state;
          },
          result: (state) => {
            const divisor = sample ? state.count - 1 : state.count;
            if (divisor <= 0) return null;
            const variance = Math.max(0, state.squares / divisor);
            return root ? Math.sqrt(variance) : variance;
          },
        });
    },
  };
}

const BITS_MAX = 511;
const BITS = 64;

interface BitCounts {
  rows: number;
  /** How many of the rows have each bit, the lowest first. */
  readonly having: number[];
}

/** BIT_AND and BIT_OR over a window that loses rows: by counting them. */
function bitsOverWindow(isSet: (having: number, rows: number) => boolean): AggregateDefinition['make'] {
  return (types, result) => {
    const type = types[0] as SqlType;
    if (result.kind === 'binary')
      throw sqlError(1235, "This version of P2PDB doesn't yet support 'bits of bytes OVER'");
    const read = intReader(type);
    return (env) => {
      const count =
        (by: 1 | -1) =>
        (state: BitCounts, value: SqliteValue = null): BitCounts => {
          if (value === null) return state;
          state.rows += by;
          const bits = asUnsigned(read(value, env));
          for (let i = 0; i < BITS; i++)
            if ((bits >> BigInt(i)) & 1n) state.having[i] = (state.having[i] as number) + by;
          return state;
        };
      return implementation<BitCounts>({
        start: () => ({ rows: 0, having: new Array<number>(BITS).fill(0) }),
        step: count(1),
        inverse: count(-1),
        result: ({ rows, having }) => {
          let bits = 0n;
          having.forEach((n, i) => {
            if (isSet(n, rows)) bits |= 1n << BigInt(i);
          });
          return intToSqlite(bits);
        },
      });
    };
  };
}

function bits(
  name: string,
  neutral: bigint,
  join: (a: bigint, b: bigint) => bigint,
  joinBytes: (a: number, b: number) => number,
  /** Whether a bit is set that so many of the rows have; undefined where a row is taken back as it was added. */
  isSet?: (having: number, rows: number) => boolean,
): AggregateDefinition {
  return {
    name,
    arity: [1, 1],
    nullable: false,
    hasInverse: true,
    ...(isSet && { overWindow: bitsOverWindow(isSet) }),
    result: (args) => {
      const { type } = args[0] as ArgInfo;
      if (type.kind !== 'binary') return UNSIGNED;
      if (type.length > BITS_MAX) {
        throw sqlError(
          3514,
          'Aggregate bitwise functions cannot accept arguments longer than 511 bytes; consider using the SUBSTRING() function',
        );
      }
      return { kind: 'binary', family: 'varbinary', length: type.length };
    },
    make: (types, result) => {
      const type = types[0] as SqlType;
      if (result.kind === 'binary') {
        const read = bytesReader(type);
        const fill = Number(neutral & 0xffn);
        return (env) => {
          const step = (state: Uint8Array | null, value: SqliteValue = null): Uint8Array | null => {
            if (value === null) return state;
            const bytes = read(value, env);
            if (state === null) return bytes.slice();
            if (state.length !== bytes.length) {
              throw sqlError(3515, 'Binary operands of bitwise operators must be of equal length');
            }
            return state.map((byte, i) => joinBytes(byte, bytes[i] as number));
          };
          return implementation<Uint8Array | null>({
            start: () => null,
            step,
            inverse: step,
            result: (state) => state ?? new Uint8Array(result.length).fill(fill),
          });
        };
      }
      const read = intReader(type);
      return (env) => {
        const step = (state: bigint, value: SqliteValue = null): bigint =>
          value === null ? state : join(state, asUnsigned(read(value, env)));
        return implementation<bigint>({ start: () => neutral, step, inverse: step, result: intToSqlite });
      };
    },
  };
}

export const numericAggregates: readonly AggregateDefinition[] = [
  sum,
  avg,
  ...['STD', 'STDDEV', 'STDDEV_POP'].map((name) => spread(name, false, true)),
  spread('STDDEV_SAMP', true, true),
  ...['VAR_POP', 'VARIANCE'].map((name) => spread(name, false, false)),
  spread('VAR_SAMP', true, false),
  bits(
    'BIT_AND',
    2n ** 64n - 1n,
    (a, b) => a & b,
    (a, b) => a & b,
    (having, rows) => having === rows,
  ),
  bits(
    'BIT_OR',
    0n,
    (a, b) => a | b,
    (a, b) => a | b,
    (having) => having > 0,
  ),
  bits(
    'BIT_XOR',
    0n,
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
];
