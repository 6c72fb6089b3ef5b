/** LIKE 'abc%' beside a column whose index begins with it: the range of keys that the pattern's beginning leaves. */
import type { SqliteValue, SqlType } from '../types/index.ts';
import { hasKeysByCharacter, sortKey } from '../values/index.ts';
import { COERCIBILITY, type Binder, type Bound } from './bound.ts';
import type { Compiler } from './compiler.ts';
import { word } from './literals.ts';

/** Behind all keys that begin with what stands before it. */
const END = '\u{10ffff}';

/** What follows from LIKE with that pattern, as SQLite's condition; undefined where nothing does, or no index serves. */
export function likeRange(c: Compiler, operand: Bound, pattern: Bound): string | undefined {
  const { column, type } = operand;
  if (type.kind !== 'string' || !column || pattern.type.kind !== 'string') return undefined;
  // They meet under the column's collation.
  if (operand.coercibility >= pattern.coercibility || pattern.coercibility < COERCIBILITY.literal) return undefined;
  if (!hasKeysByCharacter(type.collation) || pattern.type.collation.split('_')[0] !== type.collation.split('_')[0])
    return undefined;
  const table = column.tableId === undefined ? undefined : c.catalog.tableById(column.tableId);
  if (!table?.indexes.some(({ parts }) => parts[0]?.column === column.columnId)) return undefined;
  const key = c.sortKey(type.collation, operand.sql);
  const keyOf = sortKey(type.collation);
  if (pattern.known) {
    const low = keyOf(beginningOf(pattern.known()) ?? '');
    return low === '' ? undefined : `${key}>=${word(c, low).sql} AND ${key}<${word(c, low + END).sql}`;
  }
  const { bind } = pattern;
  if (!bind || !isBeginning(pattern.type)) return undefined;
  const end = (behind: string): string => {
    const binder: Binder = (x) => {
      const beginning = beginningOf(bind(x));
      return beginning === undefined ? null : keyOf(beginning) + behind;
    };
    return c.param(binder);
  };
  return `${key}>=${end('')} AND ${key}<${end(END)}`;
}

/** What a pattern has before its first wildcard or escape; undefined of NULL. */
const beginningOf = (pattern: SqliteValue): string | undefined =>
  typeof pattern === 'string' ? /^[^%_\\]*/.exec(pattern)?.[0] : undefined;

/** A placeholder's type where its value, as a pattern of LIKE, begins with characters: one that does not is not worth a look at the index. */
type BeginningType = Extract<SqlType, { kind: 'string' }> & { readonly begins: true };

const isBeginning = (type: SqlType): type is BeginningType => 'begins' in type;

export const asBeginning = (type: SqlType): SqlType | BeginningType =>
  type.kind === 'string' ? { ...type, begins: true } : type;

export const beginsWithCharacters = (pattern: unknown): boolean =>
  typeof pattern === 'string' && beginningOf(pattern) !== '';
