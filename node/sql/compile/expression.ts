/** Expressions: from the tree to SQLite's text, with MySQL's types. */
import { findFunction } from '../functions/index.ts';
import {
  coerce,
  collationId,
  decodeLenient,
  decodeText,
  defaultCollation,
  sortKey,
  toSqlite,
} from '../values/index.ts';
import { SqlError, type Decimal, type SqliteValue, type SqlType } from '../types/index.ts';
import type { CastType, Expr, LiteralValue } from '../parser/index.ts';
import { BIGINT, BOOLEAN, Bound, COERCIBILITY, DOUBLE, truthValue, type Binder } from './bound.ts';
import { callInternal, callNamed, convert, hexNumber, typeKey } from './call.ts';
import { commonType } from './common-type.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { castFunction, convertValue } from './conversions.ts';
import { aggregate, groupConcat, windowFunction } from './aggregates.ts';
import { arithmetic, asText, between, compare, inList, isComparison, logic, not, truth } from './operators.ts';
import { rowComparison } from './rows.ts';
import { findColumn, unknownColumn, type Scope } from './scope.ts';
import { sessionFunction } from './session-functions.ts';
import { exists, inSubquery, quantified, scalarSubquery } from './subqueries.ts';

export interface ExprOptions {
  /** For messages: 'field list', 'where clause', … */
  readonly clause: string;
}

/** SQLite's own limit on the depth of an expression is 1,000. */
const DEPTH_MAX = 400;
let depth = 0;

export function compileExpr(c: Compiler, scope: Scope, e: Expr, clause: string): Bound {
  if (++depth > DEPTH_MAX) {
    depth = 0;
    throw new SqlError(1436, 'HY000', 'Thread stack overrun: the expression is nested too deeply');
  }
  const { group } = scope;
  const mark = group?.bare.length ?? 0;
  try {
    const bound = dispatch(c, scope, e, clause);
    if (group && group.insideAggregate === 0 && (group.bare.length > mark || group.rolledUp) && e.kind !== 'column') {
      const { sql } = bound;
      if (group.keys.has(sql)) group.bare.length = mark;
      if (group.rolledUp?.has(sql))
        return new Bound('NULL', { type: bound.type, nullable: true, coercibility: bound.coercibility });
    }
    return bound;
  } finally {
    depth = Math.max(0, depth - 1);
  }
}

/** A value that fits SQLite from what a literal or placeholder holds. */
export function slotValue(value: LiteralValue | null | undefined, type: SqlType): SqliteValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return type.kind === 'int' ? BigInt(value) : value;
  if (typeof value === 'bigint') return value <= 0x7fffffffffffffffn ? value : unsignedBlob(value);
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  return decimalSlot(value, type);
}

function unsignedBlob(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function dispatch(c: Compiler, scope: Scope, e: Expr, clause: string): Bound {
  const sub = (inner: Expr): Bound => c.expr(scope, inner, clause);
  switch (e.kind) {
    case 'number':
    case 'string':
    case 'hex':
    case 'bit':
    case 'null':
    case 'bool':
    case 'temporal':
    case 'param':
      return literal(c, e);
    case 'column': {
      const bound = findColumn(c, scope, e, clause);
      if (!bound) throw unknownColumn(e, clause);
      return bound;
    }
    case 'unary':
      return unary(c, e.op, sub(e.operand));
    case 'binary': {
      if (isComparison(e.op) && (isRow(e.left) || isRow(e.right)))
        return rowComparison(c, scope, e.op, e.left, e.right, clause);
      const left = sub(e.left);
      const right = sub(e.right);
      if (isComparison(e.op)) return compare(c, e.op, left, right);
      switch (e.op) {
        case 'and':
        case 'or':
        case 'xor':
          return logic(c, e.op, left, right);
        case 'concat':
          return callNamed(c, 'CONCAT', [left, right]);
        default:
          return arithmetic(c, e.op, left, right);
      }
    }
    case 'is': {
      const operand = sub(e.operand);
      const no = e.not ? ' NOT' : '';
      switch (e.test) {
        case 'null':
        case 'unknown':
          return truthValue(`(${operand.sql} IS${no} NULL)`, false);
        case 'true':
          return truthValue(`(${truth(c, operand)} IS${no} TRUE)`, false);
        case 'false':
          return truthValue(`(${truth(c, operand)} IS${no} FALSE)`, false);
      }
      break;
    }
    case 'between': {
      const test = between(c, sub(e.operand), sub(e.low), sub(e.high));
      return e.not ? not(c, test) : test;
    }
    case 'in': {
      const test = isRow(e.operand)
        ? truthValue(
            `(${e.list.map((item) => rowComparison(c, scope, '=', e.operand, item, clause).sql).join(' OR ')})`,
            true,
          )
        : inList(c, sub(e.operand), e.list.map(sub));
      return e.not ? not(c, test) : test;
    }
    case 'inSubquery':
      return inSubquery(c, scope, e, clause);
    case 'quantified':
      return quantified(c, scope, e, clause);
    case 'exists':
      return exists(c, scope, e.query);
    case 'subquery':
      return scalarSubquery(c, scope, e.query);
    case 'row':
      throw new SqlError(1241, '21000', 'Operand should contain 1 column(s)');
    case 'like': {
      const args = [sub(e.operand), sub(e.pattern), ...(e.escape ? [sub(e.escape)] : [])];
      const test = callNamed(c, 'LIKE', args).with({ type: BOOLEAN, truth: true });
      return e.not ? not(c, test) : test;
    }
    case 'regexp': {
      const test = callNamed(c, 'REGEXP_LIKE', [sub(e.operand), sub(e.pattern)]).with({ type: BOOLEAN, truth: true });
      return e.not ? not(c, test) : test;
    }
    case 'soundsLike':
      return compare(c, '=', callNamed(c, 'SOUNDEX', [sub(e.left)]), callNamed(c, 'SOUNDEX', [sub(e.right)]));
    case 'memberOf':
      return callNamed(c, 'MEMBER_OF', [sub(e.operand), sub(e.array)]);
    case 'case':
      return caseWhen(c, scope, e, clause);
    case 'collate': {
      const operand = asText(c, sub(e.operand));
      const collation = e.collation.toLowerCase();
      if (collationId(collation) === undefined)
        throw new SqlError(1273, 'HY000', `Unknown collation: '${e.collation}'`);
      if (operand.type.kind === 'binary' && collation !== 'binary') {
        throw new SqlError(1253, '42000', `COLLATION '${e.collation}' is not valid for CHARACTER SET 'binary'`);
      }
      if (collation === 'binary') return convert(c, operand, BLOB);
      return operand.with({ type: { ...(operand.type as TextType), collation }, coercibility: COERCIBILITY.explicit });
    }
    case 'cast':
      return cast(c, sub(e.operand), e.type);
    case 'convertUsing': {
      const operand = asText(c, sub(e.operand));
      if (e.charset === 'binary') return convert(c, operand, BLOB);
      const collation = defaultCollation(e.charset);
      if (collation === undefined) throw new SqlError(1115, '42000', `Unknown character set: '${e.charset}'`);
      return convert(c, operand, text(65535, collation)).with({ coercibility: COERCIBILITY.implicit });
    }
    case 'extract':
      return callNamed(c, 'EXTRACT', [word(c, e.unit), sub(e.operand)]);
    case 'trim': {
      const remove = e.remove ? [sub(e.remove)] : [];
      return callNamed(c, e.side === 'both' ? 'TRIM' : e.side === 'leading' ? 'LTRIM' : 'RTRIM', [
        sub(e.operand),
        ...remove,
      ]);
    }
    case 'dateArithmetic':
      return callNamed(c, e.op === 'add' ? 'DATE_ADD' : 'DATE_SUB', [sub(e.operand), sub(e.amount), word(c, e.unit)]);
    case 'timestampAdd':
      return callNamed(c, 'TIMESTAMPADD', [word(c, e.unit), sub(e.amount), sub(e.operand)]);
    case 'timestampDiff':
      return callNamed(c, 'TIMESTAMPDIFF', [word(c, e.unit), sub(e.from), sub(e.to)]);
    case 'getFormat':
      return callNamed(c, 'GET_FORMAT', [word(c, e.type), sub(e.format)]);
    case 'aggregate':
      return aggregate(c, scope, e, clause);
    case 'groupConcat':
      return groupConcat(c, scope, e, clause);
    case 'windowFunction':
      return windowFunction(c, scope, e, clause);
    case 'jsonValue': {
      if (e.onEmpty || e.onError) throw unsupported('JSON_VALUE with ON EMPTY or ON ERROR');
      const value = callNamed(c, 'JSON_VALUE', [sub(e.document), sub(e.path)]);
      return e.returning ? cast(c, value, e.returning) : value;
    }
    case 'jsonArrow': {
      const extracted = callNamed(c, 'JSON_EXTRACT', [sub(e.column), sub(e.path)]);
      return e.unquote ? callNamed(c, 'JSON_UNQUOTE', [extracted]) : extracted;
    }
    case 'char': {
      const bytes = callNamed(c, 'CHAR', e.args.map(sub));
      if (!e.charset || e.charset === 'binary') return bytes;
      return convert(c, bytes, text(65535, defaultCollation(e.charset) ?? 'utf8mb4_0900_ai_ci'));
    }
    case 'weightString':
      return weightString(c, sub(e.operand));
    case 'valuesOf': {
      const bound = findColumn(c, scope, { ...e.column, schema: undefined, table: VALUES_ALIAS }, clause);
      return bound ?? new Bound('NULL', { type: { kind: 'null' }, nullable: true });
    }
    case 'defaultOf':
      return defaultOf(c, scope, e.column, clause);
    case 'default':
      throw new SqlError(
        1064,
        '42000',
        "You have an error in your SQL syntax; DEFAULT stands for a column's value only",
      );
    case 'userVariable':
      return userVariable(c, e.name);
    case 'assignVariable':
      return assignVariable(c, e.name, sub(e.value));
    case 'systemVariable':
      return systemVariable(c, e.name, e.scope);
    case 'match':
      throw unsupported('MATCH … AGAINST');
    case 'call':
      return call(c, scope, e, clause);
  }
  throw unsupported((e as { kind: string }).kind);
}

/** Alias under which ON DUPLICATE KEY UPDATE sees the row that was to be inserted. */
export const VALUES_ALIAS = '\u0000values';

type TextType = Extract<SqlType, { kind: 'string' }>;
const BLOB: SqlType = { kind: 'binary', family: 'varbinary', length: 65535 };
const text = (length: number, collation: string): SqlType => ({ kind: 'string', family: 'varchar', length, collation });

const isRow = (e: Expr): boolean => e.kind === 'row' || (e.kind === 'subquery' && subqueryWidth(e) > 1);

function subqueryWidth(e: Extract<Expr, { kind: 'subquery' }>): number {
  const { body } = e.query;
  return body.kind === 'select' && body.items.every((i) => i.kind === 'item') ? body.items.length : 1;
}

/** A keyword as an argument. */
function word(c: Compiler, value: string): Bound {
  return constant(c, value, text(20, 'utf8mb4_0900_ai_ci'));
}

/** A value that is the same for every run of the plan. */
function constant(c: Compiler, value: SqliteValue, type: SqlType): Bound {
  const bind = constantBinder(value);
  return new Bound(() => c.param(bind), { type, nullable: value === null, bind, known: () => value });
}

const constants = new Map<SqliteValue, Binder>();
function constantBinder(value: SqliteValue): Binder {
  if (value instanceof Uint8Array) return () => value;
  let binder = constants.get(value);
  if (!binder) {
    if (constants.size > 10_000) constants.clear();
    constants.set(value, (binder = () => value));
  }
  return binder;
}

function literal(
  c: Compiler,
  e: Extract<Expr, { kind: 'number' | 'string' | 'hex' | 'bit' | 'null' | 'bool' | 'temporal' | 'param' }>,
): Bound {
  switch (e.kind) {
    case 'null':
      return new Bound('NULL', { type: { kind: 'null' }, nullable: true, bind: () => null });
    case 'bool': {
      const value = e.value ? 1n : 0n;
      return new Bound(e.value ? '1' : '0', {
        type: BOOLEAN,
        nullable: false,
        bits: 1,
        truth: true,
        bind: () => value,
      });
    }
    case 'number': {
      const { slot } = e;
      if (e.class === 'int' && typeof e.value !== 'object') {
        const unsigned = typeof e.value === 'bigint' && e.value > 0x7fffffffffffffffn;
        const type: SqlType = { kind: 'int', bits: 64, unsigned };
        const bits = typeof e.value === 'number' && e.value < 0x80000000 ? 31 : unsigned ? 64 : 63;
        return slotBound(c, slot, type, { bits }, e.value);
      }
      if (typeof e.value === 'object') {
        const digits = e.value.unscaled.toString().length;
        const precision = Math.min(65, Math.max(digits, e.value.scale, 1));
        const type: SqlType = { kind: 'decimal', precision, scale: Math.min(30, e.value.scale), unsigned: false };
        return slotBound(c, slot, type, {}, e.value);
      }
      return slotBound(c, slot, DOUBLE, {}, e.value);
    }
    case 'string': {
      if (e.bytes || e.charset === 'binary')
        return slotBound(
          c,
          e.slot,
          { ...BLOB, length: e.bytes?.length ?? e.value.length } as SqlType,
          { coercibility: COERCIBILITY.literal },
          e.bytes ?? e.value,
        );
      const collation = e.charset
        ? (defaultCollation(e.charset) ?? c.settings.collation)
        : e.national
          ? 'utf8mb3_general_ci'
          : c.settings.collation;
      return slotBound(c, e.slot, text(e.value.length, collation), { coercibility: COERCIBILITY.literal }, e.value);
    }
    case 'hex':
    case 'bit': {
      if (e.charset && e.charset !== 'binary') return introduced(c, e.slot, e.bytes.length, e.charset);
      return slotBound(
        c,
        e.slot,
        { ...BLOB, length: e.bytes.length } as SqlType,
        { hex: true, coercibility: COERCIBILITY.literal },
        e.bytes,
      );
    }
    case 'temporal': {
      const string = slotBound(c, e.slot, text(e.value.length, c.settings.collation));
      c.pinned.add(e.slot);
      const fraction = /\.(\d{1,6})/.exec(e.value)?.[1]?.length ?? 0;
      const type: SqlType =
        e.type === 'date'
          ? { kind: 'date' }
          : e.type === 'time'
            ? { kind: 'time', fsp: fraction }
            : { kind: 'datetime', fsp: fraction };
      const called = callNamed(
        c,
        e.type === 'date' ? 'DATE_LITERAL' : e.type === 'time' ? 'TIME_LITERAL' : 'TIMESTAMP_LITERAL',
        [string],
      );
      return convert(c, called, type).with({ nullable: false });
    }
    case 'param': {
      const type = c.settings.slotTypes.get(e.slot) ?? { kind: 'null' };
      return slotBound(c, e.slot, type, type.kind === 'null' ? { nullable: true } : {});
    }
  }
}

/** _utf16 0x00e4: the text that these bytes are in that character set. */
function introduced(c: Compiler, slot: number, length: number, charset: string): Bound {
  const type = text(length, defaultCollation(charset) ?? c.settings.collation);
  return callInternal(
    c,
    `introduced(${charset})`,
    [slotBound(c, slot, BLOB)],
    { type, nullable: false, coercibility: COERCIBILITY.literal },
    () => (value) => {
      if (!(value instanceof Uint8Array)) return value;
      const decoded = decodeText(value, charset);
      if (decoded !== undefined) return decoded;
      // Of other character sets only the names are known.
      if (!READABLE.has(charset)) return decodeLenient(value);
      throw invalidText(value, charset);
    },
  );
}

const READABLE = new Set(['utf8mb4', 'utf8mb3', 'latin1', 'ascii', 'ucs2', 'utf16', 'utf16le', 'utf32']);

const invalidText = (bytes: Uint8Array, charset: string): SqlError => {
  const shown = Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0').toUpperCase()).join('');
  return new SqlError(1300, 'HY000', `Invalid ${charset} character string: '${shown}'`);
};

const slotBinders = new Map<string, Binder>();

function slotBound(
  c: Compiler,
  slot: number,
  type: SqlType,
  init: { bits?: number; hex?: boolean; coercibility?: number; nullable?: boolean } = {},
  value?: LiteralValue,
): Bound {
  if (c.inlineLiterals && value !== undefined) {
    c.pinned.add(slot);
    const bind = constantBinder(slotValue(value, type));
    return new Bound(() => c.param(bind), {
      type,
      nullable: false,
      bind,
      ...init,
      known: () => slotValue(value, type),
    });
  }
  const key = `${slot}:${type.kind}${type.kind === 'decimal' ? `${type.precision}.${type.scale}` : ''}`;
  let bind = slotBinders.get(key);
  if (!bind) slotBinders.set(key, (bind = (x) => slotValue(x.slots[slot], type)));
  const binder = bind;
  const known =
    value === undefined
      ? undefined
      : () => {
          c.pinned.add(slot);
          return slotValue(value, type);
        };
  return new Bound(() => c.param(binder), { type, nullable: false, bind: binder, ...init, ...(known && { known }) });
}

function decimalSlot(value: Decimal, type: SqlType): SqliteValue {
  return type.kind === 'decimal' ? toSqlite(type)(value) : Number(value.unscaled) / 10 ** value.scale;
}

function unary(c: Compiler, op: string, operand: Bound): Bound {
  switch (op) {
    case '+':
      return operand;
    case '-': {
      const b = operand.hex ? hexNumber(c, operand) : operand;
      if (!b.bind && b.type.kind === 'int' && b.bits < 63)
        return new Bound(() => `(-${b.sql})`, { type: BIGINT, nullable: b.nullable, bits: b.bits });
      return callNamed(c, 'NEG', [b]).with(b.bits < 63 ? { bits: b.bits } : {});
    }
    case '~':
      return callNamed(c, '~', [operand]);
    case 'binary':
      return convert(c, operand, BLOB);
    default:
      return not(c, operand);
  }
}

function caseWhen(c: Compiler, scope: Scope, e: Extract<Expr, { kind: 'case' }>, clause: string): Bound {
  const sub = (inner: Expr): Bound => c.expr(scope, inner, clause);
  const operand = e.operand && sub(e.operand);
  const conditions = e.branches.map((b) => {
    const when = sub(b.when);
    return operand ? compare(c, '=', operand, when).sql : truth(c, when);
  });
  const values = [...e.branches.map((b) => sub(b.then)), ...(e.otherwise ? [sub(e.otherwise)] : [])];
  const [type, coercibility] = commonType(values, 'case');
  const converted = values.map((v) => convert(c, v, type));
  const branches = conditions.map((condition, i) => ` WHEN ${condition} THEN ${converted[i]?.sql ?? 'NULL'}`).join('');
  const otherwise = e.otherwise ? ` ELSE ${converted.at(-1)?.sql ?? 'NULL'}` : '';
  return new Bound(`CASE${branches}${otherwise} END`, {
    type,
    coercibility,
    nullable: !e.otherwise || values.some((v) => v.nullable),
  });
}

export function cast(c: Compiler, operand: Bound, type: CastType): Bound {
  const b = operand;
  switch (type.name) {
    case 'signed':
    case 'unsigned': {
      const to: SqlType = { kind: 'int', bits: 64, unsigned: type.name === 'unsigned' };
      if (b.type.kind === 'int' && (b.type.unsigned === to.unsigned || (to.unsigned === false && b.bits < 63)))
        return b.with({ type: to, bits: b.bits });
      return callNamed(c, to.unsigned ? 'CAST_UNSIGNED' : 'CAST_SIGNED', [b.hex ? hexNumber(c, b) : b]);
    }
    case 'decimal': {
      const precision = type.length ?? 10;
      const scale = type.scale ?? 0;
      if (precision > 65)
        throw new SqlError(1426, '42000', `Too-big precision ${precision} specified for '${'x'}'. Maximum is 65.`);
      return callCast(c, 'CAST_DECIMAL', b.hex ? hexNumber(c, b) : b, {
        kind: 'decimal',
        precision: precision || 10,
        scale,
        unsigned: false,
      });
    }
    case 'float':
      return callCast(
        c,
        'CAST_REAL',
        b,
        type.length !== undefined && type.length > 24 ? DOUBLE : { kind: 'float', unsigned: false },
      );
    case 'double':
      return callCast(c, 'CAST_REAL', b, DOUBLE);
    case 'date':
      return callCast(c, 'CAST_DATE', b, { kind: 'date' });
    case 'time':
      return callCast(c, 'CAST_TIME', b, { kind: 'time', fsp: type.length ?? 0 });
    case 'datetime':
      return callCast(c, 'CAST_DATETIME', b, { kind: 'datetime', fsp: type.length ?? 0 });
    case 'year':
      return callCast(c, 'CAST_YEAR', b, { kind: 'year' });
    case 'json':
      return callNamed(c, 'CAST_JSON', [b]);
    case 'binary':
      return callCast(c, 'CAST_BINARY', b, {
        kind: 'binary',
        family: type.length === undefined ? 'varbinary' : 'binary',
        length: type.length ?? 65535,
      });
    case 'char': {
      const charset = type.charset?.toLowerCase();
      if (charset === 'binary')
        return callCast(c, 'CAST_BINARY', b, { ...BLOB, length: type.length ?? 65535 } as SqlType);
      const collation = charset ? (type.binary ? `${charset}_bin` : defaultCollation(charset)) : c.settings.collation;
      if (collation === undefined) throw new SqlError(1115, '42000', `Unknown character set: '${charset ?? ''}'`);
      return callCast(c, 'CAST_CHAR', b, text(type.length ?? 65535, collation), type.length);
    }
    default:
      throw unsupported(`CAST to ${type.name.toUpperCase()}`);
  }
}

function callCast(c: Compiler, name: string, b: Bound, to: SqlType, length?: number): Bound {
  if (length === undefined && coerce(b.type, to) === undefined && b.type.kind === to.kind && to.kind !== 'binary')
    return b.with({ type: to, coercibility: COERCIBILITY.implicit });
  return callInternal(
    c,
    `${name}(${typeKey(b.type)})${typeKey(to)}:${length ?? ''}`,
    [b],
    { type: to, nullable: true, coercibility: COERCIBILITY.implicit },
    (x) => castFunction(b.type, to, length)(x),
  );
}

function weightString(c: Compiler, b: Bound): Bound {
  const operand = asText(c, b);
  const collation = operand.type.kind === 'string' ? operand.type.collation : 'binary';
  return callInternal(c, `weight(${collation})`, [operand], { type: BLOB, nullable: b.nullable }, () => {
    const key = collation === 'binary' ? undefined : sortKey(collation);
    return (value) => {
      if (typeof value !== 'string' || !key) return value;
      const weights = key(value);
      const bytes = new Uint8Array(weights.length * 2);
      for (let i = 0; i < weights.length; i++) {
        bytes[2 * i] = weights.charCodeAt(i) >> 8;
        bytes[2 * i + 1] = weights.charCodeAt(i) & 255;
      }
      return bytes;
    };
  });
}

function defaultOf(c: Compiler, scope: Scope, ref: Extract<Expr, { kind: 'column' }>, clause: string): Bound {
  const bound = findColumn(c, scope, ref, clause);
  if (!bound) throw unknownColumn(ref, clause);
  return c.settings.columnDefault(c, bound);
}

function userVariable(c: Compiler, name: string): Bound {
  c.volatile = true;
  const type = c.settings.userVariableType(name) ?? { kind: 'null' };
  const read: Binder = (x) => x.session.userVariable(name)?.value ?? null;
  if (!c.assignsVariables)
    return new Bound(() => c.param(read), { type, nullable: true, coercibility: COERCIBILITY.implicit, bind: read });
  const dynamic: SqlType = type.kind === 'null' ? text(65535, c.settings.collation) : type;
  return callInternal(
    c,
    `@${name}:${typeKey(dynamic)}`,
    [],
    { type: dynamic, nullable: true, coercibility: COERCIBILITY.implicit },
    (x) => () => {
      const variable = x.session.userVariable(name);
      return variable ? convertValue(variable.value, variable.type, dynamic, x) : null;
    },
    false,
  );
}

function assignVariable(c: Compiler, name: string, value: Bound): Bound {
  c.volatile = true;
  const type = value.type.kind === 'timestamp' ? ({ kind: 'datetime', fsp: value.type.fsp } as SqlType) : value.type;
  return callInternal(
    c,
    `@${name}:=${typeKey(type)}`,
    [value],
    { type, nullable: value.nullable, coercibility: COERCIBILITY.implicit },
    (x) => (v) => {
      x.session.setUserVariable(name, v, type);
      return v;
    },
    false,
  );
}

function systemVariable(
  c: Compiler,
  name: string,
  scope: 'global' | 'session' | 'persist' | 'persistOnly' | undefined,
): Bound {
  const lower = name.toLowerCase();
  const type = c.settings.systemVariable(lower);
  if (!type) throw new SqlError(1193, 'HY000', `Unknown system variable '${name}'`);
  const where = scope === 'global' ? 'global' : 'session';
  const bind: Binder = (x) => x.session.systemVariable(lower, where);
  return new Bound(() => c.param(bind), { type, nullable: true, coercibility: COERCIBILITY.system, bind });
}

function call(c: Compiler, scope: Scope, e: Extract<Expr, { kind: 'call' }>, clause: string): Bound {
  const name = e.name.toUpperCase();
  if (e.schema !== undefined) throw new SqlError(1305, '42000', `FUNCTION ${e.schema}.${e.written} does not exist`);
  if (name === 'GROUPING')
    return grouping(
      scope,
      e.args.map((a) => c.expr(scope, a, clause)),
    );
  const args = e.args.map((a) => c.expr(scope, a, clause));
  const special = sessionFunction(c, name, args);
  if (special) return special;
  switch (name) {
    case 'IF': {
      if (args.length !== 3) break;
      const [condition, yes, no] = args as [Bound, Bound, Bound];
      const [type, coercibility] = commonType([yes, no], 'if');
      return new Bound(() => `iif(${truth(c, condition)},${convert(c, yes, type).sql},${convert(c, no, type).sql})`, {
        type,
        coercibility,
        nullable: yes.nullable || no.nullable,
      });
    }
    case 'IFNULL':
    case 'COALESCE': {
      if (args.length === 0 || (name === 'IFNULL' && args.length !== 2)) break;
      const [type, coercibility] = commonType(args, name.toLowerCase());
      if (args.length === 1) return (args[0] as Bound).with({ type });
      return new Bound(() => `coalesce(${args.map((a) => convert(c, a, type).sql).join(',')})`, {
        type,
        coercibility,
        nullable: args.every((a) => a.nullable),
      });
    }
    case 'NULLIF': {
      if (args.length !== 2) break;
      const [first, second] = args as [Bound, Bound];
      return new Bound(() => `CASE WHEN ${compare(c, '=', first, second).sql} THEN NULL ELSE ${first.sql} END`, {
        type: first.type,
        coercibility: first.coercibility,
        nullable: true,
      });
    }
    case 'ISNULL':
      if (args.length === 1) return truthValue(`(${args[0]?.sql ?? 'NULL'} IS NULL)`, false);
      break;
    default:
      break;
  }
  const def = findFunction(name);
  if (!def) {
    const database = c.settings.database;
    if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
    throw new SqlError(1305, '42000', `FUNCTION ${database}.${e.written} does not exist`);
  }
  return callNamed(c, name, args, e.written);
}

function grouping(scope: Scope, args: readonly Bound[]): Bound {
  let value = 0;
  for (const arg of args) {
    value = value * 2 + (arg.sql === 'NULL' && scope.group?.rolledUp ? 1 : 0);
  }
  return new Bound(String(value), { type: BIGINT, nullable: false });
}
