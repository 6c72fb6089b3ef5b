/** MySQL's slow and general logs, as lines of the node's own log: slow_query_log with long_query_time, general_log. */
import { redactPasswords } from '../sql/index.ts';
import type { EngineSession } from './session.ts';
import type { VariableStore } from './variables.ts';

/** A longer statement is cut in the log. */
const TEXT_CHARS_MAX = 4096;

export interface LoggedStatement {
  readonly connection: number;
  readonly user: string;
  readonly database: string;
  /** From its arrival to its answer. */
  readonly seconds: number;
  readonly sql: string;
}

export class StatementLog {
  private readonly globals: VariableStore;
  /** Where lines go. */
  onStatement: (isSlow: boolean, statement: LoggedStatement) => void = () => undefined;
  /** Statements beyond long_query_time, logged or not. */
  slow = 0;

  constructor(globals: VariableStore) {
    this.globals = globals;
  }

  /** A statement has ended. */
  note(session: EngineSession, seconds: number): void {
    const { state } = session;
    const isSlow = seconds > state.variables.number('long_query_time');
    if (isSlow) this.slow++;
    const asSlow = isSlow && this.globals.number('slow_query_log') === 1;
    if (!asSlow && this.globals.number('general_log') === 0) return;
    const text = redactPasswords(state.info ?? '', state.parseOptions)
      .trim()
      .replace(/;$/, '');
    this.onStatement(asSlow, {
      connection: session.connectionId,
      user: session.user,
      database: session.database,
      seconds: Number(seconds.toFixed(6)),
      sql: text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text,
    });
  }
}
