/** The state as the replica drives it: runs transactions, takes them back, keeps what takes them back. */
import { deserialize, serialize } from 'node:v8';
import type { Footprint } from '../../consistency/index.ts';
import type { Digest, Operation } from '../../log/index.ts';
import type { GroupTransaction, Machine, Outcome } from '../../replica/index.ts';
import { SqlError, type Warning } from '../../sql/index.ts';
import { addDigests, type Row, type RowChange, type RowId, type StatePosition } from '../../store/index.ts';
import type { EngineCore } from '../core.ts';
import { comparePositions } from '../../consistency/index.ts';
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
  private readonly kept = new Map<GroupTransaction, number>();
  private places = 0;
  schemaCount: number;

  constructor(core: EngineCore) {
    this.core = core;
    this.conflicts = new Conflicts(core.state);
    this.final = core.state.digests.total;
    this.schemaCount = core.state.position.schema;
  }

  footprintOf(changes: readonly RowChange[]): Footprint {
    return this.core.merger.footprintOf(changes);
  }

  apply(transaction: GroupTransaction): Footprint {
    const { core } = this;
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
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.final[0]);
    view.setUint32(4, this.final[1]);
    return bytes;
  }

  keepUndo(transactions: readonly GroupTransaction[]): void {
    const { db } = this.core.state;
    if (this.kept.size === 0 && transactions.length === 0) return;
    // Together with the position, also where no row changed: what stands in a block by now is not undone at the next start.
    this.core.state.begin();
    const tentative = new Set(transactions);
    const drop = db.prepare('DELETE FROM undo WHERE place = ?');
    for (const [transaction, place] of this.kept) {
      if (tentative.has(transaction) && transaction.run === this.keptRuns.get(transaction)) continue;
      drop.run(place);
      this.kept.delete(transaction);
      this.keptRuns.delete(transaction);
    }
    const put = db.prepare('INSERT INTO undo VALUES (?, ?, ?)');
    // What does not commute is taken back in the order's reverse.
    for (const transaction of transactions.toSorted((a, b) => comparePositions(a.position, b.position))) {
      const { run } = transaction;
      if (!run || this.kept.has(transaction)) continue;
      put.run(++this.places, transaction.id, serialize(run.changes.map(kept)));
      this.kept.set(transaction, this.places);
      this.keptRuns.set(transaction, run);
    }
  }
  private readonly keptRuns = new Map<GroupTransaction, unknown>();

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
    this.keptRuns.clear();
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
