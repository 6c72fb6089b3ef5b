/** Relations that the engine makes from what it knows: information_schema and the like. */
import type { VirtualTable } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import * as accounts from './account-rows.ts';
import { findVirtual } from './definitions.ts';
import * as group from './group-rows.ts';
import * as keys from './key-rows.ts';
import { encodeRows, type RowSource } from './rows.ts';
import * as schema from './schema-rows.ts';
import * as server from './server-rows.ts';

/** Where rows come from. What is not named here has no rows. */
const SOURCES: Readonly<Record<string, RowSource>> = {
  'information_schema.APPLICABLE_ROLES': accounts.applicableRoles,
  'information_schema.CHARACTER_SETS': server.characterSetRows,
  'information_schema.CHECK_CONSTRAINTS': keys.checkConstraints,
  'information_schema.COLLATIONS': server.collationRows,
  'information_schema.COLLATION_CHARACTER_SET_APPLICABILITY': server.collationCharsetRows,
  'information_schema.COLUMNS': schema.columns,
  'information_schema.COLUMNS_EXTENSIONS': schema.columnsExtensions,
  'information_schema.COLUMN_PRIVILEGES': accounts.columnPrivileges,
  'information_schema.ENABLED_ROLES': accounts.enabledRoles,
  'information_schema.ENGINES': server.engineRows,
  'information_schema.KEYWORDS': server.keywordRows,
  'information_schema.KEY_COLUMN_USAGE': keys.keyColumnUsage,
  'information_schema.PARTITIONS': schema.partitions,
  'information_schema.PLUGINS': server.pluginRows,
  'information_schema.PROCESSLIST': server.processRows,
  'information_schema.REFERENTIAL_CONSTRAINTS': keys.referentialConstraints,
  'information_schema.SCHEMATA': schema.schemata,
  'information_schema.SCHEMATA_EXTENSIONS': schema.schemataExtensions,
  'information_schema.SCHEMA_PRIVILEGES': accounts.schemaPrivileges,
  'information_schema.STATISTICS': keys.statistics,
  'information_schema.TABLES': schema.tables,
  'information_schema.TABLES_EXTENSIONS': schema.tablesExtensions,
  'information_schema.TABLE_CONSTRAINTS': keys.tableConstraints,
  'information_schema.TABLE_CONSTRAINTS_EXTENSIONS': keys.tableConstraintsExtensions,
  'information_schema.TABLE_PRIVILEGES': accounts.tablePrivileges,
  'information_schema.USER_ATTRIBUTES': accounts.userAttributes,
  'information_schema.USER_PRIVILEGES': accounts.userPrivileges,
  'information_schema.VIEWS': schema.views,
  'information_schema.VIEW_TABLE_USAGE': schema.viewTableUsage,
  'mysql.columns_priv': accounts.columnsPriv,
  'mysql.db': accounts.dbTable,
  'mysql.default_roles': accounts.defaultRolesTable,
  'mysql.global_grants': accounts.globalGrants,
  'mysql.role_edges': accounts.roleEdges,
  'mysql.tables_priv': accounts.tablesPriv,
  'mysql.user': accounts.userTable,
  'p2pdb.conflicts': group.conflictRows,
  'p2pdb.equivocations': group.equivocationRows,
  'p2pdb.hosts': group.hostRows,
  'p2pdb.members': group.memberRows,
  'p2pdb.moves': group.moveRows,
  'performance_schema.global_status': server.globalStatus,
  'performance_schema.global_variables': server.globalVariables,
  'performance_schema.persisted_variables': server.persistedVariables,
  'performance_schema.processlist': server.processlistTable,
  'performance_schema.session_account_connect_attrs': server.attributeRows,
  'performance_schema.session_connect_attrs': server.attributeRows,
  'performance_schema.session_status': server.globalStatus,
  'performance_schema.session_variables': server.sessionVariables,
  'performance_schema.threads': server.threadRows,
  'sys.version': server.versionRows,
};

export function findVirtualTable(database: string, name: string): VirtualTable | undefined {
  return findVirtual(database, name);
}

/** Rows that follow from the catalog alone and from who asks: kept until either changes. */
const CATALOG_ONLY = new Set(
  'CHARACTER_SETS CHECK_CONSTRAINTS COLLATIONS COLLATION_CHARACTER_SET_APPLICABILITY COLUMNS COLUMNS_EXTENSIONS ENGINES KEYWORDS KEY_COLUMN_USAGE PLUGINS REFERENTIAL_CONSTRAINTS SCHEMATA SCHEMATA_EXTENSIONS TABLES_EXTENSIONS TABLE_CONSTRAINTS TABLE_CONSTRAINTS_EXTENSIONS VIEWS VIEW_TABLE_USAGE'.split(
    ' ',
  ),
);

interface Kept {
  readonly version: string;
  readonly text: string;
}

const kept = new WeakMap<EngineCore, Map<string, Kept>>();
const KEPT_MAX = 64;

/** Rows of a relation by its name 'database.RELATION', as a JSON array of arrays. */
export function virtualRows(core: EngineCore, session: EngineSession, name: string): string {
  const source = SOURCES[name];
  if (!source) return '[]';
  const at = name.indexOf('.');
  const definition = findVirtual(name.slice(0, at), name.slice(at + 1));
  if (!definition) return '[]';
  const make = (): string => {
    const rows = source(core, session);
    encodeRows(definition, rows);
    return JSON.stringify(rows);
  };
  if (!CATALOG_ONLY.has(definition.name)) return make();
  let texts = kept.get(core);
  if (!texts) kept.set(core, (texts = new Map<string, Kept>()));
  const key = `${name}\u0000${session.currentUser}\u0000${session.state.activeRoles.join(',')}`;
  const version = core.main.schemaVersion;
  const known = texts.get(key);
  if (known?.version === version) return known.text;
  const text = make();
  if (texts.size >= KEPT_MAX) texts.clear();
  texts.set(key, { version, text });
  return text;
}
