/** The answer of a SHOW: rows that the engine makes, filtered by LIKE or WHERE as a SELECT over them would be. */
import {
  compileStatement,
  parseStatement,
  quoteName,
  quoteText,
  type CompileSettings,
  type LiteralValue,
  type QueryExpression,
  type ResultColumn,
  type ShowFilter,
  type SqliteValue,
  type Statement,
  type VirtualTable,
} from '../../sql/index.ts';
import { slotValues } from '../planner.ts';
import type { StatementContext } from '../statement-context.ts';
import { makeColumns, type VirtualColumn } from '../virtual/definitions.ts';
import { encodeRows, type VirtualRow } from '../virtual/rows.ts';
import { sendRows } from '../results.ts';

/** Columns from their text (see virtual/definitions.ts), made once. */
export function columnsOf(text: string): readonly ShowColumn[] {
  return makeColumns(text).map((c: VirtualColumn) => ({
    name: c.name,
    type: c.type,
    nullable: c.nullable,
    source: undefined,
  }));
}

export type ShowColumn = ResultColumn;

export interface ShowAnswer {
  readonly columns: readonly ShowColumn[];
  readonly rows: readonly VirtualRow[];
}

const SHOW_DATABASE = 'show';
const SHOW_TABLE = 'rows';

/** `likeColumn`: what LIKE compares, the first column unless told otherwise. */
export function answer(
  x: StatementContext,
  { columns, rows }: ShowAnswer,
  filter?: ShowFilter,
  likeColumn = 0,
): Promise<void> | undefined {
  const { session } = x;
  encodeRows({ columns: columns.map((c) => ({ ...c, default: undefined, extra: '' })) }, rows);
  const chosen = filter ? filtered(x, { columns, rows }, filter, likeColumn) : (rows as SqliteValue[][]);
  session.state.foundRows = chosen.length;
  session.state.rowCount = -1;
  const limit = session.state.variables.number('sql_select_limit');
  return sendRows(session, columns, chosen.length > limit ? chosen.slice(0, limit) : chosen, x.sink, x.more);
}

function filtered(
  x: StatementContext,
  { columns, rows }: ShowAnswer,
  filter: NonNullable<ShowFilter>,
  likeColumn: number,
): SqliteValue[][] {
  const { session } = x;
  const { core } = session;
  const from = `SELECT * FROM ${quoteName(SHOW_DATABASE)}.${quoteName(SHOW_TABLE)}`;
  let statement: Statement;
  let slots: readonly (LiteralValue | null)[];
  if (filter.kind === 'like') {
    const parsed = parseStatement(
      `${from} WHERE ${quoteName(columns[likeColumn]?.name ?? '')} LIKE ${quoteText(filter.pattern)}`,
    );
    statement = parsed.statement;
    slots = slotValues(parsed);
  } else {
    // The literals of WHERE keep the places that they have in the SHOW statement: the SELECT brings none of its own.
    const query = parseStatement(from).statement as QueryExpression;
    statement = { ...query, body: { ...query.body, where: filter.expr } } as QueryExpression;
    slots = x.slots;
  }
  const relation: VirtualTable = { name: SHOW_TABLE, columns };
  const settings = core.compileSettings(session, x.text, new Map(), false);
  const own: CompileSettings = {
    ...settings,
    virtualTable: (database, name) =>
      database === SHOW_DATABASE && name === SHOW_TABLE ? relation : settings.virtualTable(database, name),
  };
  const compiled = compileStatement(core.catalog, own, statement);
  if (compiled?.plan.kind !== 'select') throw new Error('a query has a plan');
  const text = JSON.stringify(rows);
  core.env.begin(session.state.settings(session), slots, false, (name) =>
    name === `${SHOW_DATABASE}.${SHOW_TABLE}` ? text : core.virtualRows(session, name),
  );
  const chosen = core.reads.runner.rows(compiled.plan);
  session.keepWarnings();
  return chosen;
}
