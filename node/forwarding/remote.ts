/** The client's end of a session at another node: sends its commands, passes the answers on to the front door. */
import { CborReader, DecodeError, readBool, readNumber } from '../log/index.ts';
import type {
  ColumnDefinition,
  ParameterValue,
  PreparedStatement,
  ResultSink,
  SessionChange,
  SessionStatus,
  WireValue,
} from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import { WINDOW_BYTES } from './answers.ts';
import {
  COLUMN_SLOTS,
  encodeCommand,
  encodeCount,
  encodeError,
  encodeFlag,
  failureOf,
  Item,
  readChanges,
  readCount,
  readError,
  readOk,
  readSessionId,
  readView,
  readWhole,
  STATEMENT_MAX,
  VARIABLES,
  type SessionView,
} from './codec.ts';
import { readColumns } from './columns.ts';
import { FILE_WINDOW_BYTES } from './file.ts';
import { Joiner, Kind } from './frames.ts';
import type { Lane } from './outbox.ts';
import type { RemoteSession } from './ports.ts';
import { readValue } from './values.ts';

/** Answers that were passed on are reported so many bytes at once. */
const REPORT_BYTES = WINDOW_BYTES / 4;

type Reply =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'prepared';
      readonly parameterCount: number;
      readonly warnings: number;
      readonly columns: readonly ColumnDefinition[];
    }
  | { readonly kind: 'fields'; readonly columns: readonly ColumnDefinition[] }
  | { readonly kind: 'image'; readonly image: Uint8Array };

/** A command on its way. */
interface Job {
  readonly message: Uint8Array;
  /** Where the results of a statement go; the other commands' answer is the reply. */
  readonly sink: ResultSink | undefined;
  reply: Reply;
  failure: SqlError | undefined;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

interface RemoteStatement extends PreparedStatement {
  readonly number: number;
}

export class Remote implements RemoteSession {
  id = 0;
  multiStatements = false;
  onKill: (() => void) | undefined;
  isGone = false;
  readonly joiner = new Joiner();
  readonly opened: Promise<Remote>;
  readonly lane: Lane;
  private readonly onEnd: () => void;
  private readonly onInternalError: (error: unknown) => void;
  private settleOpening: { resolve(remote: Remote): void; reject(error: Error): void } | undefined;
  private view: SessionView = {
    status: { inTransaction: false, autocommit: true, noBackslashEscapes: false },
    database: '',
    clientCharset: 'utf8mb4',
    resultsCharset: 'utf8mb4',
    variables: VARIABLES.map(() => 0),
  };
  private changes: SessionChange[] = [];
  private lastStatement = 0;
  private job: Job | undefined;
  private readonly queue: Job[] = [];

  /** Answers that came and are not passed on yet; the reader stands in the one before them. */
  private messages: Uint8Array[] = [];
  private reader: { readonly items: CborReader; readonly bytes: number } | undefined;
  private isSuspended = false;
  private unreported = 0;
  private readonly slots: (readonly ColumnDefinition[])[] = [];
  private width = 0;

  private isFileWanted = false;
  private fileInFlight = 0;
  private wakeFile: () => void = () => undefined;

  constructor(lane: Lane, onEnd: () => void, onInternalError: (error: unknown) => void) {
    this.lane = lane;
    this.onEnd = onEnd;
    this.onInternalError = onInternalError;
    this.opened = new Promise((resolve, reject) => (this.settleOpening = { resolve, reject }));
    lane.onEmpty = () => this.wakeFile();
  }

  // The wire's view

  status(): SessionStatus {
    return this.view.status;
  }

  get database(): string {
    return this.view.database;
  }

  get clientCharset(): string {
    return this.view.clientCharset;
  }

  get resultsCharset(): string {
    return this.view.resultsCharset;
  }

  variable(name: (typeof VARIABLES)[number]): number {
    return this.view.variables[VARIABLES.indexOf(name)] ?? 0;
  }

  takeChanges(): readonly SessionChange[] {
    const taken = this.changes;
    if (taken.length > 0) this.changes = [];
    return taken;
  }

  // Commands

  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    return this.statement(encodeCommand({ kind: 'query', multi: this.multiStatements, sql }), sink);
  }

  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
  ): Promise<void> | undefined {
    const { number } = statement as RemoteStatement;
    return this.statement(encodeCommand({ kind: 'execute', statement: number, parameters }), sink);
  }

  private statement(message: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    if (this.isGone) {
      sink.error(lost());
      return undefined;
    }
    return this.run(message, sink).then(() => undefined);
  }

  async prepare(sql: Uint8Array): Promise<PreparedStatement> {
    const number = (this.lastStatement = (this.lastStatement % STATEMENT_MAX) + 1);
    const reply = await this.run(encodeCommand({ kind: 'prepare', statement: number, sql }));
    if (reply.kind !== 'prepared') throw this.unfit();
    const { parameterCount, columns, warnings } = reply;
    const prepared: RemoteStatement = {
      number,
      parameterCount,
      columns,
      warnings,
      close: () => {
        if (!this.isGone) this.lane.send(Kind.FORGET, encodeCount(number));
      },
    };
    return prepared;
  }

  async useDatabase(name: string): Promise<void> {
    await this.run(encodeCommand({ kind: 'use', name }));
  }

  async listFields(table: string, wildcard: string): Promise<readonly ColumnDefinition[]> {
    const reply = await this.run(encodeCommand({ kind: 'fields', table, wildcard }));
    if (reply.kind !== 'fields') throw this.unfit();
    return reply.columns;
  }

  async reset(): Promise<void> {
    await this.run(encodeCommand({ kind: 'reset' }));
  }

  async image(): Promise<Uint8Array> {
    const reply = await this.run(encodeCommand({ kind: 'image' }));
    if (reply.kind !== 'image') throw this.unfit();
    return reply.image;
  }

  kill(queryOnly: boolean): void {
    if (!this.isGone) this.lane.send(Kind.KILL, encodeFlag(!queryOnly));
  }

  /** One at a time: the far end takes no other before it has answered. */
  private run(message: Uint8Array, sink?: ResultSink): Promise<Reply> {
    if (this.isGone) return Promise.reject(lost());
    return new Promise((resolve, reject) => {
      this.queue.push({ message, sink, reply: { kind: 'none' }, failure: undefined, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    if (this.job || this.isGone) return;
    this.job = this.queue.shift();
    if (this.job) this.lane.send(Kind.COMMAND, this.job.message);
  }

  /** An answer that does not fit its command. */
  private unfit(): SqlError {
    this.refuse(new DecodeError('an answer to something else'));
    return lost();
  }

  // Answers

  /** Throws DecodeError for what no well-behaved node sends. */
  message(kind: Kind, bytes: Uint8Array): void {
    switch (kind) {
      case Kind.OPENED:
        readWhole(bytes, (from) => {
          if (!this.settleOpening) throw new DecodeError('opened twice');
          this.id = readSessionId(from);
          this.view = readView(from);
        });
        this.settleOpening?.resolve(this);
        this.settleOpening = undefined;
        break;
      case Kind.REFUSED: {
        if (!this.settleOpening) throw new DecodeError('refused after it was opened');
        this.settleOpening.reject(readWhole(bytes, readError));
        this.settleOpening = undefined;
        this.lose();
        break;
      }
      case Kind.ANSWER:
        if (!this.job) throw new DecodeError('an answer to nothing');
        this.messages.push(bytes);
        this.work();
        break;
      case Kind.FILE_TAKEN:
        readWhole(bytes, (from) => {
          const taken = readCount(from);
          if (taken > this.fileInFlight) throw new DecodeError('more of the file was taken than given');
          this.fileInFlight -= taken;
          this.isFileWanted &&= readBool(from);
        });
        this.wakeFile();
        break;
      case Kind.KILLED:
        this.onKill?.();
        break;
      case Kind.GONE:
        this.lose();
        break;
      default:
        throw new DecodeError(`kind ${kind} for a remote session`);
    }
  }

  /** Passes on what has come, as far as the client takes it. */
  private work(): void {
    try {
      while (!this.isSuspended) {
        if (this.reader === undefined) {
          const message = this.messages.shift();
          if (message === undefined) break;
          this.reader = { items: new CborReader(message), bytes: message.length };
        }
        const { items, bytes } = this.reader;
        if (items.done) {
          this.reader = undefined;
          this.passedOn(bytes);
        } else {
          const wait = this.item(items);
          if (wait) this.suspend(wait);
        }
      }
    } catch (error) {
      this.refuse(error);
    }
    if (this.isGone && !this.isSuspended) this.failAll();
  }

  private suspend(wait: Promise<void>): void {
    this.isSuspended = true;
    wait.then(
      () => {
        this.isSuspended = false;
        this.work();
      },
      (error: unknown) => {
        this.isSuspended = false;
        this.refuse(error);
        this.work();
      },
    );
  }

  private passedOn(bytes: number): void {
    this.unreported += bytes;
    if (this.unreported < REPORT_BYTES || this.isGone) return;
    this.lane.send(Kind.TAKEN, encodeCount(this.unreported));
    this.unreported = 0;
  }

  private item(items: CborReader): Promise<void> | undefined {
    const { job } = this;
    if (!job) throw new DecodeError('an answer to nothing');
    const kind = items.int();
    switch (kind) {
      case Item.STATE:
        this.view = readView(items);
        return undefined;
      case Item.CHANGES:
        this.changes.push(...readChanges(items));
        return undefined;
      case Item.ERROR: {
        const error = readError(items);
        this.width = 0;
        if (job.sink) job.sink.error(error);
        else job.failure = error;
        return undefined;
      }
      case Item.PREPARED: {
        const parameterCount = readNumber(items, 0, 0xffff);
        const warnings = readCount(items);
        job.reply = { kind: 'prepared', parameterCount, warnings, columns: readColumns(items) };
        return undefined;
      }
      case Item.FIELDS:
        job.reply = { kind: 'fields', columns: readColumns(items) };
        return undefined;
      case Item.IMAGE:
        job.reply = { kind: 'image', image: items.data() };
        return undefined;
      case Item.DONE:
        this.width = 0;
        this.job = undefined;
        if (job.failure) job.reject(job.failure);
        else job.resolve(job.reply);
        this.next();
        return undefined;
      default:
        if (!job.sink) throw new DecodeError('a result of what is no statement');
        return this.result(kind, items, job.sink);
    }
  }

  private result(kind: number, items: CborReader, sink: ResultSink): Promise<void> | undefined {
    switch (kind) {
      case Item.COLUMNS: {
        const slot = readNumber(items, 0, COLUMN_SLOTS - 1);
        if (readBool(items)) this.slots[slot] = readColumns(items);
        const columns = this.slots[slot];
        if (!columns || columns.length === 0) throw new DecodeError('a result without columns');
        this.width = columns.length;
        sink.columns(columns);
        return undefined;
      }
      case Item.ROW: {
        if (this.width === 0) throw new DecodeError('a row of no result');
        const values = new Array<WireValue>(this.width);
        for (let i = 0; i < values.length; i++) values[i] = readValue(items);
        return sink.row(values) ? undefined : sink.drained();
      }
      case Item.END: {
        this.width = 0;
        const warnings = readCount(items);
        sink.end(warnings, readBool(items));
        return undefined;
      }
      case Item.OK: {
        const ok = readOk(items);
        sink.ok(ok, readBool(items));
        return undefined;
      }
      case Item.FILE:
        return this.sendFile(sink, items.text());
      default:
        throw new DecodeError(`an unknown item ${kind}`);
    }
  }

  /** LOCAL INFILE: the client's file, as fast as the far end reads it. */
  private async sendFile(sink: ResultSink, name: string): Promise<void> {
    this.isFileWanted = true;
    this.fileInFlight = 0;
    let failure: Uint8Array | undefined;
    try {
      for await (const part of sink.requestFile(name)) {
        if (this.isGone || !this.isFileWanted) break;
        this.fileInFlight += part.length;
        // A copy: the part is the client's packet, in a buffer that takes the next one.
        this.lane.send(Kind.FILE, new Uint8Array(part));
        await this.fileRoom();
      }
    } catch (error) {
      failure = encodeError(
        failureOf(error) ?? { errno: 1105, sqlState: 'HY000', message: 'The file cannot be read: its client is gone' },
      );
    }
    if (!this.isGone) this.lane.send(Kind.FILE_END, failure);
  }

  private async fileRoom(): Promise<void> {
    while (!this.isGone && this.isFileWanted && (this.fileInFlight >= FILE_WINDOW_BYTES || !this.lane.isEmpty))
      await new Promise<void>((resolve) => (this.wakeFile = resolve));
  }

  // The end

  /** The client is gone, or has no more use for it. */
  close(): void {
    if (this.isGone) return;
    this.messages = [];
    this.reader = undefined;
    this.lane.end(Kind.CLOSE);
    this.end();
  }

  /** What came makes no sense, or cannot be passed on. */
  refuse(error: unknown): void {
    if (!(error instanceof DecodeError)) this.onInternalError(error);
    this.close();
  }

  /** The far end is gone. What came before that is still passed on: a whole answer stays one. */
  lose(): void {
    if (this.isGone) return;
    this.lane.drop();
    this.end();
  }

  private end(): void {
    this.isGone = true;
    this.onEnd();
    this.settleOpening?.reject(lost());
    this.settleOpening = undefined;
    this.wakeFile();
    if (!this.isSuspended) this.failAll();
  }

  private failAll(): void {
    const { job } = this;
    this.job = undefined;
    if (job) fail(job, interrupted());
    for (const waiting of this.queue.splice(0)) fail(waiting, lost());
  }
}

function fail(job: Job, error: SqlError): void {
  if (!job.sink) {
    job.reject(error);
    return;
  }
  job.sink.error(error);
  job.resolve(job.reply);
}

const interrupted = (): SqlError =>
  new SqlError(
    3101,
    'HY000',
    'The node that hosts the database went away while the statement ran: it may or may not have been carried out',
  );

const lost = (): SqlError =>
  new SqlError(3101, 'HY000', 'The node that hosts the database went away: what the session had there is lost');
