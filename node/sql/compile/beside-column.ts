/** Constants that take the form of what they are compared with. */
import {
  besideInteger,
  besideMoment,
  besideYear,
  dateTimeOfNumber,
  parseDateTime,
  rulesOf,
  shownText,
  wireValue,
  type ValueContext,
} from '../values/index.ts';
import { SqlError, type SqliteValue, type SqlType } from '../types/index.ts';
import { BIGINT, type Bound, COERCIBILITY, isDated, isNumber, isText } from './bound.ts';
import { callInternal, convert, hexNumber, typeKey } from './call.ts';
import type { Compiler } from './compiler.ts';

/**
 * The constant as a column of whole numbers would hold it, or undefined where the two are compared otherwise. The column stays as
 * it is, so its index serves.
 */
export function besideColumn(c: Compiler, column: Bound, constant: Bound): Bound | undefined {
  // A user variable's value is not looked at beforehand, in MySQL.
  if (!column.column || !constant.bind || constant.coercibility < COERCIBILITY.literal) return undefined;
  const { kind } = constant.type;
  if (column.type.kind === 'year') {
    if (kind === 'null' || kind === 'time' || kind === 'json') return undefined;
    return read(c, 'year', constant.hex ? hexNumber(c, constant) : constant, besideYear);
  }
  if (column.type.kind !== 'int' || constant.hex) return undefined;
  if (kind !== 'string' && kind !== 'float' && kind !== 'double') return undefined;
  return read(c, 'integer', constant, besideInteger);
}

function read(
  c: Compiler,
  name: string,
  constant: Bound,
  reader: (from: SqlType) => (value: SqliteValue, ctx: ValueContext) => SqliteValue,
): Bound {
  const { type, nullable } = constant;
  return callInternal(c, `beside-${name}(${typeKey(type)})`, [constant], { type: BIGINT, nullable }, (x) => {
    const convert = reader(type);
    return (value) => (value === null ? null : convert(value, x));
  });
}

/** A text that the statement compares with a date: error 1525 where the sql_mode knows no such date. */
export function besideDate(c: Compiler, literal: Bound, date: Bound): Bound {
  // Only a text that stands in the statement is known when MySQL looks: a prepared one's parameter is not.
  if (literal.type.kind !== 'string' || !literal.known || isText(date.type)) return literal;
  const { type, nullable, coercibility } = literal;
  const name = date.type.kind.toUpperCase();
  return callInternal(c, `beside-date(${name})`, [literal], { type, nullable, coercibility }, (x) => (value) => {
    if (typeof value !== 'string' || parseDateTime(value, rulesOf(x.sqlMode))) return value;
    // In strict mode a statement that changes data ends here.
    x.warn('Warning', 1292, `Incorrect ${date.type.kind} value: '${shownText(value)}'`);
    throw new SqlError(1525, 'HY000', `Incorrect ${name} value: '${shownText(value)}'`);
  });
}

/**
 * A number of the statement that is no date, beside a date: the two are compared as numbers, and a column's type is said to be
 * missed. Undefined where the number is a date.
 */
export function noMomentBeside(c: Compiler, dated: Bound, number: Bound): Bound | undefined {
  if (!isDated(dated.type) || !isNumber(number.type)) return undefined;
  // Asking for its value makes the plan one for that value.
  const value = number.known?.();
  if (value === undefined) return undefined;
  const wire = wireValue(number.type);
  const textOf = (given: SqliteValue): string => String(wire?.(given) ?? given);
  // Of a decimal's digits a double would lose some.
  const whole = Number(textOf(value).replace(/\..*$/, ''));
  if (dateTimeOfNumber(whole, 0, rulesOf(c.typeEnv.sqlMode))) return undefined;
  const { column } = dated;
  if (!column) return number;
  const { type, nullable, coercibility } = number;
  const form = { type, nullable, coercibility };
  const what = dated.type.kind === 'date' ? 'date' : 'datetime';
  return callInternal(c, `no-${what}(${column.name})${typeKey(type)}`, [number], form, (x) => (given) => {
    // In strict mode a statement that changes data ends here.
    x.warn('Warning', 1292, `Incorrect ${what} value: '${textOf(given)}' for column '${column.name}' at row 1`);
    return given;
  });
}

/**
 * A constant moment in the form in which SQLite holds a DATE, DATETIME or TIMESTAMP that it is compared with, or undefined where the
 * two are compared otherwise. What is compared stays as it is, so its index serves.
 */
export function momentBeside(c: Compiler, compared: Bound, constant: Bound): Bound | undefined {
  const { type } = compared;
  if (!constant.bind || compared.bind) return undefined;
  if (type.kind !== 'date' && type.kind !== 'datetime' && !(type.kind === 'timestamp' && compared.column))
    return undefined;
  const moment = convert(c, constant, { kind: 'datetime', fsp: 6 });
  const form = { type: moment.type, nullable: moment.nullable };
  return callInternal(c, `beside-moment(${typeKey(type)})`, [moment], form, (x) => {
    const beside = besideMoment(type);
    return (value) => (typeof value === 'string' ? beside(value, x.timeZone) : value);
  });
}
