/** Foreign keys: a child's parent must exist; what happens to the children when a parent changes or goes. */
import { SqlError, type ForeignKeyDef, type TableDef } from '../sql/index.ts';
import { sameValue, type Row, type RowId } from '../store/index.ts';
import type { DmlContext } from './dml.ts';
import type { TableRuntime } from './table.ts';

interface RowWork {
  update(rt: TableRuntime, rowid: RowId, before: Row, after: Row): void;
  remove(rt: TableRuntime, rowid: RowId, before: Row): void;
}

/** MySQL's limit on the depth of cascades. */
const CASCADE_DEPTH_MAX = 15;

export class ForeignKeys {
  private readonly x: DmlContext;
  private readonly work: RowWork;
  private depth = 0;

  constructor(x: DmlContext, work: RowWork) {
    this.x = x;
    this.work = work;
  }

  /** Error 1452 when a foreign key of the row has no parent. With `before`, only keys that changed are looked at. */
  parentMissing(rt: TableRuntime, row: Row, before?: Row): SqlError | undefined {
    if (!this.x.foreignKeyChecks) return undefined;
    for (const foreignKey of rt.foreignKeys) {
      const places = placesOf(rt.table, foreignKey.columns);
      const values = places.map((p) => row[p] ?? null);
      if (values.includes(null) || (before && places.every((p) => sameValue(before[p], row[p])))) continue;
      const parent = this.x.tableNamed(foreignKey.referencedDatabase, foreignKey.referencedTable);
      const parentPlaces = parent && namedPlaces(parent, foreignKey.referencedColumns);
      // A row may be its own parent.
      if (parent?.id === rt.table.id && parentPlaces?.every((p, i) => sameValue(row[p], values[i]))) continue;
      const found = parent && parentPlaces ? this.x.writer.rowsWith(parent, parentPlaces, values, 1) : [];
      if (!parent || !found[0]) return failure(1452, 'Cannot add or update a child row', rt.table, foreignKey);
      this.x.writer.lockToStay(parent, found[0].rowid);
    }
    return undefined;
  }

  private childrenWith(
    rt: TableRuntime,
    row: Row,
    changed: (places: readonly number[]) => boolean,
  ): {
    rt: TableRuntime;
    foreignKey: ForeignKeyDef;
    places: number[];
    parentPlaces: number[];
    rows: { rowid: RowId; row: Row }[];
  }[] {
    if (!this.x.foreignKeyChecks) return [];
    return this.x.childrenOf(rt.table).flatMap(({ table, foreignKey }) => {
      const parentPlaces = namedPlaces(rt.table, foreignKey.referencedColumns);
      if (!parentPlaces || !changed(parentPlaces)) return [];
      const values = parentPlaces.map((p) => row[p] ?? null);
      if (values.includes(null)) return [];
      this.x.looksForChildren?.(rt.table, row);
      const places = placesOf(table, foreignKey.columns);
      const restricts = foreignKey.onDelete === 'RESTRICT' || foreignKey.onDelete === 'NO ACTION';
      const rows = this.x.writer.rowsWith(table, places, values, restricts ? 2 : 1_000_000_000);
      return rows.length > 0 ? [{ rt: this.x.runtimeOf(table), foreignKey, places, parentPlaces, rows }] : [];
    });
  }

  /** Before a parent's key changes: error 1451 where an action forbids it. */
  parentChanges(rt: TableRuntime, before: Row, after: Row): void {
    for (const child of this.childrenWith(rt, before, (places) =>
      places.some((p) => !sameValue(before[p], after[p])),
    )) {
      const { onUpdate } = child.foreignKey;
      if (onUpdate === 'CASCADE' || onUpdate === 'SET NULL') continue;
      // A row that refers to itself may move with itself.
      throw failure(1451, 'Cannot delete or update a parent row', child.rt.table, child.foreignKey);
    }
  }

  /** After a parent's key changed: its children follow. */
  parentChanged(rt: TableRuntime, before: Row, after: Row): void {
    for (const child of this.childrenWith(rt, before, (places) =>
      places.some((p) => !sameValue(before[p], after[p])),
    )) {
      const { onUpdate } = child.foreignKey;
      if (onUpdate !== 'CASCADE' && onUpdate !== 'SET NULL') continue;
      this.deeper(() => {
        for (const { rowid, row } of child.rows) {
          const changed = [...row];
          child.places.forEach(
            (p, i) => (changed[p] = onUpdate === 'CASCADE' ? (after[child.parentPlaces[i] ?? 0] ?? null) : null),
          );
          this.work.update(child.rt, rowid, row, changed);
        }
      });
    }
  }

  /** Removes a parent by `remove`, with what its children's keys demand round it. */
  parentRemoved(rt: TableRuntime, before: Row, remove: () => void): void {
    const children = this.childrenWith(rt, before, () => true);
    for (const child of children) {
      const { onDelete } = child.foreignKey;
      if (onDelete === 'CASCADE' || onDelete === 'SET NULL') continue;
      const others = child.rows.filter(
        ({ row }) => child.rt.table.id !== rt.table.id || !row.every((v, i) => sameValue(v, before[i])),
      );
      if (others.length > 0)
        throw failure(1451, 'Cannot delete or update a parent row', child.rt.table, child.foreignKey);
    }
    remove();
    for (const child of children) {
      const { onDelete } = child.foreignKey;
      this.deeper(() => {
        for (const { rowid } of child.rows) {
          // An earlier cascade may have changed it.
          const row = this.x.writer.get(child.rt.table, rowid);
          if (!row || (child.rt.table.id === rt.table.id && row.every((v, i) => sameValue(v, before[i])))) continue;
          this.x.writer.lockForChange(child.rt.table, rowid);
          if (onDelete === 'CASCADE') this.work.remove(child.rt, rowid, row);
          else if (onDelete === 'SET NULL') {
            const changed = [...row];
            for (const p of child.places) changed[p] = null;
            this.work.update(child.rt, rowid, row, changed);
          }
        }
      });
    }
  }

  private deeper(work: () => void): void {
    if (this.depth >= CASCADE_DEPTH_MAX) {
      throw new SqlError(3008, 'HY000', `Foreign key cascade delete/update exceeds max depth of ${CASCADE_DEPTH_MAX}.`);
    }
    const { writer } = this.x;
    const { derived } = writer;
    this.depth++;
    writer.derived = true;
    try {
      work();
    } finally {
      this.depth--;
      writer.derived = derived;
    }
  }
}

const placesOf = (table: TableDef, ids: readonly number[]): number[] =>
  ids.map((id) => table.columns.findIndex((c) => c.id === id));

function namedPlaces(table: TableDef, names: readonly string[]): number[] | undefined {
  const places = names.map((name) => table.columns.findIndex((c) => c.name.toLowerCase() === name.toLowerCase()));
  return places.includes(-1) ? undefined : places;
}

function failure(errno: 1451 | 1452, what: string, table: TableDef, foreignKey: ForeignKeyDef): SqlError {
  return new SqlError(
    errno,
    '23000',
    `${what}: a foreign key constraint fails (\`${table.database}\`.\`${table.name}\`, ${foreignKeyText(table, foreignKey)})`,
  );
}

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** A foreign key as SHOW CREATE TABLE prints it. */
export function foreignKeyText(table: TableDef, foreignKey: ForeignKeyDef): string {
  const columns = foreignKey.columns.map((id) => quote(table.columns.find((c) => c.id === id)?.name ?? '')).join(', ');
  const parent =
    (foreignKey.referencedDatabase === table.database ? '' : `${quote(foreignKey.referencedDatabase)}.`) +
    quote(foreignKey.referencedTable);
  const actions =
    (foreignKey.onDelete === 'NO ACTION' ? '' : ` ON DELETE ${foreignKey.onDelete}`) +
    (foreignKey.onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${foreignKey.onUpdate}`);
  return `CONSTRAINT ${quote(foreignKey.name)} FOREIGN KEY (${columns}) REFERENCES ${parent} (${foreignKey.referencedColumns.map(quote).join(', ')})${actions}`;
}
