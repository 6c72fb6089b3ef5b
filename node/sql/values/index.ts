/** Values: how each of MySQL's types is read, written, converted, compared and stored. */
export { besideInteger, besideMoment, besideYear } from './beside-column.ts';
export * from './calendar.ts';
export * from './charset.ts';
export * from './collation.ts';
export * from './context.ts';
export * from './convert.ts';
export * as decimals from './decimal.ts';
export {
  decimalFrom,
  decimalFromSqlite,
  decimalToSqlite,
  encodeWide,
  decodeWide,
  isWide,
  formatDecimal,
  parseDecimal,
} from './decimal.ts';
export * from './integers.ts';
export * from './interval.ts';
export * from './json.ts';
export * from './json-edit.ts';
export * from './json-key.ts';
export * from './json-path.ts';
export * from './json-text.ts';
export * from './number-text.ts';
export * from './numbers-of.ts';
export * from './store.ts';
export { intRange } from './store-number.ts';
export * from './temporal.ts';
export * from './text-of.ts';
export * from './time-names.ts';
export * from './times-of.ts';
export * from './timezone.ts';
