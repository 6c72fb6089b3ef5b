/**
 * The far end's sink: what the engine gives becomes items of ANSWER messages. As for any sink nothing leaves before the
 * command is done, or the engine awaits drained() or asks for a file: an answer may be waiting for the log.
 */
import { CborWriter } from '../log/index.ts';
import type { ColumnDefinition, OkResult, PreparedStatement, ResultSink, Session, WireValue } from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import {
  COLUMN_SLOTS,
  Item,
  sameView,
  VARIABLES,
  writeChanges,
  writeError,
  writeOk,
  writeView,
  type SessionView,
  type SqlFailure,
} from './codec.ts';
import { writeColumns } from './columns.ts';
import { IncomingFile } from './file.ts';
import { Kind } from './frames.ts';
import type { Lane } from './outbox.ts';
import { writeValue } from './values.ts';

/** Bytes of a message of rows, which a longer row exceeds. */
export const BATCH_BYTES = 64 * 1024;
/** Bytes of answers that may be on their way, or wait at the other end for its client. */
export const WINDOW_BYTES = 1024 * 1024;

export function viewOf(session: Session): SessionView {
  return {
    status: session.status(),
    database: session.database,
    clientCharset: session.clientCharset,
    resultsCharset: session.resultsCharset,
    variables: VARIABLES.map((name) => session.variable(name)),
  };
}

export class Answers implements ResultSink {
  private readonly lane: Lane;
  private readonly session: Session;
  private readonly localInfile: boolean;
  private out = new CborWriter(1024);
  private sealed: Uint8Array[] = [];
  private inFlight = 0;
  private waiters: (() => void)[] = [];
  /** Columns of the result that is being given; 0: none is. */
  private width = 0;
  private said: SessionView;
  private readonly slots = new Map<readonly ColumnDefinition[], number>();
  private readonly slotOwners: (readonly ColumnDefinition[])[] = [];
  private nextSlot = 0;
  /** The file that was asked for last. */
  file: IncomingFile | undefined;
  private isEnded = false;

  /** `said`: what the other end knows of the session. */
  constructor(lane: Lane, session: Session, localInfile: boolean, said: SessionView) {
    this.lane = lane;
    this.session = session;
    this.localInfile = localInfile;
    this.said = said;
    lane.onEmpty = () => this.wake();
  }

  // What a statement gives

  columns(columns: readonly ColumnDefinition[]): void {
    if (this.isEnded) return;
    this.saySession(false);
    this.width = columns.length;
    const known = this.slots.get(columns);
    if (known !== undefined) {
      this.out.int(Item.COLUMNS).int(known).bool(false);
      return;
    }
    const slot = this.nextSlot++ % COLUMN_SLOTS;
    const before = this.slotOwners[slot];
    if (before) this.slots.delete(before);
    this.slotOwners[slot] = columns;
    this.slots.set(columns, slot);
    this.out.int(Item.COLUMNS).int(slot).bool(true);
    writeColumns(this.out, columns);
  }

  row(values: readonly WireValue[]): boolean {
    if (this.width === 0 || this.isEnded) return true;
    const { out } = this;
    out.int(Item.ROW);
    for (let i = 0; i < this.width; i++) writeValue(out, values[i] ?? null);
    if (out.length >= BATCH_BYTES) this.seal();
    return this.sealed.length === 0;
  }

  end(warnings: number, more: boolean): void {
    if (this.isEnded) return;
    this.width = 0;
    this.saySession(true);
    this.out.int(Item.END).int(warnings).bool(more);
  }

  ok(result: OkResult, more: boolean): void {
    if (this.isEnded) return;
    this.saySession(true);
    this.out.int(Item.OK);
    writeOk(this.out, result);
    this.out.bool(more);
  }

  error(error: SqlFailure): void {
    if (this.isEnded) return;
    this.width = 0;
    this.saySession(false);
    writeError(this.out.int(Item.ERROR), error);
  }

  async drained(): Promise<void> {
    this.flush();
    while (!this.hasRoom) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  requestFile(name: string): AsyncIterable<Uint8Array> {
    if (!this.localInfile)
      throw new SqlError(
        3948,
        '42000',
        'Loading local data is disabled; this must be enabled on both the client and server sides',
      );
    this.out.int(Item.FILE).text(name);
    this.flush();
    this.file = new IncomingFile(this.lane);
    if (this.isEnded) this.file.fail(gone());
    return this.file.read();
  }

  // What other commands give

  prepared({ parameterCount, columns, warnings }: PreparedStatement): void {
    this.out.int(Item.PREPARED).int(parameterCount).int(warnings);
    writeColumns(this.out, columns);
  }

  fields(columns: readonly ColumnDefinition[]): void {
    writeColumns(this.out.int(Item.FIELDS), columns);
  }

  image(image: Uint8Array): void {
    this.out.int(Item.IMAGE).data(image);
  }

  /** The command is over. */
  done(): void {
    this.width = 0;
    this.saySession(true);
    this.out.int(Item.DONE);
    this.flush();
  }

  // The way out

  /** The client's end has passed so many bytes on. False: more than it was given. */
  taken(bytes: number): boolean {
    if (bytes > this.inFlight) return false;
    this.inFlight -= bytes;
    this.wake();
    return true;
  }

  /** Nobody listens any more: what waits goes on, to nowhere. */
  stop(): void {
    this.isEnded = true;
    this.file?.fail(gone());
    this.out.clear();
    this.sealed = [];
    this.wake();
  }

  private get hasRoom(): boolean {
    return this.isEnded || (this.lane.isEmpty && this.inFlight < WINDOW_BYTES);
  }

  private wake(): void {
    if (!this.hasRoom) return;
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  private seal(): void {
    if (this.out.length === 0) return;
    this.sealed.push(this.out.end());
    this.out = new CborWriter(this.width > 0 ? BATCH_BYTES + 4096 : 1024);
  }

  private flush(): void {
    if (this.isEnded) return;
    this.seal();
    for (const message of this.sealed) {
      this.inFlight += message.length;
      this.lane.send(Kind.ANSWER, message);
    }
    this.sealed = [];
  }

  /** What the client's end reads of the session while it passes on what follows. */
  private saySession(withChanges: boolean): void {
    const view = viewOf(this.session);
    if (!sameView(view, this.said)) {
      this.said = view;
      writeView(this.out.int(Item.STATE), view);
    }
    if (!withChanges) return;
    const changes = this.session.takeChanges();
    if (changes.length > 0) writeChanges(this.out.int(Item.CHANGES), changes);
  }
}

const gone = (): SqlError => new SqlError(1317, '70100', 'Query execution was interrupted');
