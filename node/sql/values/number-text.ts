/** Doubles as MySQL writes them, and the numbers at the front of texts. */

/** MySQL gives a double's text no more room than this inside expressions; to clients and in JSON it is not limited. */
const WIDTH = 24;
const FLOAT_WIDTH = 12;
/** Up to so many places in front of or behind the point MySQL writes a number without an exponent. */
const PLAIN_PLACES = 15;

/** MySQL's text of a double: the shortest that reads back as the same, as far as `width` characters allow. */
export function doubleToText(value: number, width = WIDTH): string {
  if (Number.isSafeInteger(value) && value < 1e15 && value > -1e15) return Object.is(value, -0) ? '-0' : String(value);
  return formatDigits(value, value.toExponential(), width);
}

/** Six digits of a number, halves to even: JavaScript takes them up. */
function sixDigits(value: number): string {
  const rounded = value.toExponential(5);
  const exact = value.toExponential(20);
  const at = exact.indexOf('.') + 6;
  const isHalf = /^50*e/.test(exact.slice(at));
  return isHalf && Number(exact[at - 1]) % 2 === 0 ? exact.slice(0, at) + exact.slice(exact.indexOf('e')) : rounded;
}

/** MySQL's text of a FLOAT: six digits. */
export function floatToText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  return formatDigits(value, sixDigits(value), FLOAT_WIDTH);
}

/** A double in at most so many characters, if need be with fewer digits; as it is where it cannot be done. */
export function doubleInWidth(value: number, width: number): string {
  const whole = doubleToText(value);
  for (let digits = 15; digits > 0 && whole.length > width; digits--) {
    const exponential = value.toExponential(digits - 1).replace(/\.?0*e\+?/, 'e');
    if (exponential.length <= width) return exponential;
    const plain = String(Number(exponential));
    if (plain.length <= width) return plain;
  }
  return whole;
}

/** A double with a fixed number of digits behind the point, as FLOAT(m,d) and DOUBLE(m,d) columns show it. */
export function fixedToText(value: number, scale: number): string {
  if (Math.abs(value) < 1e21) {
    const text = value.toFixed(scale);
    return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
  }
  const whole = BigInt(value).toString();
  return scale === 0 ? whole : `${whole}.${'0'.repeat(scale)}`;
}

function formatDigits(value: number, exponential: string, width: number): string {
  if (!Number.isFinite(value)) return '0';
  const sign = value < 0 ? '-' : '';
  const at = exponential.indexOf('e');
  const point = Number(exponential.slice(at + 1)) + 1;
  let digits = exponential.slice(sign.length, at).replace('.', '');
  digits = digits.replace(/0+$/, '');
  const count = digits.length;
  if (point <= 0) {
    if (point > -PLAIN_PLACES && count - point + 2 + sign.length <= width) {
      return `${sign}0.${'0'.repeat(-point)}${digits}`;
    }
  } else if ((point <= PLAIN_PLACES || count > point) && point + sign.length <= width) {
    if (count <= point) return sign + digits + '0'.repeat(point - count);
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  const power = `e${point - 1}`;
  const room = width - sign.length - power.length - 1;
  if (count > room) return formatDigits(value, value.toExponential(room - 1), width);
  return `${sign}${digits[0] as string}${count > 1 ? `.${digits.slice(1)}` : ''}${power}`;
}

export interface ParsedNumber<T> {
  readonly value: T;
  /** Whether the text is more, or less, than a number in range: MySQL's warning 1292 is due. */
  readonly truncated: boolean;
}

const DOUBLE_WHOLE = /^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*$/;
const DOUBLE_FRONT = /^[ \t\n\v\f\r]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/;

/** The double at the front of a text; blanks around it are no truncation, and neither is the greatest double for more. */
export function parseDouble(text: string): ParsedNumber<number> {
  if (DOUBLE_WHOLE.test(text)) return clip(Number(text), false);
  const match = DOUBLE_FRONT.exec(text);
  if (match === null) return { value: 0, truncated: true };
  return clip(Number(match[1]), true);
}

function clip(value: number, truncated: boolean): ParsedNumber<number> {
  if (Number.isFinite(value)) return { value, truncated };
  return { value: value < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE, truncated: true };
}

export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);
export const UINT64_MAX = 2n ** 64n - 1n;

const INT_FRONT = /^[ \t\n\v\f\r]*([+-]?\d+)/;

/** The integer at the front of a text: from -2^63 to 2^64 - 1. */
export function parseInteger(text: string): ParsedNumber<bigint> {
  const match = INT_FRONT.exec(text);
  if (match === null) return { value: 0n, truncated: true };
  const value = BigInt((match[1] as string).replace('+', ''));
  if (value > UINT64_MAX) return { value: UINT64_MAX, truncated: true };
  if (value < INT64_MIN) return { value: INT64_MIN, truncated: true };
  return { value, truncated: /\S/.test(text.slice(match[0].length)) };
}

/** The nearest integer to a double, halves to even as C's rint does. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}
