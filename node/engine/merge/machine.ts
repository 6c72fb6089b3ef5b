/** The state as the replica drives it: runs transactions, takes them back, keeps what takes them back. */
import { deserialize, serialize } from 'node:v8';
import type { Footprint } from '../../consistency/index.ts';
import type { Digest, Operation } from '../../log/index.ts';
import type { GroupTransaction, Machine, Outcome, Run } from '../../replica/index.ts';
import { SqlError, type Warning } from '../../sql/index.ts';
import {
  addDigests,
  digestBytes,
  type Row,
  type RowChange,
  type RowId,
  type StatePosition,
} from '../../store/index.ts';
import type { EngineCore } from '../core.ts';
import { Conflicts } from './conflicts.ts';
import type { LoggedSchema } from './write-set.ts';

/** A change as it is kept to be taken back. */
interface KeptChange {
  readonly table: number;
  readonly rowid: RowId;
  readonly newRowid: RowId | undefined;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

const EVERYTHING: Footprint = { reads: [], writes: [], everything: true };

export class StateMachine implements Machine {
  private readonly core: EngineCore;
  private readonly conflicts: Conflicts;
  /** Sum of all tables' digests as the blocks leave them. */
  private final: Digest;
  /** After each schema change that is not settled yet: then it is the state's own. */
  private readonly afterSchema = new Map<GroupTransaction, Digest>();
  /** Places of what takes a transaction back. */
  private readonly kept = new Map<GroupTransaction, number>();
  private places = 0;
  /** Run since undo records were kept, in that order; and places of those that are needed no more. */
  private readonly unkept = new Set<GroupTransaction>();
  private gone: number[] = [];
  schemaCount: number;

  constructor(core: EngineCore) {
    this.core = core;
    this.conflicts = new Conflicts(core.state);
    this.final = core.state.digests.total;
    this.schemaCount = core.state.position.schema;
  }

  footprintOf({ changes, meant }: Run): Footprint {
    const footprint = this.core.merger.footprintOf(changes);
    if (!meant) return footprint;
    // That a row which it meant to change is not there decides what it does, too.
    const sought = this.core.merger.footprintOf(meant);
    return { reads: [...footprint.reads, ...sought.reads, ...sought.writes], writes: footprint.writes };
  }

  apply(transaction: GroupTransaction): Footprint {
    const { core } = this;
    this.ran(transaction);
    const { epoch } = core.state;
    const content = transaction.read();
    const schema = content.operations.find((o) => o.kind === 'schema');
    if (schema) {
      const outcome = this.changeSchema(schema);
      transaction.run = { changes: [], outcome, epoch };
      this.conflicts.put(transaction, content, outcome);
      this.afterSchema.set(transaction, core.state.digests.total);
      return EVERYTHING;
    }
    const { changes, outcome, footprint } = core.merger.run(content);
    transaction.run = { changes, outcome, epoch };
    core.stateChanged(changes);
    this.conflicts.put(transaction, content, outcome);
    return footprint;
  }

  private changeSchema({ change, basis }: Extract<Operation, { kind: 'schema' }>): Outcome {
    const { core } = this;
    let warnings: readonly Warning[];
    if (basis !== this.schemaCount) {
      return {
        kind: 'rejected',
        reason: 'stale',
        errno: 1213,
        sqlState: '40001',
        message: 'The schema was changed meanwhile',
      };
    }
    try {
      const { changes, strict } = JSON.parse(change) as LoggedSchema;
      warnings = core.schema.apply(changes, strict);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { errno, sqlState, message } = error;
      return { kind: 'rejected', reason: 'schema', errno, sqlState, message };
    }
    this.schemaCount++;
    return { kind: 'applied', dropped: [], warnings };
  }

  undo(transaction: GroupTransaction): void {
    const { run } = transaction;
    if (!run) throw new Error('only what was run is undone');
    this.drop(transaction);
    if (this.afterSchema.has(transaction)) {
      if (run.outcome.kind === 'applied') throw new Error('a schema change stands in its block and is never undone');
      this.afterSchema.delete(transaction);
    }
    transaction.run = undefined;
    if (transaction.position.author !== '' && (run.outcome.kind === 'rejected' || run.outcome.dropped.length > 0))
      this.conflicts.remove(transaction);
    if (run.changes.length === 0) return;
    this.core.state.revertAll(run.changes, run.epoch);
    this.core.stateChanged(run.changes.map(inverse).reverse());
  }

  settle(transaction: GroupTransaction): void {
    this.drop(transaction);
    const after = this.afterSchema.get(transaction);
    if (after) {
      this.afterSchema.delete(transaction);
      this.final = after;
      return;
    }
    for (const change of transaction.run?.changes ?? [])
      if (change.digest) this.final = addDigests(this.final, change.digest);
  }

  finalDigest(): Uint8Array {
    return digestBytes(this.final);
  }

  ran(transaction: GroupTransaction): void {
    this.unkept.add(transaction);
  }

  /** What it did stands no more, or for ever. */
  private drop(transaction: GroupTransaction): void {
    this.unkept.delete(transaction);
    const place = this.kept.get(transaction);
    if (place === undefined) return;
    this.kept.delete(transaction);
    this.gone.push(place);
  }

  keepUndo(): void {
    if (this.gone.length === 0 && this.unkept.size === 0) return;
    const { db } = this.core.state;
    // Together with the position, also where no row changed: what stands in a block by now is not undone at the next start.
    this.core.state.begin();
    const remove = db.prepare('DELETE FROM undo WHERE place = ?');
    for (const place of this.gone.splice(0)) remove.run(place);
    const put = db.prepare('INSERT INTO undo VALUES (?, ?, ?)');
    // They were run in an order in which they can be taken back, and whichever of the kept ones stood behind was run again since.
    for (const transaction of this.unkept) {
      put.run(++this.places, transaction.id, serialize(transaction.run?.changes.map(kept) ?? []));
      this.kept.set(transaction, this.places);
    }
    this.unkept.clear();
  }

  undoKept(): void {
    const { state, catalog } = this.core;
    state.begin();
    const rows = state.db.prepare('SELECT tx, changes FROM undo ORDER BY place DESC').all();
    for (const row of rows) {
      const changes = (deserialize(row['changes'] as Uint8Array) as KeptChange[]).flatMap((change): RowChange[] => {
        const table = catalog.tableById(change.table);
        return table ? [{ ...change, table }] : [];
      });
      state.revertAll(changes, state.epoch);
      state.db.prepare('DELETE FROM conflict WHERE tx = ?').run(String(row['tx']));
    }
    state.db.exec('DELETE FROM undo');
    this.kept.clear();
    this.unkept.clear();
    this.gone = [];
    this.final = state.digests.total;
  }

  reload(): void {
    const { state } = this.core;
    state.reserve.release();
    state.reloadCatalog();
    this.schemaCount = state.position.schema;
    this.afterSchema.clear();
  }

  restored(): void {
    this.core.stateRestored();
  }

  publish(position: StatePosition): void {
    this.core.state.publish(position);
  }
}

const inverse = (change: RowChange): RowChange => ({
  table: change.table,
  rowid: change.newRowid ?? change.rowid,
  before: change.after,
  after: change.before,
  ...(change.newRowid !== undefined && { newRowid: change.rowid }),
});

const kept = ({ table, rowid, newRowid, before, after }: RowChange): KeptChange => ({
  table: table.id,
  rowid,
  newRowid,
  before,
  after,
});
