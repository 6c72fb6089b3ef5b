import { unsupported, type Statement } from '../sql/index.ts';
import type { StatementContext } from './statements.ts';

export function runMaintenance(x: StatementContext, statement: Extract<Statement, { kind: 'analyzeTable' | 'checkTable' | 'optimizeTable' | 'repairTable' | 'checksumTable' | 'flush' | 'kill' }>): Promise<void> | undefined {
  void x;
  throw unsupported(statement.kind.toUpperCase());
}
