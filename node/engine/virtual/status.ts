/** SHOW STATUS: counters that clients and monitors read. What has no meaning here is 0. */
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';

/** Names of statements in `statementCounts`, and MySQL's counters of them. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  Com_select: ['select', 'query'],
  Com_insert: ['insert'],
  Com_update: ['update'],
  Com_delete: ['delete'],
  Com_begin: ['begin'],
  Com_commit: ['commit'],
  Com_rollback: ['rollback'],
  Com_savepoint: ['savepoint'],
  Com_rollback_to_savepoint: ['rollbackTo'],
  Com_release_savepoint: ['releaseSavepoint'],
  Com_create_db: ['createDatabase'],
  Com_alter_db: ['alterDatabase'],
  Com_drop_db: ['dropDatabase'],
  Com_create_table: ['createTable', 'createTableLike'],
  Com_alter_table: ['alterTable'],
  Com_drop_table: ['dropTable'],
  Com_rename_table: ['renameTable'],
  Com_truncate: ['truncateTable'],
  Com_create_index: ['createIndex'],
  Com_drop_index: ['dropIndex'],
  Com_create_view: ['createView'],
  Com_drop_view: ['dropView'],
  Com_create_user: ['createUser'],
  Com_alter_user: ['alterUser'],
  Com_drop_user: ['dropUser'],
  Com_grant: ['grant'],
  Com_revoke: ['revoke'],
  Com_set_option: ['set'],
  Com_change_db: ['use'],
  Com_prepare_sql: ['prepare'],
  Com_execute_sql: ['execute'],
  Com_dealloc_sql: ['deallocate'],
  Com_load: ['loadData'],
  Com_lock_tables: ['lockTables'],
  Com_unlock_tables: ['unlockTables'],
  Com_analyze: ['analyzeTable'],
  Com_check: ['checkTable'],
  Com_optimize: ['optimizeTable'],
  Com_repair: ['repairTable'],
  Com_flush: ['flush'],
  Com_kill: ['kill'],
};

const ZEROS = `Aborted_clients Aborted_connects Binlog_cache_disk_use Binlog_cache_use Bytes_received Bytes_sent
Com_replace Com_stmt_prepare Com_stmt_execute Com_stmt_close Com_show_tables Com_show_databases Com_show_fields
Connection_errors_internal Connection_errors_max_connections Created_tmp_disk_tables Created_tmp_files
Created_tmp_tables Flush_commands Handler_commit Handler_delete Handler_read_first Handler_read_key
Handler_read_last Handler_read_next Handler_read_prev Handler_read_rnd Handler_read_rnd_next Handler_rollback
Handler_update Handler_write Innodb_buffer_pool_bytes_data Innodb_buffer_pool_bytes_dirty
Innodb_buffer_pool_pages_data Innodb_buffer_pool_pages_dirty Innodb_buffer_pool_pages_free
Innodb_buffer_pool_pages_total Innodb_buffer_pool_read_requests Innodb_buffer_pool_reads
Innodb_buffer_pool_wait_free Innodb_buffer_pool_write_requests Innodb_data_fsyncs Innodb_data_pending_fsyncs
Innodb_data_pending_reads Innodb_data_pending_writes Innodb_data_read Innodb_data_reads Innodb_data_writes
Innodb_data_written Innodb_log_waits Innodb_log_write_requests Innodb_log_writes Innodb_os_log_written
Innodb_pages_created Innodb_pages_read Innodb_pages_written Innodb_row_lock_current_waits Innodb_row_lock_time
Innodb_row_lock_time_avg Innodb_row_lock_time_max Innodb_row_lock_waits Innodb_rows_deleted Innodb_rows_inserted
Innodb_rows_read Innodb_rows_updated Key_blocks_not_flushed Key_blocks_unused Key_blocks_used Key_read_requests
Key_reads Key_write_requests Key_writes Locked_connects Max_execution_time_exceeded Opened_files
Opened_table_definitions Opened_tables Prepared_stmt_count Select_full_join Select_full_range_join Select_range
Select_range_check Select_scan Slow_launch_threads Sort_merge_passes Sort_range Sort_rows Sort_scan
Ssl_accepts Ssl_finished_accepts Table_locks_immediate Table_locks_waited Table_open_cache_hits
Table_open_cache_misses Table_open_cache_overflows Tc_log_page_waits Threads_cached`.split(/\s+/);

export function statusValues(core: EngineCore, session: EngineSession): [string, string][] {
  const values = new Map<string, string | number>(ZEROS.map((name) => [name, 0]));
  for (const [name, kinds] of Object.entries(COMMANDS)) {
    values.set(
      name,
      kinds.reduce((n, kind) => n + (core.statementCounts.get(kind) ?? 0), 0),
    );
  }
  const questions = [...core.statementCounts.values()].reduce((a, b) => a + b, 0);
  const uptime = Math.floor((Date.now() - core.startedAt) / 1000);
  const newest = Math.max(0, ...core.sessions.keys());
  const facts: Record<string, string | number> = {
    Connections: newest,
    Last_query_cost: '0.000000',
    Last_query_partial_plans: 0,
    Max_used_connections: core.main.sessionsPeak,
    Open_files: 2,
    Open_table_definitions: core.catalog.allTables().length,
    Open_tables: core.catalog.allTables().length,
    Innodb_page_size: 16384,
    Queries: questions,
    Slow_queries: core.main.statementLog.slow,
    Questions: questions,
    Ssl_cipher: session.client.tlsCipher,
    Ssl_version: session.client.tlsVersion,
    Threads_connected: core.sessions.size,
    Threads_created: newest,
    Threads_running: [...core.sessions.values()].filter((s) => s.state.command !== 'Sleep').length,
    Uptime: uptime,
    Uptime_since_flush_status: uptime,
  };
  for (const [name, value] of Object.entries(facts)) values.set(name, value);
  return [...values]
    .map(([name, value]): [string, string] => [name, String(value)])
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
