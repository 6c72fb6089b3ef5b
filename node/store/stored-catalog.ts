/** The catalog in the state file: one row for each object, which holds the change that puts it there. */
import type { DatabaseSync } from 'node:sqlite';
import { primaryKey, type Catalog, type CatalogChange, type TableDef } from '../sql/index.ts';
import type { Meta } from './meta.ts';

/** What rows that were written under an older definition of their table are read by. */
export interface TableVersion {
  readonly columns: TableDef['columns'];
  /** Column ids of the primary key. */
  readonly primary?: readonly number[];
}

function versionOf(table: TableDef): TableVersion {
  const primary = primaryKey(table)?.parts.map((part) => part.column);
  return { columns: table.columns, ...(primary && { primary }) };
}

export class StoredCatalog {
  private readonly db: DatabaseSync;
  private readonly meta: Meta;

  constructor(db: DatabaseSync, meta: Meta) {
    this.db = db;
    this.meta = meta;
  }

  readInto(catalog: Catalog): void {
    // By kind: a table's database comes before it.
    for (const row of this.db.prepare('SELECT definition FROM catalog').all()) {
      catalog.apply(JSON.parse(String(row['definition'])) as CatalogChange);
    }
    catalog.nextTableId = Math.max(catalog.nextTableId, Number(this.meta.get('nextTableId') ?? 1));
  }

  /** Stores a change that the catalog has taken. */
  store(change: CatalogChange, catalog: Catalog): void {
    const put = (kind: string, name: string): void => {
      this.db.prepare('INSERT OR REPLACE INTO catalog VALUES (?, ?, ?)').run(kind, name, JSON.stringify(change));
    };
    const drop = (kind: string, name: string): void => {
      this.db.prepare('DELETE FROM catalog WHERE kind = ? AND name = ?').run(kind, name);
    };
    switch (change.kind) {
      case 'put-database':
        return put('1-database', change.database.name);
      case 'drop-database':
        drop('1-database', change.name);
        this.db
          .prepare(
            "DELETE FROM catalog WHERE kind IN ('2-table', '3-view') AND coalesce(definition->>'$.table.database', definition->>'$.view.database') = ?",
          )
          .run(change.name);
        return;
      case 'put-table':
        if (!change.table.temporary) put('2-table', String(change.table.id));
        return this.meta.set('nextTableId', catalog.nextTableId);
      case 'drop-table':
        drop('2-table', String(change.id));
        return this.meta.delete(`auto:${change.id}`);
      case 'put-view':
        return put('3-view', JSON.stringify([change.view.database, change.view.name]));
      case 'drop-view':
        return drop('3-view', JSON.stringify([change.database, change.name]));
      case 'put-account':
        return put('4-account', JSON.stringify([change.account.user, change.account.host]));
      case 'drop-account':
        return drop('4-account', JSON.stringify([change.user, change.host]));
      case 'put-member':
        return put('6-member', change.member.id);
      case 'end-author':
        return put('8-ended-author', change.ended.author);
      case 'rescue-author':
        return put('9-rescued-author', change.rescued.author);
      case 'put-token':
        return put('7-token', change.token.hash);
      case 'drop-token':
        return drop('7-token', change.hash);
      case 'set-global':
        return change.value === null ? drop('5-global', change.name) : put('5-global', change.name);
      default:
        return;
    }
  }

  putVersion(table: TableDef): void {
    const put = this.db.prepare('INSERT OR REPLACE INTO table_version VALUES (?, ?, ?)');
    put.run(table.id, table.version, JSON.stringify(versionOf(table)));
  }

  version(id: number, version: number): TableVersion | undefined {
    const row = this.db.prepare('SELECT columns FROM table_version WHERE id = ? AND version = ?').get(id, version);
    return row ? (JSON.parse(String(row['columns'])) as TableVersion) : undefined;
  }
}
