/** The type in which several expressions meet: CASE, COALESCE, LEAD, UNION. */
import { aggregateTypes } from '../functions/index.ts';
import type { SqlType, StringType } from '../types/index.ts';
import { meetCollations } from '../values/index.ts';
import { COERCIBILITY, type Bound } from './bound.ts';

/** The common type, and the coercibility of its collation; where the collations do not agree, the operation is refused. */
export function commonType(values: readonly Bound[], operation?: string): [SqlType, number] {
  const type = aggregateTypes(
    values.map((v) => v.type),
    values.map((v) => v.coercibility),
  );
  const texts = values.filter((v) => v.type.kind === 'string');
  if (operation !== undefined && type.kind === 'string' && texts.length > 1)
    meetCollations(
      texts.map(({ type: t, coercibility }) => ({ ...(t as StringType), coercibility })),
      operation,
      true,
    );
  return [
    type,
    Math.min(...values.filter((v) => v.type.kind !== 'null').map((v) => v.coercibility), COERCIBILITY.null),
  ];
}
