/**
 * The rows that a statement must see otherwise than SQLite has them, put into a temporary table beside the table (see
 * sql/compile/from.ts for the text that joins the two).
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { affinity, columnName, overlayName, ROWID, rowidColumn, type TableDef } from '../sql/index.ts';
import { WideMap } from '../consistency/index.ts';
import { forgetNewest, type Row, type RowId } from '../store/index.ts';
import { within, type Images, type KeyRange, type OpenTransaction, type VersionStore } from './transaction.ts';

/** A transaction's view of a table where it differs from SQLite's, or undefined when it does not. */
export function imagesFor(
  table: TableDef,
  transaction: OpenTransaction | undefined,
  versions: VersionStore,
  consistentRead: boolean,
  range?: KeyRange,
): Images | undefined {
  if (!transaction) return undefined;
  const own = transaction.imagesOf(table.id);
  const others =
    consistentRead && transaction.snapshot !== undefined
      ? versions.imagesAt(table.id, transaction.snapshot, range)
      : undefined;
  if (!own && !others) return undefined;
  if (own === undefined || own.size === 0) return others;
  if (others === undefined && range === undefined) return own;
  const images = others ?? new WideMap<RowId, Row | undefined>();
  for (const [rowid, row] of within(own, range)) images.set(rowid, row);
  return images.size > 0 ? images : undefined;
}

/** What empties a temporary table, and puts a row into it; the places of its columns in the table that it stands beside. */
interface Beside {
  readonly empty: StatementSync;
  readonly insert: StatementSync;
  readonly places: readonly number[];
}

/** Temporary tables of one SQLite connection, filled anew for each statement that needs them. */
export class Overlays {
  private readonly db: DatabaseSync;
  /** By name and the table's version. */
  private readonly made = new Map<string, Beside>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** The connection's open transaction was taken back, with the tables made in it. */
  forget(): void {
    this.made.clear();
  }

  fill(table: TableDef, images: Iterable<[RowId, Row | undefined]> | undefined): void {
    const name = overlayName(table);
    const key = `${name}:${table.version}`;
    let beside = this.made.get(key);
    if (beside) beside.empty.run();
    else this.made.set(key, (beside = this.make(table, name)));
    if (!images) return;
    const { insert, places } = beside;
    let large = false;
    try {
      for (const [id, row] of images) {
        if (!large && typeof id === 'bigint') insert.setReadBigInts((large = true));
        insert.run(id, row ? 1 : 0, ...places.map((place) => row?.[place] ?? null));
      }
    } finally {
      if (large) {
        insert.setReadBigInts(false);
        forgetNewest(this.db);
      }
    }
  }

  private make(table: TableDef, name: string): Beside {
    const { db } = this;
    const rowid = rowidColumn(table);
    const columns = table.columns.filter((c) => c.id !== rowid?.id);
    db.exec(`DROP TABLE IF EXISTS ${name}`);
    const list = columns.map((c) => `${columnName(c.id)} ${affinity(c.type)}`);
    db.exec(`CREATE TABLE ${name}(${['id INTEGER PRIMARY KEY', 'present INTEGER', ...list].join(',')})`);
    const names = [ROWID, 'present', ...columns.map((c) => columnName(c.id))];
    return {
      empty: db.prepare(`DELETE FROM ${name}`),
      insert: db.prepare(`INSERT INTO ${name}(${names.join(',')}) VALUES (?,?${',?'.repeat(columns.length)})`),
      places: columns.map((c) => table.columns.indexOf(c)),
    };
  }
}
