/** What a draft of a table asks of the session that changes it. */
import { parseExpression, rowExpression, rowRelation, type ColumnDef, type TableDef } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import { zeroDatesOf, type ZeroDates } from './defaults.ts';

/** What the draft asks of the world round the table. */
export interface DraftContext {
  /** Type and nullability of an expression over the table, for functional index parts. Throws for one that is wrong. */
  typeOfExpression(table: TableDef, expression: string): ColumnDef['type'];
  readonly explicitTimestamp: boolean;
  readonly strict: boolean;
  readonly zeroDates: ZeroDates;
  warn(errno: number, message: string): void;
}

export function draftContext(x: StatementContext): DraftContext {
  const { core } = x.session;
  return {
    explicitTimestamp: true,
    strict: x.session.state.strict,
    zeroDates: zeroDatesOf(x.session.state.sqlMode, x.session.state.strict),
    warn: (errno, message) => core.env.warn('Warning', errno, message),
    typeOfExpression: (table, text) =>
      rowExpression(
        core.tables.compiler(table),
        (c) => [rowRelation(table, table.name, 'oldRow', c)],
        parseExpression(text),
        'functional index',
      ).type,
  };
}
