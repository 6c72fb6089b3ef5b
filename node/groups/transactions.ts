/**
 * A client's transaction over the groups of one node: it reads in all of them, each in a snapshot of its own, and writes in one. So
 * there is one commit that can fail, and nothing to be undone elsewhere.
 */
import { commitTransaction, rollbackTransaction, type EngineSession } from '../engine/index.ts';
import { unsupported, type Statement } from '../sql/index.ts';

type Kind = Statement['kind'];

const ENDS: ReadonlySet<Kind> = new Set(['commit', 'rollback']);
const SAVEPOINTS: ReadonlySet<Kind> = new Set(['savepoint', 'rollbackTo', 'releaseSavepoint']);
const READS: ReadonlySet<Kind> = new Set(['query', 'show', 'describe', 'explain', 'do', 'checksumTable']);
const WRITES: ReadonlySet<Kind> = new Set(['insert', 'update', 'delete', 'loadData']);
/** They leave a transaction as it is. Every other statement commits it first, as in MySQL. */
const NEUTRAL: ReadonlySet<Kind> = new Set([
  'setTransaction',
  'prepare',
  'deallocate',
  'use',
  'getDiagnostics',
  'kill',
]);

/**
 * The session that a statement runs in, of those that one client has, and what has to be done first. `namesTables`: it is about tables
 * of `target`'s group. Throws SqlError 1235 for a second group that is written.
 */
export function runnerOf(
  statement: Statement,
  target: EngineSession,
  sessions: readonly EngineSession[],
  namesTables: boolean,
): { readonly runner: EngineSession; readonly first?: Promise<unknown> } {
  if (statement.kind === 'execute') {
    const prepared = target.state.prepared.get(statement.name.toLowerCase())?.parsed.statement;
    // Whoever runs it tells that there is none.
    return prepared ? runnerOf(prepared, target, sessions, namesTables) : { runner: target };
  }
  const { kind } = statement;
  if (kind === 'unlockTables') return { runner: sessions.find(({ owner }) => owner.lockedTables.size > 0) ?? target };
  const others = sessions.filter((session) => session !== target && session.transaction);
  const [other] = others;
  if (!other) return { runner: target };
  const writer = others.find(({ transaction }) => (transaction?.changes.length ?? 0) > 0);
  if (ENDS.has(kind) || SAVEPOINTS.has(kind)) {
    const runner = writer ?? (target.transaction ? target : other);
    // They changed nothing but rows of temporary tables.
    const end = kind === 'commit' ? commitTransaction : rollbackTransaction;
    const ended = ENDS.has(kind) ? sessions.flatMap((session) => (session !== runner && end(session)) || []) : [];
    return ended.length === 0 ? { runner } : { runner, first: Promise.all(ended) };
  }
  if (READS.has(kind) || WRITES.has(kind)) {
    if (writer && WRITES.has(kind))
      throw unsupported('transactions that write databases of different replication groups');
    if (namesTables && !target.transaction) join(target, other);
    return { runner: target };
  }
  if (NEUTRAL.has(kind) || (kind === 'set' && !setsAutocommit(statement))) return { runner: target };
  const committed = others.flatMap((session) => commitTransaction(session) ?? []);
  return committed.length === 0 ? { runner: target } : { runner: target, first: Promise.all(committed) };
}

/** What is certified is so in one group: it begins in another one instead where it has done nothing yet. */
function join(session: EngineSession, other: EngineSession): void {
  const { transaction } = other;
  if (!transaction) return;
  const { certified, seen, changes, isolation, readOnly } = transaction;
  if (certified && (seen.size > 0 || changes.length > 0))
    throw unsupported('transactions at level final over databases of different replication groups');
  if (certified) other.rollback();
  session.state.nextTransaction = { isolation, readOnly };
  session.openTransaction(undefined, certified ? 'final' : undefined);
}

const setsAutocommit = (statement: Extract<Statement, { kind: 'set' }>): boolean =>
  statement.items.some((item) => item.kind === 'variable' && item.variable.name.toLowerCase() === 'autocommit');
