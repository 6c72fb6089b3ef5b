/** One command of a client: its packet, whom it asks, what it answers. */
import { ProtocolError } from './errors.ts';
import type { Connection } from './connection.ts';
import { Capability, Command } from './constants.ts';
import { writeColumn } from './columns.ts';
import { changeUser } from './login.ts';
import { skipAttributes } from './parameters.ts';
import { MalformedPacket, Payload } from './payload.ts';
import type { ColumnDefinition, Session } from './ports.ts';
import type { ReplySink } from './sink.ts';

/** Undefined: answered. Throws SqlError (answered), MalformedPacket (the connection ends). */
export function runCommand(
  connection: Connection,
  buffer: Buffer,
  start: number,
  end: number,
): Promise<void> | undefined {
  const sink = connection.sink as ReplySink;
  const session = connection.session as Session;
  const { figures } = connection.context;
  if (start === end) throw new MalformedPacket('empty command');
  const command = buffer[start] as number;
  if (command === Command.QUERY) {
    figures.queries++;
    sink.begin(false, false);
    let at = start + 1;
    if ((connection.capabilities & Capability.QUERY_ATTRIBUTES) !== 0) {
      // Nearly always: no attributes, one (empty) set of them.
      if (buffer[at] === 0 && buffer[at + 1] === 1) at += 2;
      else at = queryAfterAttributes(new Payload(buffer, at, end));
    }
    if (at > end) throw new MalformedPacket('query is too short');
    return session.query(buffer.subarray(at, end), sink);
  }
  const payload = new Payload(buffer, start + 1, end);
  if (command === Command.STMT_EXECUTE) {
    figures.executions++;
    sink.begin(true, false);
    return connection.statements.execute(connection, sink, payload);
  }
  figures.otherCommands++;
  sink.begin(false, false);
  switch (command) {
    case Command.QUIT:
      connection.quit = true;
      connection.noAnswer();
      return undefined;
    case Command.INIT_DB:
      return okAfter(session.useDatabase(payload.rest().toString('utf8')), sink);
    case Command.FIELD_LIST:
      return fieldList(connection, sink, payload);
    case Command.STATISTICS:
      statistics(connection);
      return undefined;
    case Command.PROCESS_KILL:
      connection.context.engine.kill(session, payload.u32(), false);
      sink.simpleOk();
      return undefined;
    case Command.DEBUG:
      sink.simpleEnd();
      return undefined;
    case Command.PING:
      sink.simpleOk();
      return undefined;
    case Command.CHANGE_USER:
      return changeUserCommand(connection, sink, payload);
    case Command.STMT_PREPARE:
      figures.otherCommands--;
      figures.preparations++;
      return connection.statements.prepare(connection, sink, payload.rest());
    case Command.STMT_SEND_LONG_DATA:
      connection.statements.sendLongData(sink, payload);
      connection.noAnswer();
      return undefined;
    case Command.STMT_CLOSE:
      connection.statements.close(payload);
      connection.noAnswer();
      return undefined;
    case Command.STMT_RESET:
      connection.statements.reset(sink, payload);
      return undefined;
    case Command.STMT_FETCH:
      return connection.statements.fetch(connection, sink, payload);
    case Command.SET_OPTION:
      setOption(session, payload.u16());
      sink.simpleEnd();
      return undefined;
    case Command.RESET_CONNECTION:
      connection.statements.clear();
      return okAfter(session.reset(), sink);
    // Who would follow the binary log hears at its first word that there is none, as from a MySQL that has it switched off.
    case Command.BINLOG_DUMP:
    case Command.REGISTER_REPLICA:
    case Command.BINLOG_DUMP_GTID:
      throw new ProtocolError(1236, 'HY000', 'Binary log is not open');
    default:
      throw new ProtocolError(1047, '08S01', 'Unknown command');
  }
}

/** The plain answer, at once where the session is done already. */
function okAfter(done: void | Promise<void>, sink: ReplySink): Promise<void> | undefined {
  if (done !== undefined) return done.then(() => sink.simpleOk());
  sink.simpleOk();
  return undefined;
}

function queryAfterAttributes(payload: Payload): number {
  const count = payload.length();
  const sets = payload.length();
  if (sets !== 1) throw new MalformedPacket('more than one set of query attributes');
  if (count > 0) skipAttributes(payload, count);
  return payload.at;
}

function setOption(session: Session, option: number): void {
  if (option > 1) throw new ProtocolError(1047, '08S01', 'Unknown command');
  session.multiStatements = option === 0;
}

function fieldList(connection: Connection, sink: ReplySink, payload: Payload): Promise<void> | undefined {
  const table = payload.zeroBytes().toString('utf8');
  const columns = sink.session.listFields(table, payload.rest().toString('utf8').replace(/\0$/, ''));
  if (columns instanceof Promise) return columns.then((listed) => writeFields(connection, sink, listed));
  writeFields(connection, sink, columns);
  return undefined;
}

function writeFields(connection: Connection, sink: ReplySink, columns: readonly ColumnDefinition[]): void {
  if (connection.mode === 'ended') return;
  const { out } = connection.channel;
  for (const column of columns) {
    out.beginPacket();
    writeColumn(out, column, sink.charset);
    // The default value, which clients of this command get as NULL.
    out.u8(0xfb);
    out.endPacket();
  }
  sink.simpleEnd();
}

/** The one answer that is neither OK, error nor rows: bare text. */
function statistics(connection: Connection): void {
  const { out } = connection.channel;
  out.beginPacket();
  out.text(connection.context.engine.statistics());
  out.endPacket();
  connection.noAnswer();
}

/** The login writes its own answer, and a failed one ends the connection. */
async function changeUserCommand(connection: Connection, sink: ReplySink, payload: Payload): Promise<void> {
  await changeUser(connection, payload);
  const { session } = connection;
  if (session === undefined) return;
  session.onKill = () => connection.kill();
  sink.session = session;
  sink.state = 'done';
}
