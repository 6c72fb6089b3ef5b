/** Prepared statements of a connection: COM_STMT_PREPARE, EXECUTE, SEND_LONG_DATA, RESET, CLOSE, FETCH. */
import { ProtocolError } from './errors.ts';
import { columnSet, writeColumnSet } from './columns.ts';
import { Capability, CursorFlag, Status } from './constants.ts';
import type { Connection } from './connection.ts';
import type { ServerContext } from './context.ts';
import type { Cursor } from './cursor.ts';
import type { Output } from './output.ts';
import { readTypes, readValues } from './parameters.ts';
import { MalformedPacket, type Payload } from './payload.ts';
import type { ColumnDefinition, ParameterValue, PreparedStatement } from './ports.ts';
import type { ReplySink } from './sink.ts';
import { statusBits, writeEof, writeOk } from './replies.ts';

interface Statement {
  readonly prepared: PreparedStatement;
  /** Types of the parameters as the client last bound them. */
  types: Uint16Array | undefined;
  longData: Map<number, Buffer[]> | undefined;
  longDataLength: number;
  /** Said at the next execution: COM_STMT_SEND_LONG_DATA has no answer. */
  longDataError: ProtocolError | undefined;
  cursor: Cursor | undefined;
}

const NO_PARAMETERS: readonly ParameterValue[] = [];

/** How a placeholder is described: text of unknown length. */
const PLACEHOLDER: ColumnDefinition = {
  database: '',
  table: '',
  originalTable: '',
  name: '?',
  originalName: '',
  type: { kind: 'binary', family: 'varbinary', length: 0 },
  nullable: true,
};
/** One array for each number of placeholders, so that their packets are built once. */
const placeholders: (readonly ColumnDefinition[])[] = [];

function placeholderColumns(count: number): readonly ColumnDefinition[] {
  if (count > 64) return Array.from({ length: count }, () => PLACEHOLDER);
  return (placeholders[count] ??= Array.from({ length: count }, () => PLACEHOLDER));
}

const unknown = (id: number, command: string): ProtocolError =>
  new ProtocolError(1243, 'HY000', `Unknown prepared statement handler (${id}) given to ${command}`);

export class Statements {
  readonly #context: ServerContext;
  readonly #statements = new Map<number, Statement>();
  #lastId = 0;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#statements.size;
  }

  prepare(connection: Connection, sink: ReplySink, sql: Uint8Array): Promise<void> | undefined {
    const context = this.#context;
    if (context.statementCount >= context.statementMax) {
      throw new ProtocolError(
        1461,
        '42000',
        `Can't create more than max_prepared_stmt_count statements (current value: ${context.statementMax})`,
      );
    }
    const prepared = sink.session.prepare(sql);
    if (prepared instanceof Promise) return prepared.then((late) => this.#keep(connection, sink, late));
    this.#keep(connection, sink, prepared);
    return undefined;
  }

  #keep(connection: Connection, sink: ReplySink, prepared: PreparedStatement): void {
    // The connection may have ended while a session elsewhere prepared it: nobody would close it any more.
    if (connection.mode === 'ended') {
      prepared.close();
      return;
    }
    const id = this.#nextId();
    this.#statements.set(id, {
      prepared,
      types: undefined,
      longData: undefined,
      longDataLength: 0,
      longDataError: undefined,
      cursor: undefined,
    });
    this.#context.statementCount++;
    this.#writePrepared(connection, sink, id, prepared);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0x7fffffff) + 1;
    while (this.#statements.has(this.#lastId));
    return this.#lastId;
  }

  #writePrepared(connection: Connection, sink: ReplySink, id: number, prepared: PreparedStatement): void {
    const { out } = connection.channel;
    out.beginPacket();
    out.u8(0);
    out.u32(id);
    out.u16(prepared.columns.length);
    out.u16(prepared.parameterCount);
    out.u8(0);
    out.u16(Math.min(prepared.warnings, 0xffff));
    out.endPacket();
    const status = statusBits(sink.session.status());
    const definitions = (columns: readonly ColumnDefinition[]): void => {
      writeColumnSet(out, columnSet(columns, sink.charset), 1);
      if ((connection.capabilities & Capability.DEPRECATE_EOF) === 0) writeEof(out, 0, status);
    };
    if (prepared.parameterCount > 0) definitions(placeholderColumns(prepared.parameterCount));
    if (prepared.columns.length > 0) definitions(prepared.columns);
    sink.state = 'done';
  }

  execute(connection: Connection, sink: ReplySink, payload: Payload): Promise<void> | undefined {
    const id = payload.u32();
    const flags = payload.u8();
    payload.u32();
    const statement = this.#statements.get(id);
    if (statement === undefined) throw unknown(id, 'mysqld_stmt_execute');
    const parameters = this.#parameters(connection, sink, statement, payload, flags);
    closeCursor(statement);
    if ((flags & CursorFlag.READ_ONLY) === 0) {
      return sink.session.execute(statement.prepared, parameters, sink);
    }
    sink.begin(true, true);
    const keep = (): void => {
      statement.cursor = sink.cursor;
    };
    const running = sink.session.execute(statement.prepared, parameters, sink);
    if (running === undefined) keep();
    return running?.then(keep);
  }

  #parameters(
    connection: Connection,
    sink: ReplySink,
    statement: Statement,
    payload: Payload,
    flags: number,
  ): readonly ParameterValue[] {
    const count = statement.prepared.parameterCount;
    const named =
      (connection.capabilities & Capability.QUERY_ATTRIBUTES) !== 0 &&
      (flags & CursorFlag.PARAMETER_COUNT_AVAILABLE) !== 0;
    if (count === 0 && !named) return NO_PARAMETERS;
    // Query attributes stand behind the statement's own parameters.
    const sent = named ? payload.length() : count;
    if (sent < count) throw new ProtocolError(1210, 'HY000', 'Incorrect arguments to mysqld_stmt_execute');
    if (sent === 0) return NO_PARAMETERS;
    const nulls = payload.bytes((sent + 7) >> 3);
    if (payload.u8() === 1) statement.types = readTypes(payload, sent, named);
    const { types, longData, longDataError } = statement;
    if (types === undefined || types.length < sent) throw new MalformedPacket('parameters without types');
    const long = longData && new Map(Array.from(longData, ([index, parts]) => [index, Buffer.concat(parts)] as const));
    forgetLongData(statement);
    if (longDataError !== undefined) throw longDataError;
    const values = readValues(payload, nulls, types, sent, sink.session.clientCharset, long);
    if (sent > count) values.length = count;
    return values;
  }

  sendLongData(sink: ReplySink, payload: Payload): void {
    const id = payload.u32();
    const index = payload.u16();
    const statement = this.#statements.get(id);
    // The command has no answer, so an error of it is said at the next execution, if at all.
    if (statement === undefined) return;
    if (index >= statement.prepared.parameterCount) {
      statement.longDataError = new ProtocolError(1210, 'HY000', 'Incorrect arguments to mysqld_stmt_send_long_data');
      return;
    }
    const part = Buffer.from(payload.rest());
    statement.longDataLength += part.length;
    if (statement.longDataLength > sink.session.variable('max_allowed_packet')) {
      forgetLongData(statement);
      statement.longDataError = new ProtocolError(
        1105,
        'HY000',
        "Parameter of prepared statement which is set through mysql_send_long_data() is longer than 'max_allowed_packet' bytes",
      );
      return;
    }
    const all = (statement.longData ??= new Map<number, Buffer[]>());
    const parts = all.get(index);
    if (parts === undefined) all.set(index, [part]);
    else parts.push(part);
  }

  reset(sink: ReplySink, payload: Payload): void {
    const id = payload.u32();
    const statement = this.#statements.get(id);
    if (statement === undefined) throw unknown(id, 'mysqld_stmt_reset');
    closeCursor(statement);
    forgetLongData(statement);
    sink.simpleOk();
  }

  close(payload: Payload): void {
    const id = payload.u32();
    const statement = this.#statements.get(id);
    if (statement === undefined) return;
    this.#statements.delete(id);
    this.#drop(statement);
  }

  fetch(connection: Connection, sink: ReplySink, payload: Payload): Promise<void> | undefined {
    const id = payload.u32();
    const count = payload.u32();
    const statement = this.#statements.get(id);
    if (statement === undefined) throw unknown(id, 'mysqld_stmt_fetch');
    const { cursor } = statement;
    if (cursor === undefined) {
      throw new ProtocolError(1421, 'HY000', `The statement (${id}) has no open cursor.`);
    }
    const { out } = connection.channel;
    const fetched = this.#copyRows(cursor, out, count);
    if (fetched < Math.min(count, FETCH_STEP) || count <= FETCH_STEP) {
      this.#endFetch(connection, sink, statement, fetched === count);
      return undefined;
    }
    return this.#fetchMore(connection, sink, statement, cursor, count - fetched);
  }

  #copyRows(cursor: Cursor, out: Output, count: number): number {
    return cursor.fetch(out, Math.min(count, FETCH_STEP));
  }

  async #fetchMore(
    connection: Connection,
    sink: ReplySink,
    statement: Statement,
    cursor: Cursor,
    count: number,
  ): Promise<void> {
    let left = count;
    let whole = true;
    while (left > 0 && whole) {
      await connection.channel.drained();
      const step = Math.min(left, FETCH_STEP);
      const fetched = this.#copyRows(cursor, connection.channel.out, step);
      left -= fetched;
      whole = fetched === step;
    }
    this.#endFetch(connection, sink, statement, whole);
  }

  /** As in MySQL, the last row is known as such only by a fetch that asked for more. */
  #endFetch(connection: Connection, sink: ReplySink, statement: Statement, whole: boolean): void {
    const { out } = connection.channel;
    const status = statusBits(sink.session.status()) | (whole ? Status.CURSOR_EXISTS : Status.LAST_ROW_SENT);
    if (!whole) closeCursor(statement);
    if ((connection.capabilities & Capability.DEPRECATE_EOF) === 0) writeEof(out, 0, status);
    else {
      const nothing = { affectedRows: 0, insertId: 0, warnings: 0, info: '' };
      writeOk(out, 0xfe, nothing, status, connection.capabilities, sink.session.takeChanges());
    }
    sink.state = 'done';
  }

  /** All of them go: COM_RESET_CONNECTION, COM_CHANGE_USER, the end. */
  clear(): void {
    for (const statement of this.#statements.values()) this.#drop(statement);
    this.#statements.clear();
  }

  #drop(statement: Statement): void {
    this.#context.statementCount--;
    closeCursor(statement);
    statement.prepared.close();
  }
}

/** Rows of a cursor that are copied between two looks at the client's reading. */
const FETCH_STEP = 256;

function closeCursor(statement: Statement): void {
  statement.cursor?.close();
  statement.cursor = undefined;
}

function forgetLongData(statement: Statement): void {
  statement.longData = undefined;
  statement.longDataLength = 0;
  statement.longDataError = undefined;
}
