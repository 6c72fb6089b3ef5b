/**
 * Which query an aggregate is of. Its columns say: it is of the innermost query that has one of them, which may be one round the query
 * in which it stands. Where aggregates may not stand there (in WHERE, ON, GROUP BY), it is of the innermost in which they may.
 */
import { sqlError } from '../values/index.ts';
import { SqlError } from '../types/index.ts';
import type { Expr } from '../parser/index.ts';
import { Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { isNameOf, type GroupState, type Scope } from './scope.ts';
import { columnsNamed } from './walk.ts';

export interface Owner {
  readonly scope: Scope;
  /** All its columns are of queries round the owner. */
  readonly overOuter: boolean;
}

export const invalidUse = (): SqlError => new SqlError(1111, 'HY000', 'Invalid use of group function');

/** `rolledUp`: the texts of the keys that are NULL at a level of a ROLLUP. */
export const newGroup = (keys: readonly string[], rolledUp?: ReadonlySet<string>): GroupState => ({
  keys: new Set(keys),
  insideAggregate: 0,
  hasAggregate: false,
  bare: [],
  place: { number: 1, clause: 'SELECT list' },
  hasRollup: rolledUp !== undefined,
  ...(rolledUp && { rolledUp }),
});

/** The query that an aggregate of these arguments, standing in `scope`, is of. Throws 1111 where it may be of none, 3029 in ORDER BY. */
export function ownerOf(scope: Scope, args: readonly Expr[], clause: string): Owner {
  const round: Scope[] = [];
  for (let s: Scope | undefined = scope; s; s = s.parent) round.push(s);
  let depth = round.length;
  for (const ref of columnsNamed(args, true)) {
    const found = round.findIndex((s) => isNameOf(s, ref, clause));
    if (found >= 0) depth = Math.min(depth, found);
  }
  if (depth === round.length) depth = 0;
  const allowed = (s: Scope | undefined): boolean => s?.aggregates !== undefined;
  const between = round.findIndex((s, i) => i > 0 && i < depth && allowed(s));
  const at = allowed(round[depth]) ? depth : between >= 0 ? between : 0;
  const owner = round[at] as Scope;
  if (owner.aggregates === undefined) throw invalidUse();
  if (owner.aggregates !== 'allowed')
    throw sqlError(
      3029,
      `Expression #${owner.aggregates} of ORDER BY contains aggregate function and applies to the result of a non-aggregated query`,
    );
  return { scope: owner, overOuter: at < depth };
}

/** An argument of the owner's aggregate. SQLite, too, goes by its columns: it is given one of the owner's. */
export function ownedBy(c: Compiler, { scope, overOuter }: Owner, arg: Bound): Bound {
  if (!overOuter) return arg;
  const own = scope.relations[0]?.columns[0]?.bound.sql ?? `${(scope.oneRow ??= c.alias())}.f0`;
  const { type, nullable, coercibility, bits, hex } = arg;
  return new Bound(`iif(1,${arg.sql},${own})`, { type, nullable, coercibility, bits, hex });
}

/** SQLite takes aggregates of outer queries in a select list only. */
export const ofOuterQuery = ({ sql, type, nullable, coercibility, bits }: Bound): Bound =>
  new Bound(`(SELECT ${sql})`, { type, nullable, coercibility, bits });
