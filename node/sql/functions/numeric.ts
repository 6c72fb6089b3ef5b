import type { Decimal, SqlType } from '../types/index.ts';
import { asUnsigned, decimalFrom, decimals, doubleToText, INT64_MIN } from '../values/index.ts';
import { checkInt, checkReal } from './arithmetic.ts';
import { crc32 } from './checksums.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgClass, ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { formatNumber, localeNamed } from './number-format.ts';
import { constantNumber } from './text-tools.ts';
import {
  BIGINT,
  charsOf,
  decimalType,
  digitsOf,
  DOUBLE,
  doubleOf,
  isUnsigned,
  functionMode,
  scaleOf,
  textType,
  UNSIGNED,
} from './types-of-results.ts';

/** MySQL's mathematical functions. Those of doubles answer NULL, or an error, where C answers NaN or infinity. */

const real = (name: string, f: (x: number) => number): FunctionDefinition =>
  define(name, 1, 'real', DOUBLE, (_env, x: number) => {
    const y = f(x);
    return Number.isNaN(y) ? null : checkReal(y, () => `${name.toLowerCase()}(${doubleToText(x)})`);
  });

const nullableReal = (name: string, f: (x: number) => number): FunctionDefinition => ({
  ...real(name, f),
  nullable: 'always',
});

const badLogarithm = (env: CallEnv): null => {
  env.warn('Warning', 3020, 'Invalid argument for logarithm');
  return null;
};

const logarithm = (name: string, f: (x: number) => number): FunctionDefinition =>
  define(name, 1, 'real', DOUBLE, (env, x: number) => (x <= 0 ? badLogarithm(env) : f(x)), { nullable: 'always' });

const classByMode = (_index: number, args: readonly ArgInfo[]): ArgClass => functionMode((args[0] as ArgInfo).type);

/** Rounds half away from zero, as MySQL rounds doubles: by the nearest double of x * 10^d. */
function roundReal(x: number, places: number, cut: boolean): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const n = Math.max(-400, Math.min(400, places));
  const power = 10 ** Math.abs(n);
  const scaled = n < 0 ? x / power : x * power;
  if (!Number.isFinite(power) && n < 0) return 0;
  if (!Number.isFinite(scaled)) return x;
  const whole = cut ? Math.trunc(scaled) : roundHalfEvenReal(scaled);
  const result = n < 0 ? whole * power : whole / power;
  if (result === 0 && x < 0) return -0;
  return Number.isNaN(result) ? x : result;
}

/** C's rint. */
function roundHalfEvenReal(x: number): number {
  if (Math.abs(x) >= 4503599627370496) return x;
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function roundInt(n: bigint, places: number, cut: boolean): bigint {
  if (places >= 0) return n;
  const unit = decimals.pow10(Math.min(40, -places));
  return cut ? (n / unit) * unit : decimals.divideRounded(n, unit) * unit;
}

const rounding = (name: string, cut: boolean): FunctionDefinition =>
  definePrepared(
    name,
    cut ? 2 : [1, 2],
    (index, args) => (index === 0 ? classByMode(index, args) : 'num'),
    (args) => {
      const first = args[0] as ArgInfo;
      switch (functionMode(first.type)) {
        case 'int':
          return isUnsigned(first.type) ? UNSIGNED : BIGINT;
        case 'real':
          return DOUBLE;
        case 'decimal': {
          const scale = scaleOf(first.type);
          // Digits that only a row tells leave the argument's own scale.
          const wanted = args.length === 1 ? 0 : (constantNumber(args[1]) ?? scale);
          const places = Math.min(scale, Math.max(0, Math.trunc(wanted)));
          const carry = places < scale && !cut ? 1 : 0;
          return decimalType(digitsOf(first) - scale + places + carry, places);
        }
      }
    },
    (types): Call => {
      switch (functionMode(types[0] as SqlType)) {
        case 'int':
          return (_env, n: bigint, places = 0) =>
            checkInt(
              roundInt(n, places, cut),
              isUnsigned(types[0] as SqlType),
              () => `${name.toLowerCase()}(${n},${places})`,
            );
        case 'decimal':
          return (_env, d: Decimal, places = 0) => {
            const wanted = Math.max(-100, Math.min(30, places));
            return cut ? decimals.truncate(d, wanted) : decimals.round(d, wanted);
          };
        case 'real':
          return (_env, x: number, places = 0) => roundReal(x, places, cut);
      }
    },
  );

const wholeNumber = (name: string, exact: (d: Decimal) => bigint, f: (x: number) => number): FunctionDefinition =>
  definePrepared(
    name,
    1,
    classByMode,
    (args) => {
      const first = args[0] as ArgInfo;
      const mode = functionMode(first.type);
      if (mode === 'int') return isUnsigned(first.type) ? UNSIGNED : BIGINT;
      if (mode === 'real') return DOUBLE;
      const whole = digitsOf(first) - scaleOf(first.type) + 1;
      return whole <= 18 ? (isUnsigned(first.type) ? UNSIGNED : BIGINT) : decimalType(whole, 0);
    },
    (types): Call => {
      switch (functionMode(types[0] as SqlType)) {
        case 'int':
          return (_env, n: bigint) => n;
        case 'decimal':
          return (_env, d: Decimal) => exact(d);
        case 'real':
          return (_env, x: number) => f(x);
      }
    },
  );

export const numeric: readonly FunctionDefinition[] = [
  definePrepared(
    'ABS',
    1,
    classByMode,
    (args) => {
      const first = args[0] as ArgInfo;
      const mode = functionMode(first.type);
      if (mode === 'int') return isUnsigned(first.type) ? UNSIGNED : BIGINT;
      return mode === 'real'
        ? doubleOf([first.type])
        : decimalType(digitsOf(first), scaleOf(first.type), isUnsigned(first.type));
    },
    (types): Call => {
      switch (functionMode(types[0] as SqlType)) {
        case 'int':
          return (_env, n: bigint) => {
            if (n === INT64_MIN) checkInt(-n, false, () => `abs(${n})`);
            return n < 0n ? -n : n;
          };
        case 'decimal':
          return (_env, d: Decimal) => (d.unscaled < 0n ? decimals.negate(d) : d);
        case 'real':
          return (_env, x: number) => Math.abs(x);
      }
    },
  ),
  definePrepared('SIGN', 1, classByMode, { ...BIGINT, width: 2 }, (types): Call => {
    switch (functionMode(types[0] as SqlType)) {
      case 'int':
        return (_env, n: bigint) => (n > 0n ? 1 : n < 0n ? -1 : 0);
      case 'decimal':
        return (_env, d: Decimal) => (d.unscaled > 0n ? 1 : d.unscaled < 0n ? -1 : 0);
      case 'real':
        return (_env, x: number) => Math.sign(x);
    }
  }),
  rounding('ROUND', false),
  rounding('TRUNCATE', true),
  wholeNumber('CEIL', decimals.ceiling, Math.ceil),
  wholeNumber('CEILING', decimals.ceiling, Math.ceil),
  wholeNumber('FLOOR', decimals.floor, Math.floor),
  nullableReal('SQRT', Math.sqrt),
  real('EXP', Math.exp),
  logarithm('LN', Math.log),
  logarithm('LOG2', Math.log2),
  logarithm('LOG10', Math.log10),
  define(
    'LOG',
    [1, 2],
    'real',
    DOUBLE,
    (env, base: number, x?: number) => {
      if (x === undefined) return base <= 0 ? badLogarithm(env) : Math.log(base);
      if (base <= 0 || base === 1 || x <= 0) return badLogarithm(env);
      return Math.log(x) / Math.log(base);
    },
    { nullable: 'always' },
  ),
  ...['POW', 'POWER'].map((name) =>
    define(name, 2, 'real', DOUBLE, (_env, x: number, y: number) =>
      checkReal(x ** y, () => `pow(${doubleToText(x)},${doubleToText(y)})`),
    ),
  ),
  real('SIN', Math.sin),
  real('COS', Math.cos),
  real('TAN', Math.tan),
  real('COT', (x) => 1 / Math.tan(x)),
  nullableReal('ASIN', Math.asin),
  nullableReal('ACOS', Math.acos),
  ...['ATAN', 'ATAN2'].map((name) =>
    define(name, [1, 2], 'real', DOUBLE, (_env, y: number, x?: number) =>
      x === undefined ? Math.atan(y) : Math.atan2(y, x),
    ),
  ),
  real('RADIANS', (x) => x * (Math.PI / 180)),
  real('DEGREES', (x) => x * (180 / Math.PI)),
  define('PI', 0, 'real', { kind: 'double', unsigned: false, digits: [8, 6] }, () => Math.PI, { nullable: 'never' }),
  define('CRC32', 1, 'bytes', { ...BIGINT, bits: 64, unsigned: true, width: 10 }, (_env, bytes: Uint8Array) =>
    crc32(bytes),
  ),
  definePrepared(
    'RAND',
    [0, 1],
    'num',
    DOUBLE,
    (types): Call => {
      if (types.length === 0) return (env) => env.random();
      // A seed starts MySQL's own generator over; the same call goes on from where it was.
      let seed: number | undefined;
      let next: () => number = () => 0;
      return (_env, n: number | null) => {
        if (seed !== (n ?? 0)) {
          seed = n ?? 0;
          next = seededRandom(seed);
        }
        return next();
      };
    },
    { changes: 'call', nullable: 'never', nullPropagates: false },
  ),
  definePrepared(
    'FORMAT',
    [2, 3],
    (index, args) =>
      index === 0
        ? functionMode((args[0] as ArgInfo).type) === 'real'
          ? 'real'
          : 'decimal'
        : index === 1
          ? 'num'
          : 'text',
    (args, env) => {
      const first = args[0] as ArgInfo;
      const digits = charsOf(first);
      return textType(digits + Math.floor(digits / 3) + 32, env.collation);
    },
    (): Call =>
      (env, value: number | Decimal, places: number, locale = 'en_US') => {
        const scale = Math.max(0, Math.min(30, places));
        let rounded: Decimal;
        let negative: boolean;
        if (typeof value === 'object') {
          rounded = decimals.round(value, scale);
          negative = rounded.unscaled < 0n;
        } else {
          const n = roundReal(value, scale, false);
          rounded = decimals.round(decimalFrom(String(n)), scale);
          // A double that rounds to zero keeps its sign.
          negative = n < 0 || Object.is(n, -0);
        }
        return formatNumber(rounded, negative, localeNamed(locale, env));
      },
  ),
];

/** MySQL's generator: two linear sequences modulo 2^30 - 1. */
function seededRandom(seed: number): () => number {
  const most = 0x3fffffff;
  const start = Number(asUnsigned(BigInt(Math.trunc(seed))) & 0xffffffffn);
  let one = Number((BigInt(start) * 0x10001n + 55555555n) & 0xffffffffn) % most;
  let two = Number((BigInt(start) * 0x10000001n) & 0xffffffffn) % most;
  return () => {
    one = (one * 3 + two) % most;
    two = (one + two + 33) % most;
    return one / most;
  };
}
