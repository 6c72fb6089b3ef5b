/** The state as the replica drives it: runs transactions, takes them back, keeps what takes them back. */
import { deserialize, serialize } from 'node:v8';
import { finish, STEP_ROWS, type Footprint, type Steps } from '../../consistency/index.ts';
import type { Digest, Operation } from '../../log/index.ts';
import type { GroupTransaction, Machine, Outcome, Run } from '../../replica/index.ts';
import { SqlError, type CatalogChange, type Warning } from '../../sql/index.ts';
import {
  addDigests,
  digestBytes,
  ChangeList,
  DiskFullError,
  inverse,
  NO_DIGEST,
  type Row,
  type RowChange,
  type RowId,
  type StatePosition,
} from '../../store/index.ts';
import type { EngineCore } from '../core.ts';
import { Conflicts } from './conflicts.ts';
import { definitionKey, goneKey } from './keys.ts';
import { readSchema } from './logged-schema.ts';
import { Winners } from './winners.ts';

/** So many changes are kept in one piece. */
const KEPT_CHANGES = 1000;

/** A change as it is kept to be taken back. */
interface KeptChange {
  readonly table: number;
  readonly rowid: RowId;
  readonly newRowid: RowId | undefined;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

type SchemaOperation = Extract<Operation, { kind: 'schema' }>;

/** More children are not counted. */
const FOLLOWERS_COUNTED = 5000;

/** An index of a table with more rows is made by a thread of its own. */
const BUILT_BESIDE_ROWS = 20_000;

const EVERYTHING: Footprint = { reads: [], writes: [], everything: true };

export class StateMachine implements Machine {
  private readonly core: EngineCore;
  private readonly conflicts: Conflicts;
  private readonly winners: Winners;
  /** Sum of all tables' digests as the blocks leave them. */
  private final: Digest;
  /** After each schema change that is not settled yet: the digest, which then is the state's own, and the tables that it met. */
  private readonly afterSchema = new Map<
    GroupTransaction,
    { readonly digest: Digest; readonly left: readonly string[] }
  >();
  /** Places of what takes a transaction back. */
  private readonly kept = new Map<GroupTransaction, readonly number[]>();
  private places = 0;
  /** Run since undo records were kept, in that order; and places of those that are needed no more. */
  private readonly unkept = new Set<GroupTransaction>();
  private gone: number[] = [];
  /** What is done now was done before: to sessions it is no change. */
  private isRestoring = false;
  schemaCount: number;

  constructor(core: EngineCore) {
    this.core = core;
    this.conflicts = new Conflicts(core.state);
    this.winners = new Winners(core.state, core.merger.keys, this.conflicts);
    this.final = core.state.digests.total;
    this.schemaCount = core.state.position.schema;
  }

  *footprintOf({ changes, meant }: Run): Steps<Footprint> {
    const footprint = yield* this.core.merger.footprintOf(changes);
    if (!meant) return footprint;
    // That a row which it meant to change is not there decides what it does, too.
    const sought = yield* this.core.merger.footprintOf(meant);
    return { reads: [...footprint.reads, ...sought.reads, ...sought.writes], writes: footprint.writes };
  }

  *apply(transaction: GroupTransaction): Steps<Footprint> {
    const { core } = this;
    this.ran(transaction);
    const { epoch } = core.state;
    const content = transaction.read();
    const [schema] = content.operations;
    if (schema?.kind === 'schema') {
      const left = this.leftBy(transaction);
      const outcome = yield* core.env.through(this.changeSchema(schema));
      transaction.run = { changes: new ChangeList(), outcome, epoch, digest: NO_DIGEST };
      yield* this.conflicts.put(transaction, content, outcome);
      const { total } = core.state.digests;
      this.afterSchema.set(transaction, { digest: total, left: outcome.kind === 'applied' ? left : [] });
      return EVERYTHING;
    }
    const { changes, digest, outcome, footprint } = yield* core.env.through(core.merger.run(content));
    transaction.run = { changes, outcome, epoch, digest };
    yield* this.changed(changes);
    yield* this.conflicts.put(transaction, content, outcome);
    return footprint;
  }

  private *changeSchema({ change, basis }: SchemaOperation): Steps<Outcome> {
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
    const logged = readSchema(change);
    if (!logged) {
      const message = 'A schema change that cannot be read';
      return { kind: 'rejected', reason: 'schema', errno: 1105, sqlState: 'HY000', message };
    }
    try {
      const { changes, strict } = logged;
      warnings = yield* core.schema.apply(changes, strict);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { errno, sqlState, message } = error;
      return { kind: 'rejected', reason: 'schema', errno, sqlState, message };
    }
    this.schemaCount++;
    return { kind: 'applied', dropped: [], warnings };
  }

  isLong(transaction: GroupTransaction): boolean {
    const { schema, merger, replica } = this.core;
    if (!transaction.exclusive) return replica.gate.isLong(merger.followers(transaction.read(), FOLLOWERS_COUNTED));
    const changes = this.schemaChangesOf(transaction);
    return changes !== undefined && replica.gate.isLong(schema.workOf(changes).rows);
  }

  async prepare(transaction: GroupTransaction, isAlone: boolean): Promise<void> {
    const { schema, state } = this.core;
    const { indexes } = schema.workOf(this.schemaChangesOf(transaction) ?? []);
    // Rows that do not stand there yet, or stand there no more, must not be measured by what is unique.
    const large = indexes.filter(({ index, rows }) => rows > BUILT_BESIDE_ROWS && (isAlone || index.kind === 'index'));
    if (large.length > 0) await state.indexes.build(large);
  }

  /** Undefined where it is none, or will be refused. */
  private schemaChangesOf(transaction: GroupTransaction): readonly CatalogChange[] | undefined {
    const [schema] = transaction.read().operations;
    if (schema?.kind !== 'schema' || schema.basis !== this.schemaCount) return undefined;
    return readSchema(schema.change)?.changes;
  }

  /** What a schema change that is applied leaves of tables: see Winners. */
  private leftBy(transaction: GroupTransaction): string[] {
    return (this.schemaChangesOf(transaction) ?? []).flatMap((change) => {
      if (change.kind === 'put-table') return [definitionKey(change.table.id)];
      if (change.kind === 'drop-table' || change.kind === 'truncate-table') return [goneKey(change.id)];
      if (change.kind !== 'drop-database') return [];
      const tables = this.core.catalog.allTables().filter(({ database }) => database === change.name);
      return tables.map(({ id }) => goneKey(id));
    });
  }

  *undo(transaction: GroupTransaction): Steps<void> {
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
    const takenBack = new ChangeList();
    for (const change of run.changes.backwards()) {
      takenBack.push(inverse(change));
      if (takenBack.length % STEP_ROWS === 0) yield;
    }
    yield* this.core.state.reverting(run.changes.backwards(), run.epoch, STEP_ROWS);
    yield* this.changed(takenBack);
  }

  private *changed(changes: ChangeList): Steps<void> {
    if (!this.isRestoring) yield* this.core.stateChanged(changes);
  }

  settle(transaction: GroupTransaction): void {
    this.drop(transaction);
    const after = this.afterSchema.get(transaction);
    // Alone, nobody loses.
    if (!this.core.isAlone()) this.winners.settle(transaction, after?.left ?? []);
    if (after) {
      this.afterSchema.delete(transaction);
      this.final = after.digest;
      return;
    }
    if (transaction.run) this.final = addDigests(this.final, transaction.run.digest);
  }

  settled(height: number): Steps<void> {
    return this.winners.settled(height);
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
    const places = this.kept.get(transaction);
    if (!places) return;
    this.kept.delete(transaction);
    for (const place of places) this.gone.push(place);
  }

  keepUndo(): void {
    if (this.gone.length === 0 && this.unkept.size === 0) return;
    const { state } = this.core;
    const remove = state.db.prepare('DELETE FROM undo WHERE place = ?');
    // Together with the position, also where no row changed: what stands in a block by now is not undone at the next start.
    state.write(() => {
      for (const place of this.gone.splice(0)) remove.run(place);
    });
    finish(this.keepUndoInSteps());
  }

  /** They were run in an order in which they can be taken back, and whichever of the kept ones stood behind was run again since. */
  private *keepUndoInSteps(): Steps<void> {
    const { state } = this.core;
    const put = state.db.prepare('INSERT INTO undo VALUES (?, ?, ?)');
    for (const transaction of this.unkept) {
      const places: number[] = [];
      const keep = (changes: readonly KeptChange[]): void => {
        state.write(() => put.run(++this.places, transaction.id, serialize(changes)));
        places.push(this.places);
      };
      let piece: KeptChange[] = [];
      for (const change of transaction.run?.changes ?? []) {
        if (piece.length === KEPT_CHANGES) {
          keep(piece);
          piece = [];
          yield;
        }
        piece.push(kept(change));
      }
      keep(piece);
      this.kept.set(transaction, places);
      this.unkept.delete(transaction);
    }
  }

  undoKept(): void {
    const { state, catalog } = this.core;
    const rows = state.db.prepare('SELECT tx, changes FROM undo ORDER BY place DESC').all();
    for (const row of rows) {
      const changes = (deserialize(row['changes'] as Uint8Array) as KeptChange[]).flatMap((change): RowChange[] => {
        const table = catalog.tableById(change.table);
        return table ? [{ ...change, table }] : [];
      });
      state.revertAll(changes.reverse(), state.epoch);
      state.write(() => state.db.prepare('DELETE FROM conflict WHERE tx = ?').run(String(row['tx'])));
    }
    state.write(() => state.db.exec('DELETE FROM undo'));
    this.kept.clear();
    this.unkept.clear();
    this.gone = [];
    this.final = state.digests.total;
  }

  reload(): void {
    const { state } = this.core;
    this.isRestoring = true;
    state.reserve.release();
    state.reloadCatalog();
    this.schemaCount = state.position.schema;
    this.afterSchema.clear();
    this.winners.forget();
  }

  restored(): void {
    this.isRestoring = false;
    this.core.stateRestored();
  }

  publish(position: StatePosition): void {
    this.core.state.publish(position);
  }

  get hasUnpublished(): boolean {
    return this.core.state.hasUnpublished;
  }

  openSnapshot(): () => void {
    return this.core.openSnapshot();
  }

  *announce(): Steps<void> {
    // Alone, it is settled before it is published.
    if (!this.core.isAlone()) {
      try {
        yield* this.keepUndoInSteps();
      } catch (error) {
        // All that happened was done again, and is kept when it is published.
        if (!(error instanceof DiskFullError)) throw error;
      }
    }
    yield* this.core.announce();
  }
}

const kept = ({ table, rowid, newRowid, before, after }: RowChange): KeptChange => ({
  table: table.id,
  rowid,
  newRowid,
  before,
  after,
});
