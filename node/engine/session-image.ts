/**
 * What a session is set to, as bytes: it goes with the session to another node. What it holds there cannot go: an open transaction
 * that changed something, locks, temporary tables.
 */
import { parseStatement, SqlError, type SqliteValue, type SqlType } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import type { EngineSession } from './session.ts';
import type { SessionState } from './session-state.ts';
import type { Isolation } from './transaction.ts';
import { findVariable } from './variables.ts';

/** A value that JSON has no form for, or itself. */
type Plain = null | number | string | { readonly int: string } | { readonly bytes: string };

interface Image {
  readonly connectionId: number;
  readonly database: string;
  readonly multiStatements: boolean;
  readonly variables: readonly (readonly [string, string | number])[];
  readonly userVariables: readonly (readonly [string, Plain, SqlType])[];
  readonly prepared: readonly (readonly [string, string])[];
  readonly activeRoles: readonly string[];
  readonly lastInsertId: Plain;
  readonly rowCount: Plain;
  readonly foundRows: number;
  readonly warnings: SessionState['warnings'];
  readonly warningCount: number;
  /** An open transaction that did nothing yet. */
  readonly transaction: { readonly isolation: Isolation; readonly readOnly: boolean } | undefined;
  /** What the next node must have before the session goes on: its own writes, and what it read. */
  readonly height: number;
  readonly frontier: readonly (readonly [string, number])[];
}

/** `sessions`: of one client, in the groups of this node; the first is that in the group main. Throws SqlError 1235. */
export function imageOf(sessions: readonly EngineSession[]): Uint8Array {
  const [session] = sessions;
  if (!session) throw new Error('a client has a session in the group main');
  const { state, core } = session;
  const open = sessions.flatMap(({ transaction }) => (transaction ? [transaction] : []));
  if (open.some(({ changes }) => changes.length > 0))
    throw cannotMove('a transaction that writes databases of more than one group');
  if (open.some(({ certified, seen }) => certified && seen.size > 0))
    throw cannotMove('transactions at level final over databases of different replication groups');
  if (state.temporaryTables.size > 0) throw cannotMove('temporary tables');
  if (sessions.some(({ owner }) => owner.holdsAny || owner.lockedTables.size > 0)) throw cannotMove('locks');
  const image: Image = {
    connectionId: session.connectionId,
    database: state.database,
    multiStatements: state.multiStatements,
    variables: state.variables.own(),
    userVariables: [...state.userVariables].map(([name, { value, type }]) => [name, plain(value), type]),
    prepared: [...state.prepared].map(([name, { text }]) => [name, text]),
    activeRoles: state.activeRoles,
    lastInsertId: plain(state.lastInsertId),
    rowCount: plain(state.rowCount),
    foundRows: state.foundRows,
    warnings: state.warnings,
    warningCount: state.warningCount,
    transaction: open[0] && { isolation: open[0].isolation, readOnly: open[0].readOnly },
    height: core.replica.height,
    frontier: [...core.log.frontier().keys()].flatMap((author) => {
      const seq = core.replica.appliedSeq(author);
      return Number.isFinite(seq) ? [[author, seq] as const] : [];
    }),
  };
  return new Uint8Array(Buffer.from(JSON.stringify(image)));
}

/** Resolves when this node has what the session wrote and saw, its account, too. Throws SqlError. */
export function imageReached(core: EngineCore, bytes: Uint8Array): Promise<void> {
  const { height, frontier } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Image;
  return core.group.reached(undefined, height, frontier);
}

/** Makes the session what the image says; resolves when this node has what the session wrote and saw. Throws SqlError. */
export async function adoptImage(session: EngineSession, bytes: Uint8Array): Promise<void> {
  const image = JSON.parse(Buffer.from(bytes).toString('utf8')) as Image;
  const { state, core } = session;
  await core.group.reached(session, image.height, image.frontier);
  state.connectionId = image.connectionId;
  state.multiStatements = image.multiStatements;
  for (const [name, value] of image.variables) if (findVariable(name)) state.variables.set(name, value);
  state.userVariables.clear();
  for (const [name, value, type] of image.userVariables) state.userVariables.set(name, { value: unplain(value), type });
  const account = core.catalog.accounts.get(session.currentUser);
  const granted = account ? core.accounts.grantedRoles(account) : [];
  state.activeRoles = image.activeRoles.filter((role) => granted.includes(role));
  state.database = image.database;
  state.changed();
  state.prepared.clear();
  for (const [name, text] of image.prepared)
    state.prepared.set(name, { text, parsed: parseStatement(text, state.parseOptions), database: state.database });
  state.lastInsertId = unplain(image.lastInsertId) as number | bigint;
  state.rowCount = unplain(image.rowCount) as number | bigint;
  state.foundRows = image.foundRows;
  state.warnings = image.warnings;
  state.warningCount = image.warningCount;
  session.rollback();
  if (!image.transaction) return;
  const { isolation, readOnly } = image.transaction;
  state.nextTransaction = { isolation, readOnly };
  session.openTransaction();
}

const cannotMove = (what: string): SqlError =>
  new SqlError(
    1235,
    '42000',
    `This version of P2PDB doesn't yet support '${what} where a database is hosted by other nodes (p2pdb:replicas in its comment)'`,
  );

function plain(value: SqliteValue): Plain {
  if (typeof value === 'bigint') return { int: value.toString() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return value;
}

function unplain(value: Plain): SqliteValue {
  if (value === null || typeof value !== 'object') return value;
  return 'int' in value ? BigInt(value.int) : new Uint8Array(Buffer.from(value.bytes, 'base64'));
}
