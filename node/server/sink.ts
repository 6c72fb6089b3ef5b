/**
 * Builds the answers of one command at a time.
 *
 * Nothing given here leaves before the command is done (query() returned undefined, or its promise resolved) or the
 * engine awaits drained() or asks for a file. So an engine that must hold an answer back until its log is on disk just
 * returns the promise of that flush.
 */
import { ProtocolError } from './errors.ts';
import type { Channel } from './channel.ts';
import { type Charset, charsetOf } from './charsets.ts';
import { type ColumnSet, columnSet, writeColumnSet } from './columns.ts';
import { Capability, Status } from './constants.ts';
import { Cursor } from './cursor.ts';
import type { ColumnDefinition, OkResult, ResultSink, Session, WireValue } from './ports.ts';
import { statusBits, writeEof, writeError, writeOk } from './replies.ts';
import { writeBinaryRow, writeTextRow } from './rows.ts';

/** Bytes of an answer that are gathered before the engine is asked to wait. */
const HIGH_WATER = 64 * 1024;

const NOTHING: OkResult = { affectedRows: 0, insertId: 0, warnings: 0, info: '' };

/** Why a command's answer is not there yet, or that it is. */
type State = 'idle' | 'waiting' | 'rows' | 'done';

export interface FileReceiver {
  /** The packets of the client's file up to the empty one. */
  receiveFile(): AsyncIterable<Uint8Array>;
}

export class ReplySink implements ResultSink {
  readonly channel: Channel;
  session: Session;
  readonly #capabilities: number;
  readonly #files: FileReceiver;
  state: State = 'idle';
  #binary = false;
  #wantsCursor = false;
  #set: ColumnSet | undefined;
  #charsetName = 'utf8mb4';
  #charset: Charset | undefined = charsetOf('utf8mb4');
  #metadataStart = 0;
  #metadataSequence = 0;
  /** The cursor that this command opened. */
  cursor: Cursor | undefined;

  constructor(channel: Channel, session: Session, capabilities: number, files: FileReceiver) {
    this.channel = channel;
    this.session = session;
    this.#capabilities = capabilities;
    this.#files = files;
  }

  begin(binary: boolean, wantsCursor: boolean): void {
    this.state = 'waiting';
    this.#binary = binary;
    this.#wantsCursor = wantsCursor;
    this.cursor = undefined;
  }

  /** Closes a command; one that gave no answer gets an error, so that the client does not wait for ever. */
  finish(): void {
    if (this.state !== 'done') {
      this.state = 'waiting';
      this.error({ errno: 1105, sqlState: 'HY000', message: 'Unknown error' });
    }
    this.state = 'idle';
    this.#set = undefined;
  }

  /** character_set_results of now. */
  get charset(): Charset | undefined {
    const name = this.session.resultsCharset;
    if (name !== this.#charsetName) {
      this.#charsetName = name;
      this.#charset = name === '' || name === 'binary' ? undefined : charsetOf(name);
    }
    return this.#charset;
  }

  columns(columns: readonly ColumnDefinition[]): void {
    if (this.state !== 'waiting') return;
    this.state = 'rows';
    const { out } = this.channel;
    this.#metadataStart = out.position;
    this.#metadataSequence = out.sequence;
    this.#set = columnSet(columns, this.charset);
    writeColumnSet(out, this.#set);
    let status = statusBits(this.session.status());
    if (this.#wantsCursor) {
      this.cursor = new Cursor(this.#set);
      status |= Status.CURSOR_EXISTS;
    }
    if ((this.#capabilities & Capability.DEPRECATE_EOF) === 0) writeEof(out, 0, status);
  }

  row(values: readonly WireValue[]): boolean {
    const set = this.#set;
    if (this.state !== 'rows' || set === undefined) return true;
    if (this.cursor !== undefined) {
      this.cursor.add(values);
      return true;
    }
    const { out } = this.channel;
    out.beginPacket();
    if (this.#binary) writeBinaryRow(out, set, values);
    else writeTextRow(out, set, values);
    out.endPacket();
    return out.position < HIGH_WATER;
  }

  drained(): Promise<void> {
    return this.channel.drained();
  }

  end(warnings: number, more: boolean): void {
    if (this.state !== 'rows') return;
    const { out } = this.channel;
    const status = statusBits(this.session.status()) | (more ? Status.MORE_RESULTS : 0);
    if (this.cursor !== undefined) {
      // The rows wait for COM_STMT_FETCH: the end of the column definitions is the end of the answer.
      if ((this.#capabilities & Capability.DEPRECATE_EOF) !== 0) {
        this.#writeEnd(warnings, status | Status.CURSOR_EXISTS);
      }
    } else if ((this.#capabilities & Capability.DEPRECATE_EOF) !== 0) {
      this.#writeEnd(warnings, status);
    } else {
      writeEof(out, warnings, status);
    }
    this.state = more ? 'waiting' : 'done';
  }

  #writeEnd(warnings: number, status: number): void {
    const result = warnings === 0 ? NOTHING : { ...NOTHING, warnings };
    writeOk(this.channel.out, 0xfe, result, status, this.#capabilities, this.session.takeChanges());
  }

  ok(result: OkResult, more: boolean): void {
    if (this.state !== 'waiting') return;
    const status = statusBits(this.session.status()) | (more ? Status.MORE_RESULTS : 0);
    writeOk(this.channel.out, 0x00, result, status, this.#capabilities, this.session.takeChanges());
    this.state = more ? 'waiting' : 'done';
  }

  /** The plain answer of commands that change nothing. */
  simpleOk(): void {
    this.ok(NOTHING, false);
  }

  /** EOF, for the commands whose answer it is. */
  simpleEnd(): void {
    const status = statusBits(this.session.status());
    if ((this.#capabilities & Capability.DEPRECATE_EOF) !== 0) this.#writeEnd(0, status);
    else writeEof(this.channel.out, 0, status);
    this.state = 'done';
  }

  error(error: { errno: number; sqlState: string; message: string }): void {
    if (this.state === 'done' || this.state === 'idle') return;
    const { out } = this.channel;
    if (this.cursor !== undefined) {
      // No row has left yet, so the client need not see that there were to be some.
      out.position = this.#metadataStart;
      out.sequence = this.#metadataSequence;
      this.cursor.close();
      this.cursor = undefined;
    }
    writeError(out, error.errno, error.sqlState, error.message);
    this.state = 'done';
  }

  requestFile(name: string): AsyncIterable<Uint8Array> {
    if ((this.#capabilities & Capability.LOCAL_FILES) === 0) {
      throw new ProtocolError(
        3948,
        '42000',
        'Loading local data is disabled; this must be enabled on both the client and server sides',
      );
    }
    const { out } = this.channel;
    out.beginPacket();
    out.u8(0xfb);
    out.text(name);
    out.endPacket();
    this.channel.flush();
    return this.#files.receiveFile();
  }
}
