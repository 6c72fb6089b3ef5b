/** Which parts an index may have, and the order in which a table lists its indexes. */
import {
  maxBytesPerChar,
  SqlError,
  type ColumnDef,
  type IndexDef,
  type IndexDefinition,
  type IndexPartDef,
  type TableDef,
} from '../../sql/index.ts';
import type { DraftContext } from './draft-context.ts';

/** Of a column, or of its first characters. Throws SqlError. */
export function partOf(
  column: ColumnDef,
  { column: name, length }: { readonly column: string; readonly length: number | undefined },
  kind: IndexDefinition['type'],
): IndexPartDef {
  const { type } = column;
  if (length !== undefined) {
    if (length === 0) throw new SqlError(1391, 'HY000', `Key part '${name}' length cannot be 0`);
    if ((type.kind !== 'string' && type.kind !== 'binary') || length > type.length) {
      throw new SqlError(
        1089,
        'HY000',
        "Incorrect prefix key; the used key part isn't a string, the used length is longer than the key part, or the storage engine doesn't support unique prefix keys",
      );
    }
  } else if (kind !== 'fulltext' && isBlob(column)) {
    throw new SqlError(
      1170,
      '42000',
      `BLOB/TEXT column '${column.name}' used in key specification without a key length`,
    );
  }
  if (type.kind === 'json' && kind !== 'fulltext')
    throw new SqlError(
      3152,
      '42000',
      `JSON column '${column.name}' supports indexing only via generated columns on a specified JSON path.`,
    );
  const whole =
    length !== undefined &&
    (type.kind === 'string' || type.kind === 'binary') &&
    length === type.length &&
    !isBlob(column);
  return { column: column.id, ...(length !== undefined && !whole && { length }) };
}

const isBlob = (column: ColumnDef): boolean =>
  (column.type.kind === 'string' && column.type.family.endsWith('text')) ||
  (column.type.kind === 'binary' && column.type.family.endsWith('blob'));

/** Whether an index begins with these columns, whole. */
export function startsWith(index: readonly IndexPartDef[], parts: readonly IndexPartDef[]): boolean {
  return parts.every((p, i) => {
    const part = index[i];
    return part?.column === p.column && part.length === undefined && !part.descending;
  });
}

/** MySQL lists the primary key first, then unique keys that cannot be NULL, then the other unique ones (of each, those of prefixes last), then the rest. */
export function sortIndexes(indexes: IndexDef[], columns: readonly ColumnDef[]): void {
  const rank = (i: IndexDef): number => {
    if (i.kind === 'primary') return 0;
    if (i.kind === 'unique')
      return (
        (i.parts.every((p) => columns.find((c) => c.id === p.column)?.nullable === false) ? 1 : 2) +
        (i.parts.some((p) => p.length !== undefined) ? 0.5 : 0)
      );
    return i.kind === 'fulltext' ? 4 : 3;
  };
  indexes.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
}

const KEY_BYTES_MAX = 3072;

/**
 * The index, if InnoDB could have it (error 1071). Where MySQL is not strict, the column of an index that is not unique is indexed by its
 * beginning. What the table had before stays.
 */
export function checkKeyLength(
  index: IndexDef,
  columns: readonly ColumnDef[],
  base: TableDef,
  x: Pick<DraftContext, 'strict' | 'warn'>,
): IndexDef {
  if (index.kind === 'fulltext' || index.kind === 'spatial') return index;
  const bytes = index.parts.map((part) => bytesOf(part, columns));
  const isLong = bytes.some((n) => n > KEY_BYTES_MAX);
  if (!isLong && bytes.reduce((sum, n) => sum + n, 0) <= KEY_BYTES_MAX) return index;
  const old = base.indexes.find(({ id }) => id === index.id);
  if (old && old.parts.every((part, i) => bytesOf(part, base.columns) === bytes[i])) return index;
  const message = `Specified key was too long; max key length is ${KEY_BYTES_MAX} bytes`;
  if (!isLong || x.strict || index.kind !== 'index') throw new SqlError(1071, '42000', message);
  x.warn(1071, message);
  const parts = index.parts.map((part, i) =>
    (bytes[i] as number) > KEY_BYTES_MAX
      ? { ...part, length: Math.floor(KEY_BYTES_MAX / bytesPerUnit(columns.find((c) => c.id === part.column))) }
      : part,
  );
  return { ...index, parts };
}

const bytesPerUnit = (column: ColumnDef | undefined): number =>
  column?.type.kind === 'string' ? maxBytesPerChar(column.type.collation) : 1;

/** Of a part's text; what else a key has is short. */
function bytesOf({ column: id, length }: IndexPartDef, columns: readonly ColumnDef[]): number {
  const column = columns.find((c) => c.id === id);
  if (!column || column.hidden || (column.type.kind !== 'string' && column.type.kind !== 'binary')) return 0;
  return (length ?? column.type.length) * bytesPerUnit(column);
}
