import { unsupported, type Statement } from '../sql/index.ts';
import type { StatementContext } from './statements.ts';

export function runLoadData(x: StatementContext, statement: Extract<Statement, { kind: 'loadData' }>): Promise<void> | undefined {
  void x;
  throw unsupported(statement.kind.toUpperCase());
}
