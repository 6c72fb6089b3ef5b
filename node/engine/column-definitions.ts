/** Columns as the protocol describes them to a client. */
import {
  columnById,
  compileStatement,
  parseStatement,
  primaryKey,
  type Catalog,
  type ResultColumn,
} from '../sql/index.ts';
import type { ColumnDefinition } from '../server/index.ts';
import type { EngineSession } from './session.ts';

export function columnDefinition(catalog: Catalog, column: ResultColumn): ColumnDefinition {
  const { source } = column;
  const table = source?.tableId === undefined ? undefined : catalog.tableById(source.tableId);
  const definition = table && source?.columnId !== undefined ? columnById(table, source.columnId) : undefined;
  const isFirst = (kinds: readonly string[]): boolean =>
    table?.indexes.some((i) => kinds.includes(i.kind) && i.parts[0]?.column === definition?.id) ?? false;
  const isPrimary =
    table && definition ? (primaryKey(table)?.parts.some((p) => p.column === definition.id) ?? false) : false;
  const isUnique =
    !isPrimary &&
    isFirst(['unique']) &&
    (table?.indexes.some((i) => i.kind === 'unique' && i.parts.length === 1 && i.parts[0]?.column === definition?.id) ??
      false);
  return {
    database: source?.database ?? '',
    table: source?.alias ?? '',
    originalTable: source?.table ?? '',
    name: column.name,
    originalName: source?.name ?? '',
    type: column.type,
    nullable: column.nullable,
    ...(definition && {
      primaryKey: isPrimary,
      uniqueKey: isUnique,
      multipleKey: !isPrimary && !isUnique && isFirst(['unique', 'index']),
      autoIncrement: definition.autoIncrement === true,
      noDefault: definition.default === undefined && !definition.nullable && !definition.autoIncrement,
      onUpdateNow: definition.onUpdateNow !== undefined,
    }),
  };
}

/** COM_FIELD_LIST. */
export function listFields(session: EngineSession, table: string, wildcard: string): readonly ColumnDefinition[] {
  const { core } = session;
  const settings = core.compileSettings(session, '', new Map(), false);
  const { statement } = parseStatement(`SELECT * FROM \`${table.replaceAll('`', '``')}\``);
  const compiled = compileStatement(core.catalog, settings, statement);
  if (compiled?.plan.kind !== 'select') return [];
  core.accounts.check(session, compiled.plan);
  const like =
    wildcard === ''
      ? undefined
      : new RegExp(
          `^${wildcard
            .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
            .replaceAll('%', '.*')
            .replaceAll('_', '.')}$`,
          'i',
        );
  return compiled.plan.columns.filter((c) => !like || like.test(c.name)).map((c) => columnDefinition(core.catalog, c));
}
