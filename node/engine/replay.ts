/** The log's entries applied to the state, in their order. */
import { decodeTransaction, type Entry, type LogKey, type Operation, type TableReference } from '../log/index.ts';
import { rowidColumn, type CatalogChange, type SqliteValue, type TableDef } from '../sql/index.ts';
import { LogDamagedError, type Row } from '../store/index.ts';
import type { EngineCore } from './core.ts';

/** Applies an entry's transactions to the state. */
export function replayEntry(core: EngineCore, entry: Entry): void {
  for (const bytes of entry.transactions) {
    const transaction = decodeTransaction(bytes);
    for (const operation of transaction.operations) {
      if (operation.kind === 'schema') {
        for (const change of JSON.parse(operation.change) as CatalogChange[]) core.applyChange(change, false);
        core.runner.forget();
        continue;
      }
      const reference = transaction.tables[operation.table];
      if (reference) replayOperation(core, reference, operation);
    }
  }
}

function replayOperation(
  core: EngineCore,
  reference: TableReference,
  operation: Exclude<Operation, { kind: 'schema' }>,
): void {
  const table = core.catalog.tableById(reference.id);
  if (!table) throw new LogDamagedError(`the log changes table ${reference.id}, which it never made`);
  const places = reference.columns.map((id) => table.columns.findIndex((c) => c.id === id));
  if (operation.kind === 'insert') {
    const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
    places.forEach((place, i) => {
      if (place >= 0) row[place] = operation.values[i] ?? null;
    });
    const rowid = typeof operation.key === 'object' ? core.state.newRowid(table) : operation.key;
    core.state.apply({ table, rowid, before: undefined, after: row });
    const auto = table.columns.findIndex((c) => c.autoIncrement);
    const value = auto < 0 ? null : row[auto];
    if (typeof value === 'number' && value > 0) core.state.setAutoIncrement(table, value + 1);
    return;
  }
  const rowid = rowidOf(core, table, operation.key);
  const before = rowid === undefined ? undefined : core.state.get(table, rowid);
  if (rowid === undefined || !before)
    throw new LogDamagedError(`the log changes a row of table ${table.name} that is not there`);
  if (operation.kind === 'delete') {
    core.state.apply({ table, rowid, before, after: undefined });
    return;
  }
  const after = [...before];
  for (const { column, add, value } of operation.changes) {
    const place = places[column] ?? -1;
    if (place < 0) continue;
    after[place] = add ? ((before[place] as number) ?? 0) + (value as number) : value;
  }
  core.state.apply({ table, rowid, before, after });
}

/** The rowid of the row with this key. */
function rowidOf(core: EngineCore, table: TableDef, key: LogKey): number | bigint | undefined {
  if (typeof key !== 'object') return key;
  if (rowidColumn(table)) return key[0] as number;
  const rt = core.runtimeOf(table);
  const primary = rt.unique.find((u) => u.index.kind === 'primary');
  if (!primary) return undefined;
  const statement = core.state.db.prepare(primary.find);
  statement.setReturnArrays(true);
  return (statement.get(...key) as unknown as [number] | undefined)?.[0];
}
