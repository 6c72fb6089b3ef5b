/** Aggregates and window functions. */
import {
  avgOf,
  findAggregate,
  implementation,
  realResult,
  scaleOf,
  sumOf,
  type AggregateDefinition,
} from '../functions/index.ts';
import { SqlError, type SqlType } from '../types/index.ts';
import type { Aggregate, Expr, GroupConcat, Over, WindowFunction } from '../parser/index.ts';
import { BIGINT, Bound, COERCIBILITY, DOUBLE } from './bound.ts';
import { commonType } from './common-type.ts';
import { callInternal, convert, hexNumber, infoOf, signatureName, typeKey } from './call.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { orderKey } from './operators.ts';
import { invalidUse, newGroup, ofOuterQuery, ownedBy, ownerOf, type Owner } from './owners.ts';
import type { SqlFunction } from './plan.ts';
import type { Scope } from './scope.ts';
import { overSql } from './windows.ts';

/** Arguments of an aggregate of that owner: columns in them need not be grouped, and aggregates may not stand in them. */
function argumentsOf(
  c: Compiler,
  scope: Scope,
  exprs: readonly Expr[],
  owner: Owner | undefined,
  clause: string,
): Bound[] {
  if (!owner) return exprs.map((e) => c.expr(scope, e, clause));
  const group = (owner.scope.group ??= newGroup([]));
  if (group.insideAggregate > 0) throw invalidUse();
  group.insideAggregate++;
  group.hasAggregate = true;
  try {
    return exprs.map((e) => ownedBy(c, owner, c.expr(scope, e, clause)));
  } finally {
    group.insideAggregate--;
  }
}

/** Where windows may not be: MySQL computes them behind all of these. */
const BEFORE_WINDOWS: ReadonlySet<string> = new Set(['where clause', 'on clause', 'group statement', 'having clause']);

function checkWindow(name: string, clause: string): void {
  if (BEFORE_WINDOWS.has(clause))
    throw new SqlError(3593, 'HY000', `You cannot use the window function '${name}' in this context.'`);
}

/** Aggregates that count with their arguments. */
const OF_NUMBERS = /^(sum|avg|std|var|bit_)/;

const isSum = ({ name }: Aggregate): boolean => name === 'sum' || name === 'avg';

const overText = (c: Compiler, scope: Scope, over: Over | undefined): string => (over ? overSql(c, scope, over) : '');

export function aggregate(c: Compiler, scope: Scope, e: Aggregate, clause: string): Bound {
  if (e.over) checkWindow(e.name, clause);
  const owner = e.over ? undefined : ownerOf(scope, e.args, clause);
  const bound = aggregateOf(c, scope, e, owner, clause);
  return owner && owner.scope !== scope ? ofOuterQuery(bound) : bound;
}

function aggregateOf(c: Compiler, scope: Scope, e: Aggregate, owner: Owner | undefined, clause: string): Bound {
  const given = argumentsOf(c, scope, e.args, owner, clause);
  const numbers = OF_NUMBERS.test(e.name) ? given.map((b) => (b.hex ? hexNumber(c, b) : b)) : given;
  // '1' and '1.0' are one number.
  const args =
    e.distinct && isSum(e) ? numbers.map((b) => (b.type.kind === 'string' ? convert(c, b, DOUBLE) : b)) : numbers;
  const over = overText(c, scope, e.over);
  if (e.name === 'count') return count(c, e, args, over);
  const [arg] = args;
  if (!arg) throw invalidUse();
  const { type } = arg;
  const distinct = e.distinct ? 'DISTINCT ' : '';
  if (e.name === 'min' || e.name === 'max') {
    const native = [
      'int',
      'year',
      'decimal',
      'float',
      'double',
      'date',
      'datetime',
      'timestamp',
      'time',
      'bit',
      'null',
    ].includes(type.kind);
    if (native)
      return new Bound(`${e.name}(${arg.sql})${over}`, {
        type,
        nullable: true,
        coercibility: COERCIBILITY.implicit,
      });
  }
  if ((e.name === 'sum' || e.name === 'avg') && !e.over && !e.distinct) {
    const exact = ofNativeSums(c, e.name, arg) ?? ofProducts(c, scope, e.name, e, arg, owner);
    if (exact) return exact;
  }
  if (e.name === 'sum' && (type.kind === 'float' || type.kind === 'double') && !e.over)
    return new Bound(`sum(${distinct}${arg.sql})`, { type: realResult(type), nullable: true });
  return callAggregate(c, e.name.toUpperCase(), args, distinct, over, e.over !== undefined, undefined, '');
}

/** ANY_VALUE of columns that are not grouped: that of the group's first row. */
export const anyValue = (c: Compiler, args: readonly Bound[]): Bound =>
  callAggregate(c, 'ANY_VALUE', args, '', '', false, undefined, '');

/** Bits of what SQLite holds as INTEGERs; undefined of other values. */
function integerBits({ type, bits }: Bound): number | undefined {
  if (type.kind === 'int') return bits < 64 ? bits : undefined;
  if (type.kind === 'decimal' && type.precision <= 18) return Math.ceil(type.precision * Math.log2(10)) + 1;
  return undefined;
}

/** No query has the rows to overflow SQLite's sum of so small integers: it would take 2^28. */
const SMALL_BITS = 35;

/**
 * SUM or AVG of what SQLite adds up by itself, without a call for each row: small integers as they are, others of a column in two
 * halves. Undefined of other values.
 */
function ofNativeSums(c: Compiler, name: 'sum' | 'avg', arg: Bound): Bound | undefined {
  const { type, sql } = arg;
  const bits = integerBits(arg);
  if (bits === undefined) return undefined;
  const isSmall = bits <= SMALL_BITS;
  // An expression is not computed several times for it.
  if (!arg.column && !(isSmall && name === 'sum')) return undefined;
  const sums = isSmall ? [`sum(${sql})`] : [`sum(${sql}>>32)`, `sum(${sql}&4294967295)`];
  const parts = name === 'avg' ? [...sums, `count(${sql})`] : sums;
  const result = (findAggregate(name.toUpperCase()) as AggregateDefinition).result([infoOf(arg)], c.typeEnv, undefined);
  return callInternal(
    c,
    `${name}-of-${sums.length}(${typeKey(type)})${typeKey(result)}`,
    parts.map((part) => new Bound(part, { type: BIGINT, nullable: true })),
    { type: result, nullable: true, coercibility: COERCIBILITY.implicit },
    () => {
      const of = (name === 'avg' ? avgOf : sumOf)(type, result);
      return (...values) => {
        if (values[0] === null) return null;
        const [first, second] = values.map((value) => BigInt(value as number)) as [bigint, bigint];
        return of(isSmall ? first : (first << 32n) + second, name === 'avg' ? Number(values.at(-1)) : 1);
      };
    },
  );
}

/** SUM(quantity * price): wide products that nobody sees are not written down for each row. Undefined of all else. */
function ofProducts(
  c: Compiler,
  scope: Scope,
  name: 'sum' | 'avg',
  e: Aggregate,
  product: Bound,
  owner: Owner | undefined,
): Bound | undefined {
  const [factors] = e.args;
  if (factors?.kind !== 'binary' || factors.op !== '*' || product.type.kind !== 'decimal') return undefined;
  const [left, right] = argumentsOf(c, scope, [factors.left, factors.right], owner, 'field list') as [Bound, Bound];
  if (integerBits(left) === undefined || integerBits(right) === undefined) return undefined;
  if (scaleOf(left.type) + scaleOf(right.type) !== product.type.scale) return undefined;
  const type = (findAggregate(name.toUpperCase()) as AggregateDefinition).result(
    [infoOf(product)],
    c.typeEnv,
    undefined,
  );
  const of = (name === 'avg' ? avgOf : sumOf)(product.type, type);
  const fn: SqlFunction = {
    kind: 'aggregate',
    name: signatureName(`${name}-of-products(${typeKey(product.type)})${typeKey(type)}`),
    arity: 2,
    make: () =>
      implementation<{ sum: bigint; count: number }>({
        start: () => ({ sum: 0n, count: 0 }),
        step: (state, a = null, b = null) => {
          if (a === null || b === null) return state;
          state.sum += BigInt(a as number) * BigInt(b as number);
          state.count++;
          return state;
        },
        result: ({ sum, count: n }) => of(sum, n),
      }),
  };
  return new Bound(`${c.use(fn)}(${left.sql},${right.sql})`, {
    type,
    nullable: true,
    coercibility: COERCIBILITY.implicit,
  });
}

function count(c: Compiler, e: Aggregate, args: readonly Bound[], over: string): Bound {
  const init = { type: BIGINT, nullable: false };
  if (e.star) return new Bound(`count(*)${over}`, init);
  if (!e.distinct) {
    const test = args.map((a) => a.sql);
    if (test.length === 1) return new Bound(`count(${test[0] === 'NULL' ? 'NULL' : test[0]})${over}`, init);
    return new Bound(`count(CASE WHEN ${test.map((t) => `${t} IS NOT NULL`).join(' AND ')} THEN 1 END)${over}`, init);
  }
  if (over) throw unsupported('COUNT(DISTINCT) OVER');
  const keys = args.map((a) => orderKey(c, a));
  if (keys.length === 1) return new Bound(`count(DISTINCT ${keys[0] ?? ''})`, init);
  // One text that is the same exactly when all the keys are; NULL when one of them is.
  const parts = keys.map((k) => `quote(${k})`);
  const test = keys.map((k) => `${k} IS NOT NULL`).join(' AND ');
  return new Bound(`count(DISTINCT CASE WHEN ${test} THEN ${parts.join("||','||")} END)`, init);
}

/** Calls an aggregate of the registry. */
function callAggregate(
  c: Compiler,
  name: string,
  args: readonly Bound[],
  distinct: string,
  over: string,
  isWindow: boolean,
  options:
    | {
        readonly separator: string | Uint8Array;
        readonly values: number;
        readonly descending: readonly boolean[];
        readonly distinct: boolean;
      }
    | undefined,
  optionKey: string,
): Bound {
  const def: AggregateDefinition | undefined = findAggregate(name);
  if (!def) throw unsupported(name);
  const infos = args.map(infoOf);
  const type = def.result(infos, c.typeEnv, options);
  const make = (isWindow ? def.overWindow : undefined) ?? def.make;
  const key = `${name}${make === def.make ? '' : ' over'}<${args.map((a) => typeKey(a.type)).join(',')}>${typeKey(type)}${optionKey}`;
  const types = args.map((a) => a.type);
  const fn: SqlFunction = {
    kind: 'aggregate',
    name: signatureName(key),
    arity: args.length,
    make: (x) => make(types, type, options)(x),
  };
  if (isWindow && !def.hasInverse) throw unsupported(`${name} OVER`);
  if (distinct && args.length === 1 && args[0]?.type.kind === 'string') {
    // DISTINCT by collation: one value a sort key.
    throw unsupported(`${name}(DISTINCT) over strings`);
  }
  const coercibility = Math.min(COERCIBILITY.implicit, ...args.map((a) => a.coercibility));
  return new Bound(`${c.use(fn)}(${distinct}${args.map((a) => a.sql).join(',')})${over}`, {
    type,
    nullable: def.nullable,
    coercibility,
  });
}

export function groupConcat(c: Compiler, scope: Scope, e: GroupConcat, clause: string): Bound {
  if (e.over) throw unsupported('GROUP_CONCAT OVER');
  const owner = ownerOf(scope, [...e.args, ...e.orderBy.map((o) => o.expr)], clause);
  const values = argumentsOf(c, scope, e.args, owner, clause);
  const order = argumentsOf(
    c,
    scope,
    e.orderBy.map((o) =>
      o.expr.kind === 'number' && typeof o.expr.value === 'number' ? (e.args[o.expr.value - 1] ?? o.expr) : o.expr,
    ),
    owner,
    clause,
  );
  const keys = order.map(
    (o) =>
      new Bound(orderKey(c, o), {
        type: o.type.kind === 'string' ? { kind: 'binary', family: 'varbinary', length: 65535 } : o.type,
        nullable: true,
      }),
  );
  const separator = e.separator
    ? e.separator.kind === 'string' && !e.separator.bytes
      ? e.separator.value
      : (e.separator.bytes ?? ',')
    : ',';
  if (e.separator) c.pinned.add(e.separator.slot);
  const descending = e.orderBy.map((o) => o.direction === 'desc');
  const options = { separator, values: values.length, descending, distinct: e.distinct };
  const bound = callAggregate(
    c,
    'GROUP_CONCAT',
    [...values, ...keys],
    '',
    '',
    false,
    options,
    JSON.stringify([String(separator), values.length, descending, e.distinct]),
  );
  return owner.scope === scope ? bound : ofOuterQuery(bound);
}

const RANKS: ReadonlySet<string> = new Set(['row_number', 'rank', 'dense_rank', 'ntile']);

export function windowFunction(c: Compiler, scope: Scope, e: WindowFunction, clause: string): Bound {
  checkWindow(e.name, clause);
  if (e.nulls === 'ignore') throw unsupported('IGNORE NULLS');
  if (e.fromLast) throw unsupported('FROM LAST');
  const args = e.args.map((a) => c.expr(scope, a, clause));
  const over = overSql(c, scope, e.over);
  if (RANKS.has(e.name)) {
    const unsigned: SqlType = { kind: 'int', bits: 64, unsigned: true };
    return new Bound(`${e.name}(${args.map((a) => countText(c, e.name, a)).join(',')})${over}`, {
      type: unsigned,
      nullable: e.name === 'ntile',
      bits: 62,
    });
  }
  if (e.name === 'cume_dist' || e.name === 'percent_rank')
    return new Bound(`${e.name}()${over}`, { type: DOUBLE, nullable: false });
  const [value, , otherwise] = args;
  if (!value) throw new SqlError(1582, '42000', `Incorrect parameter count in the call to native function '${e.name}'`);
  // A literal NULL counts nothing; a variable or placeholder that is NULL does, to no row.
  if (e.args[1]?.kind === 'null') throw new SqlError(1210, 'HY000', `Incorrect arguments to ${e.name}`);
  const n = args[1] && countText(c, e.name, args[1]);
  if (e.name === 'lead' || e.name === 'lag') {
    const type = widened(otherwise ? commonType([value, otherwise])[0] : value.type);
    const rest = [n, otherwise && convert(c, otherwise, type).sql].filter((s) => s !== undefined);
    return new Bound(`${e.name}(${[convert(c, value, type).sql, ...rest].join(',')})${over}`, {
      type,
      nullable: true,
      coercibility: value.coercibility,
    });
  }
  return new Bound(`${e.name}(${value.sql}${n === undefined ? '' : `,${n}`})${over}`, {
    type: widened(value.type),
    nullable: true,
    coercibility: value.coercibility,
  });
}

/** A window function over integers gives BIGINTs. */
const widened = (type: SqlType): SqlType => (type.kind === 'int' ? { ...type, bits: 64 } : type);

/** The number that a window function counts by: NTILE and NTH_VALUE from 1, LEAD and LAG from 0. */
function countText(c: Compiler, name: WindowFunction['name'], { type, bind }: Bound): string {
  const wrong = (): SqlError => new SqlError(1210, 'HY000', `Incorrect arguments to ${name}`);
  if (!bind) throw wrong();
  const least = name === 'lead' || name === 'lag' ? 0 : 1;
  return c.param((x) => {
    const n = bind(x);
    // The NULL-th value is none: there are never so many.
    if (n === null && name === 'nth_value') return 0x7fffffffffffffffn;
    if (type.kind !== 'int' || (typeof n !== 'number' && typeof n !== 'bigint') || n < least) throw wrong();
    return BigInt(n);
  });
}
