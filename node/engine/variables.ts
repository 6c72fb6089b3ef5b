/** System variables: their types, defaults, ranges, and which of them mean something here. */
import {
  collationId,
  DEFAULT_LOCALE,
  defaultCollation,
  SqlError,
  TIME_LOCALES,
  type SqliteValue,
  type SqlType,
} from '../sql/index.ts';

type Kind = 'int' | 'bool' | 'text' | 'enum' | 'real' | 'set';

export interface VariableDefinition {
  readonly name: string;
  readonly kind: Kind;
  readonly scope: 'global' | 'session' | 'both';
  readonly value: string | number;
  readonly readOnly?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Words of an enum or set, in MySQL's order. */
  readonly words?: readonly string[];
}

export const SQL_MODES = [
  'REAL_AS_FLOAT',
  'PIPES_AS_CONCAT',
  'ANSI_QUOTES',
  'IGNORE_SPACE',
  'NOT_USED',
  'ONLY_FULL_GROUP_BY',
  'NO_UNSIGNED_SUBTRACTION',
  'NO_DIR_IN_CREATE',
  'ANSI',
  'NO_AUTO_VALUE_ON_ZERO',
  'NO_BACKSLASH_ESCAPES',
  'STRICT_TRANS_TABLES',
  'STRICT_ALL_TABLES',
  'NO_ZERO_IN_DATE',
  'NO_ZERO_DATE',
  'ALLOW_INVALID_DATES',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'TRADITIONAL',
  'HIGH_NOT_PRECEDENCE',
  'NO_ENGINE_SUBSTITUTION',
  'PAD_CHAR_TO_FULL_LENGTH',
  'TIME_TRUNCATE_FRACTIONAL',
] as const;

const MODE_GROUPS: Readonly<Record<string, readonly string[]>> = {
  ANSI: ['REAL_AS_FLOAT', 'PIPES_AS_CONCAT', 'ANSI_QUOTES', 'IGNORE_SPACE', 'ONLY_FULL_GROUP_BY', 'ANSI'],
  TRADITIONAL: [
    'STRICT_TRANS_TABLES',
    'STRICT_ALL_TABLES',
    'NO_ZERO_IN_DATE',
    'NO_ZERO_DATE',
    'ERROR_FOR_DIVISION_BY_ZERO',
    'TRADITIONAL',
    'NO_ENGINE_SUBSTITUTION',
  ],
};

export const DEFAULT_SQL_MODE_TEXT =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

const U64 = 18446744073709551615;
const int = (
  name: string,
  value: number,
  min = 0,
  max: number = U64,
  scope: VariableDefinition['scope'] = 'both',
): VariableDefinition => ({ name, kind: 'int', scope, value, min, max });
const bool = (name: string, value: 0 | 1, scope: VariableDefinition['scope'] = 'both'): VariableDefinition => ({
  name,
  kind: 'bool',
  scope,
  value,
});
const text = (name: string, value: string, scope: VariableDefinition['scope'] = 'both'): VariableDefinition => ({
  name,
  kind: 'text',
  scope,
  value,
});
const fixed = (
  name: string,
  value: string | number,
  kind: Kind = typeof value === 'number' ? 'int' : 'text',
): VariableDefinition => ({ name, kind, scope: 'global', value, readOnly: true });
const BLOCK_ENCRYPTION_MODES = ['ecb', 'cbc', 'cfb1', 'cfb8', 'cfb128', 'ofb'].flatMap((mode) =>
  [128, 192, 256].map((bits) => `aes-${bits}-${mode}`),
);

const words = (
  name: string,
  value: string,
  list: readonly string[],
  scope: VariableDefinition['scope'] = 'both',
): VariableDefinition => ({ name, kind: 'enum', scope, value, words: list });

const ISOLATION = ['READ-UNCOMMITTED', 'READ-COMMITTED', 'REPEATABLE-READ', 'SERIALIZABLE'];

const DEFINITIONS: readonly VariableDefinition[] = [
  // Those that change what statements do.
  bool('autocommit', 1),
  { name: 'sql_mode', kind: 'set', scope: 'both', value: DEFAULT_SQL_MODE_TEXT, words: SQL_MODES },
  words('transaction_isolation', 'REPEATABLE-READ', ISOLATION),
  bool('transaction_read_only', 0),
  text('time_zone', 'SYSTEM'),
  fixed('system_time_zone', 'UTC'),
  text('character_set_client', 'utf8mb4'),
  text('character_set_connection', 'utf8mb4'),
  text('character_set_results', 'utf8mb4'),
  text('character_set_database', 'utf8mb4'),
  text('character_set_server', 'utf8mb4'),
  fixed('character_set_system', 'utf8mb3'),
  text('character_set_filesystem', 'binary'),
  text('collation_connection', 'utf8mb4_0900_ai_ci'),
  text('collation_database', 'utf8mb4_0900_ai_ci'),
  text('collation_server', 'utf8mb4_0900_ai_ci'),
  text('default_collation_for_utf8mb4', 'utf8mb4_0900_ai_ci'),
  bool('foreign_key_checks', 1),
  bool('unique_checks', 1),
  bool('sql_auto_is_null', 0),
  bool('sql_safe_updates', 0),
  int('sql_select_limit', U64),
  bool('sql_big_selects', 1),
  bool('sql_notes', 1),
  bool('sql_warnings', 0),
  bool('sql_quote_show_create', 1),
  bool('sql_log_bin', 1, 'session'),
  bool('sql_log_off', 0),
  bool('sql_buffer_result', 0),
  bool('sql_generate_invisible_primary_key', 0),
  bool('sql_require_primary_key', 0),
  int('innodb_lock_wait_timeout', 50, 1, 1073741824),
  int('lock_wait_timeout', 31536000, 1, 31536000),
  int('auto_increment_increment', 1, 1, 65535),
  int('auto_increment_offset', 1, 1, 65535),
  int('div_precision_increment', 4, 0, 30),
  int('group_concat_max_len', 1024, 4),
  int('cte_max_recursion_depth', 1000, 0, 4294967295),
  int('max_execution_time', 0, 0, 4294967295),
  int('max_allowed_packet', 67108864, 1024, 1073741824),
  int('net_buffer_length', 16384, 1024, 1048576),
  int('net_read_timeout', 30, 1, 31536000),
  int('net_write_timeout', 60, 1, 31536000),
  int('net_retry_count', 10, 1),
  int('wait_timeout', 28800, 1, 31536000),
  int('interactive_timeout', 28800, 1, 31536000),
  int('connect_timeout', 10, 2, 31536000, 'global'),
  int('max_connections', 1040, 1, 100000, 'global'),
  int('max_error_count', 1024, 0, 65535),
  int('max_prepared_stmt_count', 16382, 0, 4194304, 'global'),
  int('max_sort_length', 1024, 4, 8388608),
  int('default_week_format', 0, 0, 7),
  int('lower_case_table_names', 0, 0, 2, 'global'),
  bool('local_infile', 0, 'global'),
  bool('read_only', 0, 'global'),
  bool('super_read_only', 0, 'global'),
  bool('explicit_defaults_for_timestamp', 1),
  words('default_storage_engine', 'InnoDB', ['InnoDB', 'MyISAM', 'MEMORY', 'CSV', 'ARCHIVE', 'BLACKHOLE']),
  words('default_tmp_storage_engine', 'InnoDB', ['InnoDB', 'MyISAM', 'MEMORY']),
  words('internal_tmp_mem_storage_engine', 'TempTable', ['MEMORY', 'TempTable']),
  words('completion_type', 'NO_CHAIN', ['NO_CHAIN', 'CHAIN', 'RELEASE']),
  words('concurrent_insert', 'AUTO', ['NEVER', 'AUTO', 'ALWAYS'], 'global'),
  text('default_authentication_plugin', 'caching_sha2_password', 'global'),
  text('authentication_policy', '*,,', 'global'),
  text('init_connect', '', 'global'),
  words('lc_time_names', DEFAULT_LOCALE, TIME_LOCALES),
  text('lc_messages', 'en_US'),
  words('session_track_gtids', 'OFF', ['OFF', 'OWN_GTID', 'ALL_GTIDS']),
  bool('session_track_schema', 1),
  bool('session_track_state_change', 0),
  text(
    'session_track_system_variables',
    'time_zone,autocommit,character_set_client,character_set_results,character_set_connection',
  ),
  words('session_track_transaction_info', 'OFF', ['OFF', 'STATE', 'CHARACTERISTICS']),
  { name: 'timestamp', kind: 'real', scope: 'session', value: 0, min: 0, max: U64 },
  int('insert_id', 0, 0, U64, 'session'),
  int('last_insert_id', 0, 0, U64, 'session'),
  int('identity', 0, 0, U64, 'session'),
  int('pseudo_thread_id', 0, 0, U64, 'session'),
  int('rand_seed1', 0, 0, U64, 'session'),
  int('rand_seed2', 0, 0, U64, 'session'),
  { name: 'error_count', kind: 'int', scope: 'session', value: 0, readOnly: true },
  { name: 'warning_count', kind: 'int', scope: 'session', value: 0, readOnly: true },
  words('p2pdb_commit', 'local', ['local', 'replicated', 'final']),
  words('p2pdb_read', 'local', ['local', 'linearizable']),
  int('p2pdb_max_transaction_bytes', 268435456, 1048576, 268435456),
  bool('p2pdb_log_sql', 1),
  int('p2pdb_commit_timeout', 10, 1, 31_536_000),
  { name: 'p2pdb_last_txid', kind: 'text', scope: 'session', value: '', readOnly: true },
  // Those that clients and tools read or set and that change nothing here.
  int('join_buffer_size', 262144, 128),
  int('sort_buffer_size', 262144, 32768),
  int('read_buffer_size', 131072, 8192),
  int('read_rnd_buffer_size', 262144, 1),
  int('tmp_table_size', 16777216, 1024),
  int('max_heap_table_size', 16777216, 16384),
  int('bulk_insert_buffer_size', 8388608),
  int('key_buffer_size', 8388608, 0, U64, 'global'),
  int('max_join_size', U64, 1),
  int('max_length_for_sort_data', 4096, 4),
  int('max_seeks_for_key', U64, 1),
  int('max_points_in_geometry', 65536, 3),
  int('max_user_connections', 0),
  int('min_examined_row_limit', 0),
  { name: 'long_query_time', kind: 'real', scope: 'both', value: 10, min: 0, max: 31536000 },
  int('optimizer_prune_level', 1, 0, 1),
  int('optimizer_search_depth', 62, 0, 62),
  int('eq_range_index_dive_limit', 200),
  int('range_optimizer_max_mem_size', 8388608),
  int('query_alloc_block_size', 8192),
  int('query_prealloc_size', 8192),
  int('preload_buffer_size', 32768),
  int('range_alloc_block_size', 4096),
  int('transaction_alloc_block_size', 8192),
  int('transaction_prealloc_size', 4096),
  int('thread_cache_size', 18, 0, 16384, 'global'),
  int('table_open_cache', 4000, 1, 524288, 'global'),
  int('table_definition_cache', 2000, 400, 524288, 'global'),
  int('open_files_limit', 1048576, 0, U64, 'global'),
  int('back_log', 151, 1, 65535, 'global'),
  int('flush_time', 0, 0, 31536000, 'global'),
  int('slow_launch_time', 2, 0, 31536000, 'global'),
  int('innodb_buffer_pool_size', 134217728, 5242880, U64, 'global'),
  int('innodb_flush_log_at_trx_commit', 1, 0, 2, 'global'),
  int('sync_binlog', 1, 0, 4294967295, 'global'),
  bool('innodb_strict_mode', 1),
  bool('innodb_file_per_table', 1, 'global'),
  bool('innodb_table_locks', 1),
  bool('innodb_ft_enable_stopword', 1),
  bool('innodb_rollback_on_timeout', 0, 'global'),
  bool('innodb_stats_persistent', 1, 'global'),
  int('innodb_stats_persistent_sample_pages', 20, 1, U64, 'global'),
  int('information_schema_stats_expiry', 86400, 0, 31536000),
  bool('big_tables', 0),
  bool('keep_files_on_create', 0),
  bool('low_priority_updates', 0),
  bool('new', 0),
  bool('old_alter_table', 0),
  bool('profiling', 0),
  int('profiling_history_size', 15, 0, 100),
  bool('general_log', 0, 'global'),
  bool('slow_query_log', 0, 'global'),
  bool('log_bin_trust_function_creators', 0, 'global'),
  bool('event_scheduler', 0, 'global'),
  bool('end_markers_in_json', 0),
  bool('show_create_table_verbosity', 0),
  bool('show_create_table_skip_secondary_engine', 0),
  bool('print_identified_with_as_hex', 0),
  bool('select_into_disk_sync', 0),
  bool('updatable_views_with_limit', 1),
  bool('windowing_use_high_precision', 1),
  bool('require_secure_transport', 0, 'global'),
  bool('offline_mode', 0, 'global'),
  bool('partial_revokes', 0, 'global'),
  bool('check_proxy_users', 0, 'global'),
  bool('activate_all_roles_on_login', 0, 'global'),
  text('mandatory_roles', '', 'global'),
  bool('xa_detach_on_prepare', 1),
  bool('restrict_fk_on_non_standard_key', 1),
  text('gtid_mode', 'OFF', 'global'),
  text('gtid_next', 'AUTOMATIC', 'session'),
  text('gtid_purged', '', 'global'),
  text('enforce_gtid_consistency', 'OFF', 'global'),
  text('optimizer_switch', 'index_merge=on'),
  text('optimizer_trace', 'enabled=off,one_line=off'),
  int('optimizer_trace_max_mem_size', 1048576),
  text('binlog_format', 'ROW'),
  text('binlog_row_image', 'FULL'),
  text('ft_boolean_syntax', '+ -><()~*:""&|', 'global'),
  words('block_encryption_mode', 'aes-128-ecb', BLOCK_ENCRYPTION_MODES),
  text('default_table_encryption', 'OFF'),
  text('ssl_cipher', '', 'global'),
  fixed('version_comment', 'P2PDB'),
  fixed('version_compile_machine', 'x86_64'),
  fixed('version_compile_os', 'Linux'),
  fixed('license', 'Apache-2.0'),
  fixed('have_ssl', 'YES'),
  fixed('have_openssl', 'YES'),
  fixed('have_compress', 'YES'),
  fixed('have_geometry', 'NO'),
  fixed('have_profiling', 'NO'),
  fixed('have_query_cache', 'NO'),
  fixed('have_symlink', 'DISABLED'),
  fixed('lower_case_file_system', 0, 'bool'),
  fixed('large_files_support', 1, 'bool'),
  fixed('log_bin', 0, 'bool'),
  fixed('skip_networking', 0, 'bool'),
  fixed('skip_name_resolve', 1, 'bool'),
  fixed('performance_schema', 0, 'bool'),
  fixed('protocol_version', 10),
  fixed('server_id', 1),
  fixed('server_uuid', '00000000-0000-0000-0000-000000000000'),
  fixed('hostname', 'localhost'),
  fixed('port', 3306),
  fixed('socket', ''),
  fixed('datadir', ''),
  fixed('basedir', ''),
  fixed('tmpdir', '/tmp'),
  fixed('pid_file', ''),
  fixed('secure_file_priv', 'NULL'),
  fixed('tls_version', 'TLSv1.2,TLSv1.3'),
  fixed('version', ''),
  fixed('innodb_version', ''),
  fixed('innodb_page_size', 16384),
  fixed('innodb_read_only', 0, 'bool'),
  fixed('innodb_autoinc_lock_mode', 2),
  text('innodb_default_row_format', 'dynamic', 'global'),
  bool('innodb_deadlock_detect', 1, 'global'),
  bool('innodb_print_all_deadlocks', 0, 'global'),
  bool('innodb_stats_auto_recalc', 1, 'global'),
  bool('innodb_stats_on_metadata', 0, 'global'),
  int('max_connect_errors', 100, 1, U64, 'global'),
  int('default_password_lifetime', 0, 0, 65535, 'global'),
  words('delay_key_write', 'ON', ['OFF', 'ON', 'ALL'], 'global'),
  fixed('disabled_storage_engines', ''),
  fixed('log_error', 'stderr'),
  fixed('skip_external_locking', 1, 'bool'),
];

const byName = new Map(DEFINITIONS.map((d) => [d.name, d]));
byName.set('tx_isolation', byName.get('transaction_isolation') as VariableDefinition);
byName.set('tx_read_only', byName.get('transaction_read_only') as VariableDefinition);
byName.delete('tx_isolation');
byName.delete('tx_read_only');

export const findVariable = (name: string): VariableDefinition | undefined => byName.get(name.toLowerCase());
export const allVariables = (): readonly VariableDefinition[] => DEFINITIONS;

const TEXT_TYPE: SqlType = { kind: 'string', family: 'varchar', length: 1024, collation: 'utf8mb4_0900_ai_ci' };
export function variableType(definition: VariableDefinition): SqlType {
  if (definition.kind === 'real') return { kind: 'double', unsigned: false };
  if (definition.kind === 'bool' || definition.kind === 'int')
    return { kind: 'int', bits: 64, unsigned: definition.kind === 'int' };
  return TEXT_TYPE;
}

/** How SHOW VARIABLES prints a value. */
export function displayValue(definition: VariableDefinition, value: string | number): string {
  if (definition.kind === 'bool') return Number(value) === 1 ? 'ON' : 'OFF';
  if (definition.kind === 'real') return Number(value).toFixed(6);
  if (value === U64) return '18446744073709551615';
  return String(value);
}

/** The value in SQLite's form. */
export function sqliteValue(value: string | number): SqliteValue {
  if (typeof value === 'string') return value === '\u0000null' ? null : value;
  if (value >= 2 ** 63) return new Uint8Array(8).fill(255);
  return Number.isInteger(value) ? BigInt(value) : value;
}

const wrongValue = (name: string, value: SqliteValue): SqlError =>
  new SqlError(
    1231,
    '42000',
    `Variable '${name}' can't be set to the value of '${value === null ? 'NULL' : String(value)}'`,
  );
const wrongType = (name: string): SqlError =>
  new SqlError(1232, '42000', `Incorrect argument type to variable '${name}'`);

/** Checks a value for a variable and gives it in stored form; `warn` is told when it was moved into its range. */
export function checkValue(
  definition: VariableDefinition,
  value: SqliteValue,
  warn: (message: string) => void,
): string | number {
  const { name } = definition;
  switch (definition.kind) {
    case 'bool': {
      const word = typeof value === 'string' ? value.toUpperCase() : value;
      if (word === 'ON' || word === 'TRUE' || Number(word) === 1) return 1;
      if (word === 'OFF' || word === 'FALSE' || (word !== null && word !== '' && Number(word) === 0)) return 0;
      throw wrongValue(name, value);
    }
    case 'int': {
      if (value instanceof Uint8Array) return U64;
      if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(name);
      const n = Number(value);
      if (!Number.isInteger(n)) throw wrongType(name);
      const clipped = Math.min(Math.max(n, definition.min ?? 0), definition.max ?? U64);
      if (clipped !== n) warn(`Truncated incorrect ${name} value: '${String(value)}'`);
      return clipped;
    }
    case 'real': {
      if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(name);
      const n = Number(value);
      const clipped = Math.min(Math.max(n, definition.min ?? 0), definition.max ?? U64);
      if (clipped !== n) warn(`Truncated incorrect ${name} value: '${String(value)}'`);
      return clipped;
    }
    case 'enum': {
      const list = definition.words ?? [];
      if (typeof value === 'number' || typeof value === 'bigint') {
        const word = list[Number(value)];
        if (word === undefined) throw wrongWord(name, value);
        return word;
      }
      const word = list.find((w) => w.toLowerCase() === String(value).toLowerCase());
      if (word === undefined || value === null) throw wrongWord(name, value);
      return word;
    }
    case 'set':
      return sqlModeText(value);
    case 'text':
      return checkText(name, value);
  }
}

function wrongWord(name: string, value: SqliteValue): SqlError {
  const given = String(value);
  if (value !== null && name === 'lc_time_names') return new SqlError(1649, 'HY000', `Unknown locale: '${given}'`);
  if (value !== null && /^default_(tmp_)?storage_engine$/.test(name))
    return new SqlError(1286, '42000', `Unknown storage engine '${given}'`);
  return wrongValue(name, value);
}

function checkText(name: string, value: SqliteValue): string {
  if (value === null) {
    if (name === 'character_set_results') return '\u0000null';
    throw wrongValue(name, null);
  }
  const given = value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
  if (name.startsWith('character_set_') && name !== 'character_set_filesystem') {
    if (typeof value !== 'string') throw wrongType(name);
    const charset = given.toLowerCase() === 'utf8' ? 'utf8mb3' : given.toLowerCase();
    if (charset !== 'binary' && defaultCollation(charset) === undefined)
      throw new SqlError(1115, '42000', `Unknown character set: '${given}'`);
    if (name === 'character_set_client' && ['ucs2', 'utf16', 'utf16le', 'utf32'].includes(charset))
      throw wrongValue(name, given);
    return charset;
  }
  if (name.startsWith('collation_') || name === 'default_collation_for_utf8mb4') {
    if (collationId(given.toLowerCase()) === undefined)
      throw new SqlError(1273, 'HY000', `Unknown collation: '${given}'`);
    return given.toLowerCase();
  }
  if (name === 'time_zone') return checkTimeZone(given);
  return given;
}

function checkTimeZone(given: string): string {
  if (given.toUpperCase() === 'SYSTEM') return 'SYSTEM';
  const offset = /^([+-])(\d{1,2}):(\d{2})$/.exec(given);
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    const limit = offset[1] === '-' ? 13 * 60 + 59 : 14 * 60;
    if (Number(offset[3]) < 60 && minutes <= limit)
      return `${offset[1] ?? '+'}${(offset[2] ?? '').padStart(2, '0')}:${offset[3] ?? ''}`;
  } else {
    try {
      new Intl.DateTimeFormat('en-US', { timeZone: given });
      if (/^[A-Za-z]/.test(given)) return given;
    } catch {
      // Not a zone that this machine knows: the error below says so.
    }
  }
  throw new SqlError(1298, 'HY000', `Unknown or incorrect time zone: '${given}'`);
}

/** sql_mode as text, in MySQL's order, from words or a number. */
export function sqlModeText(value: SqliteValue): string {
  if (value === null) throw wrongValue('sql_mode', null);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const bits = BigInt(value);
    return SQL_MODES.filter((_, i) => (bits >> BigInt(i)) & 1n).join(',');
  }
  const given = (value instanceof Uint8Array ? new TextDecoder().decode(value) : value)
    .split(',')
    .map((w) => w.trim().toUpperCase())
    .filter((w) => w !== '');
  const all = new Set(given.flatMap((w) => MODE_GROUPS[w] ?? [w]));
  for (const word of all) if (!(SQL_MODES as readonly string[]).includes(word)) throw wrongValue('sql_mode', word);
  return SQL_MODES.filter((m) => all.has(m)).join(',');
}

/** Values of one scope, falling back to defaults. */
export class VariableStore {
  private readonly values = new Map<string, string | number>();
  private readonly parent: VariableStore | undefined;

  constructor(parent?: VariableStore) {
    this.parent = parent;
    // A session's value is what the global one was when it began.
    if (parent) for (const d of DEFINITIONS) if (d.scope !== 'global') this.values.set(d.name, parent.get(d.name));
  }

  get(name: string): string | number {
    const own = this.values.get(name);
    if (own !== undefined) return own;
    if (this.parent) return this.parent.get(name);
    return byName.get(name)?.value ?? '';
  }

  set(name: string, value: string | number): void {
    this.values.set(name, value);
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  /** Those that are set here. */
  own(): [name: string, value: string | number][] {
    return [...this.values];
  }
}
