/** How many rows a statement may visit, from SQLite's own plan and the tables' sizes: it decides where the statement runs. */
import type { DatabaseSync } from 'node:sqlite';
import { indexName, ROWID, tableName, type Plan, type SqlText, type TableDef } from '../../sql/index.ts';

/** One loop of SQLite's plan. */
interface Loop {
  readonly table: TableDef | undefined;
  readonly kind: 'one' | 'some' | 'range' | 'all';
}

/** A statement that visits more rows than this leaves the core's thread: about 20 ms of work. */
const QUICK_ROWS_MAX = 20_000;
const SIZE_AGE_MS = 1000;
/** Rows of a relation that is no table: a subquery's result, a JSON array. */
const UNKNOWN_ROWS = 100;

export class CostEstimator {
  private readonly db: DatabaseSync;
  private readonly loops = new WeakMap<Plan, readonly Loop[]>();
  private readonly sizes = new Map<string, { rows: number; at: number }>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** `range`: how many rowids the statement's key range spans, where it has one. `prepare` registers its functions. */
  isQuick(plan: Plan, text: SqlText, range: number | undefined, prepare: () => void): boolean {
    if (plan.tables.length === 0) return true;
    if (range !== undefined && range <= QUICK_ROWS_MAX) return true;
    let rows = 1;
    for (const loop of this.loopsOf(plan, text, prepare)) {
      rows *= this.rowsOf(loop, range);
      if (rows > QUICK_ROWS_MAX) return false;
    }
    return true;
  }

  /** Whether it is sure to scan a table that is not small. */
  visitsAll(plan: Plan, text: SqlText, prepare: () => void): boolean {
    if (plan.tables.length === 0) return false;
    return this.loopsOf(plan, text, prepare).some(
      ({ table, kind }) => kind === 'all' && table !== undefined && this.sizeOf(table) > QUICK_ROWS_MAX,
    );
  }

  private rowsOf({ table, kind }: Loop, range: number | undefined): number {
    if (kind === 'one') return 1;
    if (!table) return UNKNOWN_ROWS;
    const size = this.sizeOf(table);
    if (kind === 'range' && range !== undefined) return Math.min(size, range);
    // Without statistics an index on equal values is taken to be one of middling worth.
    return kind === 'some' && size > 10_000 ? size / 20 : size;
  }

  /** Rows of a table at most, from its highest rowid; as of so long ago. */
  sizeOf(table: TableDef, ageMsMax = SIZE_AGE_MS): number {
    const name = tableName(table);
    const known = this.sizes.get(name);
    const now = performance.now();
    if (known && now - known.at < ageMsMax) return known.rows;
    const row = this.db
      .prepare(
        `SELECT (SELECT max(${ROWID}) FROM ${name}) * 1.0 AS high, (SELECT min(${ROWID}) FROM ${name}) * 1.0 AS low`,
      )
      .get();
    const rows = row?.['high'] === null ? 0 : Number(row?.['high']) - Number(row?.['low']) + 1;
    this.sizes.set(name, { rows, at: now });
    return rows;
  }

  private loopsOf(plan: Plan, text: SqlText, prepare: () => void): readonly Loop[] {
    let loops = this.loops.get(plan);
    if (!loops) {
      prepare();
      const byAlias = new Map(plan.tables.map((t) => [t.alias, t.table]));
      const details = this.db.prepare(`EXPLAIN QUERY PLAN ${text.sql}`).all() as { detail?: unknown }[];
      loops = details.flatMap(({ detail }) => loopOf(String(detail), byAlias));
      this.loops.set(plan, loops);
    }
    return loops;
  }
}

/** A line of EXPLAIN QUERY PLAN (https://www.sqlite.org/eqp.html) as a loop, when it is one. */
function loopOf(detail: string, byAlias: ReadonlyMap<string, TableDef>): Loop[] {
  const scan = /^SCAN (\S+)/.exec(detail);
  if (scan) return scan[1] === 'CONSTANT' ? [] : [{ table: byAlias.get(scan[1] ?? ''), kind: 'all' }];
  const search = /^SEARCH (\S+) USING (.*?) ?\((.*)\)/.exec(detail);
  if (!search) return [];
  const table = byAlias.get(search[1] ?? '');
  const [how = '', terms = ''] = [search[2], search[3]];
  if (how.includes('INTEGER PRIMARY KEY')) return [{ table, kind: terms.includes('rowid=?') ? 'one' : 'range' }];
  const index = table?.indexes.find((i) => how.endsWith(indexName(table, i)));
  const equal = terms.split(' AND ').filter((t) => t.endsWith('=?')).length;
  const unique = index && index.kind !== 'index' && equal >= index.parts.length;
  return [{ table, kind: unique ? 'one' : 'some' }];
}
