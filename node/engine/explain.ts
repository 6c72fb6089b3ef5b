/** EXPLAIN: how a statement finds its rows, from SQLite's plan of the text that it compiles to. */
import {
  compileStatement,
  parseStatement,
  print,
  SqlError,
  type Plan,
  type SqlText,
  type Statement,
} from '../sql/index.ts';
import { jsonText, traditionalRows, treeText, type Explained } from './explain/formats.ts';
import { readSteps } from './explain/steps.ts';
import type { EngineSession } from './session.ts';
import { answer, columnsOf } from './show/result.ts';
import { ok, type StatementContext } from './statement-context.ts';
import { findVariable } from './variables.ts';
import { rowEstimate } from './virtual/relations.ts';

type Explain = Extract<Statement, { kind: 'explain' }>;

const TRADITIONAL_COLUMNS = columnsOf(
  'id bigint unsigned; select_type varchar(19)!; table varchar(64); partitions varchar(196); type varchar(10); possible_keys varchar(4096); key varchar(64); key_len varchar(1536); ref varchar(1024); rows bigint unsigned; filtered double(10,2); Extra varchar(255)',
);
const TEXT_COLUMNS = columnsOf('EXPLAIN mediumtext!');

export function runExplain(x: StatementContext, statement: Explain): Promise<void> | undefined {
  const format = formatOf(x.session, statement);
  const subject =
    statement.connection === undefined
      ? { statement: statement.statement, text: x.text }
      : running(x.session, statement.connection);
  const target = subject.statement;
  if (!target)
    throw new SqlError(
      3012,
      'HY000',
      'EXPLAIN FOR CONNECTION command is supported only for SELECT/UPDATE/INSERT/DELETE/REPLACE',
    );
  const explained = explain(x, target, subject.text, statement.analyze);
  if (format === 'traditional') {
    if (target.kind === 'query') x.session.core.env.warn('Note', 1003, explained.query);
    x.session.keepWarnings();
    return answer(x, { columns: TRADITIONAL_COLUMNS, rows: traditionalRows(explained) });
  }
  const text = format === 'json' ? jsonText(explained) : treeText(explained);
  if (statement.into === undefined) return answer(x, { columns: TEXT_COLUMNS, rows: [[text]] });
  x.session.setUserVariable(statement.into, text, {
    kind: 'string',
    family: 'longtext',
    length: 4294967295,
    collation: 'utf8mb4_0900_ai_ci',
  });
  return ok(x);
}

function formatOf(session: EngineSession, statement: Explain): 'traditional' | 'tree' | 'json' {
  const configured = findVariable('explain_format') ? String(session.state.variables.get('explain_format')) : 'TREE';
  const format = (statement.format ?? configured).toLowerCase();
  if (format === 'tree' || format === 'json') return format;
  if (format !== 'traditional' && format !== 'default')
    throw new SqlError(1791, 'HY000', `Unknown EXPLAIN format name: '${statement.format ?? ''}'`);
  if (statement.analyze)
    throw new SqlError(
      1235,
      '42000',
      "This version of MySQL doesn't yet support 'EXPLAIN ANALYZE with TRADITIONAL format'",
    );
  return 'traditional';
}

/** The statement that a connection runs now. */
function running(session: EngineSession, id: number): { statement: Statement | undefined; text: string } {
  const other = session.core.sessions.get(id);
  if (!other) throw new SqlError(1094, 'HY000', `Unknown thread id: ${id}`);
  if (other.state.info === undefined || other === session) return { statement: undefined, text: '' };
  return { statement: parseStatement(other.state.info).statement, text: other.state.info };
}

function explain(x: StatementContext, statement: Statement, text: string, analyze: boolean): Explained {
  const { session } = x;
  const { core } = session;
  const compiled = compileStatement(core.catalog, core.compileSettings(session, text, new Map(), false), statement);
  if (!compiled) throw new SqlError(3012, 'HY000', 'EXPLAIN is for SELECT, INSERT, REPLACE, UPDATE and DELETE');
  const { plan } = compiled;
  core.accounts.check(session, plan);
  const sql = textOf(plan);
  if (sql) core.runner.register(sql.functions);
  const select =
    sql &&
    readSteps({ db: core.state.db, tables: plan.tables, rowEstimate: (table) => rowEstimate(core, table) }, sql.sql);
  return {
    change: changeOf(plan, statement),
    select,
    filters: hasWhere(statement),
    query: statement.kind === 'query' ? `/* select#1 */ ${print(statement)}` : text,
    actual: analyze && plan.kind === 'select' ? run(x, plan) : undefined,
  };
}

function textOf(plan: Plan): SqlText | undefined {
  return plan.kind === 'select' ? plan : plan.select;
}

function changeOf(plan: Plan, statement: Statement): Explained['change'] {
  switch (plan.kind) {
    case 'select':
      return undefined;
    case 'insert':
      return {
        verb: plan.replace ? 'REPLACE' : 'INSERT',
        table: statement.kind === 'insert' ? statement.table.name : plan.table.name,
      };
    case 'update':
      return { verb: 'UPDATE', table: plan.targets[0]?.table.name ?? '' };
    case 'delete':
      return { verb: 'DELETE', table: plan.targets[0]?.table.name ?? '' };
  }
}

function hasWhere(statement: Statement): boolean {
  if (statement.kind === 'query') return statement.body.kind === 'select' && statement.body.where !== undefined;
  return (statement.kind === 'update' || statement.kind === 'delete') && statement.where !== undefined;
}

function run(x: StatementContext, plan: SqlText): NonNullable<Explained['actual']> {
  const { session } = x;
  const { core } = session;
  core.env.begin(session.state.settings(session), x.slots, false, (name) => core.virtualRows(session, name));
  const started = performance.now();
  const rows = core.reads.runner.rows(plan).length;
  return { rows, milliseconds: performance.now() - started };
}
