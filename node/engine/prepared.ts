/** PREPARE, EXECUTE and DEALLOCATE as statements, and DO. */
import {
  compileStatement,
  decimalFromSqlite,
  formatDecimal,
  SqlError,
  type Expr,
  type SelectPlan,
  type SqliteValue,
  type SqlType,
  type Statement,
} from '../sql/index.ts';
import type { ParameterValue } from '../server/index.ts';
import { ok, type StatementContext } from './statement-context.ts';
import type { UserVariable } from './session-state.ts';

export function runPrepared(
  x: StatementContext,
  statement: Extract<Statement, { kind: 'prepare' | 'execute' | 'deallocate' | 'do' }>,
): Promise<void> | undefined {
  const { session } = x;
  switch (statement.kind) {
    case 'prepare': {
      let text: string;
      if (typeof statement.source === 'string') text = statement.source;
      else {
        const value = session.userVariable(statement.source.name)?.value ?? null;
        text = value === null ? 'NULL' : value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
      }
      session.state.prepared.delete(statement.name.toLowerCase());
      const { query } = session.prepareText(text, false);
      if (['prepare', 'execute', 'deallocate'].includes(query.parsed.statement.kind)) {
        throw new SqlError(1295, 'HY000', 'This command is not supported in the prepared statement protocol yet');
      }
      session.state.prepared.set(statement.name.toLowerCase(), query);
      return ok(x, 0, 'Statement prepared');
    }
    case 'execute': {
      const query = session.state.prepared.get(statement.name.toLowerCase());
      if (!query) throw unknown(statement.name, 'EXECUTE');
      if (statement.using.length !== query.parsed.params)
        throw new SqlError(1210, 'HY000', 'Incorrect arguments to EXECUTE');
      const parameters = statement.using.map((variable) => parameterOf(session.userVariable(variable.name)));
      return session.executeQuery(query, parameters, x.sink, x.more);
    }
    case 'deallocate':
      if (!session.state.prepared.delete(statement.name.toLowerCase()))
        throw unknown(statement.name, 'DEALLOCATE PREPARE');
      return ok(x);
    case 'do':
      return evaluate(x, statement.exprs, () => ok(x));
  }
}

const unknown = (name: string, where: string): SqlError =>
  new SqlError(1243, 'HY000', `Unknown prepared statement handler (${name}) given to ${where}`);

function parameterOf(variable: UserVariable | undefined): ParameterValue {
  if (!variable || variable.value === null) return { kind: 'null' };
  const { value, type } = variable;
  if (type.kind === 'decimal')
    return { kind: 'decimal', text: formatDecimal(decimalFromSqlite(value as number, type)) };
  if (value instanceof Uint8Array)
    return type.kind === 'int'
      ? { kind: 'int', value: Buffer.from(value).readBigUInt64BE(), unsigned: true }
      : { kind: 'bytes', bytes: value };
  if (typeof value === 'string') return { kind: 'string', text: value };
  if (type.kind === 'double' || type.kind === 'float') return { kind: 'double', value: Number(value) };
  return { kind: 'int', value, unsigned: type.kind === 'int' && type.unsigned };
}

/** Evaluates expressions of a statement and passes the values on; functions that wait are waited for. */
export function evaluate(
  x: StatementContext,
  exprs: readonly Expr[],
  then: (values: readonly SqliteValue[], types: readonly SqlType[]) => Promise<void> | undefined,
): Promise<void> | undefined {
  const { session, slots } = x;
  const plan = expressionPlan(x, exprs);
  session.core.accounts.check(session, plan);
  const run = (): Promise<void> | undefined => {
    session.core.env.begin(session.state.settings(session), slots, false, (name) =>
      session.core.virtualRows(session, name),
    );
    const row = session.core.reads.runner.rows(plan)[0] ?? [];
    session.keepWarnings();
    session.clearWaits();
    return then(
      row,
      plan.columns.map((c) => c.type),
    );
  };
  if (plan.waits.length > 0) return session.runWaits(plan.waits, slots).then(run);
  return run();
}

function expressionPlan(x: StatementContext, exprs: readonly Expr[]): SelectPlan {
  const { session } = x;
  const span = { start: 0, end: 0 };
  const statement: Extract<Statement, { kind: 'query' }> = {
    ...span,
    kind: 'query',
    with: undefined,
    orderBy: [],
    limit: undefined,
    into: undefined,
    locking: [],
    body: {
      ...span,
      kind: 'select',
      hints: undefined,
      options: [],
      items: exprs.map((expr) => ({ ...span, kind: 'item', expr, alias: 'x', textStart: 0, textEnd: 0 })),
      from: [],
      where: undefined,
      groupBy: [],
      rollup: undefined,
      having: undefined,
      windows: [],
      qualify: undefined,
      into: undefined,
    },
  };
  const compiled = compileStatement(
    session.core.catalog,
    session.core.compileSettings(session, x.text, new Map(), false),
    statement,
  );
  if (compiled?.plan.kind !== 'select') throw new Error('a query has a plan');
  return compiled.plan;
}
