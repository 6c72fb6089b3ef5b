/** POST /v1/sql: runs a statement in a session of its own, and gives its results as JSON. */
import type { RequestHandler } from 'express';
import type {
  Account,
  ClientInfo,
  ColumnDefinition,
  OkResult,
  ParameterValue,
  ResultSink,
  Session,
  WireValue,
} from '../server/index.ts';
import { principalOf } from './authorization.ts';
import { HttpError } from './errors.ts';
import type { AdminPorts } from './ports.ts';

/** Rows of an answer at most; more are counted but not sent. */
const ROWS_MAX = 10_000;
/** About as many bytes of values at most. */
const BYTES_MAX = 32 * 1024 * 1024;

type JsonValue = null | number | string;

interface RowsResult {
  columns: { name: string; type: string; nullable: boolean }[];
  rows: JsonValue[][];
  rowCount: number;
  truncated: boolean;
  warnings: number;
}

interface ChangeResult {
  affectedRows: number | string;
  insertId: number | string;
  info: string;
  warnings: number;
}

/** Integers that JSON's readers would round are given as text; bytes in base 64. */
function toJson(value: WireValue): JsonValue {
  if (typeof value === 'bigint') return exact(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
  return value;
}

const exact = (value: number | bigint): number | string =>
  typeof value === 'number' || (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER)
    ? Number(value)
    : value.toString();

class CollectingSink implements ResultSink {
  readonly results: (RowsResult | ChangeResult)[] = [];
  failure: { errno: number; sqlState: string; message: string } | undefined;
  #current: RowsResult | undefined;
  #bytes = 0;

  columns(columns: readonly ColumnDefinition[]): void {
    this.#current = {
      columns: columns.map(({ name, type, nullable }) => ({ name, type: type.kind, nullable })),
      rows: [],
      rowCount: 0,
      truncated: false,
      warnings: 0,
    };
    this.results.push(this.#current);
  }

  row(values: readonly WireValue[]): boolean {
    const current = this.#current;
    if (current === undefined) return true;
    current.rowCount++;
    if (current.rows.length >= ROWS_MAX || this.#bytes > BYTES_MAX) {
      current.truncated = true;
      return true;
    }
    for (const value of values) {
      this.#bytes += typeof value === 'string' || value instanceof Uint8Array ? value.length + 8 : 8;
    }
    current.rows.push(values.map(toJson));
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  end(warnings: number): void {
    if (this.#current !== undefined) this.#current.warnings = warnings;
    this.#current = undefined;
  }

  ok({ affectedRows, insertId, info, warnings }: OkResult): void {
    this.results.push({ affectedRows: exact(affectedRows), insertId: exact(insertId), info, warnings });
  }

  error(error: { errno: number; sqlState: string; message: string }): void {
    this.failure ??= error;
  }

  requestFile(): AsyncIterable<Uint8Array> {
    throw new HttpError(400, 'sql_error', 'LOAD DATA LOCAL has no file to read over HTTP');
  }
}

interface Asked {
  readonly sql: string;
  readonly params: readonly ParameterValue[] | undefined;
  readonly database: string;
}

function readBody(body: unknown): Asked {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new HttpError(400, 'bad_request', 'The body must be a JSON object: {"sql": "…", "params": […]}');
  }
  const { sql, params, database = '' } = body as Record<string, unknown>;
  if (typeof sql !== 'string' || sql === '') throw new HttpError(400, 'bad_request', '"sql" must be a text');
  if (typeof database !== 'string') throw new HttpError(400, 'bad_request', '"database" must be a text');
  if (params !== undefined && !Array.isArray(params)) {
    throw new HttpError(400, 'bad_request', '"params" must be a list');
  }
  return { sql, database, params: params?.map((value: unknown, i) => toParameter(value, i)) };
}

function toParameter(value: unknown, index: number): ParameterValue {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'string') return { kind: 'string', text: value };
  if (typeof value === 'boolean') return { kind: 'int', value: value ? 1 : 0, unsigned: false };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { kind: 'int', value, unsigned: false } : { kind: 'double', value };
  }
  throw new HttpError(400, 'bad_request', `"params"[${index}] must be null, a text, a number, true or false`);
}

export function sqlRoute(ports: AdminPorts): RequestHandler {
  return async (request, response) => {
    const asked = readBody(request.body);
    const principal = principalOf(response);
    const account = principal.kind === 'account' ? principal.account : ports.tokenAccount();
    if (account === undefined) throw new HttpError(403, 'forbidden', 'The node has no user for its token');
    const reason = ports.notReady();
    if (reason !== undefined) throw new HttpError(503, 'not_ready', reason);
    const sink = new CollectingSink();
    let session: Session | undefined;
    const close = (): void => {
      session?.close();
      session = undefined;
    };
    // A client that goes away takes its statement with it.
    response.once('close', close);
    try {
      session = await open(ports, account, asked.database, request.socket);
      await run(session, asked, sink);
    } catch (error) {
      const { errno, sqlState, message } = error as { errno?: number; sqlState?: string; message: string };
      if (typeof errno !== 'number' || typeof sqlState !== 'string') throw error;
      sink.error({ errno, sqlState, message });
    } finally {
      close();
    }
    if (sink.failure !== undefined) {
      const { errno, sqlState, message } = sink.failure;
      throw new HttpError(400, 'sql_error', message, { errno, sqlState, results: sink.results });
    }
    response.json({ results: sink.results });
  };
}

async function open(ports: AdminPorts, account: Account, database: string, socket: ClientInfoSocket): Promise<Session> {
  const client: ClientInfo = {
    address: socket.remoteAddress ?? '',
    port: socket.remotePort ?? 0,
    tlsCipher: socket.getCipher?.().name ?? '',
    tlsVersion: socket.getProtocol?.() ?? '',
    attributes: new Map([['program_name', 'http']]),
    database,
    collationId: 255,
    interactive: false,
    foundRows: false,
    localInfile: false,
  };
  return ports.engine.openSession(ports.nextSessionId(), account, client);
}

interface ClientInfoSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Of TLS. */
  readonly getCipher?: () => { readonly name: string };
  readonly getProtocol?: () => string | null;
}

async function run(session: Session, asked: Asked, sink: ResultSink): Promise<void> {
  const sql = Buffer.from(asked.sql, 'utf8');
  if (asked.params === undefined) {
    session.multiStatements = true;
    await session.query(sql, sink);
    return;
  }
  const statement = await session.prepare(sql);
  try {
    if (statement.parameterCount !== asked.params.length) {
      throw new HttpError(
        400,
        'bad_request',
        `The statement has ${statement.parameterCount} placeholders, "params" has ${asked.params.length} values`,
      );
    }
    await session.execute(statement, asked.params, sink);
  } finally {
    statement.close();
  }
}
