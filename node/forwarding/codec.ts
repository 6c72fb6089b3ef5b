/**
 * What messages hold, as DAG-CBOR items one after the other:
 *
 *   OPEN      user host · address port cipher version attributes database collation flags · image
 *   OPENED    id state             REFUSED, FILE_END  errno sqlState text (of FILE_END: or nothing)
 *   COMMAND   command, then        QUERY multi sql · PREPARE number sql · EXECUTE number parameters · USE name ·
 *                                  FIELDS table wildcard · RESET · IMAGE
 *   ANSWER    items, each with its number in front (Item)
 *   FORGET    number               TAKEN  bytes           FILE_TAKEN  bytes wanted           KILL  connection
 *
 * Bytes of a peer are bounded in every dimension before they are believed: readers throw DecodeError and nothing else.
 */
import { CborReader, CborWriter, DecodeError, expectArray, readBool, readNumber } from '../log/index.ts';
import type { ClientInfo, OkResult, ParameterValue, SessionChange, SessionStatus } from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import { readChoice } from './columns.ts';
import type { Who } from './ports.ts';
import { readInteger, readParameter, writeParameter, writeValue } from './values.ts';

const ID_MAX = Number.MAX_SAFE_INTEGER;
export const STATEMENT_MAX = 2 ** 32 - 1;
const U16_MAX = 0xffff;
/** MySQL's bound on placeholders; of attributes, those of 64 KiB. */
const PARAMETERS_MAX = 0xffff;
const ATTRIBUTES_MAX = 1 << 15;
const CHANGES_MAX = 1 << 16;

export const Item = {
  /** The session as the wire sees it from here on; first, where it is another than before. */
  STATE: 0,
  CHANGES: 1,
  /** `slot definitions`, or the slot alone: what stood there last. */
  COLUMNS: 2,
  /** As many values as there are columns. */
  ROW: 3,
  END: 4,
  OK: 5,
  ERROR: 6,
  FILE: 7,
  PREPARED: 8,
  FIELDS: 9,
  IMAGE: 10,
  DONE: 11,
} as const;

/** Column definitions that both ends remember of each session, so that a statement that runs again does not send them again. */
export const COLUMN_SLOTS = 64;

// Open

export interface Opening {
  readonly who: Who;
  readonly client: ClientInfo;
  readonly image: Uint8Array;
}

const CLIENT_FLAGS = ['interactive', 'foundRows', 'ignoreSpace', 'localInfile'] as const satisfies (keyof ClientInfo)[];

export function encodeOpening({ who, client, image }: Opening): Uint8Array {
  const out = new CborWriter(1024 + image.length);
  out.text(who.user).text(who.host);
  out.text(client.address).int(client.port).text(client.tlsCipher).text(client.tlsVersion);
  out.array(client.attributes.size);
  for (const [name, value] of client.attributes) out.array(2).text(name).text(value);
  out.text(client.database).int(client.collationId);
  for (const flag of CLIENT_FLAGS) out.bool(client[flag] === true);
  return out.data(image).end();
}

export function readOpening(from: CborReader): Opening {
  const who = { user: from.text(), host: from.text() };
  const address = from.text();
  const port = readNumber(from, 0, U16_MAX);
  const tlsCipher = from.text();
  const tlsVersion = from.text();
  const count = from.array();
  if (count > ATTRIBUTES_MAX) throw new DecodeError(`${count} attributes`);
  const attributes = new Map<string, string>();
  for (let n = 0; n < count; n++) {
    expectArray(from, 2);
    attributes.set(from.text(), from.text());
  }
  const client = {
    address,
    port,
    tlsCipher,
    tlsVersion,
    attributes,
    database: from.text(),
    collationId: readNumber(from, 0, U16_MAX),
    interactive: readBool(from),
    foundRows: readBool(from),
    ignoreSpace: readBool(from),
    localInfile: readBool(from),
  };
  return { who, client, image: from.data() };
}

// The session as the wire sees it

export const VARIABLES = [
  'max_allowed_packet',
  'wait_timeout',
  'interactive_timeout',
  'net_write_timeout',
  'session_track_state_change',
] as const;

export interface SessionView {
  readonly status: SessionStatus;
  readonly database: string;
  readonly clientCharset: string;
  readonly resultsCharset: string;
  /** In the order of VARIABLES. */
  readonly variables: readonly number[];
}

export function sameView(a: SessionView, b: SessionView): boolean {
  return (
    a.status.inTransaction === b.status.inTransaction &&
    a.status.autocommit === b.status.autocommit &&
    a.status.noBackslashEscapes === b.status.noBackslashEscapes &&
    a.database === b.database &&
    a.clientCharset === b.clientCharset &&
    a.resultsCharset === b.resultsCharset &&
    a.variables.every((value, n) => value === b.variables[n])
  );
}

export function writeView(out: CborWriter, view: SessionView): void {
  const { inTransaction, autocommit, noBackslashEscapes } = view.status;
  out.bool(inTransaction).bool(autocommit).bool(noBackslashEscapes);
  out.text(view.database).text(view.clientCharset).text(view.resultsCharset);
  for (const value of view.variables) writeValue(out, value);
}

export function readView(from: CborReader): SessionView {
  return {
    status: { inTransaction: readBool(from), autocommit: readBool(from), noBackslashEscapes: readBool(from) },
    database: from.text(),
    clientCharset: from.text(),
    resultsCharset: from.text(),
    variables: VARIABLES.map(() => readNumber(from, 0, ID_MAX)),
  };
}

export function encodeOpened(id: number, view: SessionView): Uint8Array {
  const out = new CborWriter(256).int(id);
  writeView(out, view);
  return out.end();
}

export const readSessionId = (from: CborReader): number => readNumber(from, 0, ID_MAX);

// Commands

export type Command =
  | { readonly kind: 'query'; readonly multi: boolean; readonly sql: Uint8Array }
  | { readonly kind: 'prepare'; readonly statement: number; readonly sql: Uint8Array }
  | { readonly kind: 'execute'; readonly statement: number; readonly parameters: readonly ParameterValue[] }
  | { readonly kind: 'use'; readonly name: string }
  | { readonly kind: 'fields'; readonly table: string; readonly wildcard: string }
  | { readonly kind: 'reset' | 'image' };

const COMMANDS = [
  'query',
  'prepare',
  'execute',
  'use',
  'fields',
  'reset',
  'image',
] as const satisfies Command['kind'][];

export function encodeCommand(command: Command): Uint8Array {
  const out = new CborWriter(64 + ('sql' in command ? command.sql.length : 0)).int(COMMANDS.indexOf(command.kind));
  switch (command.kind) {
    case 'query':
      return out.bool(command.multi).data(command.sql).end();
    case 'prepare':
      return out.int(command.statement).data(command.sql).end();
    case 'execute':
      out.int(command.statement).array(command.parameters.length);
      for (const parameter of command.parameters) writeParameter(out, parameter);
      return out.end();
    case 'use':
      return out.text(command.name).end();
    case 'fields':
      return out.text(command.table).text(command.wildcard).end();
    case 'reset':
    case 'image':
      return out.end();
  }
}

export function readCommand(from: CborReader): Command {
  const kind = readChoice(from, COMMANDS);
  switch (kind) {
    case 'query':
      return { kind, multi: readBool(from), sql: from.data() };
    case 'prepare':
      return { kind, statement: readNumber(from, 0, STATEMENT_MAX), sql: from.data() };
    case 'execute': {
      const statement = readNumber(from, 0, STATEMENT_MAX);
      const count = from.array();
      if (count > PARAMETERS_MAX) throw new DecodeError(`${count} parameters`);
      return { kind, statement, parameters: Array.from({ length: count }, () => readParameter(from)) };
    }
    case 'use':
      return { kind, name: from.text() };
    case 'fields':
      return { kind, table: from.text(), wildcard: from.text() };
    case 'reset':
    case 'image':
      return { kind };
  }
}

// Parts of answers

export interface SqlFailure {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

export function writeError(out: CborWriter, { errno, sqlState, message }: SqlFailure): CborWriter {
  return out.int(errno).text(sqlState).text(message);
}

export function readError(from: CborReader): SqlError {
  const errno = readNumber(from, 0, U16_MAX);
  const sqlState = from.text();
  // It has a fixed place in the packet that the client gets.
  if (!/^[0-9A-Z]{5}$/.test(sqlState)) throw new DecodeError(`an impossible SQLSTATE at ${from.offset}`);
  return new SqlError(errno, sqlState, from.text());
}

export const encodeError = (error: SqlFailure): Uint8Array => writeError(new CborWriter(256), error).end();

/** What the client may hear of a thrown value: an SqlError's or a ProtocolError's words; undefined for all others. */
export function failureOf(error: unknown): SqlFailure | undefined {
  const { errno, sqlState, message } = (error ?? {}) as Partial<SqlFailure>;
  if (typeof errno !== 'number' || typeof sqlState !== 'string' || typeof message !== 'string') return undefined;
  return { errno, sqlState, message };
}

export function writeOk(out: CborWriter, { affectedRows, insertId, warnings, info }: OkResult): void {
  writeValue(out, affectedRows);
  writeValue(out, insertId);
  out.int(warnings).text(info);
}

export const readOk = (from: CborReader): OkResult => ({
  affectedRows: readInteger(from),
  insertId: readInteger(from),
  warnings: readNumber(from, 0, ID_MAX),
  info: from.text(),
});

const CHANGES = ['variable', 'schema', 'state', 'gtid'] as const satisfies SessionChange['kind'][];

export function writeChanges(out: CborWriter, changes: readonly SessionChange[]): void {
  out.array(changes.length);
  for (const { kind, name, value } of changes) out.array(3).int(CHANGES.indexOf(kind)).text(name).text(value);
}

export function readChanges(from: CborReader): SessionChange[] {
  const count = from.array();
  if (count > CHANGES_MAX) throw new DecodeError(`${count} changes`);
  return Array.from({ length: count }, () => {
    expectArray(from, 3);
    return { kind: readChoice(from, CHANGES), name: from.text(), value: from.text() };
  });
}

export const readCount = (from: CborReader): number => readNumber(from, 0, ID_MAX);
export const encodeCount = (count: number): Uint8Array => new CborWriter(16).int(count).end();
export const encodeFlag = (flag: boolean): Uint8Array => new CborWriter(16).bool(flag).end();
export const encodeFileTaken = (bytes: number, isWanted: boolean): Uint8Array =>
  new CborWriter(16).int(bytes).bool(isWanted).end();

/** A message that is one thing, read to its end. Throws DecodeError. */
export function readWhole<T>(bytes: Uint8Array, read: (from: CborReader) => T): T {
  const reader = new CborReader(bytes);
  const value = read(reader);
  if (!reader.done) throw new DecodeError('bytes behind the end');
  return value;
}
