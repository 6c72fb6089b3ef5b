/** The type in which several expressions meet: CASE, COALESCE, LEAD, UNION. */
import { aggregateTypes } from '../functions/index.ts';
import type { SqlType } from '../types/index.ts';
import { COERCIBILITY, type Bound } from './bound.ts';

/** The common type, and the coercibility of its collation. */
export function commonType(values: readonly Bound[]): [SqlType, number] {
  const type = aggregateTypes(
    values.map((v) => v.type),
    values.map((v) => v.coercibility),
  );
  return [
    type,
    Math.min(...values.filter((v) => v.type.kind !== 'null').map((v) => v.coercibility), COERCIBILITY.null),
  ];
}
