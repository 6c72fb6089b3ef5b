/** Calls of registry functions, and conversions between types: the way out when SQLite's own operators do not prove MySQL's answer. */
import { bindFunction, callTypes, findFunction, type ArgInfo, type FunctionDefinition } from '../functions/index.ts';
import { SqlError, type SqliteValue, type SqlType } from '../types/index.ts';
import { coerce, toSqlite } from '../values/index.ts';
import { Bound, COERCIBILITY, isText, type Binder, type BoundInit } from './bound.ts';
import type { Compiler } from './compiler.ts';
import type { ExecContext, SqlFunction } from './plan.ts';

/** What of a type decides a conversion: lengths do not. */
export function typeKey(type: SqlType): string {
  switch (type.kind) {
    case 'int':
      return `i${type.bits}${type.unsigned ? 'u' : ''}${type.zerofill ? `z${type.width ?? 0}` : ''}`;
    case 'decimal':
      return `d${type.precision}.${type.scale}${type.unsigned ? 'u' : ''}`;
    case 'time':
    case 'datetime':
    case 'timestamp':
      return `${type.kind}${type.fsp}`;
    case 'string':
      return `s:${type.family === 'char' ? 'c' : ''}${type.collation}`;
    case 'binary':
      return type.family === 'binary' ? `B${type.length}` : 'b';
    case 'enum':
    case 'set':
      return `${type.kind}:${type.collation}:${JSON.stringify(type.values)}`;
    case 'bit':
      return `bit${type.length}`;
    case 'float':
    case 'double':
      return `${type.kind}${type.digits ? type.digits.join('.') : ''}`;
    default:
      return type.kind;
  }
}

/** SQLite names for function signatures. They live as long as the program: never in the state file. */
const names = new Map<string, string>();

export function signatureName(key: string): string {
  let name = names.get(key);
  if (!name) names.set(key, (name = `f${names.size + 1}`));
  return name;
}

type ScalarFunction = Extract<SqlFunction, { kind: 'scalar' }>;

const functions = new Map<string, ScalarFunction>();

function scalar(
  key: string,
  arity: number,
  deterministic: boolean,
  make: (x: ExecContext) => (...args: SqliteValue[]) => SqliteValue,
): ScalarFunction {
  let fn = functions.get(key);
  if (!fn) functions.set(key, (fn = { kind: 'scalar', name: signatureName(key), arity, deterministic, make }));
  return fn;
}

export const infoOf = (b: Bound): ArgInfo => {
  const info = { type: b.type, nullable: b.nullable, coercibility: b.coercibility };
  // A definition that looks at the value makes the plan one for that value: asking is what pins it.
  if (b.known) Object.defineProperty(info, 'constant', { get: b.known, enumerable: true });
  return info;
};

/** Runs a per-context closure, made once for each context. */
function cached<T>(make: (x: ExecContext) => T): (x: ExecContext) => T {
  const made = new WeakMap<object, T>();
  return (x) => {
    let fn = made.get(x);
    if (fn === undefined) made.set(x, (fn = make(x)));
    return fn;
  };
}

/** Calls a function of the registry, folded into a parameter when all its arguments are. */
function callDefinition(c: Compiler, def: FunctionDefinition, args: readonly Bound[], display = def.name): Bound {
  if (args.length < def.arity[0] || args.length > def.arity[1]) {
    throw new SqlError(1582, '42000', `Incorrect parameter count in the call to native function '${display}'`);
  }
  const infos = args.map(infoOf);
  const type = def.result(infos, c.typeEnv);
  const nullable = def.nullable === 'never' ? false : def.nullable === 'always' || args.some((a) => a.nullable);
  const types = callTypes(def, infos, c.typeEnv);
  const key = `${def.name}(${types.map(typeKey).join(',')})${typeKey(type)}`;
  const fn = scalar(key, args.length, def.changes !== 'call', (x) => bindFunction(def, types, type)(x));
  const init = { type, nullable, coercibility: resultCoercibility(type, args, (i) => def.args(i, infos) === 'bytes') };
  return apply(c, fn, args, init);
}

/** Folded into a parameter when all arguments are; the same call of the same ones is the same parameter, as in GROUP BY. */
function apply(c: Compiler, fn: ScalarFunction, args: readonly Bound[], init: BoundInit): Bound {
  const binders = args.map((a) => a.bind);
  if (fn.deterministic && binders.every((b): b is Binder => b !== undefined)) {
    const bind = c.folded(fn, binders, () => {
      const bound = cached((x) => fn.make(x));
      return (x) => bound(x)(...binders.map((b) => b(x)));
    });
    return new Bound(() => c.param(bind), { ...init, bind });
  }
  return new Bound(() => `${c.use(fn)}(${args.map((a) => a.sql).join(',')})`, init);
}

/** A text that is made of bytes, as HEX() and SHA2() make it, is in the connection's collation, which gives way to that of a column. */
function resultCoercibility(type: SqlType, args: readonly Bound[], isReadAsBytes: (index: number) => boolean): number {
  if (!isText(type)) return COERCIBILITY.numeric;
  const texts = args.filter((a, i) => isText(a.type) && !(type.kind === 'string' && isReadAsBytes(i)));
  return texts.length === 0 ? 4 : Math.min(...texts.map((t) => t.coercibility));
}

/** Calls a function of the registry by name; it must exist. */
export function callNamed(c: Compiler, name: string, args: readonly Bound[], display = name): Bound {
  const def = findFunction(name);
  if (!def) throw new Error(`no function ${name} in the registry`);
  return callDefinition(c, def, args, display);
}

/** A function of the compiler's own, over values in SQLite's representation. */
export function callInternal(
  c: Compiler,
  key: string,
  args: readonly Bound[],
  init: { type: SqlType; nullable: boolean; coercibility?: number; truth?: boolean },
  make: (x: ExecContext) => (...values: SqliteValue[]) => SqliteValue,
  deterministic = true,
): Bound {
  return apply(c, scalar(key, args.length, deterministic, make), args, init);
}

/** The expression as a value of another type, by MySQL's implicit conversion. */
export function convert(c: Compiler, b: Bound, to: SqlType): Bound {
  if (b.hex && to.kind !== 'string' && to.kind !== 'binary') return convert(c, hexNumber(c, b), to);
  if (coerce(b.type, to) === undefined) return b.type === to ? b : b.with({ type: to });
  if (to.kind === 'double' && b.type.kind === 'int' && b.bits < 53 && !b.bind) {
    return new Bound(() => `CAST(${b.sql} AS REAL)`, { type: to, nullable: b.nullable });
  }
  const { type: from } = b;
  return callInternal(
    c,
    `convert(${typeKey(from)})${typeKey(to)}`,
    [b],
    { type: to, nullable: true, coercibility: b.coercibility },
    (x) => {
      const change = coerce(from, to) as NonNullable<ReturnType<typeof coerce>>;
      return (value) => (value === null ? null : change(value, x));
    },
  );
}

/** x'41' in numeric context: the big-endian number that its bytes spell. */
export function hexNumber(c: Compiler, b: Bound): Bound {
  const type: SqlType = { kind: 'int', bits: 64, unsigned: true };
  return callInternal(c, 'hex-number', [b], { type, nullable: b.nullable }, () => (value) => {
    if (!(value instanceof Uint8Array)) return value;
    const significant = value.subarray(Math.max(0, value.length - 8));
    let n = 0n;
    for (const byte of significant) n = (n << 8n) | BigInt(byte);
    return toSqlite(type)(n);
  });
}
