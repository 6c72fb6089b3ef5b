/**
 * What transactions do to rows of temporary tables. They lie in SQLite at once, since no other session sees them, and in no log; so what is
 * rolled back has to be taken out of SQLite again.
 */
import type { TableDef } from '../sql/index.ts';
import type { RowChange, State } from '../store/index.ts';
import type { EngineSession } from './session.ts';
import type { OpenTransaction } from './transaction.ts';

/** Takes back what was done since a place in the transaction's list. Nobody else may be at work on the state. */
export function takeBackTemporary(
  state: State,
  { temporary }: OpenTransaction,
  since: number,
  isThere: (table: TableDef) => boolean = () => true,
): void {
  if (temporary.length <= since) return;
  state.revertAll(standing(temporary.backwards(undefined, since), isThere), state.epoch);
  temporary.truncate(since);
}

/**
 * As takeBackTemporary(), once nobody else is at work on the state; undefined where it is done. Whatever the session does with its temporary
 * tables after the call waits for the same, and has its turn behind it.
 */
export function rollbackTemporary(
  session: EngineSession,
  transaction: OpenTransaction,
  since = 0,
): Promise<void> | undefined {
  if (transaction.temporary.length <= since) return undefined;
  const { core, state } = session;
  const { gate } = core.replica;
  if (gate.isClosed) return gate.opened().then(() => rollbackTemporary(session, transaction, since));
  // DROP TEMPORARY TABLE leaves a transaction as it is, and nothing of the table to be taken back.
  const ids = new Set([...state.temporaryTables.values()].map(({ id }) => id));
  takeBackTemporary(core.state, transaction, since, ({ id }) => ids.has(id));
  return undefined;
}

function* standing(changes: Iterable<RowChange>, isThere: (table: TableDef) => boolean): Generator<RowChange> {
  for (const change of changes) if (isThere(change.table)) yield change;
}
