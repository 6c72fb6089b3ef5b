/** What the client programs talk to: an engine whose answers to the common scenario are written here. */
import { column, FakeEngine, INT, OK, silentLog, VARCHAR } from '../integration/server/fake-engine.ts';
import { type ResultSink, startServer } from '../../node/server/index.ts';

export interface Target {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  close(): Promise<void>;
}

/** System variables that drivers ask for when they connect. */
const VARIABLES: Readonly<Record<string, string | number>> = {
  auto_increment_increment: 1,
  autocommit: 1,
  character_set_client: 'utf8mb4',
  character_set_connection: 'utf8mb4',
  character_set_results: 'utf8mb4',
  character_set_server: 'utf8mb4',
  collation_server: 'utf8mb4_0900_ai_ci',
  collation_connection: 'utf8mb4_0900_ai_ci',
  init_connect: '',
  interactive_timeout: 28800,
  license: 'Apache-2.0',
  lower_case_table_names: 0,
  max_allowed_packet: 67108864,
  net_write_timeout: 60,
  performance_schema: 0,
  query_cache_size: 0,
  query_cache_type: 'OFF',
  sql_mode: 'STRICT_TRANS_TABLES',
  system_time_zone: 'UTC',
  time_zone: 'SYSTEM',
  session_track_schema: 1,
  transaction_read_only: 0,
  tx_read_only: 0,
  transaction_isolation: 'REPEATABLE-READ',
  tx_isolation: 'REPEATABLE-READ',
  wait_timeout: 28800,
};

function answerVariables(sink: ResultSink, text: string): void {
  const names = [...text.matchAll(/@@(?:session\.|global\.)?(\w+)(?:\s+as\s+[`'"]?(\w+))?/gi)];
  sink.columns(names.map(([whole, , alias]) => column(alias ?? whole, VARCHAR, { table: '', originalTable: '' })));
  sink.row(names.map(([, name]) => String(VARIABLES[(name as string).toLowerCase()] ?? '')));
  sink.end(0, false);
}

const ROW_COLUMNS = [
  column('id', INT, { nullable: false, primaryKey: true, autoIncrement: true }),
  column('s', { kind: 'string', family: 'varchar', length: 100, collation: 'utf8mb4_0900_ai_ci' }),
  column('d', { kind: 'decimal', precision: 10, scale: 2, unsigned: false }),
  column('dt', { kind: 'datetime', fsp: 6 }),
  column('b', { kind: 'binary', family: 'blob', length: 65535 }),
  column('n', { kind: 'int', bits: 64, unsigned: false }),
];
const ROW = [1, 'Grüße 🙂', '12.50', '2024-02-29 12:34:56.123456', Buffer.from([0, 255, 16]), 9007199254740993n];
const SELECTS = [
  'SELECT id, s, d, dt, b, n FROM clients_t ORDER BY id',
  'SELECT id, s, d, dt, b, n FROM clients_t WHERE id > ? ORDER BY id',
];

/**
 * Starts a server for the programs, with TLS by its own certificate in `folder`. CLIENTS_SERVER
 * (mysql://USER:PASSWORD@127.0.0.1:PORT, with a database `test`) names one that runs already.
 */
export async function startTarget(folder: string): Promise<Target> {
  const other = process.env['CLIENTS_SERVER'];
  if (other !== undefined) {
    const { port, username: user, password } = new URL(other);
    return { port: Number(port), user, password, close: () => Promise.resolve() };
  }
  const engine = new FakeEngine();
  const last = (): string => engine.statements.at(-1) as string;
  for (const select of SELECTS) engine.preparedColumns.set(select, ROW_COLUMNS);
  const { answers } = engine;
  answers.set(/FROM clients_t/, (sink) => {
    sink.columns(ROW_COLUMNS);
    sink.row(ROW);
    sink.end(0, false);
  });
  answers.set(/^INSERT INTO clients_t/, (sink) => sink.ok({ ...OK, affectedRows: 1, insertId: 1 }, false));
  answers.set(/^(?:start transaction|begin)/i, (sink, session) => {
    session.inTransaction = true;
    sink.ok(OK, false);
  });
  answers.set(/^(?:commit|rollback)/i, (sink, session) => {
    session.inTransaction = false;
    sink.ok(OK, false);
  });
  answers.set(/missing_table/, (sink) =>
    sink.error({ errno: 1146, sqlState: '42S02', message: "Table 'test.missing_table' doesn't exist" }),
  );
  answers.set(/^SELECT 'y/, (sink) => {
    sink.columns([column('y', { kind: 'string', family: 'longtext', length: 0xffffffff, collation: 'utf8mb4_bin' })]);
    sink.row([last().slice(8, -1)]);
    sink.end(0, false);
    engine.statements.length = 0;
  });
  answers.set(/^(?:\/\*.*?\*\/)?\s*select\s+@@/is, (sink) => answerVariables(sink, last()));
  answers.set(/^SHOW VARIABLES/i, (sink) => {
    sink.columns([column('Variable_name', VARCHAR), column('Value', VARCHAR)]);
    for (const [name, value] of Object.entries(VARIABLES)) sink.row([name, String(value)]);
    sink.end(0, false);
  });
  const server = await startServer({ host: '127.0.0.1', port: 0, keyFolder: folder, tls: 'auto' }, engine, silentLog);
  return { port: server.address.port, user: 'sha', password: 'secret', close: () => server.close(100) };
}
