/** Arithmetic, comparison and logic. SQLite's own operators stand wherever the types prove that they give MySQL's answer. */
import { aggregateCollations, isBinaryCollation, isNocaseWherePlain, jsonSortKey, sortKey } from '../values/index.ts';
import { compareMode } from '../functions/index.ts';
import { SqlError, type DecimalType, type SqlType } from '../types/index.ts';
import type { BinaryOp, ComparisonOp } from '../parser/index.ts';
import { besideColumn, besideDate, momentBeside, noMomentBeside } from './beside-column.ts';
import { BIGINT, type Binder, Bound, COERCIBILITY, DOUBLE, isDated, isNumber, isText, truthValue } from './bound.ts';
import { callInternal, callNamed, convert, hexNumber, typeKey } from './call.ts';
import type { Compiler } from './compiler.ts';
import { isLongList, valuesOf } from './long-lists.ts';

const numeric = (c: Compiler, b: Bound): Bound => (b.hex ? hexNumber(c, b) : b);

const isScaled = (type: SqlType): type is DecimalType => type.kind === 'decimal' && type.precision <= 18;

const isInteger = (type: SqlType): boolean => type.kind === 'int' || type.kind === 'year';

const isUnsigned = (type: SqlType): boolean => type.kind === 'year' || (type.kind === 'int' && type.unsigned);

/** + - * / DIV % and the bit operators. */
export function arithmetic(
  c: Compiler,
  op: '+' | '-' | '*' | '/' | 'div' | '%' | '^' | '&' | '|' | '<<' | '>>',
  l: Bound,
  r: Bound,
): Bound {
  const bitwise = op === '^' || op === '&' || op === '|' || op === '<<' || op === '>>';
  // Bit operators work on bytes when both sides are binary strings, but two literals alone are numbers.
  const onBytes = bitwise && (l.type.kind === 'binary' || l.hex) && !(l.hex && (r.hex || r.type.kind !== 'binary'));
  const left = onBytes ? l : numeric(c, l);
  const right = onBytes && op !== '<<' && op !== '>>' ? r : numeric(c, r);
  if (op === '+' || op === '-' || op === '*') {
    const native = nativeArithmetic(c, op, left, right);
    if (native) return native;
  }
  return callNamed(c, op === 'div' ? 'DIV' : op, [left, right]);
}

function nativeArithmetic(c: Compiler, op: '+' | '-' | '*', l: Bound, r: Bound): Bound | undefined {
  // A bound constant is folded by the function itself; SQLite need not see it.
  if (l.bind && r.bind) return undefined;
  const nullable = l.nullable || r.nullable;
  if (isInteger(l.type) && isInteger(r.type)) {
    const unsigned = isUnsigned(l.type) || isUnsigned(r.type);
    const bits = op === '*' ? l.bits + r.bits : Math.max(l.bits, r.bits) + 1;
    if (bits > 62 || (unsigned && op === '-')) return undefined;
    return new Bound(() => `(${l.sql}${op}${r.sql})`, {
      type: unsigned ? ({ ...BIGINT, unsigned } as SqlType) : BIGINT,
      nullable,
      bits,
    });
  }
  if (op !== '*' && isScaled(l.type) && isScaled(r.type) && l.type.scale === r.type.scale) {
    const precision = Math.max(l.type.precision, r.type.precision) + 1;
    if (precision > 18 || l.type.unsigned || r.type.unsigned) return undefined;
    const type: SqlType = { kind: 'decimal', precision, scale: l.type.scale, unsigned: false };
    return new Bound(() => `(${l.sql}${op}${r.sql})`, { type, nullable });
  }
  return op === '*' && (isScaled(l.type) || isScaled(r.type)) ? productOf(c, l, r) : undefined;
}

/** A decimal by a decimal or a whole number: SQLite's own product where that cannot overflow, or where it is only compared. */
function productOf(c: Compiler, l: Bound, r: Bound): Bound | undefined {
  const scaleOf = (b: Bound): number | undefined =>
    isScaled(b.type) ? b.type.scale : isInteger(b.type) && b.bits < 64 ? 0 : undefined;
  const [left, right] = [scaleOf(l), scaleOf(r)];
  const called = callNamed(c, '*', [l, r]);
  const { type, nullable } = called;
  if (left === undefined || right === undefined || type.kind !== 'decimal' || type.scale !== left + right)
    return undefined;
  const product = (): string => `(${l.sql}*${r.sql})`;
  return isScaled(type) ? new Bound(product, { type, nullable }) : called.with({ product });
}

/** A value as SQLite's truth: 0, 1 (any other number) or NULL. */
export function truth(c: Compiler, b: Bound): string {
  switch (b.type.kind) {
    case 'int':
    case 'year':
    case 'time':
    case 'enum':
      return b.type.kind === 'int' && b.type.unsigned && b.bits >= 64 ? `(${b.sql}<>0)` : b.sql;
    case 'float':
    case 'double':
    case 'null':
      return b.sql;
    case 'decimal':
      if (isScaled(b.type)) return b.sql;
      return convert(c, b, DOUBLE).sql;
    case 'bit':
    case 'set':
      return `(${b.sql}<>0)`;
    case 'json':
      // Anything but the number 0 is true, also the document `false`.
      return compare(c, '<>', b, new Bound('0', { type: BIGINT, nullable: false })).sql;
    default:
      return b.hex ? `(${hexNumber(c, b).sql}<>0)` : convert(c, b, DOUBLE).sql;
  }
}

export function logic(c: Compiler, op: 'and' | 'or' | 'xor', l: Bound, r: Bound): Bound {
  const nullable = l.nullable || r.nullable;
  const [left, right] = [truth(c, l), truth(c, r)];
  if (op === 'xor') return truthValue(`((${left}<>0)<>(${right}<>0))`, nullable);
  return truthValue(`(${left} ${op.toUpperCase()} ${right})`, nullable);
}

export const not = (c: Compiler, b: Bound): Bound => truthValue(`(NOT ${truth(c, b)})`, b.nullable);

/** Both sides in one form in which SQLite compares them as MySQL does. */
export interface Comparable {
  readonly left: string;
  readonly right: string;
}

/** The collation under which two strings meet. Throws 1267. */
export function meetingCollation(l: Bound, r: Bound, operation: string): string {
  const sides = [l, r].map((b) => ({
    collation: collationOf(b),
    coercibility: isText(b.type) || b.type.kind === 'json' ? b.coercibility : COERCIBILITY.numeric,
  }));
  const result = aggregateCollations(sides);
  if (result === undefined) {
    const names = sides.map((s) => `(${s.collation},${coercibilityName(s.coercibility)})`);
    throw new SqlError(1267, 'HY000', `Illegal mix of collations ${names.join(' and ')} for operation '${operation}'`);
  }
  return result.collation;
}

export const coercibilityName = (n: number): string =>
  ['EXPLICIT', 'NONE', 'IMPLICIT', 'SYSCONST', 'COERCIBLE', 'NUMERIC', 'IGNORABLE'][n] ?? 'COERCIBLE';

export function collationOf(b: Bound): string {
  if (b.type.kind === 'string' || b.type.kind === 'enum' || b.type.kind === 'set') return b.type.collation;
  if (b.type.kind === 'binary') return 'binary';
  if (b.type.kind === 'json') return 'utf8mb4_bin';
  return 'utf8mb4_0900_ai_ci';
}

/** A string's value in a form that sorts, groups and equals as its collation says; other types as they are. */
export function orderKey(c: Compiler, b: Bound): string {
  if (b.type.kind === 'string') return c.sortKey(b.type.collation, b.sql);
  if (b.type.kind === 'json') return jsonKey(c, b).sql;
  return b.sql;
}

/** As orderKey(), where all texts are plain (see isPlain): SQLite sorts them by itself. Undefined where it cannot. */
export function plainOrderKey(b: Bound): string | undefined {
  if (!needsKey(b.type)) return b.sql;
  return b.type.kind === 'string' && isNocaseWherePlain(b.type.collation) ? `${b.sql} COLLATE NOCASE` : undefined;
}

export const needsKey = (type: SqlType): boolean =>
  (type.kind === 'string' && !(isBinaryCollation(type.collation) && type.collation.endsWith('_0900_bin'))) ||
  type.kind === 'json';

const textType = (collation: string): SqlType => ({ kind: 'string', family: 'varchar', length: 65535, collation });

function jsonKey(c: Compiler, b: Bound): Bound {
  return callInternal(
    c,
    'json-key',
    [convert(c, b, { kind: 'json' })],
    { type: BLOB, nullable: b.nullable },
    () => (value) => (typeof value === 'string' ? jsonSortKey(value) : value),
  );
}

/** Brings two expressions into comparable form. */
export function comparable(c: Compiler, left: Bound, right: Bound, operation: string): Comparable {
  const l = isNumber(right.type) ? numeric(c, left) : left;
  const r = isNumber(left.type) ? numeric(c, right) : right;
  if (operation !== ' IN ' && operation !== 'case') {
    const [constantRight, constantLeft] = [besideColumn(c, l, r), besideColumn(c, r, l)];
    if (constantRight) return { left: l.sql, right: constantRight.sql };
    if (constantLeft) return { left: constantLeft.sql, right: r.sql };
  }
  const [numberRight, numberLeft] = [noMomentBeside(c, l, r), noMomentBeside(c, r, l)];
  if (numberRight) return { left: asReal(c, l), right: asReal(c, numberRight) };
  if (numberLeft) return { left: asReal(c, numberLeft), right: asReal(c, r) };
  const mode = compareMode(l.type, r.type, { leftConstant: l.bind !== undefined, rightConstant: r.bind !== undefined });
  // Of a text that differs from row to row MySQL takes the date alone, beside a DATE that does, too.
  if (mode === 'datetime' && operation in SQLITE_OPERATOR && (isDateAndText(l, r) || isDateAndText(r, l)))
    return { left: convert(c, l, { kind: 'date' }).sql, right: convert(c, r, { kind: 'date' }).sql };
  // CASE takes a document for its text, beside a text.
  const asTexts = operation === 'case' && mode === 'json' && (isText(l.type) || isText(r.type));
  switch (asTexts || (mode === 'time' && !isTimely(l, r) && !isTimely(r, l)) ? 'string' : mode) {
    case 'string': {
      const collation = asTexts ? 'utf8mb4_bin' : meetingCollation(l, r, operation);
      const [left, right] = [asText(c, l), asText(c, r)];
      return { left: textKey(c, left, collation), right: textKey(c, right, collation) };
    }
    case 'binary':
      return { left: convert(c, l, BLOB).sql, right: convert(c, r, BLOB).sql };
    case 'int':
      return { left: asInteger(c, l), right: asInteger(c, r) };
    case 'decimal':
      return decimals(c, numeric(c, l), numeric(c, r));
    case 'real':
      return { left: asReal(c, l), right: asReal(c, r) };
    case 'date':
      return { left: convert(c, l, { kind: 'date' }).sql, right: convert(c, r, { kind: 'date' }).sql };
    case 'datetime': {
      const fsp = Math.max(fspOf(l), fspOf(r));
      const direct = operation in SQLITE_OPERATOR;
      const [a, b] = direct ? [besideDate(c, l, r), besideDate(c, r, l)] : [l, r];
      const [constantRight, constantLeft] = [momentBeside(c, a, b), momentBeside(c, b, a)];
      if (constantRight) return { left: a.sql, right: constantRight.sql };
      if (constantLeft) return { left: constantLeft.sql, right: b.sql };
      return { left: asDatetime(c, a, fsp), right: asDatetime(c, b, fsp) };
    }
    case 'time':
      return { left: convert(c, l, { kind: 'time', fsp: 6 }).sql, right: convert(c, r, { kind: 'time', fsp: 6 }).sql };
    case 'json':
      return { left: jsonKey(c, jsonOperand(c, l)).sql, right: jsonKey(c, jsonOperand(c, r)).sql };
  }
}

const isDateAndText = (date: Bound, text: Bound): boolean =>
  date.type.kind === 'date' && isText(text.type) && !date.bind && !text.bind;

/** Whether a value counts as a time beside this one: a text does only as a parameter, or as a constant beside a column. */
const isTimely = (time: Bound, other: Bound): boolean =>
  time.type.kind === 'time' &&
  (!isText(other.type) ||
    (other.bind !== undefined &&
      other.coercibility >= COERCIBILITY.literal &&
      (time.column !== undefined || other.known === undefined)));

const BLOB: SqlType = { kind: 'binary', family: 'varbinary', length: 65535 };

/** In a comparison with JSON a string is a JSON string, not a document, and what a condition gives is true or false, not a number. */
function jsonOperand(c: Compiler, b: Bound): Bound {
  if (b.truth)
    return new Bound(`iif(${b.sql} IS NULL,NULL,iif(${b.sql},'true','false'))`, {
      type: { kind: 'json' },
      nullable: b.nullable,
    });
  return b.type.kind === 'string' ? callNamed(c, 'JSON_QUOTE', [b]).with({ type: { kind: 'json' } }) : b;
}

function fspOf(b: Bound): number {
  if (b.type.kind === 'datetime' || b.type.kind === 'timestamp' || b.type.kind === 'time') return b.type.fsp;
  return b.type.kind === 'date' || b.type.kind === 'null' ? 0 : 6;
}

function asDatetime(c: Compiler, b: Bound, fsp: number): string {
  if (b.type.kind === 'timestamp') {
    if (!c.settings.timeZoneIsUtc || b.type.fsp !== fsp) return convert(c, b, { kind: 'datetime', fsp }).sql;
    return b.sql;
  }
  if (b.type.kind === 'date' && !b.bind) return `(${b.sql}||' 00:00:00${fsp > 0 ? `.${'0'.repeat(fsp)}` : ''}')`;
  if (b.type.kind === 'datetime' && b.type.fsp < fsp && !b.bind) {
    return b.type.fsp === 0 ? `(${b.sql}||'.${'0'.repeat(fsp)}')` : `(${b.sql}||'${'0'.repeat(fsp - b.type.fsp)}')`;
  }
  return convert(c, b, { kind: 'datetime', fsp }).sql;
}

function asInteger(c: Compiler, b: Bound): string {
  if (
    b.type.kind === 'int' ||
    b.type.kind === 'year' ||
    b.type.kind === 'enum' ||
    b.type.kind === 'set' ||
    b.type.kind === 'bit'
  )
    return b.sql;
  if (b.hex) return hexNumber(c, b).sql;
  return convert(c, b, BIGINT).sql;
}

function asReal(c: Compiler, b: Bound): string {
  // SQLite compares INTEGER with REAL exactly, MySQL after conversion to double: they differ above 2^53 only.
  if (isInteger(b.type) && b.bits < 53) return b.sql;
  if (b.hex) return hexNumber(c, b).sql;
  if (b.type.kind === 'enum' || b.type.kind === 'set') return b.sql;
  return convert(c, b, DOUBLE).sql;
}

function decimals(c: Compiler, l: Bound, r: Bound): Comparable {
  const shape = (b: Bound): { precision: number; scale: number } | undefined => {
    if (b.type.kind === 'decimal') return b.type;
    if (isInteger(b.type)) return { precision: Math.ceil(b.bits * 0.30103) + 1, scale: 0 };
    return undefined;
  };
  const [a, b] = [shape(l), shape(r)];
  if (a && b) {
    const scale = Math.max(a.scale, b.scale);
    const isNarrow = ({ precision, scale: own }: typeof a): boolean => precision - own + scale <= 18;
    const scaled = (x: Bound, { scale: from }: typeof a, sql = (): string => x.sql): string => {
      if (x.bind) return convert(c, x, { kind: 'decimal', precision: 18, scale, unsigned: false }).sql;
      return from === scale ? sql() : `(${sql()}*1${'0'.repeat(scale - from)})`;
    };
    if (isNarrow(a) ? isNarrow(b) || r.product : isNarrow(b) && l.product)
      return {
        left: scaled(l, a, isNarrow(a) ? undefined : l.product),
        right: scaled(r, b, isNarrow(b) ? undefined : r.product),
      };
  }
  const wide: SqlType = { kind: 'decimal', precision: 65, scale: 30, unsigned: false };
  return { left: convert(c, l, wide).sql, right: convert(c, r, wide).sql };
}

export function asText(c: Compiler, b: Bound): Bound {
  if (b.type.kind === 'string' || b.type.kind === 'binary') return b;
  return convert(
    c,
    b,
    textType(b.type.kind === 'enum' || b.type.kind === 'set' ? b.type.collation : 'utf8mb4_0900_ai_ci'),
  );
}

/** Sort key of a string under a collation. A constant's key is computed once, when it is bound. */
function textKey(c: Compiler, b: Bound, collation: string): string {
  if (collation === 'binary') return convert(c, b, BLOB).sql;
  if (b.type.kind === 'binary') return c.sortKey(collation, convert(c, b, textType(collation)).sql);
  if (b.bind && !isBinaryCollation(collation)) {
    const key = sortKey(collation);
    return callInternal(
      c,
      `key:${collation}`,
      [b],
      { type: b.type, nullable: b.nullable },
      () => (value) => (typeof value === 'string' ? key(value) : value),
    ).sql;
  }
  return c.sortKey(collation, b.sql);
}

const SQLITE_OPERATOR: Record<ComparisonOp, string> = {
  '=': '=',
  '<=>': ' IS ',
  '<>': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

export function compare(c: Compiler, op: ComparisonOp, l: Bound, r: Bound, operation: string = op): Bound {
  const enumIndex = enumConstant(c, op, l, r) ?? enumConstant(c, op, r, l);
  if (enumIndex) return enumIndex;
  const { left, right } = comparable(c, l, r, operation);
  return truthValue(`(${left}${SQLITE_OPERATOR[op]}${right})`, op !== '<=>' && (l.nullable || r.nullable));
}

/** ENUM = 'text': the index of the text is looked up once instead of the text of each row. */
function enumConstant(c: Compiler, op: ComparisonOp, column: Bound, constant: Bound): Bound | undefined {
  const { type } = column;
  if (type.kind !== 'enum' || constant.type.kind !== 'string' || !constant.bind || (op !== '=' && op !== '<>'))
    return undefined;
  const index = callInternal(c, `enum-index(${typeKey(type)})`, [constant], { type: BIGINT, nullable: true }, () => {
    const key = sortKey(type.collation);
    const indexes = new Map(type.values.map((v, i) => [key(v), i + 1]));
    return (value) =>
      value === null ? null : typeof value === 'string' ? (value === '' ? 0 : (indexes.get(key(value)) ?? -1)) : -1;
  });
  return truthValue(`(${column.sql}${op}${index.sql})`, column.nullable || constant.nullable);
}

export const isComparison = (op: BinaryOp): op is ComparisonOp =>
  op === '=' || op === '<=>' || op === '<>' || op === '<' || op === '<=' || op === '>' || op === '>=';

/** The values of a list beside an integer column, where all of them are texts. */
function wholeList(c: Compiler, operand: Bound, list: readonly Bound[]): Bound[] | undefined {
  if (operand.type.kind === 'year' || list.some((b) => b.type.kind !== 'string')) return undefined;
  const whole: Bound[] = [];
  for (const item of list) {
    const bound = besideColumn(c, operand, item);
    if (!bound) return undefined;
    whole.push(bound);
  }
  return whole;
}

/** `operand IN (…)` over single values. */
export function inList(c: Compiler, operand: Bound, list: readonly Bound[]): Bound {
  if (list.length === 1) return compare(c, '=', operand, list[0] as Bound);
  const nullable = operand.nullable || list.some((b) => b.nullable);
  const isLong = isLongList(operand, list);
  const whole = wholeList(c, operand, list);
  if (whole) {
    const values = isLong
      ? valuesOf(
          c,
          whole.map((b) => b.bind as Binder),
        )
      : whole.map((b) => b.sql).join(',');
    return truthValue(`(${operand.sql} IN (${values}))`, nullable);
  }
  const mark = c.binders.length;
  const pairs = list.map((item) =>
    enumConstant(c, '=', operand, item) ? undefined : comparable(c, operand, item, ' IN '),
  );
  const first = pairs[0];
  if (first && pairs.every((p) => p && p.left === first.left)) {
    const binders = isLong ? pairs.map((p) => c.binderOf(p?.right ?? '')) : [];
    if (isLong && !first.left.includes('?') && binders.every((b): b is Binder => b !== undefined)) {
      c.withdraw(mark);
      return truthValue(`(${first.left} IN (${valuesOf(c, binders)}))`, nullable);
    }
    return truthValue(`(${first.left} IN (${pairs.map((p) => p?.right).join(',')}))`, nullable);
  }
  return truthValue(`(${list.map((item) => compare(c, '=', operand, item, ' IN ').sql).join(' OR ')})`, nullable);
}

export function between(c: Compiler, ...range: readonly [operand: Bound, low: Bound, high: Bound]): Bound {
  // One date among the three makes dates of the texts.
  const dated = range.some((b) => isDated(b.type));
  const asDate = (b: Bound): Bound =>
    dated && b.type.kind === 'string' ? convert(c, b, { kind: 'datetime', fsp: 6 }) : b;
  // A number among texts makes numbers of them, where the operand is no column that they are compared as.
  const counted =
    !dated && !range[0].column && range.some((b) => b.type.kind === 'string') && range.some((b) => isNumber(b.type));
  const asNumber = (b: Bound): Bound => (counted ? convert(c, b, DOUBLE) : asDate(b));
  const [operand, low, high] = [asNumber(range[0]), asNumber(range[1]), asNumber(range[2])];
  const nullable = operand.nullable || low.nullable || high.nullable;
  const a = comparable(c, operand, low, 'between');
  const b = comparable(c, operand, high, 'between');
  if (a.left === b.left) return truthValue(`(${a.left} BETWEEN ${a.right} AND ${b.right})`, nullable);
  return truthValue(`(${a.left}>=${a.right} AND ${b.left}<=${b.right})`, nullable);
}
