import type { Decimal, DecimalType } from '../types/index.ts';

/** MySQL's decimals have at most this many digits, and at most so many of them behind the point. */
export const MAX_PRECISION = 65;
export const MAX_SCALE = 30;
const MAX_DIGITS = 81;

const POWERS: bigint[] = [1n];
export function pow10(exponent: number): bigint {
  for (let n = POWERS.length; n <= exponent; n++) POWERS.push((POWERS[n - 1] as bigint) * 10n);
  return POWERS[exponent] as bigint;
}

export const ZERO: Decimal = { unscaled: 0n, scale: 0 };

const abs = (n: bigint): bigint => (n < 0n ? -n : n);

/** Quotient rounded half away from zero. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  if (abs(rest) * 2n < abs(divisor)) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

export function digitsOf(unscaled: bigint): number {
  return unscaled === 0n ? 1 : abs(unscaled).toString().length;
}

export interface ParsedDecimal {
  readonly value: Decimal;
  /** Whether text that is no part of a number was left over. */
  readonly rest: boolean;
  /** Whether no number was found at all. */
  readonly empty: boolean;
  /** Whether its exponent takes it past every decimal: the value is then only larger than all of them. */
  readonly huge: boolean;
}

const NUMBER = /^[ \t\n\v\f\r]*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?/;
const NUMBER_PLAIN = /^[ \t\n\v\f\r]*([+-]?)(\d*)(?:\.(\d*))?/;

/** The decimal at the front of a text, as MySQL reads it: blanks in front, then sign, digits, point, digits, exponent. */
export function parseDecimal(text: string): ParsedDecimal {
  let match = NUMBER.exec(text);
  let whole = match?.[2] ?? '';
  let part = match?.[3] ?? '';
  if (match !== null && match[4] !== undefined && whole === '' && part === '') {
    match = NUMBER_PLAIN.exec(text);
    whole = part = '';
  }
  if (match === null || (whole === '' && part === '')) {
    return { value: ZERO, rest: text.trim() !== '', empty: true, huge: false };
  }
  const rest = /\S/.test(text.slice(match[0].length));
  let digits = whole + part;
  let scale = part.length;
  const exponent = match[4] === undefined ? 0 : Math.max(-400, Math.min(400, Number(match[4])));
  if (exponent > 0 && whole.length + exponent > MAX_DIGITS) {
    const huge = pow10(MAX_DIGITS);
    return { value: { unscaled: match[1] === '-' ? -huge : huge, scale: 0 }, rest, empty: false, huge: true };
  }
  scale -= exponent;
  if (scale < 0) {
    digits += '0'.repeat(-scale);
    scale = 0;
  }
  let unscaled = BigInt(digits);
  if (match[1] === '-') unscaled = -unscaled;
  let value: Decimal = { unscaled, scale };
  if (scale > MAX_SCALE) value = trimScale(round(value, MAX_SCALE), 0);
  return { value, rest, empty: false, huge: false };
}

function trimScale(d: Decimal, least: number): Decimal {
  let { unscaled, scale } = d;
  while (scale > least && unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale--;
  }
  return { unscaled, scale };
}

/** A decimal from text that is known to be one, such as a literal. */
export function decimalFrom(text: string): Decimal {
  return parseDecimal(text).value;
}

export function formatDecimal(d: Decimal): string {
  if (d.scale === 0) return d.unscaled.toString();
  const negative = d.unscaled < 0n;
  const digits = abs(d.unscaled)
    .toString()
    .padStart(d.scale + 1, '0');
  const at = digits.length - d.scale;
  return `${negative ? '-' : ''}${digits.slice(0, at)}.${digits.slice(at)}`;
}

/** The same number at another scale; rounds half away from zero where digits go. */
export function rescale(d: Decimal, scale: number): bigint {
  if (scale >= d.scale) return d.unscaled * pow10(scale - d.scale);
  return divideRounded(d.unscaled, pow10(d.scale - scale));
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { unscaled: rescale(a, scale) + rescale(b, scale), scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { unscaled: rescale(a, scale) - rescale(b, scale), scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  const product = { unscaled: a.unscaled * b.unscaled, scale: a.scale + b.scale };
  return product.scale > MAX_SCALE ? truncate(product, MAX_SCALE) : product;
}

/** The quotient to `scale` digits, rounded half away from zero; undefined for a division by zero. */
export function divide(a: Decimal, b: Decimal, scale: number): Decimal | undefined {
  if (b.unscaled === 0n) return undefined;
  const shift = scale + b.scale - a.scale;
  const unscaled =
    shift >= 0
      ? divideRounded(a.unscaled * pow10(shift), b.unscaled)
      : divideRounded(a.unscaled, b.unscaled * pow10(-shift));
  return { unscaled, scale };
}

/** The rest of the division, with the sign of the dividend. */
export function modulo(a: Decimal, b: Decimal): Decimal | undefined {
  if (b.unscaled === 0n) return undefined;
  const scale = Math.max(a.scale, b.scale);
  return { unscaled: rescale(a, scale) % rescale(b, scale), scale };
}

/** The whole part of the quotient. */
export function divideWhole(a: Decimal, b: Decimal): bigint | undefined {
  if (b.unscaled === 0n) return undefined;
  const scale = Math.max(a.scale, b.scale);
  return rescale(a, scale) / rescale(b, scale);
}

export function negate(d: Decimal): Decimal {
  return { unscaled: -d.unscaled, scale: d.scale };
}

/** Rounded half away from zero; a negative scale rounds in front of the point and gives scale 0. */
export function round(d: Decimal, scale: number): Decimal {
  if (scale >= d.scale) return { unscaled: d.unscaled * pow10(scale - d.scale), scale };
  if (scale >= 0) return { unscaled: rescale(d, scale), scale };
  const unit = pow10(Math.min(-scale, 100));
  return { unscaled: divideRounded(d.unscaled, pow10(d.scale) * unit) * unit, scale: 0 };
}

export function truncate(d: Decimal, scale: number): Decimal {
  if (scale >= d.scale) return { unscaled: d.unscaled * pow10(scale - d.scale), scale };
  if (scale >= 0) return { unscaled: d.unscaled / pow10(d.scale - scale), scale };
  const unit = pow10(Math.min(-scale, 100));
  return { unscaled: (d.unscaled / pow10(d.scale) / unit) * unit, scale: 0 };
}

export function floor(d: Decimal): bigint {
  const unit = pow10(d.scale);
  const quotient = d.unscaled / unit;
  return d.unscaled < 0n && quotient * unit !== d.unscaled ? quotient - 1n : quotient;
}

export function ceiling(d: Decimal): bigint {
  const unit = pow10(d.scale);
  const quotient = d.unscaled / unit;
  return d.unscaled > 0n && quotient * unit !== d.unscaled ? quotient + 1n : quotient;
}

/** The nearest integer, halves away from zero. */
export function toBigInt(d: Decimal): bigint {
  return d.scale === 0 ? d.unscaled : divideRounded(d.unscaled, pow10(d.scale));
}

export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  const scale = Math.max(a.scale, b.scale);
  const left = rescale(a, scale);
  const right = rescale(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

const EXACT = 2n ** 53n;

export function toNumber(d: Decimal): number {
  // Both exact and the power exact too: then the quotient is the nearest double.
  if (d.scale <= 22 && d.unscaled <= EXACT && d.unscaled >= -EXACT) {
    return d.scale === 0 ? Number(d.unscaled) : Number(d.unscaled) / Number(pow10(d.scale));
  }
  return Number(formatDecimal(d));
}

/** The decimal of a double's shortest text, at MySQL's greatest scale. */
export function fromNumber(value: number): Decimal {
  if (Number.isSafeInteger(value)) return { unscaled: BigInt(value), scale: 0 };
  return decimalFrom(String(value));
}

/** The largest number of a precision and scale, as its unscaled digits. */
export function largest(precision: number): bigint {
  return pow10(precision) - 1n;
}

export interface Fitted {
  /** Scaled to the type. */
  readonly unscaled: bigint;
  readonly overflow: boolean;
  /** Whether digits that are not zero were lost behind the point. */
  readonly rounded: boolean;
}

/** Fits a number to a column's precision, scale and sign. */
export function fitDecimal(d: Decimal, type: DecimalType): Fitted {
  const unscaled = rescale(d, type.scale);
  const limit = largest(type.precision);
  if (unscaled > limit) return { unscaled: limit, overflow: true, rounded: false };
  if (type.unsigned && unscaled < 0n) return { unscaled: 0n, overflow: true, rounded: false };
  if (unscaled < -limit) return { unscaled: -limit, overflow: true, rounded: false };
  const rounded = d.scale > type.scale && unscaled * pow10(d.scale - type.scale) !== d.unscaled;
  return { unscaled, overflow: false, rounded };
}

/** DECIMALs of more digits than this do not fit SQLite's INTEGER. */
export const NARROW_PRECISION = 18;

// The wide form: one byte that says the sign and where the point stands (0.d1d2… × 10^exponent), then two digits a byte.
// Digits are kept without zeros at the end, so that equal numbers have equal bytes whatever their scale. A negative
// number is the complement of its positive, closed by 0xFF, which is above any complemented pair.
const POINT_AT_ZERO = 0xb0;
const WIDE_ZERO = 0x80;

export function encodeWide(d: Decimal): Uint8Array {
  if (d.unscaled === 0n) return Uint8Array.of(WIDE_ZERO);
  const negative = d.unscaled < 0n;
  let digits = abs(d.unscaled).toString();
  const exponent = digits.length - d.scale;
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  digits = digits.slice(0, end);
  const pairs = (digits.length + 1) >> 1;
  const bytes = new Uint8Array(pairs + (negative ? 2 : 1));
  bytes[0] = Math.max(0x81, Math.min(0xff, POINT_AT_ZERO + exponent));
  for (let i = 0; i < pairs; i++) {
    const high = digits.charCodeAt(2 * i) - 48;
    const low = 2 * i + 1 < digits.length ? digits.charCodeAt(2 * i + 1) - 48 : 0;
    bytes[i + 1] = high * 10 + low + 1;
  }
  if (negative) {
    for (let i = 0; i <= pairs; i++) bytes[i] = 0xff - (bytes[i] as number);
    bytes[pairs + 1] = 0xff;
  }
  return bytes;
}

/** Whether these are the bytes of a wide form. */
export function isWide(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array) || value.length === 0) return false;
  const negative = (value[0] as number) < WIDE_ZERO;
  if (value[0] === WIDE_ZERO || value.length < (negative ? 3 : 2)) return value[0] === WIDE_ZERO && value.length === 1;
  return value.subarray(1, negative ? -1 : undefined).every((byte) => {
    const pair = (negative ? 0xff - byte : byte) - 1;
    return pair >= 0 && pair < 100;
  });
}

/** The number of a wide form, at the scale that its last digit asks for. */
export function decodeWide(bytes: Uint8Array): Decimal {
  const first = bytes[0] as number;
  if (first === WIDE_ZERO) return ZERO;
  const negative = first < WIDE_ZERO;
  const pairs = bytes.length - (negative ? 2 : 1);
  const exponent = (negative ? 0xff - first : first) - POINT_AT_ZERO;
  let digits = '';
  for (let i = 1; i <= pairs; i++) {
    const byte = bytes[i] as number;
    const pair = (negative ? 0xff - byte : byte) - 1;
    digits += pair < 10 ? `0${pair}` : String(pair);
  }
  let scale = digits.length - exponent;
  let unscaled = BigInt(digits);
  if (scale < 0) {
    unscaled *= pow10(-scale);
    scale = 0;
  } else if (scale > 0 && unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale--;
  }
  return { unscaled: negative ? -unscaled : unscaled, scale };
}

/** A decimal column's value as SQLite holds it. */
export function decimalToSqlite(unscaled: bigint, type: DecimalType): bigint | Uint8Array {
  return type.precision <= NARROW_PRECISION ? unscaled : encodeWide({ unscaled, scale: type.scale });
}

/** The number that SQLite holds for a decimal column. */
export function decimalFromSqlite(value: number | bigint | Uint8Array, type: DecimalType): Decimal {
  if (value instanceof Uint8Array) {
    const wide = decodeWide(value);
    return wide.scale < type.scale ? { unscaled: rescale(wide, type.scale), scale: type.scale } : wide;
  }
  return { unscaled: BigInt(value), scale: type.scale };
}
