import type { SqlType } from '../types/index.ts';

/** In which way two values are compared. */
export type CompareMode = 'int' | 'decimal' | 'real' | 'string' | 'datetime' | 'time' | 'date' | 'json' | 'binary';

export interface CompareHints {
  readonly leftConstant?: boolean;
  readonly rightConstant?: boolean;
}

type Family =
  'int' | 'decimal' | 'real' | 'string' | 'binary' | 'date' | 'datetime' | 'time' | 'json' | 'year' | 'null';

function familyOf(type: SqlType): Family {
  switch (type.kind) {
    case 'int':
    case 'bit':
      return 'int';
    case 'decimal':
    case 'date':
    case 'time':
    case 'json':
    case 'year':
    case 'null':
      return type.kind;
    case 'float':
    case 'double':
      return 'real';
    case 'datetime':
    case 'timestamp':
      return 'datetime';
    case 'binary':
    case 'geometry':
      return 'binary';
    case 'string':
    case 'enum':
    case 'set':
      return 'string';
  }
}

const hasDate = (f: Family): boolean => f === 'date' || f === 'datetime';
const isTextual = (f: Family): boolean => f === 'string' || f === 'binary';
const isNumeric = (f: Family): boolean => f === 'int' || f === 'decimal' || f === 'real' || f === 'year';

/**
 * MySQL's rules for comparing two types: JSON with anything as JSON; dates with text, and with constant numbers, as
 * dates; numbers with numbers exactly unless one is a double; text with numbers as doubles; texts by their collation.
 */
export function compareMode(a: SqlType, b: SqlType, hints: CompareHints = {}): CompareMode {
  const left = familyOf(a);
  const right = familyOf(b);
  if (left === 'null' || right === 'null') {
    const other = left === 'null' ? right : left;
    return other === 'null' ? 'int' : other === 'year' ? 'int' : other;
  }
  if (left === 'json' || right === 'json') return 'json';
  if (hasDate(left) || hasDate(right)) {
    if (left === 'date' && right === 'date') return 'date';
    const other = hasDate(left) ? right : left;
    if (hasDate(other) || isTextual(other) || other === 'time') return 'datetime';
    // A constant number is read as a date; a column of numbers is not, and the date counts as a number.
    const constant = hasDate(left) ? hints.rightConstant : hints.leftConstant;
    if (constant === true && other !== 'year') return 'datetime';
    return other === 'decimal' || other === 'int' ? 'decimal' : 'real';
  }
  if (left === 'time' || right === 'time') {
    if (left === right) return 'time';
    const other = left === 'time' ? right : left;
    const constant = left === 'time' ? hints.rightConstant : hints.leftConstant;
    if (isTextual(other)) return 'time';
    if (constant === true && isNumeric(other)) return 'time';
    return other === 'decimal' || other === 'int' ? 'decimal' : 'real';
  }
  if (isTextual(left) && isTextual(right)) return left === 'binary' || right === 'binary' ? 'binary' : 'string';
  if (isTextual(left) || isTextual(right)) {
    const [text, other] = isTextual(left) ? [left, right] : [right, left];
    // An ENUM counts by its number beside numbers.
    const textType = text === left ? a : b;
    if ((textType.kind === 'enum' || textType.kind === 'set') && (other === 'int' || other === 'year')) return 'int';
    return 'real';
  }
  if (left === 'real' || right === 'real') return 'real';
  return left === 'decimal' || right === 'decimal' ? 'decimal' : 'int';
}
