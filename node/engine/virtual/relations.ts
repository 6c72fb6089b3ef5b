/** What exists, as a session sees it: its databases, tables and views, in the order in which they are listed. */
import { ROWID, tableName, type DatabaseDef, type TableDef, type ViewDef } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import { SYSTEM_DATABASES } from './definitions.ts';

export interface SeenDatabase {
  readonly name: string;
  readonly collation: string;
  /** Undefined for those that the engine makes. */
  readonly definition: DatabaseDef | undefined;
}

const systemCollation = (name: string): string =>
  name === 'information_schema' ? 'utf8mb3_general_ci' : 'utf8mb4_0900_ai_ci';

/** Databases that everybody sees. */
export const isOpen = (name: string): boolean => name === 'information_schema' || name === 'performance_schema';

export function databasesSeen(core: EngineCore, session: EngineSession): SeenDatabase[] {
  const system = SYSTEM_DATABASES.map((name) => ({ name, collation: systemCollation(name), definition: undefined }));
  const own = [...core.main.catalog.databases.values()].map((d) => ({
    name: d.name,
    collation: d.collation,
    definition: d,
  }));
  return [...system, ...own]
    .filter((d) => isOpen(d.name) || core.accounts.canSee(session, d.name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export const isTable = (relation: TableDef | ViewDef): relation is TableDef => 'indexes' in relation;

export function relationsSeen(core: EngineCore, session: EngineSession, database: string): (TableDef | ViewDef)[] {
  return core
    .engineOf(database)
    .catalog.relationsOf(database)
    .filter((r) => core.accounts.canSee(session, database, r.name));
}

/** Base tables of all databases that the session sees. */
export function tablesSeen(core: EngineCore, session: EngineSession): TableDef[] {
  return [...core.main.catalog.databases.keys()].sort().flatMap((d) => relationsSeen(core, session, d).filter(isTable));
}

export function viewsSeen(core: EngineCore, session: EngineSession): ViewDef[] {
  return [...core.main.catalog.databases.keys()]
    .sort()
    .flatMap((d) => relationsSeen(core, session, d).filter((r): r is ViewDef => !isTable(r)));
}

const COUNTED_MAX = 1000;

/** Rows of a table: exact while they are few, else an estimate from the row ids. */
export function rowEstimate(core: EngineCore, table: TableDef): number {
  const name = tableName(table);
  const { db } = core.engineOf(table.database).state;
  try {
    const counted = db.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM ${name} LIMIT ${COUNTED_MAX})`).get();
    const n = Number(counted?.['n'] ?? 0);
    if (n < COUNTED_MAX) return n;
    // Two questions: SQLite finds the end of a table at once, but goes through all of it for both ends together.
    const end = (which: 'min' | 'max'): string => `(SELECT CAST(${which}(${ROWID}) AS REAL) FROM ${name})`;
    const range = db.prepare(`SELECT ${end('max')} - ${end('min')} + 1 AS n`).get();
    return Math.max(COUNTED_MAX, Number(range?.['n'] ?? 0));
  } catch (error) {
    // A table whose files a schema change is just making anew has no rows to tell of.
    if ((error as { code?: string }).code === 'ERR_SQLITE_ERROR') return 0;
    throw error;
  }
}

/** MySQL's time text of a moment, in UTC. */
export const timeText = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ');
