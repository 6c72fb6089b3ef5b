/** A SELECT of a session in a lane: hands over its view, streams the rows to the client. */
import { containsKind, type LiteralValue, type SelectPlan, type SqliteValue } from '../../sql/index.ts';
import type { ResultSink } from '../../server/index.ts';
import { noteSeen } from '../certification.ts';
import { factsOf } from '../compile-settings.ts';
import type { EngineSession } from '../session.ts';
import { allVariables } from '../variables.ts';
import type { LaneRequest, SessionSnapshot } from './messages.ts';
import { shapeOf } from '../results.ts';
import { differingImages } from '../view.ts';
import { interrupted } from '../locks.ts';
import type { KeyRange } from '../transaction.ts';

export async function runInLane(
  session: EngineSession,
  plan: SelectPlan,
  slots: readonly (LiteralValue | null)[],
  range: KeyRange | undefined,
  sink: ResultSink,
  more: boolean,
): Promise<void> {
  const { core } = session;
  const source = core.planner.sources.get(plan);
  if (!source) throw new Error('every plan knows the statement that it was compiled from');
  const into =
    source.statement.kind === 'query' &&
    (source.statement.into ?? (source.statement.body.kind === 'select' ? source.statement.body.into : undefined))
      ? source.statement
      : undefined;
  // While long work changes the state, all that may be seen is published.
  if (!core.replica.gate.isClosed) await core.replica.whenPublished();
  // What the state shows may not move until the thread has its snapshot: the overlay is against this very state.
  const release = core.replica.holdPublishing();
  noteSeen(session, plan, range, true);
  const overlays = [...differingImages(session, plan.tables, range, true)].map(([tableId, images]) => ({
    tableId,
    images: new Map(images),
  }));
  const { facts: _facts, ...run } = session.state.settings(session);
  const request: LaneRequest = {
    catalogVersion: core.catalog.version,
    statement: source.statement,
    compile: factsOf(session, source.text, source.slotTypes),
    run,
    session: snapshotOf(session, containsKind(source.statement, 'systemVariable')),
    slots,
    overlays,
    taken: new Int32Array(new SharedArrayBuffer(4)),
  };
  const shape = shapeOf(session, plan.columns);
  const gathered: SqliteValue[][] = [];
  let begun = false;
  const begin = (): void => {
    if (!begun && !into) sink.columns(shape.definitions);
    begun = true;
  };
  const rows = (chunk: SqliteValue[][]): Promise<void> | undefined => {
    if (into) {
      gathered.push(...chunk);
      return undefined;
    }
    begin();
    let room = true;
    for (const row of chunk) {
      room = sink.row(
        shape.definitions.map((_, i) => {
          const mapper = shape.mappers[i];
          const value = row[i] ?? null;
          return mapper ? mapper(value) : value;
        }),
      );
    }
    return room ? undefined : sink.drained();
  };
  try {
    const outcome = await core.lanes.run({ request, started: release, rows }, (cancel) => {
      session.state.cancelWait = () => cancel(interrupted());
    });
    session.state.foundRows = outcome.foundRows;
    session.state.warnings = outcome.warnings;
    session.state.warningCount = outcome.warningCount;
    session.state.rowCount = -1;
  } finally {
    session.state.cancelWait = undefined;
    release();
  }
  if (into) return core.selectInto(session, plan, into, gathered, sink, more);
  begin();
  sink.end(session.state.warningCount, more);
}

function snapshotOf(session: EngineSession, withVariables: boolean): SessionSnapshot {
  return {
    connectionId: session.id,
    user: session.user,
    currentUser: session.currentUser,
    currentRole: session.currentRole,
    database: session.database,
    lastInsertId: session.state.lastInsertId,
    rowCount: session.state.rowCount,
    foundRows: session.state.foundRows,
    version: session.version,
    variables: withVariables
      ? new Map(allVariables().map((v) => [v.name, session.systemVariable(v.name, 'session')]))
      : new Map([['cte_max_recursion_depth', session.systemVariable('cte_max_recursion_depth', 'session')]]),
    userVariables: new Map(session.state.userVariables),
  };
}
