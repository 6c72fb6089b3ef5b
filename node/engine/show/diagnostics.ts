/** SHOW WARNINGS and ERRORS: what the statement before had to say. */
import type { Show } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';
import type { VirtualRow } from '../virtual/rows.ts';
import { answer, columnsOf } from './result.ts';

type Answered = Promise<void> | undefined;

const COLUMNS = columnsOf('Level varchar(7)!; Code int unsigned!; Message varchar(512)!');

export function showWarnings(x: StatementContext, statement: Show): Answered {
  const { session } = x;
  const wanted =
    statement.subject === 'errors' ? session.state.warnings.filter((w) => w.level === 'Error') : session.state.warnings;
  const number = (value: unknown, otherwise: number): number => {
    const limit = value as { value?: number | bigint; slot?: number } | undefined;
    if (limit === undefined) return otherwise;
    const given = limit.slot === undefined ? limit.value : (x.slots[limit.slot] ?? limit.value);
    return Number(given ?? otherwise);
  };
  const offset = number(statement.limit?.offset, 0);
  const count = number(statement.limit?.count, Infinity);
  const rows = wanted.slice(offset, offset + count).map((w): VirtualRow => [w.level, w.errno, w.message]);
  // They are the answer, and no warnings of it.
  const kept = session.state.warningCount;
  session.state.warningCount = 0;
  const done = answer(x, { columns: COLUMNS, rows });
  session.state.warningCount = kept;
  return done;
}

const WARNING_COUNT = columnsOf('@@session.warning_count bigint!');
const ERROR_COUNT = columnsOf('@@session.error_count bigint!');

export function showWarningCount(x: StatementContext, { subject }: Show): Answered {
  const { session } = x;
  if (subject === 'warningsCount') return answer(x, { columns: WARNING_COUNT, rows: [[session.state.warningCount]] });
  return answer(x, {
    columns: ERROR_COUNT,
    rows: [[session.state.warnings.filter((w) => w.level === 'Error').length]],
  });
}
