import { unsupported, type Statement } from '../sql/index.ts';
import type { StatementContext } from './statement-context.ts';

export function runAccountStatement(
  x: StatementContext,
  statement: Extract<
    Statement,
    {
      kind:
        | 'createUser'
        | 'alterUser'
        | 'dropUser'
        | 'dropRole'
        | 'createRole'
        | 'renameUser'
        | 'grant'
        | 'revoke'
        | 'setPassword'
        | 'setRole'
        | 'setDefaultRole';
    }
  >,
): Promise<void> | undefined {
  void x;
  throw unsupported(statement.kind.toUpperCase());
}
