/** SHOW of what the server is and does: variables, status, sessions, engines, character sets. */
import { SqlError, type Show } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import {
  characterSetRows,
  collationRows,
  engineRows,
  pluginRows,
  processes,
  variableRows,
} from '../virtual/server-rows.ts';
import type { VirtualRow } from '../virtual/rows.ts';
import { statusValues } from '../virtual/status.ts';
import { STATIC_PRIVILEGES } from '../virtual/privileges.ts';
import { databaseNamed } from './names.ts';
import { answer, columnsOf } from './result.ts';

type Answered = Promise<void> | undefined;

const PAIR_COLUMNS = columnsOf('Variable_name varchar(64)!; Value varchar(1024)');

export function showVariables(x: StatementContext, { scope, filter }: Show): Answered {
  const { session } = x;
  return answer(
    x,
    { columns: PAIR_COLUMNS, rows: variableRows(session.core, scope === 'global' ? undefined : session) },
    filter,
  );
}

export function showStatus(x: StatementContext, { filter }: Show): Answered {
  return answer(x, { columns: PAIR_COLUMNS, rows: statusValues(x.session.core, x.session) }, filter);
}

const PROCESS_COLUMNS = columnsOf(
  'Id bigint unsigned!; User varchar(32)!; Host varchar(255)!; db varchar(64); Command varchar(16)!; Time int!; State varchar(30); Info varchar(100)',
);
const FULL_PROCESS_COLUMNS = PROCESS_COLUMNS.map((c) =>
  c.name === 'Info' ? { ...c, type: columnsOf('Info longtext')[0]?.type ?? c.type } : c,
);
const INFO_MAX = 100;

export function showProcesslist(x: StatementContext, { full }: Show): Answered {
  const rows = processes(x.session.core, x.session).map((p): VirtualRow => [
    ...[p.id, p.user, p.host, p.database, p.command, p.time, p.state],
    full ? p.info : (p.info?.slice(0, INFO_MAX) ?? null),
  ]);
  return answer(x, { columns: full ? FULL_PROCESS_COLUMNS : PROCESS_COLUMNS, rows });
}

const ENGINE_COLUMNS = columnsOf(
  'Engine varchar(64)!; Support varchar(8)!; Comment varchar(80)!; Transactions varchar(3); XA varchar(3); Savepoints varchar(3)',
);
const PLUGIN_COLUMNS = columnsOf(
  'Name varchar(64)!; Status varchar(10)!; Type varchar(80)!; Library varchar(64); License varchar(80)',
);
const CHARSET_COLUMNS = columnsOf(
  'Charset varchar(64)!; Description varchar(2048)!; `Default collation` varchar(64)!; Maxlen int unsigned!',
);
const COLLATION_COLUMNS = columnsOf(
  "Collation varchar(64)!; Charset varchar(64)!; Id bigint unsigned!; Default varchar(3)!; Compiled varchar(3)!; Sortlen int unsigned!; Pad_attribute enum('PAD SPACE','NO PAD')^!",
);

export function showEngines(x: StatementContext): Answered {
  return answer(x, { columns: ENGINE_COLUMNS, rows: engineRows(x.session.core, x.session) });
}

export function showPlugins(x: StatementContext): Answered {
  const rows = pluginRows(x.session.core, x.session).map((p): VirtualRow => [
    p[0] ?? null,
    p[2] ?? null,
    p[3] ?? null,
    null,
    p[9] ?? null,
  ]);
  return answer(x, { columns: PLUGIN_COLUMNS, rows });
}

export function showCharacterSets(x: StatementContext, { filter }: Show): Answered {
  const rows = characterSetRows(x.session.core, x.session).map(([name, collation, description, length]): VirtualRow => [
    name ?? null,
    description ?? null,
    collation ?? null,
    length ?? null,
  ]);
  return answer(x, { columns: CHARSET_COLUMNS, rows }, filter);
}

export function showCollations(x: StatementContext, { filter }: Show): Answered {
  return answer(x, { columns: COLLATION_COLUMNS, rows: collationRows(x.session.core, x.session) }, filter);
}

// Privileges that can be granted

const PRIVILEGE_COLUMNS = columnsOf('Privilege varchar(10)!; Context varchar(15)!; Comment varchar(64)!');

const CONTEXTS: Readonly<Record<string, string>> = {
  ALTER: 'Tables',
  'ALTER ROUTINE': 'Functions,Procedures',
  CREATE: 'Databases,Tables,Indexes',
  'CREATE ROUTINE': 'Databases',
  'CREATE TEMPORARY TABLES': 'Databases',
  'CREATE VIEW': 'Tables',
  DELETE: 'Tables',
  DROP: 'Databases,Tables',
  EXECUTE: 'Functions,Procedures',
  FILE: 'File access on server',
  'GRANT OPTION': 'Databases,Tables,Functions,Procedures',
  INDEX: 'Tables',
  INSERT: 'Tables',
  'LOCK TABLES': 'Databases',
  REFERENCES: 'Databases,Tables',
  SELECT: 'Tables',
  'SHOW VIEW': 'Tables',
  TRIGGER: 'Tables',
  UPDATE: 'Tables',
};

export function showPrivileges(x: StatementContext): Answered {
  const names = [...STATIC_PRIVILEGES.map(([name]) => name), 'GRANT OPTION', 'PROXY', 'USAGE'].sort();
  const rows = names.map((name): VirtualRow => [
    name.charAt(0) + name.slice(1).toLowerCase(),
    CONTEXTS[name] ?? 'Server Admin',
    name === 'USAGE' ? 'Allows to connect, and nothing else' : `Allows ${name.toLowerCase()}`,
  ]);
  return answer(x, { columns: PRIVILEGE_COLUMNS, rows });
}

// What this server has none of: the columns, and no rows.

const ROUTINE_COLUMNS =
  "Db varchar(64)^!; Name varchar(64)!; Type enum('FUNCTION','PROCEDURE','LIBRARY')^!; Language varchar(64)^; Definer varchar(288)^!; Modified timestamp!; Created timestamp!; Security_type enum('DEFAULT','INVOKER','DEFINER')^!; Comment text^!; character_set_client varchar(64)!; collation_connection varchar(64)!; `Database Collation` varchar(64)!";

const EMPTY: Readonly<Record<string, string>> = {
  openTables: 'Database varchar(64)!; Table varchar(64)!; In_use bigint!; Name_locked bigint!',
  triggers:
    "Trigger varchar(64)!; Event enum('INSERT','UPDATE','DELETE')^!; Table varchar(64)^!; Statement longtext^!; Timing enum('BEFORE','AFTER')^!; Created timestamp(2)!; sql_mode varchar(520)!; Definer varchar(288)^!; character_set_client varchar(64)!; collation_connection varchar(64)!; `Database Collation` varchar(64)!",
  events:
    'Db varchar(64)^!; Name varchar(64)!; Definer varchar(288)^!; `Time zone` varchar(64)^!; Type varchar(9)!; `Execute at` datetime; `Interval value` varchar(256); `Interval field` varchar(18)^; Starts datetime; Ends datetime; Status varchar(21)^!; Originator int unsigned!; character_set_client varchar(64)!; collation_connection varchar(64)!; `Database Collation` varchar(64)!',
  procedureStatus: ROUTINE_COLUMNS,
  functionStatus: ROUTINE_COLUMNS,
  libraryStatus:
    'Db varchar(64)^!; Name varchar(64)!; Language varchar(64)^; Creator varchar(288)^!; Modified timestamp!; Created timestamp!; Comment text^!',
  profiles: 'Query_ID int!; Duration double!; Query varchar(40)!',
  profile: 'Status varchar(30)!; Duration decimal(9,6)!',
  engineMutex: 'Type varchar(10)!; Name varchar(512)!; Status varchar(10)!',
  engineLogs: 'Type varchar(10)!; Name varchar(512)!; Status varchar(10)!',
  binaryLogStatus:
    'File varchar(512)!; Position bigint unsigned!; Binlog_Do_DB varchar(255)!; Binlog_Ignore_DB varchar(255)!; Executed_Gtid_Set varchar(41)!',
  replicas: 'Server_Id int!; Host varchar(255)!; Port int!; Source_Id int!; Replica_UUID varchar(36)!',
  relaylogEvents:
    'Log_name varchar(20)!; Pos bigint!; Event_type varchar(20)!; Server_id int!; End_log_pos bigint!; Info varchar(20)!',
  binlogEvents:
    'Log_name varchar(20)!; Pos bigint!; Event_type varchar(20)!; Server_id int!; End_log_pos bigint!; Info varchar(20)!',
  replicaStatus:
    'Replica_IO_State varchar(14); Source_Host varchar(256); Source_User varchar(97); Source_Port int; Connect_Retry int; Source_Log_File varchar(512); Read_Source_Log_Pos bigint unsigned; Relay_Log_File varchar(512); Relay_Log_Pos bigint unsigned; Relay_Source_Log_File varchar(512); Replica_IO_Running varchar(3); Replica_SQL_Running varchar(3); Replicate_Do_DB varchar(20); Replicate_Ignore_DB varchar(20); Replicate_Do_Table varchar(20); Replicate_Ignore_Table varchar(23); Replicate_Wild_Do_Table varchar(24); Replicate_Wild_Ignore_Table varchar(28); Last_Errno int; Last_Error varchar(20); Skip_Counter int; Exec_Source_Log_Pos bigint unsigned; Relay_Log_Space bigint unsigned; Until_Condition varchar(6); Until_Log_File varchar(512); Until_Log_Pos bigint unsigned; Source_SSL_Allowed varchar(7); Source_SSL_CA_File varchar(512); Source_SSL_CA_Path varchar(512); Source_SSL_Cert varchar(512); Source_SSL_Cipher varchar(512); Source_SSL_Key varchar(512); Seconds_Behind_Source bigint unsigned; Source_SSL_Verify_Server_Cert varchar(3); Last_IO_Errno int; Last_IO_Error varchar(20); Last_SQL_Errno int; Last_SQL_Error varchar(20); Replicate_Ignore_Server_Ids varchar(512); Source_Server_Id int; Source_UUID varchar(36); Source_Info_File varchar(1024); SQL_Delay int; SQL_Remaining_Delay int; Replica_SQL_Running_State varchar(20); Source_Retry_Count bigint unsigned; Source_Bind varchar(256); Last_IO_Error_Timestamp varchar(20); Last_SQL_Error_Timestamp varchar(20); Source_SSL_Crl varchar(512); Source_SSL_Crlpath varchar(512); Retrieved_Gtid_Set varchar(0); Executed_Gtid_Set varchar(41); Auto_Position int; Replicate_Rewrite_DB varchar(24); Channel_Name varchar(192); Source_TLS_Version varchar(512); Source_public_key_path varchar(512); Get_Source_public_key int; Network_Namespace varchar(193)',
};

/** A subject of which there is nothing to show, or undefined when `subject` is none of these. */
export function showNothing(x: StatementContext, statement: Show): { readonly done: Answered } | undefined {
  const columns = EMPTY[statement.subject];
  if (columns === undefined) return undefined;
  if (statement.subject === 'triggers') databaseNamed(x, statement.from);
  return { done: answer(x, { columns: columnsOf(columns), rows: [] }, statement.filter) };
}

const STATUS_COLUMNS = columnsOf('Type varchar(10)!; Name varchar(512)!; Status longtext!');

export function showEngineStatus(x: StatementContext): Answered {
  const { core } = x.session;
  const lines = [
    '=====================================',
    `${new Date().toISOString().slice(0, 19).replace('T', ' ')} INNODB MONITOR OUTPUT`,
    '=====================================',
    '------------',
    'TRANSACTIONS',
    '------------',
    `${[...core.sessions.values()].filter((s) => s.transaction !== undefined).length} open transactions, ${core.sessions.size} sessions`,
    '---',
    'LOG',
    '---',
    `Log sequence number ${core.log.seq}`,
    '----------------------------',
    'END OF INNODB MONITOR OUTPUT',
    '============================',
    '',
  ];
  return answer(x, { columns: STATUS_COLUMNS, rows: [['InnoDB', '', `\n${lines.join('\n')}`]] });
}

export const noBinaryLog = (): SqlError => new SqlError(1381, 'HY000', 'You are not using binary logging');
