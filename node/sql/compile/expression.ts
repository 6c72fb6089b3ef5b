/** Expressions: from the tree to SQLite's text, with MySQL's types. */
import { findFunction } from '../functions/index.ts';
import { collationId, defaultCollation } from '../values/index.ts';
import { SqlError, type SqlType } from '../types/index.ts';
import { balanced, type Expr } from '../parser/index.ts';
import { BIGINT, BOOLEAN, Bound, COERCIBILITY, DOUBLE, truthValue } from './bound.ts';
import { callNamed, convert, hexNumber } from './call.ts';
import { cast, weightString } from './casts.ts';
import { commonType } from './common-type.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { datePart } from './date-parts.ts';
import { aggregate, anyValue, groupConcat, windowFunction } from './aggregates.ts';
import { likeRange } from './like-range.ts';
import { BLOB, literal, text, word } from './literals.ts';
import { arithmetic, asText, between, compare, inList, isComparison, logic, not, truth } from './operators.ts';
import { rowComparison } from './rows.ts';
import { findColumn, unknownColumn, type Scope } from './scope.ts';
import { sessionFunction } from './session-functions.ts';
import { exists, inSubquery, quantified, scalarSubquery } from './subqueries.ts';
import { assignVariable, systemVariable, userVariable } from './variables.ts';
import { xmlCall } from './xml-call.ts';

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
            balanced(
              e.list.map((item) => rowComparison(c, scope, '=', e.operand, item, clause).sql),
              (left, right) => `(${left} OR ${right})`,
            ),
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
      const [operand, pattern] = [sub(e.operand), sub(e.pattern)];
      const args = [operand, pattern, ...(e.escape ? [sub(e.escape)] : [])];
      const test = callNamed(c, 'LIKE', args).with({ type: BOOLEAN, truth: true });
      if (e.not) return not(c, test);
      const range = e.escape ? undefined : likeRange(c, operand, pattern);
      return range === undefined ? test : truthValue(`(${range} AND ${test.sql})`, test.nullable);
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
const isRow = (e: Expr): boolean => e.kind === 'row' || (e.kind === 'subquery' && subqueryWidth(e) > 1);

function subqueryWidth(e: Extract<Expr, { kind: 'subquery' }>): number {
  const { body } = e.query;
  return body.kind === 'select' && body.items.every((i) => i.kind === 'item') ? body.items.length : 1;
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
      return callNamed(c, '~', [operand.hex ? hexNumber(c, operand) : operand]);
    case 'binary':
      return convert(c, operand, BLOB);
    default:
      return not(c, operand);
  }
}

/** What CASE and IF choose by: a document counts as its number there. */
const choice = (c: Compiler, b: Bound): string => truth(c, b.type.kind === 'json' ? convert(c, b, DOUBLE) : b);

function caseWhen(c: Compiler, scope: Scope, e: Extract<Expr, { kind: 'case' }>, clause: string): Bound {
  const sub = (inner: Expr): Bound => c.expr(scope, inner, clause);
  const operand = e.operand && sub(e.operand);
  const conditions = e.branches.map((b) => {
    const when = sub(b.when);
    return operand ? compare(c, '=', operand, when, 'case').sql : choice(c, when);
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
    ...(type.kind === 'int' && { bits: Math.max(...converted.map((v) => (v.sql === 'NULL' ? 0 : v.bits))) }),
  });
}

/** What is no text gives way to all texts, wherever it lies. */
function coercibilityOf({ type, coercibility }: Bound): number {
  return ['null', 'string', 'binary', 'enum', 'set', 'json'].includes(type.kind) ? coercibility : COERCIBILITY.numeric;
}

function defaultOf(c: Compiler, scope: Scope, ref: Extract<Expr, { kind: 'column' }>, clause: string): Bound {
  const bound = findColumn(c, scope, ref, clause);
  if (!bound) throw unknownColumn(ref, clause);
  return c.settings.columnDefault(c, bound);
}

function call(c: Compiler, scope: Scope, e: Extract<Expr, { kind: 'call' }>, clause: string): Bound {
  const name = e.name.toUpperCase();
  if (e.named) throw namedArgument(name, e.written);
  if (e.schema !== undefined) throw new SqlError(1305, '42000', `FUNCTION ${e.schema}.${e.written} does not exist`);
  if (name === 'GROUPING')
    return grouping(
      scope,
      e.args.map((a) => c.expr(scope, a, clause)),
    );
  const { group } = scope;
  const mark = group?.bare.length ?? 0;
  const args = e.args.map((a) => c.expr(scope, a, clause));
  if (name === 'ANY_VALUE' && group && group.insideAggregate === 0 && group.bare.length > mark) {
    group.bare.length = mark;
    return anyValue(c, args);
  }
  const special = sessionFunction(c, name, args);
  if (special) return special;
  switch (name) {
    case 'IF': {
      if (args.length !== 3) break;
      const [condition, yes, no] = args as [Bound, Bound, Bound];
      const [type, coercibility] = commonType([yes, no], 'if');
      return new Bound(() => `iif(${choice(c, condition)},${convert(c, yes, type).sql},${convert(c, no, type).sql})`, {
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
    case 'COERCIBILITY': {
      const [only, more] = args;
      if (!only || more) break;
      return new Bound(String(coercibilityOf(only)), { type: BIGINT, nullable: false });
    }
    case 'EXTRACTVALUE':
    case 'UPDATEXML':
      return xmlCall(c, name, args, e.written);
    case 'ISNULL':
      if (args.length === 1) return truthValue(`(${args[0]?.sql ?? 'NULL'} IS NULL)`, false);
      break;
    default:
      break;
  }
  const part = datePart(c, name, args);
  if (part) return part;
  const def = findFunction(name);
  if (!def) {
    const database = c.settings.database;
    if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
    throw new SqlError(1305, '42000', `FUNCTION ${database}.${e.written} does not exist`);
  }
  return callNamed(c, name, TO_BASE.has(name) ? args.map((b) => bitsNumber(c, b)) : args, e.written);
}

function namedArgument(name: string, written: string): SqlError {
  return findFunction(name)
    ? new SqlError(1583, '42000', `Incorrect parameters in the call to native function '${written}'`)
    : new SqlError(1584, '42000', `Incorrect parameters in the call to stored function \`${written}\``);
}

/** Functions that write a number in another base: bits are numbers to them, though they read texts. */
const TO_BASE = new Set(['BIN', 'OCT', 'CONV']);
const UNSIGNED: SqlType = { kind: 'int', bits: 64, unsigned: true };

const bitsNumber = (c: Compiler, b: Bound): Bound =>
  b.hex ? hexNumber(c, b) : b.type.kind === 'bit' ? convert(c, b, UNSIGNED) : b;

function grouping(scope: Scope, args: readonly Bound[]): Bound {
  let value = 0;
  for (const arg of args) {
    value = value * 2 + (arg.sql === 'NULL' && scope.group?.rolledUp ? 1 : 0);
  }
  return new Bound(String(value), { type: BIGINT, nullable: false });
}
