/** Foreign keys: a child's parent must exist; what happens to the children when a parent changes or goes. */
import { STEP_ROWS, type Steps } from '../consistency/index.ts';
import { SqlError, type ForeignKeyDef, type TableDef } from '../sql/index.ts';
import { sameValue, type Row, type RowId } from '../store/index.ts';
import type { DmlContext } from './dml.ts';
import type { TableRuntime } from './table.ts';

/** What is left to be done follows from a change of a parent: there may be very many children. */
interface RowWork {
  update(rt: TableRuntime, rowid: RowId, before: Row, after: Row): Steps<void> | undefined;
  remove(rt: TableRuntime, rowid: RowId, before: Row): Steps<void> | undefined;
}

interface StoredRow {
  readonly rowid: RowId;
  readonly row: Row;
}

/** The children of a row by one foreign key. */
interface Children {
  readonly rt: TableRuntime;
  readonly foreignKey: ForeignKeyDef;
  readonly places: number[];
  readonly parentPlaces: number[];
  /** The first of them; where the key restricts, two are enough. */
  readonly rows: readonly StoredRow[];
  readonly others: Iterator<readonly StoredRow[]> | undefined;
}

/** MySQL's limit on the depth of cascades. */
const CASCADE_DEPTH_MAX = 15;

export class ForeignKeys {
  private readonly x: DmlContext;
  private readonly work: RowWork;
  private depth = 0;
  /** Rows that were changed because their parents were. */
  private followed = 0;

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
      const parent = isOwnParent(rt.table, foreignKey)
        ? rt.table
        : this.x.tableNamed(foreignKey.referencedDatabase, foreignKey.referencedTable);
      const parentPlaces = parent && namedPlaces(parent, foreignKey.referencedColumns);
      // A row may be its own parent.
      if (parent?.id === rt.table.id && parentPlaces?.every((p, i) => sameValue(row[p], values[i]))) continue;
      const found = parent && parentPlaces ? this.x.writer.rowsWith(parent, parentPlaces, values, 1) : [];
      if (!parent || !found[0]) return new ForeignKeyError(1452, rt.table, foreignKey, { table: parent, row, places });
      this.x.writer.lockToStay(parent, found[0].rowid);
    }
    return undefined;
  }

  private childrenWith(
    rt: TableRuntime,
    row: Row,
    changed: (places: readonly number[]) => boolean,
    wanted: (foreignKey: ForeignKeyDef, table: TableDef) => 'held' | 'following' | undefined,
  ): Children[] {
    if (!this.x.foreignKeyChecks) return [];
    return this.x.childrenOf(rt.table).flatMap(({ table, foreignKey }) => {
      const kind = wanted(foreignKey, table);
      const parentPlaces = kind && namedPlaces(rt.table, foreignKey.referencedColumns);
      if (!parentPlaces || !changed(parentPlaces)) return [];
      const values = parentPlaces.map((p) => row[p] ?? null);
      if (values.includes(null)) return [];
      this.x.looksForChildren?.(rt.table, row);
      const places = placesOf(table, foreignKey.columns);
      const { writer } = this.x;
      const others = kind === 'following' ? writer.pagesWith(table, places, values) : undefined;
      const rows = others ? firstOf(others) : writer.rowsWith(table, places, values, 2);
      return rows.length > 0 ? [{ rt: this.x.runtimeOf(table), foreignKey, places, parentPlaces, rows, others }] : [];
    });
  }

  /** Before a parent's key changes: error 1451 where an action forbids it. */
  parentChanges(rt: TableRuntime, before: Row, after: Row): void {
    const isChanged = (places: readonly number[]): boolean => places.some((p) => !sameValue(before[p], after[p]));
    // A row that refers to itself may move with itself.
    const [held] = this.childrenWith(rt, before, isChanged, (foreignKey, table) =>
      follows(foreignKey.onUpdate) && !becomesNull(table, foreignKey, rt.table, after) ? undefined : 'held',
    );
    if (held) throw childrenHold(held, rt, before);
  }

  /** After a parent's key changed; what is left to be done: its children follow. */
  parentChanged(rt: TableRuntime, before: Row, after: Row): Steps<void> | undefined {
    const isChanged = (places: readonly number[]): boolean => places.some((p) => !sameValue(before[p], after[p]));
    const children = this.childrenWith(rt, before, isChanged, ({ onUpdate }) =>
      follows(onUpdate) ? 'following' : undefined,
    );
    return children.length > 0 ? this.childrenFollow(children, after) : undefined;
  }

  private *childrenFollow(children: readonly Children[], after: Row): Steps<void> {
    for (const child of children) {
      const cascades = child.foreignKey.onUpdate === 'CASCADE';
      yield* this.deeper(child, ({ rowid, row }) => {
        const changed = [...row];
        child.places.forEach((p, i) => (changed[p] = cascades ? (after[child.parentPlaces[i] ?? 0] ?? null) : null));
        return this.work.update(child.rt, rowid, row, changed);
      });
    }
  }

  /** Removes a parent by `remove`, for which `instead` may come; what is left to be done is what its children's keys demand. */
  parentRemoved(rt: TableRuntime, before: Row, remove: () => void, instead?: Row): Steps<void> | undefined {
    const children = this.childrenWith(
      rt,
      before,
      (places) => !instead || places.some((p) => !sameValue(before[p], instead[p])),
      ({ onDelete }) => (follows(onDelete) ? 'following' : 'held'),
    );
    for (const child of children) {
      if (child.others) continue;
      const others = child.rows.filter(({ row }) => !isSameRow(child.rt, row, rt, before));
      if (others.length > 0) throw childrenHold(child, rt, before);
    }
    remove();
    const following = children.filter(({ others }) => others);
    return following.length > 0 ? this.childrenGo(following, rt, before) : undefined;
  }

  private *childrenGo(children: readonly Children[], rt: TableRuntime, before: Row): Steps<void> {
    for (const child of children) {
      const cascades = child.foreignKey.onDelete === 'CASCADE';
      yield* this.deeper(child, ({ rowid }) => {
        // An earlier cascade may have changed it.
        const row = this.x.writer.get(child.rt.table, rowid);
        if (!row || isSameRow(child.rt, row, rt, before)) return undefined;
        this.x.writer.lockForChange(child.rt.table, rowid);
        if (cascades) return this.work.remove(child.rt, rowid, row);
        const changed = [...row];
        for (const p of child.places) changed[p] = null;
        return this.work.update(child.rt, rowid, row, changed);
      });
    }
  }

  /** Does something to all children, and what follows from it. */
  private *deeper({ rows, others }: Children, work: (child: StoredRow) => Steps<void> | undefined): Steps<void> {
    if (this.depth >= CASCADE_DEPTH_MAX) {
      throw new SqlError(3008, 'HY000', `Foreign key cascade delete/update exceeds max depth of ${CASCADE_DEPTH_MAX}.`);
    }
    const { writer } = this.x;
    const { derived } = writer;
    this.depth++;
    writer.derived = true;
    try {
      for (let page = rows; page.length > 0; page = firstOf(others)) {
        this.x.follows?.((this.followed += page.length));
        for (const [i, child] of page.entries()) {
          const rest = work(child);
          if (rest) yield* rest;
          if (i % STEP_ROWS === STEP_ROWS - 1) yield;
        }
      }
    } finally {
      this.depth--;
      writer.derived = derived;
    }
  }
}

/** Also of a table that is found by no name yet. */
export const isOwnParent = (
  { database, name }: TableDef,
  { referencedDatabase, referencedTable }: ForeignKeyDef,
): boolean => referencedDatabase === database && referencedTable === name;

const follows = (action: ForeignKeyDef['onDelete']): boolean => action === 'CASCADE' || action === 'SET NULL';

/** Whether a cascade would put NULL into a child's column that cannot be NULL. */
function becomesNull(
  child: TableDef,
  { columns, referencedColumns, onUpdate }: ForeignKeyDef,
  parent: TableDef,
  after: Row,
): boolean {
  if (onUpdate !== 'CASCADE') return false;
  const places = namedPlaces(parent, referencedColumns) ?? [];
  return placesOf(child, columns).some(
    (place, i) => !child.columns[place]?.nullable && (after[places[i] ?? 0] ?? null) === null,
  );
}

/** A table whose rows go or move with those of another one. */
export interface Follower {
  readonly table: TableDef;
  readonly places: readonly number[];
  readonly parentPlaces: readonly number[];
  readonly goes: boolean;
  readonly moves: boolean;
}

export function followersOf(
  parent: TableDef,
  children: readonly { readonly table: TableDef; readonly foreignKey: ForeignKeyDef }[],
): Follower[] {
  return children.flatMap(({ table, foreignKey }) => {
    const parentPlaces = namedPlaces(parent, foreignKey.referencedColumns);
    const [goes, moves] = [follows(foreignKey.onDelete), follows(foreignKey.onUpdate)];
    if (!parentPlaces || !(goes || moves)) return [];
    return [{ table, places: placesOf(table, foreignKey.columns), parentPlaces, goes, moves }];
  });
}

/** The next page; an empty one at the end. */
function firstOf(pages: Iterator<readonly StoredRow[]> | undefined): readonly StoredRow[] {
  const next = pages?.next();
  return next && next.done !== true ? next.value : [];
}

const isSameRow = (a: TableRuntime, row: Row, b: TableRuntime, other: Row): boolean =>
  a.table.id === b.table.id && row.every((value, i) => sameValue(value, other[i]));

const placesOf = (table: TableDef, ids: readonly number[]): number[] =>
  ids.map((id) => table.columns.findIndex((c) => c.id === id));

function namedPlaces(table: TableDef, names: readonly string[]): number[] | undefined {
  const places = names.map((name) => table.columns.findIndex((c) => c.name.toLowerCase() === name.toLowerCase()));
  return places.includes(-1) ? undefined : places;
}

/** The parent that a foreign key names, by values that lie at `places` of a row, its own or a child's. */
interface NamedParent {
  readonly table: TableDef | undefined;
  readonly row: Row;
  readonly places: readonly number[];
}

/** A child has no parent (1452), or a parent has children (1451). */
export class ForeignKeyError extends SqlError {
  readonly foreignKey: ForeignKeyDef;
  readonly parent: NamedParent;

  constructor(errno: 1451 | 1452, child: TableDef, foreignKey: ForeignKeyDef, parent: NamedParent) {
    const what = errno === 1451 ? 'Cannot delete or update a parent row' : 'Cannot add or update a child row';
    const constraint = foreignKeyText(child, foreignKey);
    super(
      errno,
      '23000',
      `${what}: a foreign key constraint fails (\`${child.database}\`.\`${child.name}\`, ${constraint})`,
    );
    this.foreignKey = foreignKey;
    this.parent = parent;
  }
}

const childrenHold = ({ rt, foreignKey, parentPlaces }: Children, parent: TableRuntime, row: Row): ForeignKeyError =>
  new ForeignKeyError(1451, rt.table, foreignKey, { table: parent.table, row, places: parentPlaces });

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
