/** Kubernetes' amounts: a decimal number with an SI suffix, a binary one, or an exponent. */
export const QUANTITY = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$/;

const PARTS = /^([+-]?[0-9.]+)(.*)$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The amount as a number; NaN for what is none. */
export function amountOf(text: string | number): number {
  if (typeof text === 'number') return text;
  if (!QUANTITY.test(text)) return NaN;
  const [, digits = '', unit = ''] = PARTS.exec(text) ?? [];
  if (BINARY.includes(unit)) return Number(digits) * 1024 ** BINARY.indexOf(unit);
  if (DECIMAL.includes(unit)) return Number(digits) * 1000 ** (DECIMAL.indexOf(unit) - DECIMAL.indexOf(''));
  return Number(text);
}
