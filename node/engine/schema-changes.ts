/** Schema changes as every node runs them: on the catalog and on the rows, all of their steps or none. */
import { finish, type Steps } from '../consistency/index.ts';
import { TEMPORARY_IDS, type CatalogChange, type DatabaseDef, type TableDef, type Warning } from '../sql/index.ts';
import { isConstraintError, type TableVersion } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { putRows } from './moved-rows.ts';
import { copyRows } from './rebuild.ts';
import { duplicateEntry } from './row-store.ts';
import type { EngineSession } from './session.ts';

interface NewIndex {
  readonly table: TableDef;
  readonly index: TableDef['indexes'][number];
  readonly rows: number;
}

/** A table that is new, or is otherwise now. */
type PutTable = Extract<CatalogChange, { kind: 'put-table' }>;

export class SchemaChanges {
  private readonly core: EngineCore;

  constructor(core: EngineCore) {
    this.core = core;
  }

  /**
   * Runs the changes of a schema change, all or none of them. Throws SqlError for rows that do not fit. What comes after the first that
   * the catalog knows of is done in one go: the schema that reads go by would not be that of the state they see.
   */
  *apply(changes: readonly CatalogChange[], strict: boolean): Steps<readonly Warning[]> {
    const undo: CatalogChange[] = [];
    const { epoch } = this.core.state;
    this.core.merging.begin();
    try {
      for (const change of changes) {
        undo.unshift(...this.inverse(change));
        this.keepVersion(change);
        yield* this.applyChange(change, strict);
      }
    } catch (error) {
      undo.shift();
      if (this.core.state.epoch === epoch) for (const change of undo) this.core.state.applyCatalog(change);
      throw error;
    } finally {
      this.core.forgetStatements();
    }
    for (const transaction of this.core.openTransactions)
      if (changes.some((change) => transaction.touches(change))) transaction.isDoomed = true;
    return this.core.env.warnings;
  }

  /** What takes a change back that came before one that failed. */
  private inverse(change: CatalogChange): CatalogChange[] {
    if (change.kind !== 'put-table') return [];
    const old = this.core.catalog.tableById(change.table.id);
    return old ? [{ kind: 'put-table', table: old }] : [{ kind: 'drop-table', id: change.table.id }];
  }

  /** Applies one step; a new generation of a table gets the rows of the old one. */
  private *applyChange(change: CatalogChange, strict: boolean): Steps<void> {
    const old = change.kind === 'put-table' ? this.core.catalog.tableById(change.table.id) : undefined;
    try {
      if (change.kind === 'put-table' && old && old.generation !== change.table.generation) {
        this.core.env.strict = strict;
        this.core.state.createTable(change.table);
        try {
          yield* copyRows(this.core, old, change.table, change.numbersZeros === true);
        } catch (error) {
          this.core.state.dropTableFiles(change.table);
          throw error;
        }
      }
      this.core.replica.gate.hurry();
      const into = change.kind === 'put-rows' ? this.core.catalog.tableById(change.id) : undefined;
      if (into && change.kind === 'put-rows') putRows(this.core, into, change.rows);
      else {
        if (change.kind === 'put-database') this.endTemporary(change.database);
        this.core.state.applyCatalog(change);
      }
    } catch (error) {
      throw this.constraintError(error, change);
    }
  }

  /** A database's tables are in another group now. Temporary ones beside them are not: their sessions end. */
  private endTemporary({ name, placement }: DatabaseDef): void {
    const { core } = this;
    const old = core.catalog.databases.get(name);
    if (!old || (placement === undefined) === (old.placement === undefined)) return;
    core.movedAway++;
    for (const session of core.sessions.values()) {
      const { temporaryTables } = session.state;
      const own = [...temporaryTables].filter(([, { database }]) => database === name);
      if (own.length === 0) continue;
      for (const [key, table] of own) {
        // In the state of a group that goes, they go with it.
        if (placement) core.state.dropTemporary(table);
        temporaryTables.delete(key);
      }
      session.kill(true);
    }
  }

  /** The indexes that it adds to tables as they are, and the rows that it goes through, as far as can be told. */
  workOf(changes: readonly CatalogChange[]): { readonly rows: number; readonly indexes: readonly NewIndex[] } {
    const { catalog, cost } = this.core;
    const indexes: NewIndex[] = [];
    let rows = 0;
    for (const change of changes) {
      const old = change.kind === 'put-table' ? catalog.tableById(change.table.id) : undefined;
      if (change.kind !== 'put-table' || !old) continue;
      const { table } = change;
      const added = table.indexes.filter((index) => !old.indexes.some((o) => o.id === index.id));
      if (old.generation === table.generation && added.length === 0) continue;
      const size = cost.sizeOf(old, 0);
      rows += size;
      if (old.generation === table.generation) for (const index of added) indexes.push({ table, index, rows: size });
    }
    return { rows, indexes };
  }

  /** Temporary tables live in SQLite's temporary schema and in no log. */
  createTemporary(table: TableDef): void {
    this.core.state.createTable(table);
  }

  nextTemporaryId(): number {
    return this.temporaryId++;
  }
  private temporaryId = TEMPORARY_IDS;

  alterTemporary(old: TableDef, { table: next, numbersZeros = false }: PutTable): void {
    const moved = next.generation === old.generation ? { ...next, generation: next.generation + 1 } : next;
    this.core.state.createTable(moved);
    finish(copyRows(this.core, old, moved, numbersZeros));
    this.core.state.dropTemporary(old);
    (next as { generation: number }).generation = moved.generation;
  }

  /** Those of a session that ends. */
  dropTemporary(session: EngineSession): void {
    const { core } = this;
    const own = [...session.state.temporaryTables].filter(([, { database }]) => core.engineOf(database) === core);
    if (own.length === 0) return;
    const tables = own.map(([, table]) => table);
    for (const [name] of own) session.state.temporaryTables.delete(name);
    session.state.changed();
    const drop = (): void => {
      const { gate } = core.replica;
      if (gate.isClosed) void gate.opened().then(drop);
      else for (const table of tables) core.state.dropTemporary(table);
    };
    drop();
  }

  /** Earlier versions of a table, for rows that were written under them. */
  private keepVersion(change: CatalogChange): void {
    const old = change.kind === 'put-table' ? this.core.catalog.tableById(change.table.id) : undefined;
    if (old && !old.temporary) this.core.state.keepTableVersion(old);
  }

  /** A unique index that existing rows break is MySQL's duplicate entry. */
  private constraintError(error: unknown, change: CatalogChange): unknown {
    if (!isConstraintError(error) || change.kind !== 'put-table') return error;
    const { core } = this;
    const rt = core.tables.make(change.table);
    for (const key of rt.unique) {
      const row = core.state.duplicate(change.table, key.index);
      if (row) return duplicateEntry(rt, key, row);
    }
    return error;
  }

  /** The table as an earlier version had it. */
  tableAt(tableId: number, version: number): TableVersion | undefined {
    return this.core.state.tableVersion(tableId, version);
  }
}
