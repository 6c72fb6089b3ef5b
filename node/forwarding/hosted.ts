/** The far end of a session: opens it at this node's engine, runs what its client's node asks for, sends the answers. */
import { DecodeError, readBool, readNumber } from '../log/index.ts';
import type { PreparedStatement } from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import { Answers, viewOf } from './answers.ts';
import {
  encodeError,
  encodeOpened,
  failureOf,
  readCommand,
  readCount,
  readError,
  readOpening,
  readWhole,
  STATEMENT_MAX,
  type Command,
  type SqlFailure,
} from './codec.ts';
import { Joiner, Kind } from './frames.ts';
import type { Lane } from './outbox.ts';
import type { ForwardingOptions, MovableSession } from './ports.ts';

/** Prepared statements of a session at most; the front door counts those of all its clients, to a lower bound. */
const STATEMENTS_MAX = 1 << 16;

const UNEXPECTED: SqlFailure = { errno: 1105, sqlState: 'HY000', message: 'Unknown error' };

interface Open {
  readonly session: MovableSession;
  readonly answers: Answers;
}

export class Hosted {
  readonly joiner = new Joiner();
  private readonly lane: Lane;
  private readonly options: ForwardingOptions;
  /** It is over, at whosever wish. */
  private readonly onEnd: () => void;
  private open: Open | undefined;
  private isOpening = false;
  private isBusy = false;
  private isEnded = false;
  private readonly statements = new Map<number, PreparedStatement>();

  constructor(lane: Lane, options: ForwardingOptions, onEnd: () => void) {
    this.lane = lane;
    this.options = options;
    this.onEnd = onEnd;
  }

  /** Throws DecodeError for what no well-behaved node sends. */
  message(kind: Kind, bytes: Uint8Array): void {
    if (kind === Kind.CLOSE) {
      this.close();
      return;
    }
    if (kind === Kind.OPEN) {
      if (this.isOpening || this.open) throw new DecodeError('opened twice');
      this.isOpening = true;
      void this.begin(bytes);
      return;
    }
    if (!this.open) throw new DecodeError('a session that is not open');
    const { session, answers } = this.open;
    switch (kind) {
      case Kind.COMMAND:
        if (this.isBusy) throw new DecodeError('a command inside another one');
        this.isBusy = true;
        this.command(this.open, readWhole(bytes, readCommand));
        break;
      case Kind.FORGET: {
        const number = readWhole(bytes, (from) => readNumber(from, 0, STATEMENT_MAX));
        this.statements.get(number)?.close();
        this.statements.delete(number);
        break;
      }
      case Kind.TAKEN:
        if (!answers.taken(readWhole(bytes, readCount))) throw new DecodeError('more was taken than given');
        break;
      case Kind.FILE:
        if (answers.file?.add(bytes) !== true) throw new DecodeError('a part of no file');
        break;
      case Kind.FILE_END:
        if (answers.file?.isOpen !== true) throw new DecodeError('the end of no file');
        if (bytes.length === 0) answers.file.end();
        else answers.file.fail(readWhole(bytes, readError));
        break;
      case Kind.KILL:
        session.kill?.(readWhole(bytes, readBool));
        break;
      default:
        throw new DecodeError(`kind ${kind} for a hosted session`);
    }
  }

  private async begin(bytes: Uint8Array): Promise<void> {
    try {
      const { who, client, image } = readWhole(bytes, readOpening);
      const session = await this.options.openSession(who, client, image);
      if (this.isEnded) {
        session.close();
        return;
      }
      session.onKill = () => this.lane.send(Kind.KILLED);
      const view = viewOf(session);
      this.open = { session, answers: new Answers(this.lane, session, client.localInfile, view) };
      this.lane.send(Kind.OPENED, encodeOpened(session.id, view));
    } catch (error) {
      if (this.isEnded) return;
      this.lane.send(Kind.REFUSED, encodeError(error instanceof DecodeError ? UNEXPECTED : this.failure(error)));
      this.end();
    }
  }

  /** What the client hears of something thrown. */
  private failure(error: unknown): SqlFailure {
    const known = failureOf(error);
    if (known === undefined) this.options.onInternalError?.(error);
    return known ?? UNEXPECTED;
  }

  private command(open: Open, command: Command): void {
    let running: Promise<void> | undefined;
    try {
      running = this.run(open, command);
    } catch (error) {
      open.answers.error(this.failure(error));
    }
    if (running === undefined && open.answers.file?.isOpen !== true) {
      this.answered(open);
      return;
    }
    void this.finish(open, running);
  }

  private async finish(open: Open, running: Promise<void> | undefined): Promise<void> {
    try {
      await running;
    } catch (error) {
      open.answers.error(this.failure(error));
    }
    // A file that nobody read stands before the next command.
    await open.answers.file?.discard();
    this.answered(open);
  }

  private answered({ answers }: Open): void {
    if (this.isEnded) return;
    answers.file = undefined;
    this.isBusy = false;
    answers.done();
  }

  private run({ session, answers }: Open, command: Command): Promise<void> | undefined {
    switch (command.kind) {
      case 'query':
        session.multiStatements = command.multi;
        return session.query(command.sql, answers);
      case 'prepare':
        if (this.statements.size >= STATEMENTS_MAX)
          throw new SqlError(1461, '42000', `Can't create more than ${STATEMENTS_MAX} statements in a session`);
        return whenDone(session.prepare(command.sql), (prepared) => this.keep(command.statement, prepared, answers));
      case 'execute': {
        const prepared = this.statements.get(command.statement);
        if (!prepared || prepared.parameterCount !== command.parameters.length)
          throw new SqlError(1210, 'HY000', 'Incorrect arguments to mysqld_stmt_execute');
        return session.execute(prepared, command.parameters, answers);
      }
      case 'use':
        return session.useDatabase(command.name) ?? undefined;
      case 'fields':
        return whenDone(session.listFields(command.table, command.wildcard), (columns) => answers.fields(columns));
      case 'reset':
        return session.reset() ?? undefined;
      case 'image':
        answers.image(session.image());
        return undefined;
    }
  }

  private keep(number: number, prepared: PreparedStatement, answers: Answers): void {
    if (this.isEnded) {
      prepared.close();
      return;
    }
    this.statements.get(number)?.close();
    this.statements.set(number, prepared);
    answers.prepared(prepared);
  }

  /** Its client's node wants nothing of it any more, or is gone. */
  close(): void {
    if (this.isEnded) return;
    this.lane.drop();
    this.end();
  }

  /** This node does not go on with it. */
  refuse(): void {
    if (this.isEnded) return;
    this.lane.end(Kind.GONE);
    this.end();
  }

  private end(): void {
    this.isEnded = true;
    this.onEnd();
    const { open } = this;
    this.open = undefined;
    if (!open) return;
    const { session, answers } = open;
    session.onKill = undefined;
    answers.stop();
    try {
      for (const statement of this.statements.values()) statement.close();
      session.close();
    } catch (error) {
      this.options.onInternalError?.(error);
    }
    this.statements.clear();
  }
}

function whenDone<T>(value: T | Promise<T>, then: (value: T) => void): Promise<void> | undefined {
  if (value instanceof Promise) return value.then(then);
  then(value);
  return undefined;
}
