import { unsupported, type Statement } from '../sql/index.ts';
import type { StatementContext } from './statements.ts';

export function runShow(x: StatementContext, statement: Extract<Statement, { kind: 'show' | 'describe' }>): Promise<void> | undefined {
  void x;
  throw unsupported(statement.kind.toUpperCase());
}
