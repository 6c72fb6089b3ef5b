import type { Decimal, IntType, SqlType } from '../types/index.ts';
import {
  asSigned,
  asUnsigned,
  bigIntOfDecimal,
  decimals,
  formatDecimal,
  INT64_MAX,
  INT64_MIN,
  intFromSqlite,
  outOfRange,
  sqlError,
  UINT64_MAX,
} from '../values/index.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgClass, ArgInfo, Call, CallEnv, FunctionDefinition, TypeEnv } from './definition.ts';
import {
  BIGINT,
  decimalType,
  digitsOf,
  doubleOf,
  functionMode,
  isUnsigned,
  numberMode,
  scaleOf,
  UNSIGNED,
} from './types-of-results.ts';

/** The arithmetic and bit operators, for where SQLite's own are not MySQL's. */

type Mode = 'int' | 'decimal' | 'real';

function modeOf(types: readonly SqlType[]): Mode {
  const modes = types.map(numberMode);
  return modes.includes('real') ? 'real' : modes.includes('decimal') ? 'decimal' : 'int';
}

const classOfMode = (_index: number, args: readonly ArgInfo[]): ArgClass => modeOf(args.map((a) => a.type));

const wholeDigits = (a: ArgInfo): number => digitsOf(a) - scaleOf(a.type);

export function checkInt(value: bigint, unsigned: boolean, expression: () => string): bigint {
  if (unsigned ? value >= 0n && value <= UINT64_MAX : value >= INT64_MIN && value <= INT64_MAX) return value;
  throw outOfRange(unsigned ? 'BIGINT UNSIGNED' : 'BIGINT', expression());
}

export function checkReal(value: number, expression: () => string): number {
  if (Number.isFinite(value)) return value;
  throw outOfRange('DOUBLE', expression());
}

const MOST = decimals.pow10(65);

function checkDecimal(value: Decimal, expression: () => string): Decimal {
  const whole = value.unscaled / decimals.pow10(value.scale);
  if (whole < MOST && whole > -MOST) return value;
  throw outOfRange('DECIMAL', expression());
}

function additive(
  name: string,
  ints: (a: bigint, b: bigint) => bigint,
  exact: (a: Decimal, b: Decimal) => Decimal,
  reals: (a: number, b: number) => number,
): FunctionDefinition {
  const result = (args: readonly ArgInfo[], env: TypeEnv): SqlType => {
    const [a, b] = args as [ArgInfo, ArgInfo];
    const unsigned = isUnsigned(a.type) || isUnsigned(b.type);
    switch (modeOf([a.type, b.type])) {
      case 'int':
        return unsigned && !(name === '-' && env.sqlMode.noUnsignedSubtraction) ? UNSIGNED : BIGINT;
      case 'real':
        return doubleOf([a.type, b.type]);
      case 'decimal': {
        const both = isUnsigned(a.type) && isUnsigned(b.type);
        if (name === '*') return decimalType(digitsOf(a) + digitsOf(b), scaleOf(a.type) + scaleOf(b.type), both);
        const scale = Math.max(scaleOf(a.type), scaleOf(b.type));
        return decimalType(Math.max(wholeDigits(a), wholeDigits(b)) + 1 + scale, scale, both && name === '+');
      }
    }
  };
  return definePrepared(name, 2, classOfMode, result, (types, type): Call => {
    switch (modeOf(types)) {
      case 'int': {
        const { unsigned } = type as IntType;
        return (_env, a: bigint, b: bigint) => checkInt(ints(a, b), unsigned, () => `(${a} ${name} ${b})`);
      }
      case 'decimal':
        return (_env, a: Decimal, b: Decimal) =>
          checkDecimal(exact(a, b), () => `(${formatDecimal(a)} ${name} ${formatDecimal(b)})`);
      case 'real':
        return (_env, a: number, b: number) => checkReal(reals(a, b), () => `(${a} ${name} ${b})`);
    }
  });
}

function divisionByZero(env: CallEnv): null {
  if (env.sqlMode.errorForDivisionByZero) env.warn('Warning', 1365, 'Division by 0');
  return null;
}

const exactOrReal = (_index: number, args: readonly ArgInfo[]): ArgClass =>
  modeOf(args.map((a) => a.type)) === 'real' ? 'real' : 'decimal';

const divide = definePrepared(
  '/',
  2,
  exactOrReal,
  (args, env) => {
    const [a, b] = args as [ArgInfo, ArgInfo];
    if (modeOf([a.type, b.type]) === 'real') return doubleOf([a.type, b.type], env.divPrecisionIncrement);
    const scale = scaleOf(a.type) + env.divPrecisionIncrement;
    const precision = digitsOf(a) + scaleOf(b.type) + env.divPrecisionIncrement;
    return decimalType(precision, scale, isUnsigned(a.type) && isUnsigned(b.type));
  },
  (types, type): Call => {
    if (modeOf(types) === 'real') {
      return (env, a: number, b: number) => (b === 0 ? divisionByZero(env) : checkReal(a / b, () => `(${a} / ${b})`));
    }
    const { scale } = type as { scale: number };
    return (env, a: Decimal, b: Decimal) => decimals.divide(a, b, scale) ?? divisionByZero(env);
  },
  { nullable: 'always' },
);

const divideWhole = definePrepared(
  'DIV',
  2,
  (_index, args) => (modeOf(args.map((a) => a.type)) === 'int' ? 'int' : 'decimal'),
  (args) => (args.some((a) => isUnsigned(a.type)) ? UNSIGNED : BIGINT),
  (types, type): Call => {
    const { unsigned } = type as IntType;
    if (modeOf(types) === 'int') {
      return (env, a: bigint, b: bigint) =>
        b === 0n ? divisionByZero(env) : checkInt(a / b, unsigned, () => `(${a} DIV ${b})`);
    }
    return (env, a: Decimal, b: Decimal) => {
      const quotient = decimals.divideWhole(a, b);
      if (quotient === undefined) return divisionByZero(env);
      return checkInt(quotient, unsigned, () => `(${formatDecimal(a)} DIV ${formatDecimal(b)})`);
    };
  },
  { nullable: 'always' },
);

function modulo(name: string): FunctionDefinition {
  return definePrepared(
    name,
    2,
    classOfMode,
    (args) => {
      const [a, b] = args as [ArgInfo, ArgInfo];
      const unsigned = isUnsigned(a.type);
      switch (modeOf([a.type, b.type])) {
        case 'int':
          return unsigned ? UNSIGNED : BIGINT;
        case 'real':
          return doubleOf([a.type, b.type]);
        case 'decimal': {
          const scale = Math.max(scaleOf(a.type), scaleOf(b.type));
          return decimalType(Math.max(digitsOf(a), digitsOf(b)), scale, unsigned);
        }
      }
    },
    (types): Call => {
      switch (modeOf(types)) {
        case 'int':
          return (env, a: bigint, b: bigint) => (b === 0n ? divisionByZero(env) : a % b);
        case 'decimal':
          return (env, a: Decimal, b: Decimal) => decimals.modulo(a, b) ?? divisionByZero(env);
        case 'real':
          return (env, a: number, b: number) => (b === 0 ? divisionByZero(env) : a % b);
      }
    },
    { nullable: 'always' },
  );
}

const negate = definePrepared(
  'NEG',
  1,
  (_index, args) => functionMode((args[0] as ArgInfo).type),
  (args) => {
    const { type } = args[0] as ArgInfo;
    const mode = functionMode(type);
    if (mode === 'int') {
      // A number too large for it makes a DECIMAL of a literal.
      const { constant } = args[0] as ArgInfo;
      const isLarge = constant instanceof Uint8Array && intFromSqlite(constant) > -INT64_MIN;
      if (isLarge && type.kind === 'int') return decimalType(20, 0);
      return BIGINT;
    }
    return mode === 'real' ? doubleOf([type]) : decimalType(digitsOf(args[0] as ArgInfo), scaleOf(type));
  },
  (types, type): Call => {
    switch (functionMode(types[0] as SqlType)) {
      case 'int':
        if (type.kind === 'decimal') return (_env, a: bigint) => -a;
        return (_env, a: bigint) => checkInt(-a, false, () => `-(${a})`);
      case 'decimal':
        return (_env, a: Decimal) => decimals.negate(a);
      case 'real':
        return (_env, a: number) => -a;
    }
  },
);

/** Whether bit operators work on a type's bytes instead of on 64 bits. */
const isBytes = (type: SqlType): boolean => type.kind === 'binary';

function bitwise(
  name: string,
  ints: (a: bigint, b: bigint) => bigint,
  byBytes: (a: number, b: number) => number,
): FunctionDefinition {
  return definePrepared(
    name,
    2,
    (_index, args) => (args.every((a) => isBytes(a.type)) ? 'bytes' : 'int'),
    (args) => {
      const [a, b] = args as [ArgInfo, ArgInfo];
      if (a.type.kind === 'binary' && b.type.kind === 'binary')
        return a.type.length >= b.type.length ? varying(a.type) : varying(b.type);
      return UNSIGNED;
    },
    (types): Call => {
      if (!types.every(isBytes)) return (_env, a: bigint, b: bigint) => asUnsigned(ints(asUnsigned(a), asUnsigned(b)));
      return (_env, a: Uint8Array, b: Uint8Array) => {
        if (a.length !== b.length) throw sqlError(3513, 'Binary operands of bitwise operators must be of equal length');
        return a.map((byte, i) => byBytes(byte, b[i] as number));
      };
    },
  );
}

function varying(type: Extract<SqlType, { kind: 'binary' }>): SqlType {
  return type.family === 'binary' ? { ...type, family: 'varbinary' } : type;
}

const shiftBytes = (bytes: Uint8Array, count: bigint, left: boolean): Uint8Array => {
  const result = new Uint8Array(bytes.length);
  if (count < 0n || count >= BigInt(bytes.length * 8)) return result;
  const n = Number(count);
  const whole = n >> 3;
  const rest = n & 7;
  for (let i = 0; i < bytes.length; i++) {
    const from = left ? i + whole : i - whole;
    const near = bytes[from] ?? 0;
    const far = bytes[left ? from + 1 : from - 1] ?? 0;
    result[i] = left ? (near << rest) | (far >> (8 - rest)) : (near >> rest) | (far << (8 - rest));
  }
  return result;
};

function shift(name: string, left: boolean): FunctionDefinition {
  return definePrepared(
    name,
    2,
    (index, args) => (index === 0 && isBytes((args[0] as ArgInfo).type) ? 'bytes' : 'int'),
    (args) => {
      const { type } = args[0] as ArgInfo;
      return type.kind === 'binary' ? varying(type) : UNSIGNED;
    },
    (types): Call => {
      if (isBytes(types[0] as SqlType)) return (_env, a: Uint8Array, n: bigint) => shiftBytes(a, n, left);
      return (_env, a: bigint, n: bigint) => {
        if (n < 0n || n > 63n) return 0n;
        return left ? BigInt.asUintN(64, asUnsigned(a) << n) : asUnsigned(a) >> n;
      };
    },
  );
}

export const arithmetic: readonly FunctionDefinition[] = [
  additive(
    '+',
    (a, b) => a + b,
    decimals.add,
    (a, b) => a + b,
  ),
  additive(
    '-',
    (a, b) => a - b,
    decimals.subtract,
    (a, b) => a - b,
  ),
  additive(
    '*',
    (a, b) => a * b,
    decimals.multiply,
    (a, b) => a * b,
  ),
  divide,
  divideWhole,
  modulo('%'),
  modulo('MOD'),
  negate,
  bitwise(
    '&',
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  bitwise(
    '|',
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  bitwise(
    '^',
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  shift('<<', true),
  shift('>>', false),
  definePrepared(
    '~',
    1,
    (_index, args) => (isBytes((args[0] as ArgInfo).type) ? 'bytes' : 'int'),
    (args) => {
      const { type } = args[0] as ArgInfo;
      return type.kind === 'binary' ? varying(type) : UNSIGNED;
    },
    (types): Call =>
      isBytes(types[0] as SqlType)
        ? (_env, a: Uint8Array) => a.map((byte) => ~byte & 0xff)
        : (_env, a: bigint) => BigInt.asUintN(64, ~a),
  ),
  definePrepared(
    'BIT_COUNT',
    1,
    (_index, args) => (isBytes((args[0] as ArgInfo).type) ? 'bytes' : 'int'),
    BIGINT,
    (types): Call => {
      const count = (n: bigint): bigint => {
        let bits = 0n;
        for (let rest = n; rest > 0n; rest &= rest - 1n) bits++;
        return bits;
      };
      if (!isBytes(types[0] as SqlType)) return (_env, a: bigint) => count(asUnsigned(a));
      return (_env, a: Uint8Array) => a.reduce((sum, byte) => sum + count(BigInt(byte)), 0n);
    },
  ),
  define('CAST_SIGNED', 1, 'int', BIGINT, (_env, a: bigint) => asSigned(a)),
  definePrepared(
    'CAST_UNSIGNED',
    1,
    (_index, args) => ((args[0] as ArgInfo).type.kind === 'decimal' ? 'decimal' : 'int'),
    UNSIGNED,
    (types): Call => {
      if (types[0]?.kind === 'decimal')
        return (env, d: Decimal) => asUnsigned(bigIntOfDecimal(d, env, d.unscaled >= 0n));
      const fromText = types[0]?.kind === 'string' || types[0]?.kind === 'binary';
      return (env, a: bigint) => {
        if (a < 0n && fromText) {
          env.warn('Warning', 1105, 'Cast to unsigned converted negative integer to its positive complement');
        }
        return asUnsigned(a);
      };
    },
  ),
];
