/** What rows touch, as keys of footprints: the row, its unique keys, the parents that its foreign keys name, its own as a parent. */
import type { Catalog, TableDef } from '../../sql/index.ts';
import type { Row, RowChange, RowId } from '../../store/index.ts';
import { partKey, type TableRuntime } from '../table.ts';

type KeyOf = (row: Row) => string | undefined;

/** The keys of one table, made once for each version of the catalog. */
interface TableKeys {
  /** Place of the integer primary key that is the rowid, or -1. */
  readonly rowid: number;
  readonly unique: readonly KeyOf[];
  /** Keys of the parents that a row of this table names. */
  readonly parents: readonly KeyOf[];
  /** Keys under which children name a row of this table. */
  readonly children: readonly KeyOf[];
}

export class FootprintKeys {
  private readonly catalog: Catalog;
  private readonly runtimeOf: (table: TableDef) => TableRuntime;
  private readonly made = new Map<number, { readonly version: number; readonly keys: TableKeys }>();

  constructor(catalog: Catalog, runtimeOf: (table: TableDef) => TableRuntime) {
    this.catalog = catalog;
    this.runtimeOf = runtimeOf;
  }

  row(table: TableDef, rowid: RowId): string {
    return `${table.id}:${rowid}`;
  }

  /** What a change read and wrote. */
  ofChange({ table, rowid, newRowid, before, after }: RowChange, reads: string[], writes: string[]): void {
    const keys = this.of(table);
    writes.push(this.row(table, rowid));
    if (newRowid !== undefined) writes.push(this.row(table, newRowid));
    for (const row of [before, after]) for (const key of keys.parents) push(reads, row && key(row));
    for (const key of [...keys.unique, ...keys.children]) {
      const [old, now] = [before && key(before), after && key(after)];
      if (old === now) continue;
      push(writes, old);
      push(writes, now);
    }
  }

  /** What decides whether a row can be stored. */
  ofAttempt(table: TableDef, row: Row, reads: string[]): void {
    const keys = this.of(table);
    const primary = keys.rowid < 0 ? null : (row[keys.rowid] ?? null);
    if (typeof primary === 'number' || typeof primary === 'bigint') reads.push(this.row(table, primary));
    for (const key of [...keys.unique, ...keys.parents]) push(reads, key(row));
  }

  /**
   * The keys under which children name a row. Each child reads its parent's key, so children commute with each other; who
   * looks which children there are writes it.
   */
  ofChildren(table: TableDef, row: Row, writes: string[]): void {
    for (const key of this.of(table).children) push(writes, key(row));
  }

  private of(table: TableDef): TableKeys {
    const { version } = this.catalog;
    const known = this.made.get(table.id);
    if (known?.version === version) return known.keys;
    const keys = this.make(table);
    this.made.set(table.id, { version, keys });
    return keys;
  }

  private make(table: TableDef): TableKeys {
    const runtime = this.runtimeOf(table);
    const unique = runtime.unique
      .filter((key) => !key.isRowid)
      .map(
        (key): KeyOf =>
          (row) =>
            prefixed(`${table.id}:u${key.index.id}:`, key.keyOf(row)),
      );
    const parents = table.foreignKeys.flatMap((foreignKey): KeyOf[] => {
      const parent = this.catalog.table(foreignKey.referencedDatabase, foreignKey.referencedTable);
      const places = foreignKey.columns.map((id) => table.columns.findIndex((c) => c.id === id));
      return parent ? [parentKey(parent, foreignKey.referencedColumns, places)] : [];
    });
    const children = this.catalog.children(table.database, table.name).map(({ foreignKey }) => {
      const places = foreignKey.referencedColumns.map((name) => placeOf(table, name));
      return parentKey(table, foreignKey.referencedColumns, places);
    });
    return { rowid: runtime.rowid, unique, parents, children };
  }
}

const placeOf = (table: TableDef, name: string): number =>
  table.columns.findIndex((c) => c.name.toLowerCase() === name.toLowerCase());

/** The key of a parent's columns, made of values that lie at `places` of a row, the parent's own or a child's. */
function parentKey(parent: TableDef, columns: readonly string[], places: readonly number[]): KeyOf {
  const own = columns.map((name) => placeOf(parent, name));
  const texts = own.map((place) => partKey(parent.columns[place]?.type ?? { kind: 'null' }, undefined));
  const prefix = `${parent.id}:p${own.join(',')}:`;
  return (row) => {
    let key = prefix;
    for (const [i, place] of places.entries()) {
      const value = row[place] ?? null;
      if (value === null) return undefined;
      key += `${texts[i]?.(value) ?? ''}\u0000`;
    }
    return key;
  };
}

const prefixed = (prefix: string, key: string | undefined): string | undefined =>
  key === undefined ? undefined : prefix + key;

function push(list: string[], key: string | undefined): void {
  if (key !== undefined) list.push(key);
}
