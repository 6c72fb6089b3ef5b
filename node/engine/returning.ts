/**
 * A database on its way back from a group of its own to the one that all nodes host: the steps of the way. What closes its tables lies in
 * its own group, as in `main` where it goes out (moving.ts); what brings them, in `main`. See groups/DESIGN.md.
 */
import {
  SqlError,
  type CatalogChange,
  type DatabaseDef,
  type ListedConflict,
  type PlacementDef,
  type TableDef,
} from '../sql/index.ts';
import { addDigests, CONFLICT_COLUMNS, hashOf, NO_DIGEST, sameDigest } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { counterOf, dropped, isTable, movesNow, piecesOf } from './moving.ts';
import type { PlacedDatabase } from './placement.ts';
import type { EngineSession } from './session.ts';
import { keepOpen } from './unfinished.ts';

/** The databases that go back. */
export const returningDatabases = ({ databases }: EngineCore['catalog']): readonly PlacedDatabase[] =>
  [...databases.values()].filter((one): one is PlacedDatabase => one.placement !== undefined && one.home === true);

export const returnsOf = ({ returns = 0 }: PlacementDef): number => returns;

/** For which of its returns the database is closed in its own group. */
export const closedFor = (closed: DatabaseDef): number | undefined => closed.move && returnsOf(closed.move.to);

/** In its own group: nobody begins to write it any more. False where another schema change came first. */
export function closeToReturn(own: EngineCore, { move: _, ...open }: DatabaseDef, returns: number): Promise<boolean> {
  const to = { group: 'main', hosts: [], founders: [], returns };
  const awaited = own.group.members().map(({ id }) => id);
  return own.group.decide(`database ${open.name} goes back`, [
    { kind: 'put-database', database: { ...open, move: { to, awaited } } },
  ]);
}

/** In its own group: it stays. */
export const openAgain = (own: EngineCore, { move: _, ...open }: DatabaseDef): Promise<boolean> =>
  own.group.decide(`database ${open.name} stays`, [{ kind: 'put-database', database: open }]);

/**
 * Copies the tables, which do not change any more, into `main`, under new ids and without their names, and then gives them their names
 * and takes the database's group away, in one block. A copy that does not come to that is taken back as all unfinished tables are, and
 * one of an earlier return ends there: the last step is stale where the database was called back. True: it is home.
 */
export function bringHome(main: EngineCore, own: EngineCore, { name, placement }: PlacedDatabase): Promise<boolean> {
  const relations = own.catalog.relationsOf(name);
  let id = main.catalog.nextTableId;
  const copies = relations
    .filter(isTable)
    .map((table) => ({ table, copy: { ...table, id: id++, filledBy: main.group.self } }));
  const isOn = (): boolean => {
    const { placement: now, home } = main.catalog.databases.get(name) ?? {};
    return now?.group === placement.group && returnsOf(now) === returnsOf(placement) && home === true;
  };
  const decide = async (what: string, changes: () => readonly CatalogChange[]): Promise<boolean> => {
    while (isOn() && copies.every(({ copy }) => main.catalog.unnamed.get(copy.id)?.filledBy === main.group.self))
      if (await main.group.decide(`database ${name} comes back: ${what}`, changes())) return true;
    return false;
  };
  const bring = async (): Promise<boolean> => {
    const begun = copies.map(({ copy }) => ({ kind: 'put-table', table: copy }) as const);
    if (begun.length > 0 && !(await main.group.decide(`database ${name} comes back: tables`, begun))) return false;
    for (const { table, copy } of copies) if (!(await copyRows(own, main, table, copy, decide))) return false;
    return decide('all of it', () => [
      ...dropped(main.catalog, name),
      ...copies.flatMap(({ copy }) => named(main, copy)),
      ...copies.flatMap(({ table, copy }) => counterOf(own, table).map((counter) => ({ ...counter, id: copy.id }))),
      ...relations.flatMap((view) => (isTable(view) ? [] : [{ kind: 'put-view' as const, view }])),
      { kind: 'put-conflicts', conflicts: conflictsOf(own) },
      ...arrived(main, name),
    ]);
  };
  return keepOpen(
    main,
    copies.map(({ copy }) => copy),
    bring,
  );
}

async function copyRows(
  own: EngineCore,
  main: EngineCore,
  table: TableDef,
  copy: TableDef,
  decide: (what: string, changes: () => readonly CatalogChange[]) => Promise<boolean>,
): Promise<boolean> {
  for (const rows of piecesOf(own, table))
    if (!(await decide(`rows of ${table.name}`, () => [{ kind: 'put-rows', id: copy.id, rows }]))) return false;
  let sum = NO_DIGEST;
  for (const { rowid, row } of own.state.scan(table)) sum = addDigests(sum, hashOf(copy, rowid, row));
  if (!sameDigest(sum, main.state.digests.of(copy)))
    throw new Error(`the copy of table ${table.database}.${table.name} is not what it was made of`);
  return true;
}

/** A table whose parent was renamed meanwhile is another one. */
function named({ catalog }: EngineCore, { id }: TableDef): CatalogChange[] {
  const { filledBy: _, ...table } = catalog.tableById(id) ?? {};
  return 'id' in table ? [{ kind: 'put-table', table }] : [];
}

function arrived({ catalog }: EngineCore, name: string): CatalogChange[] {
  const { placement: _, home: __, ...database } = catalog.databases.get(name) ?? {};
  return 'name' in database ? [{ kind: 'put-database', database }] : [];
}

const conflictsOf = ({ state }: EngineCore): readonly ListedConflict[] =>
  state.db
    .prepare(`SELECT ${CONFLICT_COLUMNS.join()} FROM conflict ORDER BY tx, n`)
    .all()
    .map((row) => CONFLICT_COLUMNS.map((column) => row[column] as string | number | null));

/**
 * Throws 1213 where the database that the session has come to read has gone back by what is decided: its own group may hear of that last,
 * and nothing is decided in it any more.
 */
export async function checkHome({ core, state }: EngineSession): Promise<void> {
  const { main } = core;
  if (core === main) return;
  const [name] = [...core.catalog.databases].flatMap(([known, { move }]) => (move ? [known] : []));
  if (name === undefined) return;
  await main.group.linearize(undefined, state.variables.number('p2pdb_commit_timeout'));
  if (!main.catalog.databases.get(name)?.placement) throw new SqlError(1213, '40001', movesNow(name));
}
