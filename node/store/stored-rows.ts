/** Rows in the state file: read, changed and gone through by rowid. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  columnName,
  indexPartSql,
  primaryKey,
  ROWID,
  rowidColumn,
  tableName,
  type SqliteValue,
  type TableDef,
} from '../sql/index.ts';
import { sameValue, type Row, type RowChange, type RowId } from './changes.ts';
import { small } from './integers.ts';

interface TableStatements {
  readonly insert: StatementSync;
  readonly remove: StatementSync;
  readonly get: StatementSync;
  readonly rowidIndex: number;
  readonly updates: Map<string, StatementSync>;
  /** By their conditions. */
  readonly finds: Map<string, StatementSync>;
}

/** A condition is of a statement's shape: there are few. */
const FINDS_MAX = 100;

export class StoredRows {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<TableDef, TableStatements>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** A row by its rowid, integers that fit as numbers. */
  get(table: TableDef, rowid: RowId): Row | undefined {
    const row = this.of(table).get.get(rowid) as unknown as SqliteValue[] | undefined;
    return row?.map(small);
  }

  /** Applies one change. SQLite's errors pass through. */
  apply({ table, rowid, before, after }: RowChange): void {
    const statements = this.of(table);
    if (!after) affectsOne(table, statements.remove.run(rowid));
    else if (!before) this.insert(statements, rowid, after);
    else this.update(table, statements, rowid, before, after);
  }

  /** All rows of a table, in rowid order. */
  *scan(table: TableDef): Generator<{ rowid: RowId; row: Row }> {
    const rowid = rowidColumn(table);
    const columns = table.columns.map((c) => (c.id === rowid?.id ? ROWID : columnName(c.id)));
    let after: RowId | undefined;
    // In pages, because the rows may be copied into a table of the same connection meanwhile.
    for (;;) {
      const statement = this.db.prepare(
        `SELECT ${[ROWID, ...columns].join(',')} FROM ${tableName(table)}${after === undefined ? '' : ` WHERE ${ROWID}>?`} ORDER BY ${ROWID} LIMIT 1000`,
      );
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      const page = statement.all(...(after === undefined ? [] : [after])) as unknown as SqliteValue[][];
      for (const values of page) {
        const row = values.map(small);
        after = row[0] as RowId;
        yield { rowid: after, row: row.slice(1) };
      }
      if (page.length < 1000) return;
    }
  }

  /** Rows for which SQLite's condition holds, in no order, at most `limit`. */
  where(
    table: TableDef,
    condition: string,
    values: readonly SqliteValue[],
    limit: number,
  ): { rowid: RowId; row: Row }[] {
    const { finds } = this.of(table);
    let find = finds.get(condition);
    if (!find) {
      const columns = table.columns.map((c) => columnName(c.id));
      find = this.db.prepare(
        `SELECT ${[ROWID, ...columns].join(',')} FROM ${tableName(table)} WHERE ${condition} LIMIT ?`,
      );
      find.setReturnArrays(true);
      find.setReadBigInts(true);
      if (finds.size >= FINDS_MAX) finds.clear();
      finds.set(condition, find);
    }
    return (find.all(...values, limit) as unknown as SqliteValue[][]).map((found) => {
      const [rowid, ...row] = found.map(small);
      return { rowid: rowid as RowId, row };
    });
  }

  /** All rows of a table, in the order of its primary key, which is not the rowid. Rowids differ between nodes, this order does not. */
  *scanByKey(table: TableDef): Generator<{ rowid: RowId; row: Row }> {
    const parts = primaryKey(table)?.parts ?? [];
    const statement = this.db.prepare(
      `SELECT ${ROWID} FROM ${tableName(table)} ORDER BY ${parts.map((part) => indexPartSql(table, part)).join(',')}`,
    );
    statement.setReturnArrays(true);
    for (const [rowid] of statement.iterate() as unknown as Iterable<[RowId]>) {
      const row = this.get(table, rowid);
      if (row) yield { rowid, row };
    }
  }

  /** The first row whose values in an index are another row's, too; undefined where there is none. */
  duplicate(table: TableDef, index: TableDef['indexes'][number]): Row | undefined {
    const parts = index.parts.map((part) => indexPartSql(table, part));
    const found = this.db
      .prepare(
        `SELECT min(${ROWID}) AS id FROM ${tableName(table)} WHERE ${parts.map((part) => `${part} IS NOT NULL`).join(' AND ')} ` +
          `GROUP BY ${parts.join(',')} HAVING count(*)>1 ORDER BY id LIMIT 1`,
      )
      .get();
    return found && this.get(table, found['id'] as RowId);
  }

  /** Tables' definitions changed: statements are prepared anew. */
  forget(): void {
    this.statements.clear();
  }

  private of(table: TableDef): TableStatements {
    let statements = this.statements.get(table);
    if (!statements) {
      const columns = table.columns.map((c) => columnName(c.id));
      const rowidIndex = table.columns.indexOf(rowidColumn(table) as never);
      const name = tableName(table);
      const into = rowidIndex >= 0 ? columns : [ROWID, ...columns];
      const get = this.db.prepare(`SELECT ${columns.join(',')} FROM ${name} WHERE ${ROWID}=?`);
      get.setReturnArrays(true);
      get.setReadBigInts(true);
      statements = {
        insert: this.db.prepare(`INSERT INTO ${name}(${into.join(',')}) VALUES (${into.map(() => '?').join(',')})`),
        remove: this.db.prepare(`DELETE FROM ${name} WHERE ${ROWID}=?`),
        get,
        rowidIndex,
        updates: new Map(),
        finds: new Map(),
      };
      this.statements.set(table, statements);
    }
    return statements;
  }

  private insert({ insert, rowidIndex }: TableStatements, rowid: RowId, row: Row): void {
    const values = rowidIndex >= 0 ? row : [rowid, ...row];
    if (typeof rowid === 'number') {
      insert.run(...values);
      return;
    }
    insert.setReadBigInts(true);
    try {
      insert.run(...values);
    } finally {
      insert.setReadBigInts(false);
      forgetNewest(this.db);
    }
  }

  private update(table: TableDef, statements: TableStatements, rowid: RowId, before: Row, after: Row): void {
    const changed: number[] = [];
    for (let i = 0; i < after.length; i++) if (!sameValue(before[i], after[i])) changed.push(i);
    if (changed.length === 0) return;
    const key = changed.length === 1 ? String(changed[0]) : changed.join(',');
    let statement = statements.updates.get(key);
    if (!statement) {
      const sets = changed.map((i) => `${columnName(table.columns[i]?.id ?? 0)}=?`);
      statement = this.db.prepare(`UPDATE ${tableName(table)} SET ${sets.join(',')} WHERE ${ROWID}=?`);
      statements.updates.set(key, statement);
    }
    if (changed.length === 1) affectsOne(table, statement.run(after[changed[0] as number] as SqliteValue, rowid));
    else affectsOne(table, statement.run(...changed.map((i) => after[i] as SqliteValue), rowid));
  }
}

/** A change that meets no row would stand in the log and fail at replay: it must never get that far. */
function affectsOne(table: TableDef, result: { readonly changes: number | bigint }): void {
  if (Number(result.changes) !== 1) throw new Error(`a change of table ${table.database}.${table.name} met no row`);
}

/** Every run() of a connection tells the rowid of its newest insert, and throws when no number can hold it: this makes it a small one. */
export function forgetNewest(db: DatabaseSync): void {
  db.exec(
    'CREATE TEMP TABLE IF NOT EXISTS newest(n INTEGER PRIMARY KEY); INSERT OR REPLACE INTO temp.newest VALUES (1)',
  );
}
