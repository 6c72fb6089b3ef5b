import type { SqliteValue, SqlType } from '../types/index.ts';
import { argReader, meetCollations, toSqlite } from '../values/index.ts';
import type { ArgClass, JsArg, JsValue, SqlMode, ValueContext } from '../values/index.ts';
import { collatedOf } from './types-of-results.ts';

export type { ArgClass, JsArg, JsValue };

/** What is known of an argument before any row is read. */
export interface ArgInfo {
  readonly type: SqlType;
  readonly nullable: boolean;
  /** Its value where it is known, in SQLite's form: a unit, a format, a number of digits. */
  readonly constant?: SqliteValue;
  /** 0 (an explicit COLLATE) to 6 (NULL): see `Coercibility`. */
  readonly coercibility: number;
}

/** What result types hang on besides the arguments. */
export interface TypeEnv {
  /** The session's collation_connection: that of numbers and dates as text. */
  readonly collation: string;
  readonly divPrecisionIncrement: number;
  readonly groupConcatMaxLen: number;
  readonly sqlMode: SqlMode;
}

/** What a call may ask of the statement that it runs in. */
export interface CallEnv extends ValueContext {
  /** From 0 to below 1. */
  random(): number;
  randomBytes(count: number): Uint8Array;
  readonly divPrecisionIncrement: number;
  readonly groupConcatMaxLen: number;
  readonly maxAllowedPacket: number;
  /** 0, or 1 to 5, of WEEK without a mode. */
  readonly defaultWeekFormat: number;
  /** lc_time_names. */
  readonly timeLocale: string;
  /** block_encryption_mode, such as `aes-128-ecb`. */
  readonly blockEncryptionMode: string;
  /** zlib's compression, where the platform has it. */
  readonly deflate?: (bytes: Uint8Array) => Uint8Array;
  readonly inflate?: (bytes: Uint8Array) => Uint8Array | undefined;
  /** A key of `size` bytes out of another, by SHA-512. */
  readonly deriveKey?: (kdf: KeyDerivation, key: Uint8Array, salt: Uint8Array, size: number) => Uint8Array;
  /** AES with a key of 16, 24 or 32 bytes; undefined where the bytes cannot be decrypted. */
  readonly aes?: (
    encrypt: boolean,
    mode: string,
    key: Uint8Array,
    iv: Uint8Array | undefined,
    bytes: Uint8Array,
  ) => Uint8Array | undefined;
}

export type KeyDerivation =
  { readonly method: 'hkdf'; readonly info: Uint8Array } | { readonly method: 'pbkdf2'; readonly iterations: number };

export type Call = (env: CallEnv, ...args: never[]) => JsValue;

export interface FunctionDefinition {
  /** In upper case; operators go by their signs. */
  readonly name: string;
  readonly arity: readonly [min: number, max: number];
  readonly args: (index: number, args: readonly ArgInfo[]) => ArgClass;
  /** MySQL's result type. It may throw: a collation that the arguments do not agree on. */
  readonly result: (args: readonly ArgInfo[], env: TypeEnv) => SqlType;
  /** Whether the result can be NULL: as the arguments are, always, or never. */
  readonly nullable: 'args' | 'always' | 'never';
  /** Whether any NULL argument gives NULL without a call. */
  readonly nullPropagates: boolean;
  /** When the same arguments may give another answer: with the next statement, as NOW() does, or with the next call, as RAND() does. */
  readonly changes: 'never' | 'statement' | 'call';
  /** Its answer comes from the session or the engine, not from `call`. */
  readonly session: boolean;
  /** Its call compares texts: `callTypes` gives the arguments the collation that they agree on. */
  readonly collated: boolean;
  /** Its call answers with values in SQLite's form of the result type: no writer is put behind it. */
  readonly raw: boolean;
  /** The call for arguments of these types; what hangs on types alone is settled here, once. */
  readonly prepare: (args: readonly SqlType[], result: SqlType) => Call;
}

export type Classes = ArgClass | readonly ArgClass[] | ((index: number, args: readonly ArgInfo[]) => ArgClass);
type Options = Partial<
  Pick<FunctionDefinition, 'nullable' | 'nullPropagates' | 'changes' | 'session' | 'collated' | 'raw'>
>;

export const MANY = 65535;

/** A definition whose call hangs on the types of its arguments. `classes` is one for all, or one each (the last goes on). */
export function definePrepared(
  name: string,
  arity: number | readonly [number, number],
  classes: Classes,
  result: SqlType | FunctionDefinition['result'],
  prepare: FunctionDefinition['prepare'],
  options: Options = {},
): FunctionDefinition {
  const classOf =
    typeof classes === 'function'
      ? classes
      : typeof classes === 'string'
        ? () => classes
        : (index: number) => (classes[index] ?? classes.at(-1)) as ArgClass;
  return {
    name,
    arity: typeof arity === 'number' ? [arity, arity] : arity,
    args: classOf,
    result: typeof result === 'function' ? result : () => result,
    nullable: 'args',
    nullPropagates: true,
    changes: 'never',
    session: false,
    collated: false,
    raw: false,
    prepare,
    ...options,
  };
}

/** A definition with one call for all types. */
export function define(
  name: string,
  arity: number | readonly [number, number],
  classes: Classes,
  result: SqlType | FunctionDefinition['result'],
  call: Call,
  options: Options = {},
): FunctionDefinition {
  return definePrepared(name, arity, classes, result, () => call, options);
}

type LooseCall = (env: CallEnv, ...args: JsArg[]) => JsValue;
export type BoundFunction = (...args: SqliteValue[]) => SqliteValue;

const plainInfo = (type: SqlType): ArgInfo => ({ type, nullable: true, coercibility: 4 });

/** Joins readers, call and writer: a function over values as SQLite gives and takes them. */
export function bindFunction(
  def: FunctionDefinition,
  argTypes: readonly SqlType[],
  resultType: SqlType,
): (env: CallEnv) => BoundFunction {
  const infos = argTypes.map(plainInfo);
  const readers = argTypes.map((type, i) => argReader(type, def.args(i, infos)));
  const call = def.prepare(argTypes, resultType) as LooseCall;
  const write = def.raw ? (value: JsValue) => value as SqliteValue : toSqlite(resultType);
  const [first, second, third] = readers;
  if (!def.nullPropagates) {
    return (env) =>
      (...values) =>
        write(
          call(env, ...values.map((v, i) => (v === null ? null : (readers[i] as (typeof readers)[0])(v, env)))),
          env,
        );
  }
  // An argument can also be NULL only once it is read: text that is no date.
  switch (readers.length) {
    case 0:
      return (env) => () => write(call(env), env);
    case 1: {
      const read = first as NonNullable<typeof first>;
      return (env) => (value) => {
        if (value === null || value === undefined) return null;
        const a = read(value, env);
        return a === null ? null : write(call(env, a), env);
      };
    }
    case 2: {
      const [readA, readB] = [first, second] as [NonNullable<typeof first>, NonNullable<typeof first>];
      return (env) =>
        (...values) => {
          const [x, y] = values as [SqliteValue, SqliteValue];
          if (x === null || y === null) return null;
          const a = readA(x, env);
          if (a === null) return null;
          const b = readB(y, env);
          return b === null ? null : write(call(env, a, b), env);
        };
    }
    case 3: {
      const [readA, readB, readC] = [first, second, third] as [
        NonNullable<typeof first>,
        NonNullable<typeof first>,
        NonNullable<typeof first>,
      ];
      return (env) =>
        (...values) => {
          const [x, y, z] = values as [SqliteValue, SqliteValue, SqliteValue];
          if (x === null || y === null || z === null) return null;
          const a = readA(x, env);
          if (a === null) return null;
          const b = readB(y, env);
          if (b === null) return null;
          const c = readC(z, env);
          return c === null ? null : write(call(env, a, b, c), env);
        };
    }
    default:
      return (env) =>
        (...values) => {
          if (values.includes(null)) return null;
          const args = values.map((v, i) => (readers[i] as (typeof readers)[0])(v, env));
          return args.includes(null) ? null : write(call(env, ...args), env);
        };
  }
}

/**
 * The types to bind a call with: where the call compares texts, each is given the collation that they all agree on
 * (MySQL's error where they do not), so that a bound function hangs on types alone.
 */
export function callTypes(def: FunctionDefinition, args: readonly ArgInfo[], env: TypeEnv): readonly SqlType[] {
  const types = args.map((a) => a.type);
  if (!def.collated) return types;
  const texts = args.filter((a) => 'collation' in a.type || a.type.kind === 'binary' || a.type.kind === 'json');
  if (texts.length === 0) return types;
  const { collation } = meetCollations(
    texts.map((a) => collatedOf(a, env)),
    def.name.toLowerCase(),
  );
  if (collation === 'binary') return types;
  return types.map((type) => ('collation' in type ? { ...type, collation } : type));
}
