import type { SqliteValue, SqlType } from '../types/index.ts';
import type { ArgInfo, CallEnv, TypeEnv } from './definition.ts';

/** What GROUP_CONCAT is told besides its arguments. The values come first, then the keys to sort by. */
export interface AggregateOptions {
  readonly separator: string | Uint8Array;
  /** How many of the arguments are values. */
  readonly values: number;
  /** For each key behind them, whether it sorts downwards. Keys are in a form that SQLite would sort rightly. */
  readonly descending: readonly boolean[];
  readonly distinct: boolean;
}

/** One aggregate over one group; states are made by `start` and passed on from `step` to `step`. */
export interface AggregateImplementation {
  start(): unknown;
  step(state: unknown, ...args: SqliteValue[]): unknown;
  /** Takes back the step of the row that came first. */
  inverse?(state: unknown, ...args: SqliteValue[]): unknown;
  result(state: unknown): SqliteValue;
}

export interface AggregateDefinition {
  readonly name: string;
  readonly arity: readonly [min: number, max: number];
  readonly result: (args: readonly ArgInfo[], env: TypeEnv, options?: AggregateOptions) => SqlType;
  readonly nullable: boolean;
  /** Whether it can run over a window that loses rows. */
  readonly hasInverse: boolean;
  readonly make: MakeAggregate;
  /** What it runs by over windows instead, where taking rows back needs a larger state. */
  readonly overWindow?: MakeAggregate;
}

type MakeAggregate = (
  args: readonly SqlType[],
  result: SqlType,
  options?: AggregateOptions,
) => (env: CallEnv) => AggregateImplementation;

/** An implementation over states of one kind. */
export interface Steps<State> {
  readonly start: () => State;
  readonly step: (state: State, ...args: SqliteValue[]) => State;
  readonly inverse?: (state: State, ...args: SqliteValue[]) => State;
  readonly result: (state: State) => SqliteValue;
}

/** node:sqlite passes states without their type. */
export function implementation<State>(steps: Steps<State>): AggregateImplementation {
  return steps;
}
