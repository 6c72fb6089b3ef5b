/** Row values column by column. */
import { SqlError } from '../types/index.ts';
import type { ComparisonOp } from '../parser/index.ts';
import { truthValue, type Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { compare } from './operators.ts';

export const columnCount = (n: number): SqlError =>
  new SqlError(1241, '21000', `Operand should contain ${n} column(s)`);

export function compareRows(c: Compiler, op: ComparisonOp, l: readonly Bound[], r: readonly Bound[]): Bound {
  const at = (i: number, o: ComparisonOp): string => compare(c, o, l[i] as Bound, r[i] as Bound).sql;
  const all = l.map((_, i) => i);
  if (op === '=' || op === '<=>') return truthValue(`(${all.map((i) => at(i, op)).join(' AND ')})`, op === '=');
  if (op === '<>') return truthValue(`(${all.map((i) => at(i, '<>')).join(' OR ')})`, true);
  const strict: ComparisonOp = op === '<' || op === '<=' ? '<' : '>';
  const terms = all.map((i) => {
    const before = all.slice(0, i).map((j) => at(j, '='));
    const last = i === l.length - 1 ? at(i, op) : at(i, strict);
    return `(${[...before, last].join(' AND ')})`;
  });
  return truthValue(`(${terms.join(' OR ')})`, true);
}
