/** ALTER TABLE. */
import { setImmediate as turn } from 'node:timers/promises';
import {
  columnCollation,
  primaryKey,
  ROWID,
  SqlError,
  unsupported,
  tableName,
  type AlterAction,
  type AlterTable,
  type CatalogChange,
  type QualifiedName,
  type TableDef,
} from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';
import { applyOptions, checkExpressions } from './create-table.ts';
import { copiesRows } from './copied-rows.ts';
import { checkAddable } from './allowed-expressions.ts';
import { columnDefault, type ZeroDates } from './defaults.ts';
import { TableDraft } from './draft.ts';
import { draftContext } from './draft-context.ts';
import { checkForeignKeys, checkReferencedKeys } from './foreign-key-checks.ts';
import { checkGeneratedKey, keepFirst } from './invisible-key.ts';
import { childrenFollow, constraintsFollow, databaseOf, exclusiveTable, referenceFollows } from './apply.ts';

export function alterTable(
  x: StatementContext,
  name: QualifiedName,
  actions: readonly AlterAction[],
  algorithm: AlterTable['algorithm'],
): Promise<void> | undefined {
  const table = exclusiveTable(x, name);
  const context = draftContext(x);
  const draft = new TableDraft(table, context);
  applyOptions(
    x,
    draft,
    actions.flatMap((a) => (a.kind === 'option' ? [a.option] : [])),
    true,
  );
  let renamed: { database: string; name: string } | undefined;
  let partitions = table.partitions;
  // Columns and keys that go make room for those that come, whatever their order in the statement.
  const order = (a: AlterAction): number =>
    a.kind === 'dropColumn' ||
    a.kind === 'dropPrimaryKey' ||
    a.kind === 'dropIndex' ||
    a.kind === 'dropForeignKey' ||
    a.kind === 'dropCheck' ||
    a.kind === 'dropConstraint'
      ? a.kind === 'dropForeignKey'
        ? 0
        : 1
      : a.kind === 'addKey'
        ? 3
        : 2;
  const renames = actions.filter((a): a is Extract<AlterAction, { kind: 'renameColumn' }> => a.kind === 'renameColumn');
  for (const action of [...actions].sort((a, b) => order(a) - order(b))) {
    switch (action.kind) {
      case 'renameTable': {
        renamed = { database: databaseOf(x, action.to), name: action.to.name };
        break;
      }
      case 'partitionBy':
        partitions = action.partitioning.text;
        break;
      case 'removePartitioning':
        partitions = undefined;
        break;
      case 'renameColumn':
        if (action === renames[0]) draft.renameColumns(renames);
        break;
      case 'convertCharset':
        convert(draft, columnCollation(action.charset ?? 'utf8mb4', action.collation, false, draft.options.collation));
        break;
      default:
        alter(draft, action, context.zeroDates);
    }
  }
  keepFirst(table, draft.columns);
  const generates = x.session.state.variables.number('sql_generate_invisible_primary_key') === 1;
  checkGeneratedKey(table, draft.build(), actions, generates);
  draft.validate();
  const { partitions: _old, ...built } = draft.build();
  const { core, state } = x.session;
  const target = renamed ?? table;
  if (
    renamed &&
    (renamed.name !== table.name || renamed.database !== table.database) &&
    (core.catalog.table(renamed.database, renamed.name) ?? core.catalog.view(renamed.database, renamed.name))
  ) {
    throw new SqlError(1050, '42S01', `Table '${renamed.name}' already exists`);
  }
  const altered: TableDef = {
    ...built,
    ...(partitions !== undefined && { partitions }),
    ...(renamed && constraintsFollow(built, renamed.name)),
    database: target.database,
    name: target.name,
    version: table.version + 1,
    generation: draft.rewrites ? table.generation + 1 : table.generation,
    ...(draft.rewrites && { rewritten: core.env.statementClock() }),
  };
  const renamings = [{ from: table, to: altered }];
  const next: TableDef = {
    ...altered,
    foreignKeys: altered.foreignKeys.map((key) =>
      table.foreignKeys.some(({ id }) => id === key.id) ? referenceFollows(key, renamings) : key,
    ),
  };
  checkForeignKeys(x, next, table);
  checkReferencedKeys(x, table, next);
  checkExpressions(x, next);
  const put = { kind: 'put-table', table: next, ...(numbersZeros(x, table, next) && { numbersZeros: true }) } as const;
  const changes: CatalogChange[] = [put, ...childrenFollow(x, renamings)];
  if (draft.autoIncrement !== undefined)
    changes.push({ kind: 'auto-increment', id: table.id, next: draft.autoIncrement });
  if (table.temporary) {
    core.schema.alterTemporary(table, put);
    state.temporaryTables.delete(`${table.database}.${table.name}`);
    state.temporaryTables.set(`${next.database}.${next.name}`, next);
    state.changed();
    return answer(x, next, true);
  }
  const copies = copiesRows(table, next, {
    copies: algorithm === 'copy' || state.variables.number('old_alter_table') === 1 || actions.some(isCopied),
    foreignKeyChecks: state.variables.number('foreign_key_checks') === 1,
    rebuilds: actions.some((a) => a.kind === 'force' || (a.kind === 'option' && a.option.name === 'engine')),
  });
  return core.commits.changeCatalog(x.session, x.text, changes).then(() => answer(x, next, copies));
}

/** Whether a column becomes AUTO_INCREMENT whose zeros ask for values; what is so already keeps them. */
function numbersZeros(x: StatementContext, old: TableDef, next: TableDef): boolean {
  const auto = next.columns.find((column) => column.autoIncrement);
  const before = old.columns.find(({ id }) => id === auto?.id);
  return before !== undefined && before.autoIncrement !== true && !x.session.state.noAutoValueOnZero;
}

const isCopied = ({ kind }: AlterAction): boolean =>
  kind === 'orderBy' || kind === 'partitionBy' || kind === 'removePartitioning';

/** Rows that were copied are affected. */
async function answer(x: StatementContext, table: TableDef, copies: boolean): Promise<void> {
  const rows = copies ? await countOf(x, table) : 0;
  ok(x, rows, `Records: ${rows}  Duplicates: 0  Warnings: ${x.session.state.warningCount}`);
}

/** Rows that are counted at once. */
const COUNTED_ROWS = 200_000;

/** Others' statements come between where there are very many. */
async function countOf(x: StatementContext, table: TableDef): Promise<number> {
  const counted = x.session.core.state.db.prepare(
    `SELECT count(*) AS n, max(r) AS last FROM (SELECT ${ROWID} AS r FROM ${tableName(table)} WHERE ${ROWID}>=? ORDER BY ${ROWID} LIMIT ${COUNTED_ROWS})`,
  );
  counted.setReadBigInts(true);
  let count = 0;
  for (let from = -(2n ** 63n); ;) {
    const { n, last } = counted.get(from) as { n: bigint; last: bigint | null };
    count += Number(n);
    if (n < COUNTED_ROWS || last === null) return count;
    from = last + 1n;
    await turn();
    // Another one changed it meanwhile.
    if (!table.temporary && x.session.core.catalog.tableById(table.id)?.generation !== table.generation) return count;
  }
}

function alter(draft: TableDraft, action: AlterAction, zeroDates: ZeroDates): void {
  switch (action.kind) {
    case 'addColumn':
      return checkAddable(draft.addColumn(action.column, action.place));
    case 'addColumns':
      for (const column of action.columns) checkAddable(draft.addColumn(column));
      for (const key of action.keys) draft.addKey(key);
      return;
    case 'addKey':
      return draft.addKey(action.key);
    case 'changeColumn':
      return draft.changeColumn(action.name, action.column, action.place);
    case 'modifyColumn':
      return draft.changeColumn(action.column.name, action.column, action.place);
    case 'dropColumn':
      return draft.dropColumn(action.name);
    case 'dropIndex':
      return draft.dropIndex(action.name);
    case 'dropForeignKey':
      return draft.dropForeignKey(action.name);
    case 'dropCheck':
      return draft.dropCheck(action.name);
    case 'dropConstraint':
      return draft.dropConstraint(action.name);
    case 'dropPrimaryKey':
      if (!primaryKey(draft.build()))
        throw new SqlError(1091, '42000', "Can't DROP 'PRIMARY'; check that column/key exists");
      return draft.dropIndex('PRIMARY');
    case 'alterColumnDefault': {
      const column = draft.column(action.name);
      if (action.value) column.default = columnDefault(column, action.value, action.parens, zeroDates);
      else delete column.default;
      if (column.default?.kind === 'null' && !column.nullable)
        throw new SqlError(1067, '42000', `Invalid default value for '${column.name}'`);
      return;
    }
    case 'alterColumnVisible': {
      const column = draft.column(action.name);
      if (action.visible) delete column.invisible;
      else column.invisible = true;
      return;
    }
    case 'alterIndexVisible':
      return draft.indexVisible(action.name, action.visible);
    case 'alterCheck':
    case 'alterConstraint':
      return draft.enforceCheck(action.name, action.enforced);
    case 'renameIndex':
      return draft.renameIndex(action.from, action.to);
    case 'partition':
      throw unsupported(`${action.action.toUpperCase()} PARTITION`);
    case 'enableKeys':
    case 'disableKeys':
    case 'force':
    case 'orderBy':
    case 'option':
      return;
    default:
      throw unsupported(`ALTER TABLE … ${action.kind}`);
  }
}

/** CONVERT TO CHARACTER SET: the table's and every text column's. */
function convert(draft: TableDraft, collation: string): void {
  draft.options.collation = collation;
  for (const column of draft.columns) {
    if (column.type.kind !== 'string' && column.type.kind !== 'enum' && column.type.kind !== 'set') continue;
    if (column.type.collation !== collation) draft.rewrites = true;
    column.type = { ...column.type, collation };
  }
}
