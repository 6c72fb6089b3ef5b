/** A client's command, from its arrival to its answer: run, made anew where the schema was another one than it seemed, or failed. */
import { SqlError, type ParsedStatement } from '../sql/index.ts';
import type { ParameterValue, PreparedStatement, ResultSink } from '../server/index.ts';
import { catchUp } from './catch-up.ts';
import { clientErrorOf } from './errors.ts';
import { executeQuery } from './execute-prepared.ts';
import { deadlock } from './locks.ts';
import { placedDatabases } from './placement.ts';
import type { Ready } from './planner.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { EngineSession } from './session.ts';
import { runStatement } from './statements.ts';
import { SchemaChanged } from './waits.ts';

/** Runs a command anew: here, or wherever its databases are now. */
type Again = () => Promise<void> | undefined;
/** Runs a text, which may be the rest of a longer one, wherever its databases are now. */
type Elsewhere = (rest: Uint8Array) => Promise<void> | undefined;

/**
 * Runs a text, which may hold several statements where that is allowed. `latin1`: its bytes were no UTF-8. `elsewhere`: of whoever holds
 * the client's sessions in all groups.
 */
export function runText(
  session: EngineSession,
  text: string,
  latin1: boolean,
  sink: ResultSink,
  elsewhere: Elsewhere | undefined,
): Promise<void> | undefined {
  const { core, state } = session;
  const again: Again = () => runText(session, text, latin1, sink, elsewhere);
  const command = new Command(session, text, sink, again, elsewhere && (() => elsewhere(session.encode(text, latin1))));
  return command.run(() => {
    const scope = state.planScope;
    const options = latin1 ? { ...state.parseOptions, latin1 } : state.parseOptions;
    const cached = scope === undefined ? undefined : core.planner.cached(text, options, scope);
    if (cached) return command.statement(cached, false);
    let ready: Ready;
    try {
      ready = prepareFirst(session, text, latin1);
    } catch (error) {
      // A text of comments alone does nothing, and says so; an empty one is an error.
      if (!(error instanceof SqlError) || error.errno !== 1065 || /^[\s;]*$/.test(text)) throw error;
      sink.ok({ affectedRows: 0, insertId: 0, warnings: 0, info: '' }, false);
      return undefined;
    }
    if (ready.parsed?.last !== false) return command.statement(ready, false);
    if (!state.multiStatements) throw multiple(text, ready.parsed.end);
    return command.several(text, latin1, ready, elsewhere);
  });
}

/** Executes a prepared statement of the protocol. */
export function runPreparedStatement(
  session: EngineSession,
  statement: PreparedStatement,
  parameters: readonly ParameterValue[],
  sink: ResultSink,
  elsewhere: Again | undefined,
): Promise<void> | undefined {
  const { query } = statement as PreparedStatement & { readonly query: PreparedQuery };
  const again: Again = () => runPreparedStatement(session, statement, parameters, sink, elsewhere);
  const command = new Command(session, query.text, sink, again, elsewhere);
  command.count(kindOf(query));
  return command.run(() => executeQuery(session, query, parameters, sink, false));
}

/** Tells the client what went wrong. */
export function fail(session: EngineSession, error: unknown, sink: ResultSink): undefined {
  const { core, state } = session;
  const known = clientErrorOf(error instanceof SchemaChanged ? deadlock() : error, core.onInternalError);
  core.errorCounts.set(known.errno, (core.errorCounts.get(known.errno) ?? 0) + 1);
  if (known.errno === 1213) session.rollback();
  state.rowCount = -1;
  const own = core.env.session === session ? core.env.warnings : [];
  state.warnings = [...own.slice(0, 63), { level: 'Error', errno: known.errno, message: known.message }];
  state.warningCount = state.warnings.length;
  sleeps(session);
  sink.error(known);
  return undefined;
}

class Command {
  private readonly session: EngineSession;
  private readonly sink: ResultSink;
  private readonly again: Again;
  private readonly elsewhere: Again | undefined;
  /** How many databases had gone to a group of their own when it began: see EngineCore. */
  private readonly movedAway: number;
  /** The statement that runs, for the figures. */
  private measured: { readonly kind: string; readonly startMs: number } | undefined;

  /** It begins. */
  constructor(session: EngineSession, text: string, sink: ResultSink, again: Again, elsewhere: Again | undefined) {
    const { core, state } = session;
    this.session = session;
    this.sink = sink;
    this.again = again;
    this.elsewhere = elsewhere;
    this.movedAway = core.movedAway;
    core.begins(session);
    state.command = 'Query';
    state.info = text;
    state.since = Date.now();
    state.killed = false;
  }

  /** Does its work, and tells the client where that fails. */
  run(work: () => Promise<void> | undefined): Promise<void> | undefined {
    let done: Promise<void> | undefined;
    try {
      done = work();
    } catch (error) {
      return this.failed(error);
    }
    if (done)
      return done.then(
        () => this.end(),
        (error: unknown) => (this.goesOn(error) ? this.again() : this.failed(error)),
      );
    this.end();
    return undefined;
  }

  /** Runs one statement. Throws or rejects with what the client is to be told. */
  statement({ plan, parsed, slots }: Ready, more: boolean): Promise<void> | undefined {
    const { session, sink } = this;
    this.count(plan?.kind ?? parsed?.statement.kind ?? 'other');
    if (plan) return session.runPlan(plan, slots, parsed?.statement, sink, more);
    return runStatement(session, (parsed as ParsedStatement).statement, slots, session.state.info ?? '', sink, more);
  }

  /** Runs statement after statement: the one that meets another schema is made anew, and none before it. Never rejects. */
  async several(text: string, latin1: boolean, first: Ready, elsewhere: Elsewhere | undefined): Promise<void> {
    const { session } = this;
    let rest = text;
    let ready: Ready | undefined = first;
    try {
      for (;;) {
        try {
          ready ??= prepareFirst(session, rest, latin1);
          const isLast = ready.parsed?.last !== false;
          const end = ready.parsed?.end ?? rest.length;
          // The process list and the log get this statement alone: its neighbours may hold passwords.
          session.state.info = rest.slice(0, end);
          const done = this.statement(ready, !isLast);
          if (done) await done;
          this.observed();
          if (isLast) return;
          rest = rest.slice(end);
        } catch (error) {
          const news = this.goesOn(error) ? 'here' : await this.catchUp(error);
          if (news !== 'here' && news !== 'elsewhere') throw error;
        }
        ready = undefined;
        // Whoever passed the text on as it was knew of no database in another group.
        if (elsewhere && placedDatabases(session.core.main.catalog).length > 0) {
          this.observed();
          return await elsewhere(session.encode(rest, latin1));
        }
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** A statement of it begins. */
  count(kind: string): void {
    this.session.core.countStatement(kind);
    this.session.state.hasTakenFile = false;
    this.observed();
    this.measured = { kind, startMs: performance.now() };
  }

  private observed(): void {
    if (!this.measured) return;
    const { kind, startMs } = this.measured;
    const seconds = (performance.now() - startMs) / 1000;
    this.session.core.statementLatencies.observe(kind, seconds);
    this.session.core.statementLog.note(this.session, seconds);
    this.measured = undefined;
  }

  private end(): void {
    this.observed();
    sleeps(this.session);
  }

  /** It is to be made anew here. Where its tables may be in another group now, the client is to come again. */
  private goesOn(error: unknown): boolean {
    const { core, state } = this.session;
    return error instanceof SchemaChanged && core.movedAway === this.movedAway && !state.hasTakenFile;
  }

  /** What came of it that the node had yet to hear of a schema change; undefined where it does not change what the client is told. */
  private catchUp(error: unknown): ReturnType<typeof catchUp> {
    return this.session.state.hasTakenFile ? undefined : catchUp(this.session, error);
  }

  /** The client is told, unless the command is to be made anew because the node had yet to hear of a schema change. */
  private failed(error: unknown): Promise<void> | undefined {
    const caughtUp = this.catchUp(error);
    if (!caughtUp) return this.fail(error);
    return caughtUp.then(
      (news) => {
        if (news === 'none') return this.fail(error);
        if (news === 'here') return this.again();
        return this.elsewhere ? this.elsewhere() : this.fail(deadlock());
      },
      (other: unknown) => this.fail(other),
    );
  }

  private fail(error: unknown): undefined {
    this.observed();
    return fail(this.session, error, this.sink);
  }
}

function sleeps({ state }: EngineSession): void {
  state.command = 'Sleep';
  state.info = undefined;
  state.since = Date.now();
}

/** The first statement of a text. */
function prepareFirst(session: EngineSession, text: string, latin1: boolean): Ready {
  const { core, state } = session;
  // A `?` is a parameter in what is prepared alone.
  const options = { ...state.parseOptions, placeholders: false, ...(latin1 && { latin1 }) };
  return core.planner.prepare(text, 0, options, state.planScope, (t) =>
    core.compileSettings(session, t, new Map(), false),
  );
}

/** As a statement that comes as text is counted: by its plan, which all but queries are named after. */
const kindOf = ({ parsed: { statement } }: PreparedQuery): string =>
  statement.kind === 'query' ? 'select' : statement.kind;

const multiple = (text: string, at: number): SqlError => {
  const near = text.slice(at).trimStart();
  const line = text.slice(0, at).split('\n').length;
  return new SqlError(
    1064,
    '42000',
    `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '${near.slice(0, 80)}' at line ${line}`,
  );
};
