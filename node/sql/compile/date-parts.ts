/** Parts of a DATE or DATETIME, which are texts of fixed places in SQLite: it cuts them out by itself, without a call for each row. */
import { findFunction } from '../functions/index.ts';
import { Bound } from './bound.ts';
import { infoOf } from './call.ts';
import type { Compiler } from './compiler.ts';

/** Where a part stands in '2026-01-31 23:59:59'. */
const PLACES: Readonly<Record<string, readonly [from: number, length: number]>> = {
  DATE: [1, 10],
  YEAR: [1, 4],
  MONTH: [6, 2],
  DAY: [9, 2],
  DAYOFMONTH: [9, 2],
  HOUR: [12, 2],
  MINUTE: [15, 2],
  SECOND: [18, 2],
};
const IN_A_DATE = 10;

export function datePart(c: Compiler, name: string, args: readonly Bound[]): Bound | undefined {
  const place = PLACES[name];
  const [arg] = args;
  if (!place || !arg || args.length > 1 || arg.bind) return undefined;
  const { kind } = arg.type;
  if (kind !== 'datetime' && !(kind === 'date' && place[0] < IN_A_DATE)) return undefined;
  const type = findFunction(name)?.result([infoOf(arg)], c.typeEnv);
  if (!type) return undefined;
  const part = (): string => `substr(${arg.sql},${place[0]},${place[1]})`;
  return new Bound(() => (type.kind === 'date' ? part() : `CAST(${part()} AS INTEGER)`), {
    type,
    nullable: true,
    bits: 14,
  });
}
