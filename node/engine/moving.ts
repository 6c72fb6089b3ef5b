/**
 * A database with tables, on its way from the group that all nodes host to one of its own: who may change it meanwhile, and the steps of
 * the way. See groups/DESIGN.md.
 */
import {
  SqlError,
  unsupported,
  type Catalog,
  type CatalogChange,
  type DatabaseDef,
  type MovedRow,
  type MoveDef,
  type TableDef,
  type ViewDef,
} from '../sql/index.ts';
import { sameDigest } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { movedRow } from './moved-rows.ts';
import { qualifiedTables } from './virtual/view-usage.ts';

export type MovingDatabase = DatabaseDef & { readonly move: MoveDef };

export const isMoving = (database: DatabaseDef | undefined): database is MovingDatabase => database?.move !== undefined;

export const movingDatabases = (catalog: Catalog): readonly MovingDatabase[] =>
  [...catalog.databases.values()].filter(isMoving);

export const isTable = (relation: TableDef | ViewDef): relation is TableDef => 'indexes' in relation;

// Who may change it

/** Its tables stay as they are, whatever comes. */
export const isCut = (catalog: Catalog, database: string): boolean =>
  catalog.databases.get(database)?.move?.awaited.length === 0;

export const movesNow = (database: string): string =>
  `Database '${database}' is on its way to another replication group (p2pdb.moves); try restarting transaction`;

/** Nor is there anything for it in the group that all nodes host once it has another: whoever began before he knew comes again. */
const refuse = ({ catalog }: EngineCore, name: string): void => {
  const database = catalog.databases.get(name);
  if (database?.placement ?? database?.move) throw new SqlError(1213, '40001', movesNow(name));
};

/** Throws 1213 for rows of a database that moves. */
export function refuseRows(core: EngineCore, tables: Iterable<TableDef>): void {
  for (const { database, temporary } of tables) if (!temporary) refuse(core, database);
}

/** Throws 1213 for a schema change of a database that moves, or one that would join it to another. */
export function refuseSchema(core: EngineCore, changes: readonly CatalogChange[]): void {
  for (const change of changes) for (const database of concerned(core.catalog, change)) refuse(core, database);
}

function concerned(catalog: Catalog, change: CatalogChange): readonly string[] {
  switch (change.kind) {
    case 'put-table': {
      const { id, database, foreignKeys } = change.table;
      const old = catalog.tableById(id)?.database ?? database;
      return [database, old, ...foreignKeys.map(({ referencedDatabase }) => referencedDatabase)];
    }
    case 'put-view':
      return [change.view.database, ...qualifiedTables(change.view).tables.map(({ database }) => database)];
    case 'drop-view':
      return [change.database];
    case 'drop-table':
    case 'truncate-table':
    case 'auto-increment':
      return [catalog.tableById(change.id)?.database ?? ''];
    default:
      return [];
  }
}

/** Throws 1235 where a foreign key or a view joins the database to another one: they could not go on over two groups. */
export function refuseEdges(catalog: Catalog, name: string): void {
  for (const { name: database } of catalog.databases.values()) {
    for (const relation of catalog.relationsOf(database)) {
      const here = `${database}.${relation.name}`;
      const edges = isTable(relation)
        ? relation.foreignKeys.map((key) => ({
            database: key.referencedDatabase,
            text: `foreign key '${key.name}' of '${here}' refers to '${key.referencedDatabase}.${key.referencedTable}'`,
          }))
        : qualifiedTables(relation).tables.map((table) => ({
            database: table.database,
            text: `view '${here}' reads '${table.database}.${table.name}'`,
          }));
      const edge = edges.find(
        (one) => (database === name) !== (one.database === name) && isKnown(catalog, one.database),
      );
      if (edge) throw unsupported(`moving database '${name}' into a replication group of its own: ${edge.text}`);
    }
  }
}

/** Other than those that lie in no group. */
const isKnown = (catalog: Catalog, database: string): boolean => catalog.databases.has(database);

// The steps of the way

function movingTo(core: EngineCore, name: string, group: string): MovingDatabase | undefined {
  const database = core.catalog.databases.get(name);
  return isMoving(database) && database.move.to.group === group ? database : undefined;
}

/**
 * This node says that it writes nothing of the database any more: it has refused to since it knew of the move, but for the end of what had
 * been begun. What it wrote before stands in blocks, or comes before this in its chain; what it alone may hold of removed members
 * stands in blocks.
 */
export async function sayClosed(core: EngineCore, self: string, { name, move }: MovingDatabase): Promise<true> {
  const { replica, log } = core;
  for (;;) {
    const moving = movingTo(core, name, move.to.group);
    if (!moving?.move.awaited.includes(self)) return true;
    const unfinished = [...core.unfinished].filter(({ table }) => table.database === name).map(({ done }) => done);
    if (unfinished.length > 0) await Promise.allSettled(unfinished);
    // Before its last start it was another author.
    else if (!replica.isOrdered(self, log.author) || !replica.isRidOfRemoved) await replica.nextBlock();
    else {
      const awaited = moving.move.awaited.filter((id) => id !== self);
      await decideAwaited(core, moving, awaited, `closed by ${self}`);
    }
  }
}

/**
 * Has it decided that who was removed is not waited for any more, but once more for all others: one that had said its word before may
 * have entries to rescue. False where another schema change came first.
 */
export const doWithoutRemoved = (core: EngineCore, moving: MovingDatabase): Promise<boolean> =>
  decideAwaited(
    core,
    moving,
    core.group.members().map(({ id }) => id),
    'a member that was awaited is gone',
  );

const decideAwaited = (
  core: EngineCore,
  { move, ...database }: MovingDatabase,
  awaited: readonly string[],
  why: string,
): Promise<boolean> =>
  core.group.decide(`database ${database.name}: ${why}`, [
    { kind: 'put-database', database: { ...database, move: { ...move, awaited } } },
  ]);

const PIECE_ROWS = 1000;
const PIECE_CHARS = 256 << 10;

/**
 * Copies the database's tables, which do not change any more, into its own group, by schema changes of that group. So each piece is
 * ordered by a block and follows the one before: whoever else began to copy meanwhile makes the next one stale. True: it has all.
 */
export async function copyTables(
  main: EngineCore,
  own: EngineCore,
  { name, collation, move }: MovingDatabase,
): Promise<boolean> {
  if (own.catalog.databases.has(name)) return true;
  let basis = own.machine.schemaCount;
  const decide = async (what: string, changes: readonly CatalogChange[]): Promise<boolean> => {
    const goesOn = own.machine.schemaCount === basis++ && movingTo(main, name, move.to.group) !== undefined;
    return goesOn && own.group.decide(`database ${name} comes: ${what}`, changes);
  };
  const relations = main.catalog.relationsOf(name);
  const tables = relations.filter(isTable);
  const begun = [...dropped(own.catalog, name), ...tables.map((table) => ({ kind: 'put-table' as const, table }))];
  if (!(await decide('tables', begun))) return false;
  for (const table of tables)
    for (const rows of piecesOf(main, table))
      if (!(await decide(`rows of ${table.name}`, [{ kind: 'put-rows', id: table.id, rows }]))) return false;
  const differs = tables.find((table) => !sameDigest(main.state.digests.of(table), own.state.digests.of(table)));
  if (differs) throw new Error(`the copy of table ${name}.${differs.name} is not what it was made of`);
  return decide('all of it', [
    ...tables.flatMap((table) => counterOf(main, table)),
    ...relations.flatMap((view) => (isTable(view) ? [] : [{ kind: 'put-view' as const, view }])),
    { kind: 'put-database', database: { name, collation, comment: '', readOnly: false } },
  ]);
}

/** Takes all away that is there, such as what is left of a copy that did not come to its end. */
export const dropped = (catalog: Catalog, name: string): CatalogChange[] =>
  catalog
    .relationsOf(name)
    .map((relation) =>
      isTable(relation)
        ? { kind: 'drop-table', id: relation.id }
        : { kind: 'drop-view', database: name, name: relation.name },
    );

export function* piecesOf({ state }: EngineCore, table: TableDef): Generator<readonly MovedRow[], void, undefined> {
  let rows: MovedRow[] = [];
  let chars = 0;
  for (const { rowid, row } of state.scan(table)) {
    const moved = movedRow(rowid, row);
    rows.push(moved);
    chars += JSON.stringify(moved).length;
    if (rows.length < PIECE_ROWS && chars < PIECE_CHARS) continue;
    yield rows;
    rows = [];
    chars = 0;
  }
  if (rows.length > 0) yield rows;
}

/** What AUTO_INCREMENT gives next, also where the rows with the highest values are gone. */
export function counterOf({ state }: EngineCore, table: TableDef): CatalogChange[] {
  if (!table.columns.some(({ autoIncrement }) => autoIncrement)) return [];
  const next = state.counters.autoIncrement(table);
  // Beyond what JSON can say, the highest row tells.
  return typeof next === 'number' ? [{ kind: 'auto-increment', id: table.id, next }] : [];
}

/** The database's own group has its tables: clients find them there, and not here any more. False where another change came first. */
export async function handOver(main: EngineCore, { name, move: { to } }: MovingDatabase): Promise<boolean> {
  const moving = movingTo(main, name, to.group);
  if (!moving) return false;
  const { move, ...database } = moving;
  return main.group.decide(`database ${name}: its own group has it`, [
    ...dropped(main.catalog, name),
    { kind: 'put-database', database: { ...database, placement: move.to } },
  ]);
}
