/** What a transaction did, as the intentions that the log keeps: see log/transaction.ts. */
import { finish, STEP_ROWS, type Steps } from '../../consistency/index.ts';
import {
  encodeInSteps,
  type Bounds,
  type ColumnChange,
  type LogKey,
  type LogValue,
  type Operation,
  type TableReference,
  type Transaction,
} from '../../log/index.ts';
import { primaryKey, rowidColumn, type CatalogChange, type SqliteValue, type TableDef } from '../../sql/index.ts';
import { sameValue, type ChangeList, type Intent, type Row, type RowChange, type RowId } from '../../store/index.ts';
import { difference } from './addition.ts';
import { columnRules } from './column-rules.ts';

/** A row, rows within bounds, or a whole table, that a transaction saw which asks for certification. */
export interface SeenRow {
  readonly table: TableDef;
  readonly rowid: RowId | undefined;
  readonly row: Row | undefined;
  /** Of a row that is not there, in a table whose primary key is no rowid. */
  readonly key?: readonly SqliteValue[];
  readonly bounds?: readonly Bounds[];
  readonly digest: readonly [number, number];
}

export interface SchemaRecord {
  readonly text: string;
  readonly changes: readonly CatalogChange[];
  /** How many schema changes there were when it was made. */
  readonly basis: number;
  /** Whether values that do not fit a changed column are errors. */
  readonly strict: boolean;
}

/** What the log carries of a schema change, as JSON. */
export type LoggedSchema = Pick<SchemaRecord, 'changes' | 'strict'>;

/** What one client's transaction did. */
export interface CommitRecord {
  readonly user: string;
  readonly database: string;
  readonly sql: string;
  readonly level: Transaction['level'];
  readonly unchecked: boolean;
  readonly changes: ChangeList;
  readonly seen?: readonly SeenRow[];
  readonly schema?: SchemaRecord;
}

class Tables {
  readonly references: TableReference[] = [];
  private readonly places = new Map<TableDef, number>();

  placeOf(table: TableDef): number {
    let place = this.places.get(table);
    if (place === undefined) {
      place = this.references.length;
      this.places.set(table, place);
      this.references.push({ id: table.id, version: table.version, columns: table.columns.map((c) => c.id) });
    }
    return place;
  }
}

export const transactionOf = (record: CommitRecord): Transaction => finish(transactionInSteps(record));

export function* transactionInSteps(record: CommitRecord): Steps<Transaction> {
  const tables = new Tables();
  const operations: Operation[] = [];
  let rows = 0;
  for (const operation of operationsOf(record, tables)) {
    if (operation) operations.push(operation);
    if (++rows % STEP_ROWS === 0) yield;
  }
  return { ...headOf(record, tables), operations };
}

/** The transaction's bytes, without ever holding all of its operations. */
export function* encodedInSteps(record: CommitRecord): Steps<Uint8Array> {
  const tables = new Tables();
  for (const table of record.changes.tables) if (!table.temporary) tables.placeOf(table);
  const head = headOf(record, tables);
  return yield* encodeInSteps(head, operationsOf(record, tables), record.changes.meant, STEP_ROWS);
}

/** Undefined for a row that is none: a cascade may have changed very many. */
function* operationsOf(
  { changes, schema }: CommitRecord,
  tables: Tables,
): Generator<Operation | undefined, void, undefined> {
  for (const change of changes) {
    const isMeant = change.table.temporary !== true && change.derived !== true;
    yield isMeant ? operationOf(change, tables.placeOf(change.table)) : undefined;
  }
  if (!schema) return;
  const { text, changes: steps, basis, strict } = schema;
  const change = JSON.stringify({ changes: steps, strict } satisfies LoggedSchema);
  yield { kind: 'schema', text, change, basis };
}

function headOf(record: CommitRecord, tables: Tables): Omit<Transaction, 'operations'> {
  const reads = (record.seen ?? []).map(({ table, rowid, row, key, bounds, digest }) => ({
    table: tables.placeOf(table),
    key: key ?? (rowid === undefined ? null : logKey(table, rowid, row ?? [])),
    ...(bounds && { bounds }),
    digest,
  }));
  const { user, database, sql, level, unchecked } = record;
  return { user, database, sql, level, unchecked, tables: tables.references, reads };
}

/** Key of a row in the log: its primary key's values, or the hidden key. */
function logKey(table: TableDef, rowid: RowId, row: readonly LogValue[]): LogKey {
  const primary = primaryKey(table);
  if (!primary || rowidColumn(table)) return rowid;
  return primary.parts.map((part) => row[table.columns.findIndex((c) => c.id === part.column)] ?? null);
}

function operationOf(change: RowChange, table: number): Operation {
  const { before, after, intent } = change;
  if (intent?.mode === 'upsert') return upsertOf(change.table, change.rowid, intent, table);
  if (!before) {
    const values = after ?? [];
    const mode = intent?.mode ?? 'plain';
    return { kind: 'insert', table, key: logKey(change.table, change.rowid, values), values, mode, changes: [] };
  }
  const key = logKey(change.table, change.rowid, before);
  if (!after) return { kind: 'delete', table, key };
  const changes = changesOf(change.table, before, after, change.adds);
  const newKey = logKey(change.table, change.newRowid ?? change.rowid, after);
  return sameKey(key, newKey) ? { kind: 'update', table, key, changes } : { kind: 'move', table, key, newKey, changes };
}

function upsertOf(
  table: TableDef,
  rowid: RowId,
  { inserted, base, updated, adds, assigned }: Extract<Intent, { mode: 'upsert' }>,
  place: number,
): Operation {
  const column = rowidColumn(table);
  const own = column ? (inserted[table.columns.indexOf(column)] as RowId) : rowid;
  return {
    kind: 'insert',
    table: place,
    key: logKey(table, own, inserted),
    values: inserted,
    mode: 'upsert',
    changes: changesOf(table, base, updated, adds, assigned),
  };
}

/** The columns that changed, and those of `assigned` that did not. Generated ones are computed again where the transaction is merged. */
function changesOf(
  table: TableDef,
  before: Row,
  after: Row,
  adds: readonly number[] | undefined,
  assigned?: readonly number[],
): ColumnChange[] {
  const rules = columnRules(table);
  const changes: ColumnChange[] = [];
  for (let column = 0; column < after.length; column++) {
    const value = after[column] ?? null;
    const base = before[column] ?? null;
    const definition = table.columns[column];
    if (!definition || definition.generated || (sameValue(base, value) && !assigned?.includes(definition.id))) continue;
    const added = adds?.includes(definition.id) ? difference(definition.type, value, base) : undefined;
    if (rules[column]) changes.push({ column, mode: 'merge', value, base });
    else if (added !== undefined) changes.push({ column, mode: 'add', value: added });
    else changes.push({ column, mode: 'assign', value });
  }
  return changes;
}

function sameKey(a: LogKey, b: LogKey): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((value, i) => sameValue(value, b[i]));
}
