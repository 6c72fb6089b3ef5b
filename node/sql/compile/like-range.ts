/** LIKE 'abc%' beside a column whose index begins with it: the range of keys that the pattern's beginning leaves. */
import { hasKeysByCharacter, sortKey } from '../values/index.ts';
import { COERCIBILITY, type Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { word } from './literals.ts';

/** Behind all keys that begin with what stands before it. */
const END = '\u{10ffff}';

/** What follows from LIKE with that pattern, as SQLite's condition; undefined where nothing does, or no index serves. */
export function likeRange(c: Compiler, operand: Bound, pattern: Bound): string | undefined {
  const { column, type } = operand;
  if (type.kind !== 'string' || !column || pattern.type.kind !== 'string' || !pattern.known) return undefined;
  // They meet under the column's collation.
  if (operand.coercibility >= pattern.coercibility || pattern.coercibility < COERCIBILITY.literal) return undefined;
  if (!hasKeysByCharacter(type.collation) || pattern.type.collation.split('_')[0] !== type.collation.split('_')[0])
    return undefined;
  const table = column.tableId === undefined ? undefined : c.catalog.tableById(column.tableId);
  if (!table?.indexes.some(({ parts }) => parts[0]?.column === column.columnId)) return undefined;
  const known = pattern.known();
  const beginning = typeof known === 'string' ? /^[^%_\\]*/.exec(known)?.[0] : undefined;
  if (beginning === undefined || beginning === '') return undefined;
  const low = sortKey(type.collation)(beginning);
  if (low === '') return undefined;
  const key = c.sortKey(type.collation, operand.sql);
  return `${key}>=${word(c, low).sql} AND ${key}<${word(c, low + END).sql}`;
}
