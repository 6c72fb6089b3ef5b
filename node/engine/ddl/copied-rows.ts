/** Which schema changes MySQL makes by copying the table: it counts the rows of these as affected. */
import {
  charsetOf,
  maxBytesPerChar,
  primaryKey,
  type ColumnDef,
  type SqlType,
  type TableDef,
} from '../../sql/index.ts';

export interface Manner {
  /** ALGORITHM=COPY, old_alter_table, or a clause that MySQL knows no other way for. */
  readonly copies: boolean;
  readonly foreignKeyChecks: boolean;
  /** FORCE and ENGINE make a table anew that is as it was. */
  readonly rebuilds: boolean;
}

/** InnoDB changes what it can in place or in the definition alone; other engines, and temporary tables, copy. */
export function copiesRows(old: TableDef, next: TableDef, manner: Manner): boolean {
  if (manner.copies || old.temporary || old.options.engine !== next.options.engine) return true;
  if (old.partitions !== next.partitions) return true;
  if (old.options.engine.toLowerCase() !== 'innodb') return manner.rebuilds || isOtherwiseBuilt(old, next);
  return (
    next.columns.some((column) => copiesFor(old, column)) ||
    (losesClusteredKey(old, next) && !primaryKey(next)) ||
    next.checks.some(({ id, enforced }) => enforced && !old.checks.some((c) => c.id === id && c.enforced)) ||
    (manner.foreignKeyChecks && next.foreignKeys.some(({ id }) => !old.foreignKeys.some((f) => f.id === id)))
  );
}

/** Columns or keys are other ones: names, defaults and comments aside. */
function isOtherwiseBuilt(old: TableDef, next: TableDef): boolean {
  const built = ({ columns, indexes, checks }: TableDef): string =>
    JSON.stringify([
      columns.map(({ id, type, nullable, autoIncrement, generated }) => [id, type, nullable, autoIncrement, generated]),
      indexes.map(({ id }) => id),
      checks.map(({ id, enforced }) => [id, enforced]),
    ]);
  return built(old) !== built(next);
}

function copiesFor(old: TableDef, column: ColumnDef): boolean {
  const before = old.columns.find(({ id }) => id === column.id);
  if (!before) return column.generated?.stored === true || column.default?.kind === 'expression';
  const isIndexed = old.indexes.some(({ parts }) => parts.some((part) => part.column === column.id));
  return (
    before.autoIncrement !== column.autoIncrement ||
    JSON.stringify(before.generated) !== JSON.stringify(column.generated) ||
    !liesAlike(before.type, column.type, isIndexed)
  );
}

/** Whether the values that lie in a table are values of the other type as they are. */
function liesAlike(from: SqlType, to: SqlType, isIndexed: boolean): boolean {
  if (JSON.stringify(from) === JSON.stringify(to)) return true;
  if ((from.kind === 'enum' || from.kind === 'set') && from.kind === to.kind)
    return (
      (from.collation === to.collation || (!isIndexed && charsetOf(from.collation) === charsetOf(to.collation))) &&
      from.values.every((value, i) => value === to.values[i]) &&
      membersSize(from) === membersSize(to)
    );
  if (from.kind === 'string' && to.kind === 'string' && from.family === to.family) {
    if (from.collation !== to.collation && (isIndexed || !extends_(charsetOf(from.collation), charsetOf(to.collation))))
      return false;
    const [before, after] = [from, to].map(({ length, collation }) => length * maxBytesPerChar(collation));
    if (from.family === 'varchar') return growsInPlace(before as number, after as number);
    return from.length === to.length && charsetOf(from.collation) === charsetOf(to.collation);
  }
  return (
    from.kind === 'binary' &&
    to.kind === 'binary' &&
    from.family === 'varbinary' &&
    to.family === 'varbinary' &&
    growsInPlace(from.length, to.length)
  );
}

/** The length of up to 255 bytes takes one byte, that of more takes two. */
const growsInPlace = (before: number, after: number): boolean => after >= before && before < 256 === after < 256;

const extends_ = (from: string, to: string): boolean => from === to || (from === 'utf8mb3' && to === 'utf8mb4');

/** Bytes of a value. */
function membersSize({ kind, values: { length } }: Extract<SqlType, { kind: 'enum' | 'set' }>): number {
  if (kind === 'enum') return length < 256 ? 1 : 2;
  const bytes = Math.ceil(length / 8);
  return bytes > 4 ? 8 : bytes;
}

/** The rows of a table lie in the order of its primary key or, where it has none, of its first unique key without NULL. */
function losesClusteredKey(old: TableDef, next: TableDef): boolean {
  const isNotNull = ({ column, length }: { readonly column: number; readonly length?: number }): boolean =>
    length === undefined && old.columns.find(({ id }) => id === column)?.nullable === false;
  const key = primaryKey(old) ?? old.indexes.find((i) => i.kind === 'unique' && i.parts.every(isNotNull));
  return key !== undefined && !next.indexes.some(({ id }) => id === key.id);
}
