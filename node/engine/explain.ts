import { unsupported, type Statement } from '../sql/index.ts';
import type { StatementContext } from './statements.ts';

export function runExplain(x: StatementContext, statement: Extract<Statement, { kind: 'explain' }>): Promise<void> | undefined {
  void x;
  throw unsupported(statement.kind.toUpperCase());
}
