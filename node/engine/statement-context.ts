/** What the statements without a plan share. */
import type { LiteralValue } from '../sql/index.ts';
import type { ResultSink } from '../server/index.ts';
import type { EngineSession } from './session.ts';

/** What a statement runs with. */
export interface StatementContext {
  readonly session: EngineSession;
  readonly slots: readonly (LiteralValue | null)[];
  readonly text: string;
  readonly sink: ResultSink;
  readonly more: boolean;
}

export function ok(x: StatementContext, affectedRows: number | bigint = 0, info = ''): undefined {
  x.sink.ok({ affectedRows, insertId: 0, warnings: x.session.state.warningCount, info }, x.more);
  x.session.state.rowCount = affectedRows;
  return undefined;
}
