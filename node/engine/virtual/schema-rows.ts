/** information_schema: databases, tables, columns, views. */
import { isUpdatable, qualifiedTables, type QualifiedTable } from './view-usage.ts';
import type { TableDef, ViewDef } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import { createOptions } from '../ddl/kept-options.ts';
import { charsetNameOf, tableColumns, viewColumns, virtualColumns, type ColumnFacts } from './columns.ts';
import { findVirtual, SYSTEM_DATABASES, virtualNames, type VirtualDefinition } from './definitions.ts';
import {
  databasesSeen,
  isOpen,
  isTable,
  relationsSeen,
  rowEstimate,
  tablesSeen,
  timeText,
  viewsSeen,
} from './relations.ts';
import type { RowSource, VirtualRow, VirtualValue } from './rows.ts';
import { dataTypeName, typeFacts } from './type-text.ts';

export const schemata: RowSource = (core, session) =>
  databasesSeen(core, session).map((d) => ['def', d.name, charsetNameOf(d.collation), d.collation, null, 'NO']);

export const schemataExtensions: RowSource = (core, session) =>
  databasesSeen(core, session).map((d) => ['def', d.name, d.definition?.readOnly ? 'READ ONLY=1' : '']);

const systemDefinitions = (database: string): VirtualDefinition[] =>
  (virtualNames(database) ?? []).flatMap((name) => findVirtual(database, name) ?? []);

const systemDatabasesSeen = (core: EngineCore, session: EngineSession): string[] =>
  SYSTEM_DATABASES.filter((d) => isOpen(d) || core.accounts.canSee(session, d));

/** What TABLES and SHOW TABLE STATUS tell of a relation. */
export interface TableFacts {
  readonly database: string;
  readonly name: string;
  readonly kind: 'BASE TABLE' | 'VIEW' | 'SYSTEM VIEW';
  readonly engine: string | null;
  readonly version: number | null;
  readonly rowFormat: string | null;
  readonly rows: number | null;
  readonly averageLength: number | null;
  readonly dataLength: number | null;
  readonly maxDataLength: number | null;
  readonly indexLength: number | null;
  readonly dataFree: number | null;
  readonly autoIncrement: number | null;
  readonly created: string;
  readonly collation: string | null;
  readonly options: string | null;
  readonly comment: string;
}

const PAGE_BYTES = 16384;
const ROW_BYTES_ASSUMED = 64;

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

function optionsOf(table: TableDef): string {
  const words = createOptions(table.options.other, table.options.rowFormat);
  return table.partitions === undefined ? words : `${words} partitioned`.trimStart();
}

const isCompressed = ({ options: { engine, other } }: TableDef): boolean =>
  engine === 'InnoDB' && other?.some((option) => option.startsWith('KEY_BLOCK_SIZE=')) === true;

export function tableFacts(core: EngineCore, table: TableDef): TableFacts {
  const rows = rowEstimate(core, table);
  const pages = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE_BYTES)) * PAGE_BYTES;
  const dataLength = pages(rows * ROW_BYTES_ASSUMED);
  const indexes = table.indexes.filter((i) => i.kind !== 'primary').length;
  const next = table.columns.some((c) => c.autoIncrement)
    ? Number(core.engineOf(table.database).state.counters.autoIncrement(table))
    : null;
  return {
    database: table.database,
    name: table.name,
    kind: 'BASE TABLE',
    engine: table.options.engine,
    version: 10,
    rowFormat: capitalized(table.options.rowFormat ?? (isCompressed(table) ? 'Compressed' : 'Dynamic')),
    rows,
    averageLength: rows === 0 ? 0 : Math.floor(dataLength / rows),
    dataLength,
    maxDataLength: 0,
    indexLength: indexes * pages((rows * ROW_BYTES_ASSUMED) / 4),
    dataFree: 0,
    autoIncrement: next === 1 && rows === 0 ? null : next,
    created: timeText(table.createdAt),
    collation: table.options.collation,
    options: optionsOf(table),
    comment: table.options.comment,
  };
}

export function viewFacts(core: EngineCore, session: EngineSession, view: ViewDef): TableFacts {
  const works = viewColumns(core, session, view) !== undefined;
  const broken = `View '${view.database}.${view.name}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them`;
  return {
    ...NO_TABLE,
    database: view.database,
    name: view.name,
    kind: 'VIEW',
    created: timeText(core.startedAt),
    comment: works ? 'VIEW' : broken,
  };
}

const NO_TABLE = {
  engine: null,
  version: null,
  rowFormat: null,
  rows: null,
  averageLength: null,
  dataLength: null,
  maxDataLength: null,
  indexLength: null,
  dataFree: null,
  autoIncrement: null,
  collation: null,
  options: null,
} as const;

export function virtualFacts(core: EngineCore, definition: VirtualDefinition): TableFacts {
  const { database, name } = definition;
  const zeros = {
    version: 10,
    rows: 0,
    averageLength: 0,
    dataLength: 0,
    maxDataLength: 0,
    indexLength: 0,
    dataFree: 0,
  };
  const common = { ...NO_TABLE, ...zeros, database, name, created: timeText(core.startedAt), comment: '' };
  if (database === 'information_schema') return { ...common, kind: 'SYSTEM VIEW', options: '' };
  if (database === 'sys' && name === 'version') return { ...common, ...NO_TABLE, kind: 'VIEW', comment: 'VIEW' };
  const own = database === 'performance_schema' ? 'PERFORMANCE_SCHEMA' : 'InnoDB';
  const collation = database === 'mysql' ? 'utf8mb3_bin' : 'utf8mb4_0900_ai_ci';
  return { ...common, kind: 'BASE TABLE', engine: own, rowFormat: 'Dynamic', collation, options: '' };
}

/** All relations that a session sees, of one database or of all. */
export function relationFacts(core: EngineCore, session: EngineSession, database?: string): TableFacts[] {
  const own = database === undefined ? [...core.main.catalog.databases.keys()].sort() : [database];
  const system = systemDatabasesSeen(core, session).filter((d) => database === undefined || d === database);
  return [
    ...system.flatMap((d) => systemDefinitions(d).map((v) => virtualFacts(core, v))),
    ...own.flatMap((d) =>
      relationsSeen(core, session, d).map((r) => (isTable(r) ? tableFacts(core, r) : viewFacts(core, session, r))),
    ),
  ];
}

export const tables: RowSource = (core, session) =>
  relationFacts(core, session).map((f) => [
    'def',
    f.database,
    f.name,
    f.kind,
    f.engine,
    f.version,
    f.rowFormat,
    f.rows,
    f.averageLength,
    f.dataLength,
    f.maxDataLength,
    f.indexLength,
    f.dataFree,
    f.autoIncrement,
    f.created,
    null,
    null,
    f.collation,
    null,
    f.options,
    f.comment,
  ]);

export const tablesExtensions: RowSource = (core, session) =>
  tablesSeen(core, session).map((t) => ['def', t.database, t.name, null, null]);

function columnRow(database: string, table: string, place: number, c: ColumnFacts): VirtualRow {
  const t = typeFacts(c.type);
  return [
    'def',
    database,
    table,
    c.name,
    place,
    c.default,
    c.nullable ? 'YES' : 'NO',
    dataTypeName(c.type),
    t.characters,
    t.octets,
    t.precision,
    t.scale,
    t.fsp,
    t.charset,
    t.collation,
    c.typeText,
    c.key,
    c.extra,
    c.privileges,
    c.comment,
    c.generation,
    null,
  ];
}

const columnRows = (database: string, table: string, facts: readonly ColumnFacts[]): VirtualRow[] =>
  facts.map((c, i) => columnRow(database, table, i + 1, c));

const COLUMN_NAME = 3;

export const columns: RowSource = (core, session) => [
  ...systemDatabasesSeen(core, session).flatMap((d) =>
    systemDefinitions(d).flatMap((v) => columnRows(d, v.name, virtualColumns(v))),
  ),
  ...[...core.main.catalog.databases.keys()]
    .sort()
    .flatMap((d) =>
      relationsSeen(core, session, d).flatMap((r) =>
        columnRows(d, r.name, isTable(r) ? tableColumns(r) : (viewColumns(core, session, r) ?? [])).filter((row) =>
          core.accounts.canSeeColumn(session, d, r.name, String(row[COLUMN_NAME])),
        ),
      ),
    ),
];

export const columnsExtensions: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) =>
    tableColumns(t).map((c): VirtualRow => ['def', t.database, t.name, c.name, null, null]),
  );

export const views: RowSource = (core, session) =>
  viewsSeen(core, session).map((v): VirtualValue[] => [
    'def',
    v.database,
    v.name,
    v.select,
    v.checkOption,
    isUpdatable(v) ? 'YES' : 'NO',
    v.definer,
    v.security,
    charsetNameOf(v.collation),
    v.collation,
  ]);

export const viewTableUsage: RowSource = (core, session) =>
  viewsSeen(core, session).flatMap((v) =>
    qualifiedTables(v).tables.map((t: QualifiedTable): VirtualRow => [
      'def',
      v.database,
      v.name,
      'def',
      t.database,
      t.name,
    ]),
  );

export const partitions: RowSource = (core, session) =>
  tablesSeen(core, session).map((t): VirtualRow => {
    const f = tableFacts(core, t);
    return [
      ...['def', t.database, t.name],
      ...new Array<null>(10).fill(null),
      f.rows,
      f.averageLength,
      f.dataLength,
      f.maxDataLength,
      f.indexLength,
      f.dataFree,
      f.created,
      ...[null, null, null, '', null, null],
    ];
  });
