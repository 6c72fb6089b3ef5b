/** What rows touch, as keys of footprints: the row, its unique keys, the parents that its foreign keys name, its own as a parent. */
import type { Catalog, TableDef } from '../../sql/index.ts';
import type { Row, RowChange, RowId } from '../../store/index.ts';
import { isOwnParent, type ForeignKeyError } from '../foreign-keys.ts';
import { partKey, type TableRuntime, type UniqueKey } from '../table.ts';

type KeyOf = (row: Row) => string | undefined;

/** The keys of one table, made once for each version of the catalog. */
interface TableKeys {
  /** Place of the integer primary key that is the rowid, or -1. */
  readonly rowid: number;
  /** The primary key that is no rowid, one of `unique`. */
  readonly primary: KeyOf | undefined;
  readonly unique: readonly KeyOf[];
  /** Keys of the parents that a row of this table names. */
  readonly parents: readonly KeyOf[];
  /** Keys under which children name a row of this table. */
  readonly children: readonly KeyOf[];
}

export class FootprintKeys {
  private readonly catalog: Catalog;
  private readonly runtimeOf: (table: TableDef) => TableRuntime;
  private readonly made = new Map<
    number,
    { readonly table: TableDef; readonly version: number; readonly keys: TableKeys }
  >();

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

  // What a transaction leaves for those who come to meet it: see winners.ts. The same on every node, as hidden rowids are not.

  /** A row itself. */
  identity(table: TableDef, rowid: RowId, row: Row): string | undefined {
    const { primary } = this.of(table);
    return primary ? primary(row) : this.row(table, rowid);
  }

  /** What a change left: the rows that it changed, the keys that it took or gave up, the parents that its row came to name. */
  ofEffect({ table, rowid, newRowid, before, after }: RowChange, left: string[]): void {
    const { primary, unique, parents, children } = this.of(table);
    if (!primary) left.push(this.row(table, rowid));
    else if (before && after && primary(before) === primary(after)) push(left, primary(after));
    if (newRowid !== undefined && !primary) left.push(this.row(table, newRowid));
    for (const list of [unique, children]) {
      for (const key of list) {
        const [old, now] = [before && key(before), after && key(after)];
        if (old === now) continue;
        push(left, old);
        push(left, now);
      }
    }
    for (const key of parents) {
      const now = after && key(after);
      if (now !== undefined && now !== (before && key(before))) left.push(naming(now));
    }
  }

  /** A unique key of a row. */
  unique(table: TableDef, key: UniqueKey, row: Row): string | undefined {
    if (key.isRowid) return this.row(table, row[key.places[0] as number] as RowId);
    return prefixed(`${table.id}:u${key.index.id}:`, key.keyOf(row));
  }

  /** A parent that is missing, or that somebody came to name as one. */
  ofForeignKey({ errno, foreignKey, parent: { table, row, places } }: ForeignKeyError): string | undefined {
    const key = table && parentKey(table, foreignKey.referencedColumns, places)(row);
    return key !== undefined && errno === 1451 ? naming(key) : key;
  }

  private of(table: TableDef): TableKeys {
    const { version } = this.catalog;
    const known = this.made.get(table.id);
    if (known?.version === version && known.table === table) return known.keys;
    const keys = this.make(table);
    this.made.set(table.id, { table, version, keys });
    return keys;
  }

  private make(table: TableDef): TableKeys {
    const runtime = this.runtimeOf(table);
    const ofUnique =
      (key: UniqueKey): KeyOf =>
      (row) =>
        this.unique(table, key, row);
    const uniqueKeys = runtime.unique.filter((key) => !key.isRowid);
    const unique = uniqueKeys.map(ofUnique);
    const primary = unique[uniqueKeys.findIndex(({ index }) => index.kind === 'primary')];
    const parents = table.foreignKeys.flatMap((foreignKey): KeyOf[] => {
      const parent = isOwnParent(table, foreignKey)
        ? table
        : this.catalog.table(foreignKey.referencedDatabase, foreignKey.referencedTable);
      const places = foreignKey.columns.map((id) => table.columns.findIndex((c) => c.id === id));
      return parent ? [parentKey(parent, foreignKey.referencedColumns, places)] : [];
    });
    const children = this.catalog.children(table.database, table.name).map(({ foreignKey }) => {
      const places = foreignKey.referencedColumns.map((name) => placeOf(table, name));
      return parentKey(table, foreignKey.referencedColumns, places);
    });
    return { rowid: runtime.rowid, primary, unique, parents, children };
  }
}

const placeOf = (table: TableDef, name: string): number =>
  table.columns.findIndex((c) => c.name.toLowerCase() === name.toLowerCase());

/** What the definition of a table does to its rows. */
export const definitionKey = (table: number): string => `${table}:definition`;
/** All its rows are gone, or the table itself. */
export const goneKey = (table: number): string => `${table}:gone`;
/** That a row came to name a parent. */
const naming = (parent: string): string => `${parent}<`;

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
