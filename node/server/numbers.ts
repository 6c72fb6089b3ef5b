/** Floating point numbers as MySQL prints them. */

/**
 * DOUBLE: the shortest digits that read back as the same number; positional while the decimal point stands within 15
 * places of the first digit (1e-15 up to below 1e15), with an exponent outside.
 */
export function formatDouble(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e-6 && size < 1e15) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (!Number.isFinite(value)) return String(value);
  const text = value.toExponential();
  const e = text.indexOf('e');
  const exponent = Number(text.slice(e + 1));
  if (exponent < 0 && exponent >= -15) {
    const sign = value < 0 ? '-' : '';
    const digits = text.slice(value < 0 ? 1 : 0, e).replace('.', '');
    return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  }
  return `${text.slice(0, e)}e${exponent}`;
}

/** FLOAT: six significant digits. */
export function formatFloat(value: number): string {
  return formatDouble(Number(value.toPrecision(6)));
}

/** FLOAT(m,d) and DOUBLE(m,d): a fixed number of digits behind the point. */
export function formatFixed(value: number, scale: number): string {
  if (Math.abs(value) < 1e21) return value.toFixed(scale);
  return BigInt(value).toString() + (scale > 0 ? `.${'0'.repeat(scale)}` : '');
}
