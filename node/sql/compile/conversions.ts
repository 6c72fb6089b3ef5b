/** Values from one type's form in SQLite to another's, while a statement runs. */
import type { Decimal, SqliteValue, SqlType } from '../types/index.ts';
import { bindFunction, findFunction } from '../functions/index.ts';
import { argReader, coerce, decimals, fitTime, formatDecimal, toSqlite } from '../values/index.ts';
import { classOf } from './forms.ts';
import type { ExecContext } from './plan.ts';

export function convertValue(value: SqliteValue, from: SqlType, to: SqlType, x: ExecContext): SqliteValue {
  const change = coerce(from, to);
  return change ? change(value, x) : value;
}

/**
 * CAST: as an implicit conversion, but a text is cut to its length with warning 1292, a number to its type's greatest with 1264,
 * BINARY(n) is padded with zeros.
 */
export function castFunction(
  from: SqlType,
  to: SqlType,
  length: number | undefined,
): (x: ExecContext) => (value: SqliteValue) => SqliteValue {
  if (to.kind === 'date' || to.kind === 'datetime') {
    const definition = findFunction(to.kind === 'date' ? 'CAST_DATE' : 'CAST_DATETIME');
    if (definition) return bindFunction(definition, [from], to);
  }
  return (x) => {
    const read = argReader(from, to.kind === 'binary' ? 'bytes' : classOf(to));
    const write = toSqlite(to);
    return (value) => {
      if (value === null) return null;
      const converted = read(value, x);
      if (converted === null) return null;
      if (typeof converted === 'string' && to.kind === 'string' && length !== undefined) {
        const characters = converted.length > length ? [...converted] : undefined;
        if (characters && characters.length > length) {
          x.warn('Warning', 1292, `Truncated incorrect CHAR(${length}) value: '${converted}'`);
          return characters.slice(0, length).join('');
        }
      }
      if (converted instanceof Uint8Array && to.kind === 'binary' && to.family === 'binary') {
        if (converted.length > to.length) {
          x.warn(
            'Warning',
            1292,
            `Truncated incorrect BINARY(${to.length}) value: '${new TextDecoder().decode(converted)}'`,
          );
          return converted.slice(0, to.length);
        }
        const padded = new Uint8Array(to.length);
        padded.set(converted);
        return padded;
      }
      if (to.kind === 'decimal') {
        const given = converted as Decimal;
        const { unscaled, overflow } = decimals.fitDecimal(given, to);
        if (overflow) {
          const shown = `cast(${formatDecimal(given)} as decimal(${to.precision},${to.scale}))`;
          x.warn('Warning', 1264, `Out of range value for column '${shown}' at row 1`);
        }
        return decimals.decimalToSqlite(unscaled, to);
      }
      if (to.kind === 'time') return BigInt(fitTime(converted as number, to.fsp, x));
      return write(converted, x);
    };
  };
}
