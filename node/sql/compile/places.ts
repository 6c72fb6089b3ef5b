/** LIMIT, and ORDER BY by place. */
import { SqlError } from '../types/index.ts';
import type { Expr, Limit, LimitValue, NumberLiteral } from '../parser/index.ts';
import type { Bound } from './bound.ts';
import { unsupported, type Compiler } from './compiler.ts';
import type { Scope } from './scope.ts';

export function limitSql(c: Compiler, scope: Scope, limit: Limit | undefined): string {
  if (!limit) return '';
  const value = (v: LimitValue): string => {
    if (v.kind === 'column') throw unsupported('LIMIT with a variable');
    const bound = c.expr(scope, v, 'limit');
    const { bind } = bound;
    if (!bind) return bound.sql;
    return c.param((x) => {
      const n = bind(x);
      if (n instanceof Uint8Array) return 0x7fffffffffffffffn;
      if (typeof n !== 'bigint' && !Number.isInteger(n))
        throw new SqlError(1210, 'HY000', 'Incorrect arguments to EXECUTE');
      return BigInt(n as number);
    });
  };
  return ` LIMIT ${value(limit.count)}${limit.offset ? ` OFFSET ${value(limit.offset)}` : ''}`;
}

/** A whole number names a column by its place; other numbers are constants. */
export const isPlace = (e: Expr): e is NumberLiteral => e.kind === 'number' && e.class === 'int';

/** ORDER BY 2: the column at that place. */
export function position(c: Compiler, bounds: readonly Bound[], n: NumberLiteral, clause: string): Bound {
  c.pinned.add(n.slot);
  const bound = bounds[Number(n.value) - 1];
  if (!bound) throw new SqlError(1054, '42S22', `Unknown column '${n.text}' in '${clause}'`);
  return bound;
}
