/** Prepares and executes statements with placeholders: the protocol's, and those of PREPARE and EXECUTE. */
import {
  asBeginning,
  beginsWithCharacters,
  compileStatement,
  hasPlan,
  parseStatement,
  SqlError,
  type LiteralValue,
  type ParsedStatement,
  type SqlType,
} from '../sql/index.ts';
import type { ColumnDefinition, ParameterValue, PreparedStatement, ResultSink } from '../server/index.ts';
import {
  parameterKey,
  parameterSlot,
  parameterType,
  paramSlots,
  preparedSource,
  UNKNOWN_PARAMETER,
  type PreparedQuery,
  type PreparedSource,
} from './prepared-query.ts';
import { shapeOf } from './results.ts';
import type { EngineSession } from './session.ts';
import { runStatement } from './statements.ts';

/** What the protocol keeps of a prepared statement. */
export interface PreparedText extends PreparedStatement {
  readonly query: PreparedQuery;
}

export function prepareText(session: EngineSession, text: string, latin1: boolean): PreparedText {
  const parsed = parseStatement(text, { ...session.state.parseOptions, latin1 });
  refuseTooMany(parsed);
  const query: PreparedQuery = { text, parsed, database: session.database };
  let columns: readonly ColumnDefinition[] = [];
  if (parsed.statement.kind === 'query') {
    const types = new Map(paramSlots(parsed).map((slot) => [slot, UNKNOWN_PARAMETER] as const));
    const compiled = compileStatement(
      session.core.catalog,
      session.core.compileSettings(session, text, types, false),
      parsed.statement,
    );
    if (compiled?.plan.kind === 'select') columns = shapeOf(session, compiled.plan.columns).definitions;
  } else {
    const settings = session.core.compileSettings(session, text, new Map(), false);
    compileStatement(session.core.catalog, settings, parsed.statement);
  }
  return { parameterCount: parsed.params, columns, warnings: 0, close: () => undefined, query };
}

/** The protocol counts them in 16 bits. */
function refuseTooMany({ params }: ParsedStatement): void {
  if (params > 65_535) throw new SqlError(1390, 'HY000', 'Prepared statement contains too many placeholders');
}

export function executeQuery(
  session: EngineSession,
  query: PreparedQuery,
  parameters: readonly ParameterValue[],
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  const source = preparedSource(query);
  const { statement } = query.parsed;
  const slots = source.slots.slice();
  let key = session.state.planScope;
  for (let i = 0; i < parameters.length; i++) {
    const slot = source.places[i];
    if (slot === undefined) continue;
    const parameter = parameters[i] as ParameterValue;
    slots[slot] = parameterSlot(parameter);
    if (key === undefined) continue;
    key += parameterKey(parameter);
    if (source.patterns.has(slot) && beginsWithCharacters(slots[slot])) key += '^';
  }
  if (!hasPlan(statement)) return runStatement(session, statement, slots, query.text, sink, more);
  const kept = key === undefined ? undefined : source.plans.get(key);
  if (kept?.catalog === session.core.catalog && kept.version === session.core.catalog.version)
    return session.runPlan(kept.plan, slots, statement, sink, more);
  return executeAnew(session, query, source, parameters, slots, key, sink, more);
}

function executeAnew(
  session: EngineSession,
  query: PreparedQuery,
  source: PreparedSource,
  parameters: readonly ParameterValue[],
  slots: readonly (LiteralValue | null)[],
  key: string | undefined,
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  const { statement } = query.parsed;
  const types = new Map<number, SqlType>();
  const collation = String(session.state.variables.get('collation_connection'));
  parameters.forEach((parameter, i) => {
    const slot = source.places[i];
    if (slot === undefined) return;
    const type = parameterType(parameter, collation);
    types.set(slot, source.patterns.has(slot) && beginsWithCharacters(slots[slot]) ? asBeginning(type) : type);
  });
  const compiled = compileStatement(
    session.core.catalog,
    session.core.compileSettings(session, query.text, types, false),
    statement,
  );
  if (!compiled) throw new Error('queries and changes have plans');
  const { plan } = compiled;
  session.core.planner.noteSource(plan, { statement, text: query.text, slotTypes: types });
  // A value that a placeholder gave is pinned only where the plan looked at it; then it holds for this run alone.
  const pinsParameter = [...compiled.pinned].some((slot) => source.places.includes(slot));
  if (!plan.volatile && !pinsParameter && key !== undefined)
    source.plans.set(key, { catalog: session.core.catalog, version: session.core.catalog.version, plan });
  return session.runPlan(plan, slots, statement, sink, more);
}
