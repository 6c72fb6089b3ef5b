import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { argReader, decimals, toSqlite } from '../values/index.ts';
import type { ArgInfo, CallEnv, TypeEnv } from './definition.ts';

/** How an aggregate runs on SQLite; `inverse` takes a row back that left a window's frame. */
export interface AggregateCalls {
  start(): unknown;
  step(state: unknown, ...args: SqliteValue[]): unknown;
  inverse?(state: unknown, ...args: SqliteValue[]): unknown;
  result(state: unknown): SqliteValue;
}

/** GROUP_CONCAT's clauses: the first `values` arguments are joined, the rest are what is sorted by. */
export interface AggregateOptions {
  readonly separator: string | Uint8Array;
  readonly values: number;
  readonly descending: readonly boolean[];
  readonly distinct: boolean;
}

export interface AggregateDefinition {
  readonly name: string;
  readonly nullable: boolean;
  /** Whether it can run over a window's moving frame. */
  readonly hasInverse: boolean;
  readonly result: (args: readonly ArgInfo[], env: TypeEnv) => SqlType;
  readonly make: (args: readonly SqlType[], result: SqlType, options?: AggregateOptions) => (env: CallEnv) => AggregateCalls;
}

const INT_DIGITS = { 8: 3, 16: 5, 24: 8, 32: 10, 64: 20 } as const;

function exactShape(type: SqlType): { precision: number; scale: number } | undefined {
  if (type.kind === 'decimal') return type;
  if (type.kind === 'int') return { precision: INT_DIGITS[type.bits], scale: 0 };
  if (type.kind === 'year') return { precision: 4, scale: 0 };
  if (type.kind === 'bit') return { precision: 20, scale: 0 };
  return undefined;
}

const DOUBLE: SqlType = { kind: 'double', unsigned: false };

interface Sum {
  unscaled: bigint;
  real: number;
  count: number;
}

/** SUM and AVG: exact over integers and decimals, in doubles over everything else. */
function summing(name: 'SUM' | 'AVG'): AggregateDefinition {
  return {
    name,
    nullable: true,
    hasInverse: true,
    result: ([arg], env) => {
      const shape = arg && exactShape(arg.type);
      if (!shape) return DOUBLE;
      const more = name === 'SUM' ? 22 : env.divPrecisionIncrement;
      return {
        kind: 'decimal',
        precision: Math.min(65, shape.precision + more),
        scale: name === 'SUM' ? shape.scale : Math.min(30, shape.scale + more),
        unsigned: false,
      };
    },
    make: ([type], result) => {
      const from = type as SqlType;
      const exact = exactShape(from);
      const write = toSqlite(result);
      return (env) => {
        const read = argReader(from, exact ? 'decimal' : 'real');
        const add = (state: unknown, value: SqliteValue, sign: 1 | -1): Sum => {
          const sum = state as Sum;
          if (value === null) return sum;
          const v = read(value, env);
          if (v === null) return sum;
          if (exact) sum.unscaled += BigInt(sign) * decimals.rescale(v as Decimal, exact.scale);
          else sum.real += sign * (v as number);
          sum.count += sign;
          return sum;
        };
        return {
          start: (): Sum => ({ unscaled: 0n, real: 0, count: 0 }),
          step: (state, value = null) => add(state, value, 1),
          inverse: (state, value = null) => add(state, value, -1),
          result: (state) => {
            const sum = state as Sum;
            if (sum.count === 0) return null;
            if (!exact) return name === 'SUM' ? sum.real : sum.real / sum.count;
            const total = { unscaled: sum.unscaled, scale: exact.scale };
            if (name === 'SUM') return write(total, env);
            const scale = result.kind === 'decimal' ? result.scale : 4;
            return write(decimals.divide(total, { unscaled: BigInt(sum.count), scale: 0 }, scale) ?? null, env);
          },
        };
      };
    },
  };
}

const aggregates: ReadonlyMap<string, AggregateDefinition> = new Map([summing('SUM'), summing('AVG')].map((def) => [def.name, def]));

export function findAggregate(name: string): AggregateDefinition | undefined {
  return aggregates.get(name.toUpperCase());
}
