/** The catalog in memory: looked up by name at planning, by id at replay. */
import type {
  AccountDef,
  CatalogChange,
  ColumnDef,
  DatabaseDef,
  EndedAuthorDef,
  IndexDef,
  MemberDef,
  RescuedAuthorDef,
  TableDef,
  TokenDef,
  ViewDef,
} from './definitions.ts';

export const accountName = (user: string, host: string): string => `${user}@${host}`;

/** A table and its foreign key on another one. */
interface Child {
  readonly table: TableDef;
  readonly foreignKey: TableDef['foreignKeys'][number];
}

const NO_CHILDREN: readonly Child[] = [];

export class Catalog {
  readonly databases = new Map<string, DatabaseDef>();
  /** By database, then by name: tables and views share one name space. */
  private readonly relations = new Map<string, Map<string, TableDef | ViewDef>>();
  private readonly tables = new Map<number, TableDef>();
  /** Tables that are being filled: they have no name yet, only an id. */
  readonly unnamed = new Map<number, TableDef>();
  readonly accounts = new Map<string, AccountDef>();
  /** SET PERSIST and cluster-wide SET GLOBAL values. */
  readonly globals = new Map<string, string>();
  /** Nodes that joined, left or changed their part, by id. */
  readonly members = new Map<string, MemberDef>();
  readonly tokens = new Map<string, TokenDef>();
  /** Authors that signed two entries with one number. */
  readonly endedAuthors = new Map<string, EndedAuthorDef>();
  /** Authors of removed members, some of whose entries were in no block by then. */
  readonly rescuedAuthors = new Map<string, RescuedAuthorDef>();
  nextTableId = 1;
  /** Counts changes: a cached plan of an older version is thrown away. */
  version = 1;
  /** Counts changes of accounts, roles and privileges. */
  grantsVersion = 1;

  table(database: string, name: string): TableDef | undefined {
    const found = this.relations.get(database)?.get(name);
    return found && 'columns' in found && 'indexes' in found ? found : undefined;
  }

  view(database: string, name: string): ViewDef | undefined {
    const found = this.relations.get(database)?.get(name);
    return found && 'select' in found ? found : undefined;
  }

  tableById(id: number): TableDef | undefined {
    return this.tables.get(id);
  }

  /** Tables and views of a database, by name. */
  relationsOf(database: string): (TableDef | ViewDef)[] {
    const all = [...(this.relations.get(database)?.values() ?? [])];
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  allTables(): TableDef[] {
    return [...this.tables.values()];
  }

  /** Tables whose foreign keys point at this one. */
  children(database: string, name: string): readonly Child[] {
    if (this.childrenVersion !== this.version) this.findChildren();
    return this.childrenByParent.get(database)?.get(name) ?? NO_CHILDREN;
  }

  /** Each row that is written asks for the children of its table. */
  private findChildren(): void {
    this.childrenVersion = this.version;
    this.childrenByParent.clear();
    for (const table of this.tables.values()) {
      for (const foreignKey of table.foreignKeys) {
        const { referencedDatabase, referencedTable } = foreignKey;
        let ofDatabase = this.childrenByParent.get(referencedDatabase);
        if (!ofDatabase) this.childrenByParent.set(referencedDatabase, (ofDatabase = new Map<string, Child[]>()));
        const children = ofDatabase.get(referencedTable);
        if (children) children.push({ table, foreignKey });
        else ofDatabase.set(referencedTable, [{ table, foreignKey }]);
      }
    }
  }
  /** By database and name of the parent, as they were in this version. */
  private readonly childrenByParent = new Map<string, Map<string, Child[]>>();
  private childrenVersion = -1;

  /** Forgets all but the ids that were given out. */
  clear(): void {
    this.version++;
    this.grantsVersion++;
    for (const map of [
      this.databases,
      this.relations,
      this.tables,
      this.unnamed,
      this.accounts,
      this.globals,
      this.members,
      this.tokens,
      this.endedAuthors,
      this.rescuedAuthors,
    ])
      map.clear();
  }

  apply(change: CatalogChange): void {
    // What was compiled holds whatever rows come: those of a database that goes to another group come in thousands of steps.
    if (change.kind !== 'put-rows' && change.kind !== 'put-conflicts') this.version++;
    switch (change.kind) {
      case 'put-database':
        this.databases.set(change.database.name, change.database);
        break;
      case 'drop-database':
        for (const { id, database } of this.allTables()) if (database === change.name) this.forget(id);
        this.relations.delete(change.name);
        this.databases.delete(change.name);
        break;
      case 'put-table': {
        const { table } = change;
        this.forget(table.id);
        this.tables.set(table.id, table);
        if (table.filledBy === undefined) this.inDatabase(table.database).set(table.name, table);
        else this.unnamed.set(table.id, table);
        this.nextTableId = Math.max(this.nextTableId, table.id + 1);
        break;
      }
      case 'drop-table':
        this.forget(change.id);
        break;
      case 'put-view':
        this.inDatabase(change.view.database).set(change.view.name, change.view);
        break;
      case 'drop-view':
        this.relations.get(change.database)?.delete(change.name);
        break;
      case 'put-account':
        this.grantsVersion++;
        this.accounts.set(accountName(change.account.user, change.account.host), change.account);
        break;
      case 'drop-account':
        this.grantsVersion++;
        this.accounts.delete(accountName(change.user, change.host));
        break;
      case 'set-global':
        if (change.value === null) this.globals.delete(change.name);
        else this.globals.set(change.name, change.value);
        break;
      case 'put-member':
        this.members.set(change.member.id, change.member);
        break;
      case 'put-token':
        this.tokens.set(change.token.hash, change.token);
        break;
      case 'drop-token':
        this.tokens.delete(change.hash);
        break;
      case 'end-author':
        this.endedAuthors.set(change.ended.author, change.ended);
        break;
      case 'rescue-author':
        this.rescuedAuthors.set(change.rescued.author, change.rescued);
        break;
      case 'truncate-table':
      case 'auto-increment':
      case 'put-rows':
      case 'put-conflicts':
      case 'drop-conflict':
        break;
    }
  }

  private forget(id: number): void {
    const old = this.tables.get(id);
    if (!old) return;
    this.tables.delete(id);
    if (!this.unnamed.delete(id)) this.relations.get(old.database)?.delete(old.name);
  }

  private inDatabase(name: string): Map<string, TableDef | ViewDef> {
    let relations = this.relations.get(name);
    if (!relations) this.relations.set(name, (relations = new Map<string, TableDef | ViewDef>()));
    return relations;
  }
}

export function findColumn(table: TableDef, name: string): ColumnDef | undefined {
  const lower = name.toLowerCase();
  return table.columns.find((c) => c.name.toLowerCase() === lower);
}

export const columnById = (table: TableDef, id: number): ColumnDef | undefined =>
  table.columns.find((c) => c.id === id);

export const primaryKey = (table: TableDef): IndexDef | undefined => table.indexes.find((i) => i.kind === 'primary');

/**
 * The column that is SQLite's rowid: an integer primary key of one column. Unsigned BIGINT is no rowid, because its upper
 * half is a BLOB.
 */
export function rowidColumn(table: TableDef): ColumnDef | undefined {
  const primary = primaryKey(table);
  const part = primary?.parts[0];
  if (!primary || primary.parts.length !== 1 || !part) return undefined;
  const column = columnById(table, part.column);
  if (column?.type.kind !== 'int' || (column.type.unsigned && column.type.bits === 64)) return undefined;
  return column;
}
